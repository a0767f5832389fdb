"""The range of every number of a recipe: below and above it, a value makes no sense."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """The numbers from ``low`` to ``high``; an end that is open is not among them."""

    low: float
    high: float
    low_is_open: bool = False
    high_is_open: bool = False

    def __contains__(self, value: float) -> bool:
        is_above = self.low < value if self.low_is_open else self.low <= value
        is_below = value < self.high if self.high_is_open else value <= self.high
        return is_above and is_below

    def __str__(self) -> str:
        """For a message: ``at least 1 and at most 1,000``."""
        low = "above" if self.low_is_open else "at least"
        high = "below" if self.high_is_open else "at most"
        return f"{low} {self._number(self.low)} and {high} {self._number(self.high)}"

    @staticmethod
    def _number(value: float) -> str:
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"


SHARE = Range(0, 1, high_is_open=True)
IDS = 2**31 - 1
"""What the 32 bits of an id can count."""

RANGES = {
    "vocabulary_size": Range(5, IDS),
    "bigram_vocabulary_size": Range(0, IDS),
    "max_length": Range(1, 1_000_000),
    "embedding_dim": Range(1, 100_000),
    "hidden_size": Range(1, 100_000),
    "num_layers": Range(1, 100),
    "word_dropout": SHARE,
    "embedding_dropout": SHARE,
    "place_dropout": SHARE,
    "variational_dropout": SHARE,
    "recurrent_dropout": SHARE,
    "head_dropout": SHARE,
    "epochs": Range(1, 1_000_000),
    "batch_size": Range(1, 1_000_000),
    # Without texts to validate on, no epoch is measured and nothing weighs the linear model.
    "validation_share": Range(0, 1, low_is_open=True, high_is_open=True),
    "learning_rate": Range(0, 1_000),
    "table_learning_rate": Range(0, 1_000),
    "beta1": SHARE,
    "beta2": SHARE,
    "epsilon": Range(1e-37, 1),  # below, a row without moments would be divided by 0
    "weight_decay": Range(0, 1_000_000),
    "warmup_share": SHARE,
    "layer_decay": Range(0, 2),  # to the power of num_layers
    "frozen_epochs": Range(0, 1_000_000),
    "clip_norm": Range(0, 1_000_000),
    "ema_decay": SHARE,
    "label_smoothing": SHARE,
    "adversarial_norm": Range(0, 1_000_000),
    "patience": Range(0, 1_000_000),
    "pretrain_epochs": Range(0, 1_000_000),
    "pretrain_streams": Range(1, 1_000_000),
    "pretrain_steps": Range(1, 1_000_000),
    "pretrain_negatives": Range(1, IDS),
    "pretrain_learning_rate": Range(0, 1_000),
    "pretrain_warmup_share": SHARE,
    "self_epochs": Range(0, 1_000_000),
    "self_copies": Range(1, 1_000),
    "linear_order": Range(0, 10),
    "linear_min_count": Range(1, 1_000_000),
    "linear_strength": Range(0, 1_000_000, low_is_open=True),
}
"""By the recipe's keys, every number's; NaN is in none."""

"""The classifier network: embedding, recurrent layers, pooling over time, linear head."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from tidegate.inference.architecture import Architecture
from tidegate.model.inputs import Inputs, Rows
from tidegate.model.masks import Masks
from tidegate.model.pooled import Pooled
from tidegate.model.stack import Stack
from tidegate.nn import Explanation
from tidegate.task import Kind


@dataclass(frozen=True)
class Dropout:
    """Dropout rates; 0 for no dropout."""

    words: float = 0.0
    """Dropout rate of whole steps: a word with its bigram, or all numbers of a step."""
    embedding: float = 0.0
    """Dropout rate on the embeddings; one mask a word, wherever it occurs in a batch."""
    places: float = 0.0
    """Dropout rate on the first layer's inputs; a new mask every step."""
    variational: float = 0.0
    """Dropout rate on every layer's inputs; one mask a sequence (Gal and Ghahramani 2016)."""
    recurrent: float = 0.0
    """Dropout rate on the recurrent weights; one mask a batch (Merity et al. 2018)."""
    head: float = 0.0
    """Dropout rate on the head's input."""


@dataclass(frozen=True)
class Noise:
    """Standard deviations of the noise on the numbers that a network reads in training."""

    values: float = 0.0
    """Added to every number."""
    scale: float = 0.0
    """Of a random factor around 1, one for each sequence and channel."""


class SequenceClassifier(nn.Module):
    """A recurrent network that classifies whole sequences, or predicts numbers from them.

    Recurrent layers read embedded words, or numbers as they are, without padding. Their states
    are pooled over the steps of each sequence, and a linear head computes the outputs.

    The layers see normalised embeddings, (E - mean) / scale. The buffers mean (d,) and scale () are
    0 and 1 until :meth:`normalise` measures them. The norm of an adversarial perturbation (Miyato
    et al. 2017) is thus in units of the embeddings' standard deviation.

    Args:
        cell: A name of :data:`tidegate.cells.CELLS`.
        vocabulary_size: Number of ids; 0 where sequences are of numbers.
        input_size: Numbers a step, I; 0 where sequences are of ids.
        embedding_dim: d, the width of the embedding.
        hidden_size: H, units of a layer and direction.
        num_layers: Number of stacked recurrent layers.
        bidirectional: Whether every layer also reads from the end.
        residual: Whether a layer's input is added to its output where both are equally wide.
        pooling: Name of the pooling over time, see :class:`Pooled`.
        bigram_vocabulary_size: Number of ids of neighbouring pairs, whose embedding is added to
            that of the second word; 0 for none.
        by_place: Whether the embedding's sparse gradient has a row for every occurrence of a word,
            rather than one for every distinct word.
        kind: Kind of the :class:`~tidegate.task.Task`; it decides what the loss is.
        num_outputs: C, the number of logits, or of numbers to predict.
        dropout: Dropout rates by the names of :class:`Dropout`.
        noise: Standard deviations by the names of :class:`Noise`.
        horizon: H, the last steps of each sequence that are forecast; 0 for one answer a sequence.
        quantiles: The Q quantiles that are forecast, ascending.

    Call with:
        inputs: A batch, see :class:`Inputs`.
        masks: Dropout masks; None for no dropout.

    Returns:
        (N, num_outputs): logits, or numbers for a regression.

    Raises:
        ValueError: A size, a cell or a pooling that
            :class:`~tidegate.inference.architecture.Architecture` refuses.
    """

    embedding_mean: Tensor
    embedding_scale: Tensor

    def __init__(
        self,
        cell: str,
        *,
        hidden_size: int,
        vocabulary_size: int = 0,
        input_size: int = 0,
        embedding_dim: int = 0,
        num_layers: int = 1,
        bidirectional: bool = False,
        residual: bool = False,
        pooling: str = "last",
        bigram_vocabulary_size: int = 0,
        by_place: bool = False,
        kind: Kind = "binary",
        num_outputs: int = 1,
        dropout: Mapping[str, float] | None = None,
        noise: Mapping[str, float] | None = None,
        horizon: int = 0,
        quantiles: tuple[float, ...] = (),
    ) -> None:
        super().__init__()
        self.architecture = Architecture(
            cell=cell,
            hidden_size=hidden_size,
            vocabulary_size=vocabulary_size,
            input_size=input_size,
            embedding_dim=embedding_dim,
            num_layers=num_layers,
            bidirectional=bidirectional,
            residual=residual,
            pooling=pooling,
            bigram_vocabulary_size=bigram_vocabulary_size,
            num_outputs=num_outputs,
            horizon=horizon,
        )
        self.kind, self.num_outputs, self.quantiles = kind, num_outputs, quantiles
        self.dropout = Dropout(**(dropout or {}))
        self.noise = Noise(**(noise or {}))
        self.by_place = by_place
        width = input_size
        with torch.device("cpu"):  # where the engine computes, whatever the default device is
            if vocabulary_size:
                width = embedding_dim
                self.embedding = nn.Embedding(vocabulary_size, width, sparse=True)
            if bigram_vocabulary_size:
                self.bigram_embedding = nn.Embedding(bigram_vocabulary_size, width, sparse=True)
            self.register_buffer("embedding_mean", torch.zeros(width))
            self.register_buffer("embedding_scale", torch.ones(()))
            self.recurrent = Stack(
                cell,
                width,
                hidden_size,
                num_layers=num_layers,
                bidirectional=bidirectional,
                residual=residual,
            )
            self.pooling = Pooled(pooling, self.recurrent.width, horizon)
            self.head = nn.Linear(self.pooling.width, num_outputs // self.architecture.heads)

    def forward(self, inputs: Inputs, masks: Masks | None = None) -> Tensor:
        """Compute the outputs of a batch; arguments and result as in the class docstring."""
        is_apart = masks is not None and self.dropout.variational + self.dropout.places > 0
        if inputs.words is None or is_apart or not self.reads_ids:
            return self.answer(self.embed(inputs, masks), inputs, masks)
        table, slots = self._without_words(self._rows(inputs.words, masks), inputs, masks)
        states, final = self._run(table, inputs, masks, slots=slots)
        return self._head(states, final, inputs, masks)

    @property
    def reads_ids(self) -> bool:
        """Whether the first layer can look rows up by id, without a vector for every step."""
        shape, stack = self.architecture, self.recurrent
        has_others = shape.input_size or shape.bigram_vocabulary_size or self.by_place
        return not (has_others or (stack.residual and stack.input_size == stack.width))

    def embed(self, inputs: Inputs, masks: Masks | None = None) -> Tensor:
        """The first layer's input at every step, (P, I)."""
        if inputs.words is None:
            assert inputs.features is not None
            vectors = self._varied(inputs.features, inputs.offsets, masks)
        else:
            vectors = self._embedded(inputs.words, inputs.bigrams, masks)
        if masks is not None:
            if self.dropout.words:
                vectors = vectors * masks.keep("words", self.dropout.words, len(vectors), 1)
            vectors = masks.apply(vectors, "places", self.dropout.places)
        return vectors

    def _varied(self, features: Tensor, offsets: Tensor, masks: Masks | None) -> Tensor:
        """Numbers with the noise of a training step."""
        if masks is None:
            return features
        if self.noise.scale:
            factors = 1 + self.noise.scale * masks.normal(
                "scale noise", len(offsets) - 1, features.size(1)
            )
            features = features * factors.repeat_interleave(offsets.diff(), 0)
        if self.noise.values:
            features = features + self.noise.values * masks.normal("noise", *features.shape)
        return features

    def answer(self, vectors: Tensor, inputs: Inputs, masks: Masks | None = None) -> Tensor:
        """Like :meth:`forward`, for steps that are embedded already, (P, I)."""
        states, final = self._run(vectors, inputs, masks)
        return self._head(states, final, inputs, masks)

    @torch.no_grad()
    def normalise(self, frequencies: Tensor) -> None:
        """Measure the embedding's mean and standard deviation, words weighted by frequency.

        Args:
            frequencies: Share of every id in the training texts, (V,), adding up to 1.
        """
        table = self.embedding.weight
        self.embedding_mean.copy_(frequencies @ table)
        variance = frequencies @ (table - self.embedding_mean).square()
        self.embedding_scale.copy_(variance.mean().sqrt())

    def explain(self, inputs: Inputs) -> Explanation:
        """Say whether the engine or PyTorch computes the first layer on such a batch, and why."""
        return self.recurrent.explain(self.embed(inputs), inputs.offsets)

    def summary(self, length: int | None) -> list[tuple[str, list[int | None], int]]:
        """Name, output shape (None for batch or steps) and number of parameters of every layer."""
        H, width = self.recurrent.width, self.recurrent.input_size
        states: list[int | None] = [None, length, H]
        if self.architecture.pooling == "last":
            states = [None, H]
        layers: list[tuple[str, list[int | None], nn.Module]] = []
        if self.architecture.vocabulary_size:
            layers.append(("embedding (Embedding)", [None, length, width], self.embedding))
        if self.architecture.bigram_vocabulary_size:
            layers.append(("bigrams (Embedding)", [None, length, width], self.bigram_embedding))
        name = f"recurrent ({self.recurrent.name})"
        layers.append((name, states, self.recurrent))
        if self.architecture.pooling != "last":
            name = f"pooling ({self.architecture.pooling})"
            layers.append((name, [None, self.head.in_features], self.pooling))
        layers.append(("head (Linear)", [None, self.head.out_features], self.head))
        return [(name, shape, num_trained(module)) for name, shape, module in layers]

    def _embedded(self, words: Rows, bigrams: Rows | None, masks: Masks | None) -> Tensor:
        """The embedding at every step: that of the word plus that of the bigram, (P, d)."""
        vectors = self._rows(words, masks)
        if not self.by_place:
            # The backward of rows[slots] is ten times slower than that of index_select.
            vectors = vectors.index_select(0, words.slots)
        if bigrams is not None:
            pairs = F.embedding(bigrams.distinct, self.bigram_embedding.weight, sparse=True)
            pairs = pairs / self.embedding_scale
            if masks is not None:
                pairs = masks.apply(pairs, "bigram elements", self.dropout.embedding)
            # Id 0 stands for all pairs outside the bigram vocabulary; it adds nothing.
            has_one = (bigrams.distinct > 0).to(pairs.dtype).unsqueeze(1)
            vectors = vectors + (pairs * has_one).index_select(0, bigrams.slots)
        return vectors

    def _rows(self, words: Rows, masks: Masks | None) -> Tensor:
        """Normalised embeddings of a batch's distinct words, (K, d); of each step if by_place."""
        ids = words.distinct[words.slots] if self.by_place else words.distinct
        rows = F.embedding(ids, self.embedding.weight, sparse=True)
        rows = (rows - self.embedding_mean) / self.embedding_scale
        share = self.dropout.embedding
        if masks is None or not share:
            return rows
        keep = masks.keep("word elements", share, len(words.distinct), rows.size(1))
        return rows * (keep[words.slots] if self.by_place else keep)

    def _without_words(
        self, table: Tensor, inputs: Inputs, masks: Masks | None
    ) -> tuple[Tensor, Tensor]:
        """Word dropout: append a row of zeros to the table, and point dropped steps to it."""
        assert inputs.words is not None
        slots = inputs.words.slots
        if masks is None or not self.dropout.words:
            return table, slots
        keep = masks.keep("words", self.dropout.words, len(slots), 1).squeeze(1)
        table = torch.cat([table * keep.max(), table.new_zeros(1, table.size(1))])
        return table, slots.where(keep > 0, len(table) - 1)

    def _run(
        self, values: Tensor, inputs: Inputs, masks: Masks | None, *, slots: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        options = {"slots": slots, "masks": masks, "variational": self.dropout.variational}
        weights = {}
        if masks is not None and self.dropout.recurrent:
            weights = self.recurrent.dropped(masks, self.dropout.recurrent)
        states_and_final: tuple[Tensor, Tensor] = functional_call(
            self.recurrent, weights, (values, inputs.offsets), options
        )
        return states_and_final

    def _head(self, states: Tensor, final: Tensor, inputs: Inputs, masks: Masks | None) -> Tensor:
        pooled = self.pooling(states, final, inputs.offsets)
        if masks is not None:
            pooled = masks.apply(pooled, "head", self.dropout.head)
        answer: Tensor = self.head(pooled)
        if inputs.base is None or inputs.unit is None:
            return answer
        return forecast(answer, inputs.base, inputs.unit)


def forecast(differences: Tensor, base: Tensor, unit: Tensor) -> Tensor:
    """The forecast in the data's units, from what a network's head says of each step ahead.

    Args:
        differences: (N * H, C * Q), in the windows' units.
        base: The forecasts that they are differences from, (N * H, C).
        unit: What a difference of 1 is, (N, C).

    Returns:
        (N, H * C * Q).
    """
    count, width = unit.shape
    each = differences.view(count, -1, width, differences.size(1) // width)
    return (base.view(count, -1, width, 1) + unit.view(count, 1, width, 1) * each).flatten(1)


def num_trained(module: nn.Module) -> int:
    """The number of trained parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)

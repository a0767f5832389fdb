"""What a network is asked: which loss its head's outputs have, and when they are right."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

Kind = Literal["binary", "multi-class", "multi-label", "regression"]


@dataclass(frozen=True)
class Task:
    """One of four kinds of question about a sequence.

    - binary: one logit; targets 0 or 1, or probabilities, (N,).
    - multi-class: a logit a class; targets the class of each, int64, (N,).
    - multi-label: a logit a label, each for itself; targets 0 or 1, (N, C).
    - regression: a number an output; targets (N, C), or (N,) where C is 1.
    """

    kind: Kind = "binary"
    num_outputs: int = 1
    """C: logits or numbers of the head."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"Task: expected a kind of {get_args(Kind)}, got {self.kind!r}")
        smallest = 2 if self.kind == "multi-class" else 1
        is_right = self.num_outputs == 1 if self.kind == "binary" else self.num_outputs >= smallest
        if not is_right:
            expected = "1 output" if self.kind == "binary" else f"at least {smallest} outputs"
            raise ValueError(f"Task: expected {expected} for {self.kind}, got {self.num_outputs}")

    def losses(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """The loss of every example.

        Args:
            outputs: Of the head, (N, C).
            targets: As the class describes.
            label_smoothing: The share of a target that goes to all classes evenly (Szegedy et al.
                2016); of no meaning for a regression.
            class_weights: What the loss of an example of each class counts: (2,) for binary, (C,)
                for multi-class, and for multi-label what a label that holds counts.

        Returns:
            (N,): cross-entropy in nats, mean squared error for a regression.
        """
        if self.kind == "regression":
            return (outputs - targets.view_as(outputs)).square().mean(1)
        if self.kind == "multi-class":
            return F.cross_entropy(
                outputs,
                targets,
                weight=class_weights,
                label_smoothing=label_smoothing,
                reduction="none",
            )
        wanted = targets.to(outputs.dtype).view_as(outputs)
        weights = None
        if class_weights is not None:
            positive, negative = class_weights, torch.ones_like(class_weights)
            if self.kind == "binary":
                negative, positive = class_weights
            weights = torch.where(wanted > 0.5, positive, negative)
        smooth = wanted * (1 - label_smoothing) + label_smoothing / 2
        # Binary cross-entropy; PyTorch's own function of it wakes its threads for any size, and
        # they then take the processors from the engine's for milliseconds.
        losses = F.softplus(outputs) - smooth * outputs
        return (losses if weights is None else losses * weights).mean(1)

    def is_right(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Which examples are answered rightly, (N,) bool; for multi-label, all labels of them.

        A regression has no such answers: none is.
        """
        if self.kind == "regression":
            return outputs.new_zeros(len(outputs), dtype=torch.bool)
        if self.kind == "multi-class":
            return outputs.argmax(1) == targets
        return ((outputs > 0) == (targets.view_as(outputs) > 0.5)).all(1)

    def balanced_weights(self, targets: Tensor) -> Tensor | None:
        """Weights by which all classes count alike: N / (classes * examples of the class).

        A probability counts for the class that is likelier.

        Source: King and Zeng 2001, as scikit-learn's ``class_weight="balanced"``.
        """
        if self.kind == "regression":
            return None
        if self.kind == "multi-label":
            positive = targets.double().mean(0).clamp(1 / len(targets), 1 - 1 / len(targets))
            return ((1 - positive) / positive).float()
        classes = max(self.num_outputs, 2)
        found = (targets > 0.5 if self.kind == "binary" else targets).long()
        counts = torch.bincount(found, minlength=classes)
        return (len(targets) / (classes * counts.clamp(min=1))).float()

"""The loss of every kind of task, scores of answers, and weights of classes: in PyTorch."""

import torch
from torch import Tensor
from torch.nn import functional as F

from tidegate.task import Kind


def losses(
    kind: Kind,
    outputs: Tensor,
    targets: Tensor,
    *,
    label_smoothing: float = 0.0,
    class_weights: Tensor | None = None,
) -> Tensor:
    """The loss of every example.

    Args:
        kind: Of the :class:`~tidegate.task.Task`.
        outputs: Of the head, (N, C).
        targets: As :class:`~tidegate.task.Task` describes.
        label_smoothing: The share of a target that goes to all classes evenly (Szegedy et al.
            2016); of no meaning for a regression.
        class_weights: What the loss of an example of each class counts: (2,) for binary, (C,)
            for multi-class, and for multi-label what a label that holds counts.

    Returns:
        (N,): cross-entropy in nats, mean squared error for a regression.
    """
    if kind == "regression":
        return (outputs - targets.view_as(outputs)).square().mean(1)
    if kind == "multi-class":
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
        if kind == "binary":
            negative, positive = class_weights
        weights = torch.where(wanted > 0.5, positive, negative)
    smooth = wanted * (1 - label_smoothing) + label_smoothing / 2
    # Binary cross-entropy; PyTorch's own function of it wakes its threads for any size, and
    # they then take the processors from the engine's for milliseconds.
    found = F.softplus(outputs) - smooth * outputs
    return (found if weights is None else found * weights).mean(1)


def scores(kind: Kind, outputs: Tensor, targets: Tensor) -> Tensor:
    """What the task's main metric is the mean of: a number for every example.

    Returns:
        (N,), float64: 1 where the answer is right (for multi-label, all labels of it) and else 0;
        for a regression the mean absolute error.
    """
    if kind == "regression":
        return (outputs - targets.view_as(outputs)).abs().mean(1).double()
    if kind == "multi-class":
        wanted = targets.argmax(1) if targets.dim() > 1 else targets
        return (outputs.argmax(1) == wanted).double()
    return ((outputs > 0) == (targets.view_as(outputs) > 0.5)).all(1).double()


def balanced_weights(kind: Kind, num_outputs: int, targets: Tensor) -> Tensor | None:
    """Weights by which all classes count alike: N / (classes * examples of the class).

    A probability counts for the class that is likelier. A regression has none.

    Source: King and Zeng 2001, as scikit-learn's ``class_weight="balanced"``.
    """
    if kind == "regression":
        return None
    if kind == "multi-label":
        positive = targets.double().mean(0).clamp(1 / len(targets), 1 - 1 / len(targets))
        return ((1 - positive) / positive).float()
    classes = max(num_outputs, 2)
    if targets.dim() > 1:
        targets = targets.argmax(1)
    found = (targets > 0.5 if kind == "binary" else targets).long()
    counts = torch.bincount(found, minlength=classes)
    return (len(targets) / (classes * counts.clamp(min=1))).float()

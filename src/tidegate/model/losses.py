"""Losses, scores and class weights for every kind of task, in PyTorch."""

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
        kind: Kind of the :class:`~tidegate.task.Task`.
        outputs: The network's outputs, (N, C).
        targets: Targets in the form that :class:`~tidegate.task.Task` describes.
        label_smoothing: The share of a target that goes to all classes evenly (Szegedy et al.
            2016); a regression ignores it.
        class_weights: Factor on the loss of each class's examples: (2,) for binary, (C,) for
            multi-class; for multi-label the factor where a label holds, (C,).

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
    # Binary cross-entropy. PyTorch's own function wakes its thread pool whatever the size, and the
    # pool then keeps the engine's threads off the processors for milliseconds.
    entropies = F.softplus(outputs) - smooth * outputs
    return (entropies if weights is None else entropies * weights).mean(1)


def scores(kind: Kind, outputs: Tensor, targets: Tensor) -> Tensor:
    """Score of every example; their mean is the task's main metric.

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
    """Inverse-frequency class weights: N / (classes * examples of the class).

    A target that is a probability counts as an example of the likelier class.

    Returns:
        Weights for :func:`losses`; None for a regression.

    Source: King and Zeng 2001, as in scikit-learn's ``class_weight="balanced"``.
    """
    if kind == "regression":
        return None
    if kind == "multi-label":
        positive = targets.double().mean(0).clamp(1 / len(targets), 1 - 1 / len(targets))
        return ((1 - positive) / positive).float()
    classes = max(num_outputs, 2)
    if targets.dim() > 1:
        targets = targets.argmax(1)
    labels = (targets > 0.5 if kind == "binary" else targets).long()
    counts = torch.bincount(labels, minlength=classes)
    return (len(targets) / (classes * counts.clamp(min=1))).float()

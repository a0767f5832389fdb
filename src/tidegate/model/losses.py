"""Losses, scores and class weights for every kind of task, in PyTorch."""

from collections.abc import Sequence

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
    quantiles: Sequence[float] = (),
    unit: Tensor | None = None,
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
        quantiles: The Q quantiles of a forecast.
        unit: What a forecast's errors are divided by, (N, C); 1 when left out.

    Returns:
        (N,): cross-entropy in nats, mean squared error for a regression, for a forecast the mean
        quantile loss (Koenker and Bassett 1978) over the targets that are there.
    """
    if kind == "forecast":
        return _quantile_losses(outputs, targets, quantiles, unit)
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


def _quantile_losses(
    outputs: Tensor, targets: Tensor, quantiles: Sequence[float], unit: Tensor | None
) -> Tensor:
    """Twice the quantile loss, so that that of the median is the absolute error."""
    levels = outputs.new_tensor(quantiles)
    errors = targets.to(outputs.dtype).unsqueeze(2) - outputs.view(*targets.shape, len(quantiles))
    is_there = ~errors.isnan()
    errors = errors.nan_to_num(0.0)
    if unit is not None:
        shape = (len(unit), -1, unit.size(1), len(quantiles))
        errors = (errors.view(shape) / unit[:, None, :, None]).view(errors.shape)
    each = 2 * torch.maximum(levels * errors, (levels - 1) * errors) * is_there
    return each.sum((1, 2)) / is_there.sum((1, 2)).clamp(min=1)


def scores(kind: Kind, outputs: Tensor, targets: Tensor, quantiles: Sequence[float] = ()) -> Tensor:
    """Score of every example; their mean is the task's main metric.

    Returns:
        (N,), float64: 1 where the answer is right (for multi-label, all labels of it) and else 0;
        for a regression the mean absolute error, for a forecast that of the median.
    """
    if kind == "forecast":
        median = outputs.view(*targets.shape, -1)[:, :, quantiles.index(0.5)]
        errors = (median - targets).abs()
        is_there = ~errors.isnan()
        return errors.nan_to_num(0.0).sum(1).double() / is_there.sum(1).clamp(min=1)
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
        Weights for :func:`losses`; None for a regression or a forecast.

    Source: King and Zeng 2001, as in scikit-learn's ``class_weight="balanced"``.
    """
    if kind in ("regression", "forecast"):
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

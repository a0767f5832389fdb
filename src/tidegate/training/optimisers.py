"""The optimiser of a recipe: which parameters move at which rate."""

from typing import Any

from torch import nn

from tidegate.model.classifier import SequenceClassifier
from tidegate.optim import Adam, KerasAdam
from tidegate.training.recipe import Recipe
from tidegate.training.schedule import rate


def make(model: SequenceClassifier, recipe: Recipe) -> Adam:
    """An optimiser over all parameters that are trained.

    Every group has a ``share`` of the schedule's rate: embeddings theirs, and layers a share that
    falls with their distance from the head by ``layer_decay`` (Howard and Ruder 2018,
    "discriminative fine-tuning").
    """
    groups: list[dict[str, Any]] = [
        {"params": parameters, "depth": depth, "is_table": is_table}
        for depth, (is_table, parameters) in enumerate(_by_depth(model))
        if parameters
    ]
    options: dict[str, Any] = {
        "lr": recipe.learning_rate,
        "betas": (recipe.beta1, recipe.beta2),
        "eps": recipe.epsilon,
        "weight_decay": recipe.weight_decay,
    }
    if recipe.optimiser == "keras-adam":
        return KerasAdam(groups, **options)
    return Adam(groups, **options, lazy=recipe.table_rule == "lazy")


def set_rates(optimiser: Adam, recipe: Recipe, step: int, num_steps: int, epoch: int) -> None:
    """Set every group's learning rate for a step, counted from 0, of an epoch, from 1.

    In epoch e of the ``frozen_epochs`` first, the groups deeper than e - 1 below the head have a
    rate of 0: the head thaws first, then a layer an epoch.
    """
    share = rate(recipe.schedule, step, num_steps, recipe.warmup_share)
    for group in optimiser.param_groups:
        depth, is_table = group.get("depth", 0), group.get("is_table", False)
        highest = recipe.table_learning_rate if is_table else recipe.learning_rate
        is_frozen = epoch <= recipe.frozen_epochs and depth >= epoch
        group["lr"] = 0.0 if is_frozen else highest * share * recipe.layer_decay**depth


def _by_depth(model: SequenceClassifier) -> list[tuple[bool, list[nn.Parameter]]]:
    """Parameter groups from the head down, each with whether it is an embedding."""
    tables = [
        getattr(model, name).weight
        for name in ("embedding", "bigram_embedding")
        if hasattr(model, name)
    ]
    parts: list[tuple[bool, list[nn.Parameter]]] = [
        (False, [*model.head.parameters(), *model.pooling.parameters()]),
        *((False, [*layer.parameters()]) for layer in reversed(model.recurrent.layers)),
        (True, tables),
    ]
    return [(is_table, [p for p in found if p.requires_grad]) for is_table, found in parts]

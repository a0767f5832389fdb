"""The optimiser of a training, and the learning rates of its parameter groups."""

from typing import Any

from tidegate.model.classifier import SequenceClassifier
from tidegate.optim import Adam, KerasAdam
from tidegate.training.schedule import rate
from tidegate.training.sections import Training


def make(model: SequenceClassifier, values: Training) -> Adam:
    """Make an optimiser over all trained parameters.

    Embeddings form a parameter group of their own, with a learning rate of their own.
    """
    tables = [
        getattr(model, name).weight
        for name in ("embedding", "bigram_embedding")
        if hasattr(model, name)
    ]
    others = [
        *model.head.parameters(),
        *model.pooling.parameters(),
        *model.recurrent.parameters(),
    ]
    groups: list[dict[str, Any]] = [
        {"params": trained, "is_table": is_table}
        for is_table, parameters in ((False, others), (True, tables))
        if (trained := [p for p in parameters if p.requires_grad])
    ]
    options: dict[str, Any] = {
        "lr": values.learning_rate,
        "betas": (values.beta1, values.beta2),
        "eps": values.epsilon,
        "weight_decay": values.weight_decay,
    }
    if values.optimiser == "keras-adam":
        return KerasAdam(groups, **options)
    return Adam(groups, **options, lazy=values.embedding_update == "lazy")


def set_rates(optimiser: Adam, values: Training, step: int, num_steps: int) -> None:
    """Set every group's learning rate for a step, counted from 0, of ``num_steps``."""
    share = rate(values.schedule, step, num_steps, values.warmup_share)
    for group in optimiser.param_groups:
        is_table = group["is_table"]
        group["lr"] = share * (values.embedding_learning_rate if is_table else values.learning_rate)

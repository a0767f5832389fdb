"""Names and values of the metrics in TensorBoard's and MLflow's logs."""

from typing import Any

from tidegate.runs.experiment import Experiment
from tidegate.runs.results import BlendModel, Job
from tidegate.training.history import Epoch, Step

Measures = dict[str, float]


def of_step(step: Step) -> Measures:
    """The batch's own loss and main metric, the rate, and the speed."""
    return {
        "train/loss": step.loss,
        f"train/{step.metric}": step.score,
        "train/learning_rate": step.learning_rate,
        "train/tokens_per_s": step.num_tokens / step.ms * 1e3,
    }


def of_epoch(epoch: Epoch) -> Measures:
    """Loss and main metric on the validation part."""
    return {
        "validation/loss": epoch.validation_loss,
        f"validation/{epoch.metric}": epoch.validation_score,
    }


def of_test(job: Job, blend: BlendModel | None) -> Measures:
    """All test metrics: of the network, and with the linear model where there is one."""
    values = {f"test/{name}": value for name, value in job.metrics.items()}
    if blend is not None:
        values |= {f"test/combined_{name}": value for name, value in blend.metrics.items()}
    return values


def parameters(experiment: Experiment, cell: str, seed: int) -> dict[str, Any]:
    """Everything that was chosen for a job."""
    values = experiment.recipe.configuration()
    return {"recipe": values.pop("name"), "cell": cell, "seed": seed, **values}

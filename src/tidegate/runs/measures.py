"""Names and values of the metrics in TensorBoard's and MLflow's logs."""

from typing import Any

from tidegate.runs.experiment import Experiment
from tidegate.runs.results import Job
from tidegate.training.history import Epoch, Step

Measures = dict[str, float]


def of_step(step: Step) -> Measures:
    """The batch's own loss and accuracy, the rate, and the speed."""
    return {
        "train/loss": step.loss,
        "train/accuracy": step.accuracy,
        "train/learning_rate": step.learning_rate,
        "train/tokens_per_s": step.num_tokens / step.ms * 1e3,
    }


def of_epoch(epoch: Epoch) -> Measures:
    """What the validation part gave."""
    return {
        "validation/loss": epoch.validation_loss,
        "validation/accuracy": epoch.validation_accuracy,
    }


def of_test(job: Job) -> Measures:
    """What the test part gave: the network alone, and with the linear model where there is one."""
    found = {"test/loss": job.test.loss, "test/accuracy": job.test.accuracy}
    if job.combined is not None:
        found["test/combined_loss"] = job.combined.loss
        found["test/combined_accuracy"] = job.combined.accuracy
    return found


def parameters(experiment: Experiment, cell: str, seed: int) -> dict[str, Any]:
    """Everything that was chosen for a job."""
    values = experiment.recipe.configuration()
    return {"recipe": values.pop("name"), "cell": cell, "seed": seed, **values}

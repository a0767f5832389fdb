"""What the finished jobs of a comparison say about each cell: means, ranges, intervals, curves."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from statistics import fmean

from tidegate.cells import CELLS
from tidegate.runs.results import Job, Results
from tidegate.training.history import Epoch

# The 97.5 % point of the standard normal distribution, for two-sided 95 % intervals.
_Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Span:
    """A mean with the lowest and the highest value around it."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Cell:
    """One cell of the comparison with its finished jobs."""

    key: str
    """As in ``results.json``, for example ``gru-before``."""
    jobs: list[Job]
    """Finished ones, in order of seed; may be empty."""
    num_test: int
    reference: dict[str, float] | None
    """``test_accuracy`` and ``test_loss`` as published for this cell, where they are."""

    @property
    def name(self) -> str:
        """The name for readers."""
        return CELLS.get(self.key, self.key)

    @property
    def slug(self) -> str:
        """The key if it is a known one, else ``other``: safe in CSS names."""
        return self.key if self.key in CELLS else "other"

    @property
    def paths(self) -> list[str]:
        """The implementations that computed the recurrence, each once."""
        return list(dict.fromkeys(job.path for job in self.jobs))

    @property
    def accuracy(self) -> Span:
        """Test accuracy over the seeds."""
        return self.over_seeds(lambda job: job.test.accuracy)

    @property
    def test_loss(self) -> Span:
        """Test loss over the seeds."""
        return self.over_seeds(lambda job: job.test.loss)

    @property
    def training_s(self) -> Span:
        """Time of all training steps over the seeds."""
        return self.over_seeds(lambda job: job.training_s)

    @property
    def step_ms(self) -> Span:
        """Median time of a training step over the seeds."""
        return self.over_seeds(lambda job: job.step_ms)

    @property
    def inference_ms(self) -> Span:
        """Median time of a test batch over the seeds."""
        return self.over_seeds(lambda job: job.inference_ms)

    @property
    def wall_s(self) -> Span:
        """Time of the whole job over the seeds."""
        return self.over_seeds(lambda job: job.wall_s)

    @property
    def tokens_per_s(self) -> Span:
        """Words read per second of training steps, over the seeds."""
        return self.over_seeds(lambda job: job.num_tokens / job.training_s)

    @property
    def combined(self) -> Span | None:
        """Test accuracy together with the linear model, where there is one."""
        if any(job.combined is None for job in self.jobs):
            return None
        return self.over_seeds(lambda job: job.combined.accuracy if job.combined else 0.0)

    @property
    def combined_mean(self) -> float:
        """Its mean; 0 where there is none."""
        return 0.0 if self.combined is None else self.combined.mean

    @property
    def accuracy_spread(self) -> Span:
        """How far the test accuracy can be trusted.

        The range over the seeds; with one seed, the 95 % interval for this many test examples.
        """
        accuracy = self.accuracy
        if len(self.jobs) > 1:
            return accuracy
        return Span(accuracy.mean, *wilson_interval(accuracy.mean, self.num_test))

    def over_seeds(self, value: Callable[[Job], float]) -> Span:
        """Mean and range of ``value`` over the finished jobs, of which there must be one."""
        values = [value(job) for job in self.jobs]
        return Span(fmean(values), min(values), max(values))

    def mean_curve(self, value: Callable[[Epoch], float]) -> list[float]:
        """Mean over the seeds of ``value``, epoch by epoch, as far as every seed went."""
        histories = (job.history for job in self.jobs)
        return [fmean(map(value, epochs)) for epochs in zip(*histories, strict=False)]


def summarize(results: Results) -> list[Cell]:
    """The cells of a comparison in their planned order, also those without a finished job."""
    published = results.configuration.get("reference") or {"figures": []}
    references = {line["cell"]: line for line in published["figures"]}
    keys = dict.fromkeys([*results.configuration["cells"], *(job.cell for job in results.jobs)])
    return [
        Cell(
            key=key,
            jobs=sorted((job for job in results.jobs if job.cell == key), key=lambda job: job.seed),
            num_test=len(results.test_labels),
            reference=references.get(key),
        )
        for key in keys
    ]


def wilson_interval(share: float, num_examples: int) -> tuple[float, float]:
    """The 95 % score interval of a share counted over ``num_examples`` independent examples.

    Args:
        share: Between 0 and 1.
        num_examples: With 0, nothing is known and the interval is (0, 1).
    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference",
        Journal of the American Statistical Association 22, without continuity correction.
    """
    if num_examples == 0:
        return 0.0, 1.0
    weight = _Z_95**2 / num_examples
    centre = (share + weight / 2) / (1 + weight)
    half = sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    return max(0.0, centre - half), min(1.0, centre + half)

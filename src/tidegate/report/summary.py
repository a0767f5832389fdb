"""Each cell of a comparison with the means, ranges, intervals and curves of its finished jobs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from tidegate.cells import CELLS
from tidegate.evaluation import verdict
from tidegate.evaluation.intervals import Interval
from tidegate.runs.results import BlendModel, Job, Results
from tidegate.task import Metric
from tidegate.training.history import Epoch


@dataclass(frozen=True)
class Cell:
    """One cell of the comparison with its finished jobs."""

    key: str
    """As in ``results.json``, for example ``gru-before``."""
    jobs: list[Job]
    """Finished ones, in order of seed; may be empty."""
    blends: list[BlendModel]
    """Each job together with the linear model; empty where there is none."""
    metric: Metric
    """The task's main metric, by which models are compared."""
    results: Results
    reference: dict[str, float] | None
    """``test_accuracy`` and ``test_loss`` as published for this cell, where they are and models are
    compared by one of them."""

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
    def score(self) -> Interval:
        """The main metric on the test part, over the seeds."""
        return self.over_seeds(lambda job: job.metrics[self.metric.name])

    @property
    def test_loss(self) -> Interval:
        """Test loss over the seeds."""
        return self.over_seeds(lambda job: job.metrics["loss"])

    @property
    def training_s(self) -> Interval:
        """Time of all training steps over the seeds."""
        return self.over_seeds(lambda job: job.training_s)

    @property
    def step_ms(self) -> Interval:
        """Median time of a training step over the seeds."""
        return self.over_seeds(lambda job: job.step_ms)

    @property
    def inference_ms(self) -> Interval:
        """Median time of a test batch over the seeds."""
        return self.over_seeds(lambda job: job.inference_ms)

    @property
    def wall_s(self) -> Interval:
        """Time of the whole job over the seeds."""
        return self.over_seeds(lambda job: job.wall_s)

    @property
    def tokens_per_s(self) -> Interval:
        """Words read per second of training steps, over the seeds."""
        return self.over_seeds(lambda job: job.num_tokens / job.training_s)

    @property
    def combined(self) -> Interval | None:
        """The main metric together with the linear model, where there is one."""
        if not self.blends or len(self.blends) < len(self.jobs):
            return None
        return _span([blend.metrics[self.metric.name] for blend in self.blends])

    @property
    def spread(self) -> Interval:
        """How far the main metric can be trusted.

        The range over the seeds; with one seed, the 95 % interval for this many test examples.
        """
        if len(self.jobs) > 1:
            return self.score
        return verdict.interval(self.metric, self.scores(self.jobs[0].name))

    def scores(self, name: str) -> verdict.Scores:
        """A number for every test example, whose mean is the main metric of a model of the run."""
        results = self.results
        return verdict.scores(results.task, results.predictions[name], results.targets)

    def over_seeds(self, value: Callable[[Job], float]) -> Interval:
        """Mean and range of ``value`` over the finished jobs, of which there must be one."""
        return _span([value(job) for job in self.jobs])

    def mean_curve(self, value: Callable[[Epoch], float]) -> list[float]:
        """Mean over the seeds of ``value``, epoch by epoch, as far as every seed went."""
        histories = (job.history for job in self.jobs)
        return [fmean(map(value, epochs)) for epochs in zip(*histories, strict=False)]


def summarize(results: Results) -> list[Cell]:
    """The cells of a comparison in their planned order, also those without a finished job."""
    metric = results.task.main_metric
    published = results.configuration.get("reference") or {"figures": []}
    references = {
        line["cell"]: line for line in published["figures"] if f"test_{metric.name}" in line
    }
    keys = dict.fromkeys([*results.configuration["cells"], *(job.cell for job in results.jobs)])
    cells = []
    for key in keys:
        jobs = sorted((job for job in results.jobs if job.cell == key), key=lambda job: job.seed)
        blends = [blend for job in jobs if (blend := results.blend_of(job))]
        cells.append(Cell(key, jobs, blends, metric, results, references.get(key)))
    return cells


def _span(values: Sequence[float]) -> Interval:
    return Interval(fmean(values), min(values), max(values))

"""The records of a run's models: recurrent, linear, blended, and the constant answer."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.cells import CELLS
from tidegate.evaluation.blend import Blend
from tidegate.storage.schema import Between, NotEmpty, OneOf
from tidegate.training.history import Epoch

Metrics = dict[str, float]
"""By the names of :data:`tidegate.task.METRICS`."""


@dataclass(frozen=True)
class LayerSummary:
    """One line of a model's summary."""

    layer: str
    """For example ``embedding (Embedding)``."""
    output_shape: list[int | None]
    """None where the size is the batch's, or that of its sequences."""
    num_parameters: int

    @property
    def shape(self) -> str:
        """For a person: ``(batch, steps, 64)``."""
        rest = ["steps" if size is None else str(size) for size in self.output_shape[1:]]
        return f"({', '.join(['batch', *rest])})"


@dataclass(frozen=True)
class Job:
    """A recurrent network: one cell trained from one seed."""

    name: str
    """``CELL-seedN``, as of its model folder."""
    cell: Annotated[str, OneOf((*CELLS,))]
    """``rnn``, ``lstm``, ``gru`` (reset after) or ``gru-before``."""
    seed: int
    path: str
    """The implementation of the recurrence, for example ``tidegate.nn, engine (avx2)``."""
    num_parameters: int
    summary: list[LayerSummary]
    history: Annotated[list[Epoch], NotEmpty()]
    metrics: Metrics
    """The metrics on the test part."""
    training_s: Annotated[float, Between(1e-9)]
    """Wall time of all training steps; validation, test and set-up excluded."""
    wall_s: float
    """Wall time of the whole job: the language model, where the run trains one for it, and all from
    making the model to its last prediction. Reading and numbering the texts
    (``Results.preparation_s``) and the linear model are apart. Of a resumed job, the last process
    alone."""
    num_tokens: int
    """Words read in training, over all epochs."""
    step_ms: float
    """Median wall time of a training step over all epochs."""
    inference_ms: float
    """Median wall time of a test batch."""
    model: str
    """The model's folder, relative to the run folder."""
    pretraining_s: float | None = None
    """The part of ``wall_s`` that its language model took; None where the job begins with none."""
    teacher: list[Epoch] | None = None
    """In self-training, the epochs of the first network, whose answers the second one learnt;
    ``history`` has those of the second one."""
    others: list[list[Epoch]] | None = None
    """In an ensemble, the epochs of each network after the first; ``history`` has the first one's.
    Parameters and times are those of all networks."""
    kind: Literal["recurrent"] = "recurrent"


@dataclass(frozen=True)
class LinearModel:
    """The linear model beside the networks of a run."""

    description: str
    """For example ``logistic regression on NB-weighted 1 to 3-grams``."""
    num_parameters: int
    metrics: Metrics
    validation: Metrics
    """The metrics on the validation part."""
    wall_s: float
    """Features, training and predictions."""
    name: str = "linear"
    kind: Literal["linear"] = "linear"


@dataclass(frozen=True)
class BlendModel:
    """A network and the linear model together."""

    name: str
    """The network's, and ``+linear``."""
    network: str
    """The network's name."""
    blend: Blend
    """How they were put together, by the validation part."""
    metrics: Metrics
    kind: Literal["blend"] = "blend"


@dataclass(frozen=True)
class MajorityModel:
    """The constant answer, the baseline that every model should beat."""

    answer: Any
    """The most frequent class of the training part, or its labels; a regression's mean."""
    metrics: Metrics
    name: str = "majority"
    kind: Literal["majority"] = "majority"


@dataclass(frozen=True)
class BaselineModel:
    """A forecast without a network, that every network should beat."""

    name: str
    description: str
    """For example ``exponential smoothing``."""
    metrics: Metrics
    wall_s: float
    kind: Literal["baseline"] = "baseline"


Model = Job | LinearModel | BlendModel | MajorityModel | BaselineModel


@dataclass(frozen=True)
class Finished:
    """A finished job's results and predictions."""

    job: Job
    predictions: NDArray[np.float64]
    """In the form of :class:`~tidegate.runs.results.Results`."""
    blend: BlendModel | None = None
    """The network and the linear model together, where there is one."""
    blend_predictions: NDArray[np.float64] | None = None

    @property
    def models(self) -> list[tuple[Model, NDArray[np.float64]]]:
        """Each with its predictions."""
        models: list[tuple[Model, NDArray[np.float64]]] = [(self.job, self.predictions)]
        if self.blend is not None and self.blend_predictions is not None:
            models.append((self.blend, self.blend_predictions))
        return models

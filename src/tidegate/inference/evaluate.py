"""How well a trained model does on labelled texts, as a whole and part by part."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from tidegate.evaluation.metrics import measure
from tidegate.inference.predictor import Predictor


def evaluate(
    model: Predictor, texts: Sequence[str], targets: NDArray[Any]
) -> dict[str, dict[str, float]]:
    """The metrics of a model on labelled texts.

    Args:
        model: A trained model.
        texts: At least one.
        targets: As :class:`~tidegate.task.Task` describes: for classes their numbers, (N,), in the
            order of ``model.classes``.

    Returns:
        By part (``all`` and, where the model has a linear model beside the network, ``network``
        and ``linear`` alone) the metrics of :func:`tidegate.evaluation.metrics.measure`.
    """
    return {
        part: measure(model.task, model.outputs(texts, part=part), targets) for part in model.parts
    }

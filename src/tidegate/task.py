"""Tasks: the kind of a model's answers, the names of its classes, and its metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import FormatError

Kind = Literal["binary", "multi-class", "multi-label", "regression", "forecast"]

_SMALLEST = {"binary": 2, "multi-class": 2, "multi-label": 1, "regression": 1, "forecast": 1}
"""The fewest classes of each kind of task."""


@dataclass(frozen=True)
class Metric:
    """A measure of a model's answers: its names, and which direction is better."""

    name: str
    """The key in files and in :func:`tidegate.evaluation.metrics.measure`."""
    text: str
    """The name in headings."""
    short: str
    """The abbreviation in lines of progress."""
    is_share: bool = True
    """Whether it lies between 0 and 1, and is printed in percent."""
    lower_is_better: bool = False

    @property
    def sign(self) -> int:
        """1, or -1 where lower is better: the factor after which higher is better."""
        return -1 if self.lower_is_better else 1


METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "accuracy", "acc"),
        Metric("balanced_accuracy", "balanced accuracy", "bal acc"),
        Metric("macro_f1", "macro F1", "F1"),
        Metric("roc_auc", "ROC AUC", "AUC"),
        Metric("calibration_error", "calibration error", "ECE", True, True),
        Metric("mean_absolute_error", "mean absolute error", "MAE", False, True),
        Metric("root_mean_squared_error", "root mean squared error", "RMSE", False, True),
        Metric("r2", "R\N{SUPERSCRIPT TWO}", "R2", False),
        Metric("correlation", "correlation", "r", False),
        Metric("smape", "sMAPE", "sMAPE", True, True),
        Metric("mase", "MASE", "MASE", False, True),
        Metric("quantile_loss", "quantile loss", "QL", False, True),
        Metric("coverage", "coverage of the outer quantiles", "coverage", True),
        Metric("loss", "loss", "loss", False, True),
    )
}
"""All metrics by name."""

_OF_CLASSES = ("accuracy", "balanced_accuracy", "macro_f1", "roc_auc", "calibration_error", "loss")
_OF_FORECASTS = (
    "mean_absolute_error",
    "root_mean_squared_error",
    "smape",
    "mase",
    "quantile_loss",
    "coverage",
    "loss",
)
_OF_NUMBERS = ("mean_absolute_error", "root_mean_squared_error", "r2", "correlation", "loss")


def _metrics(kind: Kind) -> tuple[Metric, ...]:
    numbers = {"regression": _OF_NUMBERS, "forecast": _OF_FORECASTS}
    names = numbers.get(kind, _OF_CLASSES)
    return tuple(METRICS[name] for name in names)


def main_metric(kind: Kind) -> Metric:
    """The metric that models are compared by: accuracy, or mean absolute error of numbers."""
    return _metrics(kind)[0]


@dataclass(frozen=True)
class Task:
    """What a model predicts of a sequence: one of five kinds of task, and the names of its classes.

    - binary: one of two classes. A single logit, for the second class; targets are 0 or 1, (N,), or
      in training probabilities of the second class.
    - multi-class: one of several classes. A logit for each; targets are class indices, (N,).
    - multi-label: any of several labels, independently. A logit for each; targets 0 or 1, (N, C).
    - regression: C numbers. Targets are these numbers, (N, C), or (N,) where C is 1.
    - forecast: the next H values of C channels, each as Q quantiles. Outputs are (N, H * C * Q);
      targets (N, (H + 1) * C): the values, NaN where missing, and behind them for each channel the
      error by which MASE divides, NaN where there is none.

    Raises:
        ValueError: An unknown kind, names that are too few, too many, or equal, or a horizon or
            quantiles that are none.
    """

    kind: Kind = "binary"
    classes: tuple[str, ...] = ("0", "1")
    """Names of the classes or labels, of a regression's numbers, or of a forecast's channels, in
    the order of the outputs."""
    horizon: int = 0
    """H, the steps that are forecast; 0 for other tasks."""
    quantiles: tuple[float, ...] = ()
    """The Q quantiles of a forecast, ascending, with the median; none for other tasks."""
    season_length: int = 1
    """The steps after which a forecast's values repeat; 1 where they do not."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"Task: expected a kind of {get_args(Kind)}, got {self.kind!r}")
        smallest, count = _SMALLEST[self.kind], len(self.classes)
        if count < smallest or (self.kind == "binary" and count > smallest):
            expected = f"{smallest}" if self.kind == "binary" else f"at least {smallest}"
            raise ValueError(
                f"Task: expected {expected} names of classes for {self.kind}, got {count}"
            )
        is_forecast = self.kind == "forecast"
        levels = self.quantiles
        is_right = (
            0.5 in levels and [*levels] == sorted({*levels}) and 0 < levels[0] < levels[-1] < 1
        )
        if is_forecast and not (self.horizon >= 1 and self.season_length >= 1 and is_right):
            raise ValueError(
                "Task: expected a horizon and a season of at least 1 step, and ascending quantiles "
                f"between 0 and 1 with 0.5 and others, got {self.horizon}, {self.season_length} "
                f"and {levels}"
            )
        if not is_forecast and (self.horizon or levels or self.season_length != 1):
            raise ValueError(f"Task: expected a horizon of a forecast alone, got a {self.kind}")
        if len({*self.classes}) < count:
            raise ValueError(f"Task: expected distinct names of classes, got {self.classes}")

    @property
    def num_outputs(self) -> int:
        """C, the number of a network's outputs: logits, or numbers; H * C * Q of a forecast."""
        if self.kind == "forecast":
            return self.horizon * len(self.classes) * len(self.quantiles)
        return 1 if self.kind == "binary" else len(self.classes)

    @property
    def is_classification(self) -> bool:
        """Whether answers are classes with probabilities, rather than numbers."""
        return self.kind not in ("regression", "forecast")

    @property
    def has_one_class(self) -> bool:
        """Whether every example has exactly one class."""
        return self.kind in ("binary", "multi-class")

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The task's metrics, the main one first; some are undefined on some examples."""
        return _metrics(self.kind)

    @property
    def main_metric(self) -> Metric:
        """The metric that models are compared by: accuracy, or mean absolute error."""
        return main_metric(self.kind)

    def probabilities(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability of every class.

        Args:
            outputs: Logits, (N, C).

        Returns:
            (N, number of classes), float64; rows add up to 1, but for multi-label, whose labels
            have a probability each.

        Raises:
            ValueError: The task is no classification.
        """
        if not self.is_classification:
            raise ValueError(
                f"Task: expected a classification for probabilities, got a {self.kind}"
            )
        outputs = np.asarray(outputs, np.float64)
        if self.kind == "binary":
            return np.asarray(np.exp(-np.logaddexp(0, np.concatenate([outputs, -outputs], 1))))
        if self.kind == "multi-label":
            return np.asarray(np.exp(-np.logaddexp(0, -outputs)))
        shifted = outputs - outputs.max(1, keepdims=True, initial=-np.inf)
        powers = np.exp(shifted)
        return np.asarray(powers / powers.sum(1, keepdims=True))

    def soft_targets(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The outputs of one model as soft targets for another: probabilities instead of classes.

        Returns:
            (N,) for binary, else (N, C): probabilities, or a regression's numbers.
        """
        if not self.is_classification:
            return np.asarray(outputs, np.float64)
        probabilities = self.probabilities(outputs)
        return probabilities[:, 1] if self.kind == "binary" else probabilities

    def as_soft(self, targets: NDArray[Any]) -> NDArray[Any]:
        """Targets in the form of :meth:`soft_targets`; class indices become one-hot vectors."""
        if self.kind == "multi-class":
            return np.asarray(np.eye(len(self.classes))[targets])
        return targets if self.is_classification else targets.reshape(len(targets), -1)

    def decide(self, outputs: NDArray[np.float64]) -> NDArray[Any]:
        """The answer to every example, in the form of its targets.

        Returns:
            The class, int64 (N,), for binary and multi-class; 0 or 1, int64 (N, C), for
            multi-label; the numbers themselves, float64 (N, C), for a regression; the medians,
            float64 (N, H * C), for a forecast.
        """
        outputs = np.asarray(outputs, np.float64)
        if self.kind == "binary":
            return np.asarray(outputs[:, 0] > 0, np.int64)
        if self.kind == "multi-class":
            return np.asarray(outputs.argmax(1))
        if self.kind == "forecast":
            return self.medians(self.predictions(outputs))
        return np.asarray(outputs > 0, np.int64) if self.kind == "multi-label" else outputs

    def split_targets(
        self, targets: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The values to be forecast, (N, H * C), and the errors that MASE divides by, (N, C)."""
        count = self.horizon * len(self.classes)
        return targets[:, :count], targets[:, count:]

    def medians(self, predictions: NDArray[np.float64]) -> NDArray[np.float64]:
        """The medians of a forecast's quantiles, (N, H * C), out of (N, H * C * Q)."""
        each = predictions.reshape(len(predictions), -1, len(self.quantiles))
        return np.asarray(each[:, :, self.quantiles.index(0.5)])

    def predictions(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The form in which results keep outputs: probabilities, or numbers.

        Returns:
            (N, number of classes or numbers); for a forecast (N, H * C * Q), quantiles ascending.
        """
        if self.is_classification:
            return self.probabilities(outputs)
        if self.kind == "forecast":
            each = np.reshape(outputs, (len(outputs), -1, len(self.quantiles)))
            return np.sort(each.astype(np.float64), axis=2).reshape(len(outputs), -1)
        return np.asarray(outputs, np.float64)

    def decide_by(self, predictions: NDArray[np.float64]) -> NDArray[Any]:
        """Like :meth:`decide`, but from the values that :meth:`predictions` returned."""
        if self.has_one_class:
            return np.asarray(predictions.argmax(1))
        if self.kind == "multi-label":
            return np.asarray(predictions > 0.5, np.int64)
        return self.medians(predictions) if self.kind == "forecast" else predictions

    def target(self, answer: Any) -> Any:
        """The target for an answer in names: the inverse of :meth:`named` for one example.

        Args:
            answer: The name of a class, a list of names of labels, a number or a list of numbers.

        Returns:
            A class index, a list of 0 or 1 for each label, a number or a list of numbers.

        Raises:
            ValueError: It is no answer of this task; the message says what is expected.
        """
        if self.has_one_class:
            if answer not in self.classes:
                raise ValueError(f"a class of {', '.join(self.classes)}")
            return self.classes.index(answer)
        several = isinstance(answer, list | tuple)
        if self.kind == "multi-label":
            if not several or not {*answer} <= {*self.classes}:
                raise ValueError(f"a list of labels of {', '.join(self.classes)}")
            return [int(name in answer) for name in self.classes]
        numbers = [*answer] if several else [answer]
        if len(numbers) != len(self.classes) or not all(map(_is_finite, numbers)):
            count = len(self.classes)
            raise ValueError("a number" if count == 1 else f"a list of {count} numbers")
        return numbers if len(numbers) > 1 else numbers[0]

    def targets(self, values: Sequence[Any]) -> NDArray[Any]:
        """The array of several examples' targets, each as :meth:`target` returns it."""
        return np.array(values, np.int64 if self.is_classification else np.float64)

    def missing(self, targets: NDArray[Any]) -> list[str]:
        """The classes without an example; empty unless every example has exactly one class."""
        if not self.has_one_class:
            return []
        occurs = np.isin(np.arange(len(self.classes)), targets)
        return [name for name, is_there in zip(self.classes, occurs, strict=True) if not is_there]

    def check_targets(self, targets: NDArray[Any]) -> None:
        """Check that targets have the form that the class docstring describes.

        Raises:
            ValueError: The shape or dtype is another, or a value is out of its range.
        """
        classes = len(self.classes) * (self.horizon + 1)
        shapes: list[tuple[int, ...]] = [(len(targets),)]
        if not self.has_one_class:
            shapes = [(len(targets), classes)] + shapes * (not self.is_classification)
            shapes = shapes if classes == 1 else shapes[:1]
        wanted = "int64" if self.is_classification else "float64"
        if targets.dtype != wanted or targets.shape not in shapes:
            expected = " or ".join(map(str, shapes))
            raise ValueError(
                f"Task: expected targets of {wanted} and shape {expected}, got {targets.dtype} and "
                f"{targets.shape}"
            )
        most = classes - 1 if self.has_one_class else 1
        if not self.is_classification:
            is_right = (np.isfinite(targets) | (np.isnan(targets) & bool(self.horizon))).all()
        else:
            is_right = not len(targets) or (targets.min() >= 0 and targets.max() <= most)
        if not is_right:
            expected = f"from 0 to {most}" if self.is_classification else "that are finite"
            raise ValueError(f"Task: expected targets {expected}, got others")

    def constant_outputs(self, targets: NDArray[Any]) -> NDArray[np.float64]:
        """The outputs of the best constant model, which gives every example the same answer.

        Args:
            targets: The targets of at least one example.

        Returns:
            (C,): logits of the frequency of each class or label, with 1 added to each count; the
            mean of a regression's numbers.
        """
        targets = np.asarray(targets, np.float64)
        if self.kind == "regression":
            return np.asarray(targets.reshape(len(targets), -1).mean(0))
        if self.kind == "multi-class":
            counts = np.bincount(targets.astype(np.int64), minlength=len(self.classes)) + 1.0
            return np.asarray(np.log(counts / counts.sum()))
        held = targets.reshape(len(targets), -1).sum(0)
        return np.asarray(np.log((held + 1) / (len(targets) - held + 1)))

    def named(self, answers: NDArray[Any]) -> list[Any]:
        """Answers or targets in names, for users.

        Args:
            answers: Answers as :meth:`decide` returns them.

        Returns:
            For each example the name of a class; for multi-label a list of names; for a regression
            a number, or a list of several.
        """
        if self.has_one_class:
            return [self.classes[index] for index in answers.tolist()]
        if self.kind == "multi-label":
            return [[self.classes[index] for index in np.flatnonzero(row)] for row in answers]
        rows = answers.reshape(len(answers), -1).tolist()
        return [row[0] if len(row) == 1 else row for row in rows]

    def to_json(self) -> dict[str, Any]:
        """The task as JSON values."""
        content: dict[str, Any] = {"kind": self.kind, "classes": [*self.classes]}
        if self.kind == "forecast":
            content |= {
                "horizon": self.horizon,
                "quantiles": [*self.quantiles],
                "season_length": self.season_length,
            }
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The task of :meth:`to_json`.

        Raises:
            FormatError: The content is not that of a task.
        """
        try:
            kind, classes = content["kind"], content["classes"]
            others = {"horizon", "quantiles", "season_length"} if kind == "forecast" else set()
            if {*content} != {"kind", "classes"} | others or not isinstance(classes, list):
                raise ValueError("expected kind and classes, a list of names, and nothing else")
            if not all(isinstance(name, str) for name in classes):
                raise ValueError("expected names of classes that are texts")
            if kind != "forecast":
                return cls(kind, tuple(classes))
            horizon, season, levels = (
                content[name] for name in ("horizon", "season_length", "quantiles")
            )
            if not (type(horizon) is type(season) is int and isinstance(levels, list)):
                raise ValueError("expected a horizon, a season_length and a list of quantiles")
            if not all(isinstance(level, float) for level in levels):
                raise ValueError("expected quantiles between 0 and 1")
            return cls(kind, tuple(classes), horizon, tuple(levels), season)
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"task: {error}") from error


def _is_finite(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and bool(np.isfinite(float(value)))

"""The linear model that is trained beside a network, and its blend with it.

Networks on texts have one on n-grams beside them, networks on series one on pooled statistics.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tidegate.data.examples import Examples
from tidegate.data.preprocessing import Preprocessor, TextPreprocessor
from tidegate.data.preprocessing.series import VALUES
from tidegate.evaluation.blend import Blend, Logits, fit_blend
from tidegate.inference.ngrams import NgramClassifier
from tidegate.inference.pooled import PooledModel
from tidegate.model.ngrams import fit_ngrams
from tidegate.model.pooled_statistics import fit_pooled
from tidegate.task import Kind, Task
from tidegate.training.sections import LinearModel


@dataclass(frozen=True)
class LinearBranch:
    """A linear model that is trained on the same examples as the networks beside it."""

    model: NgramClassifier | PooledModel
    validation: Logits
    """Its logits, or a regression's numbers, on the validation part, (N, C)."""
    test: Logits
    """Its logits, or a regression's numbers, on the test part, (N, C)."""
    kind: Kind = "binary"
    """The kind of the task; a binary and a multi-class task are blended alike."""

    @classmethod
    def train(
        cls,
        values: LinearModel,
        train: Examples,
        validation: Examples,
        test: Examples,
        *,
        num_outputs: int = 1,
    ) -> "LinearBranch":
        """Train one on n-grams; the validation part is used only by :meth:`blend`.

        Args:
            values: Hyperparameters.
            train, validation, test: The parts, with token ids for the linear model.
            num_outputs: C, the number of logits of the networks beside it.
        """
        assert train.full_token_ids is not None
        assert validation.full_token_ids is not None
        assert test.full_token_ids is not None
        model = fit_ngrams(
            train.full_token_ids,
            train.targets,
            max_order=values.order,
            min_count=values.min_count,
            C=values.C,
            num_outputs=num_outputs,
        )
        return cls(
            model,
            model.decision_function(validation.full_token_ids),
            model.decision_function(test.full_token_ids),
        )

    @classmethod
    def train_on_series(
        cls, task: Task, train: Examples, validation: Examples, test: Examples
    ) -> "LinearBranch":
        """Train one on pooled statistics; the validation part is used only by :meth:`blend`.

        Args:
            task: What is predicted.
            train, validation, test: The parts, with the numbers of series.
        """
        model = fit_pooled(train.inputs[VALUES], train.targets, task)
        return cls(
            model,
            model.decision_function(validation.inputs[VALUES]),
            model.decision_function(test.inputs[VALUES]),
            task.kind,
        )

    @property
    def has_blend(self) -> bool:
        """Whether it is blended with a network: a regression stands beside it."""
        return self.kind != "regression"

    def answer(self, examples: Examples) -> Logits:
        """Compute the logits of other examples, or a regression's numbers, (N, C)."""
        if isinstance(self.model, PooledModel):
            return self.model.decision_function(examples.inputs[VALUES])
        assert examples.full_token_ids is not None
        return self.model.decision_function(examples.full_token_ids)

    def blend(self, network: Logits, targets: Any) -> Blend:
        """Fit the temperatures and weights of the blend on the validation part.

        Several labels share them: each label of each example counts as one binary answer.

        Args:
            network: The network's logits on the validation part, (N, C).
            targets: The labels of the validation part, (N,), or (N, C) for multi-label.

        Raises:
            ValueError: The task is a regression.
        """
        if not self.has_blend:
            raise ValueError("LinearBranch: expected a classification for a blend, got regression")
        logits = {"network": network, "linear": self.validation}
        if self.kind == "multi-label":
            logits = {name: np.reshape(one, -1) for name, one in logits.items()}
            targets = np.reshape(targets, -1)
        return fit_blend(logits, targets)


def pooled_description(task: Task) -> str:
    """The name of a task's linear model on series, for example in a table of results."""
    regression = "ridge" if task.kind == "regression" else "logistic"
    return f"{regression} regression on pooled statistics"


def inference_parts(
    preprocessor: Preprocessor, linear: LinearBranch | None
) -> tuple[Preprocessor, NgramClassifier | PooledModel | None]:
    """The preprocessor and the linear model that a model folder keeps, without unused n-grams.

    A linear model that is not blended with the network is not kept.
    """
    if not isinstance(preprocessor, TextPreprocessor):
        return preprocessor, linear.model if linear is not None and linear.has_blend else None
    if linear is None:
        return replace(preprocessor, full_vocabulary=None), None
    assert preprocessor.full_vocabulary is not None
    assert isinstance(linear.model, NgramClassifier)
    ngrams, words = linear.model.compact(preprocessor.full_vocabulary)
    return replace(preprocessor, full_vocabulary=words), ngrams

"""The linear model on n-grams that is trained beside a network, and its blend with it."""

from dataclasses import dataclass, replace
from typing import Any

from tidegate.data.examples import Examples
from tidegate.data.preprocessing import Preprocessor, TextPreprocessor
from tidegate.evaluation.blend import Blend, Logits, fit_blend
from tidegate.inference.ngrams import NgramClassifier
from tidegate.model.ngrams import fit_ngrams
from tidegate.training.sections import LinearModel


@dataclass(frozen=True)
class LinearBranch:
    """A linear model on n-grams, trained on the same examples as the networks beside it."""

    model: NgramClassifier
    validation: Logits
    """Its logits on the validation part, (N, C)."""
    test: Logits
    """Its logits on the test part, (N, C)."""

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
        """Train it on the training part; the validation part is used only by :meth:`blend`.

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

    def answer(self, examples: Examples) -> Logits:
        """Compute the logits of other examples, (N, C)."""
        assert examples.full_token_ids is not None
        return self.model.decision_function(examples.full_token_ids)

    def blend(self, network: Logits, targets: Any) -> Blend:
        """Fit the temperatures and weights of the blend on the validation part.

        Args:
            network: The network's logits on the validation part, (N, C).
            targets: The labels of the validation part, (N,).
        """
        return fit_blend({"network": network, "linear": self.validation}, targets)


def inference_parts(
    preprocessor: Preprocessor, linear: LinearBranch | None
) -> tuple[Preprocessor, NgramClassifier | None]:
    """The preprocessor and the linear model that a model folder keeps, without unused n-grams."""
    if not isinstance(preprocessor, TextPreprocessor):
        return preprocessor, None if linear is None else linear.model
    if linear is None:
        return replace(preprocessor, full_vocabulary=None), None
    assert preprocessor.full_vocabulary is not None
    ngrams, words = linear.model.compact(preprocessor.full_vocabulary)
    return replace(preprocessor, full_vocabulary=words), ngrams

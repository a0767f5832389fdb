"""The texts of a run, split into words once for its language models and classifiers."""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from tidegate.data import unlabelled
from tidegate.data.dataset import TextDataset
from tidegate.data.prepared import PreparedData, fit_tokeniser, num_trained_on, prepare
from tidegate.data.tokenise import split
from tidegate.data.tokenised import TokenisedTexts, WordSpool
from tidegate.data.tokeniser import Tokeniser
from tidegate.data.vocabulary import Vocabulary
from tidegate.data.words import Words
from tidegate.runs import pretrained
from tidegate.runs.experiment import Experiment
from tidegate.runs.pretrained import PretrainingTexts


class RunTexts:
    """A data set, and texts without labels, as an experiment reads them.

    Args:
        experiment: With the path of the texts without labels, or none.
        dataset: The texts with labels.
    """

    def __init__(self, experiment: Experiment, dataset: TextDataset) -> None:
        self.experiment, self.dataset = experiment, dataset

    @cached_property
    def tokeniser(self) -> Tokeniser:
        """What splits the texts; one that learns has learnt from the texts that train."""
        texts = self.dataset.train.texts[: self._num_own()]
        return fit_tokeniser(self.experiment.recipe.text_options(), texts)

    @cached_property
    def tokenised(self) -> TokenisedTexts:
        """The words of all texts; of those without labels, if the networks learn them, too."""
        path, recipe = self.experiment.unlabelled, self.experiment.recipe
        return TokenisedTexts.of(
            self.dataset,
            self.tokeniser,
            limit=self.experiment.limit,
            unlabelled=unlabelled.read(Path(path)) if path and recipe.self_training.epochs else (),
        )

    def for_language_models(self, run_folder: Path) -> PretrainingTexts | None:
        """What language models learn; None where no one is left to train.

        What validates later, and what ``limit`` leaves out, is not among it.
        """
        experiment = self.experiment
        num_own = self._num_own()

        @contextmanager
        def words(spool_folder: Path) -> Iterator[Iterable[Words]]:
            own = self.tokenised.train.first(num_own)
            if experiment.unlabelled is None or self.tokenised.unlabelled:
                yield [*self.tokenised.unlabelled, own]
                return
            chunks = unlabelled.read(Path(experiment.unlabelled))
            others = (split(chunk, self.tokeniser) for chunk in chunks)
            with WordSpool(itertools.chain(others, [own]), spool_folder) as spool:
                yield spool

        corpus = pretrained.open_or_write_corpus(experiment, run_folder, words)
        return None if corpus is None else PretrainingTexts(corpus, num_own)

    def for_classifiers(self, run_folder: Path, learnt: PretrainingTexts | None) -> PreparedData:
        """What classifiers learn, with the ids of the language models that they begin with.

        Args:
            learnt: What language models learn, where some are left to train.
        """
        recipe, vocabulary = self.experiment.recipe, self._vocabulary(run_folder, learnt)
        if vocabulary is not None:
            self.tokeniser = vocabulary.tokeniser
        return prepare(
            self.dataset,
            recipe.text_options(),
            validation_share=recipe.training.validation_share,
            limit=self.experiment.limit,
            vocabulary=vocabulary,
            tokenised=self.tokenised,
        )

    def _num_own(self) -> int:
        """How many texts of the data set train."""
        share = self.experiment.recipe.training.validation_share
        return num_trained_on(self.dataset, share, self.experiment.limit)

    def _vocabulary(self, run_folder: Path, learnt: PretrainingTexts | None) -> Vocabulary | None:
        if learnt is not None:
            return learnt.corpus.vocabulary
        models = pretrained.models_of(self.experiment, run_folder)
        return pretrained.load(models[0]).vocabulary if models else None

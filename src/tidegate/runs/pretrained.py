"""A language model trained on texts without labels, and a classifier that begins from one."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch

import tidegate
from tidegate.cells import CELLS
from tidegate.data.corpus import Corpus, open_corpus, write_corpus
from tidegate.data.ragged import Ragged
from tidegate.data.vocabulary import Vocabulary
from tidegate.data.words import Words
from tidegate.errors import DataError, FormatError, RecipeError
from tidegate.model.language_model import LanguageModel
from tidegate.runs import language_model_folder
from tidegate.runs.events import PretrainingBegins, PretrainingEnds, RunCallback
from tidegate.runs.experiment import Experiment
from tidegate.runs.fingerprint import exactness
from tidegate.runs.job_value import Job
from tidegate.runs.language_model_folder import CONFIG, TENSORS, VOCABULARY, LanguageModelFolder
from tidegate.runs.run_folder import PRETRAINING, name_of
from tidegate.storage import schema
from tidegate.storage.atomic import make_folders, remove_leftovers, remove_tree
from tidegate.storage.os_errors import as_run_folder_error
from tidegate.storage.schema import Between, OneOf
from tidegate.storage.tensors import check_shapes
from tidegate.training.checkpoint_manager import CheckpointManager, discard
from tidegate.training.pretraining import Pretraining, pretrain
from tidegate.training.recipe import Recipe

KIND = "language-model"
HELD_OUT_SHARE, MOST_HELD_OUT = 0.01, 100
"""The share of its texts by which a language model is measured, and their number at most: measured
over the whole vocabulary, a text costs as much as twenty in training."""
CORPUS, MODEL = "corpus", "model"
Size = Annotated[int, Between(1, 1 << 24)]


@dataclass(frozen=True)
class Architecture:
    """The arguments of :class:`LanguageModel`, as a model folder has them."""

    cell: Annotated[str, OneOf((*CELLS,))]
    vocabulary_size: Size
    embedding_dim: Size
    hidden_size: Size
    bidirectional: bool


@dataclass(frozen=True)
class Pretrained:
    """A trained language model, whose parameters a classifier begins with."""

    vocabulary: Vocabulary
    architecture: dict[str, Any]
    """The arguments of :class:`LanguageModel`."""
    encoder: dict[str, torch.Tensor]
    """Parameters that the classifier takes over, by the classifier's names."""

    def check(self, recipe: Recipe, cell: str) -> None:
        """Refuse a network of another cell or other widths, or that reads other words.

        Raises:
            RecipeError: What differs, and how to mend it.
        """
        wanted = {
            "cell": cell,
            "embedding_dim": recipe.network.embedding_dim,
            "hidden_size": recipe.network.hidden_size,
            "bidirectional": recipe.network.bidirectional,
            "tokens": recipe.text.tokens,
        }
        own = {"tokens": self.vocabulary.tokeniser.name, **self.architecture}
        if len(self.vocabulary) > recipe.text.vocabulary_size:
            wanted["vocabulary_size"] = recipe.text.vocabulary_size
        differing = {name: value for name, value in wanted.items() if own[name] != value}
        if differing:
            raise RecipeError(
                f"expected a language model of {_listed(differing)}, got one of "
                f"{_listed({name: own[name] for name in differing})}; change the recipe with "
                "--set, or pretrain with these values"
            )


def load(path: Path) -> Pretrained:
    """Read the model folder of a language model.

    Raises:
        FormatError: It is not one, or damaged.
    """
    folder = language_model_folder.load(path)
    architecture = folder.config.get("architecture")
    if not isinstance(architecture, dict) or architecture.pop("kind", None) != KIND:
        raise FormatError(
            f"{path}: expected a model folder of `tidegate pretrain`, got one of another model"
        )
    values = asdict(schema.build(Architecture, architecture, f"{path}/{CONFIG}: architecture"))
    try:
        vocabulary = Vocabulary.from_json(folder.vocabulary)
    except FormatError as error:
        raise FormatError(f"{path}/{VOCABULARY}: {error}") from error
    if len(vocabulary) != values["vocabulary_size"]:
        raise FormatError(
            f"{path}: expected a vocabulary of {values['vocabulary_size']:,} ids, got "
            f"{len(vocabulary):,}"
        )
    # No memory is taken before the shapes are known to be right.
    empty = LanguageModel(**values, device="meta").state_dict()
    shapes = {name: tensor.shape for name, tensor in empty.items()}
    check_shapes(folder.tensors, shapes, f"{path}/{TENSORS}")
    model = LanguageModel(**values)
    model.load_state_dict({name: torch.from_numpy(t) for name, t in folder.tensors.items()})
    return Pretrained(vocabulary, model.config, model.encoder_tensors())


@dataclass(frozen=True)
class PretrainingTexts:
    """The texts that language models learn."""

    corpus: Corpus
    num_own: int
    """Texts of it that are of the data set's training part."""


def open_or_write_corpus(
    experiment: Experiment,
    run_folder: Path,
    words: Callable[[Path], AbstractContextManager[Iterable[Words]]],
) -> Corpus | None:
    """The texts that the language models of an experiment learn, numbered, on the disk.

    It is written once a run, and stays until all are trained. The more frequent words of these
    texts are the vocabulary of language models and classifiers.

    Args:
        run_folder: Gets the corpus.
        words: Gives, for a ``with`` block, the words of the texts, some at a time, as often as
            they are iterated over; it may use a folder for files that have no name.

    Returns:
        None where no language model is left to train.

    Raises:
        FormatError: The corpus of a run that goes on is damaged.
    """
    if experiment.init_from is not None or not experiment.recipe.pretraining.epochs:
        return None
    parent = run_folder / PRETRAINING
    if parent.is_dir():
        remove_leftovers(parent)
    if all(model.exists() for model in models_of(experiment, run_folder)):
        return None
    folder = parent / CORPUS
    if folder.exists():
        try:
            corpus = open_corpus(folder)
            corpus.verify()
        except FormatError as error:
            raise FormatError(f"{error}; remove {folder}, and the run makes it anew") from error
        return corpus
    with as_run_folder_error(f"corpus {folder}: expected to write it"):
        make_folders(parent)
        with words(parent) as chunks:
            vocabulary = Vocabulary.build(chunks, experiment.recipe.text.vocabulary_size)
            return write_corpus(folder, chunks, vocabulary)


def models_of(experiment: Experiment, run_folder: Path) -> list[Path]:
    """The folders of the language models that the jobs of an experiment begin with."""
    if experiment.init_from is not None:
        return [Path(experiment.init_from)]
    if not experiment.recipe.pretraining.epochs:
        return []
    return [
        run_folder / PRETRAINING / name_of(cell, seed) / MODEL
        for seed in experiment.seeds
        for cell in experiment.cells
    ]


def remove_corpus(run_folder: Path) -> None:
    """Remove the corpus of a run whose language models are trained.

    Raises:
        RunFolderError: The system refused.
    """
    folder = run_folder / PRETRAINING / CORPUS
    if folder.exists():
        with as_run_folder_error(f"corpus {folder}: expected to remove it"):
            remove_tree(folder)


def train(
    job: Job,
    texts: PretrainingTexts | None,
    folder: Path,
    callback: RunCallback,
    allow_inexact: bool = False,
) -> Path:
    """Train the language model of a job.

    What was finished before is not done again, and what was begun goes on.

    Args:
        texts: To learn; not looked at where the model is trained already.
        folder: Gets ``model``, the step log, and until that is done checkpoints.

    Returns:
        The model's folder.
    """
    if folder.is_dir():
        remove_leftovers(folder)
    if not (folder / MODEL).exists():
        if texts is None:
            raise DataError(f"language model {folder}: expected texts to train it on, got none")
        _train(job, texts, folder, callback, allow_inexact)
    discard(folder)
    callback(PretrainingEnds(folder / MODEL))
    return folder / MODEL


def _train(
    job: Job, texts: PretrainingTexts, run_folder: Path, callback: RunCallback, allow_inexact: bool
) -> None:
    """Train and save, from the last checkpoint where there is one."""
    recipe, corpus, folder = job.recipe, texts.corpus, run_folder / MODEL
    held_out, train = _held_out(corpus.sequences)
    num_words = int(train.lengths().sum())
    if num_words <= recipe.pretraining.streams:
        raise DataError(
            "pretraining: expected more words than pretraining.streams="
            f"{recipe.pretraining.streams}, got {num_words}; give more texts, or fewer streams by "
            "--set"
        )
    own = "all" if job.unlabelled is None else f"{texts.num_own:,} of them"
    read = f"{len(train):,} texts of {num_words:,} tokens, {own} the training part's"
    callback(PretrainingBegins(job.cell, job.seed, read))
    vocabulary = corpus.vocabulary
    model = LanguageModel(
        job.cell,
        vocabulary_size=len(vocabulary),
        embedding_dim=recipe.network.embedding_dim,
        hidden_size=recipe.network.hidden_size,
        bidirectional=recipe.network.bidirectional,
    )
    counts = corpus.sequences.counts(len(vocabulary))
    model.reset_parameters(job.seed, torch.from_numpy(counts))
    values = pretraining(recipe)
    checkpoint_manager = CheckpointManager(
        run_folder,
        every=job.checkpoint_every,
        fingerprint={
            "configuration": {**values.configuration(), **model.config, "seed": job.seed},
            "data": {"corpus": corpus.fingerprint()},
            "exactness": exactness(job.threads),
        },
        allow_inexact=allow_inexact,
    )
    progress = pretrain(
        model,
        values,
        train,
        held_out,
        seed=job.seed,
        callback=callback,
        checkpoint_manager=checkpoint_manager,
    )
    saved = LanguageModelFolder(
        config={"architecture": {"kind": KIND, **model.config}},
        tensors={name: tensor.numpy() for name, tensor in model.state_dict().items()},
        vocabulary=vocabulary.to_json(),
        card=_card(model, recipe, len(train), progress.epochs[-1].validation_loss),
    )
    with as_run_folder_error(f"model {folder}: expected to write it"):
        saved.save(folder)


def pretraining(recipe: Recipe) -> Pretraining:
    """The values of a recipe that are the language model's."""
    return Pretraining(
        num_streams=recipe.pretraining.streams,
        num_steps=recipe.pretraining.steps,
        epochs=recipe.pretraining.epochs,
        learning_rate=recipe.pretraining.learning_rate,
    )


def _held_out(documents: Ragged) -> tuple[Ragged, Ragged]:
    """The first share of documents, of at least one word, and the others."""
    offsets = documents.offsets
    # Every document begins with a token that is no word.
    count = min(int(len(documents) * HELD_OUT_SHARE), MOST_HELD_OUT)
    count = max(count, 1, int(np.searchsorted(offsets, 2)))
    if count >= len(documents):
        raise DataError(
            "pretraining: expected at least 2 texts with words, one of which is held out, got "
            f"{len(documents)} of {int(offsets[-1]) - len(documents):,} words"
        )
    return (
        Ragged(documents.values, offsets[: count + 1]),
        Ragged(documents.values, offsets[count:]),
    )


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _card(model: LanguageModel, recipe: Recipe, num_texts: int, loss: float) -> str:
    needed = " --unlabelled FILE" if recipe.self_training.epochs else ""
    config, passes = model.config, recipe.pretraining.epochs
    ways = "forward and one backward" if config["bidirectional"] else "forward"
    return f"""# A language model to start classifiers from

One {ways} {config["cell"]} of {config["hidden_size"]} units over {config["vocabulary_size"]:,}
tokens, trained by tidegate {tidegate.__version__} on {num_texts:,} texts in
{passes} epoch{"s" * (passes != 1)}. Cross-entropy on held-out texts: {loss:.3f} nats a token.

    tidegate train DATASET --recipe {shlex.quote(recipe.name)} --init-from PATH{needed}
"""

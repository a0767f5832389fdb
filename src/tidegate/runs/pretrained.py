"""A language model trained on texts without labels, and a classifier that begins from one."""

import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

import numpy as np
import torch

import tidegate
from tidegate.cells import CELLS
from tidegate.data import unlabelled
from tidegate.data.corpus import Corpus, open_corpus, write_corpus
from tidegate.data.dataset import Split
from tidegate.data.ragged import Ragged
from tidegate.data.tokenise import split
from tidegate.data.vocabulary import Vocabulary
from tidegate.errors import DataError, FormatError, RecipeError
from tidegate.model.language_model import LanguageModel
from tidegate.runs import language_model_folder
from tidegate.runs.experiment import Experiment
from tidegate.runs.fingerprint import compute_exactly, exactness
from tidegate.runs.language_model_folder import CONFIG, TENSORS, VOCABULARY, LanguageModelFolder
from tidegate.runs.run_folder import PRETRAINING
from tidegate.storage import schema
from tidegate.storage.atomic import remove_leftovers, remove_tree
from tidegate.storage.os_errors import as_run_folder_error
from tidegate.storage.schema import Between, OneOf
from tidegate.storage.tensors import check_shapes
from tidegate.training.callback import Callback
from tidegate.training.checkpoint_manager import CheckpointManager, discard
from tidegate.training.pretraining import Pretraining, pretrain
from tidegate.training.recipe import Recipe

KIND = "language-model"
HELD_OUT_SHARE, MOST_HELD_OUT = 0.01, 100
"""Of its texts, by which a language model is measured, and texts at most: over the whole vocabulary
one costs as much as twenty in training."""
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
    """What a classifier begins from."""

    vocabulary: Vocabulary
    architecture: dict[str, Any]
    """The arguments of :class:`LanguageModel`."""
    encoder: dict[str, torch.Tensor]
    """The classifier's parameters that there are, by their names there."""

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
        found = {"tokens": self.vocabulary.scheme, **self.architecture}
        if len(self.vocabulary) > recipe.text.vocabulary_size:
            wanted["vocabulary_size"] = recipe.text.vocabulary_size
        differing = {name: value for name, value in wanted.items() if found[name] != value}
        if differing:
            raise RecipeError(
                f"expected a language model of {_listed(differing)}, got one of "
                f"{_listed({name: found[name] for name in differing})}; change the recipe with "
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


class PretrainingWatcher(Callback, Protocol):
    """Is told how a language model's training goes."""

    def pretraining_begins(self, cell: str, seed: int, texts: str) -> None:
        """A training of this cell from this seed begins, on these texts."""

    def pretraining_ends(self, folder: Path) -> None:
        """The model is saved in this folder, now or before."""


@dataclass(frozen=True)
class Encoders:
    """What the networks of an experiment begin with."""

    vocabulary: Vocabulary
    """Of all of them: it depends on the texts alone."""
    encoders: dict[tuple[str, int], dict[str, torch.Tensor]]
    """By cell and seed, the parameters by their names in the network."""
    training_s: dict[tuple[str, int], float]
    """By cell and seed, the wall time of the language model; of this process alone."""


def of_experiment(
    experiment: Experiment,
    texts: Split,
    run_folder: Path,
    callback: "PretrainingWatcher",
    allow_inexact: bool = False,
) -> Encoders | None:
    """The language models of an experiment, trained or read; None where it begins with none.

    Args:
        texts: The data set's training part. What validates later, and what ``limit`` leaves out,
            is not among what the language models read.

    Raises:
        RecipeError: The model to begin with has another cell, or other widths.
    """
    recipe, found, training_s = experiment.recipe, {}, {}
    if experiment.init_from is None and not recipe.pretraining.epochs:
        return None
    compute_exactly(experiment.threads)
    num_texts = min(experiment.limit or len(texts), len(texts))
    own = texts.first(int(num_texts * (1 - recipe.training.validation_share)))
    for seed in experiment.seeds:
        for cell in experiment.cells:
            training_s[cell, seed] = 0.0
            if experiment.init_from is not None:
                folder = Path(experiment.init_from)
            else:
                begin = time.perf_counter()
                where = run_folder / PRETRAINING / f"{cell}-seed{seed}"
                folder = carry_out(experiment, cell, seed, own, where, callback, allow_inexact)
                training_s[cell, seed] = time.perf_counter() - begin
            model = load(folder)
            model.check(recipe, cell)
            found[cell, seed] = model.encoder
    return Encoders(model.vocabulary, found, training_s)


def carry_out(
    experiment: Experiment,
    cell: str,
    seed: int,
    texts: Split,
    run_folder: Path,
    callback: PretrainingWatcher,
    allow_inexact: bool = False,
) -> Path:
    """Train a language model on the training texts of a data set, and on texts without labels.

    What was finished before is not done again, and what was begun goes on.

    Args:
        experiment: With the path of the texts without labels, or none.
        texts: Of the data set's training part; their labels are not looked at.
        run_folder: Gets ``model``, and until that is done ``corpus`` and checkpoints.

    Returns:
        The model's folder.
    """
    folder, corpus = run_folder / MODEL, run_folder / CORPUS
    if run_folder.is_dir():
        remove_leftovers(run_folder)
    if not folder.exists():
        _train(experiment, cell, seed, texts, run_folder, callback, allow_inexact)
    # Also where a run was killed between its model and this.
    if corpus.exists():
        remove_tree(corpus)
    discard(run_folder)
    callback.pretraining_ends(folder)
    return folder


def _train(
    experiment: Experiment,
    cell: str,
    seed: int,
    texts: Split,
    run_folder: Path,
    callback: PretrainingWatcher,
    allow_inexact: bool,
) -> None:
    """Train and save, from the last checkpoint where there is one."""
    recipe, folder = experiment.recipe, run_folder / MODEL
    corpus = _corpus(recipe, texts, experiment.unlabelled, run_folder / CORPUS)
    held_out, train = _held_out(corpus.sequences)
    num_words = int(train.lengths().sum())
    if num_words <= recipe.pretraining.streams:
        raise DataError(
            "pretraining: expected more words than pretraining.streams="
            f"{recipe.pretraining.streams}, got {num_words}; give more texts, or fewer streams by "
            "--set"
        )
    own = "all" if experiment.unlabelled is None else f"{len(texts):,} of them"
    callback.pretraining_begins(
        cell, seed, f"{len(train):,} texts of {num_words:,} words, {own} the training part's"
    )
    vocabulary = corpus.vocabulary
    model = LanguageModel(
        cell,
        vocabulary_size=len(vocabulary),
        embedding_dim=recipe.network.embedding_dim,
        hidden_size=recipe.network.hidden_size,
        bidirectional=recipe.network.bidirectional,
    )
    counts = corpus.sequences.counts(len(vocabulary))
    model.reset_parameters(seed, torch.from_numpy(counts))
    values = pretraining(recipe)
    checkpoint_manager = CheckpointManager(
        run_folder,
        every=experiment.checkpoint_every,
        fingerprint={
            "configuration": {**values.configuration(), **model.config, "seed": seed},
            "data": {"corpus": corpus.fingerprint()},
            "exactness": exactness(experiment.threads),
        },
        allow_inexact=allow_inexact,
    )
    progress = pretrain(
        model,
        values,
        train,
        held_out,
        seed=seed,
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


def _corpus(recipe: Recipe, texts: Split, path: str | None, folder: Path) -> Corpus:
    """The texts, numbered, on the disk; those without labels first."""
    if folder.exists():
        try:
            corpus = open_corpus(folder)
            corpus.verify()
        except FormatError as error:
            raise FormatError(f"{error}; remove {folder}, and the run makes it anew") from error
        return corpus

    def chunks() -> Iterator[list[str]]:
        if path is not None:
            yield from unlabelled.read(Path(path))
        size = unlabelled.CHUNK_TEXTS
        yield from (texts.texts[at : at + size] for at in range(0, len(texts), size))

    words = (split(chunk, recipe.text.tokens) for chunk in chunks())
    vocabulary = Vocabulary.build(words, recipe.text.vocabulary_size)
    return write_corpus(folder, chunks(), vocabulary)


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
words, trained by tidegate {tidegate.__version__} on {num_texts:,} texts in
{passes} epoch{"s" * (passes != 1)}. Cross-entropy on held-out texts: {loss:.3f} nats a word.

    tidegate train DATASET --recipe {shlex.quote(recipe.name)} --init-from PATH{needed}
"""

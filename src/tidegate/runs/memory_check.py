"""Whether an experiment fits in memory, asked before its run folder is made."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tidegate import memory
from tidegate.cells import NUM_GATES
from tidegate.data import unlabelled
from tidegate.data.dataset import TextDataset
from tidegate.data.tokenise import FIXED, split
from tidegate.data.vocabulary import FIRST_WORD, Vocabulary
from tidegate.data.words import Words
from tidegate.errors import RecipeError
from tidegate.runs.experiment import Experiment
from tidegate.training import footprint
from tidegate.training.footprint import CAUSES, Footprint, Sizes
from tidegate.training.ranges import IDS
from tidegate.training.sections import range_of

CHARACTERS_A_TOKEN = {"keras": 4, "words": 4, "bpe": 2, "characters": 1}
"""Of the tokens of a text, blanks included: IMDB's reviews have 5.0 of words and marks, 4.3 of byte
pairs; Chinese has fewer of the latter."""


def check(
    experiment: Experiment,
    texts: TextDataset,
    num_trained_on: int,
    *,
    only_pretrain: bool = False,
    begun: bool = False,
) -> None:
    """Refuse an experiment whose training takes more memory than there is.

    How many words the texts have is only counted where it matters.

    Args:
        num_trained_on: How many of the data set's training texts train.
        only_pretrain: Whether the run ends with its language models.
        begun: Whether the run was begun before, so that its recipe cannot change any more.

    Raises:
        RecipeError: With what it takes, what there is, and which values to lower.
    """
    free = memory.available_bytes()
    if free is None:
        return
    available, limit = free
    recipe, train = experiment.recipe, texts.train.first(experiment.limit or len(texts.train))
    given = [*train.texts, *texts.test.texts]
    num_characters = sum(map(len, given))
    characters_a_token = CHARACTERS_A_TOKEN[recipe.text.tokens]
    has_others = experiment.unlabelled is not None
    sizes = Sizes(
        cell=max(experiment.cells, key=NUM_GATES.__getitem__),
        # Every character may be a word.
        vocabulary_size=min(recipe.text.vocabulary_size, IDS if has_others else num_characters + 5),
        bigram_vocabulary_size=min(
            recipe.text.bigram_vocabulary_size, IDS if has_others else num_characters + 1
        ),
        num_texts=len(given),
        num_trained_on=num_trained_on,
        num_tokens=num_characters // characters_a_token + 1,
        longest=max(map(len, given)) // characters_a_token + 1,
    )
    if _needed(experiment, sizes, only_pretrain).num_bytes <= available:
        return
    without_tables = replace(sizes, vocabulary_size=0, bigram_vocabulary_size=0)
    needed = _needed(experiment, without_tables, only_pretrain)
    if needed.num_bytes <= available:
        needed = _needed(experiment, _counted(experiment, texts, sizes), only_pretrain)
    if needed.num_bytes <= available:
        return
    part = needed.largest
    values = {key: recipe.values()[key] for key in CAUSES[part]}
    lower = " or ".join(f"{key}={value}" for key, value in values.items() if _can_fall(key, value))
    if values.get("text.max_length") == 0:
        lower += " or limit text.max_length"
    how = "in a new run, or go on where there is more memory" if begun else "with --set"
    raise RecipeError(
        f"recipe {recipe.name}: expected a training that fits in the {_amount(available)} of "
        f"memory {limit}, got one of about {_amount(needed.num_bytes)} "
        f"({needed.num_parameters:,} parameters, their gradients and moments, and a batch), "
        f"{_amount(needed.parts[part])} of it for the {part}; lower {lower} {how}"
    )


def _needed(experiment: Experiment, sizes: Sizes, only_pretrain: bool) -> Footprint:
    """The larger footprint of the trainings, which follow one after the other."""
    recipe, footprints = experiment.recipe, []
    if recipe.pretraining.epochs and experiment.init_from is None:
        footprints.append(footprint.of_language_model(recipe, sizes))
    if not only_pretrain:
        footprints.append(footprint.of_classifier(recipe, sizes))
    return max(footprints, key=lambda one: one.num_bytes)


def _counted(experiment: Experiment, texts: TextDataset, sizes: Sizes) -> Sizes:
    """The sizes with as many ids as the texts have: one for every distinct word, and one for at
    most every second pair, for a pair has one if it stands in the texts twice."""
    tokens, num_tokens = experiment.recipe.text.tokens, 0
    if tokens not in FIXED:  # it learns as many pieces as the vocabulary may have
        return sizes

    def words() -> Iterator[Words]:
        nonlocal num_tokens
        for chunk in _chunks(experiment, texts):
            words_of_chunk = split(chunk, tokens)
            num_tokens += len(words_of_chunk.codes.values)
            yield words_of_chunk

    distinct = Vocabulary.build(words()).num_distinct or 0
    return replace(
        sizes,
        vocabulary_size=min(sizes.vocabulary_size, distinct + FIRST_WORD),
        bigram_vocabulary_size=min(sizes.bigram_vocabulary_size, num_tokens // 2 + 1),
    )


def _chunks(experiment: Experiment, texts: TextDataset) -> Iterator[list[str]]:
    yield texts.train.first(experiment.limit or len(texts.train)).texts
    if experiment.unlabelled is not None:
        yield from unlabelled.read(Path(experiment.unlabelled))


def _can_fall(key: str, value: float) -> bool:
    """Whether there is a lower value that a recipe may have."""
    range_ = range_of(key)
    return range_ is not None and value > range_.low


def _amount(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:,.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:,.0f} MB"

"""Lines on the data of a run, for the screen."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from tidegate.data.columns import Columns
from tidegate.data.series.columns import SeriesColumns
from tidegate.task import Task
from tidegate.training.recipe import Recipe

MOST_CLASSES = 12
"""That are listed with the number of their texts."""
PREPARED = {
    "text": "tokenising and numbering the words",
    "series": "scaling",
    "audio": "computing frames and scaling",
    "forecast": "laying windows",
}
"""What is done to rows after they are read, by the preprocessor's kind."""


def example_lines(facts: Mapping[str, Any], recipe: Recipe) -> dict[str, Text | str]:
    """How many examples each part has, and what of them is read."""
    if facts["kind"] == "text":
        return _texts(facts, recipe)
    return _windows(facts) if facts["kind"] == "forecast" else _series(facts)


def _windows(facts: Mapping[str, Any]) -> dict[str, Text | str]:
    """How many series are forecast, how far, and how often."""
    origins = facts["num_origins"]
    return {
        "series": f"{facts['num_series']:,} of {facts['shortest']:,} to {facts['longest']:,} steps",
        "windows": (
            f"{facts['num_train']:,} train, {facts['num_validation']:,} of the steps after them "
            f"validate, {facts['num_test']:,} of the last steps test ({origins} point"
            f"{'s' * (origins != 1)} in time)"
        ),
        "horizon": f"{facts['horizon']:,} steps; a season has {facts['season_length']:,}",
        "channels": f"{facts['channels']:,}; the network reads {facts['numbers_a_step']:,} "
        "numbers a step",
    }


def _texts(facts: Mapping[str, Any], recipe: Recipe) -> dict[str, Text | str]:
    """How many texts each part has, and what of them is read."""
    max_length, words = recipe.text.max_length, _NOUNS[recipe.text.tokens]
    num_train = facts["num_train"] + facts["num_validation"]
    unknown = {
        part: f"{facts[f'{part}_words_unknown'] / max(facts[f'{part}_words'], 1):.1%}"
        for part in ("training", "test")
    }
    return {
        "texts": (
            f"{num_train:,} for training ({facts['num_train']:,} train, the last "
            f"{facts['num_validation']:,} validate), {facts['num_test']:,} for the test"
        ),
        words: (
            f"vocabulary of {facts['vocabulary_size']:,}, {facts['distinct_words']:,} distinct "
            f"{words} in the training texts; {unknown['training']} of their {words} are "
            f"unknown, {unknown['test']} of the test's"
        ),
        "cut": (
            f"{facts['training_texts_cut']:,} training and {facts['test_texts_cut']:,} test "
            f"texts, to their last {max_length} tokens"
            if max_length
            else "no text: the recipe reads all tokens"
        ),
        **_empty(facts),
    }


def _series(facts: Mapping[str, Any]) -> dict[str, Text | str]:
    """How many series each part has, how long they are, and what of them is missing."""
    num_train = facts["num_train"] + facts["num_validation"]
    missing = {
        part: facts[f"{part}_missing"] / max(facts[f"{part}_steps"] * facts["channels"], 1)
        for part in ("training", "test")
    }
    lines: dict[str, Text | str] = {
        "series": (
            f"{num_train:,} for training ({facts['num_train']:,} train, the last "
            f"{facts['num_validation']:,} validate), {facts['num_test']:,} for the test"
        ),
        "steps": (
            f"{facts['training_steps']:,} of the training series, which have "
            f"{facts['training_shortest']:,} to {facts['training_longest']:,} each"
        ),
        "channels": f"{facts['channels']:,}; the network reads {facts['numbers_a_step']:,} "
        "numbers a step",
    }
    if any(missing.values()):
        lines["missing"] = (
            f"{missing['training']:.1%} of the training values, {missing['test']:.1%} of the test's"
        )
    return lines


def column_lines(facts: Mapping[str, Any]) -> dict[str, Text | str]:
    """The columns of the user's files that are read."""
    if facts["columns"] is None:
        return {}
    if facts["kind"] != "text":
        return {"columns": SeriesColumns.from_json(facts["columns"]).describe()}
    columns = Columns.from_json(facts["columns"])
    return {"columns": f"texts in {columns.text}, answers in {', '.join(columns.answers)}"}


def task_line(task: Task, counts: Mapping[str, int]) -> str:
    """What is asked, and how many training texts each class has, the most frequent first."""
    if not counts:
        return f"{task.kind} of {', '.join(task.classes)}"
    ranked = sorted(counts.items(), key=lambda pair: -pair[1])
    listed = ", ".join(f"{name} {count:,}" for name, count in ranked[:MOST_CLASSES])
    others = len(ranked) - MOST_CLASSES
    return f"{task.kind}: {listed}" + (f" and {others} more" if others > 0 else "")


_NOUNS = {"keras": "words", "words": "words", "characters": "characters", "bpe": "pieces"}
"""What the tokens of a recipe are called."""


def _empty(facts: Mapping[str, Any]) -> dict[str, Text | str]:
    """A line on texts without words, where there are any."""
    train, test = facts["training_texts_empty"], facts["test_texts_empty"]
    if not train and not test:
        return {}
    return {"empty": f"{train:,} training and {test:,} test texts have no words"}

"""The examples of the documentation run as they stand, and its tables are complete."""

import re
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from report_samples import make_blend, make_job
from tidegate.errors import RecipeError
from tidegate.runs import measures
from tidegate.training.history import Step
from tidegate.training.recipe import KINDS, NAMES, Recipe

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("page", ["layers.md"])
def test_the_examples_run(page, capsys):
    text = (DOCS / page).read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, page, "exec"), names)
    printed = re.sub(
        r"^engine \(\w+\)$", "engine (avx2)", capsys.readouterr().out, flags=re.MULTILINE
    )
    for line in printed.splitlines():
        assert f"    {line}\n" in text


def rows_of(page, first):
    """The rows of the table whose first column is headed so, as lists of cells."""
    text = (DOCS / page).read_text(encoding="utf-8")
    body = text.split(f"| {first} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in body]


def test_the_table_of_recipes_names_every_key_and_value():
    rows = rows_of("training.md", "key")
    assert [key.strip("`") for key, *_ in rows] == [*KINDS]
    for key, _, values in rows:
        kind = KINDS[key.strip("`")]
        if get_origin(kind) is Literal:
            assert values == ", ".join(f"`{value}`" for value in get_args(kind))
        elif kind is bool:
            assert values == "`true`, `false`"
        else:
            check_range(key.strip("`"), kind, values)


def check_range(key, kind, words):
    """What the table says of a number is what recipes accept, and no more."""
    if words == "share":
        words = "from 0 to below 1"
    first, low, *last, high = words.replace(",", "").split()
    least, most = float(low), float(high)
    step = 1 if kind is int else 1e-9
    beyond = [least - step, least] if first == "above" else [least - step]
    beyond += [most] if last[-1:] == ["below"] else [most + step * max(most, 1)]
    within = {least + step * (first == "above"), most - step * (last[-1:] == ["below"])}
    assert (first in ("from", "above"), last) in [
        (True, ["to"]),
        (True, ["to", "below"]),
        (True, ["below"]),
    ]
    for value in within:
        Recipe.check({key: kind(value)})
    for value in beyond:
        with pytest.raises(RecipeError, match=key):
            Recipe.check({key: kind(value)})


def test_the_documentation_names_every_recipe_and_measure():
    assert [row[0].split("`")[1] for row in rows_of("training.md", "recipe")] == [*NAMES]
    found = set(
        re.findall(r"`((?:train|validation|test)/\w+)`", (DOCS / "training.md").read_text())
    )
    step = Step(1, 0.5, 0.5, 1e-3, 10, 1.0, 0.5, 0.5)
    job = make_job("gru", 0, 1, 0.8)
    test = measures.of_test(job, make_blend(job, 0.9))
    written = [measures.of_step(step), measures.of_epoch(job.history[0]), test]
    assert found == {name for values in written for name in values}

"""The examples of the documentation run as they stand, and its tables are complete."""

import re
from pathlib import Path

import pytest

from report_samples import make_blend, make_job
from tidegate.runs import measures
from tidegate.training import recipe_toml
from tidegate.training.history import Step
from tidegate.training.ranges import SHARE
from tidegate.training.recipe import NAMES
from tidegate.training.sections import KEYS, choices_of, range_of

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("page", ["estimators.md", "layers.md"])
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


def test_the_table_of_keys_is_that_of_the_sections():
    def values(key):
        choices, range_ = choices_of(key), range_of(key)
        if choices is not None:
            return ", ".join(f"`{choice}`" for choice in choices)
        return "`true`, `false`" if range_ is None else "share" if range_ == SHARE else str(range_)

    def default(value):
        number = f"{value:g}" if isinstance(value, float) else str(value)
        return f"`{number.lower()}`"

    assert rows_of("training.md", "key") == [
        [f"`{key}`", field.metadata["doc"], values(key), default(field.default)]
        for key, field in KEYS.items()
    ]


def test_the_recipe_of_the_documentation_is_one():
    text = (DOCS / "training.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    found = recipe_toml.parse(block.encode(), "docs")
    assert (found.based_on, found.values["network.hidden_size"]) == ("default", 128)


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

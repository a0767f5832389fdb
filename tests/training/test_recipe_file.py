"""Recipes in files: the packaged ones, and those of users, from wherever they may come."""

import json
import os
import tomllib
from importlib import resources

import pytest

from tidegate.errors import RecipeError
from tidegate.runs import run_config
from tidegate.training import recipe as recipes
from tidegate.training import recipe_toml
from tidegate.training.recipe import NAMES, Recipe, load, show
from tidegate.training.sections import KEYS

FORMAT = 'format = "tidegate.recipe/1"\n'


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Write a file ``mine.toml`` in the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="mine.toml"):
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / name).write_bytes(content)
        return name

    return write


def test_there_is_a_file_for_every_name_and_no_other():
    folder = resources.files("tidegate.training.recipes")
    assert {p.name for p in folder.iterdir() if p.name.endswith(".toml")} == {
        f"{name}.toml" for name in NAMES
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_packaged_file_says_what_differs_from_the_defaults_and_no_more(name):
    text = resources.files("tidegate.training.recipes").joinpath(f"{name}.toml").read_text("utf-8")
    content = tomllib.loads(text)
    assert (content.pop("format"), bool(content.pop("summary"))) == ("tidegate.recipe/1", True)
    said = {f"{part}.{key}": value for part, keys in content.items() for key, value in keys.items()}
    defaults, values = Recipe(name).values(), load(name).values()
    assert said == {key: value for key, value in values.items() if value != defaults[key]}
    assert [*said] == [key for key in KEYS if key in said], "the order of the sections"


def test_nothing_of_causal_looks_ahead():
    recipe = load("causal")
    assert not recipe.network.bidirectional
    assert recipe.network.pooling == "last"
    assert recipe.text_options().max_length is None
    assert recipe.text.padding == "none"
    assert recipe.linear_model.order == 0
    assert recipe.self_training.epochs == 0


def test_a_file_of_ones_own_has_defaults_for_the_rest(file):
    name = file(FORMAT + "[network]\nhidden_size = 5\n[training]\nlearning_rate = 1\n")
    found = load(name)
    assert found.name == "mine.toml"
    changes = {"network.hidden_size": 5, "training.learning_rate": 1}
    assert found.values() == {**Recipe("mine.toml").values(), **changes}
    assert found.changes() == {}, "they are the recipe's own"
    assert found.with_values({"hidden_size": 6}).changes() == {"network.hidden_size": 5}


def test_a_file_may_name_the_recipe_that_it_is_based_on(file):
    name = file(FORMAT + 'based_on = "default"\nsummary = "mine"\n[text]\nmax_length = 7\n')
    assert load(name).values() == {**load("default").values(), "text.max_length": 7}
    assert load(name).name == "mine.toml"


def test_a_file_that_is_called_like_a_packaged_recipe_is_not_it(file):
    assert load(f"./{file(FORMAT, 'notebook.toml')}").name == "notebook.toml"


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_that_is_shown_is_complete_and_reads_as_itself(name, file, tidegate):
    outcome = tidegate("recipe", "show", name)
    assert (outcome.code, outcome.err) == (0, "")
    found = load(file(outcome.out))
    assert found.values() == load(name).values()
    content = tomllib.loads(outcome.out)
    for key, field in KEYS.items():
        section, _, own = key.partition(".")
        assert own in content[section]
        assert field.metadata["doc"] in " ".join(outcome.out.replace("\n# ", " ").split()), key
    assert all(len(line) <= 100 for line in outcome.out.splitlines())


def test_what_is_shown_has_the_comments_of_the_packaged_file():
    text = show("notebook")
    assert '# No mask: the network reads the padding.\npadding = "front"' in text
    assert "# All values are the notebook's" in text


def test_the_list_says_what_each_recipe_is_for(tidegate):
    outcome = tidegate("recipe", "list")
    lines = outcome.out.splitlines()
    assert [line.split()[0] for line in lines] == [*NAMES]
    assert lines[0] == f"{'notebook':10}{recipes.packaged('notebook').summary}"


REFUSED = {
    "no TOML": ("a b", "expected TOML, got Expected '='"),
    "not in UTF-8": (b"\xff", "expected TOML, got 'utf-8' codec can't decode"),
    "a key twice": (FORMAT + "[text]\nmax_length = 1\nmax_length = 2", "expected TOML, got"),
    "deep": (FORMAT + "a = " + "[\n" * 30_000, "expected TOML, got too many brackets"),
    "deep by dots": (
        FORMAT + "a." * 30_000 + "b = 1",
        "expected lines of at most 500 bytes, got one of 60,005",
    ),
    "many digits": (FORMAT + f"[text]\nmax_length = {'1' * 400}", "max_length of at least 0 and"),
    "some dots": (FORMAT + "[text]\n" + "a." * 200 + "b = 1", "expected a known key, got 'text.a'"),
    "no format": ("", 'expected format = "tidegate.recipe/1" as the first line, got none'),
    "another format": (
        'format = "tidegate.recipe/2"',
        "expected format = \"tidegate.recipe/1\" as the first line, got 'tidegate.recipe/2'",
    ),
    "a section": (FORMAT + "[netwrk]", "expected a known section, got 'netwrk'; did you mean netw"),
    "a key without its section": (
        FORMAT + "hidden_size = 3",
        "expected hidden_size in its section [network], got it above",
    ),
    "a section that is a number": (
        FORMAT + "text = 3",
        "expected the section [text], got text = 3",
    ),
    "a key": (
        FORMAT + "[network]\nhiden_size = 3",
        "expected a known key, got 'network.hiden_size'; did you mean network.hidden_size?",
    ),
    "another section's key": (
        FORMAT + "[text]\nhidden_size = 3",
        "expected a known key, got 'text.hidden_size'; did you mean network.hidden_size?",
    ),
    "a type": (
        FORMAT + '[training]\nepochs = "3"',
        "expected training.epochs of type int, got '3'",
    ),
    "a truth": (
        FORMAT + "[network]\nresidual = 1",
        "expected network.residual of true or false, got 1",
    ),
    "a list": (
        FORMAT + "[network]\npooling = []",
        "expected network.pooling of last, mean, max, mean+max, mean+max+last, attention, got a "
        "list",
    ),
    "a date": (
        FORMAT + "[dropout]\nword = 2020-01-01",
        "expected dropout.word of type float, got datetime.date",
    ),
    "a long text": (FORMAT + f'[text]\npadding = "{"x" * 400}"', "xxx..."),
    "a range": (
        FORMAT + "[dropout]\nword = nan",
        "expected dropout.word of at least 0 and below 1, got nan",
    ),
    "two that exclude each other": (
        FORMAT + 'based_on = "notebook"\n[training]\nembedding_update = "lazy"',
        "expected training.embedding_update=dense beside training.optimiser=keras-adam",
    ),
    "a base": (
        FORMAT + 'based_on = "defalt"',
        f"expected based_on of {', '.join(NAMES)}, got 'defalt'; did you mean default?",
    ),
    "a base that is a file": (FORMAT + 'based_on = "mine.toml"', "expected based_on of notebook"),
    "a base that is a list": (FORMAT + "based_on = [1]", "expected based_on of a text, got a list"),
    "large": (b"#\n" * 35_000, "expected a readable file, got 70,000 bytes, where 65,536 are"),
}


@pytest.mark.parametrize(("content", "text"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_no_recipe_is_refused(file, content, text):
    with pytest.raises(RecipeError) as error:
        load(file(content))
    assert str(error.value).startswith("recipe mine.toml: ")
    assert text in str(error.value)
    assert len(str(error.value)) < 200 or "there are text.tokens" in str(error.value)


def test_only_regular_files_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")
    for name, text in {
        "none.toml": "No such file",
        "folder.toml": "Is a directory",
        "pipe.toml": "a named pipe, where only a regular file",
        "a\0b.toml": "embedded null",
    }.items():
        with pytest.raises(RecipeError, match="expected a readable file, got ") as error:
            load(name)
        assert text in str(error.value)


def test_a_file_whose_name_cannot_be_shown_is_refused(file):
    with pytest.raises(RecipeError, match="expected a file name of at most 100 printable"):
        load(file(FORMAT, "\x1b[31m.toml"))


def test_comments_belong_to_the_key_below():
    text = (
        "a = 1\n# all\n\n[text]\n# one\n# two\npadding = 1\nmax_length = 2\n# none\n\n[network]\n"
    )
    expected = {"": ["# all"], "text.padding": ["# one", "# two"]}
    assert recipe_toml.comments_of(text) == expected


SMALL = (
    FORMAT
    + """based_on = "fast"
[text]
vocabulary_size = 30
bigram_vocabulary_size = 0
[network]
embedding_dim = 6
hidden_size = 5
"""
)


def test_a_run_keeps_the_values_that_it_began_with(file, tidegate, reviews, tmp_path):
    name, run = file(SMALL), tmp_path / "run"
    small = ["--recipe", name, "--set", "batch_size=8", "--threads", 1]
    outcome = tidegate("train", "imdb", "--data", reviews, "--out", run, *small)
    assert outcome.code == 0, outcome.err
    expected = load(name).with_values({"batch_size": 8})
    (tmp_path / name).write_text("")
    assert run_config.load(run).experiment.recipe == expected
    configuration = json.loads((run / "results.json").read_text())["configuration"]
    assert configuration["recipe"] == "mine.toml"
    assert configuration["changed"] == {"training.batch_size": 32}
    assert "recipe mine.toml, with training.batch_size 8 (not 32)" in " ".join(outcome.err.split())
    (run / "results.json").unlink()
    outcome = tidegate("train", "--resume", run)
    assert outcome.code == 0, outcome.err


def test_a_name_that_is_neither_is_refused_before_anything_is_made(tidegate, tmp_path):
    outcome = tidegate("train", "imdb", "--recipe", "defalt", "--out", tmp_path / "run")
    assert outcome.code == 2
    assert (
        f"Invalid value for '--recipe': expected one of {', '.join(NAMES)} or a "
        "file whose name ends in .toml, got 'defalt'; did you mean default?"
    ) in " ".join(outcome.err.split())
    outcome = tidegate("train", "imdb", "--recipe", "none.toml", "--out", tmp_path / "run")
    assert outcome.code == 1
    assert (
        outcome.err
        == "Error: recipe none.toml: expected a readable file, got No such file or "
        + ("directory\n")
    )
    assert not (tmp_path / "run").exists()

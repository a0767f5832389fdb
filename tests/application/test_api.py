"""``tidegate.train``, ``compare`` and ``resume``: what they return, tell, refuse, leave alone."""

import doctest
import hashlib

import numpy as np
import pytest
import torch

import tidegate as package
from resume_samples import OPTIONS, SMALL, outcome, settings
from tidegate.errors import ArgumentError, DataError, RecipeError, RunFolderError
from tidegate.runs.events import JobBegins, JobEnds, RunBegins, RunStops
from tidegate.training.events import EpochBegins, Notice, TrainingBegins
from tidegate.training.history import Epoch, Step

VALUES = SMALL | {"linear_model.order": 0}


@pytest.fixture
def train(reviews, tmp_path):
    """Train a small GRU of eight steps in ``tmp_path / name``."""

    def run(name, **arguments):
        arguments = {"data": reviews, "settings": VALUES, "threads": 1} | arguments
        return package.train("imdb", out=tmp_path / name, checkpoint_every=3, **arguments)

    return run


@pytest.mark.parametrize("name", ["train", "compare"])
def test_the_example_in_the_docstring_runs(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert name in dir(package)
    (test,) = doctest.DocTestFinder(recurse=False).find(getattr(package, name), name)
    assert len(test.examples) >= 5
    result = doctest.DocTestRunner().run(test)
    assert result.failed == 0, capsys.readouterr().out


def test_python_and_the_command_line_give_the_same_bits(train, tidegate, reviews, tmp_path):
    run = train("python")
    found = tidegate(
        *("train", "imdb", "--data", reviews, "--out", tmp_path / "shell"),
        *OPTIONS,
        *settings(VALUES),
    )
    assert found.code == 0, found.err
    assert outcome(run.folder) == outcome(tmp_path / "shell")
    assert run.model == tmp_path / "python" / "models" / "gru-seed0"
    assert run.models == {"gru-seed0": run.model}
    (job,) = run.results.jobs
    chances = package.load(run.model).predict_proba(
        [(reviews / "test" / "pos" / f"{n}_7.txt").read_text() for n in range(20)]
    )
    # The first class comes first in neither part: a review's probability stands somewhere.
    predicted = run.results.predictions[job.name][:, 1]
    assert np.isclose(chances[:, 1][:, None], predicted, atol=1e-6).any(1).all()
    assert run.report.is_file()
    assert run.config.experiment.recipe.network.hidden_size == 5


def test_a_recipe_may_be_the_path_of_a_file(train, tmp_path):
    own = tmp_path / "own.toml"
    lines = ['format = "tidegate.recipe/1"', 'based_on = "default"', "[network]", "num_layers = 2"]
    own.write_text("\n".join(lines))
    for path in (own, str(own)):
        recipe = train(type(path).__name__, recipe=path).config.experiment.recipe
        assert (recipe.name, recipe.network.num_layers) == ("own.toml", 2)
    with pytest.raises(RecipeError, match=r"none\.toml: expected a readable file, got No such"):
        train("run", recipe=tmp_path / "none.toml")
    own.write_text(own.read_text().replace("num_layers", "layers"))
    with pytest.raises(RecipeError, match=r"own\.toml: expected a known key, got 'network\.la"):
        train("run", recipe=own)
    assert not (tmp_path / "run").exists()


def test_nothing_is_shown_unless_asked_for(train, capsys):
    train("silent")
    assert capsys.readouterr() == ("", "")
    train("shown", progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    for text in ("recipe", "GRU (reset after), seed 0 (1 of 1)", "epoch 2/2", "test accuracy"):
        assert text in err, text


def test_events_come_in_order_and_hold_the_figures(train):
    events = []
    run = train("run", callback=events.append)
    (job,) = run.results.jobs
    kinds = [type(event) for event in events]
    assert kinds[0] is RunBegins
    assert kinds[-1] is JobEnds
    assert events[-1].job == job
    assert kinds.index(JobBegins) < kinds.index(TrainingBegins) < kinds.index(EpochBegins)
    assert [event.step for event in events if isinstance(event, Step)] == [*range(1, 9)]
    assert [event for event in events if isinstance(event, Epoch)] == job.history
    at = [number for number, kind in enumerate(kinds) if kind is Epoch]
    assert [kinds[: number + 1].count(Step) for number in at] == [4, 8]


class Interrupting:
    """Keeps the events, and presses Ctrl-C after a step."""

    def __init__(self, step):
        self.step, self.events = step, []

    def __call__(self, event):
        self.events.append(event)
        if isinstance(event, Step) and event.step == self.step:
            raise KeyboardInterrupt


def test_a_run_that_stopped_is_resumed_to_the_same_bits(train, tmp_path):
    train("unbroken")
    callback = Interrupting(5)
    with pytest.raises(KeyboardInterrupt):
        train("run", callback=callback)
    stopped = callback.events[-1]
    assert isinstance(stopped, RunStops)
    assert isinstance(stopped.error, KeyboardInterrupt)
    assert stopped.can_go_on
    events = []
    run = package.resume(str(tmp_path / "run"), callback=events.append)
    texts = [event.text for event in events if isinstance(event, Notice)]
    assert [text.split(",")[0] for text in texts] == ["resumed after step 4"]
    assert outcome(run.folder) == outcome(tmp_path / "unbroken")
    events.clear()
    assert package.resume(run.folder, callback=events.append) == run
    assert events == [Notice(f"run folder {run.folder}: complete already, nothing is left to do")]


def test_a_comparison_has_a_model_for_every_cell_and_seed(reviews, tmp_path):
    run = package.compare(
        "imdb",
        data=reviews,
        recipe="default",
        cells=["rnn", "gru"],
        seeds=[3, 1],
        settings=VALUES | {"training.epochs": 1},
        out=tmp_path / "run",
    )
    assert {*run.models} == {"rnn-seed3", "gru-seed3", "rnn-seed1", "gru-seed1"}
    sums = {
        hashlib.sha256((path / "model.safetensors").read_bytes()).digest()
        for path in run.models.values()
    }
    assert len(sums) == 4
    with pytest.raises(ValueError, match="expected one model, got gru-seed1, gru-seed3, rnn-seed1"):
        run.model  # noqa: B018


MISTAKES = {
    "a cell": (
        {"cell": "grru"},
        ArgumentError,
        "cells: expected of rnn, lstm, gru, gru-before, go",
    ),
    "a seed": ({"seed": -1}, ArgumentError, "seeds: expected a whole number from 0 on, got -1"),
    "a limit": ({"limit": 0}, ArgumentError, "limit: expected a whole number from 1 on, got 0"),
    "threads": ({"threads": 2.0}, ArgumentError, "threads: expected a whole number from 1 to 1024"),
    "a recipe": ({"recipe": "slow"}, ArgumentError, "recipe: expected one of notebook, fast, "),
    "a setting": (
        {"settings": {"epoch": 1}},
        RecipeError,
        "got 'epoch'; did you mean training.epochs?",
    ),
    "a key of several sections": (
        {"settings": {"epochs": 1}},
        RecipeError,
        "expected one key, got 'epochs', which 3 sections have; write training.epochs or",
    ),
    "texts": ({"unlabelled": "none.txt"}, ArgumentError, "unlabelled: expected a recipe that re"),
    "a model": ({"init_from": "none"}, ArgumentError, "init_from: none: expected the folder of a"),
    "data": ({"data": "none"}, DataError, "none"),
}


@pytest.mark.parametrize(("arguments", "error", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_of_the_librarys_errors_and_makes_nothing(
    train, tmp_path, arguments, error, message
):
    with pytest.raises(error) as found:
        train("run", **arguments)
    assert message in str(found.value)
    assert not (tmp_path / "run").exists()


def test_cells_are_a_list_of_different_ones(tmp_path):
    for cells in ("gru", [], ["gru", "gru"]):
        with pytest.raises(ArgumentError, match="cells: expected a list, each of it once"):
            package.compare("imdb", cells=cells, out=tmp_path / "run")


def test_an_unknown_data_set_and_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(DataError, match="got 'imbd'; did you mean imdb"):
        package.train("imbd", out=tmp_path / "run")
    with pytest.raises(RunFolderError, match=r"with run\.json, got none"):
        package.resume(tmp_path / "run")


def test_the_process_computes_afterwards_as_before(train):
    before = (torch.get_num_threads(), package.get_num_threads())
    torch.set_num_threads(3)
    torch.use_deterministic_algorithms(False)
    package.set_num_threads(3)
    torch.utils.deterministic.fill_uninitialized_memory = True
    try:
        train("run", threads=1)
        assert (torch.get_num_threads(), package.get_num_threads()) == (3, 3)
        assert not torch.are_deterministic_algorithms_enabled()
        assert torch.utils.deterministic.fill_uninitialized_memory
    finally:
        torch.set_num_threads(before[0])
        package.set_num_threads(before[1])

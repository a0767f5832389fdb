"""A run folder from a stranger: what its JSON may say, and how damage is mended."""

import json
import shutil
from pathlib import Path

import pytest

from hostile_samples import JOB, STEP, contents, refused, rewrite, stop_a_run
from tidegate.errors import FormatError
from tidegate.runs import results as results_file
from tidegate.storage.checkpoint import Checkpoints


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that Ctrl-C stopped."""
    return stop_a_run(tmp_path_factory.mktemp("stopped"))


@pytest.fixture
def run(stopped, tmp_path):
    """A copy of it to spoil."""
    return Path(shutil.copytree(stopped, tmp_path / "run"))


def in_experiment(**values):
    return lambda plan: plan["experiment"].update(values)


def in_recipe(section, **values):
    return lambda plan: plan["experiment"]["recipe"][section].update(values)


PLANS = {
    "a log": (
        lambda plan: plan.update(logs=["x"]),
        "logs[0]: expected one of tensorboard, mlflow, got 'x'",
    ),
    "a data set": (
        lambda plan: plan.update(dataset="mnist"),
        "dataset: expected one of imdb, rotten-tomatoes, got 'mnist'",
    ),
    "data": (lambda plan: plan.update(data="a\0b"), r"data: expected a path, got 'a\x00b'"),
    "data that are a number": (
        lambda plan: plan.update(data=0),
        "data: expected a text or null, got 0",
    ),
    "a key": (
        lambda plan: plan.update(run="rm"),
        "run.json: expected the keys dataset, data, experiment, logs, only_pretrain, got 'run'",
    ),
    "no key": (
        lambda plan: plan.pop("dataset"),
        "run.json: expected a value of dataset, got none",
    ),
    "a flag": (
        lambda plan: plan.update(only_pretrain=1),
        "only_pretrain: expected true or false, got 1",
    ),
    "a cell": (
        in_experiment(cells=["qrnn"]),
        "experiment.cells[0]: expected one of rnn, lstm, gru, gru-before, got 'qrnn'",
    ),
    "no cell": (in_experiment(cells=[]), "experiment.cells: expected at least one, got []"),
    "no seed": (in_experiment(seeds=[]), "experiment.seeds: expected at least one, got []"),
    "a seed": (in_experiment(seeds=[-1]), "experiment.seeds[0]: expected at least 0, got -1"),
    "a seed that is a text": (
        in_experiment(seeds="0"),
        "experiment.seeds: expected a list, got '0'",
    ),
    "threads": (in_experiment(threads=0), "experiment.threads: expected at least 1, got 0"),
    "a limit": (in_experiment(limit=-3), "experiment.limit: expected at least 1, got -3"),
    "a recipe's path": (
        lambda plan: plan["experiment"]["recipe"].update(name="../../x"),
        "experiment.recipe.name: expected a file name of at most 100 printable characters, without "
        "` / \\, got '../../x'",
    ),
    "a recipe's name in colour": (
        lambda plan: plan["experiment"]["recipe"].update(name="\x1b[31mx"),
        "experiment.recipe.name: expected a file name of at most 100 printable characters",
    ),
    "a value": (
        in_recipe("network", hidden_size=0),
        "recipe: expected network.hidden_size of at least 1 and at most 100,000, got 0",
    ),
    "a value that is missing": (
        lambda plan: plan["experiment"]["recipe"]["training"].pop("beta1"),
        "experiment.recipe: expected a value of training.beta1, got none",
    ),
    "a section that is missing": (
        lambda plan: plan["experiment"]["recipe"].pop("self_training"),
        "expected a value of self_training.epochs, self_training.copies, got none",
    ),
    "a section that there is none of": (
        lambda plan: plan["experiment"]["recipe"].update(rocket={}),
        "experiment.recipe: expected the keys name, text, network, ",
    ),
    "a changed key that there is none of": (
        in_recipe("changed", rocket=1),
        "recipe: expected a known key, got 'rocket'",
    ),
    "a changed value": (
        in_recipe("changed", **{"training.epochs": {}}),
        "recipe: expected training.epochs of type int, got a table",
    ),
    "a choice": (
        in_recipe("network", pooling="sum"),
        "experiment.recipe.network.pooling: expected one of last, mean, max, mean+max, "
        "mean+max+last, attention, got 'sum'",
    ),
    "two values": (
        in_recipe("training", optimiser="keras-adam", embedding_update="lazy"),
        "recipe: expected training.embedding_update=dense beside training.optimiser=keras-adam",
    ),
}


@pytest.mark.parametrize(("change", "text"), PLANS.values(), ids=PLANS)
def test_a_plan_has_known_keys_and_allowed_values(run, tidegate, change, text):
    rewrite(run / "run.json", change)
    before = contents(run)
    outcome = tidegate("train", "--resume", run)
    refused(outcome, text, "; put back a copy of it, or start the run anew in another folder")
    assert "pip install" not in outcome.err
    assert contents(run) == before


RAW = {
    "deep": ("[" * 100_000, "more than 32 lists and objects in one another"),
    "a little too deep": ("[" * 33 + "]" * 33, "more than 32 lists and objects in one another"),
    "a key twice": ('{"format": "tidegate.run/1", "format": 1}', "the key 'format' twice"),
    "no number": ('{"format": NaN}', "the number NaN, which is not finite"),
    "infinite": ('{"format": -Infinity}', "the number -Infinity, which is not finite"),
    "too large a number": ('{"format": 1e999}', "the number 1e999, which is not finite"),
    "too many digits": ("1" * 5000, "Exceeds the limit"),
    "half a character": ('{"format": "\\ud800"}', "surrogates not allowed"),
    "nothing": ("", "expected JSON, got Expecting value"),
    "cut": ('{"format": ', "expected JSON, got Expecting value"),
}


@pytest.mark.parametrize(("text", "message"), RAW.values(), ids=RAW)
@pytest.mark.parametrize("name", ["run.json", "results.json"])
def test_json_that_is_none_of_ours_is_refused_and_mended(run, tidegate, name, text, message):
    (run / name).write_text(text, encoding="utf-8")
    mend = {
        "run.json": "put back a copy of it, or start the run anew in another folder",
        "results.json": "put back a copy of it; or remove it and go on with --resume, which takes "
        "the finished jobs from their own files",
    }
    refused(tidegate("train", "--resume", run), f"{run / name}: ", message, f"; {mend[name]}")


@pytest.mark.parametrize(("name", "num_bytes"), [("run.json", 1 << 20), ("results.json", 1 << 30)])
def test_a_file_too_large_is_not_read(run, tidegate, name, num_bytes):
    with (run / name).open("ab") as file:
        file.truncate(num_bytes + 1)  # of which the disk holds next to nothing
    refused(
        tidegate("train", "--resume", run),
        f"{run / name}: expected a readable file, got {num_bytes + 1:,} bytes, where "
        f"{num_bytes:,} are the most",
    )


TEST = {"loss": 0.5, "accuracy": 0.5, "probabilities": [0.5] * 40}
LINEAR = {"name": "", "num_parameters": 1, "test": TEST, "wall_s": 1, "validation_accuracy": 1}
RESULTS = {
    "a key": (lambda found: found.update(more=1), "expected the keys configuration, environment"),
    "status": (
        lambda found: found.update(status="fine"),
        "status: expected one of running, complete, interrupted, got 'fine'",
    ),
    "labels": (
        lambda found: found.update(test_labels=["0"]),
        "test_labels[0]: expected a whole number, got '0'",
    ),
    "jobs": (lambda found: found.update(jobs=[{}]), "jobs[0]: expected a value of cell, seed"),
    "the cells": (
        lambda found: found["configuration"].update(cells=[1]),
        "configuration.cells[0]: expected a text, got 1",
    ),
    "a cell": (
        lambda found: found["configuration"].update(cells=["qrnn"]),
        "configuration.cells[0]: expected one of rnn, lstm, gru, gru-before, got 'qrnn'",
    ),
    "no reference": (
        lambda found: found["configuration"].pop("reference"),
        "configuration: expected a value of reference, got none",
    ),
    "what is changed": (
        lambda found: found["configuration"].update(changed={"x": 1}),
        "configuration.changed: expected keys of the configuration, got x",
    ),
    "probabilities": (
        lambda found: found.update(linear=LINEAR | {"test": {**TEST, "probabilities": []}}),
        "expected as many probabilities as test_labels, 40, got 0",
    ),
    "a probability": (
        lambda found: found.update(linear=LINEAR | {"test": {**TEST, "probabilities": [2]}}),
        "linear.test.probabilities[0]: expected at least 0 and at most 1, got 2",
    ),
}


@pytest.mark.parametrize(("change", "text"), RESULTS.values(), ids=RESULTS)
def test_results_have_known_keys_and_values(run, change, text):
    rewrite(run / "results.json", change)
    with pytest.raises(FormatError) as error:
        results_file.load(run)
    assert str(error.value).startswith(f"{run / 'results.json'}: {text}")
    assert str(error.value).endswith(f"; {results_file.MEND}")


def test_results_that_were_removed_are_found_again(run, tidegate):
    """What the message advises."""
    (run / "results.json").write_text("{")
    refused(tidegate("train", "--resume", run), "or remove it and go on with --resume")
    (run / "results.json").unlink()
    assert tidegate("train", "--resume", run).code == 0
    assert results_file.load(run).status == "complete"


# A checkpoint whose sums are right


def sealed_anew(run, change):
    """Alter the state of the newest checkpoint, as one does who knows how it is sealed."""
    folder = run / JOB / "checkpoints"
    fingerprint = json.loads((run / STEP / "fingerprint.json").read_text())
    with Checkpoints(folder, fingerprint=fingerprint) as checkpoints:
        found = checkpoints.newest(pytest.fail)
        change(found.state, found.tensors)
        checkpoints.save(found.step + 1, found.tensors, found.state)


STATES = {
    "no progress": (lambda state, tensors: state.pop("progress"), "got 'progress'"),
    "another place": (
        lambda state, tensors: state["progress"].update(position="0"),
        "progress.position: expected a whole number, got '0'",
    ),
    "a key": (
        lambda state, tensors: state["progress"].update(more=0),
        "progress: expected the keys step, position",
    ),
    "no weights": (lambda state, tensors: tensors.pop("model.head.weight"), "head.weight"),
    "other weights": (
        lambda state, tensors: tensors.update({"model.head.weight": tensors["model.head.bias"]}),
        "size mismatch for head.weight",
    ),
    "a log before its beginning": (
        lambda state, tensors: state["progress"].update(log_bytes=-1),
        "progress.log_bytes: expected at least 0, got -1",
    ),
}


@pytest.mark.parametrize(("change", "text"), STATES.values(), ids=STATES)
def test_a_state_of_another_training_is_refused(run, tidegate, change, text):
    sealed_anew(run, change)
    refused(
        tidegate("train", "--resume", run),
        f"{run / JOB}/checkpoints/step-00000005: expected the state of this training, got ",
        text,
        "put back a copy, or start again in another folder",
    )

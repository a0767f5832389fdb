"""A run folder from a stranger: what its JSON may say, and how damage is mended."""

import json
import shutil
from pathlib import Path

import pytest

from hostile_samples import JOB, STEP, contents, refused, rewrite, stop_a_run
from tidegate.data import sources
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
        f"dataset: expected one of {', '.join(sources.names())}, or own files, got 'mnist'",
    ),
    "data": (lambda plan: plan.update(data="a\0b"), r"data: expected a path, got 'a\x00b'"),
    "data that are a number": (
        lambda plan: plan.update(data=0),
        "data: expected a text or null, got 0",
    ),
    "a key": (
        lambda plan: plan.update(run="rm"),
        "run.json: expected the keys dataset, data, experiment, own, logs, only_pretrain, kind, "
        "own_series, own_audio, own_forecast, got 'run'",
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
        "experiment.recipe: expected the keys name, text, series, forecast, network, ",
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


METRICS = {"loss": 0.5, "accuracy": 0.5}
EPOCH = {"epoch": 1, "loss": 1, "score": 1, "validation_loss": 1, "validation_score": 1}
NETWORK = {
    **{"kind": "recurrent", "name": "gru-seed0", "cell": "gru", "seed": 0, "path": "p"},
    **{"num_parameters": 1, "summary": [], "metrics": METRICS, "model": "m", "num_tokens": 1},
    **{name: 1.0 for name in ("training_s", "wall_s", "step_ms", "inference_ms")},
    "history": [EPOCH | {"training_s": 1, "step_ms": 1, "metric": "r2"}],
}
MAJORITY = {"kind": "majority", "name": "other", "answer": "pos", "metrics": METRICS}


def more(**values):
    """Add a model that is right but for some values."""
    return lambda found: found["models"].append(MAJORITY | values)


RESULTS = {
    "a key": (
        lambda found: found.update(more=1),
        "expected the keys task, configuration, environment",
    ),
    "status": (
        lambda found: found.update(status="fine"),
        "status: expected one of running, complete, interrupted, got 'fine'",
    ),
    "number": (
        lambda found: found.update(num_targets="40"),
        "num_targets: expected a whole number, got '40'",
    ),
    "task": (
        lambda found: found["task"].update(classes=["pos"]),
        "task: Task: expected 2 names of classes for binary, got 1",
    ),
    "kind of task": (
        lambda found: found["task"].update(kind="prophecy"),
        "task.kind: expected one of binary, multi-class, multi-label, regression, forecast, got "
        "'prophecy'",
    ),
    "models": (
        lambda found: found.update(models=[{}]),
        "models[0].kind: expected one of recurrent, linear, blend, majority, baseline, got none",
    ),
    "kind of model": (
        lambda found: found.update(models=[MAJORITY | {"kind": []}]),
        "models[0].kind: expected one of recurrent, linear, blend, majority, baseline, got []",
    ),
    "networks": (
        lambda found: found.update(models=[{"kind": "recurrent"}]),
        "models[0]: expected a value of name, cell, seed",
    ),
    "history": (
        lambda found: found.update(models=[NETWORK]),
        "models[0].history: expected the metric accuracy, got {'r2'}",
    ),
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
    "published": (
        lambda found: found["configuration"].update(reference=[]),
        "configuration.reference: expected an object or null, got []",
    ),
    "a name twice": (
        lambda found: found.update(models=[MAJORITY, MAJORITY]),
        "models: expected distinct names but targets, got ",
    ),
    "the name of the targets": (more(name="targets"), "models: expected distinct names but targe"),
    "no accuracy": (
        more(metrics={"loss": 1}),
        "models[0].metrics.accuracy: expected a number, got none",
    ),
    "an unknown metric": (
        more(metrics=METRICS | {"luck": 1}),
        "models[0].metrics: expected accuracy, balanced_accuracy",
    ),
    "a blend of nothing": (
        lambda found: found["models"].append(
            {
                "kind": "blend",
                "name": "other",
                "network": "none",
                "blend": {"temperatures": {}, "weights": {"network": 1}, "temperature": 1},
                "metrics": METRICS,
            }
        ),
        "models[0].network: expected a network, got 'none'",
    ),
    "a blend without the network's weight": (
        lambda found: found["models"].append(
            {
                "kind": "blend",
                "name": "other",
                "network": "none",
                "blend": {"temperatures": {}, "weights": {}, "temperature": 1},
                "metrics": METRICS,
            }
        ),
        "models[0].blend.weights.network: expected a number, got none",
    ),
    "version 2": (
        lambda found: found.update(format="tidegate.comparison/1"),
        "expected format 'tidegate.results/3', got 'tidegate.comparison/1' of another version of "
        "tidegate; read it with that version",
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

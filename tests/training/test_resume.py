"""A training that was stopped, in whatever way, goes on to the bits of one that was not."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from resume_samples import EVERY
from tidegate.cells import CELLS
from tidegate.storage.checkpoint import Checkpoints
from tidegate.training import classification
from tidegate.training.checkpoint_manager import CheckpointManager
from tidegate.training.classification import fit, predict
from training_samples import EVERYTHING, PLAIN, Listener, examples, make, silent

FINGERPRINT = {"configuration": {}}
PROGRAM = Path(__file__).parents[1] / "resume_samples.py"
KERAS = {"optimiser": "keras-adam", "initial_values": "keras"}
TRAININGS = {
    "everything": ("gru", EVERYTHING),
    "lazy tables": ("gru", EVERYTHING | {"embedding_update": "lazy"}),
    "patience": (
        "gru",
        {"patience": 1, "keep": "best", "training.learning_rate": 0.0, "training.epochs": 3},
    ),
    **{f"adam {cell}": (cell, {}) for cell in CELLS},
    **{f"keras-adam {cell}": (cell, KERAS) for cell in CELLS},
}


class Stopped(Exception):
    """Raised where a test stops a training."""


class Stopper(Listener):
    """Stops a training after a step, or after an epoch before its checkpoint."""

    def __init__(self, step=None, epoch=None):
        self.step, self.epoch, self.notices = step, epoch, []

    def step_ends(self, step):
        if step.step == self.step:
            raise Stopped

    def epoch_ends(self, epoch):
        if epoch.epoch == self.epoch:
            raise Stopped

    def notice(self, event):
        self.notices.append(event.text)


def train(folder, cell, recipe, callback):
    """Train or go on in ``folder``; the model."""
    model = make(cell, recipe)
    with_bigrams = recipe.text.bigram_vocabulary_size > 0
    data = examples(24, with_bigrams=with_bigrams)
    checkpoint_manager = CheckpointManager(folder, every=2, fingerprint=FINGERPRINT)
    fit(model, recipe, data, data, seed=3, callback=callback, checkpoint_manager=checkpoint_manager)
    return model, predict(model, data)[0]


def bits(folder, trained):
    """Sums over all that a training ended with, times apart."""
    model, outputs = trained
    with Checkpoints(folder / "checkpoints", fingerprint=FINGERPRINT) as checkpoints:
        last = checkpoints.newest(pytest.fail)
    progress = last.state["progress"]
    del progress["step_ms"]
    for epoch in progress["epochs"]:
        del epoch["training_s"], epoch["step_ms"]
    found = {f"checkpoint's {name}": array.tobytes() for name, array in last.tensors.items()}
    found |= {f"model's {name}": t.numpy().tobytes() for name, t in model.state_dict().items()}
    found["state"] = json.dumps(last.state).encode()
    found["log"] = (folder / "history.jsonl").read_bytes()
    found["outputs"] = outputs.tobytes()
    return {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}


@pytest.fixture
def often(monkeypatch):
    """What is done every so many steps is done within a training of six; the disk is not asked."""
    monkeypatch.setattr(classification, "NORMALISE_EVERY", 4)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_stopped_after_any_step_goes_on_to_the_same_bits(often, name, tmp_path):
    cell, values = TRAININGS[name]
    recipe = PLAIN.with_values(values)
    unbroken = train(tmp_path / "unbroken", cell, recipe, silent)
    expected = bits(tmp_path / "unbroken", unbroken)
    assert any("optimiser.0" in part for part in expected)
    num_steps = 6  # of 24 examples in batches of 8, twice: checkpoints after 2, 3, 4 and 6
    stops = [{"step": step} for step in range(1, num_steps + 1)] + [{"epoch": 1}, {"epoch": 2}]
    for stop in stops:
        folder = tmp_path / str(stop)
        with pytest.raises(Stopped):
            train(folder, cell, recipe, Stopper(**stop))
        callback = Stopper()
        found = bits(folder, train(folder, cell, recipe, callback))
        assert found == expected, stop
        assert len(callback.notices) == (stop != {"step": 1} and stop != {"step": 2})


def test_what_resumes_differs_where_it_should(often, tmp_path):
    """The comparison above sees a training that is another."""
    sums = []
    for name, values in {"one": {}, "other": {"beta2": 0.98}}.items():
        trained = train(tmp_path / name, "gru", PLAIN.with_values(values), silent)
        sums.append(bits(tmp_path / name, trained))
    differing = {name for name in sums[0] if sums[0][name] != sums[1][name]}
    assert {"log", "outputs", "model's embedding.weight", "state"} <= differing


def test_training_twice_in_one_folder_makes_no_step(often, tmp_path):
    trained = train(tmp_path, "gru", PLAIN, silent)
    expected = bits(tmp_path, trained)
    again = train(tmp_path, "gru", PLAIN, Stopper(step=7, epoch=3))
    assert bits(tmp_path, again) == expected
    np.testing.assert_array_equal(trained[1], again[1])


def test_a_damaged_checkpoint_costs_its_steps_only(often, tmp_path):
    recipe = PLAIN.with_values(EVERYTHING)
    expected = bits(tmp_path / "unbroken", train(tmp_path / "unbroken", "gru", recipe, silent))
    with pytest.raises(Stopped):
        train(tmp_path / "run", "gru", recipe, Stopper(step=5))
    newest = sorted((tmp_path / "run" / "checkpoints").glob("step-*"))[-1]
    content = bytearray((newest / "tensors.safetensors").read_bytes())
    content[len(content) // 2] ^= 1
    (newest / "tensors.safetensors").write_bytes(content)
    callback = Stopper()
    found = bits(tmp_path / "run", train(tmp_path / "run", "gru", recipe, callback))
    assert found == expected
    damaged, resumed = callback.notices
    assert str(newest) in damaged
    assert newest.name == "step-00000004"
    assert "damaged and passed over: tensors.safetensors: expected sha256" in damaged
    assert damaged.endswith("that of step 3 is used instead")
    assert "resumed after step 3" in resumed


# Some 200 runs that are killed and resumed: two minutes, and more with other tests beside them.
SLOW = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """What came out of runs that were killed, and of others."""
    done = subprocess.run(
        [sys.executable, PROGRAM, tmp_path_factory.mktemp("killed")],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@SLOW
def test_a_run_killed_at_any_operation_goes_on_to_the_same_bits(killed):
    unbroken, again = killed["train"]
    assert unbroken == again
    assert {name.rpartition("/")[2] for name in unbroken} == {
        *("model.safetensors", "history.jsonl", "models", "predictions")
    }
    # A checkpoint is of more than twenty operations, and there are three.
    assert len(killed["killed"]) * EVERY > 100
    for number, outcome in enumerate(killed["killed"], 1):
        assert outcome == unbroken, f"killed at operation {number * EVERY}"


@SLOW
def test_a_second_network_and_a_language_model_survive_kills_anywhere(killed):
    (unbroken,) = killed["taught"]
    assert {name.rpartition("/")[0] for name in unbroken} == {
        *("", "models/gru-seed0", "training/gru-seed0", "training/gru-seed0/student"),
        *("pretraining/gru-seed0", "pretraining/gru-seed0/model"),
    }
    assert len(killed["killed taught"]) > 8
    for number, outcome in enumerate(killed["killed taught"]):
        assert outcome == unbroken, f"killed at operation {29 * number + 1}"
    assert killed["left over"] == []


@SLOW
def test_a_comparison_killed_again_and_again_ends_with_the_same_bits(killed):
    (unbroken,) = killed["compare"]
    assert len(unbroken) == 6
    assert killed["num_kills"] >= len(killed["at random"]) == 5
    assert killed["at random"] == [unbroken] * 5

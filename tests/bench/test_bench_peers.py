"""Benchmarks: every peer computes the same, in this process and in others; scripts and verb run."""

import gc
import importlib.util
import json
import os
import runpy
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tidegate.bench import agreement, remote, texts
from tidegate.bench.__main__ import cli as results_cli
from tidegate.bench.cases import grid, layer, memory, notebook, ragged, step
from tidegate.bench.measure import Settings
from tidegate.bench.problem import LayerProblem
from tidegate.bench.runner import run_case
from tidegate.bench.torch_layers import PYTORCH, TIDEGATE, layer_task, reference
from tidegate.cells import CELLS

SCRIPTS = Path(__file__).parents[2] / "benchmarks"
TINY = Settings(min_rounds=2, max_rounds=2, pause_ms=0, sample_ms=0.1)
NO_WORKERS = remote.Workers([], 1)


def assert_all_timed(result):
    assert {f"{t.variant} {t.peer}": t.error for t in result.tasks if t.error} == {}
    assert all(len(t.samples) == 2 for t in result.tasks)


@pytest.mark.parametrize("training", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("lengths", [None, [3, 6, 1]], ids=["padded", "ragged"])
@pytest.mark.parametrize("cell", CELLS)
def test_layers_agree_with_float64(cell, lengths, bidirectional, training):
    problem = LayerProblem(
        cell, 3, 6, 4, 5, bidirectional, None if lengths is None else np.array(lengths)
    )
    expected = reference(problem, training)
    for peer in (TIDEGATE, PYTORCH):
        task = layer_task(peer, problem, training=training, expected=expected)
        found = agreement.errors(task.outputs(), expected())
        assert agreement.complaint(found) is None
        assert ("grad weight_hh_l0" in found) == training


def test_a_wrong_layer_gets_no_time(monkeypatch):
    problem = LayerProblem("gru", 2, 3, 4, 5)
    expected = reference(replace(problem, seed=1), True)
    task = layer_task(TIDEGATE, problem, training=True, expected=expected)
    assert "results differ" in agreement.complaint(agreement.errors(task.outputs(), expected()))


def test_the_layer_case_runs():
    for case in layer.cases([*CELLS], NO_WORKERS, batch=2, steps=3, input_size=4, hidden_size=5):
        result = run_case(case, TINY)
        assert_all_timed(result)
        assert "tidegate: gru / lstm" in [ratio.name for ratio in result.ratios]


def test_the_notebook_case_runs(monkeypatch):
    monkeypatch.setattr(texts.sources, "load", none_installed)
    batches = texts.notebook_batches(2)
    assert batches.tokens.shape == (2, 32, 200)
    assert batches.tokens.max() < 10_000
    assert "Zipf" in batches.source
    assert 900 < batches.mean_distinct() < 2000  # reviews have about 1,450
    result = run_case(notebook.case(["gru"], few_words(batches), NO_WORKERS), TINY)
    assert_all_timed(result)
    assert {"loss", "grad embedding", "grad head_weight"} <= {*result.tasks[0].errors}


def few_words(batches):
    """The last 20 words of 4 rows of every batch: whole ones take a minute in float64."""
    return replace(batches, tokens=batches.tokens[:, :4, -20:], labels=batches.labels[:, :4])


def none_installed(name):
    raise texts.DataError("none")


def test_drawn_lengths_are_like_reviews(monkeypatch):
    real, source = texts.review_lengths(64, 400)
    if "IMDB" not in source:
        pytest.skip("the reviews are not installed")
    monkeypatch.setattr(texts.sources, "load", none_installed)
    drawn, _ = texts.review_lengths(64, 400)
    assert drawn.mean() == pytest.approx(real.mean(), rel=0.1)
    assert real.max() == drawn.max() == 400
    assert list(real) != sorted(real)


def test_the_ragged_case_runs(monkeypatch):
    monkeypatch.setattr(ragged, "SHAPES", {"small": (3, 4, True)})
    (case,) = ragged.cases(["gru"], np.array([2, 5, 1]), "drawn")
    result = run_case(case, TINY)
    assert_all_timed(result)
    assert [ratio.name for ratio in result.ratios] == [
        "gru: PyTorch packed / tidegate lengths",
        "gru: PyTorch padded / tidegate lengths",
        "gru: tidegate lengths / tidegate padded",
    ]


def test_the_step_case_runs():
    assert_all_timed(run_case(step.case([*CELLS], NO_WORKERS, size=4), TINY))


def test_the_grid_is_bounded_and_tells_what_is_slower():
    small = {"batches": (1, 3), "steps": (1, 4), "hidden_sizes": (4, 1000)}
    cases = [*grid.cases(["gru"], **small, max_gflop=1e-4)]
    names = [case.name for case in cases]
    assert "gru N 3 T 4 H 4, ragged, forward and backward" in names
    assert not any("H 1000" in name or "N 1 T 4 H 4, ragged" in name for name in names)
    result = run_case(cases[-1], TINY)
    assert_all_timed(result)
    ratio = result.ratios[0].ratio
    slow = replace(result.ratios[0], ratio=replace(ratio, value=0.9))
    assert grid.slower(results_of(replace(result, ratios=[slow])))[0][:2] == (result.name, 0.9)
    even = replace(result.ratios[0], ratio=replace(ratio, value=0.96))
    assert grid.slower(results_of(replace(result, ratios=[even]))) == []


def results_of(case):
    from tidegate.bench.results import Results

    return Results("grid", {}, [case])


@pytest.mark.skipif(not memory.CLEAR_REFS.exists(), reason="Linux tells peaks, others do not")
def test_the_memory_of_a_step_is_at_least_its_activations():
    case = next(memory.measure(["gru"], 1, num_samples=1))
    megabytes = {task.peer: task.samples[0] for task in case.tasks}
    # Output and its gradient alone: 32 * 200 * 128 * 4 bytes each.
    assert 3.2 < megabytes["tidegate"] < 200
    assert 10 < megabytes["PyTorch"] < 200


@pytest.fixture(scope="module", params=list(remote.BACKENDS))
def worker(request):
    workers = remote.Workers([request.param], 1, os.environ.get("TIDEGATE_PEER_PYTHON"))
    with workers:
        if request.param in workers.absent:
            pytest.skip(f"{request.param}: {workers.absent[request.param]}")
        yield workers


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("training", [False, True], ids=["forward", "both"])
def test_foreign_layers_agree_with_float64(worker, cell, training):
    (peer,) = worker.present
    problem = LayerProblem(cell, 3, 4, 5, 6)
    expected = reference(problem, training)
    task = remote.layer_task(worker.present[peer], problem, training=training, expected=expected)
    if task is None:
        pytest.skip(f"{peer} takes no part in {'training' if training else 'inference'}")
    wanted = {name: a for name, a in expected().items() if name not in task.omits}
    assert agreement.complaint(agreement.errors(task.outputs(), wanted)) is None
    assert task.run(2) > 0


def test_denormals_are_flushed_in_every_thread_of_their_own_process_alone(monkeypatch):
    monkeypatch.setattr(texts.sources, "load", none_installed)
    batches = texts.notebook_batches(1)
    with remote.Workers([remote.FLUSHED], 2) as workers:
        assert workers.absent == {}
        result = run_case(notebook.case(["rnn"], batches, workers), TINY)
    assert_all_timed(result)
    shares = {task.peer: task.denormal_share for task in result.tasks}
    # Of 200 steps the last 160 or so have a gradient that float32 holds in full.
    assert shares[PYTORCH] == pytest.approx(0.147, abs=0.03)
    assert (shares[TIDEGATE], shares[remote.FLUSHED]) == (None, 0)
    names = [ratio.name for ratio in result.ratios]
    assert "rnn: PyTorch / PyTorch, denormals flushed" in names
    assert "rnn: PyTorch, denormals flushed / tidegate" in names


def test_a_process_that_keeps_denormals_is_no_peer_that_flushes_them():
    worker = runpy.run_path(str(Path(remote.__file__).parent / "worker/on_pytorch.py"))
    message = "flushed in all of 2 threads, got 2 that keep them"
    with pytest.raises(RuntimeError, match=message):
        worker["_check"](2)


def test_pytorch_flushed_is_the_pytorch_that_runs_plain(monkeypatch):
    started = []
    monkeypatch.setattr(remote, "Worker", lambda peer, num_threads, python: started.append(python))
    remote.Workers([remote.FLUSHED, remote.ONNX], 1, "/other/python")
    assert started == [sys.executable, "/other/python"]


@pytest.mark.alone
def test_a_peer_answers_when_its_threads_rest():
    worker = runpy.run_path(str(Path(remote.__file__).parent / "worker/__main__.py"))

    def spin():
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            pass

    threads = []

    def call():
        assert not gc.isenabled()
        threads.append(threading.Thread(target=spin))
        threads[-1].start()

    request = {"do": "run", "task": 0, "repeats": 1}
    seconds = worker["_answer"](request, None, {0: call})["seconds"]
    assert gc.isenabled()
    assert not threads[0].is_alive()
    assert 0 < seconds < 0.09


def test_a_peer_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(remote, "_is_installed", lambda package: package != "jax")
    workers = remote.Workers([remote.KERAS_JAX], 1)
    assert workers.absent == {"Keras on JAX": "not installed: pip install jax"}


def test_a_peer_whose_process_dies_is_named(tmp_path):
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 'no such module' >&2\nexit 3\n")
    fake.chmod(0o755)
    workers = remote.Workers([remote.ONNX], 1, str(fake))
    assert "its process ended; it said ['no such module']" in workers.absent["ONNX Runtime"]


def test_the_verb_measures_and_writes(tidegate, tmp_path, monkeypatch, threads_stay):
    monkeypatch.setattr(texts.sources, "load", none_installed)
    shrink(monkeypatch)
    path = tmp_path / "bench.json"
    outcome = tidegate("bench", "--cells", "gru", "--quick", "--threads", 1, "--json", path)
    assert outcome.code == 0
    assert "PyTorch" in outcome.out
    assert "over tidegate" in outcome.out
    found = json.loads(path.read_text())
    assert [case["name"] for case in found["cases"]] == [
        "notebook",
        "layer, forward",
        "layer, forward and backward",
        "one step",
    ]
    peers = [{task["peer"] for task in case["tasks"]} for case in found["cases"]]
    assert [remote.FLUSHED in names for names in peers] == [True, False, True, False]
    assert found["conditions"]["threads"] == 1
    assert found["conditions"]["fma_peak_gflop_per_s"] > 0
    assert "took_s" in found["conditions"]


@pytest.fixture
def threads_stay(monkeypatch):
    """The number of threads is the process's: the other tests need theirs."""
    monkeypatch.setattr("tidegate.bench.session.conditions.set_threads", lambda threads: None)


def shrink(monkeypatch):
    """The verb's cases on small shapes."""
    whole, drawn = layer.cases, texts.notebook_batches
    monkeypatch.setattr(texts, "notebook_batches", lambda count: few_words(drawn(count)))
    monkeypatch.setattr(
        layer,
        "cases",
        lambda cells, workers: whole(cells, workers, batch=2, steps=3, input_size=4, hidden_size=4),
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cells", "gur"], "expected cells of rnn, lstm, gru, gru-before, got 'gur'; did you"),
        (["--threads", "0"], "0 is not in the range x>=1"),
        (["--cells", "gru,gru"], "expected every name once"),
    ],
)
def test_misuse_of_the_verb_is_explained(tidegate, arguments, message):
    outcome = tidegate("bench", *arguments)
    assert outcome.code == 2
    assert message in outcome.err


def test_the_verbs_help_has_examples(tidegate):
    outcome = tidegate("bench", "--help")
    for part in ("Examples:", "--cells", "--threads", "--quick", "--json"):
        assert part in outcome.out


def script(name):
    """The command of a script in benchmarks/."""
    spec = importlib.util.spec_from_file_location(f"script_{name}", SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.mark.parametrize("name", ["grid", "layer", "memory", "notebook", "ragged", "step"])
def test_scripts_say_what_they_do(name):
    outcome = CliRunner().invoke(script(name), ["--help"])
    assert outcome.exit_code == 0
    for part in ("--out", "--cells", "--threads", "--budget"):
        assert part in outcome.output
    assert ("--peer-python" in outcome.output) == (name in ("notebook", "layer", "step"))
    assert f"benchmarks/results/{name}.json" in outcome.output


def test_a_script_writes_what_compare_reads(tmp_path, threads_stay):
    path = tmp_path / "step.json"
    options = ["--cells", "gru", "--threads", "1", "--peers", "", "--max-rounds", "2"]
    outcome = CliRunner().invoke(script("step"), [*options, "--size", "4", "--out", str(path)])
    assert outcome.exit_code == 0, outcome.output
    compared = CliRunner().invoke(results_cli, ["compare", str(path), str(path)])
    assert compared.exit_code == 0, compared.output
    assert "one step" in compared.output
    assert "1.00 (" in compared.output
    shown = CliRunner().invoke(results_cli, ["show", str(path)])
    assert "over tidegate" in shown.output


def test_results_that_are_not_there_are_explained(tmp_path):
    outcome = CliRunner().invoke(results_cli, ["show", str(tmp_path / "none.json")])
    assert outcome.exit_code == 1
    assert "expected a results file" in outcome.output

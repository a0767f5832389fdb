"""Benchmarks: statistics and stopping on fake clocks, no time without right results, files."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tidegate import terminal
from tidegate.bench import agreement, compare, foreign, results, statistics, tables
from tidegate.bench.measure import Settings, measure, timed
from tidegate.bench.problem import LayerProblem, layer_weights
from tidegate.bench.runner import Case, Task, run_case
from tidegate.errors import FormatError

ROOT = Path(__file__).parents[2]
QUIET = Settings(pause_ms=0)


class Machine:
    """A clock that only work and sleep move."""

    def __init__(self):
        self.now_s = 0.0
        self.slept_s = []

    def clock(self):
        return self.now_s

    def sleep(self, seconds):
        self.slept_s.append(seconds)
        self.now_s += seconds

    def worker(self, *call_s):
        """Calls that take these times in turn, again and again."""
        turn = 0

        def call():
            nonlocal turn
            self.now_s += call_s[turn % len(call_s)]
            turn += 1

        return timed(call, self.clock)

    def measure(self, peers, **settings):
        return measure(peers, Settings(**settings), clock=self.clock, sleep=self.sleep)


def test_spread_is_that_of_a_known_sample():
    spread = statistics.Spread.of(np.array([5.0, 1.0, 2.0, 3.0, 100.0]))
    assert (spread.median, spread.mad, spread.q1, spread.q3, spread.minimum) == (3, 2, 2, 5, 1)


def test_the_medians_error_is_that_of_normal_samples():
    draws = np.random.Generator(np.random.PCG64(1))
    medians = np.median(draws.normal(10, 1, (4000, 101)), axis=1)
    estimates = [statistics.relative_error(draws.normal(10, 1, 101)) for _ in range(500)]
    assert np.mean(estimates) == pytest.approx(medians.std() / 10, rel=0.1)


def test_a_slow_round_moves_both_peers_and_not_their_ratio():
    draws = np.random.Generator(np.random.PCG64(2))
    weather = draws.lognormal(0, 0.5, 60)
    ratio = statistics.paired_ratio(3 * weather, weather)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((3, 3, 3))
    apart = statistics.unpaired_ratio(3 * weather, draws.permutation(weather))
    assert apart.low < 2.7 < 3.3 < apart.high


def test_the_interval_covers_the_true_ratio_as_often_as_it_says():
    draws = np.random.Generator(np.random.PCG64(3))
    hits = 0
    for number in range(300):
        above, below = draws.normal(20, 1, 25), draws.normal(10, 1, 25)
        ratio = statistics.paired_ratio(above, below, seed=number)
        hits += ratio.low <= 2 <= ratio.high
    assert 0.90 <= hits / 300 <= 0.995


def test_ratios_of_unequal_rounds_are_refused():
    with pytest.raises(ValueError, match="of the same rounds, at least one, got 3 and 2"):
        statistics.paired_ratio(np.ones(3), np.ones(2))


def test_times_are_seconds_a_call_and_short_calls_are_repeated():
    machine = Machine()
    found = machine.measure({"slow": machine.worker(0.2), "short": machine.worker(0.001)})
    assert found.samples_s["slow"] == pytest.approx(np.full(9, 0.2))
    assert found.samples_s["short"] == pytest.approx(np.full(9, 0.001))
    assert found.repeats == {"slow": 1, "short": 10}
    assert found.stopped_by == "spread"


def test_every_peer_has_one_turn_a_round_after_a_pause_in_an_order_that_changes():
    machine, turns = Machine(), []

    def peer(name):
        def run(repeats):
            turns.append(name)
            machine.now_s += 0.1
            return 0.1

        return run

    peers = {name: peer(name) for name in "abc"}
    machine.measure(peers, max_rounds=20, target_spread=-1)
    rounds = np.array(turns[-60:]).reshape(20, 3)
    assert all(sorted(round_) == ["a", "b", "c"] for round_ in rounds)
    assert len({tuple(round_) for round_ in rounds}) == 6
    assert machine.slept_s == [0.02] * 60


@pytest.mark.parametrize(
    ("times_s", "settings", "rounds", "stopped_by"),
    [
        ([0.1, 0.1001], {}, 9, "spread"),
        ([0.1, 0.3], {"budget_s": 5.0}, 22, "budget"),
        ([0.1, 0.3], {"budget_s": 1.3}, 9, "budget"),
        ([0.1, 0.3], {"budget_s": 0.0}, 3, "budget"),
        ([0.1, 0.3], {"max_rounds": 12}, 12, "rounds"),
    ],
    ids=["steady", "budget", "enough rounds", "least rounds", "most rounds"],
)
def test_a_measurement_ends(times_s, settings, rounds, stopped_by):
    machine = Machine()
    found = machine.measure({"peer": machine.worker(*times_s)}, **settings)
    assert (len(found.samples_s["peer"]), found.stopped_by) == (rounds, stopped_by)


def task(outputs, peer="peer", reference=None, run=lambda repeats: 0.01 * repeats):
    reference = reference or (lambda: {"output": np.ones(3), "grad input": np.ones(3)})
    return Task("gru", peer, run, lambda: outputs, reference)


RIGHT = {"output": np.ones(3), "grad input": np.ones(3)}


@pytest.mark.parametrize(
    ("outputs", "complaint"),
    [
        ({**RIGHT, "output": np.array([1, 1, 1.001])}, "output by 1.0e-03 (allowed 1e-05)"),
        ({**RIGHT, "grad input": np.array([1, np.nan, 1])}, "grad input by inf"),
        ({"output": np.ones(3)}, "grad input by inf"),
        ({**RIGHT, "output": np.ones(4)}, "output by inf"),
    ],
    ids=["wrong output", "not finite", "gradient missing", "other shape"],
)
def test_there_is_no_time_where_results_differ(outputs, complaint):
    def never(repeats):
        raise AssertionError("timed")

    tasks = [task(outputs, "wrong", run=never), task(RIGHT, "right")]
    case = Case("case", {}, lambda: tasks, [(("gru", "right"), ("gru", "wrong"))])
    found = run_case(case, QUIET)
    wrong, right = found.tasks
    assert (wrong.samples, wrong.spread, found.ratios) == ([], None, [])
    assert complaint in wrong.error
    assert right.error is None
    assert right.spread.median == pytest.approx(10)


def test_a_peer_that_breaks_is_a_result_and_not_the_end():
    broken = task(RIGHT, "broken")
    broken = Task("gru", "broken", broken.run, lambda: 1 / 0, broken.expected)
    found = run_case(Case("case", {}, lambda: [broken, task(RIGHT)]), QUIET)
    assert found.tasks[0].error == "ZeroDivisionError: division by zero"
    assert found.tasks[1].spread is not None


def test_errors_are_measured_by_the_largest_magnitude():
    found = agreement.errors({"output": np.array([100.0, 0.001])}, {"output": np.array([100.0, 0])})
    assert found == pytest.approx({"output": 1e-5})
    assert agreement.errors({"output": np.empty(0)}, {"output": np.empty(0)}) == {"output": 0}


def sample_results(scale=1.0):
    samples = scale * np.array([10.0, 11.0, 12.0, 11.0, 10.5])
    one = results.TaskResult(
        "gru",
        "tidegate",
        "ms",
        samples.tolist(),
        statistics.Spread.of(samples),
        1,
        {"h": 1e-7},
        3.77,
    )
    other = results.TaskResult("gru", "PyTorch", "ms", [], None, 0, {}, error="results differ")
    ratio = results.RatioResult("tidegate: gru / lstm", statistics.Ratio(0.8, 0.7, 0.9))
    shape = {"N": 32, "T": 200, "I": 128, "H": 128}
    case = results.CaseResult("layer, forward", shape, [one, other], [ratio], "spread")
    conditions = {
        "cpu": "A", "isa": "avx2", "num_cpus": 2, "threads": 2, "tidegate": "0", "commit": "abc",
        "versions": {"torch": "2"}, "environment": {}, "fma_peak_gflop_per_s": 500.0,
    }  # fmt: skip
    return results.Results("layer", conditions, [case], {"Keras on JAX": "not installed"})


def test_results_come_back_from_their_file(tmp_path):
    given = sample_results()
    path = tmp_path / "new" / "layer.json"
    given.cases[0].tasks[0].errors["output"] = math.inf  # of a result that is wrong
    given.save(path)
    assert results.load(path) == given
    assert json.loads(path.read_text())["format"] == "tidegate.bench/1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected JSON"),
        ('{"format": "other/1"}', "expected format 'tidegate.bench/1', got 'other/1'"),
        ('{"format": "tidegate.bench/1"}', "expected a value of family, conditions, got none"),
    ],
    ids=["no JSON", "another format", "fields missing"],
)
def test_files_of_another_kind_are_refused(tmp_path, text, message):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        results.load(path)


def test_tables_show_rates_ratios_and_what_has_no_time(capsys):
    tables.show(sample_results())
    out = capsys.readouterr().out
    # 3.77 GFLOP in 11 ms are 343 GFLOP/s, 69 % of 500.
    for part in ("343", "69%", "tidegate: gru / lstm  0.80 (0.70 to 0.90)", "results differ"):
        assert part in out
    assert "Keras on JAX (not installed)" in out


def test_denormals_are_counted_of_all_numbers():
    tiny = np.finfo(np.float32).tiny
    values = np.array([0, tiny / 2, -tiny / 4, tiny, -tiny, 1, np.inf, np.nan], np.float32)
    assert statistics.denormal_share(values) == 2 / 8
    assert statistics.denormal_share(values.astype(np.float64)) == 0


def test_the_share_of_denormals_is_recorded_of_the_inputs_gradient():
    faded = {**RIGHT, "grad input": np.array([1, 5e-324, 1])}
    expected = {"output": np.ones(3)}
    tasks = [
        task(faded, "faded", reference=lambda: expected),
        task({"output": np.ones(3)}, "without", reference=lambda: expected),
    ]
    found = run_case(Case("case", {}, lambda: tasks), QUIET).tasks
    assert [one.denormal_share for one in found] == [pytest.approx(1 / 3), None]


@pytest.mark.parametrize(("share", "is_shown"), [(0.147, True), (0.009, False)])
def test_tables_tell_of_denormals_where_there_are_many(share, is_shown, capsys):
    found = sample_results()
    (case,) = found.cases
    own, plain = case.tasks
    plain = replace(plain, error=None, samples=own.samples, spread=own.spread, denormal_share=share)
    # In whichever order the ratios stand, the row has the one over tidegate.
    ratios = [
        results.RatioResult(
            "gru: PyTorch / PyTorch, denormals flushed", statistics.Ratio(5.9, 5.7, 6.1)
        ),
        results.RatioResult("gru: PyTorch / tidegate", statistics.Ratio(3.1, 3, 3.2)),
    ]
    found.cases[0] = replace(case, tasks=[own, plain], ratios=ratios)
    tables.show(found)
    lines = capsys.readouterr().out.splitlines()
    (row,) = [line for line in lines if line.split()[:1] == ["PyTorch"]]
    assert row.rstrip().endswith("3.10 (3.00 to 3.20)")
    line = (
        "gru, PyTorch: 15% of the numbers in the gradient of the layer's input are denormal; "
        "its time over that with denormals flushed 5.90 (5.70 to 6.10)"
    )
    assert (line in lines) == is_shown
    assert any("denormal" in line for line in lines) == is_shown


def test_two_files_are_compared_task_by_task(capsys):
    before, after = sample_results(scale=2), sample_results()
    after.conditions["commit"] = "def"
    (difference,) = compare.differences(before, after)
    assert difference.ratio.value == pytest.approx(2)
    assert difference.verdict() == "better"
    assert compare.differences(after, after)[0].verdict() == ""
    compare.show(before, after, terminal.console())
    out = capsys.readouterr().out
    assert "commit: abc then, def now" in out
    assert "22.0 ms" in out


def timed_results(scale=1.0):
    """Of two peers, both with times, and the ratio that stands in PyTorch's row."""
    found = sample_results(scale)
    (case,) = found.cases
    own = case.tasks[0]
    samples = 3 * np.array(own.samples)
    other = replace(
        own, peer="PyTorch", samples=samples.tolist(), spread=statistics.Spread.of(samples)
    )
    ratio = results.RatioResult("gru: PyTorch / tidegate", statistics.Ratio(3, 2.9, 3.1))
    found.cases[0] = replace(case, tasks=[own, other], ratios=[ratio])
    return found


@pytest.mark.parametrize("columns", [40, 60, 79])
def test_a_narrow_terminal_loses_no_figure(columns, monkeypatch, capsys):
    before, after = timed_results(scale=2), timed_results()

    def figures(width):
        def console(**options):
            return Console(**options | {"width": width})

        monkeypatch.setattr(terminal, "Console", console)
        found = []
        for show in (
            lambda: tables.show(after),
            lambda: tables.show_grid(after, []),
            lambda: compare.show(before, after, terminal.console()),
        ):
            show()
            out = capsys.readouterr().out
            assert max(map(len, out.splitlines())) <= width
            assert "\N{HORIZONTAL ELLIPSIS}" not in out
            found.append(sorted(re.findall(r"\d[\d.,]*", out)))
        return found

    assert figures(columns) == figures(200)


def test_a_block_of_a_narrow_terminal_names_task_and_peer(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "Console", lambda width, **rest: Console(width=40, **rest))
    tables.show(timed_results())
    out = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    begin = out.index("gru, PyTorch")
    assert out[begin : begin + 8] == [
        "gru, PyTorch",
        "  median         33.0",
        "  MAD            1.50",
        "  quartiles      31.5 to 33.0",
        "  least          30.0",
        "  GFLOP/s        114",
        "  peak           23%",
        "  over tidegate  3.00 (2.90 to 3.10)",
    ]


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "gru-before"])
def test_weights_come_back_from_keras(cell):
    weights = layer_weights(cell, 3, 2)
    back = foreign.from_keras(cell, foreign.to_keras(cell, weights))
    assert np.array_equal(back["weight_ih_l0"], weights["weight_ih_l0"])
    assert np.array_equal(back["weight_hh_l0"], weights["weight_hh_l0"])
    if cell == "gru":
        assert np.array_equal(back["bias_hh_l0"], weights["bias_hh_l0"])
    else:
        assert np.array_equal(back["bias_ih_l0"], weights["bias_ih_l0"] + weights["bias_hh_l0"])


def test_the_work_is_that_of_the_equations():
    # The design's figure: 3.77 GFLOP for the GRU, forward and backward.
    problem = LayerProblem("gru", 32, 200, 128, 128)
    assert problem.gflop(training=True) == pytest.approx(3.77, abs=0.005)
    ragged = LayerProblem("gru", 2, 200, 128, 128, lengths=np.array([200, 100]))
    assert ragged.gflop(True) == pytest.approx(3.77 * 300 / 6400, rel=0.01)
    assert not ragged.input[100:, 1].any()

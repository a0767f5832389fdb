"""What the engine refuses: every message says what was expected and what came."""

import subprocess
import sys

import numpy as np
import pytest

from engine_samples import Case, arrays
from tidegate import engine

T, N, I, H = 5, 4, 5, 8
GIVEN = arrays(Case("gru_after", T=T, N=N, I=I, H=H))
LSTM = arrays(Case("lstm", T=T, N=N, I=I, H=H))
W = engine.Weights(*GIVEN.w)


def forward(cell="gru_after", input=GIVEN.x, weights=W, **rest):
    return engine.forward(cell, input, weights, **rest)


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": "gru"}, "cell of rnn_tanh, rnn_relu, lstm.*got 'gru'"),
        ({"input": zeros(T, I)}, r"\(T, N, I\) with I = 5, got \(5, 5\)"),
        ({"input": zeros(T, N, I + 1)}, r"I = 5, got \(5, 4, 6\)"),
        ({"input": zeros(T, N, I, dtype=np.float64)}, "input of dtype float32.*got float64"),
        ({"h_0": zeros(N + 1, H)}, r"h_0 of shape \(4, 8\), got \(5, 8\)"),
        ({"h_0": zeros(1, N, H)}, r"h_0 of shape \(4, 8\), got \(1, 4, 8\)"),
        ({"h_0": zeros(N, H, dtype=np.float64)}, "h_0 of dtype float32"),
        ({"c_0": zeros(N, H)}, "no c_0 for gru_after"),
        ({"lengths": np.array([1, 2, 3])}, r"lengths.*\(N,\) = \(4,\), got shape \(3,\)"),
        ({"lengths": np.array([1, 2, 3, 6])}, "from 0 to T = 5, got 1 to 6"),
        ({"lengths": np.array([1, -2, 3, 5])}, "from 0 to T = 5, got -2 to 5"),
        ({"lengths": np.array([1.0, 2, 3, 5])}, "lengths as integers.*float64"),
        ({"lengths": np.array([[1, 2, 3, 5]])}, r"got shape \(1, 4\)"),
        ({"weights": W._replace(weight_ih=zeros(23, I))}, r"weight_ih of shape \(24, 5\)"),
        ({"weights": W._replace(weight_hh=zeros(24, H + 1))}, "weight_[ih]h of shape"),
        ({"weights": W._replace(weight_hh=zeros(24, 0))}, "H of at least 1, got 0"),
        ({"weights": W._replace(bias_ih=zeros(25))}, r"bias_ih of shape \(24,\), got \(25,\)"),
        ({"weights": W._replace(bias_hh=zeros(24, 1))}, r"bias_hh of shape \(24,\)"),
        ({"weights": W._replace(bias_hh=zeros(24, dtype=np.float64))}, "bias_hh of dtype float32"),
        ({"weights": W._replace(weight_ih=zeros(24 * I))}, "weight_ih of two axes"),
        (
            {"weights": engine.Weights(*(a.astype(np.float16) for a in W))},
            "float32 or float64, got float16",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else "+".join(value),
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=f"forward: expected .*{message}"):
        forward(**arguments)


@pytest.mark.parametrize("name", ["input", "h_0", "weight_ih", "bias_hh", "lengths"])
def test_what_is_no_array_is_refused(name):
    # A list of lists has no dtype of its own.
    bad = [[0.0] * I] * N
    arguments = {"weights": W._replace(**{name: bad})} if name in W._fields else {name: bad}
    with pytest.raises((TypeError, ValueError), match=name):
        forward(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"grad_output": zeros(T, N, H + 1)}, r"grad_output of shape \(5, 4, 8\)"),
        ({"grad_output": zeros(T, N, H, dtype=np.float64)}, "grad_output of dtype float32"),
        ({"grad_h_n": zeros(N, H, 1)}, r"grad_h_n of shape \(4, 8\)"),
        ({"grad_c_n": zeros(N, H)}, "no grad_c_n for gru_after"),
    ],
    ids=["size", "dtype", "rank", "c"],
)
def test_gradients_that_do_not_fit(arguments, message):
    saved = forward(training=True).saved
    with pytest.raises(ValueError, match=f"backward: expected {message}"):
        engine.backward(saved, **arguments)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.zeros((T, N), np.int32), "ids of two axes and dtype int64.*int32"),
        (np.zeros(T, np.int64), r"ids of two axes.*\(5,\)"),
    ],
    ids=["dtype", "rank"],
)
def test_ids_that_do_not_fit(ids, message):
    with pytest.raises(ValueError, match=f"forward_tokens: expected {message}"):
        engine.forward_tokens("gru_after", ids, zeros(9, I), W)


def test_arrays_need_not_be_in_c_order():
    turned = np.asfortranarray(GIVEN.x)
    weights = engine.Weights(*(np.asfortranarray(a) for a in W))
    wanted = forward(h_0=GIVEN.h_0, lengths=GIVEN.lengths)
    found = forward(
        input=turned,
        weights=weights,
        h_0=np.asfortranarray(GIVEN.h_0),
        lengths=np.repeat(GIVEN.lengths, 2)[::2].astype(np.int32),
    )
    assert found.output.tobytes() == wanted.output.tobytes()


def test_ids_and_lengths_may_change_before_backward():
    """A loader's buffers: memory for backward is as large as they were."""
    weights, table = engine.Weights(*GIVEN.w), zeros(900, I) + 1
    ids, lengths = np.zeros((30, N), np.int64), np.full(N, 2)
    found = engine.forward_tokens("gru_after", ids, table, weights, lengths=lengths, training=True)
    wanted = engine.backward(found.saved, zeros(30, N, H) + 1)
    ids[:], lengths[:] = np.arange(30 * N).reshape(30, N), 30
    grads = engine.backward(found.saved, zeros(30, N, H) + 1)
    assert grads.table[0].tolist() == [0]
    assert grads.table[1].tobytes() == wanted.table[1].tobytes()


def test_results_do_not_share_memory_with_what_went_in():
    found = engine.forward(
        "lstm", LSTM.x, engine.Weights(*LSTM.w), LSTM.h_0, LSTM.c_0, training=True
    )
    grads = engine.backward(found.saved, LSTM.grad.output, LSTM.grad.h_n, LSTM.grad.c_n)
    inside = [LSTM.x, LSTM.h_0, LSTM.c_0, *LSTM.w, *LSTM.grad]
    outside = [
        found.output,
        found.h_n,
        found.c_n,
        grads.input,
        grads.h_0,
        grads.c_0,
        *grads.weights,
    ]
    for a in outside:
        assert not any(np.shares_memory(a, b) for b in inside)
        assert not any(a is not b and np.shares_memory(a, b) for b in outside)


def test_sizes_that_overflow():
    with pytest.raises(ValueError, match=r"reserve that memory can hold, got 5 \* 10995"):
        engine.reserve_bytes(cell="lstm", dtype="float64", hidden_size=2**40, num_positions=2**40)


@pytest.mark.parametrize(
    ("sizes", "error"),
    [
        ({"num_rows": -1}, "ValueError"),
        ({"num_steps": -1}, "ValueError"),
        ({"input_size": -1}, "ValueError"),
        ({"hidden_size": 0}, "ValueError"),
        ({"hidden_size": 2**22, "num_steps": 2}, "MemoryError"),
        ({"hidden_size": 2**62}, "ValueError"),
        ({"num_rows": 2**40, "num_steps": 2**40}, "ValueError"),
        ({"num_rows": 2**62, "num_steps": 0}, "ValueError"),
        ({"hidden_size": 2**63}, "ValueError"),
        ({"row_offset": 2**64}, "ValueError"),
    ],
    ids=str,
)
def test_sizes_that_cannot_be(sizes, error):
    """In a process of its own: these are the calls that trust their addresses."""
    code = f"""
import numpy as np
from tidegate import engine
sizes = {{"num_rows": 1, "num_steps": 1, "input_size": 1, "hidden_size": 1}} | {sizes}
memory = np.zeros(64)
at = {{name: memory.ctypes.data for name in ("row_offset", "step_offset")}}
call = engine.ForwardCall()
call.input_stride = call.output_stride = 1
for name in "input weight_ih weight_hh output h_n".split():
    setattr(call, name, memory.ctypes.data)
try:
    engine.layer_forward(
        engine.LayerPlan(cell="gru_after", dtype="float32", **at | sizes), call
    )
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == error


def test_out_of_memory_leaks_nothing():
    """Address space is bounded; a call that does not fit fails every time, and later one fits."""
    code = """
import resource
import numpy as np
from tidegate import engine
rng = np.random.default_rng(0)
H = 5000
w = engine.Weights(*(rng.random(s, "f") / H for s in [(3 * H, 8), (3 * H, H)]))
x = np.zeros((2, 3, 8), "f")
def used():
    return int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
wanted = engine.forward("gru_after", x, w).output
kept = used()
# Packed weights take 300 MB, more than what the engine keeps for the next call; leave 10.
resource.setrlimit(resource.RLIMIT_AS, (kept + 10_000_000, resource.RLIM_INFINITY))
failures = 0
for _ in range(50):
    try:
        engine.forward("gru_after", x, w)
    except MemoryError:
        failures += 1
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert np.array_equal(engine.forward("gru_after", x, w).output, wanted)
print(failures, used() - kept)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    failures, grown = map(int, done.stdout.split())
    assert failures == 50
    assert grown < 30_000_000

"""Layers to compute in the engine's tests: seeded arrays, their reference, and the call itself."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

import reference
from reference import GATES, Gradients, Result
from tidegate import engine
from tidegate.equations import Weights

CELLS = list(GATES)
WIDER = {"float32": np.float64, "float64": np.longdouble}


@dataclass(frozen=True)
class Case:
    """One layer over one batch; hashable, so that references are computed once."""

    cell: str
    T: int = 5
    N: int = 4
    I: int = 5
    H: int = 8
    dtype: str = "float32"
    lengths: tuple[int, ...] | None = None
    """None for drawn ones, unsorted, the first 0 and the last T."""
    reverse: bool = False
    bias: bool = True
    state: bool = True
    """Whether h_0 and c_0 are drawn, or zeros that are not passed."""
    seed: int = 11

    def __str__(self):
        parts = [self.cell, f"T{self.T} N{self.N} I{self.I} H{self.H}", self.dtype]
        parts += [name for name in ("reverse",) if getattr(self, name)]
        parts += [f"no {name}" for name in ("bias", "state") if not getattr(self, name)]
        return " ".join(parts)


class Arrays(NamedTuple):
    """What goes into a layer and its backward pass, time-major."""

    x: np.ndarray
    w: Weights
    h_0: np.ndarray
    c_0: np.ndarray
    lengths: np.ndarray
    grad: Result


@lru_cache
def arrays(case):
    """Drawn as PyTorch initialises its layers; biases and states are zero where there are none."""
    rng = np.random.default_rng(case.seed)
    T, N, I, H = case.T, case.N, case.I, case.H
    gates = GATES[case.cell] * H

    def weight(*shape):
        return rng.uniform(-1, 1, size=shape).astype(case.dtype) / np.sqrt(H, dtype=case.dtype)

    def normal(*shape):
        return rng.normal(size=shape).astype(case.dtype)

    w = Weights(weight(gates, I), weight(gates, H), weight(gates), weight(gates))
    if not case.bias:
        w = w._replace(bias_ih=np.zeros_like(w.bias_ih), bias_hh=np.zeros_like(w.bias_hh))
    x, h_0, c_0 = normal(T, N, I), normal(N, H), normal(N, H)
    if case.cell != "lstm":
        c_0 = np.zeros_like(c_0)
    if not case.state:
        h_0, c_0 = np.zeros_like(h_0), np.zeros_like(c_0)
    if case.lengths is None:
        lengths = rng.integers(0, T, size=N, endpoint=True)
        lengths[:1], lengths[-1:] = 0, T
    else:
        lengths = np.array(case.lengths, dtype=np.int64)
    grad = Result(normal(T, N, H), normal(N, H), normal(N, H))
    if case.cell != "lstm":
        grad = grad._replace(c_n=np.zeros_like(grad.c_n))
    return Arrays(x, w, h_0, c_0, lengths, grad)


@lru_cache
def expected(case):
    """Results and gradients in the next wider precision."""
    given = arrays(case)
    wide = WIDER[case.dtype]
    x, h_0, c_0 = (a.astype(wide) for a in (given.x, given.h_0, given.c_0))
    w = Weights(*(a.astype(wide) for a in given.w))
    grad = Result(*(a.astype(wide) for a in given.grad))
    rest = (x, w, h_0, c_0, given.lengths)
    return (
        reference.forward(case.cell, *rest, case.reverse),
        reference.backward(case.cell, *rest, grad, case.reverse),
    )


class Layout(NamedTuple):
    """Where row n at step t stands: position row[n] + step[t], of ``size`` positions."""

    row: np.ndarray
    step: np.ndarray
    size: int
    pad: bool

    def index(self, lengths):
        """Positions of the real steps, and their (t, n)."""
        t, n = np.nonzero(np.arange(len(self.step))[:, None] < lengths)
        return self.row[n] + self.step[t], (t, n)


def layout(name, lengths, num_steps):
    """One of "time", "batch" (padded), "flat" (rows end to end) and "packed" (as PyTorch's)."""
    steps, rows = np.arange(num_steps), np.arange(len(lengths))
    if name == "time":
        return Layout(rows, steps * len(rows), num_steps * len(rows), pad=True)
    if name == "batch":
        return Layout(rows * num_steps, steps, num_steps * len(rows), pad=True)
    total = int(lengths.sum())
    if name == "flat":
        return Layout(np.cumsum(lengths) - lengths, steps, total, pad=False)
    order = np.argsort(-lengths, kind="stable")
    batch_sizes = (lengths[None] > steps[:, None]).sum(axis=1)
    return Layout(
        np.argsort(order, kind="stable"), np.cumsum(batch_sizes) - batch_sizes, total, pad=False
    )


LAYOUTS = ["time", "batch", "flat", "packed"]
GUARD = 123.25  # stands wherever nothing may be written
SPACE = 3  # elements between one vector and the next


def _address(array):
    return 0 if array is None else array.ctypes.data


def folders_of_tests(request):
    """Where a program that a test writes imports from: the test's folder and the shared one."""
    return [str(request.path.parent), str(request.path.parents[1])]


PLANNED = ["cell", "dtype", "num_rows", "num_steps", "input_size", "hidden_size", "row_offset"]
PLANNED += ["step_offset", "lengths", "pad", "ids", "num_embeddings"]


def run_layer(call, plan=None, **arguments):
    """Plan a batch, unless a plan is given, and run a ForwardCall or BackwardCall over it."""
    planned = {name: arguments.pop(name) for name in PLANNED if name in arguments}
    if plan is None:
        reverse = arguments.get("reverse", False)
        has_state = bool(arguments.get("h_0") or arguments.get("c_0"))
        directions = {"forwards": not reverse, "backwards": reverse}
        plan = engine.LayerPlan(**planned, **directions, has_state=has_state)
    for name, value in arguments.items():
        setattr(call, name, value)
    is_forward = isinstance(call, engine.ForwardCall)
    return (engine.layer_forward if is_forward else engine.layer_backward)(plan, call)


def run(case, where="time", given=None, space=SPACE, without=()):
    """Results and gradients by the engine, brought back to time-major and 0 past the ends.

    ``without`` names gradients, coming in or going out, that are not passed.

    Fails when something is written where nothing may be: between the vectors, past the end of a
    row in a layout without padding, or into what is only read.
    """
    given = given or arrays(case)
    T, N, I = given.x.shape
    H = given.h_0.shape[1]
    gates = GATES[case.cell] * H
    place = layout(where, given.lengths, T)
    index, real = place.index(given.lengths)

    def spread(dense, width):
        buffer = np.full((place.size, width + space), GUARD, case.dtype)
        if dense is not None:
            buffer[index, :width] = dense[real]
        return buffer

    def collect(buffer, width):
        dense = np.zeros((T, N, width), case.dtype)
        dense[real] = buffer[index, :width]
        assert (buffer[:, width:] == GUARD).all(), "written between the vectors"
        rest = np.delete(buffer[:, :width], index, axis=0)
        assert (rest == (0 if place.pad else GUARD)).all(), "past the ends: neither 0 nor kept"
        return dense

    def new(*shape):
        return np.full(shape, GUARD, case.dtype)

    is_lstm = case.cell == "lstm"
    read = {
        "row_offset": place.row.astype(np.int64),
        "step_offset": place.step.astype(np.int64),
        "lengths": given.lengths.astype(np.int64),
        "input": spread(given.x, I),
        "weight_ih": given.w.weight_ih,
        "weight_hh": given.w.weight_hh,
        "h_0": given.h_0 if case.state else None,
        "c_0": given.c_0 if case.state and is_lstm else None,
    }
    forward_read = {name: getattr(given.w, name) for name in ("bias_ih", "bias_hh") if case.bias}
    backward_read = {
        "grad_output": spread(given.grad.output, H),
        "grad_h_n": given.grad.h_n,
        "grad_c_n": given.grad.c_n if is_lstm else None,
    }
    everything_read = read | forward_read | backward_read
    kept = {name: a.copy() for name, a in everything_read.items() if a is not None}
    sizes = {"num_rows": N, "num_steps": T, "input_size": I, "hidden_size": H}
    kind = {"cell": case.cell, "dtype": case.dtype}
    size = engine.reserve_bytes(**kind, hidden_size=H, num_positions=int(given.lengths.sum()))
    reserve = np.zeros(size, np.uint8)
    output, h_n, c_n = spread(None, H), new(N, H), new(N, H) if is_lstm else None
    common = {
        **kind,
        **sizes,
        **{name: _address(a) for name, a in read.items()},
        "reverse": case.reverse,
        "pad": place.pad,
        "input_stride": I + space,
        "output": _address(output),
        "output_stride": H + space,
        "reserve": _address(reserve),
    }
    run_layer(
        engine.ForwardCall(),
        **common,
        **{name: _address(a) for name, a in forward_read.items()},
        h_n=_address(h_n),
        c_n=_address(c_n),
    )
    result = Result(collect(output, H), h_n, c_n if is_lstm else np.zeros_like(h_n))

    outgoing = {
        "grad_input": spread(None, I),
        "grad_weight_ih": new(gates, I),
        "grad_weight_hh": new(gates, H),
        "grad_bias_ih": new(gates),
        "grad_bias_hh": new(gates),
        "grad_h_0": new(N, H),
        "grad_c_0": new(N, H) if is_lstm else None,
    }
    assert set(without) <= {*backward_read, *outgoing}
    passed = backward_read | outgoing | dict.fromkeys(without)
    run_layer(
        engine.BackwardCall(),
        **common,
        **{name: _address(a) for name, a in passed.items()},
        grad_output_stride=H + space,
        grad_input_stride=I + space,
    )
    for name, before in kept.items():
        np.testing.assert_array_equal(everything_read[name], before, f"{name} was written")
    c_0 = outgoing["grad_c_0"]
    return result, Gradients(
        collect(outgoing["grad_input"], I) if "grad_input" not in without else None,
        outgoing["grad_h_0"],
        c_0 if c_0 is not None else np.zeros_like(h_n),
        *(outgoing[f"grad_{name}"] for name in Weights._fields),
    )


def rows_of(case, rows):
    """The same layer over some of its rows, in that order."""
    given = arrays(case)
    grad = Result(given.grad.output[:, rows], given.grad.h_n[rows], given.grad.c_n[rows])
    return Arrays(
        np.ascontiguousarray(given.x[:, rows]),
        given.w,
        given.h_0[rows],
        given.c_0[rows],
        given.lengths[rows],
        grad,
    )


def assert_same_bits(got, wanted, names):
    """Equal byte for byte, NaN and the sign of zero included."""
    for name, a, b in zip(names, got, wanted, strict=True):
        if a.tobytes() != b.tobytes():
            index = np.argwhere(a.view(np.uint8) != b.view(np.uint8))[0]
            raise AssertionError(f"{name} differs first at byte {index} of shape {a.shape}")


__all__ = [
    "CELLS",
    "LAYOUTS",
    "Arrays",
    "Case",
    "arrays",
    "assert_same_bits",
    "expected",
    "folders_of_tests",
    "layout",
    "replace",
    "rows_of",
    "run",
    "run_layer",
]

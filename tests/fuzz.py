"""Whatever Python passes, the process goes on: hypothesis draws calls of the engine and its users.

A call may return or raise one of ``REFUSALS``; where what went in is sound, values are checked too.
``test_fuzz.py`` runs this in a process of its own, for a crash ends more than one test:

    python tests/fuzz.py TARGET [SECONDS]

Without seconds the examples are few and always the same.
"""

import contextlib
import faulthandler
import sys
import time
import warnings

import numpy as np
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from gate_functions import apply
from tidegate import engine, nn, optim

REFUSALS = (ValueError, TypeError, RuntimeError, IndexError, MemoryError)
# What nobody is to read: nanobind's signatures and PyTorch's frames.
FOREIGN = ("incompatible function arguments", "Exception raised from")

sizes = st.integers(0, 5)
dtypes = st.sampled_from([np.float32] * 5 + [np.float64, np.float16, np.int64, ">f4", object])
floats = st.sampled_from([torch.float32] * 4 + [torch.float64, torch.float16])
huge = st.one_of(st.integers(-2, 9), st.sampled_from([2**31, 2**40, 2**62, 2**63, 2**64, 10**30]))


@contextlib.contextmanager
def may_refuse():
    try:
        yield
    except REFUSALS as error:
        if any(words in str(error) for words in FOREIGN):
            raise AssertionError(f"{type(error).__name__}: {error}") from None


def array(data, *shape, dtype=None):
    """Mostly of the shape, in any order, now and then read-only or of another dtype."""
    if data.draw(st.integers(0, 19)) == 0:
        shape = tuple(data.draw(st.lists(sizes, max_size=4)))
    made = np.random.default_rng(len(shape)).uniform(-1, 1, shape)
    made = made.astype(dtype or data.draw(dtypes))
    how = data.draw(st.sampled_from(["C", "C", "C", "F", "strided", "reversed", "read-only"]))
    if how == "F":
        made = np.asfortranarray(made)
    elif how == "strided" and made.ndim:
        made = np.repeat(made, 2, axis=-1)[..., ::2]
    elif how == "reversed" and made.ndim:
        made = made[::-1]
    made.setflags(write=how != "read-only")
    return made


def tensor(data, *shape, dtype=None):
    """As :func:`array`; also on the meta device, expanded, or without its memory."""
    if data.draw(st.integers(0, 19)) == 0:
        shape = tuple(data.draw(st.lists(sizes, max_size=4)))
    made = torch.linspace(-1, 1, max(1, int(np.prod(shape))))[: int(np.prod(shape))]
    made = made.reshape(shape).to(dtype or data.draw(floats))
    how = data.draw(st.sampled_from(["plain"] * 6 + ["t", "strided", "meta", "expanded", "freed"]))
    if how == "t" and made.ndim > 1:
        made = made.transpose(0, -1).contiguous().transpose(0, -1)
    elif how == "strided":
        made = torch.stack([made, made], -1)[..., 0]
    elif how == "meta":
        made = made.to("meta")
    elif how == "expanded":
        made = made.new_ones(()).expand(shape)
    elif how == "freed":
        made = made.clone()
        made.untyped_storage().resize_(data.draw(st.sampled_from([0, 0, 4])))
    return made


def weights(data, cell, I, H):
    dtype = data.draw(dtypes)
    gates = {"lstm": 4, "gru_after": 3, "gru_before": 3}.get(cell, 1) * H
    shapes = [(gates, I), (gates, H), (gates,), (gates,)][: data.draw(st.integers(2, 4))]
    return engine.Weights(*(array(data, *shape, dtype=dtype) for shape in shapes))


def plain(values):
    return None if values is None else np.ascontiguousarray(values)


def layers(data):
    """``engine.forward`` and ``backward``: the bits of arrays in C order, or a refusal."""
    cell = data.draw(st.sampled_from([*engine.CELLS, "none"]))
    T, N, I, H = (data.draw(sizes) for _ in range(4))
    w = weights(data, cell, I, H)
    given = {"lengths": None}
    if data.draw(st.booleans()):
        lengths = data.draw(st.lists(st.integers(-1, T), min_size=N, max_size=N))
        given["lengths"] = np.array(lengths, data.draw(st.sampled_from([np.int64, np.int8, float])))
    for name in ("h_0", "c_0"):
        given[name] = array(data, N, H) if data.draw(st.booleans()) else None
    given["reverse"], given["training"] = data.draw(st.booleans()), data.draw(st.booleans())
    if data.draw(st.booleans()):
        ids = np.array(data.draw(st.lists(st.integers(-1, 3), min_size=T * N, max_size=T * N)))
        ids = ids.reshape(T, N).astype(data.draw(st.sampled_from([np.int64, np.int64, np.int32])))
        source = ids, array(data, 3, I, dtype=w.weight_ih.dtype)
        call = engine.forward_tokens
    else:
        source, call = (array(data, T, N, I, dtype=w.weight_ih.dtype),), engine.forward
    found = call(cell, *source, w, **given)
    again = call(cell, *map(plain, source), engine.Weights(*map(plain, w)), **given)
    assert found.output.tobytes() == again.output.tobytes()
    assert np.isfinite(found.output).all()
    if found.saved is not None:
        engine.backward(found.saved, array(data, T, N, H), array(data, N, H))


def steps(data):
    """``engine.Stepper``, whose state may be replaced by anything."""
    cell = data.draw(st.sampled_from(engine.CELLS))
    N, I, H = (data.draw(sizes) for _ in range(3))
    w = weights(data, cell, I, H)
    stepper = engine.Stepper(cell, w, data.draw(st.one_of(st.just(N), huge)))
    if data.draw(st.booleans()):
        setattr(stepper, data.draw(st.sampled_from(["h", "c"])), array(data, N, H))
    for _ in range(2):
        stepper.step(data.draw(st.sampled_from([array(data, N, I, dtype=w[0].dtype), None])))


def doors(data):
    """Sizes of any kind over memory that is large enough, or at no address."""
    memory = np.zeros(4096)
    at, n = data.draw(st.sampled_from([0, memory.ctypes.data])), data.draw(huge)
    m = data.draw(st.integers(-1, 3))
    table = {"num_rows": n, "width": m, "param": at, "m": at, "v": at, "row_step": at}
    pool = {"num_rows": m, "num_positions": n, "num_features": m, "offsets": at, "stride": n}
    numbers = np.ones((data.draw(st.integers(0, 2)), data.draw(st.integers(6, 7))))
    calls = [
        lambda: engine.reserve_bytes(cell="lstm", dtype="float32", hidden_size=n, num_positions=m),
        lambda: engine.kept_memory(num_bytes=n),
        lambda: engine.keep_mask(key=n, threshold=m, scale=1.0, mask=at, count=min(n, 9)),
        lambda: engine.pool_rows(dtype="float32", values=at, mean=at, **pool),
        lambda: engine.unpool_rows(dtype="float32", grad_values=at, **pool),
        lambda: engine.AdamTable(dtype="float64", **table),
        lambda: engine.AdamTable(dtype="float32", **table | {"num_rows": 9}).catch_up(
            at, m, numbers, len(numbers)
        ),
        lambda: engine.set_num_threads(n if n > 4 else 1),
        lambda: apply(data.draw(st.sampled_from(["exp", "tanh", ""])), array(data, m, m)),
        lambda: engine.sum_of_squares("float32", np.array([[at, min(n, 9)]])),
    ]
    before = engine.num_threads()
    try:
        data.draw(st.sampled_from(calls))()
    finally:
        engine.set_num_threads(before)


def change(data, optimiser, param):
    """One of what happens to parameters and states between steps."""
    state = optimiser.state[param]
    name = data.draw(st.sampled_from(["exp_avg", "exp_avg_sq"]))
    kind = data.draw(st.integers(0, 9))
    if kind == 0:
        param.data = tensor(data, *param.shape)
    elif kind == 1:
        param.data = tensor(data, *data.draw(st.lists(sizes, max_size=3)), dtype=param.dtype)
    elif kind == 2:
        state[name] = tensor(data, *param.shape, dtype=param.dtype)
    elif kind == 3 and name in state:
        state[name].untyped_storage().resize_(data.draw(st.sampled_from([0, 4, 1 << 12])))
    elif kind == 4 and name in state:
        del state[name]
    elif kind == 5:
        other = optim.Adam([torch.nn.Parameter(tensor(data, 3, 2))])
        other.param_groups[0]["params"][0].grad = torch.ones(3, 2)
        other.step()
        optimiser.load_state_dict(other.state_dict())
    elif kind == 6 and name in state:
        state[name].data = tensor(data, *param.shape)
    elif kind == 7:
        optimiser.state.clear()
    elif kind == 8:
        param.data = torch.ones(param.shape, dtype=torch.float64)


def optimisers(data):
    """``Adam`` and ``KerasAdam`` between changes; an optimiser that refused is asked again."""
    kind = data.draw(st.sampled_from([optim.Adam, optim.KerasAdam]))
    shape = data.draw(st.sampled_from([(), (3,), (3, 2), (3, 2), (0, 2), (3, 0), (2, 3, 2, 2)]))
    param = torch.nn.Parameter(tensor(data, *shape))
    optimiser = kind([param], lr=0.1)
    for _ in range(data.draw(st.integers(1, 8))):
        with may_refuse():
            what = data.draw(st.integers(0, 5))
            if what == 0:
                change(data, optimiser, param)
            elif what == 1:
                ids = torch.tensor(data.draw(st.lists(st.integers(-1, 4), max_size=3)))
                optimiser.catch_up(param, data.draw(st.sampled_from([None, ids.long(), ids])))
            elif what == 2:
                param.grad = tensor(data, *param.shape, dtype=param.dtype)
            elif what == 3:
                ids = data.draw(st.lists(st.integers(0, 4), max_size=3))
                param.grad = torch.sparse_coo_tensor(
                    torch.tensor([ids], dtype=torch.int64),
                    tensor(data, len(ids), *param.shape[1:], dtype=param.dtype),
                    param.shape,
                    check_invariants=data.draw(st.booleans()),
                )
            elif what == 4:
                optim.clip_grad_norm_([param], data.draw(st.sampled_from([0.0, 0.1, 1e9])))
            optimiser.step()


def adam(data):
    """Dense steps of parameters in any layout, beside torch's."""
    dtype = data.draw(st.sampled_from([torch.float32, torch.float64]))
    shape = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    mine = torch.nn.Parameter(torch.linspace(-1, 1, int(np.prod(shape)), dtype=dtype).view(shape))
    theirs = torch.nn.Parameter(mine.detach().clone())
    kinds = optim.Adam([mine], lr=0.1), torch.optim.Adam([theirs], lr=0.1)
    for number in range(data.draw(st.integers(1, 4))):
        how = data.draw(st.sampled_from(["", "t", "strided"]))
        if how == "t":
            mine.data = mine.data.transpose(0, -1).contiguous().transpose(0, -1)
        elif how == "strided":
            mine.data = torch.stack([mine.data, mine.data], -1)[..., 0]
        for param, optimiser in zip((mine, theirs), kinds, strict=True):
            param.grad = (param.detach() + number).cos()
            optimiser.step()
    bound = 20 * torch.finfo(dtype).eps
    torch.testing.assert_close(mine.data, theirs.data, rtol=bound, atol=bound)


def modules(data):
    """Layers of ``tidegate.nn`` beside ``torch.nn``'s, which take and refuse the same inputs."""
    name = data.draw(st.sampled_from(["RNN", "LSTM", "GRU"]))
    I, H = data.draw(st.integers(0, 4)), data.draw(st.integers(1, 4))
    options = {
        "num_layers": data.draw(st.integers(1, 2)),
        "bias": data.draw(st.booleans()),
        "batch_first": data.draw(st.booleans()),
        "bidirectional": data.draw(st.booleans()),
        "dtype": data.draw(st.sampled_from([torch.float32, torch.float64])),
    }
    layer, twin = getattr(nn, name)(I, H, **options), getattr(torch.nn, name)(I, H, **options)
    twin.load_state_dict(layer.state_dict())
    shape = data.draw(st.sampled_from([(2, 3, I), (3, I), (1, 1, I), (0, 2, I), (2, 0, I), (2, I)]))
    x = tensor(data, *shape, dtype=options["dtype"])
    if x.device.type == "meta" or (x.numel() and x.untyped_storage().nbytes() < 8):
        with may_refuse():
            layer(x)
        return
    try:
        wanted = twin(x)[0]
    except REFUSALS:
        with may_refuse():
            layer(x)
        return
    found = layer(x)[0]
    rtol = 2e-5 if x.dtype is torch.float32 else 1e-9
    torch.testing.assert_close(found, wanted, rtol=rtol, atol=rtol)
    found.sum().backward()


TARGETS = {f.__name__: f for f in (layers, steps, doors, optimisers, adam, modules)}


def run(target, seconds):
    """Examples for so long, or a few that are always the same."""
    end, number = time.monotonic() + (seconds or 0), 0
    while True:

        @seed(number)
        @settings(
            database=None,
            deadline=None,
            derandomize=not seconds,
            max_examples=2000 if seconds else 150,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.data())
        def calls(data):
            with may_refuse():
                TARGETS[target](data)

        calls()
        number = time.time_ns()
        if time.monotonic() >= end:
            return


if __name__ == "__main__":
    faulthandler.enable()
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    run(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else None)

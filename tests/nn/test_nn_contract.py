"""RNN, LSTM and GRU stand in for torch.nn's: arguments, names, errors, copies, explanations."""

import copy
import io
import pickle
import re
import subprocess
import sys
import warnings
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import tidegate.nn as tn
from nn_samples import CELL_PAIRS, LAYERS, LENGTHS, PAIRS, H, I, N, T, call, inputs, twins
from tidegate.nn import _path

OPTIONS = [
    {},
    {"num_layers": 2, "bidirectional": True, "dropout": 0.5, "batch_first": True},
    {"num_layers": 3, "bias": False},
    {"dtype": torch.float64},
]


@pytest.mark.parametrize("options", [*OPTIONS, {"proj_size": 2, "num_layers": 2}], ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_attributes_parameters_and_repr_are_torchs(name, options):
    if "proj_size" in options and name != "lstm":
        pytest.skip("only the LSTM has a projection")
    torch.manual_seed(7)
    layer = PAIRS[name][0](I, H, **options)
    torch.manual_seed(7)
    reference = PAIRS[name][1](I, H, **options)
    assert repr(layer) == repr(reference)
    assert not isinstance(layer, nn.RNNBase)
    for attribute, value in vars(reference).items():
        if not attribute.startswith("_"):
            assert getattr(layer, attribute) == value, attribute
    assert layer._all_weights == reference._all_weights
    for found, expected in zip(layer.all_weights, reference.all_weights, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    ours, theirs = layer.state_dict(), reference.state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    reference.load_state_dict(ours)
    layer.load_state_dict(theirs)
    assert [*dict(layer.named_parameters())] == [*dict(reference.named_parameters())]
    assert layer.flatten_parameters() is None
    x = torch.zeros(T, N, I)
    assert layer.get_expected_hidden_size(x, None) == reference.get_expected_hidden_size(x, None)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", CELL_PAIRS)
def test_cells_attributes_parameters_and_repr_are_torchs(name, bias):
    torch.manual_seed(7)
    cell = CELL_PAIRS[name][0](I, H, bias)
    torch.manual_seed(7)
    reference = CELL_PAIRS[name][1](I, H, bias)
    assert repr(cell) == repr(reference)
    for attribute, value in vars(reference).items():
        if not attribute.startswith("_"):
            assert getattr(cell, attribute) == value, attribute
    ours, theirs = cell.state_dict(), reference.state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert (cell.bias_ih is None) == (not bias)


def test_positional_arguments_stand_as_torchs():
    for make, reference, arguments in (
        (tn.GRU, nn.GRU, (I, H, 2, False, True, 0.5, True)),
        (tn.LSTM, nn.LSTM, (I, H, 2, False, True, 0.5, True, 2)),
        (tn.RNN, nn.RNN, (I, H, 2, "relu", False, True, 0.5, True)),
        (tn.GRUCell, nn.GRUCell, (I, H, False)),
        (tn.RNNCell, nn.RNNCell, (I, H, False, "relu")),
    ):
        assert repr(make(*arguments)) == repr(reference(*arguments))


def test_reset_before_is_named():
    assert repr(tn.GRU(I, H, reset="before")) == "GRU(5, 3, reset=before)"
    assert repr(tn.GRUCell(I, H, reset="before")) == "GRUCell(5, 3, reset=before)"
    for make in (tn.GRU, tn.GRUCell):
        with pytest.raises(ValueError, match=r"expected reset of 'after', 'before', got 'v1'"):
            make(I, H, reset="v1")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((I, H), {"dropout": 1.5}, "dropout between 0 and 1, got 1.5"),
        ((I, H), {"dropout": True}, "dropout"),
        ((I, H), {"dropout": "no"}, "dropout"),
        ((I, H), {"bias": 1}, "bias of type bool, got 1"),
        ((I, H), {"batch_first": None}, "batch_first of type bool"),
        ((5.0, H), {}, "input_size of type int, got 5.0"),
        ((I, "3"), {}, "hidden_size of type int"),
        ((0, H), {}, "input_size above 0, got 0"),
        ((I, -1), {}, "hidden_size above 0, got -1"),
        ((I, H), {"num_layers": 0}, "num_layers above 0"),
        ((I, H), {"proj_size": 2}, "proj_size"),
        ((I,), {}, "hidden_size"),
        ((I, H), {"mode": "GRU"}, "mode"),
    ],
    ids=str,
)
def test_constructors_refuse_what_torchs_refuse(arguments, options, message):
    with pytest.raises((TypeError, ValueError)) as theirs:
        nn.GRU(*arguments, **options)
    with pytest.raises(theirs.type, match=message):
        tn.GRU(*arguments, **options)


def test_constructors_refuse_what_is_particular():
    for options in ({"proj_size": 3}, {"proj_size": -1}):
        with pytest.raises(ValueError, match="proj_size of 0"):
            tn.LSTM(I, H, **options)
    with pytest.raises(ValueError, match=r"nonlinearity of 'tanh', 'relu', got 'elu'"):
        tn.RNN(I, H, nonlinearity="elu")
    with pytest.raises(RuntimeError, match="nonlinearity"):
        tn.RNNCell(I, H, nonlinearity="elu")(torch.zeros(N, I))


def test_dropout_without_a_between_is_warned_of():
    with pytest.warns(UserWarning, match="acts between layers, and num_layers = 1"):
        tn.GRU(I, H, dropout=0.5)


X = torch.zeros(T, N, I)
H_0 = torch.zeros(1, N, H)
BAD_CALLS = {
    "rank": ((torch.zeros(I),), "3 dimensions, or 2 without a batch, got"),
    "rank 4": ((torch.zeros(1, T, N, I),), "3 dimensions"),
    "features": ((torch.zeros(T, N, I + 1),), "input_size = 5 features, got"),
    "dtype": ((X.double(),), "float32, got torch.float64; convert"),
    "integers": ((X.long(),), "float32, got torch.int64"),
    "state rows": ((X, torch.zeros(1, N + 1, H)), r"= \(1, 4, 3\), got \(1, 5, 3\)"),
    "state layers": ((X, torch.zeros(2, N, H)), r"\(L\*D, N, H\) = \(1, 4, 3\), got \(2, 4, 3\)"),
    "state rank": ((X, torch.zeros(N, H)), r"h_0 of 3 dimensions beside a batch"),
    "state rank, single": ((X[:, 0], H_0), r"h_0 of 2 dimensions beside an input without a batch"),
    "state dtype": ((X, H_0.double()), "h_0 of the input's dtype, torch.float32"),
    "packed rank": ((pack_padded_sequence(X[..., 0], [T] * N),), "2 dimensions"),
    "packed state": ((pack_padded_sequence(X, [T] * N), torch.zeros(1, N - 1, H)), "got"),
}


@pytest.mark.parametrize("name", ["gru", "lstm"])
@pytest.mark.parametrize("case", BAD_CALLS)
def test_calls_refuse_what_torchs_refuse(case, name, path):
    (x, *states), message = BAD_CALLS[case]
    if name == "lstm":
        states = [(state, torch.zeros(state.shape)) for state in states]
    make, reference = PAIRS[name]
    error = RuntimeError
    if name != "lstm" or case not in ("state dtype", "packed state"):  # they end torch's process
        with pytest.raises((RuntimeError, ValueError)) as theirs:
            reference(I, H)(x, *states)
        error = theirs.type
    layer = make(I, H)
    with pytest.raises(error, match=message) as ours:
        layer(x, *states)
    assert str(ours.value).startswith(f"{name.upper()}: expected ")
    with pytest.raises(error, match=message):
        layer.explain(x, *states)


@pytest.mark.parametrize("hx", [H_0, (H_0,), (H_0, H_0, H_0), 3], ids=["tensor", "1", "3", "int"])
def test_the_lstm_wants_a_pair(hx):
    with pytest.raises(TypeError, match=r"expected hx of a pair \(h, c\), got"):
        tn.LSTM(I, H)(X, hx)
    with pytest.raises(TypeError, match=r"LSTMCell: expected hx of a pair"):
        tn.LSTMCell(I, H)(X[0], hx)


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([1, 2, 3, 7], ValueError, "from 0 to T = 6, got 7 in row 3"),
        ([1, -1, 3, 6], ValueError, "got -1 in row 1"),
        ([1, 2, 3], RuntimeError, r"shape \(N,\) = \(4,\), got \(3,\)"),
        (torch.ones(N, 1, dtype=torch.int64), RuntimeError, "shape"),
        ([1.0, 2.0, 3.0, 4.0], TypeError, "integer dtype, got torch.float32"),
        ([True] * N, TypeError, "integer dtype, got torch.bool"),
        ("four", TypeError, "integers, got 'four'"),
    ],
    ids=["beyond", "negative", "count", "rank", "floats", "bools", "text"],
)
def test_lengths_that_make_no_sense_are_refused(lengths, error, message, path):
    with pytest.raises(error, match=message):
        tn.GRU(I, H)(X, lengths=lengths)


def test_lengths_stand_beside_padded_batches_alone():
    layer = tn.GRU(I, H)
    with pytest.raises(ValueError, match="PackedSequence, which has its own"):
        layer(pack_padded_sequence(X, [T] * N), lengths=LENGTHS)
    with pytest.raises(ValueError, match="only beside a batch"):
        layer(X[:, 0], lengths=[T])


BAD_OFFSETS = {
    "start": ([1, 3, 6], ValueError, "offsets from 0 to the flat input's P = 6 positions, got"),
    "end": ([0, 3, 5], ValueError, "P = 6 positions, got them from 0 to 5"),
    "beyond": ([0, 3, 7], ValueError, "P = 6 positions, got them from 0 to 7"),
    "descending": ([0, 4, 3, 6], ValueError, "offsets that ascend, got 3 after 4 in row 1"),
    "negative": ([0, -1, 6], ValueError, "offsets that ascend, got -1 after 0 in row 0"),
    "huge": ([0, 2**63 - 1, -5, 6], ValueError, "offsets that ascend, got 92"),
    "floats": ([0.0, 6.0], TypeError, "torch.int64 or torch.int32, got torch.float32"),
    "int16": (torch.tensor([0, 6]).short(), TypeError, "torch.int32, got torch.int16"),
    "text": ("six", TypeError, "offsets of integers, got 'six'"),
    "rank": ([[0, 6]], RuntimeError, r"shape \(N\+1,\), .*, got \(1, 2\)"),
    "nothing": ([], RuntimeError, r"shape \(N\+1,\), .*, got \(0,\)"),
}


@pytest.mark.parametrize("case", BAD_OFFSETS)
def test_offsets_that_make_no_sense_are_refused(case, path):
    offsets, error, message = BAD_OFFSETS[case]
    with pytest.raises(error, match=message) as ours:
        tn.GRU(I, H)(X[:, 0], offsets=offsets)
    assert str(ours.value).startswith("GRU: expected offsets ")


@pytest.mark.parametrize("batch_first", [False, True], ids=["time first", "batch first"])
def test_a_flat_batch_of_one_keeps_its_dimensions(batch_first, path):
    output, h_n = tn.GRU(I, 1, batch_first=batch_first)(X[0, :1], offsets=[0, 1])
    assert output.shape == (1, 1)
    assert h_n.shape == (1, 1, 1)


def test_offsets_stand_beside_flat_batches_alone():
    layer, offsets = tn.GRU(I, H, batch_first=True), [0, 2, T]
    with pytest.raises(ValueError, match="PackedSequence, which has its own"):
        layer(pack_padded_sequence(X, [T] * N), offsets=offsets)
    with pytest.raises(ValueError, match="offsets beside a flat one, got both"):
        layer(X[:, 0], lengths=[2, 4], offsets=offsets)
    with pytest.raises(ValueError, match=r"flat input \(P, I\) beside offsets, got \(6, 4, 5\)"):
        layer(X, offsets=offsets)
    with pytest.raises(RuntimeError, match=r"\(L\*D, N, H\) = \(1, 2, 3\), got \(1, 4, 3\)"):
        layer(X[:, 0], H_0, offsets=offsets)
    with pytest.raises(RuntimeError, match="h_0 of 3 dimensions beside a batch"):
        layer(X[:, 0], H_0[:, 0], offsets=offsets)


@pytest.mark.parametrize("sizes", [[3, 2, 2], [3, 2], [2, 4], [6, 0], []], ids=str)
def test_a_packed_batch_put_together_wrongly_is_refused(sizes, path):
    packed = PackedSequence(torch.zeros(6, I), torch.tensor(sizes, dtype=torch.int64))
    with pytest.raises(RuntimeError, match="add up to the packed data's 6 positions, got"):
        tn.GRU(I, H)(packed)


@pytest.mark.parametrize(
    ("x", "h"),
    [
        (torch.zeros(1, N, I), None),
        (torch.zeros(N, I + 1), None),
        (torch.zeros(N, I), torch.zeros(N + 1, H)),
        (torch.zeros(N, I), torch.zeros(N, H + 1)),
        (torch.zeros(N, I), torch.zeros(1, N, H)),
        (torch.zeros(N, I).double(), None),
        (torch.zeros(N, I), torch.zeros(N, H).double()),
    ],
    ids=["rank", "features", "rows", "units", "state rank", "dtype", "state dtype"],
)
def test_cells_refuse_what_torchs_refuse(x, h, path):
    with pytest.raises((RuntimeError, ValueError)) as theirs:
        nn.GRUCell(I, H)(x, h)
    with pytest.raises(theirs.type, match="GRUCell: expected"):
        tn.GRUCell(I, H)(x, h)


@pytest.mark.parametrize("name", LAYERS)
def test_copies_compute_the_same_and_share_nothing(name, path):
    layer = LAYERS[name](I, H, num_layers=2, bidirectional=True, dtype=torch.float64)
    data, states = inputs("time", layer)
    expected = call(layer, "time", data, states)
    buffer = io.BytesIO()
    torch.save(layer, buffer)
    buffer.seek(0)
    for twin in (
        copy.deepcopy(layer),
        pickle.loads(pickle.dumps(layer)),
        torch.load(buffer, weights_only=False),
    ):
        assert repr(twin) == repr(layer)
        found = call(twin, "time", data, states)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
        with torch.no_grad():
            twin.weight_hh_l1_reverse.zero_()
        assert not torch.equal(call(twin, "time", data, states)[0], expected[0])
        assert torch.equal(call(layer, "time", data, states)[0], expected[0])


def test_weights_that_move_are_followed(path):
    """Replaced, cast, shared in memory, tied, substituted: each call reads what is there."""
    layer, reference = twins("gru", dtype=torch.float32)
    x = torch.randn(T, N, I)

    def same(a=layer, b=reference, x=x):
        torch.testing.assert_close(a(x)[0], b(x)[0])

    for module in (layer, reference):
        module.weight_hh_l0 = nn.Parameter(torch.full((3 * H, H), 0.25))
    same()
    for module in (layer, reference):
        module.bias_ih_l0.data = torch.full((3 * H,), -0.5)
    same()
    layer.share_memory(), reference.share_memory()
    same()
    layer.double(), reference.double()
    same(x=x.double())
    weights = {name: torch.randn_like(p) for name, p in layer.named_parameters()}
    torch.testing.assert_close(
        torch.func.functional_call(layer, weights, (x.double(),))[0],
        torch.func.functional_call(reference, weights, (x.double(),))[0],
    )
    other = tn.GRU(I, H, dtype=torch.float64)
    other.weight_ih_l0 = layer.weight_ih_l0
    (other(x.double())[0].sum() + layer(x.double())[0].sum()).backward()
    both = layer.weight_ih_l0.grad.clone()
    layer.zero_grad()
    layer(x.double())[0].sum().backward()
    assert not torch.allclose(both, layer.weight_ih_l0.grad)


@pytest.mark.parametrize("change", ["a row less", "a column more", "of another size"])
@pytest.mark.parametrize("name", ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"])
def test_weights_of_other_sizes_are_refused(name, change, path):
    """By their own name, also where another one would fit them."""
    layer = tn.LSTM(I, H, num_layers=2, bidirectional=True, proj_size=2 * (name == "weight_hr"))
    cells = {} if name == "weight_hr" else {"": tn.LSTMCell(I, H)}
    other = tn.LSTM(I + 1, H + 1, num_layers=2, bidirectional=True, proj_size=layer.proj_size)
    owners = dict.fromkeys(("_l0", "_l0_reverse", "_l1", "_l1_reverse"), layer) | cells
    for suffix, owner in owners.items():
        kept = getattr(owner, name + suffix)
        changed = {
            "a row less": kept[:-1],
            "a column more": torch.cat([kept, kept[..., :1]], -1),
            "of another size": getattr(other, name + (suffix or "_l0")),
        }[change]
        setattr(owner, name + suffix, nn.Parameter(changed.detach()))
        expected = re.escape(
            f"{type(owner).__name__}: expected {name}{suffix} of shape {tuple(kept.shape)}, got "
            f"{tuple(changed.shape)}"
        )
        with pytest.raises(RuntimeError, match=expected):
            owner(torch.zeros(N, I) if owner is not layer else torch.zeros(T, N, I))
        setattr(owner, name + suffix, kept)


class Half(nn.Module):
    """A parametrization."""

    def forward(self, weight):
        return weight / 2


@pytest.mark.filterwarnings("ignore:.*weight_norm.*deprecated:FutureWarning")
def test_parametrized_weights_are_read_and_trained(path):
    layer, reference = twins("lstm")
    data, states = inputs("time", layer)
    halved = copy.deepcopy(layer)
    parametrize.register_parametrization(halved, "weight_hh_l0", Half())
    with torch.no_grad():
        reference.weight_hh_l0.div_(2)
    found, expected = call(halved, "time", data, states), call(reference, "time", data, states)
    torch.testing.assert_close(found, expected)
    found[0].sum().backward()
    expected[0].sum().backward()
    torch.testing.assert_close(
        halved.parametrizations.weight_hh_l0.original.grad, reference.weight_hh_l0.grad / 2
    )
    for norm in (parametrizations.weight_norm, nn.utils.weight_norm):
        normed = norm(copy.deepcopy(layer), "weight_hh_l0")
        torch.testing.assert_close(call(normed, "time", data, states)[0], layer(data, states)[0])


def test_explain_names_path_and_reason(monkeypatch):
    layer = tn.GRU(I, H)
    engine = layer.explain(X)
    assert (engine.path, engine.isa is not None) == ("engine", True)
    assert str(engine) == f"engine ({engine.isa})"
    assert layer.explain(X[:, 0], offsets=[0, 2, T]) == engine
    cases = {
        "float32 and float64, not in torch.bfloat16": (tn.GRU(I, H).bfloat16(), X.bfloat16()),
        "on the CPU, not on meta": (tn.GRU(I, H, device="meta"), X.to("meta")),
        "no projection": (tn.LSTM(I, H, proj_size=2), X),
    }
    for reason, (module, x) in cases.items():
        explanation = module.explain(x)
        assert explanation.path == "composite"
        assert reason in str(explanation)
        with tn.strict(), pytest.raises(RuntimeError, match=r"within tidegate.nn.strict\(\)"):
            module(x)
        module(x)
    with torch.autocast("cpu"):
        assert "autocast" in layer.explain(X).reason
        assert "autocast" in tn.GRUCell(I, H).explain(X[0]).reason
    monkeypatch.setattr(_path, "MISSING", "the compiled engine could not be loaded (why)")
    assert layer.explain(X).reason == "the compiled engine could not be loaded (why)"
    with tn.strict(), pytest.raises(RuntimeError, match="could not be loaded"):
        layer(X)
    assert layer.explain(X[:, 0], offsets=[0, 2, T]).path == "composite"
    with tn.strict(), pytest.raises(RuntimeError, match="could not be loaded"):
        layer(X[:, 0], offsets=[0, 2, T])


def test_strict_lets_the_engine_run_and_nests():
    layer = tn.GRU(I, H)
    with tn.strict():
        with tn.strict():
            layer(X)
        with pytest.raises(RuntimeError, match="strict"):
            layer.bfloat16()(X.bfloat16())
    layer(X.bfloat16())


def test_a_missing_engine_is_said_once_and_the_composite_serves():
    code = (
        "import sys, warnings, torch\n"
        "sys.modules['tidegate._engine'] = None\n"
        "import tidegate.nn as tn\n"
        "x = torch.ones(3, 2, 5)\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    layer = tn.GRU(5, 4); layer(x); layer(x); tn.LSTMCell(5, 4)(x[0])\n"
        "assert len(caught) == 1, caught\n"
        "assert 'could not be loaded' in str(caught[0].message), caught[0]\n"
        "assert caught[0].filename == '<string>', caught[0].filename\n"
        "print(layer.explain(x))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("composite: the compiled engine could not be loaded")


def test_meta_tensors_give_shapes():
    layer = tn.LSTM(I, H, num_layers=2, bidirectional=True, device="meta")
    output, (h_n, c_n) = layer(X.to("meta"))
    assert output.shape == (T, N, 2 * H)
    assert h_n.shape == c_n.shape == (4, N, H)
    assert all(p.is_meta for p in layer.parameters())


def test_hooks_are_called(path):
    layer = tn.GRU(I, H)
    seen = []
    layer.register_forward_hook(lambda module, args, result: seen.append(result[0].shape))
    layer(X)
    assert seen == [(T, N, H)]


def test_no_warning_comes_without_a_reason():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        partial(tn.GRU, I, H)(num_layers=2, dropout=0.5)(X)

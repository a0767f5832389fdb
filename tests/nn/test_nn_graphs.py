"""Graphs that are compiled, exported, traced or transformed: one piece, and the same numbers."""

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.utils.rnn import pack_padded_sequence

import tidegate.nn as tn
from nn_samples import (
    LAYERS,
    LENGTHS,
    H,
    I,
    N,
    T,
    assert_all_close,
    call,
    gradients,
    inputs,
    offsets_of,
)
from tidegate import engine
from tidegate.nn import _operators, _pointers

FORMS = ["time", "batch", "single", "packed", "ragged"]

# PyTorch warns of itself where it loads parts of itself.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit:DeprecationWarning", "ignore:The .grad attribute of a Tensor:UserWarning"
)


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()


def operator_arguments(cell, *, bidirectional=False, tokens=False, lengths=None, kind="time"):
    """Arguments of the forward operator, but for ``training``."""
    gates = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru_after": 3, "gru_before": 3}[cell]

    def draw(*shape):
        return torch.randn(*shape, dtype=torch.float64, requires_grad=True)

    D = 2 if bidirectional else 1
    weights = [(gates * H, I), (gates * H, H), (gates * H,), (gates * H,)] * D
    shape = (sum(LENGTHS),) if kind == "ragged" else (T, N)
    values, ids = draw(*shape, I), None
    if tokens:
        values, ids = draw(9, I), torch.randint(9, shape)
    h_0, c_0 = draw(D, N, H), draw(D, N, H) if cell == "lstm" else None
    lengths = None if lengths is None else torch.tensor(lengths)
    offsets = offsets_of(LENGTHS) if kind == "ragged" else None
    flat = [*(draw(*shape) for shape in weights), *(None,) * (8 - 4 * D)]
    layout = (kind, N, lengths, None, offsets)
    return (cell, values, ids, h_0, c_0, *flat, *layout, 1 if tokens else None)


OPERATOR_CASES = {
    "gru": {"cell": "gru_after"},
    "gru both ways, lengths": {"cell": "gru_after", "bidirectional": True, "lengths": LENGTHS},
    "gru both ways, ragged": {"cell": "gru_after", "bidirectional": True, "kind": "ragged"},
    "lstm of tokens, ragged": {"cell": "lstm", "tokens": True, "kind": "ragged"},
    "gru-before of tokens": {"cell": "gru_before", "tokens": True},
    "lstm": {"cell": "lstm", "bidirectional": True},
    "rnn": {"cell": "rnn_tanh", "lengths": LENGTHS},
}


@pytest.mark.parametrize("case", OPERATOR_CASES)
def test_operators_keep_torchs_rules(case):
    torch.manual_seed(0)
    common = operator_arguments(**OPERATOR_CASES[case])
    for training in (True, False):
        torch.library.opcheck(torch.ops.tidegate.layer.default, (*common, training))
    detached = [a.detach() if isinstance(a, torch.Tensor) else a for a in common]
    output, _, c_n, reserve = torch.ops.tidegate.layer(*detached, True)
    grads = (torch.ones_like(output), None, torch.ones_like(c_n) if c_n.numel() else None)
    num_weights = sum(isinstance(a, torch.Tensor) for a in common[5:13])
    wanted = [True, True, c_n.numel() > 0] + [True] * num_weights
    torch.library.opcheck(
        torch.ops.tidegate.layer_backward.default, (*detached, output, reserve, *grads, wanted)
    )


@pytest.mark.parametrize("case", OPERATOR_CASES)
def test_operators_compile_with_unknown_sizes(case):
    torch.manual_seed(0)
    common = operator_arguments(**OPERATOR_CASES[case])

    def results(*arguments):
        # Without the reserve, whose bytes nobody else may read.
        return torch.ops.tidegate.layer(*arguments, True)[:3]

    for dynamic in (True, False):
        compiled = torch.compile(results, fullgraph=True, backend="aot_eager", dynamic=dynamic)
        found, expected = compiled(*common), results(*common)
        assert_all_close(found, expected, rtol=0, atol=0)
        targets = [a for a in common if isinstance(a, torch.Tensor) and a.requires_grad]
        a, b = (torch.autograd.grad(sum(r.sum() for r in rs), targets) for rs in (found, expected))
        assert_all_close(a, b, rtol=0, atol=0)


def test_the_reserve_is_a_line_in_the_positions():
    for cell in engine.CELLS:
        for dtype in (torch.float32, torch.float64):
            for size in (1, 7, 64):
                none, one, many = (
                    _pointers.reserve_size(cell, dtype, size, count) for count in (0, 1, 1000)
                )
                assert many == none + 1000 * (one - none)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", LAYERS)
def test_a_compiled_layer_is_one_graph(name, form):
    layer = LAYERS[name](
        I, H, num_layers=2, bidirectional=True, batch_first=form == "batch", dtype=torch.float64
    )
    data, states = inputs(form, layer)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    found, expected = call(compiled, form, data, states), call(layer, form, data, states)
    assert_all_close(found, expected, rtol=0, atol=0)
    assert_all_close(
        gradients(layer, data, states, found),
        gradients(layer, data, states, expected),
        rtol=1e-13,
        atol=1e-15,
    )
    with torch.no_grad():
        assert_all_close(call(compiled, form, data, states), expected, rtol=0, atol=0)


def test_a_compiled_layer_takes_lengths_and_other_sizes():
    layer = tn.GRU(I, H, bidirectional=True, dtype=torch.float64)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager", dynamic=True)
    for rows in (3, 4, 5):
        x = torch.randn(T, rows, I, dtype=torch.float64)
        lengths = torch.arange(rows) % T
        found, expected = compiled(x, lengths=lengths), layer(x, lengths=lengths)
        assert_all_close(found, expected, rtol=0, atol=0)
    with pytest.raises(ValueError, match=f"from 0 to T = {T}, got 7 in row 2"):
        compiled(x, lengths=torch.tensor([1, 2, 7, 3, 4]))


def test_a_compiled_layer_takes_offsets_and_other_sizes():
    layer = tn.GRU(I, H, num_layers=2, bidirectional=True, dtype=torch.float64)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager", dynamic=True)
    for rows in (3, 4, 5):
        offsets = offsets_of(torch.arange(rows).tolist())
        x = torch.randn(int(offsets[-1]), I, dtype=torch.float64)
        found, expected = compiled(x, offsets=offsets), layer(x, offsets=offsets)
        assert_all_close(found, expected, rtol=0, atol=0)
    with pytest.raises(ValueError, match="offsets that ascend, got 1 after 3 in row 1"):
        compiled(x, offsets=torch.tensor([0, 3, 1, 4, 4, 10]))
    with pytest.raises(ValueError, match="to the flat input's P = 10 positions"):
        compiled(x, offsets=torch.tensor([0, 3, 4, 4, 5, 11]))


def test_a_compiled_layer_finds_the_rows_of_a_packed_batch():
    layer = tn.GRU(I, H)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    packed = pack_padded_sequence(torch.randn(T, 2, I), [T, 2])
    torch.testing.assert_close(compiled(packed)[1], layer(packed)[1], rtol=0, atol=0)
    with pytest.raises(RuntimeError, match="N = 2 rows, as the packed batch has, got 3"):
        compiled(packed, torch.zeros(1, 3, H))


@pytest.mark.parametrize("make", [tn.GRUCell, tn.LSTMCell, tn.RNNCell])
def test_a_compiled_cell_is_one_graph(make):
    cell = make(I, H)
    compiled = torch.compile(cell, fullgraph=True, backend="aot_eager")
    x = torch.randn(N, I)
    torch.testing.assert_close(compiled(x), cell(x), rtol=0, atol=0)


@pytest.mark.parametrize("form", ["time", "ragged"])
def test_a_compiled_text_encoder_is_one_graph(form):
    encoder = tn.TextEncoder(nn.Embedding(9, I, padding_idx=0), tn.GRU(I, H))
    compiled = torch.compile(encoder, fullgraph=True, backend="aot_eager")
    ids, options = torch.randint(9, (T, N)), {}
    if form == "ragged":
        ids, options = ids.flatten()[: sum(LENGTHS)], {"offsets": offsets_of(LENGTHS)}
    compiled(ids, **options)[0].sum().backward()
    found = encoder.embedding.weight.grad.clone()
    encoder.zero_grad()
    encoder(ids, **options)[0].sum().backward()
    torch.testing.assert_close(found, encoder.embedding.weight.grad, rtol=0, atol=0)
    assert not found[0].any()


def test_a_compiled_text_encoder_keeps_its_gradient_sparse():
    encoder = tn.TextEncoder(nn.Embedding(9, I, sparse=True), tn.GRU(I, H))
    ids = torch.randint(9, (T, N))
    torch.compile(encoder, fullgraph=True, backend="eager")(ids)[0].sum().backward()
    found = encoder.embedding.weight.grad
    encoder.zero_grad()
    encoder(ids)[0].sum().backward()
    assert found.is_sparse
    torch.testing.assert_close(found.to_dense(), encoder.embedding.weight.grad.to_dense())


def test_the_composite_compiles_too(monkeypatch):
    layer = tn.LSTM(I, H, proj_size=2)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x = torch.randn(T, N, I)
    torch.testing.assert_close(compiled(x), layer(x))
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    with tn.strict(), pytest.raises(Exception, match="strict"):
        compiled(x)


def test_inductor_compiles_a_training_step():
    model = nn.Sequential(nn.Linear(I, I), Last(tn.GRU(I, H, num_layers=2)), nn.Linear(H, 1))
    compiled = torch.compile(model, fullgraph=True)
    x = torch.randn(T, N, I)
    try:
        compiled(x).square().sum().backward()
    except torch._inductor.exc.InductorError as error:
        pytest.skip(f"no C++ compiler for inductor: {error}")
    found = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    model(x).square().sum().backward()
    assert_all_close(found, [p.grad for p in model.parameters()], rtol=1.3e-5, atol=1e-6)


class Last(nn.Module):
    """The last output of a layer."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0][-1]


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not strict"])
@pytest.mark.parametrize("name", LAYERS)
def test_an_exported_layer_takes_other_lengths(name, strict):
    layer = LAYERS[name](I, H, bidirectional=True)
    steps = torch.export.Dim("steps", min=2, max=100)
    x = torch.randn(T, N, I)
    program = torch.export.export(layer, (x,), dynamic_shapes=({0: steps},), strict=strict)
    assert any("tidegate.layer" in str(node.target) for node in program.graph.nodes)
    for longer in (x, torch.randn(2 * T, N, I)):
        found, expected = program.module()(longer), layer(longer)
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not strict"])
def test_an_exported_layer_takes_other_offsets(strict):
    layer = tn.LSTM(I, H, bidirectional=True)
    program = torch.export.export(
        layer,
        (torch.randn(14, I),),
        {"offsets": torch.tensor([0, 4, 4, 14])},
        dynamic_shapes={
            "input": {0: torch.export.Dim("positions", max=1000)},
            "offsets": {0: torch.export.Dim("ends", min=3, max=100)},
        },
        strict=strict,
    ).module()
    for lengths in ([4, 0, 10], [2, 7, 0, 0, 3, 1]):
        x, offsets = torch.randn(sum(lengths), I), offsets_of(lengths)
        found, expected = program(x, offsets=offsets), layer(x, offsets=offsets)
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_second_gradients_of_an_exported_layer_are_refused():
    layer = tn.GRU(I, H)
    x = torch.randn(T, N, I, requires_grad=True)
    program = torch.export.export(layer, (x,)).module()
    output, _ = program(x)
    (slope,) = torch.autograd.grad(output.sin().sum(), x, create_graph=True)
    with pytest.raises(NotImplementedError, match="run the module itself"):
        slope.sum().backward()


def test_fake_tensors_give_shapes():
    with FakeTensorMode():
        layer = tn.LSTM(I, H, bidirectional=True)
        output, (h_n, c_n) = layer(torch.randn(T, N, I), lengths=None)
        assert output.shape == (T, N, 2 * H)
        assert h_n.shape == c_n.shape == (2, N, H)
        output.sum().backward()
        assert layer.weight_ih_l0.grad.shape == (4 * H, I)


def test_transforms_of_functions_go_to_the_composite():
    layer = tn.GRU(I, H, dtype=torch.float64)
    x = torch.randn(3, T, N, I, dtype=torch.float64)
    each = torch.func.vmap(lambda x: layer(x)[0])(x)
    for found, one in zip(each, x, strict=True):
        torch.testing.assert_close(found, layer(one)[0], rtol=1e-12, atol=1e-14)
    found = torch.func.grad(lambda x: layer(x)[0].sin().sum())(x[0])
    leaf = x[0].clone().requires_grad_()
    (expected,) = torch.autograd.grad(layer(leaf)[0].sin().sum(), leaf)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    _, tangent = torch.func.jvp(lambda x: layer(x)[0].sin().sum(), (x[0],), (x[1],))
    torch.testing.assert_close(tangent, (expected * x[1]).sum(), rtol=1e-10, atol=1e-12)
    seen = []
    torch.func.vmap(lambda x: seen.append(layer.explain(x)) or x)(x)
    assert "torch.func" in seen[0].reason


@pytest.mark.parametrize("has_gradients", [False, True])
def test_a_tensor_left_over_from_a_transform_is_read_by_the_composite(has_gradients):
    kept = []
    torch.func.grad(lambda x: kept.append(x) or x.sum())(torch.randn(2, 3, 4))
    layer = tn.GRU(4, 5)
    with torch.set_grad_enabled(has_gradients):
        torch.testing.assert_close(layer(kept[0])[0], layer(kept[0].clone())[0])
    assert "left over" in layer.explain(kept[0]).reason


def test_forward_mode_goes_to_the_composite():
    layer = tn.GRU(I, H, dtype=torch.float64)
    x, v = torch.randn(2, T, N, I, dtype=torch.float64)
    import torch.autograd.forward_ad as forward_ad

    with forward_ad.dual_level(), torch.no_grad():
        output, _ = layer(forward_ad.make_dual(x, v))
        tangent = forward_ad.unpack_dual(output).tangent
    eps = 1e-6
    expected = (layer(x + eps * v)[0] - layer(x - eps * v)[0]) / (2 * eps)
    torch.testing.assert_close(tangent, expected.detach(), rtol=1e-6, atol=1e-8)


def test_an_operator_is_used_where_a_graph_is_made_alone():
    x = torch.randn(T, N, I)
    assert not _operators.are_needed(x)

"""Graphs of torch.jit.trace, of the exporter to ONNX that is built on it, and of torch.fx."""

import io

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import tidegate
import tidegate.nn as tn
from nn_samples import CELL_PAIRS, LAYERS, PAIRS, H, I, N, T, assert_all_close, offsets_of, twins

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")

WAYS = pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
GRID = pytest.mark.parametrize("name", LAYERS)
# Steps and rows of an example, and of what the graph is given then.
EXAMPLE, OTHERS = (T, N), [(2 * T, N), (T, N + 3), (1, 1), (3, 2)]


class Model(nn.Module):
    """A layer as a part, with what is passed by name."""

    def __init__(self, layer, name=None):
        super().__init__()
        self.layer = layer
        self.name = name

    def forward(self, x, given=None):
        return self.layer(x) if self.name is None else self.layer(x, **{self.name: given})


def flat(results):
    output, finals = results
    return [output, *(finals if isinstance(finals, tuple) else (finals,))]


def draw(size, batch_first=False, dtype=torch.float32):
    return torch.randn(*(size[::-1] if batch_first else size), I, dtype=dtype)


@pytest.mark.parametrize("batch_first", [False, True], ids=["time", "batch"])
@WAYS
@GRID
def test_a_traced_layer_takes_other_lengths_and_batches(name, bidirectional, batch_first, isa):
    layer = LAYERS[name](
        I, H, num_layers=2, bias=batch_first, bidirectional=bidirectional, batch_first=batch_first
    )
    traced = torch.jit.trace(layer, draw(EXAMPLE, batch_first))
    for size in OTHERS:
        x = draw(size, batch_first)
        assert_all_close(flat(traced(x)), flat(layer(x)), rtol=0, atol=0)
    x = draw(OTHERS[0], batch_first)
    found, expected = (
        torch.autograd.grad(run(x)[0].sin().sum(), list(layer.parameters()))
        for run in (traced, layer)
    )
    assert_all_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", PAIRS)
def test_a_traced_layer_computes_what_torchs_does(name, path):
    layer, reference = twins(name, num_layers=2, bidirectional=True)
    traced = torch.jit.trace(layer, draw(EXAMPLE, dtype=torch.float64))
    for size in OTHERS:
        x = draw(size, dtype=torch.float64)
        assert_all_close(flat(traced(x)), flat(reference(x)))


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")
def test_what_is_traced_off_the_engine_takes_other_lengths():
    layers = [tn.LSTM(I, H, proj_size=2), tn.GRU(I, H, dtype=torch.bfloat16)]
    for layer in layers:
        dtype = layer.weight_ih_l0.dtype
        traced = torch.jit.trace(layer, draw(EXAMPLE, dtype=dtype))
        x = draw(OTHERS[0], dtype=dtype)
        # Two units of bfloat16's last place at 1.
        atol = 2**-6 if dtype is torch.bfloat16 else 1e-6
        assert_all_close(flat(traced(x)), flat(layer(x)), rtol=0, atol=atol)


@pytest.mark.parametrize("name", [*CELL_PAIRS, "gru-before"])
def test_a_traced_cell_takes_other_batches(name, path):
    cell = tn.GRUCell(I, H, reset="before") if name == "gru-before" else CELL_PAIRS[name][0](I, H)
    traced = torch.jit.trace(cell, torch.randn(N, I))
    x = torch.randn(N + 3, I)
    torch.testing.assert_close(traced(x), cell(x))


@GRID
def test_a_traced_layer_takes_other_lengths_of_rows(name):
    layer = LAYERS[name](I, H, bidirectional=True)
    traced = torch.jit.trace(
        Model(layer, "lengths"), (draw(EXAMPLE), torch.tensor([3, T, 0, 1])), check_trace=False
    )
    x, lengths = draw((9, 3)), torch.tensor([9, 0, 4])
    assert_all_close(flat(traced(x, lengths)), flat(layer(x, lengths=lengths)), rtol=0, atol=0)
    with pytest.raises(RuntimeError, match="from 0 to T = 9, got 10 in row 1"):
        traced(x, torch.tensor([9, 10, 4]))
    with pytest.raises(RuntimeError, match=r"lengths of shape \(3,\) .*, got \(2,\)"):
        traced(x, torch.tensor([9, 4]))


@GRID
def test_a_traced_layer_takes_other_offsets(name):
    layer = LAYERS[name](I, H, bidirectional=True)
    example = torch.randn(14, I), torch.tensor([0, 4, 4, 14])
    traced = torch.jit.trace(Model(layer, "offsets"), example)
    lengths = [2, 7, 0, 0, 3, 1]
    x, offsets = torch.randn(sum(lengths), I), offsets_of(lengths)
    assert_all_close(flat(traced(x, offsets)), flat(layer(x, offsets=offsets)), rtol=0, atol=0)


class Packing(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x, lengths):
        output, finals = self.layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
        return output.data, finals


@GRID
def test_a_traced_layer_takes_other_packed_batches(name):
    model = Packing(LAYERS[name](I, H, bidirectional=True))
    traced = torch.jit.trace(model, (draw(EXAMPLE), torch.tensor([3, T, 2, 1])))
    x, lengths = draw((9, 3)), torch.tensor([9, 1, 4])
    assert_all_close(flat(traced(x, lengths)), flat(model(x, lengths)), rtol=0, atol=0)


def test_a_traced_text_encoder_takes_other_lengths():
    encoder = tn.TextEncoder(nn.Embedding(9, I), tn.LSTM(I, H))
    traced = torch.jit.trace(encoder, torch.randint(9, EXAMPLE))
    for size in OTHERS:
        ids = torch.randint(9, size)
        assert_all_close(flat(traced(ids)), flat(encoder(ids)), rtol=0, atol=0)


def test_a_traced_graph_refuses_what_it_was_not_made_with():
    traced = torch.jit.trace(tn.GRU(I, H), draw(EXAMPLE))
    with pytest.raises(RuntimeError, match="one dtype on the CPU, got torch.float64 and torch.fl"):
        traced(draw(EXAMPLE, dtype=torch.float64))
    with pytest.raises(RuntimeError, match="expected torch.float32 or torch.float64, got torch.i"):
        traced(torch.ones(*EXAMPLE, I, dtype=torch.int64))
    with pytest.raises(RuntimeError, match=r"batch of 2 dimensions beside the features, got \(6,"):
        traced(torch.randn(T, I))
    with pytest.raises(RuntimeError, match=r"expected weight_ih of shape \(9, 6\), got \(9, 5\)"):
        traced(torch.randn(*EXAMPLE, I + 1))


def test_what_torch_has_not_is_refused_off_the_engine(monkeypatch):
    monkeypatch.setattr("tidegate.nn._path.MISSING", "a test goes without the engine")
    monkeypatch.setattr("tidegate.nn._path._has_warned", True)
    with pytest.raises(RuntimeError, match="for torch.jit.trace, off the engine, for PyTorch has"):
        torch.jit.trace(tn.GRU(I, H, reset="before"), draw(EXAMPLE))
    example = draw(EXAMPLE), torch.tensor([3, T, 0, 1])
    with pytest.raises(RuntimeError, match="a batch without lengths for torch.jit.trace, off the"):
        torch.jit.trace(Model(tn.GRU(I, H), "lengths"), example)


# The exporter warns of itself, and that its graphs of recurrent layers have one initial state.
EXPORTER = [
    pytest.mark.filterwarnings("ignore:.*legacy TorchScript-based:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Exporting a model to ONNX with a batch_size:UserWarning"),
]


def exported(layer, *arguments, **options):
    file = io.BytesIO()
    torch.onnx.export(
        Model(layer, **options).eval(),
        (draw(EXAMPLE, layer.batch_first), *arguments),
        file,
        dynamo=False,
        input_names=["x"],
        dynamic_axes={"x": {0: "first", 1: "second"}},
    )
    return file.getvalue()


class TestOnnx:
    pytestmark = EXPORTER

    @WAYS
    @pytest.mark.parametrize("name", PAIRS)
    def test_a_layer_is_torchs_operator(self, name, bidirectional, monkeypatch):
        monkeypatch.setattr("torch.onnx.is_in_onnx_export", lambda: True)
        layer, reference = twins(name, bidirectional=bidirectional, batch_first=True)
        traced = torch.jit.trace(layer, draw(EXAMPLE, True, torch.float64))
        assert f"aten::{layer.mode.lower()}" in str(traced.graph)
        assert "tidegate::layer" not in str(traced.graph)
        for size in OTHERS:
            x = draw(size, True, torch.float64)
            assert_all_close(flat(traced(x)), flat(reference(x)))

    @WAYS
    @pytest.mark.parametrize("name", PAIRS)
    def test_a_layer_takes_other_lengths_and_batches(self, name, bidirectional):
        pytest.importorskip("onnx", reason="the exporter needs it")
        runtime = pytest.importorskip("onnxruntime", reason="runs what was exported")
        layer = LAYERS[name](I, H, num_layers=2, bidirectional=bidirectional, batch_first=True)
        session = runtime.InferenceSession(exported(layer), providers=["CPUExecutionProvider"])
        for size in OTHERS:
            x = draw(size, batch_first=True)
            found = [torch.from_numpy(result) for result in session.run(None, {"x": x.numpy()})]
            # ONNX Runtime approximates tanh and the sigmoid.
            assert_all_close(found, [r.detach() for r in flat(layer(x))], rtol=1e-4, atol=1e-5)

    def test_what_onnx_has_not_is_refused(self):
        with pytest.raises(RuntimeError, match="reset='after' for an export to ONNX"):
            exported(tn.GRU(I, H, reset="before"))
        with pytest.raises(RuntimeError, match="without lengths for an export to ONNX"):
            exported(tn.GRU(I, H), torch.tensor([3, T, 0, 1]), name="lengths")


class Stack(nn.Module):
    """Every module of the package as a part of a model that torch.fx can follow."""

    def __init__(self):
        super().__init__()
        self.encoder = tn.TextEncoder(nn.Embedding(9, I), tn.RNN(I, I))
        self.recurrent = tn.LSTM(I, H)
        self.cell = tn.GRUCell(H, H)
        self.pooling = tn.AttentionPooling(H)

    def forward(self, ids, offsets):
        x, _ = self.encoder(ids, offsets=offsets)
        x, (h, _) = self.recurrent(x, offsets=offsets)
        return self.pooling(x, offsets) + self.cell(h[0], h[0])


def test_modules_are_leaves_of_torch_fx():
    model = Stack()
    graph = torch.fx.symbolic_trace(model)
    called = [str(node.target) for node in graph.graph.nodes if node.op == "call_module"]
    assert called == ["encoder", "recurrent", "pooling", "cell"]
    lengths = [2, 0, 5]
    ids, offsets = torch.randint(9, (7,)), offsets_of(lengths)
    torch.testing.assert_close(graph(ids, offsets), model(ids, offsets), rtol=0, atol=0)


def test_an_accelerated_model_is_traced_by_torch_fx_and_restored():
    model = Model(nn.LSTM(I, H, bidirectional=True))
    x = draw(EXAMPLE)
    expected = flat(model(x))
    tidegate.accelerate(model)
    graph = torch.fx.symbolic_trace(model, concrete_args={"given": None})
    assert_all_close(flat(graph(x)), expected, rtol=1.3e-5, atol=1e-6)
    tidegate.restore(graph)
    assert type(graph.layer) is nn.LSTM
    assert_all_close(flat(graph(x)), expected, rtol=0, atol=0)


def test_a_layer_alone_is_refused_by_torch_fx():
    with pytest.raises(RuntimeError, match=r"GRU: expected a part of a model.*nn.Sequential"):
        torch.fx.symbolic_trace(tn.GRU(I, H), concrete_args={"lengths": None, "offsets": None})

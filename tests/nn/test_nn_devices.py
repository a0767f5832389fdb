"""Another default device than the CPU changes nothing: what computes there names it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence
from torch.utils._device import _device_constructors

import tidegate
import tidegate.nn as tn
from nn_samples import LAYERS, LENGTHS, H, I, N, T, flatten, inputs
from pretrained_samples import language_model
from tidegate.nn import _path, _plans
from tidegate.optim import Adam, clip_grad_norm_
from tidegate.training.classification import fit
from training_samples import PLAIN, examples, silent
from training_samples import make as make_network

SOURCE = Path(tidegate.__file__).parent
ELSEWHERE = torch.device("meta")
MAKERS = {function.__name__ for function in _device_constructors()}
FORMS = ["time", "batch", "single", "lengths", "packed", "ragged"]


def test_every_tensor_that_the_package_makes_names_its_device():
    """But for parameters and buffers, which go where their module is made, as PyTorch's do."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        exempt = {
            id(argument)
            for call in calls
            if ast.unparse(call.func) in ("nn.Parameter", "self.register_buffer")
            for argument in call.args
        }
        for call in calls:
            module, _, name = ast.unparse(call.func).rpartition(".")
            is_named = any(keyword.arg == "device" for keyword in call.keywords)
            if module == "torch" and name in MAKERS and not is_named and id(call) not in exempt:
                found.append(f"{path.relative_to(SOURCE)}:{call.lineno}")
    assert found == []


def arguments(form, layer):
    """A call's arguments, the leaves among them, and keywords; made before the device changes."""
    data, states = inputs("time" if form in ("lengths", "packed", "ragged") else form, layer)
    given, options = data, {}
    if form == "lengths":
        options = {"lengths": LENGTHS}
    elif form == "packed":
        given = pack_padded_sequence(data, LENGTHS, enforce_sorted=False)
    elif form == "ragged":
        given, options = flatten(data, LENGTHS), {"offsets": [0, 3, 9, 10, 15]}
    return (given, states), [data, *layer.parameters()], options


def results_and_gradients(module, given, leaves, options):
    output, finals = module(*given, **options)
    output = output.data if isinstance(output, PackedSequence) else output
    results = [output, *(finals if isinstance(finals, tuple) else (finals,))]
    total = sum(result.square().sum() for result in results)
    return [*results, *torch.autograd.grad(total, leaves, retain_graph=True)]


def assert_the_same_elsewhere(run):
    """The same bits under another default device, and after it."""
    expected = run()
    _plans._of_full_rows.cache_clear()
    _plans._padded_positions.cache_clear()
    with ELSEWHERE:
        found = run()
    for results in (found, run()):
        for a, b in zip(results, expected, strict=True):
            assert a.device.type == "cpu"
            assert torch.equal(a.to_dense(), b.to_dense())


def run_all_layers(form):
    for make in LAYERS.values():
        torch.manual_seed(1)
        options = {"bidirectional": True, "batch_first": form == "batch", "dtype": torch.float64}
        layer = make(I, H, num_layers=2, **options)
        given = arguments(form, layer)
        assert_the_same_elsewhere(lambda g=given, lay=layer: results_and_gradients(lay, *g))


@pytest.mark.parametrize("form", FORMS)
def test_layers(form, isa):
    run_all_layers(form)


@pytest.mark.parametrize("form", FORMS)
def test_layers_of_the_composite(form, monkeypatch):
    monkeypatch.setattr(_path, "MISSING", "a test goes without the engine")
    monkeypatch.setattr(_path, "_has_warned", True)
    run_all_layers(form)


def test_a_reserve_that_the_engine_keeps():
    """Above a megabyte the memory for backward is not PyTorch's."""
    layer, x = tn.LSTM(8, 64), torch.randn(40, 40, 8)
    leaves = list(layer.parameters())
    assert_the_same_elsewhere(lambda: results_and_gradients(layer, (x,), leaves, {}))


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_embedding_and_layers_in_one(sparse, isa):
    torch.manual_seed(1)
    encoder = tn.TextEncoder(nn.Embedding(9, I, sparse=sparse), tn.GRU(I, H))
    leaves, ids = list(encoder.parameters()), torch.randint(9, (T, N))
    for options in ({}, {"lengths": LENGTHS}):
        given = ((ids,), leaves, options)
        assert_the_same_elsewhere(lambda g=given: results_and_gradients(encoder, *g))


def test_a_compiled_layer():
    layer = tn.GRU(I, H)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    given = ((torch.randn(T, N, I),), list(layer.parameters()), {"lengths": torch.tensor(LENGTHS)})
    assert_the_same_elsewhere(lambda: results_and_gradients(compiled, *given))


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_cells(name, isa):
    cell, x = getattr(tn, name)(I, H), torch.randn(N, I, requires_grad=True)

    def run():
        results = cell(x)
        results = results if isinstance(results, tuple) else (results,)
        return [*results, *torch.autograd.grad(results[0].sum(), [x, *cell.parameters()])]

    assert_the_same_elsewhere(run)


@pytest.mark.parametrize("how", ["last", "mean", "max", "mean+max", "attention"])
def test_pooling(how, path):
    values = torch.randn(9, H, requires_grad=True)
    attention = tn.AttentionPooling(H)

    def run():
        offsets = [0, 4, 4, 9]
        pooled = attention(values, offsets) if how == "attention" else tn.pool(values, offsets, how)
        return [pooled, *torch.autograd.grad(pooled.square().sum(), [values])]

    assert_the_same_elsewhere(run)


def test_accelerate():
    with ELSEWHERE:
        model = nn.GRU(I, H, device="cpu")
        assert tidegate.accelerate(model)[0].is_swapped


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_optimiser_and_clipping(sparse):
    def run():
        parameter = nn.Parameter(torch.linspace(-1, 1, 12, device="cpu").view(4, 3))
        optimiser = Adam([parameter], lr=0.1)
        ids = torch.tensor([3, 1, 3], device="cpu")
        for _ in range(3):
            optimiser.zero_grad()
            nn.functional.embedding(ids, parameter, sparse=sparse).square().sum().backward()
            norm = clip_grad_norm_([parameter], 0.5)
            optimiser.step()
        optimiser.catch_up()
        return [norm, parameter.detach()]

    assert_the_same_elsewhere(run)


def test_training():
    recipe = PLAIN.with_values({"adversarial_norm": 1, "pooling": "mean+max", "training.epochs": 1})

    def run():
        model = make_network("gru", recipe)
        fit(model, recipe, examples(), examples(20, seed=8), seed=0, callback=silent)
        return [tensor.clone() for tensor in model.state_dict().values()]

    assert_the_same_elsewhere(run)


def test_the_language_model():
    inputs = torch.tensor([1, 2, 3, 4, 5])
    targets, offsets = torch.tensor([2, 3, 4, 5, 6]), torch.tensor([0, 2, 5])
    candidates = torch.tensor([0, 3, 7]), torch.zeros(3)

    def run():
        model = language_model()
        found = model(0, inputs, targets, offsets, candidates)
        found.loss.backward()
        return [found.loss, found.num_right, model.embedding.weight.grad, model.bias.grad]

    assert_the_same_elsewhere(run)


@pytest.mark.parametrize("rows", [0, 2])
def test_an_import_under_another_default_device(rows):
    code = (
        "import torch\n"
        "torch.set_default_device('meta')\n"
        "import tidegate.nn as tn\n"
        f"x = torch.ones(3, {rows}, 5, device='cpu', requires_grad=True)\n"
        "layer = tn.GRU(5, 4, device='cpu')\n"
        "layer(x)[0].sum().backward()\n"
        "torch.set_default_device('cpu')\n"
        "expected = torch.nn.GRU(5, 4)\n"
        "expected.load_state_dict(layer.state_dict())\n"
        "expected(x.detach())[0].sum().backward()\n"
        "for a, b in zip(layer.parameters(), expected.parameters()):\n"
        "    torch.testing.assert_close(a.grad, b.grad)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

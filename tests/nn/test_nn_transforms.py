"""Gradients in batches, of single samples, and by torch.func within torch.compile."""

import pytest
import torch
from torch import nn
from torch.autograd.functional import jacobian
from torch.nn.utils._per_sample_grad import call_for_per_sample_grads

import tidegate.nn as tn
from nn_samples import LAYERS, PAIRS, H, I, N, T, assert_all_close, flatten, offsets_of, twins

GRID = pytest.mark.parametrize("name", LAYERS)
SHORT = [2, 0, 3]
BATCHES = {"full": {}, "lengths": {"lengths": SHORT}, "ragged": {"offsets": offsets_of(SHORT)}}

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()


def sample(batch="full"):
    x = torch.randn(3, 3, I, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return flatten(x, SHORT) if batch == "ragged" else x


@pytest.mark.parametrize("batch", BATCHES)
@GRID
def test_a_jacobian_in_one_batch_is_that_of_every_row(name, batch):
    layer = LAYERS[name](I, H, num_layers=2, bidirectional=True, dtype=torch.float64)
    run = lambda x: layer(x, **BATCHES[batch])[0]  # noqa: E731
    x = sample(batch)
    found = jacobian(run, x, vectorize=True)
    torch.testing.assert_close(found, jacobian(run, x), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("create_graph", [False, True], ids=["first", "second"])
@pytest.mark.parametrize("name", PAIRS)
def test_gradients_in_batches_are_torchs(name, create_graph):
    found = []
    for layer in twins(name, bidirectional=True):
        x = sample().requires_grad_()
        output, finals = layer(x)
        results = [output, finals[1] if name == "lstm" else finals]
        outer = [
            torch.randn(4, *r.shape, dtype=r.dtype, generator=torch.Generator().manual_seed(1))
            for r in results
        ]
        grads = torch.autograd.grad(
            results,
            [x, *layer.parameters()],
            outer,
            is_grads_batched=True,
            create_graph=create_graph,
        )
        if create_graph:
            grads += torch.autograd.grad(sum(g.square().sum() for g in grads), [x])
        found.append(grads)
    assert_all_close(*found)


def test_gradients_in_batches_reach_a_table():
    table = torch.randn(9, I, dtype=torch.float64, requires_grad=True)
    layer, ids = tn.GRU(I, H, dtype=torch.float64), torch.randint(9, (T, N))
    outer = torch.randn(3, T, N, H, dtype=torch.float64)
    (found,) = torch.autograd.grad(
        tn.over_table(layer, table, ids)[0], table, outer, is_grads_batched=True
    )
    for one, grad in zip(found, outer, strict=True):
        (expected,) = torch.autograd.grad(tn.over_table(layer, table, ids)[0], table, grad)
        torch.testing.assert_close(one, expected, rtol=1e-11, atol=1e-13)


def test_torch_func_maps_over_gradients_of_a_graph_that_is():
    layer, x = tn.LSTM(I, H, dtype=torch.float64), sample().requires_grad_()
    output, _ = layer(x)
    outer = torch.randn(4, *output.shape, dtype=torch.float64)
    found = torch.func.vmap(lambda g: torch.autograd.grad(output, x, g, retain_graph=True)[0])(
        outer
    )
    for one, grad in zip(found, outer, strict=True):
        (expected,) = torch.autograd.grad(output, x, grad, retain_graph=True)
        torch.testing.assert_close(one, expected, rtol=1e-11, atol=1e-13)


TRANSFORMS = {
    "grad": lambda layer: torch.func.grad(lambda x: layer(x)[0].sin().sum()),
    "jacrev": lambda layer: torch.func.jacrev(lambda x: layer(x)[0][:, 0]),
    "vmap": lambda layer: torch.func.vmap(lambda x: layer(x.unsqueeze(1))[0], in_dims=1),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", ["lstm", "gru-before"])
def test_transforms_within_a_compiled_function_are_those_without(name, transform):
    layer = LAYERS[name](I, H, dtype=torch.float64)
    x, run = sample(), TRANSFORMS[transform](layer)
    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), run(x), rtol=1e-11, atol=1e-13)


def test_gradients_of_parameters_within_a_compiled_function_are_those_without():
    layer, x = tn.GRU(I, H, dtype=torch.float64), sample()
    parameters = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(parameters):
        return torch.func.functional_call(layer, parameters, (x,))[0].sin().sum()

    run = torch.func.grad(loss)
    found = torch.compile(run, fullgraph=True, backend="aot_eager")(parameters)
    assert_all_close([*found.values()], [*run(parameters).values()])


def test_a_compiled_function_is_the_engines_outside_of_its_transforms():
    layer, seen = tn.GRU(I, H, dtype=torch.float64), []

    def backend(graph, _):
        seen.extend(str(node.target) for node in graph.graph.nodes)
        return graph

    def run(x):
        slope = torch.func.grad(lambda x: layer(x)[0].sin().sum())(x)
        return layer(x)[0] + slope.sum()

    x = sample()
    found = torch.compile(run, fullgraph=True, backend=backend)(x)
    torch.testing.assert_close(found, run(x))
    assert sum("tidegate.layer" in target for target in seen) == 1


@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("name", PAIRS)
def test_gradients_of_single_samples_are_torchs(name, bias, bidirectional, path):
    found = []
    for layer in twins(name, batch_first=True, bias=bias, bidirectional=bidirectional):
        model = call_for_per_sample_grads(layer, batch_size=3)
        model(sample().transpose(0, 1))[0].sin().sum().backward()
        assert all(p.grad_sample.shape == (3, *p.shape) for p in layer.parameters())
        found.append([p.grad_sample for p in layer.parameters()])
    assert_all_close(*found)


def test_gradients_of_single_samples_that_torch_has_not_are_refused():
    model = call_for_per_sample_grads(tn.GRU(I, H, batch_first=True, reset="before"), batch_size=3)
    with pytest.raises(
        RuntimeError, match=r"reset='before'; use torch.func.vmap over torch.func.g"
    ):
        model(torch.randn(3, T, I))
    model = call_for_per_sample_grads(tn.GRU(I, H, batch_first=True), batch_size=3)
    with pytest.raises(RuntimeError, match="a batch without lengths for call_for_per_sample_grads"):
        model(torch.randn(3, T, I), lengths=torch.tensor(SHORT))


# What users do to an output.
CHANGES = {
    "relu": lambda output: output.relu_(),
    "dropout": lambda output: nn.functional.dropout(output, 0.5, inplace=True),
    "part": lambda output: output[1:].mul_(2),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@GRID
def test_an_output_may_be_changed_in_place(name, bidirectional, change, isa):
    """The gradients are, to the bit, those of a change of a copy."""
    layer = LAYERS[name](I, H, num_layers=2, bidirectional=bidirectional)
    x = torch.randn(T, N, I, requires_grad=True)
    found = []
    for is_copied in (False, True):
        torch.manual_seed(0)
        output, _ = layer(x, lengths=[3, 6, 0, 5])
        output = output.clone() if is_copied else output
        CHANGES[change](output)
        found.append(torch.autograd.grad(output.sin().sum(), [x, *layer.parameters()]))
    assert_all_close(*found, rtol=0, atol=0)


def test_an_output_changed_in_place_has_torchs_gradients():
    layer, reference = twins("gru", bidirectional=True)
    found = []
    for each in (layer, reference):
        x = sample().requires_grad_()
        each(x)[0].relu_().square().sum().backward()
        found.append([x.grad, *(p.grad for p in each.parameters())])
    assert_all_close(*found)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_an_output_may_be_changed_in_place_within_a_compiled_function(backend):
    layer, x = tn.GRU(I, H, bidirectional=True, dtype=torch.float64), sample()
    run = lambda x: layer(x)[0].relu_().square().sum()  # noqa: E731
    compiled = torch.compile(run, fullgraph=True, backend=backend)
    found, expected = (torch.autograd.grad(r(x), list(layer.parameters())) for r in (compiled, run))
    assert_all_close(found, expected)


def test_an_output_is_let_go_after_backward():
    """What watches it for changes does not hold its memory, though the graph still stands."""
    layer, x = tn.GRU(I, H), torch.randn(T, N, I)
    loss = layer(x)[0].sum()
    node = loss.grad_fn.next_functions[0][0]
    assert node.watch.untyped_storage().nbytes() == 0
    loss.backward()
    with pytest.raises(RuntimeError, match="after they have already been freed"):
        _ = node.saved_tensors

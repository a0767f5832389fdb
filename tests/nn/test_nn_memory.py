"""What has no memory, or not the memory that it seems to have, is refused or made up for."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import tidegate.nn as tn
from nn_samples import CELL_PAIRS, LAYERS, PAIRS, H, I, N, T, twins

X = torch.randn(T, N, I, generator=torch.Generator().manual_seed(0))


def free(tensor):
    tensor.untyped_storage().resize_(0)
    return tensor


def cut(tensor):
    """Without the memory of its last element."""
    storage = tensor.untyped_storage()
    storage.resize_(storage.nbytes() - 1)
    return tensor


LOST = pytest.mark.parametrize("lose", [free, cut])


@LOST
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("kind", ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
def test_a_weight_without_its_memory_is_refused(kind, name, lose, isa):
    for training in (True, False):
        layer = LAYERS[name](I, H, bidirectional=True).requires_grad_(training)
        lose(getattr(layer, f"{kind}_l0_reverse").data)
        with pytest.raises(
            RuntimeError, match=f"expected {kind}_reverse with .* bytes of memory, got"
        ):
            layer(X)


@LOST
@pytest.mark.parametrize("kind", ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
def test_a_cells_weight_without_its_memory_is_refused(kind, lose):
    cell = tn.GRUCell(I, H)
    lose(getattr(cell, kind).data)
    with pytest.raises(RuntimeError, match=f"expected {kind} with .* bytes of memory, got"):
        cell(X[0])


@LOST
def test_a_part_of_a_storage_without_its_memory_is_refused(lose):
    """As of parameters that are views of one flat tensor; such an address is above 0."""
    layer, flat = tn.GRU(I, H), torch.zeros(500 + 3 * H)
    layer.bias_hh_l0 = nn.Parameter(flat[500:])
    layer(X)
    lose(flat)
    with pytest.raises(RuntimeError, match="expected bias_hh with .* bytes of memory"):
        layer(X)


@LOST
@pytest.mark.parametrize("training", [True, False])
def test_inputs_and_states_without_their_memory_are_refused(training, lose):
    layer, cell = tn.LSTM(I, H), tn.LSTMCell(I, H)
    state = torch.zeros(N, H)
    encoder = tn.TextEncoder(nn.Embedding(9, I), layer)
    ids, lengths = torch.zeros(T, N, dtype=torch.int64), torch.full((N,), T)
    packed = pack_padded_sequence(X, lengths, enforce_sorted=False)
    states = torch.zeros(1, N, H), torch.zeros(1, N, H)
    batch_sizes = packed.batch_sizes.clone()
    offsets = torch.tensor([0, 2, 6])
    calls = {
        "input": lambda: layer(lose(X.clone())),
        "h_0": lambda: layer(packed, (lose(states[0].clone()), states[1])),
        "c_0": lambda: cell(X[0], (state, lose(state.clone()))),
        "lengths": lambda: layer(X, lengths=lose(lengths.clone())),
        "offsets": lambda: layer(X[:, 0], offsets=lose(offsets.clone())),
        "batch_sizes": lambda: layer(packed._replace(batch_sizes=lose(batch_sizes))),
        "values": lambda: tn.pool(lose(torch.zeros(6, H)), offsets, "max"),
        "ids": lambda: encoder(lose(ids.clone())),
    }
    calls |= {
        "lengths ": lambda: layer(X, lengths=lose(lengths.int())),
        "offsets ": lambda: tn.pool(torch.zeros(6, H), lose(offsets.int()), "mean"),
        "ids ": lambda: encoder(lose(ids.int())),
    }
    with torch.set_grad_enabled(training):
        for name, call in calls.items():
            message = f"expected {name.strip()} with .* bytes of memory, got"
            with pytest.raises(RuntimeError, match=message):
                call()
        lose(encoder.embedding.weight.data)
        with pytest.raises(RuntimeError, match="expected table with .* bytes of memory"):
            encoder(ids)


@LOST
@pytest.mark.parametrize("name", ["input", "output", "weight_hh", "the gradient of output"])
def test_what_loses_its_memory_before_backward_is_refused(name, lose):
    layer, x = tn.GRU(I, H), X.clone()
    output, _ = layer(x)
    grad = torch.ones(T, N, H)
    lose({"input": x, "output": output, "weight_hh": layer.weight_hh_l0.data}.get(name, grad))
    with pytest.raises(RuntimeError, match=f"expected {name} with .* bytes of memory, got"):
        output.backward(grad)


def test_an_input_that_is_another_before_backward_is_refused():
    layer, x = tn.GRU(I, H), X.clone().requires_grad_()
    for other in (torch.zeros(1, 1, I), torch.zeros(T, N, I, dtype=torch.float64)):
        output, _ = layer(x)
        x.data = other
        with pytest.raises(RuntimeError, match="expected input of .*, got"):
            output.sum().backward()
        x.data = X.clone()


@pytest.mark.parametrize("kind", ["weight_ih", "weight_hh"])
def test_a_weight_that_is_another_before_backward_is_refused(kind, isa):
    """Autograd counts changes in place, not ``.data =``."""
    layer = tn.GRU(I, H)
    output, _ = layer(X)
    weight = getattr(layer, f"{kind}_l0")
    weight.data = torch.zeros(2, 2)
    with pytest.raises(RuntimeError, match=f"expected {kind} of shape .*, got "):
        output.sum().backward()


def zeros(*shape, dtype=torch.float64):
    """Zeros that PyTorch only notes, without memory."""
    return torch._efficientzerotensor(shape, dtype=dtype)


@pytest.mark.parametrize("name", PAIRS)
def test_zeros_that_are_only_noted_count_as_zeros(name, isa):
    layer, reference = twins(name)
    for kind in ("bias_ih_l0", "weight_ih_l0"):
        shape = getattr(layer, kind).shape
        setattr(layer, kind, nn.Parameter(zeros(*shape)))
        nn.init.zeros_(getattr(reference, kind))
    filled = torch.zeros(T, N, I, dtype=torch.float64), torch.zeros(1, N, H, dtype=torch.float64)
    for given, expected_given in ((X.double(), X.double()), (zeros(T, N, I), filled[0])):
        states, expected_states = zeros(1, N, H), filled[1]
        if name == "lstm":
            states, expected_states = (states, states), (expected_states, expected_states)
        found, expected = layer(given, states), reference(expected_given, expected_states)
        torch.testing.assert_close(found, expected)
        gradients = [
            torch.autograd.grad(output, list(module.parameters()), torch.ones_like(output))
            for module, (output, _) in ((layer, found), (reference, expected))
        ]
        torch.testing.assert_close(*gradients)
        with torch.no_grad():
            torch.testing.assert_close(layer(given, states), expected)


def test_zeros_that_are_only_noted_come_in_as_gradients(path):
    layer, reference = twins("gru")
    found, expected = (
        torch.autograd.grad(
            module(X.double()), list(module.parameters()), [zeros(T, N, H), torch.ones(1, N, H)]
        )
        for module in (layer, reference)
    )
    torch.testing.assert_close(found, expected)
    for how in ("mean", "max"):
        values = torch.randn(6, H, dtype=torch.float64, requires_grad=True)
        pooled = tn.pool(values, [0, 2, 6], how)
        (grad,) = torch.autograd.grad(pooled, values, zeros(2, H))
        assert torch.equal(grad, torch.zeros(6, H, dtype=torch.float64))


@pytest.mark.parametrize(
    "sizes",
    [
        torch.tensor([3, 2, 1], dtype=torch.int32),
        torch.tensor([3, 2, 1], dtype=torch.uint8),
        torch.tensor([3.0, 2.0, 1.0]),
        torch.tensor([[3, 2, 1]]),
        torch.tensor(6),
    ],
    ids=["int32", "uint8", "float", "two axes", "no axis"],
)
@pytest.mark.parametrize("name", PAIRS)
def test_a_packed_batch_whose_sizes_are_no_int64_is_refused(name, sizes, path):
    layer, reference = twins(name)
    packed = PackedSequence(torch.zeros(6, I, dtype=torch.float64), sizes)
    with pytest.raises((RuntimeError, TypeError, IndexError)):
        reference(packed)
    with pytest.raises(RuntimeError, match=r"batch_sizes of shape \(T,\) and torch.int64 .*, got"):
        layer(packed)


@pytest.mark.parametrize("change", ["ids", "lengths", "weight_hh", "h_0", "offsets", "batch_sizes"])
@pytest.mark.parametrize("operator", ["layer", "layer_backward"])
def test_an_operator_refuses_what_does_not_fit(operator, change):
    """What a graph hands over when it runs may be other than what it was made with."""
    kind = {"offsets": "ragged", "batch_sizes": "packed"}.get(change, "time")
    given = {
        "cell": "gru_after",
        "values": torch.zeros(9, I),
        "ids": torch.zeros((T, N) if kind == "time" else (8,), dtype=torch.int64),
        "h_0": torch.zeros(1, N, H),
        "c_0": None,
        "weight_ih": torch.zeros(3 * H, I),
        "weight_hh": torch.zeros(3 * H, H),
        **dict.fromkeys(["bias_ih", "bias_hh", "weight_ih_reverse", "weight_hh_reverse"]),
        **dict.fromkeys(["bias_ih_reverse", "bias_hh_reverse"]),
        "kind": kind,
        "num_rows": N,
        "lengths": torch.full((N,), T) if kind == "time" else None,
        "batch_sizes": torch.tensor([4, 4]) if kind == "packed" else None,
        "offsets": torch.tensor([0, 2, 4, 6, 8]) if kind == "ragged" else None,
        "padding_idx": None,
    }
    output, _, _, reserve = torch.ops.tidegate.layer(**given, training=True)
    if change in ("weight_hh", "h_0"):
        given[change] = given[change][..., :-1, :]
    else:
        given[change] = given[change].int()
    if operator == "layer":
        rest = {"training": True}
    else:
        rest = {"output": output, "reserve": reserve, "grad_output": output, "grad_h_n": None}
        rest |= {"grad_c_n": None, "wanted": [False] * 7}
    with pytest.raises(RuntimeError, match=f"tidegate::layer: expected {change} of shape"):
        getattr(torch.ops.tidegate, operator)(**given, **rest)


def test_a_table_of_one_axis_is_refused(path):
    ids = torch.zeros(T, N, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"table of shape \(V, I\), got \(5,\)"):
        tn.over_table(tn.GRU(I, H), torch.zeros(I), ids)


@pytest.mark.parametrize("name", CELL_PAIRS)
def test_weights_without_elements_are_no_missing_weights(name, path):
    """Cells of no features or no units compute, as PyTorch's."""
    for sizes in ((0, H), (I, 0), (0, 0)):
        results = []
        for make in CELL_PAIRS[name]:
            torch.manual_seed(0)
            cell = make(*sizes, dtype=torch.float64)
            x = torch.ones(N, sizes[0], dtype=torch.float64, requires_grad=True)
            state = torch.ones(N, sizes[1], dtype=torch.float64)
            for hx in (None, (state, state) if name == "lstm" else state):
                found = cell(x, hx)
                found = found if isinstance(found, tuple) else (found,)
                results.append([*found, *torch.autograd.grad(found[0].sum(), [*cell.parameters()])])
                single = cell(x[0])
                results[-1].append(single[0] if name == "lstm" else single)
        for ours, theirs in zip(results[:2], results[2:], strict=True):
            torch.testing.assert_close(ours, theirs)

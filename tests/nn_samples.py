"""What the tests of tidegate.nn share: pairs of layers, inputs in every form, comparisons."""

from functools import partial
from itertools import accumulate

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import tidegate.nn as tn

N, T, I, H = 4, 6, 5, 3
LENGTHS = [3, 6, 1, 5]

# The constructors of a layer and of torch.nn's twin, by the cell's name.
PAIRS = {
    "rnn-tanh": (tn.RNN, nn.RNN),
    "rnn-relu": (partial(tn.RNN, nonlinearity="relu"), partial(nn.RNN, nonlinearity="relu")),
    "lstm": (tn.LSTM, nn.LSTM),
    "gru": (tn.GRU, nn.GRU),
}
LAYERS = {name: pair[0] for name, pair in PAIRS.items()} | {
    "gru-before": partial(tn.GRU, reset="before")
}
CELL_PAIRS = {
    "rnn-tanh": (tn.RNNCell, nn.RNNCell),
    "rnn-relu": (
        partial(tn.RNNCell, nonlinearity="relu"),
        partial(nn.RNNCell, nonlinearity="relu"),
    ),
    "lstm": (tn.LSTMCell, nn.LSTMCell),
    "gru": (tn.GRUCell, nn.GRUCell),
}
FORMS = ["time", "batch", "single", "packed", "packed sorted", "ragged"]

# float64: a few units in the last place over T steps and two layers; float32: torch.testing's.
TOLERANCE = {"rtol": 1e-11, "atol": 1e-13}


def twins(name, *, dtype=torch.float64, **options):
    """A layer and torch.nn's, with the same weights."""
    make, make_reference = PAIRS[name]
    torch.manual_seed(1)
    layer = make(I, H, dtype=dtype, **options)
    torch.manual_seed(1)
    return layer, make_reference(I, H, dtype=dtype, **options)


def inputs(form, layer, *, dtype=torch.float64, with_states=True):
    """An input in a form, and initial states that fit; all of them leaves that take gradients."""
    generator = torch.Generator().manual_seed(2)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_()

    data = draw(*{"batch": (N, T, I), "single": (T, I)}.get(form, (T, N, I)))
    rows = layer.num_layers * (2 if layer.bidirectional else 1)
    batch = () if form == "single" else (N,)
    states = None
    if with_states:
        states = draw(rows, *batch, layer.proj_size or layer.hidden_size)
        if layer.mode == "LSTM":
            states = (states, draw(rows, *batch, layer.hidden_size))
    return data, states


def offsets_of(lengths):
    """Where rows of these lengths begin in a flat tensor, and the end of the last."""
    return torch.tensor([0, *accumulate(lengths)])


def flatten(data, lengths, *, batch_first=False):
    """The rows of a padded tensor one after the other."""
    rows = data if batch_first else data.transpose(0, 1)
    return torch.cat([row[:length] for row, length in zip(rows, lengths, strict=True)])


def call(layer, form, data, states, **options):
    """The results of a layer, flat: output, h_n, and c_n of the LSTM."""
    given = data
    if form == "ragged":
        if isinstance(layer, nn.RNNBase):
            output, *finals = call(layer, "packed", data, states)
            padded, _ = pad_packed_sequence(_packed_as(data, output))
            return [flatten(padded, LENGTHS), *finals]
        given = flatten(data, LENGTHS)
        options = {"offsets": offsets_of(LENGTHS), **options}
    if form.startswith("packed"):
        lengths = torch.tensor(sorted(LENGTHS, reverse=True) if "sorted" in form else LENGTHS)
        given = pack_padded_sequence(data, lengths, enforce_sorted="sorted" in form)
    output, finals = layer(given, states, **options)
    if isinstance(output, PackedSequence):
        assert all(a is b for a, b in zip(output[1:], given[1:], strict=True))
        output = output.data
    return [output, *(finals if isinstance(finals, tuple) else (finals,))]


def _packed_as(data, output):
    packed = pack_padded_sequence(data, torch.tensor(LENGTHS), enforce_sorted=False)
    return packed._replace(data=output)


def leaves(layer, data, states):
    """What a gradient may be asked of, in an order that twins share."""
    states = () if states is None else states if isinstance(states, tuple) else (states,)
    return [data, *states, *layer.parameters()]


def gradients(layer, data, states, results):
    """The gradients of some weighted sum of the results."""
    generator = torch.Generator().manual_seed(3)
    outer = [torch.randn(r.shape, generator=generator, dtype=torch.float64) for r in results]
    total = sum((r * o.to(r.dtype)).sum() for r, o in zip(results, outer, strict=True))
    return torch.autograd.grad(total, leaves(layer, data, states), allow_unused=True)


def assert_all_close(found, expected, **tolerance):
    """Compare lists of tensors one by one."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, **(tolerance or TOLERANCE))

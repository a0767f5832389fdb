"""What PyTorch's tools see of a layer: how many operations, a name in profiles, its arguments."""

import inspect

import pytest
import torch
from torch import nn
from torch.onnx.utils import _decide_input_format
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

import tidegate.nn as tn
from nn_samples import CELL_PAIRS, LAYERS, LENGTHS, PAIRS, H, I, N, T, offsets_of


def flops(run):
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def products(layer):
    """Multiplications of one position, over all layers and directions."""
    return sum(p.numel() for name, p in layer.named_parameters() if "weight" in name)


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layers_operations_are_counted_as_torchs_are(name, options):
    layer = LAYERS[name](I, H, **options)
    x = torch.randn(T, N, I, requires_grad=True)
    shape = (layer.num_layers * (2 if layer.bidirectional else 1), N, H)
    states = torch.zeros(shape, requires_grad=True)
    states = (states, states) if name == "lstm" else states

    def forward(module):
        return lambda: module(x.detach(), states)

    def both(module):
        return lambda: module(x, states)[0].sum().backward()

    once = 2 * T * N * products(layer)
    assert flops(forward(layer)) == once
    assert flops(both(layer)) == 3 * once
    if name not in ("lstm", "gru-before"):  # oneDNN's LSTM is counted as nothing
        reference = PAIRS[name][1](I, H, **options)
        assert (flops(forward(reference)), flops(both(reference))) == (once, 3 * once)


@pytest.mark.parametrize("name", CELL_PAIRS)
def test_a_cells_operations_are_counted_as_torchs_are(name):
    ours, theirs = (make(I, H) for make in CELL_PAIRS[name])
    x = torch.randn(N, I)
    assert flops(lambda: ours(x)) == flops(lambda: theirs(x)) == 2 * N * products(ours)


def test_operations_of_ragged_rows_tokens_and_frozen_weights_are_counted():
    layer = tn.GRU(I, H)
    P = sum(LENGTHS)
    flat = torch.randn(P, I)
    assert flops(lambda: layer(flat, offsets=offsets_of(LENGTHS))) == 2 * P * products(layer)
    encoder = tn.TextEncoder(nn.Embedding(9, I), layer)
    assert flops(lambda: encoder(torch.randint(9, (T, N)))) == 2 * T * N * products(layer)
    layer.weight_ih_l0.requires_grad_(False)
    recurrent = 2 * T * N * layer.weight_hh_l0.numel()
    run = 2 * T * N * products(layer)
    x = torch.randn(T, N, I)
    assert flops(lambda: layer(x)[0].sum().backward()) == run + 2 * recurrent


@pytest.mark.parametrize(
    ("make", "shape", "name"),
    [
        (tn.RNN, (T, N, I), "TidegateRNN"),
        (tn.LSTM, (T, N, I), "TidegateLSTM"),
        (tn.GRU, (T, N, I), "TidegateGRU"),
        (tn.GRUCell, (N, I), "TidegateGRU"),
    ],
    ids=["rnn", "lstm", "gru", "gru-cell"],
)
def test_profiles_and_graphs_name_the_cell(make, shape, name):
    module = make(I, H)
    x = torch.randn(shape)
    names = []
    for training in (True, False):
        module.requires_grad_(training)
        with profile(activities=[ProfilerActivity.CPU]) as found:
            output = module(x)[0]
            if training:
                assert name + "Backward" in str(output.grad_fn) or make is tn.GRUCell
                output.sum().backward()
        names.append({event.key for event in found.key_averages()})
    assert {name, name + "Backward"} <= names[0]
    assert name in names[1]


def test_pooling_has_a_name_in_profiles():
    pooled = tn.pool(torch.randn(6, H, requires_grad=True), [0, 2, 6], "mean")
    assert type(pooled.grad_fn).__name__ == "TidegatePoolBackward"


@pytest.mark.parametrize("name", LAYERS)
def test_the_torchscript_exporter_can_hand_over_all_arguments(name):
    """It passes every argument by position, those that were left out as None."""
    layer = LAYERS[name](I, H)
    x = torch.randn(T, N, I)
    arguments = _decide_input_format(layer, (x,))
    assert len(arguments) == len(inspect.signature(layer.forward).parameters) == 4
    torch.testing.assert_close(layer(*arguments), layer(x), rtol=0, atol=0)
    encoder = tn.TextEncoder(nn.Embedding(9, I), layer)
    ids = torch.randint(9, (T, N))
    arguments = _decide_input_format(encoder, (ids, None, LENGTHS))
    found, expected = encoder(*arguments), encoder(ids, lengths=LENGTHS)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)

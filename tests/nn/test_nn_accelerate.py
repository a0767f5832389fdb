"""accelerate() swaps what it can and says what it did; restore() undoes it."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

import tidegate
import tidegate.nn as tn
from nn_samples import CELL_PAIRS, PAIRS, H, I, N, T
from tidegate.nn import _path
from tidegate.nn import accelerate as module_under_test


class Tagger(nn.Module):
    """A model with two layers, a cell, and one layer that occurs twice."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, I)
        self.first = nn.LSTM(I, H, 2, dropout=0.5, bidirectional=True)
        self.second = nn.GRU(2 * H, H, batch_first=False)
        self.again = self.second
        self.cells = nn.ModuleList([nn.GRUCell(H, H, bias=False)])
        self.head = nn.Linear(H, 4)

    def forward(self, ids):
        x, _ = self.first(self.embedding(ids))
        x, h = self.second(x)
        return self.head(x) + self.head(self.cells[0](h[0]))


@pytest.fixture
def ids():
    return torch.randint(20, (T, N), generator=torch.Generator().manual_seed(0))


def test_a_model_is_swapped_in_place_and_back(ids):
    torch.manual_seed(0)
    model = Tagger()
    model.second.eval()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    parameters = dict(model.named_parameters())
    modules = dict(model.named_modules())
    text, state = repr(model), copy.deepcopy(model.state_dict())
    torch.manual_seed(3)
    expected = model(ids)

    table = tidegate.accelerate(model, ids)
    assert [(row.name, row.is_swapped) for row in table] == [
        ("first", True),
        ("second", True),
        ("cells.0", True),
    ]
    assert "first    LSTM(5, 3, num_layers=2, dropout=0.5, bidirectional=True)  yes" in str(table)
    assert (type(model.first), type(model.second)) == (tn.LSTM, tn.GRU)
    assert type(model.cells[0]) is tn.GRUCell
    assert model.again is model.second is modules["second"]
    assert (model.training, model.first.training, model.second.training) == (True, True, False)
    assert all(p is parameters[name] for name, p in model.named_parameters())
    assert repr(model) == text
    torch.manual_seed(3)
    with tn.strict():
        found = model(ids)
    torch.testing.assert_close(found, expected)

    found.sum().backward()
    optimiser.step()
    assert not torch.equal(model.first.weight_hh_l1_reverse, state["first.weight_hh_l1_reverse"])
    accelerated = model.eval()(ids)

    table = tidegate.restore(model)
    assert [row.note for row in table] == ["torch.nn.LSTM", "torch.nn.GRU", "torch.nn.GRUCell"]
    assert (type(model.first), type(model.second)) == (nn.LSTM, nn.GRU)
    assert type(model.cells[0]) is nn.GRUCell
    assert repr(model) == text
    assert all(p is parameters[name] for name, p in model.named_parameters())
    torch.testing.assert_close(model(ids), accelerated)
    assert set(vars(model.second)) == set(vars(nn.GRU(I, H)))
    torch.testing.assert_close(copy.deepcopy(model).double()(ids).float(), accelerated)
    assert not any(row.is_swapped for row in tidegate.restore(model))


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", [*PAIRS, *(f"{name} cell" for name in CELL_PAIRS)])
def test_a_single_layer_is_swapped(name, dtype, bias):
    pairs = CELL_PAIRS if name.endswith("cell") else PAIRS
    _, make_reference = pairs[name.removesuffix(" cell")]
    torch.manual_seed(1)
    layer = make_reference(I, H, bias=bias, dtype=dtype)
    x = torch.randn(N, I, dtype=dtype)
    expected = layer(x)
    table = tidegate.accelerate(layer)
    assert [(row.name, row.is_swapped) for row in table] == [("", True)]
    assert "(the model)" in str(table)
    assert type(layer).__module__.startswith("tidegate")
    torch.testing.assert_close(layer(x), expected)
    tidegate.restore(layer)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=0)


def test_the_random_generator_and_modes_are_left_alone(ids):
    model = Tagger()
    model.cells.eval()
    modes = [module.training for module in model.modules()]
    state = torch.random.get_rng_state()
    tidegate.accelerate(model, (ids,))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [module.training for module in model.modules()] == modes


class Own(nn.GRU):
    """A subclass, which may compute anything."""


@pytest.mark.filterwarnings("ignore:.*weight_norm.*deprecated:FutureWarning")
def test_what_may_not_be_what_it_seems_is_left_alone(ids):
    replaced = nn.GRU(I, H)
    replaced.forward = lambda *a: None
    cases = {
        "subclass": (Own(I, H), "Own is a subclass of torch.nn's"),
        "parametrized": (
            parametrizations.weight_norm(nn.GRU(I, H), "weight_hh_l0"),
            "ParametrizedGRU is a subclass",
        ),
        "normed": (nn.utils.weight_norm(nn.GRU(I, H), "weight_hh_l0"), "weight_hh_l0 is not a"),
        "pruned": (
            prune.l1_unstructured(nn.RNNCell(I, H), "weight_ih", 1),
            "weight_ih is not a parameter",
        ),
        "replaced": (replaced, "its forward was replaced"),
        "projected": (nn.LSTM(I, H, proj_size=2), "no projection"),
        "in_half": (nn.GRU(I, H, dtype=torch.bfloat16), "not in torch.bfloat16"),
        "meta": (nn.GRU(I, H, device="meta"), "not on meta"),
    }
    for name, (module, reason) in cases.items():
        model = nn.ModuleDict({name: module})
        before, attributes = type(module), set(vars(module))
        (row,) = tidegate.accelerate(model)
        assert (row.name, row.is_swapped) == (name, False)
        assert reason in row.note
        assert reason in str(tidegate.accelerate(model))
        assert type(module) is before
        assert set(vars(module)) == attributes
    assert parametrize.is_parametrized(cases["parametrized"][0])


def test_hooks_stay():
    layer = nn.GRU(I, H)
    seen = []
    handle = layer.register_forward_hook(lambda module, args, result: seen.append(type(module)))
    tidegate.accelerate(layer)
    assert seen == []
    layer(torch.zeros(T, N, I))
    assert seen == [tn.GRU]
    handle.remove()
    layer(torch.zeros(T, N, I))
    assert seen == [tn.GRU]


def test_outputs_that_differ_undo_everything(monkeypatch, ids):
    model = Tagger()
    kinds = [type(module) for module in model.modules()]
    attributes = [set(vars(module)) for module in model.modules()]
    forward = tn.GRUCell.forward
    monkeypatch.setattr(tn.GRUCell, "forward", lambda self, *args: forward(self, *args) + 1e-3)
    with pytest.raises(
        RuntimeError, match=r"outputs of cells.0 to stay the same.*nothing is swapped"
    ):
        tidegate.accelerate(model)
    assert [type(module) for module in model.modules()] == kinds
    assert [set(vars(module)) for module in model.modules()] == attributes
    model(ids)


def test_a_model_that_differs_on_its_probe_is_undone(ids):
    class Suspicious(Tagger):
        def forward(self, ids):
            return super().forward(ids) + (1 if isinstance(self.second, nn.GRU) else 0)

    model = Suspicious()
    with pytest.raises(RuntimeError, match="the model's output to stay the same"):
        tidegate.accelerate(model, ids)
    assert type(model.second) is nn.GRU
    assert type(model.first) is nn.LSTM


def test_a_probe_that_fails_changes_nothing():
    model = Tagger()
    with pytest.raises(IndexError):
        tidegate.accelerate(model, torch.full((T, N), 99))
    assert type(model.first) is nn.LSTM


def test_without_the_engine_nothing_is_swapped(monkeypatch):
    monkeypatch.setattr(_path, "MISSING", "the compiled engine could not be loaded (why)")
    (row,) = tidegate.accelerate(nn.GRU(I, H))
    assert (row.is_swapped, row.note) == (False, "the compiled engine could not be loaded (why)")


def test_restoring_layers_of_ones_own():
    model = nn.ModuleList([tn.GRU(I, H, reset="before"), tn.RNN(I, H, nonlinearity="relu")])
    before, relu = tidegate.restore(model)
    assert (before.is_swapped, before.note) == (False, "PyTorch has no GRU with reset before")
    assert relu.is_swapped
    assert type(model[0]) is tn.GRU
    assert type(model[1]) is nn.RNN
    assert model[1](torch.zeros(T, N, I))[0].shape == (T, N, H)


def test_a_model_without_layers_says_so():
    assert str(tidegate.accelerate(nn.Linear(2, 2))) == "no recurrent layers"
    assert module_under_test.Swaps() == ()


def test_an_accelerated_model_is_saved_loaded_and_compiled(tmp_path, ids):
    model = Tagger().eval()
    expected = model(ids)
    tidegate.accelerate(model)
    torch.save(model, tmp_path / "model.pt")
    loaded = torch.load(tmp_path / "model.pt", weights_only=False)
    assert type(loaded.first) is tn.LSTM
    torch.testing.assert_close(loaded(ids), expected)
    compiled = torch.compile(loaded, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(ids), expected)
    plain = Tagger().eval()
    plain.load_state_dict(loaded.state_dict())
    torch.testing.assert_close(plain(ids), expected)

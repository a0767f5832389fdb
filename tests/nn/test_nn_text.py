"""The text encoder equals an embedding followed by a layer, gradients of the table included."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import tidegate.nn as tn
from nn_samples import LAYERS, LENGTHS, H, I, N, T, assert_all_close, flatten, offsets_of

V = 11


def encoder_of(name, *, embedding=None, **options):
    torch.manual_seed(0)
    table = nn.Embedding(V, I, dtype=torch.float64, **(embedding or {}))
    return tn.TextEncoder(table, LAYERS[name](I, H, dtype=torch.float64, **options))


def apart(encoder, ids, hx=None, **options):
    """The two parts, one after the other."""
    return encoder.recurrent(encoder.embedding(ids), hx, **options)


def draw_ids(*shape):
    return torch.randint(V - 2, shape, generator=torch.Generator().manual_seed(1))


def flat(results):
    output, finals = results
    output = getattr(output, "data", output)
    return [output, *(finals if isinstance(finals, tuple) else (finals,))]


def gradients(encoder, results):
    total = sum((r * torch.linspace(-1, 1, r.numel()).view_as(r)).sum() for r in flat(results))
    grads = torch.autograd.grad(total, list(encoder.parameters()))
    return [g.to_dense() if g.is_sparse else g for g in grads]


@pytest.mark.parametrize("padding_idx", [None, 2, -1])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("form", ["time", "batch", "single", "lengths", "packed", "ragged"])
@pytest.mark.parametrize("name", LAYERS)
def test_it_is_the_parts_one_after_the_other(name, form, bidirectional, padding_idx, path):
    encoder = encoder_of(
        name,
        embedding={"padding_idx": padding_idx},
        num_layers=2,
        bidirectional=bidirectional,
        batch_first=form == "batch",
    )
    ids = draw_ids(T) if form == "single" else draw_ids(N, T) if form == "batch" else draw_ids(T, N)
    options = {"lengths": LENGTHS} if form == "lengths" else {}
    if form == "ragged":
        ids, options = flatten(ids, LENGTHS), {"offsets": offsets_of(LENGTHS)}
    if form == "packed":
        ids = pack_padded_sequence(ids, torch.tensor(LENGTHS), enforce_sorted=False)
        vectors = ids._replace(data=encoder.embedding(ids.data))
        expected = encoder.recurrent(vectors)
    else:
        expected = apart(encoder, ids, **options)
    found = encoder(ids, **options)
    assert_all_close(flat(found), flat(expected))
    assert_all_close(gradients(encoder, found), gradients(encoder, expected))
    with torch.no_grad():
        assert_all_close(flat(encoder(ids, **options)), [r.detach() for r in flat(found)])


def test_states_and_small_ids_are_taken(path):
    encoder = encoder_of("lstm")
    ids = draw_ids(T, N)
    hx = (torch.randn(1, N, H).double(), torch.randn(1, N, H).double())
    assert_all_close(flat(encoder(ids.int(), hx)), flat(apart(encoder, ids, hx)))


def test_a_sparse_gradient_holds_the_rows_that_occur(path):
    dense, sparse = encoder_of("gru"), encoder_of("gru", embedding={"sparse": True})
    ids = torch.tensor([[3, 5, 3], [5, 9, 3]])
    for encoder in (dense, sparse):
        encoder(ids)[0].sin().sum().backward()
    grad = sparse.embedding.weight.grad
    assert grad.is_sparse
    assert sorted(set(grad.coalesce().indices()[0].tolist())) == [3, 5, 9]
    torch.testing.assert_close(grad.to_dense(), dense.embedding.weight.grad)
    assert not dense.embedding.weight.grad.is_sparse
    optimiser = torch.optim.SparseAdam([sparse.embedding.weight])
    before = sparse.embedding.weight.detach().clone()
    optimiser.step()
    moved = (sparse.embedding.weight != before).any(1)
    assert moved.nonzero().flatten().tolist() == [3, 5, 9]


@pytest.mark.parametrize("form", ["time", "ragged"])
def test_second_gradients_reach_the_table(form, path):
    encoder = encoder_of("gru")
    ids, options = draw_ids(T, N), {}
    if form == "ragged":
        ids, options = flatten(ids, LENGTHS), {"offsets": offsets_of(LENGTHS)}

    def penalty(results):
        (slope,) = torch.autograd.grad(
            results[0].square().sum(), encoder.embedding.weight, create_graph=True
        )
        return torch.autograd.grad(slope.square().sum(), list(encoder.parameters()))

    found, expected = penalty(encoder(ids, **options)), penalty(apart(encoder, ids, **options))
    assert_all_close(found, expected, rtol=1e-9, atol=1e-12)


def test_a_frozen_table_gets_no_gradient(path):
    encoder = encoder_of("gru")
    ids = draw_ids(T, N)
    encoder(ids)[0].sum().backward()
    expected = encoder.recurrent.weight_hh_l0.grad.clone()
    encoder.zero_grad()
    encoder.embedding.requires_grad_(False)
    encoder(ids)[0].sum().backward()
    assert encoder.embedding.weight.grad is None
    torch.testing.assert_close(encoder.recurrent.weight_hh_l0.grad, expected)


def test_names_are_those_of_the_parts():
    encoder = encoder_of("gru")
    assert [*encoder.state_dict()] == ["embedding.weight"] + [
        f"recurrent.{name}_l0" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    twin = copy.deepcopy(encoder)
    ids = draw_ids(T, N)
    assert torch.equal(twin(ids)[0], encoder(ids)[0])
    assert encoder.explain(ids).path == "engine"


@pytest.mark.parametrize("id", [V, -1], ids=["beyond", "negative"])
def test_ids_outside_of_the_table_are_refused(id, path):
    encoder = encoder_of("gru")
    ids = draw_ids(T, N)
    ids[2, 1] = id
    with pytest.raises(IndexError):
        encoder(ids)


def test_ids_past_a_rows_end_are_not_read(path):
    encoder = encoder_of("gru")
    ids = draw_ids(T, N)
    expected = encoder(ids, lengths=LENGTHS)[0]
    for row, length in enumerate(LENGTHS):
        ids[length:, row] = V + 7
    assert torch.equal(encoder(ids, lengths=LENGTHS)[0], expected)


@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
def test_a_flat_batch_of_ids_is_the_padded_one_without_its_padding(is_sparse, path):
    """Bit for bit, the table's gradient included, from ids of either dtype."""
    encoder = encoder_of("lstm", embedding={"sparse": is_sparse}, bidirectional=True)
    ids, lengths = draw_ids(T, N), [2, 0, 6, 4]
    output, finals = encoder(ids, lengths=lengths)
    expected = (flatten(output, lengths), finals)
    expected_gradients = gradients(encoder, expected)
    for dtype in (torch.int64, torch.int32):
        found = encoder(flatten(ids, lengths).to(dtype), offsets=offsets_of(lengths))
        assert_all_close(flat(found), flat(expected), rtol=0, atol=0)
        assert_all_close(gradients(encoder, found), expected_gradients, rtol=0, atol=0)


def test_arguments_that_do_not_fit_are_refused():
    table, layer = nn.Embedding(V, I), tn.GRU(I, H)
    with pytest.raises(ValueError, match="input_size = 5, got embedding_dim = 6"):
        tn.TextEncoder(nn.Embedding(V, I + 1), layer)
    with pytest.raises(TypeError, match="recurrent of tidegate.nn.RNN, LSTM, GRU, got torch.nn"):
        tn.TextEncoder(table, nn.GRU(I, H))
    with pytest.raises(TypeError, match="embedding of nn.Embedding"):
        tn.TextEncoder(nn.Linear(V, I), layer)
    encoder = tn.TextEncoder(table, layer)
    with pytest.raises(TypeError, match="ids of an integer dtype, got torch.float32"):
        encoder(torch.zeros(T, N))
    with pytest.raises(ValueError, match="2 dimensions, or 1 without a batch"):
        encoder(torch.zeros(T, N, 1, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"flat input \(P,\) beside offsets, got \(6, 4\)"):
        encoder(draw_ids(T, N), offsets=[0, T * N])


def test_what_stands_between_the_parts_is_kept():
    """Hooks, max_norm, an embedding of one's own: the parts run one after the other."""
    ids = draw_ids(T, N)
    seen = []
    encoder = encoder_of("gru")
    expected = encoder(ids)[0]
    handle = encoder.embedding.register_forward_hook(lambda m, a, result: result * 2)
    encoder.recurrent.register_forward_hook(lambda m, a, result: seen.append(1))
    assert not torch.allclose(encoder(ids)[0], expected)
    assert seen == [1]
    handle.remove()
    normed = encoder_of("gru", embedding={"max_norm": 0.1})
    normed(ids)
    assert normed.embedding.weight[ids.flatten()].norm(dim=1).max() <= 0.1001

    class Twice(nn.Embedding):
        def forward(self, ids):
            return 2 * super().forward(ids)

    twice = tn.TextEncoder(Twice(V, I), tn.GRU(I, H))
    assert torch.equal(twice(ids)[0], apart(twice, ids)[0])
    offsets = offsets_of(LENGTHS)
    found = twice(flatten(ids, LENGTHS), offsets=offsets)[0]
    assert torch.equal(found, apart(twice, flatten(ids, LENGTHS), offsets=offsets)[0])

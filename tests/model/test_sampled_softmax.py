"""Sampled softmax: its value and gradient against the full one, and its mean over the draws."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from tidegate.data.negatives import Negatives, all_words
from tidegate.model import sampled_softmax
from tidegate.model.sampled_softmax import sampled_cross_entropy

P, V, d = 23, 41, 5


def problem(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    queries, rows, bias = (
        torch.randn(shape, generator=generator, dtype=dtype).requires_grad_()
        for shape in [(P, d), (V, d), (V,)]
    )
    return queries, rows, bias, torch.randint(V, (P,), generator=generator)


def tensors(candidates):
    return torch.from_numpy(candidates.ids), torch.from_numpy(candidates.log_weights)


@pytest.mark.parametrize("chunk", [1, 200, 1 << 20], ids=["row by row", "4 rows", "at once"])
def test_with_all_words_it_is_the_full_softmax(monkeypatch, chunk):
    monkeypatch.setattr(sampled_softmax, "CHUNK_ELEMENTS", chunk)
    queries, rows, bias, targets = problem()
    expected = cross_entropy(queries @ rows.T + bias, targets)
    expected_grads = torch.autograd.grad(expected, (queries, rows, bias))
    loss, num_right = sampled_cross_entropy(queries, rows, bias, targets, *tensors(all_words(V)))
    assert num_right == ((queries @ rows.T + bias).argmax(1) == targets).sum()
    grads = torch.autograd.grad(3 * loss, (queries, rows, bias))
    torch.testing.assert_close(loss, expected)
    for grad, expected_grad in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(grad, 3 * expected_grad)


def test_without_gradients_it_is_the_same_loss(monkeypatch):
    monkeypatch.setattr(sampled_softmax, "CHUNK_ELEMENTS", 200)
    expected = sampled_cross_entropy(*problem(), *tensors(all_words(V)))
    for elements in (200, 1 << 22):
        monkeypatch.setattr(sampled_softmax, "MEASURED_ELEMENTS", elements)
        with torch.no_grad():
            found = sampled_cross_entropy(*(t.detach() for t in problem()), *tensors(all_words(V)))
        if elements == 200:
            assert found == expected
        torch.testing.assert_close(found, expected)


def formula(queries, rows, bias, targets, candidates):
    """The docstring's, word by word."""
    logits = queries @ rows.T + bias
    losses = []
    for position, target in enumerate(targets.tolist()):
        terms = [logits[position, target].exp()]
        for word, log_weight in zip(candidates.ids, candidates.log_weights, strict=True):
            if word != target:
                terms.append(np.exp(log_weight) * logits[position, word].exp())
        losses.append(sum(terms).log() - logits[position, target])
    return sum(losses) / len(losses)


def test_some_words_stand_for_all():
    queries, rows, bias, targets = problem()
    negatives = Negatives(np.arange(V), 9, seed=4)
    candidates = negatives.draw(0)
    assert set(targets.tolist()) & set(candidates.ids.tolist())
    assert set(targets.tolist()) - set(candidates.ids.tolist())
    expected = formula(queries, rows, bias, targets, candidates)
    expected_grads = torch.autograd.grad(expected, (queries, rows, bias))
    loss, num_right = sampled_cross_entropy(queries, rows, bias, targets, *tensors(candidates))
    logits = queries @ rows.T + bias
    others = logits[:, candidates.ids].amax(1)
    assert num_right == (logits[range(P), targets] >= others).sum() > 0
    torch.testing.assert_close(loss, expected)
    grads = torch.autograd.grad(loss, (queries, rows, bias))
    for grad, expected_grad in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(grad, expected_grad)


def test_without_candidates_nothing_competes_with_the_target():
    queries, rows, bias, targets = problem()
    none = torch.empty(0, dtype=torch.int64), torch.empty(0)
    loss, _ = sampled_cross_entropy(queries, rows, bias, targets, *none)
    assert loss.item() == 0
    assert not any(grad.any() for grad in torch.autograd.grad(loss, (queries, rows, bias)))


def test_logits_beyond_the_range_of_exp_give_finite_losses():
    queries, rows, bias, targets = problem(torch.float32)
    large = (1e3 * queries).detach()
    expected = cross_entropy(large @ rows.T + bias, targets)
    loss, _ = sampled_cross_entropy(large, rows, bias, targets, *tensors(all_words(V)))
    torch.testing.assert_close(loss, expected)


def test_the_weighted_sum_has_the_sum_over_the_vocabulary_as_its_mean():
    counts = np.random.default_rng(0).integers(0, 1000, V)
    negatives = Negatives(counts, 12, seed=0)
    values = np.random.default_rng(1).random(V)
    sums, sizes = [], []
    for step in range(4000):
        candidates = negatives.draw(step)
        sums.append((values[candidates.ids] * np.exp(candidates.log_weights)).sum())
        sizes.append(len(candidates.ids))
    for found, expected in ((sums, values.sum()), (sizes, 12)):
        error = np.std(found) / np.sqrt(len(found))
        assert abs(np.mean(found) - expected) < 4 * error


def test_probabilities_follow_the_power_of_the_counts_up_to_1():
    counts = np.array([9999, 15, 15, 0, 3, 0])
    probabilities = Negatives(counts, 3, seed=0, power=0.5).probabilities
    # The first is certain; the others share 2 as 4 : 4 : 1 : 2 : 1.
    np.testing.assert_allclose(probabilities, [1, 8 / 12, 8 / 12, 2 / 12, 4 / 12, 2 / 12])
    np.testing.assert_array_equal(Negatives(counts, 6, seed=0).probabilities, np.ones(6))


def test_draws_are_a_function_of_seed_and_step():
    counts = np.ones(500, np.int64)

    def ids(seed, step):
        return Negatives(counts, 50, seed=seed).draw(step).ids.tolist()

    assert ids(0, 3) == ids(0, 3) == sorted(set(ids(0, 3)))
    assert ids(0, 3) != ids(0, 4)
    assert ids(0, 3) != ids(1, 3)


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="Negatives: expected at least 1 word to draw, got 0"):
        Negatives(np.ones(4, np.int64), 0, seed=0)

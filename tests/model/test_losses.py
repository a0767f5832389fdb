"""The losses of every kind of task, written out from their definitions in float64."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn.functional import binary_cross_entropy_with_logits

from tidegate.model import losses as module
from tidegate.model.losses import balanced_weights, scores

DRAWS = np.random.default_rng(8)
LOGITS = DRAWS.normal(0, 3, size=(7, 4))
CLASSES = np.array([0, 3, 1, 1, 2, 0, 3])
LABELS = DRAWS.integers(0, 2, size=(7, 4))
BINARY = np.array([0, 1, 1, 0, 1, 0, 1])
WEIGHTS = np.array([0.5, 2.0, 1.5, 4.0])
SMOOTHINGS = [0.0, 0.2]


def losses(kind, outputs, targets, class_weights=None, **options):
    """As float64 NumPy."""
    if class_weights is not None:
        options["class_weights"] = torch.from_numpy(np.asarray(class_weights))
    found = module.losses(kind, torch.from_numpy(outputs), torch.from_numpy(targets), **options)
    return found.numpy()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def of_labels(logits, targets, smoothing=0.0):
    """-t log p - (1 - t) log (1 - p), with targets moved towards 1/2."""
    wanted = targets * (1 - smoothing) + smoothing / 2
    return -wanted * np.log(sigmoid(logits)) - (1 - wanted) * np.log(sigmoid(-logits))


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_binary(smoothing):
    logits = LOGITS[:, :1]
    expected = of_labels(logits[:, 0], BINARY, smoothing)
    found = losses("binary", logits, BINARY, label_smoothing=smoothing)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    weighted = losses("binary", logits, BINARY, [0.25, 3.0], label_smoothing=smoothing)
    np.testing.assert_allclose(weighted, expected * np.where(BINARY, 3.0, 0.25), rtol=1e-12)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_multi_class(smoothing):
    """With weights, every class' part of a smooth target counts as much as its class does."""
    logs = LOGITS - np.log(np.exp(LOGITS).sum(1, keepdims=True))
    wanted = np.eye(4)[CLASSES] * (1 - smoothing) + smoothing / 4
    found = losses("multi-class", LOGITS, CLASSES, label_smoothing=smoothing)
    np.testing.assert_allclose(found, -(wanted * logs).sum(1), rtol=1e-12)
    found = losses("multi-class", LOGITS, CLASSES, WEIGHTS, label_smoothing=smoothing)
    np.testing.assert_allclose(found, -(WEIGHTS * wanted * logs).sum(1), rtol=1e-12)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_multi_label(smoothing):
    expected = of_labels(LOGITS, LABELS, smoothing)
    found = losses("multi-label", LOGITS, LABELS, label_smoothing=smoothing)
    np.testing.assert_allclose(found, expected.mean(1), rtol=1e-12)
    found = losses("multi-label", LOGITS, LABELS, WEIGHTS, label_smoothing=smoothing)
    weighted = expected * np.where(LABELS, WEIGHTS, 1)
    np.testing.assert_allclose(found, weighted.mean(1), rtol=1e-12)


def test_regression():
    wanted = DRAWS.normal(size=(7, 4))
    found = losses("regression", LOGITS, wanted, label_smoothing=0.5)
    np.testing.assert_allclose(found, np.mean((LOGITS - wanted) ** 2, 1), rtol=1e-12)
    found = losses("regression", LOGITS[:, :1], wanted[:, 0])
    np.testing.assert_allclose(found, (LOGITS[:, 0] - wanted[:, 0]) ** 2, rtol=1e-12)


def test_probabilities_are_targets():
    """As of a network that answers for another: its cross-entropy, least where both agree."""
    chances = sigmoid(LOGITS[:, 0]).astype(np.float32)
    expected = of_labels(LOGITS[:, 1], chances.astype(np.float64))
    np.testing.assert_allclose(losses("binary", LOGITS[:, 1:2], chances), expected, rtol=1e-12)
    logits = torch.from_numpy(LOGITS[:, :1]).requires_grad_()
    module.losses("binary", logits, torch.from_numpy(chances)).sum().backward()
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits), rtol=0, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logits_of_any_size_have_the_loss_and_gradient_of_pytorchs_own(dtype):
    sizes = [0.0, 1e-3, 1.0, 15.0, 20.0, 21.0, 90.0, 1e4, 1e30]
    logits = torch.tensor([*sizes, *(-size for size in sizes)], dtype=dtype).unsqueeze(1)
    for target in (0.0, 0.3, 1.0):
        targets = torch.full((len(logits),), target)
        found = []
        for own in (True, False):
            asked = logits.clone().requires_grad_()
            if own:
                loss = module.losses("binary", asked, targets)
            else:
                wanted = targets.to(dtype).unsqueeze(1)
                loss = binary_cross_entropy_with_logits(asked, wanted, reduction="none")[:, 0]
            loss.sum().backward()
            found.append((loss.detach(), asked.grad))
        # The softplus is that of PyTorch, linear from 20 on; exp(-20) is 2e-9.
        rest = {"rtol": 1e-6, "atol": 4 * torch.finfo(dtype).eps + 3e-9}
        scale = {"rtol": 1e-6, "atol": 25 * torch.finfo(dtype).eps + 3e-9}
        torch.testing.assert_close(found[0][0], found[1][0], **scale)
        torch.testing.assert_close(found[0][1], found[1][1], **rest)


def test_right_answers():
    def found(kind, outputs, targets):
        return scores(kind, torch.tensor(outputs), torch.tensor(targets)).tolist()

    # A logit of 0 is on neither side: negative. A probability counts by its side of 1/2.
    assert found("binary", [[0.1], [-1.0], [0.0], [0.0]], [1, 1, 0, 1]) == [
        True,
        False,
        True,
        False,
    ]
    assert found("binary", [[0.1], [-1.0], [2.0]], [0.6, 0.4, 0.4]) == [True, True, False]
    assert found("multi-class", [[1.0, 3.0, 2.0], [4.0, 0.0, 1.0]], [1, 2]) == [True, False]
    assert found("multi-label", [[1.0, -1.0], [1.0, 1.0]], [[1, 0], [1, 0]]) == [True, False]
    # A regression has errors instead; of probabilities of several classes the likeliest counts.
    assert found("regression", [[1.5], [2.0]], [1.0, 4.0]) == [0.5, 2.0]
    assert found("multi-class", [[1.0, 3.0], [4.0, 0.0]], [[0.4, 0.6], [0.4, 0.6]]) == [1, 0]


def test_balanced_weights_are_scikit_learns():
    for kind, count, targets in (
        ("binary", 1, np.array([0, 1, 1, 1])),
        ("multi-class", 4, np.array([0, 3, 1, 1, 2, 3, 3])),
    ):
        found = balanced_weights(kind, count, torch.from_numpy(targets))
        classes = np.unique(targets)
        expected = compute_class_weight("balanced", classes=classes, y=targets)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    assert balanced_weights("regression", 1, torch.ones(3)) is None


def test_labels_that_hold_weigh_as_much_as_those_that_do_not():
    targets = torch.tensor([[1, 1, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0]])
    found = balanced_weights("multi-label", 3, targets)
    # What always or never holds is taken as if one example were otherwise.
    assert found.tolist() == pytest.approx([3, 1 / 3, 3])


def test_classes_of_probabilities_are_those_of_their_sides():
    """What weighs an example is which side its target is on, and so they are counted."""
    targets = torch.tensor([1.0, 1.0, 0.9, 0.8, 0.7, 0.6, 0.4, 0.0])
    assert balanced_weights("binary", 1, targets).tolist() == pytest.approx([8 / 4, 8 / 12])
    weights = balanced_weights("binary", 1, targets)
    found = module.losses("binary", torch.zeros(8, 1), targets, class_weights=weights)
    expected = np.log(2) * np.array([2 / 3] * 6 + [2] * 2)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)

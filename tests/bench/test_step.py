"""One step of training against the same step written out in PyTorch."""

import numpy as np
import pytest
import torch
from torch import nn

from tidegate.data.batches import as_batch
from tidegate.data.preprocessing.text import TOKEN_IDS
from tidegate.model.inputs import Inputs
from tidegate.model.masks import Masks
from tidegate.training import optimisers
from tidegate.training.step import perturbation, step
from training_samples import PLAIN, examples, make


def batch(count=12):
    arrays, targets = examples(count).batch(np.arange(count))
    return Inputs.of_arrays(arrays), torch.from_numpy(targets)


def test_a_perturbation_has_its_length_and_the_gradients_direction():
    gradient = torch.randn(9, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    gradient[5:7] = 0
    offsets = torch.tensor([0, 3, 5, 7, 7, 9])
    moved = perturbation(gradient, offsets, 2.5)
    for begin, end in ((0, 3), (3, 5), (7, 9)):
        part, whole = moved[begin:end], gradient[begin:end]
        torch.testing.assert_close(part, whole * (2.5 / whole.norm()), rtol=1e-12, atol=0)
        assert part.norm().item() == pytest.approx(2.5, rel=1e-12)
    assert not moved[5:7].any()


def test_a_gradient_of_tiny_numbers_is_still_a_direction():
    gradient = torch.full((4, 2), 1e-15)
    moved = perturbation(gradient, torch.tensor([0, 4]), 1.0)
    torch.testing.assert_close(moved, torch.full((4, 2), 8**-0.5))


def reference(model, recipe, inputs, targets):
    """The gradients of the step by plain operations, every sequence by itself."""
    table = model.embedding.weight.detach().clone().requires_grad_()
    layer, head = model.recurrent.layers[0], model.head
    scaled = (table - model.embedding_mean) / model.embedding_scale
    plain = nn.GRU(table.size(1), layer.hidden_size)
    plain.load_state_dict(layer.state_dict())
    linear = nn.Linear(head.in_features, 1)
    linear.load_state_dict(head.state_dict())

    def loss_of(vectors):
        ends = torch.cat([plain(sequence.unsqueeze(1))[0][-1] for sequence in vectors])
        logits = linear(ends).squeeze(1)
        return nn.functional.binary_cross_entropy_with_logits(logits, targets.float())

    ids = inputs.words.distinct[inputs.words.slots]
    vectors = [scaled[part] for part in ids.tensor_split(inputs.offsets[1:-1])]
    loss = loss_of(vectors)
    total = loss
    if recipe.training.adversarial_norm:
        gradients = torch.autograd.grad(loss, vectors, retain_graph=True)
        moved = [
            vector + recipe.training.adversarial_norm * gradient / gradient.norm()
            for vector, gradient in zip(vectors, gradients, strict=True)
        ]
        total = loss + loss_of(moved)
    total.backward()
    found = {"embedding.weight": table.grad}
    found |= {f"recurrent.0.{name}": p.grad for name, p in plain.named_parameters()}
    found |= {f"head.{name}": p.grad for name, p in linear.named_parameters()}
    return loss.item(), found


@pytest.mark.parametrize("norm", [0.0, 1.5], ids=["plain", "adversarial"])
def test_a_steps_gradients_are_those_of_the_written_out_loss(norm):
    recipe = PLAIN.with_values({"adversarial_norm": norm})
    model = make("gru", recipe)
    model.normalise(torch.full((30,), 1 / 30))
    inputs, targets = batch()
    loss, expected = reference(model, recipe, inputs, targets)
    assert expected.keys() == dict(model.named_parameters()).keys()
    found = step(
        model,
        optimisers.make(model, recipe.training),
        recipe.training,
        inputs,
        targets,
        Masks(0, 0),
    )
    assert found.loss == pytest.approx(loss, rel=1e-6)
    assert found.num_tokens == len(inputs.words.slots)
    for name, gradient in gradients(model).items():
        torch.testing.assert_close(gradient, expected[name], rtol=2e-5, atol=2e-7, msg=name)


def gradients(model):
    """Dense ones, by name."""
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {name: g.to_dense() if g.is_sparse else g for name, g in found.items()}


def test_the_passes_of_an_adversarial_step_have_dropout_of_their_own():
    """With a perturbation of nearly no length the gradient is that of two plain steps."""
    values = {"dropout.word": 0.2, "dropout.input": 0.3, "dropout.recurrent": 0.3}
    found = []
    for norm, prefix in ((1e-12, ""), (0.0, ""), (0.0, "adversarial ")):
        recipe = PLAIN.with_values(values | {"adversarial_norm": norm, "dropout.head": 0.4})
        model = make("gru", recipe)
        inputs, targets = batch()
        masks = Masks(0, 5, prefix)
        step(
            model, optimisers.make(model, recipe.training), recipe.training, inputs, targets, masks
        )
        found.append(gradients(model))
    both, clean, again = found
    for name, gradient in both.items():
        expected = clean[name] + again[name]
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6, msg=name)
    assert not torch.equal(clean["head.weight"], again["head.weight"])


def test_a_long_gradient_is_cut_to_its_length():
    recipe = PLAIN.with_values({"clip_norm": 0.01})
    model = make("gru", recipe)
    inputs, targets = batch()
    step(
        model,
        optimisers.make(model, recipe.training),
        recipe.training,
        inputs,
        targets,
        Masks(0, 0),
    )
    squares = [gradient.square().sum().item() for gradient in gradients(model).values()]
    assert sum(squares) ** 0.5 == pytest.approx(0.01, rel=1e-3)


def test_nothing_moves_where_the_loss_is_not_finite():
    model = make("gru", PLAIN)
    inputs, targets = batch()
    with torch.no_grad():
        model.head.bias.fill_(float("inf"))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found = step(
        model, optimisers.make(model, PLAIN.training), PLAIN.training, inputs, targets, Masks(0, 0)
    )
    assert not np.isfinite(found.loss)
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0, equal_nan=True)


def test_the_dense_rule_moves_rows_that_do_not_occur_and_the_lazy_rule_does_not():
    moved = {}
    for rule in ("dense", "lazy"):
        recipe = PLAIN.with_values({"embedding_update": rule})
        model = make("gru", recipe)
        optimiser = optimisers.make(model, recipe.training)
        for rows in (np.arange(6), np.arange(6, 8)):
            arrays, targets = examples(8).batch(rows)
            words = as_batch(arrays[TOKEN_IDS])
            step(
                model,
                optimiser,
                recipe.training,
                Inputs.of_arrays(arrays),
                torch.from_numpy(targets),
                Masks(0, 0),
            )
            if rows[0] == 0:
                optimiser.catch_up()
                before, first = model.embedding.weight.detach().clone(), words.distinct
        optimiser.catch_up()
        only_first = np.setdiff1d(first, words.distinct)
        assert len(only_first) > 3
        moved[rule] = (model.embedding.weight.detach() - before)[only_first].abs().min(1).values
    assert (moved["dense"] > 1e-4).all()
    assert not moved["lazy"].any()


def test_a_perturbation_of_hardly_any_gradient_is_finite():
    """A text that the network is certain of has a gradient whose square is nothing in float32."""
    gradient = torch.tensor([[3e-25, 4e-25], [0, 0], [1e-37, 0], [3.0, 4.0]])
    moved = perturbation(gradient, torch.tensor([0, 1, 2, 3, 4]), 5.0)
    expected = torch.tensor([[3.0, 4.0], [0, 0], [5e-7, 0], [3.0, 4.0]])
    torch.testing.assert_close(moved, expected, rtol=1e-5, atol=0)

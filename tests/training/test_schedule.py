"""The learning rate of every step and of every part of a network."""

import math

import pytest
import torch

from tidegate.training import optimisers
from tidegate.training.schedule import rate
from training_samples import EVERYTHING, PLAIN, make

NUM_STEPS = 40


def rates(schedule, warmup_share=0.3, num_steps=NUM_STEPS):
    return [rate(schedule, step, num_steps, warmup_share) for step in range(num_steps)]


def test_a_constant_rate_is_constant():
    assert rates("constant") == [1.0] * NUM_STEPS


def test_one_cycle_anneals_as_torch_does():
    """PyTorch's goes from its first step's share; ours reaches the highest after the warm-up."""
    parameter = torch.nn.Parameter(torch.zeros(()))
    optimiser = torch.optim.SGD([parameter], lr=1.0)
    warmup = 12
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        max_lr=1.0,
        total_steps=NUM_STEPS + 1,
        pct_start=(warmup + 1) / (NUM_STEPS + 1),
        cycle_momentum=False,
        final_div_factor=1e30,
    )
    theirs = []
    for _ in range(NUM_STEPS + 1):
        theirs.append(scheduler.get_last_lr()[0])
        optimiser.step()
        scheduler.step()
    ours = rates("one-cycle")
    assert max(ours) == ours[warmup] == 1.0 == pytest.approx(theirs[warmup])
    # Theirs spreads the rise over steps 0 to 12, ours over 1 to 13 of the same half cosine.
    for step in range(warmup):
        share = (step + 1) / (warmup + 1)
        assert ours[step] == pytest.approx(1 / 25 + 24 / 25 * (1 - math.cos(math.pi * share)) / 2)
    for step in range(warmup, NUM_STEPS):
        assert ours[step] == pytest.approx(theirs[step], abs=1e-12)


def test_a_cosine_rises_straight_and_falls_along_a_half_cosine():
    found = rates("cosine", warmup_share=0.25)
    assert found[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert found[10] == 1
    assert found[25] == pytest.approx(0.5)
    expected = [(1 + math.cos(math.pi * (step - 10) / 30)) / 2 for step in range(10, 40)]
    assert found[10:] == pytest.approx(expected)
    assert found == sorted(found[:11]) + sorted(found[11:], reverse=True)


@pytest.mark.parametrize("schedule", ["constant", "one-cycle", "cosine"])
@pytest.mark.parametrize("num_steps", [1, 2, 3])
def test_short_trainings_have_rates_too(schedule, num_steps):
    for warmup_share in (0, 0.3, 0.99):
        found = rates(schedule, warmup_share, num_steps)
        assert all(0 < value <= 1 for value in found)


def parts(model, optimiser):
    """Each group's rate by the parameters in it."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: group["lr"]
        for group in optimiser.param_groups
        for parameter in group["params"]
    }


def set_rates(**values):
    recipe = PLAIN.with_values(
        EVERYTHING
        | {"schedule": "constant"}
        | {"training.learning_rate": 0.1, "embedding_learning_rate": 0.2}
        | values
    )
    model = make("gru", recipe)
    optimiser = optimisers.make(model, recipe.training)
    optimisers.set_rates(optimiser, recipe.training, 0, 10)
    found = parts(model, optimiser)
    assert found.keys() == {name for name, p in model.named_parameters() if p.requires_grad}
    return found


def test_tables_have_a_rate_of_their_own():
    found = set_rates()
    for name, value in found.items():
        assert value == (0.2 if "embedding" in name else 0.1), name

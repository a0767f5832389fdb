"""Learning-rate schedules."""

import math


def rate(schedule: str, step: int, num_steps: int, warmup_share: float) -> float:
    """The learning rate of a step, as a share of the highest.

    Args:
        schedule: "constant"; "one-cycle", up and down along half cosines from 1/25 of the highest
            to nothing (Smith and Topin 2018, as PyTorch's ``OneCycleLR`` anneals); "cosine", a
            straight rise from 0, then down along a half cosine (Loshchilov and Hutter 2017).
        step: Counted from 0.
        num_steps: Of the whole training.
        warmup_share: Of the steps, in which the rate rises.
    """
    if schedule == "constant":
        return 1.0
    warmup = warmup_share * num_steps
    if step < warmup:
        share = (step + 1) / (warmup + 1)
        if schedule == "cosine":
            return share
        return 1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * share)) / 2
    share = (step - warmup) / max(num_steps - warmup, 1)
    return (1 + math.cos(math.pi * share)) / 2

"""Learning-rate schedules."""

import math


def rate(schedule: str, step: int, num_steps: int, warmup_share: float) -> float:
    """The learning rate of a step, as a share of the schedule's peak.

    Args:
        schedule: "constant"; "one-cycle", half cosines from 1/25 of the peak up to it and down to 0
            (Smith and Topin 2018, as PyTorch's ``OneCycleLR`` anneals); "cosine", linear warm-up
            from 0, then down along a half cosine (Loshchilov and Hutter 2017).
        step: Counted from 0.
        num_steps: Number of steps of the whole training.
        warmup_share: Share of all steps in which the rate rises.

    Returns:
        From 0 to 1.
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

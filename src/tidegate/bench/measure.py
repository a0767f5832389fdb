"""Timing several peers in one run: rounds, in each of which every peer has one turn.

What the machine does meanwhile (clock frequency, neighbours) then meets all peers alike, and the
order within a round is drawn anew so that nobody always follows the same one.
"""

import gc
import math
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from tidegate.bench.statistics import Samples, relative_error
from tidegate.seeding import permutation

Timed = Callable[[int], float]
"""Does its work so many times and returns the wall time of all together, in seconds."""

Key = TypeVar("Key", bound=Hashable)

LEAST_ROUNDS = 3
"""The fewest rounds from which a spread can be computed."""
LONG_CALL_S = 0.05
"""A call of this length warms the caches in a small part of its own time."""


@dataclass(frozen=True)
class Settings:
    """When to stop, and how a sample is taken."""

    target_spread: float = 0.01
    """Enough rounds when every peer's median has a standard error below this share of it."""
    min_rounds: int = 9
    max_rounds: int = 200
    budget_s: float = 30.0
    """No new round after this, once ``min_rounds`` are done; after twice this, ``LEAST_ROUNDS``."""
    sample_ms: float = 10.0
    """A sample repeats a short call until it lasts about so long."""
    pause_ms: float = 20.0
    """Before every turn. OpenMP's and other pools' threads spin for some milliseconds after their
    work is done, on processors that the next peer needs."""
    seed: int = 0


@dataclass(frozen=True)
class Measurement(Generic[Key]):
    """The samples of all peers, round by round."""

    samples_s: dict[Key, Samples]
    """Seconds a call, one sample a round."""
    repeats: dict[Key, int]
    """Calls in a sample."""
    stopped_by: str
    """``spread``, ``budget`` or ``rounds``."""


def timed(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> Timed:
    """Time calls in this process."""

    def run(repeats: int) -> float:
        begin = clock()
        for _ in range(repeats):
            call()
        return clock() - begin

    return run


def measure(
    peers: Mapping[Key, Timed],
    settings: Settings,
    *,
    after_round: Callable[[int], None] = lambda rounds: None,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> Measurement[Key]:
    """Time peers in rounds until the medians are sharp enough or the budget is used.

    Args:
        peers: What to time, by name.
        settings: When to stop.
        after_round: Is told the number of finished rounds.
        clock: Seconds; for the budget alone, the peers time themselves.
        sleep: Called with the pause before a turn, in seconds.
    """
    begin = clock()
    call_s = {key: _warm_up(run, settings) for key, run in peers.items()}
    repeats = {
        key: max(1, math.ceil(settings.sample_ms / 1e3 / max(seconds, 1e-9)))
        for key, seconds in call_s.items()
    }
    keys, samples = [*peers], {key: list[float]() for key in peers}
    stopped_by, was_enabled = "rounds", gc.isenabled()
    gc.disable()
    try:
        for round_ in range(settings.max_rounds):
            for index in permutation(len(keys), settings.seed, "order of peers", round_):
                key = keys[index]
                sleep(settings.pause_ms / 1e3)
                if call_s[key] < LONG_CALL_S:
                    # Other peers have filled the caches since.
                    peers[key](max(1, repeats[key] // 4))
                samples[key].append(peers[key](repeats[key]) / repeats[key])
            after_round(round_ + 1)
            spent_s = clock() - begin
            if round_ + 1 >= LEAST_ROUNDS and spent_s > 2 * settings.budget_s:
                stopped_by = "budget"
                break
            if round_ + 1 < settings.min_rounds:
                continue
            if all(relative_error(np.array(s)) <= settings.target_spread for s in samples.values()):
                stopped_by = "spread"
                break
            if spent_s > settings.budget_s:
                stopped_by = "budget"
                break
    finally:
        if was_enabled:
            gc.enable()
    return Measurement({key: np.array(s) for key, s in samples.items()}, repeats, stopped_by)


def _warm_up(run: Timed, settings: Settings) -> float:
    """Call until a call is as fast as it gets, or nearly, and return its time in seconds.

    First calls load code, start threads and compile; the fastest of a few is what to plan with.
    """
    best = run(1)
    spent = 0.0
    for _ in range(20):
        seconds = run(1)
        best, spent = min(best, seconds), spent + seconds
        if spent > 3 * settings.sample_ms / 1e3:
            break
    return best

"""Values that follow from the series: what the rule gives for few, many, long and smooth series."""

from dataclasses import replace

import numpy as np
import pytest

from tidegate.data.series import SeriesSet
from tidegate.data.series_shape import SeriesShape, measure
from tidegate.task import Task
from tidegate.training.adapt import in_short
from tidegate.training.adapt_series import adapt_to_series
from tidegate.training.recipe import load

VOWELS = SeriesShape(216, 3_400, 15, 12, False, False, 0.91, "multi-class", 9)
GESTURES = SeriesShape(40, 5_800, 136, 1, False, False, 0.97, "multi-class", 10)
MOTIONS = SeriesShape(32, 3_200, 100, 6, False, False, 0.46, "multi-class", 4)
DIGITS = SeriesShape(2_160, 42_000, 17, 13, False, False, 0.71, "multi-class", 10)


def adapted(shape, recipe=None):
    """The values that the rule changes."""
    made = adapt_to_series(recipe or load("series"), shape)
    return {key: made.values()[key] for key in made.adapted}


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (VOWELS, {"training.epochs": 112}),
        (GESTURES, {"series.stride": 4, "training.epochs": 200}),
        (MOTIONS, {"training.epochs": 200}),
        (
            DIGITS,
            {
                "training.batch_size": 32,
                "training.epochs": 23,
                "training.validation_share": 0.1,
            },
        ),
    ],
    ids=["vowels", "gestures", "motions", "digits"],
)
def test_what_changes(shape, expected):
    assert adapted(shape) == expected


def test_missing_values_and_unequal_times_are_read():
    shape = replace(VOWELS, has_missing=True, is_irregular=True)
    assert adapted(shape) == {
        "series.missing": "mask",
        "series.time": "difference",
        "training.epochs": 112,
    }


def test_epochs_have_bounds():
    recipe = load("series")
    assert adapted(replace(VOWELS, num_series=1_999))["training.epochs"] == 15
    assert adapted(replace(VOWELS, num_series=1))["training.epochs"] == 200
    assert adapted(replace(VOWELS, num_series=0))["training.epochs"] == 200
    assert "training.epochs" not in adapted(replace(VOWELS, num_series=600), recipe)


def test_only_few_smooth_and_long_series_are_averaged():
    for shape in (
        replace(GESTURES, smoothness=0.94),
        replace(GESTURES, num_series=2_000),
        replace(GESTURES, median_length=50),
    ):
        assert "series.stride" not in adapted(shape)
    assert adapted(replace(GESTURES, median_length=1_460))["series.stride"] == 42
    assert adapted(replace(GESTURES, median_length=10**9))["series.stride"] == 10_000


def test_the_run_says_what_and_why():
    made = adapt_to_series(load("series"), GESTURES)
    assert in_short(made.adapted) == (
        "40 series of about 136 steps and 1 channel: "
        "200 epochs instead of 40 (about 1,500 updates, within 15 to 200 epochs and "
        "50,000,000 steps), "
        "the mean of 4 steps read as one instead of 1 (a value hardly differs from the one before)"
    )
    shape = replace(DIGITS, has_missing=True, is_irregular=True)
    reasons = adapt_to_series(load("series"), shape).adapted
    which = "2,160 series of about 17 steps and 13 channels: "
    assert reasons == {
        "training.batch_size": f"{which}batches of 32 series instead of 16 (32 where there are "
        "2,000 or more, and at most 65,536 steps)",
        "training.epochs": f"{which}23 epochs instead of 40 (about 1,500 updates, within 15 to 200 "
        "epochs and 50,000,000 steps)",
        "training.validation_share": f"{which}a validation share of 0.1 instead of 0.2 (there are "
        "2,000 or more)",
        "series.missing": f"{which}missing values by the rule mask instead of refuse (some are "
        "missing)",
        "series.time": f"{which}the rule difference for times instead of ignore (steps are not "
        "equally far apart)",
    }


def test_what_the_user_gives_stays():
    recipe = load("series").with_values({"series.stride": 1, "training.epochs": 40})
    assert adapted(GESTURES, recipe) == {}
    fixed = load("series").with_values({"training.adapt": False})
    assert adapt_to_series(fixed, GESTURES) is fixed


def shape_of(*arrays, **options):
    return measure(SeriesSet.from_arrays([*arrays], **options), Task())


def test_smoothness_is_the_correlation_with_the_step_before():
    draws = np.random.default_rng(0)
    noise = draws.normal(5, 3, (4_000, 1))
    assert shape_of(noise).smoothness == pytest.approx(0, abs=0.05)
    walk = np.zeros(4_000)
    for step in range(1, 4_000):  # each value is 0.8 of the one before, and noise
        walk[step] = 0.8 * walk[step - 1] + draws.normal()
    assert shape_of(walk).smoothness == pytest.approx(0.8, abs=0.03)
    assert shape_of(walk + 100, walk - 100).smoothness == pytest.approx(0.8, abs=0.03)
    both = np.stack([noise[:, 0], walk, np.ones(4_000)], 1)
    assert shape_of(both).smoothness == pytest.approx(0.4, abs=0.04)


def test_smoothness_is_nothing_where_nothing_changes():
    assert shape_of(np.ones((5, 2))).smoothness == 0
    assert shape_of(np.ones((1, 2)), np.zeros((0, 2))).smoothness == 0
    assert shape_of(np.array([1, np.nan, 2, np.nan])).smoothness == 0


def test_long_series_are_read_few_at_a_time_and_not_for_hours():
    shape = replace(DIGITS, num_series=1_600, num_steps=16_000_000, median_length=10_000)
    made = adapt_to_series(load("series"), shape).values()
    assert made["training.batch_size"] == 6
    assert made["training.epochs"] == 3
    longer = replace(shape, num_series=16, num_steps=16 * 10**6, median_length=10**6)
    assert adapt_to_series(load("series"), longer).values()["training.batch_size"] == 1

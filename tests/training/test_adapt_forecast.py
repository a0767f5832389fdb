"""Values of the recipe that follow from the series to forecast."""

import pytest

from tidegate.errors import RecipeError
from tidegate.training.adapt_forecast import ForecastShape, adapt_to_forecast
from tidegate.training.recipe import load


def adapted(num_windows, *, has_missing=False, **values):
    recipe = load("forecast").with_values(values)
    shape = ForecastShape(1, num_windows, 9_000, 24, has_missing)
    return adapt_to_forecast(recipe, shape)


@pytest.mark.parametrize(
    ("num_windows", "epochs"),
    # 600 updates of 64 windows are 38,400.
    [(16_384, 3), (9_600, 4), (3_840, 10), (100, 40)],
)
def test_epochs_follow_from_the_windows(num_windows, epochs):
    assert adapted(num_windows).training.epochs == epochs


def test_every_change_has_its_reason():
    recipe = adapted(9_600, has_missing=True)
    assert recipe.series.missing == "mask"
    assert {*recipe.adapted} == {"training.epochs", "series.missing"}
    assert recipe.adapted["training.epochs"].startswith(
        "1 series of about 9,000 steps, 9,600 windows an epoch: 4 epochs instead of 10"
    )


def test_values_that_are_given_stay():
    recipe = load("forecast").with_settings(["training.epochs=7"])
    shape = ForecastShape(1, 9_600, 9_000, 24, False)
    assert adapt_to_forecast(recipe, shape).training.epochs == 7
    assert adapted(9_600, **{"training.adapt": False}).training.epochs == 10


def test_a_window_shorter_than_a_season_is_refused():
    recipe = load("forecast").with_values({"forecast.window": 10})
    assert recipe.forecast_options(3, 10).window == 10
    with pytest.raises(RecipeError, match="at least a season, 24 steps, got 10"):
        recipe.forecast_options(3, 24)
    assert load("forecast").forecast_options(24, 24).window == 72
    assert load("forecast").forecast_options(6, 1).window == 20

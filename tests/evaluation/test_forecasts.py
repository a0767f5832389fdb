"""Metrics of forecasts by hand."""

import numpy as np
import pytest

from tidegate.evaluation.forecasts import forecast_errors, nominal_coverage

NAN = float("nan")
LEVELS = (0.1, 0.5, 0.9)


def errors_of(predictions, targets, scales, levels=LEVELS):
    given = np.array(predictions, float).reshape(len(predictions), -1)
    return forecast_errors(given, np.array(targets, float), levels, np.array(scales, float))


def test_metrics_of_two_steps():
    # Step 1 is 2 above its median and covered; step 2 is 4 below and 1 below the 10 % quantile.
    found = errors_of([[[8, 10, 13], [7, 10, 11]]], [[12, 6]], [[4]]).metrics()
    first = (0.1 * 4 + 0.5 * 2 + 0.1 * 1) / 3
    second = (0.9 * 1 + 0.5 * 4 + 0.1 * 5) / 3
    assert found == pytest.approx(
        {
            "mean_absolute_error": 3.0,
            "root_mean_squared_error": ((4 + 16) / 2) ** 0.5,
            "smape": (2 * 2 / 22 + 2 * 4 / 16) / 2,
            "mase": 3.0 / 4,
            "quantile_loss": (first + second) / 2,
            "coverage": 0.5,
        }
    )


def test_quantile_loss_of_a_median_is_half_the_absolute_error():
    found = errors_of([[[3.0]], [[5.0]]], [[1], [9]], [[1], [1]], (0.5,)).metrics()
    assert found["quantile_loss"] == pytest.approx(found["mean_absolute_error"] / 2)


def test_missing_targets_are_left_out():
    with_gap = errors_of([[[8, 10, 13], [7, 10, 11]]], [[12, NAN]], [[4]])
    alone = errors_of([[[8, 10, 13]]], [[12]], [[4]])
    assert with_gap.metrics() == alone.metrics()
    assert with_gap.by_step() == [alone.metrics(), {}]


def test_each_step_ahead_has_metrics_of_its_own():
    predictions = [[[8, 10, 13], [7, 10, 11]], [[0, 1, 2], [3, 5, 6]]]
    errors = errors_of(predictions, [[12, 6], [1, 9]], [[4], [2]])
    first, second = errors.by_step()
    assert first["mean_absolute_error"] == pytest.approx((2 + 0) / 2)
    assert first["mase"] == pytest.approx((2 / 4 + 0) / 2)
    assert (first["coverage"], second["coverage"]) == (1.0, 0.0)
    assert second["mean_absolute_error"] == pytest.approx((4 + 4) / 2)


def test_channels_have_scales_of_their_own():
    # One step of two channels, both 2 off.
    found = errors_of([[[1, 3, 4], [10, 30, 50]]], [[5, 32]], [[2, 8]]).metrics()
    assert found["mase"] == pytest.approx((2 / 2 + 2 / 8) / 2)


def test_a_constant_series_has_no_scale_and_counts_in_the_other_metrics():
    both = errors_of([[[1, 3, 4]], [[1, 3, 4]]], [[5], [4]], [[2], [NAN]]).metrics()
    assert both["mase"] == pytest.approx(2 / 2)
    assert both["mean_absolute_error"] == pytest.approx((2 + 1) / 2)
    assert "mase" not in errors_of([[[1, 3, 4]]], [[5]], [[NAN]]).metrics()


def test_smape_of_nothing_forecast_as_nothing_is_0():
    assert errors_of([[[0, 0, 0]]], [[0]], [[1]]).metrics()["smape"] == 0


def test_outer_quantiles_cover_their_bounds():
    found = errors_of([[[1, 3, 4]], [[1, 3, 4]], [[1, 3, 4]]], [[1], [4], [4.5]], [[1]] * 3)
    assert found.metrics()["coverage"] == pytest.approx(2 / 3)
    assert nominal_coverage(LEVELS) == pytest.approx(0.8)


def test_no_target_at_all():
    errors = errors_of([[[1, 3, 4]]], [[NAN]], [[1]])
    with pytest.raises(ValueError, match="expected a target that is there, got none"):
        errors.metrics()


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"Q = 3, got \(1, 2\), \(1, 1\) and \(1, 1\)"):
        forecast_errors(np.zeros((1, 2)), np.zeros((1, 1)), LEVELS, np.ones((1, 1)))

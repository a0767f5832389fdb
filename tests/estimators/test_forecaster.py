"""``Forecaster``: shapes, containers, company, covariates, the back-test, and what it refuses."""

import doctest
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks

import tidegate
from tidegate import Forecaster
from tidegate.data.series import SeriesSet
from tidegate.errors import ArgumentError, DataError

TINY = {"training.epochs": 1, "hidden_size": 4, "training.batch_size": 32}
H = 4
MOST = {"season_length": 6, "num_origins": 2, "settings": TINY, "threads": 1}


@pytest.fixture(autouse=True, scope="module")
def no_smoothing():
    """Leave exponential smoothing out: it takes most of the time of a small training."""
    from tidegate.runs import baselines

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baselines, "_has_statsmodels", lambda: False)
        yield


def wave(length, seed=0, channels=1):
    """Noisy waves of 6 steps, (length, channels)."""
    draws = np.random.default_rng(seed)
    steps = np.arange(length)[:, None] + np.arange(channels)
    return np.sin(2 * np.pi * steps / 6) + draws.normal(size=(length, channels)) / 20 + 2


def frame(rows, names=("a", "b"), start="2024-01-01"):
    """Series of one channel in the long format, with a row a day."""
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "unit": name,
                    "date": pd.date_range(start, periods=len(row), freq="D"),
                    "sales": row.ravel(),
                }
            )
            for name, row in zip(names, rows, strict=True)
        ],
        ignore_index=True,
    )


@pytest.fixture(scope="module")
def able():
    return Forecaster(H, **MOST).fit([wave(60, 0), wave(50, 1), wave(44, 2)])


def test_the_example_in_the_docstring_runs(capsys):
    (test,) = doctest.DocTestFinder(recurse=False).find(Forecaster, "Forecaster")
    assert len(test.examples) >= 6
    assert doctest.DocTestRunner().run(test).failed == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        (wave(60)[:, 0], (H,)),
        (pd.Series(wave(60)[:, 0]), (H,)),
        (wave(60)[:, 0].tolist(), (H,)),
        (wave(60, channels=2), (H, 2)),
        ([wave(60)[:, 0]], (1, H, 1)),
        (np.stack([wave(60, seed, 2) for seed in range(3)]), (3, H, 2)),
        (SeriesSet.from_arrays([wave(60), wave(50)]), (2, H, 1)),
        (frame([wave(60), wave(50)]), (2, H, 1)),
        (
            frame([wave(60)])[["day", "sales"]] if False else pd.DataFrame({"v": wave(60)[:, 0]}),
            (H,),
        ),
    ],
    ids=["(T,)", "column", "numbers", "(T, C)", "list", "(n, T, C)", "set", "long", "frame"],
)
def test_forecasts_have_the_form_of_the_series(given, shape):
    forecaster = Forecaster(H, **MOST).fit(given)
    medians, quantiles = forecaster.predict(), forecaster.predict_quantiles()
    assert medians.shape == shape
    assert quantiles.shape == (*shape, 3)
    assert forecaster.quantiles_ == (0.1, 0.5, 0.9)
    np.testing.assert_array_equal(quantiles[..., 1], medians)
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    np.testing.assert_array_equal(forecaster.predict(given), medians)
    assert forecaster.score(medians) == 0
    assert forecaster.score(medians + 2) == pytest.approx(-2)


def test_a_forecaster_learns_a_wave():
    past, ahead = np.split(wave(204)[:, 0], [200])
    forecaster = Forecaster(H, settings={"hidden_size": 8, "training.epochs": 5}, threads=1)
    forecaster.fit(past)
    assert forecaster.season_length_ == 6
    assert -forecaster.score(ahead) < 0.15
    (name,) = {*forecaster.metrics_} - {"naive"}
    assert name == "gru-seed0"
    assert forecaster.metrics_[name]["mean_absolute_error"] < 0.1
    assert {"mase", "coverage", "quantile_loss"} <= {*forecaster.metrics_["naive"]}
    assert [epoch["epoch"] for epoch in forecaster.history_] == [1, 2, 3, 4, 5]


def test_a_forecast_does_not_depend_on_the_company(able):
    series = [wave(length, seed) for seed, length in enumerate([60, 50, 44])]
    together = able.predict_quantiles(series)
    alone = np.concatenate([able.predict_quantiles([one]) for one in series])
    backwards = able.predict_quantiles(series[::-1])[::-1]
    assert together.tobytes() == alone.tobytes() == np.ascontiguousarray(backwards).tobytes()
    assert together.tobytes() == able.predict_quantiles().tobytes()
    assert able.predict(series[1]).tobytes() == together[1, :, :, 1].tobytes()


def test_gaps_in_time_are_filled_whoever_is_beside(tmp_path):
    rows = frame([wave(60), wave(50, 1)])
    rows = rows[~((rows["unit"] == "a") & rows["date"].dt.day.isin([7, 8]))]
    forecaster = Forecaster(H, **MOST).fit(rows)
    assert "2 gaps in time of 4 steps in all are filled" in forecaster.notes_[0]
    assert forecaster.series_.values.lengths().tolist() == [56, 50]
    is_first = rows["unit"] == "a"
    parts = rows[is_first], rows[~is_first].iloc[::2]
    together = forecaster.predict(pd.concat(parts))
    for number, part in enumerate(parts):
        assert forecaster.predict(part)[0].tobytes() == together[number].tobytes()
    assert forecaster.predict()[0].tobytes() == together[0].tobytes()
    forecaster.save(tmp_path / "model")
    loaded = tidegate.load(tmp_path / "model").predict(pd.concat(parts))
    assert loaded.tobytes() == together.tobytes()


def test_columns_are_taken_by_their_names():
    rows = frame([wave(60), wave(50, 1)])
    expected = Forecaster(H, **MOST).fit(rows).predict()
    renamed = rows.rename(columns={"unit": "shop", "date": "day"}).assign(size=1.0)
    names = {"series_id": "shop", "time": "day", "values": "sales"}
    forecaster = Forecaster(H, **names, **MOST).fit(renamed)
    np.testing.assert_array_equal(forecaster.predict(), expected)
    assert forecaster.series_.ids == ("a", "b")
    assert forecaster.predict(renamed.iloc[:60]).tobytes() == expected[:1].tobytes()
    with pytest.raises(DataError, match="series_id: expected a column of Forecaster.predict"):
        forecaster.predict(rows)
    two = Forecaster(H, **MOST | names | {"values": ["sales", "size"]}).fit(renamed)
    assert two.predict().shape == (2, H, 2)


def test_series_that_are_too_short_to_be_tested_are_told():
    forecaster = Forecaster(H, **MOST).fit([wave(60), wave(50, 1), wave(8, 2)])
    assert "1 of 3 series are too short for the test" in forecaster.notes_[0]
    assert forecaster.predict().shape == (3, H, 1)


def test_sets_name_their_last_channels_as_known():
    values = np.concatenate([wave(64), (np.arange(64) % 7 == 0)[:, None]], 1)
    values[60:, 0] = np.nan
    series = SeriesSet.from_arrays([values], channels=["v", "x0"])
    forecaster = Forecaster(H, known=["x0"], **MOST).fit(series)
    expected = Forecaster(H, values="v", **MOST).fit(values[:60, 0], values[:, 1:])
    np.testing.assert_array_equal(forecaster.predict()[0, :, 0], expected.predict())
    with pytest.raises(DataError, match="expected v as the last channels, got the channels v, x0"):
        Forecaster(H, known=["v"], **MOST).fit(series)


def test_indices_of_dates_are_read():
    days = pd.date_range("2024-01-01", periods=60, freq="D")
    values = wave(60)[:, 0]
    column = Forecaster(H, **MOST).fit(pd.Series(values, days))
    table = Forecaster(H, **MOST).fit(pd.DataFrame({"v": values}, index=days))
    named = Forecaster(H, **MOST).fit(pd.DataFrame({"v": values, "ds": days.astype(str)}))
    assert column.model_.folder.preprocessor.calendar
    expected = column.predict().tobytes()
    assert expected == table.predict().tobytes() == named.predict().tobytes()
    hours = pd.Series(values, pd.date_range("2024-03-30", periods=60, freq="h", tz="Europe/Rome"))
    utc = hours.set_axis(hours.index.tz_convert(None))
    fitted = Forecaster(H, **MOST).fit(hours)
    assert fitted.series_.times_of(0)[0] == pd.Timestamp("2024-03-29T23:00").timestamp()
    np.testing.assert_array_equal(fitted.predict(), fitted.predict(utc.to_frame("0")))
    months = pd.Series(values, pd.period_range("2020-01", periods=60, freq="M"))
    assert (
        Forecaster(H, **MOST).fit(months).series_.times_of(0)[1]
        == 50 * 365.25 * 86_400 + 31 * 86_400 - 43_200
    )
    with pytest.raises(DataError, match="predict: expected series with dates, as in fit"):
        column.predict(values)


def test_covariates_known_ahead(tmp_path):
    holidays = (np.arange(70) % 7 == 0).astype(float)
    values = wave(60)[:, 0] + holidays[:60]
    forecaster = Forecaster(H, **MOST).fit(values, holidays[:, None])
    assert forecaster.predict().shape == (H,)
    X = holidays[: 60 + H, None]
    np.testing.assert_array_equal(forecaster.predict(values, X), forecaster.predict())
    assert (forecaster.predict(values, 1 - X) != forecaster.predict()).any()
    rows = pd.DataFrame({"v": np.append(values, [np.nan] * 10), "x0": holidays})
    by_name = Forecaster(H, known="x0", **MOST).fit(rows)
    np.testing.assert_array_equal(by_name.predict(), forecaster.predict())
    by_name.save(tmp_path / "model")
    loaded = tidegate.load(tmp_path / "model").predict(rows[: 60 + H])
    np.testing.assert_array_equal(loaded[0, :, 0], forecaster.predict())
    with pytest.raises(DataError, match="covariates x0 of 4 steps after its 60 with values, got 3"):
        forecaster.predict(values, X[:-1])
    with pytest.raises(DataError, match="expected a number of x0, which is known ahead"):
        forecaster.predict(values, np.where(X == 1, np.nan, X))
    with pytest.raises(ArgumentError, match="known: expected the covariates x0 of arrays as X"):
        forecaster.predict(values)
    with pytest.raises(ArgumentError, match="known: expected other names .* got 'x0' twice"):
        Forecaster(H, values="x0", **MOST).fit(values, X)
    with pytest.raises(DataError, match="X: expected it beside the series y, got X alone"):
        forecaster.predict(X=X)


def test_a_saved_forecaster_answers_alike(able, tmp_path):
    able.save(tmp_path / "model")
    model = tidegate.load(tmp_path / "model")
    series = [wave(30, 7), wave(40, 8)]
    assert model.predict(series).tobytes() == able.predict(series).tobytes()
    with pytest.raises(FileExistsError):
        able.save(tmp_path / "model")


def test_pickles_answer_without_torch(able, tmp_path):
    content = pickle.dumps(able)
    assert b"torch" not in content
    assert pickle.loads(content).predict().tobytes() == able.predict().tobytes()
    (tmp_path / "able.pickle").write_bytes(content)
    code = (
        "import pickle, sys\n"
        "from pathlib import Path\n"
        "class NoTorch:\n"
        "    def find_spec(name, *rest):\n"
        "        if name == 'torch': raise ModuleNotFoundError(name=name)\n"
        "sys.meta_path.insert(0, NoTorch)\n"
        "able = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "print(able.predict().shape)\n"
        "try: able.fit([1.0, 2.0] * 30)\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "able.pickle")], capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [
        "(3, 4, 1)",
        "Forecaster: expected the package torch to train, got none; pip install 'tidegate[train]'",
    ]


def test_missing_values_are_marked_unless_they_are_refused():
    gaps = wave(60)[:, 0]
    gaps[[5, 30, 31]] = np.nan
    forecaster = Forecaster(H, **MOST).fit(gaps)
    assert forecaster.model_.folder.preprocessor.options.missing == "mask"
    assert np.isfinite(forecaster.predict()).all()
    refusing = Forecaster(H, **MOST | {"settings": {**TINY, "series.missing": "refuse"}})
    with pytest.raises(DataError, match=r"series 0, step 5, channel 0: .* series.missing=mask"):
        refusing.fit(gaps)
    with pytest.raises(DataError, match="series 0, step .*expected a number, got a missing value"):
        refusing.fit(wave(60)[:, 0]).predict(gaps[:32])


def test_series_whose_values_begin_late_or_pause_train():
    late, paused = wave(60, 0), wave(90, 1)
    late[:30], paused[20:60] = np.nan, np.nan
    forecaster = Forecaster(H, **MOST).fit([late, paused])
    assert np.isfinite([epoch["loss"] for epoch in forecaster.history_]).all()
    assert all(np.isfinite([*one.values()]).all() for one in forecaster.metrics_.values())
    assert np.isfinite(forecaster.predict()).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "expected an array .* got a NoneType"),
        ("text", "expected an array .* got a str"),
        (np.zeros((2, 3, 4, 5)), r"got an array of shape \(2, 3, 4, 5\)"),
        (np.array(["1.0", "2.0"]), "and dtype <U3"),
        ([wave(60), np.zeros((2, 2, 2))], r"Forecaster\[1\]: expected"),
        ([wave(60), wave(60, channels=2)], "expected 1 channels as in the first series, got 2"),
        ([], "expected a series with steps, got none"),
        (wave(9)[:, 0], "expected a series of at least 10 steps for 2 origins and a horizon of 4"),
        (np.append(wave(60)[:, 0], np.inf), "expected a finite number or none, got inf"),
        (np.full(60, np.nan), "series 0: expected values, got none"),
        (np.where(np.arange(60) < 50, wave(60)[:, 0], np.nan), "the last steps, which are tested"),
        (np.where(np.arange(60) > 50, wave(60)[:, 0], np.nan), "0 in the first steps, which"),
        (np.ones(60) * 1j, r"got an array of shape \(60,\) and dtype complex128"),
        (
            pd.Series(wave(60)[:, 0], pd.date_range("2024", periods=60)[::-1]),
            "dates in the index that ascend, got 2024-02-28.* at place 1 after 2024-02-29",
        ),
        (pd.Series(wave(60)[:, 0], [pd.NaT] * 60), "ascend, got NaT at place 0; sort"),
        (frame([wave(60)], ["a"]).iloc[::-1], "expected times in the column date that ascend"),
        (frame([wave(60)], ["a"])[["unit"]], "expected the names of columns of numbers"),
        (
            frame([wave(60)] * 2).rename(columns={"unit": "shop", "date": "day"}),
            "got shop, day without",
        ),
        (frame([wave(60)], ["a"]).set_index(["unit", "date"]), "an index of 2 levels"),
    ],
)
def test_what_cannot_be_forecast_is_refused(given, message):
    with pytest.raises(DataError, match=message):
        Forecaster(H, **MOST).fit(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (wave(30, channels=2), "expected the channels 0, got 2 channels"),
        (wave(1), "expected at least 2 steps with values to forecast from, got 1"),
    ],
)
def test_series_of_another_kind_are_refused(able, given, message):
    with pytest.raises(DataError, match=message):
        able.predict(given)


def test_a_score_is_of_what_came(able):
    forecast = able.predict()
    came = forecast + np.array([1, -1, 1, -1])[:, None]
    assert able.score(came) == pytest.approx(-1)
    assert able.score(came[:, :2]) == pytest.approx(-1)
    came[0] = np.nan
    assert able.score(came) == pytest.approx(-1)
    for wrong in (came[0], came[:2], np.full_like(came, np.nan), np.concatenate([came, came], 1)):
        with pytest.raises(DataError, match=r"score: y: expected the values .* shape \(3, 4, 1\)"):
            able.score(wrong)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"horizon": 0}, "horizon: expected a whole number from 1 on, got 0"),
        ({"horizon": 2.0}, "horizon: expected a whole number from 1 on, got 2.0"),
        ({"season_length": 0}, "season_length: expected a whole number from 1 on, got 0"),
        ({"num_origins": True}, "num_origins: expected a whole number from 1 on, got True"),
        ({"settings": ["a=1"]}, "settings: expected a dict of values .* got a list"),
        ({"recipe": "fast"}, "recipe: expected forecast or a file .* got fast"),
        ({"cell": "grru"}, "expected of rnn, lstm, gru, gru-before"),
        ({"known": 3}, "known: expected a name or a list of names, got 3"),
        ({"values": ["a", "a"]}, "values: expected every column for one thing, got 'a' twice"),
        ({"known": "holiday"}, "known: expected the covariates holiday of arrays as X, got none"),
    ],
)
def test_a_mistake_in_an_argument_is_named(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Forecaster(**{"horizon": H, **MOST} | arguments).fit(wave(60))


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_estimator_tags_renamed,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_mixin_order,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_set_params,
        estimator_checks.check_valid_tag_types,
    ],
    ids=lambda check: check.__name__,
)
def test_scikit_learns_checks_of_arguments_pass(check):
    """The others fit a table of samples with a target each, which series are not."""
    check("Forecaster", Forecaster(H, **MOST))


def test_arguments_are_stored_and_copied(able, tmp_path):
    assert able.get_params() == {
        **MOST,
        "horizon": H,
        "recipe": "default",
        "cell": "gru",
        "random_state": 0,
        "verbose": 0,
        "series_id": None,
        "time": None,
        "values": None,
        "known": (),
    }
    copy = clone(able).set_params(cell="lstm")
    assert (copy.cell, able.cell) == ("lstm", "gru")
    assert repr(Forecaster(H, season_length=6)) == "Forecaster(horizon=4, season_length=6)"
    for call in (copy.predict, copy.predict_quantiles, lambda: copy.score([1])):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            call()
    with pytest.raises(NotFittedError):
        copy.save(tmp_path / "model")

"""Series on a coarser clock, against plain loops."""

import numpy as np
import pytest

from tidegate.data.preprocessing import from_json
from tidegate.data.preprocessing.coarsen import coarsen
from tidegate.data.preprocessing.series import VALUES, SeriesOptions, SeriesPreprocessor
from tidegate.data.series import SeriesSet
from tidegate.errors import DataError, FormatError

LENGTHS = (7, 0, 1, 3, 12)


def series(missing=0.0, seed=0):
    draws = np.random.default_rng(seed)
    arrays = [draws.normal(2, 3, (length, 2)) for length in LENGTHS]
    for array in arrays:
        array[draws.random(array.shape) < missing] = np.nan
    times = [np.cumsum(draws.integers(1, 5, length)) for length in LENGTHS]
    return SeriesSet.from_arrays(arrays, channels=("a", "b"), times=times, ids=tuple("vwxyz"))


@pytest.mark.parametrize("missing", [0, 0.5], ids=["whole", "missing"])
@pytest.mark.parametrize("stride", [2, 3, 50])
def test_each_step_is_the_mean_of_some(stride, missing):
    given = series(missing)
    found = coarsen(given, stride)
    assert (found.channels, found.ids) == (given.channels, given.ids)
    assert found.values.lengths().tolist() == [-(-length // stride) for length in LENGTHS]
    for row in range(len(given)):
        own, times = given.values[row].astype(np.float64), given.times_of(row)
        for step, start in enumerate(range(0, len(own), stride)):
            part = own[start : start + stride]
            for channel in range(2):
                there = part[:, channel][~np.isnan(part[:, channel])]
                expected = there.mean() if len(there) else np.nan
                np.testing.assert_allclose(found.values[row][step, channel], expected, rtol=1e-6)
            assert found.times_of(row)[step] == times[start : start + stride][-1]


def test_with_a_stride_of_1_nothing_changes():
    given = series()
    assert coarsen(given, 1) is given


def test_a_series_has_the_same_bits_whatever_is_beside_it():
    given = series()
    together = coarsen(given, 3)
    for row in range(len(given)):
        alone = coarsen(given.take(slice(row, row + 1)), 3)
        np.testing.assert_array_equal(alone.values.values, together.values[row])


def test_the_preprocessor_reads_the_means():
    given = series()
    options = {"differences": True, "time": "difference"}
    made = SeriesPreprocessor.fit(given, SeriesOptions(stride=3, **options))
    means = coarsen(given, 3)
    other = SeriesPreprocessor.fit(means, SeriesOptions(**options))
    assert (made.mean, made.scale, made.change_scale) == (
        pytest.approx(other.mean),
        pytest.approx(other.scale),
        pytest.approx(other.change_scale),
    )
    # The unit is three times the median step, not the median of three steps.
    steps = np.concatenate([np.diff(given.times_of(row)) for row in range(len(LENGTHS))])
    assert made.time_unit == 3 * np.median(steps)
    found, wanted = made.transform(given)[VALUES], other.transform(means)[VALUES]
    np.testing.assert_array_equal(found.offsets, wanted.offsets)
    np.testing.assert_allclose(found.values[:, :4], wanted.values[:, :4], rtol=1e-5, atol=1e-6)
    assert made.looks_ahead
    assert "the mean of 3 steps as one" in made.describe()
    again = from_json(made.to_json())
    np.testing.assert_array_equal(again.transform(given)[VALUES].values, found.values)
    assert made.read(given)[1].steps == sum(LENGTHS)


def test_what_is_missing_is_refused_with_its_own_step():
    given = series()
    made = SeriesPreprocessor.fit(given, SeriesOptions(stride=3))
    given.values.values[5, 1] = np.nan
    with pytest.raises(DataError, match="series v, step 5, channel b"):
        made.transform(given)


@pytest.mark.parametrize("stride", [0, -1, 10_001])
def test_a_stride_out_of_range_is_refused(stride):
    made = SeriesPreprocessor.fit(series(), SeriesOptions()).to_json()
    with pytest.raises(FormatError, match="stride from 1 to 10,000"):
        from_json({**made, "stride": stride})

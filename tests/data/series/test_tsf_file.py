"""Files of the Monash archive: values, names, times, and files that are not as they say."""

import numpy as np
import pytest

from tidegate.data.series.tsf_file import read_tsf
from tidegate.errors import DataError

HEADER = """# Comment
@relation Ships
@attribute series_name string
@attribute start_timestamp date
@frequency {}
@horizon 4
@missing true
@equallength false
@data
"""
FIRST = "T1:1999-12-01 00-00-00:1,?,3.5\n"
BEGIN = 944_006_400  # seconds from 1970-01-01 to 1999-12-01
DAY = 86_400


@pytest.fixture
def read(tmp_path):
    """Reads a text as a file."""

    def reading(text):
        (tmp_path / "ships.tsf").write_text(text)
        return read_tsf(tmp_path / "ships.tsf")

    return reading


@pytest.mark.parametrize(
    ("frequency", "days"),
    [
        ("monthly", [0, 31, 62]),
        ("quarterly", [0, 91, 183]),
        ("yearly", [0, 366, 731]),
        ("weekly", [0, 7, 14]),
        ("daily", [0, 1, 2]),
        ("half_hourly", [0, 1 / 48, 2 / 48]),
        ("10_minutes", [0, 1 / 144, 2 / 144]),
    ],
)
def test_names_values_and_times(read, frequency, days):
    file = read(HEADER.format(frequency) + FIRST + "T2:1970-01-02 00-00-01:7\n")
    assert (file.frequency, file.horizon) == (frequency, 4)
    np.testing.assert_array_equal(file.series.values.values[:, 0], [1, np.nan, 3.5, 7])
    assert file.series.ids == ("T1", "T2")
    assert file.series.channels == ("value",)
    assert file.series.times[:3].tolist() == [BEGIN + round(day * DAY) for day in days]
    assert file.series.times[3] == DAY + 1


def test_series_without_beginnings_have_no_times(read):
    file = read("@attribute state string\n@frequency daily\n@data\nNSW:1,2\nVIC:3\n")
    assert file.series.times is None
    assert file.series.ids == ("0", "1")
    assert file.horizon is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FIRST, "expected a header with @data"),
        ("@attribute a text\n@data\n1\n", "tsf:1: expected a name and string, numeric or date"),
        ("@frequency often\n@data\n1\n", "tsf:1: expected a frequency of seconds,.*got 'often'"),
        ("@horizon 0\n@data\n1\n", "tsf:1: expected a number above 0 behind @horizon, got '0'"),
        ("@data\n", "expected series after @data, got none"),
        (HEADER.format("daily") + "T1:1,2\n", "tsf:10: expected series_name, start_timestamp and"),
        (HEADER.format("daily") + "T1:1999:1,2\n", "tsf:10: expected a start_timestamp such as"),
        (HEADER.format("daily") + FIRST.replace("?", "inf"), "tsf:10: .*got 'inf' in step 1"),
        (HEADER.format("daily") + FIRST.replace("?", "x"), "tsf:10: .*got 'x' in step 1"),
        ("@equallength true\n@data\n1,2\n1\n", "tsf:4: expected 2 values, as the first .*, got 1"),
    ],
)
def test_a_file_that_is_none(read, text, message):
    with pytest.raises(DataError, match=message):
        read(text)

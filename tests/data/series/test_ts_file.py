"""Files of the UEA and UCR archives: values, answers, and files that are not as they say."""

import numpy as np
import pytest

from tidegate.data.series.raw import RawSeries
from tidegate.data.series.ts_file import read_ts
from tidegate.errors import DataError

HEADER = """# A comment, \xe9.
@problemName Tides
@timeStamps false
@univariate false
@dimensions 2
@equalLength false
@classLabel true ebb flow
@data
"""


@pytest.fixture
def read(tmp_path):
    """Reads a text as a file; gives the rows."""

    def reading(text, encoding="utf-8"):
        path = tmp_path / "tides.ts"
        path.write_bytes(text.encode(encoding))
        rows = RawSeries()
        read_ts(path, rows)
        return rows

    return reading


def test_a_line_is_a_series(read):
    rows = read(HEADER + "1,2.5,?:4,NaN,6:flow\n\n7:8:ebb\n", "latin-1")
    series = rows.series()
    assert not rows.bad
    expected = [[1, 4], [2.5, np.nan], [np.nan, 6], [7, 8]]
    np.testing.assert_array_equal(series.values.values, np.array(expected, np.float32))
    assert series.values.offsets.tolist() == [0, 3, 4]
    assert rows.answers == ["flow", "ebb"]
    assert rows.classes == ("ebb", "flow")
    assert rows.where(1).endswith("tides.ts:11")


def test_numbers_to_be_predicted(read):
    rows = read("@problemname x\n@targetlabel true\n@data\n1,2:0.5\n3:?\n")
    assert rows.answers == ["0.5", None]
    assert rows.series().values.values.tolist() == [[1], [2], [3]]
    assert rows.classes == ()


def test_series_without_answers(read):
    rows = read("@classLabel false\n@data\n1,2:3,4\n")
    assert rows.series().values.values.tolist() == [[1, 3], [2, 4]]
    assert rows.answers == [None]


def test_times_beside_values(read):
    rows = read(
        "@timestamps true\n@classlabel true a b\n@data\n(0,1.5),(3,2):(0,7),(3,?):a\n"
        "(1970-01-01 00:01:00,1):(1970-01-01 00:01:00,2):b\n"
    )
    assert not rows.bad
    assert rows.series().times.tolist() == [0, 3, 60]
    np.testing.assert_array_equal(rows.series().values.values, [[1.5, 7], [2, np.nan], [1, 2]])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,2:3:flow", "expected 2 values in dimension 1, as dimension 0 has, got 1"),
        ("1,2:flow", "expected 2 dimensions between colons, as the header says, got 1"),
        ("1:2:3:flow", "expected 2 dimensions between colons, as the header says, got 3"),
        ("1:2:neap", "expected a class of ebb flow, as the header lists them, at the end of the "),
        ("1:inf:ebb", "expected finite numbers, or ? for a missing one, got 'inf' in dimension 1"),
        ("1:1e39:ebb", "got '1e39' in dimension 1, step 0"),
        ("1,one:1,2:ebb", "got 'one' in dimension 0, step 1"),
        (":ebb:ebb", "expected finite numbers"),
        ("::ebb", "expected values, got none"),
    ],
)
def test_a_line_that_is_none_is_counted(read, line, reason):
    rows = read(HEADER + line + "\n1:2:ebb\n")
    assert rows.num_bad == 1
    assert rows.bad[0].partition("tides.ts:")[2].startswith("9: ")
    assert reason in rows.bad[0]
    assert rows.series().values.values.tolist() == [[1, 2]]


@pytest.mark.parametrize("length", ["", "@seriesLength 3\n"])
def test_fewer_values_than_the_header_says(read, length):
    rows = read(f"@equalLength true\n{length}@classLabel true a b\n@data\n1,2,3:a\n1,2:b\n")
    says = "@seriesLength says" if length else "the first series has"
    assert rows.bad[0].endswith(
        f"expected 3 values in every dimension, as {says}, got 2",
    )
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ("(0,1),(0,2):(0,1),(0,2)", "expected times that ascend, got 0 after 0 in dimension 0"),
        ("(0,1):(1,1)", "expected the times of dimension 0 in every dimension, got others in 1"),
        ("1,2:1,2", "expected (time,value) for every step, as @timeStamps true says, got '1,2'"),
        ("(today,1):(today,1)", "expected a time: a number, or a date"),
    ],
)
def test_times_that_are_none(read, times, reason):
    assert reason in read(f"@timestamps true\n@classlabel true a b\n@data\n{times}:a\n").bad[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a header with @data"),
        ("1,2:a\n", "ts:1: expected a line of the header, such as @classLabel true a b"),
        ("@univariate maybe\n@data\n", "ts:1: expected true or false behind @univariate"),
        ("@dimensions none\n@data\n", "ts:1: expected a number above 0 behind @dimensions"),
        ("@classLabel true\n@data\n", "expected the names of the classes, each once"),
        ("@classLabel true a a\n@data\n", "each once, behind @classLabel true, got a a"),
        ("@univariate true\n@dimensions 2\n@data\n", "expected @dimensions 1 beside @univariate"),
        ("@classLabel true a\n@targetLabel true\n@data\n", "expected one of @classLabel"),
    ],
)
def test_a_header_that_is_none(read, text, message):
    with pytest.raises(DataError, match=message.replace("(", r"\(")):
        read(text)


def test_other_bytes_than_utf_8_in_a_line(read):
    with pytest.raises(DataError, match=r"ts:2: expected UTF-8, got byte 0xe9"):
        read("@data\n1,\xe9\n", "latin-1")


def test_what_the_header_says_wrongly_is_noted(read):
    rows = read("@missing false\n@colour blue\n@data\n1,?\n")
    assert "are not read: @colour" in rows.notes[0]
    assert "1 series have missing values" in rows.notes[1]


def test_files_with_other_classes_or_channels_do_not_follow_each_other(tmp_path):
    rows = RawSeries()
    for name, text in (("a", "@classLabel true a b\n@data\n1:a\n"),):
        (tmp_path / name).write_text(text)
        read_ts(tmp_path / name, rows)
    (tmp_path / "b").write_text("@classLabel true c d\n@data\n1:c\n")
    with pytest.raises(DataError, match="b: expected the classes of .*a, a b, got c d"):
        read_ts(tmp_path / "b", rows)
    (tmp_path / "c").write_text("@classLabel true a b\n@data\n1:2:a\n")
    with pytest.raises(DataError, match="c: expected the 1 channels of .*a, 0, got 2: 0, 1"):
        read_ts(tmp_path / "c", rows)

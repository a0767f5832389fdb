"""Tables with a row a step: the same series by both readers, and rows that are none."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tidegate.data.series import long_table
from tidegate.data.series.long_table import Gathered, read_long
from tidegate.data.series.raw import RawSeries
from tidegate.data.series.step_chunks import Coded, LongColumns, StepChunk, by_arrow, by_rows
from tidegate.data.tables import open_table
from tidegate.errors import DataError

COLUMNS = LongColumns("id", "t", ("a", "b"), ("label",))
ROWS = [
    ("s", "2020-01-01", "1", "2", "x"),
    ("r", "2020-01-01 00:00:05", "3", "", "y"),
    ("s", "2020-01-02T00:00:00", "4.5", "nan", "x"),
    ("r", "2020-01-03", "-1e3", "7", "y"),
    ("s", "2020/01/04", "0", "8", "x"),
]
JANUARY = 1_577_836_800  # 2020-01-01 00:00 UTC


def lines(rows):
    return "".join(",".join(row) + "\n" for row in [("id", "t", "a", "b", "label"), *rows])


@pytest.fixture
def write(tmp_path):
    """Writes a file; gives its path."""

    def writing(text, name="steps.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return writing


@pytest.fixture(params=["arrow", "rows"])
def read(request, monkeypatch, write):
    """Reads a text as CSV, by each of the readers."""
    if request.param == "rows":
        monkeypatch.setattr(long_table, "by_arrow", lambda *_: None)
    else:
        pytest.importorskip("pyarrow")

    def reading(text, columns=COLUMNS, name="steps.csv"):
        rows = RawSeries()
        return rows, read_long(open_table(write(text, name)), columns, rows)

    return reading


def test_steps_are_gathered_by_series(read):
    rows, constant = read(lines(ROWS))
    series = rows.series()
    nan = np.nan
    expected = [[1, 2], [4.5, nan], [0, 8], [3, nan], [-1000, 7]]
    np.testing.assert_array_equal(series.values.values, np.array(expected, np.float32))
    assert series.values.offsets.tolist() == [0, 3, 5]
    assert series.ids == ("s", "r")
    day = 86_400
    assert (series.times - JANUARY).tolist() == [0, day, 3 * day, 5, 2 * day]
    assert constant == [["x"], ["y"]]
    assert [rows.where(row).rpartition(":")[2] for row in (0, 1)] == ["2", "3"]


def test_both_readers_give_the_same_chunks(write):
    pytest.importorskip("pyarrow")
    table = open_table(write(lines(ROWS)))
    (fast,), (slow,) = by_arrow(table, COLUMNS), by_rows(open_table(table.path), COLUMNS)
    np.testing.assert_array_equal(fast.values, slow.values)
    np.testing.assert_array_equal(fast.times, slow.times)
    np.testing.assert_array_equal(fast.lines, slow.lines)
    assert fast.ids.values == slow.ids.values
    assert fast.constant[0].codes.tolist() == slow.constant[0].codes.tolist()


def test_series_over_several_chunks(read, monkeypatch):
    from tidegate.data.series import step_chunks, steps

    monkeypatch.setattr(step_chunks, "_ROWS", 7)
    monkeypatch.setattr(step_chunks, "_CSV_BYTES", 64)
    monkeypatch.setattr(long_table, "_GATHERED_AT_ONCE", 5)
    monkeypatch.setattr(steps, "MOST_BYTES_IN_MEMORY", 100)
    draws = np.random.default_rng(3)
    ids = draws.integers(6, size=200)
    rows = [(f"n{one}", str(t), str(t), str(-t), f"c{one}") for t, one in enumerate(ids)]
    series = read(lines(rows))[0].series()
    assert isinstance(series.values.values, np.memmap)
    for number, name in enumerate(series.ids):
        own = np.flatnonzero(ids == int(name[1:]))
        np.testing.assert_array_equal(series.values[number], np.stack([own, -own], 1))
        np.testing.assert_array_equal(series.times_of(number), own)


def test_a_file_of_one_series(read):
    rows, _ = read("t,a\n1,5\n3,6\n", LongColumns(None, "t", ("a",)))
    assert rows.series().ids == ("steps",)
    assert rows.series().values.values.tolist() == [[5], [6]]
    rows, _ = read("id,a\nx,5\nx,6\n", LongColumns("id", None, ("a",)))
    assert rows.series().times is None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("s", "1", "1", "inf", "x")], "csv:2: expected a finite number, or none where .* b, got"),
        ([("s", "1", "1", "1e39", "x")], "csv:2: expected a finite number"),
        ([("s", "1", "1", "1", "x"), ("s", "2", "one", "1", "x")], "csv:3: .*column a, got 'one'"),
        ([("s", "noon", "1", "1", "x")], "csv:2: expected a time: .*column t, got 'noon'"),
        ([("s", "", "1", "1", "x")], "csv:2: expected a time"),
        ([("", "1", "1", "1", "x")], "csv:2: expected the name of a series in the column id"),
        (
            [("s", "2", "1", "1", "x"), ("s", "2", "1", "1", "x")],
            "csv:3: .*got 2 after 2 in line 2",
        ),
        (
            [("s", "2", "1", "1", "x"), ("r", "1", "1", "1", "x"), ("s", "1", "1", "1", "x")],
            "csv:4: expected times .* that ascend within a series, got 1 after 2 in line 2, an ea",
        ),
        (
            [("s", "1", "1", "1", "x"), ("s", "2", "1", "1", "z")],
            "csv:3: expected one value of label in a series, 'x' as in line 2, got 'z'",
        ),
        ([("s", "1", "1", "1", "x", "more")], "csv:2: expected 5 fields, as the header has"),
        ([], "expected rows after the header, got none"),
    ],
)
def test_rows_that_are_none(read, rows, message):
    with pytest.raises(DataError, match=message):
        read(lines(rows))


def test_mistakes_across_chunks_have_their_lines(read, monkeypatch):
    from tidegate.data.series import step_chunks

    monkeypatch.setattr(step_chunks, "_ROWS", 2)
    monkeypatch.setattr(step_chunks, "_CSV_BYTES", 32)
    good = [("s", str(t), "1", "1", "x") for t in range(20)]
    with pytest.raises(DataError, match=r"csv:22: .*got 3 after 19 in line 21"):
        read(lines([*good, ("s", "3", "1", "1", "x")]))
    with pytest.raises(DataError, match=r"csv:22: .*got 19 after 19 in line 21, the same time"):
        read(lines([*good, ("s", "19", "1", "1", "x")]))
    with pytest.raises(DataError, match="csv:22: .*, 'x' as in line .*, got 'y'"):
        read(lines([*good, ("s", "33", "1", "1", "y")]))


def test_blank_lines_do_not_shift_the_count(read):
    text = lines([("s", "1", "1", "1", "x")]) + "\ns,2,1,{},x\ns,1,1,1,x\n"
    with pytest.raises(DataError, match="csv:4: expected a number"):
        read(text.format("one"))
    with pytest.raises(DataError, match="csv:5: expected times .* after 2 in line 4"):
        read(text.format("1"))


def test_series_come_in_the_order_of_the_file():
    gathered = Gathered("here:", LongColumns("id", None, ("a",)))
    ids = Coded(np.array([1, 0, 1]), ["later", "first"])  # a dictionary in another order
    gathered.add(StepChunk(ids, None, np.ones((3, 1), np.float32), [], np.arange(3)))
    assert [*gathered.series] == ["first", "later"]


def test_json_lines(write):
    rows = [{"id": 1, "t": t, "a": t * 2, "b": None, "label": "x"} for t in range(3)]
    path = write("".join(json.dumps(row) + "\n" for row in rows), "steps.jsonl")
    into = RawSeries()
    read_long(open_table(path), COLUMNS, into)
    np.testing.assert_array_equal(
        into.series().values.values, [[0, np.nan], [2, np.nan], [4, np.nan]]
    )
    assert into.series().ids == ("1",)


def test_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    dates = np.array(["2020-01-01", "2020-01-02T00:00:00.5"], "datetime64[ns]")
    table = {
        "id": pa.array([7, 7]),
        "t": pa.array(dates),
        "a": pa.array([1, None], pa.int16()),
        "b": pa.array([0.5, np.nan], pa.float32()),
        "label": pa.array(["x", "x"]).dictionary_encode(),
    }
    path = tmp_path / "steps.parquet"
    pq.write_table(pa.table(table), path)
    into = RawSeries()
    assert read_long(open_table(path), COLUMNS, into) == [["x"]]
    series = into.series()
    np.testing.assert_array_equal(series.values.values, [[1, 0.5], [np.nan, np.nan]])
    assert series.times.tolist() == [JANUARY, JANUARY + 86_400.5]
    table["b"] = pa.array([0.5, np.inf])
    pq.write_table(pa.table(table), path)
    with pytest.raises(DataError, match="parquet:2: expected a finite number"):
        read_long(open_table(path), COLUMNS, RawSeries())


def test_progress_is_told(write):
    told = []
    text = lines([("s", str(t), "1", "1", "x") for t in range(10)])
    read_long(open_table(write(text)), COLUMNS, RawSeries(), lambda path, done: told.append(done))
    assert told
    assert told[-1] == pytest.approx(1.0)


MEMORY = """
import resource, sys
from pathlib import Path
from tidegate.data.series.long_table import Gathered, read_long
from tidegate.data.series.raw import RawSeries
from tidegate.data.series.step_chunks import LongColumns
from tidegate.data.tables import open_table
import pyarrow.parquet
table = open_table(Path(sys.argv[1]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = RawSeries()
read_long(table, LongColumns("id", "t", ("a", "b", "c")), rows)
assert rows.series().num_steps == 4_000_000
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_millions_of_steps_take_little_memory(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    schema = pa.schema([("id", pa.int32()), ("t", pa.int64()), *((n, pa.float32()) for n in "abc")])
    with pq.ParquetWriter(tmp_path / "steps.parquet", schema) as writer:
        for number in range(40):
            count = np.arange(100_000)
            columns = [np.full(100_000, number, np.int32), count, *[count.astype(np.float32)] * 3]
            writer.write_table(pa.table([pa.array(column) for column in columns], schema))
    command = [sys.executable, "-c", MEMORY, tmp_path / "steps.parquet"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    # 80 MB of values and times, of which maps may be in memory, and twice 64 MB of buffers.
    assert int(ran.stdout) < 300

"""Rows into files: what comes back when they are read, and what is never written over."""

import gzip
import subprocess
import sys

import pyarrow as pa
import pytest

from tidegate.data.tables import Row, open_table
from tidegate.data.tables.writer import open_writer
from tidegate.errors import DataError

ROWS = [
    {"text": 'a, "b"\nc', "tags": ["x", "y"], "n": 1.5, "ok": True},
    {"text": "\u00e9", "tags": [], "n": None, "ok": False},
]


def test_csv_comes_back(tmp_path):
    path = tmp_path / "a.csv"
    with open_writer(path, ("text", "tags", "n", "ok"), "csv") as writer:
        writer.write(ROWS[:1])
        writer.write(ROWS[1:])
    assert [row.values for row in open_table(path).rows()] == [
        {"text": 'a, "b"\nc', "tags": '["x", "y"]', "n": "1.5", "ok": "true"},
        {"text": "\u00e9", "tags": "[]", "n": "", "ok": "false"},
    ]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_json_lines_come_back(tmp_path, name):
    with open_writer(tmp_path / name, ("text",), "jsonl") as writer:
        writer.write(ROWS)
    assert [row.values for row in open_table(tmp_path / name).rows()] == ROWS
    if name.endswith(".gz"):
        assert gzip.decompress((tmp_path / name).read_bytes()).count(b"\n") == 2


def test_parquet_comes_back_with_the_types_of_the_file_it_came_from(tmp_path):
    path = tmp_path / "a.parquet"
    like = pa.schema({"text": pa.large_string(), "n": pa.float32()})
    with open_writer(path, ("text", "n", "new"), "parquet", like=like) as writer:
        writer.write([{"text": None, "n": None, "new": "x"}])
        writer.write([{"text": "b", "n": 2.0, "new": "y"}])
    table = open_table(path)
    assert table.schema.field("n").type == pa.float32()
    assert [*table.rows()][1] == Row(2, {"text": "b", "n": 2.0, "new": "y"})


def test_no_rows_are_a_file_with_a_header(tmp_path):
    for name in ("csv", "parquet"):
        with open_writer(tmp_path / f"a.{name}", ("b", "c"), name):
            pass
        assert open_table(tmp_path / f"a.{name}").columns == ("b", "c")


def test_a_parquet_column_of_two_types_is_refused(tmp_path):
    def write():
        with open_writer(tmp_path / "a.parquet", ("a",), "parquet") as writer:
            writer.write([{"a": "x"}])
            writer.write([{"a": ["y"]}])

    with pytest.raises(DataError, match=r"one type in every column.*write .jsonl"):
        write()
    assert [*tmp_path.iterdir()] == []


def test_what_is_there_is_replaced_only_on_demand_and_when_all_is_well(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(DataError, match="got one that is there"), open_writer(path, ("a",), "csv"):
        pass
    with pytest.raises(KeyboardInterrupt), open_writer(path, ("a",), "csv", overwrite=True):
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]
    with open_writer(path, ("a",), "csv", overwrite=True):
        pass
    assert path.read_text() == "a\n"


FILL = """
import resource, signal, sys
from pathlib import Path
from tidegate.data.tables.writer import open_writer
from tidegate.errors import DataError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then the system says "File too large"
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
path = Path(sys.argv[1])
try:
    with open_writer(path, ("a", "b"), path.suffixes[0][1:]) as writer:
        for number in range(1_000):
            writer.write([{"a": f"{number} " * 100, "b": hash(str(number))}] * 100)
except DataError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.csv.gz"])
def test_a_file_that_cannot_grow_is_said_and_leaves_nothing(tmp_path, name):
    command = [sys.executable, "-c", FILL, str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert "got: File too large; nothing was written" in done.stdout
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_is_not_there(tmp_path):
    with (
        pytest.raises(DataError, match="expected a file in a folder that is there"),
        open_writer(tmp_path / "none" / "a.csv", ("a",), "csv"),
    ):
        pass

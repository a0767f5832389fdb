"""Files of rows: what is read of each format, with the lines of what cannot be read."""

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.data import tables
from tidegate.data.tables import BadRow, Row, open_table
from tidegate.data.tables.table import MOST_FIELD_BYTES
from tidegate.errors import DataError


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows_of(path, **options):
    return [*open_table(path, **options).rows()]


def values_of(path, **options):
    return [(row.line, row.values) for row in rows_of(path, **options)]


def test_csv_fields_may_hold_line_breaks_delimiters_and_quotes(tmp_path):
    path = written(tmp_path, "a.csv", 'text,label\n"a\nb, ""c""",1\n\nd,2\n')
    table = open_table(path)
    assert table.columns == ("text", "label")
    first, second = table.rows()
    assert first == Row(2, {"text": 'a\nb, "c"', "label": "1"})
    assert second == Row(5, {"text": "d", "label": "2"})


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_ends_of_lines_and_a_byte_order_mark_are_read(tmp_path, end):
    path = written(tmp_path, "a.csv", b"\xef\xbb\xbf" + f"text,label{end}x,1{end}".encode())
    assert values_of(path) == [(2, {"text": "x", "label": "1"})]


def test_a_bad_row_is_named_by_its_line_and_the_others_are_read(tmp_path):
    content = b'text,label\na,1\nb\nc,2,3\n"\xe9t\xe9",4\n"d"e,5\n"f\ng",6\n'
    rows = rows_of(written(tmp_path, "a.csv", content))
    assert [row.line for row in rows] == [2, 3, 4, 5, 6, 7]
    bad = {row.line: row.reason for row in rows if isinstance(row, BadRow)}
    assert bad[3] == "expected 2 fields, as the header has, got 1 field"
    assert bad[4] == "expected 2 fields, as the header has, got 3 fields"
    assert bad[5] == "expected UTF-8, got other bytes in '\\xe9t\\xe9'"
    assert "after a closing quote" in bad[6]
    assert rows[-1] == Row(7, {"text": "f\ng", "label": "6"})


def test_a_quote_that_is_never_closed_ends_the_reading(tmp_path):
    path = written(tmp_path, "a.csv", 'text\na\n"b\nc\n')
    with pytest.raises(DataError, match=r"a.csv:3: expected a quote .* to be closed"):
        rows_of(path)


def test_a_field_of_ten_megabytes_is_read_whole(tmp_path):
    path = written(tmp_path, "a.csv", "text\n" + "x" * 10_000_000 + "\n")
    (row,) = rows_of(path)
    assert len(row.values["text"]) == 10_000_000


def test_a_field_without_end_is_refused(tmp_path):
    path = written(tmp_path, "a.csv", "text\n" + "x" * (MOST_FIELD_BYTES + 1))
    with pytest.raises(DataError, match="a.csv:2: expected fields of at most"):
        rows_of(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a header .* got an empty file"),
        (b"\n", "got an empty file"),
        (b"a,a\n", "expected every column once, got 'a' again"),
        (b"a;b\n1;2\n", "which looks like semicolons; give the delimiter ';'"),
        (b"\xff\xfea\x00", "expected UTF-8, got UTF-16 by its first bytes; convert it: iconv"),
        (b"\xff,b\n", "expected names of columns in UTF-8"),
    ],
)
def test_headers_that_are_none(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        open_table(written(tmp_path, "a.csv", content))


def test_other_delimiters(tmp_path):
    assert values_of(written(tmp_path, "a.tsv", "a\tb\n1,5\t2\n")) == [(2, {"a": "1,5", "b": "2"})]
    semicolons = written(tmp_path, "a.csv", "a;b\n1,5;2\n")
    assert values_of(semicolons, delimiter=";") == [(2, {"a": "1,5", "b": "2"})]
    with pytest.raises(DataError, match="expected one character"):
        open_table(semicolons, delimiter=";;")


def test_json_lines(tmp_path):
    lines = ['{"text": "a", "n": 1}', "", '"b"', "[1]", '{"text": ', '{"text": "c"}']
    rows = rows_of(written(tmp_path, "a.jsonl", "\n".join(lines)))
    assert rows[0] == Row(1, {"text": "a", "n": 1})
    assert rows[1] == Row(3, {"text": "b"})
    assert rows[2] == BadRow(4, "expected a JSON object or a text, got '[1]'")
    assert rows[3].line == 5
    assert rows[3].reason.startswith("expected JSON, got '{\"text\": '")
    assert rows[4] == Row(6, {"text": "c"})


@pytest.mark.parametrize("content", ["", "\n\n", "no json\n"])
def test_json_lines_without_any(tmp_path, content):
    with pytest.raises(DataError, match="expected .*JSON"):
        open_table(written(tmp_path, "a.jsonl", content))


def test_plain_lines_keep_blank_ones(tmp_path):
    rows = rows_of(written(tmp_path, "a.txt", b"\xef\xbb\xbfa\r\n\nb\xff\nc"))
    assert rows[:2] == [Row(1, {"text": "a"}), Row(2, {"text": ""})]
    assert rows[2] == BadRow(3, "expected UTF-8, got byte 0xff at position 1")
    assert rows[3] == Row(4, {"text": "c"})


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt"])
def test_gzipped_files_are_the_same(tmp_path, name):
    content = '{"a": "x"}\n' if name == "a.jsonl" else "a\nx\n"
    plain = written(tmp_path, name, content)
    packed = written(tmp_path, f"{name}.gz", gzip.compress(content.encode()))
    assert rows_of(packed) == rows_of(plain)


def test_a_gzip_file_cut_short_is_named(tmp_path):
    whole = gzip.compress(("text\n" + "".join(f"line {n}\n" for n in range(5_000))).encode())
    path = written(tmp_path, "a.csv.gz", whole[: len(whole) // 2])
    with pytest.raises(DataError, match="expected a whole gzip file"):
        rows_of(path)


def test_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a", None], "n": [1, 2]}), path)
    table = open_table(path)
    assert table.columns == ("text", "n")
    assert [*table.rows()] == [Row(1, {"text": "a", "n": 1}), Row(2, {"text": None, "n": 2})]
    assert table.done == 1


def test_parquet_cut_in_half_is_named(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["word"] * 1_000}), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="a.parquet: expected a whole parquet file"):
        open_table(path)


def test_a_folder_for_each_class(tmp_path):
    for name, texts in {"pos": ["good", b"\xff"], "neg": ["bad"]}.items():
        (tmp_path / name).mkdir()
        for number, text in enumerate(texts):
            written(tmp_path / name, f"{number}.txt", text)
    first, second, third = rows_of(tmp_path)
    assert first.values == {"text": "bad", "label": "neg"}
    assert second.values == {"text": "good", "label": "pos"}
    assert isinstance(third, BadRow)
    assert "pos/1.txt: expected UTF-8" in third.reason


def test_a_folder_without_classes_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected a folder for each class"):
        open_table(tmp_path)


@pytest.mark.parametrize("name", ["a.xls", "a", "a.csv.zip", "a.parquet.gz"])
def test_unknown_endings_are_refused(tmp_path, name):
    with pytest.raises(DataError, match="expected a file named .csv"):
        open_table(written(tmp_path, name, "x"))


def test_a_missing_file_and_a_pipe_are_named(tmp_path):
    import os

    with pytest.raises(DataError, match="a.csv: expected a file, got nothing there"):
        open_table(tmp_path / "a.csv")
    os.mkfifo(tmp_path / "b.csv")
    with pytest.raises(DataError, match="got: a named pipe"):
        open_table(tmp_path / "b.csv")


def test_a_table_is_read_from_its_beginning_each_time(tmp_path):
    path = written(tmp_path, "a.csv", "a\n" + "".join(f"{n}\n" for n in range(5)))
    table = open_table(path)
    first = [*table.rows()]
    assert len(first) == 5
    assert [*table.rows()] == first
    assert table.done == 1


def test_formats_by_name():
    from pathlib import Path

    names = {"a.CSV": "csv", "a.ndjson": "jsonl", "b.x.jsonl.gz": "jsonl", "c.pq": "parquet"}
    assert {name: tables.format_of(Path(name)) for name in names} == names


@pytest.mark.parametrize(
    ("format", "content"),
    [("csv", "text\n" + "a\n" * 9), ("jsonl", '{"text": "a"}\n' * 9), ("txt", "a\n" * 9)],
)
def test_rows_of_standard_input_that_were_looked_at_come_again(monkeypatch, format, content):
    import io

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    table = open_table(tables.STANDARD_INPUT, format=format)
    assert len(table.head(3)) == 3
    assert [row.values for row in table.head(5)] == [{"text": "a"}] * 5
    assert [row.line for row in table.rows()] == [
        *range(1 + (format == "csv"), 10 + (format == "csv"))
    ]

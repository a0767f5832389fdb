"""Texts without labels, from each kind of file."""

import os
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.data import unlabelled
from tidegate.data.sources import acl_imdb
from tidegate.errors import DataError

TEXTS = ["one fine day", "caf\u00e9 \u6f22", "three", "four", "five"]


def texts_of(path, **options):
    return [text for chunk in unlabelled.read(path, **options) for text in chunk]


def parquet(path, **columns):
    pq.write_table(pa.table(columns), path, row_group_size=3)
    return path


def file(path, content):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("name", ["text", "review", "sentence", "anything"])
@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str
)
def test_parquet(tmp_path, name, kind):
    columns = {"id": range(5), name: pa.array(TEXTS).cast(kind)}
    chunks = list(unlabelled.read(parquet(tmp_path / "x.parquet", **columns), chunk_texts=2))
    assert chunks == [TEXTS[:2], TEXTS[2:4], TEXTS[4:]]


def test_the_column_may_be_named(tmp_path):
    path = parquet(tmp_path / "x.parquet", text=TEXTS, title=TEXTS[::-1])
    assert texts_of(path) == TEXTS
    assert texts_of(path, column="title") == TEXTS[::-1]


def test_a_name_is_not_enough_for_a_column(tmp_path):
    path = parquet(tmp_path / "x.parquet", text=range(5), body=TEXTS)
    assert texts_of(path) == TEXTS


def test_only_the_chunk_at_hand_is_read(tmp_path):
    path = file(tmp_path / "x.txt", b"a\nb\n\xff\n")
    chunks = unlabelled.read(path, chunk_texts=2)
    assert next(chunks) == ["a", "b"]
    with pytest.raises(DataError, match="x.txt:3: expected UTF-8, got byte 0xff"):
        next(chunks)


def test_lines(tmp_path):
    path = file(tmp_path / "x.txt", "one fine day\r\ncaf\u00e9 \u2028 \u6f22\n\n \t\nthree")
    assert texts_of(path) == ["one fine day", "caf\u00e9 \u2028 \u6f22", "three"]


def test_json_lines(tmp_path):
    path = file(tmp_path / "x.jsonl", '"a \\n b"\n\n"c"')
    assert texts_of(path) == ["a \n b", "c"]
    path = file(tmp_path / "z.jsonl", '{"id": 1, "review": "c"}\n{"review": "d"}\n')
    assert texts_of(path) == ["c", "d"]
    path = file(tmp_path / "y.jsonl", '{"title": "a", "body": "b"}\n{"body": "c"}')
    assert texts_of(path, column="body") == ["b", "c"]


def test_the_official_archive_and_its_folder(reviews, tmp_path):
    folder = reviews / "train" / "unsup"
    folder.mkdir()
    for number in (1, 0, 10):
        (folder / f"{number}_0.txt").write_text(f"caf\u00e9 {number}", encoding="utf-8")
    archive = tmp_path / "aclImdb_v1.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(reviews.rglob("*.txt"), reverse=True):
            tar.add(path, Path("aclImdb") / path.relative_to(reviews))
    expected = ["caf\u00e9 0", "caf\u00e9 10", "caf\u00e9 1"]  # as their names, 10_0 before 1_0
    for source in (archive, reviews, reviews.parent):
        assert texts_of(source, chunk_texts=2) == expected
    # What is labelled stays what it was.
    assert len(acl_imdb.load(archive).train) == 40


def broken_missing(tmp_path):
    return tmp_path / "x.parquet", {}, "x.parquet: expected a file, got nothing there"


def broken_archive(tmp_path):
    return (
        tmp_path / "x.tar.gz",
        {},
        "x.tar.gz: expected IMDB.s archive .*, got nothing",
    )


def broken_no_unsup(tmp_path):
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
    return tmp_path, {}, "expected reviews in train/unsup/.*, got none"


def broken_kind(tmp_path):
    return file(tmp_path / "x.doc", "a"), {}, "expected a file named .csv, .* got .doc"


def broken_parquet(tmp_path):
    return file(tmp_path / "x.parquet", "PAR1"), {}, "expected a whole parquet file, got"


def broken_no_text(tmp_path):
    path = parquet(tmp_path / "x.parquet", id=[1], score=[0.5])
    return path, {}, "name of the column with the texts .* none looks like it: id, score"


def broken_two_texts(tmp_path):
    path = parquet(tmp_path / "x.parquet", id=[1], title=["a b"], lead=["b c"])
    return path, {}, "several could be it: title, lead"


def broken_column(tmp_path):
    path = parquet(tmp_path / "x.parquet", id=[1], text=["a"])
    return path, {"column": "id"}, "x.parquet:1: expected a text in the column id, got 1"


def broken_row(tmp_path):
    path = parquet(tmp_path / "x.parquet", text=["a"] * 2_500 + [None])
    return path, {}, "x.parquet:2501: expected a text in the column text, got none"


def broken_page(tmp_path):
    path = parquet(tmp_path / "x.parquet", text=[str(n) * 50 for n in range(2_000)])
    content = bytearray(path.read_bytes())
    content[8:2_000] = bytes(1_992)
    return file(path, bytes(content)), {}, "expected a whole parquet file, got after 0 rows"


def broken_json(tmp_path):
    path = file(tmp_path / "x.jsonl", '{"text": "a"}\n{"text": ')
    return path, {}, "x.jsonl:2: expected JSON, got"


def broken_key(tmp_path):
    path = file(tmp_path / "x.jsonl", '{"text": "a"}\n{"txt": "b"}')
    return path, {}, "x.jsonl:2: expected a text in the column text, got none"


def broken_value(tmp_path):
    return (
        file(tmp_path / "x.jsonl", "\n5"),
        {},
        "x.jsonl:2: expected a JSON object or a text",
    )


def broken_keys(tmp_path):
    path = file(tmp_path / "x.jsonl", '{"a": "b c", "c": "d e"}')
    return path, {}, "several could be it: a, c"


def broken_deep_json(tmp_path):
    path = file(tmp_path / "x.jsonl", '"a"\n' + "[" * 100_000)
    return path, {}, "x.jsonl:2: expected JSON, .*: more than 32 lists and objects"


def broken_key_twice(tmp_path):
    path = file(tmp_path / "x.jsonl", '{"text": "a", "text": "b"}')
    return path, {}, "x.jsonl:1: expected JSON, .*: the key 'text' twice"


def broken_character(tmp_path):
    path = file(tmp_path / "x.jsonl", '{"text": "\\ud800"}')
    return path, {}, "x.jsonl:1: expected JSON, .*: .* surrogates not allowed"


def broken_long_line(tmp_path):
    path = file(tmp_path / "x.txt", b"a\n" + b"b" * ((1 << 26) + 1))
    return path, {}, "x.txt:2: expected lines of at most 67,108,864 bytes, got a longer one"


def broken_pipe(tmp_path):
    os.mkfifo(tmp_path / "x.txt")
    return tmp_path / "x.txt", {}, "x.txt: expected a file, got: a named pipe"


def broken_pipe_for_parquet(tmp_path):
    os.mkfifo(tmp_path / "x.parquet")
    return tmp_path / "x.parquet", {}, "x.parquet: expected a whole parquet file, got: a named pipe"


def broken_device(tmp_path):
    (tmp_path / "x.jsonl").symlink_to("/dev/zero")
    return tmp_path / "x.jsonl", {}, "x.jsonl: expected a file, got: a device"


def broken_name(tmp_path):
    return tmp_path / ("x" * 300 + ".txt"), {}, "expected a file, got: File name too long"


BROKEN = {name: value for name, value in globals().items() if name.startswith("broken_")}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_is_named(broken, tmp_path):
    path, options, message = broken(tmp_path)
    with pytest.raises(DataError, match=message):
        texts_of(path, **options)

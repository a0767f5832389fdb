"""The user's files as a data set: columns, task, targets, parts, and clear refusals."""

import csv
import json

import numpy as np
import pytest

from tidegate.data.columns import Columns
from tidegate.data.own_texts import OwnTexts, load, load_labelled
from tidegate.data.prepared import num_trained_on
from tidegate.errors import ArgumentError, DataError
from tidegate.task import Task


@pytest.fixture
def write(tmp_path):
    """Writes a CSV file of rows; gives its path."""

    def write(rows, name="texts.csv", header=("text", "label")):
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)
        return str(path)

    return write


def numbered(count, classes=("no", "yes")):
    return [(f"text number {n}", classes[n % len(classes)]) for n in range(count)]


def own(*files, **options):
    names = {"text", "label", "labels", "separator", "target", "split", "group"}
    columns = Columns(**{key: value for key, value in options.items() if key in names})
    others = {key: value for key, value in options.items() if key not in names}
    return OwnTexts(files, columns=columns, **others)


def test_columns_classes_and_parts_are_found(write):
    path = write([(n, *row) for n, row in enumerate(numbered(100))], header=("id", "Text", "LABEL"))
    texts = load(own(path))
    assert (texts.name, texts.task) == ("texts", Task("binary", ("no", "yes")))
    assert (texts.columns.text, texts.columns.label) == ("Text", "LABEL")
    assert (len(texts.train), len(texts.test)) == (80, 20)
    assert texts.test.labels.sum() == 10
    both = dict(zip(texts.train.texts, texts.train.labels.tolist(), strict=True))
    assert all(both[text] == int(text.split()[-1]) % 2 for text in both)
    assert "20 of 100 rows are held out" in texts.source


def test_classes_are_ordered_as_numbers_where_they_are(write):
    texts = load(own(write(numbered(60, ("10", "9", " 2 ")))))
    assert texts.task == Task("multi-class", ("2", "9", "10"))


def test_several_labels_a_text_in_columns_or_in_one(write):
    rows = [(f"text {n}", n % 2, int(n % 3 == 0)) for n in range(60)]
    columns = load(own(write(rows, header=("text", "odd", "third")), labels=("odd", "third")))
    assert columns.task == Task("multi-label", ("odd", "third"))
    rows = [
        (text, ";".join(name for name, is_one in (("odd", odd), ("third", third)) if is_one) or " ")
        for text, odd, third in rows
    ]
    rows = [row for row in rows if row[1] != " "]
    one = load(own(write(rows, "one.csv", ("text", "tags")), labels=("tags",), separator=";"))
    assert one.task == columns.task
    for text, target in zip(one.train.texts, one.train.labels.tolist(), strict=True):
        number = int(text.split()[-1])
        assert target == [number % 2, int(number % 3 == 0)]


def test_numbers(write):
    path = write([(f"text {n}", n / 4) for n in range(50)], header=("text", "stars"))
    texts = load(own(path, target=("stars",)))
    assert texts.task == Task("regression", ("stars",))
    assert {*texts.train.labels, *texts.test.labels} == {n / 4 for n in range(50)}


def test_json_lines_with_lists_of_labels(tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [{"body": f"text {n}", "tags": ["a"] * (n % 2) + ["b"]} for n in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    texts = load(own(str(path), labels=("tags",)))
    assert texts.task == Task("multi-label", ("a", "b"))


def test_files_of_parts(write):
    files = [write(numbered(count), f"{count}.csv") for count in (40, 10, 6)]
    texts = load(own(files[0], validation=(files[1],), test=(files[2],)))
    assert (len(texts.train), len(texts.test)) == (50, 6)
    assert num_trained_on(texts, 0.1, None) == 40
    assert texts.notes == ("6 test texts also stand in the training part",)


def test_a_column_of_parts(write):
    parts = ["train"] * 6 + ["Valid"] * 2 + ["test"] * 2
    rows = [(*row, parts[n % 10]) for n, row in enumerate(numbered(50))]
    texts = load(own(write(rows, header=("text", "label", "part")), split="part"))
    assert (len(texts.train), len(texts.test)) == (40, 10)
    assert num_trained_on(texts, 0.1, None) == 30
    assert {int(text.split()[-1]) % 10 for text in texts.train.texts[30:]} == {6, 7}


def test_groups_stay_in_one_part_and_so_do_copies(write):
    rows = [(f"text {n // 2}", "ab"[n // 2 % 2], f"author {n % 25}") for n in range(200)]
    path = write(rows, header=("text", "label", "author"))
    texts = load(own(path, group="author"))
    # Copies join authors, so whole rings of them are units.
    assert not {*texts.train.texts} & {*texts.test.texts}
    authors = dict.fromkeys(range(100))
    for n in range(200):
        authors[n // 2] = {*(authors[n // 2] or ()), n % 25}
    of_part = [
        {author for text in part.texts for author in authors[int(text.split()[-1])]}
        for part in (texts.train, texts.test)
    ]
    assert not of_part[0] & of_part[1]


def test_validation_begins_at_a_unit(write):
    rows = [(f"text {n}", "ab"[n % 2], f"author {n // 20}") for n in range(400)]
    texts = load(own(write(rows, header=("text", "label", "author")), group="author"))
    count = num_trained_on(texts, 0.1, None)
    assert texts.units[count - 1] != texts.units[count]
    assert 0.8 < count / len(texts.train) < 0.97


def test_a_text_with_two_classes_is_noted(write):
    rows = [(f"text {n // 2}", "ab"[n % 2]) for n in range(40)]
    texts = load(own(write(rows)))
    kept = len({*texts.train.texts})
    assert texts.notes == (f"{kept} training texts stand there with different classes",)


def test_bad_rows_are_listed_or_left_out(write):
    rows = [*numbered(30), ("", "yes"), ("more text", ""), ("much more text", "no")]
    path = write(rows)
    with pytest.raises(DataError) as refused:
        load(own(path))
    assert f"{path}:32: expected a text in the column text, got an empty one" in str(refused.value)
    assert f"{path}:33: expected an answer in the column label, got none" in str(refused.value)
    assert "got 2 of 33 that cannot" in str(refused.value)
    assert "--skip-bad-rows" in str(refused.value)
    texts = load(own(path, skip_bad_rows=True))
    assert len(texts.train) + len(texts.test) == 31
    assert texts.notes[0].startswith("2 bad rows are left out: ")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "expected rows after the header, got none"),
        ([("a text", "x"), ("b text", "x")], "expected two classes or more .* got only 'x'"),
        ([*numbered(30), ("c text", "rare")], "at least 2 rows of every class.* of 'rare'"),
        ([(f"a {n}", f"id-{n}") for n in range(50)], "got 50 distinct values in 50 rows"),
        ([(f"a {n}", "") for n in range(3)], "3 of 3 that cannot"),
    ],
)
def test_labels_that_nothing_can_be_learnt_from(write, rows, message):
    with pytest.raises(DataError, match=message):
        load(own(write(rows)))


def test_files_whose_classes_are_written_in_two_ways(write):
    first, second = write(numbered(20), "a.csv"), write(numbered(20, ("0", "1")), "b.csv")
    with pytest.raises(DataError, match=r"b.csv: expected the classes of .*a.csv, no, yes, got 0"):
        load(own(first, second))


def test_an_unknown_class_in_the_test_is_named_by_its_line(write):
    path, test = write(numbered(20)), write([("a", "yes"), ("b", "perhaps")], "test.csv")
    with pytest.raises(DataError, match=r"test.csv:3: expected a class of no, yes .*'perhaps'"):
        load(own(path, test=(test,)))


@pytest.mark.parametrize("answer", ["many", "nan", "inf"])
def test_a_target_that_is_no_number(write, answer):
    path = write([("a b", 1), ("c d", answer)], header=("text", "stars"))
    with pytest.raises(DataError, match=rf"csv:3: expected a number in stars, got '{answer}'"):
        load(own(path, target=("stars",)))


@pytest.mark.parametrize(
    ("options", "argument", "message"),
    [
        ({"text": "txt"}, "text", "did you mean 'text'"),
        ({"label": "none"}, "label", "expected a column of"),
        ({"label": "label", "target": ("label",)}, "target", "expected one of"),
        ({"separator": ";"}, "separator", "expected one column in labels"),
        ({"text": "label", "label": "label"}, "text", "'label' twice"),
        ({"split": "label", "test": ("x.csv",)}, "split", "got both"),
    ],
)
def test_columns_that_do_not_fit(write, options, argument, message):
    with pytest.raises(ArgumentError, match=message) as refused:
        load(own(write(numbered(10)), **options))
    assert refused.value.argument == argument


def test_columns_that_could_be_several_are_asked_for(write):
    rows = [(f"a b {n}", f"c d {n}", "xy"[n % 2], "uv"[n % 2]) for n in range(10)]
    path = write(rows, header=("one", "two", "kind", "sort"))
    with pytest.raises(ArgumentError, match="several could be it: one, two"):
        load(own(path))
    with pytest.raises(ArgumentError, match="its other columns are two, kind, sort"):
        load(own(path, text="one"))


def test_labelled_texts_for_a_model_use_the_columns_of_its_training(write):
    path = write([("u", "v w", "b"), ("x", "y z", "a")], header=("text", "body", "kind"))
    columns = Columns(text="body", label="kind")
    rows = load_labelled(own(path), Task("binary", ("a", "b")), columns)
    assert rows.texts == ["v w", "y z"]
    assert rows.targets.tolist() == [1, 0]
    other = load_labelled(own(path, text="text"), Task("binary", ("a", "b")), columns)
    assert other.texts == ["u", "x"]


def test_ids_of_rows_have_no_say_in_the_split(write):
    rows = numbered(200)
    first = load(own(write(rows, "a.csv")))
    second = load(own(write(rows[::-1], "b.csv")))
    assert first.train.texts == second.train.texts
    assert np.array_equal(np.sort(first.test.labels), np.sort(second.test.labels))

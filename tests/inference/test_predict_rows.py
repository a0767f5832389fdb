"""A file's rows with answers beside them: order, columns, bad rows, memory that does not grow."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from model_samples import BINARY, make_folder, texts
from tidegate.data.columns import Columns
from tidegate.data.tables import open_table
from tidegate.errors import ArgumentError, DataError
from tidegate.inference import predict_rows as module
from tidegate.inference.answers import answer_columns, as_columns, as_objects
from tidegate.inference.predict_rows import predict_rows
from tidegate.inference.predictor import Predictor
from tidegate.task import Task

COLOURS = Task("multi-class", ("blue", "green", "red"))


@pytest.fixture(scope="module")
def model():
    return Predictor(make_folder(COLOURS)[0])


def write(path, rows, header=("id", "text")):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def read(path):
    return [row.values for row in open_table(path).rows()]


def test_rows_keep_their_order_and_their_columns(model, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_ROWS", 7)
    given = texts(50)
    path = write(tmp_path / "a.csv", enumerate(given))
    out = tmp_path / "b.csv"
    progress = []
    predicted = predict_rows(
        model, open_table(path), out, "csv", on_progress=lambda rows, done: progress.append(done)
    )
    rows = read(out)
    assert [row["id"] for row in rows] == [str(n) for n in range(50)]
    assert [row["text"] for row in rows] == given
    assert [row["prediction"] for row in rows] == model.predict(given).tolist()
    best = model.predict_proba(given).max(1)
    np.testing.assert_allclose([float(row["probability"]) for row in rows], best, atol=1e-6)
    assert (predicted.num_rows, predicted.num_bad) == (50, 0)
    assert len(progress) == 8
    assert progress[-1] == 1


def test_the_best_classes_in_order(model, tmp_path):
    path = write(tmp_path / "a.csv", enumerate(texts(9)))
    predict_rows(model, open_table(path), tmp_path / "b.jsonl", "jsonl", top_k=3)
    for row, chances in zip(read(tmp_path / "b.jsonl"), model.predict_proba(texts(9)), strict=True):
        order = np.argsort(-chances)
        assert [row[f"prediction_{n}"] for n in (1, 2, 3)] == [COLOURS.classes[n] for n in order]
        values = [row[f"probability_{n}"] for n in (1, 2, 3)]
        np.testing.assert_allclose(values, chances[order], atol=1e-6)


def test_bad_rows_are_told_counted_and_kept_without_an_answer(model, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"text": "good"}\n{"text": null}\nnothing\n{"text": 3, "n": 1}\n{"text": ""}\n'
    )
    told = []
    predicted = predict_rows(
        model, open_table(path), tmp_path / "b.jsonl", "jsonl", on_bad=told.append
    )
    assert (predicted.num_rows, predicted.num_bad) == (2, 3)
    assert [line.partition(": ")[0] for line in told] == [f"{path}:{n}" for n in (2, 3, 4)]
    assert "expected a text, got none" in told[0]
    assert "expected a text, got int '3'" in told[2]
    rows = read(tmp_path / "b.jsonl")
    assert ["prediction" in row for row in rows] == [True, False, False, True]
    assert rows[2] == {"text": 3, "n": 1}
    with pytest.raises(DataError, match=f"{path}:2: expected a text"):
        predict_rows(model, open_table(path), tmp_path / "c.jsonl", "jsonl", strict=True)
    assert not (tmp_path / "c.jsonl").exists()


def test_what_the_model_could_read_is_counted(model, tmp_path):
    path = write(tmp_path / "a.csv", [(0, "good bad zebra"), (1, "!?."), (2, "film " * 30)])
    reading = predict_rows(model, open_table(path), tmp_path / "b.csv", "csv").reading
    assert (reading.texts, reading.empty, reading.cut) == (3, 0, 1)
    assert reading.tokens == 36
    known = {*model.folder.preprocessor.vocabulary.words}
    words = "good bad zebra ! ? .".split() + ["film"] * 30
    assert reading.unknown == sum(word not in known for word in words)


def test_the_column_of_the_training_is_meant(tmp_path):
    folder = replace(make_folder(BINARY)[0], columns=Columns(text="body", label="kind"))
    model = Predictor(folder)
    path = write(tmp_path / "a.csv", [("a good film", "a bad film")], header=("text", "body"))
    predict_rows(model, open_table(path), tmp_path / "b.csv", "csv")
    predict_rows(model, open_table(path), tmp_path / "c.csv", "csv", text="text")
    answers = [read(tmp_path / name)[0]["probability"] for name in ("b.csv", "c.csv")]
    expected = model.predict_proba(["a bad film", "a good film"]).max(1).round(6)
    assert [float(answer) for answer in answers] == expected.tolist()


def test_columns_that_are_missing_or_taken(model, tmp_path):
    path = write(tmp_path / "a.csv", [("a b", "c d")], header=("one", "two"))
    with pytest.raises(ArgumentError, match="several could be it: one, two") as refused:
        predict_rows(model, open_table(path), tmp_path / "b.csv", "csv")
    assert refused.value.argument == "text_column"
    path = write(tmp_path / "c.csv", [("a b", "c")], header=("text", "prediction"))
    with pytest.raises(DataError, match="expected no column prediction"):
        predict_rows(model, open_table(path), tmp_path / "d.csv", "csv")


def test_answers_of_labels_and_numbers():
    labels, numbers = Task("multi-label", ("a", "b", "c")), Task("regression", ("x", "y"))
    outputs = np.array([[2.0, -1.0, 0.5], [-1.0, -1.0, -1.0]])
    assert answer_columns(labels)[:2] == ("prediction", "probability_a")
    names, *chances = as_columns(labels, outputs)
    assert names == ["a|c", ""]
    assert chances[1] == [round(1 / (1 + np.e), 6)] * 2
    assert answer_columns(numbers) == ("prediction_x", "prediction_y")
    assert as_columns(numbers, outputs[:, :2]) == [[2.0, -1.0], [-1.0, -1.0]]
    assert as_objects(numbers, outputs[:1, :2]) == [{"answer": [2.0, -1.0]}]
    for task in (labels, numbers):
        with pytest.raises(ArgumentError, match="expected a model of one class"):
            answer_columns(task, 2)
    with pytest.raises(ArgumentError, match="expected 1 to 3"):
        answer_columns(COLOURS, 4)

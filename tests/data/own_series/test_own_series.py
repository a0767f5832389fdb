"""Series of the user's as a data set: columns, tasks, parts, notes, and what cannot be learnt."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from tidegate.data.own_series import OwnSeries, load, load_labelled, load_series
from tidegate.data.series import SeriesColumns
from tidegate.errors import ArgumentError, DataError
from tidegate.storage import schema


def steps(ids, classes=("on", "off"), length=4, **more):
    """The text of a table in the long format; classes take turns."""
    names = ["machine", "time", "ax", "ay", "state", *more]
    text = ",".join(names) + "\n"
    for one in ids:
        for step in range(length):
            extra = [str(function(one)) for function in more.values()]
            row = [f"m{one}", str(step), str(one + step), "7", classes[one % len(classes)], *extra]
            text += ",".join(row) + "\n"
    return text


@pytest.fixture
def write(tmp_path):
    """Writes a file; gives its path as a text."""

    def writing(text, name="sensors.csv"):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return writing


LONG = SeriesColumns("machine", "time", ("ax", "ay"), label="state")


def test_columns_are_found_and_parts_made(write):
    data = load(OwnSeries((write(steps(range(20)).replace("state", "label")),)))
    assert data.columns == SeriesColumns("machine", "time", ("ax", "ay"), label="label")
    assert data.task.classes == ("off", "on")
    assert (len(data.train), len(data.test)) == (16, 4)
    assert np.bincount(data.test.labels).tolist() == [2, 2]
    assert data.name == "sensors"
    assert "4 of 20 series are held out" in data.source
    for split in (data.train, data.test):
        for row, name in enumerate(split.series.ids):
            number = int(name[1:])
            assert split.series.values[row][:, 0].tolist() == [number + step for step in range(4)]
            assert data.task.classes[split.labels[row]] == ("on", "off")[number % 2]
    assert data.notes == ("channels that have one value at every training step: ay",)


def test_the_split_does_not_depend_on_the_order_of_the_file(write):
    first = load(OwnSeries((write(steps(range(20))),), columns=LONG))
    second = load(OwnSeries((write(steps(reversed(range(20)))),), columns=LONG))
    hashes = [sorted(data.test.series.hashes().tolist()) for data in (first, second)]
    assert hashes[0] == hashes[1]
    assert first.train.series.ids == second.train.series.ids
    assert {*first.test.series.ids} == {*second.test.series.ids}


def test_copies_and_groups_stay_together(write):
    header, _, body = steps(range(20), crew=lambda one: one // 4).partition("\n")
    text = f"{header}\n{body}{body.replace('m', 'copy')}"
    columns = SeriesColumns("machine", "time", ("ax", "ay"), label="state", group="crew")
    data = load(OwnSeries((write(text),), columns=columns, test_share=0.4))
    crews = [
        {int(name.lstrip("mcopy")) // 4 for name in split.series.ids}
        for split in (data.train, data.test)
    ]
    assert not crews[0] & crews[1]
    assert len(data.train) + len(data.test) == 40
    assert not any("also stand in the training part" in note for note in data.notes)


def test_parts_by_a_column(write):
    parts = ["train", "train", "train", "train", "val", "val", "test", "test"]
    columns = SeriesColumns("machine", "time", ("ax",), label="state", split="part")
    text = steps(range(8), part=lambda one: parts[one])
    data = load(OwnSeries((write(text),), columns=columns))
    assert {*data.train.series.ids[:4]} == {"m0", "m1", "m2", "m3"}
    assert data.train.series.ids[4:] == ("m4", "m5")
    assert data.test.series.ids == ("m6", "m7")
    assert data.num_validation == 2


def test_parts_by_files(write):
    own = OwnSeries(
        (write(steps(range(6))),),
        test=(write(steps(range(6, 9)), "later.csv"),),
        validation=(write(steps(range(9, 11)), "between.csv"),),
        columns=LONG,
    )
    data = load(own)
    assert (len(data.train), len(data.test), data.num_validation) == (8, 3, 2)
    assert data.test.series.ids == ("m6", "m7", "m8")
    assert data.train.series.ids[6:] == ("m9", "m10")


def test_a_class_seen_only_in_the_test_part(write):
    test = write(steps(range(6, 9), ("on", "off", "broken")), "later.csv")
    own = OwnSeries((write(steps(range(6))),), test=(test,), columns=LONG)
    with pytest.raises(DataError, match=r"later\.csv:10: .* got 'broken', a class seen only in"):
        load(own)
    columns = SeriesColumns("machine", "time", ("ax",), label="state", split="part")
    text = steps(range(8), ("on", "off", "x", "y"), part=lambda one: ("train", "test")[one % 4 > 1])
    with pytest.raises(DataError, match=r"csv:10: .* off, on, got 'x', a class seen only in"):
        load(OwnSeries((write(text),), columns=columns))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (steps(range(4), ("on",)), "expected two classes or more in the column state"),
        (steps([0]), "expected at least 2 series"),
        (steps(range(4), ("on", "")), "csv:6: expected an answer in state, got none"),
    ],
)
def test_what_cannot_be_learnt(write, text, message):
    with pytest.raises(DataError, match=message):
        load(OwnSeries((write(text),), columns=LONG))


def test_missing_values_and_gaps_are_noted(write):
    text = steps(range(4), length=8).replace("m1,5,6,7", "m1,15,,7")
    text = text.replace("m1,6,7", "m1,16,7").replace("m1,7,8", "m1,17,8")
    notes = load(OwnSeries((write(text),), columns=LONG)).notes
    assert "1 of 64 values are missing" in notes
    assert "1 gaps: steps more than 1.5 times as far apart as the median, 1" in notes


def test_numbers_and_several_labels(write):
    text = steps(range(6), wear=lambda one: one / 2, hot=lambda one: one % 2, loud=lambda one: 1)
    columns = SeriesColumns("machine", "time", ("ax",), target=("wear",))
    data = load(OwnSeries((write(text),), columns=columns))
    assert data.task.kind == "regression"
    for name, target in zip(data.train.series.ids, data.train.labels.tolist(), strict=True):
        assert target == int(name[1:]) / 2
    columns = SeriesColumns("machine", "time", ("ax",), labels=("hot", "loud"))
    data = load(OwnSeries((write(text),), columns=columns))
    assert data.task.classes == ("hot", "loud")
    for name, target in zip(data.train.series.ids, data.train.labels.tolist(), strict=True):
        assert target == [int(name[1:]) % 2, 1]


WIDE = "id,t0,t1,t2,label\n1,1,2,3,a\n2,4,?,6,b\n3,7,8,,a\n4,9,1,1,b\n"


@pytest.mark.parametrize("values", [(), ("t*",), ("t0", "t1", "t2")])
def test_a_row_a_series(write, values):
    data = load(OwnSeries((write(WIDE),), columns=SeriesColumns(values=values)))
    both = [*data.train.series.values, *data.test.series.values]
    found = sorted([row[:, 0].tolist() for row in both], key=lambda row: row[0])
    np.testing.assert_equal(found, [[1, 2, 3], [4, np.nan, 6], [7, 8], [9, 1, 1]])
    assert data.columns.label == "label"
    assert data.columns.values == (values or ("t0", "t1", "t2"))


def test_bad_rows_that_are_series_can_be_left_out(write):
    text = WIDE + "5,one,2,3,a\n6,1,inf,3,b\n7,,,,a\n8,1,2\n9,1,2,5,\n"
    columns = SeriesColumns(values=("t*",), label="label")
    with pytest.raises(DataError, match=r"got 4 of 9 that cannot:\n.*csv:6: .*a number.*t0.*'one'"):
        load(OwnSeries((write(text),), columns=columns))
    data = load(OwnSeries((write(text),), columns=columns, skip_bad_rows=True))
    assert len(data.train) + len(data.test) == 4
    assert data.notes[0].startswith("5 bad rows are left out: ")
    assert "csv:10: expected an answer in label, got none" in data.notes[0]


def test_archive_files(write, tmp_path):
    header = "@classLabel true b a c\n@data\n"
    data = load(OwnSeries((write(header + "1,2:a\n3:b\n5:a\n6:b\n7:a\n", "x.ts"),)))
    assert data.task.classes == ("b", "a")  # as the header has them, those that occur
    assert data.columns == SeriesColumns(label="class")
    data = load(OwnSeries((write("@targetlabel true\n@data\n1:1.5\n3:2\n", "y.ts"),)))
    assert (data.task.kind, data.columns.target) == ("regression", ("target",))
    with pytest.raises(ArgumentError, match="series_id: expected no column beside"):
        load(OwnSeries((write(header + "1:a\n", "x.ts"),), columns=SeriesColumns("id")))
    with pytest.raises(DataError, match="ts: expected answers"):
        load(OwnSeries((write("@data\n1\n2\n", "x.ts"),)))
    with pytest.raises(DataError, match=r"x\.ts:3: expected a class of b a c"):
        load(OwnSeries((write(header + "1:z\n2:a\n", "x.ts"),)))


@pytest.mark.parametrize(
    ("y", "kind", "names"),
    [
        (["u", "v", "u", "v"], "binary", ("u", "v")),
        ([3, 1, 2, 2], "multi-class", ("1", "2", "3")),
        ([0.5, 1, 2, 3], "regression", ("y",)),
        ([[1, 2], [3, 4], [5, 6], [7, 8]], "regression", ("y0", "y1")),
    ],
)
def test_arrays(tmp_path, y, kind, names):
    np.savez(tmp_path / "x.npz", X=np.arange(24.0).reshape(4, 3, 2), y=y)
    data = load(OwnSeries((str(tmp_path / "x.npz"),)))
    assert (data.task.kind, data.task.classes) == (kind, names)
    again = load_labelled(OwnSeries((str(tmp_path / "x.npz"),)), data.task, data.columns)
    assert len(again.targets) == 4


def test_series_for_a_trained_model(write):
    data = load(OwnSeries((write(steps(range(8))),), columns=LONG))
    later = OwnSeries((write(steps(range(3)), "later.csv"),))
    labelled = load_labelled(later, data.task, data.columns, ("ax", "ay"))
    assert data.task.named(labelled.targets) == ["on", "off", "on"]
    series = load_series(later, data.columns, ("ax", "ay"))
    assert (series.channels, series.ids) == (("ax", "ay"), ("m0", "m1", "m2"))
    unlabelled = write(steps(range(3)).replace("state", "other"), "none.csv")
    assert len(load_series(OwnSeries((unlabelled,)), data.columns, ("ax", "ay"))) == 3


def test_a_channel_that_is_missing_at_prediction(write, tmp_path):
    columns = SeriesColumns("machine", "time", ("ax", "az"))
    with pytest.raises(ArgumentError, match=r"values: expected a column of .*got 'az'"):
        load_series(OwnSeries((write(steps(range(3))),)), columns, ("ax", "az"))
    np.savez(tmp_path / "x.npz", X=np.zeros((2, 3, 2)), channels=["ay", "ax"])
    own = OwnSeries((str(tmp_path / "x.npz"),))
    assert load_series(own, None, ("ax", "ay")).channels == ("ax", "ay")
    with pytest.raises(
        DataError, match="expected the channels of the model, ax, az, got ay, ax, w"
    ):
        load_series(own, None, ("ax", "az"))


def test_options_are_checked_and_kept_as_json(write):
    own = OwnSeries((write(steps(range(3))),), columns=LONG, test_share=0.3)
    assert schema.build(OwnSeries, json.loads(json.dumps(asdict(own))), "own") == own
    for columns, message in [
        (SeriesColumns(label="a", target=("b",)), "expected one of label, labels and target"),
        (SeriesColumns(values=("a",), label="a"), "expected every column for one thing, got 'a'"),
        (SeriesColumns(label="a", separator=";"), "expected one column in labels"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            OwnSeries(("x",), columns=columns).check()
    with pytest.raises(ArgumentError, match="either a column that says the part, or files"):
        OwnSeries(("x",), ("y",), columns=SeriesColumns(split="a")).check()
    with pytest.raises(ArgumentError, match="held out by hash"):
        OwnSeries(("x",), ("y",), columns=SeriesColumns(group="a")).check()


def test_a_table_without_a_column_of_series(write):
    text = "time,ax,label\n1,2,a\n2,3,a\n"
    with pytest.raises(ArgumentError, match="series_id: expected the name of the column"):
        load(OwnSeries((write(text),)))
    series = load_series(OwnSeries((write(text),)))
    assert (series.ids, series.channels) == (("sensors",), ("ax",))
    with pytest.raises(ArgumentError, match="did you mean 'machine'"):
        load(OwnSeries((write(steps(range(3))),), columns=SeriesColumns("machin")))


def test_files_to_forecast_have_no_answers(write):
    text = "@attribute series_name string\n@data\nT1:1,2\nT2:3\n"
    own = OwnSeries((write(text, "x.tsf"),))
    with pytest.raises(DataError, match=r"x\.tsf: expected series with answers"):
        load(own)
    series = load_series(own)
    assert series.ids == ("T1", "T2")
    assert series.values.offsets.tolist() == [0, 2, 3]


def test_progress_is_told_to_the_end_of_each_file(write):
    told = []
    files = (write(steps(range(4)), "a.csv"), write(steps(range(4, 8)), "b.csv"))
    load(OwnSeries(files, columns=LONG), lambda path, done: told.append((path.name, done)))
    assert told[0] == ("a.csv", 0.0)
    assert [name for name, done in told if done == 0.0] == ["a.csv", "b.csv"]
    assert told[-1] == ("b.csv", 1.0)

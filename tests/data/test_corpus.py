"""A corpus on disk: what is written is what is read, whole, and without being in memory."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from odd_texts import SCRIPTS, nasty_texts
from tidegate.data.batches import epoch_batches, make_batch
from tidegate.data.corpus import open_corpus, write_corpus
from tidegate.data.dataset import Split
from tidegate.data.tokenise import NAMES, WORDS, fit, split
from tidegate.data.tokenised import WordSpool
from tidegate.data.vocabulary import Vocabulary
from tidegate.errors import DataError, FormatError

TEXTS = ["a good film", "", "a bad, bad film", "good"]
CHUNKS = [TEXTS[:1], [], TEXTS[1:3], TEXTS[3:]]
LABELS = np.array([1, 0, 0, 1])


@pytest.fixture
def vocabulary():
    return Vocabulary.build([split(TEXTS, "words")], size=7)


@pytest.fixture
def corpus(tmp_path, vocabulary):
    return write_corpus(tmp_path / "corpus", CHUNKS, vocabulary)


def test_a_corpus_holds_what_the_whole_would_be_in_memory(corpus, vocabulary):
    expected = vocabulary.encode(split(TEXTS, "words"))
    np.testing.assert_array_equal(corpus.sequences.values, expected.values)
    np.testing.assert_array_equal(corpus.sequences.offsets, expected.offsets)
    assert corpus.sequences[2].tolist() == [1, 4, 5, 2, 5, 6]  # a bad , bad film
    assert corpus.vocabulary == vocabulary
    assert corpus.labels is None
    assert (corpus.facts["num_texts"], corpus.facts["num_tokens"]) == (4, 13)
    corpus.verify()
    assert [file.name for file in corpus.path.parent.iterdir()] == ["corpus"]


def test_words_that_were_split_before_are_numbered_as_their_texts(tmp_path, corpus, vocabulary):
    with WordSpool((split(chunk, "words") for chunk in CHUNKS), tmp_path) as spool:
        assert Vocabulary.build(spool, 7) == vocabulary
        found = write_corpus(tmp_path / "spooled", spool, vocabulary)
        given = [words[text] for words in spool for text in range(len(words))]
    assert given == [["a", "good", "film"], [], ["a", "bad", ",", "bad", "film"], ["good"]]
    assert found.fingerprint() == corpus.fingerprint()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "spooled"]


@pytest.mark.parametrize("tokens", NAMES)
def test_a_spool_gives_back_every_character(tmp_path, tokens):
    chunks = [[*SCRIPTS.values()], [], nasty_texts(300)]
    tokeniser = fit(tokens, chunks[2], 400)
    given = [tokeniser.split(chunk) for chunk in chunks]
    with WordSpool(iter(given), tmp_path) as spool:
        for words, expected in zip(spool, given, strict=True):
            assert words.tokeniser == tokeniser
            assert words.distinct == expected.distinct
            assert words.codes.values.tolist() == expected.codes.values.tolist()


def test_labels_and_ends_go_along(tmp_path, vocabulary):
    chunks = [Split(TEXTS[:3], LABELS[:3]), Split(TEXTS[3:], LABELS[3:])]
    corpus = write_corpus(tmp_path / "deep" / "corpus", iter(chunks), vocabulary, end=True)
    assert corpus.labels.tolist() == LABELS.tolist()
    assert corpus.sequences[1].tolist() == [1, 3]
    assert corpus.facts["end"] is True
    corpus.verify()


def test_the_files_are_numpys_own(corpus):
    values = np.load(corpus.path / "values.npy")
    assert values.dtype == np.int32
    np.testing.assert_array_equal(values, corpus.sequences.values)
    facts = json.loads((corpus.path / "corpus.json").read_text())
    assert facts["format"] == "tidegate.corpus/1"
    assert facts["sha256"]["values"] == hashlib.sha256(values.tobytes()).hexdigest()
    assert np.load(corpus.path / "offsets.npy").tolist() == [0, 4, 5, 11, 13]


def test_a_fingerprint_tells_corpora_apart(tmp_path, corpus, vocabulary):
    again = write_corpus(tmp_path / "again", [TEXTS], vocabulary)
    assert again.fingerprint() == corpus.fingerprint()
    others = [
        write_corpus(tmp_path / "order", [TEXTS[::-1]], vocabulary),
        write_corpus(tmp_path / "end", [TEXTS], vocabulary, end=True),
        write_corpus(tmp_path / "labels", [Split(TEXTS, LABELS)], vocabulary),
        write_corpus(tmp_path / "words", [TEXTS], Vocabulary([*vocabulary.words, "x"], WORDS)),
    ]
    assert len({corpus.fingerprint(), *(other.fingerprint() for other in others)}) == 5


def test_nothing_is_left_of_a_corpus_that_broke_off(tmp_path, vocabulary):
    def chunks():
        yield TEXTS
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_corpus(tmp_path / "corpus", chunks(), vocabulary)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([], "expected at least one text, got none"),
        ([[], []], "expected at least one text, got none"),
        ([TEXTS, Split(TEXTS, LABELS)], "expected labels with all texts or with none"),
        ([Split(TEXTS, LABELS), TEXTS], "expected labels with all texts or with none"),
    ],
    ids=["nothing", "no texts", "labels late", "labels early"],
)
def test_chunks_that_make_no_corpus(tmp_path, vocabulary, chunks, message):
    with pytest.raises(DataError, match=message):
        write_corpus(tmp_path / "corpus", chunks, vocabulary)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(corpus, vocabulary):
    with pytest.raises(DataError, match="expected no such folder yet, got one"):
        write_corpus(corpus.path, CHUNKS, vocabulary)
    corpus.verify()


def test_a_disk_that_refuses_is_named(tmp_path, vocabulary):
    """Writing beyond the limit of a file's size fails as a full disk does."""
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from tidegate.data.corpus import write_corpus\n"
        "from tidegate.data.vocabulary import Vocabulary\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "write_corpus(Path(sys.argv[1]), [['a b ' * 30_000]], Vocabulary(['a', 'b']))\n"
    )
    done = run(code, tmp_path / "corpus")
    assert done.returncode == 1
    assert "DataError" in done.stderr
    assert "corpus: the corpus cannot be written" in done.stderr
    assert list(tmp_path.iterdir()) == []


def damage(path, change):
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)


def edit(**changes):
    def change(folder):
        file = folder / "corpus.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


def link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def pipe(path):
    path.unlink()
    os.mkfifo(path)


def zipped(path):
    path.unlink()
    np.savez(path.with_suffix(".npz"), values=np.zeros(13, np.int32))
    path.with_suffix(".npz").rename(path)


DAMAGES = {
    "no facts": (lambda f: (f / "corpus.json").unlink(), "corpus.json cannot be read: No such"),
    "no json": (lambda f: (f / "corpus.json").write_text("{"), "corpus.json: expected JSON"),
    "a list": (lambda f: (f / "corpus.json").write_text("[]"), "a JSON object, got a list"),
    "format": (edit(format="x/2"), "expected format 'tidegate.corpus/1', got 'x/2'"),
    "no sums": (edit(sha256={}), "expected num_texts, num_tokens, .* got KeyError"),
    "name": (edit(sha256={"../values": ""}), "expected num_texts, num_tokens, .* got KeyError"),
    "count": (edit(num_texts=5), "offsets.npy: expected int64 of shape .6,., got int64 of .5,."),
    "no values": (lambda f: (f / "values.npy").unlink(), "values.npy: expected a whole NumPy"),
    "cut": (
        lambda f: damage(f / "values.npy", lambda c: c.__delitem__(slice(-4, None))),
        "values.npy: expected a whole NumPy array",
    ),
    "ends": (
        lambda f: damage(f / "offsets.npy", lambda c: c.__setitem__(-8, 99)),
        "offsets.npy: expected 0 to 13, got .0, 99.",
    ),
    "deep": (
        lambda f: (f / "corpus.json").write_text("[" * 100_000),
        "corpus.json: expected JSON, got more than 32 lists and objects in one another",
    ),
    "linked facts": (lambda f: link(f / "corpus.json"), "cannot be read: a symbolic link, where"),
    "linked values": (lambda f: link(f / "values.npy"), "values.npy: expected a whole .* a symb"),
    "piped facts": (lambda f: pipe(f / "vocabulary.json"), "cannot be read: a named pipe, where"),
    "piped values": (lambda f: pipe(f / "values.npy"), "values.npy: expected a whole .* a named"),
    "an archive": (lambda f: zipped(f / "values.npy"), "values.npy: expected a whole NumPy array"),
    "vocabulary": (
        lambda f: damage(f / "vocabulary.json", lambda c: c.__setitem__(c.index(b"film"), 70)),
        "vocabulary.json: expected the vocabulary of the corpus, got another",
    ),
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("change", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_corpus_does_not_open(corpus, change, message):
    change(corpus.path)
    with pytest.raises(FormatError, match=message):
        open_corpus(corpus.path)


@pytest.mark.parametrize("name", ["values", "offsets"])
def test_an_altered_number_is_found(corpus, name):
    damage(corpus.path / f"{name}.npy", lambda content: content.__setitem__(-12, 7))
    with pytest.raises(FormatError, match=f"{name}.npy: expected the array that was written"):
        open_corpus(corpus.path).verify()


@pytest.mark.parametrize(
    ("name", "place", "number", "message"),
    [
        ("values", -1, 7, "values.npy: expected ids from 0 to 6, got 1 to 7; write the corpus"),
        ("values", 0, -1, "values.npy: expected ids from 0 to 6, got -1 to 6; write the corpus"),
        ("offsets", 2, 3, "offsets.npy: expected each place at or after the one before, got"),
    ],
    ids=["an id too high", "an id below 0", "places out of order"],
)
def test_numbers_that_are_summed_anew_are_still_checked(corpus, name, place, number, message):
    file = corpus.path / f"{name}.npy"
    array = np.load(file)
    array[place] = number
    np.save(file, array)
    sums = corpus.facts["sha256"] | {name: hashlib.sha256(array.tobytes()).hexdigest()}
    edit(sha256=sums)(corpus.path)
    with pytest.raises(FormatError, match=message):
        open_corpus(corpus.path).verify()


MEMORY_LIMITED = Path(__file__).parents[1] / "corpus_in_little_memory.py"


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux'")
def test_a_corpus_larger_than_memory_is_written_and_trained_on(tmp_path):
    done = run(MEMORY_LIMITED.read_text(), tmp_path / "corpus")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    corpus = open_corpus(tmp_path / "corpus")
    assert corpus.facts["num_tokens"] * 4 > 2 * report["allowed_bytes"]
    assert report["whole"] == "MemoryError"  # the limit holds: the corpus does not fit
    total = int(corpus.sequences.values.sum(dtype=np.int64))
    assert report["sums"] == [total, total]
    batches = epoch_batches(corpus.sequences.lengths(), 64, seed=0, epoch=0)
    assert report["first"] == make_batch(corpus.sequences, batches[0]).ids.tolist()


def run(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True
    )

"""``--unlabelled`` and ``--init-from``: a mistake is named before anything is made."""

import pytest

from model_samples import make_folder
from pretrained_samples import RECIPE, language_model, save
from resume_samples import settings

FITS = settings({key: getattr(RECIPE.network, key) for key in ("embedding_dim", "hidden_size")})
FITS += settings({"vocabulary_size": 30, "bidirectional": "true"})
TEACHES, PRETRAINS = ["--set", "self_training.epochs=1"], ["--set", "pretraining.epochs=1"]
BOTH = [*TEACHES, *PRETRAINS]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Things that users may name, by the names below."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "texts.txt").write_text("one text\nanother\n")
    (folder / "blank.txt").write_text("\n \n")
    (folder / "texts.doc").write_text("text\none\n")
    (folder / "broken.parquet").write_bytes(b"PAR1")
    (folder / "broken.jsonl").write_text('{"text": ')
    (folder / "latin.txt").write_bytes(b"caf\xe9\n")
    save(language_model(), folder / "model")
    save(language_model("lstm"), folder / "lstm")
    make_folder()[0].save(folder / "classifier")
    save(language_model(), folder / "damaged")
    tensors = folder / "damaged" / "model.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-9])
    return folder


MISTAKES = {
    "texts are missing": (["train", *TEACHES], "learns from texts without labels: expected"),
    "texts that nobody reads": (
        ["train", "--set", "pretraining.epochs=0", "--unlabelled", "texts.txt"],
        "--unlabelled: expected a recipe that reads such texts, got default with "
        "pretraining.epochs=0 and self_training.epochs=0",
    ),
    "texts beside a language model": (
        ["train", *PRETRAINS, "--unlabelled", "texts.txt", "--init-from", "model"],
        "and self_training.epochs=0 beside init_from",
    ),
    "no such texts": (
        ["train", *TEACHES, "--unlabelled", "none.txt"],
        "--unlabelled: none.txt: expected a file, got nothing there",
    ),
    "texts of another kind": (
        ["compare", *BOTH, "--unlabelled", "texts.doc"],
        "--unlabelled: texts.doc: expected a file named .csv",
    ),
    "broken parquet": (
        ["pretrain", "--unlabelled", "broken.parquet"],
        "--unlabelled: broken.parquet: expected a whole parquet file, got",
    ),
    "broken lines": (
        ["pretrain", "--unlabelled", "broken.jsonl"],
        "--unlabelled: broken.jsonl:1: expected JSON",
    ),
    "not UTF-8": (
        ["pretrain", "--unlabelled", "latin.txt"],
        "--unlabelled: latin.txt:1: expected UTF-8, got byte 0xe9",
    ),
    "no texts in it": (
        ["train", *TEACHES, "--unlabelled", "blank.txt"],
        "--unlabelled: blank.txt: expected texts, got none",
    ),
    "pretrain begins with nothing": (
        ["pretrain", "--unlabelled", "texts.txt", "--init-from", "model"],
        "No such option '--init-from'",
    ),
    "no such model": (
        ["train", "--init-from", "none"],
        "--init-from: none: expected the folder of a language model with config.json",
    ),
    "a model that is a file": (
        ["train", "--init-from", "texts.txt"],
        "--init-from: texts.txt: expected the folder of a language model with config.json",
    ),
    "a classifier": (
        ["train", "--init-from", "classifier"],
        "--init-from: classifier: expected a folder that `tidegate pretrain` wrote, got that of a "
        "classifier",
    ),
    "a damaged model": (["train", "--init-from", "damaged"], "--init-from: damaged/model.safe"),
    "another cell": (
        ["train", *FITS, "--cell", "rnn", "--init-from", "model"],
        "--init-from: expected a language model of cell=rnn, got one of cell=gru; change",
    ),
    "one cell of two": (
        ["compare", "--recipe", "default", *FITS, "--cells", "lstm,gru", "--init-from", "lstm"],
        "expected a language model of cell=gru, got one of cell=lstm",
    ),
    "another width": (
        ["train", *FITS, "--set", "hidden_size=7", "--init-from", "model"],
        "expected a language model of hidden_size=7, got one of hidden_size=5",
    ),
    "other tokens": (
        ["train", *FITS, "--set", "tokens=keras", "--init-from", "model"],
        "expected a language model of tokens=keras, got one of tokens=words",
    ),
    "a smaller vocabulary": (
        ["train", *FITS, "--set", "vocabulary_size=9", "--init-from", "model"],
        "expected a language model of vocabulary_size=9, got one of vocabulary_size=12",
    ),
}


@pytest.mark.parametrize(("options", "text"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_and_nothing_made(tidegate, files, monkeypatch, options, text):
    monkeypatch.chdir(files)
    before = sorted(files.rglob("*"))
    verb, *rest = options
    found = tidegate(verb, "imdb", "--out", files / "run", *rest)
    assert (found.code, found.out) == (2, ""), found.err
    assert text in " ".join(found.err.split()), found.err
    assert "Traceback" not in found.err
    assert "defect" not in found.err
    assert sorted(files.rglob("*")) == before


def test_a_file_that_the_system_refuses_is_named(tidegate, files, monkeypatch, tmp_path):
    from tidegate.data import unlabelled

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(unlabelled, "read", refuse)
    found = tidegate("train", "imdb", *TEACHES, "--unlabelled", files / "texts.txt")
    assert found.code == 2
    assert "--unlabelled: [Errno 13] Permission denied" in found.err

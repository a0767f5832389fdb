"""``tidegate pretrain`` and trainings that begin with it, end to end on a few small texts."""

import json
import os
import re
from collections import Counter

import numpy as np
import pytest
import torch

from pretrained_samples import PRETRAINING, RECIPE, TEXTS, write_texts
from resume_samples import outcome, settings
from tidegate.application.progress_display import ProgressDisplay
from tidegate.data.sources import acl_imdb
from tidegate.data.tokenise import split
from tidegate.inference import model_folder
from tidegate.report import page
from tidegate.runs import job as jobs
from tidegate.runs import language_model_folder, pretrained
from tidegate.runs import results as results_file

VALUES = RECIPE.with_values(PRETRAINING | {"max_length": 12, "validation_share": 0.25}).values()
SMALL = [
    *("--threads", 1, "--checkpoint-every", 3),
    *settings(VALUES),
]
TEACHES = settings(
    {
        "self_training.epochs": 3,
        "self_training.copies": 2,
        "training.epochs": 1,
        "linear_model.order": 1,
    }
)


@pytest.fixture
def run(tidegate, reviews, tmp_path, monkeypatch):
    """Call a verb; its run folder is ``tmp_path / name``."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(page, "write", lambda run: run / page.FILE_NAME)
    texts = write_texts(tmp_path / "texts.txt")

    def call(verb, name, *options, unlabelled=texts, code=0):
        more = [] if unlabelled is None else ["--unlabelled", unlabelled]
        where = ["--data", reviews, "--out", tmp_path / name]
        small = SMALL
        if "--epochs" in options:  # short for one of them
            at = SMALL.index("pretraining.epochs=2")
            small = SMALL[: at - 1] + SMALL[at + 1 :]
        found = tidegate(verb, "imdb", "--recipe", "default", *where, *small, *more, *options)
        assert found.code == code, found.err
        assert "Traceback" not in found.err
        return found

    return call


@pytest.fixture
def stop_at(monkeypatch):
    """Press Ctrl-C where a training ("language model", "first" or "second") ends a step; 0 is
    before its first one."""
    originals = {
        name: getattr(ProgressDisplay, name)
        for name in ("pretraining_begins", "job_begins", "student_begins", "step_ends")
    }

    def plan(what, step):
        phase = None

        def begins(name, its_phase):
            def begin(self, *arguments):
                nonlocal phase
                phase = its_phase
                originals[name](self, *arguments)
                if (what, step) == (phase, 0):
                    raise KeyboardInterrupt

            return begin

        def step_ends(self, found):
            originals["step_ends"](self, found)
            if (what, step) == (phase, found.step):
                raise KeyboardInterrupt

        monkeypatch.setattr(ProgressDisplay, "step_ends", step_ends)
        for name, its_phase in zip(originals, ("language model", "first", "second"), strict=False):
            monkeypatch.setattr(ProgressDisplay, name, begins(name, its_phase))

    return plan


def words_of(reviews, others=TEXTS):
    """The most frequent of the texts without labels and of those that train, 30 of 40."""
    words = split([*acl_imdb.load(reviews).train.texts[:30], *others], "words")
    counts = Counter(words.distinct.to_pylist()[code] for code in words.codes.values)
    ranked = sorted(sorted(counts), key=counts.get, reverse=True)
    assert len(ranked) > 26
    return ranked[:26]


def test_pretrain_leaves_a_language_model_of_all_but_what_validates(run, reviews, tmp_path):
    found = run("pretrain", "run", "--epochs", 1)
    folder = tmp_path / "run" / "pretraining" / "gru-seed0" / "model"
    model = pretrained.load(folder)
    card = " ".join(language_model_folder.load(folder).card.split())
    assert model.vocabulary.words == words_of(reviews)
    sizes = {"embedding_dim": 6, "hidden_size": 5, "vocabulary_size": 30}
    assert model.architecture == {"cell": "gru", "bidirectional": True, **sizes}
    assert found.out == ""
    num_words = len(
        split([*acl_imdb.load(reviews).train.texts[:30], *TEXTS[1:]], "words").codes.values
    )
    for text in (
        "language model: GRU (reset after), seed 0, on 47 texts of "
        f"{num_words + 47:,} tokens, 30 of them the training part's",
        "epoch 1/1",
        f"kept in {folder}",
    ):
        assert text in found.err, found.err
    loss = float(re.search(r"val loss ([\d.]+)", found.err)[1])
    assert f"on 47 texts in 1 epoch. Cross-entropy on held-out texts: {loss:.3f} nats" in card
    assert "tidegate train DATASET --recipe default --init-from PATH" in card
    # The run is its language model, and what it needed on the way is gone.
    assert not (tmp_path / "run" / "results.json").exists()
    assert {path.name for path in folder.parent.iterdir()} == {"model", "history.jsonl"}


def test_without_other_texts_a_language_model_reads_those_that_train(run, reviews, tmp_path):
    found = run("pretrain", "language", unlabelled=None)
    folder = tmp_path / "language" / "pretraining" / "gru-seed0" / "model"
    assert pretrained.load(folder).vocabulary.words == words_of(reviews, others=[])
    num_words = len(split(acl_imdb.load(reviews).train.texts[1:30], "words").codes.values)
    text = f"on 29 texts of {num_words + 29:,} tokens, all the training part's"
    assert text in found.err, found.err
    # A recipe that pretrains does the same before it trains.
    run("train", "both", unlabelled=None)
    language = outcome_of_pretraining(tmp_path / "language")
    assert language == outcome_of_pretraining(tmp_path / "both")


def test_a_complete_language_model_is_left_as_it_is(run, tidegate, tmp_path):
    run("pretrain", "run", "--epochs", 1)
    folder = tmp_path / "run" / "pretraining" / "gru-seed0" / "model"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    # As a kill leaves it between the model and what removes the rest.
    (folder.parents[1] / "corpus").mkdir()
    (folder.parent / ".model.123.0123abcd").mkdir()
    found = tidegate("pretrain", "--resume", tmp_path / "run")
    assert found.code == 0
    assert f"kept in {folder}" in found.err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert {path.name for path in folder.parent.iterdir()} == {"model", "history.jsonl"}
    assert {path.name for path in folder.parents[1].iterdir()} == {"gru-seed0"}


def test_a_run_says_first_what_it_does_and_a_job_and_its_card_tell_of_its_language_model(
    run, tmp_path
):
    err = run("train", "both").err
    assert 0 <= err.index("recipe") < err.index("values") < err.index("language model:")
    assert err.index("data     imdb") < err.index("language model:") < err.index("GRU (reset")
    (job,) = results_file.load(tmp_path / "both").jobs
    assert 0 < job.pretraining_s < job.wall_s
    assert job.wall_s > job.pretraining_s + job.training_s
    folder = tmp_path / "both" / "pretraining" / "gru-seed0" / "model"
    run("train", "then", "--init-from", folder, unlabelled=None)
    assert results_file.load(tmp_path / "then").jobs[0].pretraining_s == 0
    run("train", "plain", "--set", "pretraining.epochs=0", unlabelled=None)
    assert results_file.load(tmp_path / "plain").jobs[0].pretraining_s is None
    cards = {
        name: " ".join(model_folder.load(tmp_path / name / "models" / "gru-seed0").card.split())
        for name in ("both", "then", "plain")
    }
    began = "Its embedding and first layer began as those of a language model"
    assert f"{began} of the training texts and of texts without labels." in cards["both"]
    assert f"{began} made before." in cards["then"]
    assert began not in cards["plain"]


def test_training_that_pretrains_is_pretraining_and_then_training(run, tmp_path, monkeypatch):
    begun, fit = [], jobs.fit

    def keep(model, recipe, train, *arguments, **options):
        begun.append(({k: t.clone() for k, t in model.state_dict().items()}, train))
        return fit(model, recipe, train, *arguments, **options)

    monkeypatch.setattr(jobs, "fit", keep)
    run("train", "both")
    run("pretrain", "language")
    folder = tmp_path / "language" / "pretraining" / "gru-seed0" / "model"
    run("train", "then", "--init-from", folder, unlabelled=None)
    both, then = outcome(tmp_path / "both"), outcome(tmp_path / "then")
    for name in (
        "models",
        "models/gru-seed0/model.safetensors",
        "training/gru-seed0/history.jsonl",
    ):
        assert both[name] == then[name], name
    language = outcome_of_pretraining(tmp_path / "language")
    assert language == outcome_of_pretraining(tmp_path / "both")
    model = pretrained.load(folder)
    for state, train in begun:
        assert torch.equal(state["embedding.weight"], model.encoder["embedding.weight"])
        hidden = "recurrent.0.weight_hh_l0_reverse"
        assert torch.equal(state[hidden], model.encoder[hidden])
        assert state["embedding_scale"] != 1
        assert train.token_ids.values.max() < len(model.vocabulary)
    kept = model_folder.load(tmp_path / "then" / "models" / "gru-seed0")
    assert kept.preprocessor.vocabulary.words == model.vocabulary.words
    assert not np.array_equal(kept.tensors["embedding.weight"], begun[1][0]["embedding.weight"])


def outcome_of_pretraining(run):
    """Everything that its language models and their logs hold."""
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted((run / "pretraining").rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def test_every_cell_and_seed_has_its_own_language_model(run, tmp_path):
    run("compare", "run", "--cells", "gru,rnn", "--seeds", 2, "--set", "pretraining.epochs=1")
    names = [f"{cell}-seed{seed}" for seed in (0, 1) for cell in ("gru", "rnn")]
    models = [pretrained.load(tmp_path / "run" / "pretraining" / name / "model") for name in names]
    assert [model.architecture["cell"] for model in models] == ["gru", "rnn"] * 2
    sums = {model.encoder["recurrent.0.weight_ih_l0"].numpy().tobytes() for model in models}
    assert len(sums) == 4
    assert len(results_file.load(tmp_path / "run").jobs) == 4


def test_a_language_model_that_was_stopped_goes_on_to_the_same_bits(
    run, tidegate, stop_at, tmp_path
):
    run("pretrain", "unbroken")
    expected = outcome_of_pretraining(tmp_path / "unbroken")
    assert len(expected) == 6
    steps = expected["pretraining/gru-seed0/history.jsonl"].decode().splitlines()
    last = max(json.loads(line).get("step", 0) for line in steps)
    for step in (2, 3, last // 2, last // 2 + 2, last):
        name = f"stopped after {step}"
        stop_at("language model", step)
        found = run("pretrain", name, code=130)
        assert f"To go on: tidegate pretrain --resume '{tmp_path / name}'" in found.err
        stop_at(None, None)
        found = tidegate("pretrain", "--resume", tmp_path / name)
        assert found.code == 0, found.err
        saved = max([s for s in (*range(0, step, 3), last // 2) if s < step])
        assert (f"resumed after step {saved}," in found.err) == (saved > 0)
        assert outcome_of_pretraining(tmp_path / name) == expected, step


def test_a_training_stopped_anywhere_goes_on_to_the_same_bits(run, tidegate, stop_at, tmp_path):
    """In its language model, its first network, between the two, and in its second."""
    found = run("train", "unbroken", *TEACHES)
    text = "learns from 78 texts, 18 of them without labels, as the first one and the linear model"
    assert f"second network: {text} answer them" in " ".join(found.err.split())
    shown = re.findall(r"^epoch \d/\d", found.err, re.MULTILINE)
    assert shown == ["epoch 1/2", "epoch 2/2", "epoch 1/1", "epoch 1/3", "epoch 2/3", "epoch 3/3"]
    expected = outcome(tmp_path / "unbroken")
    (job,) = results_file.load(tmp_path / "unbroken").jobs
    assert (len(job.teacher), len(job.history)) == (1, 3)
    stops = [("language model", 5), ("first", 2), ("second", 0), ("second", 1), ("second", 14)]
    stop_at(*stops[0])
    run("train", "run", *TEACHES, code=130)
    notices = []
    for stop in [*stops[1:], (None, None)]:
        stop_at(*stop)
        found = tidegate("train", "--resume", tmp_path / "run")
        assert found.code == (130 if stop[0] else 0), found.err
        notices.append([int(step) for step in re.findall(r"resumed after step (\d+),", found.err)])
    # The first network, of four steps, is resumed after its last one to answer the texts again.
    assert notices == [[3], [], [4], [4], [4, 12]]
    assert outcome(tmp_path / "run") == expected
    assert not [*(tmp_path / "run").rglob("step-*")]


def test_other_texts_without_labels_are_refused(run, tidegate, stop_at, tmp_path):
    """The same words in another order have the same vocabulary, and other pairs."""
    stop_at("second", 4)
    run("train", "run", *TEACHES, "--set", "pretraining.epochs=0", code=130)
    stop_at(None, None)
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS[::-1]), encoding="utf-8")
    found = tidegate("train", "--resume", tmp_path / "run")
    assert found.code == 1
    assert "data.unlabelled_sha256 was" in found.err
    write_texts(path)
    assert tidegate("train", "--resume", tmp_path / "run").code == 0


def test_the_number_of_epochs_is_given_once(tidegate, tmp_path):
    options = ["--epochs", 1, "--set", "pretraining.epochs=2", "--out", tmp_path / "run"]
    found = tidegate("pretrain", "imdb", *options)
    assert found.code == 2
    assert "--epochs 1 is short for --set pretraining.epochs=1" in found.err
    assert not (tmp_path / "run").exists()


def test_too_few_words_for_the_streams(run):
    found = run("pretrain", "run", "--set", "pretraining.streams=5000", code=1)
    text = "expected more words than pretraining.streams=5000, got 870; give more texts"
    assert text in found.err


def test_bits_do_not_depend_on_what_pytorch_was_told_before(run, tmp_path, monkeypatch):
    """Operations that add up in any order are not allowed in a language model's training."""
    told = []
    begins = ProgressDisplay.pretraining_begins

    def begin(self, *arguments):
        told.append(torch.are_deterministic_algorithms_enabled())
        begins(self, *arguments)

    monkeypatch.setattr(ProgressDisplay, "pretraining_begins", begin)
    torch.use_deterministic_algorithms(False)
    run("pretrain", "run", "--epochs", 1)
    assert told == [True]

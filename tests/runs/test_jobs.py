"""Jobs as values: what tells them apart, what they leave, and that they run anywhere."""

import dataclasses
import json
import os

import numpy as np
import pytest

import pretrained_samples
import tidegate as package
from conftest import BAD, GOOD
from pretrained_samples import PRETRAINING, TEXTS, write_texts
from resume_samples import SMALL, outcome
from tidegate.application import texts as run_texts
from tidegate.data import corpus, tokenised
from tidegate.data.dataset import Split, TextDataset
from tidegate.data.prepared import prepare
from tidegate.data.sources.imdb import TASK
from tidegate.data.tokenise import split
from tidegate.errors import FormatError, RunFolderError
from tidegate.runs import job_value
from tidegate.runs.experiment import Experiment
from tidegate.runs.job import JobData, run_job
from tidegate.runs.job_value import jobs_of
from tidegate.runs.run import run
from tidegate.storage import arrays
from tidegate.training.history import Step
from tidegate.training.linear import LinearBranch
from training_samples import PLAIN, silent

RECIPE = PLAIN.with_values({"training.epochs": 1, "max_length": 12, "validation_share": 0.25})
CLOCKS = ("training_s", "wall_s", "step_ms", "inference_ms", "history")


def prepared(recipe=RECIPE, texts=(GOOD, BAD) * 10):
    part = Split([*texts], np.arange(len(texts)) % 2)
    dataset = TextDataset("toy", "nowhere", part, part, TASK)
    return prepare(
        dataset, recipe.text_options(), validation_share=recipe.training.validation_share
    )


def job(recipe=RECIPE, data=None, **values):
    options = {"recipe": recipe, "cells": ("gru",), "seeds": (0,), "threads": 1} | values
    return jobs_of(Experiment(**options), prepared(recipe) if data is None else data)[0]


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def without_clocks(result):
    return {k: v for k, v in dataclasses.asdict(result).items() if k not in CLOCKS}


def is_same(one, two):
    """Whether two jobs gave the same models and predictions."""
    pairs = zip(one.models, two.models, strict=True)
    return all(a == b and np.array_equal(p, q) for (a, p), (b, q) in pairs)


def test_the_digest_is_of_all_that_the_result_depends_on(tmp_path):
    model = pretrained_samples.language_model()
    first = pretrained_samples.save(model, tmp_path / "first")
    copy = pretrained_samples.save(model, tmp_path / "copy")
    other = pretrained_samples.save(pretrained_samples.language_model(seed=4), tmp_path / "other")
    others = {
        "recipe": job(RECIPE.with_values({"batch_size": 4})),
        "cell": job(cells=("lstm",)),
        "seed": job(seeds=(1,)),
        "limit": job(limit=5),
        "texts": job(data=prepared(texts=(BAD, GOOD) * 10)),
        "a language model": job(init_from=str(first)),
        "another language model": job(init_from=str(other)),
    }
    digests = {name: other.digest() for name, other in others.items()}
    assert len({job().digest(), *digests.values()}) == 8, digests
    for same in (job(), job(threads=2), job(checkpoint_every=1)):
        assert same.digest() == job().digest()
    assert job(init_from=str(copy)).digest() == digests["a language model"]


def test_jobs_come_seed_by_seed():
    experiment = Experiment(RECIPE, ("rnn", "gru"), (1, 0), 1)
    found = [(each.seed, each.cell) for each in jobs_of(experiment, prepared())]
    assert found == [(1, "rnn"), (1, "gru"), (0, "rnn"), (0, "gru")]


def test_a_job_run_elsewhere_leaves_what_it_would_leave_in_its_run(tmp_path):
    experiment, data = Experiment(RECIPE, ("rnn", "gru"), (0,), 1), prepared()
    whole = run(experiment, data, tmp_path, silent)
    elsewhere = tmp_path / "elsewhere"
    (_, second) = jobs_of(experiment, data)
    result = run_job(second, JobData(data), elsewhere, silent)
    assert without_clocks(result.job) == without_clocks(whole.jobs[1])
    assert np.array_equal(result.predictions, whole.predictions["gru-seed0"])
    left = files(elsewhere)
    assert [name for name in left if not name.startswith("models/gru-seed0/")] == [
        "models/gru-seed0.json",
        "models/gru-seed0.npz",
        "training/gru-seed0/history.jsonl",
    ]
    assert is_same(second.load_result(elsewhere), result)
    one, two = (
        (folder / "models" / "gru-seed0" / "model.safetensors").read_bytes()
        for folder in (tmp_path, elsewhere)
    )
    assert one == two
    # It is done, and not done again.
    events = []
    assert is_same(run_job(second, JobData(data), elsewhere, events.append), result)
    assert events == []


def test_a_result_of_another_job_or_a_damaged_one_is_refused(tmp_path):
    data = prepared()
    run_job(job(data=data), JobData(data), tmp_path, silent)
    other = job(RECIPE.with_values({"hidden_size": 6}), data)
    with pytest.raises(
        RunFolderError, match="configuration.network.hidden_size was 5, is 6; resume"
    ):
        other.load_result(tmp_path)
    path = tmp_path / "models" / "gru-seed0.json"
    content = json.loads(path.read_text())
    other_cell = content["result"] | {"cell": "rnn"}
    for changed in (
        content | {"digest": 3},
        content | {"result": {}},
        content | {"result": other_cell},
        [],
    ):
        path.write_text(json.dumps(changed))
        with pytest.raises(FormatError, match=r"gru-seed0\.json.*; put back a copy of it; or remo"):
            job(data=data).load_result(tmp_path)
    path.unlink()
    assert job(data=data).load_result(tmp_path) is None


def test_a_result_with_a_linear_model_comes_back(tmp_path):
    recipe = RECIPE.with_values({"linear_model.order": 1, "linear_model.min_count": 1})
    data = prepared(recipe)
    linear = LinearBranch.train(
        recipe.linear_model, data.train, data.validation, data.test, num_outputs=1
    )
    kept = job(recipe, data)
    result = run_job(kept, JobData(data, linear), tmp_path, silent)
    found = kept.load_result(tmp_path)
    assert [model.name for model, _ in found.models] == ["gru-seed0", "gru-seed0+linear"]
    assert is_same(found, result)
    path = tmp_path / "models" / "gru-seed0.json"
    content = json.loads(path.read_text())
    for changed in ({"network": "rnn-seed0"}, {"name": "linear"}):
        path.write_text(json.dumps(content | {"blend": content["blend"] | changed}))
        with pytest.raises(FormatError, match="blend: expected name and network to be .*; put"):
            kept.load_result(tmp_path)


def test_predictions_come_first_and_damaged_ones_are_refused(tmp_path, monkeypatch):
    data, written = prepared(), []
    write_bytes = job_value.write_bytes
    monkeypatch.setattr(job_value, "write_bytes", lambda path, content: written.append(path.name))
    run_job(job(data=data), JobData(data), tmp_path, silent)
    assert written == ["gru-seed0.npz", "gru-seed0.json"]
    monkeypatch.setattr(job_value, "write_bytes", write_bytes)
    result = run_job(job(data=data), JobData(data), tmp_path, silent)
    path = tmp_path / "models" / "gru-seed0.npz"
    mend = "; put back a copy of it; or remove gru-seed0.json beside it and go on with --resume"
    for content, text in (
        (b"PK", "expected an .npz file"),
        (arrays.to_bytes({"rnn-seed0": result.predictions}), "expected the arrays"),
    ):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=f"{path}: {text}.*{mend}"):
            job(data=data).load_result(tmp_path)
    path.unlink()
    with pytest.raises(FormatError, match=f"{path}: expected the predictions of.*{mend}"):
        job(data=data).load_result(tmp_path)


def test_results_are_assembled_from_the_jobs_own_files(reviews, tmp_path):
    """Those that are finished are not trained again, though results.json is gone."""
    options = {
        "data": reviews,
        "recipe": "default",
        "cells": ["rnn", "gru"],
        "settings": SMALL | {"linear_model.order": 0, "training.epochs": 1},
        "threads": 1,
    }
    whole = package.compare("imdb", out=tmp_path / "unbroken", **options)

    def stop(event):
        if isinstance(event, Step) and (tmp_path / "run" / "models" / "rnn-seed0.json").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        package.compare("imdb", out=tmp_path / "run", callback=stop, **options)
    (tmp_path / "run" / "results.json").unlink()
    steps = []
    resumed = package.resume(
        tmp_path / "run", callback=lambda event: steps.append(type(event) is Step)
    )
    assert sum(steps) == 4
    assert outcome(resumed.folder) == outcome(whole.folder)


@pytest.mark.parametrize("self_epochs", [0, 1], ids=["learnt once", "learnt twice"])
def test_every_text_is_tokenised_once(reviews, tmp_path, monkeypatch, self_epochs):
    """Whatever the number of cells and seeds, for language models and classifiers alike."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    texts = []

    def keep(given, scheme="keras"):
        texts.extend(given)
        return split(given, scheme)

    for module in (run_texts, tokenised, corpus):
        monkeypatch.setattr(module, "split", keep)
    values = (
        SMALL
        | PRETRAINING
        | {"pretraining.epochs": 1, "training.epochs": 1, "self_training.epochs": self_epochs}
    )
    run = package.compare(
        "imdb",
        data=reviews,
        recipe="default",
        cells=["rnn", "gru"],
        seeds=[0, 1],
        settings=values,
        unlabelled=write_texts(tmp_path / "texts.txt"),
        threads=1,
        out=tmp_path / "run",
    )
    assert len(run.models) == len(run.language_models) == 4
    assert len(texts) == 40 + 40 + len(TEXTS)
    assert not (run.folder / "pretraining" / "corpus").exists()

"""A run that was stopped, to be spoilt as a stranger might, and what its refusal looks like."""

import json
import os

import pytest

from conftest import write_reviews
from resume_samples import OPTIONS, SMALL, settings
from tidegate.cli.main import main
from tidegate.training import classification

JOB = "training/gru-seed0"
STEP = f"{JOB}/checkpoints/step-00000004"
"""The newest checkpoint."""


def stop_a_run(parent):
    """The folder of a run that Ctrl-C stopped in its sixth step."""
    reviews = write_reviews(parent / "aclImdb")
    small = settings(SMALL | {"linear_model.order": 0})
    original, calls = classification.step, []

    def step(*arguments):
        calls.append(None)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return original(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classification, "step", step)
        patch.setattr(os, "fsync", lambda descriptor: None)
        out = ["--out", str(parent / "run"), "--log", "tensorboard"]
        with pytest.raises(SystemExit) as stop:
            main(["train", "imdb", "--data", str(reviews), *out, *OPTIONS, *small])
    assert stop.value.code == 130
    return parent / "run"


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(outcome, *texts):
    assert outcome.code == 1, outcome.err
    assert "Traceback" not in outcome.err
    assert "defect" not in outcome.err
    for text in texts:
        assert text in outcome.err, (text, outcome.err)


def rewrite(path, change):
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")

"""``tidegate inspect``: the summary of a model folder, as text and as JSON."""

import json

import pytest

from model_samples import make_folder
from tidegate.inference.describe import describe


@pytest.fixture
def folder(tmp_path):
    folder, _ = make_folder(with_linear=True)
    folder.save(tmp_path / "model")
    return folder


def test_it_prints_a_line_for_every_value(tidegate, tmp_path, folder):
    outcome = tidegate("inspect", tmp_path / "model")
    assert outcome.code == 0, outcome.err
    lines = dict(line.split("  ", 1) for line in outcome.out.splitlines())
    values = {name: value.strip() for name, value in lines.items()}
    summary = describe(folder)
    assert [*values] == [name.replace("_", " ") for name in summary]
    assert values["classes"] == "neg, pos"
    assert values["network parameters"] == f"{summary['network_parameters']:,}"
    assert values["weights in the answer"] == "network 0.6, linear 0.4"
    assert values["can be streamed"] == "no"


def test_it_writes_json_for_programs(tidegate, tmp_path, folder):
    outcome = tidegate("inspect", tmp_path / "model", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out) == describe(folder)

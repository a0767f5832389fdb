"""``tidegate inspect``: what it says of a model folder."""

import pytest

from model_samples import make_folder

CASES = {
    "causal": ({"text": {"max_length": None}}, "yes"),
    "bigrams look back": ({"text": {"max_length": None}, "num_pairs": 9}, "yes"),
    "two layers": ({"text": {"max_length": None}, "num_layers": 2}, "yes"),
    "both directions": ({"text": {"max_length": None}, "bidirectional": True}, "no"),
    "the last tokens": ({"text": {"max_length": 25}}, "no"),
    "padding": ({"text": {"max_length": 25, "padding": "front"}}, "no"),
    "a linear model": ({"text": {"max_length": None}, "with_linear": True}, "no"),
}


@pytest.mark.parametrize(("options", "expected"), CASES.values(), ids=CASES)
def test_it_says_whether_a_model_can_answer_token_by_token(tidegate, tmp_path, options, expected):
    make_folder(**options)[0].save(tmp_path / "model")
    outcome = tidegate("inspect", tmp_path / "model")
    assert outcome.code == 0, outcome.err
    (line,) = [line for line in outcome.out.splitlines() if line.startswith("can be streamed")]
    assert line.split()[-1] == expected

"""The summary of a model folder."""

import pytest

from model_samples import make_folder
from tidegate.inference.describe import describe

STREAMED = {
    "causal": ({"text": {"max_length": None}}, "yes"),
    "bigrams look back": ({"text": {"max_length": None}, "num_pairs": 9}, "yes"),
    "two layers": ({"text": {"max_length": None}, "num_layers": 2}, "yes"),
    "both directions": ({"text": {"max_length": None}, "bidirectional": True}, "no"),
    "the last tokens": ({"text": {"max_length": 25}}, "no"),
    "padding": ({"text": {"max_length": 25, "padding": "front"}}, "no"),
    "a linear model": ({"text": {"max_length": None}, "with_linear": True}, "no"),
}


@pytest.mark.parametrize(("options", "expected"), STREAMED.values(), ids=STREAMED)
def test_it_says_whether_a_model_can_answer_token_by_token(options, expected):
    assert describe(make_folder(**options)[0])["can_be_streamed"] == expected


def test_a_network_alone():
    folder, network = make_folder(num_layers=2, bidirectional=True, pooling="mean+max")
    summary = describe(folder)
    reads = summary.pop("reads")
    assert reads == folder.preprocessor.describe()
    assert summary == {
        "task": "binary",
        "classes": ["neg", "pos"],
        "cell": "gru",
        "layers": "2 of 5 units, both directions",
        "pooling": "mean+max",
        "network_parameters": sum(tensor.numel() for tensor in network.state_dict().values()),
        "can_be_streamed": "no",
    }


def test_a_linear_model_beside_the_network():
    folder, _ = make_folder(with_linear=True)
    summary = describe(folder)
    assert summary["linear_model_parameters"] == folder.linear.num_parameters
    assert summary["weights_in_the_answer"] == {"network": 0.6, "linear": 0.4}
    assert [*summary][-1] == "can_be_streamed"

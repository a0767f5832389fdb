"""The covariates of the steps ahead, before a training."""

import pytest
from click.testing import CliRunner

from tidegate.cli.forecast import command

HORIZON, STEPS = 3, 40


def write(path, future):
    rows = [f"{step},{step % 7},{step % 3}" for step in range(STEPS)]
    path.write_text("\n".join(["t,sold,price", *rows, *future]) + "\n")
    return str(path)


@pytest.mark.parametrize(
    ("future", "message"),
    [
        ([], "expected no values of sold in the last 3 rows, which are to be forecast, got some"),
        (["40,,1", "41,,", "42,,1"], "expected 3 rows at its end with the covariates price"),
    ],
    ids=["none", "empty"],
)
def test_a_future_that_is_missing_is_told_before_the_training(tmp_path, future, message):
    file = write(tmp_path / "shop.csv", future)
    options = ["--time", "t", "--values", "sold", "--known", "price", "--horizon", str(HORIZON)]
    result = CliRunner().invoke(command, [file, *options, "--out", str(tmp_path / "run")])
    assert result.exit_code != 0
    assert message in f"{result.output}{result.exception}"
    assert not (tmp_path / "run").exists()

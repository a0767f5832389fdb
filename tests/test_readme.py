"""The README's own data: its commands run as printed, on fewer rows, and print such lines."""

import re
import shlex
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
SECTION = "## Your own texts"
ROWS = 300


def section():
    text = README.read_text(encoding="utf-8")
    return text.split(f"{SECTION}\n", 1)[1].split("\n## ", 1)[0]


def commands():
    lines = re.findall(r"^    (tidegate .*?)(?: +#.*)?$", section(), re.MULTILINE)
    return [shlex.split(line)[1:] for line in lines]


def shorten(path):
    """Only the header and the first rows of a CSV file."""
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(rows[: ROWS + 1]), encoding="utf-8")


def test_five_lines_from_a_file_to_predictions(tidegate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    verbs, printed = [], []
    for arguments in commands():
        outcome = tidegate(*arguments)
        assert outcome.code == 0, (arguments, outcome.err)
        printed += (outcome.out + outcome.err).splitlines()
        verbs.append(arguments[0])
        if arguments[:2] == ["data", "write"]:
            shorten(tmp_path / arguments[3])
    assert {"train", "evaluate", "predict"} <= {*verbs}
    predictions = (tmp_path / "predictions.csv").read_text(encoding="utf-8").splitlines()
    assert len(predictions) == ROWS + 1
    assert predictions[0] == "text,label,prediction,probability"
    # What the README shows of the output is what is printed, but for numbers and what follows them.
    blocks = re.findall(r"```text\n(.*?)```", section(), re.DOTALL)
    shown = [line for block in blocks[:2] for line in block.splitlines() if line != "..."]
    assert len(shown) > 15
    beginnings = {beginning(line) for line in printed}
    assert [line for line in shown if beginning(line) not in beginnings] == []


def beginning(line):
    """A line up to its first number, without what is another on every machine."""
    words = re.split(r"\d", " ".join(line.split()), maxsplit=1)[0]
    return words.partition(", from ")[0].rstrip(" .")

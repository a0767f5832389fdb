"""``tidegate predict``."""

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

EXAMPLES = """\b
Examples:
  tidegate predict runs/first/models/gru-seed0 --text "A film to remember."
      one answer: the class, and its probability
  tidegate predict runs/first/models/gru-seed0 < texts.txt > answers.tsv
      a text a line in, an answer a line out
  tidegate predict runs/first/models/gru-seed0 --json < texts.txt
      a JSON object a line, with the probability of every class
"""

CHUNK_LINES = 1_024
"""Lines that are read before they are answered."""


@click.command("predict", epilog=EXAMPLES)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--text", "texts", multiple=True, help="A text; may be given several times.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object a line.")
def command(model: Path, texts: tuple[str, ...], as_json: bool) -> None:
    """Answer texts by a trained model.

    MODEL is a model folder. Texts come from --text or, a line each, from standard input; answers
    go to standard output in the order of the texts, a line each: the class and its probability,
    a tab between them.
    """
    from tidegate.inference.predictor import load

    predictor = load(model)
    for chunk in _chunks(texts or _lines()):
        for answer in answers(predictor, chunk):
            click.echo(json.dumps(answer, ensure_ascii=False) if as_json else _line(answer))


def answers(predictor: Any, texts: list[str]) -> list[dict[str, Any]]:
    """The answers to texts, as ``--json`` writes them.

    Returns:
        For each text ``answer`` (a class, a list of labels, or a number) and, but for a
        regression, ``probabilities``: by class, between 0 and 1.
    """
    task, outputs = predictor.task, predictor.outputs(texts)
    named = task.named(task.decide(outputs))
    if not task.is_classification:
        return [{"answer": answer} for answer in named]
    chances = task.probabilities(outputs).tolist()
    return [
        {"answer": answer, "probabilities": dict(zip(task.classes, row, strict=True))}
        for answer, row in zip(named, chances, strict=True)
    ]


def _line(answer: dict[str, Any]) -> str:
    value, chances = answer["answer"], answer.get("probabilities")
    if chances is None:
        return "\t".join(
            f"{number:g}" for number in (value if isinstance(value, list) else [value])
        )
    if isinstance(value, list):
        return "\t".join(f"{label} {chances[label]:.4f}" for label in value)
    return f"{value}\t{chances[value]:.4f}"


def _lines() -> Iterator[str]:
    """The lines of standard input, without their ends.

    Raises:
        DataError: A line is not UTF-8.
    """
    from tidegate.errors import DataError

    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError(
                f"standard input: expected UTF-8, got other bytes in line {number}: {error.reason} "
                f"at byte {error.start}"
            ) from None


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(texts)
    while chunk := [*islice(remaining, CHUNK_LINES)]:
        yield chunk

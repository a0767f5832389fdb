"""``tidegate predict``: answer texts, series or recordings by a trained model."""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli.own_files import given_options, own_options
from tidegate.data.tables import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate.application.own_files import OwnOptions
    from tidegate.inference.predict_rows import Predicted
    from tidegate.inference.predictor import Predictor

EXAMPLES = """\b
Examples:
  tidegate predict MODEL --text "A film to remember."
      one answer: the class, and its probability
  tidegate predict MODEL new.csv --out predictions.csv
      every row with the class and its probability beside it, in the order of the file
  tidegate predict MODEL new.jsonl --text-column body --top-k 3 --out best.csv
      the three most probable classes
  tidegate predict MODEL < texts.txt > answers.tsv
      a text a line in, an answer a line out
  cat new.csv | tidegate predict MODEL - --format csv > predictions.csv
      rows in, rows out
  tidegate predict MODEL sensors.parquet --out answers.csv
      a row for each series, of the columns of the training; or .ts, .npz
  tidegate predict MODEL yes.wav
      a recording; or a table of recordings
  tidegate predict MODEL later.csv --out next.csv
      by a model of forecasts: the steps after the end of each series
"""

NUMBERS = ("series_id", "time", "values", "audio", "known")
"""Options of series and recordings."""
CHUNK_LINES = 1_024
"""Lines of standard input that are answered together."""


@click.command("predict", epilog=EXAMPLES)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--text", "texts", multiple=True, help="A text; may be given several times.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A new file for FILE's rows and their answers: .csv, .tsv, .jsonl or .parquet.",
)
@click.option(
    "--text-column",
    metavar="COLUMN",
    help="Column of the texts. [default: the one of the training, or found by its name]",
)
@own_options(only=("series_id", "time", "values", "audio", "known"))
@click.option("--top-k", type=click.IntRange(min=1), default=1, help="Most probable classes.")
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), help="Of FILE, whatever its name says."
)
@click.option("--delimiter", metavar="CHARACTER", help="Between the fields of CSV.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object a line.")
@click.option("--strict", is_flag=True, help="Fail at the first row that cannot be answered.")
@click.option("--overwrite", is_flag=True, help="Replace the file of --out, if it is there.")
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads. [default: all processors]")
def command(
    model: Path,
    file: Path | None,
    texts: tuple[str, ...],
    threads: int | None,
    **options: Any,
) -> None:
    """Answer texts, series or recordings by a trained model, or forecast.

    MODEL is a model folder. Texts are those of --text, or of a column of FILE (.csv, .tsv,
    .jsonl, .parquet, .txt, plain or gzipped), or the lines of standard input. Answers keep the
    order. Rows that cannot be answered are reported by their line and counted. Of series and
    recordings there is a row for each; of a forecast, for each step ahead.
    """
    import tidegate
    from tidegate.inference.predictor import load
    from tidegate.machine import available_cpus

    if texts and file is not None:
        raise click.UsageError("expected texts by --text or in a file, got both")
    predictor = load(model)
    tidegate.set_num_threads(threads or available_cpus())
    own = given_options(options)
    options = {name: value for name, value in options.items() if name not in NUMBERS}
    if predictor.folder.preprocessor.kind != "text":
        if file is None:
            raise click.UsageError(
                f"expected a FILE for a model of the kind {predictor.folder.preprocessor.kind}, "
                "got none"
            )
        _answer_numbers(predictor, file, own, **options)
        return
    for name in NUMBERS:
        if name in own:
            raise click.UsageError(
                f"--{name.replace('_', '-')}: expected it for a model of series, got one of texts"
            )
    if file is None and (texts or options["format_"] in (None, "txt")):
        _refuse_file_options(options)
        _answer_lines(predictor, texts, options)
        return
    _answer_file(predictor, file or Path("-"), **options)


def _answer_file(
    model: "Predictor",
    file: Path,
    *,
    out: Path | None,
    text_column: str | None,
    top_k: int,
    format_: str | None,
    delimiter: str | None,
    as_json: bool,
    strict: bool,
    overwrite: bool,
) -> None:
    from tidegate.cli.own_files import as_usage_error
    from tidegate.data.tables import format_of, open_table
    from tidegate.inference.predict_rows import predict_rows

    into = _format_of_answers(out, as_json, overwrite)
    if into is None:
        into = format_ or ("csv" if file.is_dir() or str(file) == "-" else format_of(file))
        into = {"parquet": "csv", "txt": "tsv"}.get(into, into)
    table = open_table(file, format=format_, delimiter=delimiter)
    started = time.perf_counter()
    with as_usage_error(), _progress() as on_progress:
        predicted = predict_rows(
            model,
            table,
            out,
            into,
            text=text_column,
            top_k=top_k,
            delimiter=delimiter if into == "csv" else None,
            strict=strict,
            overwrite=overwrite,
            on_bad=lambda message: click.echo(message, err=True),
            on_progress=on_progress,
        )
    click.echo(_summary(predicted, time.perf_counter() - started), err=True)


def _answer_numbers(
    model: "Predictor",
    file: Path,
    own: "OwnOptions",
    *,
    out: Path | None,
    text_column: str | None,
    top_k: int,
    format_: str | None,
    delimiter: str | None,
    as_json: bool,
    strict: bool,
    overwrite: bool,
) -> None:
    """Answer the series or recordings of a file, or forecast them."""
    from tidegate.application.predict_files import predict_files
    from tidegate.cli.own_files import as_usage_error
    from tidegate.errors import DataError

    for flag, given in (("--text-column", text_column), ("--format", format_)):
        if given is not None:
            raise click.UsageError(f"{flag}: expected it for a model of texts, got one of numbers")
    into = _format_of_answers(out, as_json, overwrite) or "csv"
    if delimiter is not None:
        own = {**own, "delimiter": delimiter}
    started = time.perf_counter()
    with as_usage_error(), _reading() as on_progress:
        answered = predict_files(
            model,
            str(file),
            own,
            out,
            into,
            top_k=top_k,
            delimiter=delimiter if into == "csv" else None,
            overwrite=overwrite,
            on_progress=on_progress,
        )
    for message in answered.bad:
        click.echo(message, err=True)
    if answered.num_bad and strict:
        raise DataError(
            f"{file}: expected rows that can be read, got {answered.num_bad:,} that not"
        )
    noun = {"audio": "recordings", "forecast": "series forecast"}
    what = noun.get(model.folder.preprocessor.kind, "series")
    seconds = time.perf_counter() - started
    more = f"; {answered.num_bad:,} without an answer" if answered.num_bad else ""
    click.echo(f"{answered.num_answered:,} {what} in {seconds:.1f} s{more}", err=True)


def _format_of_answers(out: Path | None, as_json: bool, overwrite: bool) -> str | None:
    """The format that answers are written in; None where neither --out nor --json says it."""
    from tidegate.data.tables import format_of
    from tidegate.data.tables.writer import check_free

    if out is None:
        return "jsonl" if as_json else None
    if as_json:
        raise click.UsageError("--json: expected it without --out, whose name says the format")
    check_free(out, overwrite=overwrite)
    into = format_of(out)
    if into == "txt":
        raise click.UsageError(f"--out: expected .csv, .tsv, .jsonl or .parquet, got {out}")
    return into


@contextmanager
def _reading() -> "Iterator[Callable[[Path, float], None]]":
    """A progress bar of the files that are read, on standard error, if that is a terminal."""
    with _bar("reading") as move:
        yield lambda path, done: move(f"reading {path.name}", done)


@contextmanager
def _progress() -> "Iterator[Callable[[Predicted, float], None]]":
    """A progress bar of the rows that are answered, on standard error, if that is a terminal."""
    with _bar("0 rows") as move:
        yield lambda predicted, done: move(f"{predicted.num_rows + predicted.num_bad:,} rows", done)


@contextmanager
def _bar(text: str) -> "Iterator[Callable[[str, float], None]]":
    """A progress bar with the time that is left; it is moved by a text and a share from 0 to 1."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(text, total=1.0)

        def move(description: str, done: float) -> None:
            bar.update(task, completed=done, total=1.0 if done else None, description=description)

        yield move


def _summary(predicted: "Predicted", seconds: float) -> str:
    reading = predicted.reading
    rate = predicted.num_rows / max(seconds, 1e-9)
    parts = [f"{predicted.num_rows:,} rows answered in {seconds:.1f} s ({rate:,.0f} a second)"]
    if predicted.num_bad:
        parts.append(f"{predicted.num_bad:,} without an answer")
    parts.append(f"{reading.unknown / max(reading.tokens, 1):.1%} of the tokens are unknown")
    parts.append(f"{reading.cut / max(reading.texts, 1):.1%} of the texts are cut")
    if reading.empty:
        parts.append(f"{reading.empty:,} have no words")
    return "; ".join(parts)


def _refuse_file_options(options: dict[str, Any]) -> None:
    """Refuse options that need a file, where texts are lines or options."""
    given = [
        f"--{name.replace('_', '-')}"
        for name in ("out", "text_column", "delimiter", "overwrite")
        if options[name]
    ]
    if given or options["top_k"] > 1:
        raise click.UsageError(
            f"{(given or ['--top-k'])[0]}: expected it beside a FILE, or - with --format"
        )


def _answer_lines(model: "Predictor", texts: tuple[str, ...], options: dict[str, Any]) -> None:
    """Answer the texts of --text, or the lines of standard input, with a line for each."""
    from tidegate.errors import DataError
    from tidegate.inference.answers import as_objects

    num_bad = 0
    for chunk in _chunks([(0, text) for text in texts] if texts else _lines()):
        good = [text for _, text in chunk if isinstance(text, str)]
        answers = iter(as_objects(model.task, model.outputs(good)))
        for number, text in chunk:
            if isinstance(text, str):
                answer = next(answers)
                line = json.dumps(answer, ensure_ascii=False) if options["as_json"] else None
                click.echo(_line(answer) if line is None else line)
                continue
            message = f"standard input: expected UTF-8, got other bytes in line {number}: {text}"
            if options["strict"]:
                raise DataError(message)
            num_bad += 1
            click.echo(message, err=True)
            click.echo("null" if options["as_json"] else "")
    if num_bad:
        click.echo(f"{num_bad:,} lines without an answer", err=True)


def _line(answer: dict[str, Any]) -> str:
    value, chances = answer["answer"], answer.get("probabilities")
    if chances is None:
        return "\t".join(
            f"{number:g}" for number in (value if isinstance(value, list) else [value])
        )
    if isinstance(value, list):
        return "\t".join(f"{label} {chances[label]:.4f}" for label in value)
    return f"{value}\t{chances[value]:.4f}"


def _lines() -> "Iterator[tuple[int, str | UnicodeDecodeError]]":
    """Number and text of every line of standard input, or the error if it is not UTF-8."""
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield number, line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            yield number, error


def _chunks(lines: "Iterable[tuple[int, Any]]") -> Iterator[list[tuple[int, Any]]]:
    remaining = iter(lines)
    while chunk := [*islice(remaining, CHUNK_LINES)]:
        yield chunk

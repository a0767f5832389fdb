"""The options of ``train``, ``compare``, ``pretrain`` and ``evaluate`` for the user's own files."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from tidegate.application.own_files import OwnOptions
from tidegate.errors import ArgumentError

F = TypeVar("F", bound=Callable[..., Any])


class NameList(click.ParamType[tuple[str, ...]]):
    """The type of an option: names of columns with commas between."""

    name = "COLUMN,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Split at commas; no name may be empty."""
        if isinstance(value, tuple):
            return value
        names = tuple(name.strip() for name in str(value).split(","))
        if not all(names):
            self.fail(f"expected names with a comma between, got {value!r}", param, ctx)
        return names


def _files(flag: str, help: str) -> Callable[[F], F]:
    path = click.Path(path_type=Path)
    return click.option(flag, type=path, multiple=True, metavar="FILE", help=help)


def _column(flag: str, help: str) -> Callable[[F], F]:
    return click.option(flag, metavar="COLUMN", help=help)


_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "text": _column("--text", "Column of the texts. [default: found by its name]"),
    "series_id": _column("--series-id", "Column that says which series a row, a step, is of."),
    "time": _column("--time", "Column that says when a step was: a number, or a date."),
    "values": click.option(
        "--values",
        type=NameList(),
        help="Columns of the channels of series; without --series-id and --time, of the steps of a "
        "series in each row.",
    ),
    "audio": _column("--audio", "Column of the paths of recordings: wav, flac or ogg."),
    "horizon": click.option(
        "--horizon", type=click.IntRange(1), help="Forecast so many steps of every series."
    ),
    "season": click.option(
        "--season",
        type=click.IntRange(1),
        help="Steps after which a series repeats; 1 for none. [default: found]",
    ),
    "origins": click.option(
        "--origins",
        type=click.IntRange(1),
        help="Points in time of a forecast's back-test. [default: up to 10]",
    ),
    "known": click.option(
        "--known", type=NameList(), help="Columns that are known ahead of a forecast: prices, say."
    ),
    "label": _column("--label", "Column of the classes. [default: found by its name]"),
    "labels": click.option(
        "--labels",
        type=NameList(),
        help="Several labels for each: columns of 0 and 1, or one column with --separator.",
    ),
    "separator": click.option(
        "--separator", metavar="TEXT", help="What stands between the labels of a text."
    ),
    "target": click.option(
        "--target", type=NameList(), help="Columns of numbers to predict, rather than classes."
    ),
    "test": _files("--test", "File with the test part; may be given several times."),
    "validation": _files("--validation", "File with the validation part; likewise."),
    "split": _column("--split", "Column that says train, validation or test."),
    "group": _column("--group", "Column of which equal values stay in one part: authors, say."),
    "test_share": click.option(
        "--test-share",
        type=click.FloatRange(0.001, 0.9),
        help="Share of the rows held out for the test, by a hash. [default: 0.2]",
    ),
    "delimiter": click.option(
        "--delimiter", metavar="CHARACTER", help="Between the fields of CSV. [default: a comma]"
    ),
    "skip_bad_rows": click.option(
        "--skip-bad-rows", is_flag=True, help="Leave out rows that cannot be used, and count them."
    ),
}


def own_options(
    without: Collection[str] = (), only: Collection[str] | None = None
) -> Callable[[F], F]:
    """Decorator that adds the options for own files to a verb.

    Args:
        without: Names of options that the verb does not have.
        only: Names of those that it has alone; all when left out.
    """

    def decorate(command: F) -> F:
        for name, option in reversed(_OPTIONS.items()):
            if name not in without and (only is None or name in only):
                command = option(command)
        return command

    return decorate


def given_options(options: Mapping[str, Any]) -> OwnOptions:
    """The options for own files that the user gave, out of all options of a verb."""
    given = {
        name: value
        for name, value in options.items()
        if name in _OPTIONS and value not in (None, (), False)
    }
    return cast(OwnOptions, given)


@contextmanager
def as_usage_error() -> Iterator[None]:
    """Turn an :class:`ArgumentError` into a usage error that names the option."""
    try:
        yield
    except ArgumentError as error:
        option = f"--{error.argument.replace('_', '-')}"
        raise click.UsageError(f"{option}: {error.reason}") from error

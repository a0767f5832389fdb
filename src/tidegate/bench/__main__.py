"""``python -m tidegate.bench compare A.json B.json`` and ``show A.json``."""

from pathlib import Path

import click

from tidegate.errors import TidegateError

FILE = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Look at results of benchmarks."""


@cli.command()
@click.argument("a", type=FILE)
@click.argument("b", type=FILE)
def compare(a: Path, b: Path) -> None:
    """The time of every task in A over its time in B, with a 95 % interval."""
    from tidegate import terminal
    from tidegate.bench import compare as comparison
    from tidegate.bench import results

    try:
        comparison.show(results.load(a), results.load(b), terminal.console())
    except TidegateError as error:
        raise click.ClickException(str(error)) from error


@cli.command()
@click.argument("file", type=FILE)
def show(file: Path) -> None:
    """Print the tables of FILE again."""
    from tidegate.bench import results, tables
    from tidegate.bench.cases import grid

    try:
        loaded = results.load(file)
    except TidegateError as error:
        raise click.ClickException(str(error)) from error
    if loaded.family == "grid":
        tables.show_grid(loaded, grid.slower(loaded))
    else:
        tables.show(loaded)


if __name__ == "__main__":
    cli(prog_name="python -m tidegate.bench")

"""``tidegate data get`` and ``tidegate data write``: download data sets, write them to files."""

from pathlib import Path
from typing import Any

import click

from tidegate.cli.dataset import DatasetName


class ArchiveName(DatasetName):
    """The name of a data set that can be downloaded."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse a name without a download."""
        from tidegate.data import sources

        name = super().convert(value, param, ctx)
        if sources.get(name).archive is None:
            downloadable = [other for other in sources.names() if sources.get(other).archive]
            self.fail(
                f"{name}: expected a data set with an archive, one of {', '.join(downloadable)}, "
                f"got one without: 'tidegate train {name}' finds it or says what to install",
                param,
                ctx,
            )
        return name


@click.group("data")
def command() -> None:
    """Download data sets, and write them to files."""


@command.command("get", epilog="\b\nExamples:\n  tidegate data get imdb")
@click.argument("name", type=ArchiveName())
def get(name: str) -> None:
    """Download the data set NAME into the cache, once.

    A download that broke off continues where it stopped when the command is given again. The cache
    is the folder TIDEGATE_CACHE names, or tidegate in the user's cache folder.
    """
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from tidegate.data import sources
    from tidegate.data.download import download

    archive = sources.get(name).archive
    assert archive is not None  # ArchiveName refuses names without one
    target = archive.path
    console = Console(stderr=True)
    console.print(f"{name}: the official archive, {archive.url}", soft_wrap=True, highlight=False)
    with Progress(
        *Progress.get_default_columns()[:2],
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        task = progress.add_task(archive.file_name, total=None)
        is_new = download(
            archive.url,
            archive.md5,
            target,
            lambda here, total: progress.update(task, completed=here, total=total),
        )
    console.print("downloaded, checksum right" if is_new else "downloaded before, checksum right")
    click.echo(target)


@command.command(
    "write",
    epilog="\b\nExamples:\n  tidegate data write rotten-tomatoes reviews.csv --part train\n"
    "      rows with a text and a label, to look at, or to begin a file of your own from",
)
@click.argument("name", type=DatasetName())
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--part",
    type=click.Choice(["train", "test"]),
    default="train",
    show_default=True,
    help="Part of the data set.",
)
@click.option("--overwrite", is_flag=True, help="Replace FILE, if it is there.")
def write(name: str, file: Path, part: Any, overwrite: bool) -> None:
    """Write a part of the data set NAME to FILE: .csv, .tsv, .jsonl or .parquet."""
    from tidegate.data import sources
    from tidegate.data.tables import format_of
    from tidegate.data.tables.writer import open_writer

    source = sources.get(name)
    kind = format_of(file)
    if kind == "txt":
        raise click.UsageError(f"FILE: expected .csv, .tsv, .jsonl or .parquet, got {file}")
    count = 0
    with open_writer(file, source.columns, kind, overwrite=overwrite) as writer:
        for rows in source.open().rows(part):
            values = [dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True)]
            writer.write(values)
            count += len(values)
    click.echo(f"{file}: {count:,} rows with the columns {', '.join(source.columns)}", err=True)

"""``tidegate data get``."""

import click

DATA_SETS = ["imdb"]


@click.group("data")
def command() -> None:
    """Get data sets."""


@command.command("get", epilog="\b\nExamples:\n  tidegate data get imdb")
@click.argument("name", type=click.Choice(DATA_SETS))
def get(name: str) -> None:
    """Download the data set NAME into the cache, once.

    A download that breaks off goes on where it stopped when the command is given again. The cache
    is the folder TIDEGATE_CACHE names, or tidegate in the user's cache folder.
    """
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from tidegate.data.download import download
    from tidegate.data.sources import imdb

    target = imdb.cache_folder() / imdb.ARCHIVE
    console = Console(stderr=True)
    console.print(f"{name}: the official archive, {imdb.URL}", soft_wrap=True, highlight=False)
    with Progress(
        *Progress.get_default_columns()[:2],
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        task = progress.add_task(imdb.ARCHIVE, total=None)
        is_new = download(
            imdb.URL,
            imdb.MD5,
            target,
            lambda here, total: progress.update(task, completed=here, total=total),
        )
    console.print("downloaded, checksum right" if is_new else "is there already, checksum right")
    click.echo(target)

"""The argument DATASET, and the list of data sets in a verb's help."""

from typing import Any

import click

from tidegate.errors import DataError


class DatasetName(click.ParamType[str]):
    """The type of an argument: the name of a data set, or the path of the user's own file."""

    name = "dataset"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that a value is the name of a data set, or looks like a path."""
        from tidegate.data import sources
        from tidegate.data.tables import looks_like_a_path

        if value not in sources.names() and looks_like_a_path(value):
            return str(value)
        try:
            return sources.get(value).name
        except DataError as error:
            self.fail(f"{error}; or give a file, such as {value}.csv", param, ctx)


class Verb(click.Command):
    """A verb whose help lists the data sets."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of data sets, then the options."""
        from tidegate.data import sources

        with formatter.section("Data sets, beside your own files"):
            formatter.write_dl([(name, _about(name)) for name in sources.names()])
        super().format_options(ctx, formatter)


def _about(name: str) -> str:
    from tidegate.data import sources

    source = sources.get(name)
    return source.summary + (f" --data: {source.path_help}." if source.path_help else "")

"""The argument DATASET and the list of data sets in a verb's help, both from the registry."""

from typing import Any

import click

from tidegate.errors import DataError


class DatasetName(click.ParamType[str]):
    """The name of a data set, or the path of a file of the user's."""

    name = "dataset"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse a name that no data set has and that is no path."""
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
        """The data sets, and then the options."""
        from tidegate.data import sources

        with formatter.section("Data sets, beside your own files"):
            formatter.write_dl([(name, _about(name)) for name in sources.names()])
        super().format_options(ctx, formatter)


def _about(name: str) -> str:
    from tidegate.data import sources

    source = sources.get(name)
    return source.summary + (f" --data: {source.path_help}." if source.path_help else "")

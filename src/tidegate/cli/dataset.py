"""The argument DATASET and the list of data sets in a verb's help, both from the registry."""

from typing import Any

import click

from tidegate.errors import DataError


class DatasetName(click.ParamType[str]):
    """The name of a data set."""

    name = "dataset"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse a name that no data set has."""
        from tidegate.data import sources

        try:
            return sources.get(value).name
        except DataError as error:
            self.fail(str(error), param, ctx)


class Verb(click.Command):
    """A verb whose help lists the data sets."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The data sets, and then the options."""
        from tidegate.data import sources

        with formatter.section("Data sets"):
            formatter.write_dl([(name, _about(name)) for name in sources.names()])
        super().format_options(ctx, formatter)


def _about(name: str) -> str:
    from tidegate.data import sources

    source = sources.get(name)
    return source.summary + (f" --data: {source.path_help}." if source.path_help else "")

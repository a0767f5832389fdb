"""Tables at the terminal; where it is too narrow for a table, one block of lines a row."""

import sys

from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

NO_TERMINAL_WIDTH = 200
"""The width of output that goes to no terminal: lines are not folded."""


def console() -> Console:
    """Standard output, on which square brackets are printed and not read as markup."""
    width = None if sys.stdout.isatty() else NO_TERMINAL_WIDTH
    return Console(width=width, highlight=False, markup=False)


def show(table: Table, out: Console, *, num_names: int = 1) -> None:
    """Print a table so that it loses no figure.

    Args:
        table: Its cells are strings; below a first line may stand the range of the figure.
        out: Where to.
        num_names: How many of the first columns name a row; where they are empty, the name of the
            row above holds.
    """
    out.print(table if fits(table, out) else _blocks(table, num_names))


def fits(table: Table, out: Console) -> bool:
    """Whether a table is narrow enough to be printed whole."""
    unfolded = out.options.update(width=NO_TERMINAL_WIDTH)
    return Measurement.get(out, unfolded, table).maximum <= out.width


def _blocks(table: Table, num_names: int) -> Group:
    """The rows of a table one below the other, each figure on a line of its own.

    The table itself would lose figures: Rich cuts columns that do not fit.
    """
    blocks: list[Text | Table] = [Text(f"{table.title}", "italic")] if table.title else []
    columns = table.columns[num_names:]
    names = [""] * num_names
    for row in zip(*(column.cells for column in table.columns), strict=True):
        names = [str(cell) or name for cell, name in zip(row, names, strict=False)]
        block = Table.grid("", Column(no_wrap=True), padding=(0, 0, 0, 2), pad_edge=True)
        for column, figure in zip(columns, row[num_names:], strict=True):
            if figure:
                value, *span = str(figure).split("\n")
                label = str(column.header).replace("\n", " ")
                block.add_row(label, value + (f" ({''.join(span)})" if span else ""))
        blocks += [Text("\n" + ", ".join(filter(None, names)), "bold"), block]
    return Group(*blocks, "")

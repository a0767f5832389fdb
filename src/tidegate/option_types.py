"""Types of command-line options that more than one command line takes."""

import difflib
from collections.abc import Sequence
from typing import Any

import click


class Names(click.ParamType[tuple[str, ...]]):
    """Names of a list, with commas between."""

    name = "NAME,..."

    def __init__(self, allowed: Sequence[str], what: str, *, may_be_none: bool = False) -> None:
        self.allowed, self.what, self.may_be_none = allowed, what, may_be_none

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Split, and refuse what is not in the list."""
        if isinstance(value, tuple):
            return value
        if self.may_be_none and not value:
            return ()
        names = tuple(name.strip() for name in str(value).split(","))
        for name in names:
            if name not in self.allowed:
                near = difflib.get_close_matches(name, self.allowed, 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                self.fail(
                    f"expected {self.what} of {', '.join(self.allowed)}, got {name!r}{hint}",
                    param,
                    ctx,
                )
        if len(set(names)) < len(names):
            self.fail(f"expected every name once, got {value!r}", param, ctx)
        return names

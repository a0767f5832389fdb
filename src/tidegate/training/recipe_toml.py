"""Recipes as TOML: what a file may say, and a complete one to begin from."""

import json
import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.errors import RecipeError
from tidegate.training import sections
from tidegate.training.sections import KEYS, SECTIONS

FORMAT = "tidegate.recipe/1"
WIDTH = 100
MOST_IN_A_LINE = 500
"""Bytes: a key of thousands of dots, which fit in one line alone, would take minutes."""


@dataclass(frozen=True)
class RecipeText:
    """What a file says."""

    values: dict[str, Any]
    """By ``section.key``; what the file does not name is not among them."""
    based_on: str | None = None
    """The packaged recipe whose values hold otherwise; None for the defaults."""
    summary: str = ""


def parse(content: bytes, where: str) -> RecipeText:
    """Read and check a file.

    Args:
        content: In UTF-8.
        where: Begins the message of an error.

    Raises:
        RecipeError: It is not TOML, has another format, or a key or value that no recipe has.
    """
    longest = max(map(len, content.split(b"\n")))
    if longest > MOST_IN_A_LINE:
        raise RecipeError(
            f"{where}: expected lines of at most {MOST_IN_A_LINE} bytes, got one of {longest:,}"
        )
    try:
        tables = tomllib.loads(content.decode("utf-8"))
    except RecursionError:
        raise RecipeError(f"{where}: expected TOML, got too many brackets in one another") from None
    except ValueError as error:
        raise RecipeError(f"{where}: expected TOML, got {error}") from error
    format_ = tables.pop("format", None)
    if format_ != FORMAT:
        raise RecipeError(
            f'{where}: expected format = "{FORMAT}" as the first line, got '
            f"{'none' if format_ is None else sections.shown(format_)}"
        )
    texts = {key: tables.pop(key, None) for key in ("based_on", "summary")}
    for key, text in texts.items():
        if not isinstance(text, str | None):
            raise RecipeError(f"{where}: expected {key} of a text, got {sections.shown(text)}")
    values: dict[str, Any] = {}
    for name, table in tables.items():
        if name not in SECTIONS:
            raise RecipeError(_unknown(name, where))
        if not isinstance(table, dict):
            raise RecipeError(
                f"{where}: expected the section [{name}], got {name} = {sections.shown(table)}"
            )
        values |= {f"{name}.{key}": value for key, value in table.items()}
    sections.check(values, where)
    return RecipeText(values, texts["based_on"], texts["summary"] or "")


def render(
    values: Mapping[str, Any], *, summary: str = "", comments: Mapping[str, Sequence[str]] = {}
) -> str:
    """A complete file: every key with its meaning, its range and its value.

    Args:
        values: Of every key.
        summary: What the recipe is for.
        comments: Lines that stand above a key as well, see :func:`comments_of`.
    """
    lines = [f'format = "{FORMAT}"']
    if summary:
        lines.append(f"summary = {_literal(summary)}")
    if "" in comments:
        lines += ["", *comments[""]]
    for section, kind in SECTIONS.items():
        lines += ["", *_comment(kind.__doc__), f"[{section}]"]
        for key, field in KEYS.items():
            if key.startswith(f"{section}."):
                lines += _comment(f"{field.metadata['doc']} ({_allowed(key)})")
                lines += comments.get(key, ())
                lines.append(f"{field.name} = {_literal(values[key])}")
    return "\n".join(lines) + "\n"


def comments_of(text: str) -> dict[str, list[str]]:
    """The comments of a packaged file: by the key that they stand above, under "" those above all
    sections."""
    comments: dict[str, list[str]] = {}
    section, above = "", []
    for line in text.splitlines():
        if line.startswith("#"):
            above.append(line)
            continue
        if line.startswith("["):
            section = line.strip("[]")
        elif above and not section:
            comments[""] = above
        elif above and "=" in line:
            comments[f"{section}.{line.partition('=')[0].strip()}"] = above
        above = []
    return comments


def _unknown(name: str, where: str) -> str:
    """The message for a name outside all sections that is neither a section nor a key there."""
    owners = [key for key in KEYS if key.partition(".")[2] == name]
    if owners:
        return (
            f"{where}: expected {name} in its section [{owners[0].partition('.')[0]}], got it above"
        )
    near = sections.nearest(name, ["format", "based_on", "summary", *SECTIONS])
    hint = f"; did you mean {near}?" if near else f"; there are {', '.join(SECTIONS)}"
    return f"{where}: expected a known section, got {name!r}{hint}"


def _allowed(key: str) -> str:
    """The values of a key, in words."""
    choices = sections.choices_of(key)
    if choices is not None:
        return ", ".join(_literal(choice) for choice in choices)
    range_ = sections.range_of(key)
    return "true, false" if range_ is None else str(range_)


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )


def _literal(value: Any) -> str:
    """A value as TOML has it: texts, numbers and booleans of one line as JSON has them."""
    return json.dumps(value, ensure_ascii=False)

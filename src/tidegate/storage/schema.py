"""Dataclasses from JSON: their annotations say which keys there are and what values they take."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from tidegate.errors import FormatError


@dataclass(frozen=True)
class OneOf:
    """In ``Annotated``: the values that are allowed."""

    values: tuple[str, ...]

    def expected(self, value: Any) -> str | None:
        """What is expected in place of ``value``; None if that will do."""
        return None if value in self.values else f"one of {', '.join(self.values)}"


@dataclass(frozen=True)
class Between:
    """In ``Annotated``: the least and the most of a number."""

    least: float
    most: float = float("inf")

    def expected(self, value: Any) -> str | None:
        """What is expected in place of ``value``; None if that will do."""
        most = "" if self.most == float("inf") else f" and at most {self.most}"
        return None if self.least <= value <= self.most else f"at least {self.least}{most}"


@dataclass(frozen=True)
class NotEmpty:
    """In ``Annotated``: at least one element."""

    def expected(self, value: Any) -> str | None:
        """What is expected in place of ``value``; None if that will do."""
        return None if value else "at least one"


@dataclass(frozen=True)
class IsPath:
    """In ``Annotated``: a text that may be a path."""

    def expected(self, value: Any) -> str | None:
        """What is expected in place of ``value``; None if that will do."""
        return None if value and "\0" not in value else "a path"


@dataclass(frozen=True)
class IsFileName:
    """In ``Annotated``: a name for a file that can be shown anywhere."""

    def expected(self, value: Any) -> str | None:
        """What is expected in place of ``value``; None if that will do."""
        is_one = 0 < len(value) <= 100 and value.isprintable() and not {*value} & {*"/\\`"}
        return None if is_one else "a file name of at most 100 printable characters, without ` / \\"


def build(kind: Any, value: Any, where: str) -> Any:
    """A value of an annotation, from what JSON has for it.

    Args:
        kind: ``bool``, ``int``, ``float`` (an int will do, and stays one), ``str``, ``None``,
            ``Any``, ``Literal``, ``list[X]``, ``tuple[X, ...]``, ``dict[str, X]``, a dataclass of
            these, a union (of dataclasses by their ``kind``, a ``Literal``), or one of them
            ``Annotated`` with the classes above.
        value: From JSON.
        where: Begins the message of an error.

    Raises:
        FormatError: The first part that is not as it should be.
    """
    kinds = _alternatives(kind)
    if isinstance(value, dict) and sum(map(is_dataclass, kinds)) > 1:
        return _build(_by_kind(kinds, value, where), value, where)
    for one in kinds:
        if _is_alike(one, value):
            return _build(one, value, where)
    raise _error(where, " or ".join(_name(one) for one in kinds), value)


def _build(kind: Any, value: Any, where: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        built = build(inner[0], value, where)
        for limit in inner[1:]:
            if (expected := limit.expected(built)) is not None:
                raise _error(where, expected, value)
        return built
    if origin is Literal and value not in inner:
        raise _error(where, f"one of {', '.join(map(str, inner))}", value)
    if origin in (list, tuple):
        if _are_plain(inner[0], value):
            return origin(value)
        return origin(build(inner[0], part, f"{where}[{n}]") for n, part in enumerate(value))
    if origin is dict:
        return {key: build(inner[1], part, f"{where}.{key}") for key, part in value.items()}
    return _instance(kind, value, where) if is_dataclass(kind) else value


def _are_plain(kind: Any, values: list[Any]) -> bool:
    """Whether all values are of a plain type: a quick check for long lists of numbers."""
    base, *limits = get_args(kind) if get_origin(kind) is Annotated else (kind,)
    return (
        base in (bool, int, float, str)
        and {*map(type, values)} <= {base}
        and all(limit.expected(value) is None for limit in limits for value in values)
    )


def _instance(kind: Any, content: Mapping[str, Any], where: str) -> Any:
    hints, known = get_type_hints(kind, include_extras=True), {f.name: f for f in fields(kind)}
    extra = sorted(content.keys() - known.keys())
    missing = [name for name, f in known.items() if name not in content and not _has_default(f)]
    if extra:
        raise _error(where, f"the keys {', '.join(known)}", ", ".join(extra))
    if missing:
        raise _error(where, f"a value of {', '.join(missing)}", None)
    prefix = where if where.endswith(": ") else f"{where}."
    values = {name: build(hints[name], v, prefix + name) for name, v in content.items()}
    try:
        return kind(**values)
    except ValueError as error:  # of values that do not fit each other
        raise FormatError(f"{where.removesuffix(': ')}: {error}") from error


def _has_default(field: "Field[Any]") -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _alternatives(kind: Any) -> tuple[Any, ...]:
    is_union = get_origin(kind) in (Union, types.UnionType)
    return get_args(kind) if is_union else (kind,)


def _by_kind(kinds: tuple[Any, ...], value: Mapping[str, Any], where: str) -> Any:
    """The one of several dataclasses whose ``kind`` (a ``Literal``) is the object's."""
    named = {get_args(get_type_hints(one)["kind"])[0]: one for one in kinds if is_dataclass(one)}
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in named:
        raise _error(f"{where}.kind", f"one of {', '.join(named)}", kind)
    return named[kind]


def _is_alike(kind: Any, value: Any) -> bool:
    """Whether the value has the outer form of an annotation."""
    origin = get_origin(kind) or kind
    if origin is Annotated:
        return _is_alike(get_args(kind)[0], value)
    if origin is Any:
        return True
    if origin is Literal:
        return type(value) in {type(one) for one in get_args(kind)}
    if origin is float:
        # A whole number beyond all floats would fail where it is computed with.
        return type(value) is float or (type(value) is int and abs(value) < 2**1023)
    forms = {None: types.NoneType, tuple: list}
    form = dict if is_dataclass(origin) else forms.get(origin, origin)
    return type(value) is form


def _name(kind: Any) -> str:
    origin = get_origin(kind) or kind
    if origin is Annotated:
        return _name(get_args(kind)[0])
    if origin is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if is_dataclass(origin) or origin is dict:
        return "an object"
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    names |= {list: "a list", tuple: "a list", types.NoneType: "null"}
    return names[origin]


def _error(where: str, expected: str, got: Any) -> FormatError:
    shown = "none" if got is None else repr(got)
    cut = "..." * (len(shown) > 60)
    return FormatError(f"{where.removesuffix(': ')}: expected {expected}, got {shown[:60]}{cut}")

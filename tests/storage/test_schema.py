"""Dataclasses from JSON: what their annotations allow, and what is said of everything else."""

import math
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from tidegate.errors import FormatError
from tidegate.storage.schema import Between, IsPath, NotEmpty, OneOf, build


@dataclass(frozen=True)
class Part:
    """One of several."""

    name: Annotated[str, OneOf(("a", "b"))]
    share: Annotated[float, Between(0, 1)] = 0.5


@dataclass(frozen=True)
class Whole:
    """All kinds of fields."""

    parts: Annotated[tuple[Part, ...], NotEmpty()]
    numbers: list[float]
    sizes: list[int | None]
    kind: Literal["x", "y"]
    path: Annotated[str, IsPath()] | None
    more: dict[str, Any]
    named: dict[str, int] = field(default_factory=dict)
    is_done: bool = False


GOOD: dict[str, Any] = {
    "parts": [{"name": "a"}, {"name": "b", "share": 1}],
    "numbers": [1, 2.5],
    "sizes": [None, 3],
    "kind": "y",
    "path": None,
    "more": {"any": [{}]},
}


def test_it_is_built_with_its_defaults_and_numbers_as_they_are_written():
    found = build(Whole, GOOD, "file: ")
    assert found == Whole((Part("a"), Part("b", 1)), [1, 2.5], [None, 3], "y", None, {"any": [{}]})
    assert type(found.parts[1].share) is int
    assert type(found.numbers[0]) is int


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"parts": []}, "file: parts: expected at least one, got []"),
        ({"parts": {}}, "file: parts: expected a list, got {}"),
        ({"parts": [{}]}, "file: parts[0]: expected a value of name, got none"),
        ({"parts": ["a"]}, "file: parts[0]: expected an object, got 'a'"),
        ({"parts": [{"name": "c"}]}, "file: parts[0].name: expected one of a, b, got 'c'"),
        (
            {"parts": [{"name": "a", "shar": 1}]},
            "file: parts[0]: expected the keys name, share, got 'shar'",
        ),
        (
            {"parts": [{"name": "a", "share": 1.5}]},
            "file: parts[0].share: expected at least 0 and at most 1, got 1.5",
        ),
        ({"numbers": [0.5, "1"]}, "file: numbers[1]: expected a number, got '1'"),
        ({"numbers": [True]}, "file: numbers[0]: expected a number, got True"),
        ({"numbers": [10**400]}, f"file: numbers[0]: expected a number, got 1{'0' * 59}..."),
        ({"sizes": [1.0]}, "file: sizes[0]: expected a whole number or null, got 1.0"),
        ({"kind": "z"}, "file: kind: expected one of x, y, got 'z'"),
        ({"kind": 1}, "file: kind: expected one of x, y, got 1"),
        ({"path": ""}, "file: path: expected a path, got ''"),
        ({"path": 1}, "file: path: expected a text or null, got 1"),
        ({"more": []}, "file: more: expected an object, got []"),
        ({"named": {"a": None}}, "file: named.a: expected a whole number, got none"),
        ({"is_done": 0}, "file: is_done: expected true or false, got 0"),
        ({"extra": 0}, "file: expected the keys parts, numbers, sizes, kind, path, more, named, "),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named_with_its_place(changes, text):
    with pytest.raises(FormatError) as error:
        build(Whole, GOOD | changes, "file: ")
    assert str(error.value).startswith(text)


def test_long_lists_are_checked_element_by_element_too():
    shares = [0.5] * 1000
    kind = list[Annotated[float, Between(0, 1)]]
    assert build(kind, shares, "x") == shares
    for wrong in (1.5, -0.1, math.nan, "0", None):
        with pytest.raises(FormatError, match=r"^x\[1000\]: expected"):
            build(kind, [*shares, wrong], "x")

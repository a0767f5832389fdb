"""What a run's bits depend on, and how two runs differ in it.

A fingerprint has sections. ``exactness`` holds what rounds otherwise but trains the same model
(versions, instruction set, threads); all the others (configuration, data) say which run it is.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

EXACTNESS = "exactness"


def differences(saved: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, str]:
    """The keys in which two fingerprints differ, dotted, each with what it was and what it is.

    Numbers are compared as they are written: 1 and 1.0 differ.
    """
    old, new = dict(_leaves(saved)), dict(_leaves(present))
    return {
        key: f"{key} was {old.get(key, 'absent')}, is {new.get(key, 'absent')}"
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    }


def is_exactness(key: str) -> bool:
    """Whether a dotted key belongs to the section that may be overridden."""
    return key.split(".")[0] == EXACTNESS


def _leaves(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, json.dumps(value, ensure_ascii=False)

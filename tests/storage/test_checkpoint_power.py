"""A power cut after any file operation loses no checkpoint that the run was told of.

What is not synced may be lost: a file's bytes, and a folder's changes of names, each for itself.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from checkpoint_samples import (
    FINGERPRINT,
    NUM_STEPS,
    around_operations,
    contents,
    digest,
    expected_digest,
    train,
)
from tidegate.storage.checkpoint import Checkpoints


@dataclass
class File:
    """Bytes as the system shows them, and as the disk has them."""

    shown: bytes = b""
    synced: bytes = b""


@dataclass
class Folder:
    """Names as the system shows them, and as the disk has them."""

    shown: dict[str, "File | Folder"] = field(default_factory=dict)
    synced: dict[str, "File | Folder"] = field(default_factory=dict)


class Disk:
    """A disk with the folder ``root``, to which operations are told one by one."""

    def __init__(self, root):
        self.root, self.folder, self.open_files = root, Folder(), {}

    def _parent(self, path):
        folder = self.folder
        for name in path.parent.relative_to(self.root).parts:
            folder = folder.shown[name]
        return folder.shown

    def tell(self, name, arguments, result):
        first = arguments[0]
        if name == "make_folder":
            self._parent(first)[first.name] = Folder()
        elif name in ("create", "update"):
            self.open_files[result] = self._parent(first).setdefault(first.name, File())
        elif name == "write":
            self.open_files[first].shown += arguments[1]
        elif name == "truncate":
            self.open_files[first].shown = self.open_files[first].shown[: arguments[1]]
        elif name == "sync":
            self.open_files[first].synced = self.open_files[first].shown
        elif name == "close":
            del self.open_files[first]
        elif name == "sync_folder":
            folder = self.folder if first == self.root else self._parent(first)[first.name]
            folder.synced = dict(folder.shown)
        elif name == "rename":
            self._parent(arguments[1])[arguments[1].name] = self._parent(first).pop(first.name)
        elif name in ("remove", "remove_folder"):
            del self._parent(first)[first.name]
        else:
            pytest.fail(f"unknown operation {name}")

    def after_power_cut(self, target, is_ahead: Callable[[], bool]):
        """Write what is left to ``target``: of each name the change or, unsynced, what was."""
        _write(self.folder, target, is_ahead)


def _write(node, target, is_ahead):
    if isinstance(node, File):
        target.write_bytes(node.synced)
        return
    target.mkdir()
    for name in sorted({*node.shown, *node.synced}):
        child = (node.shown if is_ahead() else node.synced).get(name)
        if child is not None:
            _write(child, target / name, is_ahead)


def coin(seed):
    draws = np.random.default_rng(seed)
    return lambda: bool(draws.integers(2))


CUTS = {
    "names behind": lambda: lambda: False,
    "names ahead": lambda: lambda: True,
    **{f"names at random, {seed}": lambda seed=seed: coin(seed) for seed in range(3)},
}


@pytest.mark.parametrize("cut", CUTS)
def test_a_power_cut_at_any_operation_loses_no_checkpoint_that_was_told(tmp_path, monkeypatch, cut):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    root, place = tmp_path / "whole", "runs/first"  # folders that the run has to make
    root.mkdir()
    disk = Disk(root)
    told = [0]
    left = []

    def act(number, name, operation, arguments):
        result = operation(*arguments)
        disk.tell(name, arguments, result)
        disk.after_power_cut(tmp_path / str(number), CUTS[cut]())
        left.append((tmp_path / str(number) / place, told[-1]))
        return result

    with around_operations(act):
        train(root / place, saved=told.append)
    train(root / place, num_steps=NUM_STEPS + 1)
    assert len(left) > 20 * NUM_STEPS
    assert told == list(range(NUM_STEPS + 1))
    for run, last_told in left:
        with Checkpoints(run / "checkpoints", fingerprint=FINGERPRINT) as checkpoints:
            found = checkpoints.newest(pytest.fail)
        step = found.step if found else 0
        assert step >= last_told, run
        if found:
            assert digest(found.tensors) == expected_digest(step), run
        train(run, num_steps=NUM_STEPS + 1, notify=pytest.fail)
        assert contents(run) == contents(root / place), run

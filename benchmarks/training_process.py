"""`tidegate train` in a process of its own, measured from outside."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True)
class Trained:
    """What a training took, and its network's record in the results."""

    first_line_s: float
    """Seconds until the first line on the screen."""
    seconds: float
    peak_mb: float
    """Largest resident memory."""
    job: dict[str, Any]


def train(arguments: Sequence[str], run_folder: Path) -> Trained:
    """Run `tidegate train` with these arguments, and pass on what it says.

    Raises:
        SystemExit: The training failed.
    """
    begin, first = time.perf_counter(), []
    process = subprocess.Popen(
        [sys.executable, "-m", "tidegate", "train", *arguments, "--out", str(run_folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    reader = threading.Thread(target=_pass_on, args=(process.stderr, first, begin))
    reader.start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    reader.join()
    seconds = time.perf_counter() - begin
    if process.returncode:
        raise SystemExit(f"tidegate train ended with {process.returncode}")
    models = json.loads((run_folder / "results.json").read_text())["models"]
    job = next(model for model in models if model["kind"] == "recurrent")
    return Trained(first[0], seconds, usage.ru_maxrss / 1024, job)


def _pass_on(stream: IO[str], first: list[float], begin: float) -> None:
    """Print what the training says, and note when it said the first."""
    for line in stream:
        if not first:
            first.append(time.perf_counter() - begin)
        print(f"  {line}", end="", flush=True)

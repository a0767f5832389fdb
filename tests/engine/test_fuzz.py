"""No call from Python ends the process, whatever it passes; see ``fuzz.py``.

``TIDEGATE_FUZZ_SECONDS=600`` looks for so long, target by target, at examples that nobody has seen.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = os.environ.get("TIDEGATE_FUZZ_SECONDS")
TARGETS = ["layers", "steps", "doors", "optimisers", "adam", "modules"]


@pytest.mark.timeout(120 + 2 * float(SECONDS or 0))
@pytest.mark.parametrize("target", TARGETS)
def test_no_call_ends_the_process(target):
    command = [sys.executable, str(Path(__file__).parents[1] / "fuzz.py"), target]
    done = subprocess.run(
        command + ([SECONDS] if SECONDS else []), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-6000:]

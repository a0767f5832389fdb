"""What was built: kernels that cannot be mixed up by the linker, and no warnings."""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from tidegate import engine
from tidegate.cells import ENGINE_CELLS, NUM_GATES
from tidegate.engine import Weights

ROOT = Path(__file__).parents[2]
KERNELS = ROOT / "cpp" / "kernels"


def symbols(path):
    """(kind, name) of each symbol of an object, by nm: capitals are seen by other objects."""
    done = subprocess.run(["nm", "-C", str(path)], capture_output=True, text=True, check=True)
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    # Undefined ones have no address.
    return [(kind, name) for *_, kind, name in (line[-2:] for line in lines if len(line) >= 2)]


@pytest.fixture(scope="module")
def objects():
    if shutil.which("nm") is None:
        pytest.skip("needs nm")
    python = f"cp{sysconfig.get_config_var('py_version_nodot')}"
    found = [
        path
        for path in (ROOT / "build").glob(f"{python}*/**/*.o")
        if "kernel" in str(path.relative_to(ROOT))
    ]
    if not found:
        pytest.skip("needs the folder of the build (make install)")
    return found


def test_objects_of_one_instruction_set_share_nothing(objects):
    """No weak symbol: of two copies the linker might keep the one this machine cannot run."""
    for path in objects:
        weak = [name for kind, name in symbols(path) if kind in "VvWwu"]
        assert weak == [], path


def test_they_export_their_table_alone(objects):
    for path in objects:
        exported = [name for kind, name in symbols(path) if kind in "TDBRSC"]
        assert len(exported) == 1, (path, exported)
        assert re.search(r"tidegate::(generic|avx2|avx512|lowered)::", exported[0]), exported


def test_every_source_compiles_without_warnings(tmp_path):
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        pytest.skip("needs a C++ compiler")
    flags = ["-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{ROOT / 'cpp'}"]
    sources = [*(ROOT / "cpp" / "engine").glob("*.cpp"), *(ROOT / "cpp" / "tests").glob("*.cpp")]
    running = [
        subprocess.Popen([compiler, *flags, str(source)], stderr=subprocess.PIPE, text=True)
        for source in sources
    ]
    for source, process in zip(sources, running, strict=True):
        _, errors = process.communicate()
        assert process.returncode == 0, f"{source}: {errors}"


def test_gates_are_as_many_in_python_as_in_the_engine():
    assert {cell: engine.NUM_GATES[name] for cell, name in ENGINE_CELLS.items()} == NUM_GATES
    for cell, gates in engine.NUM_GATES.items():
        H, x = 3, np.ones((2, 1, 4), np.float32)
        weights = Weights(np.ones((gates * H, 4), np.float32), np.ones((gates * H, H), np.float32))
        assert engine.forward(cell, x, weights).output.shape == (2, 1, H)

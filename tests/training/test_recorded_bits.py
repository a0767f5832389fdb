"""A recipe's numbers stay: a small fixed run ends with the bits that were recorded."""

import hashlib
import os
import subprocess
import sys

import pytest
import torch

from tidegate import engine

# One instruction set each of the engine, PyTorch and MKL, that every processor with AVX2 has.
ONE_PATH = {"TIDEGATE_ISA": "avx2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "COMPATIBLE"}
TORCH = "2.13.0"
"""What the sum was recorded with; another version may round otherwise."""
FAST = "b0eccdd0019c6cdd"
"""The first digits of the SHA-256 of ``model.safetensors`` of the run below."""


@pytest.mark.skipif("avx2" not in engine.supported_isas(), reason="recorded on AVX2")
@pytest.mark.skipif(
    torch.__version__.partition("+")[0] != TORCH, reason=f"recorded with PyTorch {TORCH}"
)
def test_the_recipe_fast_ends_with_the_recorded_bits(tmp_path):
    chosen = ["--recipe", "fast", "--cell", "gru", "--seed", "0", "--limit", "2000"]
    others = ["--threads", "2", "--out", str(tmp_path / "run")]
    subprocess.run(
        [sys.executable, "-m", "tidegate", "train", "imdb", *chosen, *others],
        env=os.environ | ONE_PATH,
        capture_output=True,
        check=True,
    )
    (weights,) = (tmp_path / "run" / "models").glob("*/model.safetensors")
    assert hashlib.sha256(weights.read_bytes()).hexdigest().startswith(FAST)

"""Work on the OpenMP threads that PyTorch brought: the same bits, and no threads beside them."""

import subprocess
import sys

import pytest

from engine_samples import folders_of_tests

PRELUDE = """
import os, sys
sys.path[:0] = {tests!r}
import torch
from test_engine_threads import CASES, bits
from tidegate import engine

def num_threads():
    return len(os.listdir("/proc/self/task"))

def start_torch():
    x = torch.ones(1 << 20)
    for _ in range(3):
        x = x + 1
engine.set_num_threads(1)
alone = [bits(case) for case in CASES]
"""


@pytest.fixture
def run(request):
    def run(code, timeout=100):
        prelude = PRELUDE.format(tests=folders_of_tests(request))
        done = subprocess.run(
            [sys.executable, "-c", prelude + code], capture_output=True, text=True, timeout=timeout
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


@pytest.mark.parametrize(("threads", "added"), [(3, "0"), (2, "1")], ids=["torchs", "own"])
def test_as_many_threads_as_torch_has_are_torchs(run, threads, added):
    assert run(f"""
torch.set_num_threads(3)
engine.set_num_threads({threads})
assert engine.share_openmp()
start_torch()
before = num_threads()
found = [bits(case) for case in CASES]
print(num_threads() - before, found == alone)
""") == [added, "True"]


@pytest.mark.parametrize(
    ("module", "added"),
    [("tidegate.engine", "1"), ("tidegate.nn", "0"), ("tidegate.optim", "0")],
)
def test_the_rooms_that_use_torch_share(run, module, added):
    assert run(f"""
import {module}
torch.set_num_threads(2)
engine.set_num_threads(2)
start_torch()
before = num_threads()
[bits(case) for case in CASES]
print(num_threads() - before)
""") == [added]


def test_many_python_threads_and_a_fork(run):
    same = run("""
import signal, warnings
from concurrent.futures import ThreadPoolExecutor
warnings.simplefilter("ignore", DeprecationWarning)
torch.set_num_threads(2)
engine.set_num_threads(2)
assert engine.share_openmp()
start_torch()
same = True
with ThreadPoolExecutor(4) as callers:
    for _ in range(3):
        same = same and list(callers.map(bits, CASES * 2)) == alone * 2
same = same and [bits(case) for case in CASES] == alone
child = os.fork()
if child == 0:
    signal.alarm(30)
    before = num_threads()
    same = [bits(case) for case in CASES] == alone and num_threads() == before + 1
    os._exit(0 if same else 3)
_, status = os.waitpid(child, 0)
print(same, status, [bits(case) for case in CASES] == alone)
""")
    assert same == ["True", "0", "True"]


def test_there_may_be_none(request):
    code = f"""
import sys
sys.path[:0] = {folders_of_tests(request)!r}
from tidegate import engine
assert "torch" not in sys.modules
print(engine.share_openmp())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert (done.stdout.strip(), done.returncode) == ("False", 0), done.stderr

"""Many Python threads at once, forks, changes of the number of threads, and the GIL."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from engine_samples import CELLS, Case, arrays, folders_of_tests
from tidegate import engine

pytestmark = pytest.mark.usefixtures("three_threads")


def bits(case):
    """Results and gradients of a training call, as bytes."""
    given = arrays(case)
    is_lstm = case.cell == "lstm"
    found = engine.forward(
        case.cell,
        given.x,
        engine.Weights(*given.w),
        given.h_0,
        given.c_0 if is_lstm else None,
        lengths=given.lengths,
        training=True,
    )
    grads = engine.backward(found.saved, given.grad.output, given.grad.h_n)
    return b"".join(a.tobytes() for a in (found.output, grads.input, grads.h_0, *grads.weights))


CASES = [Case(cell, T=11, N=21, I=9, H=20, seed=seed) for cell in CELLS for seed in (1, 2)]


def test_many_python_threads_compute_the_same_bits():
    wanted = [bits(case) for case in CASES]
    with ThreadPoolExecutor(6) as callers:
        for _ in range(5):
            assert list(callers.map(bits, CASES * 2)) == wanted * 2


def test_the_number_of_threads_may_change_at_any_time():
    wanted = [bits(case) for case in CASES]
    is_over = threading.Event()

    def change():
        num = 0
        while not is_over.is_set():
            num += 1
            engine.set_num_threads(1 + num % 7)
            time.sleep(0.0005)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        with ThreadPoolExecutor(4) as callers:
            for _ in range(5):
                assert list(callers.map(bits, CASES)) == wanted
    finally:
        is_over.set()
        changer.join()


def test_one_stepper_a_thread():
    case = Case("lstm", T=50, N=2, I=7, H=33, lengths=(50, 50))
    given = arrays(case)

    def stream(_):
        stepper = engine.Stepper("lstm", engine.Weights(*given.w), batch_size=2)
        return b"".join(stepper.step(x).tobytes() for x in given.x)

    wanted = engine.forward("lstm", given.x, engine.Weights(*given.w)).output.tobytes()
    with ThreadPoolExecutor(4) as callers:
        assert set(callers.map(stream, range(12))) == {wanted}


@pytest.mark.alone
def test_another_python_thread_runs_during_a_call():
    """The GIL is released: this one counts while a call of some 100 ms runs."""
    rng = np.random.default_rng(0)
    T, H = 400, 256
    x = rng.normal(size=(T, 8, H)).astype(np.float32)
    weights = engine.Weights(
        *(rng.normal(size=(3 * H, H)).astype(np.float32) / 16 for _ in range(2))
    )
    engine.set_num_threads(1)
    times = []

    def call():
        start = time.perf_counter()
        while time.perf_counter() - start < 0.2:
            begin = time.perf_counter()
            engine.forward("gru_after", x, weights)
            times.append((begin, time.perf_counter()))

    caller = threading.Thread(target=call)
    ticks = []
    caller.start()
    while caller.is_alive():
        ticks.append(time.perf_counter())
        time.sleep(0.0005)
    caller.join()
    # A call that held the GIL would keep every tick out of it but those at its very ends.
    inside = [sum(begin < tick < end for tick in ticks) for begin, end in times]
    assert max(inside) >= 5


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)


FORK = """
import os, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)
sys.path[:0] = {tests!r}
from test_engine_threads import CASES, bits
from tidegate import engine
engine.set_num_threads(3)
wanted = [bits(case) for case in CASES]
is_over = False
def work():
    while not is_over:
        bits(CASES[0])
busy = [threading.Thread(target=work) for _ in range({num_busy})]
for thread in busy:
    thread.start()
for _ in range(8):
    child = os.fork()
    if child == 0:
        import signal
        signal.alarm(30)
        same = [bits(case) for case in CASES] == wanted
        # With threads of its own, not alone for the rest of its life.
        same = same and len(os.listdir("/proc/self/task")) > 1
        engine.set_num_threads(2)
        same = same and [bits(case) for case in CASES] == wanted
        os._exit(0 if same else 3)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
is_over = True
for thread in busy:
    thread.join()
assert [bits(case) for case in CASES] == wanted
print("the same")
"""


@pytest.mark.parametrize("num_busy", [0, 2], ids=["quiet", "while others compute"])
def test_a_forked_child_computes_the_same_bits(num_busy, request):
    if num_busy and "libasan" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("AddressSanitizer's malloc does not survive a fork among busy threads")
    done = run(FORK.format(tests=folders_of_tests(request), num_busy=num_busy))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "the same\n"


def test_the_process_ends_while_threads_compute(request):
    """Daemon threads in the middle of calls neither hang the exit nor crash it."""
    code = f"""
import sys, threading, time
sys.path[:0] = {folders_of_tests(request)!r}
from test_engine_threads import CASES, bits
from tidegate import engine
engine.set_num_threads(3)
def work():
    while True:
        bits(CASES[0])
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
"""
    done = run(code)
    assert (done.returncode, done.stderr) == (0, "")

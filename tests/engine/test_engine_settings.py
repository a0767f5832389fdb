"""Instruction set and threads: what is chosen, what can be asked for, what is refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tidegate
from tidegate import engine
from tidegate.errors import IsaError, ThreadsError

SHOW = "from tidegate import engine; print(engine.active_isa(), engine.num_threads())"


def run(code=SHOW, **environment):
    """A fresh interpreter with these variables set, and none of the engine's others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=kept | environment
    )


@pytest.fixture(autouse=True)
def _settings_stay_as_they_were():
    isa, threads = engine.active_isa(), engine.num_threads()
    yield
    engine.use_isa(isa)
    engine.set_num_threads(threads)


def test_at_first_the_widest_instruction_set_and_the_processors_allowed():
    isa, threads = run().stdout.split()
    assert isa == engine.supported_isas()[-1]
    assert 1 <= int(threads) <= len(os.sched_getaffinity(0))


def test_threads_follow_the_affinity():
    one = f"import os; os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}}); {SHOW}"
    assert run(one).stdout.split()[1] == "1"


@pytest.mark.parametrize("isa", engine.supported_isas())
def test_the_environment_forces_an_instruction_set(isa):
    assert run(TIDEGATE_ISA=isa).stdout.split()[0] == isa


@pytest.mark.parametrize("isa", engine.supported_isas())
def test_use_isa_changes_it_in_this_process(isa):
    engine.use_isa(isa)
    assert engine.active_isa() == isa


def test_lowered_is_for_tests_and_not_for_the_environment():
    if "avx2" not in engine.supported_isas():
        pytest.skip("needs AVX2")
    engine.use_isa("lowered")
    assert engine.active_isa() == "lowered"
    done = run(TIDEGATE_ISA="lowered")
    assert "IsaError" in done.stderr
    assert "lowered" not in engine.supported_isas()


def test_an_unknown_instruction_set_is_refused_and_nothing_changes():
    before = engine.active_isa()
    with pytest.raises(IsaError, match=r"use_isa: expected one of generic.*got 'sse9'"):
        engine.use_isa("sse9")
    assert engine.active_isa() == before


COMMAND = "from tidegate.cli.main import main; main(['info'])"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("TIDEGATE_ISA", "AVX2", "TIDEGATE_ISA: expected one of generic"),
        ("TIDEGATE_NUM_THREADS", "0", "TIDEGATE_NUM_THREADS: expected a number"),
        ("TIDEGATE_NUM_THREADS", "two", "TIDEGATE_NUM_THREADS: expected a number"),
        ("TIDEGATE_NUM_THREADS", "1025", "TIDEGATE_NUM_THREADS: expected a number"),
        ("TIDEGATE_NUM_THREADS", "9" * 30, "TIDEGATE_NUM_THREADS: expected a number"),
    ],
)
def test_a_bad_variable_is_one_line_and_no_traceback(variable, value, message):
    done = run(COMMAND, **{variable: value})
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {message}")
    assert f"got {value!r}; unset it to take" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_environment_sets_the_threads():
    assert run(TIDEGATE_NUM_THREADS="5").stdout.split()[1] == "5"
    assert run(TIDEGATE_NUM_THREADS="").returncode == 0


def test_threads_are_set_and_read_at_the_top():
    tidegate.set_num_threads(3)
    assert tidegate.get_num_threads() == engine.num_threads() == 3


@pytest.mark.parametrize("num", [0, -1, 1025])
def test_a_number_of_threads_that_cannot_be_is_refused(num):
    before = engine.num_threads()
    with pytest.raises(ThreadsError, match=rf"from 1 to 1024, got {num}"):
        tidegate.set_num_threads(num)
    assert engine.num_threads() == before


def test_a_number_of_threads_is_a_whole_number():
    with pytest.raises(TypeError):
        tidegate.set_num_threads(2.0)


@pytest.mark.alone
def test_import_is_quick():
    """Without the engine: nothing is loaded before it is needed."""
    code = (
        "import time; start = time.perf_counter(); import tidegate\n"
        "import sys; print(time.perf_counter() - start, 'tidegate._engine' in sys.modules)"
    )
    seconds, has_engine = run(code).stdout.split()
    assert float(seconds) < 0.3
    assert has_engine == "False"


def test_the_pool_by_itself(tmp_path):
    """Beyond Python's reach: nested calls, tasks that need each other, locks held by a fork."""
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        pytest.skip("needs a C++ compiler")
    cpp = Path(__file__).parents[2] / "cpp"
    sources = ["tests/pool_test.cpp", *(f"engine/{name}.cpp" for name in ("pool", "openmp", "cpu"))]
    program = tmp_path / "pool_test"
    flags = ["-std=c++20", "-O1", "-pthread", f"-I{cpp}", "-o", str(program)]
    subprocess.run([compiler, *flags, *(str(cpp / s) for s in sources), "-ldl"], check=True)
    # A preloaded sanitizer does not survive its forks.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run([program], capture_output=True, text=True, timeout=120, env=environment)
    assert (done.returncode, done.stdout) == (0, "pool_test: passed\n"), done.stderr

"""The house's own rules: what starts fast, what works without PyTorch, who may touch the engine."""

import platform
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

import tidegate as tidegate_package
from tidegate import engine, machine
from tidegate.cli.main import VERBS

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "tidegate").rglob("*.py"))


def modules_after(code):
    """The modules that a fresh interpreter has loaded after running some code."""
    report = "\nimport sys; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code + report], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def cli(*arguments):
    return (
        "from tidegate.cli.main import main\n"
        f"try: main({list(arguments)})\n"
        "except SystemExit as stop: assert stop.code == 0, stop.code"
    )


@pytest.mark.parametrize(
    "code",
    [
        "import tidegate",
        cli("--help"),
        cli("compare", "--help"),
        cli("bench", "--help"),
        cli("info"),
        "import tidegate.data.sources.imdb, tidegate.data.prepared, tidegate.inference.predictor",
        "import tidegate.evaluation.metrics, tidegate.equations, tidegate.engine",
        "import tidegate.report.page",
        "from tidegate import Classifier, Regressor",
    ],
    ids=[
        "import",
        "help",
        "compare help",
        "bench help",
        "info",
        "data",
        "evaluation",
        "report",
        "estimators",
    ],
)
def test_torch_is_not_imported_by(code):
    assert "torch" not in modules_after(code)


def test_help_imports_nothing_heavy():
    loaded = modules_after(cli("--help"))
    assert not loaded & {"numpy", "rich", "matplotlib", "jinja2", "pooch", "requests", "pandas"}


@pytest.mark.parametrize("name", ["engine", "equations", "nn", "optim"])
def test_submodules_are_there_after_import_tidegate(name):
    """Each in an interpreter of its own, for one may import another."""
    code = f"import tidegate; assert '{name}' in dir(tidegate); tidegate.{name}.__file__"
    assert f"tidegate.{name}" in modules_after(code)


def test_an_unknown_attribute_is_one():
    with pytest.raises(AttributeError, match="module 'tidegate' has no attribute 'nm'"):
        tidegate_package.nm  # noqa: B018


def test_type_checkers_are_told_of_our_types():
    assert (ROOT / "src" / "tidegate" / "py.typed").is_file()


def test_python_dash_m_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "tidegate", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"tidegate, version {found_version()}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_has_a_description(verb):
    command = import_module(f"tidegate.cli.{verb}").command
    for part in [command, *getattr(command, "commands", {}).values()]:
        assert part.help
        assert [o.name for o in part.params if isinstance(o, click.Option) and not o.help] == []
    described = [o.help for o in command.params if o.name == "threads"]
    assert not any(text.startswith("[default") for text in described)


def test_a_data_set_is_called_dataset_everywhere(tidegate):
    for verb in ("train", "compare", "pretrain"):
        text = tidegate(verb, "--help").out
        assert text.startswith(f"Usage: tidegate {verb} [OPTIONS] DATASET|FILE...\n")
        assert "DATASET or FILEs" in " ".join(text.split())


def test_a_mistyped_verb_gets_a_suggestion(tidegate):
    outcome = tidegate("comapre", "imdb")
    assert outcome.code == 2
    assert outcome.err.endswith(
        f"Error: expected a verb of {', '.join(VERBS)}, got 'comapre'; did you mean 'compare'?\n"
    )
    assert tidegate("xyz").err.endswith("train, got 'xyz'\n")
    assert tidegate("-h").code == 0
    assert "No such option '-x'" in tidegate("-x").err


def test_a_verb_without_torch_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from tidegate.cli.main import main\n"
        "main(['compare', 'imdb', '--limit', '20', '--out', sys.argv[1]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "run")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "this verb needs the package torch" in done.stderr
    assert "pip install 'tidegate[train]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_only_one_package_touches_the_compiled_module():
    readers = [p for p in SOURCES if "tidegate._engine" in p.read_text(encoding="utf-8")]
    assert {p.parent.relative_to(ROOT).as_posix() for p in readers} == {"src/tidegate/engine"}


def test_what_strangers_may_have_written_is_read_in_one_place():
    """Bounded, from regular files: see storage/regular.py and storage/json_file.py."""
    reads = re.compile(r"json\.loads?\(|\.read_text\(|\.read_bytes\(|np\.load\(|tomllib\.load\(")
    readers = {
        p.relative_to(ROOT / "src" / "tidegate").as_posix()
        for p in SOURCES
        if reads.search(p.read_text(encoding="utf-8"))
    }
    # Packaged recipes are the package's own; the rest read the system's files, or their children.
    own = {"training/recipe.py", "memory.py", "bench/conditions.py", "bench/remote.py"}
    assert readers == own | {"bench/cases/memory.py", "bench/worker/__main__.py"}


def test_files_are_rooms_not_halls():
    code = [*SOURCES, *(ROOT / "cpp").rglob("*.[ch]pp"), *(ROOT / "tests").glob("*.py")]
    lengths = {str(p.relative_to(ROOT)): len(p.read_bytes().splitlines()) for p in code}
    assert {name: length for name, length in lengths.items() if length > 600} == {}


def test_git_ignores_no_source():
    """Linters and the build of a package pass by what git ignores."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout == b""


def test_the_instruction_sets_are_those_the_kernel_reports():
    isas = engine.supported_isas()
    assert isas[0] == "generic"
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not cpuinfo.exists():
        assert isas == ["generic"]
        return
    flags = set(cpuinfo.read_text().split("flags", 1)[1].split("\n", 1)[0].split())
    assert ("avx2" in isas) == ({"avx2", "fma"} <= flags)
    assert ("avx512" in isas) == (
        {"avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags
    )
    assert engine.cpu_name() in cpuinfo.read_text()


def test_the_engines_stub_is_up_to_date(tmp_path):
    stub = tmp_path / "_engine.pyi"
    command = [sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "tidegate._engine", "-o", stub]
    subprocess.run(command, check=True)
    assert (ROOT / "src" / "tidegate" / "_engine.pyi").read_text() == stub.read_text()


def test_info_prints_versions_and_machine(tidegate):
    outcome = tidegate("info")
    assert outcome.code == 0
    found = machine.describe()
    for value in (found["tidegate"], found["torch"], found["cpu"], f"{found['num_cpus']} (proc"):
        assert value in outcome.out
    assert ", ".join(engine.supported_isas()) in outcome.out


def test_help_shows_examples_and_every_option(tidegate):
    assert "tidegate compare imdb" in tidegate("--help").out
    text = tidegate("compare", "--help").out
    options = "cells seeds recipe set epochs limit data out threads checkpoint-every resume log"
    for option in [*options.split(), "allow-inexact"]:
        assert f"  --{option} " in text
    assert "Examples:" in text
    assert tidegate("--version").out == f"tidegate, version {found_version()}\n"


def found_version():
    return machine.describe()["tidegate"]

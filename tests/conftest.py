"""What several tests share: the command line, a small set of reviews, the instruction sets."""

from pathlib import Path
from typing import NamedTuple

import pytest

from tidegate import engine
from tidegate.cli.main import main

collect_ignore = ["peers"]
"""They run in an environment of their own: ``make peers``."""

GOOD = "a good film , a fine film ; I liked the good story and the fine play"
BAD = "a bad film , a poor film ; I loathed the bad story and the poor play"


LONG = ("training/test_resume.py", "estimators/test_estimator_checks.py", "cli/test_compare.py")
"""Files of minutes: they run first, so that no process is left with one of them alone."""


def pytest_collection_modifyitems(items):
    """Put the tests of long files before the others, whose order stays."""
    items.sort(key=lambda item: not str(item.path).endswith(LONG))


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def tidegate(capsys):
    """Run ``tidegate`` with the given arguments."""

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        return Outcome(stop.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def three_threads():
    """The engine has three threads, and afterwards as many as before."""
    before = engine.num_threads()
    engine.set_num_threads(3)
    yield
    engine.set_num_threads(before)


@pytest.fixture(params=["engine", "composite"])
def path(request, monkeypatch):
    """Both ways of computing a recurrence, one after the other."""
    from tidegate.nn import _path

    if request.param == "composite":
        monkeypatch.setattr(_path, "MISSING", "a test goes without the engine")
        monkeypatch.setattr(_path, "_has_warned", True)
    return request.param


def write_reviews(root: Path, num_per_class: int = 20) -> Path:
    """The official archive's folders, with reviews that a word or two tell apart."""
    for part in ("train", "test"):
        for name, text in (("pos", GOOD), ("neg", BAD)):
            folder = root / part / name
            folder.mkdir(parents=True)
            for number in range(num_per_class):
                words = f"{part} number{number} " * (number % 3) + text
                (folder / f"{number}_7.txt").write_text(words, encoding="utf-8")
    return root


@pytest.fixture
def reviews(tmp_path):
    """A folder of 40 training and 40 test reviews."""
    return write_reviews(tmp_path / "aclImdb")


@pytest.fixture(params=engine.usable_isas())
def isa(request):
    """Every instruction set of this machine in turn, and AVX-512's code compiled for AVX2."""
    before = engine.active_isa()
    engine.use_isa(request.param)
    yield request.param
    engine.use_isa(before)


@pytest.fixture
def few_resamples(monkeypatch):
    """A report's intervals are of a hundred samples instead of a thousand, for speed."""
    from tidegate.evaluation import bootstrap

    monkeypatch.setattr(bootstrap, "NUM_RESAMPLES", 100)

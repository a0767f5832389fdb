"""The folder of a run: new, its own, and gone where nothing came of it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from threading import Barrier

import pytest

from resume_samples import OPTIONS, SMALL, settings
from tidegate.application import carry_out
from tidegate.errors import RunFolderError
from tidegate.runs.run_folder import claim


def test_numbered_folders_are_new_and_go_where_nothing_is_written(tmp_path):
    runs = tmp_path / "runs"
    with ExitStack() as stack:
        names = [stack.enter_context(claim(runs / "run", numbered=True)).name for _ in range(3)]
        assert names == ["run", "run-2", "run-3"]
        (runs / "run-2" / "run.json").write_text("{}")
    assert [path.name for path in runs.iterdir()] == ["run-2"]
    with claim(runs / "run-2", numbered=True) as path:
        assert path.name == "run-2-2"
    with pytest.raises(RunFolderError, match="got one with run.json"), claim(runs / "run-2"):
        pass


def test_runs_that_begin_at_once_share_no_folder(tmp_path):
    together = Barrier(8)

    def begin(number):
        together.wait()
        with claim(tmp_path / "runs" / "run", numbered=True) as path:
            (path / "mine").write_text(str(number))
            together.wait()
            return (path / "mine").read_text() == str(number), path

    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(begin, range(8))]
    assert all(is_mine for is_mine, _ in found)
    assert len({path for _, path in found}) == 8


def test_a_folder_that_goes_leaves_those_beside_it(tmp_path):
    runs = tmp_path / "runs"
    with claim(runs / "one"):
        (runs / "other").mkdir()
    assert [path.name for path in runs.iterdir()] == ["other"]


def test_two_runs_of_one_second_have_folders_of_their_own(tidegate, reviews, tmp_path, monkeypatch):
    class Now(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2030, 1, 2, 3, 4, 5)

    monkeypatch.setattr(carry_out, "datetime", Now)
    monkeypatch.chdir(tmp_path)
    small = settings(SMALL | {"linear_model.order": 0, "training.epochs": 1})
    for name in ("imdb-20300102-030405", "imdb-20300102-030405-2"):
        found = tidegate("train", "imdb", "--data", reviews, *OPTIONS, *small)
        assert found.code == 0, found.err
        assert f"Report: runs/{name}/report.html" in found.out

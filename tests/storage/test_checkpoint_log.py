"""The history log: whole lines, cut back to what a checkpoint knows of."""

import pytest

from tidegate.errors import FormatError, RunFolderError
from tidegate.storage.log import HistoryLog


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.jsonl"


def test_records_are_lines(path):
    with HistoryLog(path, num_bytes=0) as log:
        assert log.sync() == 0
        log.append({"step": 1, "loss": 0.1 + 0.2})
        assert log.sync() == 41
        log.append({"note": "caf\u00e9"})
        assert log.sync() == path.stat().st_size == 59
    assert path.read_bytes() == (
        b'{"step": 1, "loss": 0.30000000000000004}\n{"note": "caf\xc3\xa9"}\n'
    )


@pytest.mark.parametrize("rest", ["", "half a li", '{"step": 2}\n{"step": 3}\n'])
def test_what_came_after_the_checkpoint_is_cut(path, rest):
    path.write_text('{"step": 1}\n' + rest)
    with HistoryLog(path, num_bytes=12) as log:
        log.append({"step": 2})
        assert log.sync() == 24
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_a_log_shorter_than_the_checkpoint_knows_is_refused(path):
    path.write_text('{"step": 1}')
    with pytest.raises(
        FormatError, match="history.jsonl: expected at least the 12 bytes .* got 11"
    ):
        HistoryLog(path, num_bytes=12)
    assert path.read_text() == '{"step": 1}'


def test_a_log_without_a_line_end_there_is_refused(path):
    path.write_text('{"step": 10}\n')
    with pytest.raises(FormatError, match="expected a line to end at byte 12"):
        HistoryLog(path, num_bytes=12)
    assert path.read_text() == '{"step": 10}\n'


def test_a_number_that_is_not_finite_is_refused(path):
    with (
        HistoryLog(path, num_bytes=0) as log,
        pytest.raises(ValueError, match="not JSON compliant"),
    ):
        log.append({"loss": float("nan")})
    assert path.read_text() == ""


def test_a_log_that_cannot_be_made_is_named(tmp_path):
    with pytest.raises(RunFolderError, match="history.jsonl: expected a file that can be written"):
        HistoryLog(tmp_path / "none" / "history.jsonl", num_bytes=0)

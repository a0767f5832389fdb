"""The outcome at the terminal: every figure is there, however narrow it is."""

import re

import pytest
from rich.console import Console

from report_samples import REFERENCE, make_results
from tidegate import terminal
from tidegate.cli import table

CELLS = ("rnn", "lstm", "gru", "gru-before")


def shown(results, columns, monkeypatch, capsys):
    """The lines that are printed on so many columns."""

    def console(width, **options):
        return Console(width=columns, **options)

    monkeypatch.setattr(terminal, "Console", console)
    table.show(results)
    return capsys.readouterr().out.splitlines()


def figures(lines):
    return sorted(re.findall(r"\d[\d.,]*\d", "\n".join(lines)))


@pytest.mark.parametrize("columns", [40, 60, 71, 90])
def test_a_narrow_terminal_loses_no_figure(columns, monkeypatch, capsys):
    results = make_results(CELLS, (0, 1), reference=REFERENCE, linear=0.87)
    wide = shown(results, 200, monkeypatch, capsys)
    narrow = shown(results, columns, monkeypatch, capsys)
    assert max(map(len, narrow)) <= columns < max(map(len, wide))
    assert figures(narrow) == figures(wide)
    assert "\N{HORIZONTAL ELLIPSIS}" not in "".join(narrow)


def test_a_block_of_a_narrow_terminal(monkeypatch, capsys):
    lines = shown(make_results(("gru",), (0, 1), reference=REFERENCE), 40, monkeypatch, capsys)
    assert [line.rstrip() for line in lines[:11]] == [
        "Test results, mean of 2 seeds (range)",
        "",
        "GRU (reset after)",
        "  parameters      1,379,201",
        "  test accuracy   0.8610 (0.8600\N{EN DASH}0.8620)",
        "  test loss       0.3890",
        "  train s         18",
        "  whole s         20",
        "  tokens per s    224,631",
        "  notebook        0.8608",
        "  accuracy",
    ]


def test_a_wide_terminal_has_a_line_per_model(monkeypatch, capsys):
    lines = shown(make_results(CELLS), 80, monkeypatch, capsys)
    row = next(line for line in lines if "GRU (reset after)" in line)
    figures = row.replace("GRU (reset after)", "").split()
    assert figures == ["1,379,201", "0.8600", "0.3900", "18", "20", "228,571"]

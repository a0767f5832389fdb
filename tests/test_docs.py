"""The examples of the documentation run as they stand."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("page", ["layers.md"])
def test_the_examples_run(page, capsys):
    text = (DOCS / page).read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, page, "exec"), names)
    printed = re.sub(
        r"^engine \(\w+\)$", "engine (avx2)", capsys.readouterr().out, flags=re.MULTILINE
    )
    for line in printed.splitlines():
        assert f"    {line}\n" in text

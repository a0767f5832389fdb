"""``tidegate inspect``: print the summary of a model folder."""

import json
from pathlib import Path
from typing import Any

import click

EXAMPLES = """\b
Examples:
  tidegate inspect runs/first/models/gru-seed0
      what the model is asked, what it reads, its layers and their sizes
  tidegate inspect runs/first/models/gru-seed0 --json
      for programs
"""


@click.command("inspect", epilog=EXAMPLES)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(model: Path, as_json: bool) -> None:
    """Say what a trained model is: its task, its classes, what it reads, its parts and sizes.

    MODEL is a model folder. Nothing in it is run.
    """
    from tidegate.inference.describe import describe
    from tidegate.inference.model_folder import load

    summary = describe(load(model))
    if as_json:
        click.echo(json.dumps(summary, indent=1, ensure_ascii=False))
        return
    width = max(map(len, summary)) + 2
    for name, value in summary.items():
        click.echo(f"{name.replace('_', ' '):<{width}}{_shown(value)}")


def _shown(value: Any) -> str:
    """A value of the summary on one line."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)

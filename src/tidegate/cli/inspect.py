"""``tidegate inspect``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tidegate.inference.model_folder import ModelFolder

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
    from tidegate.inference.model_folder import load

    found = describe(load(model))
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    width = max(map(len, found)) + 2
    for name, value in found.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(value, dict):
            shown = ", ".join(f"{key} {part}" for key, part in value.items())
        if isinstance(value, int) and not isinstance(value, bool):
            shown = f"{value:,}"
        click.echo(f"{name.replace('_', ' '):<{width}}{shown}")


def describe(folder: "ModelFolder") -> dict[str, Any]:
    """What a model folder holds, by name, in JSON's types."""
    shape, preprocessor, linear = folder.architecture, folder.preprocessor, folder.linear
    ways = ", both directions" if shape.bidirectional else ""
    found: dict[str, Any] = {
        "task": folder.task.kind,
        "classes": [*folder.task.classes],
        "reads": preprocessor.describe(),
        "cell": shape.cell,
        "layers": f"{shape.num_layers} of {shape.hidden_size} units{ways}",
        "pooling": shape.pooling,
        "network_parameters": sum(tensor.size for tensor in folder.tensors.values()),
    }
    if linear is not None and folder.blend is not None:
        found["linear_model_parameters"] = linear.num_parameters
        found["weights_in_the_answer"] = {
            name: round(weight, 3) for name, weight in folder.blend.weights.items()
        }
    # A linear model answers for whole texts, which end with a token of their own.
    is_causal = not (shape.bidirectional or preprocessor.looks_ahead or linear is not None)
    found["can_be_streamed"] = "yes" if is_causal else "no"
    return found

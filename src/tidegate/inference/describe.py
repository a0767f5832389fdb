"""A summary of a model folder in JSON's types: task, input, layers, sizes."""

from typing import Any

from tidegate.inference.model_folder import ModelFolder


def describe(folder: ModelFolder) -> dict[str, Any]:
    """Summarise a trained model, as ``tidegate inspect`` prints it.

    Returns:
        In this order ``task``, ``classes``, ``reads`` (a sentence on the input), ``cell``,
        ``layers``, of an ensemble ``networks``, ``pooling``, ``network_parameters``; where there
        is a linear model ``linear_model_parameters`` and ``weights_in_the_answer``; and
        ``can_be_streamed``, "yes" if the model can answer token by token.
    """
    shape, preprocessor, linear = folder.architecture, folder.preprocessor, folder.linear
    directions = ", both directions" if shape.bidirectional else ""
    summary: dict[str, Any] = {
        "task": folder.task.kind,
        "classes": [*folder.task.classes],
        "reads": preprocessor.describe(),
        "cell": shape.cell,
        "layers": f"{shape.num_layers} of {shape.hidden_size} units{directions}",
        **({"networks": shape.num_members} if shape.num_members > 1 else {}),
        "pooling": shape.pooling,
        "network_parameters": sum(tensor.size for tensor in folder.tensors.values()),
    }
    if linear is not None and folder.blend is not None:
        summary["linear_model_parameters"] = linear.num_parameters
        summary["weights_in_the_answer"] = {
            name: round(weight, 3) for name, weight in folder.blend.weights.items()
        }
    # A linear model answers for whole texts, which end with a token of their own.
    is_causal = not (shape.bidirectional or preprocessor.looks_ahead or linear is not None)
    summary["can_be_streamed"] = "yes" if is_causal else "no"
    return summary

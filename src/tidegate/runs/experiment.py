"""What is to be compared."""

from dataclasses import dataclass
from typing import Any

from tidegate.training.recipe import Recipe


@dataclass(frozen=True)
class Experiment:
    """Every cell trained by one recipe from every seed, on the same data in the same order."""

    recipe: Recipe
    cells: tuple[str, ...]
    seeds: tuple[int, ...]
    threads: int
    limit: int | None = None
    """Use only so many training examples."""
    checkpoint_every: int = 200
    """Steps between two checkpoints."""
    unlabelled: str | None = None
    """The path of texts without labels, from which networks or their language models learn."""
    init_from: str | None = None
    """The model folder of a language model that was trained before."""

    def configuration(self) -> dict[str, Any]:
        """As results record it; ``changed`` has the recipe's own values of what is otherwise."""
        values = self.recipe.configuration()
        return {
            "recipe": values.pop("name"),
            "changed": self.recipe.changes(),
            "cells": list(self.cells),
            "seeds": list(self.seeds),
            **values,
            "limit": self.limit,
            "threads": self.threads,
            "unlabelled": self.unlabelled,
            "init_from": self.init_from,
        }

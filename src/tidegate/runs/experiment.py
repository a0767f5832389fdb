"""The settings of an experiment."""

from dataclasses import dataclass
from typing import Annotated, Any

from tidegate.cells import CELLS
from tidegate.storage.schema import Between, IsPath, NotEmpty, OneOf
from tidegate.training.recipe import Recipe


@dataclass(frozen=True)
class Experiment:
    """Every cell trained by one recipe from every seed, on the same data in the same order."""

    recipe: Recipe
    cells: Annotated[tuple[Annotated[str, OneOf((*CELLS,))], ...], NotEmpty()]
    seeds: Annotated[tuple[Annotated[int, Between(0)], ...], NotEmpty()]
    threads: Annotated[int, Between(1)]
    limit: Annotated[int, Between(1)] | None = None
    """Use only so many training examples."""
    checkpoint_every: Annotated[int, Between(0)] = 200
    """Steps between two checkpoints."""
    unlabelled: Annotated[str, IsPath()] | None = None
    """The path of texts without labels, from which networks or their language models learn."""
    init_from: Annotated[str, IsPath()] | None = None
    """The model folder of a language model that was trained before."""

    def configuration(self) -> dict[str, Any]:
        """As results record it; ``changed`` has the recipe's original values of changed keys,
        ``adapted`` the reasons of those that follow from the texts."""
        values = self.recipe.configuration()
        return {
            "recipe": values.pop("name"),
            "changed": self.recipe.changes(),
            "adapted": {**self.recipe.adapted},
            "cells": list(self.cells),
            "seeds": list(self.seeds),
            **values,
            "limit": self.limit,
            "threads": self.threads,
            "unlabelled": self.unlabelled,
            "init_from": self.init_from,
        }

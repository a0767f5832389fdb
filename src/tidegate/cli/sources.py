"""Checks of --unlabelled and --init-from, before the run begins."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.errors import DataError, TidegateError

if TYPE_CHECKING:
    from tidegate.training.recipe import Recipe


def check(
    recipe: "Recipe",
    cells: Sequence[str],
    unlabelled: Path | None,
    init_from: Path | None,
    *,
    only_pretrain: bool = False,
) -> None:
    """Refuse sources that are missing, that the recipe does not use, or that do not fit it.

    Args:
        recipe, cells: Of the networks.
        unlabelled: A file with texts without labels.
        init_from: The model folder of a language model.
        only_pretrain: Whether the run ends with its language models.

    Raises:
        click.UsageError: What is wrong with which option.
    """
    if not only_pretrain:
        _check_wanted(recipe, unlabelled, init_from)
    if unlabelled is not None:
        with _as_usage_error("--unlabelled"):
            from tidegate.data.unlabelled import read

            if next(read(unlabelled), None) is None:
                raise DataError(f"{unlabelled}: expected texts, got none")
    if init_from is not None:
        with _as_usage_error("--init-from"):
            from tidegate.runs.pretrained import load

            model = load(init_from)
            for cell in cells:
                model.check(recipe, cell)


def _check_wanted(recipe: "Recipe", unlabelled: Path | None, init_from: Path | None) -> None:
    pretrains, teaches = recipe.pretraining.epochs > 0, recipe.self_training.epochs > 0
    if unlabelled is None and teaches:
        raise click.UsageError(
            f"the recipe {recipe.name} learns from texts without labels: expected --unlabelled "
            "FILE, got none; or give --set self_training.epochs=0"
        )
    if unlabelled is not None and not teaches and (init_from is not None or not pretrains):
        raise click.UsageError(
            f"--unlabelled: expected a recipe that reads such texts, got {recipe.name} with "
            f"pretraining.epochs={recipe.pretraining.epochs} and self_training.epochs="
            f"{recipe.self_training.epochs}"
            + (" beside --init-from" if init_from is not None else "")
        )


@contextmanager
def _as_usage_error(option: str) -> Iterator[None]:
    """Name the option by which a mistake was made."""
    try:
        yield
    except (TidegateError, OSError) as error:
        raise click.UsageError(f"{option}: {error}") from error

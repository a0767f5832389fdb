"""What a run is told to do, checked before anything is made: from arguments to a ``RunConfig``."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tidegate.application.own_files import AnyPath, Dataset, Given, OwnOptions, make_own
from tidegate.cells import CELLS
from tidegate.errors import ArgumentError, DataError, TidegateError
from tidegate.machine import available_cpus
from tidegate.runs import logs
from tidegate.runs.experiment import Experiment
from tidegate.runs.run_config import RunConfig
from tidegate.training import recipe as recipes
from tidegate.training.recipe import Recipe

_FIELDS = {
    "text": "own",
    "series": "own_series",
    "audio": "own_audio",
    "forecast": "own_forecast",
}
"""The field of a run's configuration that has the user's own files, by their kind."""
MOST_THREADS = 1024
"""That the engine takes."""


def make_config(
    dataset: Dataset,
    *,
    recipe: AnyPath | Recipe | None,
    cells: Sequence[str],
    seeds: Sequence[int],
    settings: Mapping[str, Any] | None = None,
    limit: int | None = None,
    data: AnyPath | None = None,
    unlabelled: AnyPath | None = None,
    init_from: AnyPath | None = None,
    log: Sequence[str] = (),
    threads: int | None = None,
    checkpoint_every: int = 200,
    only_pretrain: bool = False,
    own: OwnOptions | None = None,
    in_memory: bool = False,
    kind: str = "text",
    default_recipe: str = "default",
) -> RunConfig:
    """The configuration of a new run; the arguments are those of :func:`tidegate.train`.

    Args:
        only_pretrain: Whether the run ends with its language models.
        own: How the user's own files are read.
        in_memory: Whether the data are in memory; ``dataset`` is then a name for them.
        kind: What data in memory are: ``text`` or ``series``.
        default_recipe: The default for texts.

    Raises:
        ArgumentError: An argument that is not as it must be, or does not fit the others.
        DataError, RecipeError, LogError: There is no such data set, value of a recipe, or log.
    """
    given = Given(str(dataset), kind, None) if in_memory else make_own(dataset, own or {})
    if given.own is not None and data is not None:
        raise ArgumentError("data", "expected it beside a data set of tidegate's, got own files")
    logs.check(log)
    _check_each("cells", cells, CELLS)
    _check_each("seeds", seeds)
    for seed in seeds:
        _check_number("seeds", seed, 0)
    for name, number in (("limit", limit), ("threads", threads)):
        if number is not None:
            _check_number(name, number, 1, MOST_THREADS if name == "threads" else None)
    _check_number("checkpoint_every", checkpoint_every, 0)
    chosen = _chosen(recipe, given.kind, default_recipe).with_values(settings or {})
    if given.kind == "text":
        _check_texts(chosen, cells, unlabelled, init_from, only_pretrain)
    else:
        _refuse_of_texts(given.kind, unlabelled, init_from, only_pretrain)
    experiment = Experiment(
        recipe=chosen,
        cells=tuple(cells),
        seeds=tuple(seeds),
        threads=threads or available_cpus(),
        limit=limit,
        checkpoint_every=checkpoint_every,
        unlabelled=_absolute(unlabelled),
        init_from=_absolute(init_from),
    )
    own_files: dict[str, Any] = {} if given.own is None else {_FIELDS[given.kind]: given.own}
    return RunConfig(
        given.name,
        _absolute(data),
        experiment,
        logs=tuple(dict.fromkeys(log)),
        only_pretrain=only_pretrain,
        kind=given.kind,
        **own_files,
    )


def _chosen(recipe: AnyPath | Recipe | None, kind: str, default: str) -> Recipe:
    if isinstance(recipe, Recipe):
        return recipe
    with _about("recipe"):
        name = recipes.name_for(None if recipe is None else os.fspath(recipe), kind, default)
        recipes.check_name(name)
    return recipes.load(name)


def _refuse_of_texts(
    kind: str, unlabelled: AnyPath | None, init_from: AnyPath | None, only_pretrain: bool
) -> None:
    """Refuse what texts alone have: language models, and texts without labels."""
    for argument, given in (("unlabelled", unlabelled), ("init_from", init_from)):
        if given is not None:
            raise ArgumentError(argument, f"expected it beside texts, got data of the kind {kind}")
    if only_pretrain:
        raise ArgumentError(
            "dataset", f"expected texts to pretrain on, got data of the kind {kind}"
        )


def _check_each(
    argument: str, values: Sequence[Any], known: Mapping[str, Any] | None = None
) -> None:
    """Refuse no values, one that stands twice, and one that is none of the known ones."""
    if isinstance(values, str) or not values or len({*values}) < len(values):
        raise ArgumentError(argument, f"expected a list, each of it once, got {values!r}")
    for value in values:
        if known is not None and value not in known:
            raise ArgumentError(argument, f"expected of {', '.join(known)}, got {value!r}")


def _check_number(argument: str, value: Any, least: int, most: int | None = None) -> None:
    if type(value) is not int or value < least or (most is not None and value > most):
        upper = "on" if most is None else f"to {most}"
        raise ArgumentError(
            argument, f"expected a whole number from {least} {upper}, got {value!r}"
        )


def _check_texts(
    recipe: Recipe,
    cells: Sequence[str],
    unlabelled: AnyPath | None,
    init_from: AnyPath | None,
    only_pretrain: bool,
) -> None:
    """Refuse texts without labels and language models that are missing, that the recipe does not
    use, or that do not fit it."""
    if not only_pretrain:
        _check_wanted(recipe, unlabelled, init_from)
    if unlabelled is not None:
        with _about("unlabelled"):
            from tidegate.data.unlabelled import read

            if next(read(Path(unlabelled)), None) is None:
                raise DataError(f"{unlabelled}: expected texts, got none")
    if init_from is not None:
        with _about("init_from"):
            from tidegate.runs.pretrained import load

            model = load(Path(init_from))
            for cell in cells:
                model.check(recipe, cell)


def _check_wanted(recipe: Recipe, unlabelled: AnyPath | None, init_from: AnyPath | None) -> None:
    pretrains, teaches = recipe.pretraining.epochs > 0, recipe.self_training.epochs > 0
    if unlabelled is None and teaches:
        raise ArgumentError(
            "unlabelled",
            f"the recipe {recipe.name} learns from texts without labels: expected a file of them, "
            "got none; or set self_training.epochs=0",
        )
    if unlabelled is not None and not teaches and (init_from is not None or not pretrains):
        raise ArgumentError(
            "unlabelled",
            f"expected a recipe that reads such texts, got {recipe.name} with pretraining.epochs="
            f"{recipe.pretraining.epochs} and self_training.epochs={recipe.self_training.epochs}"
            + (" beside init_from" if init_from is not None else ""),
        )


@contextmanager
def _about(argument: str) -> Iterator[None]:
    """Name the argument by which a mistake was made."""
    try:
        yield
    except (TidegateError, OSError) as error:
        raise ArgumentError(argument, str(error)) from error


def _absolute(path: AnyPath | None) -> str | None:
    return None if path is None else str(Path(path).absolute())

"""Training and comparing from Python: :func:`train`, :func:`compare`, :func:`resume`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from tidegate.application import carry_out
from tidegate.application.arguments import make_config
from tidegate.application.own_files import AnyPath, Dataset, OwnOptions
from tidegate.application.run import Run
from tidegate.runs.events import RunCallback, RunEvent


def train(
    dataset: Dataset,
    *,
    recipe: AnyPath | None = None,
    cell: str = "gru",
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    limit: int | None = None,
    data: AnyPath | None = None,
    unlabelled: AnyPath | None = None,
    init_from: AnyPath | None = None,
    out: AnyPath | None = None,
    log: Sequence[str] = (),
    threads: int | None = None,
    checkpoint_every: int = 200,
    callback: RunCallback | None = None,
    progress: bool = False,
    **own: Unpack[OwnOptions],
) -> Run:
    """Train one network on a data set by a recipe, test it, and write a report.

    Args:
        dataset: The path of your own file, or several of one kind: ``.csv``, ``.tsv``, ``.jsonl``,
            ``.parquet``, the text ones also gzipped, a folder with a folder of texts for each
            class, or series in ``.ts`` or ``.npz``; or the name of a data set of tidegate's, such
            as ``imdb``.
        recipe: All training values: ``notebook``, ``fast``, ``default``, ``best``, ``causal``, or
            the path of your own TOML file of them, see ``tidegate recipe``. By default ``default``
            for texts, ``series`` for series.
        cell: ``rnn``, ``lstm``, ``gru`` (reset after) or ``gru-before``.
        seed: Of the initial values, the order of the texts, and dropout.
        settings: Values that differ from the recipe's, by ``section.key``, or by the key alone
            where one section alone has it.
        limit: Use only the first so many training examples.
        data: Your copy of the data set, rather than the one that is found.
        unlabelled: A file of texts without labels, for recipes that learn from them.
        init_from: The folder of a language model to start from.
        out: A new folder for the run; by default ``runs/DATASET-TIME``.
        log: Also write a log for these tools: ``tensorboard``, ``mlflow``.
        threads: To compute on; by default all processors.
        checkpoint_every: Steps between two checkpoints; 0 for only the one after each epoch.
        callback: Is called with every event, of :mod:`tidegate.runs.events`.
        progress: Show on stderr how the run goes, as the command line does.
        own: How your own files are read: ``text`` and ``label`` name columns, see
            :class:`~tidegate.application.own_files.OwnOptions` for the others.

    Returns:
        The run folder, with its results and its model.

    Raises:
        ArgumentError: An argument that is not as it must be, or does not fit the others.
        DataError: There is no such data set, or it cannot be trained on.
        RecipeError: A key that no recipe has, a value that makes no sense, or a recipe's file that
            cannot be read.
        RunFolderError: ``out`` holds something, or cannot be written.
        DivergedError: The training came to nothing.

    A run that ends early, by an error or Ctrl-C, is continued by :func:`resume`.

    Example:
        >>> import tidegate
        >>> run = tidegate.train("rotten-tomatoes", recipe="fast", limit=500, out="first")
        >>> [job.cell for job in run.results.jobs]
        ['gru']
        >>> model = tidegate.load(run.model)
        >>> model.classes
        ('neg', 'pos')
        >>> model.predict_proba(["a film to remember", "a waste of time"]).shape
        (2, 2)
    """
    config = make_config(
        dataset,
        recipe=recipe,
        cells=(cell,),
        seeds=(seed,),
        settings=settings,
        limit=limit,
        data=data,
        unlabelled=unlabelled,
        init_from=init_from,
        log=log,
        threads=threads,
        checkpoint_every=checkpoint_every,
        own=own,
    )
    return carry_out.begin(config, _path(out), _told(callback, progress))


def compare(
    dataset: Dataset,
    *,
    recipe: AnyPath | None = None,
    cells: Sequence[str] = ("rnn", "lstm", "gru"),
    seeds: Sequence[int] = (0,),
    settings: Mapping[str, Any] | None = None,
    limit: int | None = None,
    data: AnyPath | None = None,
    unlabelled: AnyPath | None = None,
    init_from: AnyPath | None = None,
    out: AnyPath | None = None,
    log: Sequence[str] = (),
    threads: int | None = None,
    checkpoint_every: int = 200,
    callback: RunCallback | None = None,
    progress: bool = False,
    **own: Unpack[OwnOptions],
) -> Run:
    """Train several recurrent cells on a data set, test them, and write a report.

    Every cell gets the same data in the same order, the same initial embedding and the same number
    of epochs.

    Args:
        recipe: By default ``notebook`` for texts, ``series`` for series.
        cells: Cells to compare.
        seeds: Each cell is trained once from each.

    The other arguments, and the errors, are those of :func:`train`.

    Returns:
        The run folder, with its results and its models.

    Example:
        >>> import tidegate
        >>> run = tidegate.compare(
        ...     "rotten-tomatoes", recipe="fast", cells=["lstm", "gru"], limit=500, out="second"
        ... )
        >>> [*run.models]
        ['gru-seed0', 'lstm-seed0']
        >>> tidegate.load(run.models["lstm-seed0"]).task.kind
        'binary'
        >>> run.report.name
        'report.html'
    """
    config = make_config(
        dataset,
        recipe=recipe,
        cells=cells,
        seeds=seeds,
        settings=settings,
        limit=limit,
        data=data,
        unlabelled=unlabelled,
        init_from=init_from,
        log=log,
        threads=threads,
        checkpoint_every=checkpoint_every,
        own=own,
        default_recipe="notebook",
    )
    return carry_out.begin(config, _path(out), _told(callback, progress))


def resume(
    run_folder: AnyPath,
    *,
    threads: int | None = None,
    allow_inexact: bool = False,
    callback: RunCallback | None = None,
    progress: bool = False,
) -> Run:
    """Continue a run that stopped, from its last checkpoint, with its own values.

    It ends with the bits of a run that never stopped. Of a complete run, nothing is left to do.

    Args:
        run_folder: The folder of a run of :func:`train`, :func:`compare` or the command line.
        threads: Compute on another number of threads; with ``allow_inexact``.
        allow_inexact: Go on under other versions, threads or instruction sets; the run may then
            end with other bits.
        callback, progress: As of :func:`train`.

    Raises:
        RunFolderError: The folder holds no run, or another process is writing in it.
        FormatError: A file of the run is damaged.
        DataError, RecipeError, DivergedError: As of :func:`train`.
    """
    told = _told(callback, progress)
    return carry_out.go_on(Path(run_folder), told, threads=threads, allow_inexact=allow_inexact)


def _path(path: AnyPath | None) -> Path | None:
    return None if path is None else Path(path)


def _told(callback: RunCallback | None, progress: bool) -> RunCallback:
    """One callback for the user's and the display."""
    listeners: list[RunCallback] = [] if callback is None else [callback]
    if progress:
        from tidegate.application.progress_display import ProgressDisplay

        listeners.insert(0, ProgressDisplay())

    def tell(event: RunEvent) -> None:
        for listener in listeners:
            listener(event)

    return tell

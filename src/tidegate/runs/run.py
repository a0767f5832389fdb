"""Carrying out an experiment: a job for every cell and seed, each saved as it ends."""

import time
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from tidegate import machine
from tidegate.data.prepared import PreparedData
from tidegate.data.sources import Reference
from tidegate.errors import RunFolderError
from tidegate.evaluation.metrics import measure
from tidegate.runs.experiment import Experiment
from tidegate.runs.fingerprint import compute_exactly
from tidegate.runs.job import JobCallback, evaluation, run_job, training_folder
from tidegate.runs.pretrained import Encoders
from tidegate.runs.results import Job, LinearModel, Results
from tidegate.storage.fingerprint import differences
from tidegate.training.checkpoint_manager import discard
from tidegate.training.linear import LinearBranch


class ComparisonCallback(JobCallback, Protocol):
    """Receives the events of a comparison."""

    def linear_begins(self, name: str) -> None:
        """The linear model's training begins."""

    def linear_ends(self, linear: LinearModel) -> None:
        """The linear model is trained and tested."""

    def job_ends(self, job: Job) -> None:
        """A model is trained, tested and saved."""


def run(
    experiment: Experiment,
    data: PreparedData,
    run_folder: Path,
    callback: ComparisonCallback,
    *,
    preparation_s: float = 0.0,
    finished: Results | None = None,
    pretrained: Encoders | None = None,
    reference: Reference | None = None,
    allow_inexact: bool = False,
) -> Results:
    """Carry out every job of an experiment.

    ``results.json`` is rewritten after every job. When a job ends early, by Ctrl-C or an error,
    the file says so and keeps the finished ones, and the exception goes on to the caller; its
    checkpoints stay, and the same call with ``finished`` goes on from them.

    Args:
        experiment: What to compare.
        data: What to train and test on, prepared by the experiment's recipe.
        run_folder: An empty folder, or that of the run which goes on.
        callback: Is told of every job, epoch and step.
        preparation_s: What preparing the data took, to be recorded.
        finished: The results of a run that stopped; its finished jobs are not repeated.
        pretrained: For every cell and seed the parameters that its network begins with.
        reference: Published results in the experiment's setting, to be shown beside its own.
        allow_inexact: Go on under other versions, threads or instruction sets than before.

    Raises:
        RunFolderError: ``finished`` is of another configuration or other data; or the system
            refuses to write the run's files.
    """
    compute_exactly(experiment.threads)
    results = Results(
        configuration={
            **experiment.configuration(),
            "reference": None if reference is None else asdict(reference),
        },
        environment={**machine.describe(), "threads": experiment.threads},
        data=data.facts,
        test_labels=data.test.targets.tolist(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        preparation_s=preparation_s,
    )
    if finished is not None:
        _check_same(finished, results, run_folder)
        results = finished
        results.status = "running"
    results.save(run_folder)
    try:
        linear = _linear(experiment, data, results, callback)
        results.save(run_folder)
        done = {(job.cell, job.seed) for job in results.jobs}
        # Seed by seed, so that a run that stops early has compared all cells on the same seeds.
        for seed in experiment.seeds:
            for cell in experiment.cells:
                if (cell, seed) in done:
                    discard(training_folder(run_folder, cell, seed))
                    continue
                job = run_job(
                    experiment,
                    data,
                    run_folder,
                    cell,
                    seed,
                    linear,
                    callback,
                    encoder=None if pretrained is None else pretrained.encoders[cell, seed],
                    pretraining_s=None if pretrained is None else pretrained.training_s[cell, seed],
                    allow_inexact=allow_inexact,
                )
                results.jobs.append(job)
                results.save(run_folder)
                discard(training_folder(run_folder, cell, seed))
                callback.job_ends(job)
    except BaseException:
        results.status = "interrupted"
        # The first error is the one to tell, also when the disk refuses the file as well.
        with suppress(OSError):
            results.save(run_folder)
        raise
    results.status = "complete"
    results.save(run_folder)
    return results


def _check_same(finished: Results, begun: Results, run_folder: Path) -> None:
    """Refuse to mix jobs of another configuration or other data with those that are finished."""

    def identity(results: Results) -> dict[str, Any]:
        sums = {name: value for name, value in results.data.items() if name.endswith("_sha256")}
        return {"configuration": {**results.configuration, "threads": None}, "data": sums}

    found = differences(identity(finished), identity(begun))
    if found:
        raise RunFolderError(
            f"run folder {run_folder}: expected the run that its results are of, got another: "
            f"{'; '.join(found.values())}; resume it as it was, or train in another folder"
        )


def _linear(
    experiment: Experiment, data: PreparedData, results: Results, callback: ComparisonCallback
) -> LinearBranch | None:
    """Train the recipe's linear model, once for all seeds and cells."""
    recipe = experiment.recipe
    if not recipe.linear_model.order:
        return None
    name = f"logistic regression on NB-weighted 1 to {recipe.linear_model.order}-grams"
    callback.linear_begins(name)
    begin = time.perf_counter()
    branch = LinearBranch.train(recipe.linear_model, data.train, data.validation, data.test)
    known = measure(data.task, branch.validation, data.validation.targets)
    results.linear = LinearModel(
        name=name,
        num_parameters=branch.model.num_parameters,
        test=evaluation(data.task, branch.test, data.test.targets),
        wall_s=time.perf_counter() - begin,
        validation_accuracy=known["accuracy"],
    )
    callback.linear_ends(results.linear)
    return branch

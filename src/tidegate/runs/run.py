"""Carrying out an experiment: a job for every cell and seed, each saved as it ends."""

import time
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tidegate import machine
from tidegate.data.examples import Examples
from tidegate.data.prepared import PreparedData
from tidegate.data.preprocessing import TextPreprocessor
from tidegate.data.sources import Reference
from tidegate.data.windows import Windows
from tidegate.errors import RunFolderError
from tidegate.evaluation.metrics import measure
from tidegate.runs import baselines, pretrained
from tidegate.runs import results as results_file
from tidegate.runs.events import JobEnds, LinearBegins, LinearEnds, RunCallback
from tidegate.runs.experiment import Experiment
from tidegate.runs.fingerprint import compute_exactly
from tidegate.runs.job import JobData, run_job
from tidegate.runs.job_value import jobs_of
from tidegate.runs.pretrained import PretrainingTexts, remove_corpus
from tidegate.runs.results import LinearModel, MajorityModel, Results
from tidegate.storage.fingerprint import differences
from tidegate.training.events import Notice
from tidegate.training.linear import LinearBranch, pooled_description


def run(
    experiment: Experiment,
    data: PreparedData,
    run_folder: Path,
    callback: RunCallback,
    *,
    preparation_s: float = 0.0,
    finished: Results | None = None,
    pretraining: PretrainingTexts | None = None,
    reference: Reference | None = None,
    allow_inexact: bool = False,
) -> Results:
    """Carry out every job of an experiment.

    ``results.json`` is rewritten after every job. When a job ends early, by Ctrl-C or an error,
    the file says so and keeps the finished ones, and the exception goes on to the caller; its
    checkpoints stay, and the same call with ``finished`` goes on from them.

    Args:
        experiment: The cells and seeds to train, and the recipe.
        data: The data to train and test on, prepared by the experiment's recipe.
        run_folder: An empty folder, or that of the run which goes on.
        callback: Is told of every job, epoch and step.
        preparation_s: Seconds that preparing the data took, to be recorded.
        finished: The results of a run that stopped; jobs whose own files are whole are not
            repeated.
        pretraining: The texts for language models, where these are not trained already.
        reference: Published results in the experiment's setting, to be shown beside its own.
        allow_inexact: Go on under other versions, threads or instruction sets than before.

    Raises:
        RunFolderError: ``finished`` is of another configuration or other data; or the system
            refuses to write the run's files.
    """
    compute_exactly(experiment.threads)
    results = Results(
        task=data.task,
        configuration={
            **experiment.configuration(),
            "reference": None if reference is None else asdict(reference),
        },
        environment={**machine.describe(), "threads": experiment.threads},
        data=data.facts,
        num_targets=len(data.test),
        targets=data.test.targets,
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
        results.remove_networks()
        shared = JobData(data, linear, pretraining)
        for job in jobs_of(experiment, data):
            is_new = job.load_result(run_folder) is None
            ended = run_job(job, shared, run_folder, callback, allow_inexact=allow_inexact)
            if (
                results.majority is None and not results.baselines
            ):  # now, for its metrics load what training need not wait for
                _majority(data, results)
            for model, predictions in ended.models:
                results.add(model, predictions)
            if is_new:
                results.save(run_folder)
                callback(JobEnds(ended.job, ended.blend))
        results_file.check(results, f"{run_folder}: ")
        remove_corpus(run_folder)
    except BaseException:
        results.status = "interrupted"
        # The first error is the one to tell, also when the disk refuses the file as well.
        with suppress(OSError):
            results.save(run_folder)
        raise
    results.status = "complete"
    results.save(run_folder)
    return results


def pretrain(
    experiment: Experiment,
    texts: PretrainingTexts | None,
    run_folder: Path,
    callback: RunCallback,
    allow_inexact: bool = False,
) -> None:
    """Train the language models of an experiment's jobs, and nothing else.

    Args:
        texts: The texts that they learn; None where all are trained already.
    """
    compute_exactly(experiment.threads)
    for job in jobs_of(experiment):
        pretrained.train(job, texts, run_folder / job.pretraining, callback, allow_inexact)
    remove_corpus(run_folder)


def _check_same(finished: Results, begun: Results, run_folder: Path) -> None:
    """Refuse to mix jobs of another configuration or other data with those that are finished."""

    def identity(results: Results) -> dict[str, Any]:
        sums = {name: value for name, value in results.data.items() if name.endswith("_sha256")}
        return {"configuration": {**results.configuration, "threads": None}, "data": sums}

    changed = differences(identity(finished), identity(begun))
    if changed:
        raise RunFolderError(
            f"run folder {run_folder}: expected the run that its results are of, got another: "
            f"{'; '.join(changed.values())}; resume it as it was, or train in another folder"
        )


def _majority(data: PreparedData, results: Results) -> None:
    """Add the constant answer with its metrics; or the forecasts without a network."""
    if isinstance(data.test, Windows):
        for baseline, predictions in baselines.forecasts(data.task, data.test):
            results.add(baseline, predictions)
        return
    assert isinstance(data.train, Examples)
    task, count = data.task, len(data.test)
    outputs = np.tile(task.constant_outputs(data.train.targets), (count, 1))
    (answer,) = task.named(task.decide(outputs[:1]))
    metrics = measure(task, outputs, data.test.targets)
    results.add(MajorityModel(answer, metrics), task.predictions(outputs))


def _linear(
    experiment: Experiment, data: PreparedData, results: Results, callback: RunCallback
) -> LinearBranch | None:
    """Train the recipe's linear model, once for all seeds and cells."""
    values, task = experiment.recipe.linear_model, data.task
    is_text = isinstance(data.preprocessor, TextPreprocessor)
    if isinstance(data.test, Windows) or not (values.order if is_text else values.pooled):
        return None
    if is_text and not task.has_one_class:
        text = (
            "linear model: left out, for it answers with one class a text, and "
            f"{data.facts['name']} is a task of kind {task.kind}"
        )
        callback(Notice(text))
        return None
    name = pooled_description(task)
    if is_text:
        name = f"logistic regression on NB-weighted 1 to {values.order}-grams"
    callback(LinearBegins(name))
    begin = time.perf_counter()
    assert isinstance(data.train, Examples)
    assert isinstance(data.validation, Examples)
    parts = data.train, data.validation, data.test
    if is_text:
        branch = LinearBranch.train(values, *parts, num_outputs=task.num_outputs)
    else:
        branch = LinearBranch.train_on_series(task, *parts)
    linear = LinearModel(
        description=name,
        num_parameters=branch.model.num_parameters,
        metrics=measure(task, branch.test, data.test.targets),
        validation=measure(task, branch.validation, data.validation.targets),
        wall_s=time.perf_counter() - begin,
    )
    results.add(linear, task.predictions(branch.test))
    callback(LinearEnds(linear))
    return branch

"""Carrying out an experiment: a job for every cell and seed, each saved as it ends."""

import statistics
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.utils.deterministic

import tidegate
from tidegate import machine
from tidegate.artifact.model_folder import ModelFolder
from tidegate.comparison.card import model_card
from tidegate.comparison.experiment import Experiment
from tidegate.comparison.results import Evaluation, Job, LayerSummary, Results
from tidegate.data.prepared import PreparedData
from tidegate.evaluation.binary import accuracy, cross_entropy, probabilities
from tidegate.model.classifier import SequenceClassifier, num_trained
from tidegate.model.initialise import like_keras
from tidegate.training.loop import Watcher, fit, predict


class ComparisonWatcher(Watcher, Protocol):
    """Is told how a comparison goes."""

    def job_begins(self, cell: str, seed: int, path: str, summary: list[LayerSummary]) -> None:
        """A model is made and its training begins; ``path`` computes its recurrence."""

    def job_ends(self, job: Job) -> None:
        """A model is trained, tested and saved."""


def run(
    experiment: Experiment, data: PreparedData, run_folder: Path, watcher: ComparisonWatcher
) -> Results:
    """Carry out every job of an experiment.

    ``results.json`` is rewritten after every job. When a job ends early, by Ctrl-C or an error,
    the file says so and keeps the finished ones, and the exception goes on to the caller.

    Args:
        experiment: What to compare.
        data: What to train and test on, prepared by the experiment's recipe.
        run_folder: An empty folder.
        watcher: Is told of every job, epoch and step.
    """
    torch.set_num_threads(experiment.threads)
    tidegate.set_num_threads(experiment.threads)
    torch.use_deterministic_algorithms(True)
    # What the engine is given to write it writes whole; filling it before would cost a pass.
    deterministic: Any = torch.utils.deterministic
    deterministic.fill_uninitialized_memory = False
    results = Results(
        configuration=experiment.configuration(),
        environment={**machine.describe(), "threads": experiment.threads},
        data=data.facts,
        test_labels=data.test[1].tolist(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    results.save(run_folder)
    try:
        # Seed by seed, so that a run that stops early has compared all cells on the same seeds.
        for seed in experiment.seeds:
            for cell in experiment.cells:
                results.jobs.append(_job(experiment, data, run_folder, cell, seed, watcher))
                results.save(run_folder)
                watcher.job_ends(results.jobs[-1])
    except BaseException:
        results.status = "interrupted"
        results.save(run_folder)
        raise
    results.status = "complete"
    results.save(run_folder)
    return results


def _job(
    experiment: Experiment,
    data: PreparedData,
    run_folder: Path,
    cell: str,
    seed: int,
    watcher: ComparisonWatcher,
) -> Job:
    """Train, test and save one cell from one seed."""
    recipe = experiment.recipe
    model = SequenceClassifier(
        cell,
        vocabulary_size=recipe.vocabulary_size,
        embedding_dim=recipe.embedding_dim,
        hidden_size=recipe.hidden_size,
    )
    like_keras(model, seed)
    summary = [LayerSummary(*line) for line in model.summary(recipe.max_length)]
    path = f"tidegate.nn, {model.explain(torch.from_numpy(data.train[0][: recipe.batch_size]))}"
    watcher.job_begins(cell, seed, path, summary)
    history, step_ms = fit(model, recipe, data.train, data.validation, seed=seed, watcher=watcher)
    logits, batch_ms = predict(model, data.test[0], recipe.batch_size)
    job = Job(
        cell=cell,
        seed=seed,
        path=path,
        num_parameters=num_trained(model),
        summary=summary,
        history=history,
        test=Evaluation(
            loss=cross_entropy(logits, data.test[1]),
            accuracy=accuracy(logits, data.test[1]),
            probabilities=probabilities(logits).tolist(),
        ),
        training_s=sum(step_ms) / 1e3,
        step_ms=statistics.median(step_ms),
        inference_ms=statistics.median(batch_ms),
        model=f"models/{cell}-seed{seed}",
    )
    ModelFolder(
        config={
            "architecture": model.config,
            "preprocessing": {"max_length": recipe.max_length, "padding": "front"},
        },
        tensors={name: tensor.numpy() for name, tensor in model.state_dict().items()},
        vocabulary=data.vocabulary.to_json(),
        card=model_card(job, experiment, data.facts),
    ).save(run_folder / job.model)
    return job

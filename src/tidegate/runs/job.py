"""One job of an experiment: a cell trained from a seed, tested and saved."""

import hashlib
import os
import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.data.examples import Examples
from tidegate.data.prepared import PreparedData
from tidegate.errors import RecipeError
from tidegate.evaluation.blend import Blend
from tidegate.evaluation.metrics import measure
from tidegate.inference.model_folder import ModelFolder
from tidegate.model.classifier import SequenceClassifier, num_trained
from tidegate.model.inputs import Inputs
from tidegate.runs.card import model_card
from tidegate.runs.experiment import Experiment
from tidegate.runs.fingerprint import exactness
from tidegate.runs.results import Evaluation, Job, LayerSummary
from tidegate.runs.run_folder import MODELS, TRAINING
from tidegate.storage.atomic import remove_tree
from tidegate.storage.os_errors import as_run_folder_error
from tidegate.task import Task
from tidegate.training import network
from tidegate.training.callback import Callback
from tidegate.training.checkpoint_manager import CheckpointManager
from tidegate.training.classification import fit, predict
from tidegate.training.linear import LinearBranch
from tidegate.training.recipe import Recipe
from tidegate.training.state import Progress

STUDENT = "student"


class JobCallback(Callback, Protocol):
    """Receives the events of a job."""

    def job_begins(self, cell: str, seed: int, path: str, summary: list[LayerSummary]) -> None:
        """A model is made and its training begins; ``path`` computes its recurrence."""

    def student_begins(self, texts: str) -> None:
        """The job's second network begins to learn, from these texts; its steps and epochs are
        counted from 1 again."""


def run_job(
    experiment: Experiment,
    data: PreparedData,
    run_folder: Path,
    cell: str,
    seed: int,
    linear: LinearBranch | None,
    callback: JobCallback,
    *,
    encoder: Mapping[str, Tensor] | None = None,
    pretraining_s: float | None = None,
    allow_inexact: bool = False,
) -> Job:
    """Train, test and save one cell from one seed, from its last checkpoint where it has one.

    Args:
        linear: The linear model beside the network.
        encoder: Parameters of a language model that the network begins with.
        pretraining_s: What that took, to be recorded.
        allow_inexact: Resume under other versions, threads or instruction sets.

    Raises:
        RecipeError: A second network is to learn from texts without labels, and there are none.
    """
    if experiment.recipe.self_training.epochs and data.unlabelled is None:
        raise RecipeError(
            f"recipe {experiment.recipe.name}: expected texts without labels for "
            "self_training.epochs, got none; give --unlabelled FILE, or --set "
            "self_training.epochs=0"
        )
    begin = time.perf_counter()
    trainer = _Trainer(experiment, data, run_folder, cell, seed, encoder, callback, allow_inexact)
    model, path, summary = trainer.begin()
    progress = trainer.train(model, "", data.train, experiment.recipe)
    teacher, student = progress, None
    if experiment.recipe.self_training.epochs:
        model, student = trainer.teach(model, linear)
    progress = student or teacher
    outputs, batch_ms = predict(model, data.test)
    combined = blend = None
    if linear is not None:
        blend = linear.blend(predict(model, data.validation)[0], data.validation.targets)
        combined = evaluation(
            data.task,
            blend.combine({"network": outputs, "linear": linear.test}),
            data.test.targets,
        )
    job = Job(
        cell=cell,
        seed=seed,
        path=path,
        num_parameters=num_trained(model),
        summary=summary,
        history=progress.epochs,
        test=evaluation(data.task, outputs, data.test.targets),
        training_s=sum(sum(part.step_ms) for part in trainer.parts) / 1e3,
        wall_s=time.perf_counter() - begin + (pretraining_s or 0),
        pretraining_s=pretraining_s,
        num_tokens=trainer.num_tokens,
        step_ms=statistics.median(progress.step_ms),
        inference_ms=statistics.median(batch_ms),
        model=f"{MODELS}/{name_of(cell, seed)}",
        teacher=teacher.epochs if student else None,
        combined=combined,
        blend=None if blend is None else blend.to_json(),
    )
    _save(job, experiment, data, model, linear, blend, run_folder / job.model)
    return job


class _Trainer:
    """The trainings of a job: one, or a teacher's and its student's."""

    def __init__(
        self,
        experiment: Experiment,
        data: PreparedData,
        run_folder: Path,
        cell: str,
        seed: int,
        encoder: Mapping[str, Tensor] | None,
        callback: JobCallback,
        allow_inexact: bool,
    ) -> None:
        self.experiment, self.data, self.run_folder = experiment, data, run_folder
        self.cell, self.seed, self.encoder = cell, seed, encoder
        self.callback, self.allow_inexact = callback, allow_inexact
        self.parts: list[Progress] = []
        self.num_tokens = 0

    def begin(self) -> tuple[SequenceClassifier, str, list[LayerSummary]]:
        """The network, what computes its recurrence, and its layers; the callback is told."""
        recipe, data = self.experiment.recipe, self.data
        model = self._network()
        length = recipe.text.max_length if recipe.text.padding == "front" else None
        summary = [LayerSummary(*line) for line in model.summary(length)]
        words, bigrams, _ = data.train.batch(
            np.arange(min(recipe.training.batch_size, len(data.train)))
        )
        path = f"tidegate.nn, {model.explain(Inputs.of(words, bigrams))}"
        self.callback.job_begins(self.cell, self.seed, path, summary)
        return model, path, summary

    def train(
        self, model: SequenceClassifier, name: str, examples: Examples, recipe: Recipe
    ) -> Progress:
        """Train on examples, from the last checkpoint where there is one."""
        fingerprint = _fingerprint(self.experiment, self.data, self.cell, self.seed, self.encoder)
        fingerprint["data"]["targets"] = hashlib.sha256(examples.targets.tobytes()).hexdigest()
        checkpoint_manager = CheckpointManager(
            training_folder(self.run_folder, self.cell, self.seed) / name,
            every=self.experiment.checkpoint_every,
            fingerprint=fingerprint,
            allow_inexact=self.allow_inexact,
        )
        progress = fit(
            model,
            recipe,
            examples,
            self.data.validation,
            seed=self.seed,
            callback=self.callback,
            checkpoint_manager=checkpoint_manager,
        )
        self.parts.append(progress)
        self.num_tokens += len(progress.epochs) * len(examples.steps.values)
        return progress

    def teach(
        self, model: SequenceClassifier, linear: LinearBranch | None
    ) -> tuple[SequenceClassifier, Progress]:
        """A second network, which also learns how the first and the linear model answer the texts
        without labels.

        Source: Scudder 1965 for the idea; with soft labels as in Hinton et al. 2015.
        """
        unlabelled, who = self.data.unlabelled, "the first one answers"
        assert unlabelled is not None
        logits = predict(model, unlabelled)[0]
        if linear is not None:
            who = "the first one and the linear model answer"
            known = predict(model, self.data.validation)[0]
            answers = {"network": logits, "linear": linear.answer(unlabelled)}
            logits = linear.blend(known, self.data.validation.targets).combine(answers)
        answered = replace(unlabelled, targets=self.data.task.soft_targets(logits))
        recipe = self.experiment.recipe
        examples = self.data.train.with_more(answered, recipe.self_training.copies)
        student = self._network()
        self.callback.student_begins(
            f"{len(examples):,} texts, {len(unlabelled):,} of them without labels, as {who} them"
        )
        changed = recipe.with_values({"training.epochs": recipe.self_training.epochs})
        return student, self.train(student, STUDENT, examples, changed)

    def _network(self) -> SequenceClassifier:
        data, encoder = self.data, self.encoder
        return network.make(
            self.cell,
            self.experiment.recipe,
            self.seed,
            vocabulary_size=len(data.vocabulary),
            bigram_vocabulary_size=0 if data.bigrams is None else len(data.bigrams),
            encoder=encoder,
            frequencies=None if encoder is None else torch.from_numpy(data.frequencies()),
        )


def name_of(cell: str, seed: int) -> str:
    """The name of a job's folders."""
    return f"{cell}-seed{seed}"


def training_folder(run_folder: Path, cell: str, seed: int) -> Path:
    """The folder of a job's step log and, until the job is done, of its checkpoints."""
    return run_folder / TRAINING / name_of(cell, seed)


def evaluation(task: Task, outputs: NDArray[np.float64], targets: NDArray[Any]) -> Evaluation:
    """What one pass over the test part gave."""
    metrics = measure(task, outputs, targets)
    return Evaluation(
        loss=metrics["loss"],
        accuracy=metrics["accuracy"],
        probabilities=task.probabilities(outputs)[:, 1].tolist(),
    )


def _save(
    job: Job,
    experiment: Experiment,
    data: PreparedData,
    model: SequenceClassifier,
    linear: LinearBranch | None,
    blend: Blend | None,
    path: Path,
) -> None:
    if os.path.lexists(path):  # of a run that was stopped before its results were written
        remove_tree(path)
    preprocessor, ngrams = replace(data.preprocessor, full_vocabulary=None), None
    if linear is not None:
        assert data.preprocessor.full_vocabulary is not None
        ngrams, words = linear.model.compact(data.preprocessor.full_vocabulary)
        preprocessor = replace(preprocessor, full_vocabulary=words)
    folder = ModelFolder(
        task=data.task,
        preprocessor=preprocessor,
        architecture=model.architecture,
        tensors={name: tensor.numpy() for name, tensor in model.state_dict().items()},
        linear=ngrams,
        blend=blend,
        card=model_card(job, experiment, data.task, data.facts),
    )
    with as_run_folder_error(f"model {path}: expected to write it"):
        folder.save(path)


def _fingerprint(
    experiment: Experiment,
    data: PreparedData,
    cell: str,
    seed: int,
    encoder: Mapping[str, Tensor] | None,
) -> dict[str, Any]:
    """Everything that determines the exact result of a job."""
    return {
        "configuration": {
            **experiment.recipe.configuration(),
            "cell": cell,
            "seed": seed,
            "limit": experiment.limit,
        },
        "data": {
            **{name: value for name, value in data.facts.items() if name.endswith("_sha256")},
            "vocabulary": data.vocabulary.fingerprint(),
            "encoder": None if encoder is None else _sum_of(encoder),
        },
        "exactness": exactness(experiment.threads),
    }


def _sum_of(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names and values."""
    digest = hashlib.sha256()
    for name, tensor in tensors.items():
        digest.update(name.encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()

"""Carrying out a job: a cell trained from a seed, tested and saved."""

import hashlib
import json
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.data.examples import Examples
from tidegate.data.prepared import PreparedData
from tidegate.data.preprocessing import TextPreprocessor
from tidegate.data.windows import Learnable, Windows
from tidegate.errors import RecipeError
from tidegate.evaluation.metrics import measure
from tidegate.inference.architecture import member_prefix
from tidegate.inference.ensemble import mean_outputs
from tidegate.inference.model_folder import ModelFolder
from tidegate.model.classifier import SequenceClassifier, num_trained
from tidegate.model.inputs import Inputs
from tidegate.runs import pretrained
from tidegate.runs.card import model_card
from tidegate.runs.events import JobBegins, MemberBegins, RunCallback, StudentBegins
from tidegate.runs.fingerprint import compute_exactly, exactness
from tidegate.runs.job_value import Job
from tidegate.runs.pretrained import PretrainingTexts
from tidegate.runs.results import BlendModel, Finished, LayerSummary
from tidegate.runs.results import Job as JobResult
from tidegate.seeding import derive_seed
from tidegate.storage.atomic import remove_tree
from tidegate.storage.os_errors import as_run_folder_error
from tidegate.training import network
from tidegate.training.checkpoint_manager import CheckpointManager, discard
from tidegate.training.classification import fit, predict
from tidegate.training.linear import LinearBranch, inference_parts
from tidegate.training.recipe import Recipe
from tidegate.training.state import Progress

STUDENT, MEMBER = "student", "member"
"""Folders of checkpoints within a job's; an ensemble's are numbered from 0."""


@dataclass(frozen=True)
class JobData:
    """The data that all jobs of a run share."""

    prepared: PreparedData
    linear: LinearBranch | None = None
    """The linear model beside the networks."""
    pretraining: PretrainingTexts | None = None
    """The texts for language models, where these are not trained already."""


def run_job(
    job: Job,
    data: JobData,
    run_folder: Path,
    callback: RunCallback,
    *,
    allow_inexact: bool = False,
) -> Finished:
    """Train, test and save one cell from one seed, from its last checkpoint where it has one.

    First comes its language model, if it has one. The model and, beside it, the result as JSON and
    its predictions are written to places of the job's own in ``run_folder``; a job that is done is
    not done again.

    Args:
        allow_inexact: Resume under other versions, threads or instruction sets.

    Raises:
        RecipeError: A second network is to learn from texts without labels, and there are none; or
            the language model to begin with has another cell, or other widths.
        DivergedError, RunFolderError, FormatError: As :meth:`Trainer.run`.
    """
    done = job.load_result(run_folder)
    if done is not None:
        discard(run_folder / job.training)
        return done
    examples, linear = data.prepared, data.linear
    if job.recipe.self_training.epochs and examples.unlabelled is None:
        raise RecipeError(
            f"recipe {job.recipe.name}: expected texts without labels for self_training.epochs, "
            "got none; give --unlabelled FILE, or --set self_training.epochs=0"
        )
    compute_exactly(job.threads)
    encoder, pretraining_s = _language_model(
        job, data.pretraining, run_folder, callback, allow_inexact
    )
    begin = time.perf_counter()
    trainer = _Trainer(job, examples, run_folder, encoder, callback, allow_inexact)
    model, path, summary = trainer.begin()
    models, progress = trainer.train_all(model)
    teacher, student = progress, None
    if job.recipe.self_training.epochs:
        model, student = trainer.teach(model, linear)
        models = [model]
    progress = student or teacher
    outputs, batch_ms = _outputs(models, examples.test)
    task, targets = examples.task, examples.test.targets
    result = JobResult(
        name=job.name,
        cell=job.cell,
        seed=job.seed,
        path=path,
        num_parameters=sum(num_trained(each) for each in models),
        summary=summary,
        history=progress.epochs,
        metrics=measure(task, outputs, targets),
        training_s=sum(sum(part.step_ms) for part in trainer.parts) / 1e3,
        wall_s=time.perf_counter() - begin + (pretraining_s or 0),
        pretraining_s=pretraining_s,
        num_tokens=trainer.num_tokens,
        step_ms=statistics.median(progress.step_ms),
        inference_ms=statistics.median(batch_ms),
        model=job.model,
        teacher=teacher.epochs if student else None,
        others=[part.epochs for part in trainer.parts[1:]] if len(models) > 1 else None,
    )
    finished = Finished(result, task.predictions(outputs))
    if linear is not None and linear.has_blend:
        known = _outputs(models, examples.validation)[0]
        blend = linear.blend(known, examples.validation.targets)
        both = blend.combine({"network": outputs, "linear": linear.test})
        together = BlendModel(job.blend, job.name, blend, measure(task, both, targets))
        finished = replace(finished, blend=together, blend_predictions=task.predictions(both))
    _save(finished, job, examples, models, linear, run_folder / job.model)
    job.save_result(finished, run_folder)
    discard(run_folder / job.training)
    return finished


def _language_model(
    job: Job,
    texts: PretrainingTexts | None,
    run_folder: Path,
    callback: RunCallback,
    allow_inexact: bool,
) -> tuple[Mapping[str, Tensor] | None, float | None]:
    """The parameters of the language model that the job begins with, and the seconds that its
    training took; None where it begins with none."""
    if job.init_from is not None:
        folder, begin = Path(job.init_from), None
    elif job.recipe.pretraining.epochs:
        begin = time.perf_counter()
        folder = pretrained.train(job, texts, run_folder / job.pretraining, callback, allow_inexact)
    else:
        return None, None
    model = pretrained.load(folder)
    model.check(job.recipe, job.cell)
    return model.encoder, 0.0 if begin is None else time.perf_counter() - begin


class _Trainer:
    """The trainings of a job: one, those of an ensemble, or a teacher's and its student's."""

    def __init__(
        self,
        job: Job,
        data: PreparedData,
        run_folder: Path,
        encoder: Mapping[str, Tensor] | None,
        callback: RunCallback,
        allow_inexact: bool,
    ) -> None:
        self.job, self.data, self.run_folder, self.encoder = job, data, run_folder, encoder
        self.callback, self.allow_inexact = callback, allow_inexact
        self.parts: list[Progress] = []
        self.num_tokens = 0

    def begin(self) -> tuple[SequenceClassifier, str, list[LayerSummary]]:
        """The network, what computes its recurrence, and its layers; the callback is told."""
        recipe, data = self.job.recipe, self.data
        model = self._network()
        length = recipe.text.max_length if recipe.text.padding == "front" else None
        summary = [LayerSummary(*line) for line in model.summary(length)]
        arrays, _ = data.train.batch(np.arange(min(recipe.training.batch_size, len(data.train))))
        path = f"tidegate.nn, {model.explain(Inputs.of_arrays(arrays))}"
        self.callback(JobBegins(self.job.cell, self.job.seed, path, summary))
        return model, path, summary

    def train_all(self, first: SequenceClassifier) -> tuple[list[SequenceClassifier], Progress]:
        """Train the network, or one after the other those of an ensemble.

        Returns:
            The networks, and the progress of the first one's training.
        """
        recipe, train = self.job.recipe, self.data.train
        count = recipe.training.ensemble
        if count == 1:
            return [first], self.train(first, "", train, recipe)
        models = []
        for number in range(count):
            seed = member_seed(self.job.seed, number)
            model = first if number == 0 else self._network(seed)
            self.callback(MemberBegins(number + 1, count))
            self.train(model, f"{MEMBER}{number}", train, recipe, seed)
            models.append(model)
        return models, self.parts[0]

    def train(
        self,
        model: SequenceClassifier,
        name: str,
        examples: Learnable,
        recipe: Recipe,
        seed: int | None = None,
    ) -> Progress:
        """Train on examples, from the last checkpoint where there is one.

        Args:
            name: The folder of its checkpoints, within the job's.
            seed: The seed of a network of an ensemble; None for the job's.
        """
        fingerprint = _fingerprint(self.job, self.data, self.encoder)
        if isinstance(examples, Examples):  # the sum of series to forecast is in the data's facts
            targets = hashlib.sha256(examples.targets.tobytes()).hexdigest()
            fingerprint["data"]["targets"] = targets
        checkpoint_manager = CheckpointManager(
            self.run_folder / self.job.training / name,
            every=self.job.checkpoint_every,
            fingerprint=fingerprint,
            allow_inexact=self.allow_inexact,
        )
        progress = fit(
            model,
            recipe,
            examples,
            self.data.validation,
            seed=self.job.seed if seed is None else seed,
            callback=self.callback,
            checkpoint_manager=checkpoint_manager,
        )
        self.parts.append(progress)
        if isinstance(examples, Windows):
            an_epoch = examples.epoch_steps
        else:
            an_epoch = len(examples.steps.values)
        self.num_tokens += len(progress.epochs) * an_epoch
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
        recipe = self.job.recipe
        task, train = self.data.task, self.data.train
        assert isinstance(train, Examples)
        labelled = replace(train, targets=task.as_soft(train.targets))
        examples = labelled.with_more(answered, recipe.self_training.copies)
        student = self._network()
        read = f"{len(examples):,} texts, {len(unlabelled):,} of them without labels, as {who} them"
        self.callback(StudentBegins(read))
        changed = recipe.with_values({"training.epochs": recipe.self_training.epochs})
        return student, self.train(student, STUDENT, examples, changed)

    def _network(self, seed: int | None = None) -> SequenceClassifier:
        data, encoder = self.data, self.encoder
        return network.make(
            self.job.cell,
            self.job.recipe,
            self.job.seed if seed is None else seed,
            task=data.task,
            **data.input_sizes(),
            encoder=encoder,
            frequencies=None if encoder is None else torch.from_numpy(data.frequencies()),
        )


def member_seed(seed: int, number: int) -> int:
    """The seed of an ensemble's network: the first one has the job's, as a single network has."""
    return seed if number == 0 else derive_seed(seed, "ensemble", number)


def _outputs(
    models: Sequence[SequenceClassifier], examples: Learnable
) -> tuple[NDArray[np.float64], list[float]]:
    """The mean of the networks' outputs, and the wall time of every batch of all of them in ms."""
    answers = [predict(model, examples) for model in models]
    times = np.sum([batch_ms for _, batch_ms in answers], axis=0)
    return mean_outputs([outputs for outputs, _ in answers]), times.tolist()


def _tensors(models: Sequence[SequenceClassifier]) -> dict[str, NDArray[np.float32]]:
    """The weights under the names that a model folder has for them."""
    is_one = len(models) == 1
    return {
        ("" if is_one else member_prefix(number)) + name: tensor.numpy()
        for number, model in enumerate(models)
        for name, tensor in model.state_dict().items()
    }


def _save(
    finished: Finished,
    job: Job,
    data: PreparedData,
    models: Sequence[SequenceClassifier],
    linear: LinearBranch | None,
    path: Path,
) -> None:
    if os.path.lexists(path):  # of a run that was stopped before its results were written
        remove_tree(path)
    preprocessor, linear_model = inference_parts(data.preprocessor, linear)
    folder = ModelFolder(
        task=data.task,
        preprocessor=preprocessor,
        architecture=replace(models[0].architecture, num_members=len(models)),
        tensors=_tensors(models),
        linear=linear_model,
        blend=None if finished.blend is None else finished.blend.blend,
        card=model_card(
            finished.job,
            finished.blend,
            job,
            data.task,
            data.facts,
            None if isinstance(preprocessor, TextPreprocessor) else preprocessor.describe(),
        ),
        columns=data.columns,
    )
    with as_run_folder_error(f"model {path}: expected to write it"):
        folder.save(path)


def _fingerprint(
    job: Job, data: PreparedData, encoder: Mapping[str, Tensor] | None
) -> dict[str, Any]:
    """Everything that determines the exact result of a training."""
    return {
        "configuration": {
            **job.recipe.configuration(),
            "cell": job.cell,
            "seed": job.seed,
            "limit": job.limit,
        },
        "data": {
            **{name: value for name, value in data.facts.items() if name.endswith("_sha256")},
            **_preprocessing(data),
            "encoder": None if encoder is None else _sum_of(encoder),
        },
        "exactness": exactness(job.threads),
    }


def _preprocessing(data: PreparedData) -> dict[str, str]:
    """The sum of what turns rows into numbers; for texts that of their vocabulary."""
    if isinstance(data.preprocessor, TextPreprocessor):
        return {"vocabulary": data.vocabulary.fingerprint()}
    content = json.dumps(data.preprocessor.to_json(), sort_keys=True)
    return {"preprocessor": hashlib.sha256(content.encode()).hexdigest()}


def _sum_of(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names and values."""
    digest = hashlib.sha256()
    for name, tensor in tensors.items():
        digest.update(name.encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()

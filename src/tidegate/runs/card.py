"""The card of a trained model: what it is, what it was trained on, how well it does."""

from typing import Any

import tidegate
from tidegate.cells import CELLS
from tidegate.runs.experiment import Experiment
from tidegate.runs.job_value import Job as Value
from tidegate.runs.results import BlendModel, Job
from tidegate.task import Task
from tidegate.training.recipe import Recipe

_SPLITTING = {
    "keras": "lower-cased and split at blanks and punctuation",
    "words": "lower-cased and split into words and marks of punctuation, HTML's line breaks apart",
    "characters": "brought into Unicode NFC and split into characters, with their case and single "
    "blanks",
    "bpe": "brought into Unicode NFC and split by merges of byte pairs that training texts taught, "
    "with their case and single blanks",
}
_POOLING = {
    "last": "the last state",
    "mean": "the mean of all states",
    "max": "the maximum over all states, unit by unit",
    "mean+max": "the mean of and the maximum over all states, unit by unit",
    "mean+max+last": "the mean of all states, the maximum over them, and the last",
    "attention": "a mean of all states with learnt weights",
}


def model_card(
    job: Job,
    blend: BlendModel | None,
    experiment: Experiment | Value,
    task: Task,
    data: dict[str, Any],
    reads: str | None = None,
) -> str:
    """The card in Markdown.

    Args:
        job: The training, and what its test gave.
        blend: The network and the linear model together, where there is one.
        experiment: The experiment that it is part of, or the job as a value.
        task: What the model is asked.
        data: The facts of :class:`~tidegate.data.prepared.PreparedData`.
        reads: What a model of series makes of them, as its preprocessor says; None for texts.
    """
    one, several = ("text", "texts") if reads is None else ("series", "series")
    recipe, trained = experiment.recipe, f"{data['num_train']:,}"
    layers = "\n".join(
        f"| {line.layer} | {line.shape} | {line.num_parameters:,} |" for line in job.summary
    )
    name = f"`{recipe.name}`" + (" with other values" if recipe.changes() else "")
    return f"""# {CELLS[job.cell]} on {data["name"]}, seed {job.seed}

{_asked(task, several)}, trained by tidegate {tidegate.__version__}, recipe
{name}: {_epochs(recipe)}, batches of {recipe.training.batch_size}, {_optimiser(recipe)}.

{_network(recipe, one)}{_other_texts(experiment)}

| layer | output | parameters |
|---|---|---|
{layers}

Data: {data["source"]}. {trained} {several} trained it, {data["num_validation"]:,} validated
it after every epoch, {_tested(data)}.

| on the {_held_out(data)} {several} | |
|---|---|
{_metrics(job, task)}
{_together(blend, task)}
{_preprocessing(recipe) if reads is None else f"It reads {reads}."}

    import tidegate

    model = tidegate.load(path)
    model.predict({_EXAMPLES[one]})
{f"    model.predict_proba({_EXAMPLES[one]})" if task.is_classification else ""}
"""


_EXAMPLES = {"text": '["A text."]', "series": "[numpy.zeros((steps, channels))]"}


def _held_out(data: dict[str, Any]) -> str:
    """The part of the data that the figures are of."""
    return "validation" if data.get("test_is_validation") else "test"


def _tested(data: dict[str, Any]) -> str:
    if data.get("test_is_validation"):
        return "and no others tested it"
    return f"{data['num_test']:,} tested it once"


def _epochs(recipe: Recipe) -> str:
    return "1 epoch" if recipe.training.epochs == 1 else f"{recipe.training.epochs} epochs"


def _asked(task: Task, several: str) -> str:
    """The kind of model, with its answers."""
    answers = ", ".join(f"`{name}`" for name in task.classes)
    if not task.is_classification:
        return f"A regression of {several}, with the answers {answers}"
    return f"A {task.kind} classifier of {several}, with the classes {answers}"


def _optimiser(recipe: Recipe) -> str:
    adam = (
        "Adam" if recipe.training.optimiser == "adam" else "Adam as Keras on TensorFlow computes it"
    )
    most = "" if recipe.training.schedule == "constant" else "up to "
    return f"{adam} with a learning rate of {most}{recipe.training.learning_rate:g}"


def _network(recipe: Recipe, one: str) -> str:
    shape = recipe.network
    directions = "both directions" if shape.bidirectional else "one direction"
    layers = "one layer" if shape.num_layers == 1 else f"{shape.num_layers} layers"
    each = " per direction" if shape.bidirectional else " each" if shape.num_layers > 1 else ""
    text = (
        f"It reads the {one} in {directions}, with {layers} of {shape.hidden_size} units{each}, "
        f"and decides from {_POOLING[shape.pooling]}."
    )
    if recipe.training.ensemble > 1:
        text += (
            f" It is an ensemble of {recipe.training.ensemble} such networks, trained from "
            "different seeds, whose outputs are averaged; the table has one of them."
        )
    return text


def _other_texts(experiment: Experiment | Value) -> str:
    """Sentences on pretraining and self-training."""
    recipe, text = experiment.recipe, ""
    if experiment.init_from is not None:
        text += " Its embedding and first layer began as those of a language model made before."
    elif recipe.pretraining.epochs:
        others = "" if experiment.unlabelled is None else " and of texts without labels"
        text += (
            " Its embedding and first layer began as those of a language model of the training "
            f"texts{others}."
        )
    if recipe.self_training.epochs:
        text += (
            " It also learnt from texts without labels, with the answers of a network before it."
        )
    return text


def _metrics(job: Job, task: Task) -> str:
    return "\n".join(
        f"| {metric.text} | {job.metrics[metric.name]:.4f} |"
        for metric in task.metrics
        if metric.name in job.metrics
    )


def _together(blend: BlendModel | None, task: Task) -> str:
    if blend is None:
        return ""
    main = task.main_metric
    return f"""
Together with the linear model in this folder, as `tidegate.load` answers, {main.text} is
{blend.metrics[main.name]:.4f} and loss {blend.metrics["loss"]:.4f}.
"""


def _preprocessing(recipe: Recipe) -> str:
    kept = f"its last {recipe.text.max_length}" if recipe.text.max_length else "all its"
    text = (
        f"A text is {_SPLITTING[recipe.text.tokens]}, numbered by `preprocessor.json`, and {kept} "
        "tokens are read"
    )
    if recipe.text.padding == "front":
        text += "; shorter ones have id 0 in front, which the network reads too"
    if recipe.text.bigram_vocabulary_size:
        text += (
            ". To a word's embedding that of the pair with the word before it is added, numbered "
            "by `bigrams` in the same file"
        )
    return text + "."

"""The card of a trained model: what it is, what it was trained on, how well it does."""

from typing import Any

import tidegate
from tidegate.cells import CELLS
from tidegate.comparison.experiment import Experiment
from tidegate.comparison.results import Job


def model_card(job: Job, experiment: Experiment, data: dict[str, Any]) -> str:
    """The card in Markdown."""
    recipe = experiment.recipe
    layers = "\n".join(
        f"| {line.layer} | {line.shape} | {line.num_parameters:,} |" for line in job.summary
    )
    return f"""# {CELLS[job.cell]} on {data["name"]}, seed {job.seed}

A binary classifier of English texts, trained by tidegate {tidegate.__version__}, recipe
`{recipe.name}`: {recipe.epochs} epochs, batches of {recipe.batch_size}, Adam with a learning rate
of {recipe.learning_rate}.

| layer | output | parameters |
|---|---|---|
{layers}

Data: {data["source"]}. {data["num_train"]:,} texts trained it, {data["num_validation"]:,} validated
it after every epoch, {data["num_test"]:,} tested it once.

| on the test texts | |
|---|---|
| accuracy | {job.test.accuracy:.4f} |
| cross-entropy | {job.test.loss:.4f} |

A text is lower-cased, split at blanks and punctuation, numbered by `vocabulary.json`, and its last
{recipe.max_length} tokens are read; shorter ones have id 0 in front, which the network reads too.

    from tidegate.artifact import model_folder
    from tidegate.model.classifier import from_arrays

    folder = model_folder.load(path)
    model = from_arrays(folder.config["architecture"], folder.tensors)
"""

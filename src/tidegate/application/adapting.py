"""A new run's recipe, adapted to the texts that it trains on."""

from dataclasses import replace

from tidegate.data import series_shape, text_shape
from tidegate.data.dataset import TextDataset
from tidegate.data.prepared import num_trained_on
from tidegate.data.series.dataset import SeriesDataset
from tidegate.runs.run_config import RunConfig
from tidegate.training.adapt import adapt
from tidegate.training.adapt_series import adapt_to_series
from tidegate.training.sections import KEYS

PRETRAINING = tuple(key for key in KEYS if key.startswith("pretraining."))
"""What follows from the texts without labels as well, or has no use beside a language model that is
there already."""
WIDTHS = ("network.embedding_dim", "network.hidden_size")
"""What such a language model has decided."""


def adapted(config: RunConfig, dataset: TextDataset | SeriesDataset) -> RunConfig:
    """The configuration of a new run with the values that its recipe adapts to its texts.

    Those that the user gave stay, and of a run of language models alone all do.

    Raises:
        DataError: Too few texts, or a text holds half a surrogate pair.
    """
    experiment = config.experiment
    recipe = experiment.recipe
    if not recipe.training.adapt or config.only_pretrain:
        return config
    num_train = num_trained_on(dataset, recipe.training.validation_share, experiment.limit)
    if isinstance(dataset, SeriesDataset):
        shape_of_series = series_shape.measure(dataset.train.first(num_train).series, dataset.task)
        made = adapt_to_series(recipe, shape_of_series)
        return replace(config, experiment=replace(experiment, recipe=made))
    train = dataset.train.texts[:num_train]
    shape = text_shape.measure(train, recipe.text.tokens, dataset.task)
    keep: tuple[str, ...] = ()
    if experiment.init_from is not None:
        keep = PRETRAINING + WIDTHS
    elif experiment.unlabelled is not None:
        keep = PRETRAINING
    made = adapt(recipe, shape, keep=keep)
    return replace(config, experiment=replace(experiment, recipe=made))

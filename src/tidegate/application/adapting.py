"""A new run's recipe, adapted to the texts that it trains on."""

from dataclasses import replace

import numpy as np

from tidegate.application.data import Data
from tidegate.data import series_shape, text_shape
from tidegate.data.prepared import num_trained_on
from tidegate.data.prepared_forecast import ForecastDataset, cut
from tidegate.data.series.dataset import SeriesDataset
from tidegate.data.windows import MOST_IN_AN_EPOCH
from tidegate.runs.run_config import RunConfig
from tidegate.training.adapt import adapt
from tidegate.training.adapt_forecast import ForecastShape, adapt_to_forecast
from tidegate.training.adapt_series import adapt_to_series
from tidegate.training.sections import KEYS

PRETRAINING = tuple(key for key in KEYS if key.startswith("pretraining."))
"""What follows from the texts without labels as well, or has no use beside a language model that is
there already."""
WIDTHS = ("network.embedding_dim", "network.hidden_size")
"""What such a language model has decided."""


def adapted(config: RunConfig, dataset: Data) -> RunConfig:
    """The configuration of a new run with the values that its recipe adapts to its texts.

    Those that the user gave stay, and of a run of language models alone all do.

    Raises:
        DataError: Too few texts, or a text holds half a surrogate pair.
    """
    experiment = config.experiment
    recipe = experiment.recipe
    if not recipe.training.adapt or config.only_pretrain:
        return config
    if isinstance(dataset, ForecastDataset):
        made = adapt_to_forecast(recipe, _forecast_shape(dataset))
        return replace(config, experiment=replace(experiment, recipe=made))
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


def _forecast_shape(dataset: ForecastDataset) -> ForecastShape:
    lengths = dataset.lengths()
    cuts = cut(lengths, dataset.horizon, dataset.num_origins)
    count = len(dataset.channels)
    has_missing = any(
        bool(np.isnan(dataset.series.values[row][:length, :count]).any())
        for row, length in enumerate(lengths.tolist())
    )
    return ForecastShape(
        num_series=len(lengths),
        num_windows=min(int(np.maximum(cuts.train, 0).sum()), MOST_IN_AN_EPOCH),
        median_length=int(np.median(lengths)),
        horizon=dataset.horizon,
        has_missing=has_missing,
    )

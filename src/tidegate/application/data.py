"""The data of a run, of any kind: checked, and prepared for networks."""

from tidegate.data.dataset import TextDataset
from tidegate.data.prepared import PreparedData, num_trained_on
from tidegate.data.prepared_forecast import ForecastDataset, cut, prepare_forecast
from tidegate.data.prepared_series import check_series, prepare_series
from tidegate.data.series.dataset import SeriesDataset
from tidegate.runs.experiment import Experiment

Data = TextDataset | SeriesDataset | ForecastDataset
"""Labelled texts, labelled series, or series to forecast."""


def check_numbers(dataset: SeriesDataset | ForecastDataset, experiment: Experiment) -> None:
    """Refuse series that nothing can be learnt from.

    Raises:
        DataError: Too few series or steps, or classes that cannot be learnt.
    """
    if isinstance(dataset, ForecastDataset):
        cut(dataset.lengths(), dataset.horizon, dataset.num_origins)
        return
    share = experiment.recipe.training.validation_share
    num_train = num_trained_on(dataset, share, experiment.limit)
    check_series(dataset, dataset.train.first(num_train))


def prepare_numbers(
    dataset: SeriesDataset | ForecastDataset, experiment: Experiment
) -> PreparedData:
    """Series as what networks read.

    Raises:
        DataError: As of :func:`check_numbers`; or a missing value where these are refused.
    """
    recipe = experiment.recipe
    if isinstance(dataset, ForecastDataset):
        options = recipe.forecast_options(dataset.horizon, dataset.season_length)
        return prepare_forecast(dataset, options, recipe.quantiles)
    return prepare_series(
        dataset,
        recipe.series_options(),
        validation_share=recipe.training.validation_share,
        limit=experiment.limit,
    )

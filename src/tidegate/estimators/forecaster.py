"""A forecaster of series of numbers, in the manner of scikit-learn's estimators."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from tidegate.data.own_forecast.seasons import find_season
from tidegate.data.prepared_forecast import ForecastDataset
from tidegate.data.preprocessing import ForecastPreprocessor
from tidegate.data.series.columns import SeriesColumns
from tidegate.data.series.gaps import fill_gaps
from tidegate.data.series.series_set import SeriesSet
from tidegate.errors import ArgumentError, DataError
from tidegate.estimators.base import NetworkEstimator, check_settings, seed_of
from tidegate.estimators.series_given import SeriesGiven, series_given, with_steps_ahead
from tidegate.estimators.training import train


class Forecaster(NetworkEstimator):
    """A recurrent network that forecasts the next steps of one series or several.

    One network is trained for all series. The last steps of each are held out: some choose the
    epoch that is kept, and those after them are the back-test, whose figures are ``metrics_``.

    Args:
        horizon: H, the steps to forecast.
        season_length: The steps after which values repeat, 1 for none; None finds it in the steps
            that train.
        num_origins: Points in time of the back-test, a horizon apart; None for as many as the
            series allow, at most 10.
        recipe: All training values: ``default``, which is ``forecast``, or the path of your own
            TOML file of them.
        cell: ``rnn``, ``lstm``, ``gru`` (reset after) or ``gru-before``.
        settings: Values that differ from the recipe's, by ``section.key``, or by the key alone
            where one section alone has it.
        threads: To train on; None for all processors.
        random_state: The seed of the initial values, the order of the windows, and dropout: a whole
            number, or a ``RandomState`` or None as in scikit-learn.
        verbose: 1 for a line an epoch on stderr.
        series_id, time, values, known: Columns of a data frame: which series a row belongs to; its
            time, a number or a date; what is forecast; and covariates that are known ahead, such as
            holidays. The first three are found where they are not named. For a ``SeriesSet``,
            ``known`` names its last channels.

    Attributes:
        model_: The :class:`~tidegate.inference.predictor.Predictor` that answers.
        history_: The figures of every epoch, a dict each.
        metrics_: The metrics of the back-test, a dict of figures by name (``mean_absolute_error``,
            ``mase``, ``coverage`` and others) for the network, named by cell and seed, and for the
            forecasts without a network: ``naive`` and, with statsmodels, ``smoothing``.
        quantiles_: The Q quantiles that are forecast, ascending.
        season_length_: The season, as it was given or found.
        notes_: What was done to the series, and which were left out of the test: a sentence each.
        series_: The series of the training, after whose end :meth:`predict` forecasts.

    Example:
        >>> import numpy as np
        >>> from tidegate import Forecaster
        >>> steps = np.arange(200)
        >>> wave = np.sin(2 * np.pi * steps / 12)
        >>> forecaster = Forecaster(6, settings={"training.epochs": 2}, threads=1).fit(wave)
        >>> forecaster.season_length_
        12
        >>> forecaster.predict().shape
        (6,)
        >>> bool(forecaster.score(np.sin(2 * np.pi * np.arange(200, 206) / 12)) > -0.1)
        True
    """

    metrics_: dict[str, dict[str, float]]
    quantiles_: tuple[float, ...]
    season_length_: int
    notes_: tuple[str, ...]
    series_: SeriesSet

    def __init__(
        self,
        horizon: int,
        *,
        season_length: int | None = None,
        num_origins: int | None = None,
        recipe: Any = "default",
        cell: str = "gru",
        settings: Mapping[str, Any] | None = None,
        threads: int | None = None,
        random_state: Any = 0,
        verbose: int = 0,
        series_id: str | None = None,
        time: str | None = None,
        values: str | Sequence[str] | None = None,
        known: str | Sequence[str] = (),
    ) -> None:
        self.horizon = horizon
        self.season_length = season_length
        self.num_origins = num_origins
        self.recipe = recipe
        self.cell = cell
        self.settings = settings
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose
        self.series_id = series_id
        self.time = time
        self.values = values
        self.known = known

    def fit(self, y: Any, X: Any = None) -> Self:
        """Train on the past of one series or several.

        Args:
            y: One series: an array (T,), or (T, C) of C channels, or a column of pandas or polars,
                whose index of dates is read. Several: a list of such arrays, an array (n, T, C), or
                a :class:`~tidegate.data.series.SeriesSet`. Or a data frame of pandas or polars with
                a row a step. NaN for a missing value.
            X: Covariates of arrays that are known ahead, (T + F, K), or a list of such arrays;
                :meth:`predict` needs F to be at least H. Those of a data frame are its columns
                ``known``.

        Raises:
            ArgumentError, RecipeError: An argument of the estimator is not as it must be.
            DataError: The series are too short, or hold what is refused.
            DivergedError: The training came to nothing.
        """
        where = type(self).__name__
        self._check_arguments()
        given = series_given(y, X, self._columns(), where=where)
        series, notes = fill_gaps(given.series, len(given.known))
        dataset = ForecastDataset(
            name=where,
            source=f"{len(given.series):,} series in memory",
            series=series,
            horizon=int(self.horizon),
            season_length=self.season_length or 1,
            known=given.known,
            has_dates=given.has_dates,
            columns=given.columns,
            notes=notes,
            num_origins=self.num_origins,
        )
        season_length = int(self.season_length or find_season(dataset))
        trained = train(
            replace(dataset, season_length=season_length),
            None,
            where=where,
            recipe=self.recipe,
            cell=self.cell,
            settings=self.settings,
            threads=self.threads,
            seed=seed_of(self.random_state),
            verbose=self.verbose,
        )
        self.model_, self.history_ = trained.model, trained.history
        self.metrics_, self.notes_ = trained.metrics, trained.notes
        self.quantiles_ = trained.model.task.quantiles
        self.season_length_, self.series_ = season_length, given.series
        self._given = given
        return self

    def predict(self, y: Any = None, X: Any = None) -> NDArray[np.float64]:
        """The medians of the H steps after the end of each series.

        Args:
            y: Other series than those of the training, in any container that :meth:`fit` takes;
                None for those of the training.
            X: The covariates of arrays, (T + H, K) for each series.

        Returns:
            (H,) for one series as an array (T,), a column, or a data frame with one column of
            values; (H, C) for one series of C channels; (n, H, C) for several.

        Raises:
            NotFittedError: The estimator is not fitted.
            DataError: Series of other channels, too short ones, or values that are refused.
        """
        quantiles, num_dimensions = self._quantiles(y, X, "predict")
        return _shaped(quantiles[..., self.quantiles_.index(0.5)], num_dimensions)

    def predict_quantiles(self, y: Any = None, X: Any = None) -> NDArray[np.float64]:
        """The quantiles of the H steps after the end of each series, in order of ``quantiles_``.

        Args:
            y, X: As of :meth:`predict`.

        Returns:
            As of :meth:`predict`, with the Q quantiles as the last dimension: (H, Q), (H, C, Q) or
            (n, H, C, Q), ascending.

        Raises:
            NotFittedError, DataError: As of :meth:`predict`.
        """
        return _shaped(*self._quantiles(y, X, "predict_quantiles"))

    def score(self, y: Any) -> float:
        """Minus the mean absolute error of the forecast after the series of the training.

        It is negative because scikit-learn takes greater scores for better ones; 0 is perfect.

        Args:
            y: What came after the end of the series of the training: an array of the shape of
                :meth:`predict`'s, or with fewer steps than H. NaN is left out.

        Raises:
            NotFittedError: The estimator is not fitted.
            DataError: Another shape, or no value.
        """
        forecast = self.predict()
        axis = max(forecast.ndim - 2, 0)
        try:
            came = np.asarray(y, np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{self._where('score')}: y: expected an array of shape {forecast.shape}, got "
                f"{str(y)[:40]!r}"
            ) from error
        steps = came.shape[axis] if came.ndim == forecast.ndim else 0
        forecast = forecast.take(np.arange(min(steps, self.model_.task.horizon)), axis)
        if came.shape != forecast.shape or np.isnan(came).all():
            got = f"shape {came.shape}" if came.shape != forecast.shape else "missing values alone"
            raise DataError(
                f"{self._where('score')}: y: expected the values that came after the series, of "
                f"shape {self.predict().shape} or with fewer steps, got {got}"
            )
        return -float(np.nanmean(np.abs(came - forecast)))

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator: this one reads series, and has no X but them."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.input_tags.allow_nan = True
        return tags

    def _quantiles(self, y: Any, X: Any, method: str) -> tuple[NDArray[np.float64], int]:
        """Quantiles (n, H, C, Q), and the number of dimensions of a forecast."""
        check_is_fitted(self)
        where, model = self._where(method), self.model_
        task, given = model.task, self._given
        if y is not None:
            given = series_given(y, X, self._columns(given), where=where)
            self._check_like_training(given, where)
        elif X is not None:
            raise DataError(f"{where}: X: expected it beside the series y, got X alone")
        preprocessor = model.folder.preprocessor
        assert isinstance(preprocessor, ForecastPreprocessor)
        step = preprocessor.time_step
        series = with_steps_ahead(given, task.horizon, step, where=where)
        quantiles = task.predictions(model.outputs(series))
        shape = (len(series), task.horizon, len(task.classes), len(task.quantiles))
        return quantiles.reshape(shape), given.num_dimensions

    def _check_like_training(self, given: SeriesGiven, where: str) -> None:
        wanted, got = self._given.series.channels, given.series.channels
        if wanted != got or self._given.known != given.known:
            raise DataError(
                f"{where}: expected series of the channels {', '.join(wanted)}, as in fit, got "
                f"{', '.join(got)}"
            )
        preprocessor = self.model_.folder.preprocessor
        assert isinstance(preprocessor, ForecastPreprocessor)
        if preprocessor.calendar and given.series.times is None:
            raise DataError(
                f"{where}: expected series with dates, as in fit, got series without; give a data "
                "frame, or columns with an index of dates"
            )

    def _columns(self, fitted: SeriesGiven | None = None) -> SeriesColumns:
        """The columns that the arguments name, or those of the training."""
        if fitted is not None:
            if fitted.columns is not None:
                return fitted.columns
            count = len(fitted.series.channels) - len(fitted.known)
            return SeriesColumns(values=fitted.series.channels[:count], known=fitted.known)
        values, known = _names(self.values, "values"), _names(self.known, "known")
        named = [name for name in (self.series_id, self.time, *values, *known) if name is not None]
        twice = [name for name in named if named.count(name) > 1]
        if twice:
            raise ArgumentError(
                "values", f"expected every column for one thing, got {twice[0]!r} twice"
            )
        return SeriesColumns(self.series_id, self.time, values, known=known)

    def _check_arguments(self) -> None:
        check_settings(self.settings)
        for name, is_optional in (
            ("horizon", False),
            ("season_length", True),
            ("num_origins", True),
        ):
            value = getattr(self, name)
            is_whole = isinstance(value, Integral) and not isinstance(value, bool)
            if not (is_optional and value is None) and not (is_whole and value >= 1):
                raise ArgumentError(name, f"expected a whole number from 1 on, got {value!r}")

    def _where(self, method: str) -> str:
        return f"{type(self).__name__}.{method}"


def _names(given: str | Sequence[str] | None, argument: str) -> tuple[str, ...]:
    """Names of columns as a tuple."""
    names = [given] if isinstance(given, str) else () if given is None else given
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ArgumentError(argument, f"expected a name or a list of names, got {given!r}")
    return tuple(names)


def _shaped(forecasts: NDArray[np.float64], num_dimensions: int) -> NDArray[np.float64]:
    """Forecasts (n, H, C, ...) without the dimensions that their series did not have."""
    if num_dimensions == 3:
        return forecasts
    return forecasts[0, :, 0] if num_dimensions == 1 else forecasts[0]

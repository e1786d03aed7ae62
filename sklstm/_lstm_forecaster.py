"""LSTMForecaster: the recommended forecaster, with flat parameters."""

from collections.abc import Callable
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ._panels.all_or_nothing import all_or_nothing, shallow_copy
from ._panels.fit_tasks import FitTasksMixin, new_task, run_as, with_callbacks
from ._panels.parameters import Interval, StrOptions, _fit_context, read_counts
from ._panels.plain_state import PlainState
from ._panels.quantiles import check_quantiles
from ._recipe_choices import (
    LONGEST_OF_THETA,
    LONGEST_OF_TREES,
    choose_differences,
    choose_lr,
    choose_n_estimators,
    choose_offset,
    choose_weights_beside_mlp,
    choose_window,
)
from .ensemble._seed_ensemble import SeedEnsemble
from .forecasting._forecaster_mixins import WrapperMixin
from .forecasting._naive_regressor import NaiveRegressor
from .forecasting._panel_forecaster import PanelForecaster
from .forecasting._step_regressor import StepRegressor
from .neural_network._lstm_regressor import LSTMRegressor
from .neural_network._window_mlp_regressor import WindowMLPRegressor
from .preprocessing._series_encoder import SeriesEncoder
from .preprocessing._series_log import SeriesLog
from .preprocessing._series_scaler import SeriesScaler
from .preprocessing._sliding_window import SlidingWindow

__all__ = ["LSTMForecaster"]


def _learns_quantiles(self):
    """Whether quantiles are learned; an AttributeError says how to learn them."""
    fitted = getattr(self, "forecaster_", None)
    if fitted is not None:
        fitted.predict_quantiles  # noqa: B018
    elif self.quantiles is None and self.loss != "quantile":
        raise AttributeError(
            "Quantiles and intervals need a fit with quantiles, such as "
            "quantiles=(0.1, 0.5, 0.9), or a ConformalForecaster around this one."
        )
    return True


class LSTMForecaster(
    PlainState, FitTasksMixin, WrapperMixin, RegressorMixin, BaseEstimator
):
    """Forecast many series with one global LSTM and recommended defaults.

    You only give it the horizon and the seasonal periods. Each series is scaled on its
    own; the LSTM reads windows of differences, so that the level of a series does not
    matter, and learns a correction to naive and seasonal naive forecasts. Its forecasts
    are averaged with those of the Theta method, of boosted trees and of a perceptron,
    where these help, and with those of two more networks elsewhere. All parameters are
    flat, so one grid searches the window, the network and the embedding. `to_pipeline`
    returns the parts, to change any of them.

    Parameters
    ----------
    horizon : int, default=1
        Number of rows ahead that are forecast.
    seasonal_periods : int or sequence of int, default=None
        Number of rows of each season, such as ``(24, 168)`` for hourly data with days
        and weeks, or 12 for months. None for data without a season.
    window_size : int, default=None
        Number of rows of a window. None uses two and a half of the longest season up
        to 130 rows, one and a quarter of it where that is more, and with a season at
        least 36 rows; in any case at least ``horizon + 2``. A window is at most as long
        as the longest series.
    hidden_size : int, default=64
        Units of the LSTM.
    embedding_dim : int or "auto", default=0
        Size of an embedding of the series ids, and of all categorical columns. With an
        embedding, half of the training windows hide the ids, so that new series get a
        typical one. 0 gives the network no ids; categorical columns of X have an
        embedding all the same.
    known_covariates : str, list, slice or callable, default=None
        The columns of X whose future is known, such as prices and promotions; see
        :class:`~sklstm.SlidingWindow`.
    quantiles : sequence of float, default=None
        Quantiles to learn, such as ``(0.1, 0.5, 0.9)``. None learns point forecasts.
    loss : {"mae", "mse", "huber", "quantile"}, default="mae"
        Training loss. It is the quantile loss if `quantiles` are given.
    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows; see :class:`~sklstm.LSTMRegressor`.
    n_estimators : int or "auto", default="auto"
        Number of networks, trained from different seeds, whose forecasts are averaged.
        "auto" is one beside the Theta method or a perceptron, also where their weights
        fall to 0 in training, and three without them. 1 is a network by itself, unless
        one of the next three weights is given.
    theta_weight : float or "auto", default="auto"
        Weight of the Theta method in that average, from 0 to 1; see
        :class:`~sklstm.SeedEnsemble`. "auto" is 0 with ``n_estimators=1``, with known
        covariates, with quantiles on one side of the median, with a season of more than
        12 rows, and where the networks are twice as good in training; else up to 0.3.
    tree_weight : float or "auto", default="auto"
        Weight of boosted trees in that average, those of a
        :class:`~sklstm.StepRegressor`. "auto" follows the rules of `theta_weight`,
        except that it is 0 without a season and with one of more than 52 rows, and up
        to 0.2 beside a perceptron.
    mlp_weight : float or "auto", default="auto"
        Weight of a multilayer perceptron in that average, a
        :class:`~sklstm.WindowMLPRegressor`. "auto" follows the rules of `theta_weight`,
        except that it is up to 0.4 with a longest season of 13 to 52 rows, and else 0.
    random_state : int, RandomState instance or None, default=None
        Seed for the weights, batch order and dropout.
    history : {"all", "context"}, default="all"
        Which rows are remembered: "all" gives fitted values on the rows of `fit`,
        "context" keeps what forecasts need, so that memory and the time of an `update`
        do not grow with the history.
    gaps : {"keep", "fill"}, default="keep"
        Whether windows and seasons count the rows of a series ("keep") or time steps
        ("fill"); see :class:`~sklstm.PanelForecaster`.
    freq : "infer", None, str, offset, Timedelta or number, default="infer"
        The time step, such as "B" or "15min"; see :class:`~sklstm.PanelForecaster`.
    index : sequence of column names, default=None
        The columns of X that name the series and, last, the time, such as ``("store",
        "date")``. X may then be a flat table of pandas, polars or Arrow, and `forecast`
        and `future_rows` return such a table. None reads them from the index of X.
    device : str, default="auto"
        "cpu", "cuda", "cuda:1" or "mps"; "auto" is CUDA if it is available.
    n_jobs : int, default=None
        Number of networks trained in parallel.
    verbose : int, default=0
        1 shows a progress bar of epochs for each network, 2 prints a line for each
        epoch.
    checkpoint_dir : str or Path, default=None
        A folder in which `fit` writes where each network stands, every few seconds. The
        same fit begun again, with the same parameters and data, goes on from there and
        ends with the same weights. It needs a `random_state`.

    Attributes
    ----------
    forecaster_ : PanelForecaster
        The fitted forecaster. The steps of its pipeline are named "scale" (covariates),
        "series" (with an embedding only), "window", and "ensemble" (or "lstm" for one
        network alone); its target transformer has the steps "log"
        (only with a season) and "scale".
    history_ : Series or DataFrame
        The remembered y, sorted by series and time.
    horizon_ : int
        The `horizon` of the fit.
    window_size_ : int
        Number of rows of a window.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X, where all are strings.

    See Also
    --------
    PanelForecaster : The forecaster that this composes.
    ConformalForecaster : Calibrated prediction intervals around it.
    LSTMRegressor : The network, with all its parameters.

    Notes
    -----
    The methods behave as those of :class:`~sklstm.PanelForecaster`. In a season the
    logarithm of series that are never negative is learned. AdamW with a weight decay of
    0.001 and a cosine schedule trains the network. The learning rate grows with the
    square root of the window.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklstm import LSTMForecaster, PanelTimeSeriesSplit
    >>> from sklstm.datasets import load_fertility
    >>> y = load_fertility()["fertility_rate"].loc[["Chad", "Chile", "China"]]
    >>> forecaster = LSTMForecaster(
    ...     horizon=5, hidden_size=8, max_epochs=2, n_estimators=1, random_state=0
    ... )
    >>> forecaster.fit(None, y).forecast().loc["Chad"].index.tolist()
    [2012, 2013, 2014, 2015, 2016]
    >>> search = GridSearchCV(
    ...     forecaster,
    ...     {"window_size": [8, 16], "embedding_dim": [0, 2]},
    ...     cv=PanelTimeSeriesSplit(n_splits=2, horizon=5),
    ...     scoring="neg_mean_absolute_error",
    ... )
    >>> search.fit(y.to_frame()[[]], y).best_estimator_.forecast(steps=1).shape
    (3,)
    """

    _parameter_constraints: dict = {
        "horizon": [Interval(Integral, 1, None, closed="left")],
        "seasonal_periods": [
            None,
            Interval(Integral, 1, None, closed="left"),
            "array-like",
        ],
        "window_size": [None, Interval(Integral, 1, None, closed="left")],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "embedding_dim": [
            Interval(Integral, 0, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "known_covariates": [None, str, "array-like", slice, callable],
        "quantiles": [None, "array-like"],
        "loss": [StrOptions({"mae", "mse", "huber", "quantile"})],
        "max_epochs": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "n_estimators": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "theta_weight": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "tree_weight": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "mlp_weight": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "random_state": ["random_state"],
        "history": [StrOptions({"all", "context"})],
        "gaps": [StrOptions({"keep", "fill"})],
        "freq": "no_validation",
        "index": [None, "array-like"],
        "device": [str],
        "n_jobs": [None, Integral],
        "verbose": ["verbose"],
        "checkpoint_dir": [None, str, Path],
    }

    _inside = "forecaster_"

    # Files of earlier versions do not have them.
    theta_weight: float | str = "auto"
    tree_weight: float | str = "auto"
    mlp_weight: float | str = "auto"

    def __init__(
        self,
        horizon: int = 1,
        seasonal_periods: Any = None,
        window_size: int | None = None,
        *,
        hidden_size: int = 64,
        embedding_dim: int | str = 0,
        known_covariates: str | list | slice | Callable | None = None,
        quantiles: Any = None,
        loss: str = "mae",
        max_epochs: int | str = "auto",
        n_estimators: int | str = "auto",
        theta_weight: float | str = "auto",
        tree_weight: float | str = "auto",
        mlp_weight: float | str = "auto",
        random_state: Any = None,
        history: str = "all",
        gaps: str = "keep",
        freq: Any = "infer",
        index: Any = None,
        device: str = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
        checkpoint_dir: str | Path | None = None,
    ) -> None:
        self.horizon = horizon
        self.seasonal_periods = seasonal_periods
        self.window_size = window_size
        self.hidden_size = hidden_size
        self.embedding_dim = embedding_dim
        self.known_covariates = known_covariates
        self.quantiles = quantiles
        self.loss = loss
        self.max_epochs = max_epochs
        self.n_estimators = n_estimators
        self.theta_weight = theta_weight
        self.tree_weight = tree_weight
        self.mlp_weight = mlp_weight
        self.random_state = random_state
        self.history = history
        self.gaps = gaps
        self.freq = freq
        self.index = index
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.checkpoint_dir = checkpoint_dir

    def to_pipeline(self) -> PanelForecaster:
        """Compose the forecaster of ordinary parts, not fitted.

        Returns
        -------
        PanelForecaster
            A forecaster around a :class:`~sklearn.pipeline.Pipeline`, to take apart,
            change and search; see `forecaster_` for the names of its steps.
        """
        self._validate_params()
        # A season of one row changes nothing.
        periods = read_counts(self.seasonal_periods, "seasonal_periods") or (1,)
        window_size = self.window_size
        if window_size is None:
            window_size = choose_window(max(periods), self.horizon)
        window = SlidingWindow(
            window_size,
            shorten=True,
            differences=choose_differences(periods),
            level="relative" if max(periods) > 1 else "drop",
            clip=10.0,
            known_covariates=self.known_covariates,
        )
        # Without a season the logarithm would make exponentials of straight lines.
        log = "passthrough"
        if max(periods) > 1:
            log = SeriesLog(choose_offset(max(periods)), clip=True)
        scale = SeriesScaler("difference", differences=sorted({1, min(periods)}))
        ids = [("series", SeriesEncoder())] if self.embedding_dim else []
        steps = [
            ("scale", SeriesScaler()),
            *ids,
            ("window", window),
            self._make_regressor(periods, window_size),
        ]
        return PanelForecaster(
            Pipeline(steps),
            horizon=self.horizon,
            history=self.history,
            gaps=self.gaps,
            freq=self.freq,
            index=self.index,
            target_transformer=Pipeline([("log", log), ("scale", scale)]),
        )

    @all_or_nothing
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: pd.DataFrame | None,
        y: pd.Series | pd.DataFrame | np.ndarray,
        sample_weight: Any = None,
    ) -> "LSTMForecaster":
        """Train on a panel, and remember the end of each series.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Covariates indexed by (series, time), in any row order; may have no
            columns. None takes the rows from the index of y. With `index`, a flat table
            of pandas, polars or Arrow.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets of the rows of X. NaN is an unknown value.
        sample_weight : array of shape (n_rows,), default=None
            Weight of each row as an origin.

        Returns
        -------
        LSTMForecaster
            The fitted forecaster.
        """
        task, forecaster = self._begin_tasks(1, X, y), self.to_pipeline()
        with run_as(new_task(task, "fit-forecaster"), forecaster):
            self.forecaster_ = forecaster.fit(X, y, sample_weight)
        self._begun, self._fitted_with = None, self.get_params()
        self._end_tasks(task, X, y)
        return self

    @all_or_nothing
    def partial_fit(
        self,
        X: pd.DataFrame | None,
        y: pd.Series | pd.DataFrame | np.ndarray,
        sample_weight: Any = None,
    ) -> "LSTMForecaster":
        """Extend the history by these rows, and train one epoch on them.

        Before a `fit` it begins, and the learning rate falls over `max_epochs` calls:
        see :meth:`PanelForecaster.partial_fit` for a loop over parts of data that do
        not fit into memory.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Rows of new series, later rows of known ones, or rows that were learned
            before.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets of the rows of X.
        sample_weight : array of shape (n_rows,), default=None
            Weight of each row as an origin.

        Returns
        -------
        LSTMForecaster
            The forecaster itself.
        """
        if hasattr(self, "forecaster_"):
            self._check_unchanged()
        else:
            self._fitted_with = self.get_params()
        forecaster = self._forecaster()
        self.forecaster_ = forecaster.partial_fit(X, y, sample_weight)
        self._begun = None
        return self

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=False)
    def learn_statistics(
        self, X: pd.DataFrame | None, y: pd.Series | pd.DataFrame | np.ndarray
    ) -> "LSTMForecaster":
        """Learn the statistics of series and the labels in a part of the data.

        A first pass over the parts that `partial_fit` trains on afterwards.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Rows of new series. The statistics of known series stay as they are.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets of the rows of X.

        Returns
        -------
        LSTMForecaster
            The forecaster itself.
        """
        self._begun = self._forecaster().learn_statistics(X, y)
        return self

    def update(
        self,
        X: pd.DataFrame | None,
        y: pd.Series | pd.DataFrame | np.ndarray,
    ) -> "LSTMForecaster":
        """Extend the history without training; series may be new.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Rows later than the remembered end of their series, or new series.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets of the rows of X.

        Returns
        -------
        LSTMForecaster
            The forecaster itself.
        """
        check_is_fitted(self)
        self.forecaster_.update(X, y)
        return self

    @available_if(_learns_quantiles)
    def predict_quantiles(self, X: pd.DataFrame, quantiles: Any = None) -> pd.DataFrame:
        """Forecast quantiles of the rows of X.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Rows to forecast, up to `horizon` steps after the end of their series.
        quantiles : sequence of float, default=None
            Quantiles to forecast, ascending. None uses all learned quantiles.

        Returns
        -------
        DataFrame of shape (n_rows, n_quantiles)
            In units of y, under the index of X.
        """
        check_is_fitted(self)
        return self.forecaster_.predict_quantiles(X, quantiles)

    @available_if(_learns_quantiles)
    def predict_interval(self, X: pd.DataFrame, coverage: float = 0.9) -> pd.DataFrame:
        """Forecast intervals for the rows of X.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Rows to forecast, as in `predict_quantiles`.
        coverage : float, default=0.9
            Coverage of the intervals, between 0 and 1.

        Returns
        -------
        DataFrame of shape (n_rows, 2)
            In units of y, under the index of X, with the columns "lower" and "upper".
        """
        check_is_fitted(self)
        return self.forecaster_.predict_interval(X, coverage)

    def _check_unchanged(self):
        """Raise if a parameter was changed that the fitted forecaster does not read."""
        # Files of earlier versions do not have them.
        before = getattr(self, "_fitted_with", {})
        now = self.get_params()
        changed = [
            name
            for name, value in before.items()
            if name not in _HARMLESS and repr(now[name]) != repr(value)
        ]
        if changed:
            raise ValueError(
                f"{', '.join(changed)} was changed since the fit, but partial_fit "
                "trains the fitted forecaster further. Set it back, or call fit."
            )

    def _forecaster(self):
        """A copy of the forecaster so far, or a new one."""
        begun = getattr(self, "forecaster_", None) or getattr(self, "_begun", None)
        return self.to_pipeline() if begun is None else shallow_copy(begun)

    def _make_regressor(self, periods, window_size):
        """The network, or an ensemble of networks, and its name in the pipeline."""
        loss = self.loss if self.quantiles is None else "quantile"
        if loss == "quantile" and self.loss in ("mse", "huber"):
            raise ValueError(
                f"loss={self.loss!r} learns no quantiles, but quantiles="
                f"{self.quantiles!r} are given. Leave loss at its default, or set "
                "quantiles=None."
            )
        lstm = LSTMRegressor(
            hidden_size=self.hidden_size,
            embedding_dim=self.embedding_dim or "auto",
            category_dropout=0.5 if self.embedding_dim else 0.0,
            seasonal_periods=periods,
            loss=loss,
            quantiles=self.quantiles,
            optimizer="adamw",
            net_params={"optimizer__weight_decay": 1e-3},
            max_epochs=self.max_epochs,
            lr=choose_lr(window_size),
            mixup="auto" if max(periods) > 1 else 0.0,
            device=self.device,
            random_state=self.random_state,
            verbose=self.verbose,
            checkpoint_dir=self.checkpoint_dir,
        )
        partners = self._choose_partners(periods)
        n_estimators = self.n_estimators
        if n_estimators == "auto":
            n_estimators = choose_n_estimators(partners)
        if n_estimators == 1 and not partners:
            return "lstm", lstm
        ensemble = SeedEnsemble(
            lstm,
            n_estimators,
            partner=_one_or_all([partner for partner, _ in partners.values()], None),
            partner_weight=_one_or_all(
                [weight for _, weight in partners.values()], "auto"
            ),
            n_jobs=self.n_jobs,
            random_state=self.random_state,
        )
        return "ensemble", ensemble

    def _choose_partners(self, periods):
        """Methods of another kind, where they help, and their weights, by parameter."""
        seasons = sorted(period for period in periods if period > 1)
        longest = max(periods)
        theta = NaiveRegressor("theta", min(seasons, default=1))
        trees = StepRegressor(seasonal_periods=seasons or None)
        mlp = WindowMLPRegressor(device=self.device)
        named = {
            "theta_weight": (theta, longest <= LONGEST_OF_THETA),
            "tree_weight": (trees, 1 < longest <= LONGEST_OF_TREES),
            "mlp_weight": (mlp, LONGEST_OF_THETA < longest <= LONGEST_OF_TREES),
        }
        learned = (0.5,) if self.quantiles is None else check_quantiles(self.quantiles)
        one_sided = not learned[0] <= 0.5 <= learned[-1]
        alone = self.n_estimators == 1 or self.known_covariates is not None
        partners = {}
        for name, (partner, helps) in named.items():
            weight = getattr(self, name)
            if weight == "auto":
                weight = "auto" if helps and not (alone or one_sided) else 0
            elif weight and one_sided:
                raise ValueError(
                    f"{name}={weight!r} moves the median, and quantiles={learned} lie "
                    f"on one side of it. Learn 0.5 as well, or set {name}='auto'."
                )
            if weight:
                partners[name] = (partner, weight)
        given = {
            name: weight for name, (_, weight) in partners.items() if weight != "auto"
        }
        if sum(given.values()) > 1 + 1e-9:  # not for a rounded sum
            shown = " and ".join(f"{name}={weight!r}" for name, weight in given.items())
            raise ValueError(
                f"{shown} are more than 1 together. Lower them, so that the rest is "
                "left to the networks."
            )
        if "mlp_weight" in partners:
            weights = choose_weights_beside_mlp(
                {name: weight for name, (_, weight) in partners.items()}
            )
            partners = {
                name: (partner, weights[name])
                for name, (partner, _) in partners.items()
            }
        return partners


# Parameters that change no forecast.
_HARMLESS = {"device", "n_jobs", "verbose", "checkpoint_dir"}


def _one_or_all(values, default):
    """A single value alone, whose parameters a search can reach, several as a list."""
    if len(values) > 1:
        return values
    return values[0] if values else default

"""ConformalForecaster: calibrated prediction intervals around any forecaster."""

from copy import deepcopy
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from .._panels.all_or_nothing import all_or_nothing, shallow_copy
from .._panels.fit_tasks import FitTasksMixin, new_task, run_as, with_callbacks
from .._panels.flat_tables import align_weight, library_of, panel_of, with_index_of
from .._panels.parameters import (
    HasMethods,
    Interval,
    _fit_context,
)
from .._panels.plain_state import PlainState
from .._panels.quantiles import USUAL_QUANTILES, bounds_of, check_quantiles
from .._panels.rows import (
    align_target,
    index_message,
    is_later,
    is_panel,
    locate_series,
    read_rows,
)
from ._conformal_errors import (
    base_forecasts,
    conformal_quantiles,
    join_errors,
    roll_errors,
)
from ._forecaster_mixins import WrapperMixin
from ._history import after_last_known
from ._panel_forecaster import PanelForecaster
from ._step_forecasts import label_intervals, label_quantiles


class ConformalForecaster(
    PlainState,
    FitTasksMixin,
    WrapperMixin,
    MetaEstimatorMixin,
    RegressorMixin,
    BaseEstimator,
):
    """Calibrated prediction intervals, sized by the errors on held-out rows.

    `fit` trains the forecaster on all but the last rows of each series, and forecasts
    these rows from every origin before them. The distribution of the errors at each
    step sets
    the width of that step's interval: split conformal prediction. Then the forecaster
    is trained again on all rows; it makes the point forecasts.

    If the forecaster predicts quantiles, these are corrected: intervals are wide where
    the model is uncertain, and have the requested coverage.

    Pass a fitted forecaster in a :class:`~sklearn.frozen.FrozenEstimator` to calibrate
    it on later rows without training it.

    Parameters
    ----------
    estimator : LSTMForecaster, PanelForecaster or FrozenEstimator of one
        The forecaster to calibrate. `fit` clones and trains it, unless it is frozen,
        or is fitted and all rows of `fit` come after its history. Only a frozen one
        stays fitted in `clone`, and so in a search or a cross-validation.
    calibration_size : float or int, default=0.2
        The last rows of each series on which errors are measured, as a share of its
        rows or as a number. At least one row of each series is used for training.
        Ignored if the forecaster is not trained.
    refit : bool, default=True
        Whether to train again on all rows. The final forecaster then learns the latest
        rows too, but its errors were measured on another fit. False keeps the first
        fit, in half the time; the last rows only extend its history. Ignored if the
        forecaster is not trained.

    Attributes
    ----------
    estimator_ : PanelForecaster
        The fitted forecaster.
    errors_ : ndarray of shape (n_origins, horizon, n_targets, n_quantiles)
        The true values minus the forecasts, in units of the transformed target. The
        last axis has one entry for point forecasts; errors of quantiles are divided by
        the distance between the outermost quantiles. NaN where the true value is
        unknown. At most 16,384 origins are kept, evenly chosen; those of `update` come
        last.
    history_ : Series or DataFrame
        The remembered y.
    horizon_ : int
        The `horizon` of the forecaster.
    window_size_ : int
        The number of rows in a window.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X, where all are strings.

    See Also
    --------
    LSTMRegressor : ``loss="quantile"`` learns quantiles.
    sklstm.metrics.interval_coverage : The share of values inside their intervals.

    Notes
    -----
    Errors are measured in units of the transformed target, so each series has its own
    scale, and are pooled over series. Intervals therefore have their coverage on
    average over series and times similar to those of the calibration, not for each
    series. The theory assumes exchangeable errors, but errors of neighbouring rows are
    correlated, and the future may differ from the past.

    An interval of 95 % needs at least 39 errors at each step.

    References
    ----------
    Lei, J., G'Sell, M., Rinaldo, A., Tibshirani, R. J. and Wasserman, L. (2018).
    Distribution-free predictive inference for regression. Journal of the American
    Statistical Association 113(523), 1094-1111.

    Romano, Y., Patterson, E. and Candes, E. J. (2019). Conformalized quantile
    regression. Advances in Neural Information Processing Systems 32.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import ConformalForecaster, PanelForecaster, SlidingWindow
    >>> from sklstm.datasets import make_panel
    >>> y = make_panel(n_series=5, n_rows=100, random_state=0)["target"]
    >>> forecaster = PanelForecaster(
    ...     make_pipeline(SlidingWindow(window_size=14, flat=True), Ridge()), horizon=7
    ... )
    >>> conformal = ConformalForecaster(forecaster).fit(y.to_frame()[[]], y)
    >>> future = conformal.forecast().to_frame()[[]]
    >>> conformal.predict_interval(future, coverage=0.9).columns.tolist()
    ['lower', 'upper']
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "calibration_size": [
            Interval(Real, 0, 1, closed="neither"),
            Interval(Integral, 1, None, closed="left"),
        ],
        "refit": ["boolean"],
    }

    _inside = "estimator_"

    def __init__(
        self, estimator: Any, *, calibration_size: float = 0.2, refit: bool = True
    ) -> None:
        self.estimator = estimator
        self.calibration_size = calibration_size
        self.refit = refit

    @all_or_nothing
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: pd.DataFrame | None,
        y: pd.Series | pd.DataFrame | np.ndarray,
        sample_weight: Any = None,
    ) -> "ConformalForecaster":
        """Train, and measure the errors on the last rows of each series.

        A forecaster that is not trained is copied. Errors are measured on the rows
        after its history, and these rows then extend the history of the copy. Earlier
        rows are ignored.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Covariates indexed by (series, time), in any row order; may have no
            columns. None takes the rows from y.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets of the rows of X. Rows after the last known value of a series are
            rows ahead, and are not used.
        sample_weight : array of shape (n_rows,), default=None
            Weight of each row as an origin in training.

        Returns
        -------
        ConformalForecaster
            The fitted forecaster.
        """
        given = X
        X, y = _check_rows(self.estimator, X, y)
        fitted = _fitted_forecaster(self.estimator, X)
        if fitted is not None:
            tail_X, tail_y = _cut(X, y, _rows_after(fitted, X))
            errors = roll_errors(fitted, tail_X, tail_y)
            self.estimator_, self.errors_ = fitted.update(tail_X, tail_y), errors
            self.estimator_.library_ = library_of(given)
            return self
        task = self._begin_tasks(1 + bool(self.refit), X, y)
        late = _calibration_rows(X, y, self.calibration_size, self.estimator.horizon)
        weights = {}
        if sample_weight is not None:
            weights["sample_weight"] = align_weight(sample_weight, given, X)
        early = {name: weight[~late] for name, weight in weights.items()}
        (head_X, head_y), (tail_X, tail_y) = _cut(X, y, ~late), _cut(X, y, late)
        try:
            forecaster = self._train(task, head_X, head_y, early)
        except ValueError as error:
            error.add_note(
                f"calibration_size={self.calibration_size} leaves {len(head_X)} of "
                f"{len(X)} rows to train on."
            )
            raise
        errors = roll_errors(forecaster, tail_X, tail_y)
        if self.refit:
            forecaster = self._train(task, X, y, weights)
        else:
            forecaster.update(tail_X, tail_y)
        self.estimator_, self.errors_ = forecaster, errors
        self.estimator_.library_ = library_of(given)
        self._end_tasks(task, X, y)
        return self

    def _train(self, task, X, y, weights):
        """Train the forecaster anew, composed of its parts if it is flat."""
        composed = hasattr(self.estimator, "to_pipeline")
        new = self.estimator.to_pipeline() if composed else clone(self.estimator)
        with run_as(new_task(task, "fit-forecaster"), new):
            return new.fit(X, y, **weights)

    @all_or_nothing
    def update(
        self,
        X: pd.DataFrame | None,
        y: pd.Series | pd.DataFrame | np.ndarray,
        *,
        recalibrate: bool = False,
    ) -> "ConformalForecaster":
        """Extend the history of the forecaster, without training.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Rows later than the remembered end of their series, or new series. None
            takes the rows from the index of y.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets of the rows of X.
        recalibrate : bool, default=False
            Whether to add the errors on these rows to those of `fit`, so that the width
            of the intervals follows changes. The oldest errors are dropped when there
            are too many.

        Returns
        -------
        ConformalForecaster
            The forecaster itself.
        """
        check_is_fitted(self)
        X, y = _check_rows(self.estimator_, X, y)
        forecaster = self.estimator_
        if recalibrate:
            self.errors_ = join_errors(self.errors_, roll_errors(forecaster, X, y))
        self.estimator_ = shallow_copy(forecaster).update(X, y)
        return self

    def predict_quantiles(self, X: pd.DataFrame, quantiles: Any = None) -> pd.DataFrame:
        """Forecast quantiles of the rows of X.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Rows to forecast, up to `horizon` steps after the end of their series, or
            remembered rows.
        quantiles : sequence of float, default=None
            Quantiles to forecast, ascending. None uses 0.025, 0.05, 0.1, 0.2, ..., 0.9,
            0.95 and 0.975.

        Returns
        -------
        DataFrame of shape (n_rows, n_quantiles)
            In units of y, under the index of X, a column for each quantile; with a y
            of two axes, for each (target, quantile). NaN in the first row of a series.
        """
        quantiles = check_quantiles(USUAL_QUANTILES if quantiles is None else quantiles)
        values, like = self._quantiles(X, quantiles)
        one_target, like = np.ndim(self.history_) == 1, with_index_of(like, X)
        return label_quantiles(values, like, quantiles, one_target)

    def predict_interval(self, X: pd.DataFrame, coverage: float = 0.9) -> pd.DataFrame:
        """Forecast intervals for the rows of X.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Rows to forecast, as in `predict_quantiles`.
        coverage : float, default=0.9
            Coverage of the intervals, between 0 and 1. Values outside lie below and
            above with equal probability.

        Returns
        -------
        DataFrame of shape (n_rows, 2)
            In units of y, under the index of X, with the columns "lower" and "upper";
            with a y of two axes, for each (target, bound).
        """
        values, like = self._quantiles(X, bounds_of(coverage))
        like = with_index_of(like, X)
        return label_intervals(values, like, np.ndim(self.history_) == 1)

    def _quantiles(self, X, quantiles):
        check_is_fitted(self)
        forecaster = self.estimator_
        predict = base_forecasts(forecaster)
        values, step, like = forecaster.forecast_directly(X, predict)
        levels = getattr(forecaster.estimator_[-1], "quantiles_", None)
        values = conformal_quantiles(values, step, self.errors_, levels, quantiles)
        return forecaster.in_units_of_y(values, like), like


def _check_rows(forecaster, X, y):
    """Check X, and take its rows from y if it is None."""
    if y is None:
        raise ValueError(
            "ConformalForecaster requires y to be passed, but the target y is None."
        )
    X, y = panel_of(forecaster, X, y)
    if not is_panel(X):
        raise TypeError(index_message(X))
    return X, y


def _fitted_forecaster(estimator, X):
    """A copy of a forecaster that need not be trained, None if it must be."""
    frozen = isinstance(estimator, FrozenEstimator)
    forecaster = estimator.estimator if frozen else estimator
    if hasattr(forecaster, "to_pipeline"):
        if frozen:
            check_is_fitted(forecaster)
        forecaster = getattr(forecaster, "forecaster_", forecaster.to_pipeline())
    if not isinstance(forecaster, PanelForecaster):
        raise TypeError(
            "estimator must be an LSTMForecaster, a PanelForecaster, or a "
            f"FrozenEstimator of one, got {type(forecaster).__name__}."
        )
    if frozen:
        check_is_fitted(forecaster)
        if not _rows_after(forecaster, X).any():
            raise ValueError(
                f"None of the {len(X)} rows comes after the history of the frozen "
                "forecaster, and only such rows can be used to measure its errors. Fit "
                "it on earlier rows, or pass it without FrozenEstimator to train it "
                "again."
            )
    elif not hasattr(forecaster, "estimator_") or not _rows_after(forecaster, X).all():
        return None
    return deepcopy(forecaster)


def _rows_after(forecaster, X):
    """Whether each row of X comes after the history of its series."""
    rows, history = read_rows(X), read_rows(forecaster.history_)
    position = locate_series(rows.series, history.series)[rows.codes]
    after, known = np.ones(len(rows), dtype=bool), np.flatnonzero(position >= 0)
    end = history.times_at(history.indptr[1:] - 1).take(position[known])
    after[known] = is_later(rows.time.take(known), end)
    return rows.unsort(after)


def _calibration_rows(X, y, size, horizon):
    """Whether errors are measured on each row, or it is ahead."""
    rows, target = read_rows(X), align_target(X, y).to_numpy(dtype=np.float64)
    late = rows.unsort(after_last_known(rows, rows.sort(target)))
    if not late.all():
        late[~late] = _late_rows(read_rows(X[~late]), size, horizon)
    return late


def _late_rows(rows, size, horizon):
    """Whether each given row is among the last of its series, the first never."""
    lengths = rows.lengths
    n_late = size if isinstance(size, Integral) else np.floor(size * lengths)
    n_late = np.minimum(n_late, lengths - 1).astype(np.intp)
    if not n_late.any():
        raise ValueError(
            f"calibration_size={size} leaves no row to measure errors on: the longest "
            f"of {len(lengths)} series has {lengths.max()} rows. Use a larger size, or "
            "longer series."
        )
    most, longest = (lengths - n_late).max(), lengths.max()
    # Any other horizon is refused in training.
    if isinstance(horizon, Integral) and most <= horizon < longest - 1:
        raise ValueError(
            f"calibration_size={size} leaves at most {most} row(s) of a series to "
            f"train on, but horizon={horizon} needs {horizon + 1}. The longest series "
            f"has {longest} known rows: use a calibration_size of at most "
            f"{longest - horizon - 1}, or a smaller share."
        )
    left = rows.indptr[1:][rows.codes] - np.arange(len(rows))
    return rows.unsort(left <= n_late[rows.codes])


def _cut(X, y, chosen):
    """Some rows of X and y."""
    y = y.iloc if hasattr(y, "iloc") else np.asarray(y)
    return X[chosen], y[chosen]

"""A scorer that knows the series of each row and the history of the forecaster."""

from collections.abc import Callable
from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar

from .._panels.flat_tables import panel_of
from .._panels.inner_estimators import find_history
from .._panels.rows import (
    align_target,
    check_targets_of_fit,
    index_message,
    is_panel,
    read_rows,
)
from ._point import ALL_ZERO, symmetric_terms, weighted_terms
from ._row_errors import average_errors, read_targets
from ._scaled import scaled_error

__all__ = ["make_panel_scorer"]

_POWER = {"mase": 1, "rmsse": 2}
_TERMS = {"smape": symmetric_terms, "wape": weighted_terms}


def make_panel_scorer(
    metric: str | Callable, *, seasonal_period: int = 1, average: str = "series"
) -> Callable:
    """Make a scorer for panels, to pass as `scoring` to scikit-learn.

    In cross-validation a scaled error needs the training rows of each fold, and an
    average over series needs the series of each row. The scorer reads the training rows
    from the `history_` of the fitted forecaster, and the series from the index.

    Parameters
    ----------
    metric : {"mase", "rmsse", "smape", "wape"} or callable
        The error to score by. A callable is called as ``metric(y_true, y_pred)`` on
        arrays of shape (n_rows,) and returns an error, i.e. less is better, such as
        `sklearn.metrics.mean_absolute_error`.
    seasonal_period : int, default=1
        Seasonal period of ``"mase"`` and ``"rmsse"``; other metrics do not use it.
    average : {"series", "rows"}, default="series"
        ``"series"`` computes the error of each series, then their mean; ``"rows"``
        computes it over all rows at once, scaled ones each in units of its series.

    Returns
    -------
    callable
        ``scorer(estimator, X, y)`` returns the negative error: greater is better.

    See Also
    --------
    mean_absolute_scaled_error : The error by itself, and its rules.
    sklstm.PanelTimeSeriesSplit : Folds to score on.

    Notes
    -----
    Rows whose true value is NaN are not scored. Series for which an error is undefined
    (in scaled errors, those without a scale; in ``"wape"``, those with only zeros) are
    left out of the mean. Several targets are averaged.

    Scales are computed from the ``history_`` of the forecaster, which may be the last
    step of a pipeline or inside a search or a `TransformedTargetRegressor`. They are
    the scales of the training fold if the forecaster remembers all of it and was not
    updated.

    Examples
    --------
    >>> from sklearn.base import BaseEstimator, RegressorMixin
    >>> from sklstm.datasets import make_panel
    >>> from sklstm.metrics import make_panel_scorer
    >>> class Naive(RegressorMixin, BaseEstimator):
    ...     def fit(self, X, y):
    ...         self.history_ = y
    ...         return self
    ...
    ...     def predict(self, X):
    ...         last = self.history_.groupby(level="series").last()
    ...         return last.loc[X.index.get_level_values("series")].to_numpy()
    >>> panel = make_panel(n_series=3, n_rows=28, freq=None, random_state=0)
    >>> X, y = panel.drop(columns="target"), panel["target"]
    >>> past = X.index.get_level_values("time") < 21
    >>> scorer = make_panel_scorer("mase", seasonal_period=7)
    >>> scorer
    make_panel_scorer('mase', seasonal_period=7, average='series')
    >>> score = scorer(Naive().fit(X[past], y[past]), X[~past], y[~past])
    >>> score < 0
    True
    """
    if not callable(metric) and metric not in (*_POWER, *_TERMS):
        allowed = ", ".join(repr(name) for name in (*_POWER, *_TERMS))
        raise ValueError(f"metric must be {allowed} or a callable, got {metric!r}.")
    check_scalar(seasonal_period, "seasonal_period", Integral, min_val=1)
    if average not in ("series", "rows"):
        raise ValueError(f"average must be 'series' or 'rows', got {average!r}.")
    return _PanelScorer(metric, seasonal_period, average)


class _PanelScorer:
    """The scorer of `make_panel_scorer`, which can be pickled and has a name."""

    def __init__(self, metric, seasonal_period, average):
        self.metric = metric
        self.seasonal_period = seasonal_period
        self.average = average

    def __repr__(self):
        metric = self.metric
        name = getattr(metric, "__name__", metric) if callable(metric) else repr(metric)
        return (
            f"make_panel_scorer({name}, seasonal_period={self.seasonal_period}, "
            f"average={self.average!r})"
        )

    def __call__(self, estimator, X, y):
        y_true, history = _read_truth(estimator, X, y), find_history(estimator)
        check_targets_of_fit(y_true, history)
        y_pred = estimator.predict(X)
        if callable(self.metric):
            return -self._call_metric(y_true, y_pred)
        if self.metric in _POWER:
            return -self._scaled_error(y_true, y_pred, _check_found(history, estimator))
        return -self._percentage_error(y_true, y_pred)

    def _scaled_error(self, y_true, y_pred, history):
        return scaled_error(
            _POWER[self.metric],
            y_true,
            y_pred,
            history,
            self.seasonal_period,
            by_series=self.average == "series",
        )

    def _percentage_error(self, y_true, y_pred):
        actual, forecast, weight = read_targets(y_true, y_pred)
        terms = _TERMS[self.metric](actual, forecast)
        groups = self._groups(y_true)
        return average_errors(*terms, weight, groups, undefined=ALL_ZERO)

    def _call_metric(self, y_true, y_pred):
        actual, forecast, weight = read_targets(y_true, y_pred)
        groups = self._groups(y_true)
        return np.mean(
            [
                _mean_by_group(self.metric, *column, groups)
                for column in zip(actual.T, forecast.T, weight.T, strict=True)
            ]
        )

    def _groups(self, y_true):
        rows = read_rows(y_true, "X")
        if self.average == "rows":
            return np.zeros(len(rows), dtype=np.intp)
        return rows.unsort(rows.codes)


def _mean_by_group(metric, actual, forecast, weight, groups):
    order = np.argsort(groups, kind="stable")
    order = order[weight[order] > 0]
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    return np.mean([metric(actual[rows], forecast[rows]) for rows in members])


def _read_truth(estimator, X, y):
    X, y = panel_of(estimator, X, y)
    if is_panel(X):
        return align_target(X, y)
    if is_panel(y):
        return y
    raise TypeError(index_message(X))


def _check_found(history, estimator):
    """The history of a forecaster; an error says that there is none."""
    if history is None:
        raise TypeError(
            "The scale of the error comes from the history_ of a fitted forecaster, "
            f"and {type(estimator).__name__} has none. Score a PanelForecaster, or "
            "use metric 'smape' or 'wape', which need no history."
        )
    return history

"""A scorer of forecast quantiles."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .._panels.flat_tables import panel_of
from .._panels.inner_estimators import find_method
from .._panels.quantiles import check_quantiles
from .._panels.rows import is_panel, read_rows
from ._quantile import continuous_ranked_probability_score, mean_quantile_loss

__all__ = ["make_quantile_scorer"]

_METRICS = {
    "crps": continuous_ranked_probability_score,
    "quantile_loss": mean_quantile_loss,
}


def make_quantile_scorer(
    metric: str | Callable = "crps", *, quantiles: Any = None
) -> Callable:
    """Make a scorer of forecast quantiles, to pass as `scoring` to scikit-learn.

    Scorers of scikit-learn call `predict`; this one calls `predict_quantiles` of the
    forecaster, which may be the last step of a pipeline or inside a search.

    Parameters
    ----------
    metric : {"crps", "quantile_loss"} or callable, default="crps"
        The error to score by. A callable is called as ``metric(y_true, y_quantiles)``
        and returns an error, i.e. less is better. `y_true` is NaN where it is unknown,
        `y_quantiles` a DataFrame whose columns are the quantiles.
    quantiles : array-like of shape (n_quantiles,), default=None
        The quantiles to ask the forecaster for, between 0 and 1, in increasing order.
        None uses those of the forecaster. Scores of different quantiles cannot be
        compared.

    Returns
    -------
    callable
        ``scorer(estimator, X, y, sample_weight=None)`` returns the negative error:
        greater is better.

    See Also
    --------
    continuous_ranked_probability_score : The error by itself, and its rules.
    make_panel_scorer : Scores point forecasts.
    sklstm.PanelTimeSeriesSplit : Folds to score on.

    Notes
    -----
    Rows whose true value is NaN are not scored, and neither is the first row of a
    series in training, which has no forecast.

    All rows have the same weight, so series of large values dominate. Several targets
    are
    averaged.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.base import BaseEstimator, RegressorMixin
    >>> from sklstm.datasets import make_panel
    >>> from sklstm.metrics import make_quantile_scorer
    >>> class Climate(RegressorMixin, BaseEstimator):
    ...     def fit(self, X, y):
    ...         self.past_ = y
    ...         return self
    ...
    ...     def predict_quantiles(self, X, quantiles=(0.1, 0.5, 0.9)):
    ...         values = {q: self.past_.quantile(q) for q in quantiles}
    ...         return pd.DataFrame(values, index=X.index)
    >>> panel = make_panel(n_series=3, n_rows=28, freq=None, random_state=0)
    >>> X, y = panel.drop(columns="target"), panel["target"]
    >>> past = X.index.get_level_values("time") < 21
    >>> scorer = make_quantile_scorer(quantiles=(0.05, 0.5, 0.95))
    >>> scorer
    make_quantile_scorer('crps', quantiles=(0.05, 0.5, 0.95))
    >>> score = scorer(Climate().fit(X[past], y[past]), X[~past], y[~past])
    >>> score < 0
    True
    """
    if not callable(metric) and metric not in _METRICS:
        allowed = ", ".join(repr(name) for name in _METRICS)
        raise ValueError(f"metric must be {allowed} or a callable, got {metric!r}.")
    if quantiles is not None:
        quantiles = check_quantiles(quantiles)
    return _QuantileScorer(metric, quantiles)


class _QuantileScorer:
    """The scorer of `make_quantile_scorer`, which can be pickled and has a name."""

    def __init__(self, metric, quantiles):
        self.metric = metric
        self.quantiles = quantiles

    def __repr__(self):
        metric = self.metric
        name = getattr(metric, "__name__", metric) if callable(metric) else repr(metric)
        return f"make_quantile_scorer({name}, quantiles={self.quantiles})"

    def __call__(self, estimator, X, y, sample_weight=None):
        predict_quantiles = find_method(estimator, "predict_quantiles")
        asked = {} if self.quantiles is None else {"quantiles": self.quantiles}
        y_quantiles = predict_quantiles(X, **asked)
        panel, _ = panel_of(estimator, X)
        kept = _rows_with_a_past(panel, y_quantiles)
        weighted = {}
        if sample_weight is not None:
            weighted["sample_weight"] = _take_rows(sample_weight, kept)
        metric = self.metric if callable(self.metric) else _METRICS[self.metric]
        return -metric(_take_rows(y, kept), _take_rows(y_quantiles, kept), **weighted)


def _rows_with_a_past(X, y_quantiles):
    """Leave out the rows that start a series in training, if they have no forecasts."""
    kept = np.ones(len(y_quantiles), dtype=bool)
    missing = y_quantiles.isna().all(axis=1).to_numpy()
    if missing.any() and is_panel(X):
        rows = read_rows(X)
        starts = rows.sort(np.arange(len(rows)))[rows.indptr[:-1]]
        kept[starts] = ~missing[starts]
    return kept


def _take_rows(values, kept):
    if kept.all():
        return values
    return values[kept] if hasattr(values, "iloc") else np.asarray(values)[kept]

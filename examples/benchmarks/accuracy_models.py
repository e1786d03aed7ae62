"""sklstm in the accuracy benchmark, and the two baselines that it has to beat."""

import numpy as np
import pandas as pd
from accuracy_data import DECILES
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import sklstm
from sklstm import PanelForecaster, SeriesScaler, SlidingWindow


def run_sklstm(task, seed):
    """Forecast with the library's own recipe, told horizon and seasons alone."""
    forecaster = sklstm.LSTMForecaster(
        task.horizon, seasonal_periods=task.seasonal_periods, random_state=seed
    )
    forecaster.fit(task.past.to_frame()[[]], task.past)
    return forecast_origins(forecaster.forecaster_, task)


def run_quantiles(task, seed):
    """Forecast the nine deciles with the recipe, from the end of the past.

    Returns
    -------
    ndarray of shape (n_series, 1, horizon, 9)
    """
    forecaster = sklstm.LSTMForecaster(
        task.horizon,
        seasonal_periods=task.seasonal_periods,
        quantiles=DECILES,
        random_state=seed,
    )
    forecaster.fit(task.past.to_frame()[[]], task.past)
    of_rows = forecaster.forecast_quantiles().to_numpy()
    return of_rows.reshape(task.n_series, 1, task.horizon, -1)


def run_naive(task, seed):
    """Repeat the last season."""
    season = task.windows(task.naive_period)
    return season[..., np.arange(task.horizon) % task.naive_period]


class RelativeRidge(RegressorMixin, BaseEstimator):
    """Ridge regression on what values differ by from the last one in the window."""

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def fit(self, X, y, sample_weight=None):
        # Collinear lags need double precision.
        X = X.astype(np.float64)
        last = X[:, -1:]
        self.ridge_ = Ridge(self.alpha).fit(X - last, y - last, sample_weight)
        return self

    def predict(self, X):
        X = np.asarray(X, dtype=np.float64)
        last = X[:, -1:]
        return self.ridge_.predict(X - last) + last


def run_ridge(task, seed):
    """Fit one ridge for all series and steps, on each series' own scale."""
    steps = [make_log(), SeriesScaler()] if task.positive else [SeriesScaler()]
    forecaster = PanelForecaster(
        make_pipeline(SlidingWindow(task.window_size, flat=True), RelativeRidge()),
        horizon=task.horizon,
        target_transformer=make_pipeline(*steps),
    )
    # Windows that are padded at a series' start would be taken for values.
    is_full = task.past.groupby(level=0).cumcount() >= task.window_size - 1
    forecaster.fit(task.past.to_frame()[[]], task.past, sample_weight=is_full)
    return forecast_origins(forecaster, task)


def make_log():
    return FunctionTransformer(np.log, np.exp, feature_names_out="one-to-one")


def forecast_origins(forecaster, task):
    """Forecast from the origins of a task with a forecaster fitted on its past.

    Returns
    -------
    ndarray of shape (n_series, n_origins, horizon)
    """
    shape = (task.n_series, len(task.origins), task.horizon)
    if task.origins.any():
        lengths = task.rows.groupby(level=0).size().to_numpy()
        ends = np.cumsum(lengths) - len(task.later) // task.n_series
        rows = (ends[:, None] + task.origins - 1).ravel()
        return forecast_rows(forecaster, task.rows, rows).reshape(shape)
    return forecaster.forecast().to_numpy().reshape(shape)


def forecast_rows(forecaster, y, rows):
    """Forecast from many rows at once, with a fitted forecaster of one target.

    Gives what ``update`` with all rows up to each origin and ``forecast`` would,
    where the times are numbers, but walks through the series once and not once for
    each origin.

    Parameters
    ----------
    forecaster : PanelForecaster
        Fitted on a y whose X has no columns.
    y : Series
        All rows, those of the fit included, indexed by (series, time) and sorted.
    rows : ndarray of shape (n_origins,)
        Positions in y of the origins.

    Returns
    -------
    ndarray of shape (n_origins, horizon)
    """
    frame = y.to_frame()
    past = forecaster.target_transformer_.transform(frame)
    windows = forecaster.estimator_[:-1].transform(frame[[]])
    windows = windows.with_target(np.asarray(past))
    steps = forecaster.estimator_[-1].predict(windows[rows])
    series, time = (y.index[rows].get_level_values(level) for level in (0, 1))
    for k, step in enumerate(steps.T):
        # Step by step, so that no frame holds the same series and time twice.
        index = pd.MultiIndex.from_arrays([series, time + k + 1], names=y.index.names)
        step = pd.DataFrame({y.name: step}, index=index)
        steps[:, k] = np.ravel(forecaster.target_transformer_.inverse_transform(step))
    return steps

"""What a forecaster is given, checked."""

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from .._panels.columns import as_floats
from .._panels.random_holes import CUT_BY_TIME
from .._panels.rows import check_frame, show
from .._panels.time_step import is_inferred, pairs_within
from .._windows.windows import PanelWindows

__all__ = [
    "check_horizon",
    "check_not_filled",
    "check_pipeline",
    "check_some_known",
    "check_target",
    "check_windows",
]

# Fewer pairs of rows are no evidence of a step of their own.
_FEW_PAIRS = 2


def check_pipeline(estimator):
    """Raise if an estimator is no pipeline of transformers and a regressor."""
    if not isinstance(estimator, Pipeline) or len(estimator.steps) < 2:
        raise TypeError(
            "estimator must be a Pipeline whose last two steps are a SlidingWindow and "
            f"a regressor, got {type(estimator).__name__}."
        )


def check_windows(windows):
    """Give windows back, and raise if they are none, or hold the target already."""
    if not isinstance(windows, PanelWindows):
        raise TypeError(
            "The step before the regressor must return windows of the rows of a panel, "
            f"got {type(windows).__name__}. Put a SlidingWindow there."
        )
    if windows.table.target.shape[1]:
        raise ValueError(
            "SlidingWindow(target=...) names a column of X as the target's past, but "
            "in a PanelForecaster the past of y takes that place. Leave target=None."
        )
    return windows


def check_target(y):
    """Give y back as float64, and raise if it is not numeric or not finite."""
    if y.shape[1] == 0:
        raise ValueError("y has no columns; at least one target is needed.")
    check_frame(y, "y")
    values = as_floats(y if y.shape[1] > 1 else y.iloc[:, 0], "y").reshape(y.shape)
    infinite = np.isinf(values).any(axis=1)
    if infinite.any():
        raise ValueError(
            f"y contains infinity at {show(y.index[infinite])}. Replace it by a number "
            "or by NaN."
        )
    return pd.DataFrame(values, index=y.index, columns=y.columns)


def check_horizon(horizon, rows):
    """Raise if no series has a row that far after another."""
    longest = rows.lengths.max()
    if horizon >= longest:
        raise ValueError(
            f"horizon={horizon} is too long for the data: the longest series has "
            f"{longest} rows, and training needs at least horizon + 1 = {horizon + 1}."
        )


def check_not_filled(ahead):
    """Raise if remembered rows are asked for whose y is not known, but filled in."""
    rows = ahead.rows[ahead.rows < len(ahead.history)]
    unknown = ahead.history.y.iloc[rows].isna().all(axis=1).to_numpy()
    if unknown.any():
        raise ValueError(
            f"{unknown.sum()} row(s) of X lie before the end of their series, but y is "
            f"not known there: {show(ahead.X.index[rows[unknown]])}. gaps='fill' "
            "gives no fitted values for rows without a known y. Leave them out, or use "
            f"gaps='keep'. {CUT_BY_TIME}"
        )


def check_some_known(ahead):
    """Raise if a series is to be continued of which no value is known."""
    history = ahead.history
    known = np.isfinite(history.y.to_numpy())
    known = np.logical_or.reduceat(known.any(axis=1), history.rows.indptr[:-1])
    blank = (ahead.n_steps > 0) & ~known
    if blank.any():
        raise ValueError(
            f"{blank.sum()} series have no known value of y to forecast from: "
            f"{show(history.series[blank])}. Leave out their rows, or give values with "
            "update(X, y)."
        )


def check_step_of_rows(history):
    """Raise if the rows are several of the given steps apart, and are counted as one.

    Forecasts of the next rows would get the times of the next steps.
    """
    if is_inferred(history.freq) or history.freq is None:
        return
    rows, step = history.rows, history.steps.main
    before = pairs_within(rows.indptr)
    apart = step.count(rows.time[before], rows.time[before + 1]) > 1
    n_apart = np.bincount(rows.codes[before], apart, minlength=rows.n_series)
    finer = (n_apart > _FEW_PAIRS) & (n_apart > 0.5 * (rows.lengths - 1))
    if finer.any():
        raise ValueError(
            f"freq={history.freq!r} is finer than the step of the rows of "
            f"{finer.sum()} series: {show(rows.series[finer])}. Pass the step of the "
            "rows, or freq=None to count rows, or gaps='fill' to give each step a row."
        )

"""Forecasts of rows within the horizon, of one or of several numbers each."""

import numpy as np
import pandas as pd

from .._panels.rows import show
from ._missing_values import missing_named

__all__ = [
    "check_within",
    "label_intervals",
    "label_quantiles",
    "direct_steps",
]


def direct_steps(ahead, windows, predict):
    """Forecast the rows of a ahead, each directly from its origin.

    Parameters
    ----------
    ahead : RowsAhead
    windows : PanelWindows
        One for each row of the ahead, with the target's past.
    predict : callable
        Maps n windows to an ndarray of shape (n, horizon, n_targets, n_numbers).

    Returns
    -------
    values : ndarray of shape (n_asked, n_targets, n_numbers)
        NaN for the first row of a series, which has no origin.
    step : ndarray of shape (n_asked,)
        How many steps after its origin each row stands; 1 for remembered rows.
    """
    origin, step = ahead.origins()
    first = origin < 0
    origins, place = np.unique(np.maximum(origin, 0), return_inverse=True)
    some = windows[origins]
    with missing_named(some, windows, ahead.X.index):
        values = predict(some)[place, step - 1]
    values[first] = np.nan
    return values, step


def label_quantiles(values, like, quantiles, one_target):
    """Put quantiles under the index of their rows.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_targets, n_quantiles)
    like : DataFrame of shape (n_rows, n_targets)
    quantiles : sequence of float
    one_target : bool
        Whether y had one axis.

    Returns
    -------
    DataFrame of shape (n_rows, n_targets * n_quantiles)
    """
    return _label(values, like, pd.Index(quantiles, name="quantile"), one_target)


def label_intervals(values, like, one_target):
    """Put lower and upper bounds under the index of their rows."""
    bounds = pd.Index(["lower", "upper"], name="bound")
    return _label(values, like, bounds, one_target)


def _label(values, like, labels, one_target):
    columns = labels
    if not one_target:
        names = pd.Index(like.columns, name="target")
        columns = pd.MultiIndex.from_product([names, labels])
    table = values.reshape(len(values), -1)
    if one_target:
        columns = columns.rename(None)
    return pd.DataFrame(table, index=like.index, columns=columns)


def check_within(ahead, horizon):
    """Raise if a row is further ahead than is forecast directly."""
    rows, beyond = ahead.rows, ahead.origins()[1] > horizon
    if beyond.any():
        raise ValueError(
            f"Quantiles and intervals are given for steps up to horizon={horizon}; "
            f"{beyond.sum()} row(s) of X lie beyond: "
            f"{show(ahead.X.index[rows[beyond]])}. Leave them out, or fit with a "
            "larger horizon."
        )

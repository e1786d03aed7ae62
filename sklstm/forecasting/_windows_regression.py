"""A regressor on windows: the origins that it learns from, and its forecasts."""

import numpy as np

from .._windows.array_regressors import (
    advised,
    predict_arrays,
    reads_all_steps,
    takes_windows,
    target_of,
)
from .._windows.step_targets import StepTargets

__all__ = [
    "count_short",
    "predict_step_quantiles",
    "predict_steps",
    "train_on_origins",
    "training_origins",
]


def training_origins(windows, targets, stride, complete):
    """Choose the rows at which forecasts are made in training.

    Parameters
    ----------
    windows : PanelWindows of shape (n_rows, window_size, n_features)
        One for each row of a panel, sorted by series and time.
    targets : StepTargets of shape (n_rows, horizon * n_targets)
        What follows each row.
    stride : int
        Every how many rows, counted back from the last usable row of each series.
    complete : bool
        Whether all targets of an origin must be known; else one is enough.

    Returns
    -------
    ndarray of int
        Positions of windows.
    """
    needed = targets.shape[1] if complete else 1
    usable = np.flatnonzero(targets.known() >= needed)
    if stride == 1:
        return usable
    series = windows.series[usable]
    last = np.searchsorted(series, series, side="right") - 1
    return usable[(last - np.arange(len(usable))) % stride == 0]


def train_on_origins(train, windows, past, learned, *, horizon, stride, weight):
    """Train a regressor to forecast rows from the windows before them.

    Parameters
    ----------
    train : bound method
        ``fit`` or ``partial_fit`` of the regressor.
    windows : PanelWindows of shape (n_rows, window_size, n_features)
        One for each row of a panel, sorted by series and time, with the target.
    past : ndarray of shape (n_rows, n_targets) or None
        The target at each row; None where that of the windows will do, in single
        precision.
    learned : ndarray of bool of shape (n_rows,)
        The rows that are to be learned as targets.
    horizon, stride : int
    weight : ndarray of shape (n_rows,) or None
        Sample weight of each row as an origin.
    """
    lazy = takes_windows(train.__self__)
    windows = windows if lazy else windows.with_steps(horizon)
    target = windows.table.target
    if past is not None or not learned.all():
        rows = windows.ends[learned]
        target = np.full(target.shape, np.nan)
        target[rows] = windows.table.target[rows] if past is None else past[learned]
    targets = StepTargets(target, windows.ends, windows.table.segments, horizon)
    origins = training_origins(windows, targets, stride, complete=not lazy)
    if len(origins) == 0:
        raise ValueError(
            "No row of y can be learned: every target is missing, or lies within "
            f"horizon={horizon} rows of the end of its series or of a gap."
        )
    X, y = windows[origins], targets[origins]
    if not lazy:
        X, y = np.asarray(X), target_of(train.__self__, np.asarray(y))
    extra = {} if weight is None else {"sample_weight": weight[origins]}
    del origins, targets  # large, and of no more use while the regressor trains
    if lazy:
        train(X, y, **extra)
        return
    with advised():
        train(X, y, **extra)


def predict_steps(regressor, windows, horizon):
    """Forecast from windows.

    Parameters
    ----------
    regressor : fitted regressor
    windows : PanelWindows of shape (n, window_size, n_features)
    horizon : int

    Returns
    -------
    ndarray of shape (n, horizon, n_targets)
    """
    windows = _rows_read(regressor, windows, horizon)
    if takes_windows(regressor):
        out = regressor.predict(windows)
    else:
        out = predict_arrays(regressor, windows.with_steps(horizon))
    return np.asarray(out, dtype=np.float64).reshape(len(windows), horizon, -1)


def _rows_read(regressor, windows, horizon):
    """Keep the rows that forecasts from these windows read."""
    reach = windows.reach
    if takes_windows(regressor):
        if not hasattr(regressor, "past_reach_"):
            return windows
        reach = max(reach, regressor.past_reach_)
    return windows.cut(reach, horizon if windows.table.known else 0)


def count_short(regressor, windows, horizon):
    """Count the windows whose forecasts lack known columns of some of the steps.

    Parameters
    ----------
    regressor : fitted regressor
        One that reads these columns step by step lacks none of them.
    windows : PanelWindows of shape (n, window_size, n_features)
        Those that are forecast from.
    horizon : int

    Returns
    -------
    int
    """
    table, ends = windows.table, windows.ends
    if not table.known or not reads_all_steps(regressor):
        return 0
    return int((ends + horizon >= table.segment_ends(ends)).sum())


def predict_step_quantiles(regressor, windows, horizon, quantiles):
    """Forecast quantiles from windows.

    Parameters
    ----------
    regressor : fitted regressor with `predict_quantiles`
    windows : PanelWindows of shape (n, window_size, n_features)
    horizon : int
    quantiles : sequence of float

    Returns
    -------
    ndarray of shape (n, horizon, n_targets, n_quantiles)
    """
    windows = _rows_read(regressor, windows, horizon)
    out = regressor.predict_quantiles(windows, quantiles)
    return np.reshape(out, (len(windows), horizon, -1, len(quantiles)))

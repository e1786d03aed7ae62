"""A regressor on windows: the origins that it learns from, and its forecasts."""

import numpy as np
from sklearn.base import clone
from sklearn.multioutput import MultiOutputRegressor
from sklearn.utils import get_tags

from .._windows.step_targets import StepTargets

__all__ = [
    "fit_or_fit_each",
    "predict_step_quantiles",
    "predict_steps",
    "takes_windows",
    "train_on_origins",
    "training_origins",
]

# Numbers in the largest array of windows that is handed to a regressor at a time.
_PREDICT_SIZE = 1 << 24

# What to do when a regressor's own words are about the array that it was given.
_ADVICE = {
    "dim 3": "It was given windows of 3 axes; SlidingWindow(flat=True) returns rows.",
    "1d array": "It was given one column of y for each step and target. If it supports "
    "a single output and its scikit-learn tags do not declare that, wrap it in "
    "sklearn.multioutput.MultiOutputRegressor.",
    "NaN": "It was given windows of X and of the past of y, which hold missing values. "
    "Fill them, X with a SeriesImputer, or use a regressor that takes them, such as "
    "LSTMRegressor.",
}


def fit_or_fit_each(regressor, n_outputs, train):
    """Train a regressor, or a copy for each output if it takes but one.

    Parameters
    ----------
    regressor : regressor
        A regressor whose tags declare a single output is tried with all outputs first,
        because some regressors support more than their tags declare.
    n_outputs : int
        One for each step and target.
    train : callable
        Trains the regressor that it is given, from the start.

    Returns
    -------
    regressor
        The same one, or a `MultiOutputRegressor` of copies.
    """
    try:
        train(regressor)
        return regressor
    except ValueError:
        if n_outputs == 1 or takes_windows(regressor) or not _has_one(regressor):
            raise
    each = MultiOutputRegressor(clone(regressor))
    train(each)
    return each


def _has_one(regressor):
    """Whether the tags of a regressor declare a single output."""
    if not hasattr(regressor, "__sklearn_tags__"):
        return False
    return not get_tags(regressor).target_tags.multi_output


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
        X, y = np.asarray(X), np.asarray(y)
        y = y[:, 0] if y.shape[1] == 1 else y
    extra = {} if weight is None else {"sample_weight": weight[origins]}
    del origins, targets  # large, and of no more use while the regressor trains
    try:
        train(X, y, **extra)
    except ValueError as error:
        for sign, advice in _ADVICE.items():
            if not lazy and sign in str(error):
                error.add_note(advice)
        raise


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
        out = _predict_arrays(regressor, windows.with_steps(horizon))
    return np.asarray(out, dtype=np.float64).reshape(len(windows), horizon, -1)


def _rows_read(regressor, windows, horizon):
    """Keep the rows that forecasts from these windows read."""
    reach = windows.reach
    if takes_windows(regressor):
        if not hasattr(regressor, "past_reach_"):
            return windows
        reach = max(reach, regressor.past_reach_)
    return windows.cut(reach, horizon if windows.table.known else 0)


def _predict_arrays(regressor, windows):
    size = max(1, _PREDICT_SIZE // int(np.prod(windows.shape[1:])))
    parts = [windows[first : first + size] for first in range(0, len(windows), size)]
    try:
        return np.concatenate([regressor.predict(np.asarray(part)) for part in parts])
    except ValueError as error:
        ahead, ends = windows.n_ahead, windows.ends
        short = ends + ahead >= windows.table.segment_ends(ends)
        if ahead and short.any() and "NaN" in str(error):
            error.add_note(
                f"It reads {list(windows.table.known)} of all {ahead} steps after each "
                f"window, and for {short.sum()} window(s) X ends before: those steps "
                "are NaN. Give X rows for all of them, or use a regressor that takes "
                "NaN, or one that reads windows as they are, such as LSTMRegressor."
            )
        raise


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


def takes_windows(regressor):
    """Whether a regressor reads windows as they are, and not as an array."""
    return getattr(regressor, "accepts_panel_windows", False)

"""New rows behind those that are remembered: their windows, targets and weights."""

import numpy as np

from ._forecaster_checks import check_windows
from ._target_transform import check_still_known, transform_target

__all__ = ["join_new_rows", "weigh_new_rows"]


def join_new_rows(history, new, target_transformer, steps):
    """Make windows of the series of new rows, all their remembered rows included.

    Parameters
    ----------
    history : History
        Which holds the new rows already.
    new : History
    target_transformer, steps : transformers

    Returns
    -------
    windows : PanelWindows of shape (n_rows, window_size, n_features)
    past : ndarray of shape (n_rows, n_targets)
        The transformed target.
    learned : ndarray of bool of shape (n_rows,)
        Which rows are new.
    """
    joint = history.select(np.flatnonzero(history.series.isin(new.series)))
    past = transform_target(target_transformer, joint.y)
    check_still_known(past, joint.y)
    windows = check_windows(steps.transform(joint.X)).with_target(past)
    return windows, past, joint.X.index.isin(new.X.index)


def weigh_new_rows(weight, learned, series):
    """Weigh remembered rows by 1, and those filled in behind new ones like these."""
    weights, rows = np.ones(len(learned)), np.arange(len(learned))
    weights[learned] = weight
    first = np.diff(series, prepend=-1) > 0
    return weights[np.maximum.accumulate(np.where(learned | first, rows, 0))]

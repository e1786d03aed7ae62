"""Errors of data sets after stages, and what they say of transfer and forgetting.

A matrix of errors `e` has one row for each stage and one column for each data set;
``since[j]`` is the stage that data set j was learned in, -1 if it never was. The
literature writes accuracies, one data set in each stage, so that ``since[j] == j``;
differences of errors have the opposite sign. Every function returns one value for each
data set, in units of the error, and NaN where there is none to tell; the measure of the
paper is the mean over the others. T is the last stage.
"""

from numbers import Real

import numpy as np

__all__ = [
    "backward_transfer",
    "error_by_group",
    "forgetting",
    "forward_transfer",
    "worst_increase",
]


def forgetting(errors, since):
    """How much worse each data set is in the end than at its best before.

    The measure of Chaudhry et al. (2018): ``e[T, j] - min(e[l, j] for l < T)``.

    Parameters
    ----------
    errors : ndarray of shape (n_stages, n_datasets)
        NaN, such as before a data set had come, is left out of the minimum.
    since : ndarray of int of shape (n_datasets,)

    Returns
    -------
    ndarray of shape (n_datasets,)
        Positive where something was forgotten; NaN for what was learned last.
    """
    best = np.fmin.reduce(errors[:-1], axis=0, initial=np.nan)
    return np.where(_earlier(errors, since), errors[-1] - best, np.nan)


def backward_transfer(errors, since):
    """How much later stages have helped each data set since its own.

    The measure of Lopez-Paz and Ranzato (2017): ``e[since[j], j] - e[T, j]``.

    Parameters
    ----------
    errors : ndarray of shape (n_stages, n_datasets)
    since : ndarray of int of shape (n_datasets,)

    Returns
    -------
    ndarray of shape (n_datasets,)
        Negative where later stages did harm; NaN for what was learned last.
    """
    own = errors[since, np.arange(len(since))]
    return np.where(_earlier(errors, since), own - errors[-1], np.nan)


def forward_transfer(errors, since, untrained):
    """How much earlier stages have helped each data set before its own.

    The measure of Lopez-Paz and Ranzato (2017): ``b[j] - e[since[j] - 1, j]``.

    Parameters
    ----------
    errors : ndarray of shape (n_stages, n_datasets)
    since : ndarray of int of shape (n_datasets,)
    untrained : ndarray of shape (n_datasets,)
        The error `b` of each data set before any training.

    Returns
    -------
    ndarray of shape (n_datasets,)
        Positive where a data set gained before it was seen; NaN for what was learned
        first.
    """
    before = errors[since - 1, np.arange(len(since))]
    return np.where(since > 0, untrained - before, np.nan)


def worst_increase(errors, since):
    """The largest relative rise of an earlier data set's error in the last stage.

    Parameters
    ----------
    errors : ndarray of shape (n_stages, n_datasets)
    since : ndarray of int of shape (n_datasets,)

    Returns
    -------
    increase : float
        Over the best error since the stage of its own, -inf if there is none to tell.
    position : int
        The data set.
    """
    rise = np.full(len(since), -np.inf)
    for j in np.flatnonzero(_earlier(errors, since) & np.isfinite(errors[-1])):
        best = np.fmin.reduce(errors[since[j] : -1, j])
        if np.isfinite(best):
            rise[j] = errors[-1, j] / max(best, np.finfo(float).tiny) - 1
    return float(rise.max()), int(rise.argmax())


def _earlier(errors, since):
    """Whether each data set was learned before the last stage."""
    return (since >= 0) & (since < len(errors) - 1)


def error_by_group(y_true, y_pred, group, n_groups, error):
    """The error within each group of windows.

    Parameters
    ----------
    y_true, y_pred : ndarray of shape (n_windows, n_outputs)
        NaN in `y_true` is left out.
    group : ndarray of int of shape (n_windows,)
    n_groups : int
    error : callable
        Of the known values and their predictions, both of one axis.

    Returns
    -------
    ndarray of shape (n_groups,)
        NaN for a group without a known value.
    """
    out = np.full(n_groups, np.nan)
    for number in np.unique(group):
        truth, guess = y_true[group == number], y_pred[group == number]
        known = np.isfinite(truth)
        if known.any():
            out[number] = _as_number(error(truth[known], guess[known]))
    return out


def _as_number(error):
    """Check what a callable returned, since numpy reads None as NaN."""
    if np.ndim(error) or not isinstance(np.asarray(error).item(), Real):
        raise TypeError(
            "scoring must return one number, an error of 0 or more, got "
            f"{error!r}. Return the mean error of y_true and y_pred."
        )
    return error

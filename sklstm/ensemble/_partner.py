"""The partners of an ensemble: what they read of the samples, and predict."""

from contextlib import nullcontext

import numpy as np
from sklearn.utils.validation import has_fit_parameter

from .._windows.array_regressors import (
    advised,
    fit_or_fit_each,
    predict_arrays,
    takes_windows,
    target_of,
)
from .._windows.windows import PanelWindows

__all__ = ["learn", "predict_beside", "samples_of"]


def samples_of(partner, X, y, sample_weight):
    """Choose the samples that a partner learns from.

    Parameters
    ----------
    partner : regressor
    X : PanelWindows or array-like
    y : array-like
        NaN is not known.
    sample_weight : array-like of shape (n_samples,) or None

    Returns
    -------
    tuple or None
        X, y and the weights: all of them, but for a partner that reads windows as
        arrays. It learns from those whose targets are all known; None if there is none.
    """
    if not _flattens(partner, X):
        return X, y, sample_weight
    y = np.asarray(y, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(y.reshape(len(y), -1)).any(axis=1))
    if len(known) == 0:
        return None
    if sample_weight is not None:
        sample_weight = np.asarray(sample_weight)[known]
    return X[known], y[known], sample_weight


def learn(partner, method, samples):
    """Fit a partner, with the weights if it takes any.

    Parameters
    ----------
    partner : regressor
    method : {"fit", "partial_fit"}
    samples : tuple or None
        Those of `samples_of`.

    Returns
    -------
    regressor
        The partner, or copies of it for each output if it takes but one.
    """
    if samples is None:
        raise ValueError(
            f"partner={partner!r} learns from windows whose targets are all known, and "
            "there is none. Lower the horizon, fill y, or choose a partner that reads "
            "windows as they are, such as NaiveRegressor."
        )
    X, y, sample_weight = samples
    weighed = sample_weight is not None and has_fit_parameter(partner, "sample_weight")
    extra = {"sample_weight": sample_weight} if weighed else {}
    if takes_windows(partner):
        return getattr(partner, method)(X, y, **extra)
    n_outputs, flattens = int(np.prod(np.shape(y)[1:])), _flattens(partner, X)
    if flattens:
        X, y = np.asarray(_flat(X, n_outputs)), np.reshape(y, (len(y), n_outputs))

    def train(regressor):
        target = target_of(regressor, y) if flattens else y
        with advised() if flattens else nullcontext():
            getattr(regressor, method)(X, target, **extra)

    try:
        return fit_or_fit_each(partner, n_outputs, train)
    except ValueError as error:
        error.add_note(f"It comes from partner={partner!r}.")
        raise


def predict_beside(partner, X, shape):
    """Predict with a fitted partner, in the shape of other predictions.

    Parameters
    ----------
    partner : fitted regressor
    X : PanelWindows or array-like
    shape : tuple of int
        One row for each sample.

    Returns
    -------
    ndarray of this shape
    """
    if _flattens(partner, X):
        out = predict_arrays(partner, _flat(X, int(np.prod(shape[1:]))))
    else:
        out = partner.predict(X)
    return np.reshape(out, shape)


def _flattens(partner, X):
    """Whether windows become rows of an array for a partner."""
    return isinstance(X, PanelWindows) and not takes_windows(partner)


def _flat(X, n_outputs):
    """Windows as rows, with what is known of the steps ahead if there are any."""
    n_targets = X.table.target.shape[1]
    return X.flattened(n_outputs // n_targets if n_targets else 0)

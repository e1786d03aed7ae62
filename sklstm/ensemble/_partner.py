"""The partner of an ensemble: what it reads of the samples, and predicts."""

import numpy as np
from sklearn.utils.validation import has_fit_parameter

from .._windows.array_regressors import (
    advised,
    fit_or_fit_each,
    predict_arrays,
    takes_windows,
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
    tuple
        X, y and the weights: all of them, but for a partner that reads windows as
        arrays. It learns from those whose targets are all known; there may be none.
    """
    if not _flattens(partner, X):
        return X, y, sample_weight
    y = np.asarray(y, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(y.reshape(len(y), -1)).any(axis=1))
    if sample_weight is not None:
        sample_weight = np.asarray(sample_weight)[known]
    return X[known], y[known], sample_weight


def learn(partner, method, X, y, sample_weight):
    """Fit a partner, with the weights if it takes any.

    Parameters
    ----------
    partner : regressor
    method : {"fit", "partial_fit"}
    X, y, sample_weight
        Those of `samples_of`.

    Returns
    -------
    regressor
        The partner, or copies of it for each output if it takes but one.
    """
    weighed = sample_weight is not None and has_fit_parameter(partner, "sample_weight")
    extra = {"sample_weight": sample_weight} if weighed else {}
    if not _flattens(partner, X):
        return getattr(partner, method)(X, y, **extra)
    if len(X) == 0:
        raise ValueError(
            f"partner={partner!r} learns from windows whose targets are all known, and "
            "there is none. Lower the horizon, fill y, or choose a partner that reads "
            "windows as they are, such as NaiveRegressor."
        )
    n_outputs = y.size // len(y)
    rows = np.asarray(_flat(X, n_outputs))
    y = y.ravel() if n_outputs == 1 else y

    def train(regressor):
        with advised():
            getattr(regressor, method)(rows, y, **extra)

    return fit_or_fit_each(partner, n_outputs, train)


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
    return X.flattened(n_outputs // max(1, X.table.target.shape[1]))

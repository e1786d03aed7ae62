"""The weights of an ensemble's partners, by their errors in training."""

import numpy as np
import pandas as pd
from sklearn.utils import _safe_indexing

from .._windows.windows import PanelWindows

__all__ = ["LARGEST_WEIGHT", "choose_weights", "errors_in_training"]

# The weight that a partner begins with, and the ratios of its error to that of the
# others between which it falls to 0.
LARGEST_WEIGHT = 0.3
_MUCH_WORSE = (1.5, 2.0)

# Samples of training whose errors are compared.
_N_COMPARED = 2000


def errors_in_training(predictors, X, y, sample_weight):
    """Add up the absolute errors of some predictors, on the same part of the samples.

    Parameters
    ----------
    predictors : list of callable
        Each maps samples, and the shape of the result, to predictions.
    X : PanelWindows or array-like
    y : array-like
        NaN is not known.
    sample_weight : array-like of shape (n_samples,) or None

    Returns
    -------
    ndarray of shape (n_predictors,)
        The weighted sum of each.
    """
    X, y = (part if hasattr(part, "shape") else np.asarray(part) for part in (X, y))
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
    compared = _compared(X, weight)
    X, y = (_safe_indexing(part, compared) for part in (X, y))
    y = np.asarray(y, dtype=np.float64).reshape(len(compared), -1)
    errors = [np.abs(predict(X, y.shape) - y) for predict in predictors]
    return np.nansum(weight[compared, None] * errors, axis=(1, 2))


def _compared(X, weight):
    """The positions of some samples; of windows, the last quarter of each series.

    There a window has about as much before it as those that are forecast from.
    """
    used = weight != 0
    if isinstance(X, PanelWindows):
        late = pd.Series(X.ends).groupby(X.series).rank(pct=True).to_numpy() > 0.75
        used = used & late if (used & late).any() else used
    used = np.flatnonzero(used)
    some = np.linspace(0, len(used) - 1, min(len(used), _N_COMPARED))
    return used[some.astype(np.intp)]


def choose_weights(own, *others, largest):
    """Choose the weights of partners.

    Parameters
    ----------
    own : float
        The error of the other regressors.
    *others : float
        The error of each partner.
    largest : sequence of float
        The largest weight of each.

    Returns
    -------
    list of float
        Each from 0 to its largest.
    """
    good, bad = _MUCH_WORSE
    return [
        limit * float(np.interp(other, [good * own, bad * own], [1, 0]))
        for other, limit in zip(others, largest, strict=True)
    ]

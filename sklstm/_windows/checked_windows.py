"""Windows and targets, checked, of regressors that read both panels and arrays."""

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length, validate_data

from .._panels.columns import as_floats
from .step_targets import StepTargets
from .windows import PanelWindows

__all__ = [
    "as_targets",
    "check_training",
    "check_windows",
    "columns_of",
    "mean_of_target",
]

_OF_ARRAYS = {
    "allow_nd": True,
    "dtype": np.float64,
    "ensure_all_finite": "allow-nan",
}


def check_training(estimator, X, y):
    """Check windows and targets of `fit`, and find the past of the targets.

    Parameters
    ----------
    estimator : estimator
        It learns the number of features.
    X : PanelWindows or array of shape (n, n_steps, n_features) or (n, n_steps)
    y : array of shape (n,) or (n, n_outputs)

    Returns
    -------
    X, y
        PanelWindows and StepTargets as they are, arrays as float64.
    target : ndarray of shape (n_rows, n_targets)
    """
    if isinstance(X, PanelWindows):
        validate_data(estimator, X, skip_check_array=True)
        check_consistent_length(X, y)
        X.check_target()
        y = y if isinstance(y, StepTargets) else as_targets(y)
        n_outputs, n_targets = int(np.prod(y.shape[1:])), X.table.target.shape[1]
        if n_outputs % n_targets:
            raise ValueError(
                f"y has {n_outputs} output(s), but they must be the next steps of the "
                f"{n_targets} target(s) in the windows: a multiple of that number."
            )
        return X, y, X.table.target
    X, y = validate_data(
        estimator, X, y, multi_output=True, y_numeric=True, **_OF_ARRAYS
    )
    if X.ndim > 3 or X.shape[-1] == 0:
        raise ValueError(
            "X must have 2 axes (n, n_steps) or 3 (n, n_steps, n_features), and at "
            f"least one feature, got the shape {X.shape}."
        )
    return X, y, np.reshape(y, (-1, 1))


def as_targets(y):
    """Check targets, of which NaN is not known, and give them as float64."""
    return check_array(
        as_floats(y, "y"),
        ensure_2d=False,
        dtype=np.float64,
        ensure_all_finite="allow-nan",
        input_name="y",
    )


def check_windows(estimator, X, columns):
    """Check windows of `predict`: as they are, or as an array of float64.

    Parameters
    ----------
    estimator : estimator
    X : PanelWindows or array-like
    columns : object
        The result of `columns_of` in `fit`; None checks nothing.

    Returns
    -------
    PanelWindows or ndarray
    """
    if isinstance(X, PanelWindows):
        validate_data(estimator, X, skip_check_array=True, reset=False)
        X.check_target()
    else:
        X = validate_data(estimator, X, reset=False, **_OF_ARRAYS)
    found = columns_of(X)
    if columns is not None and found != columns:
        raise ValueError(
            f"X has {_describe(found)} at each step; fit saw {_describe(columns)}. "
            "Give windows of the same columns as in fit."
        )
    return X


def columns_of(X):
    """Describe the columns of windows: a number of features for arrays, else names."""
    if not isinstance(X, PanelWindows):
        return X.shape[2] if X.ndim == 3 else 1
    table = X.table
    names = [*table.names, *table.categories]
    return names, list(table.known), table.target.shape[1]


def _describe(columns):
    if isinstance(columns, int):
        return f"{columns} feature(s) in an array"
    names, known, n_targets = columns
    return f"{n_targets} target(s) and the columns {names}, with {known} known ahead"


def mean_of_target(target):
    """The mean of the known values of each target, 0 where there is none."""
    known = np.isfinite(target)
    total = np.where(known, target, 0.0).sum(axis=0, dtype=np.float64)
    return total / np.maximum(known.sum(axis=0), 1)

"""Checks of parameters: names that scikit-learn keeps private, and counts of rows."""

from numbers import Integral

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._indexing import _get_column_indices
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils._param_validation import Interval as _IntervalWithBools
from sklearn.utils.validation import _check_sample_weight

from .all_or_nothing import shallow_copy

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "_check_sample_weight",
    "_fit_context",
    "_get_column_indices",
    "is_count",
    "read_counts",
    "with_python_numbers",
]


class Interval(_IntervalWithBools):
    """Numbers in an interval, without bools, which Python counts as integers."""

    def is_satisfied_by(self, val):
        """Whether a value is a number of the interval."""
        return not isinstance(val, bool) and super().is_satisfied_by(val)


def is_count(value):
    """Whether a value is an integer of at least 1, and no bool."""
    return Interval(Integral, 1, None, closed="left").is_satisfied_by(value)


def read_counts(values, name):
    """Read one number of rows, or a sequence of them.

    Parameters
    ----------
    values : int, sequence of int, or None
    name : str
        What to call it in an error.

    Returns
    -------
    tuple of int, or None
    """
    if values is None:
        return None
    counts = tuple(np.atleast_1d(values).tolist())
    if not counts or not all(map(is_count, counts)):
        raise ValueError(
            f"{name} must be an integer of at least 1, or a sequence of them, got "
            f"{values!r}."
        )
    if len(set(counts)) < len(counts):
        raise ValueError(f"{name}={values!r} has a number twice. Give each once.")
    return counts


def with_python_numbers(estimator):
    """A shallow copy whose parameters have no numbers of numpy, as searches give.

    torch and JSON do not accept those.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    estimator
    """
    copied = shallow_copy(estimator)
    for name, value in estimator.get_params(deep=False).items():
        if isinstance(value, np.generic):
            setattr(copied, name, value.item())
    return copied

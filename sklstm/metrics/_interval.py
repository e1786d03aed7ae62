"""How often intervals hold the truth, how wide they are, and both in one score."""

from typing import Any

import numpy as np

from .._panels.quantiles import bounds_of
from ._row_errors import average_errors
from ._stacks import read_bounds, read_interval

__all__ = ["interval_coverage", "interval_score", "mean_interval_width"]


def interval_coverage(
    y_true: Any, y_interval: Any, *, sample_weight: Any = None
) -> float:
    """Compute the share of rows whose true value lies in its interval.

    Bounds count as inside. The best value is the nominal coverage of the intervals,
    such as 0.9. A larger share means that the intervals are too wide.

    Rows whose true value is NaN are not scored.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,) or (n_rows, n_targets)
        True values.
    y_interval : DataFrame, or array-like of shape (n_rows, 2)
        The lower and the upper bound of the same rows, in the same order, as of
        ``forecaster.predict_interval(X)``. With several targets the columns are pairs
        (target, bound), and an array has the shape (n_rows, n_targets, 2). Bounds may
        be infinite.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row.

    Returns
    -------
    float
        The share, between 0 and 1; with several targets, the mean of their shares.

    Raises
    ------
    ValueError
        If an upper bound is less than its lower bound, or `y_interval` has another
        index or shape than `y_true`.

    See Also
    --------
    mean_interval_width : The mean width, to compare at equal coverage.
    interval_score : Coverage and width in one number.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm.metrics import interval_coverage
    >>> interval = pd.DataFrame({"lower": [0, 0, 0, 0], "upper": [1, 1, 1, 1]})
    >>> round(interval_coverage([0.5, 1.0, 0.2, 3.0], interval), 2)
    0.75
    """
    y_true, lower, upper, weight = read_interval(y_true, y_interval, sample_weight)
    inside = (lower <= y_true) & (y_true <= upper)
    return average_errors(inside, np.ones_like(weight), weight)


def mean_interval_width(y_interval: Any, *, sample_weight: Any = None) -> float:
    """Compute the mean width of intervals, in units of y.

    Narrower intervals of the same coverage are better. Width alone has no best value:
    compare it together with the coverage.

    Parameters
    ----------
    y_interval : DataFrame, or array-like of shape (n_rows, 2)
        The lower and the upper bound of each row, as of
        ``forecaster.predict_interval(X)``. With several targets the columns are pairs
        (target, bound), and an array has the shape (n_rows, n_targets, 2).
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row.

    Returns
    -------
    float
        The mean width, infinite if any width is; with several targets, the mean over
        targets.

    Raises
    ------
    ValueError
        If an upper bound is less than its lower bound, by more than the rounding of
        float32; by less, the width is 0.

    See Also
    --------
    interval_coverage : The share of rows inside.
    interval_score : Coverage and width in one number.

    Examples
    --------
    >>> from sklstm.metrics import mean_interval_width
    >>> round(mean_interval_width([[0, 1], [10, 14]]), 2)
    2.5
    """
    lower, upper, weight = read_bounds(y_interval, sample_weight)
    return average_errors(upper - lower, np.ones_like(weight), weight)


def interval_score(
    y_true: Any, y_interval: Any, *, coverage: float, sample_weight: Any = None
) -> float:
    """Compute the mean interval score, also called Winkler score.

    The score of a row is the width of its interval, plus ``2 / (1 - coverage)`` times
    the distance of the true value from the interval, if it lies outside. It is in
    units of y, and the best value is 0. Its expectation is smallest for the true
    interval between the quantiles ``(1 - coverage) / 2`` and ``(1 + coverage) / 2``.

    Rows whose true value is NaN are not scored.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,) or (n_rows, n_targets)
        True values.
    y_interval : DataFrame, or array-like of shape (n_rows, 2)
        The lower and the upper bound of the same rows, in the same order, as of
        ``forecaster.predict_interval(X)``. With several targets the columns are pairs
        (target, bound), and an array has the shape (n_rows, n_targets, 2).
    coverage : float
        The nominal coverage of the intervals, between 0 and 1.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row.

    Returns
    -------
    float
        The score, infinite if an interval is; with several targets, the mean of their
        scores.

    Raises
    ------
    ValueError
        If `coverage` is not between 0 and 1, if an upper bound is less than its lower
        bound, or if `y_interval` has another index or shape than `y_true`.

    See Also
    --------
    interval_coverage : The share of rows inside.
    mean_quantile_loss : Scores quantiles apart; of the two bounds of an interval it is
        ``(1 - coverage) / 4`` times this score.

    References
    ----------
    R. L. Winkler, "A Decision-Theoretic Approach to Interval Estimation", Journal of
    the American Statistical Association 67, 1972.

    T. Gneiting, A. E. Raftery, "Strictly Proper Scoring Rules, Prediction, and
    Estimation", Journal of the American Statistical Association 102, 2007.

    Examples
    --------
    >>> from sklstm.metrics import interval_score
    >>> round(interval_score([0.5, 3.0], [[0, 1], [0, 1]], coverage=0.5), 2)
    5.0
    """
    tail, _ = bounds_of(coverage)
    y_true, lower, upper, weight = read_interval(y_true, y_interval, sample_weight)
    outside = np.maximum(np.maximum(lower - y_true, y_true - upper), 0)
    score = upper - lower + outside / tail
    return average_errors(score, np.ones_like(weight), weight)

"""Errors in units of what a seasonal naive forecast errs on the training rows."""

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_scalar

from .._panels.rows import index_message, is_panel, locate_series, read_rows, show
from ._row_errors import (
    average_errors,
    check_same_columns,
    read_targets,
    sum_by_group,
    to_columns,
)

__all__ = [
    "mean_absolute_scaled_error",
    "root_mean_squared_scaled_error",
    "scaled_error",
    "series_scales",
]


def series_scales(values, indptr, seasonal_period, power):
    """Compute the mean size of each series' seasonal differences.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_targets)
        Series one after the other, each in the order of time; NaN is missing.
    indptr : ndarray of shape (n_series + 1,)
        Offsets of the series.
    seasonal_period : int
        Rows between the two values of a difference.
    power : {1, 2}
        1 for the mean absolute, 2 for the root mean squared difference.

    Returns
    -------
    ndarray of shape (n_series, n_targets)
        NaN for series that are constant or have no difference.
    """
    n_series = len(indptr) - 1
    series = np.repeat(np.arange(n_series), np.diff(indptr))
    ends, starts = series[seasonal_period:], series[:-seasonal_period]
    difference = np.abs(values[seasonal_period:] - values[:-seasonal_period])
    known = (ends == starts)[:, None] & ~np.isnan(difference)
    difference = np.where(known, difference**power, 0.0)
    total = sum_by_group(difference, ends, n_series)
    count = sum_by_group(known, ends, n_series)
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    scale = mean ** (1 / power)
    # Rounding makes differences of a constant series that was scaled and unscaled.
    largest = np.maximum.reduceat(np.nan_to_num(np.abs(values)), indptr[:-1])
    rounding = 10 * np.finfo(np.float64).eps * largest
    return np.where(scale > rounding, scale, np.nan)


def scaled_error(
    power, y_true, y_pred, y_train, seasonal_period, sample_weight=None, by_series=True
):
    """Compute the MASE (power 1) or the RMSSE (power 2).

    `by_series` averages within each series, then over series; otherwise over all rows,
    each in units of its own series.
    """
    check_scalar(seasonal_period, "seasonal_period", Integral, min_val=1)
    actual, forecast, weight = read_targets(y_true, y_pred, sample_weight)
    check_same_columns(y_true, y_train, "y_train")
    train = to_columns(y_train, "y_train")
    if train.shape[1] != actual.shape[1]:
        raise ValueError(
            f"y_train must have the {actual.shape[1]} target(s) of y_true, got "
            f"{train.shape[1]}."
        )
    train, indptr, groups, position = _match_series(y_true, y_train, train, weight)
    scale = series_scales(train, indptr, seasonal_period, power)[position][groups]
    defined = ~np.isnan(scale)
    size = np.abs(actual - forecast) / np.where(defined, scale, 1.0)
    return average_errors(
        np.where(defined, size**power, 0.0),
        defined,
        weight,
        groups if by_series else None,
        root=power == 2,
        undefined=(
            f"The error has no scale: each of the {len(position)} series is constant "
            f"in y_train, or has no two values that are seasonal_period="
            f"{seasonal_period} rows apart."
        ),
    )


def mean_absolute_scaled_error(
    y_true: Any,
    y_pred: Any,
    *,
    y_train: Any,
    seasonal_period: int = 1,
    sample_weight: Any = None,
) -> float:
    """Compute the mean absolute scaled error (MASE).

    Each series' mean absolute error is divided by the mean of ``|x[t] - x[t - m]|``
    over its training rows, where `m` is the seasonal period: the error of the seasonal
    naive forecast one season ahead. The result is the mean over series, with equal
    weights. The best value is 0; a value below 1 is better than the naive forecast in
    training.

    Parameters
    ----------
    y_true : Series or DataFrame of panel rows, or array-like
        True values. An array-like without a panel index is one series.
    y_pred : array-like of the shape of `y_true`
        Forecasts of the same rows, in the same order.
    y_train : Series or DataFrame of panel rows, or array-like
        The training rows of every series of `y_true`; one series, in the order of time,
        if `y_true` is. Values that are NaN are skipped, with the differences they are
        part of.
    seasonal_period : int, default=1
        Rows between a value and the one that a naive forecast repeats. Rows count as
        consecutive, whatever their times.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row within its series.

    Returns
    -------
    float
        The error; with several targets, the mean of their errors.

    See Also
    --------
    root_mean_squared_scaled_error : The same for squared errors.
    make_panel_scorer : Takes `y_train` from the forecaster, in a grid search.

    Notes
    -----
    Rows whose true value is NaN are not scored, nor is a series in which all are.

    A series whose errors have no scale is left out of the mean: it is constant in
    `y_train`, or has no two values `seasonal_period` rows apart there. If that is so
    for all of them, a ValueError says so.

    References
    ----------
    R. J. Hyndman, A. B. Koehler, "Another look at measures of forecast accuracy",
    International Journal of Forecasting 22, 2006.

    S. Makridakis, E. Spiliotis, V. Assimakopoulos, "The M4 Competition: 100,000 time
    series and 61 forecasting methods", International Journal of Forecasting 36, 2020.

    Examples
    --------
    >>> from sklstm.metrics import mean_absolute_scaled_error
    >>> mase = mean_absolute_scaled_error([5, 6], [5, 8], y_train=[1, 2, 3, 4])
    >>> round(mase, 2)
    1.0

    A panel, where each series has a scale of its own:

    >>> import pandas as pd
    >>> index = pd.MultiIndex.from_product([["a", "b"], [0, 1, 2]])
    >>> y = pd.Series([1, 2, 3, 100, 300, 500], index=index)
    >>> train, test = y.drop(2, level=1), y.xs(2, level=1, drop_level=False)
    >>> round(mean_absolute_scaled_error(test, [2, 300], y_train=train), 2)
    1.0
    """
    return scaled_error(1, y_true, y_pred, y_train, seasonal_period, sample_weight)


def root_mean_squared_scaled_error(
    y_true: Any,
    y_pred: Any,
    *,
    y_train: Any,
    seasonal_period: int = 1,
    sample_weight: Any = None,
) -> float:
    """Compute the root mean squared scaled error (RMSSE).

    Each series' root mean squared error is divided by the root of the mean of
    ``(x[t] - x[t - m])**2`` over its training rows, where `m` is the seasonal period.
    The result is the mean over series, with equal weights. The best value is 0. With
    `seasonal_period` 1 this is the error of the M5 competition, before its weights.

    Parameters
    ----------
    y_true : Series or DataFrame of panel rows, or array-like
        True values. An array-like without a panel index is one series.
    y_pred : array-like of the shape of `y_true`
        Forecasts of the same rows, in the same order.
    y_train : Series or DataFrame of panel rows, or array-like
        The training rows of every series of `y_true`; one series, in the order of time,
        if `y_true` is. Values that are NaN are skipped, with the differences they are
        part of.
    seasonal_period : int, default=1
        Rows between a value and the one that a naive forecast repeats. Rows count as
        consecutive, whatever their times.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row within its series.

    Returns
    -------
    float
        The error; with several targets, the mean of their errors.

    See Also
    --------
    mean_absolute_scaled_error : The same for absolute errors.
    make_panel_scorer : Takes `y_train` from the forecaster, in a grid search.

    Notes
    -----
    Rows whose true value is NaN are not scored, and series without a scale are left
    out, as in `mean_absolute_scaled_error`. M5 also skips each series' zeros before its
    first sale: leave those rows out of `y_train`.

    References
    ----------
    R. J. Hyndman, A. B. Koehler, "Another look at measures of forecast accuracy",
    International Journal of Forecasting 22, 2006.

    S. Makridakis, E. Spiliotis, V. Assimakopoulos, "M5 accuracy competition: Results,
    findings, and conclusions", International Journal of Forecasting 38, 2022.

    Examples
    --------
    >>> from sklstm.metrics import root_mean_squared_scaled_error
    >>> rmsse = root_mean_squared_scaled_error([5, 6], [5, 8], y_train=[1, 2, 3, 4])
    >>> round(rmsse, 2)
    1.41
    """
    return scaled_error(2, y_true, y_pred, y_train, seasonal_period, sample_weight)


def _match_series(y_true, y_train, train, weight):
    """Find the training rows of each scored row's series.

    Returns
    -------
    train : ndarray of shape (n_train_rows, n_targets)
        Sorted by series and time.
    indptr : ndarray of shape (n_train_series + 1,)
        The offsets of the series in it.
    groups : ndarray of shape (n_rows,)
        The series of each row of `y_true`.
    position : ndarray of shape (n_series,)
        Where each of these is among the series of `y_train`.
    """
    if not is_panel(y_true) and not is_panel(y_train):
        if len(train) == 0:
            raise ValueError("y_train has no rows; at least one is needed.")
        indptr = np.array([0, len(train)])
        return train, indptr, np.zeros(len(weight), dtype=np.intp), np.array([0])
    if not is_panel(y_train):
        raise TypeError(index_message(y_train, "y_train"))
    rows, known = read_rows(y_true, "y_true"), read_rows(y_train, "y_train")
    groups = rows.unsort(rows.codes)
    position = locate_series(rows.series, known.series, "y_true", "y_train has")
    scored = np.bincount(groups, weights=weight.any(axis=1)) > 0
    unknown = rows.series[(position < 0) & scored]
    if len(unknown):
        raise ValueError(
            f"y_train has no rows for {len(unknown)} series of y_true: "
            f"{show(unknown)}. Give it the training rows of every scored series."
        )
    return known.sort(train), known.indptr, groups, position

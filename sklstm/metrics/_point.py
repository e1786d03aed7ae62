"""Percentage errors that stay finite where true values are zero."""

from typing import Any

import numpy as np

from ._row_errors import average_errors, read_targets

__all__ = [
    "ALL_ZERO",
    "symmetric_mean_absolute_percentage_error",
    "symmetric_terms",
    "weighted_absolute_percentage_error",
    "weighted_terms",
]

ALL_ZERO = (
    "The weighted absolute percentage error is undefined: y_true is 0 in every scored "
    "row."
)


def symmetric_terms(y_true, y_pred):
    """The error of each row in percent, and 1, the size of a row."""
    total = np.abs(y_true) + np.abs(y_pred)
    errors = np.zeros_like(total)
    np.divide(200 * np.abs(y_true - y_pred), total, out=errors, where=total > 0)
    return errors, np.ones_like(total)


def weighted_terms(y_true, y_pred):
    """The absolute error of each row, and its true value's size."""
    return np.abs(y_true - y_pred), np.abs(y_true)


def symmetric_mean_absolute_percentage_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None
) -> float:
    """Compute the symmetric mean absolute percentage error (sMAPE), in percent.

    The mean over rows of ``200 * |y - f| / (|y| + |f|)``, as in the M4 competition:
    between 0 and 200, not 0 and 2. The best value is 0. A row in which true value and
    forecast are both 0 counts 0.

    Rows whose true value is NaN are not scored.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,) or (n_rows, n_targets)
        True values.
    y_pred : array-like of the shape of `y_true`
        Forecasts of the same rows, in the same order.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row.

    Returns
    -------
    float
        The error in percent; with several targets, the mean of their errors.

    See Also
    --------
    weighted_absolute_percentage_error : Weighs rows by their true value.
    make_panel_scorer : Averages over series, as M4 does, in a grid search.

    Notes
    -----
    M4 averages over the steps of each series first. That is the same as the mean over
    all rows when every series has as many of them; `make_panel_scorer` averages over
    series in any case.

    References
    ----------
    S. Makridakis, E. Spiliotis, V. Assimakopoulos, "The M4 Competition: 100,000 time
    series and 61 forecasting methods", International Journal of Forecasting 36, 2020.

    Examples
    --------
    >>> from sklstm.metrics import symmetric_mean_absolute_percentage_error
    >>> smape = symmetric_mean_absolute_percentage_error([100, 0, 10], [300, 0, 10])
    >>> round(smape, 2)
    33.33
    """
    y_true, y_pred, weight = read_targets(y_true, y_pred, sample_weight)
    errors, sizes = symmetric_terms(y_true, y_pred)
    return average_errors(errors, sizes, weight)


def weighted_absolute_percentage_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None
) -> float:
    """Compute the weighted absolute percentage error (WAPE), as a fraction.

    The sum of the absolute errors over the sum of the absolute true values: 0.1 means
    that forecasts are off by a tenth of the volume. The best value is 0; 1 is reached
    by forecasting 0 throughout.

    Rows whose true value is NaN are not scored.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,) or (n_rows, n_targets)
        True values, at least one of which is not 0.
    y_pred : array-like of the shape of `y_true`
        Forecasts of the same rows, in the same order.
    sample_weight : array-like of shape (n_rows,), default=None
        How much each row counts, in both sums.

    Returns
    -------
    float
        The error; with several targets, the mean of their errors.

    See Also
    --------
    symmetric_mean_absolute_percentage_error : Weighs all rows the same.

    References
    ----------
    S. Kolassa, W. Schütz, "Advantages of the MAD/MEAN ratio over the MAPE", Foresight:
    The International Journal of Applied Forecasting 6, 2007.

    Examples
    --------
    >>> from sklstm.metrics import weighted_absolute_percentage_error
    >>> round(weighted_absolute_percentage_error([90, 0, 10], [80, 5, 10]), 2)
    0.15
    """
    y_true, y_pred, weight = read_targets(y_true, y_pred, sample_weight)
    errors, sizes = weighted_terms(y_true, y_pred)
    return average_errors(errors, sizes, weight, undefined=ALL_ZERO)

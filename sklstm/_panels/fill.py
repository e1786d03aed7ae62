"""Missing values filled from the past of the same stretch of rows."""

import numpy as np

__all__ = ["carry_seasons", "fill_forward", "fill_from_before"]


def fill_forward(values, start, periods, fill_value=0.0):
    """Fill missing values from the past: one season before, else the last value.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
    start : ndarray of shape (n_rows,)
        The first row of each row's stretch, which nothing reaches out of.
    periods : sequence of int
        Rows of a season; the longest is tried first.
    fill_value : float
        What stands where no value of the stretch is known before.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
    """
    missing = np.isnan(values)
    if not missing.any():
        return values
    filled = carry_seasons(values, start, sorted(set(periods), reverse=True))
    return np.nan_to_num(carry_seasons(filled, start, [1]), nan=fill_value)


def carry_seasons(values, start, periods):
    """Fill missing values one season before; NaN where none of its phase is known.

    Parameters
    ----------
    values, start, periods
        As in `fill_forward`; the periods are tried in their order.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
    """
    filled, row = values.copy(), np.arange(len(values))
    for period in periods:
        # Rows of one phase of one stretch stand together, in the order of time.
        order = np.lexsort((row, (row - start) % period, start))
        phase = (row - start)[order] % period
        first = np.r_[True, (np.diff(start[order]) != 0) | (np.diff(phase) != 0)]
        for column in filled.T:
            column[order] = _carry(column[order], first)
    return filled


def fill_from_before(past):
    """Fill missing values of windows from the last known one before, along axis 1.

    Parameters
    ----------
    past : ndarray of shape (n_windows, n_rows, n_targets)

    Returns
    -------
    ndarray of shape (n_windows, n_rows, n_targets)
        NaN before the first known value only.
    """
    row = np.arange(past.shape[1])[:, None]
    source = np.maximum.accumulate(np.where(np.isnan(past), 0, row), axis=1)
    return np.take_along_axis(past, source, axis=1)


def _carry(values, first):
    """Repeat the last known value within each run; `first` marks where runs begin."""
    place = np.arange(len(values))
    begin = np.maximum.accumulate(np.where(first, place, 0))
    known = np.maximum.accumulate(np.where(np.isnan(values), 0, place))
    return values[np.maximum(known, begin)]

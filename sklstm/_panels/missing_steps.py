"""The time steps at which a series has no row."""

import numpy as np
import pandas as pd

from .rows import ragged_arange, show
from .times import times_like

__all__ = ["count_steps", "fill_steps"]

_MOST_ADDED_PER_ROW = 10
_FEW_ROWS = 10_000


def count_steps(rows, step):
    """Count the steps from the first row of its series to each sorted row.

    Parameters
    ----------
    rows : PanelRows
    step : TimeStep

    Returns
    -------
    ndarray of float of shape (n_rows,)
        NaN where a row lies between two steps, or on the step of the row before it.
    """
    first = np.repeat(rows.indptr[:-1], rows.lengths)
    steps = step.count(rows.time.take(first), rows.time)
    # Times that are no exact numbers may differ and still share a step.
    before, after = steps[:-1], steps[1:]
    after[(before == after) & (first[:-1] == first[1:])] = np.nan
    return steps


def fill_steps(rows, step):
    """Find the index with a row at every step from the first of a series to its last.

    Parameters
    ----------
    rows : PanelRows
    step : TimeStep

    Returns
    -------
    index : MultiIndex of shape (n_steps_of_all_series,)
        Sorted by series, then time.
    positions : ndarray of shape (n_rows,)
        The position in it of each sorted row.

    Raises
    ------
    ValueError
        If a row lies between two steps, or if nearly all rows would be missing ones.
    """
    steps = count_steps(rows, step)
    _check_regular(rows, steps, step)
    steps = steps.astype(np.intp)
    lengths = steps[rows.indptr[1:] - 1] + 1
    _check_size(rows, int(lengths.sum()), step)
    begin = np.cumsum(lengths) - lengths
    positions = np.repeat(begin, rows.lengths) + steps
    if len(positions) == lengths.sum():
        return _sorted_index(rows), positions
    return _full_index(rows, step, lengths, positions), positions


def _full_index(rows, step, lengths, positions):
    first = np.repeat(rows.indptr[:-1], lengths)
    n_steps = ragged_arange(np.zeros_like(lengths), lengths)
    time = step.add(rows.time.take(first), n_steps).astype(rows.time.dtype)
    if pd.api.types.is_float_dtype(time):
        time = np.array(_snap(time, rows.time, step))
        time[positions] = rows.time
    time_codes, times = pd.factorize(time, sort=True)
    index = rows.index
    times = times_like(pd.Index(times), index.levels[-1])
    codes = [rows.sort(np.asarray(codes))[first] for codes in index.codes[:-1]]
    return pd.MultiIndex(
        levels=[*index.levels[:-1], times],
        codes=[*codes, time_codes],
        names=index.names,
    )


def _snap(time, given, step):
    """Take the given time that a sum of inexact steps is almost equal to."""
    known = given.unique().sort_values()
    after = known.searchsorted(time).clip(1, len(known) - 1)
    low, high = known.take(after - 1), known.take(after)
    nearest = low.where(np.asarray(time - low <= high - time), high)
    return time.where(np.asarray(abs(time - nearest) > 1e-3 * step.size), nearest)


def _sorted_index(rows):
    return rows.index if rows.order is None else rows.index.take(rows.order)


def _check_regular(rows, steps, step):
    between = np.flatnonzero(np.isnan(steps))
    if len(between):
        labels = _sorted_index(rows)[between]
        raise ValueError(
            f"{len(between)} row(s) are no whole number of steps of {step} after the "
            f"first row of their series: {show(labels)}. Round the times, aggregate "
            "the rows (resample, groupby), give regularize the true step as freq, or "
            "keep the rows as they are and set SlidingWindow(max_gap=...)."
        )


def _check_size(rows, n_steps, step):
    added = n_steps - len(rows)
    if added > _FEW_ROWS and added > _MOST_ADDED_PER_ROW * len(rows):
        raise ValueError(
            f"At a step of {step}, {added} rows would be added to the {len(rows)} "
            f"given ones, more than {_MOST_ADDED_PER_ROW} for each. Give regularize "
            "the true step as freq, drop rows far from all others, or keep the rows "
            "as they are and set SlidingWindow(max_gap=...)."
        )

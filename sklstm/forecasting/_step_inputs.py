"""Inputs of a regressor of steps, relative to a naive forecast."""

import numpy as np

__all__ = ["STEP_ROWS", "step_inputs"]

# Rows that a forecast reads, unless the window is longer.
STEP_ROWS = 130

# How many seasons are read, and how many of the last changes.
_N_SEASONS = 10
_N_CHANGES = 6


def step_inputs(past, window, step, periods):
    """Make the inputs of samples, each a window and one step after it.

    Parameters
    ----------
    past : ndarray of shape (n_windows, n_rows)
        The target in each window, NaN before the first known value only.
    window : ndarray of int of shape (n_samples,)
        The window of each sample.
    step : ndarray of int of shape (n_samples,)
        From 1.
    periods : sequence of int
        Rows of each season.

    Returns
    -------
    inputs : ndarray of shape (n_samples, n_inputs)
        Free of the level and the scale of a series; NaN where the window does not
        reach back.
    naive : ndarray of shape (n_samples,)
        The value a season before, of the longest period that has one, else the last
        value.
    scale : ndarray of shape (n_samples,)
        The mean change in the window, over a row or the shortest season, whichever is
        larger; NaN where nothing changes.
    """
    last = past[:, -1][window]
    places = {period: _places(past, window, step, period) for period in sorted(periods)}
    naive = last
    for of_seasons, _ in places.values():
        naive = np.where(np.isnan(of_seasons[0]), naive, of_seasons[0])
    n_known = (~np.isnan(past)).sum(axis=1)[window]
    scale = _scale(past, periods)[window]
    columns = [last - naive, *_row_changes(past)[:, window]]
    for period, (of_seasons, beside) in places.items():
        means = _means(past, period)[:, window]
        usual = _mean(np.stack(of_seasons, axis=1) - means.T) + means[0]
        columns += [value - naive for value in (*of_seasons, *beside, means[0], usual)]
        columns += [last - means[0], *(means[0] - means[1:])]
        columns += [*_seasonal_changes(past, period)[:, window]]
    inputs = np.stack(columns, axis=1) / scale[:, None]
    return np.column_stack([step, np.log1p(n_known), inputs]), naive, scale


def _places(past, window, step, period):
    """The values at the place of a step in the seasons before, and those beside it.

    Returns
    -------
    of_seasons : list of ndarray of shape (n_samples,)
        The last season first.
    beside : list of ndarray of shape (n_samples,)
        One row before and after that of the last season.
    """

    def at(column):
        inside = (column >= 0) & (column < past.shape[1])
        return np.where(inside, past[window, np.where(inside, column, 0)], np.nan)

    first = past.shape[1] - 1 + step - period * -(-step // period)
    of_seasons = [at(first - period * season) for season in range(_N_SEASONS)]
    return of_seasons, [at(first - 1), at(first + 1)]


def _row_changes(past):
    """The last value's distance from the mean, the mean change, and the last changes.

    Returns
    -------
    ndarray of shape (n_changes, n_windows)
    """
    last = past[:, -1]
    changes = [last - _before(past, rows) for rows in range(1, _N_CHANGES + 1)]
    return np.stack([last - _mean(past), _mean_change(past, 1), *changes])


def _seasonal_changes(past, period):
    """The mean change over a season, and the last ones, of shape (n, n_windows)."""
    changes = [
        _before(past, rows) - _before(past, rows + period) for rows in range(_N_CHANGES)
    ]
    return np.stack([_mean_change(past, period), *changes])


def _before(past, rows):
    """The value some rows before the last one."""
    column = past.shape[1] - 1 - rows
    return past[:, column] if column >= 0 else np.full(len(past), np.nan)


def _means(past, period):
    """The means of the last seasons, of shape (n_seasons, n_windows)."""
    ends = past.shape[1] - period * np.arange(_N_SEASONS)
    return np.stack(
        [_mean(past[:, max(end - period, 0) : max(end, 0)]) for end in ends]
    )


def _scale(past, periods):
    shortest = min(periods, default=1)
    changes = np.fmax(_mean_change(past, 1), _mean_change(past, shortest))
    return np.where(changes > 0, changes, np.nan)


def _mean_change(past, rows):
    """The mean absolute change over some rows."""
    return _mean(np.abs(past[:, rows:] - past[:, :-rows]))


def _mean(values):
    """The mean of the known values of each row, NaN where there is none."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)

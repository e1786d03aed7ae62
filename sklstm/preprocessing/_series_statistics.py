"""Statistics of every series, gathered in one pass, merged and pooled exactly.

A table is an array of shape (n_statistics, n_series, n_columns). The rows of a
series are ``x[indptr[i]:indptr[i + 1]]``; NaN counts as missing.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

__all__ = ["METHODS", "Method", "find_method", "gather_table", "join_tables"]


class Method(NamedTuple):
    """One way to centre and scale.

    Attributes
    ----------
    n_statistics : int
        First dimension of a table.
    gather : callable
        ``gather(x, indptr)`` gives the table of one column, without its last axis.
    merge : callable or None
        ``merge(old, new)`` gives the table of series whose rows come in two parts.
        None where the parts do not tell.
    pool : callable
        ``pool(table)`` gives the table of all rows as one series.
    center_scale : callable
        ``center_scale(table, eps)`` gives two arrays of shape (n_series, n_columns),
        the scale NaN where the values do not differ by more than rounding; `eps` is
        the relative precision of the values of each column.
    ordered : bool
        Whether the new rows of a series must come after the old ones to be merged.
    """

    n_statistics: int
    gather: Callable
    merge: Callable | None
    pool: Callable
    center_scale: Callable
    ordered: bool = False


def gather_table(method, columns, indptr):
    """Gather the table of several columns, each an array of shape (n_rows,)."""
    table = np.empty((method.n_statistics, len(indptr) - 1, len(columns)))
    for j, column in enumerate(columns):
        table[..., j] = method.gather(np.asarray(column, dtype=np.float64), indptr)
    return table


def join_tables(method, old, new, positions):
    """Merge series of `new` into `old` at `positions`, append those at position -1."""
    known = positions >= 0
    joined = old.copy()
    if known.any():
        at = positions[known]
        joined[:, at] = method.merge(old[:, at], new[:, known])
    return np.concatenate([joined, new[:, ~known]], axis=1)


def _moments(x, indptr):
    """Count, mean and sum of squared deviations of each series, in two passes."""
    start, lengths = indptr[:-1], np.diff(indptr)
    # Measured from one of its own values, a constant series has a mean without
    # rounding and a variance of zero, whatever its level.
    anchor = np.nan_to_num(np.fmin.reduceat(x, start))
    away = x - np.repeat(anchor, lengths)
    missing = np.isnan(away)
    count = lengths - np.add.reduceat(missing, start, dtype=np.intp)
    away[missing] = 0.0
    mean = np.add.reduceat(away, start) / np.maximum(count, 1)
    away -= np.repeat(mean, lengths)
    away[missing] = 0.0
    away *= away
    return np.stack([count, anchor + mean, np.add.reduceat(away, start)])


def _merge_moments(old, new):
    """Join two parts of each series (Chan, Golub and LeVeque, 1983)."""
    (n, mean, squares), (n_new, mean_new, squares_new) = old, new
    total = n + n_new
    share = n_new / np.maximum(total, 1)
    shift = mean_new - mean
    return np.stack(
        [total, mean + shift * share, squares + squares_new + shift**2 * n * share]
    )


def _pool_moments(table):
    count, mean, squares = table
    total = count.sum(axis=0)
    # Measured from one of the means, equal means are pooled without rounding.
    lowest = np.where(count > 0, mean, np.inf).min(axis=0)
    anchor = np.where(total > 0, lowest, 0.0)
    center = anchor + (count * (mean - anchor)).sum(axis=0) / np.maximum(total, 1)
    between = (count * (mean - center) ** 2).sum(axis=0)
    return np.stack([total, center, squares.sum(axis=0) + between])[:, None]


def _is_constant(count, mean, variance):
    """Whether a variance is within the rounding of its computation.

    The bound of scikit-learn's StandardScaler, from the same paper.
    """
    eps = np.finfo(np.float64).eps
    return variance <= count * eps * variance + (count * mean * eps) ** 2


def _standard_scale(table, eps):
    count, mean, squares = table
    variance = squares / np.maximum(count, 1)
    constant = _is_constant(count, mean, variance)
    return mean, np.where(constant, np.nan, np.sqrt(variance))


def _extremes(x, indptr):
    start = indptr[:-1]
    return np.stack([np.fmin.reduceat(x, start), np.fmax.reduceat(x, start)])


def _merge_extremes(old, new):
    return np.stack([np.fmin(old[0], new[0]), np.fmax(old[1], new[1])])


def _pool_extremes(table):
    low, high = table
    pooled = [np.fmin.reduce(low, axis=0), np.fmax.reduce(high, axis=0)]
    return np.stack(pooled)[:, None]


def _minmax_scale(table, eps):
    low, high = table
    return np.nan_to_num(low), _no_tiny(high - low, np.maximum(-low, high), eps)


def _maxabs_scale(table, eps):
    low, high = table
    largest = np.maximum(-low, high)
    return np.zeros_like(low), _no_tiny(largest, largest, eps)


def _quartiles(x, indptr):
    """The quartiles of each series, sorting series of like lengths together."""
    lengths = np.diff(indptr)
    size = np.ceil(np.log2(lengths))
    out = np.empty((3, len(lengths)))
    # Powers of two keep the padding below the data and this loop below 64 rounds.
    for one in np.unique(size):
        chosen = size == one
        short = lengths[chosen]
        padded = np.full((len(short), short.max()), np.nan)
        inside = np.arange(short.max()) < short[:, None]
        padded[inside] = x[np.repeat(chosen, lengths)]
        out[:, chosen] = _row_quartiles(padded)
    return out


def _row_quartiles(values):
    """The quartiles of each row, sorted in place; NaN sorts last."""
    values.sort(axis=1)
    last = values.shape[1] - 1 - np.isnan(values).sum(axis=1)
    position = np.maximum(last, 0) * np.array([[0.25], [0.5], [0.75]])
    below = np.floor(position).astype(np.intp)
    row = np.arange(len(values))
    low = values[row, below]
    high = values[row, np.minimum(below + 1, np.maximum(last, 0))]
    return low + (high - low) * (position - below)


def _pool_quartiles(table):
    """The median series. Quartiles of all rows do not follow from those of parts."""
    out = np.full((len(table), 1, table.shape[2]), np.nan)
    for j in range(table.shape[2]):
        low, middle, high = table[:, ~np.isnan(table[1, :, j]), j]
        if len(middle):
            center, spread = np.median(middle), np.median(high - low)
            out[:, 0, j] = 0.0, center, spread
    return out


def _robust_scale(table, eps):
    low, middle, high = table
    # Quartiles are computed in float64 whatever the values are.
    eps = np.finfo(np.float64).eps
    return np.nan_to_num(middle), _no_tiny(high - low, np.maximum(-low, high), eps)


def _steps(x, indptr, differences=(1,)):
    """Both end values, moments of the levels, moments of each difference."""
    ends = np.stack([x[indptr[:-1]], x[indptr[1:] - 1]])
    parts = [ends, _moments(x, indptr)]
    row = np.arange(len(x)) - np.repeat(indptr[:-1], np.diff(indptr))
    for rows in differences:
        difference = np.full_like(x, np.nan)
        difference[rows:] = np.where(row[rows:] >= rows, x[rows:] - x[:-rows], np.nan)
        parts.append(_moments(difference, indptr))
    return np.concatenate(parts)


def _merge_steps(old, new):
    bridge = new[0] - old[1]
    known = ~np.isnan(bridge)
    bridge = np.stack([known, np.where(known, bridge, 0.0), np.zeros(known.shape)])
    steps = _merge_moments(_merge_moments(old[5:8], bridge), new[5:8])
    levels = _merge_moments(old[2:5], new[2:5])
    return np.concatenate([old[:1], new[1:2], levels, steps])


def _pool_steps(table):
    ends = np.full((2, 1, table.shape[2]), np.nan)
    moments = [_pool_moments(table[i : i + 3]) for i in range(2, len(table), 3)]
    return np.concatenate([ends, *moments])


def _difference_scale(table, eps):
    """The largest deviation of the differences; on a straight line, its slope."""
    level_count, level, level_squares = table[2:5]
    power = level**2 + level_squares / np.maximum(level_count, 1)
    # A difference carries the rounding of both its levels.
    rounding = 4 * eps * np.sqrt(power)
    scales = [
        _spread_or_slope(*table[i : i + 3], rounding) for i in range(5, len(table), 3)
    ]
    scale = np.max(scales, axis=0)
    return level, np.where(scale <= rounding, np.nan, scale)


def _spread_or_slope(count, step, squares, rounding):
    variance = squares / np.maximum(count, 1)
    line = _is_constant(count, step, variance) | (np.sqrt(variance) <= rounding)
    return np.where(line, np.abs(step), np.sqrt(variance))


def _no_tiny(spread, largest, eps):
    """A spread, NaN where it is rounding of the largest value, or unknown."""
    rounding = 10 * eps * np.abs(largest)
    return np.where((spread > 0) & (spread >= rounding), spread, np.nan)


METHODS = {
    "standard": Method(3, _moments, _merge_moments, _pool_moments, _standard_scale),
    "minmax": Method(2, _extremes, _merge_extremes, _pool_extremes, _minmax_scale),
    "robust": Method(3, _quartiles, None, _pool_quartiles, _robust_scale),
    "maxabs": Method(2, _extremes, _merge_extremes, _pool_extremes, _maxabs_scale),
    "difference": Method(8, _steps, _merge_steps, _pool_steps, _difference_scale, True),
}


def find_method(name, differences):
    """Find a way to scale by its name, "difference" over these differences.

    Parameters
    ----------
    name : str
    differences : tuple of int

    Returns
    -------
    Method
    """
    method = METHODS[name]
    if name != "difference" or differences == (1,):
        return method
    # Differences over more rows between two parts of a series are not kept.
    return method._replace(
        n_statistics=5 + 3 * len(differences),
        gather=partial(_steps, differences=differences),
        merge=None,
    )

"""The target's own past as inputs: differences, distance from its recent mean, values.

Rows are those of a :class:`~sklstm._windows.windows.PanelTable`. An input is made
of its own row and of earlier rows of the same segment alone.
"""

from typing import NamedTuple

import numpy as np

__all__ = [
    "PastView",
    "first_known",
    "seasonal_differences",
    "relative_level",
    "seasonal_mean",
    "segment_start_of_rows",
]


class PastView(NamedTuple):
    """How the target's past enters the windows.

    Attributes
    ----------
    differences : tuple of int
        For each difference d, ``x[t] - x[t - d]`` is an input.
    level : {"keep", "relative", "drop"}
        Whether the value itself is an input, the value minus the mean of the last
        `n_mean` rows, or neither.
    n_mean : int
    clip : float or None
        Largest absolute value of differences and of the relative level.
    """

    differences: tuple = ()
    level: str = "keep"
    n_mean: int = 1
    clip: float | None = None

    @property
    def reach(self) -> int:
        """The number of rows before its own that the inputs of a row are made of."""
        relative = self.n_mean - 1 if self.level == "relative" else 0
        return max([relative, *self.differences])

    @property
    def n_changes(self) -> int:
        """How many inputs of each target do not depend on its level."""
        return len(self.differences) + (self.level == "relative")

    def n_inputs(self, n_targets: int) -> int:
        """How many inputs the past of the targets makes."""
        return n_targets * (self.n_changes + (self.level == "keep"))

    def inputs(self, target: np.ndarray, segments: np.ndarray) -> np.ndarray:
        """Make inputs of the target's past.

        Parameters
        ----------
        target : ndarray of shape (n_rows, n_targets)
        segments : ndarray of shape (n_segments,)
            First rows of the stretches that windows stay within.

        Returns
        -------
        ndarray of shape (n_rows, n_inputs)
            Differences first, the shortest of every target, then the next one; then
            the relative level or the value. NaN where a value is missing, or lies
            before the segment.
        """
        if not self.differences and self.level == "keep":
            return target
        start = segment_start_of_rows(segments, len(target))
        parts = [seasonal_differences(target, start, d) for d in self.differences]
        if self.level == "relative":
            parts.append(relative_level(target, start, self.n_mean))
        if self.clip is not None:
            parts = [np.clip(part, -self.clip, self.clip) for part in parts]
        parts += [target] * (self.level == "keep")
        return np.concatenate([target[:, :0], *parts], axis=1)


def segment_start_of_rows(segments, n_rows):
    """The first row of each row's segment, of shape (n_rows,)."""
    lengths = np.diff(np.append(segments, n_rows))
    return np.repeat(segments, lengths)


def seasonal_differences(target, start, difference):
    """Subtract the value `difference` rows before from each row.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_targets)
    start : ndarray of shape (n_rows,)
        The first row of each row's segment.
    difference : int

    Returns
    -------
    ndarray of shape (n_rows, n_targets)
        NaN where either value is missing, or lies before the segment.
    """
    before = np.arange(len(target)) - difference
    out = target - target[np.maximum(before, 0)]
    out[before < start] = np.nan
    return out


def relative_level(target, start, n_mean):
    """Subtract the mean of the last `n_mean` rows, itself included, from each row.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_targets)
    start : ndarray of shape (n_rows,)
        The first row of each row's segment.
    n_mean : int

    Returns
    -------
    ndarray of shape (n_rows, n_targets)
        The mean is that of the values which are known; NaN where the row's own is not.
    """
    known = np.isfinite(target)
    values = np.where(known, target, 0.0).astype(np.float64)
    total = _trailing_sum(values, start, n_mean)
    count = _trailing_sum(known.astype(np.intp), start, n_mean)
    return (target - total / np.maximum(count, 1)).astype(target.dtype)


def first_known(target, segments):
    """The first row of each segment at which each target is known.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_targets)
    segments : ndarray of shape (n_segments,)

    Returns
    -------
    ndarray of shape (n_segments, n_targets)
        The number of rows where there is none.
    """
    row = np.arange(len(target))[:, None]
    known = np.where(np.isnan(target), len(target), row)
    return np.minimum.reduceat(known, segments, axis=0)


def seasonal_mean(values, starts, period, n_seasons):
    """Average each row with those of the same place in the seasons before.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_targets)
        Without missing values.
    starts : ndarray of shape (n_rows, n_targets)
        The first row of each row's segment whose value is known.
    period : int
        Rows of a season.
    n_seasons : int
        How many seasons, its own included, as far as they are known.

    Returns
    -------
    ndarray of shape (n_rows, n_targets)
    """
    total, count = values.astype(np.float64), np.ones_like(values)
    row = np.arange(len(values))[:, None]
    for season in range(1, n_seasons):
        total += _shift(values, starts, season * period)
        count += row - season * period >= starts
    return (total / count).astype(values.dtype)


def _trailing_sum(values, start, n):
    """Sum the last `n` rows at each row, those of its segment.

    By doubling, and not by differences of one running sum, whose rounding would
    depend on all rows before.
    """
    total, n_summed = np.zeros_like(values), 0
    block, size = values, 1
    while size <= n:
        if n & size:
            total += _shift(block, start, n_summed)
            n_summed += size
        block, size = block + _shift(block, start, size), 2 * size
    return total


def _shift(values, start, n):
    """The values `n` rows before each row, 0 before its segment."""
    out = np.zeros_like(values)
    out[n:] = values[: max(len(values) - n, 0)]
    before = (np.arange(len(values)) - n)[:, None]
    out[np.broadcast_to(before < start.reshape(len(values), -1), out.shape)] = 0
    return out

"""The target of the rows after each origin, gathered when asked for."""

import numpy as np

__all__ = [
    "StepTargets",
    "split_tails",
]


class StepTargets:
    """The target of the next `horizon` rows after each origin, gathered when asked.

    Behaves like an array of shape (n_origins, horizon * n_targets), steps first:
    (step 1 of every target, step 2 of every target, ...). A step beyond the end of
    its series, or across a gap that windows do not reach over, is NaN.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_targets)
        The target at every row of the table.
    origins : ndarray of shape (n_origins,)
        The position of each origin in the table.
    segments : ndarray of shape (n_segments,)
        First rows of the stretches that steps stay within.
    horizon : int
        How many rows ahead.
    """

    def __init__(self, target, origins, segments, horizon):
        self.target = target
        self.origins = origins
        self.segments = segments
        self.horizon = horizon

    ndim = 2

    def __len__(self):
        return len(self.origins)

    @property
    def shape(self):
        return (len(self), self.horizon * self.target.shape[1])

    @property
    def dtype(self):
        return self.target.dtype

    def __getitem__(self, key):
        return StepTargets(self.target, self.origins[key], self.segments, self.horizon)

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("Step targets cannot become an array without a copy.")
        rows = self.origins[:, None] + np.arange(1, self.horizon + 1)
        out = self.target[np.minimum(rows, len(self.target) - 1)]
        out[rows >= self._limits()[:, None]] = np.nan
        return out.reshape(self.shape).astype(dtype or self.dtype, copy=False)

    def known(self):
        """Count the known values of each origin's targets, of shape (n_origins,)."""
        total = np.zeros(len(self.target) + 1, dtype=np.intp)
        np.cumsum(np.isfinite(self.target).sum(axis=1), out=total[1:])
        last = np.minimum(self.origins + (self.horizon + 1), self._limits())
        return total[last] - total[self.origins + 1]

    def _limits(self):
        """The first row that no longer belongs to each origin's segment."""
        segment = np.searchsorted(self.segments, self.origins, side="right") - 1
        return np.append(self.segments[1:], len(self.target))[segment]


def split_tails(series, order, fraction, gap):
    """Split windows into the heads and the tails of their series.

    Parameters
    ----------
    series, order : ndarray of shape (n_windows,)
        The series of each window, and its place in time.
    fraction : float
        Share of each series' windows, the latest ones, that goes to the tails.
    gap : int
        Windows left out between head and tail, since their targets reach into it.

    Returns
    -------
    train, valid : ndarray of int
        Positions of windows.
    """
    by_time = np.lexsort((order, series))
    first = np.flatnonzero(np.r_[True, np.diff(series[by_time]) != 0])
    size = np.diff(np.r_[first, len(series)])
    n_valid = np.floor(size * fraction + 0.5).astype(np.intp)
    n_train = size - n_valid - gap
    n_valid[n_train < 1] = 0
    n_train = np.where(n_valid == 0, size, n_train)
    place = np.arange(len(series)) - np.repeat(first, size)
    train = by_time[place < np.repeat(n_train, size)]
    valid = by_time[place >= np.repeat(size - n_valid, size)]
    return np.sort(train), np.sort(valid)

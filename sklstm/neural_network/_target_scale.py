"""The units that a net learns in: the spread of the target around its mean."""

from typing import NamedTuple

import numpy as np

__all__ = ["TargetScale", "scale_of_past", "scale_of_targets"]

# Windows whose targets are read at a time.
_CHUNK = 1 << 13


class TargetScale(NamedTuple):
    """A center and a scale for each target or output.

    Attributes
    ----------
    center, scale : ndarray of shape (n_targets,)
    """

    center: np.ndarray
    scale: np.ndarray

    def repeat(self, n_columns):
        """The same for several steps of each target, steps first: `n_columns` in all.

        Parameters
        ----------
        n_columns : int
            A multiple of `n_targets`.
        """
        n_steps = n_columns // len(self.center)
        return TargetScale(np.tile(self.center, n_steps), np.tile(self.scale, n_steps))

    def apply(self, values):
        """Bring values of shape (n, n_targets) to the net's units, in their dtype."""
        scaled = (values - self.center) / self.scale
        return scaled.astype(values.dtype, copy=False)

    def apply_changes(self, values):
        """Bring changes, n_changes of every target, to the net's units.

        Parameters
        ----------
        values : ndarray of shape (n, n_changes * n_targets)
        """
        scale = self.repeat(values.shape[1]).scale
        return (values / scale).astype(values.dtype, copy=False)

    def undo(self, values):
        """Bring the net's values back to the units of y.

        Parameters
        ----------
        values : ndarray of shape (n, n_steps * n_targets[, n_quantiles])
        """
        center, scale = self.repeat(values.shape[1])
        if values.ndim == 3:
            center, scale = center[:, None], scale[:, None]
        return values * scale + center


def scale_of_targets(y, positions, weight):
    """Measure the mean and the spread of each output over some windows.

    Parameters
    ----------
    y : ndarray of shape (n_windows, n_outputs), or StepTargets
        NaN is a value that is not known.
    positions : ndarray of int
        The windows to read.
    weight : ndarray of shape (n_windows,) or None
        Sample weights.

    Returns
    -------
    TargetScale
        For each output.
    """
    total = _Moments(y.shape[1])
    for first in range(0, len(positions), _CHUNK):
        some = positions[first : first + _CHUNK]
        values = np.asarray(y[some], dtype=np.float64)
        total.add(values, np.ones(len(some)) if weight is None else weight[some])
    return total.scale()


def scale_of_past(target, segments, by_steps):
    """Measure the mean and the spread of each target's own past.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_targets)
    segments : ndarray of shape (n_segments,)
        First rows of the stretches that changes do not reach over.
    by_steps : bool
        Whether the spread is that of the changes from one row to the next, around 0,
        and not that of the values.

    Returns
    -------
    TargetScale
    """
    total = _Moments(target.shape[1])
    total.add(np.asarray(target, dtype=np.float64), np.ones(len(target)))
    levels = total.scale()
    if not by_steps:
        return levels
    changes = np.diff(target.astype(np.float64), axis=0)
    changes = np.delete(changes, segments[segments > 0] - 1, axis=0)
    total = _Moments(target.shape[1])
    total.add(np.concatenate([changes, -changes]), np.ones(2 * len(changes)))
    return TargetScale(levels.center, total.scale(levels).scale)


class _Moments:
    """Weighted means and sums of squares around them, gathered part by part.

    Parts are merged as in Chan, Golub and LeVeque (1983), "Algorithms for computing
    the sample variance", The American Statistician 37(3), 242-247.
    """

    def __init__(self, n_columns):
        self.weight = np.zeros(n_columns)
        self.mean = np.zeros(n_columns)
        self.squares = np.zeros(n_columns)

    def add(self, values, weight):
        """Add rows of values of shape (n, n_columns), NaN where not known."""
        share = np.isfinite(values) * weight[:, None]
        added = share.sum(axis=0)
        values = np.where(share > 0, values, 0.0)
        mean = (share * values).sum(axis=0) / np.where(added > 0, added, 1.0)
        squares = (share * (values - mean) ** 2).sum(axis=0)
        both = self.weight + added
        apart = mean - self.mean
        part = added / np.where(both > 0, both, 1.0)
        self.squares += squares + apart**2 * self.weight * part
        self.mean += apart * part
        self.weight = both

    def scale(self, instead=None):
        """The mean and the spread; columns that never vary get the spread `instead`.

        Without it their scale is their size, and at most 1.
        """
        spread = np.sqrt(self.squares / np.where(self.weight > 0, self.weight, 1.0))
        constant = spread <= 10 * np.finfo(np.float64).eps * np.abs(self.mean)
        size = np.abs(self.mean)
        other = np.where(size > 0, np.minimum(size, 1.0), 1.0)
        other = other if instead is None else instead.scale
        return TargetScale(self.mean, np.where(constant, other, spread))

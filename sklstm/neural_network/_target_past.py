"""The target's own past as inputs that do not depend on its level.

Rows are those of a :class:`~sklstm._windows.windows.PanelTable`. An input is made
of its own row and of earlier rows of the same segment alone.
"""

from typing import NamedTuple

import numpy as np

from .._panels.fill import fill_forward
from .._panels.parameters import read_counts
from .._windows.windows import PanelWindows
from ._target_scale import TargetScale, scale_of_past

__all__ = [
    "PastView",
    "first_known",
    "past_inputs",
    "read_past_view",
    "scale_past",
    "seasonal_mean",
    "segment_start_of_rows",
]


class PastView(NamedTuple):
    """How the target's past enters the net.

    Attributes
    ----------
    lags : tuple of int
        The rows back to the values that are subtracted.
    level : {"keep", "relative", "drop"}
        Whether the value itself enters, the value minus the mean of the last `n_mean`
        rows, or neither.
    n_mean : int
    clip : float or None
        The largest size of a difference.
    fill_periods : tuple of int or None
        Rows of the seasons by which missing values are filled first; None for no fill.
    scale : TargetScale or None
        The units that the target's past is brought to; None for its own.
    """

    lags: tuple
    level: str
    n_mean: int
    clip: float | None
    fill_periods: tuple | None = None
    scale: TargetScale | None = None

    @property
    def reach(self):
        """The rows before its own that the inputs of a row are made of."""
        relative = self.n_mean - 1 if self.level == "relative" else 0
        return max([relative, *self.lags])

    def scaled(self, target):
        """The target's past in the net's units, of shape (n_rows, n_targets)."""
        return target if self.scale is None else self.scale.apply(target)


def read_past_view(estimator, X):
    """Read how the target's past enters, and check that there is one.

    Parameters
    ----------
    estimator : LSTMRegressor
    X : PanelWindows or ndarray

    Returns
    -------
    view : PastView
    periods : tuple of int or None
        Rows of each season of the skip; None for no skip.
    """
    lags = read_counts(estimator.lags, "lags")
    periods = read_counts(estimator.seasonal_periods, "seasonal_periods")
    has_past = isinstance(X, PanelWindows) and X.table.target.shape[1] > 0
    if not has_past and (lags or periods or estimator.level == "relative"):
        raise ValueError(
            "lags, seasonal_periods and level='relative' are made of the target's own "
            "past, which X does not hold. Use the regressor in a PanelForecaster, or "
            "name the target's column in SlidingWindow(target=...)."
        )
    # The mean of a season of one row would be the value itself.
    n_mean = max(periods or (1,))
    n_mean = n_mean if n_mean > 1 else getattr(X, "window_size", 1)
    fill = _read_fill(estimator.past_fill, periods)
    view = PastView(lags or (), estimator.level, n_mean, estimator.input_clip, fill)
    return view, periods


def scale_past(view, X, learned, by_steps):
    """Bring the target's past to units of its own, those that training sees.

    Parameters
    ----------
    view : PastView
    X : PanelWindows or ndarray
    learned : ndarray of int
        Positions of the windows to learn. No later row of their series is read.
    by_steps : bool
        Whether the net puts out changes, as the correction of the skip is one.

    Returns
    -------
    PastView
    """
    if not isinstance(X, PanelWindows) or X.table.target.shape[1] == 0:
        return view
    table = X.table
    target = table.target
    if view.fill_periods is not None:
        start = segment_start_of_rows(table.segments, len(target))
        target = fill_forward(target, start, view.fill_periods)
    target = np.where(X[learned].rows_reached()[:, None], target, np.nan)
    by_steps = by_steps or view.level != "keep"
    return view._replace(scale=scale_of_past(target, table.segments, by_steps))


def _read_fill(past_fill, periods):
    if past_fill is None:
        return None
    seasons = tuple(period for period in periods or () if period > 1)
    if past_fill == "seasonal" and not seasons:
        raise ValueError(
            "past_fill='seasonal' needs a season: set seasonal_periods to more than 1 "
            f"row, got {periods}. Or use past_fill='forward'."
        )
    return seasons if past_fill == "seasonal" else ()


def past_inputs(target, segments, view):
    """Make inputs of the target's past.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_targets)
    segments : ndarray of shape (n_segments,)
        First rows of the stretches that nothing reaches out of.
    view : PastView

    Returns
    -------
    list of ndarray of shape (n_rows, n_targets)
        NaN where a value is not known.
    """
    start = segment_start_of_rows(segments, len(target))
    if view.fill_periods is not None:
        target = fill_forward(target, start, view.fill_periods)
    parts = [lag_differences(target, start, lag) for lag in view.lags]
    if view.level == "relative":
        parts.append(relative_level(target, start, view.n_mean))
    if view.clip is not None:
        parts = [np.clip(part, -view.clip, view.clip) for part in parts]
    return parts + [target] * (view.level == "keep")


def segment_start_of_rows(segments, n_rows):
    """The first row of each row's segment, of shape (n_rows,)."""
    lengths = np.diff(np.append(segments, n_rows))
    return np.repeat(segments, lengths)


def lag_differences(target, start, lag):
    """Subtract the value `lag` rows before from each row.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_targets)
    start : ndarray of shape (n_rows,)
        The first row of each row's segment.
    lag : int

    Returns
    -------
    ndarray of shape (n_rows, n_targets)
        NaN where either value is missing, or lies before the segment.
    """
    before = np.arange(len(target)) - lag
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
    known = np.ones_like(values)
    for season in range(1, n_seasons):
        total += _shift(values, starts, season * period)
        count += _shift(known, starts, season * period)
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
    before = (np.arange(len(values)) - n)[:, None]
    out = values[np.maximum(before[:, 0], 0)]
    out[np.broadcast_to(before < start.reshape(len(values), -1), out.shape)] = 0
    return out

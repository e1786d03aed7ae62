"""What naive methods forecast from each row: the skip around the network."""

import numpy as np
import torch

from .._panels.fill import fill_forward
from .._windows.target_past import (
    first_known,
    seasonal_mean,
    segment_start_of_rows,
)

__all__ = [
    "NaiveForecasts",
    "count_seasons",
    "drop_years",
    "repeat_season",
    "skip_reach",
]

# Rows of a season that is a year, by the usual steps.
_A_YEAR = {4, 12, 52, 53, 365, 366}


def drop_years(periods):
    """Drop the seasons that are a year, and those of one row."""
    return [period for period in _real(periods) if period not in _A_YEAR]


def count_seasons(periods):
    """Choose how many seasons the seasonal mean averages.

    Four, but one (no mean) if the shortest season is a year, because the level moves
    too far in four years, or a single row.
    """
    return 1 if min(_real(periods), default=1) in {1, *_A_YEAR} else 4


def repeat_season(steps, n_steps):
    """Repeat the steps of one season up to `n_steps`: (..., k) -> (..., n_steps)."""
    n_seasons = -(-n_steps // steps.shape[-1])
    if n_seasons == 1:
        return steps[..., :n_steps]
    return torch.cat([steps] * n_seasons, dim=-1)[..., :n_steps]


def skip_reach(periods, n_seasons):
    """How many rows before a row its naive forecasts look back to."""
    return n_seasons * max(_real(periods), default=0)


class NaiveForecasts:
    """Naive forecasts of the rows after any row, gathered on the device.

    They are the last value, and for each season longer than a row the value one season
    earlier, the last value plus the change that came a season earlier, and the mean of
    the values up to `n_seasons` earlier if that is more than one.

    Parameters
    ----------
    target : ndarray of shape (n_rows, n_targets)
        The target's own past; NaN is filled from the past.
    segments : ndarray of shape (n_segments,)
        First rows of the stretches that nothing reaches out of.
    periods : sequence of int
        Rows of each season.
    n_steps : int
        How many rows ahead.
    n_seasons : int, default=1
        How many seasons are averaged.
    dtype : torch.dtype
    device : torch.device
    """

    def __init__(
        self, target, segments, periods, n_steps, n_seasons=1, *, dtype, device
    ):
        self.periods = _real(periods)
        self.n_steps = n_steps
        start = segment_start_of_rows(segments, len(target))
        known = first_known(target, segments)  # (n_segments, n_targets)
        self._segments = torch.as_tensor(np.array(segments), device=device)
        self._known = torch.as_tensor(known, device=device)
        starts = np.repeat(known, np.diff(np.append(segments, len(target))), axis=0)
        filled = np.array(fill_forward(target, start, self.periods))
        before = torch.zeros((self._reach, target.shape[1]), dtype=dtype)

        def table_of(values):
            return torch.cat([before, torch.as_tensor(values).to(dtype)]).to(device)

        self._table = table_of(filled)
        self._means = [
            table_of(seasonal_mean(filled, starts, period, n_seasons))
            for period in self.periods
            if n_seasons > 1
        ]

    @property
    def n_naive(self):
        """How many naive forecasts there are of each output."""
        return 1 + 2 * len(self.periods) + len(self._means)

    @property
    def _reach(self):
        return max(self.periods, default=0)

    def gather(self, rows):
        """Gather the naive forecasts made at rows.

        Parameters
        ----------
        rows : LongTensor of shape (n,)

        Returns
        -------
        Tensor of shape (n, n_naive, n_steps * n_targets)
            Steps first: step 1 of every target, step 2 of every target, ...
        """
        last = self._table[rows + self._reach, :, None]  # (n, n_targets, 1)
        parts = [last.expand(-1, -1, self.n_steps)]
        for position, period in enumerate(self.periods):
            means = self._means[position : position + 1]
            parts += self._seasonal(rows, last, period, means)
        return torch.stack(parts, dim=1).transpose(2, 3).flatten(2)

    def _seasonal(self, rows, last, period, means):
        """The value one season earlier, the mean of a few, the last one plus a change.

        A step beyond one season takes the value of as many seasons earlier as lead
        to a row that is known. Where no season has passed yet since the first known
        value, all are the last value.
        """
        length = min(period, self.n_steps)
        first = rows - (period - 1)
        past, *usual = (
            # Of a view of shape (n_rows, n_targets, length).
            table.unfold(0, length, 1).index_select(0, first + self._reach)
            for table in (self._table, *means)
        )
        before = self._table[first - 1 + self._reach, :, None]
        segment = torch.searchsorted(self._segments, rows, right=True) - 1
        left = (self._known[segment] - first[:, None])[..., None]
        steps = torch.arange(length, device=rows.device)
        earlier = [torch.where(steps >= left, p, last) for p in (past, *usual)]
        changed = torch.where(left < 0, last + past - before, last)
        return [repeat_season(part, self.n_steps) for part in (*earlier, changed)]


def _real(periods):
    """Seasons longer than a row; None stands for no skip."""
    return [] if periods is None else [period for period in periods if period > 1]

"""The hours of the day or week at which series have rows: sessions, shifts."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from .plain_state import PlainState

__all__ = ["DAY", "OpenHours", "clock_size", "on_wall", "places_in"]

DAY = pd.Timedelta(days=1)
# A place of the cycle is open if it has this share of the rows of the fullest place.
_OPEN = 0.05


@dataclass(frozen=True, eq=False)
class OpenHours(PlainState):
    """At which places of a day, or of a week, the rows of a panel lie.

    Attributes
    ----------
    size, cycle : Timedelta
        The step, and a day or a week.
    is_open : ndarray of bool of shape (n_places,)
    closes, opens : ndarray of bool of shape (n_places,)
        Whether a row there was the last one before closed hours, or the first one
        after them.
    jumps : ndarray of int
        The closed hours that were seen: the weekday before them, plus seven times the
        days until the next row.
    """

    size: pd.Timedelta
    cycle: pd.Timedelta
    is_open: np.ndarray
    closes: np.ndarray
    opens: np.ndarray
    # Files of earlier versions have None.
    jumps: np.ndarray | None = None

    @classmethod
    def of(cls, time, before, size):
        """Learn the hours from pairs of rows: those of `before` and the next ones."""
        rows = on_wall(time)[np.union1d(before, before + 1)]
        for cycle in (DAY, 7 * DAY):
            n_places = int(np.ceil(cycle / size))
            n_rows = np.bincount(places_in(rows, size, cycle), minlength=n_places)
            is_open = (n_rows > 0) & (n_rows >= _OPEN * n_rows.max())
            if not is_open.all():
                break
        none = np.zeros(n_places, dtype=bool)
        jumps = np.zeros(0, dtype=np.int64)
        return cls(size, cycle, is_open, none, none, jumps).learn(time, before)

    def learn(self, time, before):
        """Learn from more pairs of rows where the open hours begin and end."""
        time = on_wall(time)
        start, end = time[before], time[before + 1]
        over = self._closed_between(start, end)
        closes, opens = self.closes.copy(), self.opens.copy()
        closes[self._places(start[over])] = True
        opens[self._places(end[over])] = True
        before = [] if self.jumps is None else self.jumps
        jumps = np.union1d(before, _jumps(start[over], end[over])).astype(np.int64)
        return replace(self, closes=closes, opens=opens, jumps=jumps)

    def count(self, start, end):
        """Count the steps of open hours between rows and later ones.

        By time within open hours. From a row after which closed hours have begun
        before, to one at which they have ended before, it is one step, if closed hours
        over as many days have followed that weekday before. NaN for all others, for
        which rows or whole sessions may be missing.
        """
        start, end = on_wall(start), on_wall(end)
        steps = np.maximum(np.round((end - start) / self.size), 1)
        usual = self.closes[self._places(start)] & self.opens[self._places(end)]
        if self.jumps is not None:
            usual &= self._has_jumped(_jumps(start, end))
        over = np.where(usual, 1.0, np.nan)
        return np.where(self._closed_between(start, end), over, steps)

    def _has_jumped(self, jumps):
        """Whether hours closed over as many days before: after this weekday, or any."""
        new_weekday = ~np.isin(jumps % 7, self.jumps % 7)
        as_long = np.isin(jumps // 7, self.jumps // 7)
        return np.isin(jumps, self.jumps) | (new_weekday & as_long)

    def _places(self, time):
        return places_in(time, self.size, self.cycle)

    def _closed_between(self, start, end):
        """Whether closed places lie between each row and a later one."""
        n_places = len(self.is_open)
        closed = np.concatenate([[0], np.cumsum(np.tile(~self.is_open, 2))])
        first = self._places(start) + 1
        steps = np.asarray((end - start) / self.size).astype(np.int64)
        last = first + np.clip(steps - 1, 0, n_places - 1)
        return closed[last] > closed[first]


def _jumps(start, end):
    """Number the days from each row to the next one, apart for each weekday."""
    first, last = (
        time.asi8 // (DAY // pd.Timedelta(1, time.unit)) for time in (start, end)
    )
    return 7 * (last - first) + first % 7


def clock_size(step, time):
    """The size of a step that divides the day into places, else None."""
    size = step.size if step.unit == "delta" else None
    if step.unit == "period" and isinstance(time.freq, pd.offsets.Tick):
        size = step.size * pd.Timedelta(time.freq.base)
    divides = size is not None and size < DAY and DAY % size == pd.Timedelta(0)
    return size if divides else None


def on_wall(time):
    """The times that a clock on the wall shows."""
    if isinstance(time, pd.PeriodIndex):
        return time.to_timestamp()
    return time.tz_localize(None) if isinstance(time, pd.DatetimeIndex) else time


def places_in(time, size, cycle):
    """Number the place of each time in its day or week, from 0 on."""
    unit = pd.Timedelta(1, unit=time.unit)
    return time.asi8 % (cycle // unit) // max(size // unit, 1)

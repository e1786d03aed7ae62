"""The step between two rows in time: found in the data or read, added, counted.

Whole numbers, periods, time stamps on a fixed step, business days and months (and so
quarters and years) are understood. Everything else has an order, but no step.
"""

from dataclasses import dataclass
from numbers import Real

import numpy as np
import pandas as pd

__all__ = ["TimeStep", "infer_time_step", "pairs_within", "read_time_step"]

_DAY = pd.Timedelta(days=1)
_PLAIN = {"number", "delta"}


@dataclass(frozen=True)
class TimeStep:
    """A step of `size` units, where `unit` says what one unit is.

    `unit` is ``"number"``, ``"period"``, ``"delta"`` (size is a Timedelta),
    ``"weekday"`` (Monday to Friday) or ``"month"``; `month_end` keeps the last day
    of the month on the last day.
    """

    unit: str
    size: object
    month_end: bool = False

    def add(self, time, n):
        """Move each time `n` steps on: an Index of the same type and length."""
        return _ADD[self.unit](self, time, np.broadcast_to(n, len(time)))

    def count(self, start, end):
        """Count the steps from `start` to `end`, NaN where they are not whole."""
        steps = self.measure(start, end)
        rounded = np.round(steps)
        if isinstance(self.size, np.floating):
            # Times such as 0.1, 0.2, 0.3 are not equally far apart to the last bit.
            whole = np.abs(steps - rounded) < 1e-3
        else:
            whole = self.add(start, rounded.astype(np.int64)) == end
        return np.where(whole, rounded, np.nan)

    def measure(self, start, end):
        """Count the steps from `start` to `end`, in parts of one where there are."""
        return _COUNT[self.unit](self, start, end)

    def __str__(self):
        return str(self.size) if self.unit in _PLAIN else f"{self.size} {self.unit}(s)"


def pairs_within(indptr):
    """Find the sorted rows that a row of the same series follows."""
    inside = np.ones(indptr[-1], dtype=bool)
    inside[indptr[1:] - 1] = False
    return np.flatnonzero(inside)


def infer_time_step(time, indptr):
    """Find the step that most rows of a panel keep.

    Parameters
    ----------
    time : Index of shape (n_rows,)
        Times sorted within each series.
    indptr : ndarray of shape (n_series + 1,)
        Offsets of the series.

    Returns
    -------
    TimeStep or None
        None when the times have no arithmetic (strings, say) or no series has two
        rows.
    """
    before = pairs_within(indptr)
    if len(before) == 0:
        return None
    if isinstance(time, pd.PeriodIndex):
        return TimeStep("period", _most_common(np.diff(time.asi8)[before]))
    if isinstance(time, pd.DatetimeIndex):
        return _infer_from_dates(time, before)
    if pd.api.types.is_numeric_dtype(time) and not pd.api.types.is_bool_dtype(time):
        return TimeStep("number", _most_common(np.diff(time.to_numpy())[before]))
    return None


def read_time_step(freq, time):
    """Read a step as pandas writes it, for times of the kind of `time`.

    Parameters
    ----------
    freq : str, offset, Timedelta or number
    time : Index

    Returns
    -------
    TimeStep
    """
    if isinstance(time, pd.PeriodIndex):
        step, kind = _read_periods(freq, time), f"multiples of one {time.freqstr}"
    elif isinstance(time, pd.DatetimeIndex):
        step, kind = _read_offset(freq), "a clock step, days, weekdays or months"
    elif pd.api.types.is_numeric_dtype(time) and not pd.api.types.is_bool_dtype(time):
        step, kind = _read_number(freq, time), f"a positive number of type {time.dtype}"
    else:
        step, kind = None, "None"
    if step is None or not step.size > type(step.size)(0):
        raise ValueError(
            f"freq={freq!r} is no step of times of dtype {time.dtype}. It must be "
            f"{kind}."
        )
    return step


def _read_periods(freq, time):
    if _is_number(freq):
        return TimeStep("period", int(freq)) if freq == int(freq) else None
    try:
        offset = pd.PeriodDtype(freq if isinstance(freq, str) else _offset(freq)).freq
    except (AttributeError, TypeError, ValueError):
        return None
    return TimeStep("period", offset.n) if offset.base == time.freq.base else None


def _read_offset(freq):
    offset = None if _is_number(freq) else _offset(freq)
    if isinstance(offset, pd.offsets.Day):
        return TimeStep("delta", offset.n * _DAY)
    if isinstance(offset, pd.offsets.Tick):
        return TimeStep("delta", pd.Timedelta(offset))
    if type(offset) is pd.offsets.Week:
        return TimeStep("delta", 7 * offset.n * _DAY)
    if type(offset) is pd.offsets.BusinessDay:
        return TimeStep("weekday", offset.n)
    months = _MONTHS.get(type(offset))
    if months is None:
        return None
    month_end = type(offset).__name__.endswith("End")
    return TimeStep("month", months * offset.n, month_end)


def _read_number(freq, time):
    if not _is_number(freq) or not np.isfinite(freq):
        return None
    if pd.api.types.is_integer_dtype(time):
        return TimeStep("number", int(freq)) if freq == int(freq) else None
    return TimeStep("number", np.float64(freq))


def _is_number(freq):
    return isinstance(freq, Real) and not isinstance(freq, bool)


def _offset(freq):
    try:
        return pd.tseries.frequencies.to_offset(freq)
    except (TypeError, ValueError):
        return None


def _infer_from_dates(time, before):
    wall = time.tz_localize(None)
    delta = (wall[1:] - wall[:-1])[before]
    size = pd.Timedelta(_most_common(delta.to_numpy()))
    if size < 28 * _DAY:
        # A clock step is absolute; a day or more follows the wall clock.
        if size % _DAY != pd.Timedelta(0):
            delta = (time[1:] - time[:-1])[before]
            size = pd.Timedelta(_most_common(delta.to_numpy()))
        weekdays = size == _DAY and (delta > _DAY).any()
        if weekdays and (time.day_of_week < 5).all():
            return TimeStep("weekday", 1)
        return TimeStep("delta", size)
    return _infer_days_or_months(wall[before], wall[before + 1], size)


def _infer_days_or_months(start, end, days):
    """Choose what fits more rows: every so many days, or every so many months."""
    choices = [TimeStep("delta", days)]
    months = int(_most_common(_month_number(end) - _month_number(start)))
    if months > 0:
        month_end = bool(start.is_month_end.all() and end.is_month_end.all())
        choices.append(TimeStep("month", months, month_end))
    if days % (7 * _DAY) != pd.Timedelta(0):
        # Where both fit, as from July to August, only whole weeks mean days.
        choices.reverse()
    return max(choices, key=lambda step: np.isfinite(step.count(start, end)).sum())


def _most_common(values):
    found, counts = np.unique(values, return_counts=True)
    return found[np.argmax(counts)]


def _month_number(time):
    return np.asarray(time.year) * 12 + np.asarray(time.month)


def _add_number(step, time, n):
    return time + n * step.size


def _add_period(step, time, n):
    ordinals = time.asi8 + n * step.size
    return pd.PeriodIndex.from_ordinals(ordinals, freq=time.freq, name=time.name)


def _add_delta(step, time, n):
    shift = pd.TimedeltaIndex(n * step.size)
    if step.size % _DAY != pd.Timedelta(0):
        return (time + shift).rename(time.name)
    return _from_wall(_wall(time) + shift, time)


def _add_weekday(step, time, n):
    wall = _wall(time)
    day = wall.normalize()
    moved = np.busday_offset(
        day.to_numpy().astype("M8[D]"), n * step.size, roll="backward"
    )
    return _from_wall(pd.DatetimeIndex(moved) + (wall - day), time)


def _add_month(step, time, n):
    wall = _wall(time)
    day = wall.normalize()
    month = wall.to_numpy().astype("M8[M]") + n * step.size
    first = pd.DatetimeIndex(month.astype("M8[D]"))
    last = first.days_in_month
    date = last if step.month_end else np.minimum(wall.day, last)
    moved = first + pd.to_timedelta(np.asarray(date) - 1, unit="D")
    return _from_wall(moved + (wall - day), time)


def _count_number(step, start, end):
    return (end.to_numpy() - start.to_numpy()) / step.size


def _count_period(step, start, end):
    return (end.asi8 - start.asi8) / step.size


def _count_delta(step, start, end):
    if step.size % _DAY == pd.Timedelta(0):
        start, end = _wall(start), _wall(end)
    return np.asarray((end - start) / step.size)


def _count_weekday(step, start, end):
    days = [t.to_numpy().astype("M8[D]") for t in (_wall(start), _wall(end))]
    return np.busday_count(*days) / step.size


def _count_month(step, start, end):
    return (_month_number(_wall(end)) - _month_number(_wall(start))) / step.size


def _wall(time):
    return time.tz_localize(None)


def _from_wall(wall, time):
    wall = wall.as_unit(time.unit).rename(time.name)
    if time.tz is None:
        return wall
    early = np.zeros(len(wall), dtype=bool)
    return wall.tz_localize(time.tz, ambiguous=early, nonexistent="shift_forward")


_ADD = {
    "number": _add_number,
    "period": _add_period,
    "delta": _add_delta,
    "weekday": _add_weekday,
    "month": _add_month,
}
_COUNT = {
    "number": _count_number,
    "period": _count_period,
    "delta": _count_delta,
    "weekday": _count_weekday,
    "month": _count_month,
}
_MONTHS = {
    pd.offsets.MonthBegin: 1,
    pd.offsets.MonthEnd: 1,
    pd.offsets.QuarterBegin: 3,
    pd.offsets.QuarterEnd: 3,
    pd.offsets.YearBegin: 12,
    pd.offsets.YearEnd: 12,
}

"""The step between two rows in time: found in the data or read, added, counted.

Whole numbers, periods, durations, time stamps on a fixed step, days of the week, months
(and so quarters and years) and every offset of pandas are understood.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from numbers import Real

import numpy as np
import pandas as pd

from .plain_state import PlainState

__all__ = [
    "TimeStep",
    "infer_step",
    "infer_time_step",
    "is_inferred",
    "pairs_within",
    "read_time_step",
]

_DAY = pd.Timedelta(days=1)
_PLAIN = {"number", "delta"}
_WEEKDAYS = "1111100"
# Pairs of rows that a step is chosen by, evenly taken from all of them.
_MOST_PAIRS = 100_000
# Rows on one weekday that lie in one week of the month, where that week is their rule.
# Months of 4, 4 and 5 weeks often end in the last week of a month, and are no months.
_SAME_WEEK = 0.95


@dataclass(frozen=True)
class TimeStep(PlainState):
    """A step of `size` units, where `unit` says what one unit is.

    `unit` is ``"number"``, ``"period"``, ``"delta"`` (size is a Timedelta),
    ``"weekday"`` (the open days of a week), ``"month"`` or ``"offset"`` (the times that
    an offset of pandas leads to). A row on the last day up to `day` of its month stays
    there: with 31 on the last one, with 30 on the 30th, and on the 28th or 29th of
    February. `rivals` are other steps that fit the rows as well.
    """

    unit: str
    size: object
    day: int | None = None
    week: str = _WEEKDAYS
    offset: object = None
    rivals: tuple = field(default=(), compare=False)

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
            moved = self.add(start, rounded.astype(np.int64))
            # An hour that the clock shows twice is one place on a wall clock.
            clock = self._by_wall and getattr(end, "tz", None) is not None
            whole = _wall(moved) == _wall(end) if clock else moved == end
        return np.where(whole, rounded, np.nan)

    def measure(self, start, end):
        """Count the steps from `start` to `end`, in parts of one where there are."""
        return _COUNT[self.unit](self, start, end)

    @property
    def months(self):
        """How many months the step has, None where it has none or is shorter."""
        in_months = self.unit == "month" or isinstance(self.offset, _EACH_MONTH)
        return self.size if in_months else None

    @property
    def _by_wall(self):
        return self.unit != "delta" or self.size % _DAY == pd.Timedelta(0)

    def __str__(self):
        if self.unit in _PLAIN:
            return str(self.size)
        if self.unit == "offset":
            return f"{self.size} {self.offset.freqstr}"
        return f"{self.size} {self.unit}(s)"


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
        None when the times have no arithmetic (ordered categories) or no series has
        two rows.
    """
    return infer_step(time, pairs_within(indptr))


def infer_step(time, before):
    """Find the step that most pairs of rows keep: a row of `before` and the next."""
    if len(before) == 0:
        return None
    if len(before) > _MOST_PAIRS:
        before = before[np.linspace(0, len(before) - 1, _MOST_PAIRS).astype(np.intp)]
    start, end = time[before], time[before + 1]
    if isinstance(time, pd.PeriodIndex):
        return TimeStep("period", int(_most_common(end.asi8 - start.asi8)))
    if isinstance(time, pd.TimedeltaIndex):
        return TimeStep("delta", pd.Timedelta(_most_common((end - start).to_numpy())))
    if isinstance(time, pd.DatetimeIndex):
        return _infer_from_dates(start, end)
    if _is_numeric(time):
        _check_no_dates(time)
        return TimeStep(
            "number", _most_common_number(end.to_numpy() - start.to_numpy())
        )
    return None


def is_inferred(freq):
    """Whether a `freq` leaves the step to be found in the rows."""
    # Offsets and arrays compare with text in ways of their own.
    return isinstance(freq, str) and freq == "infer"


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
        step, kind = _read_offset(freq), "an alias or an offset of pandas that is > 0"
    elif isinstance(time, pd.TimedeltaIndex):
        step, kind = _read_offset(freq), "a Timedelta that is > 0"
        step = step if step and step.unit == "delta" else None
    elif _is_numeric(time):
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
    # Periods and dates have aliases of their own for months and longer steps.
    for read in (lambda alias: alias, _offset):
        try:
            offset = pd.PeriodDtype(read(freq)).freq
        except (AttributeError, TypeError, ValueError):
            continue
        return TimeStep("period", offset.n) if offset.base == time.freq.base else None
    return None


def _read_offset(freq):
    offset = None if _is_number(freq) else _offset(freq)
    if offset is None:
        return None
    if isinstance(offset, pd.offsets.Day):
        return TimeStep("delta", offset.n * _DAY)
    if isinstance(offset, pd.offsets.Tick):
        return TimeStep("delta", pd.Timedelta(offset))
    if type(offset) is pd.offsets.Week:
        return TimeStep("delta", 7 * offset.n * _DAY)
    if type(offset) is pd.offsets.BusinessDay:
        return TimeStep("weekday", offset.n)
    if type(offset) is pd.DateOffset:
        return _read_parts(offset)
    months = _MONTHS.get(type(offset))
    if months is not None:
        day = 31 if type(offset).__name__.endswith("End") else None
        return TimeStep("month", months * offset.n, day)
    base, months = _IN_MONTHS.get(type(offset), (offset.base, 1))
    return TimeStep("offset", months * offset.n, offset=base)


def _read_parts(offset):
    """Read a DateOffset of months or of days and less; both at once have no size."""
    parts = {"days": 1} | offset.kwds if not offset.kwds else dict(offset.kwds)
    months = 12 * parts.pop("years", 0) + parts.pop("months", 0)
    if months and not parts:
        return TimeStep("month", months * offset.n)
    try:
        return None if months else TimeStep("delta", offset.n * pd.Timedelta(**parts))
    except (TypeError, ValueError):
        return None


def _read_number(freq, time):
    if not _is_number(freq) or not np.isfinite(freq):
        return None
    if pd.api.types.is_integer_dtype(time):
        return TimeStep("number", int(freq)) if freq == int(freq) else None
    return TimeStep("number", np.float64(freq))


def _is_number(freq):
    return isinstance(freq, Real) and not isinstance(freq, bool)


def _is_numeric(time):
    numeric = pd.api.types.is_numeric_dtype(time)
    return numeric and not pd.api.types.is_bool_dtype(time)


def _offset(freq):
    try:
        return pd.tseries.frequencies.to_offset(freq)
    except (AttributeError, TypeError, ValueError):
        return None


def _infer_from_dates(start, end):
    walls = _wall(start), _wall(end)
    size = pd.Timedelta(_most_common((walls[1] - walls[0]).to_numpy()))
    if size % _DAY != pd.Timedelta(0):
        # A clock step is absolute; a day or more follows the wall clock.
        size = pd.Timedelta(_most_common((end - start).to_numpy()))
        return TimeStep("delta", size)
    choices = (_day_choices if size < 28 * _DAY else _month_choices)(*walls, size)
    fits = [_fit(step, start, end) for step in choices]
    best, *rivals = [
        step for step, fit in zip(choices, fits, strict=True) if fit == max(fits)
    ]
    return replace(best, rivals=tuple(rivals))


def _fit(step, start, end):
    """Count the pairs that keep a step, and those that are whole steps apart."""
    once = step.count(start, end), step.count(end, start)
    kept = (once[0] == 1) & (once[1] == -1)
    return int(kept.sum()), int(np.isfinite(once).all(axis=0).sum())


def _day_choices(start, end, size):
    """Steps of less than four weeks that may explain the rows, the plainest first."""
    choices = [TimeStep("delta", size)]
    days = [time.to_numpy().astype("M8[D]") for time in (start, end)]
    choices.append(
        TimeStep("weekday", max(1, int(_most_common(np.busday_count(*days)))))
    )
    week = _open_days(start)
    long = (end.max() - start.min()) >= 21 * _DAY
    if size < 7 * _DAY and week.count("1") < 7 and long and week != _WEEKDAYS:
        choices.append(TimeStep("weekday", 1, week=week))
    if size >= 5 * _DAY:
        rows = start.append(end)
        other = rows[(rows.day > 1) & ~rows.is_month_end].day
        day = int(_most_common(other)) if len(other) else 15
        if 2 <= day <= 27:
            begin = pd.offsets.SemiMonthBegin(day_of_month=day)
            choices.append(TimeStep("offset", 1, offset=begin))
            last = pd.offsets.SemiMonthEnd(day_of_month=day)
            choices.append(TimeStep("offset", 1, offset=last))
    return choices


def _open_days(time):
    """The days of the week on which a fair share of the rows lie, from Monday on."""
    rows = np.bincount(time.day_of_week, minlength=7)
    return "".join("1" if n >= 0.2 * rows.max() else "0" for n in rows)


def _month_choices(start, end, size):
    """Steps of four weeks and more that may explain the rows, the plainest first."""
    delta = TimeStep("delta", size)
    months = int(_most_common(_month_number(end) - _month_number(start)))
    if months < 1:
        return [delta]
    rows = start.append(end)
    choices = [TimeStep("month", months, day) for day in _days_of_month(rows)]
    choices += [TimeStep("offset", months, offset=base) for base in _places(rows)]
    # Where both fit, as from July to August, only whole weeks mean days.
    whole_weeks = size % (7 * _DAY) == pd.Timedelta(0)
    return [delta, *choices] if whole_weeks else [*choices, delta]


def _days_of_month(rows):
    """The days of the month that the rows may mean, None if each keeps its own."""
    day, last = np.asarray(rows.day), np.asarray(rows.days_in_month)
    shares = {n: np.mean(day == np.minimum(n, last)) for n in (31, 30, 29)}
    shares[None] = np.bincount(np.minimum(day, 29))[:29].max(initial=0) / len(rows)
    best = max(shares.values())
    if best < 0.5:
        return [None]
    found = [n for n, share in shares.items() if share == best]
    return found if day.max() >= 28 else [None]


def _places(rows):
    """Business starts and ends of months, and the weekday that most rows lie on."""
    weekday = int(_most_common(np.asarray(rows.day_of_week)))
    rows = rows[rows.day_of_week == weekday]
    weeks = (np.asarray(rows.day) - 1) // 7
    week = min(int(_most_common(weeks)), 3)
    places = [pd.offsets.BMonthBegin(), pd.offsets.BMonthEnd()]
    if np.mean(weeks == week) >= _SAME_WEEK:
        places.append(pd.offsets.WeekOfMonth(week=week, weekday=weekday))
    if np.mean(rows.day + 7 > rows.days_in_month) >= _SAME_WEEK:
        places.append(pd.offsets.LastWeekOfMonth(weekday=weekday))
    return places


def _check_no_dates(time):
    """Raise for dates written as numbers, whose steps are none of numbers."""
    if time.min() < 19001 or time.max() > 21001231:
        return
    number = np.unique(time)
    if (number != np.floor(number)).any():
        return
    number = number.astype(np.int64)
    written = {
        'months (pd.PeriodIndex(times.astype(str), freq="M")) or weeks': (
            190001 <= number[0] and number[-1] <= 210053 and _within(number % 100, 53)
        ),
        'days (pd.to_datetime(times, format="%Y%m%d"))': (
            19000101 <= number[0]
            and _within(number // 100 % 100, 12)
            and _within(number % 100, 31)
        ),
        "quarters (pd.PeriodIndex)": (
            number[-1] <= 21004
            and number[0] // 10 < number[-1] // 10
            and _within(number % 10, 4)
        ),
    }
    for (name, found), year in zip(written.items(), (100, 10_000, 10), strict=True):
        # Equal parts of each year are a fixed step apart.
        if found and np.ptp(number % year) > 0:
            raise ValueError(
                f"The times {number[0]} to {number[-1]} look like years and {name} "
                "written as one number, which have no fixed step. Convert them to "
                "dates or periods, or pass freq=1 if they are step numbers."
            )


def _within(values, most):
    return values.min() >= 1 and values.max() <= most


def _most_common(values):
    found, counts = np.unique(values, return_counts=True)
    return found[np.argmax(counts)]


def _most_common_number(values):
    if not np.issubdtype(values.dtype, np.floating):
        return _most_common(values)
    # Steps of 0.1 differ in their last bits.
    rounded = np.round(values / np.median(values), 6)
    return values.dtype.type(np.median(values[rounded == _most_common(rounded)]))


def _month_number(time):
    return np.asarray(time.year) * 12 + np.asarray(time.month)


def _add_number(step, time, n):
    return time + n * step.size


def _add_period(step, time, n):
    ordinals = time.asi8 + n * step.size
    return pd.PeriodIndex.from_ordinals(ordinals, freq=time.freq, name=time.name)


def _add_delta(step, time, n):
    shift = pd.TimedeltaIndex(n * step.size)
    if isinstance(time, pd.TimedeltaIndex) or step.size % _DAY != pd.Timedelta(0):
        return (time + shift).rename(time.name)
    return _from_wall(_wall(time) + shift, time)


def _add_weekday(step, time, n):
    wall = _wall(time)
    day = wall.normalize()
    moved = np.busday_offset(
        day.to_numpy().astype("M8[D]"),
        n * step.size,
        roll="backward",
        weekmask=step.week,
    )
    return _from_wall(pd.DatetimeIndex(moved) + (wall - day), time)


def _add_month(step, time, n):
    wall = _wall(time)
    day = wall.normalize()
    month = wall.to_numpy().astype("M8[M]") + n * step.size
    first = pd.DatetimeIndex(month.astype("M8[D]"))
    last = first.days_in_month
    date = np.asarray(wall.day)
    if step.day is not None:
        own = date == np.minimum(step.day, wall.days_in_month)
        date = np.where(own, step.day, date)
    moved = first + pd.to_timedelta(np.minimum(date, last) - 1, unit="D")
    return _from_wall(moved + (wall - day), time)


def _add_offset(step, time, n):
    wall, n = _wall(time), n * step.size
    for pad in (1, 4, 16, 64, 256):
        grid = _grid_around(step.offset, wall, wall, pad)
        place = _places_on(grid, wall, step.offset) + n
        if place.min(initial=0) >= 0 and place.max(initial=0) < len(grid):
            rest = 0 * _DAY if _has_hours(step.offset) else wall - wall.normalize()
            return _from_wall(grid[place] + rest, time)
    raise ValueError(f"{n.max()} steps of {step} end too many years after {time[0]}.")


def _count_number(step, start, end):
    return (end.to_numpy() - start.to_numpy()) / step.size


def _count_period(step, start, end):
    return (end.asi8 - start.asi8) / step.size


def _count_delta(step, start, end):
    if not isinstance(start, pd.TimedeltaIndex) and step._by_wall:
        start, end = _wall(start), _wall(end)
    return np.asarray((end - start) / step.size)


def _count_weekday(step, start, end):
    # A day that is closed counts as the open one before it.
    days = [
        np.busday_offset(
            _wall(time).to_numpy().astype("M8[D]"),
            0,
            roll="backward",
            weekmask=step.week,
        )
        for time in (start, end)
    ]
    return np.busday_count(*days, weekmask=step.week) / step.size


def _count_month(step, start, end):
    return (_month_number(_wall(end)) - _month_number(_wall(start))) / step.size


def _count_offset(step, start, end):
    start, end = _wall(start), _wall(end)
    grid = _grid_around(step.offset, start, start.append(end), 1)
    first, last = (_places_on(grid, time, step.offset) for time in (start, end))
    return (last - first) / step.size


def _grid_around(offset, start, wall, pad):
    years, phase = wall.year, 0 * _DAY
    if _has_hours(offset):
        opening = offset.start[0]
        opening = pd.Timedelta(hours=opening.hour, minutes=opening.minute)
        # Hours after opening count from the minute that the rows have.
        phase = (start[0] - start[0].normalize() - opening) % pd.Timedelta(hours=1)
    return _grid(offset, int(years.min()) - pad, int(years.max()) + pad, phase)


@lru_cache(maxsize=256)
def _grid(offset, first, last, phase):
    """All times of an offset in these years, so long after those it begins with."""
    start = offset.rollforward(pd.Timestamp(first, 1, 1))
    return pd.date_range(start + phase, pd.Timestamp(last, 12, 31), freq=offset)


def _places_on(grid, wall, offset):
    """Where on the grid each time stands; one between two of it, at that before.

    A day of the month that a holiday moved stands at the one that is nearer.
    """
    before = grid.searchsorted(wall, side="right") - 1
    if not isinstance(offset, _EACH_MONTH):
        return before
    after, day = np.minimum(before + 1, len(grid) - 1), wall.normalize()
    return np.where(grid[after] - day < day - grid[before], after, before)


def _has_hours(offset):
    return isinstance(offset, (pd.offsets.BusinessHour, pd.offsets.CustomBusinessHour))


def _wall(time):
    return time.tz_localize(None) if isinstance(time, pd.DatetimeIndex) else time


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
    "offset": _add_offset,
}
_COUNT = {
    "number": _count_number,
    "period": _count_period,
    "delta": _count_delta,
    "weekday": _count_weekday,
    "month": _count_month,
    "offset": _count_offset,
}
_MONTHS = {
    pd.offsets.MonthBegin: 1,
    pd.offsets.MonthEnd: 1,
    pd.offsets.QuarterBegin: 3,
    pd.offsets.QuarterEnd: 3,
    pd.offsets.YearBegin: 12,
    pd.offsets.YearEnd: 12,
}
_IN_MONTHS = {
    pd.offsets.BQuarterBegin: (pd.offsets.BMonthBegin(), 3),
    pd.offsets.BQuarterEnd: (pd.offsets.BMonthEnd(), 3),
    pd.offsets.BYearBegin: (pd.offsets.BMonthBegin(), 12),
    pd.offsets.BYearEnd: (pd.offsets.BMonthEnd(), 12),
}
_EACH_MONTH = (
    pd.offsets.BMonthBegin,
    pd.offsets.BMonthEnd,
    pd.offsets.WeekOfMonth,
    pd.offsets.LastWeekOfMonth,
)

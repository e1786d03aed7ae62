"""The calendar of times: where in the day, week, month and year they stand."""

import reprlib
from numbers import Number

import numpy as np
import pandas as pd

from .._panels.time_step import infer_time_step

__all__ = [
    "LABELS",
    "check_dates",
    "choose_features",
    "cyclic_columns",
    "holiday_column",
    "label_column",
    "read_holidays",
]

_WEEK = pd.Timedelta(days=7)
_DAY = pd.Timedelta(days=1)
# Every label there is, whatever the data hold: codes must not depend on them.
LABELS = {
    "minute": range(60),
    "hour": range(24),
    "day_of_week": range(7),
    "day_of_month": range(1, 32),
    "day_of_year": range(1, 367),
    "week_of_year": range(1, 54),
    "month": range(1, 13),
    "quarter": range(1, 5),
}


def check_dates(time, name):
    """Raise unless the times are dates or periods; `name` is that of their level."""
    if not isinstance(time, (pd.DatetimeIndex, pd.PeriodIndex)):
        raise TypeError(
            f"The times of X (last index level, {name!r}) have dtype {time.dtype}, "
            "which has no calendar. Convert them to dates (pd.to_datetime) or periods "
            "(pd.PeriodIndex), or leave CalendarFeatures out."
        )
    return time


def choose_features(rows):
    """Choose what can repeat itself at the step of these rows.

    Parameters
    ----------
    rows : PanelRows

    Returns
    -------
    list of str
    """
    step = infer_time_step(_wall(rows.time), rows.indptr)
    if step is None:
        raise ValueError(
            "features='auto' chooses by the time step, and no series has two rows. "
            f"Give a list of {list(LABELS)}."
        )
    if step.unit == "weekday" or (step.unit == "delta" and step.size < _WEEK):
        within_day = step.unit == "delta" and step.size < _DAY
        return ["hour"] * within_day + ["day_of_week", "day_of_year"]
    if step.months is not None:
        if step.months % 12 == 0:
            return []
        return ["quarter"] if step.months % 3 == 0 else ["month"]
    half_months = step.unit == "offset"
    return ["day_of_year"] if half_months or step.size < 52 * _WEEK else []


def cyclic_columns(name, time):
    """The sine and the cosine of a feature, which is an angle on its cycle.

    Parameters
    ----------
    name : str
    time : DatetimeIndex or PeriodIndex of shape (n_times,)

    Returns
    -------
    dict of str to ndarray of float32 of shape (n_times,)
    """
    place, n_places = _PLACES[name](_wall(time))
    angle = 2 * np.pi * (np.asarray(place) / np.asarray(n_places))
    return {
        f"{name}_sin": np.sin(angle).astype(np.float32),
        f"{name}_cos": np.cos(angle).astype(np.float32),
    }


def label_column(name, time):
    """A feature as a Categorical of all labels, of shape (n_times,)."""
    place, _ = _PLACES[name](_wall(time))
    codes = np.floor(place).astype(np.intp)
    return pd.Categorical.from_codes(codes, categories=list(LABELS[name]))


def read_holidays(holidays):
    """Read dates as a dict of name to sorted days; without names it is "holiday"."""
    if holidays is None:
        return {}
    named = holidays if isinstance(holidays, dict) else {"holiday": holidays}
    return {name: _read_days(name, dates) for name, dates in named.items()}


def holiday_column(days, time):
    """Whether each date, or a day of each period, is one of the sorted `days`."""
    first = _wall(time).normalize()
    last = time.to_timestamp(how="end") if isinstance(time, pd.PeriodIndex) else first
    found = days.searchsorted(last, side="right") > days.searchsorted(first)
    return found.astype(np.float32)


def _read_days(name, dates):
    try:
        if isinstance(dates, str):
            raise TypeError("a text is no list of dates")
        days = pd.DatetimeIndex([_read_day(date) for date in dates])
    except (TypeError, ValueError) as error:
        raise ValueError(
            "holidays must be a list of dates, or a dict of name to list of dates; "
            f"got {reprlib.repr(dates)} for {name!r}. Text is read if it is ISO 8601, "
            "such as '2024-12-25'."
        ) from error
    return _wall(days).normalize().dropna().unique().sort_values()


def _read_day(date):
    """Read a date; other text is ambiguous, and a number would be nanoseconds."""
    if isinstance(date, Number):
        raise TypeError("a number is no date")
    if isinstance(date, str):
        return pd.to_datetime(date, format="ISO8601")
    return pd.Timestamp(date)


def _wall(time):
    """The wall time of dates, and that of the start of periods."""
    if isinstance(time, pd.PeriodIndex):
        return time.to_timestamp(how="start")
    return time.tz_localize(None)


def _week_of_year(time):
    iso = time.isocalendar()
    year, week = (iso[name].to_numpy(dtype=np.intp) for name in ("year", "week"))
    # A year has 53 weeks where it begins or ends with a Thursday (ISO 8601).
    long = (_last_weekday(year) == 4) | (_last_weekday(year - 1) == 3)
    return week - 1, 52 + long


def _last_weekday(year):
    """The weekday of 31 December, 0 for Sunday."""
    return (year + year // 4 - year // 100 + year // 400) % 7


# Places count from 0; that of a minute and an hour has parts.
_PLACES = {
    "minute": lambda t: (t.minute + t.second / 60, 60),
    "hour": lambda t: (t.hour + t.minute / 60 + t.second / 3600, 24),
    "day_of_week": lambda t: (t.day_of_week, 7),
    "day_of_month": lambda t: (t.day - 1, t.days_in_month),
    "day_of_year": lambda t: (t.day_of_year - 1, 365 + t.is_leap_year),
    "week_of_year": _week_of_year,
    "month": lambda t: (t.month - 1, 12),
    "quarter": lambda t: (t.quarter - 1, 4),
}

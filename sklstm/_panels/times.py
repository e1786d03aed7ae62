"""The kinds of time: dates, periods, durations and numbers, however they are stored."""

import datetime
import re

import numpy as np
import pandas as pd

__all__ = ["check_same_kind", "holds_times", "plain_times", "times_like"]

_TIMES = (pd.DatetimeIndex, pd.PeriodIndex, pd.TimedeltaIndex)
_DATES = (datetime.date, np.datetime64)
_CLOCK = r"[T ]\d{2}(:?\d{2}(:?\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}(:?\d{2})?)?"
_ISO_DATE = re.compile(rf"(1[6-9]|2[01])\d{{2}}(-\d{{2}}(-\d{{2}}({_CLOCK})?)?)?")
_ANY_DATE = re.compile(
    r"(\d{4}-\d{2}|\d{4}[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](\d{2}){1,2})"
    r"([T ]\d{2}:?\d{2}.*)?"
)
_ZONE = re.compile(r"T.*(Z|[+-]\d{2}(:?\d{2})?)$")


def plain_times(level, name="X"):
    """Read times as dates, periods, durations or numbers.

    Parameters
    ----------
    level : Index
        Times of any kind: also dates as Python objects, as ISO 8601 text or of a dtype
        of Arrow, categories, and whole numbers of any size.
    name : str
        What to call the panel in an error.

    Returns
    -------
    Index
        A DatetimeIndex, PeriodIndex or TimedeltaIndex, or an Index of int64, Int64 or
        float64; `level` itself where it is one. Ordered categories of text stay as they
        are: they have an order.

    Raises
    ------
    TypeError
        If the times are of no such kind, or of several.
    ValueError
        If they are text other than ISO 8601 dates, or numbers that are not finite.
    """
    if isinstance(level, pd.CategoricalIndex):
        values = level.astype(level.categories.dtype)
        ordered = level.ordered and _kind(values) == "text" and not _is_iso(values)
        return level if ordered else plain_times(values, name)
    whose = f"The times of {name} (last index level, {level.name!r})"
    plain = _READ[_kind(level)](level, whose)
    return plain if plain is level else plain.rename(level.name)


def holds_times(level):
    """Whether a level contains dates, periods or durations, by its first label.

    Text counts that looks like dates, also in an order that cannot be sorted.
    """
    if isinstance(level, pd.CategoricalIndex):
        level = level.categories
    if isinstance(level, _TIMES) or len(level) == 0:
        return isinstance(level, _TIMES)
    first = level[0]
    if isinstance(first, str):
        return _ANY_DATE.fullmatch(first) is not None
    return isinstance(first, (*_DATES, pd.Period, datetime.timedelta, np.timedelta64))


def times_like(time, given):
    """Write times as the given ones were: Python dates, of Arrow, small integers."""
    kind = type(given[0]) if len(given) else None
    if kind is datetime.date and (time != time.normalize()).any():
        return time
    if isinstance(given.dtype, pd.ArrowDtype):
        return time if kind is str else time.astype(given.dtype)
    if kind is datetime.date:
        return pd.Index(time.date, dtype=object, name=time.name)
    if pd.api.types.is_integer_dtype(given.dtype) and given.dtype != time.dtype:
        least, most = np.iinfo(given.dtype).min, np.iinfo(given.dtype).max
        fits = least <= time.min() and time.max() <= most
        return time.astype(given.dtype) if fits else time
    return time


def check_same_kind(time, known):
    """Raise if times cannot be compared with those seen in fit."""
    if _family(time) != _family(known):
        zone = {
            "dates without a time zone": "X.tz_localize(zone, level=-1)",
            "dates in a time zone": "X.tz_localize(None, level=-1)",
        }
        remedy = "Convert the last index level to that of fit"
        if _family(time) in zone and _family(known) in zone:
            remedy += f", such as {zone[_family(time)]}"
        raise TypeError(
            f"The times of X have dtype {time.dtype}, but fit saw {known.dtype}: they "
            f"cannot be compared. {remedy}."
        )


def _family(time):
    if isinstance(time, pd.DatetimeIndex):
        return f"dates {'without a' if time.tz is None else 'in a'} time zone"
    if pd.api.types.is_numeric_dtype(time.dtype):
        return "numbers"
    if isinstance(time, pd.CategoricalIndex):
        return f"categories {list(time.categories)}"
    return str(time.dtype) if isinstance(time, pd.PeriodIndex) else type(time).__name__


def _kind(level):
    dtype = level.dtype
    if isinstance(level, _TIMES):
        return "times"
    if isinstance(dtype, pd.ArrowDtype):
        return "arrow"
    if isinstance(dtype, pd.StringDtype):
        return "text"
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_complex_dtype(dtype):
        return "other"
    if pd.api.types.is_numeric_dtype(dtype):
        return "numbers"
    for kind, types in _OBJECTS.items():
        if _is_object_of(level, types):
            return kind
    return "other"


def _is_object_of(level, types):
    return level.dtype == object and all(isinstance(time, types) for time in level)


def _is_iso(level):
    return all(_ISO_DATE.fullmatch(time) for time in level)


def _read_numbers(level, whose):
    if level.dtype == object:
        level = pd.Index(level.tolist())
    if pd.api.types.is_float_dtype(level.dtype):
        level = level.astype(np.float64, copy=False)
        if not np.isfinite(level).all():
            raise ValueError(
                f"{whose} must be finite, got {level[~np.isfinite(level)][0]}."
            )
        return level
    # Small and unsigned integers would run over where steps are added or taken off.
    return level if level.dtype == "Int64" else level.astype(np.int64, copy=False)


def _read_text(level, whose):
    if not _is_iso(level):
        wrong = next(time for time in level if not _ISO_DATE.fullmatch(time))
        raise ValueError(
            f"{whose} are text, such as {wrong!r}, which sorts alphabetically and not "
            "by time. The only text accepted is ISO 8601 dates, such as '2024-01-31'. "
            'Convert the level first, with pd.to_datetime(times, format="%d/%m/%Y") '
            "and its own format, or with pd.to_numeric(times). If the last level names "
            "the series, put it before the time: X.swaplevel().sort_index()."
        )
    zoned = {_ZONE.search(time.replace(" ", "T")) is not None for time in level}
    _check_zones(zoned, whose)
    try:
        return pd.to_datetime(level, format="ISO8601", utc=zoned.pop())
    except ValueError as error:
        raise ValueError(f"{whose} contain text that is not a date: {error}") from error


def _read_dates(level, whose):
    zones = {getattr(time, "tzinfo", None) for time in level}
    _check_zones({zone is not None for zone in zones}, whose)
    # Different offsets have no clock in common: the same instants, in UTC.
    time = pd.to_datetime(level.tolist(), utc=len(zones) > 1)
    return time.as_unit("us") if time.unit == "s" else time


def _read_periods(level, whose):
    frequencies = sorted({period.freqstr for period in level})
    if len(frequencies) > 1:
        raise TypeError(f"{whose} mix periods of {', '.join(frequencies)}.")
    return pd.PeriodIndex(level)


def _check_zones(zoned, whose):
    if len(zoned) > 1:
        raise TypeError(
            f"{whose} mix dates with and without a time zone. Give a zone to all dates "
            "or to none."
        )


def _read_arrow(level, whose):
    level = pd.Index(level.tolist())
    return _READ[_kind(level)](level, whose)


def _read_other(level, whose):
    kinds = sorted({type(time).__name__ for time in level})
    if len(kinds) > 1:
        raise TypeError(
            f"{whose} cannot be sorted: they mix {', '.join(kinds)}. Convert them to "
            "one type."
        )
    raise TypeError(
        f"{whose} are of type {', '.join(kinds)}. Convert them to dates "
        "(pd.to_datetime), periods (pd.PeriodIndex) or numbers."
    )


_OBJECTS = {
    "text": str,
    "dates": _DATES,
    "periods": pd.Period,
    "durations": (datetime.timedelta, np.timedelta64),
    "bools": (bool, np.bool_),
    "numbers": (int, float, np.integer, np.floating),
}
_READ = {
    "arrow": _read_arrow,
    "text": _read_text,
    "dates": _read_dates,
    "periods": _read_periods,
    "durations": lambda level, whose: pd.to_timedelta(level.tolist()),
    "numbers": _read_numbers,
    "times": lambda level, whose: level,
    "bools": _read_other,
    "other": _read_other,
}

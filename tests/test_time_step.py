import numpy as np
import pandas as pd
import pytest

from sklstm._panels.rows import read_rows
from sklstm._panels.series_steps import ends_on_step, find_steps
from sklstm._panels.time_step import infer_time_step, read_time_step


def infer(*series):
    """The step of a panel of these series' times."""
    time = series[0]
    for other in series[1:]:
        time = time.append(other)
    return infer_time_step(time, np.cumsum([0, *map(len, series)]))


def dates(freq, start="2023-11-15", periods=40, **options):
    return pd.date_range(start, periods=periods, freq=freq, **options)


REGULAR = {
    "int": pd.RangeIndex(5, 45),
    "int by 5": pd.Index(np.arange(0, 200, 5)),
    "negative int": pd.Index(np.arange(-20, 20)),
    "nullable int": pd.Index(np.arange(40), dtype="Int64"),
    "float": pd.Index(np.arange(40) * 0.5),
    "period month": pd.period_range("2023-01", periods=40, freq="M"),
    "period two months": pd.period_range("2023-01", periods=40, freq="2M"),
    "period quarter": pd.period_range("2023Q1", periods=40, freq="Q"),
    "period hour": pd.period_range("2023-01-01", periods=40, freq="h"),
    "second": dates("s"),
    "quarter of an hour": dates("15min"),
    "hour": dates("h"),
    "day": dates("D"),
    "two days": dates("2D"),
    "36 hours": dates("36h"),
    "business day": dates("B"),
    "business day at six": dates("B", "2023-11-15 06:00"),
    "week": dates("W"),
    "four weeks": dates("28D"),
    "30 days": dates("30D"),
    "365 days": dates("365D"),
    "month start": dates("MS"),
    "month end": dates("ME"),
    "mid-month": dates("MS") + pd.Timedelta(days=14),
    "quarter start": dates("QS"),
    "quarter end": dates("QE"),
    "year start": dates("YS"),
    "year end": dates("YE"),
    "day, seconds": dates("D", unit="s"),
    "hour, seconds": dates("h", unit="s"),
    "month end, nanoseconds": dates("ME", unit="ns"),
    "hour in spring": dates("h", "2024-03-30 12:00", tz="Europe/Berlin"),
    "hour in autumn": dates("h", "2024-10-26 12:00", tz="Europe/Berlin"),
    "six hours in autumn": dates("6h", "2024-10-24", tz="Europe/Berlin"),
    "day in spring": dates("D", "2024-03-10", tz="Europe/Berlin"),
    "day in autumn": dates("D", "2024-10-10", tz="Europe/Berlin"),
    "business day in autumn": dates("B", "2024-10-10", tz="Europe/Berlin"),
    "week in autumn": dates("W", "2024-10-10", tz="Europe/Berlin"),
    "month end with zone": dates("ME", "2024-10-10", tz="Europe/Berlin"),
}


@pytest.mark.parametrize("time", REGULAR.values(), ids=REGULAR)
def test_one_step_on_is_the_next_time(time):
    step = infer(time)
    moved = step.add(time[:-1], np.ones(len(time) - 1, dtype=int))
    assert moved.equals(pd.Index(time[1:]))
    assert moved.dtype == time.dtype
    assert step.add(time[:-1], 1).equals(moved)
    assert step.add(time[1:], -1).equals(pd.Index(time[:-1]))


@pytest.mark.parametrize("time", REGULAR.values(), ids=REGULAR)
def test_many_steps_lead_to_every_later_time(time):
    step, n = infer(time), np.arange(len(time))
    start = time[np.zeros_like(n)]
    assert (step.add(start, n) == time).all()
    np.testing.assert_array_equal(step.count(start, time), n)
    np.testing.assert_array_equal(step.count(time, start), -n)


@pytest.mark.parametrize("time", REGULAR.values(), ids=REGULAR)
def test_missing_rows_do_not_change_the_step(time):
    kept = np.delete(np.arange(len(time)), [5, 6, 17, 30])
    assert infer(time[kept]) == infer(time)


@pytest.mark.parametrize("time", REGULAR.values(), ids=REGULAR)
def test_step_is_that_within_series_wherever_they_start(time):
    parts = time[20:], time[:30], time[7:8], time[10:]
    assert infer(*parts) == infer(time)


@pytest.mark.parametrize("freq", ["h", "D", "B", "W", "ME", "MS", "QE"])
def test_time_off_the_grid_is_no_whole_number_of_steps(freq):
    time = dates(freq)
    off = time + pd.Timedelta(minutes=7)
    assert np.isnan(infer(time).count(time, off)).all()


def test_number_off_the_grid_is_no_whole_number_of_steps():
    step = infer(pd.Index([0, 5, 10]))
    np.testing.assert_array_equal(
        step.count(pd.Index([0, 0, 5]), pd.Index([10, 12, 1])), [2, np.nan, np.nan]
    )
    step = infer(pd.Index([0, 0.5, 1.0]))
    np.testing.assert_array_equal(
        step.count(pd.Index([0.0, 0.0]), pd.Index([1.5, 1.6])), [3, np.nan]
    )


def test_rounded_decimals_are_whole_steps():
    time = pd.Index([i / 10 for i in range(40)])
    step = infer(time)
    np.testing.assert_array_equal(
        step.count(time[np.zeros(40, dtype=int)], time), np.arange(40)
    )
    np.testing.assert_allclose(step.add(time[:-1], 1), time[1:])


def test_month_ends_stay_month_ends_after_a_short_month():
    time = pd.DatetimeIndex(["2023-12-31", "2024-01-31", "2024-02-29"])
    moved = infer(time).add(time[-1:].repeat(3), [1, 2, 12])
    assert list(moved.strftime("%Y-%m-%d")) == [
        "2024-03-31",
        "2024-04-30",
        "2025-02-28",
    ]


def test_two_months_of_31_days_are_months():
    time = pd.DatetimeIndex(["2023-07-01", "2023-08-01", "2023-09-01"])
    assert infer(time).add(time[-1:], 1)[0] == pd.Timestamp("2023-10-01")


def test_two_rows_whole_weeks_apart_are_days():
    time = pd.DatetimeIndex(["2023-02-01", "2023-03-01"])
    assert infer(time).add(time[-1:], 1)[0] == pd.Timestamp("2023-03-29")


def test_hours_are_counted_on_no_clock_that_changes():
    time = pd.DatetimeIndex(["2024-03-31 00:30", "2024-03-31 01:30"], tz="UTC")
    time = time.tz_convert("Europe/Berlin")
    assert list(time.strftime("%H:%M")) == ["01:30", "03:30"]
    assert infer(time).size == pd.Timedelta(hours=1)


def test_business_days_skip_the_weekend():
    time = dates("B", "2024-01-01", periods=5).append(
        dates("B", "2024-01-08", periods=5)
    )
    moved = infer(time).add(time[-1:].repeat(2), [1, 6])
    assert list(moved.strftime("%a %d")) == ["Mon 15", "Mon 22"]


def test_days_with_rows_on_weekends_are_no_business_days():
    time = dates("D", "2024-01-01", periods=14).delete([3, 12])
    assert infer(time).add(time[4:5], 1)[0] == time[4] + pd.Timedelta(days=1)


def test_days_keep_the_hour_of_the_clock_when_it_changes():
    time = dates("D", "2024-10-20 06:00", tz="Europe/Berlin", periods=5)
    moved = infer(time).add(time[-1:].repeat(9), np.arange(9))
    assert set(moved.hour) == {6}
    assert len(set(moved.strftime("%z"))) == 2


def test_hour_that_the_clock_skips_is_moved_on():
    time = dates("D", "2024-03-25 02:30", tz="Europe/Berlin", periods=4)
    moved = infer(time).add(time[-1:].repeat(3), [1, 3, 4])
    assert list(moved.strftime("%d %H:%M")) == ["29 02:30", "31 03:00", "01 02:30"]


@pytest.mark.parametrize(
    "series",
    [
        [pd.Index(["a", "b", "c"])],
        [pd.Index([False, True])],
        [pd.CategoricalIndex(["a", "b"])],
        [pd.Index([3])],
        [pd.Index([3]), pd.Index([4]), pd.Index([9])],
    ],
    ids=["str", "bool", "categorical", "one row", "one row each"],
)
def test_no_arithmetic_or_no_two_rows_give_no_step(series):
    assert infer(*series) is None


@pytest.mark.parametrize("time", REGULAR.values(), ids=REGULAR)
def test_name_of_the_times_is_kept(time):
    time = time.rename("day")
    assert infer(time).add(time, 1).name == "day"


MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
DAYS = "MON TUE WED THU FRI SAT SUN".split()
OFFSETS = [
    *["s", "ms", "min", "15min", "h", "36h", "D", "2D", "B", "2B", "7D", "28D"],
    *["MS", "ME", "BMS", "BME", "2MS", "3ME", "2BME", "SMS", "SME", "SMS-10", "SME-20"],
    *[f"W-{day}" for day in DAYS],
    *[f"WOM-{week}{day}" for week in (1, 3, 4) for day in ("MON", "FRI")],
    "2WOM-3FRI",
    pd.offsets.LastWeekOfMonth(weekday=4),
    *[f"{kind}-{month}" for kind in ("QS", "QE", "BQS", "BQE") for month in MONTHS[:3]],
    *[
        f"{kind}-{month}"
        for kind in ("YS", "YE", "BYS", "BYE")
        for month in MONTHS[1::4]
    ],
]


def next_times(time, n):
    """The times after the last of a series; None where no step is sure."""
    step = infer_time_step(time, np.array([0, len(time)]))
    if np.mean(step.count(time[:-1], time[1:]) == 1) < 0.8:
        return None
    end, ahead = time[-1:].repeat(n), np.arange(1, n + 1)
    found = [one.add(end, ahead) for one in (step, *step.rivals)]
    return found[0] if all(found[0].equals(other) for other in found) else None


@pytest.mark.parametrize("freq", OFFSETS, ids=str)
def test_the_next_times_are_those_of_pandas_or_none(freq):
    """From any start, in any zone, with a row missing: never a wrong date."""
    rng, found = np.random.default_rng(len(str(freq))), 0
    for n_rows in (2, 3, 6, 13, 40, 40):
        start = pd.Timestamp("2015-01-01") + pd.Timedelta(days=int(rng.integers(3500)))
        zone = rng.choice([None, "Europe/Berlin", "America/New_York"])
        time = pd.date_range(start, periods=n_rows + 9, freq=freq, tz=zone)
        seen, ahead = time[:n_rows], time[n_rows:]
        if n_rows >= 13:
            seen = seen.delete(int(rng.integers(1, n_rows - 1)))
        got = next_times(seen, 9)
        assert got is None or got.equals(ahead), (seen, got)
        found += got is not None and n_rows == 40
    assert found == 2


@pytest.mark.parametrize("freq", OFFSETS, ids=str)
def test_an_odd_row_a_hole_and_short_series_change_no_date_of_a_panel(freq):
    time = pd.date_range("2016-03-05", periods=46, freq=freq)
    seen, step = time[:40], time[1] - time[0]
    shift = pd.Timedelta(days=1) if step > pd.Timedelta(days=1) else step / 3
    odd = seen[:20].append([seen[20:21] + shift, seen[21:]]).unique().sort_values()
    series = [seen, seen, odd, seen[:1], seen[5:9], seen.delete([7, 8])]
    index = [(i, t) for i, times in enumerate(series) for t in times]
    rows = read_rows(pd.DataFrame(index=pd.MultiIndex.from_tuples(index)))
    steps = find_steps(rows)
    assert ends_on_step(rows, steps).all()
    code, ahead = np.repeat(np.arange(6), 6), np.tile(np.arange(1, 7), 6)
    end = rows.times_at(rows.indptr[1:] - 1).take(code)
    first = np.array([40, 40, 40, 1, 9, 40])[code]
    assert (steps.add(end, ahead, code) == time[first + ahead - 1]).all()
    assert steps.find_rival(end, ahead, code) is None


@pytest.mark.parametrize("shift", [-2, -1, 1])
@pytest.mark.parametrize("freq", ["BME", "BMS", "WOM-3FRI"])
@pytest.mark.parametrize("place", [5, 29])
def test_a_place_in_the_month_that_a_holiday_moved_is_that_place(freq, place, shift):
    """The last trading day of March 2024 was the 28th, since Friday was a holiday."""
    time = pd.date_range("2021-01-01", periods=32, freq=freq)
    seen, ahead = time[:30], time[30:]
    moved = seen[place : place + 1] + pd.Timedelta(days=shift)
    seen = seen.delete(place).append(moved).sort_values()
    step = infer_time_step(seen, np.array([0, 30]))
    assert step.months == 1
    assert step.count(moved, time[[place + 1]]) == 1
    assert step.add(seen[[-1, -1]], np.array([1, 2])).equals(ahead)


@pytest.mark.parametrize("pattern", [(28, 28, 35), (28, 35, 28), (35, 28, 28)])
def test_months_of_whole_weeks_are_no_months(pattern):
    """Retail calendars of 4, 4 and 5 weeks: the next dates, or none."""
    days = np.cumsum([0, *(pattern * 30)])
    for first in pd.date_range("2022-01-02", periods=12, freq="5W"):
        time = first + pd.to_timedelta(days, unit="D")
        for n_rows in (25, 40, 80):
            got = next_times(time[:n_rows], 3)
            assert got is None or got.equals(time[n_rows : n_rows + 3])


@pytest.mark.parametrize("freq", OFFSETS, ids=str)
def test_a_given_offset_counts_and_dates_as_pandas_does(freq):
    for zone in (None, "Europe/Berlin"):
        time = pd.date_range("2023-10-05", periods=40, freq=freq, tz=zone)
        step, n = read_time_step(freq, time), np.arange(40)
        start = time[np.zeros_like(n)]
        assert (step.add(start, n) == time).all()
        np.testing.assert_array_equal(step.count(start, time), n)
        np.testing.assert_array_equal(step.count(time, start), -n)


@pytest.mark.parametrize(
    "offset",
    [
        pd.offsets.CustomBusinessDay(holidays=["2024-01-01", "2024-05-01"]),
        pd.offsets.CustomBusinessDay(weekmask="Sun Mon Tue Wed Thu"),
        pd.offsets.BusinessHour(),
        pd.offsets.CustomBusinessHour(
            start="09:30", end="16:30", holidays=["2024-01-02"]
        ),
        pd.offsets.CustomBusinessMonthEnd(holidays=["2024-05-31"]),
        pd.offsets.FY5253(weekday=5, startingMonth=1),
        pd.offsets.Easter(),
        pd.DateOffset(months=2),
        pd.DateOffset(days=3),
    ],
    ids=str,
)
def test_any_offset_of_pandas_is_a_step(offset):
    time = pd.date_range("2023-12-05 10:30", periods=30, freq=offset)
    step, n = read_time_step(offset, time), np.arange(30)
    start = time[np.zeros_like(n)]
    assert (step.add(start, n) == time).all()
    np.testing.assert_array_equal(step.count(start, time), n)
    assert np.isnan(step.count(start, time + pd.Timedelta(minutes=7))).all()


@pytest.mark.parametrize("day", [28, 29, 30, 31])
@pytest.mark.parametrize("end", ["2023-02", "2024-02", "2024-04", "2024-12"])
def test_a_day_of_the_month_survives_february(day, end):
    def rows(months):
        last = np.minimum(day, months.days_in_month)
        return months.to_timestamp() + pd.to_timedelta(last - 1, unit="D")

    months = pd.period_range(end=end, periods=9, freq="M")
    time = rows(months)
    ahead = rows(pd.period_range(months[-1] + 1, periods=14, freq="M"))
    assert infer(time).add(time[-1:].repeat(14), np.arange(1, 15)).equals(ahead)


def test_the_majority_decides_on_days_of_the_week_and_ends_of_months():
    stocks = [dates("B", periods=60)] * 20
    saturday = pd.DatetimeIndex(["2023-12-02"]).append(dates("B", "2023-12-04"))
    assert infer(*stocks, saturday) == infer(*stocks)
    ends = dates("ME", periods=30)
    odd = ends.where(np.arange(30) != 7, ends - pd.Timedelta(days=1))
    assert infer(ends, ends, odd) == infer(ends)


def test_closed_days_of_the_week_are_left_out():
    time = dates("D", periods=60)
    open_days = time[time.day_of_week < 6]
    step = infer(open_days)
    assert step.add(open_days[:-1], 1).equals(open_days[1:])


@pytest.mark.parametrize(
    "time",
    [
        pd.DatetimeIndex(["2024-01-31", "2024-02-29", "2024-04-30"]),
        pd.DatetimeIndex(["2024-01-19", "2024-02-16", "2024-03-15"]),
        dates("D", "2024-01-01", periods=5),
    ],
    ids=["month ends on weekdays", "third Fridays or four weeks", "one working week"],
)
def test_few_rows_that_two_steps_explain_have_rivals(time):
    assert next_times(time, 20) is None


@pytest.mark.parametrize(
    "time",
    [
        [202401 + month for month in range(12)],
        [202311.0, 202312.0, 202401.0, 202402.0],
        [20240101 + day for day in range(31)],
        [20231, 20232, 20233, 20234, 20241],
        [202350, 202351, 202352, 202401],
    ],
    ids=["months", "float months", "days", "quarters", "weeks"],
)
def test_dates_written_as_numbers_raise(time):
    with pytest.raises(ValueError, match="written as one number, which have no fixed"):
        infer(pd.Index(time))


def test_counters_as_large_as_dates_are_numbers():
    assert infer(pd.Index(np.arange(199_990, 200_200))).size == 1
    assert infer(pd.Index(np.arange(200_010, 203_010, 100))).size == 100
    assert infer(pd.Index(np.arange(19_721, 20_200, 10))).size == 10
    assert infer(pd.Index(np.arange(20_239_990, 20_240_200))).size == 1


def test_periods_durations_and_decimals_count():
    time = pd.timedelta_range("1h", periods=9, freq="30min")
    assert infer(time).add(time[-1:], 2)[0] == pd.Timedelta("6h")
    rounded = pd.Index(np.round(np.arange(50) * 0.1, 1))
    assert infer(rounded).size == pytest.approx(0.1)

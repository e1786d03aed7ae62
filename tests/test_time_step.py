import numpy as np
import pandas as pd
import pytest

from sklstm._time_step import infer_time_step


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

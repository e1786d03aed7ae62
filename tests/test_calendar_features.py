import calendar
import math
import pickle
import re
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklstm import (
    CalendarFeatures,
    LSTMRegressor,
    PanelForecaster,
    SlidingWindow,
)

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
TIMES = {
    "days": pd.date_range("2019-12-20", periods=900),
    "minutes": pd.date_range("2024-02-28 20:00", periods=500, freq="7min"),
    "days in seconds": pd.date_range("2024-02-01", periods=90, unit="s"),
    "hours over summer time": pd.date_range(
        "2024-10-25", periods=90, freq="h", tz="Europe/Berlin"
    ),
    "months": pd.date_range("2023-01-31", periods=40, freq="ME"),
}


def frame_of(time, names=("a", "b")):
    index = pd.MultiIndex.from_product([names, time], names=["store", "time"])
    return pd.DataFrame({"price": np.arange(len(index), dtype=float)}, index=index)


def place_of(name, t):
    """Where a time stands on a cycle, and the length of that cycle."""
    year_length = 366 if calendar.isleap(t.year) else 365
    last_week = t.replace(year=t.isocalendar()[0], month=12, day=28).isocalendar()[1]
    return {
        "minute": (t.minute + t.second / 60, 60),
        "hour": (t.hour + t.minute / 60 + t.second / 3600, 24),
        "day_of_week": (t.weekday(), 7),
        "day_of_month": (t.day - 1, calendar.monthrange(t.year, t.month)[1]),
        "day_of_year": (t.timetuple().tm_yday - 1, year_length),
        "week_of_year": (t.isocalendar()[1] - 1, last_week),
        "month": (t.month - 1, 12),
        "quarter": ((t.month - 1) // 3, 4),
    }[name]


@parametrize_with_checks(
    [CalendarFeatures(), CalendarFeatures(["month"], encoding="categorical")]
)
def test_common_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("time", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("name", LABELS)
def test_cycles_equal_a_plain_loop(name, time):
    X = frame_of(time)
    out = CalendarFeatures([name]).fit_transform(X)
    assert out.columns.tolist() == ["price", f"{name}_sin", f"{name}_cos"]
    places = [place_of(name, t) for t in time.tz_localize(None)]
    angles = [2 * math.pi * place / n for place, n in places] * 2
    for suffix, function in (("sin", np.sin), ("cos", np.cos)):
        column = out[f"{name}_{suffix}"]
        assert column.dtype == np.float32
        np.testing.assert_allclose(column, function(angles), atol=1e-6)


@pytest.mark.parametrize("time", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("name", LABELS)
def test_categories_equal_a_plain_loop_and_do_not_depend_on_the_data(name, time):
    X = frame_of(time)
    features = CalendarFeatures([name], encoding="categorical").fit(X)
    out = features.transform(X)[name]
    assert out.cat.categories.tolist() == list(LABELS[name])
    places = [int(place_of(name, t)[0]) for t in time.tz_localize(None)]
    assert out.tolist() == [LABELS[name][place] for place in places] * 2
    alone = features.fit(X.iloc[[3, 5]]).transform(X.iloc[[5]])[name]
    pd.testing.assert_series_equal(alone, out.iloc[[5]])


@pytest.mark.parametrize(
    ("freq", "features"),
    [
        ("15min", ["hour", "day_of_week", "day_of_year"]),
        ("h", ["hour", "day_of_week", "day_of_year"]),
        ("D", ["day_of_week", "day_of_year"]),
        ("2D", ["day_of_week", "day_of_year"]),
        ("B", ["day_of_week", "day_of_year"]),
        ("W", ["day_of_year"]),
        ("28D", ["day_of_year"]),
        ("MS", ["month"]),
        ("ME", ["month"]),
        ("2MS", ["month"]),
        ("QE", ["quarter"]),
        ("YS", []),
        ("YE", []),
    ],
)
def test_auto_chooses_by_the_step(freq, features):
    time = pd.date_range("2019-01-15", periods=30, freq=freq)
    fitted = CalendarFeatures().fit(frame_of(time))
    assert fitted.features_ == features
    zone = time.tz_localize("America/New_York")
    assert CalendarFeatures().fit(frame_of(zone)).features_ == features


@pytest.mark.parametrize(
    ("freq", "features"),
    [
        ("h", ["hour", "day_of_week", "day_of_year"]),
        ("D", ["day_of_week", "day_of_year"]),
        ("W", ["day_of_year"]),
        ("M", ["month"]),
        ("Q", ["quarter"]),
        ("Y", []),
    ],
)
def test_periods_count_by_their_start(freq, features):
    time = pd.period_range("2019-01-15", periods=30, freq=freq)
    X = frame_of(time)
    fitted = CalendarFeatures().fit(X)
    assert fitted.features_ == features
    out = fitted.transform(X)
    assert out.index.equals(X.index)
    start = frame_of(time.to_timestamp(how="start"))
    expected = CalendarFeatures(features).fit_transform(start)
    np.testing.assert_array_equal(out, expected)


def test_a_zone_counts_by_the_clock_on_the_wall():
    time = pd.date_range("2024-10-26 22:00", periods=6, freq="h", tz="Europe/Berlin")
    features = CalendarFeatures(["hour"], encoding="categorical")
    out = features.fit_transform(frame_of(time, ["a"]))["hour"]
    assert out.tolist() == [22, 23, 0, 1, 2, 2]


def test_holidays_are_days_of_the_wall_clock():
    time = pd.date_range("2024-12-24", periods=72, freq="h", tz="Europe/Berlin")
    X = frame_of(time)
    for holidays in (
        ["2024-12-25"],
        pd.DatetimeIndex(["2024-12-25 12:00", "2023-12-25"]),
        [pd.Timestamp("2024-12-25", tz="Europe/Berlin").date(), None],
        {pd.Timestamp("2024-12-25").to_pydatetime() + timedelta(hours=5)},
    ):
        out = CalendarFeatures([], holidays=holidays).fit_transform(X)["holiday"]
        assert out.dtype == np.float32
        on_day = X.index.get_level_values(1).tz_localize(None).normalize()
        np.testing.assert_array_equal(out, on_day == "2024-12-25")


def test_named_holidays_are_columns_of_their_own():
    X = frame_of(TIMES["days"])
    sets = {"easter": ["2020-04-12", "2021-04-04"], "strike": []}
    features = CalendarFeatures(["month"], holidays=sets).fit(X)
    out = features.transform(X)
    assert out.columns.tolist()[-2:] == ["easter", "strike"]
    days = out.index[out["easter"] == 1].get_level_values(1)
    assert days.unique().strftime("%Y-%m-%d").tolist() == sets["easter"]
    assert out["strike"].eq(0).all()


@pytest.mark.parametrize("freq", ["M", "W", "Q", "D", "h"])
def test_a_period_is_a_holiday_if_one_of_its_days_is(freq):
    time = pd.period_range("2024-01-01", periods=60, freq=freq)
    days = [pd.Timestamp("2024-01-02"), pd.Timestamp("2024-03-31")]
    out = CalendarFeatures([], holidays=days).fit_transform(frame_of(time, ["a"]))
    spans = zip(time.start_time.normalize(), time.end_time, strict=True)
    expected = [any(first <= day <= last for day in days) for first, last in spans]
    assert any(expected) and not all(expected)
    assert out["holiday"].tolist() == expected


@pytest.mark.parametrize("encoding", ["cyclic", "categorical"])
def test_feature_names_set_output_and_pickle(encoding):
    X = frame_of(TIMES["days"]).assign(kind="x")
    X.columns.name = "column"
    original = X.copy()
    features = CalendarFeatures(encoding=encoding, holidays={"h": ["2020-01-01"]})
    expected = features.fit(X).transform(X)
    pd.testing.assert_frame_equal(X, original)
    pd.testing.assert_frame_equal(expected[X.columns], X)
    assert expected.columns.name == "column"
    assert features.get_feature_names_out().tolist() == expected.columns.tolist()
    copy = pickle.loads(pickle.dumps(features)).set_output(transform="pandas")
    pd.testing.assert_frame_equal(copy.transform(X), expected, check_names=False)


def test_frame_without_columns_gets_the_calendar():
    X = frame_of(TIMES["days"])
    out = CalendarFeatures().fit_transform(X[[]])
    expected = CalendarFeatures().fit_transform(X).drop(columns="price")
    pd.testing.assert_frame_equal(out, expected)


def test_without_an_index_there_are_no_times():
    X = np.arange(6.0).reshape(3, 2)
    features = CalendarFeatures(["month"], holidays=["2024-01-01"])
    np.testing.assert_array_equal(features.fit_transform(X), X)
    assert features.get_feature_names_out().tolist() == ["x0", "x1"]
    assert features.features_ == [] and features.holidays_ == {}
    frame = pd.DataFrame(X, columns=["a", "b"])
    pd.testing.assert_frame_equal(features.fit_transform(frame), frame)


@pytest.mark.parametrize("encoding", ["cyclic", "categorical"])
def test_a_forecaster_knows_the_calendar_of_the_future(panel, encoding):
    pipeline = make_pipeline(
        CalendarFeatures(encoding=encoding, holidays=["2024-01-06"]),
        SlidingWindow(7),
        LSTMRegressor(max_epochs=1, random_state=0),
    )
    X, y = panel[[]], panel["sales"]
    forecaster = PanelForecaster(pipeline, horizon=3).fit(X, y)
    assert np.isfinite(forecaster.forecast()).all(axis=None)


@pytest.mark.parametrize("features", [["weekday"], ["month", "month"], ("hour", 3)])
def test_wrong_features_raise(features):
    message = (
        "features must be 'auto' or a list of different names out of ['minute', "
        "'hour', 'day_of_week', 'day_of_month', 'day_of_year', 'week_of_year', "
        f"'month', 'quarter'], got {features!r}."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        CalendarFeatures(features).fit(frame_of(TIMES["days"]))


@pytest.mark.parametrize(
    ("holidays", "got"),
    [
        (["no date"], "['no date'] for 'holiday'."),
        ({"2024-01-01": "New Year"}, "'New Year' for '2024-01-01'."),
        ({"easter": 5}, "5 for 'easter'."),
        # In one country the first of February, in another the second of January.
        (["01/02/2024"], "['01/02/2024'] for 'holiday'."),
        ([20241225], "[20241225] for 'holiday'."),
    ],
)
def test_wrong_holidays_raise(holidays, got):
    message = (
        "holidays must be a list of dates, or a dict of name to list of dates; got "
        f"{got}"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        CalendarFeatures(holidays=holidays).fit(frame_of(TIMES["days"]))


@pytest.mark.parametrize("features", ["auto", ["month"]])
def test_times_without_a_calendar_raise(features):
    message = (
        "The times of X (last index level, 'time') have dtype int64, which has no "
        "calendar. Convert them to dates (pd.to_datetime) or periods "
        "(pd.PeriodIndex), or leave CalendarFeatures out."
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        CalendarFeatures(features).fit(frame_of(range(5)))
    fitted = CalendarFeatures(features).fit(frame_of(TIMES["days"]))
    with pytest.raises(TypeError, match=re.escape(message)):
        fitted.transform(frame_of(range(5)))


def test_auto_without_a_step_raises():
    message = (
        "features='auto' chooses by the time step, and no series has two rows. Give a "
        "list of ['minute', 'hour',"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        CalendarFeatures().fit(frame_of(TIMES["days"][:1]))


def test_names_that_are_taken_raise():
    X = frame_of(TIMES["days"]).assign(month_sin=1.0, holiday=0.0)
    message = (
        "The output would have several columns named 'month_sin', 'holiday'. Rename "
        "or drop that column of X."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        CalendarFeatures(["month"], holidays=["2020-01-01"]).fit(X)
    with pytest.raises(ValueError, match=re.escape("several columns named 'month'")):
        CalendarFeatures(["month"], encoding="categorical", holidays={"month": []}).fit(
            X
        )


def test_lost_index_raises():
    X = frame_of(TIMES["days"])
    lost = 'call set_output(transform="pandas") on it or on the whole pipeline.'
    calls = [
        lambda: CalendarFeatures().fit(X).transform(X.reset_index(drop=True)),
        lambda: CalendarFeatures().fit(X).transform(X.to_numpy()),
        lambda: CalendarFeatures().fit(X.to_numpy(), X["price"]),
        lambda: make_pipeline(StandardScaler(), CalendarFeatures()).fit(X, X["price"]),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=re.escape(lost)):
            call()
    message = "but the rows seen in fit had no such index and made one series."
    with pytest.raises(TypeError, match=re.escape(message)):
        CalendarFeatures().fit(X.reset_index(drop=True)).transform(X)


def test_rows_keep_their_times_where_another_series_skips_a_step():
    days = pd.date_range("2024-01-01", "2024-04-26")  # a Friday
    shut = days[days.day_of_week < 5]
    index = pd.MultiIndex.from_tuples(
        [("daily", day) for day in days] + [("office", day) for day in shut]
    )
    X = pd.DataFrame(index=index)
    y = X.index.get_level_values(1).day_of_week.to_numpy(dtype=float)
    pipeline = make_pipeline(
        CalendarFeatures(["day_of_week"]),
        SlidingWindow(7, known_covariates=make_column_selector("day_of_week")),
        LSTMRegressor(hidden_size=4, max_epochs=2, random_state=0),
    )
    forecaster = PanelForecaster(pipeline, horizon=3).fit(X, y)
    office = [("office", day) for day in pd.bdate_range("2024-04-29", periods=3)]
    skipped = [("daily", pd.Timestamp("2024-04-29")), *office]
    frames = [
        pd.DataFrame(index=pd.MultiIndex.from_tuples(rows))
        for rows in (office, skipped)
    ]
    alone, beside = map(forecaster.predict, frames)
    np.testing.assert_array_equal(beside[1:], alone)


def in_berlin_and_in_utc(n_rows):
    """The same rows under times of two zones, over the end of summer time."""
    time = pd.date_range("2024-10-25", periods=n_rows, freq="h", tz="Europe/Berlin")
    X = frame_of(time, ["a"])
    return X, X.tz_convert("UTC", level=-1)


@pytest.mark.parametrize("encoding", ["cyclic", "categorical"])
def test_the_clock_is_that_of_the_zone_of_fit(encoding):
    berlin, utc = in_berlin_and_in_utc(100)
    features = CalendarFeatures(encoding=encoding).fit(berlin)
    out = features.transform(utc)
    pd.testing.assert_index_equal(out.index, utc.index)
    np.testing.assert_array_equal(out.to_numpy(), features.transform(berlin).to_numpy())


def test_times_of_another_kind_than_in_fit_are_refused():
    time = pd.date_range("2024-10-25", periods=9, freq="h")
    frames = [
        frame_of(kind)
        for kind in (time, time.tz_localize("Europe/Berlin"), time.to_period("h"))
    ]
    for seen in frames:
        features = CalendarFeatures(["hour"]).fit(seen)
        for given in frames:
            if given is seen:
                features.transform(given)
                continue
            with pytest.raises(TypeError, match="they cannot be compared"):
                features.transform(given)


@pytest.mark.parametrize("steps", [slice(0, 4), slice(2, 4)])
def test_a_forecaster_takes_later_rows_in_another_zone(steps):
    berlin, utc = in_berlin_and_in_utc(110)
    y = np.arange(110.0)
    pipeline = make_pipeline(
        CalendarFeatures(encoding="categorical"),
        SlidingWindow(24),
        LSTMRegressor(hidden_size=4, max_epochs=1, random_state=0),
    )
    expected, forecaster = (
        PanelForecaster(pipeline, horizon=4).fit(berlin[:100], y[:100])
        for _ in range(2)
    )
    np.testing.assert_array_equal(
        forecaster.predict(utc[100:104][steps]),
        expected.predict(berlin[100:104][steps]),
    )
    expected.update(berlin[100:106], y[100:106])
    forecaster.update(utc[100:106], y[100:106])
    pd.testing.assert_series_equal(forecaster.history_, expected.history_)
    np.testing.assert_array_equal(
        forecaster.predict(utc[106:]), expected.predict(berlin[106:])
    )

"""Which series count by time, which by rows, and which must be asked about."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from sklstm import (
    LSTMForecaster,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SlidingWindow,
    backtest,
    describe_panel,
    regularize,
)
from sklstm._panels.series_steps import find_steps

HOURS = pd.date_range("2024-01-01", periods=24 * 90, freq="h")
WORKDAYS = pd.bdate_range("2024-01-02", periods=24)


def sessions(days, start, n_rows, step):
    offset = pd.timedelta_range(start, periods=n_rows, freq=step).to_numpy()
    return pd.DatetimeIndex((days.to_numpy()[:, None] + offset).ravel())


SESSIONS = {
    "bars of 5 minutes": sessions(WORKDAYS, "9h30min", 79, "5min"),
    "opening hours": sessions(WORKDAYS, "9h", 8, "1h"),
    "one shift": sessions(pd.date_range("2024-01-01", periods=20), "6h", 8, "1h"),
    "two shifts": sessions(pd.date_range("2024-01-01", periods=20), "6h", 16, "1h"),
    "night shift": HOURS[(HOURS.hour >= 22) | (HOURS.hour < 6)],
    "an hour of rest": HOURS[HOURS.hour != 3],
    "days of the week": HOURS[HOURS.day_of_week < 5],
    "periods": pd.PeriodIndex(sessions(WORKDAYS, "9h", 8, "1h"), freq="h"),
    "periods of 5 minutes": pd.PeriodIndex(
        sessions(WORKDAYS, "9h30min", 79, "5min"), freq="5min"
    ),
    "a zone": sessions(WORKDAYS, "9h30min", 79, "5min").tz_localize("America/New_York"),
    "durations": pd.to_timedelta(
        (24 * np.arange(20)[:, None] + np.arange(8)).ravel(), unit="h"
    ),
}


def counted(times, ids=("a", "b")):
    """A panel whose y numbers the rows: the right forecast of each row is known."""
    parts = {name: pd.Series(np.arange(float(len(times))), times) for name in ids}
    return pd.concat(parts, names=["series", "time"])


def panel(**times):
    parts = [counted(time, [name]) for name, time in times.items()]
    return pd.concat(parts).rename_axis(["series", "time"])


def line(horizon=5, **params):
    steps = make_pipeline(SlidingWindow(3, flat=True), LinearRegression())
    return PanelForecaster(steps, horizon, **params)


def fit(y, **params):
    return line(**params).fit(y.to_frame()[[]], y)


def at(*rows):
    index = pd.MultiIndex.from_tuples(rows, names=["series", "time"])
    return pd.DataFrame(index=index)


def split_last_session(y):
    """The rows after the last gap of each series apart."""
    time = y.index.get_level_values("time")
    step = time[1] - time[0]
    gaps = [i for i in range(1, len(y) // 2) if time[i] - time[i - 1] != step]
    late = y.groupby("series").cumcount().to_numpy() >= gaps[-1]
    return y[~late], y[late].groupby("series").head(3)


@pytest.mark.parametrize("kind", SESSIONS)
class TestSessions:
    @pytest.mark.parametrize("history", ["all", "context"])
    def test_the_next_row_is_the_next_step(self, kind, history):
        train, test = split_last_session(counted(SESSIONS[kind]))
        got = fit(train, history=history).predict(test.to_frame()[[]])
        np.testing.assert_allclose(got, test, atol=0.01)

    def test_backtest_and_update_count_alike(self, kind):
        y = counted(SESSIONS[kind])
        train, test = split_last_session(y)
        both = pd.concat([train, test]).sort_index()
        known = both.index.isin(train.index)
        fold = [(np.flatnonzero(known), np.flatnonzero(~known))]
        for refit in (True, False):
            out = backtest(line(), both.to_frame()[[]], both, cv=fold, refit=refit)
            assert out["step"].tolist() == [*(test.groupby("series").cumcount() + 1)]
            np.testing.assert_allclose(out["y_pred"], out["y_true"], atol=0.01)
        first = train.groupby("series").head(len(train) // 2 - 5)
        model = fit(first, history="context")
        second = train.drop(first.index)
        model.update(second.to_frame()[[]], second)
        np.testing.assert_allclose(model.predict(test.to_frame()[[]]), test, atol=0.01)

    def test_the_next_times_are_refused_and_the_remedy_named(self, kind):
        train, _ = split_last_session(counted(SESSIONS[kind]))
        message = "The next times of 2 series cannot be inferred: 'a', 'b'."
        with pytest.raises(ValueError, match=re.escape(message)) as caught:
            fit(train).forecast()
        assert "Pass their step to the forecaster as freq" in str(caught.value)


def test_filling_counts_the_closed_hours_too():
    y = counted(SESSIONS["opening hours"])
    train, test = split_last_session(y)
    both = pd.concat([train, test]).sort_index()
    known = both.index.isin(train.index)
    forest = make_pipeline(
        SlidingWindow(3, flat=True), HistGradientBoostingRegressor(max_iter=2)
    )
    out = backtest(
        PanelForecaster(forest, gaps="fill"),
        both.to_frame()[[]],
        both,
        cv=[(np.flatnonzero(known), np.flatnonzero(~known))],
    )
    assert (out["step"] == (out["time"] - out["cutoff"]) / pd.Timedelta("1h")).all()


def test_steps_that_do_not_divide_the_day_have_no_closed_hours():
    times = pd.date_range("2024-01-01", periods=60, freq="23h").delete([20, 40])
    assert fit(counted(times)).forecast(1).index[0][1] == times[-1] + (
        times[1] - times[0]
    )


def test_a_young_series_counts_as_the_others_do():
    times = SESSIONS["bars of 5 minutes"]
    y = panel(a=times, b=times, young=times[:158])
    for history in ("all", "context"):
        model = fit(y, history=history)
        assert model.predict(at(("young", times[158])))[0] == pytest.approx(
            158, abs=0.1
        )
        new = panel(new=times[:158])
        model.update(new.to_frame()[[]], new)
        assert model.predict(at(("new", times[158])))[0] == pytest.approx(158, abs=0.1)


WEEK = HOURS[(HOURS.day_of_week < 5) | (HOURS.day_of_week == 6) & (HOURS.hour >= 22)]


@pytest.mark.parametrize("history", ["all", "context"])
@pytest.mark.parametrize(
    ("times", "opening", "closing"),
    [
        (SESSIONS["bars of 5 minutes"], 79 * 20, 79 * 21 - 1),
        (SESSIONS["periods of 5 minutes"], 79 * 20, 79 * 21 - 1),
        (SESSIONS["a zone"], 79 * 20, 79 * 21 - 1),
        (SESSIONS["durations"], 8 * 16, 8 * 17 - 1),
        (WEEK, *(WEEK.get_indexer(["2024-03-17 22:00", "2024-03-22 23:00"]))),
    ],
    ids=["bars", "periods", "a zone", "durations", "a week"],
)
class TestRowsThatAreLeftOutOfASession:
    """Whoever asks for later rows only gets the forecasts of these."""

    def test_within_open_hours_time_counts(self, times, opening, closing, history):
        y, end = counted(times), opening + 3
        model = fit(y[y < end], history=history)
        np.testing.assert_allclose(
            model.predict(at(*[("a", times[end + k]) for k in (2, 3)])),
            [end + 2, end + 3],
            atol=0.01,
        )
        more = y[(y >= end) & (y < closing)]
        model.update(more.to_frame()[[]], more)
        later = [closing, closing + 1, closing + 3]
        got = model.predict(at(*[("a", times[k]) for k in later]))
        np.testing.assert_allclose(got, later, atol=0.01)

    def test_beyond_closed_hours_it_is_not_clear(
        self, times, opening, closing, history
    ):
        y = counted(times)
        model = fit(y[y < closing - 1], history=history)
        message = "ambiguous for 1 series: 'a'"
        with pytest.raises(ValueError, match=message) as caught:
            model.predict(at(("a", times[closing + 1])))
        assert "Give X all rows from the end of each series on" in str(caught.value)
        asked = np.arange(closing - 1, closing + 3)
        got = model.predict(at(*[("a", times[k]) for k in asked]))
        np.testing.assert_allclose(got, asked, atol=0.01)
        with pytest.raises(ValueError, match=message):
            model.predict(at(("a", times[closing - 1]), ("a", times[closing + 1])))


def test_the_hours_of_very_short_steps_are_not_learned():
    """A week has 600 million milliseconds; rows count one by one, as in training."""
    times = sessions(WORKDAYS[:8], "9h", 100, "1ms")
    train, test = split_last_session(counted(times))
    got = fit(train).predict(test.to_frame()[[]])
    np.testing.assert_allclose(got, test, atol=0.01)


@pytest.mark.parametrize("gap", [0, 6, 11])
def test_a_gap_of_a_cross_validation_in_sessions_is_bridged(gap):
    y = counted(SESSIONS["bars of 5 minutes"])
    cv = PanelTimeSeriesSplit(3, horizon=6, gap=gap)
    scores = cross_val_score(
        line(), y.to_frame()[[]], y, cv=cv, scoring="neg_max_error", error_score="raise"
    )
    np.testing.assert_allclose(scores, 0, atol=0.01)
    result = backtest(line(), y.to_frame()[[]], y, cv=cv)
    assert result["step"].min() == gap + 1
    np.testing.assert_allclose(result["y_pred"], result["y_true"], atol=0.01)


@pytest.mark.parametrize(
    "times",
    [
        SESSIONS["bars of 5 minutes"][:79],
        SESSIONS["bars of 5 minutes"][: 2 * 79],
        HOURS[: 24 * 12][HOURS[: 24 * 12].day_of_week < 5],
        HOURS[np.r_[0:100, 400:500, 800:900, 1200:1300]],
        pd.Index((86_400 * np.arange(20)[:, None] + 300 * np.arange(79)).ravel()),
    ],
    ids=["a day", "two days", "two weeks", "campaigns", "numbers"],
)
def test_where_nobody_can_tell_only_rows_that_touch_the_end_are_forecast(times):
    model = fit(counted(times))
    step = times[1] - times[0]
    touching = at(("a", times[-1] + step), ("a", times[-1] + 2 * step))
    expected = len(times) + np.arange(2)
    np.testing.assert_allclose(model.predict(touching), expected, atol=0.01)
    far = 200 * step
    with pytest.raises(ValueError, match="is ambiguous for 1 series: 'a'"):
        model.predict(at(("a", times[-1] + far)))
    by_rows = fit(counted(times), freq=None).predict(at(("a", times[-1] + far)))
    assert by_rows[0] == pytest.approx(len(times), abs=0.1)
    by_time = fit(counted(times), freq=step)
    assert by_time.predict(at(("a", times[-1] + 4 * step)))[0] == pytest.approx(
        len(times) + 3, abs=0.1
    )


@pytest.mark.parametrize(
    "times",
    [
        HOURS[HOURS.month != 2],
        HOURS[np.random.default_rng(0).random(len(HOURS)) < 0.93],
        pd.date_range("2024-01-01", periods=60).delete(range(20, 50)),
        pd.Index([*range(50), *range(400, 450)]),
    ],
    ids=["a month off", "rows missing at random", "half of the days", "numbers"],
)
def test_outages_leave_steps_what_they_are(times):
    step = times[1] - times[0]
    model, end = fit(counted(times)), times[-1]
    assert model.forecast(2).index.get_level_values(1)[1] == end + 2 * step
    whole = model.forecast(5).loc["a"]
    got = model.predict(at(("a", end + 4 * step)))[0]
    assert got == pytest.approx(whole.iloc[3], rel=1e-6)


def test_one_machine_that_was_off_counts_as_the_others():
    y = panel(on=HOURS, off=HOURS[HOURS.month != 2])
    got = fit(y).predict(at(("off", HOURS[-1] + pd.Timedelta(hours=4))))
    assert got[0] == pytest.approx(24 * 90 - 24 * 29 + 3, abs=0.1)


class TestMajority:
    def test_one_odd_row_decides_nothing(self):
        stocks = {f"s{i}": pd.bdate_range("2024-01-01", periods=60) for i in range(20)}
        odd = pd.DatetimeIndex(["2024-01-20"]).append(stocks["s0"][15:])
        got = fit(panel(**stocks, etf=odd)).forecast(3)
        for name in ("s1", "etf"):
            assert (
                got.loc[name].index == pd.bdate_range("2024-03-25", periods=3)
            ).all()

    def test_an_odd_end_is_named(self):
        ends = pd.date_range("2021-01-31", periods=30, freq="ME")
        early = ends[:-1].append(ends[-1:] - pd.Timedelta(days=1))
        with pytest.raises(ValueError, match="next times of 1 series .*'odd'"):
            fit(panel(a=ends, b=ends, odd=early)).forecast()

    def test_series_of_other_steps_have_their_own(self):
        times = {
            "day": pd.date_range("2024-01-01", periods=100),
            "week": pd.date_range("2024-01-07", periods=30, freq="W"),
            "month": pd.date_range("2020-01-31", periods=40, freq="ME"),
            "work": pd.bdate_range("2024-01-01", periods=40),
        }
        model = fit(panel(**{name: time[:-4] for name, time in times.items()}))
        got = model.forecast(4)
        for name, time in times.items():
            assert (got.loc[name].index == time[-4:]).all()
            third = model.predict(at((name, time[-2])))
            assert third[0] == pytest.approx(len(time) - 2, abs=0.1)

    def test_two_rows_prove_no_step(self):
        days = pd.date_range("2024-01-01", periods=100)
        with pytest.raises(ValueError, match="next times of 1 series .*'z'"):
            fit(panel(a=days, z=days[[0, 3]])).forecast()
        got = fit(panel(a=days, one=days[[0]])).forecast(1)
        assert got.loc["one"].index[0] == days[1]

    def test_steps_that_fit_alike_are_refused(self):
        week = pd.date_range("2024-01-01", periods=5)
        with pytest.raises(ValueError, match="and of 1 weekday.s. fit the rows equal"):
            fit(counted(week), horizon=2).forecast()
        got = fit(counted(week), horizon=2, freq="D").forecast()
        assert got.loc["a"].index.tolist() == [*pd.date_range("2024-01-06", periods=2)]

    def test_filling_names_series_of_another_step(self):
        y = panel(
            a=pd.date_range("2024-01-01", periods=100),
            w=pd.date_range("2024-01-01", periods=20, freq="W"),
        )
        message = "1 series have another time step (7 days 00:00:00)"
        for call in (lambda: regularize(y), lambda: fit(y, gaps="fill")):
            with pytest.raises(ValueError, match=re.escape(message)):
                call()
        assert regularize(y, "D").loc["w"].isna().mean() > 0.8


class TestFreq:
    def test_holidays_are_skipped(self):
        freq = pd.offsets.CustomBusinessDay(holidays=["2024-03-25", "2024-02-01"])
        days = pd.date_range("2024-01-01", "2024-03-22", freq=freq)
        model = fit(counted(days), freq=freq)
        assert model.forecast(1).index[0] == ("a", pd.Timestamp("2024-03-26"))
        got = model.predict(at(("a", pd.Timestamp("2024-03-27"))))
        assert got[0] == pytest.approx(len(days) + 1, abs=0.01)
        report = describe_panel(counted(days.delete(20)), freq=freq)
        assert report["n_missing_steps"].tolist() == [1, 1]
        assert len(regularize(counted(days.delete(20)), freq)) == 2 * len(days)

    def test_hours_of_business_date_sessions(self):
        freq = pd.offsets.CustomBusinessHour(start="09:00", end="17:00")
        times = SESSIONS["opening hours"]
        model = fit(counted(times[:-8]), freq=freq)
        assert (model.forecast(8).loc["a"].index == times[-8:]).all()
        got = model.predict(at(("a", times[-5])))
        assert got[0] == pytest.approx(len(times) - 5, abs=0.01)

    def test_a_step_settles_what_few_rows_keep(self):
        kept = np.random.default_rng(0).random(100) > 0.3
        days = pd.date_range("2024-01-01", periods=100)[kept]
        with pytest.raises(ValueError, match="next times of 2 series"):
            fit(counted(days)).forecast()
        model = fit(counted(days), freq="D")
        ahead = days[-1:] + pd.Timedelta(days=3)
        assert model.forecast(3).loc["a"].index[-1] == ahead[0]
        got = model.predict(at(("a", ahead[0])))[0]
        assert got == pytest.approx(model.forecast(3).iloc[2], rel=1e-6)
        y, cv = counted(days), PanelTimeSeriesSplit(1, horizon=2, gap=3)
        steps = backtest(line(freq="D"), y.to_frame()[[]], y, cv=cv)["step"]
        cutoff, end = days[-6], days[-2:]
        assert steps.tolist() == [*((end - cutoff).days)] * 2

    def test_none_counts_rows(self):
        days = pd.date_range("2024-01-01", periods=50)
        model = fit(counted(days), freq=None)
        got = model.predict(at(("a", pd.Timestamp("2024-05-01"))))
        assert got[0] == pytest.approx(50, abs=0.01)
        with pytest.raises(ValueError, match="time step of 'time' cannot be found"):
            model.forecast()
        assert describe_panel(counted(days), freq=None)["n_missing_steps"].isna().all()

    def test_numbers_take_numbers(self):
        y = counted(pd.Index([202401 + month for month in range(12)]))
        with pytest.raises(ValueError, match="written as one number"):
            fit(y)
        got = fit(y, freq=1).forecast(1)
        assert got.index[0] == ("a", 202413)

    @pytest.mark.parametrize("freq", ["XYZ", 1, 2.5, True, object(), [], "-1D"])
    def test_nonsense_raises_in_fit(self, freq):
        message = f"freq={freq!r} is no step of times of dtype datetime64"
        with pytest.raises(ValueError, match=re.escape(message)):
            fit(counted(pd.date_range("2024-01-01", periods=20)), freq=freq)

    def test_a_step_beside_the_rows_raises_in_fit(self):
        y = counted(pd.date_range("2024-01-01", periods=20))
        with pytest.raises(ValueError, match="freq='ME' is not the step of 2 series"):
            fit(y, freq="ME")

    def test_the_recipe_hands_it_on(self):
        assert LSTMForecaster(3, freq="B").freq == "B"
        assert LSTMForecaster(3).freq == "infer"


@pytest.mark.parametrize("freq", ["W-FRI", "ME"])
def test_a_last_row_beside_a_given_step_is_named(freq):
    time = pd.date_range("2022-01-01", periods=30, freq=freq)
    moved = time[:-1].append(time[-1:] - pd.Timedelta(days=1))
    model = fit(panel(a=time, b=moved), freq=freq)
    message = (
        f"not known: 'b'. Their last rows do not lie on the times of freq={freq!r}"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        model.forecast()
    after = time[-1] + (time[-1] - time[-2])
    with pytest.raises(ValueError, match="or give the forecaster freq=None"):
        model.predict(at(("b", after)))
    model = fit(panel(a=time, b=moved), freq=None)
    assert model.predict(at(("b", after)))[0] == pytest.approx(30, abs=0.01)


def test_a_last_row_that_the_clock_moved_is_not_dated_from():
    """Midnight does not exist on 26 April 2024 in Cairo; the next day it does."""
    days = pd.date_range("2024-03-20", periods=60).tz_localize(
        "Africa/Cairo", nonexistent="shift_forward"
    )
    moved = int(np.flatnonzero(days.hour == 1)[0])
    for end in (moved, moved + 2, moved + 10):
        got = fit(counted(days[:end])).forecast()
        assert (got.loc["a"].index == days[end : end + 5]).all()
    with pytest.raises(ValueError, match="next times of 2 series"):
        fit(counted(days[: moved + 1])).forecast()


STEPS_OF_ROWS = {
    "hours": pd.date_range("2024-01-01", periods=120, freq="h"),
    "a zone": pd.date_range("2024-03-29", periods=120, freq="h", tz="Europe/Paris"),
    "days": pd.date_range("2024-01-01", periods=120),
    "ends of months": pd.date_range("2020-01-31", periods=60, freq="ME"),
    "starts of months": pd.date_range("2020-01-01", periods=60, freq="MS"),
    "workdays": pd.bdate_range("2024-01-01", periods=60),
    "months as periods": pd.period_range("2020-01", periods=60, freq="M"),
    "numbers": pd.RangeIndex(0, 600, 5),
    "a gap": pd.date_range("2024-01-01", periods=120, freq="h").delete(100),
    "another step": pd.date_range("2024-01-01", periods=100, freq="h").append(
        pd.date_range("2024-01-05 06:00", periods=20, freq="2h")
    ),
}


def same_steps(one, other):
    return (
        one.steps == other.steps
        and np.array_equal(one.which, other.which)
        and np.array_equal(one.counting, other.counting)
        and [s.rivals for s in one.steps] == [s.rivals for s in other.steps]
    )


def trained(y, history="all"):
    steps = make_pipeline(SlidingWindow(4, flat=True), LinearRegression())
    return PanelForecaster(steps, 2, history=history).fit(None, y)


@pytest.mark.parametrize("joins", [False, True])
@pytest.mark.parametrize("name", STEPS_OF_ROWS)
def test_steps_that_go_on_are_those_of_all_rows(name, joins):
    y = counted(STEPS_OF_ROWS[name], ["a", "b", "c"])
    row = y.groupby(level=0).cumcount()
    only = y.index.get_level_values(0) == "c"
    model = trained(y[(row < 40) & ~(joins & only)])
    for first in range(40, len(STEPS_OF_ROWS[name]), 7):
        assert model._history.steps is not None  # as a forecast looks for them
        rows = (row >= first) & (row < first + 7) | joins & only & (row < first)
        held = y.index.isin(model.history_.index)
        model.update(None, y[rows & ~held])
        steps = find_steps(model._history.rows)
        assert same_steps(model._history.steps, steps)


def test_steps_are_not_looked_for_anew_where_rows_go_on(monkeypatch):
    y = counted(STEPS_OF_ROWS["hours"])
    row = y.groupby(level=0).cumcount()
    model, calls = trained(y[row < 100]), []
    model.forecast()
    monkeypatch.setattr(
        "sklstm.forecasting._history.find_steps",
        lambda *args: calls.append(args) or find_steps(*args),
    )
    for hour in range(100, 110):
        model.update(None, y[row == hour])
        model.forecast()
    assert len(calls) == 0
    model.update(None, y[row == 112])
    assert model._history.steps is not None
    assert len(calls) == 1


JOINING = {
    "workdays among days": (("2020-01-01", 50, "D"), ("2020-02-26", 32, "B")),
    "days among workdays": (("2020-01-01", 50, "B"), ("2020-02-26", 32, "D")),
    "hours among days": (("2020-01-01", 50, "D"), ("2020-02-26", 60, "h")),
    "weeks among days": (("2020-01-01", 50, "D"), ("2020-02-26", 12, "W")),
    "ends of months": (("2018-01-31", 30, "ME"), ("2020-02-29", 20, "ME")),
}


@pytest.mark.parametrize("name", JOINING)
def test_a_joining_series_counts_as_all_its_rows_say(name):
    old, new = (
        counted(pd.date_range(start, periods=n, freq=freq), [series])
        for series, (start, n, freq) in zip("an", JOINING[name], strict=True)
    )
    whole = trained(old).update(None, new)
    expected = whole.forecast()
    for history in ("all", "context"):
        model = trained(old, history)
        for i in range(len(new)):
            model.update(None, new.iloc[[i]])
        pd.testing.assert_series_equal(model.forecast(), expected)


def drawn_rows(rng, name, freq, n_rows):
    """A series from a day in January on, every third time without two of its rows."""
    start = pd.Timestamp("2020-01-01") + pd.Timedelta(days=int(rng.integers(30)))
    times = pd.date_range(start, periods=n_rows, freq=freq)
    if rng.random() < 0.3 and n_rows > 6:
        times = times.delete(rng.choice(np.arange(1, n_rows - 1), 2, replace=False))
    return counted(times, [name])


def outcome(model):
    """The forecasts, or what is wrong with them."""
    try:
        return model.forecast()
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("seed", range(12))
def test_rows_that_are_dropped_change_no_forecast(seed):
    rng = np.random.default_rng(seed)
    freq, n_each = rng.choice(["D", "B", "h", "ME"]), rng.choice([1, 3, 7])
    old = [drawn_rows(rng, name, freq, int(rng.integers(25, 60))) for name in "ab"]
    later = [
        drawn_rows(rng, name, rng.choice([freq, "D", "B", "h", "W"]), n_rows)
        for name, n_rows in zip("cd", rng.integers(2, 50, 2), strict=True)
    ]
    for rows in old:
        name, end = rows.index[-1]
        times = pd.date_range(end, periods=int(rng.integers(3, 30)), freq=freq)
        later.append(counted(times[times > end], [name]))
    later = pd.concat(later)
    outcomes = []
    for history in ("all", "context"):
        model = trained(pd.concat(old), history)
        place = later.groupby(level=0).cumcount()
        for first in range(0, place.max() + 1, n_each):
            model.update(None, later[(place >= first) & (place < first + n_each)])
        outcomes.append(outcome(model))
    full, short = outcomes
    if isinstance(full, str):
        assert short == full
    else:
        pd.testing.assert_series_equal(short, full)


def test_the_step_of_most_rows_stays_where_young_series_alone_keep_it():
    days = [counted(pd.date_range("2024-01-01", periods=16), [s]) for s in "bcdefghij"]
    weeks = counted(pd.date_range("2022-01-03", periods=100, freq="W-MON"), ["w"])
    models = []
    for history in ("all", "context"):
        steps = make_pipeline(SlidingWindow(15, flat=True), LinearRegression())
        model = PanelForecaster(steps, 2, history=history)
        model.fit(None, pd.concat([*days, weeks]))
        model.update(None, counted(pd.date_range("2024-01-16", periods=1), ["n"]))
        models.append(model)
    full, short = (model.forecast() for model in models)
    pd.testing.assert_series_equal(short, full)
    expected = list(pd.date_range("2024-01-17", periods=2))
    assert list(short["n"].index) == expected


DAYS = pd.date_range("2024-01-01", periods=150)
FOUR_HOURS = pd.date_range("2024-01-01", periods=400, freq="4h")
KINDS = {
    "every day": DAYS[:60],
    "closed on Sundays": DAYS[DAYS.day_of_week < 6][:60],
    "closed on weekends": DAYS[DAYS.day_of_week < 5][:60],
    "four hours": FOUR_HOURS[:70],
    "open hours": FOUR_HOURS[FOUR_HOURS.hour > 4][:70],
    "numbers": pd.Index(np.arange(60) * 5),
}


def with_lost_rows(rng, times):
    """Without single rows, without a few longer stretches, or as they are."""
    n_rows = len(times)
    singles = rng.integers(1, rng.integers(8, n_rows), rng.integers(1, 7))
    length, n_stretches = rng.integers(2, 15), rng.integers(1, 4)
    starts = rng.integers(1, n_rows - length, n_stretches)
    stretches = (starts[:, None] + np.arange(length)).ravel()
    lost = [singles, stretches, np.zeros(0, dtype=int)][rng.integers(3)]
    return times.delete(np.unique(lost))


@pytest.mark.parametrize("n_fitted", [10, 25])
@pytest.mark.parametrize("kind", KINDS)
def test_short_histories_forecast_and_refuse_as_whole_ones_do(kind, n_fitted):
    rng = np.random.default_rng([len(kind), n_fitted])
    y = panel(**{name: with_lost_rows(rng, KINDS[kind]) for name in "abc"})
    row = y.groupby(level=0).cumcount()
    full, short = (trained(y[row < n_fitted], h) for h in ("all", "context"))
    for i in range(n_fitted, row.max() + 1):
        for model in (full, short):
            model.update(None, y[row == i])
        if i % 6 == 0:
            expected, got = outcome(full), outcome(short)
            assert type(got) is type(expected)
            if not isinstance(expected, str):
                pd.testing.assert_series_equal(got, expected)


def test_a_shop_closed_on_sundays_gets_no_forecasts_for_them():
    y = counted(KINDS["closed on Sundays"], ["shop"])
    model = trained(y.iloc[:12], "context")
    for i in range(12, 60):
        model.update(None, y.iloc[[i]])
    assert len(model.history_) < 30
    expected = pd.date_range(y.index[-1][1], periods=4)[1:]
    expected = expected[expected.day_of_week < 6][:2]
    assert list(model.forecast()["shop"].index) == list(expected)


def test_a_settled_series_is_refused_while_its_rows_are_unclear():
    times = DAYS.delete([*range(31, 36), *range(37, 42), *range(43, 48)])[:100]
    y = counted(times, ["a"])
    models = [trained(y.iloc[:30], history) for history in ("all", "context")]
    refused = []
    for first in range(30, len(y), 2):
        for model in models:
            model.update(None, y.iloc[first : first + 2])
        full, short = map(outcome, models)
        assert type(full) is type(short)
        refused.append(isinstance(full, str))
    assert set(refused) == {False, True} and not refused[-1]


def test_rows_that_show_no_step_stay_bounded(monkeypatch):
    monkeypatch.setattr("sklstm.forecasting._history.MOST_ROWS", 50)
    times = DAYS[0] + pd.to_timedelta(np.arange(90) ** 2, unit="h")
    y = counted(times)
    row = y.groupby(level=0).cumcount()
    full, short = (trained(y[row < 30], history) for history in ("all", "context"))
    sizes = []
    for i in range(30, 90):
        for model in (full, short):
            model.update(None, y[row == i])
        sizes.append(len(short.history_))
    assert max(sizes) == 2 * 50 and sizes[-1] < 20
    assert outcome(short) == outcome(full)

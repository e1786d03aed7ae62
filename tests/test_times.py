"""Kinds of time, and levels in the wrong order, wherever a panel enters."""

import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from sklstm import (
    CalendarFeatures,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeriesEncoder,
    SeriesImputer,
    SeriesKFold,
    SeriesScaler,
    SlidingWindow,
    backtest,
    describe_panel,
    panel_sample_weight,
    regularize,
)
from sklstm._panels.rows import plain_index, read_rows
from sklstm._panels.times import plain_times
from sklstm.metrics import mean_absolute_scaled_error

DAYS = pd.date_range("2024-01-01", periods=60)


def objects(values):
    return pd.Index(list(values), dtype=object)


def arrow(values, dtype):
    pyarrow = pytest.importorskip("pyarrow")
    dtype = pd.ArrowDtype(pyarrow.string()) if dtype == "text" else dtype
    return pd.Index(list(values), dtype=dtype)


# Each kind of time, and whether forecasts come back as it.
DAILY = {
    "timestamps": (lambda: DAYS, True),
    "Python dates": (lambda: objects(DAYS.date), True),
    "Python datetimes": (lambda: objects(DAYS.to_pydatetime()), False),
    "numpy dates": (lambda: objects(DAYS.to_numpy()), False),
    "ISO text": (lambda: pd.Index(DAYS.strftime("%Y-%m-%d")), False),
    "ISO text, objects": (lambda: objects(DAYS.strftime("%Y-%m-%d")), False),
    "categories of text": (
        lambda: pd.CategoricalIndex(DAYS.strftime("%Y-%m-%d")[::-1]).sort_values(),
        False,
    ),
    "categories of dates": (lambda: pd.CategoricalIndex(DAYS, ordered=True), False),
    "arrow text": (
        lambda: arrow(DAYS.strftime("%Y-%m-%d"), "text"),
        False,
    ),
    "arrow dates": (lambda: arrow(DAYS.date, "date32[pyarrow]"), True),
    "arrow timestamps": (lambda: arrow(DAYS, "timestamp[us][pyarrow]"), True),
}
KINDS = DAILY | {
    "zone": (lambda: DAYS.tz_localize("Europe/Berlin"), True),
    "zone, objects": (
        lambda: objects(DAYS.tz_localize("Europe/Berlin").to_pydatetime()),
        False,
    ),
    "periods": (lambda: DAYS.to_period("D"), True),
    "periods, objects": (lambda: objects(DAYS.to_period("D")), False),
    "durations": (lambda: pd.timedelta_range("1h", periods=60, freq="h"), True),
    "durations, objects": (
        lambda: objects(dt.timedelta(hours=hour) for hour in range(60)),
        False,
    ),
    "small integers": (lambda: pd.Index(np.arange(60), dtype="uint8"), True),
    "integers, objects": (lambda: objects(range(60)), False),
    "arrow integers": (lambda: arrow(range(60), "int64[pyarrow]"), True),
    "years as floats": (lambda: pd.Index(np.arange(1960.0, 2020)), True),
    "years as text": (
        lambda: pd.Index([str(year) for year in range(1960, 2020)]),
        False,
    ),
}


def counted(times, ids=("a", "b")):
    """A panel whose y numbers the rows: the right forecast of each row is known."""
    parts = {name: pd.Series(np.arange(float(len(times))), times) for name in ids}
    return pd.concat(parts, names=["series", "time"])


def line(horizon=10, **params):
    """A forecaster that continues straight lines exactly."""
    steps = make_pipeline(SlidingWindow(3, flat=True), LinearRegression())
    return PanelForecaster(steps, horizon, **params)


def covariates(y):
    return y.to_frame()[[]]


@pytest.mark.parametrize("kind", KINDS)
class TestKinds:
    def test_a_gap_of_the_cross_validation_is_bridged(self, kind):
        y = counted(KINDS[kind][0]())
        cv = PanelTimeSeriesSplit(2, horizon=3, gap=7)
        scores = cross_val_score(
            line(), covariates(y), y, cv=cv, scoring="neg_mean_absolute_error"
        )
        assert (scores > -0.01).all()
        steps = backtest(line(), covariates(y), y, cv=cv)["step"]
        assert steps.unique().tolist() == [8, 9, 10]

    def test_the_next_times_follow_and_have_the_given_kind(self, kind):
        make, same = KINDS[kind]
        y = counted(make())
        train = y[y.groupby("series").cumcount() < 50]
        model = line().fit(covariates(train), train)
        got = model.forecast()
        np.testing.assert_allclose(got, [*range(50, 60)] * 2, atol=1e-3)
        expected = y[y.groupby("series").cumcount() >= 50].index
        if same:
            pd.testing.assert_index_equal(got.index, expected, exact="equiv")
            assert got.index.dtypes.equals(expected.dtypes)
            assert model.history_.index.equals(train.index)
        else:
            plain = plain_times(expected.get_level_values(1))
            assert (got.index.get_level_values(1) == plain).all()

    def test_update_continues(self, kind):
        y = counted(KINDS[kind][0]())
        late = y.groupby("series").cumcount() >= 50
        model = line(history="context").fit(covariates(y[~late]), y[~late])
        new = y[late].groupby("series").head(5)
        later = y[late].groupby("series").tail(2)
        model.update(covariates(new), new)
        got = model.predict(covariates(later))
        np.testing.assert_allclose(got, later, atol=1e-3)

    def test_missing_steps_are_found(self, kind):
        y = counted(KINDS[kind][0]())
        part = y.drop(y.index[[7, 8, 80]])
        report = describe_panel(part)
        assert report["n_missing_steps"].tolist() == [2, 1]
        assert report["longest_gap"].tolist() == [2, 1]
        filled = regularize(part)
        assert filled.isna().sum() == 3
        assert len(filled) == len(y)

    def test_rows_keep_the_index_of_the_user(self, kind):
        frame = counted(KINDS[kind][0]()).to_frame("v")
        steps = [SeriesScaler(), SeriesEncoder(), SeriesImputer()]
        for step in steps:
            assert step.fit_transform(frame).index is frame.index or (
                step.fit_transform(frame).index.equals(frame.index)
            )
        weight = panel_sample_weight(frame, half_life=1)
        np.testing.assert_allclose(weight[1:60] / weight[:59], 2)


@pytest.mark.parametrize("kind", DAILY)
def test_dates_of_any_kind_have_one_calendar(kind):
    def columns(times):
        frame = counted(times).to_frame("v")
        return CalendarFeatures(holidays=["2024-01-06"]).fit(frame).transform(frame)

    expected, got = columns(DAYS), columns(DAILY[kind][0]())
    np.testing.assert_array_equal(got, expected)
    assert got.columns.equals(expected.columns)


@pytest.mark.parametrize("kind", DAILY)
@pytest.mark.parametrize("other", ["timestamps", "Python dates", "ISO text"])
def test_dates_of_two_kinds_go_together(kind, other):
    train, test = counted(DAILY[kind][0]()[:50]), counted(DAILY[other][0]())
    test = test[test.groupby("series").cumcount() >= 55]
    got = line().fit(covariates(train), train).predict(covariates(test))
    np.testing.assert_allclose(got, test, atol=1e-3)


OTHERS = {
    "naive": DAYS,
    "zone": DAYS.tz_localize("UTC"),
    "day": DAYS.to_period("D"),
    "month": pd.period_range("2024-01", periods=60, freq="M"),
    "int": pd.RangeIndex(60),
    "duration": pd.timedelta_range("1D", periods=60),
    "category": pd.CategoricalIndex([f"t{i:02}" for i in range(60)], ordered=True),
}


@pytest.mark.parametrize("seen", OTHERS)
@pytest.mark.parametrize("asked", OTHERS)
def test_times_of_another_kind_than_in_fit_raise(seen, asked):
    if seen == asked:
        return
    train, test = counted(OTHERS[seen][:50]), counted(OTHERS[asked][50:])
    model = line().fit(covariates(train), train)
    message = f"The times of X have dtype {test.index.dtypes['time']}, but fit saw"
    for call in (
        lambda: model.predict(covariates(test)),
        lambda: model.update(covariates(test), test),
    ):
        with pytest.raises(TypeError, match=re.escape(message)):
            call()


@pytest.mark.parametrize(
    "times",
    [
        DAYS.strftime("%d/%m/%Y"),
        DAYS.strftime("%m-%d-%Y"),
        DAYS.strftime("%d.%m.%y"),
        pd.CategoricalIndex(DAYS.strftime("%d/%m/%Y")),
        pd.Index([str(number) for number in range(60)]),
        pd.Index([f"{year}Q{q}" for year in range(2000, 2015) for q in range(1, 5)]),
    ],
    ids=["d/m/Y", "m-d-Y", "d.m.y", "categories", "numbers", "quarters"],
)
def test_text_that_is_no_iso_date_raises(times):
    y = counted(times)
    message = 'Convert the level first, with pd.to_datetime(times, format="%d/%m/%Y")'
    for call in (
        lambda: line().fit(covariates(y), y),
        lambda: next(PanelTimeSeriesSplit(2).split(y)),
        lambda: describe_panel(y),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            call()


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2, tzinfo=dt.UTC)], "zone"),
        (["2024-01-01", "2024-01-02T00:00Z"], "with and without a time zone"),
        ([pd.Period("2024-01", "M"), pd.Period("2024-01", "D")], "mix periods of D, M"),
        ([dt.date(2024, 1, 1), 5], "cannot be sorted: they mix date, int"),
        ([True, False], "are of type bool"),
        ([pd.Interval(0, 1), pd.Interval(1, 2)], "are of type Interval"),
    ],
)
def test_times_of_no_or_several_kinds_raise(times, message):
    with pytest.raises(TypeError, match=message):
        plain_times(pd.Index(times, dtype=object))


def test_times_must_be_finite_and_dates_must_exist():
    with pytest.raises(ValueError, match="must be finite, got inf"):
        plain_times(pd.Index([1.0, np.inf]))
    with pytest.raises(ValueError, match="contain text that is not a date"):
        plain_times(pd.Index(["2024-01-31", "2024-02-31"]))


@pytest.mark.parametrize(
    "times",
    [
        DAYS,
        DAYS.tz_localize("UTC"),
        DAYS.to_period("D"),
        DAYS - DAYS[0],
        pd.RangeIndex(60),
        pd.Index(np.arange(60) / 10),
    ],
)
def test_plain_times_are_not_copied(times):
    index = pd.MultiIndex.from_product([["a", "b"], times])
    assert plain_times(times) is times
    assert plain_index(index) is index


def test_different_offsets_are_instants():
    zone = pd.date_range("2024-03-30", periods=60, freq="h", tz="Europe/Berlin")
    times = objects(dt.datetime.fromisoformat(time.isoformat()) for time in zone)
    assert (plain_times(times) == zone).all()
    y = counted(times)
    got = line(3).fit(covariates(y), y).forecast(1)
    assert got.index.get_level_values(1)[0] == zone[-1] + pd.Timedelta(hours=1)


def test_labels_that_are_one_instant_are_duplicates():
    index = pd.MultiIndex.from_product([["a"], ["2024-01-01", "2024-01-01T00:00"]])
    with pytest.raises(ValueError, match="more than one row for 1"):
        read_rows(pd.Series([1, 2], index))


SWAPPED = {
    "timestamps and numbers": (DAYS[:12], range(1, 31)),
    "timestamps and text": (DAYS[:12], list("abc")),
    "dates and numbers": (objects(DAYS[:12].date), range(5)),
    "ISO text and text": (DAYS[:12].strftime("%Y-%m-%d"), ["store 1", "store 2"]),
    "other text and numbers": (DAYS[:12].strftime("%d.%m.%Y"), range(5)),
    "periods and numbers": (DAYS[:12].to_period("D"), range(5)),
    "categories and text": (pd.CategoricalIndex(DAYS[:12]), list("abc")),
}


@pytest.mark.parametrize("kind", SWAPPED)
def test_swapped_levels_raise_wherever_a_panel_enters(kind):
    times, ids = SWAPPED[kind]
    y = counted(times, ids).swaplevel().sort_index()
    X, frame = covariates(y), y.to_frame("v")
    calls = [
        lambda: line().fit(X, y),
        lambda: next(PanelTimeSeriesSplit(2).split(X)),
        lambda: next(SeriesKFold(2).split(X)),
        lambda: describe_panel(X),
        lambda: regularize(X),
        lambda: panel_sample_weight(X),
        lambda: mean_absolute_scaled_error(y, y, y_train=y),
        lambda: SlidingWindow(2).fit(frame),
        *(
            lambda step=step: step.fit(frame)
            for step in (SeriesScaler(), SeriesEncoder(), CalendarFeatures())
        ),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"swaplevel\(\).sort_index\(\)"):
            call()


def test_swapped_levels_are_named_in_predict_and_update():
    y = counted(DAYS, range(3))
    model = line().fit(covariates(y), y)
    swapped = y.swaplevel().sort_index()
    for call in (
        lambda: model.predict(covariates(swapped)),
        lambda: model.update(covariates(swapped), swapped),
    ):
        with pytest.raises(ValueError, match="Level 'time' of the index of X contains"):
            call()


def test_three_levels_are_put_in_order_by_the_line_in_the_error():
    y = pd.concat({"north": counted(DAYS, range(3))}, names=["region"])
    first = y.reorder_levels([2, 0, 1]).sort_index()
    message = "X.reorder_levels([1, 2, 0]).sort_index()"
    with pytest.raises(ValueError, match=re.escape(message)):
        read_rows(first)
    assert read_rows(first.reorder_levels([1, 2, 0]).sort_index()).n_series == 3


def test_dates_may_name_series_where_the_last_level_has_dates_too():
    index = pd.MultiIndex.from_product([DAYS[:2], DAYS], names=["cutoff", "time"])
    assert read_rows(pd.DataFrame(index=index)).n_series == 2
    numbered = pd.MultiIndex.from_product([["1600", "2020"], range(5)])
    assert read_rows(pd.DataFrame(index=numbered)).n_series == 2


def test_python_dates_take_no_hours():
    y = counted(objects(DAYS[:30].date))
    with pytest.raises(ValueError, match="finer than the step of the rows"):
        line(2, freq="12h").fit(covariates(y), y)

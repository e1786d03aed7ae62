import re

import numpy as np
import pandas as pd
import pytest

from sklstm import regularize
from sklstm._panels.missing_steps import fill_steps
from sklstm._panels.rows import read_rows
from sklstm._panels.time_step import infer_time_step, read_time_step
from sklstm.datasets import make_panel

TIMES = {
    "number": pd.RangeIndex(5, 45),
    "nullable number": pd.Index(np.arange(40), dtype="Int64"),
    "small number": pd.Index(np.arange(40, dtype=np.int8) * 3),
    "float": pd.Index(np.arange(40) * 0.5),
    "month, period": pd.period_range("2023-01", periods=40, freq="M"),
    "two months, period": pd.period_range("2023-01", periods=40, freq="2M"),
    "quarter of an hour": pd.date_range("2024-01-01", periods=40, freq="15min"),
    "day": pd.date_range("2024-01-01", periods=40),
    "seconds as unit": pd.date_range("2024-01-01", periods=40, unit="s"),
    "business day": pd.date_range("2024-01-01", periods=40, freq="B"),
    "week": pd.date_range("2024-01-01", periods=40, freq="W"),
    "month end": pd.date_range("2024-01-01", periods=40, freq="ME"),
    "quarter": pd.date_range("2024-01-01", periods=40, freq="QS"),
    "hour over summer time": pd.date_range(
        "2024-10-26 12:00", periods=40, freq="h", tz="Europe/Berlin"
    ),
    "day over summer time": pd.date_range("2024-10-10", periods=40, tz="Europe/Berlin"),
}


def make_frame(time, n_series=3, seed=0):
    """Series of all times, of columns of every kind."""
    index = pd.MultiIndex.from_product(
        [[f"s{i}" for i in range(n_series)], time], names=["series", "time"]
    )
    rng = np.random.default_rng(seed)
    n = len(index)
    return pd.DataFrame(
        {
            "value": rng.normal(size=n),
            "single": rng.normal(size=n).astype(np.float32),
            "count": rng.integers(9, size=n),
            "small": rng.integers(9, size=n).astype(np.int8),
            "flag": rng.integers(2, size=n).astype(bool),
            "kind": pd.Categorical(rng.choice(["x", "y"], n), categories=["y", "x"]),
            "text": rng.choice(["p", "q"], n),
            "nullable": pd.array(rng.integers(9, size=n), dtype="Int64"),
        },
        index=index,
    )


def drop_some(frame, seed=0, share=0.3):
    """Rows at random, but the first and the last of every series, in any order."""
    rng = np.random.default_rng(seed)
    series = frame.groupby(level=frame.index.names[:-1], observed=True)
    place, back = series.cumcount(), series.cumcount(ascending=False)
    kept = (place == 0) | (back == 0) | (rng.uniform(size=len(frame)) > share)
    return frame[kept].sample(frac=1, random_state=seed)


@pytest.mark.parametrize("time", TIMES.values(), ids=TIMES)
def test_dropped_rows_come_back_without_values(time):
    full = make_frame(time)
    part = drop_some(full)
    out = regularize(part)
    assert out.index.equals(full.index)
    assert out.index.names == full.index.names
    assert out.index.levels[-1].dtype == full.index.levels[-1].dtype
    pd.testing.assert_frame_equal(
        out.loc[part.index], part, check_dtype=False, check_freq=False
    )
    added = out.loc[out.index.difference(part.index)]
    assert len(added) and added.isna().all(axis=None)


@pytest.mark.parametrize("time", TIMES.values(), ids=TIMES)
def test_it_is_idempotent(time):
    once = regularize(drop_some(make_frame(time)))
    pd.testing.assert_frame_equal(regularize(once), once)
    shuffled = once.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(regularize(shuffled), once)


def test_a_regular_panel_is_only_sorted(panel):
    pd.testing.assert_frame_equal(regularize(panel), panel)
    pd.testing.assert_frame_equal(regularize(panel.iloc[::-1]), panel)
    frame = make_frame(TIMES["day"])
    pd.testing.assert_frame_equal(regularize(frame), frame)


def test_only_columns_that_cannot_miss_a_value_change_their_dtype():
    frame = make_frame(TIMES["day"])
    out = regularize(drop_some(frame)).dtypes
    changed = out[out != frame.dtypes]
    assert changed.to_dict() == dict.fromkeys(["count", "small", "flag"], np.float64)


def test_each_series_keeps_its_own_start_end_and_phase():
    index = pd.MultiIndex.from_tuples(
        [("a", 1), ("a", 3), ("a", 7), ("b", 10), ("b", 12), ("c", 4)]
    )
    out = regularize(pd.Series(range(6), index=index, name="v"))
    assert out.index.tolist() == [
        *[("a", t) for t in (1, 3, 5, 7)],
        *[("b", t) for t in (10, 12)],
        ("c", 4),
    ]
    assert out.name == "v"
    np.testing.assert_array_equal(out, [0, 1, np.nan, 2, 3, 4, 5])


def test_series_by_several_levels_of_which_one_is_categorical():
    panels = {
        kind: make_panel(3, 20, n_covariates=0, random_state=0) for kind in ("x", "y")
    }
    full = pd.concat(panels, names=["kind"])
    kinds = pd.CategoricalIndex(["x", "y"], categories=["y", "x"])
    full.index = full.index.set_levels(kinds, level="kind")
    out = regularize(drop_some(full))
    assert out.index.equals(regularize(full).index)
    assert set(out.index) == set(full.index)
    assert out.index.get_level_values("kind").dtype == kinds.dtype


def test_no_columns_and_columns_of_one_name(panel):
    part = drop_some(panel)
    assert regularize(part[[]]).index.equals(panel.index)
    twice = pd.concat([part["price"], part["price"] > 0], axis=1)
    out = regularize(twice.set_axis(["p", "p"], axis=1))
    assert out.columns.tolist() == ["p", "p"]
    assert out.dtypes.tolist() == [np.float64, np.float64]


def test_input_is_not_changed(panel):
    part = drop_some(panel)
    original = part.copy()
    regularize(part)
    pd.testing.assert_frame_equal(part, original)


def test_positions_are_those_of_a_plain_loop():
    full = make_panel(
        n_series=20, n_rows=(5, 30), stagger=9, missing=0.4, random_state=0
    )
    rows = read_rows(full.sample(frac=1, random_state=0))
    index, positions = fill_steps(rows, infer_time_step(rows.time, rows.indptr))
    expected = []
    for name, part in full.groupby(level="series"):
        time = part.index.get_level_values("time")
        expected += [(name, t) for t in pd.date_range(time.min(), time.max())]
    assert index.tolist() == expected
    assert index.take(positions).equals(full.index)


@pytest.mark.parametrize(
    ("time", "freq"),
    [
        ("number", 1),
        ("float", 0.5),
        ("month, period", "M"),
        ("month, period", "ME"),
        ("month, period", 1),
        ("month, period", pd.offsets.MonthEnd()),
        ("two months, period", 2),
        ("quarter of an hour", "15min"),
        ("quarter of an hour", pd.Timedelta(minutes=15)),
        ("day", "D"),
        ("day", pd.offsets.Day()),
        ("day", pd.Timedelta(days=1)),
        ("day over summer time", "D"),
        ("hour over summer time", "h"),
        ("business day", "B"),
        ("week", "W"),
        ("week", "7D"),
        ("month end", "ME"),
        ("quarter", "QS"),
        ("quarter", "3MS"),
    ],
)
def test_a_given_step_that_is_the_found_one_changes_nothing(time, freq):
    part = drop_some(make_frame(TIMES[time]))
    pd.testing.assert_frame_equal(regularize(part, freq), regularize(part))


def test_a_given_step_fills_what_none_of_the_rows_has():
    index = pd.MultiIndex.from_product(
        [["a"], pd.to_datetime(["2024-01-31", "2024-03-31"])]
    )
    out = regularize(pd.DataFrame({"v": [1.0, 3.0]}, index), "ME")
    assert out.index.get_level_values(1).strftime("%m-%d").tolist() == [
        "01-31",
        "02-29",
        "03-31",
    ]
    single = pd.DataFrame({"v": [1.0]}, index[:1])
    pd.testing.assert_frame_equal(regularize(single, "D"), single)


def test_rows_between_two_steps_raise():
    index = pd.MultiIndex.from_product([["a"], [0.0, 2.0, 4.0, 5.5, 6.0]])
    frame = pd.DataFrame({"v": range(5)}, index=index)
    message = (
        "1 row(s) are no whole number of steps of 2.0 after the first row of their "
        "series: ('a', 5.5). Round the times, aggregate the rows (resample, groupby), "
        "give regularize the true step as freq, or keep the rows as they are and set "
        "SlidingWindow(max_gap=...)."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        regularize(frame)


def test_missing_times_are_those_of_other_series_where_sums_are_inexact():
    full = make_frame(np.arange(40) * 0.1, n_series=2)
    missing = [("s0", full.index.levels[1][3]), ("s1", full.index.levels[1][20])]
    assert regularize(full.drop(missing)).index.equals(full.index)


def test_two_rows_on_one_inexact_step_raise():
    index = pd.MultiIndex.from_product([["a"], [0.0, 0.1, 0.2, 0.20001, 0.3]])
    frame = pd.DataFrame({"v": range(5)}, index=index)
    message = "1 row(s) are no whole number of steps of 0.1 after the first row"
    with pytest.raises(ValueError, match=re.escape(message)):
        regularize(frame, 0.1)


def test_times_without_a_step_raise():
    index = pd.MultiIndex.from_product(
        [["a"], pd.Categorical(["mon", "tue"], ordered=True)]
    )
    frame = pd.DataFrame({"v": [1, 2]}, index=index)
    message = (
        f"No time step can be found: times of dtype {index.levels[1].dtype} have no "
        "arithmetic. Give freq, or make the last index level dates, periods or "
        "numbers."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        regularize(frame)
    index = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    message = "No time step can be found: no series has two rows. Give freq, or"
    with pytest.raises(ValueError, match=re.escape(message)):
        regularize(pd.DataFrame({"v": [1, 2]}, index=index))


def test_a_panel_of_missing_rows_only_raises():
    index = pd.MultiIndex.from_product([["a"], [*range(1000), 10**12]])
    message = (
        "At a step of 1, 999999999000 rows would be added to the 1001 given ones, more "
        "than 10 for each. Give regularize the true step as freq, drop rows far from "
        "all others, or keep the rows as they are and set SlidingWindow(max_gap=...)."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        regularize(pd.DataFrame({"v": range(1001)}, index=index))
    few = pd.MultiIndex.from_product([["a"], [0, 1, 10_000]])
    assert len(regularize(pd.Series(range(3), few))) == 10_001


@pytest.mark.parametrize(
    ("time", "freq", "kind"),
    [
        ("number", "D", "a positive number of type int64."),
        ("number", 0, "a positive number of type int64."),
        ("number", 0.5, "a positive number of type int64."),
        ("number", True, "a positive number of type int64."),
        ("float", np.inf, "a positive number of type float64."),
        ("float", -1.0, "a positive number of type float64."),
        ("month, period", "Q", "multiples of one M."),
        ("month, period", "NONSENSE", "multiples of one M."),
        ("month, period", 1.5, "multiples of one M."),
        ("month, period", [], "multiples of one M."),
        ("day", 1, "an alias or an offset of pandas that is > 0."),
        ("day", "XYZ", "an alias or an offset of pandas that is > 0."),
        ("day", "-1D", "an alias or an offset of pandas that is > 0."),
        ("day", "-1BME", "an alias or an offset of pandas that is > 0."),
    ],
)
def test_wrong_freq_raises(time, freq, kind):
    frame = make_frame(TIMES[time])
    dtype = frame.index.levels[1].dtype
    message = f"freq={freq!r} is no step of times of dtype {dtype}. It must be {kind}"
    with pytest.raises(ValueError, match=re.escape(message)):
        regularize(frame, freq)


def test_a_step_for_times_without_arithmetic_raises():
    with pytest.raises(ValueError, match=re.escape("It must be None.")):
        read_time_step("D", pd.Index(["mon", "tue"]))


def test_no_panel_raises(panel):
    message = "panel must be a pandas object indexed by (series, time), got DataFrame"
    with pytest.raises(TypeError, match=re.escape(message)):
        regularize(panel.reset_index())

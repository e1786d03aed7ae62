import re

import numpy as np
import pandas as pd
import pytest

from sklstm import describe_panel, regularize
from sklstm.datasets import make_panel

STEPS = ["n_missing_steps", "longest_gap", "n_irregular"]


@pytest.fixture
def gappy():
    return make_panel(
        n_series=12, n_rows=(3, 60), stagger=9, missing=0.4, random_state=0
    )


def test_it_equals_a_plain_loop(gappy):
    report = describe_panel(gappy.sample(frac=1, random_state=0))
    for name, part in gappy.groupby(level="series"):
        time = part.index.get_level_values("time")
        steps = np.diff(time.to_numpy()) // np.timedelta64(1, "D") - 1
        found = report.loc[name]
        assert found["n_rows"] == len(part)
        assert (found["start"], found["end"]) == (time.min(), time.max())
        assert found["n_missing_steps"] == steps.sum()
        assert found["longest_gap"] == steps.max()
        assert found["n_irregular"] == 0
    assert report.index.tolist() == gappy.index.unique("series").tolist()
    assert report.dtypes[STEPS].eq("Int64").all()


def test_nothing_is_missing_of_a_regular_panel(gappy):
    missing = describe_panel(gappy)["n_missing_steps"].sum()
    full = regularize(gappy)
    assert len(full) == len(gappy) + missing
    report = describe_panel(full)
    assert report[STEPS].eq(0).all(axis=None)
    assert report["n_missing_target"].sum() == missing


def test_missing_values_are_counted_for_columns_that_have_any(panel):
    panel.loc["a", "price"] = np.nan
    panel["kind"] = pd.Categorical.from_codes(
        [*[-1] * 2, *[0] * (len(panel) - 2)], categories=["x"]
    )
    report = describe_panel(panel)
    counts = report.loc[:, report.columns.str.startswith("n_missing_")]
    assert counts.columns.tolist() == [
        "n_missing_steps",
        "n_missing_price",
        "n_missing_kind",
    ]
    assert counts["n_missing_price"].tolist() == [40, 0, 0]
    assert counts["n_missing_kind"].tolist() == [2, 0, 0]
    one = describe_panel(panel["price"])
    pd.testing.assert_frame_equal(one, report.drop(columns="n_missing_kind"))


def test_rows_beside_a_step_are_counted_and_make_no_gap():
    times = [0.0, 1.0, 1.5, 2.0, 3.0, 6.0, 6.25]
    index = pd.MultiIndex.from_product([["a"], times])
    report = describe_panel(pd.DataFrame(index=index), freq=1.0).iloc[0]
    assert report[STEPS].tolist() == [2, 2, 2]


def test_a_given_step_counts(gappy):
    report = describe_panel(gappy, freq="12h")
    by_day = describe_panel(gappy)
    days = (by_day["end"] - by_day["start"]).dt.days
    assert (report["n_missing_steps"] == by_day["n_missing_steps"] + days).all()


def test_times_without_a_step_have_no_missing_ones():
    index = pd.MultiIndex.from_product(
        [["a", "b"], pd.Categorical(["mon", "tue"], ordered=True)]
    )
    report = describe_panel(pd.DataFrame({"v": [1, 2, 3, np.nan]}, index=index))
    assert report[STEPS].isna().all(axis=None)
    assert report["start"].tolist() == ["mon", "mon"]
    assert report["n_missing_v"].tolist() == [0, 1]


@pytest.mark.parametrize(
    "time",
    [
        pd.period_range("2024-01", periods=9, freq="M"),
        pd.date_range("2024-10-26", periods=9, tz="Europe/Berlin"),
        pd.date_range("2024-10-27", periods=9, freq="h", tz="Europe/Berlin"),
    ],
)
def test_periods_and_time_zones_have_steps(time):
    index = pd.MultiIndex.from_product([["a"], time])
    report = describe_panel(pd.DataFrame(index=index.delete([3, 4, 6]))).iloc[0]
    assert report[STEPS].tolist() == [3, 2, 0]
    assert (report["start"], report["end"]) == (time[0], time[-1])


def test_series_of_several_levels_are_rows(gappy):
    both = pd.concat({"x": gappy, "y": gappy}, names=["kind"])
    report = describe_panel(both)
    assert report.index.names == ["kind", "series"]
    expected = describe_panel(gappy)
    pd.testing.assert_frame_equal(report.loc["y"], expected)


def test_no_panel_raises(panel):
    message = "panel must be a pandas object indexed by (series, time), got DataFrame"
    with pytest.raises(TypeError, match=re.escape(message)):
        describe_panel(panel.reset_index())


@pytest.mark.parametrize("names", [["steps", "price"], ["price", "price"]])
def test_findings_of_one_name_raise(names):
    index = pd.MultiIndex.from_product([["a"], [1, 2, 5]])
    frame = pd.DataFrame([[np.nan, 1.0], [2.0, np.nan], [3.0, 3.0]], index)
    message = f"several columns named 'n_missing_{names[0]}'. Rename that column"
    with pytest.raises(ValueError, match=message):
        describe_panel(frame.set_axis(names, axis=1))
    full = describe_panel(frame.fillna(0.0).set_axis(names, axis=1))
    assert full["n_missing_steps"].tolist() == [2]

"""Tables in the usual forms become panels."""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sklstm import LSTMForecaster, to_panel


@pytest.fixture
def panel():
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product(
        [["a", "b"], pd.date_range("2024-01-01", periods=12)], names=["shop", "day"]
    )
    return pd.DataFrame(rng.normal(size=(24, 2)), index, columns=["price", "sales"])


def test_a_long_table_in_any_order_becomes_the_panel(panel):
    table = panel.reset_index().sample(frac=1, random_state=0)
    got = to_panel(table, series="shop", time="day")
    pd.testing.assert_frame_equal(got, panel)
    assert table.columns.tolist() == ["shop", "day", "price", "sales"]


def test_a_table_of_arrow_becomes_the_panel(panel):
    got = to_panel(pa.Table.from_pandas(panel.reset_index()), "shop", "day")
    pd.testing.assert_frame_equal(got, panel, check_index_type=False)


def test_several_columns_name_the_series(panel):
    table = panel.reset_index().assign(town=lambda t: t["shop"].map({"a": 1, "b": 2}))
    got = to_panel(table, series=["town", "shop"], time="day")
    assert got.index.names == ["town", "shop", "day"]
    pd.testing.assert_frame_equal(got.droplevel(0), panel)


def test_the_usual_names_need_not_be_given(panel):
    table = panel["sales"].reset_index().set_axis(["unique_id", "ds", "y"], axis=1)
    for given in ({}, {"time": "ds"}, {"series": "unique_id"}):
        got = to_panel(table, **given)
        assert got.index.names == ["unique_id", "ds"]
        np.testing.assert_array_equal(got["y"], panel["sales"])
    one = to_panel(table[:12].drop(columns="unique_id"))
    assert one.index.unique("ds").tolist() == table["ds"][:12].tolist()
    pd.testing.assert_frame_equal(to_panel(table.set_index("ds")), got)


@pytest.mark.parametrize("name", [None, "day"])
def test_one_series_is_called_0(panel, name):
    one = panel.loc["a", "sales"].rename_axis(name)
    got = to_panel(one[::-1])
    assert got.index.names == ["series", name or "time"]
    assert got.index.unique(0).tolist() == [0]
    np.testing.assert_array_equal(got["sales"], one)


def test_a_wide_table_has_a_series_in_each_column(panel):
    wide = panel["sales"].unstack(0)
    wide.iloc[:3, 0] = wide.iloc[-2:, 1] = wide.iloc[6, 1] = np.nan
    for table, time in ((wide, None), (wide.reset_index(), "day")):
        got = to_panel(table, time=time, wide=True, target="sales")
        assert got.index.names == ["series", "day"]
        assert got.groupby(level=0).size().to_dict() == {"a": 9, "b": 10}
        assert got.loc["b", "sales"].isna().sum() == 1
        known = got["sales"].dropna()
        expected = wide.unstack().dropna().rename_axis(known.index.names)
        pd.testing.assert_series_equal(known, expected.rename("sales"))


@pytest.mark.parametrize("names", [["y", "time"], ["series", "sales"]])
def test_a_wide_table_may_use_any_names_of_columns(panel, names):
    wide = panel["sales"].unstack(0).set_axis(names, axis=1).rename_axis(None)
    got = to_panel(wide, wide=True)
    assert got.index.names == ["series", "time"]
    for name in names:
        np.testing.assert_array_equal(got.loc[name, "y"], wide[name])


def test_columns_of_several_levels_name_series_of_several_levels(panel):
    wide = panel.unstack(0).rename_axis(columns=["what", "shop"])
    wide.iloc[:3, 0] = np.nan
    got = to_panel(wide, wide=True, target="value")
    assert got.index.names == ["what", "shop", "day"]
    expected = wide.unstack().dropna().sort_index()
    pd.testing.assert_series_equal(got["value"], expected, check_names=False)
    with pytest.raises(ValueError, match="index level 'day'"):
        to_panel(wide.rename_axis(columns=["what", "day"]), wide=True)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda one: (one.rename_axis("day").assign(series="a"),), "series"),
        (lambda one: (one.assign(time=1),), "time"),
        (lambda one: (one.rename_axis("series"), None, None), "series"),
        (lambda one: (one.rename_axis("sales").assign(shop="a"), "shop"), "sales"),
    ],
)
def test_a_name_for_two_things_is_refused(panel, change, name):
    args = change(panel.loc["a"].rename_axis(None))
    message = f"index level '{name}', but another level or a column has"
    with pytest.raises(ValueError, match=message):
        to_panel(*args, wide=len(args) == 3)


def test_forecasts_come_back_in_the_columns_of_the_table(panel):
    table = panel["sales"].reset_index()
    y = to_panel(table, series="shop", time="day")["sales"]
    model = LSTMForecaster(2, hidden_size=2, max_epochs=1, n_estimators=1)
    got = model.fit(None, y).forecast().reset_index()
    assert got.columns.tolist() == table.columns.tolist()
    assert len(got) == 4


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda t: (t, "store", "day"), ValueError, "no column 'store'.*'shop'"),
        (lambda t: (t, "shop", "date"), ValueError, "no column 'date'"),
        (lambda t: (t, ["shop", "x"], "day"), ValueError, "no column 'x'"),
        (lambda t: (pd.concat([t, t[:1]]), "shop", "day"), ValueError, "more than one"),
        (lambda t: (t, ["shop", "day"], "day"), ValueError, "must differ"),
        (lambda t: (t, "shop"), ValueError, "time is not given.*'day'"),
        (lambda t: (t.to_numpy(), "shop", "day"), TypeError, "to_pandas.*ndarray"),
        (lambda t: (t.set_index(["shop", "day"]),), ValueError, "a panel already"),
    ],
)
def test_what_is_no_such_table_is_refused(panel, change, error, words):
    with pytest.raises(error, match=words):
        to_panel(*change(panel.reset_index()))


@pytest.mark.parametrize("years", [False, True])
def test_a_wide_table_that_lies_across_is_to_be_transposed(panel, years):
    upright = panel["sales"].unstack(0)
    if years:
        upright = upright.set_axis(range(2000, 2000 + len(upright)), axis=0)
    across = upright.T.rename_axis("shop")
    with pytest.raises(ValueError, match=r"Transpose the table: table\.T"):
        to_panel(across, wide=True)
    pd.testing.assert_frame_equal(
        to_panel(across.T, wide=True), to_panel(upright, wide=True), check_names=False
    )
    if not years:
        remedy = r"Transpose the table: table\.set_index\(\['shop'\]\)\.T"
        with pytest.raises(ValueError, match=remedy):
            to_panel(across.reset_index(), wide=True)


def test_a_wide_table_has_values_alone(panel):
    table = panel.reset_index()
    with pytest.raises(ValueError, match="but not 'shop'"):
        to_panel(table, time="day", wide=True)
    with pytest.raises(ValueError, match="but there is none"):
        to_panel(table[["day"]], time="day", wide=True)
    with pytest.raises(ValueError, match="leave series|Leave series"):
        to_panel(table, "shop", "day", wide=True)


def test_the_named_index_of_a_table_with_times_is_kept():
    table = pd.DataFrame(
        {"unique_id": ["a", "a", "b"], "ds": [1, 2, 1], "y": [1.0, 2, 3]}
    )
    pd.testing.assert_frame_equal(
        to_panel(table.set_index("unique_id")), to_panel(table)
    )
    by_row = to_panel(table.rename_axis("row").drop(columns="unique_id")[:2], time="ds")
    assert by_row.columns.tolist() == ["row", "y"]
    panel = table.assign(day=1).set_index(["unique_id", "day"])
    with pytest.raises(ValueError, match="it is a panel already"):
        to_panel(panel)


@pytest.mark.parametrize("flags", [["open"], ["open", "closed"]])
def test_flags_are_no_series_of_a_wide_table(flags):
    table = pd.DataFrame({"sales": [1.0, 2.0]} | dict.fromkeys(flags, [True, False]))
    with pytest.raises(ValueError, match="but not 'open'.*convert them"):
        to_panel(table, wide=True)


def test_columns_that_no_call_can_mean_raise():
    table = pd.DataFrame([[1, 2, 3.0]], columns=["ds", "ds", "y"])
    with pytest.raises(ValueError, match="more than one column named 'ds'"):
        to_panel(table)
    with pytest.raises(ValueError, match=re.escape("series=[] names no column")):
        to_panel(table.iloc[:, 1:], series=[])


def test_numbers_as_names_of_series_are_no_years():
    wide = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], ["2001", "2002"], [101, 102])
    assert to_panel(wide, wide=True).index.levels[0].tolist() == [101, 102]
    years = wide.set_axis([2001, 2002], axis=1).set_axis(["2001", "2002"], axis=0)
    assert len(to_panel(years, wide=True)) == 4

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklstm import LSTMRegressor, PanelForecaster, SlidingWindow, StaticFeatures


@pytest.fixture
def table():
    """Facts of five stores, of which the panel has three, in another order."""
    return pd.DataFrame(
        {
            "area": [70, 20, 60, np.nan, 30],
            "open": [True, False, True, True, False],
            "region": ["west", "north", "east", None, "north"],
            "size": pd.Categorical(
                ["large", "small", "large", "small", "small"],
                categories=["small", "medium", "large"],
            ),
            "floors": pd.array([2, 1, pd.NA, 1, 1], dtype="Int64"),
        },
        index=pd.Index(["e", "b", "a", "c", "d"], name="store"),
    )


@pytest.fixture
def brands(panel):
    """The panel under two brands of each store: three index levels, six series."""
    both = pd.concat({"x": panel, "y": panel}, names=["brand"])
    return both.reorder_levels(["store", "brand", "date"]).sort_index()


LABEL_0 = pd.DataFrame({"area": [20.0, 30.0], "age": [1, 2]})


@parametrize_with_checks(
    [StaticFeatures(LABEL_0), StaticFeatures(LABEL_0, scale=False)]
)
def test_common_checks(estimator, check):
    check(estimator)


def test_facts_are_those_of_a_merge(panel, table):
    mixed = panel.sample(frac=1, random_state=0)
    out = StaticFeatures(table, scale=False).fit_transform(mixed)
    assert out.index.equals(mixed.index)
    pd.testing.assert_frame_equal(out[panel.columns], mixed)
    expected = mixed.join(table, on="store")[table.columns]
    pd.testing.assert_frame_equal(
        out[table.columns].astype(object).where(lambda x: x.notna(), None),
        expected.astype(object).where(lambda x: x.notna(), None),
        check_dtype=False,
    )
    assert out[["area", "open", "floors"]].dtypes.eq(np.float32).all()


def test_categories_are_those_of_the_table(panel, table):
    out = StaticFeatures(table).fit(panel).transform(panel.loc[["b"]])
    assert out["region"].cat.categories.tolist() == ["east", "north", "west"]
    assert out["size"].cat.categories.tolist() == ["small", "medium", "large"]


def test_scaling_counts_each_series_of_fit_once(panel, table):
    out = StaticFeatures(table).fit_transform(panel)
    by_series = out.groupby(level="store").first()[["area", "open", "floors"]]
    known = table.loc[["a", "b", "c"], ["area", "open", "floors"]].astype(float)
    scale = known.std(ddof=0).replace(0, 1)
    np.testing.assert_allclose(by_series, (known - known.mean()) / scale, rtol=1e-6)
    np.testing.assert_array_equal(out["floors"].dropna(), 0)


def test_scaling_counts_series_and_not_labels_of_a_level(brands, table):
    part = brands.drop(index=[("a", "y")])
    features = StaticFeatures(table[["area"]].fillna(0)).fit(part)
    areas = [60, 20, 20, 0, 0]
    assert features.mean_["area"] == pytest.approx(np.mean(areas))
    assert features.scale_["area"] == pytest.approx(np.std(areas))


def test_constant_and_unknown_facts_get_scale_1(panel):
    table = pd.DataFrame(
        {"same": [0.1] * 3, "unknown": [np.nan] * 3}, index=["a", "b", "c"]
    )
    features = StaticFeatures(table).fit(panel)
    assert features.scale_ == {"same": 1.0, "unknown": 1.0}
    out = features.transform(panel)
    assert out["same"].eq(0).all() and out["unknown"].isna().all()


def test_a_level_by_name_and_the_whole_id_in_any_order(brands):
    by_brand = pd.DataFrame({"age": [1, 9]}, pd.Index(["x", "y"], name="brand"))
    out = StaticFeatures(by_brand, scale=False).fit_transform(brands)
    expected = brands.index.get_level_values("brand").map({"x": 1, "y": 9})
    assert out["age"].tolist() == expected.tolist()

    pairs = pd.MultiIndex.from_product([["x", "y"], ["c", "b", "a"]])
    whole = pd.DataFrame({"id": range(6)}, pairs.set_names(["brand", "store"]))
    out = StaticFeatures(whole, scale=False).fit_transform(brands)
    expected = [
        whole.loc[(brand, store), "id"] for store, brand in brands.index.droplevel(2)
    ]
    assert out["id"].tolist() == expected
    unnamed = whole.reorder_levels(["store", "brand"]).rename_axis([None, None])
    again = StaticFeatures(unnamed, scale=False).fit_transform(brands)
    pd.testing.assert_frame_equal(again, out)


def test_without_a_name_a_level_is_the_first(brands, table):
    expected = StaticFeatures(table).fit_transform(brands)
    out = StaticFeatures(table.rename_axis(None)).fit_transform(brands)
    pd.testing.assert_frame_equal(out, expected)
    bare = brands.rename_axis([None] * 3)
    out = StaticFeatures(table.rename_axis(None)).fit_transform(bare)
    assert out["region"].tolist() == expected["region"].tolist()


def test_the_only_level_needs_no_name(panel, table):
    out = StaticFeatures(table).fit_transform(panel.rename_axis([None, None]))
    expected = StaticFeatures(table).fit_transform(panel)
    assert out["region"].tolist() == expected["region"].tolist()


def test_labels_are_found_by_value_whatever_their_dtype(panel, table):
    expected = StaticFeatures(table).fit_transform(panel)["region"].tolist()
    labels = pd.CategoricalIndex(table.index, name="store")
    out = StaticFeatures(table.set_axis(labels)).fit_transform(panel)
    assert out["region"].tolist() == expected
    level = pd.CategoricalIndex(["a", "b", "c"], categories=["c", "b", "a"])
    panel.index = panel.index.set_levels(level, level=0)
    out = StaticFeatures(table).fit_transform(panel)
    assert out["region"].tolist() == expected


def test_series_without_facts_are_missing_after_fit(panel, table):
    part = table.drop(index="b")
    features = StaticFeatures(part, handle_unknown="ignore").fit(panel.drop(index="b"))
    out = features.transform(panel)
    assert out.loc["b", part.columns].isna().all(axis=None)
    expected = features.transform(panel.drop(index="b"))
    pd.testing.assert_frame_equal(out.drop(index="b"), expected)


def test_series_without_facts_raise_after_fit(panel, table):
    features = StaticFeatures(table.drop(index="b")).fit(panel.drop(index="b"))
    message = (
        "table has no row for 1 series of X: 'b'. Add one for each, with NaN where a "
        "fact is not known, or set handle_unknown='ignore'."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        features.transform(panel)


def test_series_after_fit_find_their_own_facts(panel, table):
    features = StaticFeatures(table, scale=False).fit(panel.loc[["a"]])
    assert features.transform(panel).loc["b", "area"].eq(20).all()


def test_feature_names_set_output_pickle_and_clone(panel, table):
    original, facts = panel.copy(), table.copy()
    features = StaticFeatures(table).fit(panel)
    expected = features.transform(panel)
    pd.testing.assert_frame_equal(panel, original)
    pd.testing.assert_frame_equal(table, facts)
    assert features.get_feature_names_out().tolist() == expected.columns.tolist()
    copy = pickle.loads(pickle.dumps(features)).set_output(transform="pandas")
    pd.testing.assert_frame_equal(copy.transform(panel), expected)
    pd.testing.assert_frame_equal(clone(features).fit_transform(panel), expected)


def test_an_array_is_the_series_0():
    X = np.arange(6, dtype=np.float32).reshape(3, 2)
    out = StaticFeatures(LABEL_0, scale=False).fit_transform(X)
    np.testing.assert_array_equal(out, np.column_stack([X, [20] * 3, [1] * 3]))
    assert out.dtype == np.float32
    frame = StaticFeatures(LABEL_0.assign(kind="x")).fit_transform(pd.DataFrame(X))
    assert frame["kind"].tolist() == ["x"] * 3


def test_a_forecaster_takes_them(panel, table):
    pipeline = make_pipeline(
        StaticFeatures(table), SlidingWindow(7), LSTMRegressor(max_epochs=1)
    )
    forecaster = PanelForecaster(pipeline, horizon=2).fit(panel[[]], panel["sales"])
    assert np.isfinite(forecaster.forecast()).all(axis=None)


def raises(X, table, message, error=ValueError):
    with pytest.raises(error, match=re.escape(message)):
        StaticFeatures(table).fit(X)


def test_series_without_facts_in_fit_raise(panel, brands, table):
    raises(
        panel,
        table.drop(index=["a", "c"]),
        "table has no row for 2 series of X: 'a', 'c'. Add one for each, with NaN "
        "where a fact is not known.",
    )
    raises(
        brands,
        table.drop(index="a"),
        "table has no row for 2 series of X: ('a', 'x'), ('a', 'y').",
    )


def test_duplicate_labels_and_columns_raise(panel, table):
    raises(
        panel,
        pd.concat([table, table.iloc[:2]]),
        "table has more than one row for 2 label(s): 'e', 'b'. Keep one row for each.",
    )
    raises(
        panel,
        table.set_axis(["p", "q", "p", "r", "s"], axis=1),
        "The output would have several columns named 'p'. Rename or drop one of those "
        "of table.",
    )


def test_levels_that_x_does_not_have_raise(brands, panel, table):
    levels = "but the series of X by ['store', 'brand']. Name the levels of table "
    rest = "after the matching levels of X, with table.rename_axis("
    for names in (["shop"], ["date"]):
        message = f"table is indexed by {names}, {levels}{rest}index=[...])."
        raises(brands, table.rename_axis(names), message)
    both = pd.concat({"x": table}, names=["brand"])
    message = (
        "table is indexed by ['brand', 'store'], but the series of X by ['store']."
    )
    raises(panel, both, message)
    raises(np.zeros((2, 1)), both, "but the series of X by [None].")


def test_names_that_are_taken_raise(panel, table):
    message = (
        "The output would have several columns named 'area'. Rename or drop that "
        "column of X."
    )
    raises(panel.assign(area=1.0), table, message)


def test_facts_that_are_neither_numbers_nor_categories_raise(panel, table):
    message = (
        "Column 'opened' of table has dtype datetime64[us]: times cannot be facts. "
        "Drop the column, move it to the index, or convert it to numbers, such as "
        "table['opened'].dt.day_of_week."
    )
    opened = pd.Series(pd.Timestamp("2020-01-01"), table.index).astype("datetime64[us]")
    raises(panel, table.assign(opened=opened), message, TypeError)
    message = "Column 'area' of table contains infinity or a value too large"
    raises(panel, table.assign(area=np.inf), message)


def test_facts_too_large_for_float32_raise(panel, table):
    area = table["area"].astype(float)
    area.loc["c"] = 1e45
    message = "Column 'area' of table contains infinity or a value too large for float3"
    known = panel.drop(index="c")
    for scale in (False, True):
        features = StaticFeatures(table.assign(area=area), scale=scale)
        with pytest.raises(ValueError, match=message):
            features.fit(known)


def test_an_array_cannot_hold_categories():
    message = (
        "table has categories in 'kind', which an array cannot hold. Give X as a "
        "DataFrame, or only the numbers of table."
    )
    raises(np.zeros((2, 1)), LABEL_0.assign(kind="x"), message)
    fitted = StaticFeatures(LABEL_0.assign(kind="x")).fit(pd.DataFrame({0: [1.0]}))
    with pytest.raises(ValueError, match=re.escape(message)):
        fitted.transform(np.zeros((2, 1)))


def test_another_number_of_levels_raises(panel, brands, table):
    message = "X is indexed by 2 levels, but fit saw 3."
    with pytest.raises(ValueError, match=re.escape(message)):
        StaticFeatures(table).fit(brands).transform(panel)


def test_lost_index_raises(panel, table):
    flat = panel.reset_index(drop=True)
    lost = 'call set_output(transform="pandas") on it or on the whole pipeline.'
    calls = [
        lambda: StaticFeatures(table).fit(panel).transform(flat),
        lambda: StaticFeatures(table).fit(flat, panel["sales"]),
        lambda: make_pipeline(StandardScaler(), StaticFeatures(table)).fit(
            panel, panel["sales"]
        ),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=re.escape(lost)):
            call()
    with pytest.raises(TypeError, match="but the rows seen in fit had no such index"):
        StaticFeatures(LABEL_0).fit(flat).transform(panel)

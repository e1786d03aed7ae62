import re

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklstm import SeriesEncoder, SeriesScaler

ENCODINGS = ["categorical", "onehot", "ordinal"]


@pytest.fixture
def X(panel):
    """The panel with a text, a category and a whole number of each series."""
    store = panel.index.get_level_values("store")
    return panel.assign(
        kind=store.map({"a": "mall", "b": "kiosk", "c": "mall"}),
        size=pd.Categorical(
            store.map({"a": "small", "b": "large", "c": "small"}),
            categories=["small", "medium", "large"],
        ),
        zone=store.map({"a": 30, "b": 20, "c": 10}).astype(int),
    )


@pytest.fixture
def regions(panel):
    """The panel under two regions: three index levels, six series."""
    return pd.concat({"north": panel, "east": panel}, names=["region"])


def shuffled(X):
    return X.iloc[np.random.default_rng(0).permutation(len(X))]


def label_of_indicators(frame, name):
    """The label that each row's indicators give, NaN where all are zero."""
    columns = [c for c in frame if str(c).startswith(f"{name}_")]
    values = frame[columns].to_numpy()
    labels = np.array([c.removeprefix(f"{name}_") for c in columns], dtype=object)
    out = labels[values.argmax(axis=1)]
    out[values.sum(axis=1) == 0] = None
    return out


@parametrize_with_checks([SeriesEncoder(encoding) for encoding in ENCODINGS])
def test_common_checks(estimator, check):
    check(estimator)


def test_categorical_appends_the_series_id(X):
    X.columns.name = "column"
    out = SeriesEncoder().fit_transform(X)
    pd.testing.assert_frame_equal(out[X.columns], X)
    assert out.columns.name == "column"
    assert out.columns[-1] == "store"
    assert isinstance(out["store"].dtype, pd.CategoricalDtype)
    assert out["store"].cat.categories.tolist() == ["a", "b", "c"]
    assert out["store"].tolist() == X.index.get_level_values("store").tolist()


def test_ordinal_codes_follow_the_sorted_labels_from_1(X):
    out = SeriesEncoder("ordinal").fit_transform(X)["store"]
    expected = OrdinalEncoder().fit_transform(X.reset_index()[["store"]]).ravel() + 1
    assert out.tolist() == expected.tolist()
    assert pd.api.types.is_integer_dtype(out.dtype)


def test_onehot_equals_scikit_learn(X):
    out = SeriesEncoder("onehot").fit_transform(X)
    encoder = OneHotEncoder(sparse_output=False, dtype=np.float32)
    expected = encoder.fit_transform(X.reset_index()[["store"]])
    names = encoder.get_feature_names_out()
    assert out.columns.tolist() == [*X.columns, *names]
    np.testing.assert_array_equal(out[names], expected)
    assert out[names].dtypes.eq("float32").all()


def test_unknown_series_are_missing_zero_or_all_zeros(X):
    train = X.drop(index="b")
    categorical = SeriesEncoder().fit(train).transform(X)["store"]
    assert categorical.cat.categories.tolist() == ["a", "c"]
    assert categorical.isna().equals(pd.Series(X.index.isin(["b"], 0), X.index))
    ordinal = SeriesEncoder("ordinal").fit(train).transform(X)["store"]
    assert ordinal.groupby(level=0).unique().map(list).to_dict() == {
        "a": [1],
        "b": [0],
        "c": [2],
    }
    onehot = SeriesEncoder("onehot").fit(train).transform(X)
    store = X.index.get_level_values("store")
    expected = [None if label == "b" else label for label in store]
    assert label_of_indicators(onehot, "store").tolist() == expected


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_unknown_labels_raise_where_asked(X, encoding):
    encoder = SeriesEncoder(encoding, columns=["kind"], handle_unknown="error")
    encoder.fit(X.drop(index=["b", "c"]))
    message = (
        "'store' has 2 label(s) not seen in fit: 'b', 'c'. Fit on rows that have "
        "them, or set handle_unknown='ignore'."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        encoder.transform(X)
    message = "'kind' has 1 label(s) not seen in fit: 'kiosk'."
    with pytest.raises(ValueError, match=re.escape(message)):
        encoder.transform(X.loc[["a"]].assign(kind="kiosk"))
    encoder.transform(X.loc[["a"]])


def test_missing_labels_are_coded_as_unknown_without_an_error(X):
    X.loc["a", "kind"] = None
    encoder = SeriesEncoder("ordinal", columns=["kind"], handle_unknown="error").fit(X)
    assert encoder.categories_["kind"].tolist() == ["kiosk", "mall"]
    assert encoder.transform(X).loc["a", "kind"].eq(0).all()


def test_labels_of_other_types_are_unknown():
    index = pd.MultiIndex.from_product([[1, 2], range(3)], names=["id", "t"])
    X = pd.DataFrame({"v": range(6)}, index=index)
    encoder = SeriesEncoder("ordinal").fit(X)
    text = X.rename(index=str, level=0)
    assert encoder.transform(text)["id"].eq(0).all()


def test_several_levels_make_tuples(regions):
    encoder = SeriesEncoder().fit(regions)
    pairs = [(region, store) for region in ("east", "north") for store in "abc"]
    labels = encoder.categories_["region_store"]
    assert not isinstance(labels, pd.MultiIndex)
    assert labels.tolist() == pairs
    out = encoder.transform(shuffled(regions))["region_store"]
    assert out.tolist() == out.index.droplevel(-1).tolist()
    fewer = SeriesEncoder("ordinal").fit(regions.loc[["north"]]).transform(regions)
    assert fewer.loc["east", "region_store"].eq(0).all()
    assert fewer.loc["north", "region_store"].unique().tolist() == [1, 2, 3]


def test_levels_become_columns_of_their_own(regions):
    encoder = SeriesEncoder(levels=["store", 0, "series"])
    out = encoder.fit_transform(shuffled(regions))
    assert out.columns.tolist()[-3:] == ["store", "region", "region_store"]
    for name in ("store", "region"):
        assert out[name].tolist() == out.index.get_level_values(name).tolist()


def test_a_level_may_be_called_series(regions):
    regions.index.names = ["series", "store", "date"]
    out = SeriesEncoder(levels=["series"]).fit_transform(regions)["series"]
    assert out.tolist() == regions.index.get_level_values(0).tolist()


def test_unused_levels_are_no_labels(regions):
    part = regions.loc[["north"]].query("store != 'a'")
    encoder = SeriesEncoder(levels=["region", "store"]).fit(part)
    assert {k: v.tolist() for k, v in encoder.categories_.items()} == {
        "region": ["north"],
        "store": ["b", "c"],
    }


def test_labels_sort_whatever_the_order_of_a_categorical_index(panel):
    stores = pd.CategoricalIndex(["c", "a", "b"], categories=["c", "b", "a"])
    index = pd.MultiIndex.from_product([stores, range(2)], names=["store", "t"])
    X = pd.DataFrame({"v": range(6)}, index=index)
    for levels in (None, ["store"]):
        encoder = SeriesEncoder("ordinal", levels=levels).fit(X)
        assert encoder.categories_["store"].tolist() == ["a", "b", "c"]
        assert encoder.transform(X)["store"].tolist() == [3, 3, 1, 1, 2, 2]


def test_columns_are_encoded_in_place(X):
    columns = ["kind", "size", "zone"]
    encoder = SeriesEncoder(columns=columns).fit(X)
    out = encoder.transform(X)
    assert out.columns.tolist() == [*X.columns, "store"]
    assert out["kind"].cat.categories.tolist() == ["kiosk", "mall"]
    assert out["size"].cat.categories.tolist() == ["small", "large"]
    assert out["zone"].cat.categories.tolist() == [10, 20, 30]
    for name in columns:
        assert out[name].tolist() == X[name].tolist()
    codes = SeriesEncoder("ordinal", columns=columns).fit_transform(X)
    assert codes.loc["a", columns].drop_duplicates().values.tolist() == [[2, 1, 3]]


def test_columns_give_way_to_their_indicators(X):
    out = SeriesEncoder("onehot", columns=["zone", "kind"]).fit_transform(X)
    stores = ["store_a", "store_b", "store_c"]
    types = ["zone_10", "zone_20", "zone_30", "kind_kiosk", "kind_mall"]
    assert out.columns.tolist() == ["price", "sales", "size", *stores, *types]
    assert label_of_indicators(out, "kind").tolist() == X["kind"].tolist()
    assert label_of_indicators(out, "zone").tolist() == X["zone"].astype(str).tolist()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_levels_may_be_left_out(X, encoding):
    encoder = SeriesEncoder(encoding, levels=[], columns=["kind"])
    out = encoder.fit_transform(X)
    assert list(encoder.categories_) == ["kind"]
    assert not any("store" in name for name in out)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_frame_without_columns_gets_the_id(X, encoding):
    out = SeriesEncoder(encoding).fit_transform(X[[]])
    expected = SeriesEncoder(encoding).fit_transform(X).drop(columns=X.columns)
    pd.testing.assert_frame_equal(out, expected)


def test_indexes_without_names(panel):
    X = panel.rename_axis([None, None])
    assert SeriesEncoder().fit_transform(X).columns[-1] == "series"
    out = SeriesEncoder(levels=[0]).fit_transform(X)
    assert out.columns[-1] == "level_0"


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_array_is_one_series(encoding, dtype):
    X = np.arange(6, dtype=dtype).reshape(3, 2)
    out = SeriesEncoder(encoding).fit_transform(X)
    np.testing.assert_array_equal(out, np.column_stack([X, [1, 1, 1]]))
    assert out.dtype == dtype


def test_flat_frame_is_one_series(X):
    X = X.reset_index(drop=True)
    assert SeriesEncoder("ordinal").fit_transform(X)["series"].eq(1).all()
    assert SeriesEncoder("onehot").fit_transform(X)["series_0"].eq(1).all()
    assert SeriesEncoder().fit_transform(X)["series"].cat.codes.eq(0).all()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_feature_names_are_those_of_the_output(X, encoding):
    encoder = SeriesEncoder(encoding, columns=["kind"]).fit(X)
    expected = encoder.transform(X)
    assert encoder.get_feature_names_out().tolist() == expected.columns.tolist()
    out = encoder.set_output(transform="pandas").transform(X)
    pd.testing.assert_frame_equal(out, expected)


def test_input_is_not_changed(X):
    original = X.copy()
    for encoding in ENCODINGS:
        SeriesEncoder(encoding, columns=["kind", "size"]).fit_transform(X)
    pd.testing.assert_frame_equal(X, original)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_name_of_another_column_raises(X, encoding):
    taken = "store_b" if encoding == "onehot" else "store"
    X[taken] = 1.0
    message = (
        f"The output would have several columns named '{taken}'. Rename or drop that "
        "column of X, or rename the index level with X.rename_axis."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        SeriesEncoder(encoding).fit(X)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoded_column_cannot_share_its_name_with_a_level(X, encoding):
    X["store"] = "x"
    message = "The output would have several columns named 'store'."
    with pytest.raises(ValueError, match=re.escape(message)):
        SeriesEncoder(encoding, columns=["store"]).fit(X)


def test_wrong_levels_raise(regions):
    message = (
        "levels has 'shop', but the index of X has the levels ['region', 'store', "
        "'date']. Give one of these names, a position, or 'series'"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        SeriesEncoder(levels=["shop"]).fit(regions)
    for level in ("date", -1, 2):
        message = f"levels has {level!r}, the last index level, which is time"
        with pytest.raises(ValueError, match=re.escape(message)):
            SeriesEncoder(levels=[level]).fit(regions)
    for level in (3, True):
        message = f"levels has {level}, but the index"
        with pytest.raises(ValueError, match=re.escape(message)):
            SeriesEncoder(levels=[level]).fit(regions)


def test_wrong_columns_raise(panel):
    message = (
        "columns has 'kind', but X has 0 columns of that name; its columns are "
        "['price', 'sales']."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        SeriesEncoder(columns=["kind"]).fit(panel)
    message = "columns=['kind'] needs a DataFrame with these columns"
    with pytest.raises(ValueError, match=re.escape(message)):
        SeriesEncoder(columns=["kind"]).fit(panel.to_numpy())
    flat = pd.DataFrame({0: ["mall", "kiosk"]})
    encoder = SeriesEncoder(columns=[0]).fit(flat)
    message = "columns=[0] needs a DataFrame with these columns"
    with pytest.raises(ValueError, match=re.escape(message)):
        encoder.transform(np.zeros((2, 1)))


LOST = 'call set_output(transform="pandas") on it or on the whole pipeline.'


def test_lost_index_raises(panel):
    flat = panel.reset_index(drop=True)
    encoder = SeriesEncoder().fit(panel)
    calls = [
        lambda: encoder.transform(flat),
        lambda: SeriesEncoder().fit(flat, panel["sales"]),
        lambda: SeriesEncoder(levels=["store"]).fit(flat),
        lambda: make_pipeline(StandardScaler(), SeriesEncoder()).fit(
            panel, panel["sales"]
        ),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=re.escape(LOST)):
            call()
    message = "but the rows seen in fit had no such index and made one series."
    with pytest.raises(TypeError, match=re.escape(message)):
        SeriesEncoder().fit(flat).transform(panel)


def test_another_number_of_levels_raises(panel, regions):
    message = "X is indexed by 2 levels, but fit saw 3."
    with pytest.raises(ValueError, match=re.escape(message)):
        SeriesEncoder().fit(regions).transform(panel)


def test_names_of_fit_hold_for_an_index_without_names(panel):
    encoder = SeriesEncoder(levels=["store"]).fit(panel)
    out = encoder.transform(panel.rename_axis([None, None]))
    assert out.columns.tolist() == ["price", "sales", "store"]


def test_scaler_leaves_the_id_alone(panel):
    pipeline = make_pipeline(SeriesEncoder(), SeriesScaler())
    out = pipeline.fit_transform(panel)
    pd.testing.assert_series_equal(
        out["store"], SeriesEncoder().fit_transform(panel)["store"]
    )


def test_grid_search_runs_in_parallel(panel):
    y = panel["sales"]
    pipeline = make_pipeline(SeriesEncoder(), Ridge())
    grid = {"seriesencoder__encoding": ["onehot", "ordinal"]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2, error_score="raise")
    search.fit(shuffled(panel[["price"]]), shuffled(y))
    # A level of its own for each store is what indicators can say and codes cannot.
    assert search.best_params_ == {"seriesencoder__encoding": "onehot"}


@pytest.mark.parametrize("encoding", ["categorical", "onehot", "ordinal"])
def test_labels_that_come_later_leave_the_codes_of_known_ones(encoding):
    def rows(*stores):
        index = pd.MultiIndex.from_product([stores, [1, 2]], names=["store", "day"])
        kind = pd.Categorical([f"kind {store}" for store in index.get_level_values(0)])
        return pd.DataFrame({"price": 1.0, "kind": kind}, index=index)

    def codes(encoder, X):
        out = encoder.transform(X)
        if encoding == "categorical":
            return out[["kind", "store"]].apply(lambda column: column.cat.codes)
        return out.drop(columns="price")

    encoder = SeriesEncoder(encoding, columns=["kind"]).fit(rows("b", "d"))
    before = codes(encoder, rows("b", "d"))
    encoder.add_labels(rows("a", "b")).add_labels(rows("c"))
    assert encoder.categories_["store"].tolist() == ["b", "d", "a", "c"]
    assert encoder.categories_["kind"].tolist() == [
        "kind b",
        "kind d",
        "kind a",
        "kind c",
    ]
    after = codes(encoder, rows("b", "d"))
    pd.testing.assert_frame_equal(after[before.columns], before)
    every = codes(encoder, rows("a", "b", "c", "d"))
    assert len(every.drop_duplicates()) == 4

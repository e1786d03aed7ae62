import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklstm import (
    LSTMRegressor,
    PanelForecaster,
    SeriesImputer,
    SeriesScaler,
    SlidingWindow,
)
from sklstm.datasets import make_panel

IMPUTERS = [
    SeriesImputer(),
    SeriesImputer("seasonal", seasonal_period=3, fill_value=-1.0),
    SeriesImputer("mean"),
    SeriesImputer("constant", fill_value=7, add_indicator=True),
]
PAST_ONLY = [IMPUTERS[0], IMPUTERS[1], IMPUTERS[3]]


@pytest.fixture
def X():
    """Series of many lengths with a third of the numbers missing, and other columns."""
    X = make_panel(n_series=8, n_rows=(1, 40), stagger=5, random_state=0)
    rng = np.random.default_rng(0)
    for name in ("target", "price"):
        X.loc[rng.uniform(size=len(X)) < 0.35, name] = np.nan
    X.loc["s2", "price"] = np.nan
    return X.assign(
        price=X["price"].astype(np.float32),
        promotion=X["promotion"].astype(int),
        flag=X["promotion"] > 0,
        kind=pd.Categorical.from_codes(np.arange(len(X)) % 3 - 1, list("xy")),
        count=pd.array(np.where(np.arange(len(X)) % 4, 2, 9), dtype="Int64"),
    ).assign(count=lambda x: x["count"].where(x["count"] > 2))


def shuffled(X):
    return X.sample(frac=1, random_state=0)


def fill_by_loop(values, period, fill_value):
    out = list(values)
    for p in (period, 1):
        for i in range(len(out)):
            if np.isnan(out[i]) and i >= p:
                out[i] = out[i - p]
    return [fill_value if np.isnan(v) else v for v in out]


def expected_of(imputer, X):
    """What the imputer is to make of the numeric columns of the rows of its fit."""
    period = imputer.seasonal_period or 1
    numeric = X[["target", "price", "promotion", "count"]].astype(float)
    parts = []
    for _, part in numeric.groupby(level=0):
        if imputer.strategy == "mean":
            parts.append(part.fillna(part.mean()).fillna(numeric.mean()))
        elif imputer.strategy == "constant":
            parts.append(part.fillna(imputer.fill_value))
        else:
            parts.append(
                part.apply(fill_by_loop, args=(period, imputer.fill_value), raw=False)
            )
    return pd.concat(parts)


@parametrize_with_checks(IMPUTERS)
def test_common_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("imputer", IMPUTERS, ids=repr)
def test_it_equals_a_plain_loop_in_any_row_order(imputer, X):
    expected = expected_of(imputer, X)
    out = imputer.fit_transform(X)
    pd.testing.assert_frame_equal(
        out[expected.columns], expected, check_dtype=False, rtol=1e-6
    )
    mixed = shuffled(X)
    again = imputer.fit_transform(mixed)
    assert again.index.equals(mixed.index)
    pd.testing.assert_frame_equal(again.loc[X.index], out)


@pytest.mark.parametrize("imputer", IMPUTERS, ids=repr)
def test_other_columns_and_known_values_stay(imputer, X):
    out = imputer.fit_transform(X)
    pd.testing.assert_frame_equal(out[["flag", "kind"]], X[["flag", "kind"]])
    assert out["price"].dtype == np.float32
    assert out[["target", "promotion", "count"]].dtypes.eq(np.float64).all()
    for name in ("target", "price", "promotion", "count"):
        known = X[name].notna()
        assert (out[name][known] == X[name][known]).all()
    assert out.columns[: X.shape[1]].tolist() == X.columns.tolist()


@pytest.mark.parametrize("period", [1, 3, 7, 50])
@pytest.mark.parametrize("n_train", [1, 4, 20])
def test_later_rows_are_filled_as_if_they_had_come_in_fit(X, period, n_train):
    imputer = SeriesImputer("seasonal", seasonal_period=period)
    whole = imputer.fit_transform(X)
    early = (X.groupby(level=0).cumcount() < n_train).to_numpy()
    out = imputer.fit(shuffled(X[early])).transform(shuffled(X[~early]))
    pd.testing.assert_frame_equal(out.sort_index(), whole[~early])
    forward = SeriesImputer()
    expected = forward.fit_transform(X)[~early]
    pd.testing.assert_frame_equal(forward.fit(X[early]).transform(X[~early]), expected)


def test_rows_that_are_not_all_later_are_filled_alone(X):
    imputer = SeriesImputer().fit(X)
    part = X[X.groupby(level=0).cumcount() >= 6]
    pd.testing.assert_frame_equal(
        imputer.transform(part), clone(imputer).fit_transform(part)
    )


def test_unseen_series_have_no_past_and_the_mean_of_all(X):
    train, test = X.drop(index="s0"), X.loc[["s0"]]
    out = SeriesImputer(fill_value=-5).fit(train).transform(test)
    alone = SeriesImputer(fill_value=-5).fit_transform(test)
    pd.testing.assert_frame_equal(out, alone)
    out = SeriesImputer("mean", handle_unknown="global").fit(train).transform(test)
    expected = test["target"].fillna(train["target"].mean())
    pd.testing.assert_series_equal(out["target"], expected)
    with pytest.raises(ValueError, match="1 series not seen in fit: 's0'. Learn"):
        SeriesImputer("mean").fit(train).transform(test)


def test_a_column_without_any_value_gets_the_fill_value(X):
    X["target"] = np.nan
    for imputer in IMPUTERS:
        out = imputer.fit_transform(X)
        assert out["target"].eq(imputer.fill_value).all()


def test_indicators_are_1_where_values_were_missing(X):
    imputer = SeriesImputer(add_indicator=True).fit(X)
    out = imputer.transform(X)
    new = ["target_missing", "price_missing", "count_missing"]
    assert out.columns.tolist() == [*X.columns, *new]
    assert imputer.get_feature_names_out().tolist() == out.columns.tolist()
    for name in new:
        missing = X[name.removesuffix("_missing")].isna()
        assert out[name].eq(missing).all()
        assert out[name].dtype == np.float32
    later = imputer.transform(X.assign(promotion=np.nan))
    assert later.columns.tolist() == out.columns.tolist()
    complete = SeriesImputer(add_indicator=True).fit(X[["promotion"]])
    assert complete.transform(X[["promotion"]]).columns.tolist() == ["promotion"]


@pytest.mark.parametrize("strategy", ["mean", "constant"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_array_is_one_series_as_in_scikit_learn(strategy, dtype):
    X = np.array([[1, np.nan], [np.nan, 4], [4, np.nan], [7, 5]], dtype=dtype)
    ours = SeriesImputer(strategy, add_indicator=True).fit_transform(X)
    theirs = SimpleImputer(strategy=strategy, fill_value=0.0, add_indicator=True)
    np.testing.assert_array_equal(ours, theirs.fit_transform(X))
    assert ours.dtype == dtype


def test_an_array_is_filled_in_the_order_of_its_rows():
    X = np.array([[np.nan], [1.0], [np.nan], [np.nan]])
    imputer = SeriesImputer().fit(X)
    np.testing.assert_array_equal(imputer.transform(X).ravel(), [0, 1, 1, 1])
    np.testing.assert_array_equal(imputer.transform(X[2:]).ravel(), [0, 0])


def test_new_series_can_be_added(X):
    names = X.index.get_level_values(0)
    for imputer in IMPUTERS:
        whole = clone(imputer).fit(X)
        part = clone(imputer).fit(X[names < "s4"]).add_series(shuffled(X))
        known = X.loc[X.index.get_level_values(0) < "s4"]
        assert part.mean_.index.tolist() == whole.mean_.index.tolist()
        pd.testing.assert_frame_equal(part.transform(X), whole.transform(X))
        later = X.rename(index=lambda t: t + pd.Timedelta(days=400), level=1)
        pd.testing.assert_frame_equal(part.transform(later), whole.transform(later))
        before = pickle.dumps(part.mean_)
        assert pickle.dumps(part.add_series(known).mean_) == before


def test_a_forecaster_adds_series_to_it(panel):
    panel.loc["a", "price"] = np.nan
    X, y = panel[["price"]], panel["sales"]
    pipeline = make_pipeline(
        SeriesImputer("mean"), SlidingWindow(5), LSTMRegressor(max_epochs=1)
    )
    forecaster = PanelForecaster(pipeline, horizon=2).fit(
        X.drop(index="c"), y.drop("c")
    )
    forecaster.update(X.loc[["c"]], y.loc[["c"]])
    means = forecaster.estimator_.named_steps["seriesimputer"].mean_
    assert means.index.tolist() == ["a", "b", "c"]
    assert means.loc["c", "price"] == pytest.approx(X.loc["c", "price"].mean())


@pytest.mark.parametrize("imputer", IMPUTERS, ids=repr)
def test_set_output_pickle_and_input_untouched(imputer, X):
    original = X.copy()
    fitted = clone(imputer).fit(X)
    expected = fitted.transform(X)
    pd.testing.assert_frame_equal(X, original)
    copy = pickle.loads(pickle.dumps(fitted)).set_output(transform="pandas")
    pd.testing.assert_frame_equal(copy.transform(X), expected)
    assert copy.get_feature_names_out().tolist() == expected.columns.tolist()


def test_no_columns_and_no_numeric_columns(X):
    for columns in ([], ["kind"]):
        for imputer in IMPUTERS:
            out = imputer.fit_transform(X[columns])
            pd.testing.assert_frame_equal(out, X[columns])


def test_missing_season_raises(X):
    message = (
        "strategy='seasonal' needs the rows of a season. Set seasonal_period to an "
        "integer of at least 1, such as 7 for days of a week."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        SeriesImputer("seasonal").fit(X)


def test_name_of_an_indicator_that_is_taken_raises(X):
    message = (
        "The output would have several columns named 'price_missing'. Rename or drop "
        "that column of X."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        SeriesImputer(add_indicator=True).fit(X.assign(price_missing=1.0))


def test_infinity_raises(X):
    X.iloc[3, 0] = np.inf
    message = "Column 'target' of X contains infinity or a value too large"
    with pytest.raises(ValueError, match=re.escape(message)):
        SeriesImputer().fit(X)


def test_times_of_another_type_raise(X):
    other = X.rename(index=lambda t: t.day_of_year, level=1).loc[["s0"]]
    with pytest.raises(TypeError, match="The times of X have dtype int64, but fit saw"):
        SeriesImputer().fit(X).transform(other)


def test_lost_index_raises(X):
    numbers = X[["target", "price"]]
    lost = 'call set_output(transform="pandas") on it or on the whole pipeline.'
    calls = [
        lambda: SeriesImputer().fit(numbers).transform(numbers.reset_index(drop=True)),
        lambda: SeriesImputer().fit(numbers.to_numpy(), X["promotion"]),
        lambda: make_pipeline(StandardScaler(), SeriesImputer()).fit(
            numbers, X["promotion"]
        ),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=re.escape(lost)):
            call()
    message = "but the rows seen in fit had no such index and made one series."
    with pytest.raises(TypeError, match=re.escape(message)):
        SeriesImputer().fit(numbers.reset_index(drop=True)).transform(numbers)


def test_it_stands_before_a_scaler(X):
    out = make_pipeline(SeriesImputer(), SeriesScaler()).fit_transform(X)
    assert out.drop(columns="kind").notna().all(axis=None)

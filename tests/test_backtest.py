"""backtest: every fold's forecasts in one frame."""

import ast
import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import (
    ConformalForecaster,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeriesKFold,
    SeriesScaler,
    SlidingWindow,
    backtest,
)

CV = PanelTimeSeriesSplit(n_splits=3, horizon=4)


@pytest.fixture
def forecaster():
    steps = make_pipeline(SlidingWindow(3, flat=True), Ridge())
    return PanelForecaster(steps, horizon=4)


def test_it_equals_a_loop_over_folds(panel, forecaster):
    shuffled = panel.sample(frac=1, random_state=0)
    X, y = shuffled[["price"]], shuffled["sales"]
    result = backtest(forecaster, X, y, cv=CV)
    assert not hasattr(forecaster, "estimator_")
    row = 0
    for train, test in CV.split(X):
        y_pred = forecaster.fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test])
        expected = pd.Series(y_pred, y.index[test]).sort_index()
        fold = result.iloc[row : row + len(test)]
        got = fold.set_index(["store", "date"])
        assert_allclose(got["y_pred"], expected)
        assert_array_equal(got["y_true"], y[got.index])
        ends = y.iloc[train].reset_index("date")["date"].groupby(level=0).max()
        assert_array_equal(fold["cutoff"], ends[fold["store"]])
        assert_array_equal(
            fold["step"], (fold["date"] - fold["cutoff"]).dt.days.to_numpy()
        )
        row += len(test)
    assert row == len(result)


def test_two_jobs_give_the_same(panel, forecaster):
    X, y = panel[["price"]], panel["sales"]
    one, two = (backtest(forecaster, X, y, cv=CV, n_jobs=n) for n in (1, 2))
    pd.testing.assert_frame_equal(one, two)


def test_without_refit_the_history_grows_and_the_model_stays(panel, forecaster):
    X, y = panel[["price"]], panel["sales"]
    result = backtest(forecaster, X, y, cv=CV, refit=False)
    (first, _), *_, (train, test) = CV.split(X)
    model = forecaster.fit(X.iloc[first], y.iloc[first])
    late = np.setdiff1d(train, first)
    expected = model.update(X.iloc[late], y.iloc[late]).predict(X.iloc[test])
    assert_array_equal(result["y_pred"].tail(len(test)), expected)


@pytest.mark.parametrize("refit", [True, False])
def test_quantiles_are_those_of_the_forecaster(panel, forecaster, refit):
    shuffled = panel.sample(frac=1, random_state=0)
    X, y = shuffled[["price"]], shuffled["sales"]
    conformal = ConformalForecaster(forecaster, calibration_size=10)
    result = backtest(conformal, X, y, cv=CV, quantiles=(0.2, 0.8), refit=refit)
    assert result.columns[-3:].tolist() == ["y_pred", 0.2, 0.8]
    train, test = next(CV.split(X))
    model = conformal.fit(X.iloc[train], y.iloc[train])
    expected = model.predict_quantiles(X.iloc[test], (0.2, 0.8)).sort_index()
    got = result.head(len(test)).set_index(["store", "date"])[[0.2, 0.8]]
    assert_array_equal(got, expected)
    assert (result[0.2] < result[0.8]).all()


def test_folds_that_do_not_grow_need_a_refit(panel, forecaster):
    cv = PanelTimeSeriesSplit(n_splits=2, horizon=4, max_train_size=10)
    with pytest.raises(ValueError, match="refit=False needs folds that grow"):
        backtest(forecaster, panel[["price"]], panel["sales"], cv=cv, refit=False)


def test_levels_without_names(panel, forecaster):
    bare = panel.rename_axis([None, None])
    result = backtest(forecaster, bare[["price"]], bare["sales"], cv=CV)
    assert result.columns[:3].tolist() == ["cutoff", "series", "time"]


def test_bad_input_is_named(panel, forecaster):
    with pytest.raises(TypeError, match="X must be a pandas object indexed by"):
        backtest(forecaster, panel[["price"]].to_numpy(), panel["sales"], cv=CV)
    with pytest.raises(TypeError, match="With X=None the rows are those of y: y must"):
        backtest(forecaster, None, panel["sales"].to_numpy(), cv=CV)


@pytest.mark.parametrize("refit", [True, False])
def test_several_targets_have_a_row_each(panel, forecaster, refit):
    shuffled = panel.sample(frac=1, random_state=0)
    Y = shuffled[["sales"]].assign(half=shuffled["sales"] / 2)
    conformal = ConformalForecaster(forecaster, calibration_size=10)
    model = conformal.set_params(estimator__target_transformer=SeriesScaler())
    model.set_params(estimator__estimator__ridge__alpha=10)
    result = backtest(model, None, Y, cv=CV, quantiles=(0.2, 0.8), refit=refit)
    names = ["cutoff", "store", "date", "step", "target", "y_true", "y_pred", 0.2, 0.8]
    assert result.columns.tolist() == names
    assert result["target"].tolist() == ["sales", "half"] * (len(result) // 2)
    train, test = next(CV.split(Y))
    model.fit(None, Y.iloc[train])
    X = Y.iloc[test][[]].sort_index()
    first = result.head(2 * len(test)).set_index(["store", "date"])
    levels = model.predict_quantiles(X, (0.2, 0.8))
    for i, target in enumerate(Y):
        rows = first[first["target"] == target]
        assert_array_equal(rows["y_true"], Y.loc[X.index, target])
        assert_array_equal(rows["y_pred"], model.predict(X)[:, i])
        assert_array_equal(rows[[0.2, 0.8]], levels[target])


def test_one_target_in_a_frame_is_one_target(panel, forecaster):
    one, frame = (
        backtest(forecaster, None, panel[key], cv=CV) for key in ("sales", ["sales"])
    )
    pd.testing.assert_frame_equal(one, frame)


def test_without_covariates_x_may_be_none(panel, forecaster):
    y = panel["sales"]
    pd.testing.assert_frame_equal(
        backtest(forecaster, None, y, cv=CV), backtest(forecaster, panel[[]], y, cv=CV)
    )


def test_steps_count_from_the_last_known_value(panel, forecaster):
    y, (train, test) = panel["sales"].copy(), next(CV.split(panel))
    last = y.iloc[train].groupby(level=0).tail(2).index
    y[last] = np.nan
    result = backtest(forecaster, None, y, cv=[(train, test)])
    assert sorted(result["step"].unique()) == [3, 4, 5, 6]
    known = y.iloc[train].drop(last)
    y_pred = forecaster.fit(None, known).predict(y.iloc[test].to_frame()[[]])
    assert_array_equal(result["y_pred"], y_pred)


def test_steps_count_from_the_cutoff_over_a_gap(panel, forecaster):
    cv = PanelTimeSeriesSplit(n_splits=2, horizon=3, gap=2)
    result = backtest(forecaster, panel[["price"]], panel["sales"], cv=cv)
    assert sorted(result["step"].unique()) == [3, 4, 5]


def test_series_without_training_rows_are_named(panel, forecaster):
    cv = SeriesKFold(n_splits=3)
    plain = make_pipeline(SlidingWindow(3, flat=True), Ridge())
    with pytest.raises(ValueError, match="backtest forecasts series from their"):
        backtest(plain, panel[["price"]], panel["sales"], cv=cv)


@pytest.mark.parametrize("n_bars", [7, 12])
@pytest.mark.parametrize("n_sessions", [1, 2, 5])
def test_sessions_left_out_before_a_test_are_not_counted_as_none(n_bars, n_sessions):
    times = [
        day + pd.Timedelta(hours=hour)
        for day in pd.bdate_range("2024-02-12", periods=60)
        for hour in range(9, 9 + n_bars)
    ]
    index = pd.MultiIndex.from_product([["a"], pd.DatetimeIndex(times)])
    y = pd.Series(np.random.default_rng(0).normal(size=len(index)), index)
    window = SlidingWindow(5, flat=True)
    forecaster = PanelForecaster(make_pipeline(window, Ridge()), horizon=n_bars)
    cv = PanelTimeSeriesSplit(1, horizon=n_bars, gap=n_sessions * n_bars)
    with pytest.raises(ValueError, match="ambiguous"):
        backtest(forecaster, None, y, cv=cv)
    cv = PanelTimeSeriesSplit(1, horizon=n_bars)
    assert backtest(forecaster, None, y, cv=cv)["step"].tolist() == [
        *range(1, n_bars + 1)
    ]


def test_levels_keep_their_names():
    index = pd.MultiIndex.from_product(
        [["x", "y"], [1, 2], range(20)], names=["region", None, "t"]
    )
    y = pd.Series(np.arange(80.0), index)
    window = SlidingWindow(3, flat=True)
    forecaster = PanelForecaster(make_pipeline(window, Ridge()))
    table = backtest(forecaster, None, y, cv=PanelTimeSeriesSplit(1))
    assert table.columns.tolist()[:4] == ["cutoff", "region", "series_1", "t"]


@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize(
    "kind", [np.asarray, list, pd.array, lambda mask: np.asarray(mask, dtype=object)]
)
def test_boolean_masks_give_what_positions_give(panel, forecaster, refit, kind):
    y, rows = panel["sales"], np.arange(len(panel))
    masks = [
        (kind(np.isin(rows, train)), kind(np.isin(rows, test)))
        for train, test in CV.split(panel)
    ]
    one, two = (backtest(forecaster, None, y, cv=cv, refit=refit) for cv in (CV, masks))
    pd.testing.assert_frame_equal(one, two)


def test_a_mask_of_other_rows_is_refused(panel, forecaster):
    folds = [(np.ones(5, dtype=bool), np.ones(5, dtype=bool))]
    message = f"cv gave a boolean mask of 5 values for {len(panel)} rows"
    with pytest.raises(ValueError, match=message):
        backtest(forecaster, None, panel["sales"], cv=folds)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (lambda rows, n: rows[:0], "without training rows or without test rows"),
        (lambda rows, n: np.zeros(n, dtype=bool), "without training rows or without"),
        (lambda rows, n: np.isin(np.arange(n), rows).astype(int), "only 2 of them"),
        (lambda rows, n: np.append(rows, rows[0]), "Give each row once"),
        (lambda rows, n: np.append(rows, rows[0] - n), "Give each row once"),
        (lambda rows, n: np.append(rows, n), "positions from .* but there are"),
        (lambda rows, n: rows.astype(str), "values of kind 'string'"),
        (lambda rows, n: rows.astype(float), "values of kind 'floating'"),
        (lambda rows, n: pd.array([True, None] * (n // 2)), "Give positions"),
        (lambda rows, n: np.ones((n, 1), dtype=bool), "cv gave rows as ndarray"),
        (lambda rows, n: slice(0, 5), "cv gave rows as slice"),
        (lambda rows, n: None, "cv gave rows as NoneType"),
        (lambda rows, n: set(rows), "cv gave rows as set"),
    ],
)
def test_folds_that_name_no_row_or_one_twice_are_refused(
    panel, forecaster, kind, message, place
):
    fold = list(next(CV.split(panel)))
    fold[place] = kind(fold[place], len(panel))
    with pytest.raises(ValueError, match=message):
        backtest(forecaster, None, panel["sales"], cv=[tuple(fold)])


@pytest.mark.parametrize("refit", [True, False])
def test_no_folds_are_refused(panel, forecaster, refit):
    with pytest.raises(ValueError, match=r"cv must give at least one fold .* \[\]"):
        backtest(forecaster, None, panel["sales"], cv=[], refit=refit)


@pytest.mark.parametrize(
    "names",
    [
        ["cutoff", "date"],
        ["store", "step"],
        ["target", "date"],
        ["store", "y_true"],
        ["y_pred", "date"],
        [0.2, "date"],
        ["time", None],
    ],
    ids=str,
)
def test_levels_named_as_a_column_of_the_table_are_refused(panel, forecaster, names):
    Y = panel[["sales"]].assign(half=panel["sales"] / 2).rename_axis(names)
    conformal = ConformalForecaster(forecaster, calibration_size=10)
    conformal.set_params(estimator__target_transformer=SeriesScaler())
    conformal.set_params(estimator__estimator__ridge__alpha=10)
    with pytest.raises(ValueError, match="has the name of another column") as caught:
        backtest(conformal, None, Y, cv=CV, quantiles=(0.2, 0.8))
    # What the message says to do helps.
    renamed = re.search(r"rename_axis\((\[.*?\])\)", str(caught.value)).group(1)
    Y = Y.rename_axis(ast.literal_eval(renamed))
    table = backtest(conformal, None, Y, cv=CV, quantiles=(0.2, 0.8))
    assert table.columns.is_unique


def test_columns_named_as_one_of_the_table_are_refused(panel):
    steps = make_pipeline(SlidingWindow(3, flat=True), Ridge())
    forecaster = PanelForecaster(steps, horizon=4, index=("store", "step"))
    flat = panel["sales"].rename_axis(["store", "step"]).reset_index()
    with pytest.raises(ValueError, match="The index level 'step' has the name"):
        backtest(forecaster, flat[["store", "step"]], flat["sales"], cv=CV)


def test_a_level_named_target_is_free_where_there_is_one_target(panel, forecaster):
    y = panel["sales"].rename_axis(["target", "date"])
    expected = backtest(forecaster, None, panel["sales"], cv=CV)
    table = backtest(forecaster, None, y, cv=CV)
    assert_array_equal(table["target"], expected["store"])


def test_targets_of_one_name_are_refused(panel, forecaster):
    Y = panel[["sales", "sales"]]
    with pytest.raises(ValueError, match="y has more than one target named 'sales'"):
        backtest(forecaster, None, Y, cv=CV)

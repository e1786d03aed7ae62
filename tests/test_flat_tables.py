"""Forecasters and splitters read flat tables, whose columns name series and time."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import (
    ConformalForecaster,
    ContinualForecaster,
    ForecastDisplay,
    ForecastErrorDisplay,
    LSTMForecaster,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeriesKFold,
    SlidingWindow,
    backtest,
    check_leakage,
    score_epochs,
)
from sklstm.datasets import make_panel
from sklstm.metrics import (
    make_panel_scorer,
    make_quantile_scorer,
    mean_absolute_scaled_error,
    symmetric_mean_absolute_percentage_error,
)

INDEX = ("series", "time")
CV = PanelTimeSeriesSplit(n_splits=2, horizon=3)


@pytest.fixture
def panel():
    return make_panel(n_series=5, n_rows=40, random_state=0)[["price", "target"]]


@pytest.fixture
def flat(panel):
    """The same rows as columns, in random order under labels of their own."""
    table = panel.reset_index().sample(frac=1, random_state=0)
    return table.set_index(np.arange(100, 100 + len(table)))


def forecaster(known=None, **params):
    window = SlidingWindow(5, known_covariates=known, flat=True)
    return PanelForecaster(make_pipeline(window, Ridge()), horizon=3, **params)


def split(table):
    return table.drop(columns="target"), table["target"]


def lstm(**params):
    return LSTMForecaster(
        3, hidden_size=4, max_epochs=2, n_estimators=1, random_state=0, **params
    )


def test_forecasts_are_those_of_the_panel(panel, flat):
    model = forecaster(["price"], index=INDEX).fit(*split(flat))
    same = forecaster(["price"]).fit(*split(panel))
    ahead = same.future_rows().assign(price=1.5)
    got = model.forecast(X=ahead.reset_index())
    assert got.columns.tolist() == ["series", "time", "target"]
    pd.testing.assert_series_equal(
        got.set_index([*INDEX])["target"], same.forecast(X=ahead)
    )
    pd.testing.assert_series_equal(model.history_, same.history_)


def test_predict_keeps_the_order_of_the_table(panel, flat):
    X, y = split(flat)
    model = forecaster(index=INDEX).fit(X, y)
    expected = pd.Series(
        forecaster().fit(*split(panel)).predict(panel[["price"]]), panel.index
    )
    order = pd.MultiIndex.from_frame(X[[*INDEX]])
    np.testing.assert_allclose(model.predict(X), expected.loc[order])


def test_the_rows_ahead_come_as_a_table_to_fill_in(flat):
    model = forecaster(["price"], index=INDEX).fit(*split(flat))
    ahead = model.future_rows()
    assert ahead.columns.tolist() == ["series", "time", "price"]
    assert len(model.forecast(X=ahead.assign(price=1.0))) == 15


def test_updates_and_later_training_take_tables(panel, flat):
    late = panel.index.get_level_values("time") >= panel.index[-5][1]
    X, y = split(panel)
    models = [lstm(index=INDEX), lstm()]
    for model, form in zip(
        models, [pd.DataFrame.reset_index, lambda X: X], strict=True
    ):
        model.fit(form(X[~late]), y[~late].to_numpy())
        model.partial_fit(form(X[late]), y[late].to_numpy())
    got, expected = (model.forecast() for model in models)
    np.testing.assert_array_equal(got["y"], expected)


def test_a_panel_is_taken_as_well(panel, flat):
    model, expected = (
        forecaster(index=INDEX).fit(*split(table)).forecast() for table in (panel, flat)
    )
    pd.testing.assert_frame_equal(model, expected)


def test_several_columns_name_a_series(panel):
    table = panel.reset_index().assign(town=lambda t: t["series"].isin(["s0", "s1"]))
    model = forecaster(index=["town", "series", "time"]).fit(*split(table))
    got = model.forecast()
    assert got.columns.tolist() == ["town", "series", "time", "target"]
    assert len(got) == 15


@pytest.mark.parametrize("align", ["calendar", "end"])
def test_folds_are_those_of_the_panel(panel, flat, align):
    X, y = split(flat)
    expected = X.set_index([*INDEX])
    cv = PanelTimeSeriesSplit(n_splits=2, horizon=3, align=align)
    told = PanelTimeSeriesSplit(n_splits=2, horizon=3, align=align, index=INDEX)
    for given, same in zip(told.split(X, y), cv.split(expected), strict=True):
        for one, two in zip(given, same, strict=True):
            np.testing.assert_array_equal(one, two)


def test_folds_of_series_are_those_of_the_panel(flat):
    X, _ = split(flat)
    folds = SeriesKFold(2, index=INDEX).split(X)
    same = SeriesKFold(2).split(X.set_index([*INDEX]))
    for given, expected in zip(folds, same, strict=True):
        for one, two in zip(given, expected, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    "scoring", ["neg_mean_absolute_error", make_panel_scorer("mase")]
)
def test_searches_score_as_those_of_the_panel(panel, flat, scoring):
    grid = {"estimator__slidingwindow__window_size": [3, 6]}
    cv = PanelTimeSeriesSplit(n_splits=2, horizon=3, index=INDEX)
    options = {"scoring": scoring, "error_score": "raise"}
    search = GridSearchCV(forecaster(index=INDEX), grid, cv=cv, **options)
    same = GridSearchCV(forecaster(), grid, cv=CV, **options).fit(*split(panel))
    search.fit(*split(flat))
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], same.cv_results_["mean_test_score"]
    )


def test_a_pipeline_may_come_before(flat):
    """Also one whose steps give frames with another index."""
    steps = FunctionTransformer(lambda X: X.reset_index(drop=True))
    model = make_pipeline(steps, forecaster(index=INDEX))
    cv = PanelTimeSeriesSplit(n_splits=2, horizon=3, index=INDEX)
    X, y = split(flat)
    got = cross_val_score(model, X, y.to_numpy(), cv=cv, error_score="raise")
    expected = cross_val_score(forecaster(index=INDEX), X, y, cv=cv)
    np.testing.assert_allclose(got, expected)


def test_everything_that_takes_a_forecaster_takes_tables(panel, flat):
    X, y = split(flat)
    model = forecaster(index=INDEX)
    cv = PanelTimeSeriesSplit(n_splits=2, horizon=3)
    pd.testing.assert_frame_equal(
        backtest(model, X, y, cv=cv).sort_values(["cutoff", *INDEX], ignore_index=True),
        backtest(forecaster(), *split(panel), cv=cv),
        check_exact=False,
    )
    check_leakage(model, X, y)
    assert len(list(score_epochs(lstm(index=INDEX), X, y, cv=cv))) == 2
    late = X["time"] >= X["time"].max() - pd.Timedelta(days=2)
    fitted = model.fit(X[~late], y[~late])
    display = ForecastDisplay.from_estimator(fitted, X[late], y[late], series=["s2"])
    assert [ax.get_title(loc="left") for ax in display.axes_] == ["s2"]


def test_quantiles_and_intervals(panel, flat):
    X, y = split(flat)
    conformal = ConformalForecaster(forecaster(index=INDEX)).fit(X, y)
    same = ConformalForecaster(forecaster()).fit(*split(panel))
    ahead = same.future_rows().assign(price=1.5)
    got = conformal.forecast_quantiles(X=ahead.reset_index(), quantiles=[0.1, 0.9])
    assert got.columns.tolist() == ["series", "time", 0.1, 0.9]
    expected = same.forecast_quantiles(X=ahead, quantiles=[0.1, 0.9])
    np.testing.assert_allclose(got[[0.1, 0.9]], expected)
    asked = ahead.reset_index().iloc[::-1].set_axis(range(50, 65), axis=0)
    for method in ("predict_interval", "predict_quantiles"):
        bounds = getattr(conformal, method)(asked)
        pd.testing.assert_index_equal(bounds.index, asked.index)
        np.testing.assert_allclose(bounds[::-1], getattr(same, method)(ahead))
    score = make_quantile_scorer()
    assert score(conformal, X, y) == pytest.approx(score(same, *split(panel)))
    assert (
        conformal.update(ahead.reset_index(), np.zeros(15), recalibrate=True)
        .forecast()["time"]
        .min()
        > ahead.index[-1][1]
    )


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_a_table_of_another_library_comes_back_as_one(panel, library):
    table = panel.reset_index()
    convert = {"polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}[library]
    X, y = convert(table.drop(columns="target")), convert(table[["target"]])["target"]
    model = pickle.loads(pickle.dumps(forecaster(index=INDEX).fit(X, y)))
    assert model.library_ == library
    same = forecaster().fit(*split(panel))
    ahead = same.future_rows().assign(price=1.5)
    for got in (model.forecast(), model.forecast(X=convert(ahead.reset_index()))):
        assert type(got).__module__.split(".")[0] == library
        assert list(got.to_pandas().columns) == ["series", "time", "target"]
    np.testing.assert_allclose(got.to_pandas()["target"], same.forecast(X=ahead))
    conformal = ConformalForecaster(forecaster(index=INDEX)).fit(X, y)
    quantiles = conformal.forecast_quantiles(quantiles=[0.1, 0.9])
    assert type(quantiles) is type(got)
    assert list(quantiles.to_pandas().columns) == ["series", "time", "0.1", "0.9"]


def test_polars_goes_through_a_search(panel):
    table = pl.from_pandas(panel.reset_index())
    search = GridSearchCV(
        forecaster(index=INDEX),
        {"estimator__ridge__alpha": [0.1, 1.0]},
        cv=PanelTimeSeriesSplit(n_splits=2, horizon=3, index=INDEX),
        error_score="raise",
    )
    search.fit(table.drop("target"), table["target"])
    assert isinstance(search.best_estimator_.forecast(), pl.DataFrame)


@pytest.mark.parametrize("output", ["polars", "pandas", "default"])
def test_the_global_output_of_transformers_changes_no_forecast(panel, output):
    model = PanelForecaster(
        make_pipeline(
            StandardScaler().set_output(transform="pandas"),
            SlidingWindow(5, flat=True),
            Ridge(),
        ),
        horizon=3,
        target_transformer=StandardScaler(),
    )
    expected = clone(model).fit(*split(panel)).forecast()
    with sklearn.config_context(transform_output=output):
        got = model.fit(*split(panel)).forecast()
        pd.testing.assert_series_equal(got, expected)
        got = lstm().fit(*split(panel)).forecast()
    pd.testing.assert_series_equal(got, lstm().fit(*split(panel)).forecast())


def test_weights_follow_the_index(panel, flat):
    X, y = split(flat)
    weight = pd.Series(np.arange(len(X)), X.index)
    expected = forecaster(index=INDEX).fit(X, y, sample_weight=weight).forecast()
    got = forecaster(index=INDEX).fit(X, y, sample_weight=weight.to_numpy()).forecast()
    pd.testing.assert_frame_equal(got, expected)
    for model in (
        forecaster(index=INDEX),
        ConformalForecaster(forecaster(index=INDEX)),
    ):
        with pytest.raises(ValueError, match="sample_weight and X must have the same"):
            model.fit(X, y, sample_weight=weight[::-1])
        with pytest.raises(ValueError, match="sample_weight and X must have the same"):
            model.fit(X, y, sample_weight=panel["price"])
    with pytest.raises(ValueError, match="sample_weight and X must have the same"):
        forecaster().fit(*split(panel), sample_weight=panel["price"][::-1])


GRID = {"horizon": [3]}
FOLDS = PanelTimeSeriesSplit(n_splits=1, horizon=3, index=INDEX)
AROUND = {
    "conformal": lambda one: ConformalForecaster(one),
    "search": lambda one: GridSearchCV(one, GRID, cv=FOLDS, error_score="raise"),
    "voting": lambda one: VotingRegressor([("a", one)]),
    "target": lambda one: TransformedTargetRegressor(one, transformer=StandardScaler()),
    "pipeline": lambda one: make_pipeline(FunctionTransformer(with_day), one),
}


def with_day(table):
    """A step that reads the columns of series and time."""
    return table.assign(day=table["time"].dt.day_of_week)


@pytest.mark.parametrize("name", AROUND)
def test_meta_estimators_around_a_forecaster_take_tables(flat, name):
    X, y = split(flat)
    model = AROUND[name](forecaster(index=INDEX))
    folds = backtest(model, X, y, cv=FOLDS)
    assert np.isfinite(folds["y_pred"]).all()
    if name not in ("voting", "target", "search"):  # they have no update
        check_leakage(model, X, y)
    late = X["time"] >= X["time"].max() - pd.Timedelta(days=2)
    fitted = model.fit(X[~late], y[~late])
    assert make_panel_scorer("smape")(fitted, X[late], y[late]) < 0
    if name != "voting":
        for display in (ForecastDisplay, ForecastErrorDisplay):
            display.from_estimator(fitted, X[late], y[late])


def test_baselines_read_tables_or_panels(panel, flat):
    X, y = split(flat)
    late = X["time"] >= X["time"].max() - pd.Timedelta(days=2)
    told = forecaster(index=INDEX).fit(X[~late], y[~late])
    other = forecaster().fit(told.history_.to_frame()[[]], told.history_)
    other = forecaster().fit(*split(panel[panel.index.isin(told.history_.index)]))
    display = ForecastDisplay.from_estimator(
        told, X[late], y[late], baselines={"told": told, "other": other}
    )
    np.testing.assert_allclose(display.baselines["told"], display.baselines["other"])


@pytest.mark.parametrize("name", ["series", "time"])
def test_a_target_named_as_the_index_is_refused_in_fit(flat, name):
    X, y = split(flat)
    for model in (
        forecaster(index=INDEX),
        ConformalForecaster(forecaster(index=INDEX)),
    ):
        with pytest.raises(
            ValueError, match=f"names '{name}', but y or another column"
        ):
            model.fit(X, y.rename(name))
    with pytest.raises(ValueError, match="names 'y', but y or another column"):
        forecaster(index=("y", "time")).fit(
            X.rename(columns={"series": "y"}), y.to_numpy()
        )


def test_levels_of_a_panel_get_the_names_of_the_index(panel):
    X, y = split(panel)
    model = forecaster(["price"], index=("store", "date")).fit(X, y)
    ahead = model.future_rows()
    assert ahead.columns.tolist() == ["store", "date", "price"]
    assert len(model.forecast(X=ahead.assign(price=1.0))) == 15
    with pytest.raises(ValueError, match="indexed by 2 levels, but index="):
        forecaster(index=("town", "store", "date")).fit(X, y)


def test_dates_of_polars_come_back_as_dates(panel):
    table = pl.from_pandas(panel.reset_index())
    table = table.with_columns(pl.col("time").cast(pl.Date))
    model = forecaster(index=INDEX).fit(table.drop("target"), table["target"])
    got = model.forecast()
    assert got.schema["time"] == pl.Date
    assert len(got.join(table, on=["series", "time"], how="anti")) == 15


def test_the_fitted_index_decides(panel):
    model = lstm().fit(*split(panel)).set_params(index=INDEX)
    assert model.forecast().index.nlevels == 2


def test_bad_input_says_what_to_do(panel, flat):
    X, y = split(flat)
    with pytest.raises(ValueError, match="X has no column 'shop', which index="):
        forecaster(index=("shop", "time")).fit(X, y)
    for index in ("series", ["series"], []):
        with pytest.raises(ValueError, match="different column names"):
            next(PanelTimeSeriesSplit(index=index).split(X))
    with pytest.raises(ValueError, match="different column names"):
        next(PanelTimeSeriesSplit(index=("time", "time")).split(X))
    with pytest.raises(ValueError, match="same index in the same order"):
        forecaster(index=INDEX).fit(X, y.sort_index(ascending=False))
    with pytest.raises(ValueError, match="one value"):
        forecaster(index=INDEX).fit(X, y.iloc[:-1])
    with pytest.raises(TypeError, match=r"X is None, but index=.*fit\(table"):
        forecaster(index=INDEX).fit(None, y)
    with pytest.raises(ValueError, match="more than one column named 'series'"):
        forecaster(index=INDEX).fit(pd.concat([X, X[["series"]]], axis=1), y)
    for index in ({"series", "time"}, (["series"], "time"), "time"):
        with pytest.raises(ValueError, match="different column names"):
            next(PanelTimeSeriesSplit(index=index).split(X))
    with pytest.raises(TypeError, match="ContinualForecaster takes panels"):
        ContinualForecaster(lstm(index=INDEX)).fit(X, y)
    with pytest.raises(
        ValueError, match=r"flat table.*set_index\(\['series', 'time'\]"
    ):
        mean_absolute_scaled_error(
            panel["target"], forecaster(index=INDEX).fit(X, y).forecast(), y_train=y
        )
    with pytest.raises(TypeError, match=r"index=\(series, time\)"):
        forecaster().fit(X, y)
    with pytest.raises(TypeError, match="must be a DataFrame"):
        forecaster(index=INDEX).fit(X.to_numpy(), y)
    with pytest.raises(ValueError, match="must be time but contains no dates"):
        forecaster(index=("time", "series")).fit(X, y)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_targets_in_another_order_than_in_fit_raise(panel, library):
    convert = {"polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}[library]
    y = panel["target"]
    X = convert(y.reset_index()[["series", "time"]])
    both = pd.DataFrame({"up": y, "down": -y}).reset_index(drop=True)
    model = PanelForecaster(
        make_pipeline(SlidingWindow(5, flat=True), Ridge()),
        index=("series", "time"),
    )
    model.fit(X, convert(both))
    expected = model.score(X, both.to_numpy())
    assert model.score(X, convert(both)) == pytest.approx(expected)
    with pytest.raises(ValueError, match="y has the columns .*'down', 'up'"):
        model.score(X, convert(both[["down", "up"]]))
    with pytest.raises(ValueError, match="the same columns in the same order"):
        symmetric_mean_absolute_percentage_error(
            convert(both), convert(both[["down", "up"]])
        )

"""Steps before the windows may read earlier rows of their series."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import PanelForecaster, SeriesImputer, SeriesScaler, SlidingWindow


def trailing(X):
    mean = X.groupby(level=0).transform(lambda x: x.rolling(7, min_periods=1).mean())
    return mean


@pytest.fixture
def data():
    index = pd.MultiIndex.from_product(
        [["a", "b"], pd.date_range("2024-01-01", periods=60)], names=["s", "t"]
    )
    X = pd.DataFrame({"p": 10 * np.random.default_rng(0).normal(size=120)}, index)
    return X, trailing(X)["p"].groupby("s").shift(1).fillna(0.0)


def forecaster(step, **params):
    window = SlidingWindow(2, flat=True)
    return PanelForecaster(make_pipeline(step, window, LinearRegression()), **params)


def test_a_forecast_does_not_depend_on_what_else_is_asked(data):
    X, y = data
    model = forecaster(FunctionTransformer(trailing)).fit(X, y)
    forecast = model.forecast()
    assert_allclose(forecast, trailing(X)["p"].groupby("s").last(), rtol=1e-4)
    rows = pd.concat([X.groupby("s").tail(1), X.groupby("s").tail(1)])
    rows.index = X.groupby("s").tail(1).index.append(forecast.index)
    assert_allclose(model.predict(rows)[2:], forecast)


def test_an_imputer_fills_from_the_rows_of_update(data):
    X, _ = data
    X = X + 50
    y = 2 * X["p"]
    X.iloc[45:60, 0] = np.nan
    step = (
        SeriesImputer("ffill")
        if "ffill" in str(SeriesImputer().get_params())
        else SeriesImputer()
    )
    model = PanelForecaster(make_pipeline(step, SlidingWindow(3, flat=True), Ridge()))
    early = X.index.get_level_values("t") < pd.Timestamp("2024-01-25")
    model.fit(X[early], y[early]).update(X[~early], y[~early])
    forecast = model.forecast()
    rows = pd.concat([X.groupby("s").tail(1), X.groupby("s").tail(1)])
    rows.index = X.groupby("s").tail(1).index.append(forecast.index)
    assert_allclose(model.predict(rows)[2:], forecast)


def test_a_context_keeps_what_a_step_looks_back_to(data):
    X, y = data
    early = X.index.get_level_values("t") < pd.Timestamp("2024-02-20")
    steps = [
        FunctionTransformer(trailing),
        FrozenEstimator(FunctionTransformer(trailing).fit(X)),
        SeriesImputer(),
        SeriesScaler(),
        StandardScaler().set_output(transform="pandas"),
        FunctionTransformer(np.arcsinh),
    ]
    for step, keeps_all in zip(steps, [1, 1, 1, 0, 0, 0], strict=True):
        one, two = (
            forecaster(step, history=history)
            .fit(X[early], y[early])
            .update(X[~early], y[~early])
            for history in ("context", "all")
        )
        assert_allclose(one.forecast(), two.forecast())
        assert (len(one.history_) == len(y)) == bool(keeps_all)


def test_update_refuses_what_no_forecast_can_read(data):
    X, y = data
    model = forecaster(SeriesScaler()).fit(X, y)
    ahead = model.forecast().to_frame("p")
    with pytest.raises(ValueError, match="infinity"):
        model.update(ahead * np.inf, [0.0, 0.0])
    assert model.update(ahead, [0.0, 0.0]).forecast().notna().all()


def test_update_reads_new_rows_behind_their_history(data):
    X, y = data
    early = X.index.get_level_values("t") < pd.Timestamp("2024-02-20")
    X = X.copy()
    X.iloc[np.flatnonzero(~early)[0], 0] = np.nan
    fill = FunctionTransformer(lambda X: X.groupby(level=0).ffill())
    steps = make_pipeline(fill, PCA(1).set_output(transform="pandas"))
    model = forecaster(steps).fit(X[early], y[early]).update(X[~early], y[~early])
    assert model.forecast().notna().all()


def test_levels_named_by_numbers():
    table = pd.DataFrame(
        [(2, 1, t, 12.0) for t in range(5)] + [(1, 2, t, 21.0) for t in range(9)]
    )
    panel = table.set_index([1, 0, 2])
    named = panel.rename_axis(["x", "y", "t"])
    for one, two in (
        (SeriesScaler().fit(panel).center_, SeriesScaler().fit(named).center_),
        (
            forecaster(SeriesScaler()).fit(panel[[]], panel[3]).forecast(3),
            forecaster(SeriesScaler()).fit(named[[]], named[3]).forecast(3),
        ),
    ):
        assert one.index.tolist() == two.index.tolist()
        assert_allclose(one, two)


def test_levels_in_another_order_are_refused():
    index = pd.MultiIndex.from_product(
        [[1, 2], [1, 2], range(20)], names=["from", "to", "t"]
    )
    y = pd.Series(np.arange(80.0), index, name="y")
    model = forecaster(SeriesScaler()).fit(None, y)
    swapped = y.reorder_levels(["to", "from", "t"]).to_frame()[[]]
    with pytest.raises(ValueError, match="fit saw them in the order"):
        model.predict(swapped)

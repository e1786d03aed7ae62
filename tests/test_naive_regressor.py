"""NaiveRegressor: its forecasts are those of the plain definitions."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklstm import (
    LSTMRegressor,
    NaiveRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SlidingWindow,
)
from sklstm.datasets import make_panel
from sklstm.forecasting import _naive_regressor, _theta


def forecaster(horizon=5, window_size=8, **params):
    steps = [("window", SlidingWindow(window_size)), ("net", NaiveRegressor(**params))]
    return PanelForecaster(Pipeline(steps), horizon)


@pytest.fixture
def y():
    return make_panel(3, 30, n_covariates=0, random_state=0)["target"]


@pytest.mark.parametrize("period", [1, 3, 8])
def test_a_season_is_repeated(y, period):
    out = forecaster(seasonal_periods=period).fit(None, y).forecast()
    for series, values in out.groupby(level=0):
        past = y.loc[series].to_numpy()
        expected = [past[len(past) - period + k % period] for k in range(5)]
        assert_allclose(values, expected, rtol=1e-6)


def test_drift_is_a_line_through_the_ends_of_the_window(y):
    out = forecaster(strategy="drift").fit(None, y).forecast()
    for series, values in out.groupby(level=0):
        past = y.loc[series].to_numpy()[-8:]
        slope = (past[-1] - past[0]) / 7
        assert_allclose(values, past[-1] + slope * np.arange(1, 6), rtol=1e-5)


def test_the_mean_is_that_of_the_window(y):
    out = forecaster(strategy="mean").fit(None, y).forecast()
    for series, values in out.groupby(level=0):
        assert_allclose(values, y.loc[series].to_numpy()[-8:].mean(), rtol=1e-6)


def test_two_targets_stay_apart(y):
    both = pd.DataFrame({"a": y, "b": -10 * y})
    out = forecaster(seasonal_periods=3).fit(None, both).forecast()
    alone = forecaster(seasonal_periods=3).fit(None, y).forecast()
    assert_array_equal(out["a"], alone)
    assert_allclose(out["b"], -10 * alone, rtol=1e-6)


@pytest.mark.parametrize("strategy", ["seasonal", "drift", "mean", "theta"])
def test_missing_values_and_short_series_have_forecasts(y, strategy):
    y = pd.concat(
        [y, pd.Series([4.0], pd.MultiIndex.from_tuples([("s", y.index[0][1])]))]
    )
    y.iloc[[25, 27, 55]] = np.nan
    model = forecaster(strategy=strategy, seasonal_periods=4).fit(None, y)
    assert model.forecast().notna().all()
    assert_array_equal(model.forecast().loc["s"], 4.0)
    assert np.isfinite(model.predict(y.to_frame()[[]])).all()


def test_an_array_is_a_window():
    X = np.array([[1.0, 2.0, 4.0], [np.nan, 5.0, np.nan], [np.nan] * 3])
    y = np.array([[1.0, 2.0], [2.0, 3.0], [4.0, 6.0]])
    model = NaiveRegressor(seasonal_periods=2).fit(X, y)
    assert_array_equal(model.predict(X), [[2.0, 4.0], [5.0, 5.0], [3.0, 3.0]])
    with_features = np.stack([np.zeros_like(X), X], axis=-1)
    again = NaiveRegressor(seasonal_periods=2).fit(with_features, y)
    assert_array_equal(again.predict(with_features), model.predict(X))


def test_a_season_longer_than_the_window_is_refused(y):
    with pytest.raises(ValueError, match="longer than the windows, which have 8 rows"):
        forecaster(seasonal_periods=9).fit(None, y)


def test_an_array_of_four_axes_is_refused():
    with pytest.raises(ValueError, match=r"got the shape \(3, 2, 2, 2\)"):
        NaiveRegressor().fit(np.zeros((3, 2, 2, 2)), [1.0, 2.0, 3.0])


def test_it_stands_beside_a_network_in_a_grid(y):
    net = LSTMRegressor(2, max_epochs=1, random_state=0)
    search = GridSearchCV(
        forecaster(),
        {"estimator__net": [net, NaiveRegressor(), NaiveRegressor("drift")]},
        cv=PanelTimeSeriesSplit(n_splits=2, horizon=5),
        scoring="neg_mean_absolute_error",
    )
    search.fit(y.to_frame()[[]], y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def theta_of_one(x, n_steps, period):
    """The Theta method for one series, by plain loops."""
    n, season = len(x), np.zeros(period)
    apart = x - x.mean()

    def correlation(lag):
        return (apart[lag:] * apart[: n - lag]).sum() / (apart**2).sum()

    if period > 1 and n > 2 * period:
        early = sum(correlation(lag) ** 2 for lag in range(1, period))
        if abs(correlation(period)) > 1.645 * np.sqrt((1 + 2 * early) / n):
            weight = np.ones(period)
            if period % 2 == 0:
                weight = np.r_[0.5, np.ones(period - 1), 0.5]
            half, rest = len(weight) // 2, {k: [] for k in range(period)}
            for t in range(half, n - half):
                near = x[t - half : t + half + 1]
                rest[(t - n) % period].append(x[t] - weight @ near / period)
            season = np.array([np.mean(rest[k]) for k in range(period)])
            season -= season.mean()
    x = x - season[np.arange(-n, 0) % period]
    drift = np.polyfit(np.arange(n), x, 1)[0] / 2
    best = np.inf
    for alpha in np.arange(1, 21) / 20:
        level, squares = x[0], 0.0
        for value in x[1:]:
            error = value - level - drift
            level += drift + alpha * error
            squares += error**2
        if squares < best * (1 - 1e-12):
            best, last = squares, level
    steps = np.arange(n_steps)
    return last + drift * (1 + steps) + season[steps % period]


@pytest.mark.parametrize("period", [1, 4, 7])
@pytest.mark.parametrize("in_blocks", [False, True])
def test_theta_of_many_series_is_that_of_each(y, period, in_blocks, monkeypatch):
    rng = np.random.default_rng(0)
    wave = 10 * np.sin(2 * np.pi * np.arange(30) / period) * np.array([[1], [0], [1]])
    y = y + (wave + 0.1 * np.arange(30)).ravel() + rng.normal(size=90)
    y = y[17:]
    model = forecaster(9, strategy="theta", seasonal_periods=period)
    if in_blocks:
        monkeypatch.setattr(_naive_regressor, "_CHUNK", 1)
    for series, values in model.fit(None, y).forecast().groupby(level=0):
        expected = theta_of_one(y.loc[series].to_numpy(), 9, period)
        assert_allclose(values, expected, rtol=1e-4)


def test_theta_reads_ten_seasons_at_least_36_rows():
    y = make_panel(2, 200, n_covariates=0, random_state=0)["target"]
    for period, n_rows in ((1, 36), (4, 40), (7, 70)):
        model = forecaster(strategy="theta", seasonal_periods=period)
        every = model.fit(None, y).forecast()
        last = y.groupby(level=0).tail(n_rows)
        assert_array_equal(model.fit(None, last).forecast(), every)
        fewer = y.groupby(level=0).tail(n_rows - 1)
        assert (model.fit(None, fewer).forecast().to_numpy() != every.to_numpy()).any()
        context = forecaster(strategy="theta", seasonal_periods=period)
        context.set_params(history="context").fit(None, y)
        assert_array_equal(context.forecast(), every)
        assert len(context.history_) < len(y)


def test_a_line_and_a_season_without_noise_go_on():
    time = np.arange(48)
    season = np.array([3.0, -1.0, 0.0, -2.0])
    index = pd.MultiIndex.from_product([["a"], time], names=["series", "time"])
    y = pd.Series(season[time % 4], index)
    out = forecaster(8, strategy="theta", seasonal_periods=4).fit(None, y).forecast()
    assert_allclose(out, np.tile(season, 2), atol=1e-5)
    line = pd.Series(2.0 * time, index)
    out = forecaster(3, strategy="theta").fit(None, line).forecast()
    # Half of the slope.
    assert_allclose(np.diff(out), 1.0, rtol=1e-5)


@pytest.mark.parametrize("size", [1, 20, 45])
def test_the_blocks_of_theta_change_nothing(size, monkeypatch):
    past = np.random.default_rng(0).normal(size=(7, 30)).cumsum(axis=1)
    whole = _theta.theta_forecasts(past, 5, 4)
    monkeypatch.setattr(_theta, "_BLOCK", size)
    assert_array_equal(_theta.theta_forecasts(past, 5, 4), whole)

"""A net does not depend on the units of what it learns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, PanelForecaster, SlidingWindow

UNITS = [(300.0, 1_000.0), (1e6, -5e7), (1e-6, 0.0)]


def small(**params):
    defaults = {"hidden_size": 6, "max_epochs": 3, "random_state": 0, "device": "cpu"}
    return LSTMRegressor(**defaults | params)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 6, 2))
    return X, X[:, -1, 0] - 0.5 * X[:, -2, 1] + 0.1 * rng.normal(size=80)


def assert_same_but_for_units(one, other, a, b):
    spread = np.std(one)
    assert_allclose((other - b) / a, one, rtol=0, atol=1e-4 * spread)


@pytest.mark.parametrize(("a", "b"), UNITS)
@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_predictions_follow_the_units_of_y(arrays, loss, a, b):
    X, y = arrays
    one = small(loss=loss).fit(X, y).predict(X)
    other = small(loss=loss).fit(X, a * y + b).predict(X)
    assert_same_but_for_units(one, other, a, b)


@pytest.mark.parametrize(("a", "b"), UNITS)
def test_quantiles_follow_the_units_of_y(arrays, a, b):
    X, y = arrays
    params = {"loss": "quantile", "quantiles": (0.1, 0.5, 0.9)}
    one = small(**params).fit(X, y).predict_quantiles(X)
    other = small(**params).fit(X, a * y + b).predict_quantiles(X)
    assert_same_but_for_units(one, other, a, b)


@pytest.mark.parametrize("early_stopping", [False, "refit"])
def test_each_output_has_units_of_its_own(arrays, early_stopping):
    X, y = arrays
    y = np.c_[y, X[:, 0, 0]]
    y[::7, 1] = np.nan
    weight = np.random.default_rng(1).uniform(0.5, 2, len(y))
    a, b = np.array([300.0, 1e-3]), np.array([1_000.0, -7.0])
    params = {"early_stopping": early_stopping}
    one = small(**params).fit(X, y, weight).predict(X)
    other = small(**params).fit(X, a * y + b, weight).predict(X)
    assert_same_but_for_units(one, other, a, b)


@pytest.mark.parametrize("method", ["partial_fit", "fit"])
def test_training_goes_on_in_the_first_units(arrays, method):
    X, y = arrays
    a, b = 1e4, -3e5
    models = []
    for scale, offset in ((1.0, 0.0), (a, b)):
        model = small(warm_start=True).fit(X[:40], scale * y[:40] + offset)
        # Later rows have another mean and another spread.
        getattr(model, method)(X[40:], scale * (3 * y[40:] + 2) + offset)
        models.append(model)
    assert_same_but_for_units(*(model.predict(X) for model in models), a, b)
    assert_allclose(models[1].target_scale_, a * np.std(y[:40]))


def test_the_units_are_the_weighted_mean_and_spread(arrays):
    X, y = arrays
    weight = np.random.default_rng(1).uniform(0, 2, len(y))
    model = small(max_epochs=1).fit(X, y, weight)
    mean = np.average(y, weights=weight)
    assert_allclose(model.target_center_, mean)
    spread = np.sqrt(np.average((y - mean) ** 2, weights=weight))
    assert_allclose(model.target_scale_, spread)


def test_units_are_measured_part_by_part_without_rounding():
    # More windows than are read at a time, far from zero.
    rng = np.random.default_rng(0)
    y = 1e9 + rng.normal(size=20_000)
    model = small(max_epochs=1, hidden_size=1).fit(np.zeros((20_000, 1)), y)
    assert_allclose(model.target_scale_, np.std(y), rtol=1e-9)


def test_a_constant_target_is_predicted_as_it_is(arrays):
    X, _ = arrays
    for constant in (0.0, 7.0, 1e9):
        model = small(max_epochs=40, lr=0.02).fit(X, np.full(len(X), constant))
        assert_array_equal(model.target_scale_, 1.0)
        assert_allclose(model.predict(X), constant, atol=0.05)


def make_panel(a=1.0, b=0.0):
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([["u", "v", "w"], range(60)])
    season = np.tile(np.sin(np.arange(60) * 2 * np.pi / 6), 3)
    y = season + 0.1 * rng.normal(size=180)
    return pd.Series(a * y + b, index=index, name="y")


SKIPS = [
    {},
    {"seasonal_periods": 6},
    {"seasonal_periods": (1, 6), "differences": (1, 6), "level": "relative"},
    {"differences": 1, "level": "drop"},
]


@pytest.mark.parametrize("params", SKIPS)
def test_a_forecaster_without_scaling_follows_the_units_of_y(params):
    a, b = 400.0, 900.0
    forecasts = []
    for y in (make_panel(), make_panel(a, b)):
        net = {k: v for k, v in params.items() if k == "seasonal_periods"}
        view = {k: v for k, v in params.items() if k not in net}
        steps = make_pipeline(SlidingWindow(6, **view), small(**net))
        model = PanelForecaster(steps, 3)
        forecasts.append(model.fit(y.to_frame()[[]], y).forecast())
    # Windows are in single precision: the past of y is known to 1e-7 of 1,000.
    assert_allclose((forecasts[1] - b) / a, forecasts[0], atol=2e-3)


def test_rows_that_are_held_out_do_not_set_the_units():
    y = make_panel()
    models = []
    for late in (y, y.where(y.index.get_level_values(1) < 55, 1e3 * y)):
        window = SlidingWindow(6, target="y").fit_transform(late.to_frame())
        model = small(early_stopping=True, validation_fraction=0.2, max_epochs=1)
        models.append(model.fit(window, late.to_numpy()))
    assert_array_equal(models[0].target_scale_, models[1].target_scale_)


def test_a_default_fit_learns_whatever_the_units(arrays):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 12, 2)).astype("float32")
    y = X[:, -1, 0] - 0.5 * X[:, -2, 1] + 0.1 * rng.normal(size=600)
    train = np.arange(600) < 450
    for a, b in ((1, 0), (1e6, -5e7)):
        model = LSTMRegressor(hidden_size=16, random_state=0, device="cpu")
        model.fit(X[train], (a * y + b)[train])
        assert r2_score((a * y + b)[~train], model.predict(X[~train])) > 0.9

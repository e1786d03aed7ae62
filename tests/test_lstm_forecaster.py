"""make_forecaster: an ordinary sklearn object, and graceful on any data."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklstm import PanelForecaster, PanelTimeSeriesSplit, SeriesLog, make_forecaster
from sklstm.datasets import make_panel


def small(horizon=3, seasonal_periods=None, window_size=None, **params):
    defaults = {"hidden_size": 4, "max_epochs": 2, "n_estimators": 1, "random_state": 0}
    return make_forecaster(horizon, seasonal_periods, window_size, **defaults | params)


def panel_of(*series):
    index = pd.MultiIndex.from_tuples(
        [(i, t) for i, values in enumerate(series) for t in range(len(values))],
        names=["series", "time"],
    )
    return pd.Series(np.concatenate(series).astype(float), index=index, name="y")


def forecast(y, forecaster):
    return forecaster.fit(y.to_frame()[[]], y).forecast()


def test_what_comes_back_is_a_forecaster_of_ordinary_parts():
    forecaster = small(seasonal_periods=(4, 12), n_estimators=2)
    assert isinstance(forecaster, PanelForecaster)
    assert isinstance(forecaster.estimator, Pipeline)
    assert list(forecaster.estimator.named_steps) == ["scale", "window", "ensemble"]
    lstm = forecaster.estimator[-1].estimator
    assert lstm.seasonal_periods == (4, 12)
    assert lstm.lags == [1, 4, 12]
    assert repr(clone(forecaster)) == repr(forecaster)


@pytest.mark.parametrize(
    ("horizon", "periods", "window_size"),
    [(3, None, 5), (3, 12, 15), (30, 12, 32), (3, (24, 168), 210)],
)
def test_window_holds_the_longest_season_and_the_horizon(horizon, periods, window_size):
    forecaster = small(horizon, periods)
    assert forecaster.estimator.named_steps["window"].window_size == window_size


def test_long_seasons_add_the_spans_within_them():
    lags = small(seasonal_periods=52).estimator[-1].lags
    assert lags == [1, 2, 4, 8, 16, 32, 52]


@pytest.mark.parametrize(("periods", "n_seasons"), [(52, 1), (7, 4), ((24, 168), 4)])
def test_the_mean_of_four_seasons_is_offered_where_a_season_is_no_year(
    periods, n_seasons
):
    assert small(seasonal_periods=periods).estimator[-1].n_seasons == n_seasons


def test_one_period_may_be_a_number_or_a_sequence():
    assert repr(small(seasonal_periods=7)) == repr(small(seasonal_periods=[7]))


def test_an_embedding_comes_with_ids_and_their_dropout():
    steps = small(embedding_dim=2).estimator.named_steps
    assert list(steps) == ["scale", "series", "window", "lstm"]
    assert steps["lstm"].category_dropout > 0


@pytest.mark.parametrize("periods", [0, -1, 1.5, "a", (), (12, 0)])
def test_bad_periods_raise(periods):
    message = "seasonal_periods must be an integer of at least 1, or a sequence of them"
    with pytest.raises(ValueError, match=re.escape(message)):
        make_forecaster(3, periods)


@pytest.mark.parametrize("horizon", [0, 2.5])
def test_bad_horizon_raises(horizon):
    message = f"horizon must be an integer of at least 1, got {horizon!r}."
    with pytest.raises(ValueError, match=re.escape(message)):
        make_forecaster(horizon)


def test_every_choice_can_be_searched():
    y = make_panel(3, 40, n_covariates=0, random_state=0)["target"]
    grid = {
        "estimator__window__window_size": [4, 8],
        "estimator__lstm__hidden_size": [3],
        "target_transformer__log": ["passthrough"],
        "target_transformer__scale__method": ["difference", "standard"],
    }
    cv = PanelTimeSeriesSplit(n_splits=2, horizon=3)
    search = GridSearchCV(
        small(seasonal_periods=7),
        grid,
        cv=cv,
        scoring="neg_mean_absolute_error",
        error_score="raise",
    )
    search.fit(y.to_frame()[[]], y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_result_is_decided_by_the_seed_and_not_by_n_jobs():
    y = make_panel(3, 30, n_covariates=0, random_state=0)["target"]
    first = forecast(y, small(seasonal_periods=7, n_estimators=2))
    again = forecast(y, small(seasonal_periods=7, n_estimators=2, n_jobs=2))
    pd.testing.assert_series_equal(first, again)
    other = small(seasonal_periods=7, n_estimators=2, random_state=1)
    assert not first.equals(forecast(y, other))


rng = np.random.default_rng(0)
AWKWARD = {
    "seven yearly values": [rng.normal(10, 1, 7) for _ in range(5)],
    "unequal, one row the shortest": [rng.normal(10, 1, n) for n in (1, 2, 3, 25)],
    "many zeros": [rng.poisson(0.2, 60) for _ in range(4)],
    "nothing but zeros beside others": [np.zeros(30), rng.normal(5, 1, 30)],
    "constant": [np.full(30, 3.0), np.full(30, 5.0)],
    "negative": [rng.normal(-50, 3, 40), rng.normal(0, 1, 40)],
    "huge and tiny": [rng.normal(1e12, 1e10, 40), rng.normal(1e-12, 1e-14, 40)],
    "growth over nine orders": [np.exp(np.linspace(0, 20, 60)), np.arange(1.0, 61)],
    "shorter than a season": [rng.normal(10, 1, 9) for _ in range(4)],
}


@pytest.mark.parametrize("periods", [None, 12])
@pytest.mark.parametrize("kind", AWKWARD)
def test_forecasts_of_awkward_data_are_finite_and_near_the_series(kind, periods):
    y = panel_of(*AWKWARD[kind])
    y_pred = forecast(y, small(6, periods))
    assert len(y_pred) == 6 * y.index.get_level_values(0).nunique()
    assert np.isfinite(y_pred).all()
    by_series = y.groupby("series")
    low, high = by_series.min(), by_series.max()
    room = 3 * (high - low) + 1e-6 * high.abs() + (high == low) * (1 + high.abs())
    room += by_series.count().eq(1) * y.abs().max()
    code = y_pred.index.get_level_values(0)
    assert (y_pred.to_numpy() >= (low - room)[code].to_numpy()).all()
    assert (y_pred.to_numpy() <= (high + room)[code].to_numpy()).all()


def test_a_series_without_a_known_value_is_left_out():
    y = panel_of(rng.normal(100, 1, 30), np.full(30, np.nan))
    forecaster = small().fit(y.to_frame()[[]], y)
    known = y.drop(index=1, level=0)
    expected = small().fit(known.to_frame()[[]], known).forecast()
    pd.testing.assert_series_equal(forecaster.forecast(), expected)
    with pytest.raises(ValueError, match="1 series not seen in fit: 1. Give the fore"):
        forecaster.predict(y.to_frame()[[]].tail(1))


def test_missing_values_before_a_series_begins_change_nothing():
    values = rng.normal(1000, 1, 40)
    short = panel_of(rng.normal(1000, 1, 60), values)
    long = panel_of(short.loc[0], np.r_[np.full(20, np.nan), values])
    made = [forecast(y, small(seasonal_periods=4)) for y in (short, long)]
    assert np.abs(made[0].loc[1].to_numpy() - made[1].loc[1].to_numpy()).max() < 5


def test_categories_are_not_hidden_from_a_net_without_ids():
    assert small().estimator[-1].category_dropout == 0


def test_series_that_are_never_negative_get_no_negative_forecast():
    y = panel_of(*AWKWARD["many zeros"])
    assert (forecast(y, small(6, 12)) >= 0).all()


def test_frost_after_a_summer_can_be_forecast_once_update_has_shown_it():
    day = np.arange(270)
    noise = np.random.default_rng(0).normal(0, 0.5, (2, 270))
    y = panel_of(*(10 + 12 * np.sin(day / 43) + noise))
    summer, rest = (
        y[y.index.get_level_values("time").isin(d)] for d in (day[:130], day[130:200])
    )
    model = small(7, 7).fit(summer.to_frame()[[]], summer)
    autumn, winter = (
        part for _, part in rest.groupby(rest.index.get_level_values("time") >= 160)
    )
    # A first negative value is a warning, and so an error in these tests.
    model.update(autumn[autumn > 0].to_frame()[[]], autumn[autumn > 0])
    with pytest.warns(UserWarning, match="2 series without a negative value in fit"):
        model.update(winter.to_frame()[[]], winter)
    forecast = model.forecast()
    last = winter.groupby(level="series").tail(7).mean()
    assert abs(forecast.mean() - last) < 2
    assert forecast.max() < 0
    more = y[y.index.get_level_values("time").isin(day[200:210])]
    model.update(more.to_frame()[[]], more)


@pytest.mark.parametrize(("periods", "logged"), [(None, False), (1, False), (7, True)])
def test_the_logarithm_comes_with_a_season(periods, logged):
    log = small(seasonal_periods=periods).target_transformer.named_steps["log"]
    assert isinstance(log, SeriesLog) == logged


def test_covariates_join_the_windows():
    panel = make_panel(3, 40, n_covariates=2, random_state=0)
    X, y = panel.drop(columns="target"), panel["target"]
    forecaster = small(seasonal_periods=7).fit(X, y)
    assert np.isfinite(forecaster.forecast()).all()
    moved = small(seasonal_periods=7).fit(X.iloc[::-1], y.iloc[::-1]).forecast()
    pd.testing.assert_series_equal(forecaster.forecast(), moved)

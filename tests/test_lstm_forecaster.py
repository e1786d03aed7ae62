"""LSTMForecaster: one flat estimator, its parts, and graceful on any data."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklstm import (
    CalendarFeatures,
    ConformalForecaster,
    ContinualForecaster,
    ForecastDisplay,
    LSTMForecaster,
    NaiveRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeriesLog,
    StepRegressor,
    WindowMLPRegressor,
    backtest,
)
from sklstm._recipe_choices import choose_weights_beside_mlp
from sklstm._windows.array_regressors import as_list
from sklstm.datasets import make_panel
from sklstm.metrics import make_panel_scorer, make_quantile_scorer


def small(horizon=3, seasonal_periods=None, window_size=None, **params):
    defaults = {"hidden_size": 4, "max_epochs": 2, "n_estimators": 1, "random_state": 0}
    return LSTMForecaster(horizon, seasonal_periods, window_size, **defaults | params)


def parts(*args, **params):
    return small(*args, **params).to_pipeline()


def panel_of(*series):
    index = pd.MultiIndex.from_tuples(
        [(i, t) for i, values in enumerate(series) for t in range(len(values))],
        names=["series", "time"],
    )
    return pd.Series(np.concatenate(series).astype(float), index=index, name="y")


def forecast(y, forecaster):
    return forecaster.fit(y.to_frame()[[]], y).forecast()


def test_it_is_composed_of_ordinary_parts():
    forecaster = parts(seasonal_periods=(4, 12), n_estimators=2)
    assert isinstance(forecaster, PanelForecaster)
    assert isinstance(forecaster.estimator, Pipeline)
    assert list(forecaster.estimator.named_steps) == ["scale", "window", "ensemble"]
    lstm = forecaster.estimator[-1].estimator
    assert lstm.seasonal_periods == (4, 12)
    assert forecaster.estimator.named_steps["window"].differences == [1, 4, 12]
    assert repr(clone(forecaster)) == repr(forecaster)


@pytest.mark.parametrize(
    ("horizon", "periods", "window_size"),
    [(3, None, 5), (3, 12, 36), (50, 12, 52), (3, 52, 130), (3, (24, 168), 210)],
)
def test_window_holds_some_seasons_and_the_horizon(horizon, periods, window_size):
    forecaster = parts(horizon, periods)
    assert forecaster.estimator.named_steps["window"].window_size == window_size


def test_the_logarithm_is_softer_for_short_seasons():
    offsets = [
        parts(seasonal_periods=periods).target_transformer.named_steps["log"].offset
        for periods in (4, 24, (24, 168), 52)
    ]
    assert offsets == [1.0, 1.0, 0.1, 0.1]


def test_the_learning_rate_grows_with_the_root_of_the_window():
    rates = [
        parts(seasonal_periods=12, window_size=size).estimator[-1].lr
        for size in (8, 36, 144)
    ]
    assert rates == [3e-3, 3e-3, 6e-3]


def test_long_seasons_add_the_spans_within_them():
    window = parts(seasonal_periods=52).estimator.named_steps["window"]
    assert window.differences == [1, 2, 4, 8, 16, 32, 52]


@pytest.mark.parametrize(
    ("params", "theta", "trees", "mlp"),
    [
        ({}, 1, None, False),
        ({"seasonal_periods": (12, 4)}, 4, [4, 12], False),
        ({"seasonal_periods": 12}, 12, [12], False),
        ({"seasonal_periods": 13}, None, [13], True),
        ({"seasonal_periods": 52}, None, [52], True),
        ({"seasonal_periods": (24, 168)}, None, None, False),
        ({"seasonal_periods": (24, 168), "theta_weight": 0.5}, 24, None, False),
        ({"seasonal_periods": (24, 168), "tree_weight": 0.5}, None, [24, 168], False),
        ({"seasonal_periods": (24, 168), "mlp_weight": 0.5}, None, None, True),
        ({"seasonal_periods": 52, "mlp_weight": 0}, None, [52], False),
        ({"seasonal_periods": 52, "tree_weight": 0.7}, None, [52], True),
        ({"tree_weight": 0.5}, 1, 1, False),
        ({"seasonal_periods": 4, "known_covariates": ["price"]}, None, None, False),
        ({"seasonal_periods": 52, "known_covariates": ["price"]}, None, None, False),
        ({"seasonal_periods": 4, "quantiles": (0.9,)}, None, None, False),
        ({"seasonal_periods": 4, "quantiles": (0.1, 0.9)}, 4, [4], False),
        ({"seasonal_periods": 52, "quantiles": (0.1, 0.9)}, None, [52], True),
        (
            {"seasonal_periods": 4, "theta_weight": 0, "tree_weight": 0},
            None,
            None,
            False,
        ),
        ({"seasonal_periods": 4, "n_estimators": 1}, None, None, False),
        ({"seasonal_periods": 52, "n_estimators": 1}, None, None, False),
        ({"n_estimators": 1, "theta_weight": 0.5}, 1, None, False),
    ],
)
def test_methods_of_another_kind_are_partners_where_they_help(
    params, theta, trees, mlp
):
    *_, (name, regressor) = LSTMForecaster(3, **params).to_pipeline().estimator.steps
    partners = as_list(regressor.partner) if name == "ensemble" else []
    found = {type(partner): partner for partner in partners}
    assert (NaiveRegressor in found) == (theta is not None)
    assert (StepRegressor in found) == (trees is not None)
    assert (WindowMLPRegressor in found) == mlp
    if theta is not None:
        partner = found[NaiveRegressor]
        assert (partner.strategy, partner.seasonal_periods) == ("theta", theta)
    if trees is not None:
        expected = None if trees == 1 else trees
        assert found[StepRegressor].seasonal_periods == expected
    if partners:
        wanted = {
            NaiveRegressor: "theta_weight",
            StepRegressor: "tree_weight",
            WindowMLPRegressor: "mlp_weight",
        }
        weights = {wanted[kind]: params.get(wanted[kind], "auto") for kind in found}
        if mlp:
            weights = choose_weights_beside_mlp(weights)
        assert as_list(regressor.partner_weight) == list(weights.values())


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, [("auto", 0.2), ("auto", 0.4)]),
        ({"tree_weight": 0.2}, [0.2, ("auto", 0.4)]),
        ({"mlp_weight": 0.4}, [("auto", 0.2), 0.4]),
        ({"mlp_weight": 0.9}, [("auto", pytest.approx(0.2 / 3)), 0.9]),
        ({"tree_weight": 1.0}, [1.0, ("auto", 0.0)]),
    ],
)
def test_a_given_weight_leaves_the_others_alone_where_there_is_room(params, expected):
    *_, (_, ensemble) = LSTMForecaster(3, 52, **params).to_pipeline().estimator.steps
    assert ensemble.partner_weight == expected


@pytest.mark.parametrize(
    ("params", "n_networks"),
    [
        ({}, 1),
        ({"seasonal_periods": 12}, 1),
        ({"seasonal_periods": 52}, 1),
        ({"seasonal_periods": 52, "mlp_weight": 0}, 3),
        ({"seasonal_periods": 52, "theta_weight": 0.3, "mlp_weight": 0}, 1),
        ({"seasonal_periods": 168}, 3),
        ({"seasonal_periods": 12, "theta_weight": 0}, 3),
        ({"known_covariates": ["price"]}, 3),
        ({"n_estimators": 2}, 2),
    ],
)
def test_one_network_is_enough_beside_theta_or_a_perceptron(params, n_networks):
    *_, (_, regressor) = LSTMForecaster(3, **params).to_pipeline().estimator.steps
    assert regressor.n_estimators == n_networks


@pytest.mark.parametrize("name", ["theta_weight", "tree_weight", "mlp_weight"])
@pytest.mark.parametrize("quantiles", [(0.9,), (0.6, 0.9)])
def test_partners_are_refused_beside_quantiles_on_one_side(quantiles, name):
    forecaster = LSTMForecaster(3, quantiles=quantiles, **{name: 0.3})
    with pytest.raises(ValueError, match=f"{name}=0.3 moves the median"):
        forecaster.to_pipeline()
    forecaster.set_params(**{name: 0}).to_pipeline()


def test_weights_that_leave_nothing_to_the_networks_are_named():
    with pytest.raises(ValueError, match="theta_weight=0.8 and tree_weight=0.7 are"):
        LSTMForecaster(3, 7, theta_weight=0.8, tree_weight=0.7).to_pipeline()
    with pytest.raises(ValueError, match="tree_weight=0.5 and mlp_weight=0.7 are"):
        LSTMForecaster(3, 7, tree_weight=0.5, mlp_weight=0.7).to_pipeline()
    LSTMForecaster(3, 7, theta_weight=0.3, tree_weight=0.7).to_pipeline()


def test_a_leading_covariate_leaves_the_theta_method_out():
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([range(30), range(40)], names=["id", "time"])
    lead = pd.Series(rng.normal(size=1200), index, name="lead")
    y = lead.groupby("id").shift(1).fillna(0.0)
    plain, full = (
        small(1, n_estimators=2, hidden_size=16, max_epochs=30, theta_weight=weight)
        for weight in (0, "auto")
    )
    full.fit(lead.to_frame(), y)
    assert full.forecaster_.estimator_[-1].partner_weight_ == 0.0
    assert_array_equal(full.forecast(), plain.fit(lead.to_frame(), y).forecast())


def test_one_period_may_be_a_number_or_a_sequence():
    assert repr(parts(seasonal_periods=7)) == repr(parts(seasonal_periods=[7]))


def test_an_embedding_comes_with_ids_and_their_dropout():
    steps = parts(embedding_dim=2).estimator.named_steps
    assert list(steps) == ["scale", "series", "window", "lstm"]
    assert steps["lstm"].category_dropout > 0


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"seasonal_periods": 0}, "The 'seasonal_periods' parameter of LSTMForecaster"),
        ({"seasonal_periods": "a"}, "The 'seasonal_periods' parameter"),
        ({"seasonal_periods": ()}, "seasonal_periods must be an integer of at least 1"),
        ({"seasonal_periods": (12, 0)}, "or a sequence of them, got (12, 0)."),
        ({"horizon": 0}, "The 'horizon' parameter of LSTMForecaster"),
        ({"horizon": 2.5}, "The 'horizon' parameter of LSTMForecaster"),
        ({"window_size": 0}, "The 'window_size' parameter"),
        ({"n_estimators": 0}, "The 'n_estimators' parameter"),
        ({"loss": "mape"}, "The 'loss' parameter"),
        ({"loss": "mse", "quantiles": (0.1,)}, "loss='mse' learns no quantiles, but"),
        ({"quantiles": (0.9, 0.1)}, "quantiles"),
    ],
)
def test_bad_parameters_raise_in_fit(params, message):
    y = panel_of(np.arange(30.0))
    with pytest.raises(ValueError, match=re.escape(message)):
        small(**params).fit(None, y)


def test_one_line_searches_window_network_embedding_and_season():
    panel = make_panel(3, 60, n_covariates=1, random_state=0)
    X, y = panel[["price"]], panel["target"]
    late = panel.groupby("series").cumcount(ascending=False) < 7
    search = GridSearchCV(
        small(7, known_covariates=["price"], max_epochs=1),
        {
            "window_size": [7, 14],
            "hidden_size": [2, 4],
            "embedding_dim": [0, 2],
            "seasonal_periods": [None, 7],
        },
        cv=PanelTimeSeriesSplit(n_splits=1, horizon=7),
        scoring=make_panel_scorer("mase"),
        error_score="raise",
    )
    y_pred = search.fit(X[~late], y[~late]).best_estimator_.forecast(X=X[late])
    assert len(search.cv_results_["params"]) == 16
    assert y_pred.index.equals(X[late].index)
    assert np.isfinite(y_pred).all()


def test_every_choice_of_its_parts_can_be_searched():
    y = make_panel(3, 40, n_covariates=0, random_state=0)["target"]
    grid = {
        "estimator__window__window_size": [4, 8],
        "estimator__lstm__hidden_size": [3],
        "target_transformer__log": ["passthrough"],
        "target_transformer__scale__method": ["difference", "standard"],
    }
    cv = PanelTimeSeriesSplit(n_splits=2, horizon=3)
    search = GridSearchCV(
        parts(seasonal_periods=7),
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
    assert parts().estimator[-1].category_dropout == 0


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
    log = parts(seasonal_periods=periods).target_transformer.named_steps["log"]
    assert isinstance(log, SeriesLog) == logged


def test_covariates_join_the_windows():
    panel = make_panel(3, 40, n_covariates=2, random_state=0)
    X, y = panel.drop(columns="target"), panel["target"]
    forecaster = small(seasonal_periods=7).fit(X, y)
    assert np.isfinite(forecaster.forecast()).all()
    moved = small(seasonal_periods=7).fit(X.iloc[::-1], y.iloc[::-1]).forecast()
    pd.testing.assert_series_equal(forecaster.forecast(), moved)


@pytest.fixture(scope="module")
def Xy():
    panel = make_panel(3, 40, n_covariates=2, random_state=0)
    return panel[["price", "promotion"]], panel["target"]


@pytest.fixture(scope="module")
def halves(Xy):
    X, y = Xy
    late = y.groupby(level=0).cumcount(ascending=False).to_numpy() < 3
    return X[~late], y[~late], X[late], y[late]


class TestMethods:
    """Everything it does is what its composed forecaster does."""

    def test_forecasts_equal_those_of_its_parts(self, halves):
        X, y, new_X, new_y = halves
        flat, composed = small(seasonal_periods=7), parts(seasonal_periods=7)
        flat.fit(X, y), composed.fit(X, y)
        assert_same(flat, composed, new_X)
        flat.update(new_X, new_y), composed.update(new_X, new_y)
        pd.testing.assert_series_equal(flat.forecast(), composed.forecast())
        assert flat.horizon_ == 3
        assert flat.window_size_ == composed.window_size_
        assert flat.n_features_in_ == 2
        assert flat.feature_names_in_.tolist() == ["price", "promotion"]
        pd.testing.assert_series_equal(flat.history_, composed.history_)

    def test_partial_fit_continues_or_begins(self, halves):
        X, y, new_X, new_y = halves
        flat, composed = (model.partial_fit(X, y) for model in (small(), parts()))
        assert_same(flat, composed, new_X)
        flat.partial_fit(new_X, new_y), composed.partial_fit(new_X, new_y)
        pd.testing.assert_series_equal(flat.forecast(), composed.forecast())

    def test_quantiles_and_intervals_of_the_next_steps(self, halves):
        X, y, new_X, _ = halves
        flat = small(quantiles=(0.1, 0.5, 0.9)).fit(X, y)
        table = flat.forecast_quantiles()
        assert table.columns.tolist() == [0.1, 0.5, 0.9]
        assert table.index.equals(flat.forecast().index)
        pd.testing.assert_frame_equal(
            flat.forecast_interval(X=new_X, coverage=0.8),
            flat.predict_interval(new_X, 0.8),
        )

    def test_without_quantiles_the_methods_are_not_there(self, halves):
        assert hasattr(small(quantiles=(0.5,)), "predict_quantiles")
        for model in (small(), small().fit(*halves[:2])):
            for name in ("predict_quantiles", "forecast_interval"):
                assert not hasattr(model, name)
        with pytest.raises(AttributeError) as caught:
            small().predict_interval  # noqa: B018
        assert "need a fit with quantiles, such as" in str(caught.value.__cause__)

    def test_before_fit_it_is_not_fitted(self, halves):
        for call in ("forecast", "future_rows"):
            with pytest.raises(NotFittedError):
                getattr(small(), call)()
        assert not hasattr(small(), "history_")

    def test_scorers_displays_and_backtests_know_it(self, halves, Xy):
        X, y, new_X, new_y = halves
        model = small(quantiles=(0.1, 0.5, 0.9)).fit(X, y)
        assert make_panel_scorer("mase")(model, new_X, new_y) < 0
        assert make_quantile_scorer()(model, new_X, new_y) < 0
        display = ForecastDisplay.from_estimator(model, new_X, new_y, coverage=0.8)
        pd.testing.assert_series_equal(display.history, model.history_)
        cv = PanelTimeSeriesSplit(n_splits=2, horizon=3)
        assert len(backtest(small(max_epochs=1), *Xy, cv=cv)) == 18

    def test_it_is_calibrated_fitted_or_not(self, halves):
        X, y, new_X, new_y = halves
        calibrated = ConformalForecaster(small(), calibration_size=9).fit(X, y)
        composed = ConformalForecaster(parts(), calibration_size=9).fit(X, y)
        rows = calibrated.forecast().to_frame()[[]]
        pd.testing.assert_frame_equal(
            calibrated.forecast_interval(coverage=0.5),
            composed.predict_interval(rows, 0.5),
        )
        frozen = FrozenEstimator(small().fit(X, y))
        model = ConformalForecaster(frozen).fit(new_X, new_y)
        assert len(model.forecast_interval(1, coverage=0.5)) == 3
        with pytest.raises(NotFittedError):
            ConformalForecaster(FrozenEstimator(small())).fit(new_X, new_y)

    def test_one_network_trains_in_stages(self):
        panel = pd.concat({"a": make_panel(2, 30), "b": make_panel(2, 30)})
        X, y = panel[["price"]], panel["target"]
        flat, composed = (
            ContinualForecaster(one, validation_fraction=0).fit(X, y)
            for one in (small(), parts())
        )
        pd.testing.assert_series_equal(flat.forecast(), composed.forecast())
        with pytest.raises(
            TypeError, match="theta_weight, tree_weight and mlp_weight, has one"
        ):
            ContinualForecaster(small(n_estimators=2)).fit(X, y)


def assert_same(one, other, X):
    np.testing.assert_array_equal(one.predict(X), other.predict(X))


class TestNextRows:
    KNOWN = ("price", "promotion")

    @pytest.fixture
    def model(self, halves):
        return small(known_covariates=list(self.KNOWN)).fit(*halves[:2])

    def test_forecasts_of_given_rows_stand_under_their_index(self, model, halves):
        new_X = halves[2].sample(frac=1, random_state=0)
        got = model.forecast(X=new_X)
        assert got.index.equals(new_X.index)
        assert got.name == "target"
        np.testing.assert_array_equal(got, model.predict(new_X))

    def test_future_rows_are_filled_in_and_forecast(self, model, halves):
        new_X = halves[2]
        rows = model.future_rows()
        assert rows.index.equals(new_X.index)
        assert rows.columns.tolist() == list(self.KNOWN)
        assert rows.isna().all(axis=None)
        for name in self.KNOWN:
            rows[name] = new_X[name]
        pd.testing.assert_series_equal(model.forecast(X=rows), model.forecast(X=new_X))

    def test_without_known_covariates_there_is_nothing_to_fill_in(self, halves):
        model = small().fit(*halves[:2])
        rows = model.future_rows(2)
        assert rows.shape == (6, 0)
        pd.testing.assert_series_equal(model.forecast(X=rows), model.forecast(2))

    def test_rows_that_are_not_filled_in_raise(self, model):
        with pytest.raises(ValueError, match="are known ahead, but missing"):
            model.forecast(X=model.future_rows())

    def test_rows_given_ahead_are_there_already(self, halves):
        X, y, new_X, _ = halves
        both_X = pd.concat([X, new_X]).sort_index()
        model = small(known_covariates=list(self.KNOWN))
        model.fit(both_X, y.reindex(both_X.index))
        rows = model.future_rows()
        pd.testing.assert_frame_equal(rows, new_X, check_freq=False)
        pd.testing.assert_series_equal(model.forecast(X=rows), model.forecast())

    def test_columns_of_the_calendar_are_not_asked_for(self, halves):
        X, y, _, _ = halves
        model = parts(known_covariates=["price", "day_of_week_sin"])
        model.estimator.steps.insert(0, ("calendar", CalendarFeatures(["day_of_week"])))
        assert model.fit(X, y).future_rows().columns.tolist() == ["price"]

    def test_dtypes_are_those_of_fit_or_can_hold_missing_values(self, halves):
        X, y, _, _ = halves
        X = X.assign(
            promotion=X["promotion"] > 0,
            kind=pd.Categorical(np.where(X["price"] > 1, "dear", "cheap")),
        )
        model = small(known_covariates=["price", "promotion", "kind"]).fit(X, y)
        dtypes = model.future_rows().dtypes.astype(str).tolist()
        assert dtypes == ["float64", "boolean", "category"]
        rows = model.future_rows()
        rows["price"], rows["promotion"], rows["kind"] = 1.0, True, "dear"
        assert np.isfinite(model.forecast(X=rows)).all()

    def test_times_are_written_as_they_were_given(self, halves):
        X, y, new_X, _ = halves
        dates = X.index.levels[1].date
        X, y, new_X = (
            part.set_axis(part.index.set_levels(dates, level=1))
            for part in (X, y, new_X)
        )
        model = small(known_covariates=["price"]).fit(X[["price"]], y)
        rows = model.future_rows()
        assert rows.index.tolist() == new_X.index.tolist()
        rows["price"] = 1.0
        assert model.forecast(X=rows).index.equals(rows.index)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (
                lambda m, X: m.forecast(2, X),
                "Both steps=2 and X are given. X holds the rows to forecast; leave",
            ),
            (
                lambda m, X: m.forecast(0),
                "steps must be an integer of at least 1, got 0",
            ),
            (lambda m, X: m.future_rows(0), "steps must be an integer of at least 1"),
        ],
    )
    def test_bad_steps_raise(self, model, halves, call, message):
        with pytest.raises(ValueError, match=re.escape(message)):
            call(model, halves[2])

    def test_remembered_rows_are_no_future(self, model, Xy):
        with pytest.raises(
            ValueError, match=r"111 row\(s\) of X are not after the end"
        ):
            model.forecast(X=Xy[0])


def test_partial_fit_refuses_parameters_that_it_does_not_read():
    y = make_panel(3, 40, n_covariates=0, random_state=0)["target"]
    late = y.index.get_level_values("time") >= y.index[-4][1]
    model = LSTMForecaster(2, hidden_size=3, max_epochs=1, n_estimators=1)
    model.fit(None, y[~late]).set_params(hidden_size=8, n_jobs=1)
    with pytest.raises(ValueError, match="hidden_size was changed since the fit"):
        model.partial_fit(None, y[late])
    model.set_params(hidden_size=3).partial_fit(None, y[late])

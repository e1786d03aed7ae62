"""StepRegressor: its inputs are those of a plain loop, free of level and scale."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

from sklstm import NaiveRegressor, PanelForecaster, SlidingWindow, StepRegressor
from sklstm.datasets import make_panel
from sklstm.forecasting._step_inputs import step_inputs


def tree(**params):
    return DecisionTreeRegressor(random_state=0, **{"max_depth": 6} | params)


def forecaster(regressor, horizon=3, window=None):
    window = SlidingWindow(12) if window is None else window
    return PanelForecaster(make_pipeline(window, regressor), horizon)


def random_windows(n_windows=6, n_rows=25):
    """Windows that are short, flat, or neither."""
    past = np.random.default_rng(0).normal(size=(n_windows, n_rows)).cumsum(axis=1)
    past[1, :20] = np.nan
    past[2] = 3.0
    past[3, :-1] = np.nan
    return past


class Mean(RegressorMixin, BaseEstimator):
    """Predict the mean of the target, and remember what it was given."""

    def fit(self, X, y):
        self.X_, self.y_ = X, y
        return self

    def predict(self, X):
        return np.full(len(X), self.y_.mean())


class TestInputs:
    @pytest.mark.parametrize("period", [2, 7, 24])
    def test_places_are_those_of_a_loop(self, period):
        past = random_windows()
        n_rows = past.shape[1]
        for window in range(len(past)):
            for step in (1, period, period + 1, 3 * period):
                inputs, naive, scale = step_inputs(
                    past, np.array([window]), np.array([step]), [period]
                )
                row = n_rows - 1 + step
                while row > n_rows - 1:
                    row -= period
                value = past[window, row] if row >= 0 else np.nan
                expected = past[window, -1] if np.isnan(value) else value
                assert naive[0] == expected
                assert inputs[0, 0] == step
                before = past[window, row - period] if row >= period else np.nan
                second = (before - naive[0]) / scale[0]
                assert np.isnan(second) or np.isclose(inputs[0], second).any()

    def test_the_naive_forecast_is_that_of_the_longest_season_in_the_window(self):
        past = np.arange(20.0)[None]
        for periods, expected in (((), 19), ((3,), 17), ((3, 7), 13), ((3, 30), 17)):
            _, naive, _ = step_inputs(past, np.array([0]), np.array([1]), periods)
            assert naive[0] == expected

    @pytest.mark.parametrize("periods", [(), (4,), (2, 7)])
    def test_they_are_free_of_level_and_scale(self, periods):
        past = random_windows()
        past = past[[0, 1, 4, 5]]
        window, step = np.repeat(np.arange(4), 5), np.tile(np.arange(1, 6), 4)
        one, naive, scale = step_inputs(past, window, step, periods)
        other, moved, wider = step_inputs(8 * past + 64, window, step, periods)
        assert_allclose(other, one, atol=1e-9)
        assert_allclose(moved, 8 * naive + 64)
        assert_allclose(wider, 8 * scale)

    def test_a_flat_window_has_no_scale(self):
        _, naive, scale = step_inputs(
            random_windows()[[2]], np.array([0]), np.array([4]), [2]
        )
        assert naive[0] == 3.0
        assert np.isnan(scale[0])

    def test_many_windows_are_as_each_alone(self):
        past = random_windows()
        window, step = np.repeat(np.arange(6), 3), np.tile([1, 2, 9], 6)
        inputs, *_ = step_inputs(past, window, step, [2, 7])
        for i, row in enumerate(window):
            alone, *_ = step_inputs(past[[row]], np.array([0]), step[[i]], [2, 7])
            assert_array_equal(alone[0], inputs[i])


class TestForecasts:
    def test_a_mean_moves_the_naive_forecast_by_as_many_scales(self):
        X = random_windows()[[0, 4, 5]]
        y = X[:, -1] + 1.0
        model = StepRegressor(Mean()).fit(X, y)
        scale = np.abs(np.diff(X)).mean(axis=1)
        assert_allclose(model.predict(X), X[:, -1] + scale * (1 / scale).mean())

    def test_forecasts_move_with_the_level_of_a_series(self):
        y = make_panel(4, 60, n_covariates=0, random_state=0)["target"]
        # Multiples of 1/16, which single precision holds with and without the level.
        y = (y * 16).round() / 16
        model = forecaster(StepRegressor(Mean(), 7)).fit(None, y)
        moved = forecaster(StepRegressor(Mean(), 7)).fit(None, 4 * y + 1024)
        assert_allclose(moved.forecast(), 4 * model.forecast() + 1024)

    def test_a_season_is_repeated_exactly(self):
        index = pd.MultiIndex.from_product([["a", "b"], range(40)])
        y = pd.Series(np.tile([1.0, 5.0, 2.0, 8.0], 20), index)
        for regressor in (tree(), None):
            model = forecaster(StepRegressor(regressor, 4), horizon=6).fit(None, y)
            assert_allclose(model.forecast(), np.tile([1.0, 5, 2, 8, 1, 5], 2))

    def test_it_beats_the_naive_forecast(self):
        y = make_panel(20, 120, n_covariates=0, random_state=0)["target"]
        late = y.groupby(level=0).cumcount() >= 113
        trees, naive = (
            forecaster(StepRegressor(regressor, 7), 7).fit(None, y[~late]).forecast()
            for regressor in (None, Mean())
        )
        assert (trees - y[late]).abs().mean() < (naive - y[late]).abs().mean()

    def test_each_step_reads_its_own_known_covariates(self):
        rng = np.random.default_rng(0)
        index = pd.MultiIndex.from_product([range(10), range(60)], names=["id", "t"])
        X = pd.DataFrame({"price": rng.integers(0, 4, 600).astype(float)}, index)
        y = X["price"] * 10
        late = index.get_level_values("t") >= 57
        window = SlidingWindow(6, known_covariates=["price"])
        model = forecaster(StepRegressor(tree(max_depth=None)), window=window)
        model.fit(X[~late], y[~late])
        assert np.abs(model.predict(X[late]) - y[late]).mean() < 2.5
        other = model.predict(X[late].replace({3.0: 0.0}))
        assert_array_equal(other[y[late] < 30], model.predict(X[late])[y[late] < 30])

    def test_targets_are_told_apart(self):
        rng = np.random.default_rng(0)
        index = pd.MultiIndex.from_product([range(4), range(50)])
        up = np.arange(200.0) % 50
        y = pd.DataFrame({"up": up, "down": -2 * up, "noise": rng.normal(size=200)})
        model = forecaster(StepRegressor(tree())).fit(None, y.set_index(index))
        out = model.forecast()
        assert_allclose(out["up"], np.tile([50.0, 51, 52], 4), atol=0.1)
        assert_allclose(out["down"], np.tile([-100.0, -102, -104], 4), atol=0.2)

    def test_a_window_without_a_value_gets_the_mean(self):
        X = random_windows()
        y = X[:, -1] + 1
        model = StepRegressor(Mean()).fit(X, y)
        nothing = np.full((1, X.shape[1]), np.nan)
        assert_allclose(model.predict(nothing), y.mean())

    @pytest.mark.parametrize(("size", "reach"), [(12, 118), (150, 0)])
    def test_it_reads_130_rows_or_the_window(self, size, reach):
        y = make_panel(2, 200, n_covariates=0, random_state=0)["target"]
        model = forecaster(StepRegressor(tree(), 7), window=SlidingWindow(size))
        model.fit(None, y)
        assert model.estimator_[-1].past_reach_ == reach
        out = model.forecast()
        recent = y[y.groupby(level=0).cumcount() >= 200 - (size + reach)]
        names = y.index.unique(0)
        again = recent.rename(
            dict(zip(names, ["new 1", "new 2"], strict=True)), level=0
        )
        model.update(None, again)
        assert_array_equal(model.forecast().loc[["new 1", "new 2"]], out)

    def test_series_that_never_change_stay_as_they_are(self):
        index = pd.MultiIndex.from_product([["a", "b"], range(20)])
        y = pd.Series(np.repeat([2.0, 7.0], 20), index)
        model = forecaster(StepRegressor()).fit(None, y)
        assert_array_equal(model.forecast(), np.repeat([2.0, 7.0], 3))


class TestSamples:
    def test_no_more_are_learned_than_allowed(self):
        y = make_panel(3, 60, n_covariates=0, random_state=0)["target"]
        few, all_of_them = (
            forecaster(StepRegressor(Mean(), max_samples=n)).fit(None, y)
            for n in (50, 10_000)
        )
        assert len(few.estimator_[-1].regressor_.y_) <= 50
        # The last three rows of each series have fewer steps after them.
        assert len(all_of_them.estimator_[-1].regressor_.y_) == 3 * (3 * 60 - 6)

    def test_one_seed_gives_one_result(self):
        y = make_panel(3, 60, n_covariates=0, random_state=0)["target"]
        one, same, other = (
            forecaster(StepRegressor(max_samples=300, random_state=seed))
            .fit(None, y)
            .forecast()
            for seed in (0, 0, 1)
        )
        assert_array_equal(one, same)
        assert not np.array_equal(one, other)

    def test_a_window_without_weight_teaches_nothing(self):
        X = np.random.default_rng(0).normal(size=(80, 6))
        y = X[:, -1] + X[:, 0]
        weight = np.r_[np.ones(40), np.zeros(40)]
        spoilt = np.r_[y[:40], y[40:] + 100]
        model = StepRegressor(tree()).fit(X, spoilt, sample_weight=weight)
        assert_allclose(
            model.predict(X), StepRegressor(tree()).fit(X[:40], y[:40]).predict(X)
        )

    def test_a_regressor_without_missing_values_is_named(self):
        y = make_panel(2, 40, n_covariates=0, random_state=0)["target"]
        with pytest.raises(ValueError, match="NaN") as error:
            forecaster(StepRegressor(Ridge(), 7)).fit(None, y)
        assert "regressor=Ridge()" in error.value.__notes__[0]

    def test_windows_without_weight_are_not_drawn(self):
        y = make_panel(2, 40, n_covariates=0, random_state=0)["target"]
        weight = pd.Series(0.0, y.index)
        weight.iloc[[10, 50]] = 1.0
        model = forecaster(StepRegressor(tree(), max_samples=5, random_state=0))
        assert np.isfinite(model.fit(None, y, weight).forecast()).all()

    def test_a_fit_that_fails_changes_nothing(self):
        X = np.random.default_rng(0).normal(size=(60, 6))
        model = StepRegressor(tree()).fit(X, X[:, :2])
        before = model.predict(X)
        with pytest.raises(ValueError, match="There is nothing to learn"):
            model.set_params(seasonal_periods=3).fit(X[:, :4] * np.nan, X[:, 0])
        assert_array_equal(model.predict(X), before)

    @pytest.mark.parametrize("regressor", [StepRegressor(), NaiveRegressor()])
    def test_windows_need_a_target(self, regressor):
        y = make_panel(2, 40, n_covariates=0, random_state=0)["target"]
        windows = SlidingWindow(8).fit_transform(y.to_frame("sales"))
        with pytest.raises(ValueError, match="do not hold the past of the target"):
            regressor.fit(windows, y.to_numpy()[:, None])

    def test_nothing_to_learn_is_said(self):
        X = np.full((5, 4), np.nan)
        with pytest.raises(ValueError, match="There is nothing to learn"):
            StepRegressor().fit(X, np.arange(5.0))

    @pytest.mark.parametrize("shape", [(3, 2, 2, 2), (3, 2, 0)])
    def test_arrays_have_at_most_three_axes_and_a_feature(self, shape):
        with pytest.raises(ValueError, match="2 axes"):
            StepRegressor().fit(np.zeros(shape), [1.0, 2.0, 3.0])

    def test_the_last_feature_of_an_array_is_the_past(self):
        X = random_windows()[[0, 4, 5]]
        y = np.column_stack([X[:, -1] + 1, X[:, -1] + 2])
        wide = np.stack([np.zeros_like(X), X], axis=2)
        one, two = (StepRegressor(Mean(), 3).fit(each, y) for each in (X, wide))
        assert_array_equal(one.predict(X), two.predict(wide))
        assert one.predict(X).shape == (3, 2)

"""Quantiles that are learned: they ascend, mean what they say, and keep their rows."""

import pickle
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from sklstm import (
    ContinualForecaster,
    LSTMRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeedEnsemble,
    SeriesLog,
    SeriesScaler,
    SlidingWindow,
)
from sklstm._panels.quantiles import (
    USUAL_QUANTILES,
    bounds_of,
    check_quantiles,
    interpolate_quantiles,
)
from sklstm.metrics import make_quantile_scorer
from sklstm.neural_network import LSTMModule
from sklstm.neural_network._quantile_head import QuantileLoss, center_of

TENTHS = (0.1, 0.25, 0.5, 0.9)
CHOICES = [
    TENTHS,
    USUAL_QUANTILES,
    (0.5,),
    (0.9,),
    (0.1, 0.9),
    (0.05, 0.1, 0.2),
    (0.7, 0.95),
]


def small(quantiles=TENTHS, **params):
    defaults = {"hidden_size": 6, "max_epochs": 2, "random_state": 0, "device": "cpu"}
    return LSTMRegressor(loss="quantile", quantiles=quantiles, **defaults | params)


def make_arrays(n=120, n_outputs=None, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5, 2)).astype("float32")
    y = X[:, -1, :1] + rng.normal(size=(n, n_outputs or 1))
    return X, y if n_outputs else y[:, 0]


def forecaster(regressor=None, horizon=3, **params):
    regressor = small() if regressor is None else regressor
    steps = make_pipeline(SlidingWindow(5), regressor)
    return PanelForecaster(steps, horizon, **params)


@pytest.fixture
def Xy(panel):
    return panel[["price"]], panel["sales"]


def split(X, y, days=3):
    """The last `days` rows of each series apart."""
    late = X.groupby(level=0).cumcount(ascending=False).to_numpy() < days
    return X[~late], y[~late], X[late], y[late]


def assert_ascending(values):
    assert (np.diff(values, axis=-1) >= 0).all()


class TestNumbers:
    @pytest.mark.parametrize("quantiles", CHOICES, ids=str)
    def test_interpolation_equals_that_of_numpy(self, quantiles):
        rng = np.random.default_rng(0)
        values = np.sort(rng.normal(size=(7, 2, len(quantiles))), axis=-1)
        wanted = np.linspace(0.01, 0.99, 25)
        got = interpolate_quantiles(values, quantiles, wanted)
        for row in np.ndindex(7, 2):
            assert_allclose(got[row], np.interp(wanted, quantiles, values[row]))

    def test_what_descends_is_interpolated_as_well(self):
        """As the errors of quantiles do: the truth less what ascends."""
        values = np.sort(np.random.default_rng(0).normal(size=(50, 4)), axis=1)
        wanted = np.linspace(0.1, 0.9, 25)
        got = interpolate_quantiles(-values, TENTHS, wanted)
        assert_array_equal(got, -interpolate_quantiles(values, TENTHS, wanted))

    def test_interpolation_gives_known_quantiles_back_bit_for_bit(self):
        values = np.sort(np.random.default_rng(0).normal(size=(50, 4)), axis=1)
        assert_array_equal(interpolate_quantiles(values, TENTHS, TENTHS), values)

    def test_interpolated_quantiles_ascend_to_the_last_bit(self):
        rng = np.random.default_rng(0)
        values = np.sort(rng.normal(size=(500, 4)).round(1) * np.pi, axis=1)
        wanted = np.linspace(0.1, 0.9, 101)
        assert_ascending(interpolate_quantiles(values, TENTHS, wanted))

    @pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
    def test_an_interval_leaves_as_much_below_as_above(self, coverage):
        low, high = bounds_of(coverage)
        assert high - low == pytest.approx(coverage)
        assert low == pytest.approx(1 - high)

    @pytest.mark.parametrize(
        ("coverage", "error", "message"),
        [
            (1, ValueError, "coverage must lie between 0 and 1, got 1."),
            (0.0, ValueError, "coverage must lie between 0 and 1, got 0.0."),
            ("90%", TypeError, "coverage must be a number, got '90%'."),
            (True, TypeError, "coverage must be a number, got True."),
        ],
    )
    def test_a_coverage_that_is_none(self, coverage, error, message):
        with pytest.raises(error, match=re.escape(message)):
            bounds_of(coverage)

    @pytest.mark.parametrize(
        ("quantiles", "message"),
        [
            (
                wrong,
                "quantiles must be numbers between 0 and 1, such as (0.1, 0.5, 0.9); "
                f"got {wrong!r}.",
            )
            for wrong in [(), (0, 0.5), (0.5, 1.0), (True,), ("low",), 2]
        ]
        + [
            (wrong, f"quantiles must ascend, each once; got {wrong!r}.")
            for wrong in [(0.5, 0.1), (0.5, 0.5)]
        ],
    )
    def test_wrong_quantiles_are_named(self, quantiles, message):
        X, y = make_arrays()
        with pytest.raises(ValueError, match=re.escape(message)):
            check_quantiles(quantiles)
        if np.iterable(quantiles):
            with pytest.raises(ValueError, match=re.escape(message)):
                small(quantiles).fit(X, y)


class TestLoss:
    def test_it_is_the_pinball_loss_averaged_over_quantiles(self):
        rng = np.random.default_rng(0)
        y, y_pred = rng.normal(size=(30, 2)), rng.normal(size=(30, 2, 4))
        loss = QuantileLoss(TENTHS)(torch.as_tensor(y_pred), torch.as_tensor(y))
        assert loss.shape == (30, 2)
        expected = np.mean(
            [
                mean_pinball_loss(y, y_pred[..., j], alpha=level)
                for j, level in enumerate(TENTHS)
            ]
        )
        assert float(loss.mean()) == pytest.approx(expected)

    def test_an_epochs_loss_is_that_of_the_predictions(self):
        X, y = make_arrays(n_outputs=2)
        model = small(lr=1e-12, max_epochs=1).fit(X, y)
        q = model.predict_quantiles(X)
        # Losses are in units of the spread of each output.
        y, q = y / model.target_scale_, q / model.target_scale_[:, None]
        loss = np.mean(
            [mean_pinball_loss(y, q[..., j], alpha=a) for j, a in enumerate(TENTHS)]
        )
        assert model.training_history_["train_loss"][0] == pytest.approx(loss, rel=1e-5)


class TestQuantileHead:
    def test_the_central_one_is_nearest_to_the_median(self):
        assert [center_of(quantiles) for quantiles in CHOICES] == [2, 6, 0, 0, 0, 2, 0]

    @pytest.mark.parametrize("quantiles", CHOICES, ids=str)
    def test_any_weights_give_quantiles_that_ascend(self, quantiles):
        module = LSTMModule(2, 3, hidden_size=4, quantiles=quantiles)
        with torch.no_grad():
            for weight in module.parameters():
                weight.mul_(30)
            out = module(torch.randn(50, 6, 2))
        assert out.shape == (50, 3, len(quantiles))
        assert_ascending(out.numpy())

    @pytest.mark.parametrize("quantiles", CHOICES, ids=str)
    def test_the_untrained_skip_spreads_as_a_normal_around_the_naive_mix(
        self, quantiles
    ):
        module = LSTMModule(2, 3, hidden_size=4, n_naive=2, quantiles=quantiles)
        naive = torch.randn(5, 2, 3)
        with torch.no_grad():
            for weight in module.gate.parameters():
                weight.zero_()
            out = module(torch.randn(5, 6, 2), naive=naive).numpy()
        mix = naive.mean(dim=1).numpy()[..., None]
        assert_allclose(out, mix + norm.ppf(quantiles), atol=1e-5)

    @pytest.mark.parametrize("quantiles", CHOICES, ids=str)
    def test_the_untrained_net_starts_about_the_mean_of_y(self, quantiles):
        X, y = make_arrays(n_outputs=2)
        y = y + [100, -50]
        q = small(quantiles, lr=1e-12, max_epochs=1).fit(X, y).predict_quantiles(X)
        middle = q - norm.ppf(quantiles)
        assert_allclose(middle.mean(axis=(0, 2)), [100, -50], atol=3)


class TestRegressor:
    @pytest.mark.parametrize("quantiles", CHOICES, ids=str)
    def test_trained_quantiles_ascend(self, quantiles):
        X, y = make_arrays()
        model = small(quantiles, lr=0.1, max_epochs=4).fit(X, y)
        q = model.predict_quantiles(X * 5)
        assert q.shape == (len(X), len(quantiles))
        assert q.dtype == np.float64
        assert_ascending(q)
        assert model.quantiles_ == quantiles

    def test_predict_is_the_median(self):
        X, y = make_arrays()
        model = small().fit(X, y)
        assert_array_equal(model.predict(X), model.predict_quantiles(X)[:, 2])

    def test_a_median_that_was_not_learned_is_interpolated(self):
        X, y = make_arrays()
        model = small((0.2, 0.4, 0.8)).fit(X, y)
        _, low, high = model.predict_quantiles(X).T
        assert_allclose(model.predict(X), 0.75 * low + 0.25 * high)
        assert_allclose(model.predict_quantiles(X, (0.5,))[:, 0], model.predict(X))

    @pytest.mark.parametrize(
        ("quantiles", "nearest"), [((0.7, 0.95), 0), ((0.05, 0.1), 1)]
    )
    def test_quantiles_of_one_side_predict_the_one_nearest_to_the_median(
        self, quantiles, nearest
    ):
        X, y = make_arrays()
        model = small(quantiles).fit(X, y)
        assert_array_equal(model.predict(X), model.predict_quantiles(X)[:, nearest])

    def test_other_quantiles_are_interpolated_within_and_refused_outside(self):
        X, y = make_arrays()
        model = small().fit(X, y)
        learned = model.predict_quantiles(X)
        wanted = (0.1, 0.2, 0.7)
        got = model.predict_quantiles(X, wanted)
        expected = [np.interp(wanted, TENTHS, row) for row in learned]
        assert_allclose(got, expected)
        message = (
            "quantiles must lie between 0.1 and 0.9, the outermost that were learned; "
            "got (0.05, 0.5). Learn more of them: set the parameter quantiles of the "
            "regressor."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            model.predict_quantiles(X, (0.05, 0.5))

    def test_bounds_with_rounding_errors_are_the_outermost(self):
        X, y = make_arrays()
        model = small((0.05, 0.5, 0.95)).fit(X, y)
        got = model.predict_quantiles(X, bounds_of(0.9))
        assert_array_equal(got, model.predict_quantiles(X)[:, [0, 2]])

    @pytest.mark.parametrize("mode", [{}, {"head_hidden_size": 5, "num_layers": 2}])
    def test_quantiles_of_noise_hold_as_often_as_they_say(self, mode):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(600, 3)).astype("float32")
        model = small(hidden_size=4, lr=0.03, max_epochs=12, batch_size=32, **mode)
        model.fit(X, rng.gumbel(size=600))
        y = rng.gumbel(size=2000)[:, None, None]
        share = (y <= model.predict_quantiles(X[:100])).mean(axis=(0, 1))
        assert_allclose(share, TENTHS, atol=0.07)

    def test_none_learns_the_usual_quantiles(self):
        X, y = make_arrays()
        model = small(None, max_epochs=1).fit(X, y)
        assert model.quantiles_ == USUAL_QUANTILES
        assert model.predict_quantiles(X).shape == (len(X), 13)

    def test_several_outputs_with_missing_values(self):
        X, y = make_arrays(n_outputs=3)
        y[::3, 1] = np.nan
        y[5] = np.nan
        model = small().fit(X, y)
        assert np.isfinite(model.training_history_["train_loss"]).all()
        q = model.predict_quantiles(X)
        assert q.shape == (len(X), 3, 4)
        assert_ascending(q)
        assert_array_equal(model.predict(X), q[..., 2])

    def test_a_missing_target_is_as_good_as_one_of_no_weight(self):
        X, y = make_arrays(n_outputs=1)
        holes = np.arange(len(y)) % 3 == 0
        missing = np.where(holes[:, None], np.nan, y)
        weight = np.where(holes, 0.0, 1.0)
        params = {"lr": 0.1, "max_epochs": 1, "batch_size": len(X)}
        params |= {"optimizer": "sgd", "grad_clip": None}
        got = small(**params).fit(X, missing).predict_quantiles(X)
        # The mean start is that of the known targets in both.
        expected = small(**params).fit(X, y, weight).predict_quantiles(X)
        assert_allclose(got, expected, atol=1e-5)

    def test_weights_move_the_quantiles(self):
        rng = np.random.default_rng(0)
        X = np.zeros((400, 3), dtype="float32")
        y = rng.normal(size=400)
        weight = np.where(y > 0, 1.0, 1e-3)
        params = {"hidden_size": 4, "lr": 0.03, "max_epochs": 12, "batch_size": 32}
        low = small(**params).fit(X, y).predict_quantiles(X[:1])
        high = small(**params).fit(X, y, weight).predict_quantiles(X[:1])
        assert (high[0, :3] > low[0, :3] + 0.2).all()

    def test_the_same_seed_gives_the_same_quantiles(self):
        X, y = make_arrays()
        one, same, other = (
            small(random_state=seed).fit(X, y).predict_quantiles(X)
            for seed in (0, 0, 1)
        )
        assert_array_equal(one, same)
        assert (one != other).any()

    def test_quantiles_do_not_depend_on_the_company(self):
        X, y = make_arrays()
        model = small().fit(X, y)
        every = model.predict_quantiles(X)
        assert_array_equal(model.predict_quantiles(X[[70, 3]]), every[[70, 3]])

    def test_clone_and_pickle(self):
        X, y = make_arrays()
        model = small().fit(X, y)
        again = pickle.loads(pickle.dumps(model))
        assert_array_equal(again.predict_quantiles(X), model.predict_quantiles(X))
        assert clone(model).quantiles == TENTHS
        assert_array_equal(clone(model).fit(X, y).predict(X), model.predict(X))

    def test_early_stopping_and_refit(self):
        X, y = make_arrays()
        params = {"early_stopping": "refit", "n_iter_no_change": 2, "lr": 0.05}
        model = small(max_epochs=5, **params).fit(X, y)
        assert model.n_epochs_ <= 5
        assert "valid_loss" in model.validation_history_
        assert_ascending(model.predict_quantiles(X))

    def test_partial_fit_goes_on_with_the_same_quantiles(self):
        X, y = make_arrays()
        model = small(max_epochs=1).fit(X, y)
        before = model.predict_quantiles(X)
        model.partial_fit(X, y)
        assert model.quantiles_ == TENTHS
        assert model.n_epochs_ == 2
        assert (model.predict_quantiles(X) != before).any()
        with pytest.raises(ValueError, match="cannot change a network"):
            model.set_params(quantiles=(0.5,)).partial_fit(X, y)

    def test_a_loss_of_points_has_no_quantiles(self):
        X, y = make_arrays()
        model = LSTMRegressor(hidden_size=4, max_epochs=1, quantiles=TENTHS)
        message = (
            "predict_quantiles needs a fit with loss='quantile'; now the parameter is "
            "loss='mse'."
        )
        for estimator in (model, model.fit(X, y)):
            assert not hasattr(estimator, "predict_quantiles")
            with pytest.raises(AttributeError) as caught:
                estimator.predict_quantiles(X)
            assert str(caught.value.__cause__) == message
        assert model.quantiles_ is None

    def test_a_loss_set_after_fit_waits_for_the_next_one(self):
        X, y = make_arrays()
        points = LSTMRegressor(hidden_size=4, max_epochs=1).fit(X, y)
        points.set_params(loss="quantile")
        assert not hasattr(points, "predict_quantiles")
        learned = small().fit(X, y)
        expected = learned.predict_quantiles(X)
        learned.set_params(loss="mse")
        assert_array_equal(learned.predict_quantiles(X), expected)
        assert not hasattr(learned.fit(X, y), "predict_quantiles")

    def test_chunked_and_windowed_training_give_the_same_shapes(self, Xy):
        X, y = Xy
        shapes = set()
        for mode in ("chunked", "windowed"):
            model = forecaster(small(training_mode=mode)).fit(X, y)
            windows = model._transform.windows(X).with_target(y.to_numpy()[:, None])
            q = model.estimator_[-1].predict_quantiles(windows)
            assert_ascending(q)
            shapes.add(q.shape)
        assert shapes == {(len(X), 3, 4)}


class TestSearch:
    def test_grid_search_over_quantiles_and_loss(self, Xy):
        X, y = Xy
        cv = PanelTimeSeriesSplit(n_splits=2, horizon=3)
        asked = (0.25, 0.5, 0.75)
        grid = {"estimator__lstmregressor__quantiles": [(0.25, 0.75), (0.1, 0.5, 0.9)]}
        search = GridSearchCV(
            forecaster(), grid, cv=cv, scoring=make_quantile_scorer(quantiles=asked)
        ).fit(X, y)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        losses = {"estimator__lstmregressor__loss": ["mae", "quantile"]}
        search = GridSearchCV(
            forecaster(), losses, cv=cv, scoring="neg_mean_absolute_error"
        ).fit(X, y)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        learned = search.best_params_["estimator__lstmregressor__loss"] == "quantile"
        assert hasattr(search.best_estimator_, "predict_quantiles") == learned

    def test_return_train_score_leaves_out_first_rows(self, Xy):
        search = GridSearchCV(
            forecaster(),
            {"horizon": [3]},
            cv=PanelTimeSeriesSplit(n_splits=2, horizon=3),
            scoring=make_quantile_scorer(),
            return_train_score=True,
        ).fit(*Xy)
        assert np.isfinite(search.cv_results_["mean_train_score"]).all()


class TestSeedEnsemble:
    def test_quantiles_are_averaged(self):
        X, y = make_arrays()
        model = SeedEnsemble(small(), n_estimators=2, random_state=0).fit(X, y)
        one, two = (m.predict_quantiles(X, (0.2, 0.5)) for m in model.estimators_)
        got = model.predict_quantiles(X, (0.2, 0.5))
        assert_allclose(got, (one + two) / 2)
        assert_allclose(model.predict(X), got[:, 1])
        assert model.quantiles_ == TENTHS
        assert_ascending(model.predict_quantiles(X))

    def test_it_has_quantiles_where_its_members_have(self):
        X, y = make_arrays()
        assert not hasattr(SeedEnsemble(LSTMRegressor()), "predict_quantiles")
        assert not hasattr(SeedEnsemble(Ridge()), "predict_quantiles")
        model = SeedEnsemble(small(), n_estimators=1, random_state=0)
        assert hasattr(model, "predict_quantiles")
        model.fit(X, y).set_params(estimator__loss="mse")
        assert hasattr(model, "predict_quantiles")
        assert not hasattr(model.fit(X, y), "predict_quantiles")


class TestStages:
    def test_the_loop_over_data_sets_learns_quantiles(self, Xy):
        X, y = Xy
        loop = ContinualForecaster(forecaster(target_transformer=SeriesScaler()))
        loop.fit(X, y)
        assert np.isfinite(loop.stage_scores_.to_numpy()[-1]).all()
        for name, inner in loop.forecasters_.items():
            ahead = inner.forecast().to_frame()[[]]
            table = inner.predict_quantiles(ahead)
            assert_ascending(table.to_numpy())
            assert_allclose(table[0.5], loop.forecast()[[name]])

    def test_every_stage_lowers_the_loss_of_quantiles(self, Xy):
        X, y = Xy
        params = {"target_transformer": SeriesScaler()}
        loop = ContinualForecaster(forecaster(small(max_epochs=5, lr=0.02), **params))
        history = loop.fit(X, y)._regressor.training_history_
        of_stage = history.groupby("stage")["train_loss"]
        assert (of_stage.last() < of_stage.first()).all()


class GivesQuantiles(RegressorMixin, BaseEstimator):
    """The last value of a window is the median; the others lie step by step apart."""

    accepts_panel_windows = True

    def fit(self, X, y):
        self.quantiles_ = (0.1, 0.5, 0.9)
        self.shape_ = (X.table.target.shape[1], y.horizon)
        return self

    def predict(self, X):
        n_targets, horizon = self.shape_
        last = np.asarray(X)[:, -1, -n_targets:].astype(float)
        return np.tile(last, horizon)

    def predict_quantiles(self, X, quantiles=None):
        n_targets, horizon = self.shape_
        quantiles = self.quantiles_ if quantiles is None else quantiles
        step = np.repeat(np.arange(1, horizon + 1), n_targets)
        spread = step[:, None] * norm.ppf(quantiles)
        return self.predict(X)[..., None] + spread


class TestForecaster:
    @pytest.fixture
    def fitted(self, Xy):
        X, y = Xy
        train_X, train_y, test_X, _ = split(X, y)
        model = forecaster(target_transformer=SeriesScaler()).fit(train_X, train_y)
        return model, test_X

    def test_each_row_gets_the_quantiles_of_its_series_and_step(self, Xy):
        X, y = Xy
        train_X, train_y, test_X, _ = split(X, y)
        model = forecaster(GivesQuantiles()).fit(train_X, train_y)
        shuffled = test_X.sample(frac=1, random_state=0)
        table = model.predict_quantiles(shuffled)
        for name in "abc":
            last = np.float32(train_y.loc[name].iloc[-1])
            own = table.loc[name].sort_index()
            expected = last + np.outer([1, 2, 3], norm.ppf([0.1, 0.5, 0.9]))
            assert_allclose(own, expected, rtol=1e-12)

    def test_the_index_of_X_is_kept_in_any_order(self, fitted):
        model, test_X = fitted
        expected = model.predict_quantiles(test_X)
        assert expected.columns.tolist() == list(TENTHS)
        assert_ascending(expected.to_numpy())
        pd.testing.assert_index_equal(expected.index, test_X.index)
        shuffled = test_X.sample(frac=1, random_state=0)
        got = model.predict_quantiles(shuffled)
        pd.testing.assert_frame_equal(got, expected.loc[shuffled.index])

    @pytest.mark.parametrize("rows", [[2], [5, 0], [1, 8]])
    def test_part_of_the_rows_gets_what_it_has_among_all(self, fitted, rows):
        model, test_X = fitted
        expected = model.predict_quantiles(test_X).iloc[rows]
        got = model.predict_quantiles(test_X.iloc[rows])
        pd.testing.assert_frame_equal(got, expected)

    @pytest.mark.parametrize("size", [1, 40])
    def test_blocks_of_series_give_what_all_at_once_gives(
        self, fitted, monkeypatch, size
    ):
        model, test_X = fitted
        asked = pd.concat([model._history.X, test_X]).sample(frac=1, random_state=0)
        whole = model.predict_quantiles(asked)
        monkeypatch.setattr("sklstm.forecasting._panel_forecaster._BLOCK_ROWS", size)
        pd.testing.assert_frame_equal(model.predict_quantiles(asked), whole)

    def test_the_median_is_what_predict_gives(self, fitted):
        model, test_X = fitted
        asked = pd.concat([model._history.X, test_X])
        first = asked.groupby(level=0).cumcount().to_numpy() == 0
        median = model.predict_quantiles(asked)[0.5].to_numpy()
        assert_array_equal(median[~first], model.predict(asked)[~first])

    def test_an_interval_lies_between_its_quantiles(self, fitted):
        model, test_X = fitted
        interval = model.predict_interval(test_X, coverage=0.8)
        assert interval.columns.tolist() == ["lower", "upper"]
        pd.testing.assert_index_equal(interval.index, test_X.index)
        bounds = model.predict_quantiles(test_X, (0.1, 0.9))
        assert_allclose(interval, bounds)
        narrow = model.predict_interval(test_X, coverage=0.4)
        assert (narrow["lower"] > interval["lower"]).all()
        assert (narrow["upper"] < interval["upper"]).all()

    def test_an_interval_beyond_what_was_learned_is_an_error(self, fitted):
        model, test_X = fitted
        message = "quantiles must lie between 0.1 and 0.9, the outermost that were"
        with pytest.raises(ValueError, match=re.escape(message)):
            model.predict_interval(test_X, coverage=0.9)

    def test_units_are_undone_quantile_by_quantile(self, Xy):
        X, y = Xy
        train_X, train_y, test_X, _ = split(X, y)
        transformer = Pipeline([("log", SeriesLog()), ("scale", SeriesScaler())])
        model = forecaster(target_transformer=transformer).fit(train_X, train_y)
        table = model.predict_quantiles(test_X)
        assert_ascending(table.to_numpy())
        assert (table > 0).all(axis=None)
        log, scale = model.target_transformer_.named_steps.values()
        model._transform = replace(model._transform, target_transformer=None)
        # The past is handed over transformed, since nothing transforms it any more.
        y = model._history.y
        past = scale.transform(log.transform(y))
        object.__setattr__(model._history, "y", past)
        raw = model.predict_quantiles(test_X)
        for level in TENTHS:
            one = raw[[level]].set_axis(y.columns, axis=1)
            back = log.inverse_transform(scale.inverse_transform(one))
            assert_allclose(table[level], back.iloc[:, 0], rtol=1e-6)

    def test_remembered_rows_get_the_quantiles_of_one_step_ahead(self, Xy):
        X, y = Xy
        model = forecaster(GivesQuantiles()).fit(X, y)
        table = model.predict_quantiles(X)
        before = y.groupby(level=0).shift().to_numpy(np.float32)
        expected = before[:, None] + norm.ppf([0.1, 0.5, 0.9])
        assert_allclose(table, expected, rtol=1e-12)
        first = X.groupby(level=0).cumcount().to_numpy() == 0
        assert_array_equal(table.isna().all(axis=1), first)

    def test_rows_beyond_the_horizon_are_named(self, Xy):
        X, y = Xy
        train_X, train_y, test_X, _ = split(X, y, 4)
        model = forecaster().fit(train_X, train_y)
        message = (
            "Quantiles and intervals are given for steps up to horizon=3; 1 row(s) of "
            "X lie beyond: ('b', 2024-01-31). Leave them out, or "
            "fit with a larger horizon."
        )
        asked = test_X.drop([("a", "2024-02-09"), ("c", "2024-01-22")])
        for ask in (model.predict_quantiles, model.predict_interval):
            with pytest.raises(ValueError, match=re.escape(message)):
                ask(asked, *([0.5] if ask == model.predict_interval else []))

    def test_remembered_rows_without_their_past_are_an_error(self, Xy):
        X, y = Xy
        model = forecaster(history="context").fit(X, y)
        assert len(model.predict_quantiles(model.forecast().to_frame()[[]])) == 9
        with pytest.raises(ValueError, match="Fitted values need the rows before them"):
            model.predict_quantiles(X.groupby(level=0).tail(1))

    def test_several_targets_have_a_column_for_each_target_and_quantile(self, Xy):
        X, y = Xy
        y = pd.DataFrame({"sales": y, "negative": -y})
        train_X, train_y, test_X, _ = split(X, y)
        model = forecaster(GivesQuantiles()).fit(train_X, train_y)
        table = model.predict_quantiles(test_X)
        assert table.columns.names == ["target", "quantile"]
        levels = [(t, q) for t in y for q in (0.1, 0.5, 0.9)]
        assert table.columns.tolist() == levels
        last = train_y.groupby(level=0).tail(1).to_numpy(np.float32)
        for j, name in enumerate(y):
            middle = np.repeat(last[:, j], 3).reshape(3, 3)
            spread = np.outer([1, 2, 3], norm.ppf([0.1, 0.5, 0.9]))
            expected = middle[..., None] + spread
            assert_allclose(table[name], expected.reshape(9, 3), rtol=1e-12)
        interval = model.predict_interval(test_X, 0.8)
        assert interval.columns.names == ["target", "bound"]
        assert interval.columns.tolist() == [
            (t, b) for t in y for b in ("lower", "upper")
        ]
        assert_allclose(interval["negative"], table["negative"][[0.1, 0.9]])

    def test_an_lstm_learns_quantiles_of_several_targets(self, Xy):
        X, y = Xy
        y = pd.DataFrame({"sales": y, "negative": -y})
        train_X, train_y, test_X, _ = split(X, y)
        model = forecaster(small(seasonal_periods=7), target_transformer=SeriesScaler())
        table = model.fit(train_X, train_y).predict_quantiles(test_X)
        for name, points in zip(y, model.predict(test_X).T, strict=True):
            assert_ascending(table[name].to_numpy())
            assert_allclose(table[name, 0.5], points)

    def test_one_column_of_y_is_one_target_of_two_axes(self, Xy):
        X, y = Xy
        model = forecaster().fit(X, y.to_frame())
        ahead = model.forecast()[[]]
        levels = [("sales", q) for q in TENTHS]
        assert model.predict_quantiles(ahead).columns.tolist() == levels

    @pytest.mark.parametrize("wanted", [0.3, [0.3], np.array([0.3])], ids=str)
    def test_quantiles_are_labelled_however_they_come(self, fitted, wanted):
        model, test_X = fitted
        assert model.predict_quantiles(test_X, wanted).columns.tolist() == [0.3]

    def test_regressors_of_points_have_no_quantiles(self, Xy):
        ridge = PanelForecaster(make_pipeline(SlidingWindow(5, flat=True), Ridge()), 3)
        points = forecaster(LSTMRegressor(hidden_size=4, max_epochs=1))
        ensemble = forecaster(
            SeedEnsemble(LSTMRegressor(hidden_size=4, max_epochs=1), n_estimators=1)
        )
        for model in (ridge, points, ensemble):
            for estimator in (clone(model), clone(model).fit(*Xy)):
                assert not hasattr(estimator, "predict_quantiles")
                assert not hasattr(estimator, "predict_interval")
        assert hasattr(forecaster(), "predict_interval")
        assert not hasattr(PanelForecaster(Ridge()), "predict_quantiles")

    def test_an_ensemble_and_update_and_pickle(self, Xy):
        X, y = Xy
        train_X, train_y, test_X, test_y = split(X, y, 6)
        model = forecaster(SeedEnsemble(small(), n_estimators=2, random_state=0))
        model.fit(train_X, train_y)
        near = test_X.groupby(level=0).head(3)
        model.update(near, test_y[near.index])
        later = test_X.drop(near.index)
        table = model.predict_quantiles(later)
        assert_ascending(table.to_numpy())
        again = pickle.loads(pickle.dumps(model))
        pd.testing.assert_frame_equal(again.predict_quantiles(later), table)

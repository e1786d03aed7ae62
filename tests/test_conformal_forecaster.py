"""ConformalForecaster: errors of forecasts as they would have been made, and widths."""

import pickle
import re
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from sklstm import (
    ConformalForecaster,
    LSTMRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeedEnsemble,
    SeriesLog,
    SeriesScaler,
    SlidingWindow,
    regularize,
)
from sklstm._panels.quantiles import USUAL_QUANTILES
from sklstm.forecasting import _conformal_errors as conformal_errors
from sklstm.forecasting._conformal_errors import conformal_quantiles, measure_errors
from sklstm.forecasting._history import History
from sklstm.metrics import interval_coverage, make_quantile_scorer

HORIZON = 3
LEVELS = (0.1, 0.5, 0.9)


def conformal(estimator, **params):
    """Without a second training, so that what was measured is what forecasts."""
    return ConformalForecaster(estimator, **{"refit": False} | params)


def pipeline(regressor, window_size=4, flat=False, **window):
    steps = [
        ("scale", SeriesScaler()),
        ("window", SlidingWindow(window_size, flat=flat, **window)),
        ("regressor", regressor),
    ]
    return Pipeline(steps)


def ridge(horizon=HORIZON, **params):
    defaults = {"target_transformer": SeriesScaler()}
    return PanelForecaster(pipeline(Ridge(), flat=True), horizon, **defaults | params)


def lstm(horizon=HORIZON, loss="mae", known=None, **params):
    net = LSTMRegressor(
        hidden_size=5,
        max_epochs=2,
        random_state=0,
        device="cpu",
        seasonal_periods=7,
        loss=loss,
        quantiles=LEVELS,
    )
    defaults = {"target_transformer": SeriesScaler()}
    steps = pipeline(net, known_covariates=known)
    return PanelForecaster(steps, horizon, **defaults | params)


def flat_mean(horizon=1):
    """Forecasts the mean of the training rows, whatever the window holds."""
    steps = make_pipeline(SlidingWindow(1, flat=True), DummyRegressor())
    return PanelForecaster(steps, horizon)


MODELS = {
    "ridge": ridge(),
    "lstm": lstm(),
    "known": lstm(known=["price"]),
    "quantiles": lstm(loss="quantile"),
    "context": ridge(history="context"),
    "lstm-context": lstm(history="context"),
}


@pytest.fixture
def Xy(panel):
    return panel[["price"]], panel["sales"]


def noise(n_series, n_rows, seed=0):
    """Rows that are exchangeable: uniform between 0 and 1."""
    index = pd.MultiIndex.from_product(
        [range(n_series), range(n_rows)], names=["series", "time"]
    )
    y = np.random.default_rng(seed).random(len(index))
    return pd.DataFrame(index=index), pd.Series(y, index)


def cut(X, n_late):
    """Which rows are the last `n_late` of their series."""
    return X.groupby(level=0).cumcount(ascending=False).to_numpy() < n_late


def ahead(model):
    """The rows after the end of each series."""
    return model.forecast().to_frame()[[]].assign(price=0.5)


def errors_by_loop(forecaster, X, y, n_late):
    """Fit on the head; from each row on the way, forecast the late rows in reach.

    Every forecast is made by a forecaster that remembers the rows up to its origin,
    and no others.
    """
    late = cut(X, n_late)
    fitted = clone(forecaster).fit(X[~late], y[~late])
    all_errors = []
    for name in y.index.unique(level=0):
        own = X.index.get_level_values(0) == name
        own_X, own_y, own_late = X[own], y[own], late[own]
        for origin in range(len(own_y)):
            rows = np.arange(origin + 1, min(origin + 1 + HORIZON, len(own_y)))
            rows = rows[own_late[rows]]
            if len(rows) == 0:
                continue
            model = deepcopy(fitted)
            past = slice(None, origin + 1)
            model._history = History.of(own_X[past], own_y[past].to_frame())
            gone = errors_of(model, own_X.iloc[rows], own_y.iloc[rows], name)
            errors = np.full((HORIZON, gone.shape[1]), np.nan)
            errors[rows - origin - 1] = gone
            all_errors.append(errors)
    return np.array(all_errors)


def errors_of(model, X, y, name):
    """Of points in units of training, of quantiles in units of their width."""
    truth = y.to_numpy()[:, None]
    if not hasattr(model, "predict_quantiles"):
        gone = truth - model.predict(X)[:, None]
        return gone / model.target_transformer_.scale_.loc[name].iloc[0]
    table = model.predict_quantiles(X).to_numpy()
    return (truth - table) / (table[:, -1:] - table[:, :1])


class TestCoverage:
    """Errors and the future in any order: between coverage and 2 / (n + 1) more."""

    @pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
    @pytest.mark.parametrize("n", [19, 24, 40])
    def test_points_are_covered_as_often_as_they_should(self, n, coverage):
        rng = np.random.default_rng(0)
        wanted = ((1 - coverage) / 2, (1 + coverage) / 2)
        step, held = np.ones(1, dtype=int), []
        for _ in range(1500):
            errors = rng.random((n, 1, 1, 1))
            low, high = conformal_quantiles(
                np.zeros((1, 1, 1)), step, errors, None, wanted
            )[0, 0]
            held.append(high - low)  # the probability of a uniform error between
        assert coverage - 0.01 < np.mean(held) < coverage + 2 / (n + 1) + 0.01

    @pytest.mark.parametrize(
        ("level", "n", "rank"),
        [(0.55, 99, 55), (0.9, 9, 9), (0.025, 39, 1), (0.3, 9, 3), (0.5, 10, 6)],
    )
    def test_a_place_among_the_errors_is_whole_despite_rounding(self, level, n, rank):
        errors = np.arange(1.0, n + 1)[:, None, None, None]
        point, step = np.zeros((1, 1, 1)), np.ones(1, dtype=int)
        got = conformal_quantiles(point, step, errors, None, (level,))
        assert got[0, 0, 0] == rank

    @pytest.mark.parametrize("wanted", [(0.1, 0.9), (0.05, 0.95)])
    def test_quantiles_are_corrected_to_hold_as_often_as_they_should(self, wanted):
        """The base is too narrow by far, and knows which rows vary how much."""
        rng = np.random.default_rng(0)
        n, held = 30, []
        for _ in range(400):
            spread = rng.choice([1.0, 10.0], size=n + 1)
            truth = (spread * rng.normal(size=n + 1))[:, None, None]
            values = spread[:, None, None, None] * np.array([-0.1, 0.0, 0.1])
            errors = measure_errors(values[:n], truth[:n])
            low, high = conformal_quantiles(
                values[n], np.ones(1, dtype=int), errors, LEVELS, wanted
            )[0, 0]
            held.append(low <= truth[n, 0, 0] <= high)
            assert (high - low > 8) == (spread[n] == 10)
        coverage = wanted[1] - wanted[0]
        assert coverage - 0.04 < np.mean(held) < coverage + 2 / (n + 1) + 0.04

    def test_quantiles_that_cross_when_they_are_moved_are_sorted(self):
        errors = np.tile([2.0, 0.0, -2.0], (9, 1, 1, 1))
        moved = conformal_quantiles(
            np.array([[[0.0, 0.5, 1.0]]]), np.ones(1, dtype=int), errors, LEVELS, LEVELS
        )
        assert_array_equal(moved[0, 0], [-1.0, 0.5, 2.0])

    def test_intervals_of_a_forecaster_hold_as_often_as_they_should(self):
        held = []
        for seed in range(80):
            X, y = noise(1, 30, seed)
            model = conformal(flat_mean(), calibration_size=24).fit(X, y)
            bounds = model.predict_interval(model.forecast().to_frame()[[]], 0.9)
            low, high = bounds.to_numpy()[0].clip(0, 1)
            held.append(high - low)
        # 0.92 is expected of 24 errors; each of the 80 varies by 0.05.
        assert 0.9 < np.mean(held) < 0.94

    def test_intervals_hold_over_many_series(self):
        X, y = noise(40, 40)
        late = cut(X, HORIZON)
        model = conformal(flat_mean(HORIZON)).fit(X[~late], y[~late])
        interval = model.predict_interval(X[late], 0.8)
        assert 0.7 < interval_coverage(y[late], interval) < 0.9


class TestErrors:
    @pytest.mark.parametrize("name", MODELS)
    def test_they_are_those_of_a_loop_over_origins(self, Xy, name):
        X, y = Xy
        model = conformal(MODELS[name], calibration_size=5).fit(X, y)
        kept = clone(MODELS[name]).set_params(history="all")
        expected = errors_by_loop(kept, X, y, 5)
        n_numbers = 3 if name == "quantiles" else 1
        assert model.errors_.shape == (3 * (5 + 2), HORIZON, 1, n_numbers)
        assert_allclose(model.errors_[:, :, 0], expected, rtol=1e-4, atol=1e-5)

    def test_they_are_those_of_updates_row_by_row(self, Xy):
        X, y = Xy
        late = cut(X, 5)
        model = conformal(ridge(1), calibration_size=5).fit(X, y)
        loop = ridge(1).fit(X[~late], y[~late])
        scale = loop.target_transformer_.scale_.iloc[:, 0]
        errors = []
        for step in range(5):
            rows = X[late].groupby(level=0).nth(step).index
            truth = y[rows]
            gone = truth - loop.predict(X.loc[rows])
            errors.append(gone.to_numpy() / scale.to_numpy())
            loop.update(X.loc[rows], truth)
        expected = np.transpose(errors).ravel()
        assert_allclose(model.errors_.ravel(), expected, rtol=1e-5)

    @pytest.mark.parametrize("name", MODELS)
    def test_the_last_rows_reach_no_error_of_earlier_ones(self, Xy, name):
        X, y = Xy
        last = cut(X, 1)
        model = conformal(MODELS[name], calibration_size=5)
        other_y = y.where(~last, 1e6)
        other_X = X.where(~last[:, None], -1e6)
        before, after = (
            clone(model).fit(*rows).errors_ for rows in ((X, y), (other_X, other_y))
        )
        # The last row is step k of the k-th origin from the end of each series.
        n = len(before) // 3
        reached = np.zeros((n, HORIZON), dtype=bool)
        for k in range(HORIZON):
            reached[n - 1 - k, k] = True
        reached = np.tile(reached, (3, 1))
        assert_array_equal(before[~reached], after[~reached])
        assert (before[reached] != after[reached]).all()

    def test_several_targets_have_errors_of_their_own(self, Xy):
        X, y = Xy
        both = pd.DataFrame({"sales": y, "negative": -y})
        model = conformal(ridge(), calibration_size=15).fit(X, both)
        assert_allclose(model.errors_[..., 1, :], -model.errors_[..., 0, :], rtol=1e-3)
        asked = model.forecast()[[]].assign(price=0.5)
        table = model.predict_interval(asked, 0.8)
        assert table.columns.tolist() == [
            (t, b) for t in both for b in ("lower", "upper")
        ]
        mirrored = -table["negative"][["upper", "lower"]]
        assert_allclose(table["sales"], mirrored, rtol=1e-4)
        quantiles = model.predict_quantiles(asked, LEVELS)
        assert quantiles.columns.names == ["target", "quantile"]

    def test_an_unknown_value_gives_no_error(self, Xy):
        X, y = Xy
        y = y.copy()
        y.iloc[[38, 69]] = np.nan
        model = conformal(lstm(), calibration_size=5).fit(X, y)
        whole = conformal(lstm(), calibration_size=5).fit(*Xy)
        gone = np.isnan(model.errors_).sum() - np.isnan(whole.errors_).sum()
        assert gone == 2 * HORIZON
        assert np.isfinite(model.predict_interval(ahead(model), 0.5)).all(axis=None)

    def test_of_very_many_origins_some_are_kept(self, monkeypatch):
        X, y = noise(4, 60)
        every = conformal(flat_mean(), calibration_size=50).fit(X, y)
        monkeypatch.setattr("sklstm.forecasting._conformal_errors._MOST_ORIGINS", 40)
        some = conformal(flat_mean(), calibration_size=50).fit(X, y)
        assert len(every.errors_) == 200
        kept = np.linspace(0, 199, 40).round().astype(int)
        assert_array_equal(some.errors_, every.errors_[kept])


class TestIntervals:
    @pytest.fixture
    def model(self, Xy):
        return conformal(ridge(), calibration_size=13).fit(*Xy)

    def test_they_are_sorted_errors_around_the_forecasts(self, model):
        scale = model.estimator_.target_transformer_.scale_.iloc[:, 0]
        asked = ahead(model)
        y_pred = pd.Series(model.predict(asked), asked.index)
        got = model.predict_interval(asked, 0.8)
        for name in "abc":
            for step in (1, 2, 3):
                row = y_pred.loc[name].index[step - 1]
                errors = model.errors_[:, step - 1, 0, 0]
                errors = sorted(errors[np.isfinite(errors)])
                n = len(errors)
                assert n == 39
                # Of 40 places between 39 errors, 4 lie below and 4 above.
                low, high = errors[4 - 1], errors[36 - 1]
                expected = y_pred[name, row] + scale[name] * np.array([low, high])
                assert_allclose(got.loc[(name, row)], expected, rtol=1e-6)

    def test_quantiles_ascend_and_wider_intervals_hold_narrower_ones(self, model):
        asked = ahead(model)
        table = model.predict_quantiles(asked)
        assert table.columns.tolist() == list(USUAL_QUANTILES)
        assert (np.diff(table, axis=1) >= 0).all()
        bounds = [model.predict_interval(asked, c) for c in (0.2, 0.5, 0.9, 0.95)]
        for narrow, wide in zip(bounds, bounds[1:], strict=False):
            assert (wide["lower"] <= narrow["lower"]).all()
            assert (wide["upper"] >= narrow["upper"]).all()

    def test_quantiles_of_a_net_are_moved_not_replaced(self, Xy):
        X, y = Xy
        model = conformal(lstm(loss="quantile"), calibration_size=13)
        model.fit(X, y)
        asked = ahead(model)
        inner = model.estimator_
        scale = np.repeat(inner.target_transformer_.scale_.iloc[:, 0], 3).to_numpy()
        base = inner.predict_quantiles(asked)
        got = model.predict_quantiles(asked, (0.1, 0.9))
        width = (base[0.9] - base[0.1]).to_numpy() / scale
        step = asked.groupby(level=0).cumcount().to_numpy()
        for j, (level, rank) in enumerate({0.1: 4, 0.9: 36}.items()):
            errors = np.sort(model.errors_[:, :, 0, 2 * j], axis=0)
            shift = errors[rank - 1][step] * width * scale
            assert_allclose(got[level], base[level] + shift, rtol=1e-5)

    def test_one_quantile_is_a_point(self, Xy):
        X, y = Xy
        forecaster = lstm(loss="quantile")
        forecaster.set_params(estimator__regressor__quantiles=(0.5,))
        model = conformal(forecaster, calibration_size=5).fit(X, y)
        late = cut(X, 5)
        head = clone(forecaster).fit(X[~late], y[~late])
        near = X[late].groupby(level=0).head(HORIZON)
        scale = head.target_transformer_.scale_.iloc[:, 0].repeat(HORIZON).to_numpy()
        expected = (y[near.index] - head.predict(near)) / scale
        got = model.errors_.reshape(3, 7, HORIZON)[:, 2].ravel()
        assert_allclose(got, expected, rtol=1e-4)

    def test_units_are_undone_and_quantiles_still_ascend(self, Xy):
        X, y = Xy
        transformer = Pipeline([("log", SeriesLog()), ("scale", SeriesScaler())])
        forecaster = ridge(target_transformer=transformer)
        model = conformal(forecaster, calibration_size=13).fit(X, y)
        table = model.predict_quantiles(ahead(model))
        assert (table > 0).all(axis=None)
        assert (np.diff(table, axis=1) >= 0).all()

    def test_the_index_of_X_is_kept_and_parts_get_what_all_get(self, model):
        asked = ahead(model)
        expected = model.predict_interval(asked, 0.8)
        pd.testing.assert_index_equal(expected.index, asked.index)
        some = asked.sample(4, random_state=0)
        got = model.predict_interval(some, 0.8)
        pd.testing.assert_frame_equal(got, expected.loc[some.index])

    def test_remembered_rows_have_the_width_of_step_one(self, Xy, model):
        X, _ = Xy
        interval = model.predict_interval(X, 0.8)
        first = ~X.index.get_level_values(0).duplicated()
        assert_array_equal(interval.isna().all(axis=1), first)
        width = (interval["upper"] - interval["lower"]).groupby(level=0)
        next_one = model.predict_interval(ahead(model).groupby(level=0).head(1), 0.8)
        expected = next_one["upper"] - next_one["lower"]
        assert_allclose(width.last(), expected.droplevel(1), rtol=1e-6)
        assert_allclose(width.max(), width.min(), rtol=1e-6)

    def test_rows_beyond_the_horizon_are_named(self, model):
        asked = model.forecast(4).to_frame()[[]].iloc[:4]
        message = "given for steps up to horizon=3; 1 row(s) of X lie beyond: ('a', "
        with pytest.raises(ValueError, match=re.escape(message)):
            model.predict_interval(asked)

    def test_an_ensemble_is_calibrated_as_well(self, Xy):
        X, y = Xy
        net = LSTMRegressor(hidden_size=4, max_epochs=1, loss="quantile")
        ensemble = SeedEnsemble(net, n_estimators=2, random_state=0)
        forecaster = PanelForecaster(pipeline(ensemble), HORIZON)
        model = conformal(forecaster, calibration_size=13).fit(X, y)
        assert model.errors_.shape[-1] == len(USUAL_QUANTILES)
        assert (np.diff(model.predict_quantiles(ahead(model)), axis=1) >= 0).all()


class TestRows:
    def test_forecasts_are_those_of_the_head_and_updates(self, Xy):
        X, y = Xy
        late = cut(X, 5)
        model = conformal(ridge(), calibration_size=5).fit(X, y)
        head = ridge().fit(X[~late], y[~late]).update(X[late], y[late])
        assert_array_equal(model.forecast(), head.forecast())
        assert_array_equal(model.predict(X), head.predict(X))
        pd.testing.assert_series_equal(model.history_, y)

    def test_with_refit_they_are_those_of_all_rows(self, Xy):
        X, y = Xy
        weight = np.random.default_rng(0).random(len(X))
        model = conformal(ridge(), calibration_size=5, refit=True)
        model.fit(X, y, weight)
        assert_array_equal(model.forecast(), ridge().fit(X, y, weight).forecast())
        default = ConformalForecaster(ridge(), calibration_size=5).fit(X, y, weight)
        assert_array_equal(model.forecast(), default.forecast())
        kept = conformal(ridge(), calibration_size=5).fit(X, y, weight)
        assert_array_equal(model.errors_, kept.errors_)

    def test_weights_are_those_of_training_rows(self, Xy):
        X, y = Xy
        late = cut(X, 5)
        weight = np.random.default_rng(0).random(len(X))
        model = conformal(ridge(), calibration_size=5).fit(X, y, weight)
        head = ridge().fit(X[~late], y[~late], weight[~late])
        assert_array_equal(model.forecast(), head.update(X[late], y[late]).forecast())

    @pytest.mark.parametrize(
        ("size", "n_late"),
        [(0.2, [8, 6, 4]), (0.5, [20, 15, 11]), (5, [5, 5, 5]), (22, [22, 22, 21])]
        + [(np.float32(0.5), [20, 15, 11])],
        ids=str,
    )
    def test_a_share_or_a_number_of_rows_is_measured(self, Xy, size, n_late):
        X, y = Xy
        model = conformal(ridge(1), calibration_size=size).fit(X, y)
        assert len(model.errors_) == sum(n_late)

    def test_a_short_series_keeps_a_row_to_train_on(self, Xy):
        """Its scale is that of this row, whatever the rows after it hold."""
        X, y = Xy
        other = y.copy()
        other.iloc[-1] = 1e6
        model = conformal(ridge(1), calibration_size=30)
        errors, changed = (clone(model).fit(X, rows).errors_ for rows in (y, other))
        assert len(errors) == 30 + 30 + 21
        assert_array_equal(errors[:-1], changed[:-1])
        assert errors[-1] != changed[-1]

    def test_series_of_one_and_two_rows_come_along(self, Xy):
        X, y = Xy
        short = [("one", "2024-01-01"), ("two", "2024-01-01"), ("two", "2024-01-02")]
        index = pd.MultiIndex.from_tuples(
            [(name, pd.Timestamp(day)) for name, day in short], names=X.index.names
        )
        X = pd.concat([X, pd.DataFrame({"price": 1.0}, index)])
        y = pd.concat([y, pd.Series([3.0, 4.0, 5.0], index, name="sales")])
        model = conformal(ridge(), calibration_size=13).fit(X, y)
        # One row of the series of two is late, and none of the series of one.
        known = np.isfinite(model.errors_).sum(axis=(0, 2, 3))
        assert_array_equal(known, [3 * 13 + 1, 3 * 13, 3 * 13])
        asked = ahead(model)
        assert {"one", "two"} <= set(asked.index.unique(level=0))
        assert np.isfinite(model.predict_interval(asked, 0.8)).all(axis=None)

    def test_a_new_series_has_intervals_after_update(self, Xy):
        X, y = Xy
        known = X.index.get_level_values(0) != "c"
        model = conformal(ridge(), calibration_size=20)
        model.fit(X[known], y[known])
        with pytest.raises(ValueError, match="update"):
            model.predict_interval(X[~known], 0.8)
        assert model.update(X[~known], y[~known]) is model
        interval = model.predict_interval(ahead(model), 0.8).loc["c"]
        assert (interval["upper"] > interval["lower"]).all()
        # As wide in the units of its own scale as those of the others.
        scale = model.estimator_.target_transformer_.scale_.iloc[:, 0]
        width = (interval["upper"] - interval["lower"]).to_numpy() / scale["c"]
        other = model.predict_interval(ahead(model), 0.8).loc["a"]
        other = (other["upper"] - other["lower"]).to_numpy() / scale["a"]
        assert_allclose(width, other, rtol=1e-5)

    def test_update_goes_on_from_the_new_end(self, Xy):
        X, y = Xy
        late = cut(X, 3)
        model = conformal(ridge(), calibration_size=12)
        model.fit(X[~late], y[~late])
        errors = model.errors_
        first = model.predict_interval(X[late], 0.5)
        model.update(X[late], y[late])
        assert_array_equal(model.errors_, errors)
        assert ahead(model).index.isin(first.index).sum() == 0
        assert np.isfinite(model.predict_interval(ahead(model), 0.5)).all(axis=None)

    def test_gaps_are_filled_before_errors_are_measured(self, Xy):
        X, y = Xy
        kept = np.random.default_rng(3).random(len(X)) > 0.15
        kept[cut(X, 1)] = True
        forecaster = lstm(gaps="fill")
        model = conformal(forecaster, calibration_size=8)
        model.fit(X[kept], y[kept])
        late = np.zeros(len(X), dtype=bool)
        late[kept] = cut(X[kept], 8)
        head = clone(forecaster).fit(X[kept & ~late], y[kept & ~late])
        scale = head.target_transformer_.scale_.iloc[:, 0]
        errors = []
        for name in "abc":
            own_X, own_y = X[kept].loc[[name]], y[kept].loc[[name]]
            full_y = regularize(own_y)
            full_X = regularize(own_X).ffill()
            first = own_y.index[-8]
            for row in own_y.index:
                origin = full_y.index.get_loc(row)
                rows = np.arange(origin + 1, min(origin + 4, len(full_y)))
                truth = full_y.iloc[rows].where(full_y.index[rows] >= first)
                if truth.isna().all():
                    continue
                model_of_row = deepcopy(head)
                past = slice(None, origin + 1)
                history = History.of(full_X[past], full_y[past].to_frame())
                model_of_row._history = history
                gone = (truth - model_of_row.predict(full_X.iloc[rows])) / scale[name]
                errors.append(np.pad(gone, (0, 3 - len(gone)), constant_values=np.nan))
        assert_allclose(model.errors_[..., 0, 0], errors, rtol=1e-4, atol=1e-5)
        assert np.isfinite(model.predict_interval(ahead(model), 0.8)).all(axis=None)

    def test_known_columns_reach_their_own_step(self, Xy):
        X, y = Xy
        model = conformal(lstm(known=["price"]), calibration_size=13)
        model.fit(X, y)
        days = [
            (s, t + pd.Timedelta(days=3)) for s, t in y.groupby(level=0).tail(3).index
        ]
        index = pd.MultiIndex.from_tuples(days, names=X.index.names)
        asked = pd.DataFrame({"price": 0.5}, index)
        dear = asked.assign(price=50.0)
        assert (model.predict(dear) != model.predict(asked)).all()
        got, other = (model.predict_interval(rows, 0.8) for rows in (asked, dear))
        assert_allclose(
            (got["upper"] - got["lower"]), other["upper"] - other["lower"], rtol=1e-4
        )
        with pytest.raises(ValueError, match="X has no column 'price'"):
            model.predict_interval(asked[[]], 0.8)

    def test_arrays_that_hold_what_is_known_ahead_start_where_all_of_it_is_there(
        self, Xy
    ):
        X, y = Xy
        late, horizon = cut(X, 13), 3
        regressor = pipeline(Ridge(), flat=True, known_covariates=["price"])
        base = PanelForecaster(regressor, horizon)
        model = conformal(base, calibration_size=13).fit(X, y)
        head = clone(base).fit(X[~late], y[~late])
        n_left = X.groupby(level=0).cumcount(ascending=False).to_numpy()
        errors = []
        for n_ahead in range(13, horizon - 1, -1):
            asked = (n_left < n_ahead) & (n_left >= n_ahead - horizon)
            errors.append(y[asked].to_numpy() - head.predict(X[asked]))
            head.update(X[n_left == n_ahead - 1], y[n_left == n_ahead - 1])
        expected = np.concatenate(errors).reshape(-1, horizon)
        full = np.isfinite(model.errors_[:, :, 0, 0]).all(axis=1)
        got = model.errors_[full, :, 0, 0]
        assert_allclose(np.sort(got, axis=0), np.sort(expected, axis=0), atol=1e-4)


class TestEstimator:
    def test_clone_and_pickle(self, Xy):
        model = conformal(ridge(), calibration_size=13, refit=True).fit(*Xy)
        again = pickle.loads(pickle.dumps(model))
        asked = ahead(model)
        expected = model.predict_interval(asked, 0.8)
        pd.testing.assert_frame_equal(again.predict_interval(asked, 0.8), expected)
        assert not hasattr(clone(model), "errors_")
        fresh = clone(model).fit(*Xy).predict_interval(asked, 0.8)
        pd.testing.assert_frame_equal(fresh, expected)

    def test_the_forecaster_that_is_given_stays_as_it_was(self, Xy):
        forecaster = ridge()
        model = conformal(forecaster).fit(*Xy)
        assert not hasattr(forecaster, "estimator_")
        assert model.n_features_in_ == 1
        assert_array_equal(model.feature_names_in_, ["price"])

    def test_it_is_searched_by_a_scorer_of_quantiles(self, Xy):
        X, y = Xy
        search = GridSearchCV(
            conformal(ridge(), calibration_size=5),
            {"estimator__estimator__window__window_size": [2, 6]},
            cv=PanelTimeSeriesSplit(n_splits=2, horizon=HORIZON),
            scoring=make_quantile_scorer(quantiles=(0.2, 0.5, 0.8)),
            return_train_score=True,
        ).fit(X, y)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        assert np.isfinite(search.cv_results_["mean_train_score"]).all()
        best = search.best_params_["estimator__estimator__window__window_size"]
        assert search.best_estimator_.estimator_.window_size_ == best


class TestMistakes:
    def test_an_error_in_training_tells_how_few_rows_were_left(self, Xy):
        X, y = Xy
        forecaster = ridge().set_params(estimator__window__window_size=20)
        with pytest.raises(ValueError, match="window_size=20 is longer") as raised:
            conformal(forecaster, calibration_size=30).fit(X, y)
        n_left = X.groupby(level=0).size().sub(30).clip(1).sum()
        assert raised.value.__notes__ == [
            f"calibration_size=30 leaves {n_left} of {len(X)} rows to train on."
        ]

    @pytest.mark.parametrize(("size", "most"), [(1000, 1), (37, 3), (0.95, 2)])
    def test_too_few_rows_left_to_train_on(self, Xy, size, most):
        message = (
            f"calibration_size={size} leaves at most {most} row(s) of a series to "
            "train on, but horizon=3 needs 4. The longest series has 40 known rows: "
            "use a calibration_size of at most 36, or a smaller share."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            conformal(ridge(), calibration_size=size).fit(*Xy)
        conformal(ridge(), calibration_size=36).fit(*Xy)

    @pytest.mark.parametrize(
        ("coverage", "lowest", "highest", "needed"),
        [(0.95, "0.025", "0.975", 39), (0.9, "0.05", "0.95", 19)],
    )
    def test_too_few_errors(self, Xy, coverage, lowest, highest, needed):
        model = conformal(ridge(), calibration_size=6).fit(*Xy)
        message = (
            f"The quantiles {lowest} to {highest} need {needed} errors at each step, "
            "but step 1 has 18 in the calibration. Use a larger calibration_size, more "
            "series, or a smaller coverage."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            model.predict_interval(ahead(model), coverage)
        assert len(model.predict_interval(ahead(model), 0.89)) == 9

    @pytest.mark.parametrize(("n", "coverage"), [(19, 0.9), (39, 0.95), (9, 0.8)])
    def test_the_fewest_errors_are_the_extremes(self, n, coverage):
        X, y = noise(1, n + 6)
        model = conformal(flat_mean(), calibration_size=n).fit(X, y)
        asked = model.forecast().to_frame()[[]]
        low, high = model.predict_interval(asked, coverage).to_numpy()[0]
        late = y.iloc[-n:]
        assert_allclose([low, high], [late.min(), late.max()], rtol=1e-5)
        fewer = conformal(flat_mean(), calibration_size=n - 1).fit(X, y)
        with pytest.raises(ValueError, match=f"need {n} errors at each step"):
            fewer.predict_interval(asked, coverage)

    def test_no_row_to_measure_errors_on(self, Xy):
        X, y = Xy
        message = (
            "calibration_size=0.01 leaves no row to measure errors on: the longest of "
            "3 series has 40 rows. Use a larger size, or longer series."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            conformal(ridge(), calibration_size=0.01).fit(X, y)

    @pytest.mark.parametrize("forecaster", [ridge(), lstm()], ids=["ridge", "lstm"])
    @pytest.mark.parametrize("refit", [True, False])
    def test_rows_ahead_are_not_calibrated_on(self, Xy, forecaster, refit):
        X, y = Xy
        late = cut(X, 4)
        model = conformal(forecaster, calibration_size=4, refit=refit)
        expected = clone(model).fit(X[~late], y[~late])
        got = model.fit(X, y.where(~late))
        assert_array_equal(got.errors_, expected.errors_)
        assert_array_equal(got.predict(X[late]), expected.predict(X[late]))

    @pytest.mark.parametrize("size", [0, 1.5, 0.0, -1, "half"])
    def test_a_size_that_is_none(self, Xy, size):
        with pytest.raises(ValueError, match="'calibration_size' parameter"):
            conformal(ridge(), calibration_size=size).fit(*Xy)

    def test_only_a_panel_forecaster_is_calibrated(self, Xy):
        message = (
            "estimator must be an LSTMForecaster, a PanelForecaster, or a "
            "FrozenEstimator of one, got Ridge."
        )
        with pytest.raises(TypeError, match=re.escape(message)):
            conformal(Ridge()).fit(*Xy)

    def test_data_that_is_no_panel(self, Xy):
        X, y = Xy
        model = conformal(ridge())
        with pytest.raises(TypeError, match="X must be a pandas object indexed by"):
            model.fit(X.to_numpy(), y)
        message = "requires y to be passed, but the target y is None."
        with pytest.raises(ValueError, match=re.escape(message)):
            model.fit(X, None)
        for short in (y.to_numpy()[1:], list(y[1:]), y.reset_index(drop=True)[1:]):
            message = "y must have one value (or one row of values) for each of the 93"
            with pytest.raises(ValueError, match=re.escape(message)):
                model.fit(X, short)
        with pytest.raises(ValueError, match="y and X must have the same index"):
            model.fit(X, y[::-1])

    def test_wrong_quantiles_and_coverages(self, Xy):
        model = conformal(ridge()).fit(*Xy)
        message = "quantiles must ascend, each once; got (0.5, 0.1)."
        with pytest.raises(ValueError, match=re.escape(message)):
            model.predict_quantiles(ahead(model), (0.5, 0.1))
        with pytest.raises(ValueError, match="coverage must lie between 0 and 1"):
            model.predict_interval(ahead(model), 90)


class TestRecalibration:
    @pytest.fixture
    def parts(self, Xy):
        X, y = Xy
        late = cut(X, 4)
        return X[~late], y[~late], X[late], y[late]

    def test_errors_of_new_rows_come_last(self, parts):
        X, y, new_X, new_y = parts
        model = conformal(ridge(), calibration_size=5).fit(X, y)
        plain = conformal(ridge(), calibration_size=5).fit(X, y).update(new_X, new_y)
        before = model.errors_
        expected = conformal_errors.roll_errors(model.estimator_, new_X, new_y)
        model.update(new_X, new_y, recalibrate=True)
        assert_array_equal(model.errors_[: len(before)], before)
        assert_array_equal(model.errors_[len(before) :], expected)
        assert_array_equal(model.forecast(), plain.forecast())
        assert_array_equal(plain.errors_, before)

    def test_the_oldest_errors_make_way(self, parts, monkeypatch):
        X, y, new_X, new_y = parts
        model = conformal(ridge(), calibration_size=5).fit(X, y)
        before = model.errors_
        monkeypatch.setattr(conformal_errors, "_MOST_ORIGINS", len(before))
        model.update(new_X, new_y, recalibrate=True)
        assert len(model.errors_) == len(before)
        n_new = sum(~np.isin(model.errors_[:, 0, 0, 0], before[:, 0, 0, 0]))
        assert_array_equal(model.errors_[:-n_new], before[n_new:])

    def test_intervals_follow_what_changes(self, Xy):
        X, y = Xy
        rng = np.random.default_rng(0)
        calm = y * 0 + rng.normal(size=len(y))
        late = cut(X, 10)
        model = conformal(ridge(1), calibration_size=8).fit(X[~late], calm[~late])
        wild = 10 * calm[late]
        plain, learned = deepcopy(model), deepcopy(model)
        plain.update(X[late], wild)
        learned.update(X[late], wild, recalibrate=True)
        ahead = plain.forecast().to_frame()[[]].assign(price=1.0)
        narrow, wide = (m.predict_interval(ahead, 0.8) for m in (plain, learned))
        assert (
            (wide["upper"] - wide["lower"]) > (narrow["upper"] - narrow["lower"])
        ).all()

    def test_rows_without_y_have_no_errors(self, parts):
        X, y, new_X, new_y = parts
        model = conformal(ridge(), calibration_size=5).fit(X, y)
        before, history = model.errors_, model.history_
        message = (
            "y has no known value that a row before it could forecast, so there are no "
            "errors to measure. Use recalibrate=False for such rows."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            model.update(new_X, new_y * np.nan, recalibrate=True)
        assert model.errors_ is before
        pd.testing.assert_series_equal(model.history_, history)


class TestFittedForecaster:
    """Frozen, or fitted on earlier rows: calibrated as it is."""

    @pytest.fixture
    def base(self, Xy):
        X, y = Xy
        return ridge().fit(X[~cut(X, 10)], y[~cut(X, 10)])

    @pytest.mark.parametrize("wrap", [FrozenEstimator, lambda forecaster: forecaster])
    def test_it_equals_the_one_that_fit_trains(self, Xy, base, wrap):
        X, y = Xy
        late = cut(X, 10)
        before = base.forecast()
        expected = conformal(ridge(), calibration_size=10).fit(X, y)
        model = ConformalForecaster(wrap(base)).fit(X[late], y[late])
        assert_array_equal(model.errors_, expected.errors_)
        assert_array_equal(model.forecast(), expected.forecast())
        pd.testing.assert_series_equal(base.forecast(), before)

    def test_rows_of_its_history_are_not_read(self, Xy, base):
        X, y = Xy
        late = cut(X, 10)
        wrong = y.where(late, 1e6)
        models = [
            ConformalForecaster(FrozenEstimator(base)).fit(*rows)
            for rows in [(X[late], y[late]), (X, wrong)]
        ]
        assert_array_equal(*(model.errors_ for model in models))
        assert_array_equal(*(model.forecast() for model in models))

    def test_clone_keeps_a_frozen_one_alone(self, Xy, base):
        X, y = Xy
        tail = X[cut(X, 10)], y[cut(X, 10)]
        weights = base.estimator_[-1].coef_
        frozen = clone(ConformalForecaster(FrozenEstimator(base))).fit(*tail)
        assert_array_equal(frozen.estimator_.estimator_[-1].coef_, weights)
        anew = clone(ConformalForecaster(base, calibration_size=4)).fit(*tail)
        assert (anew.estimator_.estimator_[-1].coef_ != weights).any()

    def test_a_fitted_one_is_trained_anew_on_its_own_rows(self, Xy, base):
        X, y = Xy
        expected = ConformalForecaster(ridge()).fit(X, y)
        got = ConformalForecaster(base).fit(X, y)
        assert_array_equal(got.errors_, expected.errors_)
        assert_array_equal(got.forecast(), expected.forecast())

    def test_no_later_rows(self, Xy, base):
        X, y = Xy
        model = ConformalForecaster(FrozenEstimator(base))
        with pytest.raises(ValueError, match="None of the 63 rows comes after"):
            model.fit(X[~cut(X, 10)], y[~cut(X, 10)])

    def test_what_is_frozen_must_be_a_fitted_forecaster(self, Xy):
        with pytest.raises(NotFittedError):
            ConformalForecaster(FrozenEstimator(ridge())).fit(*Xy)
        with pytest.raises(TypeError, match="or a FrozenEstimator of one, got Ridge"):
            ConformalForecaster(FrozenEstimator(Ridge())).fit(*Xy)

    def test_x_may_be_none(self, Xy):
        X, y = Xy
        late = cut(X, 4)
        models = [
            ConformalForecaster(ridge()).fit(rows[0], y[~late]).update(rows[1], y[late])
            for rows in [(None, None), (X[~late][[]], X[late][[]])]
        ]
        assert_array_equal(*(model.forecast() for model in models))

"""PanelForecaster: what reaches a forecast, where it lands, and in which units."""

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge, SGDRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVR

from sklstm import (
    LSTMRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeedEnsemble,
    SeriesEncoder,
    SeriesImputer,
    SeriesScaler,
    SlidingWindow,
)


def small_lstm(**params):
    defaults = {"hidden_size": 6, "max_epochs": 2, "random_state": 0, "device": "cpu"}
    return LSTMRegressor(**defaults | params)


def ridge(window_size=5, horizon=3, **params):
    steps = make_pipeline(SlidingWindow(window_size, flat=True), Ridge())
    return PanelForecaster(steps, horizon, **params)


def lstm(window_size=5, horizon=3, **params):
    steps = make_pipeline(SlidingWindow(window_size), small_lstm())
    return PanelForecaster(steps, horizon, **params)


@pytest.fixture
def Xy(panel):
    return panel[["price"]], panel["sales"]


def split(X, y, days):
    """The last `days` rows of each series apart."""
    late = X.groupby(level=0).cumcount(ascending=False).to_numpy() < days
    return X[~late], y[~late], X[late], y[late]


def later(rows):
    """The same rows 90 days on."""
    return rows.rename(lambda time: time + pd.Timedelta(days=90), level=1)


class Recorder(RegressorMixin, BaseEstimator):
    """A regressor that keeps what it was given, and predicts zeros."""

    def fit(self, X, y, sample_weight=None):
        self.X_, self.y_, self.weight_ = X, y, sample_weight
        return self

    def predict(self, X):
        return np.zeros((len(X), *self.y_.shape[1:]))


class LastValue(RegressorMixin, BaseEstimator):
    """Predicts the last target of each window at step 1, one more at each step on."""

    def fit(self, X, y):
        self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]
        return self

    def predict(self, X):
        return X[:, -1, -1][:, None] + np.arange(1, self.n_outputs_ + 1)


def with_last(regressor, window_size=4, **params):
    return PanelForecaster(
        make_pipeline(SlidingWindow(window_size), regressor), **params
    )


class TestTraining:
    def test_ridge_equals_ridge_on_windows_made_by_hand(self, Xy):
        X, y = Xy
        rows, targets, last = [], [], []
        for name in y.index.unique(level=0):
            own = np.column_stack([X.loc[name], y.loc[name]])
            padded = np.vstack([np.zeros((4, 2)), own])
            for t in range(len(own) - 3):
                rows.append(padded[t : t + 5].ravel())
                targets.append(own[t + 1 : t + 4, 1])
            last.append(own[-5:].ravel())
        by_hand = Ridge().fit(rows, targets).predict(last)
        got = ridge().fit(X, y).forecast()
        assert_allclose(got, by_hand.ravel(), rtol=1e-4)

    def test_origins_and_targets_are_those_of_a_loop(self, Xy):
        X, y = Xy
        seen = with_last(Recorder(), horizon=2).fit(X, y).estimator_[-1]
        expected_y = [
            y.loc[name].to_numpy()[t + 1 : t + 3]
            for name in "abc"
            for t in range(len(y.loc[name]) - 2)
        ]
        assert_array_equal(seen.y_, expected_y)
        assert_allclose(
            seen.X_[:, -1, -1],
            np.concatenate([y.loc[name].to_numpy()[:-2] for name in "abc"]),
            rtol=1e-6,
        )

    def test_stride_counts_back_from_the_end(self, Xy):
        X, y = Xy
        every = with_last(Recorder(), horizon=2).fit(X, y).estimator_[-1]
        third = with_last(Recorder(), horizon=2, stride=3).fit(X, y).estimator_[-1]
        ends = [37, 66, 86]
        kept = [
            i for a, b in zip([-1, *ends], ends, strict=False) for i in range(b, a, -3)
        ]
        assert_array_equal(third.y_, every.y_[sorted(kept)])

    def test_one_output_is_a_vector(self, Xy):
        assert with_last(Recorder(), horizon=1).fit(*Xy).estimator_[-1].y_.ndim == 1

    def test_weights_follow_their_rows(self, Xy):
        X, y = Xy
        order = np.random.default_rng(0).permutation(len(X))
        weight = np.arange(1.0, len(X) + 1)
        forecaster = with_last(Recorder(), horizon=1)
        forecaster.fit(X.iloc[order], y.iloc[order], sample_weight=weight[order])
        weight_of = forecaster.estimator_[-1].weight_
        assert_array_equal(weight_of, np.delete(weight, [39, 70, 92]))

    def test_a_missing_target_is_never_learned(self, Xy):
        X, y = Xy
        y = y.copy()
        y.iloc[[3, 45, 46]] = np.nan
        seen = with_last(Recorder(), horizon=2).fit(X, y).estimator_[-1]
        assert np.isfinite(seen.y_).all()
        assert len(seen.y_) == 87 - 2 - 3
        boosting = make_pipeline(
            SlidingWindow(4, flat=True), HistGradientBoostingRegressor(max_iter=3)
        )
        for model in (lstm(), PanelForecaster(boosting, horizon=1)):
            assert np.isfinite(model.fit(X, y).forecast()).all()

    def test_targets_do_not_reach_over_a_gap(self, Xy):
        X, y = Xy
        holes = X.index.isin([("a", pd.Timestamp("2024-01-10"))])
        steps = make_pipeline(SlidingWindow(4, max_gap="1D"), Recorder())
        seen = (
            PanelForecaster(steps, horizon=2).fit(X[~holes], y[~holes]).estimator_[-1]
        )
        assert len(seen.y_) == 87 - 1 - 2

    def test_the_steps_before_the_windows_see_X_and_y(self, Xy):
        X, y = Xy
        X = X.assign(kind=np.where(X["price"] > 0, "high", "low"))
        steps = Pipeline(
            [
                (
                    "columns",
                    ColumnTransformer(
                        [
                            ("price", StandardScaler(), ["price"]),
                            ("kind", OneHotEncoder(sparse_output=False), ["kind"]),
                        ]
                    ).set_output(transform="pandas"),
                ),
                ("series", SeriesEncoder()),
                ("window", SlidingWindow(4)),
                ("lstm", small_lstm()),
            ]
        )
        forecaster = PanelForecaster(steps, 3).fit(X, y)
        assert forecaster.estimator_[-1].n_channels_in_ == 5
        assert set(forecaster.estimator_[-1].embeddings_) == {"store"}

    def test_the_parameters_are_left_alone(self, Xy):
        forecaster = lstm(target_transformer=SeriesScaler())
        before = repr(forecaster.get_params())
        forecaster.fit(*Xy)
        assert repr(forecaster.get_params()) == before
        assert not hasattr(forecaster.estimator[-1], "net_")
        assert not hasattr(forecaster.target_transformer, "scale_")

    def test_a_failed_fit_leaves_the_old_model(self, Xy):
        X, y = Xy
        forecaster = ridge().fit(X, y)
        before = forecaster.forecast()
        with pytest.raises(ValueError, match="No row of y can be learned"):
            forecaster.fit(X, y * np.nan)
        assert_array_equal(forecaster.forecast(), before)


class TestForecasts:
    def test_forecasts_land_on_their_series_and_step(self, Xy):
        X, y = Xy
        train_X, train_y, test_X, _ = split(X, y, 3)
        forecaster = with_last(LastValue(), horizon=3).fit(train_X, train_y)
        shuffled = test_X.sample(frac=1, random_state=0)
        got = pd.Series(forecaster.predict(shuffled), shuffled.index)
        for name in "abc":
            assert_allclose(
                got.loc[name].sort_index(),
                train_y.loc[name].iloc[-1] + np.arange(1, 4),
                rtol=1e-6,
            )

    def test_beyond_the_horizon_forecasts_are_fed_back(self, Xy):
        X, y = Xy
        train_X, train_y, test_X, _ = split(X, y, 8)
        forecaster = with_last(LastValue(), horizon=3).fit(train_X, train_y)
        got = pd.Series(forecaster.predict(test_X), test_X.index)
        for name in "abc":
            expected = train_y.loc[name].iloc[-1] + np.arange(1, 9)
            assert_allclose(got.loc[name], expected, rtol=1e-6)

    def test_fitted_values_are_one_step_forecasts_from_the_row_before(self, Xy):
        X, y = Xy
        forecaster = with_last(LastValue(), horizon=2).fit(X, y)
        got = pd.Series(forecaster.predict(X), X.index)
        expected = y.groupby(level=0).shift() + 1
        first = y.groupby(level=0).head(1).index
        assert_allclose(got.drop(first), expected.drop(first), rtol=1e-6)
        assert_allclose(got[first], y.mean())

    def test_a_fitted_value_does_not_depend_on_later_rows(self, Xy):
        X, y = Xy
        forecaster = lstm(target_transformer=SeriesScaler()).fit(X, y)
        before = forecaster.predict(X)
        late = X.groupby(level=0).cumcount().to_numpy() >= 15
        forecaster._history.y[late] *= 7
        changed = forecaster.predict(X) != before
        assert not changed[~late].any()
        assert changed[late].any()

    def test_a_gap_before_the_first_row_is_bridged_by_time(self, Xy):
        X, y = Xy
        train_X, train_y, test_X, _ = split(X, y, 8)
        forecaster = with_last(LastValue(), horizon=3).fit(train_X, train_y)
        whole = pd.Series(forecaster.predict(test_X), test_X.index)
        for kept in ([5], [1, 6], [7], [0, 4]):
            part = test_X.groupby(level=0).nth(kept)
            assert_array_equal(forecaster.predict(part), whole[part.index])

    def test_without_a_regular_step_rows_count(self):
        days = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-11"])
        index = pd.MultiIndex.from_product([["a"], days])
        y = pd.Series([1.0, 2.0, 3.0, 4.0], index)
        forecaster = with_last(LastValue(), 2, horizon=2).fit(y.to_frame()[[]], y)
        ahead = pd.MultiIndex.from_product([["a"], pd.to_datetime(["2024-02-01"])])
        assert_allclose(forecaster.predict(pd.DataFrame(index=ahead)), [5.0])

    @pytest.mark.parametrize(
        ("time", "ahead"),
        [
            (pd.RangeIndex(1990, 2000), [2000, 2001]),
            (
                pd.date_range("2023-12-31", periods=10, freq="ME"),
                pd.to_datetime(["2024-10-31", "2024-11-30"]),
            ),
            (
                pd.period_range("2020Q1", periods=10, freq="Q"),
                pd.PeriodIndex(["2022Q3", "2022Q4"], freq="Q"),
            ),
        ],
    )
    def test_forecast_finds_the_next_times(self, time, ahead):
        index = pd.MultiIndex.from_product([["x", "y"], time], names=["id", "when"])
        y = pd.Series(np.arange(20.0), index, name="load")
        got = with_last(LastValue(), horizon=2).fit(y.to_frame()[[]], y).forecast()
        assert got.name == "load"
        assert got.index.names == ["id", "when"]
        assert_array_equal(got.loc["x"].index, ahead)
        assert_allclose(got, [10, 11, 20, 21])

    def test_forecast_beyond_the_horizon_equals_predict(self, Xy):
        _, y = Xy
        X = y.to_frame()[[]]
        forecaster = lstm().fit(X, y)
        long = forecaster.forecast(steps=8)
        assert_array_equal(forecaster.forecast(), long.groupby(level=0).head(3))
        assert_array_equal(forecaster.predict(long.to_frame()[[]]), long)

    def test_any_order_and_company_of_rows_gives_one_result(self, Xy):
        X, y = Xy
        order = np.random.default_rng(1).permutation(len(X))
        a = lstm(target_transformer=SeriesScaler()).fit(X, y)
        b = clone(a).fit(X.iloc[order], y.iloc[order])
        assert_array_equal(a.forecast(), b.forecast())
        assert_array_equal(a.predict(X)[order], b.predict(X.iloc[order]))

    def test_the_newest_observation_moves_the_first_step(self, Xy):
        X, y = Xy
        forecaster = lstm(target_transformer=SeriesScaler()).fit(X, y)
        base = forecaster.forecast()
        last = forecaster._history.y.groupby(level=0).tail(1).index
        forecaster._history.y.loc[last] *= 1.5
        moved = (forecaster.forecast() - base).groupby(level=0).head(1)
        assert (moved.abs() > 0).all()


class TestTarget:
    def test_scale_and_units_cancel(self, Xy):
        X, y = Xy
        names = y.index.get_level_values(0)
        factor = pd.Series({"a": 1e-3, "b": 7.0, "c": 1e5})[names].to_numpy()
        a = lstm(target_transformer=SeriesScaler()).fit(X, y)
        b = lstm(target_transformer=SeriesScaler()).fit(X, y * factor + factor)
        a, b = a.forecast(), b.forecast()
        for name, f in {"a": 1e-3, "b": 7.0, "c": 1e5}.items():
            assert_allclose(b.loc[name], a.loc[name] * f + f, rtol=1e-3)

    def test_a_pipeline_is_undone_step_by_step(self, Xy):
        X, y = Xy
        log = FunctionTransformer(np.log1p, np.expm1)
        for steps in (
            [log, SeriesScaler()],
            [SeriesScaler(), StandardScaler()],
            [log, StandardScaler(), SeriesScaler(method="minmax")],
        ):
            chain = make_pipeline(*steps)
            forecaster = with_last(Recorder(), target_transformer=chain).fit(X, y)
            zero = pd.DataFrame({"sales": 0.0}, index=forecaster.forecast().index)
            for step in forecaster.target_transformer_.steps[::-1]:
                zero = pd.DataFrame(
                    np.asarray(step[1].inverse_transform(zero)), zero.index, ["sales"]
                )
            assert_allclose(forecaster.forecast(), zero["sales"])

    def test_several_targets(self, Xy):
        X, y = Xy
        both = pd.DataFrame({"up": y, "down": -y})
        forecaster = ridge(target_transformer=SeriesScaler()).fit(X, both)
        got = forecaster.forecast()
        assert got.columns.tolist() == ["up", "down"]
        assert_allclose(got["up"], -got["down"], rtol=1e-3)
        assert forecaster.predict(X).shape == (len(X), 2)
        scaled = lstm(target_transformer=SeriesScaler()).fit(X, both)
        assert scaled.forecast(2).shape == (6, 2)
        assert scaled.history_.shape == both.shape

    def test_a_score_knows_the_order_of_the_targets(self, Xy):
        X, y = Xy
        both = pd.DataFrame({"up": y, "down": -10 * y})
        forecaster = ridge(target_transformer=SeriesScaler()).fit(X, both)
        weight = np.arange(len(X)) % 3
        expected = r2_score(both, forecaster.predict(X), sample_weight=weight)
        assert forecaster.score(X, both, weight) == pytest.approx(expected)
        assert forecaster.score(X, both.to_numpy(), weight) == pytest.approx(expected)
        message = "y has the columns ['down', 'up'], but fit saw ['up', 'down']."
        with pytest.raises(ValueError, match=re.escape(message)):
            forecaster.score(X, both[["down", "up"]])
        with pytest.raises(ValueError, match="y has the columns .*'up', 'other'"):
            forecaster.score(X, both.rename(columns={"down": "other"}))
        with pytest.raises(ValueError, match="the same index in the same order"):
            forecaster.score(X, both[::-1])
        with pytest.raises(ValueError, match="y is None, but a score needs the true"):
            forecaster.score(X, None)
        without = ridge().fit(None, both)
        assert without.score(None, both) == without.score(both[[]], both)

    def test_arrays_take_the_rows_of_X(self, Xy):
        X, y = Xy
        a, b = ridge().fit(X, y), ridge().fit(X, y.to_numpy())
        assert_array_equal(a.forecast(), b.forecast())

    def test_transformed_target_regressor_around_it(self, Xy):
        X, y = Xy
        train_X, train_y, test_X, _ = split(X, y, 3)
        log = TransformedTargetRegressor(ridge(), func=np.log, inverse_func=np.exp)
        inside = ridge(
            target_transformer=FunctionTransformer(np.log, np.exp, check_inverse=False)
        )
        a, b = (m.fit(train_X, train_y).predict(test_X) for m in (log, inside))
        assert_allclose(a, b)


class TestHistory:
    def test_update_forecasts_from_the_new_end_without_training(self, Xy):
        X, y = Xy
        train_X, train_y, new_X, new_y = split(X, y, 4)
        forecaster = lstm().fit(train_X, train_y)
        weights = forecaster.estimator_[-1].net_.module_.state_dict()
        before = {k: v.clone() for k, v in weights.items()}
        forecaster.update(new_X, new_y)
        assert all((before[k] == v).all() for k, v in weights.items())
        assert_array_equal(forecaster.history_, y)
        step = forecaster.forecast().groupby(level=0).head(1)
        assert step.index.get_level_values(1).max() == pd.Timestamp("2024-02-10")

    def test_update_admits_new_series_with_their_own_scale(self, Xy):
        X, y = Xy
        forecaster = lstm(target_transformer=SeriesScaler()).fit(
            X.loc[["a"]], y["a":"a"]
        )
        known = forecaster.forecast()
        new = X.loc[["c"]], y["c":"c"]
        with pytest.raises(ValueError, match=re.escape("'c'. Give the forecaster")):
            forecaster.predict(new[0])
        forecaster.update(*new)
        assert_array_equal(forecaster.forecast().loc["a"], known.loc["a"])
        assert forecaster.forecast().loc["c"].between(300, 900).all()

    def test_update_refuses_rows_of_the_past_and_stays_as_it_was(self, Xy):
        X, y = Xy
        forecaster = ridge().fit(X, y)
        with pytest.raises(
            ValueError, match="after the remembered end of their series"
        ):
            forecaster.update(X[-2:], y[-2:])
        assert len(forecaster.history_) == len(y)

    @pytest.mark.parametrize(("ids", "others"), [(int, str), (str, int)])
    def test_series_of_another_kind_are_not_taken_as_new_ones(self, Xy, ids, others):
        X, y = (part.rename(index={"a": 1, "b": 2, "c": 3}, level=0) for part in Xy)
        X, y, new_X, new_y = split(*(part.rename(ids, level=0) for part in (X, y)), 4)
        model = ridge(target_transformer=SeriesScaler()).fit(X, y)
        before = model.forecast()
        new = [part.rename(others, level=0) for part in (new_X, new_y)]
        for call in (
            lambda: model.update(*new),
            lambda: model.predict(new[0]),
            lambda: model.target_transformer_.transform(new[1].to_frame()),
        ):
            message = "Convert them to that type"
            with pytest.raises(TypeError, match=re.escape(message)):
                call()
        pd.testing.assert_series_equal(model.forecast(), before)
        model.update(new_X, new_y)

    def test_partial_fit_trains_on_the_new_rows_alone(self, Xy):
        X, y = Xy
        train_X, train_y, new_X, new_y = split(X, y, 4)
        forecaster = lstm().fit(train_X, train_y)
        before = forecaster.estimator_[-1].n_epochs_
        forecaster.partial_fit(new_X, new_y)
        assert forecaster.estimator_[-1].n_epochs_ == before + 1
        assert_array_equal(forecaster.history_, y)
        first = lstm().partial_fit(train_X, train_y)
        assert first.estimator_[-1].n_epochs_ == 1

    def test_partial_fit_gives_windows_over_the_seam(self, Xy):
        X, y = Xy
        train_X, train_y, new_X, new_y = split(X, y, 4)
        steps = make_pipeline(SlidingWindow(5, flat=True), SGDRegressor())
        forecaster = PanelForecaster(steps).fit(train_X / 1e3, train_y / 1e3)
        seen = {}

        class Spy(SGDRegressor):
            def partial_fit(self, X, y, sample_weight=None):
                seen.update(X=X, y=y)

        forecaster.estimator_[-1].__class__ = Spy
        forecaster.partial_fit(new_X / 1e3, new_y / 1e3)
        assert_allclose(np.sort(seen["y"]), np.sort(new_y / 1e3))
        assert (seen["X"][:, 0] != 0).all()

    def test_a_regressor_without_partial_fit_has_none(self):
        assert not hasattr(ridge(), "partial_fit")
        assert hasattr(lstm(), "partial_fit")

    def test_context_is_enough_to_forecast(self, Xy):
        X, y = Xy
        train_X, train_y, test_X, _ = split(X, y, 4)
        full, short = (
            lstm(history=history, freq="D").fit(train_X, train_y)
            for history in ("all", "context")
        )
        assert len(short.history_) == 21
        assert_array_equal(full.predict(test_X), short.predict(test_X))
        with pytest.raises(ValueError, match='history="context" does not keep'):
            short.predict(train_X.groupby(level=0).tail(1))
        with pytest.raises(ValueError, match="but are not remembered"):
            short.predict(train_X)

    def test_context_and_updates(self, Xy):
        X, y = Xy
        train_X, train_y, test_X, _ = split(X, y, 4)
        first_X, first_y, more_X, more_y = split(train_X, train_y, 9)
        full, short = (
            lstm(history=history).fit(first_X, first_y).update(more_X, more_y)
            for history in ("all", "context")
        )
        assert_array_equal(full.predict(test_X), short.predict(test_X))

    def test_context_stays_small_however_many_rows_come(self):
        index = pd.MultiIndex.from_product([["a", "b"], range(200)], names=["s", "t"])
        y = pd.Series(np.sin(np.arange(400.0)), index, name="y")
        time = y.index.get_level_values("t")
        full, short = (
            lstm(20, history=history).fit(None, y[time < 40])
            for history in ("all", "context")
        )
        fresh, sizes = len(short.history_), []
        for t in range(40, 200):
            for model in (full, short):
                model.update(None, y[time == t])
            sizes.append(len(short.history_))
        assert fresh <= min(sizes) < max(sizes) <= 1.125 * fresh
        assert sizes.count(fresh) < 80, "cut with every row"
        assert_array_equal(full.forecast(), short.forecast())

    def test_context_is_enough_to_go_on_training(self, Xy):
        X, y = Xy
        train_X, train_y, new_X, new_y = split(X, y, 4)
        full, short = (
            PanelForecaster(
                make_pipeline(
                    SlidingWindow(5),
                    # Windows alone: a chunk may reach further back than they do.
                    small_lstm(training_mode="windowed"),
                ),
                3,
                history=history,
            )
            .fit(train_X, train_y)
            .partial_fit(new_X, new_y)
            for history in ("all", "context")
        )
        assert_array_equal(full.forecast(), short.forecast())

    def test_pickle_keeps_everything(self, Xy):
        forecaster = lstm(target_transformer=SeriesScaler()).fit(*Xy)
        again = pickle.loads(pickle.dumps(forecaster))
        assert_array_equal(again.forecast(), forecaster.forecast())

    def test_the_callers_frames_are_never_changed(self, Xy):
        X, y = Xy
        copies = X.copy(), y.copy()
        forecaster = lstm(target_transformer=SeriesScaler()).fit(X, y)
        forecaster.forecast()
        forecaster.predict(X)
        pd.testing.assert_frame_equal(X, copies[0])
        pd.testing.assert_series_equal(y, copies[1])

    def test_what_the_caller_writes_later_stays_outside(self, Xy):
        X, y = (part.copy() for part in Xy)
        forecaster = lstm(target_transformer=SeriesScaler()).fit(X, y)
        before = forecaster.forecast()
        X["price"] = 1e6
        X.iloc[-3:] = -1e6
        y.iloc[-3:] = 1e6
        assert_array_equal(forecaster.forecast(), before)

    def test_a_pipeline_with_a_memory(self, Xy, tmp_path):
        X, y = Xy
        steps = make_pipeline(
            SeriesScaler(), SlidingWindow(4), small_lstm(), memory=str(tmp_path)
        )
        plain = make_pipeline(SeriesScaler(), SlidingWindow(4), small_lstm())
        a, b = (PanelForecaster(s, 3).fit(X, y) for s in (steps, plain))
        assert_array_equal(a.forecast(), b.forecast())


ONE_OUTPUT = {
    "trees": HistGradientBoostingRegressor(max_iter=3),
    "svr": SVR(),
    "pipeline": make_pipeline(StandardScaler(), SVR()),
    "scaled target": TransformedTargetRegressor(SVR(), transformer=StandardScaler()),
    "search": GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=2),
    "trees in a search": GridSearchCV(
        HistGradientBoostingRegressor(max_iter=2), {"max_depth": [2]}, cv=2
    ),
    "several seeds": SeedEnsemble(HistGradientBoostingRegressor(max_iter=3), 2),
}


class TestRegressorsOfOneOutput:
    @pytest.mark.parametrize("name", ONE_OUTPUT)
    def test_they_equal_those_wrapped_by_hand(self, Xy, name):
        train_X, train_y, test_X, _ = split(*Xy, 3)
        regressor, got = ONE_OUTPUT[name], []
        if isinstance(regressor, SeedEnsemble):
            regressor = clone(regressor).set_params(random_state=0)
        for last in (regressor, MultiOutputRegressor(regressor)):
            steps = make_pipeline(SlidingWindow(4, flat=True), last)
            model = PanelForecaster(steps, 3, target_transformer=SeriesScaler())
            got.append(model.fit(train_X, train_y).predict(test_X))
        assert np.isfinite(got[0]).all()
        assert_allclose(*got, rtol=1e-4)

    @pytest.mark.parametrize(
        "regressor", [Ridge(), MLPRegressor(hidden_layer_sizes=3, max_iter=9)]
    )
    def test_those_that_take_several_stay_one(self, Xy, regressor):
        steps = make_pipeline(SlidingWindow(4, flat=True), regressor)
        model = PanelForecaster(steps, 3, target_transformer=SeriesScaler())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(*Xy)
        assert type(model.estimator_[-1]) is type(regressor)

    def test_one_step_needs_no_wrapper(self, Xy):
        steps = make_pipeline(SlidingWindow(4, flat=True), SVR())
        assert type(PanelForecaster(steps).fit(*Xy).estimator_[-1]) is SVR

    def test_a_grid_keeps_its_path_and_weights_reach_each_step(self, Xy):
        X, y = Xy
        trees = HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=5)
        steps = Pipeline([("window", SlidingWindow(4, flat=True)), ("hgb", trees)])
        search = GridSearchCV(
            PanelForecaster(steps, 3),
            {"estimator__hgb__max_iter": [2, 4], "estimator__window__window_size": [3]},
            cv=PanelTimeSeriesSplit(n_splits=2, horizon=3),
            error_score="raise",
        )
        weight = np.where(X.index.get_level_values(0) == "a", 1.0, 0.0)
        fitted = search.fit(X, y, sample_weight=weight).best_estimator_
        assert len(fitted.estimator_[-1].estimators_) == 3
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        assert_allclose(fitted.forecast(), y["a":"a"].mean(), rtol=0.2)

    def test_missing_values_reach_those_that_take_them(self, Xy):
        X, y = Xy
        y = y.where(np.arange(len(y)) % 10 != 3)
        steps = make_pipeline(
            SlidingWindow(4, flat=True), HistGradientBoostingRegressor(max_iter=3)
        )
        assert np.isfinite(PanelForecaster(steps, 3).fit(X, y).forecast()).all()

    def test_several_targets_and_partial_fit(self, Xy):
        X, y = Xy
        both = pd.DataFrame({"up": y, "down": -y})
        late = ~X.index.isin(split(X, y, 8)[0].index)
        steps = make_pipeline(SlidingWindow(4, flat=True), SGDRegressor(random_state=0))
        model = PanelForecaster(steps, 1, target_transformer=SeriesScaler())
        model.fit(X[~late], both[~late])
        before = model.estimator_[-1].estimators_[0].coef_.copy()
        model.partial_fit(X[late], both[late])
        assert (model.estimator_[-1].estimators_[0].coef_ != before).any()
        assert model.forecast().columns.tolist() == ["up", "down"]


class TestTooLarge:
    def test_a_value_of_y_is_named(self, Xy):
        X, y = Xy
        large = y.copy()
        large.iloc[50] = -1e39
        message = (
            "1 value(s) of y are too large for the float32 inputs of the regressor, "
            "first -1e+39 (y = -1e+39) in column 'sales' at ('b', 2024-01-11)."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            ridge().fit(X, large)

    def test_scaled_values_are_not_too_large(self, Xy):
        X, y = Xy
        a, b = (
            ridge(target_transformer=SeriesScaler()).fit(X, y * factor).forecast()
            for factor in (1.0, 1e40)
        )
        assert_allclose(b / 1e40, a, rtol=1e-4)

    def test_update_refuses_it_and_stays_as_it_was(self, Xy):
        X, y = Xy
        train_X, train_y, new_X, new_y = split(X, y, 4)
        model = ridge().fit(train_X, train_y)
        before = model.forecast()
        with pytest.raises(ValueError, match="12 value.s. of y are too large"):
            model.update(new_X, new_y * 1e40)
        pd.testing.assert_series_equal(model.forecast(), before)

    def test_update_refuses_values_that_are_lost_in_the_transform(self, Xy):
        X, y = Xy
        train_X, train_y, new_X, new_y = split(X, y, 4)
        log = FunctionTransformer(np.log, np.exp)
        model = ridge(target_transformer=log).fit(train_X, train_y)
        with np.errstate(divide="ignore"):
            with pytest.raises(ValueError, match="turned 12 value.s. of y into NaN"):
                model.update(new_X, new_y * 0)
        assert len(model.history_) == len(train_y)

    def test_a_column_of_x_is_named(self, Xy):
        X, y = Xy
        X = X.astype(float).copy()
        X.iloc[50, 0] = 1e39
        message = (
            "Column 'price' of X contains infinity or a value too large for float32, "
            "first 1e+39 at ('b', 2024-01-11)."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            ridge().fit(X, y)


class TestMissingValues:
    """Regressors that refuse them say so with names, before the history has any."""

    MESSAGE = (
        "The regressor does not accept missing values (NaN), and its windows lack {} "
        "at ({}). Fill them, X with a SeriesImputer, or use a regressor that accepts "
        "them, such as LSTMRegressor."
    )
    REFUSE = {
        "ridge": Ridge(),
        "one output": SVR(),
        "wrapped": MultiOutputRegressor(Ridge()),
        "pipeline": make_pipeline(StandardScaler(), Ridge()),
        "partner": SeedEnsemble(
            small_lstm(), n_estimators=1, partner=Ridge(), partner_weight=0.5
        ),
    }
    # The tags of most do not say so.
    ACCEPT = {
        "trees": HistGradientBoostingRegressor(max_iter=2),
        "wrapped": MultiOutputRegressor(HistGradientBoostingRegressor(max_iter=2)),
        "pipeline": make_pipeline(SimpleImputer(), Ridge()),
        "lstm": small_lstm(),
    }

    @staticmethod
    def model(regressor):
        reads_windows = getattr(regressor, "accepts_panel_windows", False)
        window = SlidingWindow(5, flat=not reads_windows)
        return PanelForecaster(make_pipeline(window, regressor), 3)

    @staticmethod
    def missing(part, series, day):
        part = part.astype(float)
        part.loc[(series, pd.Timestamp(day))] = np.nan
        return part

    @pytest.mark.parametrize("regressor", REFUSE)
    @pytest.mark.parametrize("what", ["y", "'price'"])
    def test_fit_names_them(self, Xy, regressor, what):
        X, y = Xy
        if what == "y":
            y = self.missing(y, "b", "2024-01-11")
        else:
            X = self.missing(X, "b", "2024-01-11")
        with pytest.raises(
            ValueError,
            match=re.escape(self.MESSAGE.format(what, "'b', 2024-01-11")),
        ):
            self.model(self.REFUSE[regressor]).fit(X, y)

    @pytest.mark.parametrize("regressor", REFUSE)
    @pytest.mark.parametrize("what", ["y", "'price'"])
    def test_update_refuses_them_and_stays_as_it_was(self, Xy, regressor, what):
        X, y, new_X, new_y = split(*Xy, 4)
        model = self.model(self.REFUSE[regressor]).fit(X, y)
        before = model.forecast()
        day = new_X.loc["b"].index[1]
        if what == "y":
            new_y = self.missing(new_y, "b", day)
        else:
            new_X = self.missing(new_X, "b", day)
        message = self.MESSAGE.format(what, f"'b', {day.date()}")
        with pytest.raises(ValueError, match=re.escape(message)):
            model.update(new_X, new_y)
        pd.testing.assert_series_equal(model.forecast(), before)

    @pytest.mark.parametrize("regressor", ACCEPT)
    def test_update_takes_them_where_the_regressor_does(self, Xy, regressor):
        X, y, new_X, new_y = split(*Xy, 4)
        model = self.model(self.ACCEPT[regressor]).fit(X, y)
        day = new_X.loc["b"].index[1]
        new_X, new_y = (self.missing(part, "b", day) for part in (new_X, new_y))
        assert len(model.update(new_X, new_y).forecast()) == 9

    def test_update_takes_what_no_later_window_holds(self, Xy):
        X, y, new_X, new_y = split(*Xy, 8)
        model = ridge().fit(X, y)
        new_y = self.missing(new_y, "b", new_y.loc["b"].index[1])
        assert np.isfinite(model.update(X=new_X, y=new_y).forecast()).all()

    def test_update_takes_what_a_step_fills(self, Xy):
        X, y, new_X, new_y = split(*Xy, 4)
        steps = make_pipeline(SeriesImputer(), SlidingWindow(5, flat=True), Ridge())
        model = PanelForecaster(steps, 3).fit(X, y)
        new_X = self.missing(new_X, "b", new_X.loc["b"].index[1])
        assert np.isfinite(model.update(new_X, new_y).forecast()).all()

    def test_update_refuses_missing_steps_that_it_would_fill(self, Xy):
        X, y, new_X, new_y = split(*Xy, 4)
        late = new_X.groupby(level=0).cumcount() == 1
        with pytest.raises(ValueError, match="windows lack y at"):
            ridge(gaps="fill").fit(X, y).update(new_X[late], new_y[late])
        ridge().fit(X, y).update(new_X[late], new_y[late])

    def test_update_refuses_rows_ahead_that_become_missing_ones(self, Xy):
        X, y, new_X, new_y = split(*Xy, 4)
        first = new_X.groupby(level=0).cumcount() == 0
        model = ridge().fit(X, y).update(new_X[first], new_y[first] * np.nan)
        model.forecast()
        with pytest.raises(ValueError, match="windows lack y at"):
            model.update(new_X[~first], new_y[~first])

    def test_a_forecast_names_those_of_fit_that_it_reads(self, Xy):
        """In fit they stand in no window, so close to the end of their series."""
        X, y = Xy
        day = y.loc["b"].index[-2]
        model = ridge().fit(X, self.missing(y, "b", day))
        message = self.MESSAGE.format("y", f"'b', {day.date()}")
        rows = model.future_rows()
        for call in (model.forecast, lambda: model.predict(rows)):
            with pytest.raises(ValueError, match=re.escape(message)):
                call()
        assert np.isfinite(model.predict(rows.loc[["a", "c"]])).all()


class TestErrors:
    def test_estimators_that_are_no_pipeline(self, Xy):
        with pytest.raises(TypeError, match="estimator must be a Pipeline whose last"):
            PanelForecaster(Ridge()).fit(*Xy)

    def test_no_windows(self, Xy):
        steps = make_pipeline(StandardScaler(), Ridge())
        with pytest.raises(TypeError, match="Put a SlidingWindow there"):
            PanelForecaster(steps).fit(*Xy)

    def test_a_step_that_loses_the_index(self, Xy):
        steps = make_pipeline(StandardScaler(), SlidingWindow(3, flat=True), Ridge())
        with pytest.raises(
            TypeError, match=re.escape('set_output(transform="pandas")')
        ):
            PanelForecaster(steps).fit(*Xy)

    def test_no_panel(self, Xy):
        X, y = Xy
        with pytest.raises(TypeError, match="X must be a pandas object indexed by"):
            ridge().fit(X.to_numpy(), y)
        with pytest.raises(TypeError, match="X must be a pandas object indexed by"):
            ridge().fit(X, y).predict(X.droplevel(0))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda X, y: (X, None), "the target y is None"),
            (lambda X, y: (X, y[::-1]), "must have the same index in the same order"),
            (lambda X, y: (X, y[:5].to_numpy()), "one value (or one row of values)"),
            (
                lambda X, y: (X, y.replace(y.iloc[0], np.inf)),
                "y contains infinity at (",
            ),
            (lambda X, y: (X, y * np.nan), "No row of y can be learned"),
            (lambda X, y: (pd.concat([X, X[:1]]), np.ones(94)), "more than one row"),
        ],
    )
    def test_bad_data_is_named(self, Xy, change, message):
        with pytest.raises(ValueError, match=re.escape(message)):
            lstm().fit(*change(*Xy))

    def test_a_y_that_float32_rounds_away_needs_a_transformer(self, Xy):
        X, y = Xy
        meter = 1e9 + y
        with pytest.raises(ValueError, match="^y varies by .* target_transformer=Seri"):
            ridge().fit(X, meter)
        scaled = ridge(target_transformer=SeriesScaler())
        near = scaled.fit(X, y).forecast()
        far = scaled.fit(X, meter).forecast() - 1e9
        np.testing.assert_allclose(far, near, atol=1e-3 * y.std())

    def test_a_y_of_text_is_named(self, Xy):
        X, y = Xy
        with pytest.raises(TypeError, match="^y must be numeric, but has dtype"):
            lstm().fit(X, y.astype(str) + "x")
        with pytest.raises(
            TypeError, match=r"such as '[\d.]+'. Convert it with pd\.to_numeric\(y\)"
        ):
            lstm().fit(X, y.astype(str))

    def test_a_horizon_that_is_too_long(self, Xy):
        with pytest.raises(ValueError, match="horizon=40 is too long for the data"):
            lstm(horizon=40).fit(*Xy)

    def test_flat_windows_are_proposed(self, Xy):
        steps = make_pipeline(SlidingWindow(3), Ridge())
        with pytest.raises(ValueError, match="dim 3") as caught:
            PanelForecaster(steps).fit(*Xy)
        assert "SlidingWindow(flat=True)" in caught.value.__notes__[0]

    def test_multi_output_is_proposed_where_tags_are_silent(self, Xy):
        class Claims(SGDRegressor):
            def __sklearn_tags__(self):
                tags = super().__sklearn_tags__()
                tags.target_tags.multi_output = True
                return tags

        steps = make_pipeline(SlidingWindow(3, flat=True), Claims())
        with pytest.raises(ValueError, match="1d array") as caught:
            PanelForecaster(steps, horizon=2).fit(*Xy)
        assert "MultiOutputRegressor" in caught.value.__notes__[0]

    def test_other_columns(self, Xy):
        X, y = Xy
        with pytest.raises(ValueError, match="feature names"):
            ridge().fit(X, y).predict(X.assign(cost=1.0))

    @pytest.mark.parametrize("steps", [0, 2.5, -1])
    def test_steps(self, Xy, steps):
        with pytest.raises(ValueError, match="steps must be an integer of at least 1"):
            ridge().fit(*Xy).forecast(steps)

    def test_times_without_arithmetic(self):
        letters = pd.CategoricalIndex(list("pqrstuv"), ordered=True)
        index = pd.MultiIndex.from_product([["a"], letters[:6]])
        y = pd.Series(np.arange(6.0), index)
        forecaster = with_last(LastValue(), 2).fit(y.to_frame()[[]], y)
        with pytest.raises(ValueError, match="Call predict"):
            forecaster.forecast()
        ahead = pd.MultiIndex.from_product([["a"], letters[6:]])
        assert_allclose(forecaster.predict(pd.DataFrame(index=ahead)), [6.0])

    def test_a_transformer_that_drops_rows(self, Xy):
        bad = FunctionTransformer(lambda y: y[:-1])
        with pytest.raises(ValueError, match="it must keep rows and columns"):
            ridge(target_transformer=bad).fit(*Xy)


@pytest.mark.parametrize("size", [1, 30, 60])
def test_blocks_of_series_give_what_all_at_once_gives(Xy, monkeypatch, size):
    X, y = Xy
    train_X, train_y, test_X, _ = split(X, y, 5)
    forecaster = lstm(target_transformer=SeriesScaler()).fit(train_X, train_y)
    asked = X.sample(frac=1, random_state=0)
    whole = forecaster.predict(asked)
    monkeypatch.setattr("sklstm.forecasting._panel_forecaster._BLOCK_ROWS", size)
    assert_array_equal(forecaster.predict(asked), whole)


class TestWhereSeriesAndTimesDiffer:
    """Traps that a fresh pair of eyes fell into."""

    def test_series_in_another_order_than_that_of_fit(self, Xy):
        X, y = Xy
        train_X, train_y, test_X, _ = split(X, y, 3)
        stores = pd.CategoricalDtype(["c", "a", "b"])
        index = train_X.index.set_levels(
            train_X.index.levels[0].astype(stores), level=0
        )
        model = ridge(target_transformer=SeriesScaler())
        expected = clone(model).fit(train_X, train_y).predict(test_X)
        model.fit(train_X.set_axis(index), train_y.set_axis(index))
        assert_allclose(model.predict(test_X), expected, rtol=1e-4)

    def test_a_hole_in_the_history_leaves_steps_what_they_are(self, Xy):
        X, y = Xy
        train_X, train_y, test_X, _ = split(X, y, 3)
        hole = np.arange(len(train_X)) != 10
        forecaster = with_last(LastValue(), horizon=3).fit(train_X[hole], train_y[hole])
        whole = pd.Series(forecaster.predict(test_X), test_X.index)
        third = test_X.groupby(level=0).tail(1)
        assert_array_equal(forecaster.predict(third), whole[third.index])

    def test_series_of_two_steps_have_each_their_own_whoever_is_asked_for(self):
        daily = pd.date_range("2024-01-01", periods=30)
        weekly = pd.date_range("2024-01-01", periods=8, freq="7D")
        index = pd.MultiIndex.from_tuples(
            [(s, t) for s, times in {"d": daily, "w": weekly}.items() for t in times]
        )
        y = pd.Series(np.arange(38.0), index)
        forecaster = with_last(LastValue(), horizon=3).fit(y.to_frame()[[]], y)
        ahead = [("w", weekly[-1] + pd.Timedelta(weeks=3))]
        both = [("d", daily[-1] + pd.Timedelta(days=1)), *ahead]
        alone, together = (
            forecaster.predict(pd.DataFrame(index=pd.MultiIndex.from_tuples(rows)))
            for rows in (ahead, both)
        )
        assert alone[-1] == together[-1]
        assert_array_equal(
            forecaster.forecast().loc["w"].index[:1], weekly[-1:] + weekly.freq
        )
        assert (
            forecaster.forecast().loc[("w", weekly[-1] + 3 * weekly.freq)] == alone[-1]
        )

    def test_a_time_between_two_steps_is_an_error(self):
        index = pd.MultiIndex.from_product([["a"], np.arange(10.0)])
        y = pd.Series(np.arange(10.0), index)
        forecaster = with_last(LastValue(), horizon=3).fit(y.to_frame()[[]], y)
        ahead = pd.DataFrame(index=pd.MultiIndex.from_product([["a"], [10.0, 10.5]]))
        with pytest.raises(ValueError, match=r"lie between two time steps.*10\.5"):
            forecaster.predict(ahead)

    def test_times_of_another_kind_are_named(self, Xy):
        X, y = Xy
        forecaster = ridge().fit(X, y)
        zoned = X.tz_localize("UTC", level=1)
        with pytest.raises(TypeError, match="cannot be compared"):
            forecaster.predict(zoned)

    def test_a_new_series_is_scaled_wherever_the_scaler_is(self, Xy):
        X, y = Xy
        columns = ColumnTransformer([("z", SeriesScaler(), ["price"])])
        columns.set_output(transform="pandas")
        known, new = X.loc[["a", "b"]], X.loc[["c"]] * 1e6
        bare, inside = (
            PanelForecaster(
                make_pipeline(step, SlidingWindow(4, flat=True), Ridge()), 2
            )
            .fit(known, y[known.index])
            .update(new, y[new.index])
            for step in (SeriesScaler(), columns)
        )
        assert_allclose(bare.forecast(), inside.forecast(), rtol=1e-4)

    def test_a_failed_partial_fit_leaves_all_as_it_was(self, Xy):
        X, y = Xy
        forecaster = lstm(target_transformer=SeriesScaler()).fit(X, y)
        new = X.loc[["a"]].iloc[:1].rename({"a": "new"}, level=0)
        with pytest.raises(ValueError, match="No row of y can be learned"):
            forecaster.partial_fit(new, [5.0])
        assert "new" not in forecaster.target_transformer_.center_.index
        assert len(forecaster.history_) == len(y)

    def test_an_unknown_label_has_the_mean_embedding(self, Xy):
        X, y = Xy
        steps = make_pipeline(SeriesEncoder(), SlidingWindow(4), small_lstm())
        module = PanelForecaster(steps).fit(X, y).estimator_[-1].net_.module_
        unknown, *known = module.embeddings[0].weight.detach().numpy()
        assert_allclose(unknown, np.mean(known, axis=0), atol=1e-6)

    def test_parameters_set_after_fit_wait_for_the_next_one(self, Xy):
        X, y = Xy
        forecaster = ridge(horizon=3).fit(X, y)
        before = forecaster.forecast(2)
        forecaster.set_params(horizon=5, history="context")
        assert_array_equal(forecaster.forecast(2), before)
        assert len(forecaster.forecast()) == 9
        assert np.isfinite(forecaster.predict(X)).all()

    @pytest.mark.parametrize(
        "params",
        [{}, {"bidirectional": True, "num_layers": 2}, {"head_hidden_size": 5}],
    )
    def test_a_forecast_never_depends_on_the_company(self, Xy, params):
        X, y = Xy
        steps = make_pipeline(
            SeriesEncoder(), SlidingWindow(7), small_lstm(max_epochs=1, **params)
        )
        forecaster = PanelForecaster(steps, horizon=3).fit(X, y)
        whole = forecaster.predict(X)
        rng = np.random.default_rng(0)
        for n_rows in (1, 5, 40):
            rows = rng.permutation(len(X))[:n_rows]
            assert_array_equal(forecaster.predict(X.iloc[rows]), whole[rows])

    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (lambda f, X, y: f.fit(y, y), TypeError, "X must be a DataFrame"),
            (
                lambda f, X, y: f.set_params(
                    estimator__slidingwindow__target="price"
                ).fit(X, y),
                ValueError,
                "the past of y takes that place",
            ),
            (
                lambda f, X, y: f.set_params(
                    target_transformer=FunctionTransformer(np.log)
                ).fit(X, y - y.max()),
                ValueError,
                "turned 93 value(s) of y into NaN or infinity",
            ),
            (
                lambda f, X, y: f.fit(X, y.to_frame()).update(
                    later(X[-1:]), later(y[-1:]).to_frame("other")
                ),
                ValueError,
                "y has the columns ['other'], but fit saw ['sales']",
            ),
        ],
    )
    def test_each_mistake_is_named(self, Xy, call, error, message):
        with (
            np.errstate(all="ignore"),
            pytest.raises(error, match=re.escape(message)),
        ):
            call(ridge(), *Xy)

"""SeedEnsemble: members of their own seeds, averaged; and fits in threads."""

import pickle
import re
import time

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed, parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, SGDRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor
from skorch.callbacks import Callback

from sklstm import (
    LSTMRegressor,
    NaiveRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    PanelWindows,
    SeedEnsemble,
    SeriesScaler,
    SlidingWindow,
    StepRegressor,
)


class Constant(RegressorMixin, BaseEstimator):
    """Predict a number, whatever was learned."""

    def __init__(self, value=0.0, random_state=None):
        self.value = value
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        return self

    def partial_fit(self, X, y, sample_weight=None):
        return self

    def predict(self, X):
        return np.full(len(X), self.value)


def small_lstm(**params):
    defaults = {"hidden_size": 5, "max_epochs": 2, "device": "cpu"}
    return LSTMRegressor(**defaults | params)


def ensemble(estimator=None, n_estimators=2, random_state=0, **params):
    estimator = small_lstm() if estimator is None else estimator
    return SeedEnsemble(estimator, n_estimators, random_state=random_state, **params)


def forecaster(regressor, flat=False, **params):
    steps = make_pipeline(SlidingWindow(5, flat=flat), regressor)
    params = {"horizon": 3, "target_transformer": SeriesScaler()} | params
    return PanelForecaster(steps, **params)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5)).astype(np.float32)
    return X, X[:, -1] - X[:, 0]


@pytest.fixture
def Xy(panel):
    return panel[["price"]], panel["sales"]


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_the_prediction_is_the_mean_of_the_members(arrays, n_outputs):
    X, y = arrays
    y = y if n_outputs == 1 else np.column_stack([y] * n_outputs)
    model = ensemble(n_estimators=3).fit(X, y)
    members = [member.predict(X) for member in model.estimators_]
    assert len(members) == 3
    assert_allclose(model.predict(X), sum(members) / 3, rtol=1e-12)
    assert model.predict(X).shape == y.shape


def test_every_member_has_a_seed_of_its_own_and_one_seed_decides_them(arrays):
    X, y = arrays
    model = ensemble(n_estimators=3).fit(X, y)
    one, two, three = (member.predict(X) for member in model.estimators_)
    assert not np.array_equal(one, two)
    assert not np.array_equal(two, three)
    assert not np.array_equal(one, three)
    again = ensemble(n_estimators=3).fit(X, y)
    assert_array_equal(again.predict(X), model.predict(X))
    other = ensemble(n_estimators=3, random_state=1).fit(X, y)
    assert not np.array_equal(other.predict(X), model.predict(X))


def test_a_member_is_the_regressor_fitted_from_its_seed(arrays):
    X, y = arrays
    for member in ensemble().fit(X, y).estimators_:
        alone = small_lstm(random_state=member.random_state).fit(X, y)
        assert_array_equal(member.predict(X), alone.predict(X))


def test_more_members_begin_with_the_fewer(arrays):
    few, many = (ensemble(n_estimators=n).fit(*arrays) for n in (1, 3))
    first, *_ = many.estimators_
    assert_array_equal(first.predict(arrays[0]), few.predict(arrays[0]))


def test_a_random_state_is_drawn_from_and_gives_another_result_each_time(arrays):
    X, y = arrays
    model = ensemble(random_state=np.random.RandomState(0))
    first, second = (model.fit(X, y).predict(X) for _ in range(2))
    assert not np.array_equal(first, second)


def test_seeds_reach_a_regressor_inside_a_pipeline(arrays):
    X, y = arrays
    inner = make_pipeline(StandardScaler(), SGDRegressor(max_iter=5, tol=None))
    model = ensemble(inner).fit(X, y)
    one, two = (member.predict(X) for member in model.estimators_)
    assert not np.array_equal(one, two)


def test_the_parameters_are_left_alone(arrays):
    model = ensemble(small_lstm(random_state=7))
    before = repr(model.get_params())
    model.fit(*arrays)
    assert repr(model.get_params()) == before
    assert not hasattr(model.estimator, "net_")


def test_weights_are_handed_on(arrays):
    X, y = arrays
    weight = np.arange(60) % 2
    other = np.where(weight, y, 1e3)
    tree = DecisionTreeRegressor(max_depth=2)
    one, two = (ensemble(tree).fit(X, t, sample_weight=weight) for t in (y, other))
    assert_array_equal(one.predict(X), two.predict(X))
    unweighted = ensemble(tree).fit(X, other)
    assert not np.array_equal(unweighted.predict(X), two.predict(X))


def test_processes_give_what_one_after_the_other_gives(Xy):
    X, y = Xy
    one, other = (forecaster(ensemble(n_jobs=n)).fit(X, y) for n in (None, 2))
    assert_array_equal(one.forecast(), other.forecast())


class Slow(Callback):
    """Give other threads the time to interfere after every batch."""

    def on_batch_end(self, net, **kwargs):
        time.sleep(0.002)


def test_members_trained_in_threads_equal_those_trained_in_turn(arrays):
    X, y = arrays
    lstm = small_lstm(dropout=0.5, callbacks=[Slow()], batch_size=10)
    with parallel_config("threading"):
        one, other = (
            ensemble(lstm, n_estimators=4, n_jobs=n).fit(X, y) for n in (1, 4)
        )
    assert_array_equal(one.predict(X), other.predict(X))


def test_regressors_fitted_in_threads_equal_those_fitted_in_turn(arrays):
    X, y = arrays
    models = [
        small_lstm(dropout=0.5, callbacks=[Slow()], batch_size=10, random_state=seed)
        for seed in (0, 1, 0)
    ]
    in_turn = [clone(model).fit(X, y).predict(X) for model in models]
    with parallel_config("threading"):
        at_once = Parallel(n_jobs=3)(delayed(model.fit)(X, y) for model in models)
    for model, expected in zip(at_once, in_turn, strict=True):
        assert_array_equal(model.predict(X), expected)
    assert_array_equal(in_turn[0], in_turn[2])


class TestForecasting:
    def test_an_ensemble_forecasts_the_mean_of_what_its_members_forecast(self, Xy):
        X, y = Xy
        model = forecaster(ensemble()).fit(X, y)
        seeds = [member.random_state for member in model.estimator_[-1].estimators_]
        alone = [
            forecaster(small_lstm(random_state=seed)).fit(X, y).forecast()
            for seed in seeds
        ]
        assert_allclose(model.forecast(), sum(alone) / 2, rtol=1e-9)

    def test_windows_stay_windows_for_a_regressor_that_reads_them(self, Xy):
        seen = []

        class Spy(LSTMRegressor):
            def fit(self, X, y, sample_weight=None):
                seen.append(type(X))
                return super().fit(X, y, sample_weight)

        forecaster(ensemble(Spy(hidden_size=4, max_epochs=1))).fit(*Xy)
        assert seen == [PanelWindows, PanelWindows]

    def test_any_other_regressor_gets_an_array(self, Xy):
        mlp = MLPRegressor(hidden_layer_sizes=4, max_iter=30, tol=1e9)
        model = forecaster(ensemble(mlp), flat=True).fit(*Xy)
        assert np.isfinite(model.forecast()).all()
        assert model.estimator_[-1].n_features_in_ == 10

    def test_the_season_of_the_members_reaches_the_memory(self, Xy):
        X, y = Xy
        lstm = small_lstm(seasonal_periods=5)
        models = [
            forecaster(ensemble(lstm), history=history).fit(X, y)
            for history in ("all", "context")
        ]
        assert_array_equal(*[model.forecast() for model in models])
        assert len(models[1].history_) < len(models[0].history_)

    def test_a_grid_reaches_the_members(self, Xy):
        X, y = Xy
        search = GridSearchCV(
            forecaster(ensemble(small_lstm(max_epochs=1))),
            {"estimator__seedensemble__estimator__hidden_size": [2, 4]},
            cv=PanelTimeSeriesSplit(n_splits=2, horizon=3),
            scoring="neg_mean_absolute_error",
        ).fit(X, y)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        best = search.best_params_["estimator__seedensemble__estimator__hidden_size"]
        for member in search.best_estimator_.estimator_[-1].estimators_:
            assert member.net_.module_.lstm.hidden_size == best

    def test_partial_fit_trains_every_member_on(self, Xy):
        X, y = Xy
        late = X.groupby(level=0).cumcount(ascending=False).to_numpy() < 5
        model = forecaster(ensemble()).fit(X[~late], y[~late])
        model.partial_fit(X[late], y[late])
        epochs = [member.n_epochs_ for member in model.estimator_[-1].estimators_]
        assert epochs == [3, 3]


class TestGoingOn:
    def test_partial_fit_goes_on_with_every_member(self, arrays):
        X, y = arrays
        model = ensemble().partial_fit(X, y)
        seeds = [member.random_state for member in model.estimators_]
        model.partial_fit(X, y)
        assert [member.random_state for member in model.estimators_] == seeds
        members = [
            small_lstm(random_state=s).partial_fit(X, y).partial_fit(X, y)
            for s in seeds
        ]
        expected = sum(member.predict(X) for member in members) / 2
        assert_allclose(model.predict(X), expected, rtol=1e-12)

    def test_fit_after_partial_fit_starts_anew(self, arrays):
        X, y = arrays
        again = ensemble().partial_fit(X, y).fit(X, y)
        assert_array_equal(again.predict(X), ensemble().fit(X, y).predict(X))

    def test_partial_fit_is_there_only_if_the_regressor_has_it(self):
        assert hasattr(ensemble(), "partial_fit")
        assert not hasattr(ensemble(DecisionTreeRegressor()), "partial_fit")


def test_pickle_keeps_predictions(arrays):
    X, y = arrays
    model = ensemble().fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(X), model.predict(X))


def test_a_clone_is_unfitted_and_fits_the_same(arrays):
    X, y = arrays
    model = ensemble().fit(X, y)
    other = clone(model)
    assert not hasattr(other, "estimators_")
    assert_array_equal(other.fit(X, y).predict(X), model.predict(X))


def test_what_the_first_member_knows_is_there_once_it_is_fitted(arrays):
    model = ensemble()
    names = ["n_features_in_", "past_reach_", "fills_"]
    assert not any(hasattr(model, name) for name in [*names, "feature_names_in_"])
    model.fit(*arrays)
    assert [getattr(model, name) for name in names] == [5, 0, []]
    assert not hasattr(ensemble(DecisionTreeRegressor()).fit(*arrays), "past_reach_")


def test_a_regressor_without_a_seed_is_refused(arrays):
    message = (
        "LinearRegression has no parameter random_state, so every copy would be the "
        "same. Average different regressors with "
        "sklearn.ensemble.VotingRegressor."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        ensemble(LinearRegression()).fit(*arrays)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_estimators": 0}, "'n_estimators' parameter"),
        ({"n_estimators": 1.5}, "'n_estimators' parameter"),
        ({"n_jobs": "a"}, "'n_jobs' parameter"),
        ({"random_state": "a"}, "'random_state' parameter"),
        ({"estimator": "a"}, "'estimator' parameter"),
    ],
)
def test_bad_parameters_are_named(arrays, params, message):
    with pytest.raises(ValueError, match=message):
        ensemble(**params).fit(*arrays)


def test_bars_say_which_net_they_show(capsys):
    net = LSTMRegressor(4, max_epochs=1, verbose=1)
    X = np.random.default_rng(0).normal(size=(20, 3, 1))
    for n_jobs in (None, 2):
        SeedEnsemble(net, 2, random_state=0, n_jobs=n_jobs).fit(X, X[:, 0, 0])
        if n_jobs is None:  # other processes write elsewhere
            shown = capsys.readouterr().err
            assert "net 1 of 2" in shown and "net 2 of 2" in shown


class TestPartner:
    def test_it_has_its_weight_in_the_mean(self, Xy):
        X, y = Xy
        theta = NaiveRegressor("theta")
        alone = forecaster(theta).fit(X, y).forecast()
        nets = forecaster(ensemble()).fit(X, y).forecast()
        for weight in (0.0, 0.3, 1.0):
            both = ensemble(partner=theta, partner_weight=weight)
            model = forecaster(both).fit(X, y)
            expected = (1 - weight) * nets + weight * alone
            assert_allclose(model.forecast(), expected, rtol=1e-6)
            assert model.estimator_[-1].partner_weight_ == weight
        assert not hasattr(theta, "n_features_in_")

    def test_auto_leaves_out_what_is_far_worse(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(300, 4))
        y = X[:, -1] + 0.1 * X[:, 0]
        tree = DecisionTreeRegressor(max_depth=8)
        good, bad = NaiveRegressor(), NaiveRegressor("mean")
        model = ensemble(tree, partner=bad).fit(X, y)
        assert model.partner_weight_ == 0.0
        assert_array_equal(model.predict(X), ensemble(tree).fit(X, y).predict(X))
        shallow = DecisionTreeRegressor(max_depth=2)
        assert ensemble(shallow, partner=good).fit(X, y).partner_weight_ == 0.3

    def test_frames_and_lists_are_compared_by_position(self, arrays):
        X, y = arrays
        tree, naive = DecisionTreeRegressor(max_depth=2), NaiveRegressor()
        frame = pd.DataFrame(X.tolist(), index=range(100, 160))
        weight = [1.0] * 60
        one = ensemble(tree, partner=naive).fit(X, y)
        two = ensemble(tree, partner=naive).fit(
            frame, pd.Series(y, frame.index), sample_weight=weight
        )
        assert one.partner_weight_ == two.partner_weight_

    def test_windows_are_compared_at_the_ends_of_the_series(self, Xy):
        X, y = Xy
        seen = []

        class Spy(NaiveRegressor):
            def predict(self, X):
                seen.append((X.ends, X.table.segment_ends(X.ends)))
                return super().predict(X)

        forecaster(ensemble(partner=Spy())).fit(X, y)
        ends, limits = seen[0]
        longest = y.groupby(level=0).size().max()
        assert len(ends) < len(y) / 3
        assert (limits - ends).max() <= longest / 4 + 2

    @pytest.mark.parametrize("ratio", [0.5, 1.75, 2.5])
    @pytest.mark.parametrize("largest", [0.0, 0.2, 0.8])
    def test_the_largest_weight_can_be_given(self, largest, ratio):
        X, y = np.zeros((20, 2)), np.zeros(20)
        weights = []
        for limit in ("auto", ("auto", largest)):
            model = ensemble(
                Constant(1.0), partner=Constant(ratio), partner_weight=limit
            )
            weights.append(model.fit(X, y).partner_weight_)
        assert weights[1] == pytest.approx(weights[0] * largest / 0.3)

    @pytest.mark.parametrize(
        ("ratio", "weight"), [(0.5, 0.3), (1.5, 0.3), (1.75, 0.15), (2.0, 0.0)]
    )
    def test_the_weight_falls_with_the_error_of_the_partner(self, ratio, weight):
        X, y = np.zeros((20, 2)), np.zeros(20)
        model = ensemble(Constant(1.0), partner=Constant(ratio)).fit(X, y)
        assert model.partner_weight_ == pytest.approx(weight)
        assert_allclose(model.predict(X), 1 + weight * (ratio - 1))

    def test_weights_of_0_are_not_compared(self):
        X, y, weight = np.zeros((40, 2)), np.zeros(40), np.arange(40) % 2
        # With the others the errors would be about the same.
        y[weight == 0] = 1e3
        model = ensemble(Constant(1.0), partner=Constant(3.0))
        assert model.fit(X, y, sample_weight=weight).partner_weight_ == 0.0
        assert model.fit(X, y).partner_weight_ == 0.3

    def test_errors_are_weighed(self):
        X, y = np.zeros((20, 2)), np.r_[np.zeros(10), np.full(10, 10.0)]
        weight = np.r_[np.ones(10), np.full(10, 3.0)]
        # |1 - 0| + 3 |1 - 10| = 28 and |-9 - 0| + 3 |-9 - 10| = 66
        model = ensemble(Constant(1.0), partner=Constant(-9.0))
        assert model.fit(X, y, sample_weight=weight).partner_weight_ == 0.0
        near = ensemble(Constant(9.0), partner=Constant(4.0))
        # 9 + 3 = 12 and 4 + 18 = 22; without weights 10 and 10
        assert near.fit(X, y, weight).partner_weight_ == pytest.approx(0.1)
        assert near.fit(X, y).partner_weight_ == 0.3

    def test_a_partner_is_given_the_weights_if_it_takes_any(self, arrays):
        X, y = arrays
        weight = np.arange(60) % 2
        partner = DecisionTreeRegressor(max_depth=2, random_state=0)
        model = ensemble(partner=partner).fit(X, y, sample_weight=weight)
        alone = clone(model.partner_).fit(X, y, weight)
        assert_array_equal(model.partner_.predict(X), alone.predict(X))
        assert not np.array_equal(alone.predict(X), clone(alone).fit(X, y).predict(X))

    def test_one_seed_decides_the_partner_as_well(self, arrays):
        X, y = arrays
        both = ensemble(partner=small_lstm(), partner_weight=0.5)
        one, two = (clone(both).fit(X, y).predict(X) for _ in range(2))
        assert_array_equal(one, two)
        seeds = {clone(both).set_params(random_state=i).fit(X, y) for i in (0, 1)}
        assert len({model.partner_.random_state for model in seeds}) == 2

    def test_it_is_refused_before_the_networks_train(self, Xy):
        class Never(LSTMRegressor):
            def fit(self, X, y, sample_weight=None):
                raise AssertionError("trained")

        never = Never(hidden_size=4)
        X, y = Xy[0].copy(), Xy[1]
        X.iloc[20] = np.nan
        bad = ensemble(never, partner=LinearRegression(), partner_weight=0.5)
        with pytest.raises(ValueError, match="NaN") as caught:
            forecaster(bad).fit(X, y)
        assert "SeriesImputer" in str(caught.value)
        assert caught.value.__notes__ == ["It comes from partner=LinearRegression()."]
        one_sided = Never(hidden_size=4, loss="quantile", quantiles=(0.8, 0.9))
        for weight in ("auto", 0.5):
            model = ensemble(one_sided, partner=NaiveRegressor(), partner_weight=weight)
            with pytest.raises(ValueError, match="one side of the median, .*Learn 0.5"):
                forecaster(model).fit(X, y)

    @pytest.mark.parametrize("horizon", [1, 3])
    def test_a_partner_of_arrays_is_what_it_is_in_a_forecaster(self, Xy, horizon):
        X, y = Xy
        params = {"horizon": horizon}
        trees = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=3)

        def fit(regressor):
            steps = make_pipeline(SlidingWindow(5, known_covariates="price"), regressor)
            if regressor is trees:
                steps.set_params(slidingwindow__flat=True)
            model = PanelForecaster(steps, target_transformer=SeriesScaler(), **params)
            return model.fit(X[:-horizon], y[:-horizon]).predict(X[-horizon:])

        nets, alone = fit(ensemble()), fit(trees)
        for weight in (0.4, 1.0):
            both = fit(ensemble(partner=trees, partner_weight=weight))
            expected = (1 - weight) * nets + weight * alone
            assert_allclose(both, expected, rtol=1e-5)

    def test_a_partner_of_arrays_is_weighed_by_whole_windows(self, Xy):
        seen = []

        class Spy(LinearRegression):
            def predict(self, X):
                seen.append(X)
                return super().predict(X)

        # At the last origins the networks learn some steps, and the others are NaN.
        windows = SlidingWindow(5, known_covariates="price")
        PanelForecaster(make_pipeline(windows, ensemble(partner=Spy())), 3).fit(*Xy)
        assert seen
        assert np.isfinite(np.concatenate(seen)).all()

    def test_a_partner_of_arrays_needs_samples_whose_targets_are_all_known(self, Xy):
        X, y = Xy
        model = forecaster(ensemble(partner=LinearRegression()))
        with pytest.raises(ValueError, match="all known, and there is none"):
            model.fit(X, y.where(np.arange(len(y)) % 2 == 0))

    @pytest.mark.parametrize("horizon", [1, 2])
    def test_partners_of_several_outputs_and_of_one(self, Xy, horizon):
        tree = DecisionTreeRegressor(random_state=0)
        one, two, chain = (
            forecaster(ensemble(partner=p, partner_weight=1.0), horizon=horizon)
            .fit(*Xy)
            .forecast()
            for p in (tree, MultiOutputRegressor(tree), RegressorChain(tree))
        )
        assert one.shape == two.shape == chain.shape
        first_steps = [p.groupby(level=0).first() for p in (two, chain)]
        assert_allclose(*first_steps)

    def test_a_copy_for_each_output_of_arrays(self, arrays):
        X, y = arrays
        y = np.column_stack([y, -y])
        trees = HistGradientBoostingRegressor(max_iter=3)
        model = ensemble(partner=trees, partner_weight=1.0).fit(X, y)
        alone = clone(trees).fit(X, y[:, 0])
        assert_allclose(model.predict(X)[:, 0], alone.predict(X))

    def test_windows_of_a_plain_pipeline_have_no_steps_ahead(self, Xy):
        X, y = Xy
        windows = SlidingWindow(5, known_covariates="price")
        both = ensemble(partner=LinearRegression(), partner_weight=1.0)
        flat = clone(windows).set_params(flat=True)
        alone = make_pipeline(flat, LinearRegression()).fit(X, y)
        model = make_pipeline(windows, both).fit(X, y)
        assert_allclose(model.predict(X), alone.predict(X), rtol=1e-6)

    def test_forecasts_without_all_known_columns_are_warned_of(self, Xy):
        X, y = Xy
        early = X.groupby(level=0).cumcount(ascending=False).to_numpy() >= 3
        windows = SlidingWindow(5, known_covariates="price")
        trees = HistGradientBoostingRegressor(max_iter=3)
        model = PanelForecaster(make_pipeline(windows, ensemble(partner=trees)), 3)
        model.fit(X[early], y[early])
        model.predict(X[~early])
        some = X[~early].groupby(level=0).head(2)
        with pytest.warns(
            UserWarning, match="'price'.* of all 3 steps at once, .* for 3"
        ):
            model.predict(some)

    @pytest.mark.parametrize("make", [pd.DataFrame, np.ndarray.tolist])
    def test_targets_of_arrays_are_handed_on_as_they_are(self, arrays, make):
        X, y = arrays
        model = ensemble(
            DecisionTreeRegressor(), partner=LinearRegression(), partner_weight=1.0
        )
        fitted = model.fit(X, make(y[:, None]))
        assert_allclose(fitted.predict(X).ravel(), y, atol=1e-5)

    def test_a_partner_without_weight_reads_nothing(self, Xy, recwarn):
        class Bad(LinearRegression):
            def predict(self, X):
                return super().predict(X) + 1e6

        X, y = Xy
        early = X.groupby(level=0).cumcount(ascending=False).to_numpy() >= 3
        windows = SlidingWindow(5, known_covariates="price")
        model = PanelForecaster(make_pipeline(windows, ensemble(partner=Bad())), 3)
        model.fit(X[early], y[early])
        assert model.estimator_[-1].partner_weight_ == 0
        model.predict(X[~early].groupby(level=0).head(2))
        assert not recwarn.list

    def test_a_given_weight_stays_while_no_part_can_be_compared(self, Xy):
        X, y = Xy
        late = X.groupby(level=0).cumcount(ascending=False).to_numpy() < 2
        given = ensemble(partner=LinearRegression(), partner_weight=0.4)
        model = forecaster(given).fit(X[~late], y[~late])
        model.estimator_[-1].set_params(partner_weight="auto")
        model.partial_fit(X[late], y[late])
        assert model.estimator_[-1].partner_weight_ == 0.4

    @pytest.mark.parametrize("partner", [LinearRegression(), SGDRegressor()])
    def test_parts_without_a_whole_window_leave_such_a_partner_as_it_is(
        self, Xy, partner
    ):
        X, y = Xy
        late = X.groupby(level=0).cumcount(ascending=False).to_numpy() < 2
        model = forecaster(ensemble(partner=partner)).fit(X[~late], y[~late])
        before = model.estimator_[-1]
        model.partial_fit(X[late], y[late])
        after = model.estimator_[-1]
        assert after.partner_weight_ == before.partner_weight_
        one, two = (e.partner_.predict(np.eye(10)) for e in (before, after))
        assert_array_equal(one, two)
        assert before.estimators_[0].n_epochs_ < after.estimators_[0].n_epochs_

    def test_one_quantile_is_averaged_with_that_of_the_partner(self, Xy):
        X, y = Xy
        lstm = small_lstm(loss="quantile", quantiles=(0.3,))
        trees = HistGradientBoostingRegressor(loss="quantile", quantile=0.3, max_iter=3)
        models = [
            forecaster(ensemble(lstm, partner=trees, partner_weight=w)).fit(X, y)
            for w in (0.0, 0.5, 1.0)
        ]
        none, half, whole = (model.forecast() for model in models)
        assert_allclose(half, (none + whole) / 2, rtol=1e-6)
        assert_allclose(models[1].forecast_quantiles()[0.3], half, rtol=1e-6)

    def test_earlier_parts_count_less(self):
        X, y = np.zeros((20, 2)), np.zeros(20)
        model = ensemble(Constant(1.0), partner=Constant(3.0)).partial_fit(X, y)
        assert model.partner_weight_ == 0.0
        # Errors of 20 and 60 so far; now 40 and 0.
        model.partial_fit(X, np.full(20, 3.0))
        assert model.partner_weight_ == 0.3
        model.partial_fit(X, y)
        own, other = 20 * (0.81 + 0.9 * 2 + 1), 20 * (0.81 * 3 + 3)
        expected = 0.3 * (2 - other / own) / 0.5
        assert 0 < expected < 0.3
        assert model.partner_weight_ == pytest.approx(expected)
        assert model.fit(X, y).partner_weight_ == 0.0

    def test_without_a_reach_all_rows_stay_in_the_memory(self, Xy):
        X, y = Xy

        class Longest(NaiveRegressor):
            """Forecast the number of rows up to the window's end."""

            def fit(self, X, y):
                super().fit(X, y)
                del self.past_reach_
                return self

            def predict(self, X):
                return np.repeat((X.ends - X.starts + 1.0)[:, None], 3, axis=1)

        n_rows = y.groupby(level=0).size().to_numpy()
        for history in ("all", "context"):
            for regressor in (
                Longest(),
                ensemble(partner=Longest(), partner_weight=1.0),
            ):
                model = forecaster(
                    regressor, target_transformer=None, history=history
                ).fit(X, y)
                got = model.forecast().groupby(level=0).first()
                assert_array_equal(got, n_rows)

    def test_quantiles_move_with_the_median(self, Xy):
        X, y = Xy
        lstm = small_lstm(loss="quantile", quantiles=(0.1, 0.5, 0.9))
        plain, both = (
            forecaster(ensemble(lstm, partner=partner, partner_weight=0.5)).fit(X, y)
            for partner in (None, NaiveRegressor("theta"))
        )
        before, after = (model.forecast_quantiles() for model in (plain, both))
        moved = both.forecast() - plain.forecast()
        assert (moved.abs() > 0).any()
        for quantile in before:
            assert_allclose(after[quantile] - before[quantile], moved, atol=1e-6)
        some = both.forecast_quantiles(quantiles=[0.1, 0.9])
        assert_allclose(some, after[[0.1, 0.9]])

    def test_the_rows_that_it_reads_stay_in_the_memory(self, Xy):
        X, y = Xy
        both = ensemble(partner=NaiveRegressor("theta"), partner_weight=0.5)
        models = [
            forecaster(both, history=history).fit(X, y)
            for history in ("all", "context")
        ]
        assert_array_equal(*[model.forecast() for model in models])
        assert models[0].estimator_[-1].past_reach_ == 31

    def test_partial_fit_weighs_it_anew_and_keeps_what_it_learned(self, arrays):
        X, y = arrays
        model = ensemble(SGDRegressor(), partner=SGDRegressor(random_state=0))
        model.partial_fit(X, y)
        first = model.partner_
        model.partial_fit(X, y)
        assert model.partner_ is not first
        expected = clone(first).partial_fit(X, y).partial_fit(X, y)
        assert_allclose(model.partner_.coef_, expected.coef_)
        naive = ensemble(SGDRegressor(), partner=NaiveRegressor()).partial_fit(X, y)
        kept = naive.partner_
        assert naive.partial_fit(X, y).partner_ is kept

    def test_pickle_and_clone(self, Xy):
        X, y = Xy
        model = forecaster(ensemble(partner=NaiveRegressor("theta"))).fit(X, y)
        again = pickle.loads(pickle.dumps(model))
        assert_array_equal(again.forecast(), model.forecast())
        assert_array_equal(clone(model).fit(X, y).forecast(), model.forecast())

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"partner": "a"}, "'partner' parameter"),
            ({"partner_weight": 1.5}, "'partner_weight' parameter"),
            ({"partner_weight": "some"}, "'partner_weight' parameter"),
            (
                {"partner": NaiveRegressor(), "partner_weight": ("auto", 2)},
                "partner_weight=.* must be a number",
            ),
            (
                {"partner": NaiveRegressor(), "partner_weight": ("auto",)},
                "partner_weight=.* must be a number",
            ),
            (
                {"partner": NaiveRegressor(), "partner_weight": (0.1, 0.2)},
                "partner_weight=.* must be a number",
            ),
        ],
    )
    def test_bad_parameters_are_named(self, arrays, params, message):
        with pytest.raises(ValueError, match=message):
            ensemble(**params).fit(*arrays)

    def test_a_column_and_an_array_of_one_axis_are_the_same(self, arrays):
        X, y = arrays
        tree, naive = DecisionTreeRegressor(max_depth=8), NaiveRegressor("mean")
        flat, column = (
            ensemble(tree, partner=naive).fit(X, t) for t in (y, y[:, None])
        )
        assert flat.partner_weight_ == column.partner_weight_
        model = ensemble(tree, partner=naive, partner_weight=0.5).fit(X, y[:, None])
        assert model.predict(X).size == len(X)


class TestPartners:
    """A list of partners."""

    def test_each_has_its_weight_in_the_mean(self, Xy):
        X, y = Xy
        kinds = [NaiveRegressor("theta"), StepRegressor(DecisionTreeRegressor())]
        model = forecaster(
            ensemble(partner=kinds, partner_weight=[0.2, 0.5]), horizon=2
        ).fit(X, y)
        nets = forecaster(ensemble(), horizon=2).fit(X, y).forecast()
        inner = model.estimator_[-1]
        theta, trees = (
            forecaster(each, horizon=2).fit(X, y).forecast() for each in inner.partner_
        )
        expected = 0.3 * nets + 0.2 * theta + 0.5 * trees
        assert_allclose(model.forecast(), expected, rtol=1e-6)
        assert inner.partner_weight_ == [0.2, 0.5]
        assert inner.past_reach_ == 125

    def test_one_in_a_list_is_as_without_it(self, arrays):
        X, y = arrays
        one, listed = (
            ensemble(partner=partner).fit(X, y)
            for partner in (NaiveRegressor(), [NaiveRegressor()])
        )
        assert_array_equal(one.predict(X), listed.predict(X))
        assert listed.partner_weight_ == [one.partner_weight_]

    def test_none_in_a_list_is_none(self, arrays):
        X, y = arrays
        model = ensemble(partner=[]).fit(X, y)
        assert_array_equal(model.predict(X), ensemble().fit(X, y).predict(X))
        assert (model.partner_, model.partner_weight_) == ([], [])

    def test_auto_weighs_each_by_its_own_error(self):
        X, y = np.zeros((20, 2)), np.zeros(20)
        partners = [Constant(1.0), Constant(1.75), Constant(3.0)]
        model = ensemble(Constant(1.0), partner=partners[:2]).fit(X, y)
        assert model.partner_weight_ == pytest.approx([0.3, 0.15])
        model = ensemble(Constant(1.0), partner=partners).fit(X, y)
        assert model.partner_weight_ == pytest.approx([0.25, 0.125, 0.0])

    def test_a_given_weight_stands_beside_a_chosen_one(self):
        X, y = np.zeros((20, 2)), np.zeros(20)
        partners = [Constant(4.0), Constant(1.0)]
        both = ensemble(
            Constant(1.0), partner=partners, partner_weight=[0.4, "auto"]
        ).fit(X, y)
        assert both.partner_weight_ == pytest.approx([0.4, 0.3])
        most = ensemble(Constant(1.0), partner=partners, partner_weight=[0.9, "auto"])
        assert most.fit(X, y).partner_weight_ == pytest.approx([0.9, 0.05])
        none = ensemble(Constant(1.0), partner=partners, partner_weight=[0, "auto"])
        assert none.fit(X, y).partner_weight_ == pytest.approx([0.0, 0.3])
        assert none.partner_[0] is None

    def test_quantiles_move_with_the_median(self, Xy):
        X, y = Xy
        lstm = small_lstm(loss="quantile", quantiles=(0.1, 0.5, 0.9))
        kinds = [NaiveRegressor("theta"), StepRegressor(DecisionTreeRegressor())]
        plain, both = (
            forecaster(ensemble(lstm, partner=kinds, partner_weight=weight)).fit(X, y)
            for weight in (0, [0.2, 0.3])
        )
        before, after = (model.forecast_quantiles() for model in (plain, both))
        moved = both.forecast() - plain.forecast()
        assert (moved.abs() > 0).any()
        for quantile in before:
            assert_allclose(after[quantile] - before[quantile], moved, atol=1e-6)

    def test_all_that_fill_missing_values_are_named(self, Xy):
        seasonal = small_lstm(seasonal_periods=3)
        for regressor, expected in (
            (ensemble(partner=[NaiveRegressor(), seasonal]), [(3,)]),
            (ensemble(seasonal, partner=seasonal), [(3,), (3,)]),
        ):
            model = forecaster(regressor).fit(*Xy)
            assert model.estimator_[-1].fills_ == expected

    def test_partial_fit_goes_on_with_the_partners_of_before(self, arrays):
        X, y = arrays
        one, two = NaiveRegressor(), NaiveRegressor("drift")
        for before, after in ((one, None), (None, one), ([one, two], [two])):
            model = ensemble(SGDRegressor(), partner=before).partial_fit(X, y)
            kept = model.partner_
            model.set_params(partner=after).partial_fit(X, y)
            assert model.partner_ == kept

    def test_members_of_another_library_may_be_an_array(self, Xy):
        X, y = Xy
        late = y.groupby(level=0).cumcount(ascending=False) < 1
        trees = GradientBoostingRegressor(n_estimators=2)
        model = forecaster(trees, flat=True, horizon=1).fit(X[~late], y[~late])
        assert len(model.update(X[late], y[late]).history_) == len(y)

    def test_parts_teach_those_that_can_go_on(self, arrays):
        X, y = arrays
        kinds = [SGDRegressor(random_state=0), NaiveRegressor()]
        model = ensemble(SGDRegressor(), partner=kinds).partial_fit(X, y)
        linear, naive = model.partner_
        model.partial_fit(X, y)
        assert not np.array_equal(model.partner_[0].coef_, linear.coef_)
        assert model.partner_[1] is naive

    def test_pickle_and_clone(self, Xy):
        X, y = Xy
        kinds = [NaiveRegressor("theta"), StepRegressor()]
        model = forecaster(ensemble(partner=kinds)).fit(X, y)
        again = pickle.loads(pickle.dumps(model))
        assert_array_equal(again.forecast(), model.forecast())
        assert_array_equal(clone(model).fit(X, y).forecast(), model.forecast())

    @pytest.mark.parametrize(
        ("partner", "weight", "message"),
        [
            ([NaiveRegressor(), 3], "auto", "3 in its list"),
            ([NaiveRegressor], "auto", "instances"),
            ([NaiveRegressor()] * 2, [0.1], "one for each of 2"),
            ([NaiveRegressor()] * 2, [0.1, 1.5], "0.1, 1.5"),
            ([NaiveRegressor()] * 2, [0.1, True], "0.1, True"),
            ([NaiveRegressor()] * 2, [0.6, 0.7], "more than 1"),
            ([NaiveRegressor()] * 2, 0.7, "more than 1"),
            (NaiveRegressor(), [0.1, 0.1], "one for each of 1"),
            (None, [0.1], "one for each of 0"),
        ],
    )
    def test_bad_lists_are_named(self, arrays, partner, weight, message):
        with pytest.raises(ValueError, match=message):
            ensemble(partner=partner, partner_weight=weight).fit(*arrays)

"""ContinualForecaster: what a loop keeps of each data set, and what it reports."""

import pickle
import re
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from sklstm import (
    ContinualForecaster,
    LSTMRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeriesEncoder,
    SeriesScaler,
    SlidingWindow,
)
from sklstm.datasets import make_panel

# Seasons, scales and levels that contradict each other.
CONFLICT = {"day": 7, "work": 5, "year": 12}


def forecaster(window_size=6, horizon=3, encode=True, **lstm):
    params = {"hidden_size": 6, "max_epochs": 2, "random_state": 0, "device": "cpu"}
    series = [("series", SeriesEncoder())] if encode else []
    return PanelForecaster(
        Pipeline(
            [
                *series,
                ("window", SlidingWindow(window_size)),
                ("lstm", LSTMRegressor(**params | lstm)),
            ]
        ),
        horizon,
        target_transformer=SeriesScaler(),
    )


def loop(lstm=None, **params):
    return ContinualForecaster(
        forecaster(**lstm or {}), **{"on_forgetting": "ignore"} | params
    )


def panels(names, n_series=2, n_rows=30, n_covariates=0):
    parts = {
        name: make_panel(
            n_series, n_rows, n_covariates=n_covariates, random_state=i, noise=0.05
        )
        for i, name in enumerate(names)
    }
    panel = pd.concat(parts, names=["dataset"])
    return panel.drop(columns="target"), panel["target"]


def conflicting_panels():
    parts = {
        name: make_panel(
            4,
            100,
            n_covariates=0,
            seasonal_periods=(period,),
            level_spread=i,
            noise=0.05,
            random_state=i,
        )
        for i, (name, period) in enumerate(CONFLICT.items())
    }
    y = pd.concat(parts, names=["dataset"])["target"]
    return y.to_frame()[[]], y


def weights(model):
    net = model.net_ if hasattr(model, "net_") else lstm_of(model).net_
    return {k: v.numpy().copy() for k, v in net.module_.state_dict().items()}


def lstm_of(model):
    return next(iter(model.forecasters_.values())).estimator_[-1]


def assert_same_weights(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert_array_equal(one[name], other[name])


@pytest.fixture
def Xy():
    return panels("abc")


@pytest.fixture(scope="module")
def fitted():
    """A loop over three data sets with the defaults; tests leave it as it is."""
    return loop().fit(*panels("abc"))


@pytest.fixture(scope="module")
def conflict():
    """Naive, default and joint training on data sets that contradict each other."""
    X, y = conflicting_panels()
    lstm = {"hidden_size": 16, "max_epochs": 20, "lr": 0.01, "window_size": 12}
    naive = loop(lstm, replay=0, lr_decay=1.0, keep_optimizer=False)
    models = naive, loop(lstm), loop(lstm, strategy="joint")
    return [model.fit(X, y) for model in models]


# What it is for.


def test_naive_training_forgets_and_the_defaults_cut_it_by_half(conflict):
    naive, guarded = (model.forgetting_.mean() for model in conflict[:2])
    own = np.diagonal(conflict[0].stage_scores_).mean()
    assert naive > 0.5 * own
    assert guarded < naive / 2


def test_replay_ends_near_joint_training(conflict):
    _, guarded, joint = conflict
    best = joint.stage_scores_.iloc[-1].mean()
    assert guarded.stage_scores_.iloc[-1].mean() < 1.1 * best


def test_joint_training_is_one_stage_of_all():
    model = loop(strategy="joint").fit(*panels("abc"))
    assert model.stage_scores_.index.tolist() == ["joint"]
    assert model.stages_["datasets"].tolist() == [["a", "b", "c"]]
    assert model.forgetting_.isna().all()


# One data set.


def test_one_data_set_equals_the_panel_forecaster():
    X, y = panels("a", n_series=3)
    plain = forecaster().fit(X, y)
    model = loop(validation_fraction=0.0).fit(X, y)
    assert_same_weights(weights(model), weights(plain.estimator_[-1]))
    assert_array_equal(model.predict(X), plain.predict(X))
    pd.testing.assert_series_equal(model.forecast(), plain.forecast())


def test_one_data_set_equals_the_panel_forecaster_when_shared():
    X, y = panels("a", n_series=3)
    plain = forecaster().fit(X, y)
    model = loop(validation_fraction=0.0, preprocessing="shared").fit(X, y)
    assert_array_equal(model.predict(X), plain.predict(X))


# What a fitted loop gives.


def test_scores_have_a_row_for_each_stage_and_a_column_for_each_data_set(fitted):
    assert fitted.datasets_ == ["a", "b", "c"]
    assert fitted.stage_scores_.shape == (3, 3)
    assert np.isfinite(fitted.stage_scores_.to_numpy()).all()
    assert np.isfinite(fitted.untrained_scores_).all()


def test_last_scores_are_those_of_the_final_model():
    X, y = panels("ab", n_series=1)
    model = loop({"horizon": 1, "encode": False}, validation_fraction=0.2).fit(X, y)
    one_step = pd.Series(model.predict(X), index=X.index)
    for name in "ab":
        # Of 30 rows 29 are origins; the tail of them forecasts the last six.
        truth, guess = y.loc[name].iloc[-6:], one_step.loc[name].iloc[-6:]
        scale = model.forecasters_[name].target_transformer_.scale_.to_numpy().item()
        error = np.abs(truth - guess).mean() / scale
        assert_allclose(model.stage_scores_.iloc[-1][name], error, rtol=1e-4)


def test_measures_follow_the_definitions(fitted):
    e = fitted.stage_scores_.to_numpy()
    assert_allclose(fitted.forgetting_["a"], e[2, 0] - min(e[0, 0], e[1, 0]))
    assert_allclose(fitted.backward_transfer_["b"], e[1, 1] - e[2, 1])
    untrained = fitted.untrained_scores_["c"]
    assert_allclose(fitted.forward_transfer_["c"], untrained - e[1, 2])
    assert np.isnan(fitted.forgetting_["c"]) and np.isnan(fitted.forward_transfer_["a"])


def test_predictions_stand_in_the_rows_of_X(fitted, Xy):
    X, _ = Xy
    order = np.random.default_rng(0).permutation(len(X))
    assert_array_equal(fitted.predict(X.iloc[order]), fitted.predict(X)[order])


def test_data_sets_of_another_kind_are_not_taken_as_new_ones(fitted, Xy):
    X, y = (part.rename(index=ord, level=0) for part in Xy)
    for call in (
        lambda: fitted.predict(X),
        lambda: fitted.update(X, y),
        lambda: fitted.partial_fit(X, y),
    ):
        with pytest.raises(TypeError, match="the series of X by numbers, such as 97,"):
            call()


def test_forecast_holds_every_series(fitted):
    forecast = fitted.forecast(2)
    assert forecast.index.names == ["dataset", "series", "time"]
    assert len(forecast) == 3 * 2 * 2


def test_history_is_that_of_all_data_sets(fitted, Xy):
    pd.testing.assert_series_equal(fitted.history_, Xy[1], check_freq=False)


def test_training_history_names_the_stage_and_its_learning_rate():
    model = loop({"lr_schedule": None}, lr_decay=0.5).fit(*panels("abc"))
    history = lstm_of(model).training_history_
    assert history["stage"].tolist() == [0, 0, 1, 1, 2, 2]
    assert_allclose(history["lr"], 3e-3 * np.repeat([1, 0.5, 0.25], 2))
    assert {"train_loss", "valid_loss"} <= set(history.columns)


# Preprocessing.


def test_own_preprocessing_does_not_see_other_data_sets():
    X, y = panels("ab", n_covariates=1)
    lstm = Pipeline(
        [
            ("fill", SimpleImputer(add_indicator=False).set_output(transform="pandas")),
            ("scale", StandardScaler().set_output(transform="pandas")),
            ("window", SlidingWindow(5)),
            ("lstm", LSTMRegressor(4, max_epochs=1, random_state=0)),
        ]
    )
    X.iloc[::7] = np.nan
    changed = X.copy()
    changed.loc["b"] = changed.loc["b"].to_numpy() * 100 + 7
    model, other = (
        ContinualForecaster(PanelForecaster(lstm)).fit(frame, y)
        for frame in (X, changed)
    )
    for step in ("fill", "scale"):
        one, two = (
            vars(m.forecasters_["a"].estimator_.named_steps[step])
            for m in (model, other)
        )
        name = "statistics_" if step == "fill" else "mean_"
        assert_array_equal(one[name], two[name])
    assert_array_equal(model.stage_scores_.iloc[0, 0], other.stage_scores_.iloc[0, 0])


def test_shared_preprocessing_sees_all_data_sets():
    X, y = panels("ab", n_covariates=1)
    scale = StandardScaler().set_output(transform="pandas")
    steps = make_pipeline(scale, SlidingWindow(5), LSTMRegressor(4, max_epochs=1))
    model = ContinualForecaster(PanelForecaster(steps), preprocessing="shared")
    model.fit(X, y)
    assert model.forecasters_["a"] is model.forecasters_["b"]
    assert_allclose(model.forecasters_["a"].estimator_[0].mean_, X.mean())


def test_transformed_columns_that_differ_raise():
    X, y = panels("ab", n_covariates=1)
    X.loc["b", "price"] = np.nan
    fill = SimpleImputer().set_output(transform="pandas")
    steps = make_pipeline(fill, SlidingWindow(5), LSTMRegressor(4, max_epochs=1))
    with (
        pytest.warns(UserWarning, match="Skipping features"),
        pytest.raises(ValueError, match=r"Data set 'b' has windows .* numeric columns"),
    ):
        ContinualForecaster(PanelForecaster(steps)).fit(X, y)


# Order, epochs, learning rate.


@pytest.mark.parametrize(
    ("params", "order"),
    [
        ({}, ["b", "a", "c"]),
        ({"order": "largest"}, ["a", "c", "b"]),
        ({"order": "smallest"}, ["b", "c", "a"]),
        ({"order": ["c", "b", "a"]}, ["c", "b", "a"]),
        ({"order": ["c"]}, ["c", "b", "a"]),
    ],
)
def test_order_of_stages(params, order):
    sizes = {"b": 20, "a": 30, "c": 25}
    parts = {n: make_panel(1, size, n_covariates=0) for n, size in sizes.items()}
    y = pd.concat(parts, names=["dataset"])["target"]
    model = loop({"max_epochs": 1}, **params).fit(y.to_frame()[[]], y)
    assert model.datasets_ == order
    assert model.stage_scores_.index.tolist() == order


def test_epochs_by_data_set_and_of_the_warm_up(Xy):
    model = loop(epochs={"b": 1, "a": 4}).fit(*Xy)
    assert model.stages_["n_epochs"].tolist() == [4, 1, 2]


def test_epochs_by_data_set_hold_in_partial_fit(Xy):
    X, y = Xy
    model = loop(epochs={"a": 4}).fit(X.loc[["a", "b"]], y.loc[["a", "b"]])
    model.set_params(epochs={"a": 4, "c": 1}).partial_fit(X.loc[["c"]], y.loc[["c"]])
    assert model.stages_["n_epochs"].tolist() == [4, 2, 1]
    with pytest.raises(ValueError, match="epochs names 'z', but the data sets are"):
        model.set_params(epochs={"z": 1}).partial_fit(
            X.loc[["c"]].rename(index={"c": "d"}), y.loc[["c"]].rename(index={"c": "d"})
        )


@pytest.mark.parametrize("schedule", ["cosine", "cyclic", "plateau", "step"])
def test_each_stage_has_its_own_schedule(Xy, schedule):
    lstm = {"lr_schedule": schedule, "max_epochs": 4}
    model = loop(lstm, lr_decay=0.5).fit(*Xy)
    rate = lstm_of(model).training_history_["lr"].to_numpy().reshape(3, 4)
    assert_allclose(rate[:, 0], rate[0, 0] * np.array([1, 0.5, 0.25]))
    assert schedule == "plateau" or np.ptp(rate[2]) > 0.2 * rate[2].max()


def test_the_optimizer_is_kept_or_reset(Xy):
    kept, reset = (loop(keep_optimizer=k).fit(*Xy) for k in (True, False))

    def steps(model):
        states = lstm_of(model).net_.optimizer_.state.values()
        return max(int(state["step"]) for state in states)

    assert steps(kept) > steps(reset)


# Remedies.


@pytest.mark.parametrize("remedy", [{"l2_sp": 0.1}, {"ewc": 3.0}], ids=str)
def test_penalties_forget_less_than_naive_training(conflict, remedy):
    X, y = conflicting_panels()
    model = ContinualForecaster(**conflict[0].get_params(deep=False) | remedy)
    model.fit(X, y)
    assert model.forgetting_.mean() < 0.85 * conflict[0].forgetting_.mean()


def test_remedies_are_searched_together(Xy):
    search = GridSearchCV(
        loop({"max_epochs": 1}),
        [
            {"lr_decay": [0.5, 1.0], "replay": [0.0, 0.3]},
            {"forecaster__estimator__lstm__dropout": [0.2], "ewc": [1.0]},
        ],
        cv=PanelTimeSeriesSplit(n_splits=2, horizon=3),
        scoring="neg_mean_absolute_error",
        error_score="raise",
    ).fit(*Xy)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.predict(Xy[0])) == len(Xy[0])


@pytest.mark.parametrize("mode", ["chunked", "windowed"])
@pytest.mark.parametrize("balance", ["rows", "series", "datasets"])
def test_replay_and_joint_training_run_in_every_mode(mode, balance):
    X, y = panels("ab")
    for strategy in ("sequential", "joint"):
        lstm = {"training_mode": mode, "max_epochs": 1}
        model = loop(lstm, balance=balance, strategy=strategy).fit(X, y)
        assert np.isfinite(model.stage_scores_.to_numpy()).all()


# Reactions.


def test_forgetting_warns():
    X, y = conflicting_panels()
    lstm = {"lr": 0.05, "training_mode": "chunked"}
    model = loop(lstm, replay=0, on_forgetting="warn", tolerance=0.0)
    with pytest.warns(UserWarning, match=r"rose by \d+% in the stage of"):
        model.fit(X, y)
    assert model.stages_["outcome"].tolist() == ["kept"] * 3


def test_forgetting_stops_the_loop():
    X, y = conflicting_panels()
    lstm = {"lr": 0.05, "training_mode": "chunked"}
    model = loop(lstm, replay=0, on_forgetting="stop", tolerance=0.0)
    with pytest.warns(UserWarning, match="The loop stops here"):
        model.fit(X, y)
    assert model.stages_["outcome"].tolist() == ["kept", "stopped"]
    assert np.isfinite(model.predict(X)).all()


def test_rollback_leaves_the_weights_of_the_stage_before():
    X, y = conflicting_panels()
    lstm = {"lr": 0.05, "encode": False}
    only_first = loop(lstm).fit(X.loc[["day"]], y.loc[["day"]])
    model = loop(lstm, replay=0, on_forgetting="rollback", tolerance=0.0)
    with pytest.warns(UserWarning, match="The stage is undone"):
        model.fit(X, y)
    assert model.stages_["outcome"].tolist() == ["kept", "undone", "undone"]
    assert model.stage_scores_.index.tolist() == ["day"]
    assert_same_weights(weights(model), weights(only_first))


# Later data sets.


def test_partial_fit_adds_a_stage(Xy):
    X, y = Xy
    model = loop().fit(X.loc[["a", "b"]], y.loc[["a", "b"]])
    model.partial_fit(X.loc[["c"]], y.loc[["c"]])
    assert model.stage_scores_.shape == (3, 3)
    assert np.isfinite(model.stage_scores_.iloc[1:].to_numpy()).all()
    assert np.isfinite(model.forward_transfer_["c"])
    assert len(model.predict(X)) == len(X)


def test_the_untrained_model_of_partial_fit_is_that_of_fit():
    X, y = panels("abc")
    y = y * y.index.get_level_values("dataset").map({"a": 1.0, "b": 5.0, "c": 50.0})
    lstm = LSTMRegressor(4, max_epochs=1, random_state=0)
    model = PanelForecaster(make_pipeline(SlidingWindow(5), lstm), horizon=2)
    model = ContinualForecaster(model, on_forgetting="ignore")
    at_once = clone(model).fit(X, y)
    in_turn = model.fit(X.loc[["a", "b"]], y.loc[["a", "b"]])
    in_turn.partial_fit(X.loc[["c"]], y.loc[["c"]])
    for measure in ("untrained_scores_", "forward_transfer_"):
        one, other = getattr(in_turn, measure), getattr(at_once, measure)
        assert_allclose(one, other, rtol=1e-4)


def test_forgetting_counts_the_stages_that_each_data_set_was_scored_in():
    X, y = panels("abcd")
    model = loop().fit(X.loc[["a", "b"]], y.loc[["a", "b"]])
    for name in "cd":
        model.partial_fit(X.loc[[name]], y.loc[[name]])
    at_once = loop().fit(X, y)
    scores = model.stage_scores_
    for name in "abc":
        known = [error for error in scores[name].iloc[:-1] if error == error]
        expected = scores[name].iloc[-1] - min(known)
        assert_allclose(model.forgetting_[name], expected)
    assert len(known) == 2  # from the stage before its own on
    assert model.forgetting_.isna().equals(at_once.forgetting_.isna())


class _CtrlC(Callback):
    """Interrupts training while it is armed."""

    armed = False

    def on_batch_end(self, net, training=False, **kwargs):
        if training and _CtrlC.armed:
            raise KeyboardInterrupt


@pytest.mark.parametrize("preprocessing", ["own", "shared"])
def test_an_interrupted_partial_fit_leaves_all_as_it_was(
    Xy, monkeypatch, preprocessing
):
    X, y = Xy
    model = loop({"callbacks": [_CtrlC()]}, preprocessing=preprocessing)
    model.fit(X.loc[["a", "b"]], y.loc[["a", "b"]])
    before = model.forecast()
    monkeypatch.setattr(_CtrlC, "armed", True)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X.loc[["c"]], y.loc[["c"]])
    pd.testing.assert_series_equal(model.forecast(), before)
    assert model.datasets_ == ["a", "b"]
    monkeypatch.setattr(_CtrlC, "armed", False)
    model.partial_fit(X.loc[["c"]], y.loc[["c"]])
    assert not model.forecast().loc[before.index].equals(before)


def test_partial_fit_of_shared_preprocessing(Xy):
    X, y = Xy
    model = loop(preprocessing="shared").fit(X.loc[["a", "b"]], y.loc[["a", "b"]])
    model.partial_fit(X.loc[["c"]], y.loc[["c"]])
    assert model.stage_scores_.shape == (3, 3)
    assert np.isfinite(model.predict(X)).all()


def test_partial_fit_without_a_fit_is_one(Xy, fitted):
    model = loop().partial_fit(*Xy)
    assert_same_weights(weights(model), weights(fitted))


def test_partial_fit_of_a_known_data_set_raises(fitted, Xy):
    with pytest.raises(ValueError, match=r"takes new data sets, but fit saw 'a'"):
        clone_of(fitted).partial_fit(*Xy)


def clone_of(fitted):
    return pickle.loads(pickle.dumps(fitted))


def test_update_admits_a_data_set_without_training(Xy):
    X, y = Xy
    model = loop().fit(X.loc[["a", "b"]], y.loc[["a", "b"]])
    before = weights(model)
    model.update(X.loc[["c"]], y.loc[["c"]])
    assert_same_weights(weights(model), before)
    assert "c" in model.forecast().index.get_level_values(0)
    assert model.datasets_ == ["a", "b"]
    model.partial_fit(X.loc[["c"]], y.loc[["c"]])
    assert model.datasets_ == ["a", "b", "c"]


@pytest.mark.parametrize("preprocessing", ["own", "shared"])
def test_update_moves_the_end_of_known_series(Xy, preprocessing):
    X, y = Xy
    late = X.groupby(["dataset", "series"]).cumcount(ascending=False).to_numpy() < 3
    model = loop(preprocessing=preprocessing).fit(X[~late], y[~late])
    model.update(X[late], y[late])
    assert len(model.history_) == len(y)


def test_new_series_start_at_the_unknown_embedding_and_leave_the_others(Xy):
    X, y = Xy
    model = loop({"category_dropout": 0.3}, replay=0).fit(X.loc[["a"]], y.loc[["a"]])
    first = lstm_of(model).embeddings_["dataset_series"]
    lstm = lstm_of(model)
    unknown = lstm.net_.module_.embeddings[0].weight[0].detach().numpy().copy()
    assert unknown.any()

    started = []
    train = type(lstm.net_).partial_fit

    def spy(net, *args, **params):
        started.append(net.module_.embeddings[0].weight.detach().numpy().copy())
        return train(net, *args, **params)

    type(lstm.net_).partial_fit = spy
    try:
        model.partial_fit(X.loc[["b"]], y.loc[["b"]])
    finally:
        type(lstm.net_).partial_fit = train
    assert_array_equal(started[0][3:], np.tile(unknown, (2, 1)))
    assert_array_equal(lstm.embeddings_["dataset_series"], first)
    table = lstm_of(model).embeddings_["dataset_series"]
    assert_array_equal(table.iloc[:2], first)
    assert not np.allclose(table.iloc[2:], unknown)


def test_momentum_and_decay_leave_labels_alone_that_are_not_shown(Xy):
    X, y = Xy
    lstm = {"optimizer": "adamw", "net_params": {"optimizer__weight_decay": 0.1}}
    model = loop(lstm, replay=0, keep_optimizer=True).fit(X.loc[["a"]], y.loc[["a"]])
    first = lstm_of(model).embeddings_["dataset_series"]
    model.partial_fit(X.loc[["b"]], y.loc[["b"]])
    assert_array_equal(lstm_of(model).embeddings_["dataset_series"].iloc[:2], first)


# Shapes of data sets.


def test_unequal_lengths_features_and_targets():
    parts = {
        name: make_panel(2, (20, 40), n_covariates=3, random_state=i)
        for i, name in enumerate("abc")
    }
    panel = pd.concat(parts, names=["dataset"])
    y = panel[["target"]].assign(double=2 * panel["target"])
    model = loop().fit(panel.drop(columns="target"), y)
    assert model.predict(panel.drop(columns="target")).shape == y.shape
    assert np.isfinite(model.stage_scores_.to_numpy()).all()


def test_thirty_data_sets():
    names = [f"d{i:02d}" for i in range(30)]
    X, y = panels(names, n_series=1, n_rows=20)
    model = loop({"max_epochs": 1, "hidden_size": 4}).fit(X, y)
    assert model.stage_scores_.shape == (30, 30)


def test_a_data_set_with_one_short_series():
    X, y = panels("ab", n_rows=40)
    short = make_panel(1, 4, n_covariates=0)["target"]
    y = pd.concat([y, pd.concat({"short": short}, names=["dataset"])])
    X = y.to_frame()[[]]
    model = loop().fit(X, y)
    assert model.window_size_ == 6
    assert len(model.forecast().loc["short"]) == 3
    # With four rows there is nothing to hold out.
    assert np.isnan(model.stage_scores_["short"]).all()


def test_a_series_of_one_row_raises():
    X, y = panels("ab")
    single = make_panel(1, 1, n_covariates=0)["target"]
    y = pd.concat([y, pd.concat({"single": single}, names=["dataset"])])
    with pytest.raises(ValueError, match="Data set 'single' has no row of y that can"):
        loop().fit(y.to_frame()[[]], y)


def test_two_index_levels_make_each_series_a_data_set():
    panel = make_panel(2, 30, n_covariates=0, random_state=0)
    model = loop().fit(panel[[]], panel["target"])
    assert model.datasets_ == ["s0", "s1"]
    assert len(model.predict(panel[[]])) == len(panel)


def test_missing_values_in_one_data_set():
    X, y = panels("ab")
    y = y.copy()
    y.loc["b"] = y.loc["b"].where(np.arange(60) % 5 != 0).to_numpy()
    model = loop().fit(X, y)
    assert np.isfinite(model.stage_scores_.to_numpy()).all()


# Data sets given one by one.


def test_fit_datasets_equals_fit(Xy, fitted):
    X, y = Xy
    model = loop().fit_datasets({n: (X.loc[n], y.loc[n]) for n in "abc"})
    assert_same_weights(weights(model), weights(fitted))
    numbered = loop().fit_datasets([(X.loc[n], y.loc[n]) for n in "ab"])
    assert numbered.datasets_ == [0, 1]


def test_data_sets_without_covariates_need_no_X(Xy):
    X, y = Xy
    bare = loop().fit_datasets({n: (X.loc[n][[]], y.loc[n]) for n in "ab"})
    model = loop().fit_datasets({n: (None, y.loc[n]) for n in "ab"})
    assert_same_weights(weights(model), weights(bare))
    with pytest.raises(TypeError, match="y of data set 'a' must be a pandas object"):
        loop().fit_datasets({"a": (None, y.loc["a"].to_numpy())})


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ([], "datasets is empty; give at least one (X, y)."),
        (["Xy", "empty"], "Data set 1 has no rows. Leave it out."),
        (["Xy", "column"], "Data set 1 has the columns 'price', but the first one has"),
        (["Xy", "level"], "Data set 1 is indexed by 1 levels, but the first one by 2."),
    ],
)
def test_data_sets_that_do_not_fit_together_raise(datasets, message):
    panel = make_panel(2, 30, n_covariates=1, random_state=0)
    X, y = panel[[]], panel["target"]
    deeper = pd.concat({"region": panel}, names=["region"])
    known = {
        "Xy": (X, y),
        "empty": (X.iloc[:0], y.iloc[:0]),
        "column": (panel[["price"]], y),
        "level": (deeper[[]], deeper["target"]),
    }
    given = [known[name] for name in datasets]
    if "level" in datasets:
        message = "Data set 1 is indexed by 3 levels, but the first one by 2."
    with pytest.raises(ValueError, match=re.escape(message)):
        loop().fit_datasets(given)


# The estimator contract.


def test_same_seed_same_weights_and_other_seed_others(Xy, fitted):
    assert_same_weights(weights(loop().fit(*Xy)), weights(fitted))
    other = weights(loop({"random_state": 1}).fit(*Xy))
    assert not np.array_equal(other["output.weight"], weights(fitted)["output.weight"])


def test_refit_equals_a_fresh_fit(Xy):
    model = loop().fit(*Xy)
    first = weights(model)
    assert_same_weights(weights(model.fit(*Xy)), first)


def test_pickled_loop_predicts_and_goes_on(Xy, fitted):
    X, y = Xy
    again = clone_of(fitted)
    assert_array_equal(again.predict(X), fitted.predict(X))
    more, target = panels("d")
    assert again.partial_fit(more, target).datasets_ == ["a", "b", "c", "d"]
    assert fitted.datasets_ == ["a", "b", "c"]


def test_clone_is_unfitted(fitted):
    assert not hasattr(clone(fitted), "forecasters_")


# Errors.


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"order": ["a", "a"]}, "order names a data set more than once: 'a', 'a'"),
        ({"order": ["z"]}, "order names 'z', but the data sets are 'a', 'b', 'c'."),
        ({"epochs": {"z": 1}}, "epochs names 'z', but the data sets are"),
        ({"epochs": {"a": 0}}, "epochs must hold integers of at least 1, got 0 for"),
        ({"epochs": {"a": True}}, "epochs must hold integers of at least 1, got True"),
        (
            {"epochs": {"a": 1}, "strategy": "joint"},
            "epochs={'a': 1} names data sets, but strategy='joint' trains all of them",
        ),
        ({"resume": True}, "resume=True needs a checkpoint_dir to resume from"),
        ({"checkpoint_every": 2}, "checkpoint_every=2 needs a checkpoint_dir to write"),
        ({"replay": 1.0}, "The 'replay' parameter of ContinualForecaster must be"),
        ({"checkpoint_dir": True}, "The 'checkpoint_dir' parameter of Continual"),
    ],
)
def test_bad_parameters_raise(Xy, params, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        loop(**params).fit(*Xy)


def test_errors_below_zero_are_refused(Xy):
    X, y = Xy
    first, later = (X.loc[["a", "b"]], y.loc[["a", "b"]]), (X.loc[["c"]], y.loc[["c"]])
    model = loop(scoring=lambda truth, guess: np.abs(truth - guess).mean()).fit(*first)
    before = weights(model), model.stage_scores_
    model.set_params(scoring=lambda truth, guess: -np.abs(truth - guess).mean())
    message = "scoring must return an error of 0 or more, lower for better, got -"
    for train, data in (model.partial_fit, later), (model.fit, first):
        with pytest.raises(ValueError, match=message):
            train(*data)
    assert_same_weights(weights(model), before[0])
    pd.testing.assert_frame_equal(model.stage_scores_, before[1])


def test_a_window_longer_than_every_series_raises(Xy):
    with pytest.raises(ValueError, match="longer than the longest series of all data"):
        loop({"window_size": 31}).fit(*Xy)


def test_refit_of_the_regressor_raises(Xy):
    with pytest.raises(ValueError, match="early_stopping='refit' trains anew"):
        loop({"early_stopping": "refit"}).fit(*Xy)


def test_other_regressors_raise(Xy):
    steps = make_pipeline(SlidingWindow(5, flat=True), Ridge())
    with pytest.raises(TypeError, match="able to train in stages, as LSTMRegressor is"):
        ContinualForecaster(PanelForecaster(steps)).fit(*Xy)


def test_what_is_no_forecaster_raises(Xy):
    with pytest.raises(TypeError, match="or a PanelForecaster, got Continual"):
        ContinualForecaster(loop()).fit(*Xy)


def test_unknown_data_set_raises(fitted, Xy):
    X = Xy[0].rename({"a": "z"}, level=0)
    with pytest.raises(ValueError, match=r"1 data set\(s\) not seen in fit: 'z'"):
        fitted.predict(X)


def test_an_error_names_the_data_set(Xy):
    X, y = Xy
    y = y.copy()
    y.loc["b"] = np.inf
    with pytest.raises(ValueError, match="y contains infinity") as caught:
        loop().fit(X, y)
    assert caught.value.__notes__ == ["This came up in data set 'b'."]


def test_early_stopping_watches_the_tail_of_the_stage(Xy):
    lstm = {"early_stopping": True, "n_iter_no_change": 1, "max_epochs": 12, "lr": 0.1}
    model = loop(lstm).fit(*Xy)
    assert (model.stages_["n_epochs"] < 12).any()


def test_the_regressor_of_a_loop_can_be_trained_on_by_itself():
    X, y = panels("ab")
    model = loop({"embedding_dim": 3}).fit(X, y)
    one = deepcopy(model.forecasters_["a"])
    later, rows = one.forecast(), X.loc["a"]
    ahead = pd.DataFrame(0.0, index=later.index, columns=rows.columns)
    one.partial_fit(ahead, later)
    assert np.isfinite(one.forecast()).all()

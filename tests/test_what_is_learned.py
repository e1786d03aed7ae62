"""Trainings that would learn nothing, or something else than was asked, are refused."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from skorch.callbacks import Checkpoint, EarlyStopping, EpochScoring, EpochTimer

from sklstm import ContinualForecaster, LSTMForecaster, LSTMRegressor, SlidingWindow
from sklstm.datasets import make_panel


@pytest.fixture
def Xy():
    X = np.random.default_rng(0).normal(size=(80, 4, 2))
    return X, np.c_[X[:, -1, 0], X[:, 0, 1]]


def net(**params):
    return LSTMRegressor(4, **{"max_epochs": 3, "random_state": 0} | params)


@pytest.mark.parametrize("early_stopping", [True, "refit"])
def test_windows_without_a_target_to_score_are_refused(Xy, early_stopping):
    X, y = Xy
    late = np.arange(80) >= 70
    model = net(early_stopping=early_stopping)
    with pytest.raises(ValueError, match="None of the 8 held-out windows"):
        model.fit(X, y, sample_weight=np.where(late, 0.0, 1.0))
    with pytest.raises(ValueError, match="None of the 72 training windows"):
        model.fit(X, y, sample_weight=np.where(np.arange(80) < 72, 0.0, 1.0))
    with pytest.raises(ValueError, match="None of the 8 held-out windows"):
        model.fit(X, np.where(late[:, None], np.nan, y))
    assert model.fit(X, y).n_epochs_ >= 1


def test_weights_of_rows_without_a_target_are_no_weights(Xy):
    X, y = Xy
    y = np.where(np.arange(80)[:, None] < 40, np.nan, y)
    with pytest.raises(ValueError, match="None of the 80 training windows"):
        net().fit(X, y, sample_weight=np.where(np.arange(80) < 40, 1.0, 0.0))


def test_large_weights_are_ratios(Xy):
    X, y = Xy
    weight = np.linspace(0.1, 1, 80)
    one, two = (net().fit(X, y, sample_weight=w) for w in (weight, 1e308 * weight))
    assert_allclose(one.predict(X), two.predict(X))


CHANGES = {
    "hidden_size": 8,
    "num_layers": 2,
    "bidirectional": True,
    "dropout": 0.5,
    "loss": "mae",
    "quantiles": (0.1, 0.9),
    "optimizer": "sgd",
    "head_hidden_size": 3,
    "net_params": {"optimizer__weight_decay": 0.5},
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_network_cannot_be_changed_by_training_further(Xy, name, method):
    X, y = Xy
    model = net(warm_start=True).fit(X, y).set_params(**{name: CHANGES[name]})
    with pytest.raises(ValueError, match=f"{name}=.* cannot change a network"):
        getattr(model, method)(X, y)
    model.set_params(warm_start=False).fit(X, y)


def test_a_warm_start_has_a_schedule_and_an_end_of_its_own(Xy):
    X, y = Xy
    model = net(warm_start=True, lr=0.01).fit(X, y)
    model.set_params(max_epochs=9).fit(X, y)
    lr = model.training_history_["event_lr"].to_numpy()[-9:]
    assert (np.diff(lr) < 0).all()
    model.set_params(early_stopping=True, n_iter_no_change=1, lr=1.0, max_epochs=50)
    assert len(model.fit(X, y).training_history_) < 62
    with pytest.raises(ValueError, match="'refit' trains anew"):
        model.set_params(early_stopping="refit").fit(X, y)


def test_small_constants_are_learned_to_their_own_precision():
    X = np.random.default_rng(0).normal(size=(60, 4, 1))
    y = np.c_[1e-6 * X[:, -1, 0], np.full(60, 1e-6)]
    y_pred = net(max_epochs=10).fit(X, y).predict(X)
    assert_allclose(y_pred[:, 1], 1e-6, rtol=0.1)


@pytest.mark.parametrize("callback", [EarlyStopping(), Checkpoint()])
def test_callbacks_that_watch_held_out_windows_need_some(Xy, callback):
    with pytest.raises(ValueError, match="monitors 'valid_loss.*early_stopping=True"):
        net(callbacks=[callback]).fit(*Xy)
    with pytest.raises(TypeError, match="callbacks must be skorch callbacks"):
        net(callbacks=["a"]).fit(*Xy)
    scored = EpochScoring("r2", name="valid_r2", on_train=True)
    watch = EarlyStopping(monitor="valid_r2", lower_is_better=False)
    net(callbacks=[scored, watch, EpochTimer]).fit(*Xy)


def test_a_bidirectional_net_is_exported_for_full_windows():
    X = make_panel(3, 20, random_state=0)
    windows = SlidingWindow(5).fit_transform(X[["price"]])
    model = net(bidirectional=True).fit(windows, X["target"])
    with pytest.raises(ValueError, match="windows of one length"):
        model.net_inputs(windows)
    full = windows[windows.lengths == 5]
    assert "lengths" not in model.net_inputs(full)


def test_a_step_finer_than_the_rows_is_refused():
    y = make_panel(3, 120, n_covariates=0, random_state=0)["target"]
    noon = pd.Timedelta(hours=12)
    weeks = y[y.index.get_level_values("time").day_of_week == 0]
    model = LSTMForecaster(2, hidden_size=3, max_epochs=1, n_estimators=1)
    for freq in ("D", "12h", "B"):
        with pytest.raises(ValueError, match="finer than the step of the rows"):
            model.set_params(freq=freq).fit(None, weeks)
    slow = pd.concat([y, weeks.rename({f"s{i}": f"w{i}" for i in range(3)}, level=0)])
    with pytest.raises(ValueError, match="finer than the step of the rows of 3 series"):
        model.set_params(freq="D").fit(None, slow)
    odd = y.loc[["s0"]].head(6)
    times = [t + noon if i == 3 else t for i, (_, t) in enumerate(odd.index)]
    odd.index = pd.MultiIndex.from_product([["s0"], times], names=odd.index.names)
    model.set_params(freq="D").fit(None, pd.concat([odd, y.loc[["s1"]]]))
    with pytest.raises(ValueError, match="is not the step of 3 series"):
        model.set_params(freq="B").fit(None, y)
    model.set_params(freq="D", gaps="fill").fit(None, weeks)
    model.set_params(freq="W-MON", gaps="keep").fit(None, weeks)
    days = y[y.index.get_level_values("time").day_of_week < 5]
    for freq in ("D", "B", None):
        model.set_params(freq=freq).fit(None, days)


def test_a_loop_names_what_is_missing():
    y = make_panel(3, 30, n_covariates=0, random_state=0)["target"]
    net_of = LSTMForecaster(2, hidden_size=3, max_epochs=1, n_estimators=1)
    loop = ContinualForecaster(net_of.to_pipeline()).fit(None, y)
    for method in ("update", "partial_fit"):
        with pytest.raises(ValueError, match="y is None"):
            getattr(loop, method)(y.to_frame()[[]], None)
    index = y.index.set_levels([np.nan, "b", "c"], level=0, verify_integrity=False)
    with pytest.raises(ValueError, match="label"):
        ContinualForecaster(net_of).fit(None, pd.Series(y.to_numpy(), index))

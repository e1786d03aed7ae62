"""A fit that was killed goes on where it was, and ends as if it had not been."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV

from sklstm import (
    LSTMForecaster,
    LSTMRegressor,
    PanelTimeSeriesSplit,
    SeedEnsemble,
    SlidingWindow,
)
from sklstm.datasets import make_panel
from sklstm.neural_network import _fit_checkpoint
from sklstm.neural_network._window_net import WindowNet

SETTINGS = {
    "plain": {},
    "step": {"lr_schedule": "step"},
    "plateau": {"lr_schedule": "plateau", "early_stopping": True},
    "cyclic": {"lr_schedule": "cyclic"},
    "stopping": {"early_stopping": True, "n_iter_no_change": 2, "lr": 0.1},
    "refit": {"early_stopping": "refit", "lr": 0.05},
    "windowed": {"training_mode": "windowed", "dropout": 0.3, "num_layers": 2},
    "skip": {"seasonal_periods": 3, "optimizer": "adamw"},
    "sgd": {"optimizer": "sgd", "net_params": {"optimizer__momentum": 0.9}},
}


@pytest.fixture(autouse=True)
def write_after_each_epoch(monkeypatch):
    monkeypatch.setattr(_fit_checkpoint, "_SECONDS", 0.0)


def lesson():
    """Windows of three series, and what comes next in each."""
    panel = make_panel(3, 40, random_state=0)
    windows = SlidingWindow(6, target="target").fit_transform(panel)
    ahead = panel["target"].groupby(level=0).shift(-1)
    return windows, ahead.to_numpy()[:, None]


def regressor(folder=None, **params):
    given = {"hidden_size": 4, "max_epochs": 8, "random_state": 0, "device": "cpu"}
    return LSTMRegressor(**given | params, checkpoint_dir=folder)


class Kill:
    """Ends a training at the beginning of its `epoch`-th epoch, counted in all fits."""

    def __init__(self, monkeypatch, epoch):
        left = iter(range(epoch))
        run = WindowNet.run_single_epoch

        def run_or_die(net, iterator, training, **kwargs):
            if training and next(left, None) is None:
                raise KeyboardInterrupt
            return run(net, iterator, training, **kwargs)

        monkeypatch.setattr(WindowNet, "run_single_epoch", run_or_die)


def weights(model):
    return {k: v.numpy() for k, v in model.net_.module_.state_dict().items()}


def assert_same(one, two):
    for name, value in weights(one).items():
        assert_array_equal(value, weights(two)[name])
    columns = ["train_loss"]
    pd.testing.assert_frame_equal(
        one.training_history_[columns], two.training_history_[columns]
    )


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("epoch", [1, 3, 6])
def test_a_fit_that_died_in_any_epoch_ends_as_if_it_had_not(
    tmp_path, monkeypatch, name, epoch
):
    X, y = lesson()
    whole = regressor(**SETTINGS[name]).fit(X, y)
    with monkeypatch.context() as patch:
        Kill(patch, epoch)
        try:
            regressor(tmp_path, **SETTINGS[name]).fit(X, y)
            assert name == "stopping"  # it ended before
        except KeyboardInterrupt:
            assert len(list(tmp_path.iterdir())) >= 1
    torch.manual_seed(5)
    resumed = regressor(tmp_path, **SETTINGS[name]).fit(X, y)
    assert_same(resumed, whole)
    if name == "refit":
        assert len(resumed.validation_history_) == len(whole.validation_history_)
    # What comes after it is the same, too.
    assert_same(resumed.partial_fit(X, y), whole.partial_fit(X, y))


def test_no_epoch_is_trained_twice(tmp_path, monkeypatch):
    X, y = lesson()
    with monkeypatch.context() as patch:
        Kill(patch, 5)
        with pytest.raises(KeyboardInterrupt):
            regressor(tmp_path).fit(X, y)
    with monkeypatch.context() as patch:
        Kill(patch, 3)
        regressor(tmp_path).fit(X, y)
    with monkeypatch.context() as patch:
        Kill(patch, 0)
        assert regressor(tmp_path).fit(X, y).n_epochs_ == 8
        with pytest.raises(KeyboardInterrupt):
            regressor(tmp_path, lr=0.1).fit(X, y)


@pytest.mark.parametrize(
    "change",
    [
        {"lr": 0.1},
        {"max_epochs": 9},
        {"random_state": 1},
        {"hidden_size": 5},
        {"net_params": {"optimizer__eps": 1e-4}},
        "X",
        "y",
        "weight",
        "window",
    ],
)
def test_another_fit_begins_anew(tmp_path, monkeypatch, change):
    X, y = lesson()
    regressor(tmp_path).fit(X, y)
    params, weight = {}, None
    if isinstance(change, dict):
        params = change
    elif change == "X":
        panel = make_panel(3, 40, random_state=0)
        panel.iloc[5, 0] += 1
        X = SlidingWindow(6, target="target").fit_transform(panel)
    elif change == "y":
        y = y + np.eye(len(y))[:, :1]
    elif change == "weight":
        weight = np.ones(len(y))
        weight[3] = 2
    else:
        X = SlidingWindow(5, target="target").fit_transform(
            make_panel(3, 40, random_state=0)
        )
    got = regressor(tmp_path, **params).fit(X, y, weight)
    assert_same(got, regressor(**params).fit(X, y, weight))
    assert len(list(tmp_path.iterdir())) == 2


def test_what_does_not_decide_the_weights_may_change(tmp_path, monkeypatch):
    X, y = lesson()
    regressor(tmp_path).fit(X, y)
    regressor(tmp_path, verbose=1, n_threads=1).fit(X, y)
    assert len(list(tmp_path.iterdir())) == 1


def test_each_net_of_an_ensemble_goes_on(tmp_path, monkeypatch):
    y = make_panel(3, 40, n_covariates=0, random_state=0)["target"]

    def forecaster(folder=None):
        return LSTMForecaster(
            3,
            hidden_size=4,
            max_epochs=5,
            n_estimators=3,
            random_state=0,
            checkpoint_dir=folder,
        )

    whole = forecaster().fit(None, y)
    for epoch in (3, 6, 20):
        with monkeypatch.context() as patch:
            Kill(patch, epoch)
            try:
                model = forecaster(tmp_path).fit(None, y)
            except KeyboardInterrupt:
                model = None
    assert_array_equal(model.forecast(), whole.forecast())
    assert len(list(tmp_path.iterdir())) == 3


def test_a_search_reads_the_fits_that_had_ended(tmp_path, monkeypatch):
    y = make_panel(3, 40, n_covariates=0, random_state=0)["target"]
    model = LSTMForecaster(
        3, hidden_size=4, max_epochs=2, random_state=0, checkpoint_dir=tmp_path
    )
    search = GridSearchCV(
        model.set_params(n_estimators=1),
        {"window_size": [4, 8]},
        cv=PanelTimeSeriesSplit(n_splits=2, horizon=3),
    )
    with monkeypatch.context() as patch:
        Kill(patch, 5)  # in the third of five fits
        with pytest.raises(KeyboardInterrupt):
            search.fit(y.to_frame()[[]], y)
    Kill(monkeypatch, 5)  # what is left of ten epochs
    search.fit(y.to_frame()[[]], y)


def test_a_killed_process_goes_on(tmp_path):
    code = f"""
import sys, torch; sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_fit_checkpoints as own
from sklstm.neural_network import _fit_checkpoint
_fit_checkpoint._SECONDS = 0.0
own.regressor({str(tmp_path)!r}, max_epochs=60).fit(*own.lesson())
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    while not list(tmp_path.glob("*.npz")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    resumed = regressor(tmp_path, max_epochs=60).fit(*lesson())
    assert_same(resumed, regressor(max_epochs=60).fit(*lesson()))


def test_a_damaged_checkpoint_is_named(tmp_path):
    X, y = lesson()
    regressor(tmp_path).fit(X, y)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"fit_\w+\.npz' is damaged"):
        regressor(tmp_path).fit(X, y)


def test_a_fit_with_a_seed_of_its_own_cannot_go_on(tmp_path):
    with pytest.raises(ValueError, match="checkpoint_dir needs a random_state"):
        regressor(tmp_path, random_state=None).fit(*lesson())


def test_partial_fit_writes_nothing(tmp_path):
    X, y = lesson()
    model = regressor(tmp_path).partial_fit(X, y).partial_fit(X, y)
    assert not list(tmp_path.iterdir())
    assert model.n_epochs_ == 2


def test_an_ensemble_keeps_the_files_of_its_nets_apart(tmp_path):
    X, y = lesson()
    SeedEnsemble(regressor(tmp_path), 2, n_jobs=2, random_state=0).fit(X, y)
    assert len(list(tmp_path.iterdir())) == 2

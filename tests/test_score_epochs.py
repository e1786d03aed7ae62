"""score_epochs: what it yields is what partial_fit and a scorer give."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback

from sklstm import (
    LSTMForecaster,
    LSTMRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SlidingWindow,
    score_epochs,
)
from sklstm.datasets import make_panel
from sklstm.metrics import make_panel_scorer

CV = PanelTimeSeriesSplit(n_splits=2, horizon=3)


@pytest.fixture
def forecaster():
    return LSTMForecaster(
        3, hidden_size=2, max_epochs=3, n_estimators=1, random_state=0
    )


@pytest.fixture
def data():
    panel = make_panel(4, 40, n_covariates=1, random_state=0)
    return panel.drop(columns="target"), panel["target"]


def test_scores_are_those_of_a_plain_loop(forecaster, data):
    X, y = data
    scorer = make_panel_scorer("mase")
    got = np.array(list(score_epochs(forecaster, X, y, cv=CV, scoring=scorer)))
    assert got.shape == (3, 2)
    for fold, (train, test) in enumerate(CV.split(X, y)):
        model = clone(forecaster)
        for epoch in range(3):
            model.partial_fit(X.iloc[train], y.iloc[train])
            score = scorer(model, X.iloc[test], y.iloc[test])
            assert got[epoch, fold] == score
    assert len(set(got.ravel())) > 3
    assert not hasattr(forecaster, "forecaster_")


def test_folds_may_be_masks_and_must_be_there(forecaster, data):
    X, y = data
    rows = np.arange(len(y))
    masks = [tuple(np.isin(rows, part) for part in fold) for fold in CV.split(X)]
    one, two = (next(score_epochs(forecaster, X, y, cv=cv)) for cv in (CV, masks))
    assert_array_equal(one, two)
    with pytest.raises(ValueError, match="cv must give at least one fold"):
        score_epochs(forecaster, X, y, cv=iter(()))


def test_an_epoch_is_trained_when_it_is_asked_for(forecaster, data):
    trained = []

    class Counted(LSTMForecaster):
        def partial_fit(self, X, y, sample_weight=None):
            trained.append(len(y))
            return super().partial_fit(X, y, sample_weight)

    curve = score_epochs(Counted(**forecaster.get_params()), *data, cv=CV)
    assert trained == []
    first = next(curve)
    assert len(trained) == 2
    # What comes between, such as another candidate, changes nothing.
    other = list(score_epochs(forecaster, *data, cv=CV))
    assert_array_equal([first, *curve], other)


def test_the_number_of_epochs_is_that_of_the_network(data):
    lstm = LSTMRegressor(hidden_size=2, max_epochs=2, random_state=0)
    model = PanelForecaster(make_pipeline(SlidingWindow(4), lstm), 3)
    assert len(list(score_epochs(model, *data, cv=CV))) == 2
    assert len(list(score_epochs(model, *data, cv=CV, n_epochs=1))) == 1
    lstm.set_params(max_epochs="auto")
    with pytest.raises(ValueError, match="max_epochs is .*'auto'.*pass n_epochs"):
        score_epochs(model, *data, cv=CV)
    for n_epochs in (0, True):
        with pytest.raises(ValueError, match=f"at least 1, got {n_epochs}"):
            score_epochs(model, *data, cv=CV, n_epochs=n_epochs)


def test_a_forecaster_that_does_not_train_in_epochs_is_refused(data):
    model = PanelForecaster(make_pipeline(SlidingWindow(4, flat=True), Ridge()), 3)
    with pytest.raises(TypeError, match="partial_fit"):
        score_epochs(model, *data, cv=CV)


def test_a_table_without_the_index_of_a_panel_is_refused(data, forecaster):
    X, y = data
    with pytest.raises(TypeError, match="indexed by .series, time."):
        score_epochs(forecaster, X.reset_index(), y.reset_index(drop=True), cv=CV)


class Trial:
    """There is one of it: no copy counts."""

    def __init__(self):
        self.reports = []

    def __deepcopy__(self, memo):
        raise TypeError("cannot be copied")


class Report(Callback):
    """Holds a trial as the callbacks of Optuna and others do."""

    def __init__(self, trial):
        self._trial = trial

    def on_epoch_end(self, net, **kwargs):
        self._trial.reports.append(net.history[-1, "train_loss"])


def test_a_callback_that_cannot_be_cloned_is_kept():
    trial = Trial()
    X = np.random.default_rng(0).normal(size=(20, 4, 1)).astype("float32")
    model = LSTMRegressor(2, max_epochs=3, callbacks=[("report", Report(trial))])
    pipeline = clone(make_pipeline(model))
    pipeline.fit(X, X[:, -1, 0])
    assert len(trial.reports) == 3


def test_other_callbacks_are_cloned():
    class Count(Callback):
        def on_epoch_end(self, net, **kwargs):
            self.n_ = getattr(self, "n_", 0) + 1

    callback = Count()
    model = clone(LSTMRegressor(2, max_epochs=3, callbacks=[callback]))
    assert model.callbacks[0] is not callback
    model.fit(np.zeros((9, 4, 1), dtype="float32"), np.arange(9.0))
    assert not hasattr(model.callbacks[0], "n_")


def test_a_study_of_optuna_prunes(data, forecaster):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial):
        size = trial.suggest_categorical("window_size", [4, 6, 8, 10])
        model = clone(forecaster).set_params(window_size=size)
        for epoch, scores in enumerate(score_epochs(model, *data, cv=CV)):
            trial.report(scores.mean(), epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return scores.mean()

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.GridSampler({"window_size": [4, 6, 8, 10]}, seed=0),
        pruner=optuna.pruners.SuccessiveHalvingPruner(1, 3),
    )
    study.optimize(objective)
    states = [trial.state.name for trial in study.trials]
    assert len(states) == 4
    assert {"PRUNED", "COMPLETE"} == set(states)
    pruned = [t for t in study.trials if t.state.name == "PRUNED"]
    assert all(len(t.intermediate_values) < 3 for t in pruned)


def test_scores_of_every_few_epochs_are_those_of_all(forecaster, data):
    every = list(score_epochs(forecaster, *data, cv=CV, n_epochs=5))
    second = list(score_epochs(forecaster, *data, cv=CV, n_epochs=5, every=2))
    assert_array_equal(second, [every[1], every[3], every[4]])
    for number in (0, True):
        with pytest.raises(ValueError, match="every must be an integer of at least 1"):
            score_epochs(forecaster, *data, cv=CV, every=number)

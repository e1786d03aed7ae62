"""scikit-learn's callbacks watch every fit: epochs, nets, forecasters, searches."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklstm import (
    ConformalForecaster,
    LSTMForecaster,
    LSTMRegressor,
    PanelTimeSeriesSplit,
)
from sklstm.datasets import make_panel

callback = pytest.importorskip("sklearn.callback")


class Watch:
    """Notes the path of each task that ends; asks to stop after some epochs."""

    max_propagation_depth = None

    def __init__(self, last=None):
        self.last, self.paths, self.events = last, [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append("begin")

    def on_fit_task_end(self, estimator, context):
        self.events.append("end")
        path, at = [], context
        while at is not None:
            path.insert(0, at.task_name)
            at = at.parent
        self.paths.append(tuple(path))
        return self.last == sum(name[-1] == "epoch" for name in self.paths)

    @property
    def n_epochs(self):
        return sum(path[-1] == "epoch" for path in self.paths)


@pytest.fixture
def y():
    return make_panel(3, 40, n_covariates=0, random_state=0)["target"]


def forecaster(**params):
    given = {"hidden_size": 2, "max_epochs": 3, "n_estimators": 2, "random_state": 0}
    return LSTMForecaster(2, **given | params)


def test_each_epoch_of_each_net_is_a_task(y):
    watch = Watch()
    model = forecaster().set_callbacks(watch).fit(None, y)
    assert watch.n_epochs == 2 * 3
    assert watch.events.count("begin") == watch.events.count("end")
    assert watch.events[0] == "setup"
    assert watch.events[-1] == "teardown"
    assert watch.events.count("setup") == 1
    # Being watched changes nothing, and nothing is left behind.
    assert_array_equal(model.forecast(), forecaster().fit(None, y).forecast())
    assert not [name for name in vars(model) if "callback_" in name or "ctx" in name]
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.forecast(), model.forecast())


@pytest.mark.parametrize("epochs", [{"max_epochs": "auto"}, {"max_epochs": 4}])
@pytest.mark.parametrize("stopping", [False, True, "refit"])
def test_the_epochs_of_every_kind_of_training_are_tasks(epochs, stopping):
    X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    watch = Watch()
    model = LSTMRegressor(hidden_size=2, early_stopping=stopping, random_state=0)
    model.set_params(**epochs).set_callbacks(watch).fit(X, X[:, -1])
    n_epochs = model.n_epochs_
    if stopping == "refit":
        n_epochs += len(model.validation_history_)
    assert watch.n_epochs == n_epochs


def test_a_search_shows_the_epochs_of_its_candidates(y):
    watch = Watch()
    cv = PanelTimeSeriesSplit(n_splits=2, horizon=2)
    search = GridSearchCV(forecaster(n_estimators=1), {"window_size": [4, 6]}, cv=cv)
    search.set_callbacks(watch).fit(y.to_frame()[[]], y)
    assert watch.n_epochs == (2 * 2 + 1) * 3
    assert watch.events.count("setup") == 1
    depths = {len(path) for path in watch.paths if path[-1] == "epoch"}
    assert min(depths) > 3


def test_a_conformal_forecaster_shows_both_of_its_fits(y):
    watch = Watch()
    model = ConformalForecaster(forecaster(n_estimators=1))
    clone(model).set_callbacks(watch).fit(None, y)
    assert watch.n_epochs == 2 * 3


def test_a_callback_ends_the_training(y):
    watch = Watch(last=2)
    model = forecaster(n_estimators=1, max_epochs=9).set_callbacks(watch).fit(None, y)
    assert model.forecaster_.estimator_[-1].n_epochs_ == 2
    assert model.forecast().notna().all()


def test_a_fit_that_was_ended_goes_on_from_its_checkpoint(y, tmp_path):
    given = {"n_estimators": 1, "max_epochs": 5, "checkpoint_dir": tmp_path}
    forecaster(**given).set_callbacks(Watch(last=2)).fit(None, y)
    watch = Watch()
    model = forecaster(**given).set_callbacks(watch).fit(None, y)
    assert watch.n_epochs == 3
    expected = forecaster(n_estimators=1, max_epochs=5).fit(None, y)
    assert_array_equal(model.forecast(), expected.forecast())


def test_an_error_is_told_and_leaves_the_model_as_it_was(y):
    class Fail(Watch):
        def on_fit_task_begin(self, estimator, context):
            super().on_fit_task_begin(estimator, context)
            if context.task_name == "epoch" and len(self.paths) == 1:
                raise RuntimeError("no")

    model, watch = forecaster().fit(None, y), Fail()
    before = model.forecast()
    with pytest.raises(RuntimeError, match="no"):
        model.set_callbacks(watch).fit(None, y)
    assert watch.events[-1] == "teardown"
    model.set_callbacks()
    assert_array_equal(model.forecast(), before)
    assert_array_equal(model.fit(None, y).forecast(), before)


def test_scores_are_recorded_epoch_by_epoch():
    X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    monitor = callback.ScoringMonitor(scoring="neg_mean_absolute_error")
    model = LSTMRegressor(hidden_size=4, max_epochs=5, lr=0.05, random_state=0)
    model.set_callbacks(monitor).fit(X, X[:, -1])
    logs = monitor.get_logs()
    scores = (logs[0] if isinstance(logs, list) else logs).data_as_pandas
    scores = scores["neg_mean_absolute_error"].to_numpy()
    error = np.abs(model.predict(X) - X[:, -1]).mean()
    assert len(scores) == 5
    np.testing.assert_allclose(scores[-1], -error, rtol=1e-5)
    assert scores[-1] > scores[0]

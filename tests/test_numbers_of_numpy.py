"""Numbers of numpy, as searches draw them, are parameters like any other."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV

from sklstm import (
    ContinualForecaster,
    LSTMForecaster,
    LSTMRegressor,
    PanelTimeSeriesSplit,
)
from sklstm.datasets import make_panel

PYTHON = {
    "hidden_size": 3,
    "num_layers": 2,
    "bidirectional": True,
    "dropout": 0.1,
    "batch_size": 7,
    "max_epochs": 2,
    "lr": 0.25,
    "grad_clip": 0.5,
    "head_hidden_size": 4,
    "validation_fraction": 0.25,
    "early_stopping": True,
    "random_state": 0,
}
NUMPY = {
    name: np.float32(value) if isinstance(value, float) else np.asarray(value)[()]
    for name, value in PYTHON.items()
}


def test_they_give_the_same_network(tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 4, 2))
    y = X[:, -1, 0]
    one, two = (
        LSTMRegressor(**PYTHON | params).fit(X, y).predict(X)
        for params in ({"dropout": float(np.float32(0.1))}, NUMPY)
    )
    assert_array_equal(one, two)
    model = LSTMRegressor(**NUMPY, checkpoint_dir=tmp_path).fit(X, y)
    assert isinstance(model.hidden_size, np.integer)
    assert_array_equal(model.predict(X), two)


@pytest.fixture
def y():
    return make_panel(4, 40, n_covariates=0, random_state=0)["target"]


def test_a_grid_over_a_range_of_numpy(y):
    forecaster = LSTMForecaster(
        np.int64(3), embedding_dim=np.int64(2), max_epochs=np.int64(1), n_estimators=1
    )
    search = GridSearchCV(
        forecaster,
        {"hidden_size": np.arange(3, 5), "window_size": np.arange(5, 7)},
        cv=PanelTimeSeriesSplit(n_splits=1, horizon=3),
        error_score="raise",
    )
    assert search.fit(y.to_frame()[[]], y).best_estimator_.forecast().shape == (12,)


def test_a_loop_over_data_sets_with_checkpoints(y, tmp_path):
    net = LSTMForecaster(3, hidden_size=np.int64(3), n_estimators=1, random_state=0)
    loop = ContinualForecaster(
        net.to_pipeline(),
        epochs=np.int64(2),
        checkpoint_dir=tmp_path,
        checkpoint_every=np.int64(1),
        lr_decay=np.float32(0.5),
    )
    assert loop.fit(None, y).forecast().notna().all()

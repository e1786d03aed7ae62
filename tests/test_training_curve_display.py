"""TrainingCurveDisplay: what is drawn is what was trained."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import LSTMForecaster, LSTMRegressor, TrainingCurveDisplay
from sklstm.datasets import make_panel


def test_each_network_of_a_forecaster_has_its_line():
    y = make_panel(3, 30, n_covariates=0, random_state=0)["target"]
    model = LSTMForecaster(2, hidden_size=2, max_epochs=3, n_estimators=2)
    model.fit(None, y)
    display = TrainingCurveDisplay.from_estimator(model)
    members = model.forecaster_.estimator_[-1].estimators_
    assert len(display.ax_.lines) == len(members) == 2
    for line, member in zip(display.ax_.lines, members, strict=True):
        assert_array_equal(line.get_xdata(), [1, 2, 3])
        assert_array_equal(line.get_ydata(), member.training_history_["train_loss"])
    assert [text.get_text() for text in display.ax_.texts] == ["training"]


def test_a_dot_marks_the_lowest_validation_loss():
    X = np.random.default_rng(0).normal(size=(60, 4, 1)).astype("float32")
    model = LSTMRegressor(2, max_epochs=6, early_stopping=True, random_state=0)
    pipeline = make_pipeline(model).fit(X, X[:, -1, 0])
    display = TrainingCurveDisplay.from_estimator(pipeline)
    _, valid, dot = display.ax_.lines
    history = pipeline[-1].training_history_
    assert_array_equal(valid.get_ydata(), history["valid_loss"])
    assert dot.get_ydata()[0] == history["valid_loss"].min()
    assert dot.get_xdata()[0] == 1 + history["valid_loss"].argmin()
    again = display.plot(display.ax_)
    assert again.figure_ is display.figure_


def test_an_estimator_without_a_network_is_refused():
    model = Ridge().fit([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(TypeError, match="Ridge holds no network"):
        TrainingCurveDisplay.from_estimator(model)

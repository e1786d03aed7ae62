"""A call that fails, at whatever point, leaves an estimator as it was, bit for bit."""

import copy
import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback

import sklstm
from sklstm import (
    ConformalForecaster,
    ContinualForecaster,
    LSTMRegressor,
    PanelForecaster,
    SeedEnsemble,
    SeriesEncoder,
    SeriesScaler,
    SlidingWindow,
)
from sklstm.datasets import make_panel

PACKAGE = str(Path(sklstm.__file__).parent)
N_INTERRUPTS = 8


class Interrupt(BaseException):
    """Stands for Ctrl-C."""


class InPlace(RegressorMixin, BaseEstimator):
    """Learns row by row in arrays that stay the same objects, and may stop half-way."""

    armed = False

    def fit(self, X, y):
        self.mean_ = np.zeros(np.shape(y)[1:])
        self.seen_ = []
        return self.partial_fit(X, y)

    def partial_fit(self, X, y):
        for row in np.asarray(y):
            self.seen_.append(row)
            self.mean_ += (row - self.mean_) / len(self.seen_)
            if InPlace.armed and len(self.seen_) % 50 == 0:
                raise RuntimeError("half-way")
        return self

    def predict(self, X):
        return np.tile(self.mean_, (len(X), *np.ones(self.mean_.ndim, dtype=int)))


class Bomb(Callback):
    """Interrupts training in a batch while it is armed."""

    armed = False

    def on_batch_end(self, net, training=False, **kwargs):
        if training and Bomb.armed:
            raise KeyboardInterrupt


def lstm(**params):
    defaults = {"max_epochs": 1, "random_state": 0, "device": "cpu"}
    return LSTMRegressor(3, **defaults | params)


def forecaster(regressor, **params):
    steps = make_pipeline(SeriesEncoder(), SlidingWindow(4), regressor)
    scaler = SeriesScaler()
    return PanelForecaster(steps, 2, target_transformer=scaler, **params)


MODELS = {
    "lstm": lambda: forecaster(lstm()),
    "context": lambda: forecaster(lstm(), history="context"),
    "ensemble": lambda: forecaster(SeedEnsemble(lstm(), 2, random_state=0)),
    "third party": lambda: PanelForecaster(
        make_pipeline(SlidingWindow(4, flat=True), InPlace()), 2
    ),
    "network of scikit-learn": lambda: PanelForecaster(
        make_pipeline(
            SlidingWindow(4, flat=True),
            MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0),
        ),
        2,
    ),
    "conformal": lambda: ConformalForecaster(forecaster(lstm())),
    "own": lambda: ContinualForecaster(forecaster(lstm()), on_forgetting="ignore"),
    "shared": lambda: ContinualForecaster(
        forecaster(lstm()), on_forgetting="ignore", preprocessing="shared"
    ),
}
LOOPS = {"own", "shared"}
METHODS = {
    "conformal": ["fit", "update"],
    **{
        name: ["fit", "partial_fit", "update"] for name in MODELS if name != "conformal"
    },
}
CASES = [(name, method) for name in MODELS for method in METHODS[name]]
ignore_convergence = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)


def panel(names=("a", "b"), n_rows=26):
    """A panel of data sets, its last 5 rows, and a data set that comes later."""
    rows = pd.concat(
        {name: make_panel(1, n_rows, random_state=i) for i, name in enumerate(names)},
        names=["region"],
    )
    return rows[["price"]], rows["target"]


def fitted(name):
    X, y = panel()
    late = is_late(X)
    return MODELS[name]().fit(X[~late], y[~late])


def is_late(X):
    levels = X.index.names[:-1]
    return X.groupby(levels).cumcount(ascending=False).to_numpy() < 5


def more(name, method):
    """Rows that a method of a model can learn next, new series among them."""
    X, y = panel("abc")
    old = X.index.isin(panel()[0].index)
    if name in LOOPS and method == "partial_fit":
        return X[~old], y[~old]
    rows = ~old | (is_late(X) & (method != "fit"))
    return X[rows], y[rows]


def state(model):
    """All that a user sees of a fitted forecaster."""
    X = model.history_.to_frame()[[]].assign(price=0.5)
    late = X[is_late(X)]
    ahead = model.forecast(2).to_frame()[[]].assign(price=0.5)
    seen = {
        "attributes": sorted(vars(model)),
        "parameters": repr(model.get_params()),
        "forecast": model.forecast(3),
        "predict": model.predict(ahead),
        "history": model.history_,
        "pickled": pickle.loads(pickle.dumps(model)).forecast(3),
        "features": (model.n_features_in_, list(model.feature_names_in_)),
    }
    try:
        seen["fitted values"] = model.predict(late)
    except ValueError as error:  # history="context"
        seen["fitted values"] = str(error)
    if hasattr(model, "stage_scores_"):
        seen |= {name: getattr(model, name) for name in ("stage_scores_", "stages_")}
        seen |= {"datasets": model.datasets_, "forgetting": model.forgetting_}
    if hasattr(model, "errors_"):
        seen["interval"] = model.predict_interval(ahead, 0.5)
    return seen


def assert_same_state(model, before):
    now = state(model)
    assert now.keys() == before.keys()
    for name, value in before.items():
        if isinstance(value, (pd.Series, pd.DataFrame)):
            assert value.equals(now[name]), name
        elif isinstance(value, np.ndarray):
            assert_array_equal(value, now[name], err_msg=name)
        else:
            assert value == now[name], name


def run_until(call, stop):
    """Make a call, and interrupt it when it enters its `stop`-th function of ours.

    Returns
    -------
    int
        The number of functions that were entered.
    """
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        if frame.f_code.co_filename.startswith(PACKAGE):
            count += 1
            if count == stop:
                raise Interrupt

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


# Interrupts.


@ignore_convergence
@pytest.mark.parametrize(("name", "method"), CASES)
def test_an_interrupt_at_any_point_changes_nothing(name, method):
    model = fitted(name)
    X, y = more(name, method)
    before = state(model)
    spared = copy.deepcopy(model)
    n_calls = run_until(lambda: getattr(spared, method)(X, y), None)
    for stop in np.linspace(2, n_calls, N_INTERRUPTS, dtype=int):
        with pytest.raises(Interrupt):
            run_until(lambda: getattr(model, method)(X, y), stop)
    assert_same_state(model, before)
    # And the next call ends as if the interrupts had not been.
    getattr(model, method)(X, y)
    assert not model.forecast(3).equals(before["forecast"])
    assert_same_state(model, state(spared))


@pytest.mark.parametrize("name", MODELS)
def test_an_interrupted_first_fit_leaves_an_unfitted_estimator(name):
    model = MODELS[name]()
    before = sorted(vars(model))
    with pytest.raises(Interrupt):
        run_until(lambda: model.fit(*panel()), 100)
    assert sorted(vars(model)) == before


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", ["lstm", "ensemble"])
def test_ctrl_c_in_a_batch_changes_nothing(monkeypatch, name, method):
    model = MODELS[name]()
    nested = "" if name == "lstm" else "estimator__"
    regressor = model.estimator.steps[-1][0]
    model.set_params(**{f"estimator__{regressor}__{nested}callbacks": [Bomb()]})
    X, y = panel()
    late = is_late(X)
    model.fit(X[~late], y[~late])
    before = state(model)
    monkeypatch.setattr(Bomb, "armed", True)
    with pytest.raises(KeyboardInterrupt):
        getattr(model, method)(*more(name, method))
    assert_same_state(model, before)


@pytest.mark.parametrize("folder", [None, "checkpoints"])
def test_ctrl_c_in_a_second_fit_of_a_loop_changes_nothing(
    monkeypatch, tmp_path, folder
):
    model = ContinualForecaster(forecaster(lstm(callbacks=[Bomb()])))
    model.set_params(on_forgetting="ignore", checkpoint_dir=folder and tmp_path)
    X, y = panel()
    model.fit(X, y)
    before = state(model)
    monkeypatch.setattr(Bomb, "armed", True)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y + 1)
    assert_same_state(model, before)


# Failures.


def test_a_regressor_that_fails_half_way_is_as_it_was(monkeypatch):
    model = fitted("third party")
    before = state(model)
    monkeypatch.setattr(InPlace, "armed", True)
    with pytest.raises(RuntimeError, match="half-way"):
        model.partial_fit(*more("third party", "partial_fit"))
    assert_same_state(model, before)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_an_ensemble_whose_member_fails_is_as_it_was(n_jobs):
    X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    y = X[:, -1]
    member = lstm(batch_size=8, training_mode="windowed")
    model = SeedEnsemble(member, 2, random_state=0).fit(X, y)
    model.set_params(n_jobs=n_jobs)
    before = model.predict(X)
    second = model.estimators_[1]
    second.set_params(lr=1e30, grad_clip=None)
    for method in ("partial_fit", "fit"):
        wrong = np.full_like(y, np.inf) if method == "fit" else y
        with pytest.raises(ValueError):  # noqa: PT011 - of the net, or of the values
            getattr(model, method)(X, wrong)
        assert_array_equal(model.predict(X), before)
        assert [member.n_epochs_ for member in model.estimators_] == [1, 1]


def test_members_that_train_in_place_are_as_they_were():
    class Fragile(InPlace):
        def __init__(self, random_state=None):
            self.random_state = random_state

        def partial_fit(self, X, y):
            super().partial_fit(X, y)
            if np.isnan(y).any():
                raise ValueError("y is not known")
            return self

    X, y = np.zeros((30, 2)), np.arange(30.0)
    model = SeedEnsemble(Fragile(), 2, random_state=0).fit(X, y)
    before = model.predict(X)
    with pytest.raises(ValueError, match="not known"):
        model.partial_fit(X, y * np.nan)
    assert_array_equal(model.predict(X), before)


def bad_inputs():
    X, y = panel()
    renamed, wider = X.rename(columns={"price": "cost"}), X.assign(promotion=1.0)
    return {
        "other columns": (wider, y * np.inf),
        "two targets": (renamed, np.c_[y, y * np.inf]),
        "no target": (renamed, y * np.nan),
        "text": (wider, y.astype(str) + "?"),
        "rows twice": (pd.concat([X, X]), pd.concat([y, y])),
        "no panel": (X.reset_index(), y),
        "lost rows": (X, y[:-1]),
    }


@pytest.mark.parametrize(
    ("name", "method"),
    [case for case in CASES if case[0] in {"lstm", "third party", "conformal", *LOOPS}],
)
def test_bad_input_changes_nothing(name, method):
    model = fitted(name)
    before = state(model)
    if isinstance(model, PanelForecaster):
        model.set_params(horizon=36, history="context", gaps="fill")
        before["parameters"] = repr(model.get_params())
    for X, y in bad_inputs().values():
        with pytest.raises((ValueError, TypeError)):
            getattr(model, method)(X, y)
        names = list(model.feature_names_in_)
        assert (model.n_features_in_, names) == before["features"]
    assert_same_state(model, before)


def test_a_data_set_that_fails_leaves_the_history_of_those_before_it():
    model = fitted("own")
    before = state(model)
    X, y = panel("abc")
    X, y = X[is_late(X)], y[is_late(X)].copy()
    y.loc["b"] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        model.update(X, y)
    assert_same_state(model, before)


def test_restore_of_another_file_changes_nothing(tmp_path):
    X, y = panel()
    model = MODELS["own"]().set_params(checkpoint_dir=tmp_path / "one").fit(X, y)
    other = MODELS["own"]().set_params(checkpoint_dir=tmp_path / "two")
    other.set_params(forecaster__estimator__lstmregressor__hidden_size=4).fit(X, y)
    before = state(model)
    for name in ("two/stage_000.npz", "two/none.npz"):
        with pytest.raises((ValueError, OSError)):
            model.restore(tmp_path / name)
        assert_same_state(model, before)
    model.restore(tmp_path / "one" / "stage_000.npz")
    assert not model.forecast(3).equals(before["forecast"])


# Parameters that were set after a fit.


def test_a_loop_goes_on_as_it_was_fitted_whatever_is_set_later():
    model, X, y = fitted("own"), *panel("abc")
    unset = copy.deepcopy(model)
    other = forecaster(lstm(), stride=2).set_params(horizon=3)
    model.set_params(preprocessing="shared", forecaster=other)
    rows = X.index.get_level_values(0) == "c"
    for loop in (model, unset):
        loop.update(X[rows], y[rows])
    assert model.forecast(3).equals(unset.forecast(3))


# What estimators share, and what they cost.


@pytest.mark.parametrize("name", MODELS)
@ignore_convergence
def test_a_deep_copy_shares_no_state(name):
    model = fitted(name)
    before, copied = state(model), copy.deepcopy(model)
    for method in METHODS[name][1:]:
        getattr(copied, method)(*more(name, method))
        copied = copy.deepcopy(model)
    assert_same_state(model, before)


def test_an_attribute_that_was_taken_out_keeps_its_state():
    model, X, y = fitted("lstm"), *more("lstm", "partial_fit")
    regressor, pipeline = model.estimator_[-1], model.estimator_
    epochs = regressor.n_epochs_
    model.partial_fit(X, y)
    assert regressor.n_epochs_ == epochs
    assert pipeline[-1] is regressor
    assert model.estimator_[-1].n_epochs_ == epochs + 1


def test_a_subclass_keeps_what_it_sets_and_loses_it_where_the_call_fails():
    class Counting(PanelForecaster):
        n_trained_ = 0

        def _train(self, *args):
            self.n_trained_ += 1
            super()._train(*args)
            if self.n_trained_ == 3:
                raise Interrupt

    X, y = panel()
    late = is_late(X)
    model = Counting(MODELS["lstm"]().estimator, 2).fit(X[~late], y[~late])
    model.partial_fit(X[late], y[late])
    assert model.n_trained_ == 2
    with pytest.raises(Interrupt):
        model.fit(X, y)
    assert model.n_trained_ == 2


def test_training_on_copies_no_rows():
    """What a partial_fit copies does not grow with the rows that were learned."""
    sizes = []
    for n_rows in (26, 260):
        model = MODELS["ensemble"]().fit(*panel(n_rows=n_rows))
        sizes.append(len(pickle.dumps(model.estimator_[-1])))
    assert sizes[1] < 1.1 * sizes[0]

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.dummy import DummyRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm.datasets import make_panel
from sklstm.metrics import (
    continuous_ranked_probability_score,
    interval_score,
    make_quantile_scorer,
    mean_quantile_loss,
)
from sklstm.model_selection import PanelTimeSeriesSplit


class Climate(RegressorMixin, BaseEstimator):
    """Quantiles of each series' past, spread around its median by a factor."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y):
        self.history_ = pd.DataFrame(np.asarray(y), index=X.index)
        return self

    def predict(self, X):
        return self._of_series(0.5, X)[:, 0]

    def predict_quantiles(self, X, quantiles=None):
        middle = self._of_series(0.5, X)
        parts = {
            q: middle + self.factor * (self._of_series(q, X) - middle)
            for q in quantiles or (0.1, 0.5, 0.9)
        }
        values = np.stack(list(parts.values()), axis=2).reshape(len(X), -1)
        columns = pd.Index(list(parts))
        if middle.shape[1] > 1:
            columns = pd.MultiIndex.from_product([self.history_.columns, columns])
        return pd.DataFrame(values, index=X.index, columns=columns)

    def _of_series(self, q, X):
        values = self.history_.groupby(level="series").quantile(q)
        return values.loc[X.index.get_level_values("series")].to_numpy()


@pytest.fixture
def folds():
    panel = make_panel(n_series=4, n_rows=60, freq=None, random_state=0)
    X, y = panel.drop(columns="target"), panel["target"]
    past = X.index.get_level_values("time") < 50
    order = np.random.default_rng(0).permutation((~past).sum())
    return X[past], y[past], X[~past].iloc[order], y[~past].iloc[order]


def bounds_score(y_true, y_quantiles):
    return interval_score(y_true, y_quantiles[[0.1, 0.9]], coverage=0.8)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("crps", continuous_ranked_probability_score),
        ("quantile_loss", mean_quantile_loss),
        (bounds_score, bounds_score),
        (mean_quantile_loss, mean_quantile_loss),
    ],
)
def test_score_is_the_negative_error(folds, name, metric):
    X, y, X_next, y_next = folds
    model = Climate().fit(X, y)
    error = metric(y_next, model.predict_quantiles(X_next))
    assert make_quantile_scorer(name)(model, X_next, y_next) == -error < 0


def test_score_is_the_crps_by_default(folds):
    X, y, X_next, y_next = folds
    model = Climate().fit(X, y)
    score = make_quantile_scorer()(model, X_next, y_next)
    assert score == make_quantile_scorer("crps")(model, X_next, y_next)


def test_forecaster_is_asked_for_the_given_quantiles(folds):
    X, y, X_next, y_next = folds
    model = Climate().fit(X, y)
    quantiles = np.array([0.05, 0.25, 0.75, 0.95])
    score = make_quantile_scorer(quantiles=quantiles)(model, X_next, y_next)
    forecasts = model.predict_quantiles(X_next, quantiles=tuple(quantiles))
    assert score == -continuous_ranked_probability_score(y_next, forecasts)


def test_rows_are_weighted(folds):
    X, y, X_next, y_next = folds
    model = Climate().fit(X, y)
    scorer = make_quantile_scorer()
    kept = np.arange(len(y_next)) % 2 == 0
    score = scorer(model, X_next, y_next, sample_weight=kept)
    assert score == pytest.approx(scorer(model, X_next[kept], y_next[kept]))


@pytest.mark.parametrize("as_array", [False, True])
def test_target_may_be_an_array_or_several(folds, as_array):
    X, y, X_next, y_next = folds
    scorer = make_quantile_scorer()
    both, both_next = (pd.DataFrame({"a": v, "b": 2 * v}) for v in (y, y_next))
    model = Climate().fit(X, both)
    score = scorer(model, X_next, both_next.to_numpy() if as_array else both_next)
    one = scorer(Climate().fit(X, y), X_next, y_next)
    assert score == pytest.approx(1.5 * one)


def test_target_in_another_row_order_raises(folds):
    X, y, X_next, y_next = folds
    model = Climate().fit(X, y)
    message = "y_true and y_quantiles must have the same index in the same order."
    with pytest.raises(ValueError, match=re.escape(message)):
        make_quantile_scorer()(model, X_next, y_next.sort_index())


@pytest.mark.parametrize(
    "wrap",
    [
        make_pipeline,
        lambda model: make_pipeline(StandardScaler(), model),
        lambda model: GridSearchCV(model, {}, cv=PanelTimeSeriesSplit(2)),
        lambda model: GridSearchCV(
            make_pipeline(StandardScaler(), model), {}, cv=PanelTimeSeriesSplit(2)
        ),
        lambda model: make_pipeline(
            StandardScaler(), GridSearchCV(model, {}, cv=PanelTimeSeriesSplit(2))
        ),
    ],
    ids=["alone", "pipeline", "search", "search of pipeline", "pipeline of search"],
)
def test_forecaster_is_found_inside_other_estimators(folds, wrap):
    X, y, X_next, y_next = folds
    scorer = make_quantile_scorer(quantiles=[0.2, 0.8])
    model = wrap(Climate())
    for step in getattr(getattr(model, "estimator", model), "steps", [])[:-1]:
        step[1].set_output(transform="pandas")
    model.fit(X, y)
    score = scorer(Climate().fit(X, y), X_next, y_next)
    assert scorer(model, X_next, y_next) == score
    assert scorer(FrozenEstimator(model), X_next, y_next) == score


@pytest.mark.parametrize("wrap", [lambda m: m, make_pipeline, FrozenEstimator])
def test_model_without_quantiles_raises(folds, wrap):
    X, y, X_next, y_next = folds
    model = wrap(DummyRegressor().fit(X, y))
    message = (
        f"{type(model).__name__} has no predict_quantiles. Use a PanelForecaster whose "
        "regressor has a quantile loss, an LSTMForecaster with quantiles, or a "
        "ConformalForecaster around any forecaster."
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        make_quantile_scorer()(model, X_next, y_next)


class Remembering(Climate):
    """A forecaster that knows nothing of the first row of a series."""

    def predict_quantiles(self, X, quantiles=None):
        table = super().predict_quantiles(X, quantiles)
        known = X.index.isin(self.history_.index)
        first = X.groupby(level="series").cumcount() == 0
        return table.mask(known & first)


@pytest.mark.parametrize("as_array", [False, True])
def test_first_rows_of_the_training_rows_are_not_scored(folds, as_array):
    X, y, _, _ = folds
    model = Remembering().fit(X, y)
    later = X.groupby(level="series").cumcount() > 0
    expected = make_quantile_scorer()(Climate().fit(X, y), X[later], y[later])
    weight = np.ones(len(y))
    y = y.to_numpy() if as_array else y
    assert make_quantile_scorer()(model, X, y) == expected
    score = make_quantile_scorer()(model, X, y, sample_weight=weight)
    assert score == expected


def test_other_rows_without_forecasts_raise(folds):
    X, y, X_next, y_next = folds

    class Gap(Climate):
        def predict_quantiles(self, X, quantiles=None):
            table = super().predict_quantiles(X, quantiles).sort_index()
            table.iloc[3] = np.nan
            return table.loc[X.index]

    message = (
        f"y_quantiles is not finite in 1 of {len(y_next)} rows; every row that is "
        "scored needs its forecasts."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        make_quantile_scorer()(Gap().fit(X, y), X_next, y_next)


def test_search_picks_the_honest_spread(folds):
    X, y, _, _ = folds
    search = GridSearchCV(
        Remembering(),
        {"factor": [0.0, 0.2, 1.0, 5.0]},
        cv=PanelTimeSeriesSplit(2, horizon=10),
        scoring=make_quantile_scorer(),
        error_score="raise",
        return_train_score=True,
    ).fit(X, y)
    assert search.best_params_ == {"factor": 1.0}
    assert (search.cv_results_["mean_test_score"] < 0).all()


def test_several_scorers_work_at_once(folds):
    X, y, _, _ = folds
    scoring = {name: make_quantile_scorer(name) for name in ("crps", "quantile_loss")}
    scoring["absolute"] = "neg_mean_absolute_error"
    cv = PanelTimeSeriesSplit(2, horizon=4)
    scores = cross_validate(
        Climate(), X, y, cv=cv, scoring=scoring, error_score="raise"
    )
    assert (scores["test_crps"] < scores["test_quantile_loss"]).all()


@pytest.mark.parametrize("copy", [clone, lambda s: pickle.loads(pickle.dumps(s))])
def test_scorer_survives_a_copy(folds, copy):
    X, y, X_next, y_next = folds
    model = Climate().fit(X, y)
    scorer = make_quantile_scorer("quantile_loss", quantiles=[0.2, 0.8])
    copied = copy(scorer) if copy is not clone else clone(scorer, safe=False)
    assert repr(copied) == repr(scorer)
    assert copied(model, X_next, y_next) == scorer(model, X_next, y_next)


def test_repr_is_the_call_that_made_it():
    for name in ("'crps'", "mean_quantile_loss"):
        for quantiles in ("None", "(0.1, 0.5)"):
            call = f"make_quantile_scorer({name}, quantiles={quantiles})"
            assert repr(eval(call)) == call


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"metric": "x"},
            "metric must be 'crps', 'quantile_loss' or a callable, got 'x'.",
        ),
        (
            {"quantiles": (0.5, 0.1)},
            "quantiles must ascend, each once; got (0.5, 0.1).",
        ),
    ],
)
def test_unknown_parameter_raises(parameters, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make_quantile_scorer(**parameters)

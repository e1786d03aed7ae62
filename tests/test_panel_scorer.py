import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import max_error, mean_absolute_error
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm.datasets import make_panel
from sklstm.metrics import (
    make_panel_scorer,
    mean_absolute_scaled_error,
    root_mean_squared_scaled_error,
    symmetric_mean_absolute_percentage_error,
    weighted_absolute_percentage_error,
)
from sklstm.model_selection import PanelTimeSeriesSplit

NAMES = ["mase", "rmsse", "smape", "wape"]


class Naive(RegressorMixin, BaseEstimator):
    """Repeat each series' last value, times a factor."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y):
        values = np.asarray(y)
        kind = pd.Series if values.ndim == 1 else pd.DataFrame
        self.history_ = kind(values, index=X.index)
        return self

    def predict(self, X):
        last = self.history_.groupby(level="series").last()
        return self.factor * last.loc[X.index.get_level_values("series")].to_numpy()


@pytest.fixture
def folds():
    """X and y of the past and of the next four times, two series with fewer rows."""
    panel = make_panel(n_series=4, n_rows=40, freq=None, random_state=0)
    time = panel.index.get_level_values("time")
    panel = panel[(time < 38) | panel.index.get_level_values("series").isin(["s0"])]
    X, y = panel.drop(columns="target"), panel["target"]
    past = X.index.get_level_values("time") < 34
    order = np.random.default_rng(0).permutation(past.sum())
    return X[past].iloc[order], y[past].iloc[order], X[~past], y[~past]


def mean_over_series(metric, y_true, y_pred):
    name = y_true.index.get_level_values("series")
    y_pred = np.asarray(y_pred)
    return np.mean(
        [metric(y_true[name == one], y_pred[name == one]) for one in name.unique()]
    )


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("mase", mean_absolute_scaled_error),
        ("rmsse", root_mean_squared_scaled_error),
    ],
)
def test_scaled_scores_take_their_scale_from_the_training_rows(folds, name, metric):
    X, y, X_next, y_next = folds
    forecaster = Naive(1.1).fit(X, y)
    scorer = make_panel_scorer(name, seasonal_period=7)
    y_pred = forecaster.predict(X_next)
    error = metric(y_next, y_pred, y_train=y, seasonal_period=7)
    assert scorer(forecaster, X_next, y_next) == -error


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("smape", symmetric_mean_absolute_percentage_error),
        ("wape", weighted_absolute_percentage_error),
        (mean_absolute_error, mean_absolute_error),
        (max_error, max_error),
    ],
)
def test_other_scores_are_averaged_over_series_or_taken_over_rows(folds, name, metric):
    X, y, X_next, y_next = folds
    forecaster = Naive().fit(X, y)
    y_pred = forecaster.predict(X_next)
    by_series = make_panel_scorer(name)(forecaster, X_next, y_next)
    by_rows = make_panel_scorer(name, average="rows")(forecaster, X_next, y_next)
    assert by_series == pytest.approx(-mean_over_series(metric, y_next, y_pred))
    assert by_rows == pytest.approx(-metric(y_next, y_pred))
    assert by_series != pytest.approx(by_rows)


@pytest.mark.parametrize("power", [1, 2])
def test_rows_average_scales_each_row_by_its_series(folds, power):
    X, y, X_next, y_next = folds
    forecaster = Naive().fit(X, y)
    ordered = y.sort_index().groupby(level="series")
    scale = (ordered.diff().abs() ** power).groupby(level="series").mean()
    error = np.abs(y_next - forecaster.predict(X_next)) ** power
    error /= scale[y_next.index.get_level_values("series")].to_numpy()
    scorer = make_panel_scorer({1: "mase", 2: "rmsse"}[power], average="rows")
    score = scorer(forecaster, X_next, y_next)
    assert score == pytest.approx(-(error.mean() ** (1 / power)))


@pytest.mark.parametrize("name", [*NAMES, mean_absolute_error])
@pytest.mark.parametrize("average", ["series", "rows"])
def test_unknown_true_values_are_not_scored(folds, name, average):
    X, y, X_next, y_next = folds
    forecaster = Naive().fit(X, y)
    scorer = make_panel_scorer(name, average=average)
    y_part = y_next.copy()
    y_part.iloc[::3] = np.nan
    known = y_part.notna()
    score = scorer(forecaster, X_next, y_part)
    assert score == pytest.approx(scorer(forecaster, X_next[known], y_next[known]))
    assert score != scorer(forecaster, X_next, y_next)


@pytest.mark.parametrize("name", [*NAMES, mean_absolute_error])
@pytest.mark.parametrize("average", ["series", "rows"])
def test_several_targets_are_averaged(folds, name, average):
    X, y, X_next, y_next = folds
    scorer = make_panel_scorer(name, average=average)
    both = scorer(
        Naive().fit(X, pd.DataFrame({"a": y, "b": y**2})),
        X_next,
        pd.DataFrame({"a": y_next, "b": y_next**2}),
    )
    each = [scorer(Naive().fit(X, y**power), X_next, y_next**power) for power in (1, 2)]
    assert both == pytest.approx(np.mean(each))


@pytest.mark.parametrize("name", [*NAMES, mean_absolute_error])
def test_targets_in_another_order_than_in_fit_raise(folds, name):
    X, y, X_next, y_next = folds
    fit = Naive().fit(X, y)
    fit.history_ = pd.DataFrame({"a": y, "b": y})
    message = "y has the columns ['b', 'a'], but fit saw ['a', 'b']."
    with pytest.raises(ValueError, match=re.escape(message)):
        make_panel_scorer(name)(fit, X_next, pd.DataFrame({"b": y_next, "a": y_next}))


@pytest.mark.parametrize("name", [*NAMES, mean_absolute_error])
def test_row_order_does_not_matter(folds, name):
    X, y, X_next, y_next = folds
    forecaster = Naive().fit(X, y)
    scorer = make_panel_scorer(name)
    order = np.random.default_rng(1).permutation(len(X_next))
    assert scorer(forecaster, X_next.iloc[order], y_next.iloc[order]) == pytest.approx(
        scorer(forecaster, X_next, y_next)
    )


def test_series_of_zeros_are_left_out_of_the_weighted_error(folds):
    X, y, X_next, y_next = folds
    forecaster = Naive().fit(X, y)
    scorer = make_panel_scorer("wape")
    zero = y_next.index.get_level_values("series") == "s1"
    with_zeros = scorer(forecaster, X_next, y_next.mask(zero, 0.0))
    assert with_zeros == scorer(forecaster, X_next[~zero], y_next[~zero])


def test_target_without_an_index_takes_that_of_x(folds):
    X, y, X_next, y_next = folds
    forecaster = Naive().fit(X, y)
    scorer = make_panel_scorer("mase")
    score = scorer(forecaster, X_next, y_next.to_numpy())
    assert score == scorer(forecaster, X_next, y_next)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda naive: make_pipeline(StandardScaler(), naive),
        lambda naive: GridSearchCV(naive, {}, cv=PanelTimeSeriesSplit(2)),
        lambda naive: TransformedTargetRegressor(naive),
        lambda naive: GridSearchCV(
            make_pipeline(StandardScaler(), TransformedTargetRegressor(naive)),
            {},
            cv=PanelTimeSeriesSplit(2),
        ),
    ],
    ids=["pipeline", "search", "transformed target", "all of them"],
)
def test_history_is_found_inside_other_estimators(folds, wrap):
    X, y, X_next, y_next = folds
    scorer = make_panel_scorer("mase")
    expected = scorer(Naive().fit(X, y), X_next, y_next)
    model = wrap(Naive())
    for step in getattr(getattr(model, "estimator", model), "steps", [])[:-1]:
        step[1].set_output(transform="pandas")
    model.fit(X, y)
    assert scorer(model, X_next, y_next) == expected
    assert scorer(FrozenEstimator(model), X_next, y_next) == expected


@pytest.mark.parametrize("n_targets", [1, 2])
def test_history_is_brought_back_to_units_of_y(folds, n_targets):
    X, y, X_next, y_next = folds
    if n_targets == 2:
        y, y_next = (pd.DataFrame({"a": v, "b": v**2}) for v in (y, y_next))
    model = TransformedTargetRegressor(Naive(), func=np.log, inverse_func=np.exp)
    scorer = make_panel_scorer("mase", seasonal_period=7)
    expected = pytest.approx(scorer(Naive().fit(X, y), X_next, y_next))
    assert scorer(model.fit(X, y), X_next, y_next) == expected
    assert scorer(FrozenEstimator(model), X_next, y_next) == expected


def test_record_of_training_is_no_history(folds):
    X, y, X_next, y_next = folds
    model = DummyRegressor().fit(X, y)
    model.history_ = pd.DataFrame({"train_loss": [2.0, 1.0]})
    message = (
        "The scale of the error comes from the history_ of a fitted forecaster, and "
        "DummyRegressor has none. Score a PanelForecaster, or use metric 'smape'"
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        make_panel_scorer("mase")(model, X_next, y_next)
    assert make_panel_scorer("smape")(model, X_next, y_next) < 0


@pytest.mark.parametrize("name", [*NAMES, mean_absolute_error])
def test_lost_index_raises(folds, name):
    X, y, X_next, y_next = folds

    class Anything(Naive):
        def predict(self, X):
            return np.ones(len(X))

    model = Anything().fit(X, y)
    message = "X must be a pandas object indexed by (series, time), got ndarray."
    with pytest.raises(TypeError, match=re.escape(message)):
        make_panel_scorer(name)(model, X_next.to_numpy(), y_next.to_numpy())
    score = make_panel_scorer(name)(model, X_next.to_numpy(), y_next)
    assert score == make_panel_scorer(name)(model, X_next, y_next)


def test_search_picks_the_factor_with_the_least_error(folds):
    X, y, _, _ = folds
    search = GridSearchCV(
        Naive(),
        {"factor": [0.1, 1.0, 10.0]},
        cv=PanelTimeSeriesSplit(2, horizon=4),
        scoring=make_panel_scorer("mase", seasonal_period=7),
        error_score="raise",
        return_train_score=True,
    ).fit(X, y)
    assert search.best_params_ == {"factor": 1.0}
    assert (search.cv_results_["mean_test_score"] < 0).all()


def test_several_scorers_work_at_once(folds):
    X, y, _, _ = folds
    cv = PanelTimeSeriesSplit(2, horizon=4)
    scoring = {name: make_panel_scorer(name) for name in NAMES}
    results = cross_validate(Naive(), X, y, cv=cv, scoring=scoring, error_score="raise")
    for (train, test), *scores in zip(
        cv.split(X), *(results[f"test_{name}"] for name in NAMES), strict=True
    ):
        model = Naive().fit(X.iloc[train], y.iloc[train])
        expected = [s(model, X.iloc[test], y.iloc[test]) for s in scoring.values()]
        assert scores == expected


@pytest.mark.parametrize("copy", [clone, lambda s: pickle.loads(pickle.dumps(s))])
def test_scorer_survives_a_copy(folds, copy):
    X, y, X_next, y_next = folds
    forecaster = Naive().fit(X, y)
    scorer = make_panel_scorer("rmsse", seasonal_period=7, average="rows")
    copied = copy(scorer) if copy is not clone else clone(scorer, safe=False)
    assert repr(copied) == repr(scorer)
    assert copied(forecaster, X_next, y_next) == scorer(forecaster, X_next, y_next)


def test_repr_is_the_call_that_made_it():
    for name in ("'mase'", "mean_absolute_error"):
        call = f"make_panel_scorer({name}, seasonal_period=7, average='rows')"
        assert repr(eval(call)) == call


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"metric": "x"},
            "metric must be 'mase', 'rmsse', 'smape', 'wape' or a callable, got 'x'.",
        ),
        (
            {"metric": "mase", "seasonal_period": 0},
            "seasonal_period == 0, must be >= 1.",
        ),
        (
            {"metric": "mase", "average": "macro"},
            "average must be 'series' or 'rows', got 'macro'.",
        ),
    ],
)
def test_unknown_parameter_raises(parameters, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make_panel_scorer(**parameters)

"""All parts in stock scikit-learn: pipelines, searches, cross-validation."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    LSTMRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeriesEncoder,
    SeriesKFold,
    SeriesScaler,
    SlidingWindow,
)


def make_forecaster():
    lstm = LSTMRegressor(hidden_size=4, max_epochs=2, random_state=0, device="cpu")
    return PanelForecaster(
        Pipeline(
            [
                ("scale", SeriesScaler()),
                ("series", SeriesEncoder()),
                ("window", SlidingWindow(4)),
                ("lstm", lstm),
            ]
        ),
        horizon=3,
        target_transformer=SeriesScaler(),
    )


GRID = {
    "estimator__window__window_size": [3, 6],
    "estimator__lstm__hidden_size": [4],
    "estimator__lstm__embedding_dim": [0, 2],
}


def make_panel_like(names, times):
    """A panel of unequal lengths under these labels and times."""
    rng = np.random.default_rng(0)
    tuples = [
        (*(n if isinstance(n, tuple) else (n,)), t)
        for i, n in enumerate(names)
        for t in times[3 * i :]
    ]
    index = pd.MultiIndex.from_tuples(tuples)
    index = index.set_names([f"level_{i}" for i in range(index.nlevels)])
    X = pd.DataFrame({"u": rng.normal(size=len(index))}, index=index)
    return X, X["u"].cumsum() + 10


PANELS = {
    "strings and dates": (
        ["x", "y", "z"],
        list(pd.date_range("2024-01-01", periods=30)),
    ),
    "integers and integers": ([7, 3, 11], list(range(100, 130))),
    "strings and periods": (
        ["x", "y", "z"],
        list(pd.period_range("2020-01", periods=30, freq="M")),
    ),
    "three levels": ([("p", 1), ("p", 2), ("q", 1)], list(range(30))),
}


@pytest.mark.parametrize("name", PANELS)
def test_a_search_runs_on_every_kind_of_panel(name):
    X, y = make_panel_like(*PANELS[name])
    search = GridSearchCV(
        make_forecaster(),
        GRID,
        cv=PanelTimeSeriesSplit(n_splits=2, horizon=3),
        scoring="neg_mean_absolute_error",
        return_train_score=True,
        error_score="raise",
    ).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert np.isfinite(search.cv_results_["mean_train_score"]).all()
    ahead = search.best_estimator_.forecast()
    assert len(ahead) == 9
    assert ahead.index.names == X.index.names
    with_columns = ahead.to_frame("u")
    assert_array_equal(search.predict(with_columns), ahead)


def test_two_jobs_give_the_scores_of_one(panel):
    X, y = panel[["price"]], panel["sales"]
    cv = PanelTimeSeriesSplit(n_splits=2, horizon=3)
    one, two = (
        GridSearchCV(make_forecaster(), GRID, cv=cv, n_jobs=n).fit(X, y) for n in (1, 2)
    )
    for key in ("split0_test_score", "split1_test_score"):
        assert_array_equal(one.cv_results_[key], two.cv_results_[key])


def test_no_fold_of_a_search_sees_its_future(panel):
    X, y = panel[["price"]], panel["sales"]
    cv = PanelTimeSeriesSplit(n_splits=3, horizon=3)
    for train, test in cv.split(X):
        after = X.index.get_level_values(1) > X.index[test].get_level_values(1).min()
        other_X, other_y = X.copy(), y.copy()
        other_X[after] = 1e3
        other_y[after] = -1e3
        first = X.index[test].get_level_values(1).min()
        rows = test[X.index[test].get_level_values(1) == first]
        forecasts = [
            make_forecaster().fit(a.iloc[train], b.iloc[train]).predict(a.iloc[rows])
            for a, b in ((X, y), (other_X, other_y))
        ]
        assert_array_equal(*forecasts)
        scores = [
            make_forecaster().fit(a.iloc[train], b.iloc[train]).predict(a.iloc[train])
            for a, b in ((X, y), (other_X, other_y))
        ]
        assert_array_equal(*scores)


def test_a_plain_pipeline_learns_any_y_of_the_rows(panel):
    X, y = panel[["price"]], panel["price"].groupby(level=0).shift().fillna(0.0)
    pipe = Pipeline(
        [
            ("scale", SeriesScaler()),
            ("series", SeriesEncoder()),
            ("window", SlidingWindow(4)),
            (
                "lstm",
                LSTMRegressor(
                    16, max_epochs=80, lr=0.02, random_state=0, embedding_dim=0
                ),
            ),
        ]
    ).fit(X, y)
    assert pipe.score(X, y) > 0.8
    assert pipe.predict(X).shape == y.shape


@pytest.mark.parametrize(
    "cv", [PanelTimeSeriesSplit(n_splits=2, horizon=4), SeriesKFold(n_splits=3)]
)
def test_a_plain_pipeline_is_cross_validated(panel, cv):
    X, y = panel[["price"]], panel["price"]
    # Series that are held out have no statistics of their own.
    scaler = SeriesScaler(handle_unknown="global")
    pipe = make_pipeline(
        scaler, SeriesEncoder("onehot"), SlidingWindow(4, flat=True), Ridge()
    )
    scores = cross_val_score(pipe, X, y, cv=cv, error_score="raise")
    assert np.isfinite(scores).all()


def test_test_folds_are_scored_with_the_context_of_their_training_rows(panel):
    X, y = panel[["price"]], panel["price"].groupby(level=0).shift(2).fillna(0.0)
    pipe = make_pipeline(SlidingWindow(4, flat=True), Ridge(alpha=1e-6))
    scores = cross_val_score(pipe, X, y, cv=PanelTimeSeriesSplit(2, horizon=4))
    assert scores.min() > 0.999


def test_the_forecaster_behind_other_steps(panel):
    X, y = panel[["price"]], panel["sales"]
    pipe = Pipeline([("z", StandardScaler()), ("forecast", make_forecaster())])
    pipe.set_output(transform="pandas")
    results = cross_validate(
        pipe, X, y, cv=PanelTimeSeriesSplit(2, horizon=3), error_score="raise"
    )
    assert np.isfinite(results["test_score"]).all()


def test_a_random_search_with_net_parameters(panel):
    X, y = panel[["price"]], panel["sales"]
    search = RandomizedSearchCV(
        make_forecaster(),
        {
            "estimator__lstm__optimizer__weight_decay": [0.0, 0.1],
            "target_transformer__method": ["standard", "minmax", "difference"],
            "estimator__scale": ["passthrough", SeriesScaler("robust")],
        },
        n_iter=3,
        cv=PanelTimeSeriesSplit(2, horizon=3),
        error_score="raise",
        random_state=0,
    ).fit(X, y)
    assert np.isfinite(search.best_score_)


def test_a_misspelt_nested_parameter_is_an_error_at_once(panel):
    search = GridSearchCV(make_forecaster(), {"estimator__lstm__hidden": [3]})
    with pytest.raises(ValueError, match="Invalid parameter 'hidden'"):
        search.fit(panel[["price"]], panel["sales"])


def test_set_output_and_global_pandas_output_pass_over_windows(panel):
    pipe = make_pipeline(SeriesScaler(), SlidingWindow(3)).set_output(
        transform="pandas"
    )
    windows = pipe.fit_transform(panel[["price"]])
    assert windows.shape == (len(panel), 3, 1)


def test_the_whole_forecaster_clones_and_pickles(panel):
    forecaster = make_forecaster()
    assert repr(clone(forecaster)) == repr(forecaster)
    fitted = forecaster.fit(panel[["price"]], panel["sales"])
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.forecast(), fitted.forecast())

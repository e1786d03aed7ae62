"""The target's past in the windows: for any regressor, and cut to what is read."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, PanelForecaster, SeedEnsemble, SlidingWindow
from sklstm.datasets import make_panel

VIEWS = [
    {},
    {"differences": 1, "level": "drop"},
    {"differences": (1, 7)},
    {"differences": (2, 11), "level": "relative", "clip": 1.0},
    {"level": "relative"},
]


@pytest.fixture
def y():
    y = make_panel(4, (25, 40), n_covariates=0, missing=0.1, random_state=0)["target"]
    return np.log(y)


def windows_of(y, size=5, **view):
    window = SlidingWindow(size, target="target", **view)
    return window.fit_transform(y.to_frame())


def expected_window(own, size, differences=(), level="keep", clip=None):
    """The inputs of the last row of a series, made row by row."""
    rows = []
    differences = np.atleast_1d(differences)
    season = max([*differences, 1])
    season = season if season > 1 else size
    for t in range(len(own) - size, len(own)):
        if t < 0:
            rows.append([0.0] * (len(differences) + (level != "drop")))
            continue
        row = [own[t] - own[t - d] if t >= d else 0.0 for d in differences]
        if level == "relative":
            row.append(own[t] - own[max(0, t - season + 1) : t + 1].mean())
        if clip is not None:
            row = list(np.clip(row, -clip, clip))
        rows.append(row + [own[t]] * (level == "keep"))
    return np.array(rows)


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_arrays_hold_the_differences_and_the_level(y, view):
    windows = np.asarray(windows_of(y, **view))
    for position in (0, 3, 12, 30, len(y) - 1):
        name, time = y.index[position]
        own = y[name].loc[:time].to_numpy()
        got = windows[position]
        assert_allclose(got, expected_window(own, 5, **view), atol=1e-5)


def test_a_missing_value_stays_missing_where_it_is_reached(y):
    y.iloc[10] = np.nan
    (windows,) = np.asarray(windows_of(y, 3, differences=2, level="drop")[[12]])
    assert_array_equal(np.isnan(windows[:, 0]), [True, False, True])


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("missing", [False, True])
def test_cut_windows_are_the_same_windows(y, view, missing):
    if missing:
        y = y.where(np.random.default_rng(0).random(len(y)) > 0.2)
    whole = windows_of(y, **view)
    for positions in ([3], [0, 17, 18, 40], [90, 5, 5], range(60, len(y))):
        some = whole[list(positions)]
        cut = some.cut(some.reach)
        assert_array_equal(np.asarray(cut), np.asarray(some))
        assert_array_equal(cut.lengths, some.lengths)
        assert_array_equal(cut.series, some.series)
        assert missing or len(cut.table.values) < len(whole.table.values)


def test_cut_windows_keep_the_known_rows_ahead(y):
    X = pd.DataFrame({"target": y, "price": np.arange(len(y), dtype=float)})
    window = SlidingWindow(3, target="target", known_covariates=["price"], flat=True)
    whole = window.fit_transform(X).with_steps(4)
    some = whole[[2, 20, len(y) - 2]]
    assert_array_equal(np.asarray(some.cut(0, 4)), np.asarray(some))
    assert np.isnan(np.asarray(some.cut(0, 3))).sum() > np.isnan(np.asarray(some)).sum()


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("periods", [None, (1,), (3, 7)])
@pytest.mark.parametrize("missing", [False, True])
def test_a_net_reads_no_row_beyond_its_reach(y, view, periods, missing):
    if missing:
        y = y.where(np.random.default_rng(0).random(len(y)) > 0.2)
    windows = windows_of(y, **view)
    net = LSTMRegressor(4, seasonal_periods=periods, max_epochs=1, random_state=0)
    net.fit(windows, np.nan_to_num(y.to_numpy()))
    some = windows[[14, 22, 23, 24, len(y) - 1]]
    assert net.past_reach_ >= windows.reach
    cut = some.cut(net.past_reach_)
    assert_array_equal(net.predict(cut), net.predict(some))


REGRESSORS = {
    "ridge": (Ridge(), {"flat": True}),
    "trees": (HistGradientBoostingRegressor(max_iter=5), {"flat": True}),
    "net": (LSTMRegressor(4, seasonal_periods=7, max_epochs=1, random_state=0), {}),
    "nets": (
        SeedEnsemble(LSTMRegressor(4, max_epochs=1), n_estimators=2, random_state=0),
        {},
    ),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_any_regressor_gets_them_and_forecasts_follow_the_level(name):
    y = make_panel(3, 60, n_covariates=0, level_spread=0, random_state=0)["target"]
    regressor, params = REGRESSORS[name]
    window = SlidingWindow(4, differences=(1, 7), level="drop", **params)
    model = PanelForecaster(make_pipeline(window, regressor), 3).fit(None, y)
    assert np.isfinite(model.forecast(8)).all()


def test_ridge_on_differences_is_ridge_on_differences_by_hand():
    y = make_panel(3, 60, n_covariates=0, random_state=0)["target"]
    window = SlidingWindow(2, differences=(1, 3), level="drop", flat=True)
    got = PanelForecaster(make_pipeline(window, Ridge()), 1).fit(None, y).forecast()
    rows, targets, last = [], [], []
    for _, own in y.groupby(level=0):
        own = np.float32(own.to_numpy()).astype(float)
        lag = {d: np.r_[np.zeros(d), own[d:] - own[:-d]] for d in (1, 3)}
        by_row = np.column_stack([lag[1], lag[3]])
        before = np.vstack([np.zeros((1, 2)), by_row[:-1]])
        flat = np.hstack([before, by_row])
        rows.append(flat[:-1])
        targets.append(own[1:])
        last.append(flat[-1])
    ridge = Ridge().fit(np.vstack(rows), np.concatenate(targets))
    assert_allclose(got, ridge.predict(np.array(last)), rtol=1e-4)


@pytest.mark.parametrize("history", ["all", "context"])
@pytest.mark.parametrize("name", ["ridge", "net"])
def test_the_memory_reaches_as_far_as_the_differences(name, history):
    y = make_panel(3, 60, n_covariates=0, random_state=0)["target"]
    late = y.groupby(level=0).cumcount(ascending=False).to_numpy() < 4
    regressor, params = REGRESSORS[name]
    window = SlidingWindow(4, differences=(1, 20), level="drop", **params)
    steps = make_pipeline(window, regressor)
    whole = PanelForecaster(steps, 3).fit(None, y[~late])
    other = PanelForecaster(steps, 3, history=history).fit(None, y[~late])
    for model in (whole, other):
        model.update(None, y[late])
    assert_array_equal(other.forecast(7), whole.forecast(7))
    assert history == "all" or len(other.history_) < len(whole.history_)


def test_arrays_without_the_target_raise():
    X = make_panel(2, 20, random_state=0)[["price"]]
    for view in ({"differences": 7}, {"level": "relative"}):
        windows = SlidingWindow(3, **view).fit_transform(X)
        with pytest.raises(
            ValueError, match="of the target's past, but no target. Name"
        ):
            np.asarray(windows)

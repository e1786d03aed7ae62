"""Training on parts of the data in turn, pass by pass."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import SGDRegressor
from sklearn.pipeline import make_pipeline

from sklstm import (
    LSTMForecaster,
    LSTMRegressor,
    PanelForecaster,
    SeriesEncoder,
    SeriesScaler,
    SlidingWindow,
)


class Recorder(RegressorMixin, BaseEstimator):
    """Keeps the windows and the targets of each call; its copies share the list."""

    calls: list = []  # noqa: RUF012

    def fit(self, X, y):
        self.calls.clear()
        return self.partial_fit(X, y)

    def partial_fit(self, X, y):
        self.calls.append(np.hstack([np.asarray(X), np.reshape(y, (len(y), -1))]))
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return np.zeros((len(X), 2))


def recorder(**params):
    steps = make_pipeline(
        SeriesScaler(), SlidingWindow(4, flat=True, shorten="pad"), Recorder()
    )
    return PanelForecaster(
        steps, horizon=2, target_transformer=SeriesScaler(), **params
    )


def lstm(**params):
    net = LSTMRegressor(hidden_size=4, max_epochs=6, random_state=0, device="cpu")
    steps = make_pipeline(SeriesEncoder(), SlidingWindow(4), net.set_params(**params))
    return PanelForecaster(
        steps, horizon=2, target_transformer=SeriesScaler(), history="context"
    )


@pytest.fixture(autouse=True)
def no_calls():
    Recorder.calls.clear()


@pytest.fixture
def Xy():
    """Four series of 30, 22, 26 and 18 days, on scales of their own."""
    rng = np.random.default_rng(0)
    frames = []
    for scale, (name, n_rows) in enumerate(
        {"a": 30, "b": 22, "c": 26, "d": 18}.items()
    ):
        index = pd.MultiIndex.from_product(
            [[name], pd.date_range("2024-01-01", periods=n_rows)],
            names=["series", "day"],
        )
        values = rng.normal(size=(n_rows, 2)) * 10**scale
        frames.append(pd.DataFrame(values, index, columns=["u", "y"]))
    table = pd.concat(frames)
    return table[["u"]], table["y"]


def by_series(X, y, *groups):
    names = X.index.get_level_values(0)
    return [(X[names.isin(list(g))], y[names.isin(list(g))]) for g in groups]


def by_time(X, y, *days):
    edges = [pd.Timestamp("2024-01-01"), *map(pd.Timestamp, days), pd.Timestamp.max]
    time = X.index.get_level_values(1)
    chosen = [(time >= a) & (time < b) for a, b in zip(edges, edges[1:], strict=False)]
    return [(X[rows], y[rows]) for rows in chosen]


def rows_of(calls):
    """The distinct lessons of some calls, in an order of their own."""
    return np.unique(np.vstack(calls).round(5), axis=0)


@pytest.mark.parametrize("history", ["all", "context"])
@pytest.mark.parametrize("first_pass", [False, True])
def test_parts_of_whole_series_teach_what_a_fit_on_all_does(Xy, history, first_pass):
    parts = by_series(*Xy, "a", "cd", "b")
    recorder().fit(*Xy)
    expected = rows_of(Recorder.calls)
    Recorder.calls.clear()
    model = recorder(history=history)
    for part in parts if first_pass else []:
        model.learn_statistics(*part)
    for _ in range(2):
        for part in parts:
            model.partial_fit(*part)
    assert len(Recorder.calls) == 6
    for calls in (Recorder.calls[:3], Recorder.calls[3:]):
        assert_allclose(rows_of(calls), expected)


def test_a_pass_over_later_rows_teaches_the_same_again_with_all_of_history(Xy):
    parts = by_time(*Xy, "2024-01-09", "2024-01-16")
    model = recorder()
    for _ in range(3):
        for part in parts:
            model.partial_fit(*part)
    first, second, third = (Recorder.calls[i : i + 3] for i in (0, 3, 6))
    for one, two in zip(second, third, strict=True):
        assert_array_equal(one, two)
    # Targets that come in the next part are not known in the first pass.
    known = [np.isfinite(call).all(axis=1) for call in first]
    for one, two, rows in zip(first, second, known, strict=True):
        assert rows.all()
        assert {*map(tuple, one.round(5))} <= {*map(tuple, two.round(5))}
    pd.testing.assert_series_equal(model.history_, Xy[1])


def test_rows_that_come_again_read_none_from_beyond_a_gap(Xy):
    """Their past is not remembered: windows are padded, as at the start of a series."""
    X, y = Xy
    parts = by_time(X, y, "2024-01-06", "2024-01-16")
    model = recorder(history="context", freq="D")
    for part in parts:
        model.partial_fit(*part)
    history = model.history_
    model.partial_fit(*parts[1])
    alone = Recorder.calls[-1]
    assert (alone[:, :8] == 0).any()
    transform = model.target_transformer_
    known = np.unique(np.ravel(transform.transform(parts[1][1].to_frame())).round(5))
    own = alone[:, [1, 3, 5, 7, 8, 9]].round(5)
    assert np.isin(own[own != 0], known).all()
    pd.testing.assert_series_equal(model.history_, history)


@pytest.mark.parametrize("gaps", ["keep", "fill"])
def test_a_part_may_hold_rows_of_before_and_later_ones(Xy, gaps):
    X, y = Xy
    (early, early_y), _ = by_time(X, y, "2024-01-12")
    model = recorder(gaps=gaps).partial_fit(early, early_y)
    model.partial_fit(X, y)
    pd.testing.assert_series_equal(model.history_, y)
    taught = rows_of(Recorder.calls[-1:])
    model.partial_fit(X, y)
    assert_allclose(rows_of(Recorder.calls[-1:]), taught)
    assert len(Recorder.calls[-1]) == len(y) - 2 * 4  # the ends of four series


def test_with_all_of_history_rows_before_the_end_must_be_remembered(Xy):
    late, late_y = by_time(*Xy, "2024-01-12")[1]
    model = recorder().partial_fit(late, late_y)
    before = model.history_
    with pytest.raises(ValueError, match="44 row.s. of X come before .*not remembered"):
        model.partial_fit(*Xy)
    pd.testing.assert_series_equal(model.history_, before)


def test_a_first_pass_learns_the_statistics_and_labels_of_all(Xy):
    whole = lstm().fit(*Xy)
    model = lstm()
    for part in by_series(*Xy, "bd", "a", "c"):
        model.learn_statistics(*part)
    model.partial_fit(*by_series(*Xy, "a")[0])
    labels = model.estimator_[-1].embeddings_["series"].index
    assert sorted(labels) == ["a", "b", "c", "d"]
    assert len(model.history_.index.unique(0)) == 1
    model.partial_fit(*by_series(*Xy, "bcd")[0])
    got, expected = (
        m.target_transformer_.transform(Xy[1].to_frame()) for m in (model, whole)
    )
    assert_allclose(got, expected)
    assert model.settling_rows_ == whole.settling_rows_


def test_memory_does_not_grow_with_passes(Xy):
    model = lstm()
    parts = by_series(*Xy, "ab", "cd")
    for part in parts:
        model.learn_statistics(*part)
    sizes = []
    for _ in range(3):
        for part in parts:
            sizes.append(len(model.partial_fit(*part).history_))
    assert sizes[1:] == [sizes[1]] * 5
    assert sizes[1] < len(Xy[1]) / 2


@pytest.mark.parametrize("schedule", ["cosine", "step", None])
def test_the_learning_rate_falls_over_all_passes(Xy, schedule):
    model, whole = lstm(lr_schedule=schedule), lstm(lr_schedule=schedule)
    parts = by_series(*Xy, "ab", "cd")
    for _ in range(3):
        for part in parts:
            model.partial_fit(*part)
    rates = [
        m.estimator_[-1].net_.history[:, "event_lr"] if schedule else [3e-3] * 6
        for m in (model, whole.fit(*Xy))
    ]
    assert_allclose(*rates)


def test_after_a_fit_each_call_starts_at_the_full_rate(Xy):
    model = lstm().fit(*by_series(*Xy, "ab")[0])
    for _ in range(2):
        model.partial_fit(*by_series(*Xy, "cd")[0])
    assert_allclose(model.estimator_[-1].net_.history[-2:, "event_lr"], 3e-3)


def test_passes_over_parts_learn_as_passes_over_all_do(Xy):
    """What comes next is the covariate of today, which the net has to find."""
    X, _ = Xy
    X = SeriesScaler().set_output(transform="pandas").fit_transform(X)
    y = X["u"].groupby(level=0).shift(1).fillna(0).rename("y")
    whole = lstm(lr=0.03, max_epochs=40).set_params(history="all")
    model = clone(whole).set_params(estimator__lstmregressor__max_epochs=80)
    parts = by_series(X, y, "ab", "cd")
    for part in parts:
        model.learn_statistics(*part)
    for part in parts * 40:
        model.partial_fit(*part)
    for fitted in (model, whole.fit(X, y)):
        assert np.corrcoef(fitted.predict(X), y)[0, 1] > 0.9


def test_learn_statistics_comes_first_and_a_fit_begins_anew(Xy):
    a, cd = by_series(*Xy, "a", "cd")
    model = lstm().learn_statistics(*a)
    with pytest.raises(Exception, match="not fitted"):
        model.predict(a[0])
    model.fit(*cd)
    with pytest.raises(ValueError, match="before the first partial_fit"):
        model.learn_statistics(*a)
    expected = lstm().fit(*cd)
    assert_array_equal(model.forecast(), expected.forecast())


def test_an_interrupted_part_changes_nothing(Xy, monkeypatch):
    ab, cd = by_series(*Xy, "ab", "cd")
    model, other = (lstm().learn_statistics(*ab).partial_fit(*ab) for _ in range(2))

    def stop(self, *args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LSTMRegressor, "partial_fit", stop)
        for part in (ab, cd):
            with pytest.raises(KeyboardInterrupt):
                model.partial_fit(*part)
    for part in (ab, cd):
        model.partial_fit(*part), other.partial_fit(*part)
    assert_array_equal(model.forecast(), other.forecast())


def test_rows_may_come_again_in_another_time_zone(Xy):
    X, y = (part.tz_localize("Europe/Paris", level=1) for part in Xy)
    model = recorder().partial_fit(X, y)
    again = [part.tz_convert("Asia/Tokyo", level=1) for part in (X, y)]
    model.partial_fit(*again)
    assert_array_equal(*Recorder.calls)
    pd.testing.assert_series_equal(model.history_, y)


def test_unknown_values_at_the_end_of_a_part_are_no_targets(Xy):
    X, y = Xy
    y = y.where(X.groupby(level=0).cumcount(ascending=False) > 2)
    model = recorder()
    for _ in range(2):
        model.partial_fit(X, y)
    assert_array_equal(*Recorder.calls)


def test_a_part_without_any_known_value_is_refused(Xy):
    (X, y), (later, later_y) = by_series(*Xy, "ab", "cd")
    model = recorder().partial_fit(X, y)
    for rows, values in ((X, y), (later, later_y)):
        with pytest.raises(ValueError, match="No row of y can be learned"):
            model.partial_fit(rows, values * np.nan)
    pd.testing.assert_series_equal(model.history_, y)


def test_regressors_of_one_output_learn_in_parts(Xy):
    X, y = Xy
    steps = make_pipeline(SlidingWindow(4, flat=True), SGDRegressor(random_state=0))
    model = PanelForecaster(steps, horizon=2, target_transformer=SeriesScaler())
    for part in by_series(X[[]], y, "ab", "cd") * 2:
        model.partial_fit(*part)
    assert len(model.forecast()) == 8


@pytest.mark.parametrize("theta_weight", [0, "auto"])
def test_the_front_door_learns_in_parts(Xy, theta_weight):
    X, y = Xy
    model = LSTMForecaster(
        2,
        window_size=5,
        hidden_size=4,
        embedding_dim=2,
        max_epochs=4,
        n_estimators=2,
        theta_weight=theta_weight,
        history="context",
        random_state=0,
    )
    parts = by_series(X[[]], y, "ab", "cd")
    for part in parts:
        model.learn_statistics(*part)
    assert not hasattr(model, "forecaster_")
    for part in parts * 2:
        model.partial_fit(*part)
    assert model.forecast().notna().all()
    # The Theta method reads more rows than there are.
    assert (len(model.history_) < len(y)) == (theta_weight == 0)
    net = model.forecaster_.estimator_[-1].estimators_[1]
    assert net.n_epochs_ == 4
    assert sorted(net.embeddings_["series"].index) == ["a", "b", "c", "d"]

"""Splitters that draw rows are refused by name; cuts by time or by series work."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor, StackingRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import Ridge, SGDRegressor
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    KFold,
    ShuffleSplit,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
    learning_curve,
    train_test_split,
    validation_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import PanelForecaster, PanelTimeSeriesSplit, SeriesKFold, SlidingWindow
from sklstm._panels.random_holes import check_not_drawn
from sklstm._panels.rows import read_rows

CV = PanelTimeSeriesSplit(n_splits=2, horizon=3)
NAMED = "cv=PanelTimeSeriesSplit"


def plain():
    return make_pipeline(SlidingWindow(4, flat=True), Ridge())


def forecaster():
    return PanelForecaster(plain(), horizon=3)


@pytest.fixture
def Xy(panel):
    return panel[["price"]], panel["sales"]


@pytest.fixture
def even(Xy):
    """Series of one length."""
    return tuple(part.groupby(level=0).head(22) for part in Xy)


@pytest.fixture
def by_time(panel):
    panel = panel.sort_index(level=["date", "store"])
    return panel[["price"]], panel["sales"]


def messages_of(call):
    """What a user reads: the error, or the warnings about scores of nan."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            scores = call()
        except ValueError as error:
            return [str(error)]
    assert np.isnan(scores).any(), f"it scores {scores}"
    return [str(warning.message) for warning in caught]


DRAWN = {
    "KFold shuffled": KFold(3, shuffle=True, random_state=0),
    "ShuffleSplit": ShuffleSplit(2, random_state=0),
}
BY_POSITION = {"3": 3, "KFold": KFold(4), "TimeSeriesSplit": TimeSeriesSplit(2)}


class TestHabits:
    @pytest.mark.parametrize(
        ("rows", "cv"),
        [
            *[("Xy", cv) for cv in [*DRAWN, *BY_POSITION]],
            # Sorted by time, rows are split by time by TimeSeriesSplit.
            *[("by_time", cv) for cv in [*DRAWN, "3", "KFold"]],
        ],
    )
    def test_a_forecaster_names_what_cuts_by_time(self, request, rows, cv):
        X, y = request.getfixturevalue(rows)
        cv = {**DRAWN, **BY_POSITION}[cv]
        found = messages_of(lambda: cross_val_score(forecaster(), X, y, cv=cv))
        assert found
        assert all(NAMED in message for message in found)

    @pytest.mark.parametrize("cv", DRAWN)
    @pytest.mark.parametrize("rows", ["Xy", "by_time"])
    def test_a_plain_pipeline_names_it_too(self, request, rows, cv):
        X, y = request.getfixturevalue(rows)
        found = messages_of(lambda: cross_val_score(plain(), X, y, cv=DRAWN[cv]))
        assert found
        assert all(NAMED in message for message in found)

    @pytest.mark.parametrize("make", [forecaster, plain])
    def test_train_test_split(self, Xy, make):
        train_X, _, train_y, _ = train_test_split(*Xy, random_state=0)
        with pytest.raises(ValueError, match=NAMED):
            make().fit(train_X, train_y)

    def test_rows_that_a_forecaster_filled_in_are_not_scored(self, Xy):
        """Trained with holes that it knows of, it would give one-step fitted values."""
        X, y = Xy
        held_out = np.random.default_rng(0).random(len(X)) < 0.2
        held_out &= X.groupby(level=0).cumcount().to_numpy() > 0
        held_out &= X.groupby(level=0).cumcount(ascending=False).to_numpy() > 0
        trees = HistGradientBoostingRegressor(max_iter=2)
        steps = make_pipeline(SlidingWindow(4, flat=True), trees)
        model = PanelForecaster(steps, horizon=3, gaps="fill")
        model.fit(X[~held_out], y[~held_out])
        assert np.isfinite(model.predict(X[~held_out])).all()
        with pytest.raises(ValueError, match=NAMED):
            model.score(X[held_out], y[held_out])

    @pytest.mark.parametrize("make", [forecaster, plain])
    def test_halving_by_n_samples(self, even, make):
        name = "estimator__ridge__alpha" if make is forecaster else "ridge__alpha"
        search = HalvingGridSearchCV(
            make(), {name: [0.1, 1, 10]}, cv=CV, min_resources=45, random_state=0
        )
        with pytest.raises(ValueError, match=NAMED):
            search.fit(*even)

    @pytest.mark.parametrize("shuffle", [False, True])
    def test_learning_curve(self, even, shuffle):
        def curve():
            return learning_curve(forecaster(), *even, cv=CV, shuffle=shuffle)[2]

        assert all(NAMED in message for message in messages_of(curve))

    def test_folds_that_are_predicted_or_stacked(self, Xy):
        for call in (
            lambda: cross_val_predict(forecaster(), *Xy, cv=3),
            lambda: StackingRegressor([("lstm", forecaster())], cv=3).fit(*Xy),
        ):
            with pytest.raises(ValueError, match=NAMED):
                call()

    def test_series_held_out_of_a_forecaster(self, Xy):
        X, y = Xy
        series = X.index.codes[0]
        for cv, groups in ((SeriesKFold(3), None), (GroupKFold(3), series)):
            found = messages_of(
                lambda cv=cv, groups=groups: cross_val_score(
                    forecaster(), X, y, cv=cv, groups=groups
                )
            )
            assert all(NAMED in message for message in found)


class TestWhatIsRightWorks:
    @pytest.mark.parametrize("make", [forecaster, plain])
    @pytest.mark.parametrize("rows", ["Xy", "by_time"])
    def test_cut_by_time(self, request, make, rows):
        X, y = request.getfixturevalue(rows)
        name = "estimator__ridge__alpha" if make is forecaster else "ridge__alpha"
        search = GridSearchCV(
            make(), {name: [0.1, 1]}, cv=CV, return_train_score=True
        ).fit(X, y)
        for kind in ("train", "test"):
            assert np.isfinite(search.cv_results_[f"mean_{kind}_score"]).all()
        curve = validation_curve(make(), X, y, param_name=name, param_range=[1], cv=CV)
        assert np.isfinite(curve).all()

    def test_whole_series_held_out_of_a_plain_pipeline(self, Xy):
        X, y = Xy
        scores = cross_val_score(plain(), X, y, cv=SeriesKFold(3))
        groups = cross_val_score(
            plain(), X, y, cv=GroupKFold(3), groups=X.index.codes[0]
        )
        assert np.isfinite(scores).all()
        assert sorted(scores) == sorted(groups)

    def test_one_series_is_split_by_time_series_split(self, Xy):
        X, y = (part.loc[["a"]] for part in Xy)
        scores = cross_val_score(forecaster(), X, y, cv=TimeSeriesSplit(3))
        assert np.isfinite(scores).all()

    @pytest.mark.parametrize("make", [forecaster, plain])
    def test_complete_rows_in_any_order(self, Xy, make):
        X, y = Xy
        order = np.random.default_rng(0).permutation(len(X))
        make().fit(X.iloc[order], y.iloc[order]).predict(X.iloc[order])

    def test_holes_that_are_told_of(self, Xy):
        X, y = Xy
        kept = np.random.default_rng(0).permutation(len(X))[:70]
        drawn = X.iloc[kept], y.iloc[kept]
        with pytest.raises(ValueError, match=r"sort them: X = X.sort_index\(\)"):
            forecaster().fit(*drawn)
        forecaster().fit(*(part.sort_index() for part in drawn))

    @pytest.mark.parametrize("method", ["update", "partial_fit"])
    def test_later_rows_in_any_order_whatever_was_lost(self, Xy, method):
        """They continue a history, as no training fold does."""
        X, y = Xy
        late = X.groupby(level=0).cumcount(ascending=False) < 12
        kept = np.random.default_rng(0).permutation(np.flatnonzero(late))[:25]
        drawn = X.iloc[kept], y.iloc[kept]
        assert is_refused(drawn[0])
        steps = make_pipeline(SlidingWindow(4, flat=True), SGDRegressor(random_state=0))
        model = PanelForecaster(steps, freq="D")
        first, second = (clone(model).fit(X[~late], y[~late]) for _ in range(2))
        getattr(first, method)(*drawn)
        getattr(second, method)(*(part.sort_index() for part in drawn))
        pd.testing.assert_series_equal(first.forecast(), second.forecast())


class TestRowsBetween:
    """A plain pipeline keeps the ends of its series, and knows what lay between."""

    def test_rows_that_fit_did_not_see_are_named(self, Xy):
        X, _ = Xy
        hole = X.index[[37]]
        window = SlidingWindow(5).fit(X.drop(hole))
        message = (
            "1 row(s) of X lie between rows of fit, and were not given to it: ('a', "
            "2024-02-07). Their windows would lack the rows around them."
        )
        for rows in (X, X[::-1], X.loc[hole]):
            with pytest.raises(ValueError, match=re.escape(message)):
                window.transform(rows)

    def test_rows_of_fit_and_later_ones_pass(self, Xy):
        X, _ = Xy
        late = X.groupby(level=0).cumcount(ascending=False) < 3
        window = SlidingWindow(5).fit(X[~late])
        for rows in (X, X[~late], X[late], X[-4:], X[~late][::-1], X.loc[["b"]]):
            assert len(window.transform(rows)) == len(rows)


class TestStepsThatMoveRows:
    """They would part X from y without a word."""

    @pytest.mark.parametrize("make", [forecaster, plain])
    @pytest.mark.parametrize(
        "step",
        [lambda X: X[::-1], lambda X: X.sort_values("price"), lambda X: X[1:]],
        ids=["reverse", "sort", "drop"],
    )
    def test_they_are_refused(self, Xy, make, step):
        model, moves = make(), ("moves", FunctionTransformer(step))
        steps = model.estimator.steps if isinstance(model, PanelForecaster) else None
        (model.steps if steps is None else steps).insert(0, moves)
        message = "A step that drops, adds or reorders rows must not be in a pipeline"
        with pytest.raises(ValueError, match=message):
            model.fit(*Xy)

    def test_rows_dropped_in_predict_alone(self, Xy):
        X, y = Xy
        steps = make_pipeline(
            FunctionTransformer(lambda X: X.dropna()),
            SlidingWindow(4, flat=True),
            Ridge(),
        )
        late = X.groupby(level=0).cumcount(ascending=False) < 3
        model = PanelForecaster(steps, horizon=3).fit(X[~late], y[~late])
        with pytest.raises(
            ValueError,
            match=r"the regressor returned \d+ rows for \d+ rows",
        ):
            model.predict(X[late].where(np.arange(9)[:, None] != 4))

    def test_labels_may_change(self, Xy):
        X, y = Xy
        step = FunctionTransformer(lambda X: X.rename(index=lambda s: s + "x", level=0))
        expected = plain().fit(X, y).predict(X)
        assert_array_equal(make_pipeline(step, *plain()).fit(X, y).predict(X), expected)

    def test_y_in_another_order(self, Xy):
        X, y = Xy
        with pytest.raises(ValueError, match=r"by position, pass y.to_numpy\(\)"):
            plain().fit(X, y.sample(frac=1, random_state=0))


def grid(n_series, n_times, freq):
    time = pd.date_range("2024-01-01", periods=n_times, freq=freq)
    index = pd.MultiIndex.from_product([range(n_series), time], names=["s", "t"])
    return pd.DataFrame(index=index)


def is_refused(X):
    try:
        check_not_drawn(read_rows(X))
    except ValueError:
        return True
    return False


class TestRates:
    """How often random splits are noticed, and how seldom honest data are."""

    @pytest.mark.parametrize("freq", ["D", "B", "h", "MS"])
    @pytest.mark.parametrize("test_size", [0.1, 0.25, 0.5])
    @pytest.mark.parametrize("shape", [(1, 200), (3, 60), (100, 12)])
    def test_drawn_rows_are_noticed(self, shape, test_size, freq):
        X = grid(*shape, freq)
        for seed in range(10):
            drawn, _ = train_test_split(X, test_size=test_size, random_state=seed)
            assert is_refused(drawn)

    @pytest.mark.parametrize(
        "kept",
        [
            lambda t: t.hour < 18,
            lambda t: t.hour % 8 < 6,
            lambda t: t.day_of_week < 5,
            lambda t: (t.day_of_year < 3) | (t.day_of_year > 8),
        ],
        ids=["nights", "shifts", "weekends", "outage"],
    )
    @pytest.mark.parametrize("n_series", [1, 5])
    def test_nights_weekends_and_outages_are_not(self, n_series, kept):
        X = grid(n_series, 600, "h")
        X = X[kept(X.index.get_level_values("t"))]
        for seed in range(5):
            assert not is_refused(X.sample(frac=1, random_state=seed))

    def test_days_without_any_row_are_not(self):
        X = grid(5, 300, "D")
        X = X[~X.index.get_level_values("t").isin(X.index.levels[1][[9, 50, 77, 130]])]
        assert not is_refused(X.sample(frac=1, random_state=0))

    @pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
    def test_sorted_rows_never_are_whatever_was_lost(self, share):
        X = grid(4, 200, "D")
        X = X[np.random.default_rng(0).random(len(X)) > share]
        assert not is_refused(X)
        assert not is_refused(X.sort_index(level=["t", "s"]))
        assert not is_refused(X[::-1])


def test_a_step_that_sorts_the_rows_of_predict_is_refused():
    """In fit its rows are in order; in predict rows ahead stand behind all others."""
    index = pd.MultiIndex.from_product([["a", "b"], range(20)])
    X = pd.DataFrame({"u": np.arange(40.0)}, index=index)
    y = X["u"] % 7
    later = X.groupby(level=0).cumcount() >= 17
    steps = make_pipeline(
        FunctionTransformer(lambda X: X.sort_index()),
        SlidingWindow(4, flat=True),
        Ridge(),
    )
    model = PanelForecaster(steps, horizon=3).fit(X[~later], y[~later])
    with pytest.raises(ValueError, match="rows of X in another order"):
        model.predict(X[later])

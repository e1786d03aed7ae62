import re

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import StackingRegressor
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, check_cv

from sklstm.datasets import make_panel
from sklstm.model_selection import PanelTimeSeriesSplit, SeriesKFold

SPLITTERS = [
    PanelTimeSeriesSplit(3, horizon=2),
    PanelTimeSeriesSplit(3, horizon=2, align="end"),
    PanelTimeSeriesSplit(2, horizon=3, gap=2, step=1, max_train_size=9),
    PanelTimeSeriesSplit(2, horizon=3, gap=2, step=1, max_train_size=9, align="end"),
]
ALL = [*SPLITTERS, SeriesKFold(3), SeriesKFold(3, shuffle=True, random_state=0)]


@pytest.fixture(params=["sorted", "shuffled"])
def ragged(request):
    """Series of 20 to 40 rows that start and end at different times."""
    panel = make_panel(
        n_series=6, n_rows=(20, 40), stagger=6, missing=0.1, freq=None, random_state=0
    )
    return panel if request.param == "sorted" else panel.sample(frac=1, random_state=0)


def times_of(panel, positions):
    """The times of these rows, by series."""
    index = panel.index[positions]
    return pd.Series(
        index.get_level_values("time"), index=index.get_level_values("series")
    )


@pytest.mark.parametrize("cv", ALL, ids=str)
def test_training_and_test_rows_are_distinct_positions_in_row_order(cv, ragged):
    folds = list(cv.split(ragged))
    assert len(folds) == cv.get_n_splits(ragged)
    for train, test in folds:
        assert len(train) > 0
        assert len(test) > 0
        assert (np.diff(train) > 0).all()
        assert (np.diff(test) > 0).all()
        assert len(np.intersect1d(train, test)) == 0


@pytest.mark.parametrize("cv", SPLITTERS, ids=str)
def test_every_training_row_of_a_series_is_before_its_test_rows(cv, ragged):
    for train, test in cv.split(ragged):
        latest = times_of(ragged, train).groupby(level=0).max()
        first = times_of(ragged, test).groupby(level=0).min()
        assert (latest[first.index] < first).all()


@pytest.mark.parametrize("cv", SPLITTERS[::2], ids=str)
def test_calendar_folds_train_on_no_time_of_the_test_or_later(cv, ragged):
    for train, test in cv.split(ragged):
        assert times_of(ragged, train).max() < times_of(ragged, test).min()


@pytest.mark.parametrize("cv", ALL, ids=str)
def test_folds_do_not_depend_on_row_order(cv, ragged):
    order = np.random.default_rng(1).permutation(len(ragged))
    folds = cv.split(ragged), cv.split(ragged.iloc[order])
    for given, permuted in zip(*folds, strict=True):
        for rows, other in zip(given, permuted, strict=True):
            np.testing.assert_array_equal(rows, np.sort(order[other]))


@pytest.mark.parametrize("align", ["calendar", "end"])
@pytest.mark.parametrize("step", [None, 2, 5])
def test_each_fold_tests_horizon_rows_of_each_series_and_steps_on(align, step):
    panel = make_panel(n_series=3, n_rows=30, freq=None)
    cv = PanelTimeSeriesSplit(3, horizon=4, gap=2, step=step, align=align)
    for number, (train, test) in enumerate(cv.split(panel)):
        end = 30 - (2 - number) * (step or 4)
        np.testing.assert_array_equal(
            times_of(panel, test), np.tile(np.arange(end - 4, end), 3)
        )
        np.testing.assert_array_equal(
            times_of(panel, train), np.tile(np.arange(end - 6), 3)
        )


@pytest.mark.parametrize("align", ["calendar", "end"])
@pytest.mark.parametrize("options", [{}, {"gap": 3}, {"max_train_size": 7}])
def test_one_series_is_split_as_scikit_learn_splits_it(align, options):
    panel = make_panel(n_series=1, n_rows=30)
    ours = PanelTimeSeriesSplit(4, horizon=3, align=align, **options)
    theirs = TimeSeriesSplit(4, test_size=3, **options)
    for fold, expected in zip(ours.split(panel), theirs.split(panel), strict=True):
        np.testing.assert_array_equal(fold[0], expected[0])
        np.testing.assert_array_equal(fold[1], expected[1])


def test_training_keeps_the_last_times_only():
    panel = make_panel(n_series=2, n_rows=(10, 20), freq=None, random_state=0)
    length = panel.groupby(level="series").size()
    cv = PanelTimeSeriesSplit(2, horizon=1, max_train_size=4, align="end")
    for number, (train, _) in enumerate(cv.split(panel)):
        for name, times in times_of(panel, train).groupby(level=0):
            end = length[name] - (2 - number)
            np.testing.assert_array_equal(times, np.arange(end - 4, end))


def uneven_panel():
    """Series a at times 0 to 9, b at 0 to 5, c at 8 to 9."""
    spans = {"a": range(10), "b": range(6), "c": range(8, 10)}
    index = [(name, time) for name, times in spans.items() for time in times]
    index = pd.MultiIndex.from_tuples(index, names=["series", "time"])
    return pd.DataFrame({"x": np.arange(18)}, index=index)


def test_calendar_tests_the_series_that_have_rows_and_a_past():
    panel = uneven_panel()
    folds = PanelTimeSeriesSplit(2, horizon=1).split(panel)
    tested = [list(panel.index[test]) for _, test in folds]
    assert tested == [[("a", 8)], [("a", 9), ("c", 9)]]


def test_end_tests_every_long_enough_series_at_its_own_end():
    panel = uneven_panel()
    folds = PanelTimeSeriesSplit(2, horizon=1, align="end").split(panel)
    tested = [list(panel.index[test]) for _, test in folds]
    assert tested == [[("a", 8), ("b", 4)], [("a", 9), ("b", 5), ("c", 9)]]


def test_times_that_no_row_has_are_not_counted():
    panel = uneven_panel().drop([5, 7], level="time")
    panel = panel[panel.index.get_level_values("series") == "a"]
    folds = PanelTimeSeriesSplit(4, horizon=1).split(panel)
    tested = [panel.index[test].get_level_values("time")[0] for _, test in folds]
    assert tested == [4, 6, 8, 9]


@pytest.mark.parametrize(
    "times",
    [
        pd.period_range("2020-01", periods=8, freq="M"),
        pd.date_range("2020-10-20", periods=8, tz="Europe/Berlin"),
        pd.Categorical(list("hgfedcba"), categories=list("hgfedcba"), ordered=True),
        pd.Index([f"2024-01-0{day}" for day in range(1, 9)]),
    ],
    ids=["period", "tz", "categorical", "iso text"],
)
def test_any_sortable_times_are_split_in_their_order(times):
    index = pd.MultiIndex.from_product([["x", "y"], times], names=["series", "time"])
    panel = pd.DataFrame(index=index)
    folds = list(PanelTimeSeriesSplit(2, horizon=2).split(panel))
    expected = [[4, 5, 12, 13], [6, 7, 14, 15]]
    assert [list(test) for _, test in folds] == expected
    assert list(folds[0][0]) == [0, 1, 2, 3, 8, 9, 10, 11]


@pytest.mark.parametrize("cv", [SeriesKFold(3), ALL[-1]], ids=str)
def test_series_are_tested_once_and_never_divided(cv, ragged):
    name = ragged.index.get_level_values("series").to_numpy()
    tested = []
    for train, test in cv.split(ragged):
        assert not set(name[train]) & set(name[test])
        assert len(train) + len(test) == len(ragged)
        tested.extend(set(name[test]))
    assert sorted(tested) == sorted(set(name))


def test_shuffled_series_folds_follow_their_seed(ragged):
    def folds(seed):
        cv = SeriesKFold(3, shuffle=True, random_state=seed)
        return [list(test) for _, test in cv.split(ragged)]

    assert folds(0) == folds(0)
    assert len({str(folds(seed)) for seed in range(5)}) > 1


def test_series_named_by_two_levels_are_held_out_as_one():
    index = pd.MultiIndex.from_product([["x", "y"], [1, 2], range(4)])
    panel = pd.DataFrame(index=index)
    tested = [set(test // 4) for _, test in SeriesKFold(4).split(panel)]
    assert sorted(tested, key=min) == [{0}, {1}, {2}, {3}]


@pytest.mark.parametrize("cv", ALL, ids=str)
def test_index_is_taken_from_y_if_x_has_none(cv, ragged):
    folds = cv.split(ragged), cv.split(ragged.to_numpy(), ragged["target"])
    for with_index, without in zip(*folds, strict=True):
        np.testing.assert_array_equal(with_index[0], without[0])
        np.testing.assert_array_equal(with_index[1], without[1])


@pytest.mark.parametrize("cv", ALL, ids=str)
def test_searches_accept_it(cv, ragged):
    X, y = ragged.drop(columns="target"), ragged["target"]
    assert check_cv(cv) is cv
    search = GridSearchCV(
        DummyRegressor(), {"strategy": ["mean", "median"]}, cv=cv, error_score="raise"
    )
    search.fit(X, y)
    assert search.n_splits_ == cv.get_n_splits()


def test_repr_shows_parameters():
    assert " ".join(repr(PanelTimeSeriesSplit(3, horizon=7)).split()) == (
        "PanelTimeSeriesSplit(align='calendar', gap=0, horizon=7, "
        "index=None, max_train_size=None, n_splits=3, step=None)"
    )
    assert repr(SeriesKFold(3)) == (
        "SeriesKFold(index=None, n_splits=3, random_state=None, shuffle=False)"
    )


@pytest.mark.parametrize("cv", ALL, ids=str)
def test_groups_are_ignored_with_a_warning(cv, ragged):
    message = f"The groups parameter is ignored by {type(cv).__name__}"
    with pytest.warns(UserWarning, match=re.escape(message)):
        folds = list(cv.split(ragged, groups=np.zeros(len(ragged))))
    for given, plain in zip(folds, cv.split(ragged), strict=True):
        np.testing.assert_array_equal(given[1], plain[1])


@pytest.mark.parametrize("cv", ALL, ids=str)
def test_rows_without_series_raise(cv):
    message = "X must be a pandas object indexed by (series, time), got ndarray."
    with pytest.raises(TypeError, match=re.escape(message)):
        next(cv.split(np.zeros((30, 2)), np.zeros(30)))


@pytest.mark.parametrize("cv", ALL, ids=str)
def test_y_of_another_length_raises(cv, ragged):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        next(cv.split(ragged, ragged["target"].iloc[1:]))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_splits": 0}, "n_splits == 0, must be >= 1."),
        ({"horizon": 0}, "horizon == 0, must be >= 1."),
        ({"gap": -1}, "gap == -1, must be >= 0."),
        ({"step": 0}, "step == 0, must be >= 1."),
        ({"max_train_size": 0}, "max_train_size == 0, must be >= 1."),
        ({"align": "start"}, "align must be 'calendar' or 'end', got 'start'."),
    ],
)
def test_impossible_parameter_raises_in_split(parameters, message, ragged):
    cv = PanelTimeSeriesSplit(**parameters)
    with pytest.raises(ValueError, match=re.escape(message)):
        next(cv.split(ragged))


def test_horizon_that_is_no_int_raises(ragged):
    message = "horizon must be an instance of int, not float."
    with pytest.raises(TypeError, match=re.escape(message)):
        next(PanelTimeSeriesSplit(horizon=1.5).split(ragged))


@pytest.mark.parametrize(
    ("align", "what"), [("calendar", "times"), ("end", "rows in the longest series")]
)
def test_too_few_times_raise_and_just_enough_do_not(align, what):
    panel = make_panel(n_series=2, n_rows=11)
    list(PanelTimeSeriesSplit(3, horizon=3, gap=1, align=align).split(panel))
    cv = PanelTimeSeriesSplit(3, horizon=3, gap=2, align=align)
    message = (
        "n_splits=3, horizon=3, step=3 and gap=2 need at least 12 "
        f"{what}, got 11. Make one of them smaller."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        next(cv.split(panel))


def test_fold_without_a_test_row_raises():
    index = pd.MultiIndex.from_arrays([list("aaabb"), [0, 1, 2, 3, 4]])
    cv = PanelTimeSeriesSplit(1, horizon=2)
    message = (
        "Fold 0 has no test rows: no series has both training rows and one of the "
        "horizon=2 times after them."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        next(cv.split(pd.DataFrame(index=index)))


def test_more_folds_than_series_raise(ragged):
    message = "n_splits must be at most the number of series, 6, got 7."
    with pytest.raises(ValueError, match=re.escape(message)):
        next(SeriesKFold(7).split(ragged))


def test_a_seed_that_a_stacking_regressor_sets_is_not_in_the_way(ragged):
    X = pd.DataFrame({"a": np.arange(len(ragged.index), dtype=float)}, ragged.index)
    stack = StackingRegressor([("mean", DummyRegressor())], cv=SeriesKFold(3))
    assert np.isfinite(stack.fit(X, X["a"]).predict(X)).all()

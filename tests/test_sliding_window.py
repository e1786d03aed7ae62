"""SlidingWindow and the windows that it hands out."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest

from sklstm import PanelWindows, SlidingWindow


def make_X(lengths, seed=0, start=0):
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_tuples(
        [(name, start + t) for name, n in lengths.items() for t in range(n)],
        names=["id", "t"],
    )
    return pd.DataFrame(
        {"u": rng.normal(size=len(index)), "v": rng.integers(0, 9, len(index))},
        index=index,
    )


def window_by_loop(X, row, window_size):
    """The rows of the same series up to and including this one, padded by zeros."""
    name, time = row
    own = X.xs(name, level=0).sort_index().loc[:time].to_numpy()[-window_size:]
    return np.pad(own, ((window_size - len(own), 0), (0, 0)))


@pytest.fixture
def X():
    return make_X({"a": 7, "b": 12, "c": 1})


@pytest.mark.parametrize("window_size", [1, 3, 12])
def test_windows_equal_a_loop_over_rows(X, window_size):
    windows = np.asarray(SlidingWindow(window_size).fit_transform(X))
    expected = [window_by_loop(X, row, window_size) for row in X.index]
    np.testing.assert_array_equal(windows, np.float32(expected))


def test_context_makes_test_windows_equal_to_those_of_the_whole_panel(X):
    X = X.drop("c")
    early = X.index.get_level_values("t") < 5
    windows = SlidingWindow(4).fit(X[early]).transform(X[~early])
    whole = SlidingWindow(4).fit_transform(X)
    np.testing.assert_array_equal(windows, np.asarray(whole)[~early])


def test_context_is_found_by_series_whatever_the_order_and_selection(X):
    early = X.index.get_level_values("t") < 5
    window = SlidingWindow(4).fit(X[early])
    later = X[~early].loc[["b"]].sample(frac=1, random_state=0)
    rows = [window_by_loop(X, row, 4) for row in later.index]
    np.testing.assert_array_equal(window.transform(later), np.float32(rows))


def test_context_never_goes_before_rows_that_are_not_later(X):
    window = SlidingWindow(4).fit(X)
    middle = X.loc[[("b", t) for t in (3, 4, 5)]]
    windows = window.transform(middle)
    np.testing.assert_array_equal(windows.lengths, [1, 2, 3])
    np.testing.assert_array_equal(window.transform(X), window.fit_transform(X))


def test_context_is_left_out_on_request(X):
    early = X.index.get_level_values("t") < 5
    window = SlidingWindow(4, carry_context=False).fit(X[early])
    assert window.transform(X[~early])[:1].lengths.tolist() == [1]


def test_a_carried_number_of_rows_is_what_the_table_holds_before(X):
    early = X.index.get_level_values("t") < 5
    for n_carried in (0, 1, 3, 5, 9):
        window = SlidingWindow(2, carry_context=n_carried).fit(X[early])
        table = window.transform(X[~early]).table
        expected = [
            np.vstack([own[own.index.get_level_values("t") < 5][-n_carried:], late])
            if n_carried
            else late
            for name in ("a", "b")
            for own, late in [(X.loc[[name]], X[~early].loc[[name]])]
        ]
        np.testing.assert_array_equal(table.values, np.float32(np.vstack(expected)))


@pytest.mark.parametrize(("number", "boolean"), [(0, False), (3, True), (9, True)])
def test_carrying_more_rows_than_a_window_needs_leaves_the_windows(X, number, boolean):
    early = X.index.get_level_values("t") < 5
    one, other = (
        SlidingWindow(4, carry_context=carried).fit(X[early]).transform(X[~early])
        for carried in (number, boolean)
    )
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(one.lengths, other.lengths)


def test_fewer_rows_carried_make_shorter_windows(X):
    early = X.index.get_level_values("t") < 5
    window = SlidingWindow(4, carry_context=1).fit(X[early])
    lengths = window.transform(X[~early].loc[["b"]]).lengths
    np.testing.assert_array_equal(lengths, [2, 3, 4, 4, 4, 4, 4])


def test_a_gap_within_many_carried_rows_counts():
    X = make_X({"a": 10}).drop(("a", 1))
    window = SlidingWindow(3, max_gap=1, carry_context=5).fit(X[:5])
    windows = window.transform(X[5:])
    np.testing.assert_array_equal(windows.table.segments, [0, 1])
    np.testing.assert_array_equal(windows.lengths, [3, 3, 3, 3])


@pytest.mark.parametrize("window_size", [1, 7, 12, 13, 500])
def test_shorten_cuts_a_window_to_the_longest_series_and_no_further(X, window_size):
    size = min(window_size, 12)
    window = SlidingWindow(window_size, shorten=True).fit(X)
    assert window.window_size_ == size
    windows = window.transform(X)
    assert windows.shape == (20, size, 2)
    np.testing.assert_array_equal(windows, SlidingWindow(size).fit_transform(X))


def test_shorten_leaves_the_parameter_and_learns_anew_in_each_fit(X):
    window = SlidingWindow(500, shorten=True).fit(X)
    assert window.window_size == 500
    assert window.fit(make_X({"a": 300})).window_size_ == 300


def test_a_shortened_window_carries_as_many_rows_as_it_needs(X):
    X = X.drop("c")
    early = X.index.get_level_values("t") < 5
    window = SlidingWindow(500, shorten=True).fit(X[early])
    whole = SlidingWindow(5).fit_transform(X)
    np.testing.assert_array_equal(
        window.transform(X[~early]), np.asarray(whole)[~early]
    )


def test_a_window_size_set_after_fit_waits_for_the_next_fit(X):
    window = SlidingWindow(4).fit(X)
    window.set_params(window_size=2)
    assert window.transform(X).window_size == 4
    assert window.fit(X).transform(X).window_size == 2


@pytest.mark.parametrize("flat", [False, True])
def test_a_window_size_set_after_fit_on_an_array_waits_as_well(flat):
    X = np.arange(24.0).reshape(2, 12)
    window = SlidingWindow(5, flat=flat).fit(X).set_params(window_size=2)
    np.testing.assert_array_equal(window.transform(X), X[:, -5:])


def test_a_series_unseen_in_fit_starts_with_padding(X):
    new = make_X({"z": 3}, start=100)
    windows = SlidingWindow(4).fit(X).transform(new)
    np.testing.assert_array_equal(windows.lengths, [1, 2, 3])


@pytest.mark.parametrize(
    ("time", "max_gap"),
    [
        (pd.Index([1, 2, 3, 7, 8]), 1),
        (pd.DatetimeIndex(["2024-01-0" + d for d in "12378"]), "2D"),
        (pd.DatetimeIndex(["2024-01-0" + d for d in "12378"]), pd.Timedelta("1D")),
        (pd.PeriodIndex(["2024-0" + d for d in "12378"], freq="M"), 3),
    ],
)
def test_windows_do_not_reach_over_a_gap(time, max_gap):
    index = pd.MultiIndex.from_product([["a", "b"], time])
    X = pd.DataFrame({"u": np.arange(10.0)}, index=index)
    windows = SlidingWindow(4, max_gap=max_gap).fit_transform(X)
    np.testing.assert_array_equal(windows.lengths, [1, 2, 3, 1, 2] * 2)


def test_a_gap_between_context_and_rows_counts():
    X = make_X({"a": 10})
    window = SlidingWindow(4, max_gap=2).fit(X[:5])
    np.testing.assert_array_equal(window.transform(X[6:]).lengths, [4, 4, 4, 4])
    np.testing.assert_array_equal(window.transform(X[7:]).lengths, [1, 2, 3])


def test_a_gap_within_the_context_counts():
    X = make_X({"a": 10}).drop(("a", 3))
    window = SlidingWindow(4, max_gap=1).fit(X[:5])
    np.testing.assert_array_equal(window.transform(X[5:]).lengths, [3, 4, 4, 4])


def test_the_target_column_becomes_the_last_feature(X):
    windows = SlidingWindow(2, target="u").fit_transform(X)
    np.testing.assert_array_equal(windows[:, ...].table.names, ["v"])
    np.testing.assert_array_equal(
        np.asarray(windows)[:, -1, :], np.float32(X[["v", "u"]])
    )


def test_categories_become_codes_and_unknown_ones_zero(X):
    X = X.assign(kind=["x", "y"] * 10, flag=True)
    X["kind"] = X["kind"].astype(pd.CategoricalDtype(["unused", "y", "x"]))
    window = SlidingWindow(1).fit(X)
    assert window.categories_["kind"].tolist() == ["y", "x"]
    new = X.assign(kind=["x", "never seen", None, "y"] * 5)
    codes = window.transform(new).table.codes[:, 0]
    np.testing.assert_array_equal(codes, [2, 0, 0, 1] * 5)
    assert window.transform(new).table.names == ("u", "v", "flag")


def test_transform_adds_no_memory_for_a_larger_window():
    X = make_X({"a": 5000})
    small, large = (SlidingWindow(w).fit_transform(X) for w in (2, 2000))
    assert len(pickle.dumps(large)) < len(pickle.dumps(small)) + 10


class TestContainer:
    @pytest.fixture
    def windows(self, X):
        return SlidingWindow(3).fit_transform(X)

    @pytest.mark.parametrize(
        "key",
        [
            slice(2, 9, 2),
            [3, 1, 1],
            np.array([4, -1]),
            np.arange(20) % 3 == 0,
            slice(0, 0),
            [],
        ],
    )
    def test_indexing_equals_that_of_the_array(self, windows, key):
        expected = np.asarray(windows)[key if not isinstance(key, list) or key else []]
        got = windows[key]
        assert isinstance(got, PanelWindows)
        assert got.shape == expected.shape
        np.testing.assert_array_equal(got, expected)

    def test_an_integer_gives_one_window(self, windows):
        np.testing.assert_array_equal(windows[-1], np.asarray(windows)[-1])
        with pytest.raises(IndexError):
            windows[20]

    def test_other_axes_are_refused(self, windows):
        with pytest.raises(IndexError, match="first axis only"):
            windows[:, 0]

    def test_flat_windows_are_rows(self, X, windows):
        flat = SlidingWindow(3, flat=True).fit_transform(X)
        assert flat.ndim == 2
        np.testing.assert_array_equal(flat, np.asarray(windows).reshape(20, 6))

    def test_pickle_keeps_it(self, windows):
        again = pickle.loads(pickle.dumps(windows))
        np.testing.assert_array_equal(again, windows)

    def test_no_copy_is_refused(self, windows):
        with pytest.raises(ValueError, match="without a copy"):
            np.asarray(windows, copy=False)

    def test_a_large_array_is_filled_in_parts(self, monkeypatch, windows):
        whole = np.asarray(windows)
        monkeypatch.setattr("sklstm._windows.windows._CHUNK", 7)
        np.testing.assert_array_equal(windows, whole)

    def test_the_target_joins_by_window(self, X):
        shuffled = X.sample(frac=1, random_state=0)
        windows = SlidingWindow(3).fit_transform(shuffled)
        joined = windows.with_target(shuffled[["v"]].to_numpy())
        np.testing.assert_array_equal(
            np.asarray(joined)[:, :, -1], np.asarray(windows)[:, :, 1]
        )


@pytest.mark.parametrize("flat", [False, True])
def test_an_array_is_one_sequence_in_each_row(flat):
    X = np.arange(24.0).reshape(2, 12)
    window = SlidingWindow(5, flat=flat).fit(X)
    np.testing.assert_array_equal(window.transform(X), X[:, -5:])
    deep = X.reshape(2, 6, 2)
    out = SlidingWindow(5, flat=flat).fit_transform(deep)
    np.testing.assert_array_equal(out, deep[:, -5:].reshape(out.shape))
    assert out.ndim == (2 if flat else 3)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"window_size": 13}, ValueError, "window_size=13 is longer than the longest"),
        ({"window_size": 0}, ValueError, "window_size"),
        ({"target": "w"}, ValueError, "target='w' is not a column of X, which has"),
        ({"max_gap": "1D"}, ValueError, "max_gap must be a number of time steps"),
        ({"max_gap": -1.0}, ValueError, "'max_gap' parameter"),
        ({"max_gap": float("nan")}, ValueError, "'max_gap' parameter"),
        ({"carry_context": -1}, ValueError, "'carry_context' parameter"),
        ({"carry_context": 1.5}, ValueError, "'carry_context' parameter"),
        ({"shorten": "a"}, ValueError, "'shorten' parameter"),
        (
            {"window_size": 13},
            ValueError,
            "Choose a window_size of at most 12, or set shorten=True.",
        ),
    ],
)
def test_bad_parameters_are_named(X, change, error, message):
    with pytest.raises(error, match=re.escape(message)):
        SlidingWindow(**{"window_size": 3} | change).fit(X)


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        (pd.Timestamp("2024-01-01"), TypeError, "Column 'w' of X has dtype datetime64"),
        (np.inf, ValueError, "Column 'w' of X contains infinity"),
        (1e300, ValueError, "too large for float32"),
        (1j, TypeError, "Column 'w' of X has dtype complex"),
    ],
)
def test_bad_columns_are_named(X, column, error, message):
    with pytest.raises(error, match=message):
        SlidingWindow(3).fit(X.assign(w=column)).transform(X.assign(w=column))


def test_values_that_float32_rounds_away_are_refused(X):
    window = SlidingWindow(3)
    with pytest.raises(ValueError, match=r"Column 'w' of X varies by .* around 1e\+09"):
        window.fit(X.assign(w=1e9 + X["u"]))
    # The line of the error mends it, and neither a constant nor a wide column is meant.
    for w in (X["u"] - X["u"].mean(), 1234567891, 1e9 * (1 + X["u"])):
        window.fit(X.assign(w=w))


def test_a_target_of_labels_is_refused(X):
    with pytest.raises(ValueError, match="the target's past must be numeric"):
        SlidingWindow(3, target="k").fit(X.assign(k="x"))


def test_a_lost_index_names_set_output(X):
    with pytest.raises(TypeError, match=re.escape('set_output(transform="pandas")')):
        SlidingWindow(3).fit(X.to_numpy(), X["u"])
    with pytest.raises(TypeError, match=re.escape('set_output(transform="pandas")')):
        SlidingWindow(3).fit(X).transform(X.reset_index(drop=True))


def test_a_panel_after_a_fit_on_an_array_is_refused(X):
    with pytest.raises(TypeError, match="fitted on an array"):
        SlidingWindow(3).fit(X.to_numpy()).transform(X)


def test_times_of_another_kind_are_named_with_the_remedy():
    index = pd.MultiIndex.from_product([["a"], pd.date_range("2024", periods=9)])
    plain = pd.DataFrame({"u": np.arange(9.0)}, index)
    zoned = plain.tz_localize("UTC", level=-1)
    for seen, given, zone in ((plain, zoned, "None"), (zoned, plain, "zone")):
        dtype, fitted = (str(part.index.levels[-1].dtype) for part in (given, seen))
        message = f"X have dtype {dtype}, but fit saw {fitted}: they cannot be compared"
        with pytest.raises(TypeError, match=re.escape(message)) as caught:
            SlidingWindow(3).fit(seen).transform(given)
        assert f"X.tz_localize({zone}, level=-1)" in str(caught.value)


def test_missing_values_stay_missing(X):
    X.iloc[3, 0] = np.nan
    windows = np.asarray(SlidingWindow(2).fit_transform(X.astype("Float64")))
    assert np.isnan(windows).sum() == 2


@pytest.mark.parametrize("max_gap", ["x", "-1D", 3])
def test_a_gap_in_dates_is_a_positive_timedelta(max_gap):
    days = pd.date_range("2024-01-01", periods=4)
    X = pd.DataFrame({"u": 0.0}, index=pd.MultiIndex.from_product([["a"], days]))
    with pytest.raises(ValueError, match="max_gap must be a Timedelta or its text"):
        SlidingWindow(2, max_gap=max_gap).fit(X)


def test_labels_that_come_later_leave_the_codes_of_known_ones():
    def rows(*labels):
        index = pd.MultiIndex.from_product([[0, 1], range(len(labels))])
        return pd.DataFrame({"kind": [*labels, *labels]}, index=index, dtype="category")

    window = SlidingWindow(1).fit(rows("b", "d"))
    before = np.asarray(window.transform(rows("b", "d")))
    window.add_labels(rows("a", "b")).add_labels(rows("c"))
    assert window.categories_["kind"].tolist() == ["b", "d", "a", "c"]
    np.testing.assert_array_equal(window.transform(rows("b", "d")), before)
    found = np.asarray(window.transform(rows("a", "b", "c", "d", "e")))[:5, 0, 0]
    assert found.tolist() == [3, 1, 4, 2, 0]

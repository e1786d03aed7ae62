import datetime
import itertools
import re

import numpy as np
import pandas as pd
import pytest

from sklstm._panels.rows import (
    align_target,
    check_known_series,
    index_message,
    is_panel,
    locate_series,
    read_rows,
    series_name,
    show,
    tail_positions,
)


def make(*levels, names=None):
    """A panel whose only column numbers its rows, from the labels of each level."""
    index = pd.MultiIndex.from_arrays(levels, names=names)
    return pd.DataFrame({"row": np.arange(len(index))}, index=index)


KINDS_OF_TIME = {
    "int": pd.RangeIndex(2000, 2008),
    "float": pd.Index(np.arange(8) / 10),
    "iso text": pd.Index([f"2024-02-0{i}" for i in range(1, 9)]),
    "date": pd.date_range("2024-02-26", periods=8),
    "tz": pd.date_range("2024-10-27", periods=8, freq="h", tz="Europe/Berlin"),
    "period": pd.period_range("2023-11", periods=8, freq="M"),
    "categorical": pd.CategoricalIndex([f"t{i}" for i in range(8)], ordered=True),
}


@pytest.mark.parametrize("time", KINDS_OF_TIME.values(), ids=KINDS_OF_TIME)
@pytest.mark.parametrize("names", [["b", "a"], [7, -1]], ids=["str", "int"])
def test_sorted_rows_go_by_series_then_by_time(names, time):
    panel = make(np.repeat(names, 8), time.append(time)).sample(frac=1, random_state=0)
    rows = read_rows(panel)
    assert list(rows.series) == sorted(names)
    np.testing.assert_array_equal(rows.indptr, [0, 8, 16])
    if time.dtype == pd.Index(["2024-02-01"]).dtype:
        time = pd.to_datetime(time)
    assert list(rows.time) == [*time, *time]
    expected = [*range(8, 16), *range(8)]
    assert list(rows.sort(panel["row"].to_numpy())) == expected


def test_sorted_panel_needs_no_order(panel):
    rows = read_rows(panel)
    assert rows.order is None
    np.testing.assert_array_equal(rows.lengths, [40, 31, 22])
    np.testing.assert_array_equal(rows.positions(), np.arange(len(panel)))
    values = panel["price"].to_numpy()
    assert rows.sort(values) is values
    assert rows.unsort(values) is values


def test_unsort_undoes_sort(panel):
    panel = panel.sample(frac=1, random_state=0)
    rows = read_rows(panel)
    values = panel.to_numpy()
    assert rows.order is not None
    np.testing.assert_array_equal(rows.unsort(rows.sort(values)), values)
    np.testing.assert_array_equal(rows.sort(rows.positions()), np.arange(len(panel)))
    np.testing.assert_array_equal(
        rows.series[rows.unsort(rows.codes)], panel.index.get_level_values("store")
    )


def test_row_order_changes_neither_series_nor_times(panel):
    rows, shuffled = read_rows(panel), read_rows(panel.sample(frac=1, random_state=0))
    assert rows.series.equals(shuffled.series)
    assert rows.time.equals(shuffled.time)
    np.testing.assert_array_equal(rows.indptr, shuffled.indptr)


def test_interleaved_series_are_told_apart():
    rows = read_rows(make(["a", "b"] * 3, [0, 0, 1, 1, 2, 2]))
    np.testing.assert_array_equal(rows.order, [0, 2, 4, 1, 3, 5])
    np.testing.assert_array_equal(rows.codes, [0, 0, 0, 1, 1, 1])


def test_times_at_are_those_of_sorted_rows(panel):
    rows = read_rows(panel.sample(frac=1, random_state=0))
    last = panel.index.get_level_values("date")[rows.indptr[1:] - 1]
    assert rows.times_at(rows.indptr[1:] - 1).equals(last)


def test_one_row_is_a_panel():
    rows = read_rows(make(["a"], [0]))
    assert len(rows) == rows.n_series == 1
    np.testing.assert_array_equal(rows.indptr, [0, 1])


def test_three_levels_name_series_by_the_first_two():
    panel = make(
        ["y", "x", "x", "x"], [1, 2, 2, 1], [0, 1, 0, 5], names=["p", "q", "t"]
    )
    rows = read_rows(panel)
    assert list(rows.series) == [("x", 1), ("x", 2), ("y", 1)]
    assert rows.series.names == ["p", "q"]
    np.testing.assert_array_equal(rows.indptr, [0, 1, 3, 4])
    np.testing.assert_array_equal(rows.order, [3, 2, 1, 0])


def test_ids_of_mixed_types_still_name_series():
    rows = read_rows(make(["a", 1, "a", 1], [1, 1, 0, 0]))
    assert set(rows.series) == {"a", 1}
    assert list(rows.time) == [0, 1, 0, 1]


def test_levels_that_no_row_uses_are_no_series(panel):
    rows = read_rows(panel.loc[["b"]])
    assert list(rows.series) == ["b"]
    rows = read_rows(panel[panel.index.get_level_values("store") == "b"])
    assert list(rows.series) == ["b"]


def test_categories_that_no_row_uses_are_no_series():
    names = pd.Categorical(["b", "a", "b"], categories=["c", "b", "a"])
    rows = read_rows(make(names, [1, 0, 0]))
    assert sorted(rows.series) == ["a", "b"]
    assert not isinstance(rows.series, pd.CategoricalIndex)
    assert locate_series(pd.Index(["b"]), rows.series)[0] >= 0


def test_categorical_levels_of_a_hierarchy_are_found_by_value():
    names = pd.Categorical(["b", "a"], categories=["c", "b", "a"])
    rows = read_rows(make(names, pd.Categorical([1, 2]), [0, 0]))
    wanted = pd.MultiIndex.from_tuples([("a", 2), ("b", 2)])
    found = locate_series(wanted, rows.series)
    assert rows.series[found[0]] == ("a", 2)
    assert found[1] == -1


def test_unordered_categories_of_time_are_sorted_by_value():
    time = pd.Categorical(["2021", "2020", "2022"], categories=["2022", "2021", "2020"])
    rows = read_rows(make(["a"] * 3, time))
    assert list(rows.time.year) == [2020, 2021, 2022]
    np.testing.assert_array_equal(rows.order, [1, 0, 2])


def test_ordered_categories_of_time_keep_their_order():
    time = pd.Categorical(["low", "high"], categories=["low", "high"], ordered=True)
    assert list(read_rows(make(["a"] * 2, time)).time) == ["low", "high"]


def test_time_ranks_number_the_times_that_occur():
    panel = make(list("aabb"), [30, 10, 20, 30])
    np.testing.assert_array_equal(read_rows(panel).time_ranks(), [2, 0, 1, 2])
    np.testing.assert_array_equal(read_rows(panel.iloc[[0, 2]]).time_ranks(), [1, 0])


def test_duplicate_rows_raise():
    panel = make(list("abba"), [1, 2, 2, 1])
    message = (
        "X has more than one row for 2 (series, time) label(s): ('a', 1), ('b', 2). "
        "Drop or aggregate them."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        read_rows(panel)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_missing_label_raises(level):
    levels = [["a", "b", "c"], ["x", "y", "z"], ["2020", "2021", "2022"]]
    levels[level][1] = None
    message = f"The index of y has a missing label in level 'l{level}', first at row 1."
    with pytest.raises(ValueError, match=re.escape(message)):
        read_rows(make(*levels, names=["l0", "l1", "l2"]), "y")


def test_times_of_mixed_types_raise():
    message = (
        "The times of X (last index level, 't') cannot be sorted: they mix int, str. "
        "Convert them to one type."
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        read_rows(make(["a", "a"], [1, "x"], names=["s", "t"]))


def test_no_rows_raise():
    with pytest.raises(ValueError, match=re.escape("y has no rows; at least one is")):
        read_rows(make([], []), "y")


@pytest.mark.parametrize(
    ("X", "got"),
    [
        (np.zeros((2, 2)), "ndarray"),
        (pd.DataFrame({"a": [1]}), "DataFrame indexed by 1 level (RangeIndex)"),
        (pd.Series([1], index=["a"]), "Series indexed by 1 level (Index)"),
        (
            pd.Series([1], index=pd.MultiIndex.from_arrays([[1]])),
            "Series indexed by 1 level (MultiIndex)",
        ),
    ],
)
def test_what_has_no_panel_index_raises(X, got):
    assert not is_panel(X)
    message = f"X must be a pandas object indexed by (series, time), got {got}. Set"
    with pytest.raises(TypeError, match=re.escape(message)):
        read_rows(X)
    assert 'set_output(transform="pandas")' in index_message(X)


def test_series_are_located_by_label():
    known = pd.Index([10, 20, 30])
    np.testing.assert_array_equal(
        locate_series(pd.Index([30, 5, 10]), known), [2, -1, 0]
    )


TEN = {
    "numbers": [
        pd.Index([10]),
        pd.Index([10], dtype="int32"),
        pd.Index([10.0]),
        pd.Index([10], dtype="Int64"),
        pd.Index([10], dtype=object),
        pd.CategoricalIndex([10], categories=[5, 10]),
    ],
    "text": [
        pd.Index(["10"]),
        pd.Index(["10"], dtype=object),
        pd.CategoricalIndex(["10"], categories=["5", "10"]),
    ],
    "booleans": [pd.Index([True])],
    "timestamps": [pd.DatetimeIndex(["2024-01-10"])],
    "timestamps with a time zone": [pd.DatetimeIndex(["2024-01-10"], tz="UTC")],
    "dates": [pd.Index([datetime.date(2024, 1, 10)])],
    "periods": [pd.PeriodIndex(["2024-01-10"], freq="D")],
}


@pytest.mark.parametrize("kind", TEN)
@pytest.mark.parametrize("other", TEN)
@pytest.mark.parametrize("add_level", [False, True])
def test_series_are_located_among_labels_of_their_kind(kind, other, add_level):
    """However these are stored; those of another kind would pass as new series."""
    for series, known in itertools.product(TEN[kind], TEN[other]):
        if add_level:
            series = pd.MultiIndex.from_product([["a"], series])
            known = pd.MultiIndex.from_product([["a"], known])
        if kind == other:
            assert locate_series(series, known).tolist() == [0]
            continue
        message = f"names the series of X by {kind}, such as "
        with pytest.raises(TypeError, match=re.escape(message)) as caught:
            locate_series(series, known)
        assert f"but fit saw {other}, such as " in str(caught.value)


@pytest.mark.parametrize("series", [[1], ["a"], [1, "a"], []])
def test_labels_of_mixed_kinds_agree_with_any(series):
    known = pd.Index([1, "a", "b"], dtype=object)
    series = pd.Index(series, dtype=object)
    assert locate_series(series, known).tolist() == [known.get_loc(s) for s in series]
    locate_series(known, series)


def test_series_of_other_levels_raise():
    message = "X names its series by 1 index level(s), but fit saw 2."
    known = pd.MultiIndex.from_tuples([("a", 1)])
    with pytest.raises(ValueError, match=re.escape(message)):
        locate_series(pd.Index(["a"]), known)


def test_unknown_series_raise_with_the_remedy():
    series = pd.Index(["a", "b", "c"])
    check_known_series(np.array([0, 1, 2]), series, "Call update.")
    message = "2 series not seen in fit: 'a', 'c'. Call update."
    with pytest.raises(ValueError, match=re.escape(message)):
        check_known_series(np.array([-1, 0, -1]), series, "Call update.")


@pytest.mark.parametrize("n_targets", [1, 2])
def test_plain_targets_take_the_index_of_x(panel, n_targets):
    values = np.arange(len(panel) * n_targets).reshape(len(panel), n_targets)
    y = align_target(panel, values[:, 0] if n_targets == 1 else values)
    assert y.index is panel.index
    np.testing.assert_array_equal(y, values)


def test_pandas_targets_keep_their_names(panel):
    assert list(align_target(panel, panel["sales"])) == ["sales"]
    assert align_target(panel, panel) is panel
    plain = panel.reset_index(drop=True)
    assert list(align_target(panel, plain)) == ["price", "sales"]
    assert align_target(panel, plain).index.equals(panel.index)
    y = align_target(panel, plain["sales"])
    np.testing.assert_array_equal(y.iloc[:, 0], panel["sales"])


def test_target_of_other_rows_raises(panel):
    message = "y and X must have the same index in the same order."
    for y in (panel["sales"].iloc[::-1], panel["sales"].iloc[1:]):
        with pytest.raises(ValueError, match=re.escape(message)):
            align_target(panel, y)
    message = "each of the 93 rows of X, got shape (92,)."
    with pytest.raises(ValueError, match=re.escape(message)):
        align_target(panel, np.zeros(92))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["store", "date"], "store"),
        (["region", "store", "date"], "region_store"),
        ([None, "date"], "series"),
        ([0, "date"], "0"),
    ],
)
def test_series_are_named_by_their_levels(names, expected):
    index = pd.MultiIndex.from_arrays([[1]] * len(names), names=names)
    assert series_name(index) == expected


def test_numbers_are_shown_as_such():
    labels = [(np.str_("a"), np.int64(605)), np.float64(0.5)]
    assert show(labels) == "('a', 605), 0.5"


def test_only_a_few_labels_are_shown():
    assert show(pd.Index(["a", "b"])) == "'a', 'b'"
    assert show(pd.Index(range(8))) == "0, 1, 2, 3, 4 and 3 more"
    assert len(show(pd.Index(["x" * 1000]))) < 100


@pytest.mark.parametrize("size", [1, 3, 100])
def test_tails_are_the_last_rows_of_each_series(size):
    indptr = np.array([0, 2, 7, 8])
    positions, kept = tail_positions(indptr, size)
    tails = [
        list(range(8))[a:b][-size:] for a, b in zip(indptr, indptr[1:], strict=False)
    ]
    assert list(positions) == sum(tails, [])
    assert list(np.diff(kept)) == [len(tail) for tail in tails]


def test_many_levels_of_many_labels_keep_series_apart():
    """The product of their sizes is more than an integer holds."""
    labels = pd.RangeIndex(1 << 16)
    codes = [[0, 1, 0, 1], [0] * 4, [0] * 4, [0] * 4, [0] * 4, [0, 0, 1, 1]]
    index = pd.MultiIndex(levels=[labels] * 6, codes=codes)
    rows = read_rows(pd.DataFrame({"y": range(4)}, index))
    assert (rows.n_series, rows.order.tolist()) == (2, [0, 2, 1, 3])

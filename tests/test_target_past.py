"""The target's past as inputs: what they are, and what they never depend on."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklstm._panels.fill import fill_forward
from sklstm._windows.target_past import (
    PastView,
    relative_level,
    seasonal_differences,
    segment_start_of_rows,
)

LENGTHS = [13, 1, 30, 2, 7]
VIEWS = [
    PastView((1, 4), "keep", 1, None),
    PastView((40, 3), "drop", 1, None),
    PastView((), "relative", 12, None),
    PastView((2,), "relative", 7, 0.5),
]


def make_target(lengths=LENGTHS, missing=0.2, n_targets=2, dtype=np.float32):
    """Targets of unequal series with holes, and the first row of each."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=(sum(lengths), n_targets)).astype(dtype)
    target[rng.random(target.shape) < missing] = np.nan
    return target, np.r_[0, np.cumsum(lengths)[:-1]]


def bounds(segments, n_rows):
    return zip(segments, np.append(segments[1:], n_rows), strict=True)


def by_loop(function, target, segments):
    """Apply ``function(own, t)`` to every row t of every segment's own rows."""
    rows = [
        function(target[first:last], t)
        for first, last in bounds(segments, len(target))
        for t in range(last - first)
    ]
    return np.array(rows, dtype=target.dtype)


def fill_by_loop(column, periods):
    """Fill one column of one segment, row by row and period by period."""
    for period in [*sorted(periods, reverse=True), 1]:
        for t in range(period, len(column)):
            if np.isnan(column[t]):
                column[t] = column[t - period]
    return [0 if np.isnan(value) else value for value in column]


def test_every_row_knows_where_its_segment_starts():
    start = segment_start_of_rows(np.array([0, 3, 4]), 9)
    assert_array_equal(start, [0, 0, 0, 3, 4, 4, 4, 4, 4])


@pytest.mark.parametrize("lag", [1, 3, 12, 29, 30, 200])
def test_seasonal_differences_equal_a_loop(lag):
    target, segments = make_target()

    def change(own, t):
        return own[t] - own[t - lag] if t >= lag else np.full(2, np.nan)

    got = seasonal_differences(
        target, segment_start_of_rows(segments, len(target)), lag
    )
    assert_array_equal(got, by_loop(change, target, segments))


@pytest.mark.parametrize("n_mean", [1, 2, 3, 7, 8, 24, 200])
def test_relative_level_equals_a_loop(n_mean):
    target, segments = make_target()

    def level(own, t):
        last = own[max(t - n_mean + 1, 0) : t + 1].astype(np.float64)
        means = [column[~np.isnan(column)].sum() for column in last.T]
        return own[t] - means / np.maximum((~np.isnan(last)).sum(axis=0), 1)

    start = segment_start_of_rows(segments, len(target))
    got = relative_level(target, start, n_mean)
    expected = by_loop(level, target, segments)
    assert_allclose(got, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("periods", [(), (1,), (4,), (7, 3), (3, 7), (50, 2)])
@pytest.mark.parametrize("missing", [0.0, 0.2, 0.7])
def test_filling_equals_a_loop(periods, missing):
    target, segments = make_target(missing=missing)
    expected = [
        np.column_stack([fill_by_loop(list(column), periods) for column in own.T])
        for own in (target[a:b] for a, b in bounds(segments, len(target)))
    ]
    start = segment_start_of_rows(segments, len(target))
    assert_array_equal(fill_forward(target, start, periods), np.vstack(expected))


def test_filling_leaves_the_target_itself_alone():
    target, segments = make_target()
    before = target.copy()
    fill_forward(target, segment_start_of_rows(segments, len(target)), (3,))
    VIEWS[-1].inputs(target, segments)
    assert_array_equal(target, before)


@pytest.mark.parametrize("view", VIEWS)
def test_a_series_alone_has_the_inputs_it_has_among_others(view):
    target, segments = make_target()
    among = view.inputs(target, segments)
    for first, last in bounds(segments, len(target)):
        alone = view.inputs(target[first:last], np.array([0]))
        assert_array_equal(alone, among[first:last])


@pytest.mark.parametrize("periods", [(), (7, 3)])
def test_a_series_alone_is_filled_as_among_others(periods):
    target, segments = make_target(missing=0.5)
    start = segment_start_of_rows(segments, len(target))
    among = fill_forward(target, start, periods)
    for first, last in bounds(segments, len(target)):
        own = target[first:last]
        alone = fill_forward(own, np.zeros(len(own), dtype=int), periods)
        assert_array_equal(alone, among[first:last])


@pytest.mark.parametrize("value", [1e6, np.nan])
@pytest.mark.parametrize("view", VIEWS)
def test_the_future_changes_no_input_before_it(view, value):
    target, segments = make_target()
    start = segment_start_of_rows(segments, len(target))
    late = np.arange(len(target)) - start >= 5
    changed = np.where(late[:, None], np.float32(value), target)
    before, after = (
        np.hstack([view.inputs(one, segments), fill_forward(one, start, (3,))])
        for one in (target, changed)
    )
    assert_array_equal(before[~late], after[~late])
    assert not np.array_equal(before[late], after[late], equal_nan=True)


@pytest.mark.parametrize("view", VIEWS)
def test_an_input_reaches_back_so_many_rows_and_no_further(view):
    target, segments = make_target([60], missing=0.0)
    target /= 100  # too small to be clipped
    base = view.inputs(target, segments)
    for back, reached in ((view.reach, True), (view.reach + 1, False)):
        changed = target.copy()
        changed[59 - back] += 0.01
        moved = view.inputs(changed, segments)[59] != base[59]
        assert moved.any() == reached


@pytest.mark.parametrize("view", VIEWS[1:])
def test_a_level_added_to_a_series_changes_no_input_without_level(view):
    rng = np.random.default_rng(0)
    target = rng.integers(-50, 50, size=(53, 2)).astype(np.float32)
    _, segments = make_target()
    inputs = view.inputs(target, segments)
    raised = view.inputs(target + 4096, segments)
    assert_allclose(raised, inputs, rtol=1e-6, atol=1e-6)
    n_differences = 2 * len(view.differences)
    assert_array_equal(raised[:, :n_differences], inputs[:, :n_differences])


@pytest.mark.parametrize("value", [0.0, 0.1, -1e12 / 3, 1e-12])
def test_a_constant_series_has_no_change_at_all(value):
    target = np.full((40, 1), value, dtype=np.float32)
    start = np.zeros(40, dtype=int)
    for n_mean in (3, 7, 24, 40):
        assert_array_equal(relative_level(target, start, n_mean), 0)
    assert_array_equal(seasonal_differences(target, start, 5)[5:], 0)


def test_changes_are_clipped_and_the_value_is_not():
    target, segments = make_target()
    for level, n_clipped in (("keep", 4), ("relative", 6)):
        free = PastView((1, 3), level, 5, None).inputs(target, segments)
        bound = PastView((1, 3), level, 5, 0.5).inputs(target, segments)
        assert (np.nanmax(np.abs(free), axis=0) > 0.5).all()
        assert_array_equal(
            bound[:, :n_clipped], np.clip(free[:, :n_clipped], -0.5, 0.5)
        )
        assert_array_equal(
            bound[:, n_clipped:], target if level == "keep" else bound[:, 6:]
        )


@pytest.mark.parametrize(
    ("level", "n_inputs"), [("keep", 6), ("relative", 6), ("drop", 4)]
)
def test_the_value_is_an_input_only_if_it_is_kept(level, n_inputs):
    target, segments = make_target()
    view = PastView((1, 3), level, 5, None)
    inputs = view.inputs(target, segments)
    assert inputs.shape[1] == view.n_inputs(2) == n_inputs
    last = np.array_equal(inputs[:, -2:], target, equal_nan=True)
    assert last == (level == "keep")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("view", VIEWS)
def test_inputs_keep_the_float_type(view, dtype):
    target, segments = make_target(dtype=dtype)
    assert view.inputs(target, segments).dtype == dtype

import re

import numpy as np
import pandas as pd
import pytest

from sklstm.datasets import make_panel
from sklstm.metrics import (
    interval_coverage,
    interval_score,
    mean_interval_width,
    mean_quantile_loss,
)


def score(y_true, y_interval, **options):
    return interval_score(y_true, y_interval, coverage=0.8, **options)


def width(y_true, y_interval, **options):
    return mean_interval_width(y_interval, **options)


METRICS = [interval_coverage, score, width]
AGAINST_TRUTH = [interval_coverage, score]


@pytest.fixture
def parts():
    """True values of a panel in random order, and intervals that hold some of them."""
    y = make_panel(n_series=3, n_rows=12, freq=None, random_state=0)["target"]
    y = y.sample(frac=1, random_state=0)
    rng = np.random.default_rng(0)
    lower = y + rng.normal(-1, 1, size=len(y))
    return y, pd.DataFrame({"lower": lower, "upper": lower + rng.random(len(y)) * 3})


def test_coverage_is_the_share_of_rows_inside(parts):
    y, interval = parts
    share = y.between(interval["lower"], interval["upper"]).mean()
    assert 0.2 < share < 0.9
    assert interval_coverage(y, interval) == pytest.approx(share)


def test_bounds_are_inside():
    assert interval_coverage([1.0, 2.0, 3.0], [[1, 2], [1, 2], [3, 3]]) == 1


def test_infinite_intervals_cover_everything(parts):
    y, _ = parts
    interval = np.tile([-np.inf, np.inf], (len(y), 1))
    assert interval_coverage(y, interval) == 1
    assert mean_interval_width(interval) == np.inf
    assert score(y, interval) == np.inf


@pytest.mark.parametrize("metric", METRICS)
def test_infinite_interval_of_weight_zero_changes_nothing(parts, metric):
    y, interval = parts
    expected = metric(y, interval, sample_weight=np.arange(len(y)) > 0)
    interval.iloc[0] = [-np.inf, np.inf]
    changed = metric(y, interval, sample_weight=np.arange(len(y)) > 0)
    assert changed == expected


def test_width_is_the_mean_difference_of_bounds(parts):
    _, interval = parts
    expected = (interval["upper"] - interval["lower"]).mean()
    assert mean_interval_width(interval) == pytest.approx(expected)


def test_score_is_the_loss_of_both_bounds_in_other_units(parts):
    y, interval = parts
    loss = mean_quantile_loss(y, interval.set_axis([0.1, 0.9], axis=1))
    assert score(y, interval) == pytest.approx(loss * 4 / (1 - 0.8))


def test_score_of_intervals_that_hold_the_truth_is_their_width(parts):
    y, interval = parts
    inside = y.between(interval["lower"], interval["upper"])
    expected = mean_interval_width(interval[inside])
    assert score(y[inside], interval[inside]) == pytest.approx(expected)


def test_honest_interval_has_the_least_score():
    y = np.random.default_rng(0).normal(size=5000)
    honest = np.quantile(y, [0.1, 0.9])
    best = score(y, np.tile(honest, (len(y), 1)))
    for change in (0.8 * honest, 1.2 * honest, honest - 0.1, honest + 0.1):
        assert score(y, np.tile(change, (len(y), 1))) > best


@pytest.mark.parametrize("metric", METRICS)
def test_units_of_y(parts, metric):
    y, interval = parts
    factor = 1 if metric is interval_coverage else 100
    scaled = metric(100 * y, 100 * interval)
    assert scaled == pytest.approx(factor * metric(y, interval))


@pytest.mark.parametrize("metric", METRICS)
def test_frame_and_array_score_the_same(parts, metric):
    y, interval = parts
    array = interval.to_numpy()
    assert metric(y, array) == metric(y, array[:, None]) == metric(y, interval)
    assert metric(y, interval.set_axis([0.1, 0.9], axis=1)) == metric(y, interval)


@pytest.mark.parametrize("metric", AGAINST_TRUTH)
def test_rows_with_an_unknown_true_value_are_not_scored(parts, metric):
    y, interval = parts
    part = y.copy()
    part.iloc[::4] = np.nan
    known = part.notna()
    expected = pytest.approx(metric(y[known], interval[known]))
    assert metric(part, interval) == expected
    assert metric(part, interval.where(known)) == expected


@pytest.mark.parametrize("metric", METRICS)
def test_weights_count_rows_as_often(parts, metric):
    y, interval = parts
    often = np.arange(len(y)) % 3
    rows = np.arange(len(y)).repeat(often)
    repeated = metric(y.iloc[rows], interval.iloc[rows])
    assert metric(y, interval, sample_weight=often) == pytest.approx(repeated)


@pytest.mark.parametrize("metric", METRICS)
def test_several_targets_are_averaged(parts, metric):
    y, interval = parts
    both = pd.DataFrame({"a": y, "b": 2 * y})
    stacked = pd.concat({"a": interval, "b": 3 * interval}, axis=1)
    mean = (metric(both["a"], interval) + metric(both["b"], 3 * interval)) / 2
    assert metric(both, stacked) == pytest.approx(mean)
    array = stacked.to_numpy().reshape(len(y), 2, 2)
    assert metric(both, array) == pytest.approx(mean)


@pytest.mark.parametrize("metric", AGAINST_TRUTH)
def test_intervals_in_another_row_order_raise(parts, metric):
    y, interval = parts
    message = (
        "y_true and y_interval must have the same index in the same order. Reorder one "
        "of them, e.g. y_interval = y_interval.loc[y_true.index]."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        metric(y, interval.sort_index())


ORDER = (
    "y_interval must not decrease from one column to the next, but does in 1 of 1 "
    "rows, first in row 0. Give the lower bound first."
)
NO_INTERVAL = (
    "y_interval is not an interval in 1 of 1 rows; every row that is scored needs its "
    "forecasts."
)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("y_interval", "message"),
    [
        ([[2, 1]], ORDER),
        ([[np.nan, 1]], NO_INTERVAL),
        ([[1, np.nan]], NO_INTERVAL),
        ([[np.inf, np.inf]], NO_INTERVAL),
        (
            [[1, 2, 3]],
            "y_interval must have two forecasts for each value, its lower and its "
            "upper bound, got 3.",
        ),
        (
            pd.DataFrame({0.1: [1], 0.5: [2], 0.9: [3]}),
            "y_interval must have two forecasts for each value, its lower and its "
            "upper bound, got 3: 0.1, 0.5, 0.9.",
        ),
        (
            [1, 2],
            "y_interval must be of shape (n_rows, n_forecasts) or (n_rows, n_targets, "
            "n_forecasts), got (2,).",
        ),
    ],
)
def test_broken_intervals_raise(metric, y_interval, message):
    with pytest.raises(ValueError, match=re.escape(message) + "$"):
        metric([1.0], y_interval)


@pytest.mark.parametrize("metric", AGAINST_TRUTH)
def test_another_number_of_rows_raises(metric):
    message = (
        "y_interval must have forecasts for each value of y_true, got (1, 1) (rows, "
        "targets) against (2, 1)."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        metric([1.0, 2.0], [[1, 2]])


@pytest.mark.parametrize("coverage", [0, 1, 90])
def test_coverage_that_is_no_share_raises(coverage):
    message = f"coverage must lie between 0 and 1, got {coverage}."
    with pytest.raises(ValueError, match=re.escape(message)):
        interval_score([1.0], [[1, 2]], coverage=coverage)


@pytest.mark.parametrize(
    ("interval", "weight"), [(np.empty((0, 2)), None), ([[0, 1]], [0.0])]
)
def test_a_width_of_no_rows_raises(interval, weight):
    with pytest.raises(ValueError, match="y_interval has no row to average"):
        mean_interval_width(interval, sample_weight=weight)


def test_bounds_that_cross_by_rounding_have_no_width():
    lower = np.float32(1e6)
    upper = np.nextafter(lower, np.float32(0))
    assert upper < lower
    assert mean_interval_width([[lower, upper]]) == 0
    with pytest.raises(ValueError, match="must not decrease"):
        mean_interval_width([[1_000_000.5, 1_000_000.0]])

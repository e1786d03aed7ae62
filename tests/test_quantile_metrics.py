import re
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, mean_pinball_loss

from sklstm.datasets import make_panel
from sklstm.metrics import continuous_ranked_probability_score as crps
from sklstm.metrics import mean_quantile_loss

METRICS = [mean_quantile_loss, crps]
SPACINGS = [
    [0.5],
    [0.1, 0.5, 0.9],
    [0.05, 0.95],
    [0.1, 0.2, 0.3, 0.95],
    [0.01, 0.02, 0.4, 0.5, 0.99],
    np.linspace(0.05, 0.95, 19),
]


@pytest.fixture
def parts():
    """True values of a panel in random order, and forecasts of three quantiles."""
    y = make_panel(n_series=3, n_rows=12, freq=None, random_state=0)["target"]
    y = y.sample(frac=1, random_state=0)
    rng = np.random.default_rng(0)
    values = np.sort(y.to_numpy()[:, None] + rng.normal(size=(len(y), 3)), axis=1)
    return y, pd.DataFrame(values, index=y.index, columns=[0.1, 0.5, 0.8])


@pytest.mark.parametrize("quantiles", SPACINGS, ids=str)
def test_score_of_a_point_is_its_absolute_error(quantiles):
    y, point = np.random.default_rng(0).normal(size=(2, 50))
    forecasts = np.repeat(point[:, None], len(quantiles), axis=1)
    score = crps(y, forecasts, quantiles=quantiles)
    assert score == pytest.approx(mean_absolute_error(y, point), rel=1e-12)
    for row in range(5):
        score = crps(y[[row]], forecasts[[row]], quantiles=quantiles)
        assert score == pytest.approx(abs(y[row] - point[row]), rel=1e-12)


def test_loss_of_the_median_is_half_the_absolute_error():
    y, point = np.random.default_rng(0).normal(size=(2, 50))
    loss = mean_quantile_loss(y, point[:, None], quantiles=[0.5])
    assert loss == pytest.approx(mean_absolute_error(y, point) / 2)


def test_loss_is_the_mean_over_quantiles_of_that_of_scikit_learn(parts):
    y, forecasts = parts
    each = [mean_pinball_loss(y, forecasts[q], alpha=q) for q in forecasts]
    assert mean_quantile_loss(y, forecasts) == pytest.approx(np.mean(each))
    for q, loss in zip(forecasts, each, strict=True):
        assert mean_quantile_loss(y, forecasts[[q]]) == pytest.approx(loss)


def test_score_of_equal_steps_is_twice_the_mean_loss():
    y = np.random.default_rng(0).normal(size=30)
    quantiles = (np.arange(10) + 0.5) / 10
    forecasts = np.tile(quantiles, (30, 1))
    twice = 2 * mean_quantile_loss(y, forecasts, quantiles=quantiles)
    assert crps(y, forecasts, quantiles=quantiles) == pytest.approx(twice)


def test_score_of_a_normal_distribution_is_near_its_closed_form():
    normal, y = NormalDist(), np.random.default_rng(0).normal(size=2000)
    quantiles = np.arange(1, 100) / 100
    forecasts = np.tile([normal.inv_cdf(q) for q in quantiles], (len(y), 1))
    cdf, pdf = (np.array([f(v) for v in y]) for f in (normal.cdf, normal.pdf))
    exact = np.mean(y * (2 * cdf - 1) + 2 * pdf - 1 / np.sqrt(np.pi))
    assert crps(y, forecasts, quantiles=quantiles) == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("metric", METRICS)
def test_honest_quantiles_have_the_least_error(metric):
    y = np.random.default_rng(0).normal(size=5000)
    quantiles = [0.1, 0.4, 0.5, 0.95]
    honest = np.quantile(y, quantiles)
    best = metric(y, np.tile(honest, (len(y), 1)), quantiles=quantiles)
    for change in (0.8 * honest, 1.2 * honest, honest - 0.1, honest + 0.1):
        forecasts = np.tile(change, (len(y), 1))
        assert metric(y, forecasts, quantiles=quantiles) > best


@pytest.mark.parametrize("metric", METRICS)
def test_error_is_in_units_of_y(parts, metric):
    y, forecasts = parts
    error = metric(y, forecasts)
    assert metric(1e3 * y, 1e3 * forecasts) == pytest.approx(1e3 * error)
    assert metric(y + 1e3, forecasts + 1e3) == pytest.approx(error)


@pytest.mark.parametrize("metric", METRICS)
def test_perfect_forecasts_have_no_error(parts, metric):
    y, forecasts = parts
    assert metric(y, forecasts.apply(lambda column: y)) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_frame_and_array_score_the_same(parts, metric):
    y, forecasts = parts
    array = forecasts.to_numpy()
    error = metric(y, forecasts)
    assert error == metric(y, array, quantiles=[0.1, 0.5, 0.8])
    assert error == metric(y, array[:, None], quantiles=(0.1, 0.5, 0.8))
    assert error == metric(y, forecasts, quantiles=[0.1, 0.5, 0.8])
    assert error == metric(y.to_numpy(), forecasts)


@pytest.mark.parametrize("metric", METRICS)
def test_rows_with_an_unknown_true_value_are_not_scored(parts, metric):
    y, forecasts = parts
    part = y.copy()
    part.iloc[::4] = np.nan
    known = part.notna()
    expected = metric(y[known], forecasts[known])
    assert metric(part, forecasts) == pytest.approx(expected)
    forecasts = forecasts.where(known)
    assert metric(part, forecasts) == pytest.approx(expected)


@pytest.mark.parametrize("metric", METRICS)
def test_weights_count_rows_as_often(parts, metric):
    y, forecasts = parts
    often = np.arange(len(y)) % 3
    error = metric(y, forecasts, sample_weight=often)
    repeated = metric(
        np.repeat(y, often), forecasts.iloc[np.arange(len(y)).repeat(often)]
    )
    assert error == pytest.approx(repeated)


@pytest.mark.parametrize("metric", METRICS)
def test_several_targets_are_averaged(parts, metric):
    y, forecasts = parts
    both = pd.DataFrame({"a": y, "b": 2 * y})
    both.iloc[3, 1] = np.nan
    stacked = pd.concat({"a": forecasts, "b": 3 * forecasts}, axis=1)
    mean = (metric(both["a"], forecasts) + metric(both["b"], 3 * forecasts)) / 2
    assert metric(both, stacked) == pytest.approx(mean)
    array = stacked.to_numpy().reshape(len(y), 2, 3)
    error = metric(both, array, quantiles=[0.1, 0.5, 0.8])
    assert error == pytest.approx(mean)


@pytest.mark.parametrize("metric", METRICS)
def test_targets_in_another_order_raise(parts, metric):
    y, forecasts = parts
    stacked = pd.concat({"b": forecasts, "a": forecasts}, axis=1)
    message = (
        "y_quantiles must have the targets of y_true in the same order, 'a', 'b', got "
        "'b', 'a'."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        metric(pd.DataFrame({"a": y, "b": y}), stacked)


@pytest.mark.parametrize("metric", METRICS)
def test_targets_of_other_quantiles_raise(parts, metric):
    y, forecasts = parts
    other = forecasts.set_axis([0.1, 0.5, 0.9], axis=1)
    stacked = pd.concat({"a": forecasts, "b": other}, axis=1)
    message = (
        "y_quantiles must have the same columns for each target, one target after the "
        "other, got ('a', 0.1), ('a', 0.5), ('a', 0.8), ('b', 0.1), ('b', 0.5) and 1 "
        "more."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        metric(pd.DataFrame({"a": y, "b": y}), stacked)


@pytest.mark.parametrize("metric", METRICS)
def test_forecasts_in_another_row_order_raise(parts, metric):
    y, forecasts = parts
    message = (
        "y_true and y_quantiles must have the same index in the same order. Reorder "
        "one of them, e.g. y_quantiles = y_quantiles.loc[y_true.index]."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        metric(y, forecasts.sort_index())


@pytest.mark.parametrize("metric", METRICS)
def test_rounding_is_no_crossing(metric):
    equal = [[1e6, 1e6 - 1e-3]]
    assert metric([1e6], equal, quantiles=[0.1, 0.9]) == pytest.approx(0, abs=1e-3)


BETWEEN = "quantiles must be numbers between 0 and 1, such as (0.1, 0.5, 0.9); got"


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("y_quantiles", "quantiles", "message"),
    [
        (
            [[1, 2]],
            None,
            "quantiles must be given where y_quantiles is an array. Or give a "
            "DataFrame whose columns are the quantiles.",
        ),
        ([[1, 2]], [0.0, 0.5], f"{BETWEEN} [0.0, 0.5]."),
        ([[1, 2]], [0.5, 1.0], f"{BETWEEN} [0.5, 1.0]."),
        ([[1, 2]], [0.9, 0.1], "quantiles must ascend, each once; got [0.9, 0.1]."),
        ([[1, 2]], [0.5, 0.5], "quantiles must ascend, each once; got [0.5, 0.5]."),
        ([[1, 2]], [0.5, np.nan], f"{BETWEEN} [0.5, nan]."),
        ([[1, 2]], [], f"{BETWEEN} []."),
        ([[1, 2]], ["low", "high"], f"{BETWEEN} ['low', 'high']."),
        (
            pd.DataFrame({"low": [1], "high": [2]}),
            None,
            "The columns of y_quantiles must be numbers between 0 and 1, such as (0.1, "
            "0.5, 0.9); got ('low', 'high').",
        ),
        (
            pd.DataFrame({0.1: [1], 0.9: [2]}),
            [0.2, 0.9],
            "quantiles must be the columns of y_quantiles, 0.1, 0.9, got 0.2, 0.9. "
            "Leave it out, or choose among the columns.",
        ),
        (
            [[1, 2]],
            [0.1, 0.5, 0.9],
            "y_quantiles must have one forecast for each of the 3 quantiles, got 2.",
        ),
        (
            [1],
            [0.5],
            "y_quantiles must be of shape (n_rows, n_forecasts) or (n_rows, n_targets, "
            "n_forecasts), got (1,).",
        ),
        (
            [[1, 2], [1, 2]],
            [0.1, 0.9],
            "y_quantiles must have forecasts for each value of y_true, got (2, 1) "
            "(rows, targets) against (1, 1).",
        ),
        (
            [[2, 1]],
            [0.1, 0.9],
            "y_quantiles must not decrease from one column to the next, but does in 1 "
            "of 1 rows, first in row 0. Sort the forecasts of each row.",
        ),
        (
            [[np.nan, 1]],
            [0.1, 0.9],
            "y_quantiles is not finite in 1 of 1 rows; every row that is scored needs "
            "its forecasts.",
        ),
        (
            [[1, np.inf]],
            [0.1, 0.9],
            "y_quantiles is not finite in 1 of 1 rows; every row that is scored needs "
            "its forecasts.",
        ),
    ],
)
def test_broken_forecasts_raise(metric, y_quantiles, quantiles, message):
    with pytest.raises(ValueError, match=re.escape(message) + "$"):
        metric([1.0], y_quantiles, quantiles=quantiles)


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_to_score_raises(metric):
    message = "y_true has no row to score: each target needs a value, not NaN,"
    with pytest.raises(ValueError, match=re.escape(message)):
        metric([np.nan], [[1, 2]], quantiles=[0.1, 0.9])


@pytest.mark.parametrize("quantiles", [[0.6, 0.9], [0.5, 0.9], [0.1, 0.5]])
def test_score_from_one_side_of_the_median_raises(quantiles):
    message = (
        "quantiles must be below and above 0.5, or 0.5 alone, to stand for a whole "
        f"distribution, got {quantiles[0]}, {quantiles[1]}. Use mean_quantile_loss."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        crps([1.0], [[1, 2]], quantiles=quantiles)
    assert mean_quantile_loss([1.0], [[1, 2]], quantiles=quantiles) > 0

import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.dummy import DummyRegressor
from sklearn.metrics import make_scorer

from sklstm.datasets import make_panel
from sklstm.metrics import (
    continuous_ranked_probability_score,
    interval_coverage,
    mean_absolute_scaled_error,
    mean_quantile_loss,
    root_mean_squared_scaled_error,
    symmetric_mean_absolute_percentage_error,
    weighted_absolute_percentage_error,
)

SCALED = [mean_absolute_scaled_error, root_mean_squared_scaled_error]
POWERS = [(mean_absolute_scaled_error, 1), (root_mean_squared_scaled_error, 2)]
PERCENTAGE = [
    symmetric_mean_absolute_percentage_error,
    weighted_absolute_percentage_error,
]


@pytest.fixture
def parts():
    """Training rows, test rows and forecasts of unequal series, in random order."""
    panel = make_panel(n_series=5, n_rows=(15, 30), freq=None, random_state=0)
    y = panel["target"]
    test = y.groupby(level="series").tail(4).index
    train = y.drop(test).sample(frac=1, random_state=1)
    y_true = y[test].sample(frac=1, random_state=2)
    noise = np.random.default_rng(0).normal(1, 0.2, size=len(y_true))
    return train, y_true, y_true * noise


def loop_over_series(train, y_true, y_pred, period, power):
    errors = []
    for name, truth in y_true.groupby(level="series"):
        x = train[train.index.get_level_values("series") == name].sort_index()
        x = x.to_numpy()
        naive = [abs(x[t] - x[t - period]) ** power for t in range(period, len(x))]
        error = (truth - y_pred[truth.index]).abs() ** power
        errors.append((error.mean() / np.nanmean(naive)) ** (1 / power))
    return np.mean(errors)


@pytest.mark.parametrize("period", [1, 7])
@pytest.mark.parametrize(("metric", "power"), POWERS)
def test_scaled_error_equals_a_loop_over_series(parts, metric, power, period):
    train, y_true, y_pred = parts
    error = metric(y_true, y_pred, y_train=train, seasonal_period=period)
    assert error == pytest.approx(
        loop_over_series(train, y_true, y_pred, period, power), rel=1e-12
    )


@pytest.mark.parametrize(("metric", "power"), POWERS)
def test_missing_training_values_are_skipped(parts, metric, power):
    train, y_true, y_pred = parts
    train = train.sort_index()
    train.iloc[::6] = np.nan
    error = metric(y_true, y_pred, y_train=train, seasonal_period=2)
    assert error == pytest.approx(loop_over_series(train, y_true, y_pred, 2, power))


@pytest.mark.parametrize("metric", SCALED)
def test_one_series_of_a_panel_scores_as_a_plain_array(parts, metric):
    train, y_true, y_pred = (
        part.xs("s0", drop_level=False).sort_index() for part in parts
    )
    error = metric(y_true, y_pred, y_train=train, seasonal_period=7)
    arrays = [part.to_numpy() for part in (y_true, y_pred, train)]
    assert error == metric(arrays[0], arrays[1], y_train=arrays[2], seasonal_period=7)


@pytest.mark.parametrize("metric", SCALED)
def test_seasonal_naive_on_its_own_training_rows_scores_one(metric):
    y = np.random.default_rng(0).normal(size=50)
    error = metric(y[7:], y[:-7], y_train=y, seasonal_period=7)
    assert error == pytest.approx(1)


@pytest.mark.parametrize("metric", SCALED)
def test_scaled_error_does_not_depend_on_units_of_a_series(parts, metric):
    unit = pd.Series([1.0, 1e-3, 50, 1e6, 7], index=[f"s{i}" for i in range(5)])
    scaled = [
        part * unit[part.index.get_level_values("series")].to_numpy() for part in parts
    ]
    train, y_true, y_pred = parts
    error = metric(y_true, y_pred, y_train=train)
    assert metric(scaled[1], scaled[2], y_train=scaled[0]) == pytest.approx(error)


@pytest.mark.parametrize("metric", SCALED)
def test_every_series_counts_the_same_whatever_its_length(metric):
    index = pd.MultiIndex.from_tuples([("a", 5), ("b", 5), ("b", 6), ("b", 7)])
    train = pd.Series(
        [0, 1, 2, 0, 10, 20],
        index=pd.MultiIndex.from_product([["a", "b"], range(3)]),
    )
    y_true = pd.Series([0, 0, 0, 0], index=index)
    error = metric(y_true, [3, 10, 10, 10], y_train=train)
    assert error == pytest.approx((3 + 1) / 2)


@pytest.mark.parametrize("metric", SCALED)
def test_forecasts_may_be_an_array_in_the_rows_of_y_true(parts, metric):
    train, y_true, y_pred = parts
    error = metric(y_true, y_pred, y_train=train)
    assert metric(y_true, y_pred.to_numpy(), y_train=train) == error


@pytest.mark.parametrize("metric", SCALED)
def test_rows_with_an_unknown_true_value_are_not_scored(parts, metric):
    train, y_true, y_pred = parts
    known = y_true.copy()
    known.iloc[[0, 3, 8]] = np.nan
    kept = known.notna()
    expected = metric(y_true[kept], y_pred[kept], y_train=train)
    assert metric(known, y_pred.where(kept), y_train=train) == expected
    assert expected != metric(y_true, y_pred, y_train=train)


@pytest.mark.parametrize("metric", SCALED)
def test_rows_of_weight_zero_are_not_scored(parts, metric):
    train, y_true, y_pred = parts
    weight = np.arange(len(y_true)) % 3.0
    kept = weight > 0
    repeated = metric(y_true, y_pred, y_train=train, sample_weight=weight > 0)
    assert repeated == metric(y_true[kept], y_pred[kept], y_train=train)
    weighted = metric(y_true, y_pred, y_train=train, sample_weight=weight)
    assert weighted != repeated


@pytest.mark.parametrize("metric", SCALED)
@pytest.mark.parametrize("useless", ["constant", "rounded", "short"])
def test_series_without_a_scale_are_left_out(parts, metric, useless):
    train, y_true, y_pred = parts
    expected_rows = y_true.index.get_level_values("series") != "s2"
    expected = metric(
        y_true[expected_rows], y_pred[expected_rows], y_train=train, seasonal_period=7
    )
    chosen = train.index.get_level_values("series") == "s2"
    if useless == "short":
        train = train[~chosen | (train.index.get_level_values("time") < 7)]
    else:
        values = np.full(chosen.sum(), 3e5)
        values[::2] += 1e-10 if useless == "rounded" else 0
        train = train.copy()
        train[chosen] = values
    assert metric(y_true, y_pred, y_train=train, seasonal_period=7) == expected


@pytest.mark.parametrize("metric", SCALED)
def test_no_series_with_a_scale_raises(parts, metric):
    train, y_true, y_pred = parts
    message = (
        "The error has no scale: each of the 5 series is constant in y_train, or has "
        "no two values that are seasonal_period=40 rows apart."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        metric(y_true, y_pred, y_train=train, seasonal_period=40)


@pytest.mark.parametrize("metric", SCALED)
def test_series_without_training_rows_raises_unless_it_is_not_scored(parts, metric):
    train, y_true, y_pred = parts
    train = train.drop("s3", level="series")
    message = "y_train has no rows for 1 series of y_true: 's3'."
    with pytest.raises(ValueError, match=re.escape(message)):
        metric(y_true, y_pred, y_train=train)
    y_true = y_true.copy()
    y_true[y_true.index.get_level_values("series") == "s3"] = np.nan
    assert metric(y_true, y_pred, y_train=train) > 0


@pytest.mark.parametrize("metric", SCALED)
def test_other_series_in_the_training_rows_change_nothing(parts, metric):
    train, y_true, y_pred = parts
    chosen = y_true.index.get_level_values("series") == "s3"
    y_true, y_pred = y_true[chosen], y_pred[chosen]
    only = train.xs("s3", drop_level=False)
    error = metric(y_true, y_pred, y_train=train)
    assert error == metric(y_true, y_pred, y_train=only)


@pytest.mark.parametrize("metric", SCALED)
def test_several_targets_are_averaged(parts, metric):
    train, y_true, y_pred = parts
    frames = [pd.DataFrame({"a": part, "b": part**2}) for part in parts]
    frames[1].iloc[2, 1] = np.nan
    each = [
        metric(frames[1][name], frames[2][name], y_train=frames[0][name])
        for name in ("a", "b")
    ]
    both = metric(frames[1], frames[2], y_train=frames[0])
    assert both == pytest.approx(np.mean(each))


@pytest.mark.parametrize("metric", SCALED)
def test_panel_and_array_do_not_mix(parts, metric):
    train, y_true, y_pred = parts
    message = "{} must be a pandas object indexed by (series, time), got ndarray."
    with pytest.raises(TypeError, match=re.escape(message.format("y_train"))):
        metric(y_true, y_pred, y_train=train.to_numpy())
    with pytest.raises(TypeError, match=re.escape(message.format("y_true"))):
        metric(y_true.to_numpy(), y_pred, y_train=train)


@pytest.mark.parametrize("metric", SCALED)
def test_series_named_by_another_number_of_levels_raise(parts, metric):
    train, y_true, y_pred = parts
    train = pd.concat({"x": train})
    message = "y_true names its series by 1 index level(s), but y_train has 2."
    with pytest.raises(ValueError, match=re.escape(message)):
        metric(y_true, y_pred, y_train=train)


@pytest.mark.parametrize("metric", SCALED)
def test_training_rows_with_columns_or_levels_in_another_order_raise(parts, metric):
    train, y_true, y_pred = (pd.DataFrame({"a": y, "b": 100 * y}) for y in parts)
    message = "y_true and y_train must have the same columns in the same order."
    with pytest.raises(ValueError, match=re.escape(message)):
        metric(y_true, y_pred, y_train=train[["b", "a"]])

    def of_shops(y):
        return pd.concat({"s0": y}, names=["shop"])

    train, y_true, y_pred = of_shops(train), of_shops(y_true), of_shops(y_pred)
    metric(y_true, y_pred, y_train=train)
    message = (
        "y_true names its series by the levels ['shop', 'series'], but y_train has "
        "them in the order ['series', 'shop']. Reorder them with y_true.reorder_levels."
    )
    train = train.reorder_levels(["series", "shop", "time"])
    with pytest.raises(ValueError, match=re.escape(message)):
        metric(y_true, y_pred, y_train=train)


@pytest.mark.parametrize(
    ("y_train", "seasonal_period", "message"),
    [
        ([1, 2, 3], 0, "seasonal_period == 0, must be >= 1."),
        ([1, np.inf, 3], 1, "y_train has infinite values; they must be finite or NaN."),
        ([], 1, "y_train has no rows; at least one is needed."),
        ([[1, 2], [3, 4]], 1, "y_train must have the 1 target(s) of y_true, got 2."),
    ],
)
@pytest.mark.parametrize("metric", SCALED)
def test_broken_training_rows_raise(metric, y_train, seasonal_period, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        metric([1.0], [2.0], y_train=y_train, seasonal_period=seasonal_period)


def test_symmetric_error_is_between_0_and_200_percent():
    metric = symmetric_mean_absolute_percentage_error
    assert metric([1, -2], [1, -2]) == 0
    assert metric([1, 5], [-1, 0]) == 200
    assert metric([100], [300]) == metric([300], [100]) == 100


def test_zero_forecast_of_zero_counts_zero():
    assert symmetric_mean_absolute_percentage_error([0, 1], [0, -1]) == 100
    assert weighted_absolute_percentage_error([0, 1], [0, -1]) == 2


def test_weighted_error_is_the_error_per_unit_of_volume():
    metric = weighted_absolute_percentage_error
    assert metric([10, 0, -30], [11, 1, -32]) == 4 / 40
    assert metric([10, 20], [0, 0]) == 1


@pytest.mark.parametrize("metric", PERCENTAGE)
def test_percentage_errors_average_targets_and_skip_unknown_values(metric):
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.normal(size=(2, 20, 3))
    each = [metric(y_true[:, i], y_pred[:, i]) for i in range(3)]
    assert metric(y_true, y_pred) == pytest.approx(np.mean(each))
    y_true[:5, 0] = y_pred[:5, 0] = np.nan
    each[0] = metric(y_true[5:, 0], y_pred[5:, 0])
    assert metric(y_true, y_pred) == pytest.approx(np.mean(each))


@pytest.mark.parametrize("metric", PERCENTAGE)
def test_weights_count_rows_as_often(metric):
    y_true, y_pred = np.random.default_rng(0).normal(size=(2, 10))
    often = np.arange(10)
    error = metric(y_true, y_pred, sample_weight=often)
    repeated = metric(np.repeat(y_true, often), np.repeat(y_pred, often))
    assert error == pytest.approx(repeated)


@pytest.mark.parametrize("metric", PERCENTAGE)
def test_percentage_errors_make_scorers(metric):
    X, y = np.ones((3, 1)), [1.0, 2.0, 6.0]
    model = DummyRegressor().fit(X, y)
    scorer = make_scorer(metric, greater_is_better=False)
    assert scorer(model, X, y) == -metric(y, [3.0, 3.0, 3.0])


def test_weighted_error_of_zeros_raises():
    message = "error is undefined: y_true is 0 in every scored row."
    with pytest.raises(ValueError, match=re.escape(message)):
        weighted_absolute_percentage_error([0, np.nan], [1, 2])


@pytest.mark.parametrize("metric", PERCENTAGE)
@pytest.mark.parametrize(
    ("y_true", "y_pred", "weight", "message"),
    [
        ([1, 2], [1], None, "got (1, 1) (rows, targets) against (2, 1)."),
        ([1, 2], [[1, 2]], None, "got (1, 2) (rows, targets) against (2, 1)."),
        ([1, 2, 3], [1, np.nan, np.inf], None, "y_pred is not finite in 2 of 3 rows;"),
        ([1, np.inf], [1, 2], None, "y_true has infinite values;"),
        ([np.nan], [1], None, "y_true has no row to score:"),
        ([1, 2], [1, 2], [0, 0], "y_true has no row to score:"),
        ([1, 2], [1, 2], [1], "one weight for each of the 2 rows, got shape (1,)."),
        ([1, 2], [1, 2], [1, -1], "sample_weight must be finite and not negative."),
        ([[[1]]], [1], None, "for each row of the data, got shape (1, 1, 1)."),
    ],
)
def test_broken_targets_raise(metric, y_true, y_pred, weight, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        metric(y_true, y_pred, sample_weight=weight)


@pytest.mark.parametrize("metric", PERCENTAGE)
def test_forecasts_in_another_row_order_raise(parts, metric):
    _, y_true, y_pred = parts
    message = "y_true and y_pred must have the same index in the same order."
    with pytest.raises(ValueError, match=re.escape(message)):
        metric(y_true, y_pred.sort_index())


class TestNumbersFromPandas:
    """Targets as data frames and databases give them."""

    INDEX = pd.MultiIndex.from_product([["a", "b"], [0, 1, 2]])
    TRUE = pd.Series([1.0, np.nan, 3, 4, 5, 7], INDEX)
    PRED = pd.Series([1.5, 2, 3, 4, 6, 6], INDEX)
    TRAIN = pd.Series([1.0, 4, 9, 16, 25, 36], INDEX)

    def scores(self, y_true, y_pred, y_train):
        quantiles = pd.DataFrame({0.1: self.PRED - 1, 0.5: y_pred, 0.9: self.PRED + 1})
        return [
            mean_absolute_scaled_error(y_true, y_pred, y_train=y_train),
            root_mean_squared_scaled_error(y_true, y_pred, y_train=y_train),
            symmetric_mean_absolute_percentage_error(y_true, y_pred),
            weighted_absolute_percentage_error(y_true, y_pred),
            mean_quantile_loss(y_true, quantiles),
            continuous_ranked_probability_score(y_true, quantiles),
            interval_coverage(y_true, quantiles[[0.1, 0.9]]),
        ]

    @pytest.mark.parametrize("kind", ["Float64", "None", "NA", "Decimal"])
    def test_are_read_as_numbers(self, kind):
        def convert(values):
            if kind == "Float64":
                return values.astype("Float64")
            if kind == "Decimal":
                return values.map(lambda v: Decimal(str(v)), na_action="ignore")
            missing = {"None": None, "NA": pd.NA}[kind]
            return values.astype(object).where(values.notna(), missing)

        parts = (self.TRUE, self.PRED, self.TRAIN)
        expected = self.scores(*parts)
        assert_allclose(self.scores(*map(convert, parts)), expected)

    def test_of_too_large_a_size_raise(self):
        message = re.escape("y_true has values larger than 1e+150, whose squares")
        with pytest.raises(ValueError, match=message):
            self.scores(self.TRUE * 1e200, self.PRED, self.TRAIN)


@pytest.mark.parametrize("seasonal_period", [1, 7])
@pytest.mark.parametrize("metric", SCALED)
def test_too_few_training_rows_have_no_scale(metric, seasonal_period):
    train = [3.0] if seasonal_period == 1 else [1.0, 2, 4]
    message = (
        f"has no two values that are seasonal_period={seasonal_period} rows apart."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        metric([1.0], [2.0], y_train=train, seasonal_period=seasonal_period)


def test_rows_and_columns_in_another_order_raise():
    y = pd.Series([1.0, 2, 3], index=[10, 11, 12])
    mixed = y.iloc[::-1]
    metric = weighted_absolute_percentage_error
    with pytest.raises(ValueError, match="y_true and y_pred must have the same index"):
        metric(y, mixed)
    with pytest.raises(ValueError, match="y_true and sample_weight must have the same"):
        metric(y, y, sample_weight=mixed)
    # Fresh numbers of rows are a position, not a label.
    assert metric(y, y.reset_index(drop=True)) == 0
    two = pd.DataFrame({"a": y, "b": 2 * y})
    with pytest.raises(
        ValueError, match=re.escape("y_pred = y_pred.loc[:, y_true.col")
    ):
        metric(two, two[["b", "a"]])
    assert metric(two, two.set_axis(["f", "g"], axis=1)) == 0


@pytest.mark.parametrize("kind", [list, np.array, pd.Series])
def test_numbers_stored_as_text_are_refused(kind):
    numbers, text = [1.0, 2.0], kind(["1", "2"])
    calls = {
        "y_true": lambda metric: metric(text, numbers),
        "y_pred": lambda metric: metric(numbers, text),
        "sample_weight": lambda metric: metric(numbers, numbers, sample_weight=text),
    }
    for name, call in calls.items():
        with pytest.raises(TypeError, match=rf"pd.to_numeric\({name}\)"):
            call(weighted_absolute_percentage_error)

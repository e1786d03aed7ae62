import re

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from sklstm import panel_sample_weight
from sklstm.datasets import make_panel


@pytest.fixture
def X():
    return make_panel(
        n_series=5, n_rows=(5, 40), stagger=9, missing=0.2, random_state=0
    )


FACTORS = {"s0": 1, "s1": 2.0, "s2": 0, "s3": 4, "s4": 5}


@pytest.mark.parametrize("half_life", [None, 3, 0.5])
@pytest.mark.parametrize("series", [None, "equal", FACTORS])
def test_it_equals_a_plain_loop_in_any_row_order(X, half_life, series):
    X = X.sample(frac=1, random_state=0)
    names, times = (X.index.get_level_values(i) for i in range(2))
    expected = []
    for name, time in zip(names, times, strict=True):
        weight = 1.0
        if half_life is not None:
            weight *= 0.5 ** ((times.max() - time).days / half_life)
        if series == "equal":
            weight /= (names == name).sum()
        elif series is not None:
            weight *= series[name]
        expected.append(weight)
    out = panel_sample_weight(X, half_life=half_life, series=series)
    np.testing.assert_allclose(out, np.array(expected) / np.mean(expected))
    assert out.dtype == np.float64 and out.shape == (len(X),)
    assert out.mean() == pytest.approx(1)


def test_without_parameters_all_rows_count_1(X):
    np.testing.assert_array_equal(panel_sample_weight(X), 1.0)
    np.testing.assert_array_equal(panel_sample_weight(X["target"]), 1.0)


def test_equal_gives_each_series_the_same_total(X):
    weight = pd.Series(panel_sample_weight(X, series="equal"), X.index)
    totals = weight.groupby(level=0).sum()
    np.testing.assert_allclose(totals, totals.iloc[0])


def test_a_series_and_a_dict_are_the_same(X):
    expected = panel_sample_weight(X, series=FACTORS)
    out = panel_sample_weight(X, series=pd.Series(FACTORS).iloc[::-1])
    np.testing.assert_array_equal(out, expected)


def test_series_of_several_levels_are_tuples(X):
    both = pd.concat({"x": X, "y": X}, names=["kind"])
    factors = {(kind, name): f + 1 for kind in "xy" for name, f in FACTORS.items()}
    expected = panel_sample_weight(X, series={k: v + 1 for k, v in FACTORS.items()})
    for series in (factors, pd.Series(factors)):
        out = panel_sample_weight(both, series=series)
        np.testing.assert_allclose(out, np.tile(expected, 2))


@pytest.mark.parametrize(
    "time",
    [
        pd.RangeIndex(0, 50, 5),
        pd.Index(np.arange(10) * 0.5),
        pd.period_range("2024-01", periods=10, freq="M"),
        pd.date_range("2024-01-01", periods=10, freq="ME"),
        pd.date_range("2024-01-01", periods=10, freq="B"),
        pd.date_range("2024-10-23", periods=10, tz="Europe/Berlin"),
        pd.CategoricalIndex(list("abcdefghij"), ordered=True),
    ],
)
def test_half_life_counts_steps(time):
    index = pd.MultiIndex.from_product([["a"], time])
    weight = panel_sample_weight(pd.DataFrame(index=index), half_life=1)
    np.testing.assert_allclose(weight[1:] / weight[:-1], 2)


def test_rows_between_two_steps_have_an_age_too():
    index = pd.MultiIndex.from_product([["a"], [0.0, 1.0, 2.0, 3.0, 3.5, 4.0]])
    weight = panel_sample_weight(pd.DataFrame(index=index), half_life=1)
    assert weight[5] / weight[4] == pytest.approx(2**0.5)


def test_series_of_one_row_are_weighed_by_the_times_of_the_panel():
    index = pd.MultiIndex.from_tuples([("a", 10), ("b", 3), ("c", 5)])
    weight = panel_sample_weight(pd.DataFrame(index=index), half_life=1)
    np.testing.assert_allclose(weight / weight.max(), [1, 0.25, 0.5])


def test_it_is_what_fit_takes(X):
    weight = panel_sample_weight(X, half_life=7)
    Ridge().fit(X[["price"]], X["target"], sample_weight=weight)


@pytest.mark.parametrize("half_life", [0, -1, "7D", True, np.nan])
def test_wrong_half_life_raises(X, half_life):
    message = f"half_life must be a number > 0 or None, got {half_life!r}."
    with pytest.raises(ValueError, match=re.escape(message)):
        panel_sample_weight(X, half_life=half_life)


def test_wrong_series_raise(X):
    message = "Factors of series must be numbers, finite and >= 0: could not convert"
    with pytest.raises(TypeError, match=re.escape(message)):
        panel_sample_weight(X, series=FACTORS | {"s1": "much"})
    calls = {
        "series must be 'equal', None, or a Series or dict from series to factor, got "
        "'same'.": "same",
        "series has no factor for 2 series of X: 's0', 's4'.": {
            name: FACTORS[name] for name in ("s1", "s2", "s3")
        },
        "series has more than one factor for 's1'.": pd.Series(
            [1, 2], index=["s1", "s1"]
        ),
        "Factors of series must be finite and >= 0, got -1.0 for 's3'.": FACTORS
        | {"s3": -1},
        "Factors of series must be finite and >= 0, got nan for 's0'.": FACTORS
        | {"s0": np.nan},
        "All rows of X have weight 0; give one series a factor > 0.": dict.fromkeys(
            FACTORS, 0
        ),
    }
    for message, series in calls.items():
        with pytest.raises(ValueError, match=re.escape(message)):
            panel_sample_weight(X, series=series)


def test_no_panel_raises(X):
    message = "X must be a pandas object indexed by (series, time), got ndarray."
    with pytest.raises(TypeError, match=re.escape(message)):
        panel_sample_weight(X.to_numpy())

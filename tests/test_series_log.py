"""SeriesLog: logarithms by series, and the way back."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklstm import SeriesLog

LEVELS = {"zeros_too": 0.0, "shop": 1e-12, "town": 5.0, "land": 1e12, "one": 3.0}
LENGTHS = {"zeros_too": 30, "shop": 12, "town": 57, "land": 8, "one": 1}


def make_X():
    """Series that are never negative, of unequal lengths and levels, with holes."""
    rng = np.random.default_rng(0)
    parts = {}
    for name, level in LEVELS.items():
        n = LENGTHS[name]
        sales = (level or 7.0) * rng.lognormal(size=n)
        if name == "zeros_too":
            sales[::4] = 0.0
        holes = np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(size=n))
        parts[name] = pd.DataFrame({"sales": sales, "holes": holes})
    return pd.concat(parts, names=["place", "day"])


def with_other_series(X):
    """The same, and series that have no logarithm."""
    rng = np.random.default_rng(1)
    parts = {
        "debt": rng.normal(size=20),
        "below": np.r_[5.0, -1e-9, 5.0],
        "nothing": np.zeros(4),
    }
    parts = {k: pd.DataFrame({"sales": v, "holes": v}) for k, v in parts.items()}
    return pd.concat([X, pd.concat(parts, names=X.index.names)])


@pytest.fixture
def X():
    return make_X()


@pytest.mark.parametrize("offset", [0.001, 0.01, 5.0])
def test_the_logarithm_equals_a_loop(X, offset):
    X = with_other_series(X)
    out = SeriesLog(offset).fit_transform(X)
    for name, own in X.groupby(level=0):
        for column, values in own.items():
            expected = values
            if values.min() >= 0 and values.max() > 0:
                expected = np.log(values + offset * values.mean())
            assert_allclose(out.loc[name, column], expected.loc[name], rtol=1e-12)


@pytest.mark.parametrize("offset", [0.001, 0.01, 5.0])
def test_inverse_undoes_transform(X, offset):
    log = SeriesLog(offset).fit(X)
    back = log.inverse_transform(log.transform(X))
    away = (back - X) / X.groupby(level=0).transform("mean")
    assert_allclose(away, X * 0, atol=1e-12)


def test_series_without_a_logarithm_pass_bit_for_bit(X):
    others = with_other_series(X).loc[["debt", "below", "nothing"]]
    log = SeriesLog().fit(with_other_series(X))
    for function in (log.transform, log.inverse_transform):
        pd.testing.assert_frame_equal(function(others), others, check_exact=True)
    assert log.offset_.loc[["debt", "below", "nothing"]].isna().all(axis=None)


def test_a_larger_value_has_a_larger_logarithm_also_below_zero(X):
    log = SeriesLog().fit(X[["sales"]])
    for name, level in LEVELS.items():
        ladder = (level or 1.0) * np.linspace(-2, 2, 401)
        index = pd.MultiIndex.from_product([[name], range(401)], names=X.index.names)
        steps = log.transform(pd.Series(ladder, index, name="sales")).diff().iloc[1:]
        assert (steps > 0).all()


def test_the_logarithm_goes_through_zero_without_a_kink(X):
    log = SeriesLog().fit(X[["sales"]])
    index = pd.MultiIndex.from_product([["town"], range(3)], names=X.index.names)
    near = pd.Series([-1e-6, 0.0, 1e-6], index, name="sales")
    below, above = log.transform(near).diff().iloc[1:]
    assert_allclose(below, above, rtol=1e-3)


def test_a_negative_value_that_comes_later_is_finite_and_comes_back(X):
    log = SeriesLog().fit(X)
    later = X.fillna(1.0) * -1e3
    out = log.transform(later)
    assert np.isfinite(out).all(axis=None)
    pd.testing.assert_frame_equal(log.inverse_transform(out), later, rtol=1e-9)


def test_the_logarithm_is_continued_without_a_kink(X):
    X = X.loc[["town"]]
    log, step = SeriesLog().fit(X), 1e-4
    below, zero, above = (log.transform(X * 0 + x) for x in (-step, 0.0, step))
    np.testing.assert_allclose(zero - below, above - zero, rtol=1e-3)


def test_a_clipped_inverse_is_never_negative(X):
    log = SeriesLog(clip=True).fit(X)
    low = pd.DataFrame(-1e6, index=X.index, columns=X.columns)
    assert log.inverse_transform(low).eq(0).all(axis=None)
    back = log.inverse_transform(log.transform(X))
    free = SeriesLog().fit(X)
    assert_array_equal(back, free.inverse_transform(free.transform(X)))


def test_a_first_negative_value_ends_the_clipping_of_its_series_and_warns_once(X):
    log = SeriesLog(clip=True).fit(X)
    before = log.offset_.copy()
    frost = X.loc[["town"]].fillna(1.0)
    frost.iloc[0, 0] = -3.0
    with pytest.warns(UserWarning, match="1 series without a negative value .* 'town'"):
        log.add_series(frost)
    # A second time, and rows that are not negative, say nothing: warnings are errors.
    log.add_series(frost)
    log.add_series(X)
    pd.testing.assert_frame_equal(log.offset_, before, check_exact=True)
    low = pd.DataFrame(-5.0, index=X.index, columns=X.columns)
    back = log.inverse_transform(log.transform(low))
    np.testing.assert_allclose(back.loc["town", X.columns[0]], -5.0, rtol=1e-9)
    assert back.loc["town", X.columns[1]].eq(0).all()
    assert back.drop(index="town").eq(0).all(axis=None)


def test_many_series_give_what_each_gives_alone(X):
    X = with_other_series(X)
    together = SeriesLog().fit_transform(X)
    alone = [
        SeriesLog().fit_transform(one) for _, one in X.groupby(level=0, sort=False)
    ]
    pd.testing.assert_frame_equal(together, pd.concat(alone), check_exact=True)


def test_a_series_in_a_panel_equals_an_array(X):
    town = X.loc[["town"]]
    panel, array = SeriesLog().fit_transform(town), town.to_numpy()
    assert_array_equal(panel, SeriesLog().fit_transform(array))


def test_a_pandas_series_gives_what_its_column_gives(X):
    log = SeriesLog().fit(X["sales"])
    out = log.transform(X["sales"].rename("other"))
    assert out.name == "other"
    assert_array_equal(out, SeriesLog().fit_transform(X[["sales"]])["sales"])


def test_scale_becomes_a_constant(X):
    one, other = (SeriesLog().fit_transform(frame) for frame in (X, X * 1e3))
    assert_allclose(other - one, np.where(X.notna(), np.log(1e3), np.nan), rtol=1e-9)


def test_unseen_series_use_the_median_offset(X):
    log = SeriesLog(handle_unknown="global").fit(X)
    new = X.loc[["town"]].rename({"town": "new"}, level=0)
    with pytest.raises(ValueError, match="1 series not seen in fit: 'new'. Learn"):
        SeriesLog().fit(X).transform(new)
    expected = np.log(new + log.offset_.median())
    pd.testing.assert_frame_equal(log.transform(new), expected, rtol=1e-12)
    back = log.inverse_transform(log.transform(new))
    pd.testing.assert_frame_equal(back, new, atol=1e-9)


def test_unseen_series_pass_unchanged_where_any_series_has_no_logarithm(X):
    log = SeriesLog(handle_unknown="global").fit(with_other_series(X))
    new = X.loc[["town"]].rename({"town": "new"}, level=0)
    pd.testing.assert_frame_equal(log.transform(new), new, check_exact=True)


def test_added_series_have_what_they_would_have_from_fit(X):
    whole = with_other_series(X)
    log = SeriesLog().fit(X)
    log.add_series(whole)
    expected = SeriesLog().fit_transform(whole)
    pd.testing.assert_frame_equal(log.transform(whole), expected, check_exact=True)


@pytest.mark.parametrize("names", [[], ["kind"]])
def test_without_columns_of_numbers_there_is_nothing_to_learn(X, names):
    X = X.assign(kind="x")[names]
    log = SeriesLog(clip=True).fit(X.drop(index="town"))
    log.add_series(X)
    pd.testing.assert_frame_equal(log.inverse_transform(log.transform(X)), X)


def test_adding_leaves_known_series_and_the_global_offset(X):
    log = SeriesLog().fit(X)
    before, unseen = log.transform(X), log.global_.copy()
    log.add_series(with_other_series(X) * 7)
    pd.testing.assert_frame_equal(log.transform(X), before, check_exact=True)
    pd.testing.assert_series_equal(log.global_, unseen, check_exact=True)


def test_missing_values_stay_missing_and_are_skipped(X):
    out = SeriesLog().fit_transform(X)
    assert out.isna().equals(X.isna())
    dense = SeriesLog().fit_transform(X[["holes"]].dropna())
    pd.testing.assert_frame_equal(out[["holes"]].dropna(), dense, rtol=1e-12)


def test_a_series_of_missing_values_alone_stays_so(X):
    X.loc["shop", "holes"] = np.nan
    log = SeriesLog().fit(X)
    assert log.transform(X).loc["shop", "holes"].isna().all()
    assert np.isnan(log.offset_.loc["shop", "holes"])


def test_categories_text_and_bools_are_left_alone(X):
    labels = {"kind": pd.Categorical(["x"] * len(X)), "flag": True, "text": "a"}
    frame = X.assign(**labels)
    out = SeriesLog().fit_transform(frame)
    pd.testing.assert_frame_equal(out[list(labels)], frame[list(labels)])
    pd.testing.assert_frame_equal(out[["sales", "holes"]], SeriesLog().fit_transform(X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_keep_their_precision(X, dtype):
    log = SeriesLog().fit(X.astype(dtype))
    out = log.transform(X.astype(dtype))
    assert set(map(str, out.dtypes)) == {dtype}
    exact = SeriesLog().fit_transform(X)
    assert_allclose(out, exact, rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-6)


@pytest.mark.parametrize("offset", [0, -1.0, "a", None])
def test_a_bad_offset_is_named(X, offset):
    message = re.escape("The 'offset' parameter of SeriesLog must be a float in the")
    with pytest.raises(ValueError, match=message):
        SeriesLog(offset).fit(X)


def test_a_lost_index_names_set_output(X):
    with pytest.raises(TypeError, match=re.escape('set_output(transform="pandas")')):
        SeriesLog().fit(X).transform(X.reset_index(drop=True))


def test_a_series_of_zeros_is_clipped_until_it_is_negative():
    X = with_other_series(make_X())
    low = pd.DataFrame(-1e6, index=X.index, columns=X.columns)
    log = SeriesLog(clip=True, handle_unknown="global").fit(X)
    back = log.inverse_transform(low)
    assert back.loc[["nothing", "shop"]].eq(0).all(axis=None)
    assert back.loc[["debt", "below"]].eq(-1e6).all(axis=None)
    other = low.loc[["debt"]].rename({"debt": "other"})
    assert log.inverse_transform(other).eq(-1e6).all(axis=None)
    with pytest.warns(UserWarning, match="no longer clipped at 0"):
        log.add_series(low.loc[["nothing"]])
    assert log.inverse_transform(low).loc["nothing"].eq(-1e6).all(axis=None)


def test_unseen_series_are_clipped_if_no_series_of_fit_is_negative():
    X = with_other_series(make_X()).drop(index=["debt", "below"], level=0)
    log = SeriesLog(clip=True, handle_unknown="global").fit(X)
    other = pd.DataFrame(-1e6, X.loc[["town"]].index, X.columns)
    other = other.rename({"town": "other"})
    assert log.inverse_transform(other).eq(0).all(axis=None)

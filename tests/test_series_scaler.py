import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklstm import SeriesKFold, SeriesScaler, SlidingWindow

METHODS = ["standard", "minmax", "robust", "maxabs", "difference"]
MERGEABLE = ["standard", "minmax", "maxabs", "difference"]
SKLEARN = {
    "standard": StandardScaler(),
    "minmax": MinMaxScaler(),
    "robust": RobustScaler(),
    "maxabs": MaxAbsScaler(),
}


def make_panel(lengths=(30, 1, 2, 57, 8, 64), seed=0):
    """Series of very unequal lengths, levels and spreads, with gaps in one column."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_tuples(
        [(f"s{i}", t) for i, n in enumerate(lengths) for t in range(n)],
        names=["store", "day"],
    )
    series = index.get_level_values(0).str[1:].astype(int)
    size = 10.0 ** np.asarray(series)
    gaps = size * rng.normal(3, 1, len(index))
    gaps[rng.random(len(index)) < 0.2] = np.nan
    return pd.DataFrame(
        {"sales": size * rng.normal(5, 1, len(index)), "gaps": gaps}, index=index
    )


def series_of(X):
    return [part for _, part in X.groupby(level=0)]


def shuffled(X, seed=0):
    return X.iloc[np.random.default_rng(seed).permutation(len(X))]


@parametrize_with_checks([SeriesScaler(method) for method in METHODS])
def test_common_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("unit", [1e-20, 1e-6, 1e20])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS)
def test_units_do_not_matter(method, dtype, unit):
    X = make_panel(lengths=[20, 30])[["sales"]].astype(dtype)
    expected = SeriesScaler(method).fit_transform(X)
    out = SeriesScaler(method).fit_transform(X * dtype(unit))
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)
    assert expected["sales"].abs().max() > 0.5


@pytest.mark.parametrize("method", SKLEARN)
def test_array_gives_what_scikit_learn_gives(method):
    rng = np.random.default_rng(0)
    X = rng.normal(3, 50, (101, 3))
    X[rng.random(X.shape) < 0.1] = np.nan
    ours, theirs = SeriesScaler(method).fit(X), clone(SKLEARN[method]).fit(X)
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), rtol=1e-10)
    later = rng.normal(size=(5, 3))
    np.testing.assert_allclose(
        ours.transform(later), theirs.transform(later), rtol=1e-10
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", SKLEARN)
def test_near_constant_columns_are_constant_where_scikit_learn_says_so(method, dtype):
    rng = np.random.default_rng(0)
    spread = 10.0 ** np.arange(-20, 2)
    # Around 0 and 1e6 the other methods of scikit-learn count in units of 1.
    level = np.array([0.0, 1.0, 1e6] if method == "standard" else [1.0])[:, None]
    noise = rng.uniform(-1, 1, (50, 1, 1)) * spread
    X = (level + noise).reshape(50, -1).astype(dtype)
    ours, theirs = SeriesScaler(method).fit(X), clone(SKLEARN[method]).fit(X)
    scale = np.ravel(ours.scale_)
    if method == "minmax":
        tiny = theirs.data_range_ < 10 * np.finfo(dtype).eps
        expected = np.where(tiny, 1.0, theirs.data_range_)
    else:
        expected = theirs.scale_
    assert (scale == 1).any()
    # Where the spread is all rounding, two sound computations differ by rounding.
    np.testing.assert_allclose(scale, expected, rtol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_many_series_give_what_each_gives_alone(method):
    X = make_panel()
    together = SeriesScaler(method).fit_transform(X)
    alone = pd.concat([SeriesScaler(method).fit_transform(one) for one in series_of(X)])
    pd.testing.assert_frame_equal(together, alone, check_exact=True)


@pytest.mark.parametrize("method", METHODS)
def test_a_series_in_a_panel_equals_an_array(method):
    X = make_panel(lengths=[50])
    panel = SeriesScaler(method).fit_transform(X)
    array = SeriesScaler(method).fit_transform(X.to_numpy())
    np.testing.assert_array_equal(panel, array)


def test_difference_scale_equals_a_plain_loop():
    X = make_panel()
    scaler = SeriesScaler("difference").fit(X)
    for name, one in X.groupby(level=0):
        deviation = one.diff().std(ddof=0)
        usable = one.diff().count() > 1
        np.testing.assert_allclose(
            scaler.scale_.loc[name][usable], deviation[usable], rtol=1e-10
        )
        np.testing.assert_allclose(scaler.center_.loc[name], one.mean(), rtol=1e-10)


def test_difference_scale_ignores_a_drift():
    noise = np.random.default_rng(0).normal(size=200)
    X = np.column_stack([noise, noise + 1000 * np.arange(200)])
    scale = np.ravel(SeriesScaler("difference").fit(X).scale_)
    np.testing.assert_allclose(scale[0], scale[1], rtol=1e-8)


@pytest.mark.parametrize("slope", [0.1, -3.0])
def test_difference_divides_a_straight_line_by_its_slope(slope):
    X = (1e3 + slope * np.arange(50))[:, None]
    out = SeriesScaler("difference").fit_transform(X)
    np.testing.assert_allclose(np.diff(out[:, 0]), np.sign(slope), rtol=1e-9)


def test_rounding_of_a_level_is_no_difference():
    X = 1e6 + np.random.default_rng(0).normal(size=(50, 1)) * 1e-10
    assert SeriesScaler("difference").fit(X).scale_.loc[0, 0] == 1


@pytest.mark.parametrize("method", METHODS)
def test_inverse_undoes_transform(method):
    X = shuffled(make_panel())
    scaler = SeriesScaler(method).fit(X)
    back = scaler.inverse_transform(scaler.transform(X))
    pd.testing.assert_frame_equal(back, X, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", METHODS)
def test_constant_series_come_back_bit_by_bit(method, dtype):
    constants = np.array([0.1, 1e9 / 3, -7e-9, 0.0], dtype=dtype)
    lengths = [1, 2, 3, 10, 77, 1000]
    X = pd.concat(
        {
            (i, n): pd.DataFrame({"load": np.full(n, constant)})
            for i, constant in enumerate(constants)
            for n in lengths
        }
    )
    scaler = SeriesScaler(method, feature_range=(0.1, 0.7)).fit(X)
    if method != "maxabs":
        assert (scaler.scale_ == 1).all(axis=None)
        assert scaler.center_["load"].tolist() == np.repeat(constants, 6).tolist()
    back = scaler.inverse_transform(scaler.transform(X))
    pd.testing.assert_frame_equal(back, X, check_exact=True)


@pytest.mark.parametrize("method", METHODS)
def test_equal_constants_are_pooled_exactly(method):
    X = make_panel(lengths=(1, 2, 3, 10, 77, 1000))[["sales"]]
    X["sales"] = 0.1
    center, scale = SeriesScaler(method).fit(X).global_["sales"]
    assert (center, scale) == ((0, 0.1) if method == "maxabs" else (0.1, 1))


@pytest.mark.parametrize("method", MERGEABLE)
def test_constant_series_stay_exact_over_partial_fit(method):
    index = pd.MultiIndex.from_product([["a", "b"], range(30)])
    X = pd.DataFrame({"load": 0.1}, index=index)
    scaler = SeriesScaler(method)
    for start in (0, 7, 13):
        time = index.get_level_values(1)
        scaler.partial_fit(X[(time >= start) & (time < start + 6)])
    back = scaler.inverse_transform(scaler.transform(X))
    pd.testing.assert_frame_equal(back, X, check_exact=True)
    assert scaler.transform(X).nunique().item() == 1


@pytest.mark.parametrize("method", METHODS)
def test_missing_values_are_skipped_and_kept(method):
    X = make_panel()[["gaps"]]
    out = SeriesScaler(method).fit_transform(X)
    assert out["gaps"].isna().equals(X["gaps"].isna())
    if method != "difference":
        expected = SeriesScaler(method).fit_transform(X.dropna())
        pd.testing.assert_frame_equal(out.dropna(), expected, rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_series_without_values_have_center_0_and_scale_1(method):
    X = make_panel(lengths=[5, 6])
    X.loc["s0", "sales"] = np.nan
    X["gaps"] = np.nan
    scaler = SeriesScaler(method).fit(X)
    assert scaler.center_.loc["s0"].eq(0).all()
    assert scaler.scale_.loc["s0"].eq(1).all()
    assert scaler.global_["gaps"].tolist() == [0, 1]
    whole = scaler.global_["sales"].to_numpy()
    other = [scaler.center_.loc["s1", "sales"], scaler.scale_.loc["s1", "sales"]]
    np.testing.assert_allclose(whole, other, rtol=1e-12)


@pytest.mark.parametrize("method", ["standard", "minmax", "maxabs"])
def test_global_statistics_are_those_of_all_rows(method):
    X = make_panel()
    scaler = SeriesScaler(method).fit(X)
    pooled = SeriesScaler(method).fit(X.to_numpy())
    np.testing.assert_allclose(scaler.global_.loc[["center"]], pooled.center_, 1e-10)
    np.testing.assert_allclose(scaler.global_.loc[["scale"]], pooled.scale_, 1e-10)


def test_global_differences_never_cross_series():
    X = make_panel()
    scaler = SeriesScaler("difference").fit(X)
    differences = X.groupby(level=0).diff()
    np.testing.assert_allclose(scaler.global_.loc["scale"], differences.std(ddof=0))
    np.testing.assert_allclose(scaler.global_.loc["center"], X.mean())


def test_global_robust_statistics_are_those_of_the_median_series():
    scaler = SeriesScaler("robust").fit(make_panel(lengths=[40, 20, 30, 60, 50]))
    np.testing.assert_allclose(scaler.global_.loc["center"], scaler.center_.median())
    np.testing.assert_allclose(scaler.global_.loc["scale"], scaler.scale_.median())


@pytest.mark.parametrize("method", METHODS)
def test_unseen_series_use_the_global_statistics(method):
    X = make_panel()
    train, test = X.drop(index="s3"), X.loc[["s0", "s3"]]
    scaler = SeriesScaler(method, handle_unknown="global").fit(train)
    out = scaler.transform(shuffled(test)).loc[test.index]
    center, scale = scaler.global_.loc["center"], scaler.global_.loc["scale"]
    expected = (test.loc["s3"] - center) / scale + scaler.offset_
    pd.testing.assert_frame_equal(out.loc["s3"], expected)
    pd.testing.assert_frame_equal(out.loc["s0"], scaler.transform(train).loc["s0"])
    back = scaler.inverse_transform(out)
    pd.testing.assert_frame_equal(back, test)


def test_unseen_series_raise_and_the_error_names_the_choices():
    X = make_panel()
    scaler = SeriesScaler().fit(X.drop(index=["s3", "s4"]))
    message = (
        "2 series not seen in fit: 's3', 's4'. Learn their statistics with "
        "add_series(X), set handle_unknown='global' to take those of all series "
        "together, or transform whole columns, such as with "
        "StandardScaler().set_output(transform='pandas')."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        scaler.transform(X)
    with pytest.raises(ValueError, match=re.escape(message)):
        scaler.inverse_transform(X)
    scaler.transform(X.loc[["s0", "s1"]])


def test_held_out_series_are_refused_and_scaling_whole_columns_is_the_remedy():
    X = make_panel().fillna(0)[["sales", "gaps"]]
    options = {"cv": SeriesKFold(2), "error_score": "raise"}
    pipeline = make_pipeline(SeriesScaler(), SlidingWindow(3, flat=True), Ridge())
    with pytest.raises(ValueError, match="not seen in fit: .* or transform whole col"):
        cross_val_score(pipeline, X, X["sales"], **options)
    whole = StandardScaler().set_output(transform="pandas")
    pipeline = make_pipeline(whole, SlidingWindow(3, flat=True), Ridge())
    assert np.isfinite(cross_val_score(pipeline, X, X["sales"], **options)).all()


def by_label(frame):
    return frame.sort_index()


@pytest.mark.parametrize("method", MERGEABLE)
def test_partial_fit_over_chunks_equals_fit(method):
    X = make_panel(lengths=(40, 30, 35, 3))
    day = X.index.get_level_values("day")
    fitted = SeriesScaler(method).fit(X)
    parts = SeriesScaler(method)
    # Series s3 ends early; s1 begins only in the second chunk.
    first = (day < 11) & (X.index.get_level_values(0) != "s1")
    second = (day < 12) & ~first
    for rows in (first, second, day >= 12):
        parts.partial_fit(shuffled(X[rows]))
    for name in ("center_", "scale_"):
        pd.testing.assert_frame_equal(
            by_label(getattr(parts, name)), by_label(getattr(fitted, name)), rtol=1e-12
        )
    pd.testing.assert_frame_equal(parts.global_, fitted.global_, rtol=1e-12)
    pd.testing.assert_frame_equal(parts.transform(X), fitted.transform(X), rtol=1e-10)


@pytest.mark.parametrize("method", MERGEABLE)
def test_partial_fit_over_chunks_of_an_array_equals_fit(method):
    X = make_panel().to_numpy()
    parts = SeriesScaler(method)
    for chunk in np.array_split(X, 5):
        parts.partial_fit(chunk)
    expected = SeriesScaler(method).fit(X)
    np.testing.assert_allclose(parts.transform(X), expected.transform(X), rtol=1e-10)


def test_partial_fit_on_an_array_keeps_the_names_of_a_frame():
    X = make_panel().reset_index(drop=True)
    scaler = SeriesScaler().partial_fit(X)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        scaler.partial_fit(X.to_numpy())
    assert scaler.center_.columns.tolist() == ["sales", "gaps"]


@pytest.mark.parametrize("method", MERGEABLE)
def test_partial_fit_adds_new_series(method):
    X = make_panel()
    parts = SeriesScaler(method)
    for name in ("s3", "s0", "s5", "s1", "s2", "s4"):
        parts.partial_fit(X.loc[[name]])
    fitted = SeriesScaler(method).fit(X)
    assert parts.center_.index.tolist() == ["s3", "s0", "s5", "s1", "s2", "s4"]
    pd.testing.assert_frame_equal(parts.transform(X), fitted.transform(X))
    pd.testing.assert_frame_equal(parts.global_, fitted.global_)


def test_fit_forgets_what_it_saw_before():
    X = make_panel()
    scaler = SeriesScaler().fit(X).fit(X.loc[["s3"]])
    assert scaler.center_.index.tolist() == ["s3"]


def test_quartiles_cannot_be_merged_and_partial_fit_says_so():
    message = "method='robust' has no partial_fit: the quartiles of all rows"
    assert not hasattr(SeriesScaler("robust"), "partial_fit")
    with pytest.raises(AttributeError) as caught:
        SeriesScaler("robust").partial_fit(make_panel())
    assert message in str(caught.value.__cause__)


@pytest.mark.parametrize("method", METHODS)
def test_add_series_learns_new_series_and_leaves_the_others(method):
    X = make_panel()
    part = SeriesScaler(method).fit(X.loc[["s0", "s3"]])
    known = part.center_.copy(), part.scale_.copy()
    changed = X.copy()
    changed.loc[["s3"]] += 1e6
    assert part.add_series(shuffled(changed)) is part
    whole = SeriesScaler(method).fit(X)
    for name, before in zip(["center_", "scale_"], known, strict=True):
        after = getattr(part, name)
        pd.testing.assert_frame_equal(after.loc[["s0", "s3"]], before)
        new = ["s1", "s2", "s4", "s5"]
        pd.testing.assert_frame_equal(after.loc[new], getattr(whole, name).loc[new])
    assert part.add_series(X).center_.shape == part.center_.shape


def test_partial_fit_of_differences_needs_later_rows():
    X = make_panel(lengths=(10, 10))
    day = X.index.get_level_values("day")
    scaler = SeriesScaler("difference").fit(X[day < 6])
    message = (
        "partial_fit with method='difference' needs rows later than those seen "
        "before. 2 series start too early: 's0', 's1'. Pass rows in the order of time, "
        "or call fit on all rows at once."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        scaler.partial_fit(X[day >= 5])
    dates = pd.to_datetime(day + 1, unit="D").tz_localize("UTC")
    dated = X.set_index(dates, append=True).droplevel(1)
    with pytest.raises(TypeError, match="fit saw int64: they cannot be compared"):
        scaler.partial_fit(dated[day >= 6])
    scaler.partial_fit(X[day >= 6])
    assert scaler.last_time_.tolist() == [9, 9]


def test_frames_keep_index_columns_and_other_dtypes():
    X = make_panel()
    X.insert(0, "kind", pd.Categorical(np.where(X["sales"] > 100, "big", "small")))
    X["open"] = X["sales"] > 20
    X["note"] = "x"
    X["count"] = np.arange(len(X))
    X["short"] = X["sales"].astype("float32")
    X["nullable"] = X["gaps"].astype("Float64")
    original = X.copy()
    out = SeriesScaler().fit_transform(X)
    pd.testing.assert_frame_equal(X, original)
    assert out.index.equals(X.index)
    assert out.columns.equals(X.columns)
    untouched = ["kind", "open", "note"]
    pd.testing.assert_frame_equal(out[untouched], X[untouched])
    assert out[["sales", "count", "nullable"]].dtypes.eq("float64").all()
    assert out["short"].dtype == "float32"
    pd.testing.assert_series_equal(out["nullable"], out["gaps"], check_names=False)


def test_frame_without_columns_passes():
    X = make_panel()[[]]
    scaler = SeriesScaler().fit(X)
    for out in (scaler.transform(X), scaler.inverse_transform(X)):
        assert out.shape == (len(X), 0)
        assert out.index.equals(X.index)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_keep_their_dtype(dtype):
    X = np.arange(12, dtype=dtype).reshape(6, 2)
    scaler = SeriesScaler("minmax").fit(X)
    assert scaler.transform(X).dtype == dtype
    assert scaler.inverse_transform(X).dtype == dtype


def test_panel_series_comes_back_as_a_series():
    y = shuffled(make_panel())["sales"]
    scaler = SeriesScaler().fit(y)
    out = scaler.transform(y)
    expected = SeriesScaler().fit_transform(y.to_frame())["sales"]
    pd.testing.assert_series_equal(out, expected)
    pd.testing.assert_series_equal(scaler.inverse_transform(out), y)
    predicted = scaler.inverse_transform(out.rename("forecast"))
    pd.testing.assert_series_equal(predicted, y.rename("forecast"))
    assert scaler.transform(y.rename(None)).name is None


def test_series_may_be_named_by_several_levels():
    X = make_panel()
    deep = pd.concat({"north": X, "south": 3 * X + 1}, names=["region"])
    scaler = SeriesScaler().fit(deep)
    out = scaler.transform(deep)
    for region in ("north", "south"):
        expected = SeriesScaler().fit_transform(deep.loc[region])
        pd.testing.assert_frame_equal(out.loc[region], expected, check_exact=True)
    assert scaler.center_.index.names == ["region", "store"]
    message = "X names its series by 1 index level(s), but fit saw 2."
    with pytest.raises(ValueError, match=re.escape(message)):
        scaler.transform(X)


def test_flat_frame_is_one_series():
    X = make_panel().reset_index(drop=True)
    out = SeriesScaler().fit_transform(X)
    assert isinstance(out, pd.DataFrame)
    np.testing.assert_array_equal(out, SeriesScaler().fit_transform(X.to_numpy()))


LOST = 'call set_output(transform="pandas") on it or on the whole pipeline.'


def test_lost_index_raises_in_transform():
    X = make_panel()
    scaler = SeriesScaler().fit(X)
    for lost in (X.reset_index(drop=True), X.to_numpy()):
        with pytest.raises(TypeError, match=re.escape(LOST)):
            scaler.transform(lost)


def test_lost_index_raises_in_fit_where_y_has_one():
    X = make_panel()
    for method in ("fit", "partial_fit"):
        with pytest.raises(TypeError, match=re.escape(LOST)):
            getattr(SeriesScaler(), method)(X.to_numpy(), X["sales"])
    pipeline = make_pipeline(StandardScaler(), SeriesScaler())
    with pytest.raises(TypeError, match=re.escape(LOST)):
        pipeline.fit(X, X["sales"])
    pipeline.set_output(transform="pandas").fit(X, X["sales"])


def test_panel_after_a_fit_without_index_raises():
    X = make_panel()
    scaler = SeriesScaler().fit(X.reset_index(drop=True))
    message = "but the rows seen in fit had no such index and made one series."
    with pytest.raises(TypeError, match=re.escape(message)):
        scaler.transform(X)


@pytest.mark.parametrize(
    "dates",
    [
        pd.date_range("2024", periods=3),
        pd.date_range("2024", periods=3, tz="UTC"),
        pd.period_range("2024", periods=3, freq="D"),
        pd.timedelta_range(0, periods=3, freq="D"),
    ],
)
def test_columns_of_times_raise(dates):
    X = make_panel(lengths=[3]).assign(opened=dates)
    message = f"Column 'opened' of X has dtype {dates.dtype}: times cannot be scaled."
    with pytest.raises(TypeError, match=re.escape(message)):
        SeriesScaler().fit(X)


def test_complex_columns_raise():
    X = make_panel(lengths=[3]).assign(wave=1j)
    with pytest.raises(TypeError, match=re.escape("'wave' of X has dtype complex128")):
        SeriesScaler().fit(X)


def test_numeric_column_that_turned_to_text_raises():
    X = make_panel(lengths=[3])
    scaler = SeriesScaler().fit(X)
    message = "Column 'sales' of X must be numeric, but has dtype"
    for text in (["a", "b", None], ["1", "2", "3"], [1.0, "2", Decimal(3)]):
        with pytest.raises(TypeError, match=re.escape(message)):
            scaler.transform(X.assign(sales=text))


def test_infinity_raises():
    X = make_panel(lengths=[3])
    scaler = SeriesScaler().fit(X)
    X.iloc[1, 1] = -np.inf
    message = (
        "Column 'gaps' of X contains infinity or a value too large to be squared in"
    )
    for call in (scaler.fit, scaler.transform, scaler.inverse_transform):
        with pytest.raises(ValueError, match=re.escape(message)):
            call(X)


@pytest.mark.parametrize("feature_range", [(1, 1), (2, 1), (0, 1, 2)])
def test_feature_range_must_rise(feature_range):
    message = (
        "feature_range must be (min, max) with min < max, got " + f"{feature_range!r}."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        SeriesScaler("minmax", feature_range=feature_range).fit(make_panel())


def test_minmax_fills_the_feature_range():
    X = make_panel(lengths=[30, 9])
    out = SeriesScaler("minmax", feature_range=(2, 5)).fit_transform(X)
    limits = out.groupby(level=0).agg(["min", "max"])
    np.testing.assert_allclose(limits, [[2, 5] * 2] * 2, rtol=1e-12)


def test_empty_frame_raises():
    for X in (make_panel().iloc[:0], pd.DataFrame({"a": [1.0]}).iloc[:0]):
        with pytest.raises(ValueError, match=re.escape("X has no rows")):
            SeriesScaler().fit(X)


def test_set_output_names_the_columns_and_keeps_the_index():
    X = make_panel()
    scaler = SeriesScaler().set_output(transform="pandas")
    expected = SeriesScaler().fit_transform(X)
    pd.testing.assert_frame_equal(scaler.fit_transform(X), expected)
    assert scaler.get_feature_names_out().tolist() == ["sales", "gaps"]
    assert list(scaler.fit_transform(X.to_numpy()).columns) == ["x0", "x1"]
    with config_context(transform_output="pandas"):
        pd.testing.assert_frame_equal(SeriesScaler().fit_transform(X), expected)


def test_grid_search_runs_in_parallel():
    X = make_panel().fillna(0)
    y = X["sales"]
    pipeline = make_pipeline(SeriesScaler(handle_unknown="global"), Ridge())
    grid = {"seriesscaler__method": METHODS}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2, error_score="raise")
    single = clone(search).set_params(n_jobs=1)
    scores = [s.fit(X, y).cv_results_["mean_test_score"] for s in (search, single)]
    np.testing.assert_array_equal(*scores)

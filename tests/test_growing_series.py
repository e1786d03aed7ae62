"""Series that join a forecaster after fit: statistics follow them, then settle."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import PanelForecaster, SeriesLog, SeriesScaler, SlidingWindow

LONGEST = 10
SCALE = SeriesScaler()
LOG_AND_SCALE = make_pipeline(SeriesLog(), SeriesScaler("difference"))


def series(name, n_rows, level=10.0, seed=0):
    """Rows of one series: a season and noise around a level, a price beside them."""
    rng, day = np.random.default_rng(seed), np.arange(n_rows)
    index = pd.MultiIndex.from_product(
        [[name], pd.date_range("2024-01-01", periods=n_rows)], names=["store", "day"]
    )
    y = level * (1 + 0.3 * np.sin(day) + 0.05 * rng.normal(size=n_rows))
    return pd.DataFrame({"price": level + rng.normal(size=n_rows), "y": y}, index=index)


def fitted(target_transformer=SCALE, **options):
    train = pd.concat([series("a", LONGEST), series("b", LONGEST - 3, 100, seed=1)])
    # On the way some windows have missing values, which Ridge alone refuses.
    ridge = make_pipeline(SimpleImputer(), Ridge())
    steps = make_pipeline(SeriesScaler(), SlidingWindow(3, flat=True), ridge)
    model = PanelForecaster(steps, 2, target_transformer=target_transformer, **options)
    return model.fit(train[["price"]], train["y"])


def update(model, rows, size):
    """Give a model rows, `size` of them at a time."""
    for start in range(0, len(rows), size):
        part = rows.iloc[start : start + size]
        model.update(part[["price"]], part["y"])
    return model


def statistics(model):
    scaler = model.target_transformer_
    scaler = scaler[-1] if hasattr(scaler, "steps") else scaler
    return scaler.center_["y"], scaler.scale_["y"]


@pytest.mark.parametrize("target", [SCALE, LOG_AND_SCALE], ids=["scale", "log"])
@pytest.mark.parametrize(
    ("history", "gaps"), [("all", "keep"), ("context", "keep"), ("context", "fill")]
)
@pytest.mark.parametrize("n_rows", [2, LONGEST, LONGEST + 4])
def test_rows_one_by_one_give_what_they_give_at_once(target, history, gaps, n_rows):
    rows = series("new", n_rows, 1000, seed=2)
    if gaps == "fill" and n_rows > 5:
        rows = rows.drop(index=rows.index[3])
    models = [
        update(fitted(target, history=history, gaps=gaps), rows, size)
        for size in (1, 4, n_rows)
    ]
    first, *others = models
    for other in others:
        for ours, theirs in zip(statistics(first), statistics(other), strict=True):
            pd.testing.assert_series_equal(ours, theirs, check_exact=True)
        scaler, same = (m.estimator_[0].center_ for m in (first, other))
        pd.testing.assert_frame_equal(scaler, same, check_exact=True)
        pd.testing.assert_series_equal(first.forecast(), other.forecast())


def test_statistics_are_those_of_all_rows_until_there_are_enough():
    model, rows = fitted(), series("new", LONGEST + 10, 1000, seed=2)
    assert model.settling_rows_ == LONGEST
    settled = rows["y"].iloc[:LONGEST].agg(["mean", "std"])
    for n in range(len(rows)):
        update(model, rows.iloc[[n]], 1)
        center, scale = statistics(model)
        so_far = rows["y"].iloc[: min(n + 1, LONGEST)]
        assert_allclose(center["new"], so_far.mean(), rtol=1e-12)
        if n > 0:
            assert_allclose(scale["new"], so_far.std(ddof=0), rtol=1e-9)
    assert_allclose(center["new"], settled["mean"], rtol=1e-12)


@pytest.mark.parametrize("target", [SCALE, LOG_AND_SCALE], ids=["scale", "log"])
@pytest.mark.parametrize("history", ["all", "context"])
def test_a_series_that_begins_small_is_forecast_in_its_own_units(target, history):
    model, rows = fitted(target, history=history), series("new", 15, 1000, seed=2)
    rows.iloc[0] = 1.0
    forecast = update(model, rows, 1).forecast().loc["new"]
    assert forecast.between(300, 2000).all()


@pytest.mark.parametrize("target", [SCALE, LOG_AND_SCALE], ids=["scale", "log"])
def test_series_of_fit_never_change(target):
    model = fitted(target)
    before = statistics(model)
    later = series("b", LONGEST + 4, 500, seed=3).iloc[LONGEST - 3 :]
    update(model, pd.concat([later, series("new", 14, 1000, seed=2)]), 7)
    for ours, theirs in zip(statistics(model), before, strict=True):
        pd.testing.assert_series_equal(ours[["a", "b"]], theirs, check_exact=True)


def test_missing_values_do_not_count():
    rows = series("new", LONGEST + 5, 1000, seed=2)
    rows.loc[rows.index[:5], "y"] = np.nan
    model = update(fitted(), rows, 1)
    assert_allclose(statistics(model)[0]["new"], rows["y"].mean(), rtol=1e-12)


@pytest.mark.parametrize("target", [SCALE, LOG_AND_SCALE], ids=["scale", "log"])
def test_a_series_without_y_in_fit_is_one_that_joins_later(target):
    train = pd.concat([series("a", LONGEST), series("b", LONGEST - 3, 100, seed=1)])
    rows = series("new", LONGEST + 4, 1000, seed=2)
    first, later = rows.iloc[:3].assign(y=np.nan), rows.iloc[3:]
    both = pd.concat([train, first])
    steps = make_pipeline(SlidingWindow(3, flat=True), Ridge())
    model = PanelForecaster(steps, 2, target_transformer=target)
    model.fit(both[[]], both["y"]).update(later[[]], later["y"])
    for ours, theirs in zip(
        statistics(model), statistics(update(fitted(target), later, 50)), strict=True
    ):
        pd.testing.assert_series_equal(ours, theirs[ours.index], rtol=1e-9)
    assert model.forecast().loc["new"].between(500, 2000).all()


def test_context_keeps_all_rows_of_young_series_alone():
    model = fitted(history="context", freq="D")
    context = model.history_.groupby(level=0).size()["a"]
    update(model, series("new", LONGEST - 1, seed=2), LONGEST)
    sizes = model.history_.groupby(level=0).size()
    assert sizes["a"] == context < sizes["new"] == LONGEST - 1
    update(model, series("new", LONGEST, seed=2).iloc[-1:], 1)
    assert model.history_.groupby(level=0).size()["new"] == context


def test_a_failed_update_leaves_the_statistics():
    model = update(fitted(), series("new", 5, 1000, seed=2), 5)
    before = [part.copy() for part in statistics(model)]
    bad = series("new", 8, 1000, seed=2).iloc[5:].assign(price="dear")
    with pytest.raises(TypeError, match="Column 'price'"):
        update(model, bad, 3)
    for ours, theirs in zip(statistics(model), before, strict=True):
        pd.testing.assert_series_equal(ours, theirs, check_exact=True)


def test_several_young_series_settle_each_in_its_time():
    whole = pd.concat(
        [series("new", LONGEST + 4, 1000, seed=2), series("newer", 9, 50, seed=3)]
    )
    alone = update(fitted(), whole.loc[["newer"]], 2)
    day = whole.index.get_level_values("day")
    model = fitted()
    for now in day.unique():
        update(model, whole[day == now], 2)
    center = statistics(model)[0]
    assert_allclose(center["newer"], statistics(alone)[0]["newer"], rtol=1e-12)
    expected = whole.loc["new", "y"].iloc[:LONGEST].mean()
    assert_allclose(center["new"], expected, rtol=1e-12)

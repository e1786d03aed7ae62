"""ForecastErrorDisplay: what is drawn is a plain computation of errors."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    ForecastErrorDisplay,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SlidingWindow,
    backtest,
)
from sklstm.datasets import make_panel
from sklstm.metrics import mean_absolute_scaled_error


@pytest.fixture
def past_and_future():
    """Forecasts of the last five of 30 rows of six series, some truth missing."""
    y = make_panel(6, 30, n_covariates=0, random_state=0)["target"]
    late = y.groupby(level=0).cumcount(ascending=False) < 5
    future = y[late].copy()
    future.iloc[[3, 11]] = np.nan
    return y[~late], future


@pytest.fixture
def forecasts(past_and_future):
    _, future = past_and_future
    return future.ffill() * 1.1 + np.tile([0, 1, 2, 3, 4], 6)


def naive(horizon=5):
    return PanelForecaster(
        make_pipeline(SlidingWindow(7, flat=True), Ridge(100)), horizon=horizon
    )


def line(ax, label):
    return next(one for one in ax.lines if one.get_label() == label)


def dots(ax):
    """The errors of series from the top on, by label."""
    labels = [text.get_text() for text in ax.get_yticklabels()]
    points = next(one for one in ax.lines if one.get_marker() == "o")
    return pd.Series(points.get_xdata(), labels)


def test_line_is_the_mean_over_series_and_band_their_middle_half(
    past_and_future, forecasts
):
    past, future = past_and_future
    display = ForecastErrorDisplay.from_predictions(future, forecasts, history=past)
    by_step, by_series = display.axes_
    errors = abs(future - forecasts).to_numpy().reshape(6, 5)
    assert_array_equal(line(by_step, "mean of series").get_xdata(), range(1, 6))
    drawn = line(by_step, "mean of series").get_ydata()
    assert_allclose(drawn, np.nanmean(errors, axis=0))
    drawn = line(by_step, "median").get_ydata()
    assert_allclose(drawn, np.nanmedian(errors, axis=0))
    corners = by_step.collections[0].get_paths()[0].vertices
    edges = pd.Series(corners[:, 1]).groupby(corners[:, 0])
    low, high = np.nanquantile(errors, [0.25, 0.75], axis=0)
    assert_allclose(edges.min(), low)
    assert_allclose(edges.max(), high)
    plain = abs(future - forecasts).groupby(level=0).mean()
    assert_allclose(dots(by_series), plain.sort_values(ascending=False))
    assert display.figure_ is by_step.figure


def test_largest_errors_are_drawn_beside_the_median_of_all(past_and_future, forecasts):
    _, future = past_and_future
    display = ForecastErrorDisplay.from_predictions(
        future, forecasts, kind="series", n_series=2
    )
    (ax,) = display.axes_
    plain = abs(future - forecasts).groupby(level=0).mean()
    pd.testing.assert_series_equal(dots(ax), plain.nlargest(2), check_names=False)
    assert_allclose(line(ax, "median").get_xdata(), plain.median())
    assert ax.get_title(loc="left") == "The 2 largest of 6 series"
    assert [text.get_text() for text in ax.texts] == ["median of 6 series"]


def test_mean_of_scaled_errors_is_the_mase(past_and_future, forecasts):
    past, future = past_and_future
    display = ForecastErrorDisplay.from_predictions(
        future, forecasts, history=past, seasonal_period=7
    )
    mase = mean_absolute_scaled_error(
        future, forecasts, y_train=past, seasonal_period=7
    )
    assert_allclose(dots(display.axes_[1]).mean(), mase)
    assert display.axes_[0].get_ylabel() == "mean absolute scaled error"
    alone = ForecastErrorDisplay.from_predictions(
        future * 10, forecasts * 10, history=past * 10, seasonal_period=7
    )
    pd.testing.assert_frame_equal(alone.errors, display.errors)


def test_series_without_a_scale_are_left_out(past_and_future, forecasts):
    past, future = past_and_future
    past = past.where(past.index.get_level_values(0) != "s2", 1.0)
    display = ForecastErrorDisplay.from_predictions(
        future, forecasts, history=past, seasonal_period=1
    )
    assert "s2" not in dots(display.axes_[1]).index
    assert display.errors.loc["s2"].isna().all()


def test_steps_are_counted_from_the_end_of_the_history(past_and_future, forecasts):
    past, future = past_and_future
    later = np.tile([False, True, False, True, True], 6)
    display = ForecastErrorDisplay.from_predictions(
        future[later], forecasts[later], history=past
    )
    assert display.errors.columns.tolist() == [2, 4, 5]
    display = ForecastErrorDisplay.from_predictions(future[later], forecasts[later])
    assert display.errors.columns.tolist() == [1, 2, 3]


def test_order_of_rows_does_not_matter(past_and_future, forecasts):
    past, future = past_and_future
    expected = ForecastErrorDisplay.from_predictions(future, forecasts, history=past)
    order = np.random.default_rng(0).permutation(len(future))
    shuffled = ForecastErrorDisplay.from_predictions(
        future.iloc[order], forecasts.iloc[order], history=past.sample(frac=1)
    )
    pd.testing.assert_frame_equal(shuffled.errors, expected.errors)


def test_forecaster_in_a_pipeline_and_a_search_is_scored(past_and_future):
    past, future = past_and_future
    X = make_panel(6, 30, n_covariates=1, random_state=0)[["price"]]
    inside = make_pipeline(StandardScaler(), naive()).set_output(transform="pandas")
    rows = np.arange(len(past))
    search = GridSearchCV(inside, {}, cv=[(rows, rows)]).fit(X.loc[past.index], past)
    for model in (search, search.best_estimator_):
        display = ForecastErrorDisplay.from_estimator(
            model, X.loc[future.index], future, seasonal_period=7
        )
        expected = ForecastErrorDisplay.from_predictions(
            future,
            model.predict(X.loc[future.index]),
            history=past,
            seasonal_period=7,
        )
        pd.testing.assert_frame_equal(display.errors, expected.errors)


def test_forecaster_that_counts_rows_has_steps_of_rows():
    y = pd.Series(
        np.arange(24.0) % 5,
        index=pd.MultiIndex.from_product([["a", "b"], np.arange(12) * 2]),
    )
    late = y.index.get_level_values(1) > 16
    future = y[late].rename(lambda time: time + 7 if time == 22 else time, level=1)
    for freq in (None, "infer"):
        model = naive(3).set_params(freq=freq, estimator__slidingwindow__window_size=3)
        model.fit(None, y[~late])
        if freq is None:
            display = ForecastErrorDisplay.from_estimator(model, None, future)
            assert display.errors.columns.tolist() == [1, 2, 3]
        else:
            with pytest.raises(ValueError, match="between two time steps"):
                ForecastErrorDisplay.from_estimator(model, None, future)


class TestSeveralTargets:
    def test_each_has_its_plots(self, past_and_future, forecasts):
        past, future = past_and_future
        two, pasts = (pd.DataFrame({"up": y, "down": -2 * y}) for y in (future, past))
        display = ForecastErrorDisplay.from_predictions(
            two,
            pd.DataFrame({"up": forecasts, "down": -2 * forecasts}),
            history=pasts,
            seasonal_period=1,
        )
        single = ForecastErrorDisplay.from_predictions(
            future, forecasts, history=past, seasonal_period=1
        )
        assert_allclose(display.errors["up"], single.errors)
        assert_allclose(display.errors["down"], single.errors)
        titles = [ax.get_title(loc="left") for ax in display.axes_]
        assert titles == [
            f"{name}, by {what}" for name in two for what in ("step ahead", "series")
        ]
        expected = line(single.axes_[0], "mean of series").get_ydata()
        for ax in display.axes_[::2]:
            assert_allclose(line(ax, "mean of series").get_ydata(), expected)

    def test_of_an_array_take_the_names_of_the_history(self, past_and_future):
        past, future = past_and_future
        Y = pd.DataFrame({"up": past, "down": -past})
        truth = np.c_[future, -future]
        X = future.to_frame()[[]]
        display = ForecastErrorDisplay.from_estimator(naive().fit(None, Y), X, truth)
        assert display.errors.columns.unique(0).tolist() == ["up", "down"]

    def test_of_the_history_must_be_the_same(self, past_and_future):
        past, future = past_and_future
        two, pasts = (pd.DataFrame({"up": y, "down": -y}) for y in (future, past))
        message = "history must have the 2 target.s. that were forecast, 'up', 'down'"
        for other in (past, pasts[["down", "up"]]):
            with pytest.raises(ValueError, match=message):
                ForecastErrorDisplay.from_predictions(
                    two, two, history=other, seasonal_period=1
                )

    def test_targets_in_another_order_than_in_fit_raise(self, past_and_future):
        past, future = (
            pd.DataFrame({"up": y, "down": -y}) for y in past_and_future[:2]
        )
        forecaster = naive(4).fit(None, past)
        with pytest.raises(ValueError, match="y has the columns .*'down', 'up'.*, but"):
            ForecastErrorDisplay.from_estimator(
                forecaster, None, future[["down", "up"]]
            )


class TestBacktest:
    def test_errors_are_means_over_folds(self, past_and_future):
        y = past_and_future[0]
        folds = backtest(naive(4), None, y, cv=PanelTimeSeriesSplit(3, horizon=4))
        display = ForecastErrorDisplay.from_backtest(folds)
        error = abs(folds["y_true"] - folds["y_pred"])
        plain = error.groupby([folds["series"], folds["step"]]).mean().unstack()
        assert_allclose(display.errors, plain)
        assert display.errors.index.equals(plain.index)
        assert len(display.axes_) == 2

    def test_of_one_fold_is_the_display_of_its_forecasts(self, past_and_future):
        y = past_and_future[0]
        ((train, test),) = PanelTimeSeriesSplit(1, horizon=4).split(y.to_frame())
        folds = backtest(naive(4), None, y, cv=[(train, test)])
        past, future = y.iloc[train], y.iloc[test]
        expected = ForecastErrorDisplay.from_estimator(
            naive(4).fit(None, past), None, future, seasonal_period=7
        )
        display = ForecastErrorDisplay.from_backtest(
            folds, history=past, seasonal_period=7
        )
        pd.testing.assert_frame_equal(
            display.errors, expected.errors, check_names=False
        )

    def test_several_targets_and_levels(self, past_and_future):
        y = past_and_future[0]
        Y = pd.concat({"x": pd.DataFrame({"up": y, "down": -y})}, names=["shop"])
        folds = backtest(naive(4), None, Y, cv=PanelTimeSeriesSplit(2, horizon=4))
        display = ForecastErrorDisplay.from_backtest(
            folds, history=Y, seasonal_period=1
        )
        assert display.errors.index[0] == ("x", "s0")
        assert display.errors.columns.unique(0).tolist() == ["up", "down"]
        assert_allclose(display.errors["up"], display.errors["down"], rtol=1e-6)

    @pytest.mark.parametrize("drop", ["cutoff", "step", "y_true"])
    def test_other_tables_raise(self, past_and_future, drop):
        y = past_and_future[0]
        folds = backtest(naive(4), None, y, cv=PanelTimeSeriesSplit(2, horizon=4))
        with pytest.raises(ValueError, match="folds must be the table that backtest"):
            ForecastErrorDisplay.from_backtest(folds.drop(columns=drop))


def test_plot_draws_on_given_axes(past_and_future, forecasts):
    _, future = past_and_future
    figure, axes = plt.subplots(1, 3)
    display = ForecastErrorDisplay.from_predictions(future, forecasts, ax=axes)
    assert display.figure_ is figure
    assert list(display.axes_) == list(axes[:2])
    assert display.plot(axes[2], kind="step") is display
    assert display.axes_[0] is axes[2]


def test_one_series_and_one_step_are_drawn(past_and_future, forecasts):
    _, future = past_and_future
    one = ForecastErrorDisplay.from_predictions(future.loc[["s1"]], forecasts[5:10])
    assert len(one.axes_[0].lines) == 1
    first = np.tile([True, *[False] * 4], 6)
    one = ForecastErrorDisplay.from_predictions(future[first], forecasts[first])
    assert one.errors.shape == (6, 1)
    one.figure_.canvas.draw()


def test_no_data_is_changed(past_and_future, forecasts):
    past, future = past_and_future
    given = past.copy(), future.copy(), forecasts.copy()
    ForecastErrorDisplay.from_predictions(
        future, forecasts, history=past, seasonal_period=7
    )
    for before, after in zip(given, (past, future, forecasts), strict=True):
        pd.testing.assert_series_equal(before, after)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "bars"}, "kind must be 'both', 'step' or 'series', got 'bars'."),
        ({"n_series": 0}, "n_series == 0, must be >= 1."),
        ({"seasonal_period": 0}, "seasonal_period == 0, must be >= 1."),
        ({"seasonal_period": 40}, "The errors have no scale"),
        (
            {"seasonal_period": 7, "history": None},
            "seasonal_period=7 needs the",
        ),
        ({"ax": np.empty(1, object)}, "ax must hold 2 Axes, got 1."),
    ],
)
def test_impossible_options_raise(past_and_future, forecasts, options, message):
    past, future = past_and_future
    with pytest.raises(ValueError, match=re.escape(message)):
        ForecastErrorDisplay.from_predictions(
            future, forecasts, **{"history": past, **options}
        )


def test_history_that_does_not_fit_raises(past_and_future, forecasts):
    past, future = past_and_future
    for options in ({}, {"seasonal_period": 1}):
        with pytest.raises(ValueError, match="no known value of 1 series .* 's3'"):
            ForecastErrorDisplay.from_predictions(
                future, forecasts, history=past.drop("s3"), **options
            )
    with pytest.raises(ValueError, match="30 row.s. of y_true are not after the end"):
        ForecastErrorDisplay.from_predictions(future, forecasts, history=future)
    with pytest.raises(TypeError, match="history must be a pandas object indexed by"):
        ForecastErrorDisplay.from_predictions(future, forecasts, history=[1.0])


def test_forecasts_that_are_missing_raise(past_and_future, forecasts):
    _, future = past_and_future
    with pytest.raises(ValueError, match="y_pred is not finite in 1 of 30 rows"):
        ForecastErrorDisplay.from_predictions(
            future, forecasts.where(np.arange(30) != 0)
        )

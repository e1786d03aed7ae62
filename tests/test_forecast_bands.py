"""Intervals in a ForecastDisplay."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import ForecastDisplay


class Widening(RegressorMixin, BaseEstimator):
    """Forecast 0, within intervals as wide as their coverage."""

    def fit(self, X, y):
        self.history_ = y
        return self

    def predict(self, X):
        return np.zeros(len(X))

    def predict_interval(self, X, coverage=0.9):
        self.n_rows_seen_ = len(X)
        half = np.full(len(X), coverage / 2)
        return pd.DataFrame({"lower": -half, "upper": half}, index=X.index)


@pytest.fixture
def past_and_future(panel):
    y = panel["sales"]
    is_future = y.groupby(level=0).cumcount(ascending=False) < 4
    return y[~is_future], y[is_future]


def interval_of(y, half):
    return pd.DataFrame({"lower": y - half, "upper": y + half})


def bands_of(ax):
    return {band.get_label(): band for band in ax.collections}


def ends_of(band):
    """The lower and the upper bound of a band at each of its times."""
    corners = pd.DataFrame(band.get_paths()[0].vertices).groupby(0)[1]
    return corners.min().to_numpy(), corners.max().to_numpy()


def test_bands_show_the_bounds_widest_first(past_and_future):
    past, future = past_and_future
    display = ForecastDisplay.from_predictions(
        future,
        future + 1,
        history=past,
        intervals={0.5: interval_of(future, 1), 0.9: interval_of(future, 3)},
    )
    for ax in display.axes_:
        bands, truth = bands_of(ax), future.loc[ax.get_title(loc="left")]
        assert list(bands) == ["90 % interval", "50 % interval"]
        for band, half in zip(bands.values(), (3, 1), strict=True):
            lower, upper = ends_of(band)
            assert_array_equal(lower, truth - half)
            assert_array_equal(upper, truth + half)


def test_wider_bands_are_lighter_and_behind_the_lines(past_and_future):
    _, future = past_and_future
    intervals = {c: interval_of(future, 10 * c) for c in (0.5, 0.8, 0.95)}
    display = ForecastDisplay.from_predictions(future, future, intervals=intervals)
    ax = display.axes_[0]
    lightness = [band.get_facecolor()[0, :3].sum() for band in ax.collections]
    assert lightness == sorted(lightness, reverse=True)
    assert max(band.zorder for band in ax.collections) < ax.lines[0].zorder


def test_legend_names_each_coverage_once(past_and_future):
    past, future = past_and_future
    display = ForecastDisplay.from_predictions(
        future,
        future,
        history=past,
        intervals={0.8: interval_of(future, 1), 0.995: interval_of(future, 2)},
    )
    words = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert words == ["past", "truth", "forecast", "99.5 % interval", "80 % interval"]


@pytest.mark.parametrize("n_series", [1, 2, 3])
def test_legend_fits_into_the_figure(past_and_future, n_series):
    past, future = past_and_future
    intervals = {c: interval_of(future, 10 * c) for c in (0.5, 0.8, 0.995)}
    display = ForecastDisplay.from_predictions(
        future, future, history=past, intervals=intervals, n_series=n_series
    )
    display.figure_.canvas.draw()
    box = display.figure_.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= display.figure_.bbox.x1


def test_row_order_does_not_matter(past_and_future):
    _, future = past_and_future
    shuffled = future.sample(frac=1, random_state=0)
    display = ForecastDisplay.from_predictions(
        shuffled, shuffled, intervals={0.8: interval_of(shuffled, 2)}
    )
    for ax in display.axes_:
        lower, _ = ends_of(ax.collections[0])
        assert_array_equal(lower, future.loc[ax.get_title(loc="left")] - 2)


def test_bounds_may_be_an_array_and_series_be_chosen(past_and_future):
    _, future = past_and_future
    bounds = interval_of(future, 2).to_numpy()
    display = ForecastDisplay.from_predictions(
        future, future, intervals={0.8: bounds}, series=["c"]
    )
    assert display.intervals[0.8].index.equals(display.y_pred.index)
    assert_array_equal(ends_of(display.axes_[0].collections[0])[1], future["c"] + 2)


def test_single_row_has_a_visible_band(past_and_future):
    _, future = past_and_future
    one = future.groupby(level=0).head(1)
    display = ForecastDisplay.from_predictions(
        None, one, intervals={0.8: interval_of(one, 1)}
    )
    band = display.axes_[0].collections[0]
    assert band.get_linewidth() > 0


@pytest.mark.parametrize(
    "time",
    [
        pd.period_range("2020-01", periods=4, freq="M"),
        pd.date_range("2020-01-01", periods=4, freq="h", tz="Europe/Paris"),
        pd.RangeIndex(1990, 1994),
        pd.Index([f"2024-01-{i:02}" for i in range(1, 5)]),
        pd.Index(pd.date_range("2020-01-01", periods=4).date),
    ],
    ids=["period", "zoned", "integer", "string", "date"],
)
def test_every_kind_of_time_is_drawn(time):
    index = pd.MultiIndex.from_product([["a", "b"], time], names=["id", "t"])
    y = pd.Series(np.arange(8.0), index=index)
    display = ForecastDisplay.from_predictions(
        None, y, intervals={0.8: interval_of(y, 1)}
    )
    display.figure_.canvas.draw()
    assert_array_equal(ends_of(display.axes_[1].collections[0])[1], y["b"] + 1)


def test_plot_takes_a_style(past_and_future):
    _, future = past_and_future
    intervals = {0.5: interval_of(future, 1), 0.9: interval_of(future, 3)}
    display = ForecastDisplay(y_true=None, y_pred=future, intervals=intervals)
    display.plot(interval_kwargs={"color": "blue", "alpha": 0.5})
    outer, inner = display.axes_[0].collections
    assert outer.get_alpha() == inner.get_alpha() == 0.5
    assert outer.get_facecolor()[0, 0] > inner.get_facecolor()[0, 0] > 0
    display.plot(pred_kwargs={"color": "blue"}, interval_kwargs={"ec": "red"})
    band = display.axes_[0].collections[0]
    assert_array_equal(band.get_edgecolor()[0], to_rgba("red"))
    assert band.get_facecolor()[0, 2] == 1


@pytest.mark.parametrize("coverage", [0.8, (0.5, 0.8), np.array([0.5, 0.8])])
def test_from_estimator_predicts_intervals_of_the_drawn_series(
    panel, past_and_future, coverage
):
    past, future = past_and_future
    X = panel[["price"]]
    forecaster = Widening().fit(X.loc[past.index], past)
    display = ForecastDisplay.from_estimator(
        forecaster, X.loc[future.index], future, series=["c", "a"], coverage=coverage
    )
    assert forecaster.n_rows_seen_ == 8
    assert list(display.intervals) == np.atleast_1d(coverage).tolist()
    lower, upper = ends_of(bands_of(display.axes_[1])["80 % interval"])
    assert_array_equal(upper, 4 * [0.4])
    assert_array_equal(lower, 4 * [-0.4])


def test_from_estimator_finds_the_forecaster_inside_a_pipeline(panel, past_and_future):
    past, future = past_and_future
    X = panel[["price"]]
    pipeline = make_pipeline(StandardScaler(), Widening())
    pipeline.set_output(transform="pandas").fit(X.loc[past.index], past)
    display = ForecastDisplay.from_estimator(
        pipeline, X.loc[future.index], coverage=0.8
    )
    assert set(bands_of(display.axes_[0])) == {"80 % interval"}


def test_no_interval_is_asked_for_without_a_coverage(panel, past_and_future):
    past, future = past_and_future
    X = panel[["price"]]
    forecaster = Widening().fit(X.loc[past.index], past)
    display = ForecastDisplay.from_estimator(forecaster, X.loc[future.index])
    assert display.intervals is None
    assert not display.axes_[0].collections


def test_forecaster_without_intervals_raises(panel, past_and_future):
    past, future = past_and_future

    class Point(RegressorMixin, BaseEstimator):
        history_ = past

        def predict(self, X):
            return np.zeros(len(X))

    message = (
        "Point has no predict_interval. Use a PanelForecaster whose regressor has a "
        "quantile loss, an LSTMForecaster with quantiles, or a "
        "ConformalForecaster around any forecaster."
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        ForecastDisplay.from_estimator(
            Point(), panel.loc[future.index, ["price"]], coverage=0.8
        )


@pytest.mark.parametrize("coverage", [0, 1.0, (0.5, 90)])
def test_coverage_that_is_no_share_raises(panel, past_and_future, coverage):
    _, future = past_and_future
    X = panel.loc[future.index, ["price"]]
    message = "coverage must lie between 0 and 1, got "
    with pytest.raises(ValueError, match=message):
        ForecastDisplay.from_estimator(Widening(), X, coverage=coverage)
    with pytest.raises(ValueError, match=message):
        ForecastDisplay.from_predictions(
            None, future, intervals={np.ravel(coverage)[-1]: interval_of(future, 1)}
        )


def test_bounds_of_another_shape_or_order_raise(past_and_future):
    _, future = past_and_future
    message = (
        "intervals[0.8] must have two columns, the lower and the upper bound, got 1."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        ForecastDisplay.from_predictions(None, future, intervals={0.8: future})
    message = "intervals[0.8] and y_pred must have the same index in the same order."
    turned = interval_of(future, 1).iloc[::-1]
    with pytest.raises(ValueError, match=re.escape(message)):
        ForecastDisplay.from_predictions(None, future, intervals={0.8: turned})

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import (
    ConformalForecaster,
    ForecastDisplay,
    PanelForecaster,
    SeriesScaler,
    SlidingWindow,
)


class LastValue(RegressorMixin, BaseEstimator):
    """The smallest forecaster with a memory."""

    def fit(self, X, y):
        self.history_ = y
        return self

    def predict(self, X):
        self.n_rows_seen_ = len(X)
        last = self.history_.groupby(level=0).last()
        return last.loc[X.index.get_level_values(0)].to_numpy()


@pytest.fixture
def past_and_future(panel):
    """The panel's target, cut four rows before the end of every series."""
    y = panel["sales"]
    is_future = y.groupby(level=0).cumcount(ascending=False) < 4
    return y[~is_future], y[is_future]


def lines_of(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines}


def test_one_axes_per_series(past_and_future):
    past, future = past_and_future
    display = ForecastDisplay.from_predictions(future, future + 1, history=past)
    titles = [ax.get_title(loc="left") for ax in display.axes_]
    assert titles == ["a", "b", "c"]
    assert set(lines_of(display.axes_[0])) == {"past", "truth", "forecast"}
    assert display.figure_ is display.axes_[0].figure


def test_lines_show_the_given_values(past_and_future):
    past, future = past_and_future
    display = ForecastDisplay.from_predictions(future, future + 1, history=past)
    lines = lines_of(display.axes_[1])
    assert_array_equal(lines["forecast"][:, 1], future.loc["b"] + 1)
    assert_array_equal(lines["truth"][1:, 1], future.loc["b"])
    assert_array_equal(lines["past"][:, 1], past.loc["b"])


def test_row_order_does_not_matter(past_and_future):
    past, future = past_and_future
    shuffled = future.sample(frac=1, random_state=0)
    display = ForecastDisplay.from_predictions(shuffled, shuffled + 1)
    for ax in display.axes_:
        label = ax.get_title(loc="left")
        drawn = lines_of(ax)["forecast"][:, 1]
        assert_array_equal(drawn, future.loc[label].sort_index() + 1)


def test_array_of_predictions_takes_the_rows_of_the_truth(past_and_future):
    _, future = past_and_future
    display = ForecastDisplay.from_predictions(future, np.zeros(len(future)))
    assert display.y_pred.index.equals(future.index)


def test_forecast_without_truth(past_and_future):
    past, future = past_and_future
    display = ForecastDisplay.from_predictions(None, future, history=past)
    assert set(lines_of(display.axes_[0])) == {"past", "forecast"}


def test_history_after_the_first_forecast_is_not_drawn(panel, past_and_future):
    past, future = past_and_future
    display = ForecastDisplay.from_predictions(None, future, history=panel["sales"])
    assert_array_equal(lines_of(display.axes_[2])["past"][:, 1], past.loc["c"])


def test_n_history_limits_the_past(past_and_future):
    past, future = past_and_future
    display = ForecastDisplay.from_predictions(None, future, history=past, n_history=5)
    assert_array_equal(lines_of(display.axes_[0])["past"][:, 1], past.loc["a"][-5:])


def test_series_without_history_is_drawn_without_past(past_and_future):
    past, future = past_and_future
    display = ForecastDisplay.from_predictions(None, future, history=past.loc[["b"]])
    drawn = [set(lines_of(ax)) for ax in display.axes_]
    assert drawn == [{"forecast"}, {"past", "forecast"}, {"forecast"}]
    legend = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert sorted(legend) == ["forecast", "past"]


def test_series_are_drawn_in_the_order_asked_for(past_and_future):
    _, future = past_and_future
    display = ForecastDisplay.from_predictions(future, future, series=["c", "a"])
    assert [ax.get_title(loc="left") for ax in display.axes_] == ["c", "a"]


def test_random_choice_of_series_depends_on_random_state_alone(past_and_future):
    _, future = past_and_future
    chosen = [
        ForecastDisplay.from_predictions(future, future, n_series=2, random_state=3)
        .y_pred.index.get_level_values(0)
        .unique()
        .tolist()
        for _ in range(2)
    ]
    assert chosen[0] == chosen[1]
    assert len(chosen[0]) == 2


def test_from_estimator_predicts_the_drawn_series_only(panel, past_and_future):
    past, future = past_and_future
    X = panel[["price"]]
    forecaster = LastValue().fit(X.loc[past.index], past)
    display = ForecastDisplay.from_estimator(
        forecaster, X.loc[future.index], future, series=["c", "b"]
    )
    assert forecaster.n_rows_seen_ == 8
    assert [ax.get_title(loc="left") for ax in display.axes_] == ["c", "b"]
    assert display.y_pred.loc["b"].unique() == past.loc["b"].iloc[-1]
    assert_array_equal(lines_of(display.axes_[1])["past"][:, 1], past.loc["b"])


def test_without_covariates_the_rows_are_those_of_y(past_and_future):
    past, future = past_and_future
    model = LastValue().fit(None, past)
    display = ForecastDisplay.from_estimator(model, None, future)
    expected = ForecastDisplay.from_estimator(model, future.to_frame()[[]], future)
    assert display.y_pred.equals(expected.y_pred)
    with pytest.raises(TypeError, match="With X=None the rows are those of y"):
        ForecastDisplay.from_estimator(model, None)


def test_from_estimator_finds_the_history_inside_a_search(panel, past_and_future):
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    past, future = past_and_future
    X = panel[["price"]]
    pipeline = make_pipeline(StandardScaler(), LastValue()).set_output(
        transform="pandas"
    )
    rows = np.arange(len(past))
    search = GridSearchCV(pipeline, {}, cv=[(rows, rows)])
    search.fit(X.loc[past.index], past)
    display = ForecastDisplay.from_estimator(search, X.loc[future.index])
    assert set(lines_of(display.axes_[0])) == {"past", "forecast"}


@pytest.mark.parametrize(
    "time",
    [
        pd.period_range("2020-01", periods=20, freq="M"),
        pd.date_range("2020-01-01", periods=20, freq="h", tz="Europe/Paris"),
        pd.RangeIndex(1990, 2010),
        pd.Index(np.linspace(0, 1, 20)),
        pd.Index([f"2024-01-{i:02}" for i in range(1, 21)]),
        pd.Index(pd.date_range("2020-01-01", periods=20).date),
    ],
    ids=["period", "zoned", "integer", "float", "string", "date"],
)
def test_every_kind_of_time_is_drawn(time):
    index = pd.MultiIndex.from_product([["a", "b"], time], names=["id", "t"])
    y = pd.Series(np.arange(40.0), index=index)
    is_past = np.tile(np.arange(20) < 15, 2)
    display = ForecastDisplay.from_predictions(
        y[~is_past], y[~is_past] + 1, history=y[is_past]
    )
    display.figure_.canvas.draw()
    lines = lines_of(display.axes_[0])
    assert lines["past"][-1, 0] < lines["forecast"][0, 0]
    assert lines["truth"][0, 0] == lines["past"][-1, 0]


def test_several_levels_name_a_series():
    index = pd.MultiIndex.from_product([["x", "y"], [1, 2], range(3)])
    y = pd.Series(np.arange(12.0), index=index)
    display = ForecastDisplay.from_predictions(y, y, series=[("y", 1), ("x", 2)])
    assert [ax.get_title(loc="left") for ax in display.axes_] == ["y, 1", "x, 2"]


def test_plot_draws_on_given_axes(past_and_future):
    _, future = past_and_future
    figure, axes = plt.subplots(1, 3)
    display = ForecastDisplay.from_predictions(future, future, ax=axes)
    assert display.figure_ is figure
    assert list(display.axes_) == list(axes)


def test_one_axes_is_enough_for_one_series(past_and_future):
    _, future = past_and_future
    _, ax = plt.subplots()
    display = ForecastDisplay.from_predictions(future, future, series=["a"], ax=ax)
    assert display.axes_[0] is ax


def test_plot_returns_itself_and_takes_styles(past_and_future):
    past, future = past_and_future
    display = ForecastDisplay(y_true=future, y_pred=future, history=past)
    drawn = display.plot(
        history_kwargs={"c": "red"}, true_kwargs={"lw": 4}, pred_kwargs={"ls": ":"}
    )
    assert drawn is display
    past_line, truth_line, forecast_line = display.axes_[0].lines
    assert past_line.get_color() == "red"
    assert truth_line.get_linewidth() == 4
    assert forecast_line.get_linestyle() == ":"


def test_axis_labels_name_target_and_time(past_and_future):
    past, future = past_and_future
    display = ForecastDisplay.from_predictions(None, future.rename(None), history=past)
    assert display.figure_.get_supylabel() == "sales"
    assert display.figure_.get_supxlabel() == "date"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"series": ["z"]}, "series must be labels of the panel's series, got 'z'"),
        ({"series": []}, "series must name at least one series, got none."),
        ({"n_series": 0}, "n_series must be >= 1, got 0."),
    ],
)
def test_impossible_choice_raises(past_and_future, arguments, message):
    _, future = past_and_future
    with pytest.raises(ValueError, match=re.escape(message)):
        ForecastDisplay.from_predictions(future, future, **arguments)


def test_too_few_axes_raise(past_and_future):
    _, future = past_and_future
    _, axes = plt.subplots(1, 2)
    message = "ax must hold one Axes for each of the 3 series, got 2."
    with pytest.raises(ValueError, match=re.escape(message)):
        ForecastDisplay.from_predictions(future, future, ax=axes)


class TestSeveralTargets:
    def test_each_target_has_a_plot_in_each_series(self, past_and_future):
        past, future = past_and_future
        two = pd.DataFrame({"up": future, "down": -future})
        display = ForecastDisplay.from_predictions(
            two, two + 0.5, history=pd.DataFrame({"up": past, "down": -past})
        )
        names = past.index.unique(level=0)
        titles = [ax.get_title(loc="left") for ax in display.axes_]
        assert titles == [f"{name}, {target}" for name in names for target in two]
        for ax, (name, target) in zip(
            display.axes_, [(n, t) for n in names for t in two], strict=True
        ):
            past_line, truth, forecast = ax.lines
            expected = two.loc[name, target].to_numpy()
            assert_allclose(truth.get_ydata()[-len(expected) :], expected)
            assert_allclose(forecast.get_ydata(), expected + 0.5)
            sign = 1 if target == "up" else -1
            assert past_line.get_ydata()[-1] == sign * past.loc[name].iloc[-1]

    def test_from_estimator_names_the_targets_of_the_history(self, panel):
        Y = panel[["price", "sales"]]
        late = panel.groupby(level=0).cumcount(ascending=False) < 3
        steps = make_pipeline(SlidingWindow(3, flat=True), Ridge(10))
        base = PanelForecaster(steps, horizon=3, target_transformer=SeriesScaler())
        model = ConformalForecaster(base).fit(None, Y[~late])
        X = Y[late][[]]
        display = ForecastDisplay.from_estimator(model, X, series=["b"], coverage=0.5)
        titles = [ax.get_title(loc="left") for ax in display.axes_]
        assert titles == ["b, price", "b, sales"]
        interval = model.predict_interval(X, 0.5).loc["b"]
        for ax, target in zip(display.axes_, Y, strict=True):
            band = ax.collections[0].get_paths()[0].vertices[:, 1]
            assert_allclose(band.min(), interval[target].min(axis=None))
            assert_allclose(band.max(), interval[target].max(axis=None))

    def test_their_number_must_agree(self, past_and_future):
        _, future = past_and_future
        two = pd.concat([future, future], axis=1)
        message = "y_true must have as many columns as y_pred, 1, got 2."
        with pytest.raises(ValueError, match=re.escape(message)):
            ForecastDisplay.from_predictions(two, future)

    def test_their_order_must_agree(self, past_and_future):
        _, future = past_and_future
        two = pd.DataFrame({"up": future, "down": -future})
        with pytest.raises(ValueError, match="y_true has the columns .'down', 'up'."):
            ForecastDisplay.from_predictions(two[["down", "up"]], two)


def test_predictions_without_an_index_raise():
    with pytest.raises(TypeError, match="must be a pandas object indexed by"):
        ForecastDisplay.from_predictions(None, np.zeros(3))


class TestBaselines:
    def test_lines_show_the_given_forecasts(self, past_and_future):
        past, future = past_and_future
        display = ForecastDisplay.from_predictions(
            future,
            future + 1,
            history=past,
            baselines={"naive": future + 2, "zero": np.zeros(len(future))},
        )
        for ax in display.axes_:
            label, lines = ax.get_title(loc="left"), lines_of(ax)
            assert list(lines) == ["past", "truth", "forecast", "naive", "zero"]
            assert_array_equal(lines["naive"][:, 1], future.loc[label] + 2)
            assert_array_equal(lines["naive"][:, 0], lines["forecast"][:, 0])
            assert_array_equal(lines["zero"][:, 1], 0)
        words = [text.get_text() for text in display.figure_.legends[0].get_texts()]
        assert words == ["past", "truth", "forecast", "naive", "zero"]

    def test_each_is_broken_and_has_a_colour_of_its_own(self, past_and_future):
        _, future = past_and_future
        names = [f"model {i}" for i in range(6)]
        display = ForecastDisplay.from_predictions(
            future, future, baselines=dict.fromkeys(names, future)
        )
        _, forecast, *baselines = display.axes_[0].lines
        colors = {one.get_color() for one in (forecast, *baselines)}
        assert len(colors) == 7
        assert all(one.is_dashed() for one in baselines)

    def test_order_of_rows_and_choice_of_series_do_not_matter(self, past_and_future):
        _, future = past_and_future
        shuffled = future.sample(frac=1, random_state=0)
        display = ForecastDisplay.from_predictions(
            shuffled, shuffled, baselines={"more": shuffled + 1}, series=["c", "a"]
        )
        for label, ax in zip("ca", display.axes_, strict=True):
            expected = future.loc[label].sort_index() + 1
            assert_array_equal(lines_of(ax)["more"][:, 1], expected)
        assert display.baselines["more"].index.equals(display.y_pred.index)

    def test_forecasters_predict_the_drawn_series(self, panel, past_and_future):
        past, future = past_and_future
        model, last = (LastValue().fit(None, past) for _ in range(2))
        display = ForecastDisplay.from_estimator(
            model, None, future, series=["b"], baselines={"last": last}
        )
        assert last.n_rows_seen_ == 4
        drawn = lines_of(display.axes_[0])["last"][:, 1]
        assert_array_equal(drawn, np.full(4, past.loc["b"].iloc[-1]))

    def test_each_target_has_its_own(self, panel):
        Y = panel[["price", "sales"]]
        late = panel.groupby(level=0).cumcount(ascending=False) < 3
        past, future = Y[~late], Y[late]
        two = [
            PanelForecaster(
                make_pipeline(SlidingWindow(3, flat=True), Ridge(alpha)), horizon=3
            ).fit(None, past)
            for alpha in (1, 1e6)
        ]
        display = ForecastDisplay.from_estimator(
            two[0], None, future, baselines={"flat": two[1]}
        )
        expected = pd.DataFrame(two[1].predict(future[[]]), future.index, Y.columns)
        names = future.index.unique(0)
        assert len(display.axes_) == 6
        for ax, (name, target) in zip(
            display.axes_, [(n, t) for n in names for t in Y], strict=True
        ):
            assert_allclose(lines_of(ax)["flat"][:, 1], expected.loc[name, target])

    def test_one_row_shows_a_dot(self, past_and_future):
        past, future = past_and_future
        first = future.groupby(level=0).head(1)
        display = ForecastDisplay.from_predictions(
            first, first, history=past, baselines={"naive": first + 1}
        )
        assert display.axes_[0].lines[-1].get_marker() == "o"

    def test_they_take_styles(self, past_and_future):
        _, future = past_and_future
        display = ForecastDisplay.from_predictions(
            future, future, baselines={"naive": future}
        )
        display.plot(baseline_kwargs={"lw": 4})
        assert display.axes_[0].lines[-1].get_linewidth() == 4

    @pytest.mark.parametrize(
        ("baselines", "message"),
        [
            (
                {"truth": np.zeros(12)},
                "baselines must have names other than past, truth, forecast, got "
                "'truth'.",
            ),
            (
                {"naive": np.zeros(3)},
                "baselines['naive'] must have one value (or one row of values) for "
                "each of the 12 rows",
            ),
            (
                {"naive": np.zeros((12, 2))},
                "baselines['naive'] must have as many columns as y_pred, 1, got 2.",
            ),
        ],
    )
    def test_what_does_not_fit_raises(self, past_and_future, baselines, message):
        _, future = past_and_future
        with pytest.raises(ValueError, match=re.escape(message)):
            ForecastDisplay.from_predictions(future, future, baselines=baselines)

    def test_forecasts_are_no_forecasters(self, past_and_future):
        past, future = past_and_future
        message = "must map names to fitted forecasters, got 'naive': Series."
        with pytest.raises(TypeError, match=message):
            ForecastDisplay.from_estimator(
                LastValue().fit(None, past), None, future, baselines={"naive": future}
            )


def test_truth_is_seen_on_light_and_dark_paper(past_and_future):
    past, future = past_and_future
    lightness = {}
    for style in ("default", "dark_background"):
        with plt.style.context(style):
            display = ForecastDisplay.from_predictions(future, future, history=past)
            ink, paper = (
                np.mean(to_rgb(color))
                for color in (
                    display.axes_[0].lines[1].get_color(),
                    display.axes_[0].get_facecolor(),
                )
            )
            lightness[style] = ink - paper
    assert lightness["default"] < -0.5
    assert lightness["dark_background"] > 0.5

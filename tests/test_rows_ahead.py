"""Rows with a missing y at the end of a series are rows ahead, not history."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline

from sklstm import (
    ContinualForecaster,
    LSTMRegressor,
    PanelForecaster,
    SeriesEncoder,
    SeriesScaler,
    SlidingWindow,
)

HORIZON = 3


def ridge(**params):
    steps = make_pipeline(SlidingWindow(5, flat=True), Ridge())
    return PanelForecaster(steps, HORIZON, target_transformer=SeriesScaler(), **params)


def lstm(**params):
    net = LSTMRegressor(hidden_size=4, max_epochs=2, random_state=0, device="cpu")
    steps = make_pipeline(SeriesEncoder(), SlidingWindow(5), net)
    return PanelForecaster(steps, HORIZON, target_transformer=SeriesScaler(), **params)


def last_rows(X, n_rows):
    return X.groupby(level=0).cumcount(ascending=False).to_numpy() < n_rows


@pytest.fixture
def Xy(panel):
    return panel[["price"]], panel["sales"]


class TestFit:
    @pytest.mark.parametrize("make", [ridge, lstm])
    @pytest.mark.parametrize("params", [{}, {"gaps": "fill"}, {"history": "context"}])
    def test_it_equals_a_fit_without_them(self, Xy, make, params):
        X, y = Xy
        ahead = last_rows(X, HORIZON)
        weight = np.arange(1.0, len(X) + 1)
        a = make(**params).fit(X, y.where(~ahead), sample_weight=weight)
        b = make(**params).fit(X[~ahead], y[~ahead], sample_weight=weight[~ahead])
        assert_array_equal(a.predict(X[ahead]), b.predict(X[ahead]))
        pd.testing.assert_series_equal(a.forecast(), b.forecast())
        pd.testing.assert_series_equal(a.history_, b.history_)

    def test_any_row_order_and_unequal_ends(self, Xy):
        X, y = Xy
        ahead = last_rows(X, 4) & (X.index.get_level_values(0) != "b")
        order = np.random.default_rng(0).permutation(len(X))
        holed = y.where(~ahead)
        got = ridge().fit(X.iloc[order], holed.iloc[order]).forecast()
        expected = ridge().fit(X[~ahead], y[~ahead]).forecast()
        pd.testing.assert_series_equal(got, expected)

    def test_missing_values_inside_stay_rows(self, Xy):
        X, y = Xy
        y = y.copy()
        y.iloc[[10, 11, 50]] = np.nan
        history = lstm().fit(X, y).history_
        assert_array_equal(history, y)

    def test_one_known_target_of_several_is_enough(self, Xy):
        X, y = Xy
        both = pd.DataFrame({"one": y, "two": -y})
        both.loc[last_rows(X, 4), "two"] = np.nan
        both.loc[last_rows(X, 2), "one"] = np.nan
        history = lstm().fit(X, both).history_
        expected = both[~last_rows(X, 2)]
        pd.testing.assert_frame_equal(history, expected)
        assert history["two"].isna().sum() == 6

    def test_a_series_without_values_has_no_history(self, Xy):
        X, y = Xy
        blank = X.index.get_level_values(0) == "b"
        model = lstm().fit(X, y.where(~blank))
        other = lstm().fit(X[~blank], y[~blank])
        pd.testing.assert_series_equal(model.forecast(), other.forecast())
        assert_array_equal(model.predict(X[~blank]), other.predict(X[~blank]))
        with pytest.raises(ValueError, match="1 series not seen in fit: 'b'"):
            model.predict(X)

    @pytest.mark.parametrize("kind", ["ordered labels", "irregular"])
    def test_they_count_as_steps_where_time_does_not(self, Xy, kind):
        X, y = Xy
        day = np.arange(60)
        if kind == "irregular":
            times = pd.Timestamp("2024-01-01") + pd.to_timedelta(
                day * (day + 3) // 3, "D"
            )
        else:
            labels = [f"{n:03d}" for n in day]
            times = pd.CategoricalIndex(labels, categories=labels, ordered=True)
        place = X.groupby(level=0).cumcount().to_numpy()
        index = pd.MultiIndex.from_arrays(
            [X.index.get_level_values(0), times.take(place)], names=X.index.names
        )
        X, y = X.set_axis(index), y.set_axis(index)
        asked, ahead = last_rows(X, 2), last_rows(X, 5)
        model = lstm().fit(X[~asked], y.where(~ahead)[~asked])
        other = lstm().fit(X[~ahead], y[~ahead])
        expected = other.predict(X[ahead])[asked[ahead]]
        assert_array_equal(model.predict(X[asked]), expected)
        assert (expected != other.predict(X[asked])).all()

    def test_nothing_known_is_an_error(self, Xy):
        X, y = Xy
        with pytest.raises(ValueError, match="all 93 are missing"):
            ridge().fit(X, y * np.nan)

    def test_the_loop_over_data_sets_reads_them_so_too(self, Xy):
        X, y = Xy
        ahead = last_rows(X, HORIZON)
        a, b = (
            ContinualForecaster(lstm()).fit(*rows)
            for rows in [(X, y.where(~ahead)), (X[~ahead], y[~ahead])]
        )
        assert_array_equal(a.predict(X[ahead]), b.predict(X[ahead]))


class TestKnownCovariates:
    """y is the price of its own row, which only rows ahead can tell."""

    @pytest.fixture
    def model(self):
        steps = make_pipeline(
            SlidingWindow(2, known_covariates=["price"], flat=True), LinearRegression()
        )
        return PanelForecaster(steps, HORIZON)

    def test_forecast_reads_them_from_the_rows_ahead(self, Xy, model):
        X, _ = Xy
        y, ahead = X["price"].rename("cost"), last_rows(X, HORIZON)
        model.fit(X, y.where(~ahead))
        assert_allclose(model.forecast(), y[ahead], atol=1e-5)
        assert_array_equal(model.forecast(), model.predict(X[ahead]))

    def test_rows_ahead_that_do_not_reach_are_asked_for(self, Xy, model):
        X, _ = Xy
        y, ahead = X["price"], last_rows(X, HORIZON)
        model.fit(X[~last_rows(X, 1)], y.where(~ahead)[~last_rows(X, 1)])
        with pytest.raises(ValueError, match="X has no column 'price'"):
            model.forecast()
        assert_allclose(model.predict(X[ahead]), y[ahead], atol=1e-5)

    def test_they_wait_through_updates(self, Xy, model):
        X, _ = Xy
        y, late = X["price"], last_rows(X, HORIZON + 2)
        known = ~last_rows(X, HORIZON)
        model.fit(X, y.where(~late))
        model.update(X[late & known], y[late & known])
        assert_allclose(model.forecast(), y[~known], atol=1e-5)


class TestUpdate:
    @pytest.mark.parametrize("gaps", ["keep", "fill"])
    def test_pieces_equal_one_go(self, Xy, gaps):
        """What is ahead becomes a missing row once a later one is known."""
        X, y = Xy
        y = y.where(~last_rows(X, 5) | last_rows(X, 2))
        start = ~last_rows(X, 8)
        models = [lstm(gaps=gaps).fit(X[start], y[start]) for _ in range(2)]
        models[0].update(X[~start], y[~start])
        for n in range(8, 0, -1):
            step = last_rows(X, n) & ~last_rows(X, n - 1)
            models[1].update(X[step], y[step])
        pd.testing.assert_series_equal(*(model.history_ for model in models))
        assert models[0].history_.isna().sum() == 9
        assert_array_equal(*(model.forecast() for model in models))

    def test_values_of_rows_ahead_replace_them(self, Xy):
        X, y = Xy
        ahead = last_rows(X, 4)
        model = ridge().fit(X, y.where(~ahead)).update(X[ahead], y[ahead])
        assert_array_equal(model.history_, y)

    def test_rows_without_a_value_change_no_forecast(self, Xy):
        X, y = Xy
        late = last_rows(X, 4)
        model = ridge().fit(X[~late], y[~late])
        before = model.forecast()
        model.update(X[late], y[late] * np.nan)
        pd.testing.assert_series_equal(model.forecast(), before)
        new = X.loc[["a"]].rename(index={"a": "d"}, level=0)
        model.update(new, np.full(len(new), np.nan))
        pd.testing.assert_series_equal(model.forecast(), before)

    def test_partial_fit_learns_the_known_ones_alone(self, Xy):
        X, y = Xy
        late, ahead = last_rows(X, 8), last_rows(X, 3)
        weight = np.arange(1.0, late.sum() + 1)
        a, b = (lstm().fit(X[~late], y[~late]) for _ in range(2))
        a.partial_fit(X[late], y.where(~ahead)[late], sample_weight=weight)
        kept = late & ~ahead
        b.partial_fit(X[kept], y[kept], sample_weight=weight[~ahead[late]])
        assert_array_equal(a.forecast(), b.forecast())


class TestNoCovariates:
    @pytest.mark.parametrize("make", [ridge, lstm])
    def test_x_may_be_none(self, Xy, make):
        _, y = Xy
        late = last_rows(y, 4)
        models = []
        for rows in (lambda y: None, lambda y: y.to_frame()[[]]):
            model = make().fit(rows(y[~late]), y[~late])
            models.append(model.update(rows(y[late]), y[late]))
        pd.testing.assert_series_equal(*(model.forecast() for model in models))

    def test_partial_fit_and_the_loop_take_none(self, Xy):
        _, y = Xy
        late = last_rows(y, 8)
        model = lstm().fit(None, y[~late]).partial_fit(None, y[late])
        assert_array_equal(model.history_, y)
        loop = ContinualForecaster(lstm()).fit(None, y[~late]).update(None, y[late])
        assert len(loop.history_) == len(y)

    def test_predict_needs_rows(self, Xy):
        _, y = Xy
        with pytest.raises(TypeError, match=r"Call forecast\(\) for the next steps"):
            ridge().fit(None, y).predict(None)

    def test_y_must_name_the_rows(self, Xy):
        _, y = Xy
        with pytest.raises(
            TypeError, match="With X=None the rows are those of y: y must"
        ):
            ridge().fit(None, y.to_numpy())

    def test_an_array_that_was_a_y_needs_x(self, Xy):
        _, y = Xy
        model = TransformedTargetRegressor(ridge())
        with pytest.raises(TypeError, match=r"pass the rows as X, .*X = y\.to_frame"):
            model.fit(None, y)
        model.fit(y.to_frame()[[]], y)

    def test_none_where_fit_saw_columns(self, Xy):
        X, y = Xy
        late = last_rows(X, 4)
        model = ridge().fit(X[~late], y[~late])
        with pytest.raises(ValueError, match="X is None, but fit saw 1 column"):
            model.update(None, y[late])


def test_a_skipped_step_beside_a_series_that_keeps_none():
    """Found by a display: the times of the rows between had too few entries."""
    irregular = np.cumsum([1, 1, 1, 2, 1, 3, 1, 2, 1, 1, 2, 1, 3, 1, 1, 2])

    def rows(**days):
        start = pd.Timestamp("2024-01-01")
        index = pd.MultiIndex.from_tuples(
            [(n, start + pd.Timedelta(days=d)) for n, ds in days.items() for d in ds],
            names=["series", "time"],
        )
        return pd.Series(np.arange(len(index), dtype=float), index)

    window = SlidingWindow(window_size=3, flat=True)
    model = PanelForecaster(make_pipeline(window, Ridge()), horizon=3)
    model.fit(None, rows(a=irregular, b=range(27)))
    skipped = rows(a=[28, 29], b=[28, 29]).to_frame()[[]]
    given = rows(a=[28, 29], b=[27, 28, 29]).to_frame()[[]]
    got = pd.Series(model.predict(skipped), skipped.index)
    expected = pd.Series(model.predict(given), given.index)
    pd.testing.assert_series_equal(got, expected.loc[skipped.index])

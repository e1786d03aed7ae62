"""gaps="fill": windows, lags, seasons and steps count time, not rows."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from sklstm import (
    ConformalForecaster,
    ContinualForecaster,
    LSTMForecaster,
    LSTMRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeriesEncoder,
    SeriesScaler,
    SlidingWindow,
    regularize,
)
from sklstm.datasets import make_panel
from sklstm.metrics import make_panel_scorer

# Inputs and seasons that look back, so that a moved row is noticed.
LSTM = {"seasonal_periods": 7, "hidden_size": 6, "max_epochs": 2}


def small(**params):
    return LSTMRegressor(**LSTM | {"random_state": 0, "device": "cpu"} | params)


def forecaster(regressor=None, gaps="fill", **params):
    regressor = small() if regressor is None else regressor
    defaults = {"target_transformer": SeriesScaler("difference", differences=7)}
    steps = make_pipeline(
        SeriesScaler(), SlidingWindow(5, differences=(1, 7)), regressor
    )
    return PanelForecaster(steps, 3, gaps=gaps, **defaults | params)


def filled_by_hand(X, y):
    """A row for each day: y is missing, and X that of the row before."""
    y = regularize(y)
    X = regularize(X).groupby(level=0).ffill().astype(X.dtypes)
    return X, y


def split(X, y, days=3):
    """The last `days` days of each series apart, whichever of them have rows."""
    end = X.index.to_frame()["date"].groupby(level=0).transform("max")
    late = X.index.get_level_values("date") > end - pd.Timedelta(days=days)
    return X[~late], y[~late], X[late], y[late]


@pytest.fixture
def whole(panel):
    return panel[["price"]], panel["sales"]


@pytest.fixture
def holed(whole):
    """A fifth of the rows dropped, never the last of a series, and a long gap."""
    X, y = whole
    dropped = np.random.default_rng(0).random(len(X)) < 0.2
    dropped[10:14] = True
    dropped[[0, 36, 37, 38, 39, 40, 67, 68, 69, 70, 71, -4, -3, -2, -1]] = False
    return X[~dropped], y[~dropped]


class Recorder(RegressorMixin, BaseEstimator):
    """A regressor that keeps what it was given, and predicts zeros."""

    accepts_panel_windows = True

    def fit(self, X, y, sample_weight=None):
        self.n_outputs_, self.weight_ = y.shape[1], sample_weight
        self.last_ = X.table.target[X.ends]
        return self

    partial_fit = fit

    def predict(self, X):
        return np.zeros((len(X), self.n_outputs_))


class TestLaws:
    def test_without_gaps_nothing_changes(self, whole):
        train_X, train_y, test_X, test_y = split(*whole, 6)
        for history in ("all", "context"):
            kept, filled = (
                forecaster(gaps=gaps, history=history).fit(train_X, train_y)
                for gaps in ("keep", "fill")
            )
            assert_array_equal(kept.forecast(), filled.forecast())
            for model in (kept, filled):
                model.update(test_X.iloc[:3], test_y.iloc[:3])
                model.partial_fit(test_X.iloc[3:9], test_y.iloc[3:9])
            later = test_X.iloc[9:]
            assert_array_equal(kept.predict(later), filled.predict(later))

    @pytest.mark.parametrize("history", ["all", "context"])
    def test_it_equals_filling_by_hand(self, holed, history):
        train_X, train_y, test_X, _ = split(*holed)
        got = forecaster(history=history).fit(train_X, train_y)
        by_hand = forecaster(gaps="keep", history=history)
        by_hand.fit(*filled_by_hand(train_X, train_y))
        assert_array_equal(got.predict(test_X), by_hand.predict(test_X))
        assert_array_equal(got.forecast(7), by_hand.forecast(7))
        pd.testing.assert_series_equal(got.history_, by_hand.history_)

    def test_it_is_not_what_keeping_gaps_gives(self, holed):
        kept, filled = (
            forecaster(gaps=g, freq="D").fit(*holed) for g in ("keep", "fill")
        )
        assert (kept.forecast() != filled.forecast()).all()

    def test_the_history_is_missing_where_rows_are(self, holed):
        X, y = holed
        history = forecaster().fit(X, y).history_
        pd.testing.assert_series_equal(history, regularize(y))
        assert history.isna().sum() == len(history) - len(y) > 15

    def test_a_filled_row_has_the_covariates_of_the_row_before(self, holed):
        X, y = holed
        X = X.assign(
            n=np.arange(len(X)), kind=pd.Categorical(list("pq" * 99)[: len(X)])
        )
        history = forecaster().fit(X, y)._history.X
        assert history.dtypes.equals(X.dtypes)
        pd.testing.assert_frame_equal(history.loc[X.index], X)
        added = history.index.difference(X.index)
        for name, day in added:
            before = X.loc[name][:day].iloc[-1]
            assert history.loc[(name, day)].equals(before)

    @pytest.mark.parametrize("method", ["update", "partial_fit"])
    @pytest.mark.parametrize("history", ["all", "context"])
    def test_later_rows_are_filled_from_the_remembered_end_on(
        self, holed, method, history
    ):
        X, y = holed
        full_X, full_y = filled_by_hand(X, y)
        early, full_early = (
            x.index.get_level_values("date") <= "2024-01-10" for x in (X, full_X)
        )
        got = forecaster(history=history).fit(X[early], y[early])
        by_hand = forecaster(gaps="keep", history=history)
        by_hand.fit(full_X[full_early], full_y[full_early])
        new_X, new_y = X[~early], y[~early]
        rest = full_X[~full_early]
        # A gap lies just before the first new row.
        assert rest.index[0] not in new_X.index
        getattr(got, method)(new_X, new_y)
        getattr(by_hand, method)(rest, full_y[rest.index])
        pd.testing.assert_series_equal(got.history_, by_hand.history_)
        assert_array_equal(got.forecast(), by_hand.forecast())

    def test_a_gap_before_the_first_new_row_is_filled(self, whole):
        X, y = whole
        train_X, train_y, new_X, new_y = split(X, y, 5)
        late = new_X.groupby(level=0).cumcount().to_numpy() >= 3
        got = forecaster().fit(train_X, train_y).update(new_X[late], new_y[late])
        by_hand = forecaster(gaps="keep").fit(train_X, train_y)
        last = train_X.groupby(level=0).tail(1).to_numpy().repeat(5, axis=0)
        between = pd.DataFrame(last, new_X.index, X.columns)
        by_hand.update(new_X.where(late[:, None], between), new_y.where(late))
        assert_array_equal(got.forecast(), by_hand.forecast())
        assert got.history_.isna().sum() == 9

    def test_a_new_series_is_scaled_as_its_filled_rows_are(self, holed):
        X, y = holed
        known, new = X.loc[["b", "c"]], X.loc[["a"]]
        got = forecaster().fit(known, y[known.index]).update(new, y[new.index])
        by_hand = forecaster(gaps="keep").fit(*filled_by_hand(known, y[known.index]))
        by_hand.update(*filled_by_hand(new, y[new.index]))
        assert_array_equal(got.forecast(), by_hand.forecast())

    def test_the_callers_frames_are_never_changed(self, holed):
        X, y = holed
        before = X.copy(), y.copy()
        forecaster().fit(X, y).forecast()
        pd.testing.assert_frame_equal(X, before[0])
        pd.testing.assert_series_equal(y, before[1])


class TestSteps:
    def test_steps_count_time_in_every_series(self, whole):
        """Also in a series that lacks most of its rows, where else rows count."""
        X, y = whole
        kept = np.ones(len(X), dtype=bool)
        kept[40:71] = np.arange(31) % 3 == 0
        with pytest.raises(ValueError, match="1 series have another time step .3 days"):
            forecaster().fit(X[kept], y[kept])
        model = forecaster(freq="D").fit(X[kept], y[kept])
        end = X[kept].loc["b"].index[-1]
        third = [("b", end + pd.Timedelta(days=3))]
        asked = pd.DataFrame({"price": 0.0}, pd.MultiIndex.from_tuples(third))
        expected = model.forecast(3).loc["b"].iloc[-1]
        assert model.predict(asked.rename_axis(X.index.names)) == expected

    def test_fitted_values_stand_at_their_rows(self, holed):
        X, y = holed
        got = forecaster().fit(X, y)
        full_X, full_y = filled_by_hand(X, y)
        by_hand = forecaster(gaps="keep").fit(full_X, full_y)
        expected = pd.Series(by_hand.predict(full_X), full_X.index)
        assert_array_equal(got.predict(X), expected[X.index])

    @pytest.mark.parametrize(
        "time",
        [
            np.arange(60),
            np.arange(60) * 0.1,
            pd.period_range("2020-01", periods=60, freq="M"),
            pd.bdate_range("2024-01-01", periods=60),
            pd.date_range("2020-01-31", periods=60, freq="ME"),
            pd.date_range("2024-03-20", periods=60, freq="h", tz="Europe/Paris"),
        ],
        ids=["int", "float", "period", "weekday", "month", "zone"],
    )
    def test_every_kind_of_time(self, time):
        index = pd.MultiIndex.from_product([["p", "q"], time])
        y = pd.Series(np.sin(np.arange(120.0)), index)
        kept = np.random.default_rng(0).random(120) > 0.15
        kept[[0, 1, 59, 60, 61, 119]] = True
        X = y.to_frame()[[]]
        model = forecaster().fit(X[kept], y[kept])
        got = model.history_.index.get_level_values(1)
        if isinstance(time[0], float):
            assert_allclose(got, np.tile(time, 2))
        else:
            assert_array_equal(got, np.tile(time, 2))
        assert_array_equal(model.history_.isna(), ~kept)
        assert np.isfinite(model.forecast()).all()

    def test_times_that_differ_in_their_last_bit_are_all_kept(self):
        sums, decimals = np.arange(30) * 0.1, np.round(np.arange(30) * 0.1, 1)
        assert (sums != decimals).any()
        kept = np.arange(30) % 7 != 4
        index = pd.MultiIndex.from_tuples(
            [("p", t) for t in sums] + [("q", t) for t in decimals[kept]]
        )
        y = pd.Series(np.arange(float(len(index))), index)
        X = y.to_frame()[[]]
        model = forecaster().fit(X, y)
        assert_array_equal(model.history_.dropna(), y)
        assert len(model.history_) == 60
        assert np.isfinite(model.predict(X)).all()

    @pytest.mark.parametrize("hole", [[], [12]])
    def test_the_step_of_fit_is_that_of_later_rows(self, hole):
        days = pd.bdate_range("2024-01-01", periods=40).delete(hole)
        index = pd.MultiIndex.from_product([["a"], days], names=["shop", "date"])
        y = pd.Series(np.arange(float(len(days))), index)
        model = forecaster().fit(y.to_frame()[[]], y)
        saturday = pd.MultiIndex.from_tuples([("a", pd.Timestamp("2024-03-02"))])
        message = "1 row(s) are no whole number of steps of 1 weekday(s) after the"
        with pytest.raises(ValueError, match=re.escape(message)):
            model.update(pd.DataFrame(index=saturday), [1.0])
        assert len(model.history_) == 40


class TestWeights:
    def test_a_filled_row_weighs_as_the_row_before(self, holed):
        X, y = holed
        weight = np.arange(1.0, len(X) + 1)
        order = np.random.default_rng(0).permutation(len(X))
        model = forecaster(Recorder(), target_transformer=None)
        model.fit(X.iloc[order], y.iloc[order], weight[order])
        seen = model.estimator_[-1]
        full = regularize(pd.Series(weight, X.index)).ffill()
        # Weights belong to origins, and each known value tells which row it is.
        value = regularize(y).to_numpy(np.float32)
        known = np.isfinite(seen.last_[:, 0])
        rows = [np.flatnonzero(value == v)[0] for v in seen.last_[known, 0]]
        assert_array_equal(seen.weight_[known], full.iloc[rows])
        assert (~known).sum() > 10

    def test_partial_fit_weighs_as_filling_by_hand(self, whole):
        X, y = whole
        train_X, train_y, new_X, new_y = split(X, y, 10)
        kept = np.isin(new_X.groupby(level=0).cumcount(), [2, 3, 4, 7, 9])
        weight = np.arange(2.0, 2 + kept.sum())
        got = forecaster(Recorder()).fit(train_X, train_y)
        got.partial_fit(new_X[kept], new_y[kept], weight)
        full = pd.Series(weight, new_X[kept].index).reindex(new_X.index)
        full = full.groupby(level=0).ffill().fillna(1.0)
        by_hand = forecaster(Recorder(), gaps="keep").fit(train_X, train_y)
        by_hand.partial_fit(new_X, new_y.where(kept), full.to_numpy())
        assert_array_equal(got.estimator_[-1].weight_, by_hand.estimator_[-1].weight_)
        assert len(np.unique(full)) == len(weight) + 1


class TestErrors:
    def test_a_row_between_two_steps(self):
        index = pd.MultiIndex.from_product(
            [["a"], [*range(20), 20.5, 21]], names=["shop", "day"]
        )
        y = pd.Series(np.arange(22.0), index)
        message = (
            "1 row(s) are no whole number of steps of 1.0 after the first row of their "
            "series: ('a', 20.5). Round the times, aggregate the rows (resample, "
            "groupby), give regularize the true step as freq, or keep the rows as they "
            "are and set SlidingWindow(max_gap=...)."
        )
        note = "gaps='fill' gives each step a row; gaps='keep' takes rows as they are."
        with pytest.raises(ValueError, match=re.escape(message)) as caught:
            forecaster().fit(y.to_frame()[[]], y)
        assert caught.value.__notes__ == [note]
        model = forecaster().fit(y.to_frame()[[]].iloc[:20], y.iloc[:20])
        before = model.forecast()
        with pytest.raises(ValueError, match=re.escape(message)):
            model.update(y.to_frame()[[]].iloc[20:], y.iloc[20:])
        assert_array_equal(model.forecast(), before)

    def test_times_without_arithmetic(self):
        index = pd.MultiIndex.from_product(
            [["a"], pd.Categorical(list("pqrstuvw"), ordered=True)], names=["n", "t"]
        )
        y = pd.Series(np.arange(8.0), index)
        message = (
            "gaps='fill' needs the time step of 't', which cannot be found: it needs "
            "dates, periods or numbers, and a series of two rows. Use gaps='keep'."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            forecaster().fit(y.to_frame()[[]], y)

    def test_a_far_row_is_not_filled_up_to(self):
        index = pd.MultiIndex.from_product([["a"], [*range(1200), 10**9]])
        y = pd.Series(np.arange(1201.0), index)
        message = "At a step of 1, 999998800 rows would be added to the 1201 given ones"
        with pytest.raises(ValueError, match=re.escape(message)):
            forecaster().fit(y.to_frame()[[]], y)

    def test_another_value_is_not_allowed(self, whole):
        with pytest.raises(ValueError, match="The 'gaps' parameter of PanelForecaster"):
            forecaster(gaps="drop").fit(*whole)

    def test_gaps_that_are_set_after_fit_wait_for_the_next_one(self, holed):
        train_X, train_y, new_X, new_y = split(*holed, 12)
        expected = forecaster().fit(train_X, train_y).update(new_X, new_y).forecast()
        model = forecaster().fit(train_X, train_y).set_params(gaps="keep")
        assert_array_equal(model.update(new_X, new_y).forecast(), expected)


class TestInCompany:
    def test_scorers_and_searches(self, holed):
        X, y = holed
        cv = PanelTimeSeriesSplit(n_splits=2, horizon=3)
        for scoring in ("neg_mean_absolute_error", make_panel_scorer("mase")):
            assert np.isfinite(
                cross_val_score(forecaster(), X, y, cv=cv, scoring=scoring)
            ).all()
        search = GridSearchCV(
            forecaster(),
            {"gaps": ["keep", "fill"]},
            cv=cv,
            scoring="neg_mean_absolute_error",
            return_train_score=True,
        ).fit(X, y)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        assert np.isfinite(search.cv_results_["mean_train_score"]).all()

    def test_the_loop_over_data_sets_fills_too(self, holed):
        X, y = holed
        train_X, train_y, new_X, new_y = split(X, y, 12)
        names = X.index.get_level_values(0)
        for preprocessing in ("own", "shared"):
            got, by_hand = (
                ContinualForecaster(forecaster(gaps=g), preprocessing=preprocessing)
                for g in ("fill", "keep")
            )
            got.fit(X[names != "c"], y[names != "c"])
            by_hand.fit(*filled_by_hand(X[names != "c"], y[names != "c"]))
            assert_array_equal(got.forecast(), by_hand.forecast())
            got.partial_fit(X[names == "c"], y[names == "c"])
            by_hand.partial_fit(*filled_by_hand(X[names == "c"], y[names == "c"]))
            assert_array_equal(got.forecast(), by_hand.forecast())
        loop = ContinualForecaster(forecaster()).fit(train_X, train_y)
        assert np.isfinite(loop.update(new_X, new_y).forecast()).all()

    def test_errors_of_a_calibration_start_from_rows_that_are_there(self, holed):
        X, y = holed
        model = ConformalForecaster(forecaster(), calibration_size=8).fit(X, y)
        n_errors = np.zeros(3)
        for name in "abc":
            days = y.loc[name].index
            for origin in days:
                step = (days[-8:] - origin).days
                n_errors += [(step == number).sum() for number in (1, 2, 3)]
        known = np.isfinite(model.errors_[..., 0, 0])
        assert known.any(axis=1).all()
        assert_array_equal(known.sum(axis=0), n_errors)
        # Some of the last rows follow a gap, and are no first step of any origin.
        assert n_errors[0] < 3 * 8

    def test_quantiles_are_forecast(self, holed):
        model = forecaster(small(loss="quantile", quantiles=(0.1, 0.5, 0.9)))
        ahead = model.fit(*holed).forecast().to_frame()[[]]
        assert np.isfinite(model.predict_quantiles(ahead)).all(axis=None)


class TestAccuracy:
    @pytest.fixture
    def learnable(self):
        panel = make_panel(
            6,
            120,
            noise=0.02,
            trend=0.0,
            level_spread=0.5,
            n_covariates=0,
            random_state=0,
        )
        y = panel["target"]
        late = y.groupby(level=0).cumcount(ascending=False).to_numpy() < 7
        return y.to_frame()[[]], y, late

    def test_a_tenth_of_the_rows_is_not_missed(self, learnable):
        X, y, late = learnable
        kept = np.random.default_rng(0).random(len(y)) > 0.1
        model = LSTMForecaster(
            7, 7, hidden_size=8, max_epochs=5, n_estimators=1, random_state=0
        ).set_params(gaps="fill")
        errors = {}
        for name, rows in {"whole": ~late, "holed": ~late & kept}.items():
            y_pred = clone(model).fit(X[rows], y[rows]).predict(X[late])
            assert np.isfinite(y_pred).all()
            errors[name] = np.abs(y_pred - y[late]).mean()
        naive = y[~late].groupby(level=0).tail(7).to_numpy()
        assert errors["holed"] < 1.5 * errors["whole"]
        assert errors["holed"] < 0.5 * np.abs(y[late] - np.mean(naive)).mean()

    @pytest.mark.parametrize("embedding_dim", [0, 4])
    @pytest.mark.parametrize("periods", [None, 7, (7, 28)])
    @pytest.mark.parametrize("gaps", ["keep", "fill"])
    def test_three_rows_of_a_new_series_are_enough(
        self, learnable, periods, embedding_dim, gaps
    ):
        X, y, late = learnable
        model = LSTMForecaster(
            7,
            periods,
            hidden_size=4,
            max_epochs=1,
            n_estimators=1,
            embedding_dim=embedding_dim,
            random_state=0,
        ).set_params(gaps=gaps)
        model.fit(X[~late], y[~late])
        day = pd.Timestamp("2020-04-20") + pd.to_timedelta([0, 1, 4], unit="D")
        index = pd.MultiIndex.from_product([["new"], day], names=X.index.names)
        model.update(pd.DataFrame(index=index), [5.0, 6.0, 5.5])
        ahead = pd.date_range(day[-1] + pd.Timedelta(days=1), periods=7)
        index = pd.MultiIndex.from_product([["new"], ahead], names=X.index.names)
        y_pred = model.predict(pd.DataFrame(index=index))
        assert np.isfinite(y_pred).all()
        assert (y_pred > 0).all() or periods is None
        assert_array_equal(model.predict(X[late][:1]).shape, [1])


class TestNewStoreOfAKnownBrand:
    def make_data(self):
        rng = np.random.default_rng(0)
        stores = {f"s{i}": f"brand{i % 3}" for i in range(6)}
        index = pd.MultiIndex.from_product([stores, range(40)], names=["store", "day"])
        brand = index.get_level_values(0).map(stores)
        X = pd.DataFrame({"brand": pd.Categorical(brand)}, index)
        level = 3 * X["brand"].cat.codes.to_numpy()
        return X, pd.Series(level + 0.1 * rng.normal(size=len(X)), index)

    def test_it_is_forecast_by_the_embedding_of_its_brand(self):
        X, y = self.make_data()
        lstm = LSTMRegressor(
            hidden_size=8,
            embedding_dim=3,
            category_dropout=0.5,
            max_epochs=10,
            lr=0.02,
            random_state=0,
        )
        model = PanelForecaster(
            make_pipeline(SeriesEncoder(), SlidingWindow(3), lstm), horizon=2
        ).fit(X, y)
        index = pd.MultiIndex.from_product([["new"], range(3)], names=X.index.names)
        forecasts = {}
        for brand in ("brand0", "brand2"):
            new = pd.DataFrame({"brand": [brand] * 3}, index)
            new["brand"] = new["brand"].astype(X["brand"].dtype)
            later = clone(model).fit(X, y).update(new, [3.0, 3.0, 3.0])
            windows = later._transform.windows(later._history.X.loc[["new"]])
            assert list(windows.table.categories) == ["brand", "store"]
            brand_code = 1 + X["brand"].cat.categories.get_loc(brand)
            assert_array_equal(windows.table.codes[-1], [brand_code, 0])
            forecasts[brand] = later.forecast().loc["new"].to_numpy()
            assert np.isfinite(forecasts[brand]).all()
        # The same history, and another brand, whose level is 6 instead of 0.
        assert (forecasts["brand2"] > forecasts["brand0"] + 0.5).all()

    def test_the_columns_are_dropped_each_on_its_own(self):
        X, y = self.make_data()
        lstm = LSTMRegressor(
            hidden_size=4, category_dropout=0.5, max_epochs=1, random_state=0
        )
        model = PanelForecaster(make_pipeline(SeriesEncoder(), SlidingWindow(3), lstm))
        module = model.fit(X, y).estimator_[-1].net_.module_
        kept = module.draw_kept(codes=torch.ones(4000, 3, 2))[:, 0]
        both = np.asarray(kept).astype(int) @ [1, 2]
        assert_allclose(np.bincount(both) / 4000, 0.25, atol=0.03)

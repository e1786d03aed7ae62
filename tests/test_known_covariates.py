"""Columns that are known ahead reach the forecasts of their steps, and no others."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from sklstm import (
    CalendarFeatures,
    ContinualForecaster,
    LSTMRegressor,
    PanelForecaster,
    SeedEnsemble,
    SeriesEncoder,
    SeriesScaler,
    SlidingWindow,
)
from sklstm._windows.step_targets import StepTargets
from sklstm.neural_network import LSTMModule

HORIZON = 3
LEVEL_FREE = {"differences": (1, 7), "level": "drop", "seasonal_periods": 7}


def make_data(lengths=(60, 45, 30), seed=0):
    """y is the sum of what is known of its own row, and a level."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_tuples(
        [(f"s{i}", t) for i, n in enumerate(lengths) for t in range(n)],
        names=["shop", "day"],
    )
    X = pd.DataFrame(
        {
            "price": rng.normal(size=len(index)),
            "weather": rng.normal(size=len(index)),
            "promo": pd.Categorical(rng.choice(["none", "big"], len(index))),
        },
        index,
    )
    y = 2 * X["price"] + (X["promo"] == "big")
    return X, y.rename("sales")


def split(X, y, n_last=HORIZON):
    late = X.groupby(level=0).cumcount(ascending=False).to_numpy() < n_last
    return X[~late], y[~late], X[late], y[late]


def small(**params):
    defaults = {"hidden_size": 6, "max_epochs": 2, "random_state": 0, "device": "cpu"}
    return LSTMRegressor(**defaults | params)


def forecaster(known=("price", "promo"), regressor=None, horizon=HORIZON, **params):
    view = {k: params.pop(k) for k in ("differences", "level") if k in params}
    known = None if known is None else list(known)
    window = SlidingWindow(5, known_covariates=known, **view)
    regressor = small(**params) if regressor is None else regressor
    return PanelForecaster(make_pipeline(SeriesEncoder(), window, regressor), horizon)


def flat(regressor, known=("price",), horizon=HORIZON):
    """Windows of numeric columns as rows, for other regressors."""
    window = SlidingWindow(5, known_covariates=list(known), flat=True)
    return PanelForecaster(make_pipeline(window, regressor), horizon)


PARAMS = [
    {},
    {"training_mode": "windowed", "bidirectional": True},
    LEVEL_FREE,
    {**LEVEL_FREE, "head_hidden_size": 5, "num_layers": 2, "dropout": 0.2},
    {"embedding_dim": 0},
    {"category_dropout": 0.4, "loss": "quantile", "quantiles": (0.1, 0.5, 0.9)},
]


class TestLeaks:
    @pytest.fixture(params=PARAMS, ids=str)
    def fitted(self, request):
        X, y = make_data()
        train_X, train_y, test_X, _ = split(X, y, 8)
        model = forecaster(**request.param).fit(train_X, train_y)
        return model, test_X

    @pytest.mark.parametrize("nonsense", [np.nan, -1e30, 7.0])
    def test_past_only_columns_of_future_rows_are_not_read(self, fitted, nonsense):
        model, test_X = fitted
        other = test_X.assign(weather=nonsense)
        assert_array_equal(model.predict(other), model.predict(test_X))

    def test_past_only_columns_may_be_left_out(self, fitted):
        model, test_X = fitted
        given = test_X[["promo", "price"]]
        assert_array_equal(model.predict(given), model.predict(test_X))

    def test_a_known_column_reaches_its_own_step_and_later_recursion(self, fitted):
        model, test_X = fitted
        other = test_X.copy()
        step = other.groupby(level=0).cumcount().to_numpy()
        other.loc[step == 2, "price"] += 5
        changed = model.predict(other) != model.predict(test_X)
        assert_array_equal(np.unique(step[changed]), [2, 3, 4, 5, 6, 7])

    def test_a_known_category_reaches_its_own_step(self, fitted):
        model, test_X = fitted
        has_categories = model.estimator[-1].embedding_dim != 0
        other = test_X.copy()
        step = other.groupby(level=0).cumcount().to_numpy()
        swapped = test_X["promo"].cat.rename_categories({"none": "big", "big": "none"})
        other.loc[step == 1, "promo"] = swapped[step == 1]
        changed = model.predict(other) != model.predict(test_X)
        expected = [1, 3, 4, 5, 6, 7] if has_categories else []
        assert_array_equal(np.unique(step[changed]), expected)

    def test_part_of_the_rows_gets_the_forecasts_it_has_among_all(self, fitted):
        model, test_X = fitted
        everything = pd.Series(model.predict(test_X), test_X.index)
        for rows in ([0, 1], [9, 8], [1], [2, 18]):
            part = test_X.iloc[rows]
            assert_array_equal(model.predict(part), everything[part.index])

    def test_a_fitted_value_sees_what_was_known_of_its_own_row(self, fitted):
        model, _ = fitted
        X = model._history.X
        before = pd.Series(model.predict(X), X.index)
        model._history.X.iloc[40, 0] += 5
        changed = np.flatnonzero(model.predict(X) != before)
        # Its own forecast, and those whose windows of 5 rows hold it.
        assert_array_equal(changed, range(40, 45 + 1))

    def test_rows_after_a_gap_are_read_as_the_next_steps(self):
        X, y = make_data()
        train_X, train_y, test_X, _ = split(X, y)
        window = SlidingWindow(5, known_covariates=["price"], max_gap=1)
        model = PanelForecaster(make_pipeline(window, small()), HORIZON)
        # No step is kept in enough rows for times to be trusted.
        thinned = train_X.groupby(level=0).cumcount().to_numpy() % 3 != 2
        model.fit(train_X[thinned], train_y[thinned])
        before = model.predict(test_X)
        assert (model.predict(test_X.assign(price=test_X["price"] + 1)) != before).all()


class TestLearning:
    def test_it_learns_what_only_the_future_tells(self):
        X, y = make_data((300, 300, 300))
        train_X, train_y, test_X, test_y = split(X, y)
        errors = {}
        for known in (("price", "promo"), None):
            params = {"hidden_size": 16, "max_epochs": 30, "lr": 0.01}
            model = forecaster(known, **params).fit(train_X, train_y)
            errors[known] = np.abs(model.predict(test_X) - test_y).mean()
        assert errors[("price", "promo")] < 0.35 * errors[None]

    @pytest.mark.parametrize("mode", ["chunked", "windowed"])
    def test_chunked_and_windowed_batches_hold_the_same_known_inputs(
        self, mode, monkeypatch
    ):
        X, y = make_data()
        window = SlidingWindow(5, known_covariates=["price", "promo"])
        windows = window.fit_transform(X).with_target(y.to_numpy()[:, None])
        targets = StepTargets(
            windows.table.target, windows.ends, windows.table.segments, HORIZON
        )
        seen = {}

        model = small(training_mode=mode, max_epochs=1).fit(windows, targets)
        forward = LSTMModule.forward

        def watched(module, **batch):
            if module.training:
                seen.setdefault("known", []).append(batch["known"])
                seen.setdefault("codes", []).append(batch["known_codes"])
            return forward(module, **batch)

        monkeypatch.setattr(LSTMModule, "forward", watched)
        model.partial_fit(windows, targets)
        values = np.concatenate([part.numpy() for part in seen["known"]])
        codes = np.concatenate([part.numpy() for part in seen["codes"]])
        assert values.shape == (len(X), HORIZON, 1)
        price = X["price"].to_numpy(np.float32)
        ahead = np.zeros((len(X), HORIZON))
        promo = np.zeros((len(X), HORIZON))
        label = 1 + X["promo"].cat.codes.to_numpy()
        ends = np.cumsum([60, 45, 30])
        for row in range(len(X)):
            end = ends[np.searchsorted(ends, row, side="right")]
            for step in range(1, HORIZON + 1):
                if row + step < end:
                    ahead[row, step - 1] = price[row + step]
                    promo[row, step - 1] = label[row + step]
        order = np.lexsort(values[:, :, 0].T)
        expected = np.lexsort(ahead.T)
        assert_allclose(values[order, :, 0], ahead[expected], rtol=1e-6)
        assert_array_equal(codes[order, :, 0], promo[expected])

    def test_an_ensemble_and_the_loop_over_data_sets_take_them(self):
        X, y = make_data()
        train_X, train_y, test_X, _ = split(X, y)
        ensemble = forecaster(regressor=SeedEnsemble(small(), n_estimators=2))
        assert np.isfinite(ensemble.fit(train_X, train_y).predict(test_X)).all()
        datasets = [train_X.assign(dataset=name) for name in "pq"]
        X2 = pd.concat(datasets).set_index("dataset", append=True)
        X2 = X2.reorder_levels([2, 0, 1])
        loop = ContinualForecaster(forecaster()).fit(X2, np.tile(train_y, 2))
        ahead = pd.concat({"p": test_X}, names=["dataset"])
        changed = ahead.assign(price=ahead["price"] + 1)
        assert (loop.predict(ahead) != loop.predict(changed)).all()

    def test_scaled_and_renamed_columns_are_known_by_a_selector(self):
        X, y = make_data()
        train_X, train_y, test_X, _ = split(X, y)
        window = SlidingWindow(5, known_covariates=make_column_selector("price|promo"))
        steps = make_pipeline(SeriesScaler(), window, small())
        model = PanelForecaster(steps, HORIZON).fit(train_X, train_y)
        assert model.estimator_[1].known_covariates_ == ("price", "promo")
        assert clone(model).fit(train_X, train_y).predict(test_X).shape == (9,)


class TestImportance:
    def test_a_past_only_column_has_none_by_construction(self):
        train_X, train_y, test_X, test_y = split(*make_data())
        model = flat(LinearRegression()).fit(train_X.iloc[:, :2], train_y)
        found = permutation_importance(
            model, test_X.iloc[:, :2], test_y, n_repeats=3, random_state=0
        )
        price, weather = found.importances_mean
        assert weather == 0 < price


class TestOtherRegressors:
    def test_flat_windows_hold_the_rows_ahead_behind_the_window(self):
        X, y = make_data()
        window = SlidingWindow(2, known_covariates=["price", "promo"], flat=True).fit(X)
        windows = window.transform(X).with_steps(2)
        assert windows.shape == (135, 2 * 3 + 2 * 2)
        got = np.asarray(windows)
        assert got.shape == windows.shape
        price = X["price"].to_numpy(np.float32)
        code = 1 + X["promo"].cat.codes.to_numpy()
        assert_array_equal(got[10, 6:], [price[11], code[11], price[12], code[12]])
        assert_array_equal(got[58, 6:], [price[59], code[59], np.nan, np.nan])
        assert_array_equal(got[59, 6:], np.full(4, np.nan))
        assert_array_equal(np.asarray(windows[[10, 58]]), got[[10, 58]])

    def test_a_linear_model_finds_the_truth(self):
        X, y = make_data()
        X, y = X[["price", "weather"]], 2 * X["price"] + 1
        train_X, train_y, test_X, test_y = split(X, y)
        model = flat(LinearRegression()).fit(train_X, train_y)
        assert_allclose(model.predict(test_X), test_y, atol=1e-4)

    def test_a_short_future_is_missing_not_made_up(self):
        X, y = make_data()
        X = X[["price"]]
        train_X, train_y, test_X, _ = split(X, y)
        model = flat(LinearRegression()).fit(train_X, train_y)
        with pytest.raises(ValueError, match="contains NaN") as raised:
            model.predict(test_X.groupby(level=0).head(2))
        assert raised.value.__notes__ == [
            "It reads ['price'] of all 3 steps after each window, and for 3 window(s) "
            "X ends before: those steps are NaN. Give X rows for all of them, or use a "
            "regressor that takes NaN, or one that reads windows as they are, such as "
            "LSTMRegressor."
        ]
        trees = MultiOutputRegressor(HistGradientBoostingRegressor(max_iter=3))
        model = flat(trees).fit(train_X, train_y)
        with pytest.warns(UserWarning, match="X ends before the last of them for 3"):
            values = model.predict(test_X.groupby(level=0).head(2))
        assert np.isfinite(values).all()

    def test_a_short_past_is_missing_too(self):
        X, y = make_data()
        X = X[["price"]]
        train_X, train_y, test_X, _ = split(X, y)
        trees = MultiOutputRegressor(HistGradientBoostingRegressor(max_iter=3))
        model = flat(trees).fit(train_X, train_y)
        # The last two origins of each series lack the last steps, and it has no more.
        with pytest.warns(UserWarning, match="of them for 6 remembered rows"):
            model.predict(train_X)
        whole = pd.concat([train_X, test_X.groupby(level=0).head(HORIZON - 1)])
        early = whole.groupby(level=0).cumcount(ascending=False) >= 2 * HORIZON - 1
        model.predict(pd.concat([train_X[early[train_X.index]], test_X]))

    def test_windows_of_three_axes_have_no_place_for_them(self):
        X, y = make_data()
        window = SlidingWindow(5, known_covariates=["price"])
        model = PanelForecaster(make_pipeline(window, LinearRegression()), HORIZON)
        message = (
            "The known columns ['price'] of the rows ahead have no place in windows of "
            "3 axes. Set SlidingWindow(flat=True), or use a regressor that reads "
            "windows as they are, such as LSTMRegressor."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            model.fit(X, y)


def _per_series(X, column, function):
    return getattr(X[column].groupby(level=0), function)()


# Known columns, and what makes them of columns of another name.
MADE = {
    "of a column that hardly changes": ("discount", lambda X: 2 * X["rare"]),
    "of a constant column": ("discount", lambda X: 2 * X["constant"]),
    "of a mean of all rows": ("discount", lambda X: X["weather"].mean()),
    "of lags": ("discount", lambda X: _per_series(X, "weather", "shift").fillna(0)),
    "of whole series": ("discount", lambda X: _per_series(X, "rare", "cumsum")),
    "of nothing but chance": (
        "discount",
        lambda X: np.random.default_rng().normal(size=len(X)),
    ),
    "under a name that begins like another": ("price_index", lambda X: X["cost"]),
    "under the name of another": ("price", lambda X: X["price"] - X["cost"]),
    "of rows that were seen alone": (
        "discount",
        lambda X: X["rare"].map({0.0: 0.0, 1.0: 1.0}),
    ),
}


class TestWhatIsMissing:
    @pytest.fixture
    def fitted(self):
        X, y = make_data()
        train_X, train_y, test_X, _ = split(X, y, 8)
        return forecaster().fit(train_X, train_y), test_X

    def test_a_known_column_that_is_not_there_is_named(self, fitted):
        model, test_X = fitted
        message = (
            "X has no column 'price', whose values in the rows to forecast are needed: "
            "it is known ahead. Call forecast(X=rows) or predict(rows), where rows has "
            "it; future_rows() returns a frame to fill in."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            model.predict(test_X.drop(columns="price"))

    @pytest.mark.parametrize("encode", [False, True])
    def test_a_name_that_begins_like_another_asks_for_its_own_column(self, encode):
        X, y = make_data()
        X = X.rename(columns={"weather": "pro", "price": "promo_depth"})
        known, steps = (
            ["promo_depth"],
            [SlidingWindow(5, known_covariates=["promo_depth"])],
        )
        if encode:
            known, labels = ["promo"], OneHotEncoder(sparse_output=False)
            names = [f"labels__promo_{label}" for label in ("big", "none")]
            columns = [("labels", labels, known), ("rest", "passthrough", ["pro"])]
            encoder = ColumnTransformer(columns).set_output(transform="pandas")
            steps = [encoder, SlidingWindow(5, known_covariates=names)]
        train_X, train_y, test_X, _ = split(X, y)
        model = PanelForecaster(make_pipeline(*steps, small()), HORIZON)
        model.fit(train_X, train_y)
        assert_array_equal(model.predict(test_X[known]), model.predict(test_X))
        with pytest.raises(ValueError, match=f"X has no column '{known[0]}', whose"):
            model.predict(test_X[["pro"]])

    def test_forecast_cannot_know_them(self, fitted):
        with pytest.raises(ValueError, match="X has no column 'price', 'promo'"):
            fitted[0].forecast()

    def test_forecast_carries_on_what_is_past_only(self):
        X, y = make_data()
        model = forecaster(known=None).fit(X, y)
        ahead = model.forecast(steps=7)
        asked = pd.DataFrame(index=ahead.index)
        assert_array_equal(model.predict(asked), ahead)

    @pytest.mark.parametrize("horizon", [1, HORIZON])
    def test_a_known_column_of_another_name_needs_all_columns(self, horizon):
        X, y = make_data()
        X.index = X.index.set_levels(pd.date_range("2024-01-01", periods=60), level=1)
        train_X, train_y, test_X, _ = split(X, y.set_axis(X.index), horizon)
        steps = [
            FunctionTransformer(lambda X: X.assign(dear=X["price"] > 0)),
            CalendarFeatures(["month"]),
            SlidingWindow(5, known_covariates=["dear", "month_sin"]),
        ]
        model = PanelForecaster(make_pipeline(*steps, small()), horizon)
        model.fit(train_X, train_y)
        message = (
            "X has no column 'price', 'weather', from which the known column(s) 'dear' "
            "may be made. Call forecast(X=rows) or predict(rows), where rows has all "
            "columns of fit; past-only columns may be NaN."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            model.predict(test_X[["promo"]])
        model.predict(test_X.assign(weather=np.nan))

    @pytest.mark.parametrize("name", MADE)
    def test_what_a_known_column_is_made_of_is_found(self, name):
        """Whatever the source is like: predict without it is an error, not a guess."""
        X, y = make_data(lengths=(60, 60, 60, 60))
        promo = np.zeros(len(X))
        promo[[-30, -29]] = 1
        X = X.assign(rare=promo, constant=4.0, cost=X["weather"] + 3)
        X = X.drop(columns="promo")
        train_X, train_y, test_X, _ = split(X, y)
        known, make = MADE[name]
        steps = make_pipeline(
            FunctionTransformer(lambda X: X.assign(**{known: make(X)})),
            SlidingWindow(3, known_covariates=[known], flat=True),
            LinearRegression(),
        )
        model = PanelForecaster(steps, HORIZON).fit(train_X, train_y)
        assert np.isfinite(model.predict(test_X)).all()
        for column in X:
            with pytest.raises(ValueError, match=f"X has no column '{column}'"):
                model.predict(test_X.drop(columns=column))

    def test_columns_made_of_the_index_need_none_whatever_x_holds(self):
        X, y = make_data()
        X = X.assign(constant=4.0, flag=True)
        train_X, train_y, test_X, _ = split(X, y)

        def parity(X):
            return X.assign(odd=X.index.get_level_values("day").to_numpy() % 2)

        steps = make_pipeline(
            FunctionTransformer(parity),
            SlidingWindow(5, known_covariates=["odd"]),
            small(),
        )
        model = PanelForecaster(steps, HORIZON).fit(train_X, train_y)
        assert_array_equal(model.forecast(), model.predict(test_X))

    def test_the_calendar_needs_no_column(self):
        X, y = make_data()
        X.index = X.index.set_levels(pd.date_range("2024-01-01", periods=60), level=1)
        steps = [
            CalendarFeatures(["month"]),
            SlidingWindow(5, known_covariates=["month_sin"]),
        ]
        model = PanelForecaster(make_pipeline(*steps, small()), HORIZON)
        assert len(model.fit(X, y.to_numpy()).forecast()) == 3 * HORIZON

    def test_text_in_place_of_numbers_is_an_error(self, fitted):
        model, test_X = fitted
        message = (
            "values that are not numbers, such as 'high'. Convert it with "
            "pd.to_numeric(X['price']), or leave it out."
        )
        with pytest.raises(TypeError, match=re.escape(message)):
            model.predict(test_X.assign(price="high"))

    def test_missing_values_ahead_are_named_with_series_and_times(self, fitted):
        model, test_X = fitted
        other = test_X.copy()
        other.iloc[[1, 10], 0] = np.nan
        message = (
            "The columns 'price' are known ahead, but missing (NaN) in 2 row(s) of X: "
            "('s0', 53), ('s1', 39). Give their values."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            model.predict(other)

    def test_missing_values_ahead_are_fine_where_training_had_some(self):
        X, y = make_data()
        X.iloc[::7, 0] = np.nan
        train_X, train_y, test_X, _ = split(X, y, 8)
        model = forecaster().fit(train_X, train_y)
        other = test_X.copy()
        other.iloc[[1, 10], 0] = np.nan
        assert np.isfinite(model.predict(other)).all()

    def test_steps_that_are_skipped_need_no_covariates_within_the_horizon(self, fitted):
        model, test_X = fitted
        everything = pd.Series(model.predict(test_X), test_X.index)
        third = test_X[test_X.groupby(level=0).cumcount().to_numpy() == 2]
        assert_array_equal(model.predict(third), everything[third.index])

    def test_steps_on_the_way_beyond_the_horizon_are_needed(self, fitted):
        model, test_X = fitted
        step = test_X.groupby(level=0).cumcount().to_numpy()
        message = (
            "Steps beyond horizon=3 are reached through the rows before them, and X "
            "lacks 1 of these: ('s1', 38). Give their known covariates too."
        )
        lacking = (test_X.index.get_level_values(0) == "s1") & (step == 1)
        with pytest.raises(ValueError, match=re.escape(message)):
            model.predict(test_X[~lacking])
        late = (test_X.index.get_level_values(0) == "s1") & (step == 6)
        kept = test_X[~late]
        assert_array_equal(
            model.predict(kept), np.asarray(model.predict(test_X))[~late]
        )

    def test_steps_on_the_way_are_filled_where_gaps_are(self):
        X, y = make_data()
        train_X, train_y, test_X, _ = split(X, y, 5)
        model = forecaster().set_params(gaps="fill").fit(train_X, train_y)
        first = test_X.groupby(level=0).cumcount().to_numpy() == 0
        # The row before the first one is the last that is remembered.
        filled = test_X.copy()
        filled[first] = train_X.groupby(level=0).tail(1).to_numpy()
        filled["promo"] = pd.Categorical(filled["promo"], X["promo"].cat.categories)
        expected = np.asarray(model.predict(filled))[~first]
        assert_array_equal(model.predict(test_X[~first]), expected)

    def test_quantiles_beyond_the_horizon_need_no_rows_but_a_horizon(self):
        X, y = make_data()
        train_X, train_y, test_X, _ = split(X, y, 8)
        model = forecaster(loss="quantile").fit(train_X, train_y)
        last = test_X.groupby(level=0).tail(1)
        with pytest.raises(ValueError, match="are given for steps up to horizon=3; 3 "):
            model.predict_quantiles(last)

    def test_a_column_that_x_does_not_have(self):
        X, y = make_data()
        message = (
            "known_covariates=['cost'] must choose columns of X, which has ['price', "
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            SlidingWindow(5, known_covariates=["cost"]).fit(X)

    def test_the_target_is_not_known(self):
        X, y = make_data()
        message = "known_covariates holds the target 'price', which is not known ahead."
        with pytest.raises(ValueError, match=re.escape(message)):
            SlidingWindow(5, known_covariates=["price"], target="price").fit(X)

    def test_other_known_columns_than_in_fit(self):
        X, y = make_data()
        one = SlidingWindow(5, known_covariates=["price"]).fit_transform(X)
        other = SlidingWindow(5).fit_transform(X)
        message = "The windows know the columns [] ahead; fit saw ['price']."
        with pytest.raises(ValueError, match=re.escape(message)):
            small().fit(one, y.to_numpy()).predict(other)


@pytest.mark.gpu
@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_cuda_reads_what_is_known_of_each_step(params):
    X, y = make_data()
    train_X, train_y, test_X, _ = split(X, y)
    model = forecaster(**params | {"device": "cuda"}).fit(train_X, train_y)
    other = test_X.copy()
    step = other.groupby(level=0).cumcount().to_numpy()
    other.loc[step == 1, "price"] += 5
    changed = model.predict(other) != model.predict(test_X)
    assert_array_equal(np.unique(step[changed]), [1])


def test_a_known_label_that_fit_never_saw_is_told():
    X, y = make_data()
    early, past_y, late, _ = split(X, y)
    model = forecaster().fit(early, past_y)
    new = late.assign(promo=late["promo"].cat.add_categories("huge"))
    seen = model.predict(new)
    new.loc[new.index[:1], "promo"] = "huge"
    message = "'promo' of X has 1 label(s) not seen in fit: 'huge'. Their effect was"
    with pytest.warns(UserWarning, match=re.escape(message)):
        told = model.predict(new)
    # Only the forecast of that step reads it.
    assert_array_equal(told[1:], seen[1:])
    assert np.isfinite(told[0])


def test_an_unseen_label_of_a_past_only_column_ahead_is_not_read():
    X, y = make_data()
    early, past_y, late, _ = split(X, y)
    model = forecaster(known=["price"]).fit(early, past_y)
    new = late.assign(promo="huge")
    assert_array_equal(model.predict(new), model.predict(late))

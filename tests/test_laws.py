"""Laws that hold for every transformer and every forecaster of the package."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

from sklstm import (
    CalendarFeatures,
    ConformalForecaster,
    ContinualForecaster,
    LSTMForecaster,
    LSTMRegressor,
    NaiveRegressor,
    PanelForecaster,
    SeedEnsemble,
    SeriesEncoder,
    SeriesImputer,
    SeriesLog,
    SeriesScaler,
    SlidingWindow,
    StaticFeatures,
    StepRegressor,
    WindowMLPRegressor,
)
from sklstm.datasets import make_panel

TABLE = pd.DataFrame({"area": [3.0, 5.0, 8.0]}, index=["s0", "s1", "s2"])
TRANSFORMERS = {
    "calendar": CalendarFeatures(),
    "calendar, labels": CalendarFeatures(encoding="categorical"),
    "encoder": SeriesEncoder(),
    "encoder, one-hot": SeriesEncoder(encoding="onehot"),
    "imputer": SeriesImputer(),
    "imputer, seasonal": SeriesImputer("seasonal", seasonal_period=7),
    "imputer, mean": SeriesImputer("mean", add_indicator=True),
    "log": SeriesLog(),
    "static": StaticFeatures(TABLE),
    "window": SlidingWindow(5),
    "window of differences": SlidingWindow(
        4, target="sales", differences=(1, 7), level="relative", clip=3.0
    ),
    "window, flat": SlidingWindow(3, flat=True, known_covariates=["price"]),
} | {f"scaler, {m}": SeriesScaler(m) for m in ("standard", "minmax", "robust")}
INVERTIBLE = [name for name in TRANSFORMERS if name.startswith(("scaler", "log"))]


def lstm(**params):
    return LSTMRegressor(4, max_epochs=1, random_state=0, device="cpu", **params)


def composed(regressor, window=None, **params):
    steps = make_pipeline(SeriesScaler(), window or SlidingWindow(5), regressor)
    params = {"horizon": 3, "target_transformer": SeriesScaler()} | params
    return PanelForecaster(steps, **params)


FORECASTERS = {
    "ridge": composed(Ridge(), SlidingWindow(5, flat=True)),
    "ridge on differences": composed(
        Ridge(), SlidingWindow(3, differences=(1, 7), level="drop", flat=True)
    ),
    "net": composed(lstm()),
    "net with ids": PanelForecaster(
        make_pipeline(
            SeriesScaler(),
            SeriesEncoder(),
            SlidingWindow(5, known_covariates=["price"]),
            lstm(embedding_dim=2, category_dropout=0.3),
        ),
        horizon=3,
        target_transformer=SeriesScaler("difference"),
    ),
    "net, both directions": composed(lstm(bidirectional=True, num_layers=2)),
    "net with a skip": composed(
        lstm(seasonal_periods=(1, 7)), SlidingWindow(5, differences=7)
    ),
    "net of quantiles": composed(lstm(loss="quantile", quantiles=(0.2, 0.5, 0.8))),
    "nets": composed(SeedEnsemble(lstm(), n_estimators=2, random_state=0)),
    "nets and theta": composed(
        SeedEnsemble(
            lstm(),
            n_estimators=2,
            partner=NaiveRegressor("theta", 3),
            partner_weight=0.4,
            random_state=0,
        )
    ),
    "perceptron": composed(WindowMLPRegressor(40, max_epochs=2, random_state=0)),
    "trees": composed(StepRegressor(seasonal_periods=[3, 7], random_state=0)),
    "trees that know prices": composed(
        StepRegressor(DecisionTreeRegressor(max_depth=4, random_state=0)),
        SlidingWindow(5, known_covariates=["price"]),
    ),
    "nets, theta and trees": composed(
        SeedEnsemble(
            lstm(),
            n_estimators=2,
            partner=[NaiveRegressor("theta", 3), StepRegressor(seasonal_periods=3)],
            partner_weight=[0.2, 0.4],
            random_state=0,
        )
    ),
    "gaps filled": composed(lstm(), gaps="fill"),
    "recipe": LSTMForecaster(
        3, 7, hidden_size=4, max_epochs=1, n_estimators=1, random_state=0
    ),
    "conformal": ConformalForecaster(composed(lstm()), calibration_size=5),
    # Its default order is that of the first rows of the data sets.
    "continual": ContinualForecaster(
        composed(lstm()), order=["s1", "s0", "s2"], on_forgetting="ignore"
    ),
}


@pytest.fixture(scope="module")
def panel():
    panel = make_panel(3, (30, 45), n_covariates=1, stagger=5, random_state=0)
    return panel.rename(columns={"target": "sales"})


@pytest.fixture(scope="module")
def Xy(panel):
    return panel[["price"]], panel["sales"]


def values_of(out):
    """What a transformer returns, as an array of objects: rows stay rows."""
    if isinstance(out, pd.DataFrame):
        assert out.index.nlevels == 2
        return out.astype(object).to_numpy()
    return np.asarray(out)


def assert_same(one, other):
    """Bit for bit, NaN included."""
    assert one.shape == other.shape
    pd.testing.assert_frame_equal(
        pd.DataFrame(one.reshape(len(one), -1)),
        pd.DataFrame(other.reshape(len(other), -1)),
        check_exact=True,
    )


def late_rows(panel, n):
    return panel.groupby(level=0).cumcount(ascending=False).to_numpy() < n


@pytest.fixture(params=TRANSFORMERS, ids=str)
def transformer(request):
    return clone(TRANSFORMERS[request.param])


@pytest.fixture(params=FORECASTERS, ids=str)
def forecaster(request):
    return clone(FORECASTERS[request.param])


class TestTransformers:
    def test_the_future_changes_nothing_before_it(self, transformer, panel):
        late = late_rows(panel, 6)
        transformer.fit(panel[~late])
        changed = panel.copy()
        changed.loc[late, ["sales", "price"]] = 77.0
        before, after = (values_of(transformer.transform(X)) for X in (panel, changed))
        assert_same(before[~late], after[~late])

    def test_any_row_order_gives_each_row_the_same(self, transformer, panel):
        order = np.random.default_rng(0).permutation(len(panel))
        expected = values_of(clone(transformer).fit(panel).transform(panel))
        turned = transformer.fit(panel.iloc[order]).transform(panel.iloc[order])
        assert_same(values_of(turned), expected[order])

    def test_a_series_alone_gets_what_it_gets_among_others(self, transformer, panel):
        together = values_of(transformer.fit(panel).transform(panel))
        for name in ("s0", "s1", "s2"):
            own = panel.index.get_level_values(0) == name
            alone = values_of(transformer.transform(panel[own]))
            assert_same(alone, together[own])

    def test_the_rows_given_are_not_changed(self, transformer, panel):
        before = panel.copy()
        transformer.fit(panel).transform(panel)
        pd.testing.assert_frame_equal(panel, before)

    def test_pickle_keeps_the_fit(self, transformer, panel):
        again = pickle.loads(pickle.dumps(transformer.fit(panel)))
        expected = values_of(transformer.transform(panel))
        assert_same(values_of(again.transform(panel)), expected)

    @pytest.mark.parametrize("name", INVERTIBLE)
    def test_the_inverse_undoes_it(self, name, panel):
        transformer = clone(TRANSFORMERS[name]).fit(panel)
        back = transformer.inverse_transform(transformer.transform(panel))
        pd.testing.assert_frame_equal(back, panel, rtol=1e-9)


class TestForecasters:
    def test_later_rows_change_no_fitted_value_before_them(self, forecaster, Xy):
        X, y = Xy
        late = late_rows(y, 4)
        fitted = []
        for factor in (1.0, 3.0):
            model = clone(forecaster).fit(X[~late], y[~late])
            model.update(X[late], factor * y[late])
            fitted.append(model.predict(X[~late]))
        assert_array_equal(*fitted)

    def test_any_row_order_gives_each_row_the_same(self, forecaster, Xy):
        X, y = Xy
        order = np.random.default_rng(0).permutation(len(X))
        late = late_rows(y, 3)
        expected = clone(forecaster).fit(X[~late], y[~late]).predict(X)
        turned = order[~late[order]]
        model = forecaster.fit(X.iloc[turned], y.iloc[turned])
        assert_array_equal(model.predict(X.iloc[order]), expected[order])

    def test_a_row_is_forecast_alone_as_among_others(self, forecaster, Xy):
        X, y = Xy
        late = late_rows(y, 3)
        model = forecaster.fit(X[~late], y[~late])
        together = pd.Series(model.predict(X[late]), X[late].index)
        for name in ("s0", "s2"):
            alone = model.predict(X[late].loc[[name]])
            # The last bits of a matrix product depend on the number of rows.
            assert_allclose(alone, together.loc[name], rtol=1e-6)

    def test_one_seed_gives_one_result(self, forecaster, Xy):
        one, other = (clone(forecaster).fit(*Xy) for _ in range(2))
        assert_array_equal(one.predict(Xy[0]), other.predict(Xy[0]))

    def test_pickle_keeps_the_fit_and_its_future(self, forecaster, Xy):
        X, y = Xy
        late = late_rows(y, 3)
        model = forecaster.fit(X[~late], y[~late])
        again = pickle.loads(pickle.dumps(model))
        assert_array_equal(again.predict(X), model.predict(X))
        for one in (model, again):
            one.update(X[late], y[late])
        ahead = X[late].rename(index=lambda t: t + pd.Timedelta(days=3), level=1)
        assert_array_equal(again.predict(ahead), model.predict(ahead))

    def test_a_failed_update_or_fit_changes_nothing(self, forecaster, Xy):
        X, y = Xy
        late = late_rows(y, 3)
        model = forecaster.fit(X[~late], y[~late])
        before = model.predict(X)
        with pytest.raises(ValueError):
            model.update(X[~late], y[~late])
        with pytest.raises(ValueError):
            model.fit(X, y.where(late, np.inf))
        assert_array_equal(model.predict(X), before)

    def test_the_rows_given_are_not_changed(self, forecaster, Xy):
        X, y = (part.copy() for part in Xy)
        forecaster.fit(X, y).predict(X)
        pd.testing.assert_frame_equal(X, Xy[0])
        pd.testing.assert_series_equal(y, Xy[1])

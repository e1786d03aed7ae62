"""Several targets of which some are not known: forecasts of the others stay."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline

from sklstm import (
    ConformalForecaster,
    LSTMForecaster,
    NaiveRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeriesScaler,
    SlidingWindow,
    backtest,
)
from sklstm.datasets import make_panel

KINDS = ("context", "all")


@pytest.fixture
def Y():
    """Two targets, of which s2 never had the second."""
    y = make_panel(4, 40, n_covariates=0, random_state=0)["target"]
    Y = pd.DataFrame({"gdp": y, "literacy": 2 * y + 1})
    Y.loc["s2", "literacy"] = np.nan
    return Y


def naive(history="all"):
    """Forecasts of a target from its own past alone."""
    return PanelForecaster(
        make_pipeline(SlidingWindow(5), NaiveRegressor()),
        3,
        target_transformer=SeriesScaler(),
        history=history,
    )


@pytest.mark.parametrize("history", KINDS)
def test_a_target_that_was_never_known_has_no_forecast(Y, history):
    model = naive(history).fit(None, Y)
    got = model.forecast(5)
    assert got.columns[got.isna().any()].tolist() == ["literacy"]
    assert got["literacy"].isna().groupby(level=0).all().tolist() == [0, 0, 1, 0]
    assert_allclose(got["gdp"], naive().fit(None, Y["gdp"]).forecast(5), rtol=1e-5)


@pytest.mark.parametrize("history", KINDS)
def test_it_has_one_as_soon_as_a_value_is_known(Y, history):
    model = pickle.loads(pickle.dumps(naive(history).fit(None, Y)))
    new = pd.DataFrame({"gdp": 1.0, "literacy": 3.0}, model.future_rows(1).index)
    before = model.forecast()
    model.update(None, new.loc[["s0", "s1"]])
    assert_array_equal(model.forecast().loc["s2"], before.loc["s2"])
    model.update(None, new.loc[["s2", "s3"]])
    assert_allclose(model.forecast()["literacy"], 3.0, rtol=1e-5)
    # A value far back is a value: the window does not reach it.
    for _ in range(9):
        new = pd.DataFrame({"gdp": 1.0, "literacy": np.nan}, model.future_rows(1).index)
        model.update(None, new)
    assert np.isfinite(model.forecast().to_numpy()).all()


def test_series_that_join_may_lack_a_target(Y):
    late = Y.loc[["s2"]].rename({"s2": "late"})
    model = naive().fit(None, Y.drop(index="s2")).update(None, late)
    assert model.forecast()["literacy"].isna().groupby(level=0).all()["late"]
    in_parts = naive().learn_statistics(None, Y.loc[["s0", "s1"]])
    in_parts.learn_statistics(None, Y.loc[["s2", "s3"]])
    assert in_parts._transform.is_blank(pd.Index(["s2", "s1"])).tolist() == [
        [False, True],
        [False, False],
    ]


def test_fitted_values_quantiles_and_intervals_lack_it_alone(Y):
    params = {"hidden_size": 4, "max_epochs": 2, "n_estimators": 1, "random_state": 0}
    model = LSTMForecaster(3, quantiles=(0.1, 0.5, 0.9), **params).fit(None, Y)
    got = model.predict_quantiles(model.future_rows())
    assert got.loc["s2", "literacy"].isna().all(axis=None)
    assert got.notna().sum().sum() == got.size - 9
    fitted = pd.DataFrame(model.predict(Y[[]]), Y.index, Y.columns)
    assert fitted.isna().equals(Y.isna())
    conformal = ConformalForecaster(LSTMForecaster(3, **params)).fit(None, Y)
    got = conformal.predict_interval(conformal.future_rows())
    assert got.notna().sum().sum() == got.size - 6
    assert got["gdp"].notna().all(axis=None)


def test_a_backtest_goes_on(Y):
    table = backtest(naive(), None, Y, cv=PanelTimeSeriesSplit(2, horizon=3))
    missing = table["y_pred"].isna()
    assert missing.equals(table["series"].eq("s2") & table["target"].eq("literacy"))


def test_targets_have_names_of_their_own(Y):
    with pytest.raises(ValueError, match="y has more than one column named 'gdp'"):
        naive().fit(None, Y[["gdp", "gdp"]])


def test_a_forecaster_of_an_earlier_version_goes_on(Y):
    """Its files do not say which targets were never known, nor the columns."""
    model = naive().fit(None, Y.fillna(1.0))
    for part, name in ((model._transform, "blank"), (model.estimator_[-1], "_columns")):
        del vars(part)[name]
    restored = pickle.loads(pickle.dumps(model))
    restored.__getstate__()
    restored._transform.__getstate__()
    new = pd.DataFrame({"gdp": 1.0, "literacy": np.nan}, model.future_rows(1).index)
    assert restored.update(None, new.loc[["s0"]]).forecast().notna().all(axis=None)


def test_targets_may_never_be_known_in_one_row(Y):
    Y = Y.drop(index="s2")
    odd = Y.groupby(level=0).cumcount() % 2 == 1
    Y = Y.assign(gdp=Y["gdp"].where(odd), literacy=Y["literacy"].where(~odd))
    model = naive().fit(None, Y)
    new = pd.DataFrame({"gdp": 1.0, "literacy": np.nan}, model.future_rows(1).index)
    late = new.loc[["s0"]].rename({"s0": "late"}).assign(literacy=2.0)
    model.update(None, pd.concat([new, late]))
    assert np.isfinite(model.forecast().to_numpy()).all()

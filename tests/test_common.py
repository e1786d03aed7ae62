"""scikit-learn's own checks, with none expected to fail."""

import pickle

import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

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
from sklstm._panels.parameters import Interval

ESTIMATORS = [
    CalendarFeatures(),
    LSTMRegressor(max_epochs=20),
    NaiveRegressor(),
    NaiveRegressor("drift"),
    SeedEnsemble(LSTMRegressor(max_epochs=2), n_estimators=2),
    SeedEnsemble(LSTMRegressor(max_epochs=2), 2, partner=NaiveRegressor("theta")),
    SeedEnsemble(
        LSTMRegressor(max_epochs=2),
        2,
        partner=[NaiveRegressor("theta"), StepRegressor(seasonal_periods=2)],
        partner_weight=[0.2, "auto"],
    ),
    NaiveRegressor("theta"),
    StepRegressor(seasonal_periods=(1, 2)),
    WindowMLPRegressor(hidden_size=8, max_epochs=2),
    SeriesEncoder(),
    SeriesEncoder(encoding="onehot"),
    SeriesImputer(),
    SeriesLog(),
    SeriesScaler(),
    SeriesScaler(method="minmax"),
    SlidingWindow(),
    SlidingWindow(flat=True),
    StaticFeatures(pd.DataFrame({"area": [20.0, 30.0]})),
]
FORECASTER = PanelForecaster(
    make_pipeline(SlidingWindow(window_size=3), LSTMRegressor(max_epochs=20)),
    horizon=2,
    target_transformer=SeriesScaler(),
)

LOOP = ContinualForecaster(FORECASTER, replay=0.3)
CONFORMAL = ConformalForecaster(FORECASTER, calibration_size=5)
FORECASTERS = [FORECASTER, LOOP, CONFORMAL, LSTMForecaster(7, quantiles=(0.1, 0.9))]

# A forecaster's prediction for a row depends on the rows before it, and its X must
# name series and times: the checks that bring arrays of their own cannot apply. These
# are all those that bring none.
CHECKS_WITHOUT_DATA = [
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_mixin_order,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_set_params,
    estimator_checks.check_valid_tag_types,
]


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", CHECKS_WITHOUT_DATA, ids=lambda c: c.__name__)
def test_forecaster_keeps_the_contract_that_needs_no_data(check):
    check("PanelForecaster", PanelForecaster(Ridge()))
    check("ContinualForecaster", ContinualForecaster(PanelForecaster(Ridge())))
    check("ConformalForecaster", ConformalForecaster(PanelForecaster(Ridge())))
    check("LSTMForecaster", LSTMForecaster())


@pytest.mark.parametrize("estimator", [*ESTIMATORS, *FORECASTERS], ids=repr)
def test_clone_keeps_every_parameter(estimator):
    assert repr(clone(estimator)) == repr(estimator)
    assert clone(estimator).get_params().keys() == estimator.get_params().keys()


@pytest.mark.parametrize("estimator", [*ESTIMATORS, *FORECASTERS], ids=repr)
def test_pickle_keeps_every_parameter(estimator):
    assert repr(pickle.loads(pickle.dumps(estimator))) == repr(estimator)


@pytest.mark.parametrize("estimator", [*ESTIMATORS, *FORECASTERS], ids=repr)
def test_html_repr_names_the_estimator(estimator):
    assert type(estimator).__name__ in estimator._repr_html_()


@pytest.mark.parametrize("estimator", [*ESTIMATORS, *FORECASTERS], ids=repr)
def test_true_is_no_number(estimator):
    numbers = [
        name
        for name, allowed in estimator._parameter_constraints.items()
        if isinstance(allowed, list)
        and any(isinstance(one, Interval) for one in allowed)
        and "boolean" not in allowed
    ]
    for name in numbers:
        other = clone(estimator).set_params(**{name: True})
        with pytest.raises(ValueError, match=f"The '{name}' parameter"):
            other._validate_params()


def test_nested_parameters_are_reached_from_the_forecaster():
    forecaster = clone(FORECASTER).set_params(
        estimator__slidingwindow__window_size=7,
        estimator__lstmregressor__hidden_size=5,
        target_transformer__method="minmax",
    )
    steps = forecaster.estimator.named_steps
    assert steps["slidingwindow"].window_size == 7
    assert steps["lstmregressor"].hidden_size == 5
    assert forecaster.target_transformer.method == "minmax"


def test_misspelt_parameter_raises():
    with pytest.raises(ValueError, match="Invalid parameter 'window'"):
        clone(FORECASTER).set_params(estimator__slidingwindow__window=7)

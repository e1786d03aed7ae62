"""Forecasters of panels, and the forecasts they would have made."""

from ._backtest import backtest
from ._conformal_forecaster import ConformalForecaster
from ._naive_regressor import NaiveRegressor
from ._panel_forecaster import PanelForecaster
from ._score_epochs import score_epochs
from ._step_regressor import StepRegressor

__all__ = [
    "ConformalForecaster",
    "NaiveRegressor",
    "PanelForecaster",
    "StepRegressor",
    "backtest",
    "score_epochs",
]

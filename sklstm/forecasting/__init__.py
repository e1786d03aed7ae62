"""Forecasters of panels, and the forecasts they would have made."""

from ._backtest import backtest
from ._conformal_forecaster import ConformalForecaster
from ._panel_forecaster import PanelForecaster

__all__ = [
    "ConformalForecaster",
    "PanelForecaster",
    "backtest",
]

"""Forecasters of panels, and the forecasts they would have made."""

from ._backtest import backtest
from ._conformal_forecaster import ConformalForecaster
from ._panel_forecaster import PanelForecaster
from ._sequential_forecaster import SequentialForecaster

__all__ = [
    "ConformalForecaster",
    "PanelForecaster",
    "SequentialForecaster",
    "backtest",
]

"""Forecasters of panels, and the forecasts they would have made."""

from ._backtest import backtest
from ._panel_forecaster import PanelForecaster

__all__ = ["PanelForecaster", "backtest"]

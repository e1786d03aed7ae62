"""Plots of forecasts."""

from ._forecast_display import ForecastDisplay

__all__ = ["ForecastDisplay"]

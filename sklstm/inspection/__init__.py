"""Plots of forecasts, and of errors over the stages of a loop."""

from ._forecast_display import ForecastDisplay
from ._stage_scores_display import StageScoresDisplay

__all__ = ["ForecastDisplay", "StageScoresDisplay"]

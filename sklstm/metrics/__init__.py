"""Errors of forecasts that scikit-learn lacks, and scorers of panels and quantiles."""

from ._interval import interval_coverage, interval_score, mean_interval_width
from ._panel_scorer import make_panel_scorer
from ._point import (
    symmetric_mean_absolute_percentage_error,
    weighted_absolute_percentage_error,
)
from ._quantile import continuous_ranked_probability_score, mean_quantile_loss
from ._quantile_scorer import make_quantile_scorer
from ._scaled import mean_absolute_scaled_error, root_mean_squared_scaled_error

__all__ = [
    "continuous_ranked_probability_score",
    "interval_coverage",
    "interval_score",
    "make_panel_scorer",
    "make_quantile_scorer",
    "mean_absolute_scaled_error",
    "mean_interval_width",
    "mean_quantile_loss",
    "root_mean_squared_scaled_error",
    "symmetric_mean_absolute_percentage_error",
    "weighted_absolute_percentage_error",
]

"""Errors of forecasts that scikit-learn lacks, and a scorer for panels."""

from ._panel_scorer import make_panel_scorer
from ._point import (
    symmetric_mean_absolute_percentage_error,
    weighted_absolute_percentage_error,
)
from ._scaled import mean_absolute_scaled_error, root_mean_squared_scaled_error

__all__ = [
    "make_panel_scorer",
    "mean_absolute_scaled_error",
    "root_mean_squared_scaled_error",
    "symmetric_mean_absolute_percentage_error",
    "weighted_absolute_percentage_error",
]

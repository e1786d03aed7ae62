"""Plots of forecasts, of losses, and of errors over stages; a check for leakage."""

from ._check_leakage import check_leakage
from ._forecast_display import ForecastDisplay
from ._training_curve_display import TrainingCurveDisplay
from ._transfer_matrix_display import TransferMatrixDisplay

__all__ = [
    "ForecastDisplay",
    "TrainingCurveDisplay",
    "TransferMatrixDisplay",
    "check_leakage",
]

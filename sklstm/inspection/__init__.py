"""Plots of forecasts, and of errors over the stages of a loop."""

from ._forecast_display import ForecastDisplay
from ._transfer_matrix_display import TransferMatrixDisplay

__all__ = ["ForecastDisplay", "TransferMatrixDisplay"]

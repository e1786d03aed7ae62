"""Plots of forecasts and of errors over the stages of a loop; a check for leakage."""

from ._check_leakage import check_leakage
from ._forecast_display import ForecastDisplay
from ._transfer_matrix_display import TransferMatrixDisplay

__all__ = ["ForecastDisplay", "TransferMatrixDisplay", "check_leakage"]

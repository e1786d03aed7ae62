"""Plots of forecasts, errors, losses and embeddings; a check for leakage."""

from ._check_leakage import check_leakage
from ._embedding_display import EmbeddingDisplay
from ._forecast_display import ForecastDisplay
from ._forecast_error_display import ForecastErrorDisplay
from ._training_curve_display import TrainingCurveDisplay
from ._transfer_matrix_display import TransferMatrixDisplay

__all__ = [
    "EmbeddingDisplay",
    "ForecastDisplay",
    "ForecastErrorDisplay",
    "TrainingCurveDisplay",
    "TransferMatrixDisplay",
    "check_leakage",
]

"""LSTM forecasting over panels of time series, in stock scikit-learn.

Every class and function loads on first use, so that ``import sklstm`` costs
nothing: torch and skorch load with ``LSTMRegressor``, matplotlib with a plot.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import datasets, metrics
    from ._lstm_forecaster import LSTMForecaster
    from ._windows.windows import PanelWindows
    from .continual import ContinualForecaster
    from .ensemble import SeedEnsemble
    from .forecasting import (
        ConformalForecaster,
        NaiveRegressor,
        PanelForecaster,
        StepRegressor,
        backtest,
        score_epochs,
    )
    from .inspection import (
        EmbeddingDisplay,
        ForecastDisplay,
        ForecastErrorDisplay,
        TrainingCurveDisplay,
        TransferMatrixDisplay,
        check_leakage,
    )
    from .model_selection import PanelTimeSeriesSplit, SeriesKFold
    from .neural_network import LSTMRegressor, WindowMLPRegressor
    from .preprocessing import (
        CalendarFeatures,
        SeriesEncoder,
        SeriesImputer,
        SeriesLog,
        SeriesScaler,
        SlidingWindow,
        StaticFeatures,
        describe_panel,
        panel_sample_weight,
        regularize,
        to_panel,
    )

__version__ = "0.2.0"

__all__ = [
    "CalendarFeatures",
    "ConformalForecaster",
    "ContinualForecaster",
    "EmbeddingDisplay",
    "ForecastDisplay",
    "ForecastErrorDisplay",
    "LSTMRegressor",
    "NaiveRegressor",
    "PanelForecaster",
    "PanelTimeSeriesSplit",
    "PanelWindows",
    "SeedEnsemble",
    "SeriesEncoder",
    "SeriesImputer",
    "SeriesKFold",
    "SeriesLog",
    "SeriesScaler",
    "SlidingWindow",
    "TrainingCurveDisplay",
    "TransferMatrixDisplay",
    "StaticFeatures",
    "StepRegressor",
    "backtest",
    "check_leakage",
    "datasets",
    "describe_panel",
    "LSTMForecaster",
    "metrics",
    "panel_sample_weight",
    "regularize",
    "score_epochs",
    "to_panel",
    "WindowMLPRegressor",
]

_home = {
    "CalendarFeatures": "preprocessing",
    "ConformalForecaster": "forecasting",
    "EmbeddingDisplay": "inspection",
    "ForecastDisplay": "inspection",
    "ForecastErrorDisplay": "inspection",
    "LSTMRegressor": "neural_network",
    "NaiveRegressor": "forecasting",
    "PanelForecaster": "forecasting",
    "PanelTimeSeriesSplit": "model_selection",
    "PanelWindows": "_windows.windows",
    "SeedEnsemble": "ensemble",
    "ContinualForecaster": "continual",
    "SeriesEncoder": "preprocessing",
    "SeriesImputer": "preprocessing",
    "SeriesKFold": "model_selection",
    "SeriesLog": "preprocessing",
    "SeriesScaler": "preprocessing",
    "SlidingWindow": "preprocessing",
    "TrainingCurveDisplay": "inspection",
    "TransferMatrixDisplay": "inspection",
    "StaticFeatures": "preprocessing",
    "StepRegressor": "forecasting",
    "backtest": "forecasting",
    "check_leakage": "inspection",
    "describe_panel": "preprocessing",
    "LSTMForecaster": "_lstm_forecaster",
    "panel_sample_weight": "preprocessing",
    "regularize": "preprocessing",
    "score_epochs": "forecasting",
    "to_panel": "preprocessing",
    "WindowMLPRegressor": "neural_network",
}

_submodules = {
    "continual",
    "datasets",
    "ensemble",
    "forecasting",
    "inspection",
    "metrics",
    "model_selection",
    "neural_network",
    "preprocessing",
}


def __getattr__(name):
    if name in _submodules:
        return import_module(f".{name}", __name__)
    if name in _home:
        return getattr(import_module(f".{_home[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(_submodules.union(__all__, ["__version__"]))

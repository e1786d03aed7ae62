"""Transformers of panels that keep every row, its order and its index."""

from ._calendar_features import CalendarFeatures
from ._describe_panel import describe_panel
from ._regularize import regularize
from ._sample_weight import panel_sample_weight
from ._series_encoder import SeriesEncoder
from ._series_imputer import SeriesImputer
from ._series_log import SeriesLog
from ._series_scaler import SeriesScaler
from ._sliding_window import SlidingWindow
from ._static_features import StaticFeatures
from ._to_panel import to_panel

__all__ = [
    "CalendarFeatures",
    "SeriesEncoder",
    "SeriesImputer",
    "SeriesLog",
    "SeriesScaler",
    "SlidingWindow",
    "StaticFeatures",
    "describe_panel",
    "panel_sample_weight",
    "regularize",
    "to_panel",
]

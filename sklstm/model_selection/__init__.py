"""Splits of a panel into training and test rows."""

from ._split import PanelTimeSeriesSplit, SeriesKFold

__all__ = ["PanelTimeSeriesSplit", "SeriesKFold"]

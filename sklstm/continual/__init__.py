"""Continual learning: one model through several data sets in turn."""

from ._continual_forecaster import ContinualForecaster

__all__ = ["ContinualForecaster"]

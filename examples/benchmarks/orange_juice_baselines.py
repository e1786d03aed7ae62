"""Baselines of the orange juice benchmark, which look at units sold alone.

All have ``fit(past)`` and ``forecast(past, ahead)``, with the frames of a
:class:`~orange_juice_data.Round`; `forecast` returns a value for each row of `ahead`.
"""

import pandas as pd
from orange_juice_data import TARGET

WEEKS_PER_YEAR = 52


class LastWeeks:
    """Repeat the mean of the last weeks of each series.

    Parameters
    ----------
    n_weeks : int
        How many; 1 is the naive forecast.
    """

    def __init__(self, n_weeks):
        self.n_weeks = n_weeks

    def fit(self, past):
        return self

    def forecast(self, past, ahead):
        tail = past[TARGET].groupby(level=["store", "brand"]).tail(self.n_weeks)
        mean = tail.groupby(level=["store", "brand"]).mean()
        return mean.reindex(ahead.index.droplevel("week")).to_numpy()


class LastYear:
    """Repeat the same week of the last year, or the last week where that is missing."""

    def fit(self, past):
        return self

    def forecast(self, past, ahead):
        week = ahead.index.get_level_values("week") - WEEKS_PER_YEAR
        index = ahead.index.droplevel("week").to_frame(index=False).assign(week=week)
        units = past[TARGET].reindex(pd.MultiIndex.from_frame(index)).to_numpy()
        last = LastWeeks(1).forecast(past, ahead)
        return pd.Series(units).fillna(pd.Series(last)).to_numpy()

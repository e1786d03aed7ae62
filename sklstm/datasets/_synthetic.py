"""make_panel: generate a panel of any size from a formula."""

from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state, check_scalar

__all__ = ["make_panel"]

_START = "2020-01-01"


def make_panel(
    n_series: int = 20,
    n_rows: int | tuple = 200,
    *,
    seasonal_periods: tuple = (7,),
    trend: float = 0.2,
    noise: float = 0.1,
    level_spread: float = 2.0,
    n_covariates: int = 2,
    n_types: int = 0,
    stagger: int = 0,
    missing: float = 0.0,
    freq: Any = "D",
    random_state: Any = None,
) -> pd.DataFrame:
    """Generate a panel of positive series with trend, seasons and known covariates.

    Series `i` has at time `t = 0, 1, ..., T - 1` the value ::

        target = level_i * exp(trend_i * t / T + season_i(t) + effects + noise * e)

        level_i     10 to the power of u_i, u_i uniform between 0 and level_spread
        trend_i     normal, with mean 0 and standard deviation trend
        season_i(t) for each p in seasonal_periods a wave of that period, whose
                    amplitude is uniform between 0.1 and 0.3 and whose phase is uniform
        effects     -1 for each unit of a price, +0.5 for each promotion
        e           standard normal, independent

    so its logarithm is the sum of a learnable part and noise. All series share one
    time axis.

    Parameters
    ----------
    n_series : int, default=20
        Number of series, named ``"s0"``, ``"s1"`` and so on, with leading zeros from 11
        series on.
    n_rows : int or tuple (low, high), default=200
        Rows of each series; a tuple draws each length uniformly, both ends included.
    seasonal_periods : tuple of float, default=(7,)
        Periods of the seasonal waves, in rows. Empty for none.
    trend : float, default=0.2
        Standard deviation of the series' growth from the first time to the last, on
        the scale of the logarithm.
    noise : float, default=0.1
        Standard deviation of the noise on the scale of the logarithm.
    level_spread : float, default=2.0
        Orders of magnitude over which the levels of the series are spread.
    n_covariates : int, default=2
        Number of covariates, known in the future. Prices (``price``, ``price_2``, ...,
        uniform between 0.5 and 1.5) and promotions (``promotion``, ..., 1 in one row of
        ten, else 0) take turns.
    n_types : int, default=0
        Number of types. If positive, a categorical column ``type`` gives the type of
        each series, and series of one type share their seasonal waves.
    stagger : int, default=0
        Series start at a time drawn uniformly from the first `stagger` + 1.
    missing : float, default=0.0
        Share of rows removed at random. The first and the last row of a series are
        kept.
    freq : str, offset or None, default="D"
        Step of the dates, which start at 2020-01-01. None uses integers from 0.
    random_state : int, RandomState instance or None, default=None
        Seed of the generator. Pass an int to get the same panel on each call.

    Returns
    -------
    DataFrame of shape (n_rows_of_all_series, 1 + n_covariates)
        The column ``target``, the covariates and the type, if asked for, indexed by
        (series, time), sorted.

    See Also
    --------
    load_fertility : A real panel.

    Examples
    --------
    >>> from sklstm.datasets import make_panel
    >>> panel = make_panel(n_series=3, n_rows=(50, 100), random_state=0)
    >>> list(panel.columns)
    ['target', 'price', 'promotion']
    >>> X, y = panel.drop(columns="target"), panel["target"]
    >>> y.groupby(level="series").size().between(50, 100).all()
    np.True_
    """
    low, high = _check_parameters(
        n_rows,
        missing,
        seasonal_periods,
        counts={
            "n_series": (n_series, 1),
            "n_covariates": (n_covariates, 0),
            "n_types": (n_types, 0),
            "stagger": (stagger, 0),
        },
        spreads={"trend": trend, "noise": noise, "level_spread": level_spread},
    )
    rng = check_random_state(random_state)
    length = rng.randint(low, high + 1, size=n_series)
    start = rng.randint(stagger + 1, size=n_series)
    series, t = _lay_out_rows(start, length)
    kept = _draw_kept_rows(series, missing, rng)
    series, t = series[kept], t[kept]
    kind = rng.randint(n_types, size=n_series) if n_types else np.arange(n_series)

    columns, log_target = _draw_covariates(len(t), n_covariates, rng)
    n_times = int((start + length).max())
    log_target += np.log(10) * rng.uniform(0, level_spread, size=n_series)[series]
    log_target += rng.normal(0, trend, size=n_series)[series] * (t / n_times)
    log_target += _draw_seasons(kind[series], t, kind.max() + 1, seasonal_periods, rng)
    log_target += noise * rng.standard_normal(len(t))

    columns = {"target": np.exp(log_target)} | columns
    if n_types:
        names = [f"type_{i}" for i in range(n_types)]
        columns["type"] = pd.Categorical.from_codes(kind[series], categories=names)
    return pd.DataFrame(columns, index=_make_index(series, t, n_series, n_times, freq))


def _check_parameters(n_rows, missing, seasonal_periods, counts, spreads):
    """Check what is drawn from, and return the shortest and the longest length."""
    low, high = n_rows if np.iterable(n_rows) else (n_rows, n_rows)
    check_scalar(low, "n_rows", Integral, min_val=1)
    check_scalar(high, "the upper end of n_rows", Integral, min_val=low)
    for name, (value, least) in counts.items():
        check_scalar(value, name, Integral, min_val=least)
    for name, value in spreads.items():
        check_scalar(value, name, Real, min_val=0)
    for period in seasonal_periods:
        check_scalar(period, "each seasonal period", Real, min_val=1)
    check_scalar(
        missing, "missing", Real, min_val=0, max_val=1, include_boundaries="left"
    )
    return low, high


def _lay_out_rows(start, length):
    """Number the series and the time of each row."""
    series = np.repeat(np.arange(len(length)), length)
    first = np.cumsum(length) - length
    return series, np.arange(len(series)) + (start - first)[series]


def _draw_kept_rows(series, missing, rng):
    if missing == 0:
        return slice(None)
    change = series[1:] != series[:-1]
    return (
        np.r_[True, change]
        | np.r_[change, True]
        | (rng.uniform(size=len(series)) >= missing)
    )


def _draw_covariates(n_rows, n_covariates, rng):
    """Draw the columns, and add up what each does to the logarithm of the target."""
    columns, effects = {}, np.zeros(n_rows)
    for i in range(n_covariates):
        draw = rng.uniform(size=n_rows)
        if i % 2 == 0:
            name, values, effect = "price", 0.5 + draw, -1.0
        else:
            name, values, effect = "promotion", (draw < 0.1).astype(np.float64), 0.5
        columns[name if i < 2 else f"{name}_{i // 2 + 1}"] = values
        effects += effect * values
    return columns, effects


def _draw_seasons(kind, t, n_kinds, seasonal_periods, rng):
    season = np.zeros(len(t))
    for period in seasonal_periods:
        amplitude = rng.uniform(0.1, 0.3, size=n_kinds)
        phase = rng.uniform(0, 2 * np.pi, size=n_kinds)
        season += amplitude[kind] * np.sin(2 * np.pi * t / period + phase[kind])
    return season


def _make_index(series, t, n_series, n_times, freq):
    width = len(str(n_series - 1))
    names = [f"s{i:0{width}d}" for i in range(n_series)]
    if freq is None:
        times = pd.RangeIndex(n_times)
    else:
        times = pd.date_range(_START, periods=n_times, freq=freq)
    index = pd.MultiIndex(
        levels=[names, times], codes=[series, t], names=["series", "time"]
    )
    return index.remove_unused_levels()

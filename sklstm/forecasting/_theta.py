"""The Theta method, for many series at once."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

__all__ = ["theta_forecasts", "theta_reach"]

# The smoothing parameters tried, of which each series takes the best.
_ALPHAS = np.arange(0.05, 1.001, 0.05)

# The critical value at 90 % of the test for a season.
_CRITICAL = 1.645

# Numbers in an array of levels, which should stay in the processor's cache.
_BLOCK = 1 << 16


def theta_reach(period):
    """Choose how many rows a forecast reads: ten seasons, at least 36."""
    return max(36, 10 * period)


def theta_forecasts(past, n_steps, period=1):
    """Forecast by the Theta method: smooth the level, add half of the line's slope.

    Exponential smoothing with a drift of half the slope of the least-squares line, to
    which the method comes down. A season that passes a test of its autocorrelation is
    taken out before, by classical additive decomposition, and put back after.

    Parameters
    ----------
    past : ndarray of shape (n_series, n_rows)
        NaN before the first known value only.
    n_steps : int
    period : int, default=1
        Rows of a season.

    Returns
    -------
    ndarray of shape (n_series, n_steps)
        NaN where no value is known.

    References
    ----------
    Assimakopoulos, V. and Nikolopoulos, K. (2000). The theta model: a decomposition
    approach to forecasting. International Journal of Forecasting 16(4), 521-530.

    Hyndman, R.J. and Billah, B. (2003). Unmasking the Theta method. International
    Journal of Forecasting 19(2), 287-290.

    Fiorucci, J.A. et al. (2016). Models for optimising the theta method and their
    relationship to state space models. International Journal of Forecasting 32(4),
    1151-1161: the test for a season, section 3.
    """
    size = max(1, _BLOCK // len(_ALPHAS))
    out = np.empty((len(past), n_steps))
    for first in range(0, len(past), size):
        block = slice(first, first + size)
        out[block] = _forecast(past[block], n_steps, period)
    return out


def _forecast(past, n_steps, period):
    season = _season(past, period)
    n_repeats = -(-past.shape[1] // period)
    level, drift = _smooth(past - np.tile(season, n_repeats)[:, -past.shape[1] :])
    steps = np.arange(n_steps)
    ahead = level[:, None] + drift[:, None] * (1 + steps)
    return ahead + season[:, steps % period]


def _season(past, period):
    """The season of each series from the row after its last on: (n_series, period)."""
    n_series, n_rows = past.shape
    n_known = np.isfinite(past).sum(axis=1)
    tested = (n_known > 2 * period) & (period > 1)
    out = np.zeros((n_series, period))
    if not tested.any():
        return out
    past = past[tested]
    rest = past - _moving_average(past, period)
    whole = np.full((len(rest), -n_rows % period), np.nan)
    by_phase = np.hstack([whole, rest]).reshape(len(rest), -1, period)
    known = np.isfinite(by_phase)
    means = np.where(known, by_phase, 0.0).sum(axis=1) / known.sum(axis=1).clip(min=1)
    means -= means.mean(axis=1, keepdims=True)
    out[tested] = np.where(_is_seasonal(past, period)[:, None], means, 0.0)
    return out


def _moving_average(past, period):
    """The mean of a season around each row, NaN where it is not known."""
    weight = np.ones(period)
    if period % 2 == 0:
        weight = np.r_[0.5, np.ones(period - 1), 0.5]
    out, half = np.full(past.shape, np.nan), len(weight) // 2
    means = sliding_window_view(past, len(weight), axis=1) @ (weight / period)
    out[:, half : half + means.shape[1]] = means
    return out


def _is_seasonal(past, period):
    """Whether the autocorrelation over a season differs from 0, of each series."""
    known = np.isfinite(past)
    n_known = known.sum(axis=1)
    apart = past - np.nanmean(past, axis=1, keepdims=True)
    apart = np.where(known, apart, 0.0)
    total = (apart**2).sum(axis=1)
    lags = [
        (apart[:, lag:] * apart[:, :-lag]).sum(axis=1) / np.where(total > 0, total, 1.0)
        for lag in range(1, period + 1)
    ]
    variance = (1 + 2 * sum(lag**2 for lag in lags[:-1])) / n_known
    return np.abs(lags[-1]) > _CRITICAL * np.sqrt(variance)


def _smooth(past):
    """Smooth each series with a drift: its last level, and the drift by row."""
    drift = _slope(past, np.isfinite(past)) / 2
    level = np.full((len(past), len(_ALPHAS)), np.nan)
    squares = np.zeros_like(level)
    for value in past.T:
        error = value[:, None] - level - drift[:, None]
        # No error at the first known value, where the level begins.
        begins = np.isnan(level)
        np.copyto(error, 0.0, where=begins)
        squares += error**2
        level += drift[:, None] + _ALPHAS * error
        np.copyto(level, value[:, None], where=begins)
    best = squares.argmin(axis=1)[:, None]
    return np.take_along_axis(level, best, axis=1)[:, 0], drift


def _slope(past, known):
    """The slope of the least-squares line through the known values; 0 for one."""
    row = np.where(known, np.arange(past.shape[1]), 0.0)
    n_known = known.sum(axis=1, keepdims=True).clip(min=1)
    row = np.where(known, row - row.sum(axis=1, keepdims=True) / n_known, 0.0)
    total = (row**2).sum(axis=1)
    product = (row * np.where(known, past, 0.0)).sum(axis=1)
    return product / np.where(total > 0, total, 1.0)

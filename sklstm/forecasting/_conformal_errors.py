"""Errors of forecasts by step, and the quantiles that they make."""

import numpy as np

from .._panels.quantiles import interpolate_quantiles
from .._windows.array_regressors import reads_all_steps
from .._windows.step_targets import StepTargets
from ._missing_values import missing_named
from ._windows_regression import predict_step_quantiles, predict_steps

__all__ = [
    "base_forecasts",
    "conformal_quantiles",
    "join_errors",
    "measure_errors",
    "roll_errors",
]

# Origins whose errors are measured and kept: enough for any quantile of use.
_MOST_ORIGINS = 1 << 14

# Outermost quantiles may fall together, to the last bit of single precision.
_NARROWEST = 1e-6


def base_forecasts(forecaster):
    """Choose what is calibrated: all quantiles of the regressor, or its points.

    Parameters
    ----------
    forecaster : fitted PanelForecaster

    Returns
    -------
    callable
        Maps n windows to an ndarray of shape (n, horizon, n_targets, n_quantiles), or
        (n, horizon, n_targets, 1).
    """
    regressor, horizon = forecaster.estimator_[-1], forecaster.horizon_
    levels = getattr(regressor, "quantiles_", None)
    if levels is None:
        return lambda windows: predict_steps(regressor, windows, horizon)[..., None]
    return lambda windows: predict_step_quantiles(regressor, windows, horizon, levels)


def roll_errors(forecaster, X, y):
    """Measure the errors of the forecasts that later rows would have had.

    Parameters
    ----------
    forecaster : fitted PanelForecaster
        It keeps no memory of the rows.
    X, y
        Rows later than the remembered end of their series.

    Returns
    -------
    ndarray of shape (n_origins, horizon, n_targets, n_quantiles)
        Those of `measure_errors`, of some origins where there are very many.
    """
    ready, horizon = forecaster.prepare_more(X, y), forecaster.horizon_
    windows = ready.windows
    table, ends = windows.table, windows.ends
    target = np.full(table.target.shape, np.nan)
    target[ends[ready.learned]] = ready.past[ready.learned]
    targets = StepTargets(target, ends, table.segments, horizon)
    origins = (targets.known() > 0) & ready.starts
    if table.known and reads_all_steps(ready.regressor):
        # An array has all known columns behind each window, or missing values.
        origins &= ends + horizon < table.segment_ends(ends)
    origins = np.flatnonzero(origins)
    n = len(origins)
    if n == 0:
        raise ValueError(
            "y has no known value that a row before it could forecast, so there are no "
            "errors to measure. Use recalibrate=False for such rows."
        )
    chosen = np.linspace(0, n - 1, min(n, _MOST_ORIGINS)).round().astype(np.intp)
    origins = origins[chosen]
    truth = np.asarray(targets[origins]).reshape(-1, horizon, ready.past.shape[1])
    some = windows[origins]
    with missing_named(some, windows, ready.index):
        values = base_forecasts(forecaster)(some)
    return measure_errors(values, truth)


def measure_errors(values, truth):
    """Subtract forecasts from the true values.

    Parameters
    ----------
    values : ndarray of shape (n_origins, horizon, n_targets, n_quantiles)
        One entry in the last axis is a point.
    truth : ndarray of shape (n_origins, horizon, n_targets)

    Returns
    -------
    ndarray of shape (n_origins, horizon, n_targets, n_quantiles)
        In units of the distance between the outermost quantiles, if there are several.
    """
    return ((truth[..., None] - values) / _widths(values)).astype(np.float32)


def join_errors(old, new):
    """Append new errors, and drop the oldest ones if there are too many."""
    return np.concatenate([old, new])[-_MOST_ORIGINS:]


def conformal_quantiles(values, step, errors, levels, wanted):
    """Move forecasts by the quantiles of the errors of their steps.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_targets, n_quantiles)
        Forecasts of points or of quantiles.
    step : ndarray of shape (n_rows,)
        How many steps ahead each row is.
    errors : ndarray of shape (n_origins, horizon, n_targets, n_quantiles)
    levels : sequence of float or None
        The quantiles of the forecasts; None for points.
    wanted : sequence of float
        Quantiles, ascending.

    Returns
    -------
    ndarray of shape (n_rows, n_targets, n_wanted)
        Ascending.
    """
    base = np.repeat(values, len(wanted), axis=2)
    if levels is not None:
        base = interpolate_quantiles(values, levels, wanted)
    width = _widths(values)
    moved = np.full_like(base, np.nan)
    for number in np.unique(step):
        rows = step == number
        of_step = errors[:, number - 1].astype(np.float64)
        shift = _error_quantiles(of_step, levels, wanted, number)
        moved[rows] = base[rows] + width[rows] * shift
    return np.sort(moved, axis=2)


def _widths(values):
    if values.shape[-1] == 1:
        return np.ones(values.shape)
    return np.maximum(values[..., -1:] - values[..., :1], _NARROWEST)


def _error_quantiles(errors, levels, wanted, step):
    """Quantiles of the errors of a step, of shape (n_targets, n_wanted).

    Those below the median are taken one rank lower and those above one rank higher than
    in a sample that holds the future value: n errors make n + 1 places for it.
    """
    out = np.empty((errors.shape[1], len(wanted)))
    for target, of_target in enumerate(errors.swapaxes(0, 1)):
        known = of_target[np.isfinite(of_target).all(axis=1)]
        _check_enough(len(known), wanted, step)
        for j, level in enumerate(wanted):
            some = known[:, 0]
            if levels is not None:
                some = interpolate_quantiles(known, levels, [level])[:, 0]
            rank = _rank(level, len(known))
            out[target, j] = np.partition(some, rank)[rank]
    return out


def _rank(level, n):
    """The place of a quantile among n sorted errors, from 0 on."""
    place = level * (n + 1)
    # Levels such as (1 - 0.95) / 2 have rounding errors.
    rank = np.floor(place + 1e-9) if level < 0.5 else np.ceil(place - 1e-9)
    return int(np.clip(rank, 1, n)) - 1


def _check_enough(n, wanted, step):
    outer = min(wanted[0], 1 - wanted[-1])
    needed = int(np.ceil(1 / outer - 1e-9)) - 1
    if n < needed:
        raise ValueError(
            f"The quantiles {wanted[0]:g} to {wanted[-1]:g} need {needed} errors at "
            f"each step, but step {step} has {n} in the calibration. Use a larger "
            "calibration_size, more series, or a smaller coverage."
        )

"""Errors of forecasts by series and step ahead, as a table for each target."""

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.utils import check_scalar

from .._panels.rows import (
    index_message,
    is_later,
    is_panel,
    locate_series,
    plain_labels,
    read_rows,
    show,
    with_times_of,
)
from ..forecasting._history import History
from ..forecasting._rows_ahead import steps_ahead
from ..metrics._row_errors import read_targets, to_columns
from ..metrics._scaled import series_scales

__all__ = ["errors_by_step", "errors_in_backtest", "name_targets", "scale_errors"]


def name_targets(y, history):
    """Give targets without names those of the history."""
    tables = isinstance(y, pd.DataFrame) and isinstance(history, pd.DataFrame)
    if not tables or len(y.columns) != len(history.columns):
        return y
    unnamed = isinstance(y.columns, pd.RangeIndex)
    return y.set_axis(history.columns, axis=1) if unnamed else y


def errors_by_step(y_true, y_pred, history, freq):
    """Compute mean absolute errors by series and step.

    Returns
    -------
    dict of DataFrame of shape (n_series, n_steps)
        For each target, None if it is the only one.
    """
    rows = read_rows(y_true, "y_true")
    errors = rows.sort(_absolute_errors(y_true, y_pred))
    step = _steps_of(y_true, rows, history, freq)
    names = getattr(y_true, "columns", [None])
    return {
        name: _by_step(column, rows.codes, step, rows.series)
        for name, column in zip(names, errors.T, strict=True)
    }


def errors_in_backtest(folds):
    """Map each target of a backtest's table to its errors by series and step."""
    if not isinstance(folds, pd.DataFrame):
        raise TypeError(
            "folds must be the DataFrame that backtest returns, got "
            f"{type(folds).__name__}."
        )
    names = list(folds.columns)
    before = names[: names.index("y_true")] if "y_true" in names else []
    several = before[-2:] == ["step", "target"]
    levels = before[1 : -3 if several else -2]
    if before[:1] != ["cutoff"] or "step" not in before[-2:] or not levels:
        raise ValueError(
            "folds must be the table that backtest returns, whose columns begin with "
            f"'cutoff' and end with 'step', 'y_true', 'y_pred'; got {show(names)}."
        )
    parts = folds.groupby("target", sort=False) if several else [(None, folds)]
    return {name: _errors_in_part(part, levels) for name, part in parts}


def scale_errors(tables, history, seasonal_period):
    """Divide each series' errors by those of a seasonal naive forecast in its past."""
    check_scalar(seasonal_period, "seasonal_period", Integral, min_val=1)
    if history is None:
        raise ValueError(
            f"seasonal_period={seasonal_period} needs the history of the series, in "
            "which the naive forecast errs; got None."
        )
    rows, names = read_rows(history, "history"), list(tables)
    columns = getattr(history, "columns", pd.RangeIndex(1))
    named = len(names) > 1 and not isinstance(columns, pd.RangeIndex)
    if len(columns) != len(names) or (named and list(columns) != names):
        raise ValueError(
            f"history must have the {len(names)} target(s) that were forecast, "
            f"{show(names)}, got {len(columns)}: {show(columns)}."
        )
    values = rows.sort(to_columns(history, "history"))
    scales = series_scales(values, rows.indptr, seasonal_period, 1)
    if np.isnan(scales).all(axis=0).any():
        raise ValueError(
            "The errors have no scale: each series is constant in history, or has no "
            f"two values that are seasonal_period={seasonal_period} rows apart."
        )
    return {
        name: _divide(table, rows.series, scale)
        for (name, table), scale in zip(tables.items(), scales.T, strict=True)
    }


def _steps_of(y_true, rows, history, freq):
    """Count how many steps after its history each sorted row stands."""
    if history is None:
        return np.arange(len(rows)) - rows.indptr[:-1][rows.codes] + 1
    if not is_panel(history):
        raise TypeError(index_message(history, "history"))
    past = pd.DataFrame(history)
    past, _ = History.of(past, past, freq).until_known()
    rows = read_rows(with_times_of(pd.DataFrame(y_true), past.rows.time), "y_true")
    position = locate_series(rows.series, past.series)
    _check_known(rows.series, position)
    code = position[rows.codes]
    early = ~is_later(rows.time, past.end.take(code))
    if early.any():
        raise ValueError(
            f"{early.sum()} row(s) of y_true are not after the end of their history: "
            f"{show(rows.index[rows.unsort(early)])}. Leave them out: they have no "
            "step ahead."
        )
    return steps_ahead(past, rows.time, code)


def _check_known(series, position):
    unknown = series[position < 0]
    if len(unknown):
        raise ValueError(
            f"history has no known value of {len(unknown)} series that were forecast: "
            f"{show(unknown)}. Give it the past of every series."
        )


def _absolute_errors(y_true, y_pred):
    """The errors of shape (n_rows, n_targets), NaN where the truth is."""
    actual, forecast, weight = read_targets(y_true, y_pred)
    return np.where(weight > 0, np.abs(actual - forecast), np.nan)


def _by_step(errors, codes, step, series):
    """Average the rows of each series and step: a table of series by steps."""
    long = pd.DataFrame({"series": codes, "step": step, "error": errors})
    table = long.groupby(["series", "step"])["error"].mean().unstack("step")
    return table.set_axis(series.take(table.index), axis=0)


def _errors_in_part(part, levels):
    labels = pd.MultiIndex.from_frame(part[levels])
    labels = plain_labels(labels.get_level_values(0) if len(levels) == 1 else labels)
    codes, series = labels.factorize()
    series = series.set_names(labels.names)
    errors = _absolute_errors(part["y_true"], part["y_pred"])[:, 0]
    return _by_step(errors, codes, part["step"].to_numpy(), series)


def _divide(table, series, scale):
    position = locate_series(table.index, series)
    _check_known(table.index, position)
    return table / scale[position][:, None]

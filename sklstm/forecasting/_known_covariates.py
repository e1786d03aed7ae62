"""Covariates of the rows ahead: which are read, which are not, and what must be there.

Only columns that the windows name as known are read beyond the last known row. All
others keep the value of that row, whatever X holds for them: forecasts cannot depend
on what was not known when they are made.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from .._panels.rows import show

__all__ = ["check_columns", "derived_columns", "hold_past_covariates", "named_by"]


def named_by(columns, known):
    """Which columns of X the known columns of the windows come from, by their names.

    Parameters
    ----------
    columns : Index
        Names of the columns of X.
    known : tuple
        Names of the known columns of the windows. A transformer may have put its own
        name before (``"scale__price"``) or a label behind (``"kind_small"``).

    Returns
    -------
    list
    """
    sources = {_source(columns, name) for name in known}
    return [column for column in columns if column in sources]


def _source(columns, name):
    """The column of the same name, or the longest that the name begins with."""
    if name in columns:
        return name
    bare = str(name).rpartition("__")[2]
    starts = [column for column in columns if f"{bare}_".startswith(f"{column}_")]
    return max(starts, key=lambda column: len(str(column)), default=None)


def derived_columns(steps, X, known):
    """Find the known columns that depend on more columns than their names show.

    Parameters
    ----------
    steps : fitted transformers
    X : DataFrame
        The rows of `fit`.
    known : tuple
        Names of the known columns of the windows.

    Returns
    -------
    list
        A column made of the index alone, such as the calendar, is not among them. All
        are, where the transformers cannot be tried out.
    """
    named = named_by(X.columns, known)
    if not known or len(named) == X.shape[1]:
        return []
    try:
        tables = [steps.transform(part).table for part in (X, _redrawn(X, named))]
        return [name for name in known if not _equal_column(*tables, name)]
    except Exception:
        # They may raise anything at values that they did not see in fit.
        return list(known)


def _redrawn(X, kept):
    """The same index with the values of other rows, but for the columns kept.

    Rows are drawn with replacement, among all of them: a column is found out by one row
    that differs, and by a mean. A constant column gets another value.
    """
    rows = np.random.default_rng(0).integers(len(X), size=len(X))
    out = X.iloc[rows].set_axis(X.index, axis=0)
    for name in X.columns.difference(kept, sort=False):
        column = X[name]
        if pd.api.types.is_numeric_dtype(column) and column.nunique() == 1:
            is_bool = pd.api.types.is_bool_dtype(column)
            out[name] = ~column if is_bool else column + 1
    out[kept] = X[kept]
    return out


def _equal_column(table, other, name):
    if name in table.names:
        j = table.names.index(name)
        return np.array_equal(table.values[:, j], other.values[:, j], equal_nan=True)
    j = list(table.categories).index(name)
    return np.array_equal(table.codes[:, j], other.codes[:, j])


def check_columns(X, columns, known, derived=()):
    """Raise if X has no column for what is known ahead.

    Parameters
    ----------
    X : DataFrame
        The rows asked for.
    columns : Index
        The columns seen in `fit`.
    known : tuple
        Names of the known columns of the windows.
    derived : sequence
        Known columns that are made of columns not shown by their names.
    """
    missing = [name for name in named_by(columns, known) if name not in X.columns]
    if missing:
        they_are, them = ("it is", "it") if len(missing) == 1 else ("they are", "them")
        raise ValueError(
            f"X has no column {show(missing)}, whose values in the rows to forecast "
            f"are needed: {they_are} known ahead. Call forecast(X=rows) or "
            f"predict(rows), where rows has {them}; future_rows() returns a frame to "
            "fill in."
        )
    missing = columns.difference(X.columns, sort=False)
    if derived and len(missing):
        raise ValueError(
            f"X has no column {show(missing)}, from which the known column(s) "
            f"{show(derived)} may be made. Call forecast(X=rows) or predict(rows), "
            "where rows has all columns of fit; past-only columns may be NaN."
        )


def hold_past_covariates(windows, asked, horizon, gappy, fills=False):
    """Give rows ahead the past-only columns of the last known row.

    Parameters
    ----------
    windows : PanelWindows
        One for each row of the asked.
    asked : RowsAhead
    horizon : int
        Steps that are forecast directly, each from its own known covariates alone.
    gappy : ndarray of bool of shape (n_known_values,)
        Which known numeric columns had missing values in training, and may have some.
    fills : bool
        Whether steps that X skips keep the known columns of the row before, as rows
        that are filled into the history do.

    Returns
    -------
    PanelWindows
        Without `fills`, steps that X skips have missing values in the known columns.
    """
    n_past = len(asked.history.rows)
    ahead = np.arange(n_past, len(asked.X))
    if len(ahead) == 0:
        return windows
    table, ends = windows.table, windows.ends
    series = np.repeat(np.arange(len(asked.n_steps)), asked.n_steps)
    rows, last = ends[ahead], ends[asked.positions(series, 0)]
    given = np.zeros(len(ahead), dtype=bool)
    given[asked.rows[asked.rows >= n_past] - n_past] = True
    values, codes = table.values.copy(), table.codes.copy()
    known_values, known_codes = table.known_values, table.known_codes
    if table.known and not fills:
        _check_skipped(asked, ahead, series, given, horizon)
    if table.known:
        _check_missing(asked, windows, ahead[given], known_values[~gappy])
    values[rows] = values[last]
    values[np.ix_(rows, known_values)] = table.values[np.ix_(rows, known_values)]
    skipped = rows[:0] if fills else rows[~given]
    values[np.ix_(skipped, known_values)] = np.nan
    codes[rows] = codes[last]
    codes[np.ix_(rows, known_codes)] = table.codes[np.ix_(rows, known_codes)]
    codes[np.ix_(skipped, known_codes)] = 0
    # Rows ahead are the steps after their origin, however far away in time.
    is_ahead = np.zeros(len(values), dtype=bool)
    is_ahead[rows] = True
    segments = table.segments[~is_ahead[table.segments]]
    table = replace(table, values=values, codes=codes, segments=segments)
    return windows.over(table)


def _check_skipped(asked, ahead, series, given, horizon):
    """Raise if a step that X skips stands in the window of a later forecast."""
    step = ahead - asked.positions(series, 1) + 1
    read = (asked.n_steps - 1) // horizon * horizon
    needed = ~given & (step <= read[series])
    if needed.any():
        raise ValueError(
            f"Steps beyond horizon={horizon} are reached through the rows before them, "
            f"and X lacks {needed.sum()} of these: "
            f"{show(asked.X.index[ahead[needed]])}. Give their known covariates too."
        )


def _check_missing(asked, windows, rows, columns):
    """Raise if a known covariate, never missing in training, is missing ahead."""
    values = windows.table.values[windows.ends[rows]][:, columns]
    missing = np.isnan(values)
    if missing.any():
        names = [windows.table.names[i] for i in columns[missing.any(axis=0)]]
        labels = asked.X.index[rows[missing.any(axis=1)]]
        raise ValueError(
            f"The columns {show(names)} are known ahead, but missing (NaN) in "
            f"{len(labels)} row(s) of X: {show(labels)}. Give their values."
        )

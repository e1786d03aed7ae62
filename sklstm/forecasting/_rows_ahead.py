"""The rows that a forecaster is asked for, behind those that it remembers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .._panels.random_holes import CUT_BY_TIME
from .._panels.rows import (
    check_known_series,
    is_later,
    level_values,
    locate_series,
    read_rows,
    show,
    with_times_of,
)
from .._panels.series_steps import BY_ROWS, BY_TIME
from ._history import NO_HISTORY, History, times_before

__all__ = ["RowsAhead", "place_rows", "series_blocks", "steps_ahead"]


@dataclass(frozen=True, eq=False)
class RowsAhead:
    """The rows that `predict` was asked for, behind the history they follow.

    Attributes
    ----------
    X : DataFrame of shape (n_history + n_ahead, n_columns)
        The history of the series asked for, then one row for each of their steps
        ahead, series by series.
    history : History
        Of those series alone.
    n_steps : ndarray of shape (n_series,)
        How many steps ahead are asked for.
    rows : ndarray of shape (n_asked,)
        Position in X of each row asked for, in the order of the request.
    """

    X: pd.DataFrame
    history: History
    n_steps: np.ndarray
    rows: np.ndarray

    def positions(self, series, step):
        """Positions in X of a step of each series; step 0 is the last known row."""
        ahead = len(self.history.rows) + np.cumsum(self.n_steps) - self.n_steps
        last = self.history.rows.indptr[1:] - 1
        return np.where(step == 0, last[series], ahead[series] + step - 1)

    @property
    def series(self):
        """The position of the series of each row asked for, of shape (n_asked,)."""
        ahead = np.repeat(np.arange(len(self.n_steps)), self.n_steps)
        return np.concatenate([self.history.rows.codes, ahead])[self.rows]

    def origins(self):
        """Find the origin of each row asked for, if none is forecast from another.

        Returns
        -------
        origin : ndarray of int of shape (n_asked,)
            A position in X: the last known row, or the row before a known one; -1 for
            the first row of a series, which has none.
        step : ndarray of int of shape (n_asked,)
            How many steps the row stands after it.
        """
        n_past, indptr = len(self.history.rows), self.history.rows.indptr
        ahead = self.rows >= n_past
        series = self.series[ahead]
        origin, step = self.rows - 1, np.ones(len(self.rows), dtype=np.intp)
        origin[~ahead & np.isin(self.rows, indptr[:-1])] = -1
        origin[ahead] = self.positions(series, 0)
        step[ahead] = self.rows[ahead] - self.positions(series, 1) + 1
        return origin, step


def series_blocks(history, asked, size, n_read=None):
    """Split the rows asked for into groups of whole series.

    Parameters
    ----------
    history : History
    asked : PanelRows
        The rows asked for.
    size : int
        About how many remembered rows the series of a group have together.
    n_read : int, default=None
        Count at most the last `n_read` rows of each series. None: all of them.

    Returns
    -------
    list of ndarray of int
        Positions of the rows of each group, in the given order of rows.
    """
    positions = locate_series(asked.series, history.series)
    lengths = history.rows.lengths
    lengths = lengths if n_read is None else np.minimum(lengths, n_read)
    lengths = np.where(positions < 0, 0, lengths[positions])
    block = np.cumsum(lengths) // size
    if block[-1] == 0:
        return [np.arange(len(asked))]
    row_block = asked.unsort(block[asked.codes])
    return [np.flatnonzero(row_block == number) for number in np.unique(block)]


def place_rows(history, X, shorten=None):
    """Place the rows of X after, or within, the history of their series.

    How many steps ahead a row stands is the matter of `steps_ahead`. Steps that X
    skips take the covariates of the row before.

    Parameters
    ----------
    history : History
    X : DataFrame of shape (n_asked, n_columns)
    shorten : callable, default=None
        Cuts the history of the series of X. None keeps all of it.

    Returns
    -------
    RowsAhead
    """
    X, n_asked = with_times_of(X, history.rows.time), len(X)
    X = history.with_rows_between(X)
    asked = read_rows(X)
    positions = locate_series(asked.series, history.series)
    check_known_series(positions, asked.series, NO_HISTORY)
    # Series of both sides in one order: that of the history.
    by_history = np.argsort(positions)
    place = np.empty_like(by_history)
    place[by_history] = np.arange(len(by_history))
    code = place[asked.codes]
    history = history.select(positions[by_history])
    history = history if shorten is None else shorten(history)
    ahead = is_later(asked.time, history.end.take(code))
    steps = steps_ahead(history, asked.time[ahead], code[ahead])
    n_steps = np.zeros(history.rows.n_series, dtype=np.intp)
    np.maximum.at(n_steps, code[ahead], steps)

    rows = np.empty(len(asked), dtype=np.intp)
    first = np.cumsum(n_steps) - n_steps
    rows[ahead] = first[code[ahead]] + steps - 1
    given = X if asked.order is None else X.iloc[asked.order]
    future = _future(history, given[ahead], rows[ahead], n_steps)
    rows[ahead] += len(history.rows)
    rows[~ahead] = _find(history, given.index[~ahead])
    frame = pd.concat([history.X, future])
    return RowsAhead(frame, history, n_steps, asked.unsort(rows)[:n_asked])


def steps_ahead(history, time, code):
    """Count how many steps after the end of its series each row stands, from 1 on.

    By time, where the series keeps a time step, or where one was given. Where it leaves
    out the same hours of each day or week, by time within the open ones, and closed
    hours do not count. Else the first row after the end is step 1, the second step 2,
    and so on.

    Parameters
    ----------
    history : History
    time : Index of shape (n_rows,)
        Times after the end of their series, sorted by series and time.
    code : ndarray of shape (n_rows,)
        The position of each row's series in the history.

    Returns
    -------
    ndarray of int of shape (n_rows,)
    """
    steps, end = history.steps, history.end.take(code)
    counting = steps.counting[code]
    by_rows = counting == BY_ROWS
    is_first = np.diff(code, prepend=-1) != 0
    jumps = np.ones(len(code))
    if by_rows.any():
        before = times_before(history.end, time, code)
        jumps = np.where(by_rows, steps.jump(before, time, code), 1)
        _check_clear(history, code, np.isnan(jumps))
    total, first = np.cumsum(jumps), np.flatnonzero(is_first)
    counted = total - (total - jumps)[first][np.cumsum(is_first) - 1]
    if by_rows.all():
        return counted.astype(np.intp)
    by_time = steps.count(end, time, code)
    trusted = counting == BY_TIME
    off = np.flatnonzero(trusted & ~(by_time >= 1))
    if len(off):
        rows = [(history.series[code[i]], time[i]) for i in off]
        raise ValueError(
            f"{len(off)} row(s) of X lie between two time steps of their series: "
            f"{show(rows)}. Ask for times that continue the rows of fit, or give the "
            "forecaster freq=None to count rows."
        )
    _check_clear(history, code, ~trusted & ~by_rows & (by_time != counted))
    return np.where(trusted, by_time, counted).astype(np.intp)


def _check_clear(history, code, unclear):
    """Raise for rows before which others may be missing, or hours be closed."""
    if unclear.any():
        named = history.series[np.unique(code[unclear])]
        raise ValueError(
            "The number of steps from the end of the series to the rows of X is "
            f"ambiguous for {len(named)} series: {show(named)}. A gap may be an "
            "outage or a session left out, which count as time, or closed hours, such "
            "as a holiday, which do not. Give X all rows from the end of each series "
            "on, or pass the forecaster freq=None to count rows (if none is missing), "
            "or the time step as freq to count time."
        )


def _find(history, index):
    """The positions in the history of rows that are not ahead of it."""
    found = history.X.index.get_indexer(index) if len(index) else np.zeros(0, int)
    if (found < 0).any():
        missing = index[found < 0]
        raise ValueError(
            f"{len(missing)} row(s) of X come before the end of their series, but are "
            f"not remembered: {show(missing)}. Fitted values are given for the rows "
            f'of fit and update alone, and only with history="all". {CUT_BY_TIME}'
        )
    return found


def _future(history, given, rows, n_steps):
    """One row for each step ahead of each series, `given` at its place in `rows`."""
    if len(given) == n_steps.sum():
        return given.iloc[np.argsort(rows)]
    first = np.cumsum(n_steps) - n_steps
    last = history.X.iloc[history.rows.indptr[1:] - 1]
    # A step that is not given takes the row of the latest step that is, and the
    # first ones that of the last known row, which stands for step 0.
    filled = np.zeros(n_steps.sum(), dtype=np.intp)
    filled[rows] = len(last) + np.arange(len(rows))
    series = np.repeat(np.arange(len(n_steps)), n_steps)
    begins = first[n_steps > 0]
    filled[begins] = np.maximum(filled[begins], series[begins])
    # Within a series later rows have higher numbers; between series the known row
    # of the next one does not, so the running maximum starts anew by an offset.
    offset = series * (len(last) + len(rows))
    source = np.maximum.accumulate(filled + offset) - offset
    ahead = np.arange(len(series)) - first[series] + 1
    end = history.rows.indptr[1:][series] - 1
    time = history.steps.add(history.rows.times_at(end), ahead, series)
    # Rows that are given keep their times: those of a series without the step of the
    # panel are not what the step says, and the calendar is read from them.
    own = np.arange(len(series))
    own[rows] = len(series) + np.arange(len(rows))
    time = time.append(level_values(given.index, -1)).take(own)
    levels = [
        level_values(history.X.index, level).take(end)
        for level in range(history.X.index.nlevels - 1)
    ]
    index = pd.MultiIndex.from_arrays([*levels, time], names=history.X.index.names)
    return pd.concat([last, given]).iloc[source].set_axis(index, axis=0)

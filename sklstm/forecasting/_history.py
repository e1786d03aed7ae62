"""The rows that a forecaster remembers, and the rows that it is asked for."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .._panel import (
    PanelRows,
    check_known_series,
    locate_series,
    ragged_arange,
    read_rows,
    show,
    tail_positions,
)
from .._time_step import infer_time_step

__all__ = ["History", "Request", "read_request"]


@dataclass(frozen=True, eq=False)
class History:
    """Rows of X and y, sorted by series and time.

    Attributes
    ----------
    X : DataFrame of shape (n_rows, n_columns)
    y : DataFrame of shape (n_rows, n_targets)
    rows : PanelRows
        Where the series stand.
    """

    X: pd.DataFrame
    y: pd.DataFrame
    rows: PanelRows

    @classmethod
    def of(cls, X, y):
        """Sort rows of X and y into a history."""
        rows = read_rows(X)
        if rows.order is not None:
            X, y = X.iloc[rows.order], y.iloc[rows.order]
            rows = read_rows(X)
        return cls(X, y, rows)

    @property
    def series(self):
        return self.rows.series

    @property
    def end(self):
        """The last time of each series, an Index of shape (n_series,)."""
        return self.rows.times_at(self.rows.indptr[1:] - 1)

    def tail(self, size):
        """Keep the last `size` rows of each series."""
        kept, _ = tail_positions(self.rows.indptr, size)
        return History.of(self.X.iloc[kept], self.y.iloc[kept])

    def append(self, X, y):
        """Add rows that come later than those of their series, or new series."""
        new = History.of(X, y)
        positions = locate_series(new.series, self.series)
        known = positions >= 0
        first = new.rows.times_at(new.rows.indptr[:-1])[known]
        late = np.asarray(first <= self.end.take(positions[known]))
        if late.any():
            raise ValueError(
                "update takes rows that come after the remembered end of their "
                f"series; {late.sum()} series have rows before it: "
                f"{show(new.series[known][late])}. Leave those rows out."
            )
        return History.of(pd.concat([self.X, new.X]), pd.concat([self.y, new.y]))

    def select(self, series):
        """Keep the rows of these series, given by ascending position."""
        if len(series) == self.rows.n_series:
            return self
        kept = ragged_arange(self.rows.indptr[series], self.rows.lengths[series])
        return History.of(self.X.iloc[kept], self.y.iloc[kept])


@dataclass(frozen=True, eq=False)
class Request:
    """The rows that `predict` was asked for, beside the history they follow.

    Attributes
    ----------
    X : DataFrame of shape (n_all, n_columns)
        For each series asked for its history, then one row for each step ahead.
    history : History
        Of those series alone.
    known : ndarray of shape (n_history,)
        Positions in X of the rows of `history`.
    last : ndarray of shape (n_series,)
        Position in X of the last known row of each series.
    n_steps : ndarray of shape (n_series,)
        How many steps ahead are asked for.
    rows : ndarray of shape (n_asked,)
        Position in X of each row asked for, in the order of the request.
    """

    X: pd.DataFrame
    history: History
    known: np.ndarray
    last: np.ndarray
    n_steps: np.ndarray
    rows: np.ndarray


def read_request(history, X):
    """Place the rows of X after, or within, the history of their series.

    A row after the end of its series is as many steps ahead as its time says where
    the series has a regular time step; else the first row after the end is step 1,
    the second step 2, and so on. Steps that X skips take the covariates of the row
    before.

    Parameters
    ----------
    history : History
    X : DataFrame of shape (n_asked, n_columns)

    Returns
    -------
    Request
    """
    asked = read_rows(X)
    positions = locate_series(asked.series, history.series)
    check_known_series(
        positions,
        asked.series,
        "Give the forecaster their history first, with update(X, y).",
    )
    # Series of both sides in one order: that of the history.
    by_history = np.argsort(positions)
    place = np.empty_like(by_history)
    place[by_history] = np.arange(len(by_history))
    code = place[asked.codes]
    history = history.select(positions[by_history])
    ahead = np.asarray(asked.time > history.end.take(code))
    steps = _steps_ahead(history, asked.time[ahead], code[ahead])
    n_steps = np.zeros(history.rows.n_series, dtype=np.intp)
    np.maximum.at(n_steps, code[ahead], steps)

    lengths = history.rows.lengths
    first = np.cumsum(lengths + n_steps) - n_steps  # of the steps ahead
    known = ragged_arange(first - lengths, lengths)
    rows = np.empty(len(asked), dtype=np.intp)
    rows[ahead] = first[code[ahead]] + steps - 1
    rows[~ahead] = known[_find(history, X, asked, ~ahead)]
    given = X if asked.order is None else X.iloc[asked.order]
    frame = _join(history, given.iloc[np.flatnonzero(ahead)], known, rows[ahead], first)
    return Request(frame, history, known, first - 1, n_steps, asked.unsort(rows))


def _steps_ahead(history, time, code):
    """How many steps after the end of its series each row stands, from 1 on."""
    first = np.flatnonzero(np.diff(code, prepend=-1))
    counted = np.arange(1, len(code) + 1)
    counted -= np.repeat(first, np.diff(np.append(first, len(code))))
    step = infer_time_step(history.rows.time, history.rows.indptr)
    if step is None or len(code) == 0:
        return counted
    by_time = step.count(history.end.take(code), time)
    trusted = _regular(history.rows, step)
    np.logical_and.at(trusted, code, by_time >= 1)
    return np.where(trusted[code], by_time, counted).astype(np.intp)


def _regular(rows, step):
    """Whether each series keeps the time step from row to row."""
    regular = np.ones(rows.n_series, dtype=bool)
    if len(rows) > 1:
        within = np.setdiff1d(np.arange(len(rows) - 1), rows.indptr[1:-1] - 1)
        once = step.count(rows.time[within], rows.time[within + 1]) == 1
        np.logical_and.at(regular, rows.codes[within], once)
    return regular


def _find(history, X, asked, inside):
    """The positions in the history of the rows of X that are not ahead of it."""
    index = X.index if asked.order is None else X.index[asked.order]
    index = index[inside]
    found = history.X.index.get_indexer(index) if len(index) else np.zeros(0, int)
    if (found < 0).any():
        missing = index[found < 0]
        raise ValueError(
            f"{len(missing)} row(s) of X come before the end of their series, but are "
            f"not remembered: {show(missing)}. Fitted values are given for the rows "
            'of fit and update alone, and only with history="all".'
        )
    return found


def _join(history, future, known, ahead, first):
    """Lay out the history of each series and a row for each step ahead of it."""
    total = max(known.max(initial=-1), ahead.max(initial=-1)) + 1
    source = np.zeros(total, dtype=np.intp)
    filled = np.zeros(total, dtype=np.intp)
    source[known] = np.arange(len(known))
    source[ahead] = len(known) + np.arange(len(ahead))
    filled[known], filled[ahead] = known, ahead
    # Every series begins with a known row, so no step takes from another series.
    source = source[np.maximum.accumulate(filled)]
    both = pd.concat([history.X, future]).iloc[source]
    skipped = np.setdiff1d(np.arange(total), np.r_[known, ahead])
    if len(skipped) == 0:
        return both
    step = infer_time_step(history.rows.time, history.rows.indptr)
    series = np.searchsorted(first, skipped, side="right") - 1
    moved = step.add(history.end.take(series), skipped - first[series] + 1)
    order = np.arange(total)
    order[skipped] = total + np.arange(len(skipped))
    *levels, time = [both.index.get_level_values(i) for i in range(both.index.nlevels)]
    index = [*levels, time.append(moved).take(order)]
    return both.set_axis(
        pd.MultiIndex.from_arrays(index, names=both.index.names), axis=0
    )

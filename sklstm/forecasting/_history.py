"""The rows that a forecaster remembers, and the rows that it is asked for."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from .._missing_steps import fill_steps
from .._panel import (
    PanelRows,
    check_known_series,
    in_zone,
    is_later,
    locate_series,
    ragged_arange,
    read_rows,
    show,
    tail_positions,
)
from .._time_step import TimeStep, infer_time_step, pairs_within

__all__ = ["History", "Request", "read_request", "series_blocks", "steps_ahead"]

# A series keeps its time step if this share of its rows does: a missing row now and
# then leaves steps what they are, a day closed in each week does not.
_REGULAR = 0.85

_NO_HISTORY = "Give the forecaster their history first, with update(X, y)."


@dataclass(frozen=True, eq=False)
class History:
    """Rows of X and y, sorted by series and time.

    Attributes
    ----------
    X : DataFrame of shape (n_rows, n_columns)
    y : DataFrame of shape (n_rows, n_targets)
    rows : PanelRows
        Where the series stand.
    known_step : TimeStep or None
        The time step of the rows that this history was taken from.
    """

    X: pd.DataFrame
    y: pd.DataFrame
    rows: PanelRows
    known_step: TimeStep | None = None

    @classmethod
    def of(cls, X, y, known_step=None):
        """Sort rows of X and y into a history."""
        rows = read_rows(X)
        if rows.order is not None:
            X, y = X.iloc[rows.order], y.iloc[rows.order]
            rows = read_rows(X)
        # Shallow copies: what the caller writes to the frames later stays outside.
        return cls(X.copy(deep=False), y.copy(deep=False), rows, known_step)

    def __len__(self):
        return len(self.rows)

    @property
    def series(self):
        return self.rows.series

    @property
    def end(self):
        """The last time of each series, an Index of shape (n_series,)."""
        return self.rows.times_at(self.rows.indptr[1:] - 1)

    @cached_property
    def step(self):
        """The time step that most rows keep, None where times have no arithmetic."""
        return self.known_step or infer_time_step(self.rows.time, self.rows.indptr)

    @cached_property
    def step_shares(self):
        """The share of each series' rows that follow by one step; 1 for one row."""
        rows, within = self.rows, pairs_within(self.rows.indptr)
        if self.step is None or len(within) == 0:
            return np.ones(rows.n_series)
        once = self.step.count(rows.time[within], rows.time[within + 1]) == 1
        kept = np.bincount(rows.codes[within], once, minlength=rows.n_series)
        pairs = rows.lengths - 1
        return np.where(pairs > 0, kept / np.maximum(pairs, 1), 1.0)

    def tail(self, size):
        """Keep the last `size` rows of each series."""
        kept, _ = tail_positions(self.rows.indptr, size)
        return History.of(self.X.iloc[kept], self.y.iloc[kept], self.step)

    def append(self, X, y):
        """Add rows that come later than those of their series, or new series."""
        X, y = (in_zone(part, self.rows.time) for part in (X, y))
        new = History.of(X, y)
        positions = locate_series(new.series, self.series)
        known = positions >= 0
        first = new.rows.times_at(new.rows.indptr[:-1])[known]
        late = ~is_later(first, self.end.take(positions[known]))
        if late.any():
            raise ValueError(
                "update takes rows that come after the remembered end of their "
                f"series; {late.sum()} series have rows before it: "
                f"{show(new.series[known][late])}. Leave those rows out."
            )
        names = self.X.index.names
        frames = [
            pd.concat([old, more.rename_axis(names)])
            for old, more in ((self.X, new.X), (self.y, new.y))
        ]
        return History.of(*frames, self.known_step)

    def filled(self):
        """Give every step between the first and the last row of a series a row.

        Returns
        -------
        history : History
            y is NaN in the added rows, and X that of the row before.
        source : ndarray of int
            The row of this history that each row is made of.
        """
        if self.step is None:
            raise ValueError(
                f"gaps='fill' needs the time step of {self.rows.index.names[-1]!r}, "
                "which cannot be found: it needs dates, periods or numbers, and a "
                "series of two rows. Use gaps='keep'."
            )
        try:
            index, positions = fill_steps(self.rows, self.step)
        except ValueError as error:
            error.add_note(
                "gaps='fill' gives each step a row; gaps='keep' takes rows as they are."
            )
            raise
        source = np.zeros(len(index), dtype=np.intp)
        source[positions] = np.arange(len(positions))
        source = np.maximum.accumulate(source)
        # Rows that come later keep this step, or are an error.
        if len(index) == len(self.rows):
            return replace(self, known_step=self.step), source
        X = self.X.iloc[source].set_axis(index, axis=0)
        y = self.y.reindex(index)
        return History.of(X, y, self.step), source

    def next_steps(self, n_steps):
        """The index of the next steps of every series, series by series."""
        rows, step = self.rows, self.step
        if step is None:
            raise ValueError(
                f"The time step of {rows.index.names[-1]!r} cannot be found: it needs "
                "dates, periods or numbers, and a series of two rows. Call predict(X) "
                "with the rows to forecast."
            )
        other = self.step_shares == 0
        if other.any():
            raise ValueError(
                f"{other.sum()} series never keep the time step of the panel: "
                f"{show(rows.series[other])}. Call predict(X) with the rows wanted."
            )
        last = np.repeat(rows.indptr[1:] - 1, n_steps)
        ahead = np.tile(np.arange(1, n_steps + 1), rows.n_series)
        time = step.add(rows.times_at(last), ahead)
        *levels, _ = [rows.index.get_level_values(i) for i in range(rows.index.nlevels)]
        return pd.MultiIndex.from_arrays(
            [level.take(last) for level in levels] + [time], names=rows.index.names
        )

    def complete(self, X, columns):
        """Give rows of X columns that they lack: those of their series' last row."""
        rows = read_rows(X)
        positions = locate_series(rows.series, self.series)
        check_known_series(positions, rows.series, _NO_HISTORY)
        last = rows.unsort((self.rows.indptr[1:] - 1)[positions][rows.codes])
        added = self.X[columns].iloc[last].set_axis(X.index, axis=0)
        return pd.concat([X, added], axis=1)[self.X.columns]

    def select(self, series):
        """Keep the rows of these series, given by ascending position."""
        if len(series) == self.rows.n_series:
            return self
        kept = ragged_arange(self.rows.indptr[series], self.rows.lengths[series])
        return History.of(self.X.iloc[kept], self.y.iloc[kept], self.step)


@dataclass(frozen=True, eq=False)
class Request:
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
        series = np.repeat(np.arange(len(self.n_steps)), self.n_steps)
        series = series[self.rows[ahead] - n_past]
        origin, step = self.rows - 1, np.ones(len(self.rows), dtype=np.intp)
        origin[~ahead & np.isin(self.rows, indptr[:-1])] = -1
        origin[ahead] = self.positions(series, 0)
        step[ahead] = self.rows[ahead] - self.positions(series, 1) + 1
        return origin, step


def series_blocks(history, asked, size):
    """Split the rows asked for into groups of whole series.

    Parameters
    ----------
    history : History
    asked : PanelRows
        The rows asked for.
    size : int
        About how many remembered rows the series of a group have together.

    Returns
    -------
    list of ndarray of int
        Positions of the rows of each group, in the given order of rows.
    """
    positions = locate_series(asked.series, history.series)
    lengths = np.where(positions < 0, 0, history.rows.lengths[positions])
    block = np.cumsum(lengths) // size
    if block[-1] == 0:
        return [np.arange(len(asked))]
    row_block = asked.unsort(block[asked.codes])
    return [np.flatnonzero(row_block == number) for number in np.unique(block)]


def read_request(history, X):
    """Place the rows of X after, or within, the history of their series.

    How many steps ahead a row stands is the matter of `steps_ahead`. Steps that X
    skips take the covariates of the row before.

    Parameters
    ----------
    history : History
    X : DataFrame of shape (n_asked, n_columns)

    Returns
    -------
    Request
    """
    X = in_zone(X, history.rows.time)
    asked = read_rows(X)
    positions = locate_series(asked.series, history.series)
    check_known_series(positions, asked.series, _NO_HISTORY)
    # Series of both sides in one order: that of the history.
    by_history = np.argsort(positions)
    place = np.empty_like(by_history)
    place[by_history] = np.arange(len(by_history))
    code = place[asked.codes]
    history = history.select(positions[by_history])
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
    return Request(frame, history, n_steps, asked.unsort(rows))


def steps_ahead(history, time, code):
    """Count how many steps after the end of its series each row stands, from 1 on.

    By time, where the series keeps the time step of the panel in at least 85 % of its
    rows; else the first row after the end is step 1, the second step 2, and so on.

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
    first = np.flatnonzero(np.diff(code, prepend=-1))
    counted = np.arange(1, len(code) + 1)
    counted -= np.repeat(first, np.diff(np.append(first, len(code))))
    if history.step is None or len(code) == 0:
        return counted
    by_time = history.step.count(history.end.take(code), time)
    trusted = (history.step_shares >= _REGULAR)[code]
    off = np.flatnonzero(trusted & ~(by_time >= 1))
    if len(off):
        rows = [(history.series[code[i]], time[i]) for i in off]
        raise ValueError(
            f"{len(off)} row(s) of X lie between two time steps of their series: "
            f"{show(rows)}. Ask for times that continue the rows of fit."
        )
    return np.where(trusted, by_time, counted).astype(np.intp)


def _find(history, index):
    """The positions in the history of rows that are not ahead of it."""
    found = history.X.index.get_indexer(index) if len(index) else np.zeros(0, int)
    if (found < 0).any():
        missing = index[found < 0]
        raise ValueError(
            f"{len(missing)} row(s) of X come before the end of their series, but are "
            f"not remembered: {show(missing)}. Fitted values are given for the rows "
            'of fit and update alone, and only with history="all".'
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
    time = history.step.add(history.rows.times_at(end), ahead)
    # Rows that are given keep their times: those of a series without the step of the
    # panel are not what the step says, and the calendar is read from them.
    own = np.arange(len(series))
    own[rows] = len(series) + np.arange(len(rows))
    time = time.append(given.index.get_level_values(-1)).take(own)
    levels = [
        history.X.index.get_level_values(level).take(end)
        for level in range(history.X.index.nlevels - 1)
    ]
    index = pd.MultiIndex.from_arrays([*levels, time], names=history.X.index.names)
    return pd.concat([last, given]).iloc[source].set_axis(index, axis=0)

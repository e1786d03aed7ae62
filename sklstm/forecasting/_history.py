"""The rows that a forecaster remembers."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from .._panels.fill import fill_forward
from .._panels.missing_steps import fill_steps
from .._panels.plain_state import PlainState
from .._panels.random_holes import CUT_BY_TIME
from .._panels.rows import (
    PanelRows,
    check_known_series,
    is_later,
    level_values,
    locate_series,
    plain_index,
    ragged_arange,
    read_rows,
    show,
    tail_positions,
    with_times_of,
)
from .._panels.series_steps import (
    MOST_ROWS,
    SO_FAR,
    SeriesSteps,
    check_one_step,
    ends_on_step,
    find_steps,
    shows_step,
)
from .._panels.time_step import is_inferred
from .._panels.times import times_like

__all__ = ["NO_HISTORY", "History", "after_last_known", "times_before"]

NO_HISTORY = (
    "Give the forecaster their history first, with update(X, y): rows in which y is "
    f"known. In a cross-validation each series needs its past. {CUT_BY_TIME}"
)


@dataclass(frozen=True, eq=False)
class History(PlainState):
    """Rows of X and y, sorted by series and time.

    Attributes
    ----------
    X : DataFrame of shape (n_rows, n_columns)
    y : DataFrame of shape (n_rows, n_targets)
    rows : PanelRows
        Where the series stand.
    freq : "infer", None, str, offset, Timedelta or number
        The time step, as given by the user.
    given : Index
        Times of the kind that the user gave; those of X and y are plain.
    known_steps : SeriesSteps or None
        The time steps of the rows that this history was taken from.
    ahead : DataFrame or None
        Rows of X after the last known y of their series, given ahead of their y.
    """

    X: pd.DataFrame
    y: pd.DataFrame
    rows: PanelRows
    freq: object = "infer"
    given: pd.Index | None = None
    known_steps: SeriesSteps | None = None
    ahead: pd.DataFrame | None = None

    @classmethod
    def of(cls, X, y, freq="infer"):
        """Sort rows of X and y into a history."""
        given = X.index.levels[-1][:1]
        return cls(*_sort(X, y), freq, given)._with_freq()

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
    def steps(self):
        """The time step of each series, and how its rows count."""
        return self.known_steps or find_steps(self.rows, self.freq)

    def tail(self, size):
        """Keep the last `size` rows of each series, one number or one for each."""
        kept, _ = tail_positions(self.rows.indptr, size)
        return self.take(kept)

    def settle(self, size):
        """Settle the time step of series whose rows show it.

        Parameters
        ----------
        size : int or ndarray of shape (n_series,)
            The last rows of each series that are to be kept.

        Returns
        -------
        history : History
            The series that have more rows have a final step now, if their rows show it,
            or are more than `MOST_ROWS`.
        ndarray of bool of shape (n_series,)
            The others, which need all their rows.
        """
        steps, lengths = self.steps, self.rows.lengths
        longer = np.flatnonzero((lengths > size) & ~steps.settled)
        if len(longer) == 0:
            return self, np.zeros(len(lengths), dtype=bool)
        some, shown = self.select(longer), steps.settled.copy()
        shown[longer] = shows_step(some.rows, some.steps)
        final = shown | (lengths > MOST_ROWS)
        steps = steps.settle(self.rows, final & (lengths > size), shown)
        return replace(self, known_steps=steps), (lengths > size) & ~final

    def take(self, kept):
        """Keep the rows at these ascending positions, some of each series."""
        return self._take(kept, self.steps, self.ahead)

    def only(self, kept):
        """These rows, as if there were no others."""
        return self._take(kept, None)

    def _take(self, kept, steps, ahead=None):
        X, y = self.X.iloc[kept], self.y.iloc[kept]
        rows = self.rows.take(X.index, kept)
        return History(X, y, rows, self.freq, self.given, steps, ahead)

    def until_known(self):
        """End each series at its last row in which any target is known.

        Returns
        -------
        history : History
            The rows after the end are its `ahead`; so are all rows of a series without
            any known target.
        kept : ndarray of bool of shape (n_rows,)
            Which rows of this history are left.
        """
        kept = ~after_last_known(self.rows, self.y.to_numpy())
        if kept.all():
            return self, kept
        if not kept.any():
            raise ValueError(
                f"No row of y can be learned: all {len(self)} are missing (NaN). Give "
                "values of at least one series."
            )
        X, y = self.X[kept], self.y[kept]
        return self._of(X, y, ahead=self.X[~kept]), kept

    def by_time(self):
        """Count the rows of all series by the time step of most."""
        steps = SeriesSteps.by_time(self.steps.main, self.rows.n_series)
        return replace(self, known_steps=steps)

    def as_given(self, time):
        """Write times as those that the user gave."""
        return times_like(time, self.given)

    def index_as_given(self, index):
        """Write the times of an index as those that the user gave."""
        level = index.levels[-1]
        given = self.as_given(level)
        return index if given is level else index.set_levels(given, level=-1)

    def _of(self, X, y, known_steps=None, ahead=None):
        """Sort other rows into a history with the settings of this one."""
        history = History(*_sort(X, y), self.freq, self.given, known_steps, ahead)
        return history if known_steps else history._with_freq()

    def _with_freq(self):
        """Hold a step that the user gave against the rows at once."""
        if is_inferred(self.freq):
            return self
        return replace(self, known_steps=find_steps(self.rows, self.freq))

    def rows_read(self, size, fills):
        """How many last rows of each series forecasts read.

        They are `size`, and those that fill missing values among these.

        Parameters
        ----------
        size : int
        fills : sequence of sequence of int
            The seasons of each way to fill missing values of y, as in `fill_forward`.

        Returns
        -------
        ndarray of int of shape (n_series,)
            More than `size` where a missing value is filled from a row before.
        """
        rows, sizes = self.rows, np.full(self.rows.n_series, size)
        tail, indptr = tail_positions(rows.indptr, size)
        y = self.y.to_numpy(dtype=np.float64)
        missing = np.isnan(y[tail]).any(axis=1)
        lacks = np.add.reduceat(missing, indptr[:-1], dtype=np.intp) > 0
        lacks &= rows.lengths > size
        if not lacks.any():
            return sizes
        lengths = rows.lengths[lacks]
        end = np.cumsum(lengths)
        y = y[ragged_arange(rows.indptr[:-1][lacks], lengths)]
        start = np.repeat(end - lengths, lengths)
        # Each row's own number, filled as its value is: the number of the row read.
        row = np.where(np.isnan(y), np.nan, np.arange(len(y))[:, None])
        tail, indptr = tail_positions(np.r_[0, end], size)
        for periods in fills:
            source = fill_forward(row, start, periods, np.inf)[tail].min(axis=1)
            n_back = end - np.minimum.reduceat(source, indptr[:-1])
            sizes[lacks] = np.maximum(sizes[lacks], n_back)
        return sizes

    def holds(self, rows):
        """Whether each sorted row is at or before the end of its series here."""
        positions = locate_series(rows.series, self.series)[rows.codes]
        held = positions >= 0
        end = self.end.take(positions[held])
        held[held] = ~is_later(rows.time[held], end)
        return held

    def again(self, new):
        """The rows of another history, behind those that are remembered before them.

        Parameters
        ----------
        new : History
            Rows of series that are remembered.

        Returns
        -------
        History
        """
        positions = locate_series(self.series, new.series)
        first = new.rows.times_at(new.rows.indptr[:-1])
        before = positions[self.rows.codes] >= 0
        place = positions[self.rows.codes[before]]
        before[before] = is_later(first.take(place), self.rows.time[before])
        frames = []
        for old, more in ((self.X, new.X), (self.y, new.y)):
            more = with_times_of(more, self.rows.time).rename_axis(old.index.names)
            frames.append(pd.concat([old[before], more]))
        joint = History(*_sort(*frames), self.freq, self.given)
        known = locate_series(joint.series, self.series)
        return replace(joint, known_steps=self.steps.take(known))

    def append(self, X, y):
        """Add rows that come later than those of their series, or new series.

        Rows that were ahead, and lie before a known row now, become rows of the
        history whose y is missing.
        """
        X, y = (with_times_of(part, self.rows.time) for part in (X, y))
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
        new = new if self.ahead is None else new._behind(self.ahead)
        after = after_last_known(new.rows, new.y.to_numpy())
        names = self.X.index.names
        frames = [
            pd.concat([old, more[~after].rename_axis(names)])
            for old, more in ((self.X, new.X), (self.y, new.y))
        ]
        ahead = new.X[after].rename_axis(names) if after.any() else None
        joint = self._of(*frames, ahead=ahead)
        if joint.known_steps is not None:
            return joint
        found = self.known_steps or vars(self).get("steps")
        # Steps that were not asked for yet are not found now: that reads all rows.
        if found is None or self.known_steps is None and not found.complete:
            return joint
        rows, positions = new.rows, locate_series(new.series, self.series)
        kept = ~after & (positions[rows.codes] >= 0)
        series, time = positions[rows.codes[kept]], rows.time[kept]
        counted = found.count(times_before(self.end, time, series), time, series)
        goes_on = found.complete and len(series) == np.sum(~after)
        goes_on = goes_on and bool(np.all(counted == 1))
        if self.known_steps is None:
            if goes_on:
                # The cached property would find the same steps.
                vars(joint)["steps"] = self.steps
            return joint
        steps = found.follow(counted, series)
        if goes_on:
            return replace(joint, known_steps=steps)
        if not steps.settled.any():
            return joint
        # The steps of settled series were found in rows that were dropped since.
        steps = steps.take(locate_series(joint.series, self.series)).of_settled()
        if not steps.settled.all() or steps.learn_hours:
            steps = find_steps(joint.rows, self.freq, steps)
        return replace(joint, known_steps=steps)

    def _behind(self, ahead):
        """Join rows that were given before, except those that are given again."""
        ahead = ahead[~ahead.index.isin(self.X.index)]
        y = pd.DataFrame(np.nan, index=ahead.index, columns=self.y.columns)
        return History.of(pd.concat([ahead, self.X]), pd.concat([y, self.y]))

    def with_rows_between(self, X):
        """Put behind rows of X those given ahead that lie before others of X."""
        if self.ahead is None:
            return X
        asked, ahead = read_rows(X), read_rows(self.ahead)
        position = locate_series(ahead.series, asked.series)[ahead.codes]
        last = asked.times_at(asked.indptr[1:] - 1).take(position)
        between = (position >= 0) & is_later(last, ahead.time)
        between = ahead.unsort(between) & ~self.ahead.index.isin(X.index)
        return pd.concat([X, self.ahead[between]]) if between.any() else X

    def rows_ahead(self, index):
        """The rows of X that were given ahead at an index, or none of their columns."""
        if self.ahead is not None:
            place = self.ahead.index.get_indexer(index)
            if (place >= 0).all():
                return self.ahead.iloc[place].set_axis(index, axis=0)
        return pd.DataFrame(index=index)

    def future(self, index, columns):
        """Rows at an index, with the values of the rows ahead where they are given."""
        given = self.X.iloc[:0] if self.ahead is None else self.ahead
        rows = given[columns].reindex(index)
        is_bool = [name for name in columns if pd.api.types.is_bool_dtype(self.X[name])]
        return rows.astype(dict.fromkeys(is_bool, "boolean"))

    def check_after(self, X):
        """Raise for rows that are not after the end of their series."""
        X = with_times_of(X, self.rows.time)
        rows = read_rows(X)
        positions = locate_series(rows.series, self.series)
        check_known_series(positions, rows.series, NO_HISTORY)
        after = is_later(rows.time, self.end.take(positions[rows.codes]))
        if not after.all():
            early = X.index[rows.unsort(~after)]
            raise ValueError(
                f"{len(early)} row(s) of X are not after the end of their series: "
                f"{show(early)}. forecast is for rows after it; predict also gives "
                "fitted values."
            )

    def filled(self):
        """Give every step between the first and the last row of a series a row.

        Returns
        -------
        history : History
            y is NaN in the added rows, and X that of the row before.
        source : ndarray of int
            The row of this history that each row is made of.
        """
        step = self.steps.main
        if step is None:
            raise ValueError(
                f"gaps='fill' needs the time step of {self.rows.index.names[-1]!r}, "
                "which cannot be found: it needs dates, periods or numbers, and a "
                "series of two rows. Use gaps='keep'."
            )
        check_one_step(self.rows, self.steps)
        try:
            index, positions = fill_steps(self.rows, step)
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
            return self.by_time(), source
        X = self.X.iloc[source].set_axis(index, axis=0)
        y = self.y.reindex(index)
        steps = SeriesSteps.by_time(step, self.rows.n_series)
        return self._of(X, y, steps, self.ahead), source

    def next_steps(self, n_steps):
        """The index of the next steps of every series, series by series."""
        rows, steps = self.rows, self.steps
        if steps.main is None:
            raise ValueError(
                f"The time step of {rows.index.names[-1]!r} cannot be found: it needs "
                "dates, periods or numbers, and a series of two rows. Call predict(X) "
                "with the rows to forecast, or pass the step to the forecaster as freq."
            )
        other = (steps.counting < SO_FAR) | ~ends_on_step(rows, steps)
        if other.any() and not is_inferred(self.freq):
            raise ValueError(
                f"The next times of {other.sum()} series are not known: "
                f"{show(rows.series[other])}. Their last rows do not lie on the times "
                f"of freq={self.freq!r}, as those before do. Move them there, or give "
                "the forecaster another freq."
            )
        if other.any():
            raise ValueError(
                f"The next times of {other.sum()} series cannot be inferred: "
                f"{show(rows.series[other])}. They do not keep a time step up to their "
                f"end (the step of most rows of the panel is {steps.main}), or leave "
                "out hours, as sessions do, or longer times. Pass their step to the "
                'forecaster as freq, such as "D", "B" or '
                "pd.offsets.CustomBusinessDay(holidays=...), or call predict(X) with "
                "the rows to forecast."
            )
        last = np.repeat(rows.indptr[1:] - 1, n_steps)
        series = np.repeat(np.arange(rows.n_series), n_steps)
        ahead = np.tile(np.arange(1, n_steps + 1), rows.n_series)
        time = steps.add(rows.times_at(last), ahead, series)
        two = steps.find_rival(rows.times_at(last), ahead, series)
        if two is not None:
            raise ValueError(
                f"Steps of {two[0]} and of {two[1]} fit the rows equally well, but "
                "give different next times. Pass the right step to the forecaster as "
                "freq, or call predict(X) with the rows to forecast."
            )
        levels = [level_values(rows.index, i) for i in range(rows.index.nlevels - 1)]
        return pd.MultiIndex.from_arrays(
            [level.take(last) for level in levels] + [time], names=rows.index.names
        )

    def complete(self, X, columns):
        """Give rows of X columns that they lack: those of their series' last row."""
        rows = read_rows(X)
        positions = locate_series(rows.series, self.series)
        check_known_series(positions, rows.series, NO_HISTORY)
        last = rows.unsort((self.rows.indptr[1:] - 1)[positions][rows.codes])
        added = self.X[columns].iloc[last].set_axis(X.index, axis=0)
        return pd.concat([X, added], axis=1)[self.X.columns]

    def select(self, series):
        """Keep the rows of these series, given by ascending position."""
        if len(series) == self.rows.n_series:
            return self
        kept = ragged_arange(self.rows.indptr[series], self.rows.lengths[series])
        return self._take(kept, self.steps.take(series))


def _sort(X, y):
    """Sort rows by series and time, read as plain times, and read their index."""
    rows, index = read_rows(X), plain_index(X.index)
    # Shallow copies: what the caller writes to the frames later stays outside.
    X, y = X.copy(deep=False), y.copy(deep=False)
    X.index = y.index = index
    if rows.order is not None:
        X, y = X.iloc[rows.order], y.iloc[rows.order]
    if index is not rows.index:
        rows = read_rows(X)
    elif rows.order is not None:
        rows = PanelRows(X.index, None, rows.indptr, rows.series)
    return X, y, rows


def after_last_known(rows, y):
    """Whether each sorted row comes after the last one of its series with a known y.

    Parameters
    ----------
    rows : PanelRows
    y : ndarray of shape (n_rows, n_targets)
        Sorted. One known target is enough.

    Returns
    -------
    ndarray of bool of shape (n_rows,)
        True in all rows of a series without any.
    """
    place = np.arange(len(rows))
    known = np.isfinite(np.asarray(y, dtype=np.float64)).any(axis=1)
    last = np.maximum.reduceat(np.where(known, place, -1), rows.indptr[:-1])
    return place > last[rows.codes]


def times_before(end, time, series):
    """The time before each row: that of the row before it, or the end of its series.

    Parameters
    ----------
    end : Index of shape (n_series,)
    time : Index of shape (n_rows,)
        Times of rows after these ends, sorted by series and time.
    series : ndarray of shape (n_rows,)
        The position of each row's series.

    Returns
    -------
    Index of shape (n_rows,)
    """
    place, n_rows = np.arange(len(time)), len(time)
    is_first = np.diff(series, prepend=-1) != 0
    return end.take(series).append(time).take(place + (n_rows - 1) * ~is_first)

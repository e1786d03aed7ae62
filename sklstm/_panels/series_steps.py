"""The time step of each series, and whether its rows are counted by time.

This is the one place that decides it, for training, forecasts, gaps and reports.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from .open_hours import DAY, OpenHours, clock_size, on_wall, places_in
from .plain_state import PlainState
from .rows import show, tail_positions
from .time_step import infer_step, is_inferred, pairs_within, read_time_step

__all__ = [
    "BY_ROWS",
    "BY_TIME",
    "MOST_ROWS",
    "SO_FAR",
    "SeriesSteps",
    "check_one_step",
    "ends_on_step",
    "shows_step",
    "find_steps",
]

# How a series counts: by its rows; unclear; by time so far, because less than a day of
# rows may not show its closed hours; by time.
BY_ROWS, UNCLEAR, SO_FAR, BY_TIME = range(4)
# A series keeps a step if this share of its rows do: a missing row now and then leaves
# steps what they are. The same share of its span must be covered.
_REGULAR = 0.85
_MANY_GAPS = 3
# Share of the pairs of a series that may not be whole steps of a given one apart.
_MOST_OFF = 0.25
# Fewer pairs of rows are no evidence of a step of their own.
_FEW_PAIRS = 3
# A step is shown by this many pairs, if this share of them keep it: series that are
# closed on one day of the week keep a step of a day for some weeks, by `_REGULAR`.
_MANY_PAIRS = 20
_SHOWN = 0.9
# Rows after which a step that is not shown yet is final.
MOST_ROWS = 2048
_MOST_STEPS = 10
# Places of a day or week, over all series, that are marked in an array of bools.
_MOST_PLACES = 1 << 26
# Places of a week, whose hours are learned.
_MOST_HOURS = 1 << 22


@dataclass(frozen=True, eq=False)
class SeriesSteps(PlainState):
    """The time steps of a panel.

    Attributes
    ----------
    steps : tuple of TimeStep
        The first is that of most rows; empty where times have no arithmetic.
    which : ndarray of shape (n_series,)
        The step that each series keeps, -1 where it keeps none.
    counting : ndarray of shape (n_series,)
        `BY_TIME`, `SO_FAR`, `UNCLEAR` or `BY_ROWS`.
    hours : tuple of (OpenHours or None)
        For each step, the open hours of the series that keep it and count by rows.
    settled : ndarray of bool of shape (n_series,)
        Whether the step of a series is final: given by the user, or found in rows of
        which some were dropped since.
    totals : ndarray of shape (4, n_series) or None
        For each settled series its pairs of rows, those one step apart, the steps that
        they span and the gaps, all its rows included. They decide whether it still
        counts by time. None if the step was given.
    complete : bool
        Whether all series count time by one step without rivals, and have no gaps. New
        rows one step apart leave the steps unchanged.
    """

    steps: tuple
    which: np.ndarray
    counting: np.ndarray
    hours: tuple = ()
    settled: np.ndarray | None = None
    complete: bool = False
    totals: np.ndarray | None = None

    @classmethod
    def by_time(cls, step, n_series):
        """Count all series by one step, which stays."""
        which, settled = np.zeros(n_series, dtype=int), np.ones(n_series, dtype=bool)
        return cls((step,), which, np.full(n_series, BY_TIME), settled=settled)

    @property
    def main(self):
        """The step that most rows keep, or None."""
        return self.steps[0] if self.steps else None

    @property
    def learn_hours(self):
        """Whether later rows show more of the open hours of any series."""
        return any(hours is not None for hours in self.hours)

    def take(self, series):
        """Keep these series, in this order; -1 is one that is not settled."""
        which, counting, settled = (
            part[series] for part in (self.which, self.counting, self.settled)
        )
        settled &= series >= 0
        totals = None if self.totals is None else self.totals[:, series]
        return replace(
            self, which=which, counting=counting, settled=settled, totals=totals
        )

    def settle(self, rows, series, shown):
        """Let series keep their step from now on, given by a mask.

        Parameters
        ----------
        rows : PanelRows
            All rows of the series that are not settled yet.
        series, shown : ndarray of bool of shape (n_series,)
            The series that settle, and the series whose rows show their step.
        """
        settled = self.settled | series
        if self.totals is None:
            return replace(self, settled=settled)
        new = series & ~self.settled
        within = pairs_within(rows.indptr)
        within = within[new[rows.codes[within]]]
        of = rows.codes[within]
        steps = self.count(rows.time[within], rows.time[within + 1], of)
        totals = np.where(new, _totals(steps, of, len(new)), self.totals)
        # A few gaps may be closed hours that were not shown: the rows must cover them.
        totals[3, new & ~shown] += _MANY_GAPS
        return replace(self, settled=settled, totals=totals)

    def follow(self, counted, series):
        """Let settled series count by time, or not, as later pairs of rows show.

        Parameters
        ----------
        counted : ndarray of shape (n_pairs,)
            The steps between the rows of each pair, NaN where not whole.
        series : ndarray of shape (n_pairs,)
        """
        if self.totals is None:
            return self
        totals = self.totals + _totals(counted, series, len(self.which))
        by_time = self.settled & (self.which >= 0) & (self.counting != BY_ROWS)
        usual = np.where(_keeps(totals), _count_by_time(totals), UNCLEAR)
        counting = np.where(by_time, usual, self.counting)
        return replace(self, counting=counting, totals=totals)

    def of_settled(self):
        """Leave out the steps that no settled series keeps; one is left."""
        n_once = self._pairs_by_step()
        order = np.argsort(-n_once, kind="stable")
        return self._reorder(order[: max((n_once > 0).sum(), 1)])

    def with_main(self, step, n_once):
        """Put a step first, if it and this many pairs of other series outweigh all."""
        steps = self.steps if step in self.steps else (*self.steps, step)
        hours = (*self.hours, None)[: len(steps)] if self.hours else ()
        more, first = replace(self, steps=steps, hours=hours), steps.index(step)
        total = more._pairs_by_step()
        total[first] += n_once
        if total.argmax() != first:
            return self
        return more._reorder([first, *(i for i in range(len(steps)) if i != first)])

    def _pairs_by_step(self):
        """How many pairs of settled series are one step apart, by step."""
        kept = self.settled & (self.which >= 0)
        # Nothing outweighs a step that was given.
        n_once = np.full(len(kept), np.inf) if self.totals is None else self.totals[1]
        return np.bincount(self.which[kept], n_once[kept], len(self.steps))

    def _reorder(self, order):
        """Keep the steps at these positions, in this order."""
        # The last place is that of -1, no step.
        number = np.full(len(self.steps) + 1, -1)
        number[order] = np.arange(len(order))
        return replace(
            self,
            steps=tuple(self.steps[i] for i in order),
            which=number[self.which],
            hours=tuple(self.hours[i] for i in order) if self.hours else (),
        )

    def add(self, time, n, series):
        """Move each time `n` steps of its series on; those without a step stay."""
        places = [np.flatnonzero(self.which[series] < 0)]
        moved = [time[places[0]]]
        for number, step in enumerate(self.steps):
            rows = np.flatnonzero(self.which[series] == number)
            if len(rows):
                moved.append(step.add(time[rows], n[rows]))
                places.append(rows)
        joint = moved[0].append(moved[1:])
        return joint.take(np.argsort(np.concatenate(places)))

    def count(self, start, end, series):
        """Count the steps of its series between two times; NaN where not whole."""
        counted = np.full(len(start), np.nan)
        for number, step in enumerate(self.steps):
            rows = self.which[series] == number
            if rows.any():
                counted[rows] = step.count(start[rows], end[rows])
        return counted

    def jump(self, start, end, series):
        """Count the steps to the next row, for series that count by rows.

        NaN where it is not clear whether rows are missing between.
        """
        counted = np.ones(len(start))
        for number, hours in enumerate(self.hours):
            rows = np.flatnonzero(self.which[series] == number)
            if hours is not None and len(rows):
                counted[rows] = hours.count(start[rows], end[rows])
        return counted

    def find_rival(self, time, n, series):
        """Find a step, and another that fits as well but moves these times elsewhere.

        None if there are none.
        """
        for number, step in enumerate(self.steps):
            rows = np.flatnonzero(self.which[series] == number)
            for rival in step.rivals if len(rows) else ():
                one, other = (s.add(time[rows], n[rows]) for s in (step, rival))
                if not one.equals(other):
                    return step, rival
        return None


def check_one_step(rows, steps):
    """Raise if series keep another step than that of most rows."""
    other = steps.which > 0
    if other.any():
        of_them = ", ".join(str(step) for step in steps.steps[1:])
        raise ValueError(
            f"{other.sum()} series have another time step ({of_them}) than most rows "
            f"({steps.main}): {show(rows.series[other])}. Process them separately, or "
            "pass one step for all series as freq."
        )


def find_steps(rows, freq="infer", known=None):
    """Find the step of each series, and how its rows are counted.

    A series whose rows keep a step, and cover their span, counts by time. Rows that
    leave out the same hours of each day or week (sessions, shifts) are counted one by
    one, as they are in training. Where a step is kept, but large parts of the span are
    missing without such a rule, the counting is unclear.

    Parameters
    ----------
    rows : PanelRows
    freq : "infer", None, str, offset, Timedelta or number
        None counts rows; a step settles that time counts.
    known : SeriesSteps, default=None
        Of the same series. Settled series stay as they are, and their steps are tried
        first.

    Returns
    -------
    SeriesSteps

    Raises
    ------
    ValueError
        If `freq` is not a step of such times.
    """
    n = rows.n_series
    unsettled, which = np.zeros(n, dtype=bool), np.full(n, -1)
    none = SeriesSteps((), which, np.full(n, BY_ROWS), settled=unsettled)
    if freq is None:
        return none
    if not is_inferred(freq):
        step = read_time_step(freq, rows.time)
        _check_given(rows, step, freq)
        return SeriesSteps.by_time(step, n)
    known = replace(none, totals=np.zeros((4, n))) if known is None else known
    within = pairs_within(rows.indptr)
    every = _Pairs(within, rows.codes[within], n)
    before = every.of(~known.settled)
    pairs = _Pairs(before, rows.codes[before], n)
    step = infer_step(rows.time, before) if known.steps else None
    if step is not None:
        n_once = step.count(rows.time[before], rows.time[before + 1]) == 1
        known = known.with_main(step, n_once.sum())
    which = np.where(known.settled, known.which, -1)
    counting = np.where(known.settled, known.counting, BY_ROWS)
    steps, n_whole = list(known.steps), 0
    for number, step in enumerate(steps):
        habits = known.counting[known.settled & (known.which == number)]
        least = _FEW_PAIRS if number else 1
        n_whole += _note(rows, pairs, step, number, which, counting, least, habits)
    for _ in range(_MOST_STEPS):
        left = pairs.of(which < 0)
        step = infer_step(rows.time, left)
        if step is None:
            break
        # Of series that do not keep the step of most, few rows prove nothing.
        least = _FEW_PAIRS if steps else 1
        found = _note(rows, pairs, step, len(steps), which, counting, least)
        n_whole += found
        if found or not steps:
            steps.append(step)
        if not found:
            break
    if steps:
        _adopt_main((rows.lengths == 1) & ~known.settled, which, counting)
    hours = list(known.hours) + [None] * (len(steps) - len(known.hours))
    for number, step in enumerate(steps):
        before = every.of((which == number) & (counting == BY_ROWS))
        if len(before):
            hours[number] = _learn_hours(hours[number], rows.time, before, step)
    complete = len(steps) == 1 and n_whole == len(pairs.before)
    complete = complete and not steps[0].rivals and bool(np.all(counting == BY_TIME))
    return replace(
        known,
        steps=tuple(steps),
        which=which,
        counting=counting,
        hours=tuple(hours),
        complete=complete,
    )


def _learn_hours(hours, time, before, step):
    """Learn the open hours of series that count by rows, or more of known ones.

    None where the step is so short that they would fill the memory.
    """
    if hours is not None:
        return hours.learn(time, before)
    size = clock_size(step, time)
    if 7 * DAY / size > _MOST_HOURS:
        return None
    return OpenHours.of(time, before, size)


def ends_on_step(rows, steps):
    """Whether the end of each series is whole steps after most rows before it."""
    tail, indptr = tail_positions(rows.indptr, 21)
    lengths = np.diff(indptr)
    series = np.repeat(np.arange(rows.n_series), lengths)
    end = rows.times_at(rows.indptr[1:] - 1).take(series)
    # Backwards, so that an end that only stands for another time is noticed.
    back = steps.count(end, rows.time[tail], series)
    whole = np.bincount(series, np.isfinite(back), minlength=rows.n_series)
    return (whole - 1 >= 0.5 * (lengths - 1)) | (steps.which < 0)


def shows_step(rows, steps):
    """Whether the rows of each series show its step, and how it counts.

    At least 90 % of them keep the step. Days span three weeks, so that closed days of
    the week are seen. Steps of less than a day have filled every place of a week, or
    are sessions of three weeks.

    Parameters
    ----------
    rows : PanelRows
    steps : SeriesSteps
        Of the same series.

    Returns
    -------
    ndarray of bool of shape (n_series,)
    """
    n_pairs, within = rows.lengths - 1, pairs_within(rows.indptr)
    series = rows.codes[within]
    counted = steps.count(rows.time[within], rows.time[within + 1], series)
    n_once = np.bincount(series, counted == 1, rows.n_series)
    shown = (n_pairs >= _MANY_PAIRS) & (n_once >= _SHOWN * n_pairs)
    shown |= len(steps.steps) == 0
    for number, step in enumerate(steps.steps):
        of = steps.which == number
        size = clock_size(step, rows.time)
        if size is not None:
            closed, long = _closed_places(rows, size, 7 * DAY, 21 * DAY)
            sessions = long & (steps.counting == BY_ROWS)
            shown[of] = (shown & (closed == 0) | sessions)[of]
        elif isinstance(rows.time, pd.DatetimeIndex):
            # Steps that look alike differ within a year, or at no time.
            least = 366 * DAY if step.rivals else 21 * DAY
            shown[of] &= (_span(rows) >= least)[of]
    return shown


def _span(rows):
    """The time from the first to the last row of each series."""
    time = on_wall(rows.time)
    return np.asarray(time[rows.indptr[1:] - 1] - time[rows.indptr[:-1]])


@dataclass(frozen=True)
class _Pairs:
    """Each sorted row that the next one of its series follows, and its series."""

    before: np.ndarray
    series: np.ndarray
    n_series: int

    @property
    def lengths(self):
        return np.bincount(self.series, minlength=self.n_series)

    def of(self, chosen):
        """The pairs of the chosen series."""
        return self.before[chosen[self.series]]


def _check_given(rows, step, freq):
    """Raise if most rows of a series are not whole steps apart."""
    within = pairs_within(rows.indptr)
    off = ~np.isfinite(step.count(rows.time[within], rows.time[within + 1]))
    series = rows.codes[within]
    n_off = np.bincount(series, off, minlength=rows.n_series)
    # One odd row makes two pairs of it.
    most = (n_off > 2) & (n_off > _MOST_OFF * (rows.lengths - 1))
    most |= (n_off > 0) & (n_off > 0.5 * (rows.lengths - 1))
    if most.any():
        off = rows.series[most]
        raise ValueError(
            f"freq={freq!r} is not the step of {len(off)} series, whose rows lie "
            f"between its times: {show(off)}. Pass the step of these rows, or "
            "freq=None to count rows."
        )


def _note(rows, pairs, step, number, which, counting, least, habits=()):
    """Note which series keep this step, and count their pairs that are one apart.

    Series that keep another one are left as they are.
    """
    steps = step.count(rows.time[pairs.before], rows.time[pairs.before + 1])
    totals = _totals(steps, pairs.series, pairs.n_series)
    keeps = _keeps(totals) & (which < 0) & (pairs.lengths >= least)
    which[keeps] = number
    counting[keeps] = _counting(rows, step, totals, keeps, habits)[keeps]
    return int(totals[1, keeps].sum())


def _totals(steps, series, n_series):
    """Count the pairs of each series, those one step apart, all their steps, and gaps.

    Parameters
    ----------
    steps : ndarray of shape (n_pairs,)
        The steps between the rows of each pair, NaN where not whole.
    series : ndarray of shape (n_pairs,)
    n_series : int

    Returns
    -------
    ndarray of shape (4, n_series)
    """
    span = np.where(steps >= 1, steps, 1)
    parts = np.ones(len(steps)), steps == 1, span, span > 1
    return np.stack([np.bincount(series, part, n_series) for part in parts])


def _keeps(totals):
    """Whether series keep the step of these totals."""
    n_pairs, once, *_ = totals
    return (once > 0) & (n_pairs - once <= np.maximum(1, (1 - _REGULAR) * n_pairs))


def _count_by_time(totals):
    """Whether series count by time, if no hours are closed, or are unclear."""
    n_pairs, _, span, gaps = totals
    by_time = (n_pairs >= _REGULAR * span) | (gaps < _MANY_GAPS)
    return np.where(by_time, BY_TIME, UNCLEAR)


def _counting(rows, step, totals, keeps, habits):
    """How each series counts if it keeps this step; `habits` is how more of them do."""
    n_pairs, _, span, _ = totals
    missing, covered = span - n_pairs, n_pairs >= _REGULAR * span
    counting = _count_by_time(totals)
    size = clock_size(step, rows.time)
    if size is None or not missing.any() and (span * (size / DAY) >= 3).any():
        return counting
    for cycle, least in ((DAY, 3 * DAY), (7 * DAY, 21 * DAY)):
        closed, long = _closed_places(rows, size, cycle, least)
        # A gap or two, and no rows beside it that show the hours of it as open.
        counting[~covered & (closed > 0) & (counting == BY_TIME)] = UNCLEAR
        of_closed = closed * span * (size / cycle)
        counting[long & (missing > 0) & (of_closed >= 0.5 * missing)] = BY_ROWS
        if cycle == DAY:
            young, unseen = ~long, closed > 0
    # Series too young to have shown closed hours do as the others.
    habits = np.append(counting[~young & keeps], habits)
    if np.sum(habits == BY_ROWS) > 0.5 * len(habits):
        counting[young] = BY_ROWS
    elif len(habits) == 0:
        counting[unseen & (counting == BY_TIME)] = SO_FAR
    return counting


def _closed_places(rows, size, cycle, least):
    """Count the places of a cycle on which a series has no row.

    Returns
    -------
    closed : ndarray of shape (n_series,)
    long : ndarray of bool of shape (n_series,)
        Whether the series spans at least `least`, so that its count is evidence.
    """
    time = on_wall(rows.time)
    place = places_in(time, size, cycle)
    n_places = int(np.ceil(cycle / size))
    place += rows.codes * n_places
    if n_places * rows.n_series < _MOST_PLACES:
        found = np.zeros((rows.n_series, n_places), dtype=bool)
        found.flat[place] = True
        closed = n_places - found.sum(axis=1)
    else:
        found = np.unique(place) // n_places
        closed = n_places - np.bincount(found, minlength=rows.n_series)
    return closed, _span(rows) >= least


def _adopt_main(alone, which, counting):
    """Let series of one row count as most others do."""
    main = which == 0
    which[alone] = 0
    counting[alone] = BY_TIME
    if main.any():
        by_rows = np.mean(counting[main] == BY_ROWS)
        counting[alone] = BY_ROWS if by_rows > 0.5 else BY_TIME

"""Panels as arrays: where each row stands once sorted by series, then by time.

A panel is a pandas object with a MultiIndex. The last level is time, the levels
before it together name the series. Everything above this module works on the
positions that :func:`read_rows` returns, and every message about a broken panel
is written here.
"""

import reprlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from .plain_state import PlainState
from .times import check_same_kind, holds_times, plain_times

__all__ = [
    "PanelRows",
    "align_target",
    "check_frame",
    "check_kind_of_labels",
    "check_known_series",
    "check_targets_of_fit",
    "index_message",
    "is_later",
    "is_panel",
    "is_reordered",
    "level_values",
    "locate_series",
    "plain_index",
    "plain_labels",
    "ragged_arange",
    "read_rows",
    "rows_without_columns",
    "series_name",
    "show",
    "tail_positions",
    "target_of_rows",
    "time_level",
    "with_times_of",
]

# Labels of these types are equal where their values are, however they are stored.
_KINDS_OF_LABELS = {
    "integer": "numbers",
    "floating": "numbers",
    "mixed-integer-float": "numbers",
    "decimal": "numbers",
    "string": "text",
    "boolean": "booleans",
    "period": "periods",
    "date": "dates",
    "datetime": "timestamps",
    "datetime64": "timestamps",
}


@dataclass(frozen=True)
class PanelRows(PlainState):
    """The rows of a panel in the order of their series and times.

    Attributes
    ----------
    index : MultiIndex of shape (n_rows,)
        The index as it was given.
    order : ndarray of shape (n_rows,) or None
        ``index[order]`` is sorted. None when the rows are sorted already, so that
        the common case copies nothing.
    indptr : ndarray of shape (n_series + 1,)
        Series ``i`` owns the sorted rows ``indptr[i]:indptr[i + 1]``.
    series : Index of shape (n_series,)
        The label of each series; a MultiIndex when several levels name it.
    """

    index: pd.MultiIndex
    order: np.ndarray | None
    indptr: np.ndarray
    series: pd.Index

    def __len__(self):
        return len(self.index)

    @property
    def n_series(self):
        return len(self.series)

    @property
    def lengths(self):
        return np.diff(self.indptr)

    @cached_property
    def time(self):
        """The times in sorted order, an Index of shape (n_rows,)."""
        return self.times_at(slice(None))

    @cached_property
    def codes(self):
        """The series' position of each sorted row, of shape (n_rows,)."""
        return np.repeat(np.arange(self.n_series), self.lengths)

    def times_at(self, positions):
        """The times at these sorted positions."""
        codes = self.sort(np.asarray(self.index.codes[-1]))[positions]
        return self._level.take(codes)

    @cached_property
    def _level(self):
        return time_level(self.index)

    def take(self, index, kept):
        """The rows at ascending positions of a sorted panel, whose index is given."""
        codes = self.codes[kept]
        first = np.flatnonzero(np.diff(codes, prepend=-1))
        series = self.series.take(codes[first])
        return PanelRows(index, None, np.r_[first, len(codes)], series)

    def time_ranks(self):
        """Number each given row's time among all times of the panel, from 0 on."""
        key = _time_key(self.index, "X")
        seen = np.bincount(key) > 0
        return (np.cumsum(seen) - 1)[key]

    def sort(self, values):
        """Bring rows of `values` from the given order to the sorted one."""
        return values if self.order is None else values[self.order]

    def unsort(self, values):
        """Bring rows of `values` from the sorted order back to the given one."""
        if self.order is None:
            return values
        out = np.empty_like(values)
        out[self.order] = values
        return out

    def positions(self):
        """The sorted position of each given row, of shape (n_rows,)."""
        return self.unsort(np.arange(len(self), dtype=np.intp))


def is_panel(X):
    """Whether `X` is a pandas object whose index can name series and times."""
    return (
        isinstance(X, (pd.DataFrame, pd.Series))
        and isinstance(X.index, pd.MultiIndex)
        and X.index.nlevels > 1
    )


def read_rows(X, name="X"):
    """Read where the rows of a panel stand, or say why it is not a panel.

    Parameters
    ----------
    X : DataFrame or Series
        Anything with a row index.
    name : str
        What to call it in an error.

    Returns
    -------
    PanelRows
    """
    if not is_panel(X):
        raise TypeError(index_message(X, name))
    index = X.index
    if len(index) == 0:
        raise ValueError(f"{name} has no rows; at least one is needed.")
    _check_no_missing_label(index, name)
    _check_level_order(index, name)
    key, time = _series_key(index), _time_key(index, name)
    order = None if _strictly_sorted(key, time) else _sorting_order(key, time)
    if order is not None:
        key, time = key[order], time[order]
        _check_no_duplicate(index, order, key, time, name)
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    labels = index.take(first if order is None else order[first]).droplevel(-1)
    return PanelRows(index, order, np.r_[first, len(index)], plain_labels(labels))


def locate_series(series, known, name="X", by="fit saw"):
    """Find the position of each label in `known`, -1 where it is not there.

    Parameters
    ----------
    series, known : Index
    name : str, default="X"
        What the rows of `series` are called in an error.
    by : str, default="fit saw"
        Who has the known series, and a verb.

    Returns
    -------
    ndarray of shape (n_series,)
    """
    if series.nlevels != known.nlevels:
        raise ValueError(
            f"{name} names its series by {series.nlevels} index level(s), but {by} "
            f"{known.nlevels}. Give both the same levels."
        )
    names, known_names = list(series.names), list(known.names)
    if names != known_names and set(names) == set(known_names):
        raise ValueError(
            f"{name} names its series by the levels {names}, but {by} them in the "
            f"order {known_names}. Reorder them with {name}.reorder_levels."
        )
    check_kind_of_labels(series, known, name, by)
    return known.get_indexer(series)


def check_kind_of_labels(series, known, name="X", by="fit saw"):
    """Raise if labels are of another kind than the known ones: "1" is never 1."""
    for position in range(series.nlevels):
        labels, others = _label_level(series, position), _label_level(known, position)
        kind, other = _kind_of_labels(labels), _kind_of_labels(others)
        if kind == other or None in (kind, other):
            continue
        level = known.names[position]
        level = position if level is None else level
        raise TypeError(
            f"Index level {level!r} names the series of {name} by {kind}, such as "
            f"{show(labels[:1])}, but {by} {other}, such as {show(others[:1])}: "
            f"they would be other series. Convert them to that type, {others.dtype}."
        )


def _label_level(series, position):
    return series.levels[position] if isinstance(series, pd.MultiIndex) else series


def _kind_of_labels(labels):
    """The kind of labels; None for mixed or no labels, which agree with any other."""
    if isinstance(labels, pd.CategoricalIndex):
        labels = labels.categories
    if isinstance(labels, pd.DatetimeIndex) and labels.tz is not None:
        return "timestamps with a time zone"
    kind = pd.api.types.infer_dtype(labels)
    kind = _KINDS_OF_LABELS.get(kind, kind)
    return None if kind.startswith("mixed") or kind == "empty" else kind


def check_frame(X, name="X"):
    """Give a frame back, and raise for a Series, whose one column has no place."""
    if isinstance(X, pd.Series):
        raise TypeError(
            f"{name} must be a DataFrame, got a Series. Use {name}.to_frame()."
        )
    if not X.columns.is_unique:
        twice = X.columns[X.columns.duplicated()].unique()
        raise ValueError(
            f"{name} has more than one column named {show(twice)}. Rename or drop the "
            "others."
        )
    return X


def check_known_series(positions, series, remedy):
    """Raise if any series was not found, i.e. has position -1."""
    unknown = series[positions < 0]
    if len(unknown):
        raise ValueError(
            f"{len(unknown)} series not seen in fit: {show(unknown)}. {remedy}"
        )


def align_target(X, y, name="y", rows_of="X"):
    """Give y the rows of X: a DataFrame of shape (n_rows, n_targets) under X's index.

    Plain arrays take the index of X; pandas objects must have it already, row by
    row, since a target that is matched to other rows in silence is worse than an
    error.
    """
    if isinstance(y, (pd.Series, pd.DataFrame)) and isinstance(y.index, pd.MultiIndex):
        if not y.index.equals(X.index):
            raise ValueError(
                f"{name} and {rows_of} must have the same index in the same order. "
                f"Reorder one of them, e.g. {name} = {name}.loc[{rows_of}.index]."
            )
        return y.to_frame() if isinstance(y, pd.Series) else y
    values = np.asarray(y)
    if values.ndim not in (1, 2) or len(values) != len(X):
        raise ValueError(
            f"{name} must have one value (or one row of values) for each of the "
            f"{len(X)} rows of {rows_of}, got shape {values.shape}."
        )
    if isinstance(y, pd.DataFrame):
        return y.set_axis(X.index, axis=0)
    if values.ndim == 1:
        values = values[:, None]
    return pd.DataFrame(values, index=X.index)


def is_reordered(ours, others):
    """Whether two pandas indexes differ in nothing but the order of their labels."""
    if not isinstance(ours, pd.Index) or not isinstance(others, pd.Index):
        return False
    if ours.nlevels != others.nlevels or len(ours) != len(others):
        return False
    unique = ours.is_unique and others.is_unique
    return unique and not ours.equals(others) and bool(ours.isin(others).all())


def check_targets_of_fit(y, history):
    """Raise if y has targets of other names than in `fit`, or in another order."""
    ours, others = getattr(y, "columns", None), getattr(history, "columns", None)
    named = [isinstance(each, pd.Index) for each in (ours, others)]
    numbered = [isinstance(each, pd.RangeIndex) for each in (ours, others)]
    if all(named) and not any(numbered) and not ours.equals(others):
        raise ValueError(
            f"y has the columns {list(ours)}, but fit saw {list(others)}. Give it the "
            "same columns in the same order."
        )


def index_message(X, name="X"):
    """Say that `X` has no panel index, and how to give it back one."""
    got = type(X).__name__
    if isinstance(X, (pd.DataFrame, pd.Series)):
        got += f" indexed by {X.index.nlevels} level ({type(X.index).__name__})"
    return (
        f"{name} must be a pandas object indexed by (series, time), got {got}. Set "
        "the index with X.set_index([series, time]), or tell forecasters and splitters "
        "the columns, index=(series, time). If a step before this one "
        "dropped it, let that step return pandas: call "
        'set_output(transform="pandas") on it or on the whole pipeline.'
    )


def rows_without_columns(y, name="y"):
    """Make an X that has the rows of y and no columns, for X=None."""
    if not is_panel(y):
        raise TypeError(
            f"With X=None the rows are those of y: {index_message(y, name)} Where y "
            "comes as an array, as in a TransformedTargetRegressor, pass the rows as "
            "X, also without columns: X = y.to_frame()[[]]."
        )
    return pd.DataFrame(index=y.index)


def target_of_rows(X, y):
    """y under the index of X: a Series if it is one target, else a DataFrame."""
    table = align_target(X, y)
    if table.shape[1] > 1:
        return table
    return table.iloc[:, 0].rename(getattr(y, "name", None))


def level_values(index, position):
    """The labels of an index level by its position, whatever numbers name levels."""
    values = index.levels[position].take(index.codes[position])
    return values.rename(index.names[position])


def series_name(index, default="series"):
    """Name the series of a panel by the names of its levels, joined by underscores."""
    names = [str(name) for name in index.names[:-1] if name is not None]
    return "_".join(names) if names else default


def is_later(time, other):
    """Whether each time comes after the other, both of the kind seen in fit."""
    check_same_kind(time, other)
    return np.asarray(time > other)


def plain_index(index):
    """The index with its times as `plain_times` reads them."""
    level = index.levels[-1]
    plain = time_level(index)
    if plain is level:
        return index
    if plain.is_unique:
        return index.set_levels(plain, level=-1)
    levels = [level_values(index, i) for i in range(index.nlevels - 1)]
    time = plain.take(index.codes[-1])
    return pd.MultiIndex.from_arrays([*levels, time], names=index.names)


def with_times_of(X, time):
    """Give rows times of the kind of others, in their time zone: the same instants.

    Joined to times of another zone, both would be moved to UTC, where the calendar is
    another one.
    """
    index = plain_index(X.index)
    if index is not X.index:
        X = X.copy(deep=False)
        X.index = index
    own = X.index.levels[-1]
    check_same_kind(own, time)
    zone = getattr(time, "tz", None)
    if zone is None or str(own.tz) == str(zone):
        return X
    return X.tz_convert(zone, level=X.index.nlevels - 1)


def show(labels, limit=5):
    """Write a few labels for an error message, however many there are."""
    words = [_word(label) for label in labels[:limit]]
    more = len(labels) - limit
    return ", ".join(words) + (f" and {more} more" if more > 0 else "")


def _word(label):
    if isinstance(label, tuple):
        return f"({', '.join(map(_word, label))})"
    if isinstance(label, (pd.Timestamp, pd.Period)):
        return str(label).removesuffix(" 00:00:00")
    if isinstance(label, np.generic):
        label = label.item()
    return reprlib.repr(label)


def tail_positions(indptr, size):
    """Find the sorted positions of the last `size` rows of every series.

    Returns
    -------
    positions : ndarray of shape (n_kept,)
    indptr : ndarray of shape (n_series + 1,)
        The offsets of the series among the kept rows.
    """
    kept = np.minimum(np.diff(indptr), size)
    return ragged_arange(indptr[1:] - kept, kept), np.r_[0, np.cumsum(kept)]


def ragged_arange(starts, lengths):
    """Join ``arange(start, start + length)`` of many starts and lengths."""
    before = np.cumsum(lengths) - lengths
    return np.arange(np.sum(lengths)) + np.repeat(starts - before, lengths)


def time_level(index, name="X"):
    """The different times of an index, in the order of its codes."""
    return plain_times(index.levels[-1], name)


def plain_labels(labels):
    """Labels without categorical dtypes, so that lookups go by value alone."""
    if not isinstance(labels, pd.MultiIndex):
        if isinstance(labels, pd.CategoricalIndex):
            return labels.astype(labels.categories.dtype)
        return labels
    columns = [level_values(labels, i) for i in range(labels.nlevels)]
    return pd.MultiIndex.from_arrays(
        [plain_labels(column) for column in columns], names=labels.names
    )


def _check_no_missing_label(index, name):
    for level, codes in enumerate(index.codes):
        row = np.flatnonzero(np.asarray(codes) < 0)
        if len(row):
            raise ValueError(
                f"The index of {name} has a missing label in level "
                f"{index.names[level]!r}, first at row {row[0]}. Drop those rows or "
                "give them a label."
            )


def _check_no_duplicate(index, order, key, time, name):
    same = (key[1:] == key[:-1]) & (time[1:] == time[:-1])
    if same.any():
        rows = index[order[1:][same]].unique()
        raise ValueError(
            f"{name} has more than one row for {len(rows)} (series, time) label(s): "
            f"{show(rows)}. Drop or aggregate them."
        )


def _series_key(index):
    """Number each row's series, in the order of the sorted labels where they sort."""
    key, n_keys = _ranks(index, 0), len(index.levels[0])
    for position in range(1, index.nlevels - 1):
        size = len(index.levels[position])
        if n_keys > np.iinfo(np.intp).max // size:
            known, key = np.unique(key, return_inverse=True)
            n_keys = len(known)
        key, n_keys = key * size + _ranks(index, position), n_keys * size
    return key


def _time_key(index, name):
    level, codes = time_level(index, name), np.asarray(index.codes[-1])
    if level.is_monotonic_increasing and level.is_unique:
        return codes
    # Labels that are one time, such as an instant in two time zones, share a number.
    return pd.factorize(level, sort=True)[0][codes]


def _check_level_order(index, name):
    if holds_times(index.levels[-1]):
        return
    for position, level in enumerate(index.levels[:-1]):
        if holds_times(level):
            order = [*range(position), *range(position + 1, index.nlevels), position]
            swap = (
                f"{name}.swaplevel()"
                if index.nlevels == 2
                else f"{name}.reorder_levels({order})"
            )
            raise ValueError(
                f"Level {index.names[position]!r} of the index of {name} contains "
                f"dates, such as {show(level[:1])}. The last level, "
                f"{index.names[-1]!r}, must be time but contains no dates "
                f"({show(index.levels[-1][:1])}). Put the time last: "
                f"{swap}.sort_index(). If the dates name the series, replace them by "
                'numbers or by text such as "day 2024-01-31".'
            )


def _ranks(index, position):
    """The rank of each row's label in its level, or its number if they do not sort."""
    level, codes = index.levels[position], np.asarray(index.codes[position])
    if not level.is_monotonic_increasing:
        try:
            return _inverse(np.asarray(level.argsort()))[codes]
        except TypeError:
            pass
    return codes.astype(np.intp)


def _inverse(order):
    ranks = np.empty(len(order), dtype=np.intp)
    ranks[order] = np.arange(len(order))
    return ranks


def _sorting_order(key, time):
    """Sort by series, then time: by one number where it fits, twice as fast.

    Stable sorting takes half the time where new rows stand behind sorted ones.
    """
    n_times = int(time.max()) + 1
    if int(key.max()) < np.iinfo(np.int64).max // n_times:
        return np.argsort(key.astype(np.int64) * n_times + time, kind="stable")
    return np.lexsort((time, key))


def _strictly_sorted(key, time):
    same = key[1:] == key[:-1]
    return bool(np.all((key[1:] > key[:-1]) | (same & (time[1:] > time[:-1]))))

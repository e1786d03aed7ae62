"""PanelWindows: windows over one table of rows, by the position of their last row.

The table of rows is stored once, and for each window the position of its last row. The
rows of a window are gathered on access.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from .target_past import PastView

__all__ = ["PanelTable", "PanelWindows", "join_labels"]

# Rows gathered at a time while an array is filled: bounds the positions held.
_CHUNK = 1 << 18


@dataclass(frozen=True, eq=False)
class PanelTable:
    """The rows of a panel, sorted by series and time, as arrays.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_numeric)
        Numeric columns.
    codes : ndarray of shape (n_rows, n_categorical)
        Categorical columns as integers; 0 is unknown.
    target : ndarray of shape (n_rows, n_targets)
        The target's own past; NaN where it is not known.
    indptr : ndarray of shape (n_series + 1,)
        Series ``i`` owns the rows ``indptr[i]:indptr[i + 1]``.
    segments : ndarray of shape (n_segments,)
        The first row of every stretch that windows may not reach out of: each
        series' start, and each row after a gap in time.
    names : tuple of str
        The numeric columns.
    categories : dict of str to Index
        For each categorical column the labels of codes 1, 2, ...
    known : tuple
        The columns that a window may read beyond its end, since they are known ahead.
    view : PastView
        How the target's past enters the windows.
    """

    values: np.ndarray
    codes: np.ndarray
    target: np.ndarray
    indptr: np.ndarray
    segments: np.ndarray
    names: tuple = ()
    categories: dict = field(default_factory=dict)
    known: tuple = ()
    view: PastView = PastView()

    @cached_property
    def past(self):
        """The inputs made of the target's past, of shape (n_rows, n_inputs)."""
        return self.view.inputs(self.target, self.segments)

    @property
    def n_features(self):
        n_past = self.view.n_inputs(self.target.shape[1])
        return self.values.shape[1] + self.codes.shape[1] + n_past

    @property
    def known_values(self):
        """Positions of the known columns among the numeric ones."""
        return _positions(self.names, self.known)

    @property
    def known_codes(self):
        """Positions of the known columns among the categorical ones."""
        return _positions(self.categories, self.known)

    def segment_starts(self, rows):
        """The first row of the segment that each row stands in."""
        return self.segments[self._segment(rows)]

    def segment_ends(self, rows):
        """The row after the segment that each row stands in."""
        return np.append(self.segments[1:], len(self.values))[self._segment(rows)]

    def target_up_to(self, rows, target, n_rows):
        """The last values of one target up to each row.

        Parameters
        ----------
        rows, target : ndarray of int of shape (n,)
            The positions of rows, and of a target for each.
        n_rows : int

        Returns
        -------
        ndarray of shape (n, n_rows)
            In float64; NaN where it is not known, and before the start of the segment.
        """
        places = rows[:, None] + np.arange(1 - n_rows, 1)
        inside = places >= self.segment_starts(rows)[:, None]
        past = self.target[np.where(inside, places, 0), target[:, None]]
        return np.where(inside, past, np.nan).astype(np.float64, copy=False)

    def series(self, rows):
        """The position of the series that each row belongs to."""
        return np.searchsorted(self.indptr, rows, side="right") - 1

    def _segment(self, rows):
        return np.searchsorted(self.segments, rows, side="right") - 1


class PanelWindows:
    """One window for each row of a panel, gathered on access.

    The output of :class:`SlidingWindow`. It behaves like an array of shape (n_windows,
    window_size, n_features): it has a length, a shape and a dtype,
    is indexed on its first axis by integers, slices, lists and masks (which gives
    windows over the same table), and ``np.asarray`` materialises it. Memory does not
    depend on `window_size`.

    Parameters
    ----------
    table : PanelTable
        The rows.
    ends : ndarray of shape (n_windows,)
        The position in `table` of each window's last row.
    window_size : int
        Number of rows of a window. Rows before the start of the series (or after
        too large a gap) are padding: zeros in an array, and known by length.
    flat : bool, default=False
        Whether windows are rows of ``window_size * n_features`` numbers, for
        regressors that take 2-D arrays.
    n_ahead : int, default=0
        With `flat`, the number of rows after the window whose known columns are
        appended; NaN for missing rows.

    Attributes
    ----------
    starts : ndarray of shape (n_windows,)
        The first row that each window may contain.
    lengths : ndarray of shape (n_windows,)
        Number of observed rows of each window, from 1 to `window_size`.

    Notes
    -----
    Features come in this order: numeric columns as in X, category codes, and last
    the inputs made of the target's own past (its differences in the order given, then
    its level). Where a difference reaches back before the start of the series, an
    array holds 0, as padding does. Flat windows end with the known numeric columns and
    the known codes of each row ahead.

    A regressor gets windows as they are, with targets that index like an array, if it
    has the attribute ``accepts_panel_windows = True``; any other regressor gets arrays.
    Such a regressor reads `table`, `ends` and `window_size`. If it also has
    `past_reach_`, the number of rows that it reads before each window, `predict` of a
    forecaster passes only these rows; else all rows of the series. With `fills_`, the
    seasons by which it fills missing values, also the rows that these come from.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklstm import SlidingWindow
    >>> index = pd.MultiIndex.from_product([["a", "b"], [1, 2, 3]])
    >>> X = pd.DataFrame({"price": [1.0, 2.0, 3.0, 7.0, 8.0, 9.0]}, index=index)
    >>> windows = SlidingWindow(window_size=2).fit_transform(X)
    >>> windows
    PanelWindows(6 windows, window_size=2, n_features=1)
    >>> np.asarray(windows)[:, :, 0]
    array([[0., 1.],
           [1., 2.],
           [2., 3.],
           [0., 7.],
           [7., 8.],
           [8., 9.]], dtype=float32)
    >>> windows[windows.lengths == 2].shape
    (4, 2, 1)
    """

    def __init__(
        self,
        table: Any,
        ends: np.ndarray,
        window_size: int,
        *,
        flat: bool = False,
        n_ahead: int = 0,
    ) -> None:
        self.table = table
        self.ends = ends
        self.window_size = window_size
        self.flat = flat
        self.n_ahead = n_ahead

    def __len__(self):
        return len(self.ends)

    @property
    def n_features(self) -> Any:
        return self.table.n_features

    @property
    def shape(self) -> Any:
        if self.flat:
            n_known = len(self.table.known)
            width = self.window_size * self.n_features + self.n_ahead * n_known
            return (len(self), width)
        return (len(self), self.window_size, self.n_features)

    @property
    def ndim(self) -> Any:
        return len(self.shape)

    @property
    def dtype(self) -> Any:
        return self.table.values.dtype

    @property
    def starts(self) -> np.ndarray:
        return self.table.segment_starts(self.ends)

    @property
    def lengths(self) -> np.ndarray:
        return np.minimum(self.ends - self.starts + 1, self.window_size)

    @property
    def series(self) -> Any:
        """The position of each window's series among those of the table."""
        return self.table.series(self.ends)

    @property
    def reach(self) -> Any:
        """The number of rows before a window that its inputs are made of."""
        return self.table.view.reach

    def cut(self, reach: int, n_ahead: int = 0) -> "PanelWindows":
        """Keep only the rows of the table that the windows need.

        A series with missing values of the target in these rows keeps all rows before
        them too, since a missing value may be filled from however far back.

        Parameters
        ----------
        reach : int
            Number of rows before each window.
        n_ahead : int, default=0
            Number of rows after each window.

        Returns
        -------
        PanelWindows
            The same windows over fewer rows.
        """
        table, n_rows = self.table, len(self.table.values)
        start, end = table.segment_starts(self.ends), self.ends + 1
        first = np.maximum(end - self.window_size - reach, start)
        holes = np.cumsum(np.append(0, np.isnan(table.target).any(axis=1)))
        first = np.where(holes[end] > holes[first], start, first)
        last = np.minimum(end + n_ahead, table.segment_ends(self.ends))
        kept = _marked(first, last, n_rows)
        if kept.all():
            return self
        place = np.append(0, np.cumsum(kept))
        begins = kept & ~np.append(False, kept[:-1])
        begins[table.segments] = kept[table.segments]
        cut = replace(
            table,
            values=table.values[kept],
            codes=table.codes[kept],
            target=table.target[kept],
            indptr=place[table.indptr],
            segments=place[np.flatnonzero(begins)],
        )
        return self._over(cut, place[self.ends])

    def rows_read(self) -> np.ndarray:
        """Mark the rows of the table that the windows are made of.

        Returns
        -------
        ndarray of bool of shape (n_rows,)
        """
        first = self.ends + 1 - self.window_size - self.reach
        first = np.maximum(first, self.starts)
        return _marked(first, self.ends + 1, len(self.table.values))

    def rows_reached(self, n_ahead: int = 0) -> np.ndarray:
        """Mark the rows of the table up to the last window of each series.

        Parameters
        ----------
        n_ahead : int, default=0
            How many rows after each window belong to it.

        Returns
        -------
        ndarray of bool of shape (n_rows,)
            False in all rows of a series without a window.
        """
        indptr = self.table.indptr
        last = np.full(len(indptr) - 1, -1)
        np.maximum.at(last, self.series, self.ends + n_ahead)
        return np.arange(indptr[-1]) <= np.repeat(last, np.diff(indptr))

    def check_target(self) -> None:
        """Raise if the windows do not hold the target's own past."""
        if self.table.target.shape[1] == 0:
            raise ValueError(
                "The windows do not hold the past of the target. Name its column in "
                "SlidingWindow(target=...), or use a PanelForecaster."
            )

    def with_target(self, target: np.ndarray) -> "PanelWindows":
        """Add the target's own past to the windows.

        Parameters
        ----------
        target : ndarray of shape (n_windows, n_targets)
            The target at the last row of each window; NaN where it is not known.

        Returns
        -------
        PanelWindows
            The same windows, with the target as their last features.
        """
        shape = (len(self.table.values), target.shape[1])
        rows = np.full(shape, np.nan, dtype=self.dtype)
        rows[self.ends] = target
        return self._over(replace(self.table, target=rows), self.ends)

    def with_steps(self, n_ahead: int) -> "PanelWindows":
        """Append the known columns of the rows ahead to flat windows.

        Parameters
        ----------
        n_ahead : int
            How many rows.

        Returns
        -------
        PanelWindows
            The same windows, where no column is known ahead.
        """
        if not self.table.known:
            return self
        if not self.flat:
            raise ValueError(
                f"The known columns {list(self.table.known)} of the rows ahead have no "
                "place in windows of 3 axes. Set SlidingWindow(flat=True), or use a "
                "regressor that reads windows as they are, such as LSTMRegressor."
            )
        windows = self._over(self.table, self.ends)
        windows.n_ahead = n_ahead
        return windows

    def flattened(self, n_ahead: int) -> "PanelWindows":
        """Lay out each window as one row, with the known columns of the rows ahead.

        Parameters
        ----------
        n_ahead : int
            How many rows ahead.

        Returns
        -------
        PanelWindows of shape (n_windows, n_numbers)
        """
        flat = self._over(self.table, self.ends)
        flat.flat = True
        return flat.with_steps(n_ahead)

    def with_categories(self, categories: dict) -> "PanelWindows":
        """Recode the labels in another order, or among more labels.

        Parameters
        ----------
        categories : dict of str to Index
            The labels of codes 1, 2, ... of each categorical column.

        Returns
        -------
        PanelWindows
            The same windows; a label that is not among the new ones has code 0.
        """
        old = self.table.categories
        if all(old[name].equals(labels) for name, labels in categories.items()):
            return self
        codes = np.empty_like(self.table.codes)
        for j, (name, labels) in enumerate(categories.items()):
            new = np.append(0, labels.get_indexer(old[name]) + 1)
            codes[:, j] = new[self.table.codes[:, j]]
        table = replace(self.table, codes=codes, categories=categories)
        return self._over(table, self.ends)

    def over(self, table: Any) -> "PanelWindows":
        """Put the windows over another table.

        Parameters
        ----------
        table : PanelTable
            As many rows, of the same series.

        Returns
        -------
        PanelWindows
            The same windows over the other rows.
        """
        return self._over(table, self.ends)

    def __getitem__(self, key):
        if isinstance(key, tuple):
            # scikit-learn indexes arrays as array[key, ...].
            if len(key) != 2 or key[1] is not Ellipsis:
                raise IndexError(
                    "Windows are indexed on their first axis only; use "
                    "np.asarray(windows) for the rest."
                )
            key = key[0]
        if isinstance(key, (int, np.integer)):
            return np.asarray(self[[range(len(self))[key]]])[0]
        if isinstance(key, list):
            key = np.asarray(key, dtype=None if key else np.intp)
        return self._over(self.table, self.ends[key])

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("Windows cannot become an array without a copy.")
        view = self.table.view
        if self.table.target.shape[1] == 0 and (
            view.differences or view.level != "keep"
        ):
            raise ValueError(
                f"The windows have differences={view.differences} and level="
                f"{view.level!r} of the target's past, but no target. Name its column "
                "in SlidingWindow(target=...), or use a PanelForecaster."
            )
        out = np.empty(self.shape, dtype=self.dtype if dtype is None else dtype)
        size = self.window_size * self.n_features
        step = max(1, _CHUNK // self.window_size)
        for first in range(0, len(self), step):
            ends, part = self.ends[first : first + step], out[first : first + step]
            windows = self._gather(ends)
            if not self.flat:
                part[:] = windows
                continue
            part[:, :size] = windows.reshape(len(ends), -1)
            part[:, size:] = self._gather_ahead(ends).reshape(len(ends), -1)
        return out

    def __repr__(self):
        return (
            f"PanelWindows({len(self)} windows, window_size={self.window_size}, "
            f"n_features={self.n_features}{', flat=True' if self.flat else ''})"
        )

    def _over(self, table, ends):
        return PanelWindows(
            table, ends, self.window_size, flat=self.flat, n_ahead=self.n_ahead
        )

    def _gather_ahead(self, ends):
        """The known columns of the next rows, of shape (n, n_ahead, n_known)."""
        rows = ends[:, None] + np.arange(1, self.n_ahead + 1)
        beyond = rows >= self.table.segment_ends(ends)[:, None]
        rows[beyond] = 0
        table = self.table
        parts = [table.values[:, table.known_values], table.codes[:, table.known_codes]]
        out = np.concatenate([part[rows] for part in parts], axis=-1, dtype=self.dtype)
        out[beyond] = np.nan
        return out

    def _gather(self, ends):
        out = np.empty((len(ends), self.window_size, self.n_features), self.dtype)
        rows = ends[:, None] + np.arange(1 - self.window_size, 1)
        start = self.table.segment_starts(ends)[:, None]
        padding = rows < start
        np.maximum(rows, start, out=rows)
        first = 0
        for part in (self.table.values, self.table.codes, self.table.past):
            last = first + part.shape[1]
            out[:, :, first:last] = part[rows]
            first = last
        first -= self.table.past.shape[1]
        n_targets = self.table.target.shape[1]
        for difference in self.table.view.differences:
            early = rows - difference < start
            out[:, :, first : first + n_targets][early] = 0
            first += n_targets
        out[padding] = 0
        return out


def join_labels(known, new):
    """Put the labels of categorical columns that are not known behind those that are.

    Parameters
    ----------
    known, new : dict of str to Index

    Returns
    -------
    dict of str to Index
    """
    return {name: _join(labels, new[name]) for name, labels in known.items()}


def _marked(first, last, n_rows):
    """Mark the rows from each `first` to before its `last`."""
    count = np.zeros(n_rows + 1, dtype=np.intp)
    np.add.at(count, first, 1)
    np.add.at(count, last, -1)
    return np.cumsum(count[:-1]) > 0


def _positions(names, wanted):
    return np.flatnonzero([name in wanted for name in names])


def _join(known, new):
    added = [label for label in new if label not in known]
    # Labels of several levels are tuples, which must not become a MultiIndex.
    return pd.Index([*known, *added], tupleize_cols=False) if added else known

"""The last known values of every series, kept to go before its later rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .._panels.fill import carry_seasons, fill_forward
from .._panels.rows import ragged_arange, tail_positions
from ._frames import starts_later

__all__ = ["LastKnown", "fill_after", "keep_last_known"]


@dataclass(frozen=True, eq=False)
class LastKnown:
    """The last known values of each series, one row for each phase of a season.

    Attributes
    ----------
    values : ndarray of shape (n_kept, n_columns)
    indptr : ndarray of shape (n_series + 1,)
        Series ``i`` owns the kept rows ``indptr[i]:indptr[i + 1]``.
    end : Index of shape (n_series,), or None
        The last time of each series; None where there are no times.
    """

    values: np.ndarray
    indptr: np.ndarray
    end: pd.Index | None

    def join(self, other):
        """These values, then those of other series."""
        values = np.concatenate([self.values, other.values])
        indptr = np.r_[self.indptr, self.indptr[-1] + other.indptr[1:]]
        return LastKnown(values, indptr, self.end.append(other.end))

    def lengths_before(self, rows, positions):
        """How many kept rows go before each series of `rows`: none before a new one.

        Nor before one whose rows are not all later; `positions` is as in `fill_after`.
        """
        lengths = np.zeros(rows.n_series, dtype=np.intp)
        if self.end is not None:
            later = starts_later(rows, positions, self.end)
            lengths[later] = np.diff(self.indptr)[positions[later]]
        return lengths


def keep_last_known(values, rows, period):
    """Keep the last season of each series, with values carried on within a phase.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        In the sorted order.
    rows : PanelRows
    period : int
        Rows of a season.

    Returns
    -------
    LastKnown
    """
    start = np.repeat(rows.indptr[:-1], rows.lengths)
    tail, indptr = tail_positions(rows.indptr, period)
    times = isinstance(rows.index, pd.MultiIndex)
    return LastKnown(
        carry_seasons(values, start, [period])[tail],
        indptr,
        rows.times_at(rows.indptr[1:] - 1) if times else None,
    )


def fill_after(values, rows, last_known, positions, period, fill_value):
    """Fill missing values from the rows before, those that were kept included.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        In the sorted order.
    rows : PanelRows
    last_known : LastKnown
    positions : ndarray of shape (n_series,)
        The position of each series among those of `last_known`, -1 for a new one.
    period : int
        Rows of a season.
    fill_value : float
        What stands where nothing is known.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
    """
    lengths = last_known.lengths_before(rows, positions)
    indptr = np.r_[0, np.cumsum(lengths + rows.lengths)]
    source = ragged_arange(last_known.indptr[positions], lengths)
    own = ragged_arange(indptr[:-1] + lengths, rows.lengths)
    joined = np.empty((indptr[-1], values.shape[1]))
    joined[ragged_arange(indptr[:-1], lengths)] = last_known.values[source]
    joined[own] = values
    start = np.repeat(indptr[:-1], np.diff(indptr))
    return fill_forward(joined, start, [period], fill_value)[own]

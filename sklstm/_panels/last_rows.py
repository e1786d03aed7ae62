"""The last rows of every series, kept to go before its later rows."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from .plain_state import PlainState
from .rows import PanelRows, is_later, ragged_arange, tail_positions

__all__ = ["Joint", "LastRows"]


class Joint(NamedTuple):
    """Kept rows and the rows after them, series by series in one table.

    Attributes
    ----------
    indptr : ndarray of shape (n_series + 1,)
        Series ``i`` owns the rows ``indptr[i]:indptr[i + 1]`` of the table.
    n_kept : ndarray of shape (n_series,)
        How many kept rows go before the rows of each series.
    kept : ndarray of shape (n_kept_rows,)
        Places of the kept rows in the table.
    source : ndarray of shape (n_kept_rows,)
        Their positions among all rows that were kept.
    own : ndarray of shape (n_rows,)
        Places of the rows themselves, in the sorted order.
    """

    indptr: np.ndarray
    n_kept: np.ndarray
    kept: np.ndarray
    source: np.ndarray
    own: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """The first row of the series of each row of the table."""
        return np.repeat(self.indptr[:-1], np.diff(self.indptr))


@dataclass(frozen=True, eq=False)
class LastRows(PlainState):
    """Which rows were kept of each series.

    Attributes
    ----------
    indptr : ndarray of shape (n_series + 1,)
        Series ``i`` owns the kept rows ``indptr[i]:indptr[i + 1]``.
    end : Index of shape (n_series,), or None
        The last time of each series; None where there are no times.
    """

    indptr: np.ndarray
    end: pd.Index | None

    @property
    def lengths(self) -> np.ndarray:
        """How many rows were kept of each series."""
        return np.diff(self.indptr)

    @classmethod
    def of(cls, rows: PanelRows, size: int) -> tuple["LastRows", np.ndarray]:
        """Keep the last rows of each series, and give their sorted positions."""
        tail, indptr = tail_positions(rows.indptr, size)
        times = isinstance(rows.index, pd.MultiIndex)
        end = rows.times_at(rows.indptr[1:] - 1) if times else None
        return cls(indptr, end), tail

    def join(self, other: "LastRows") -> "LastRows":
        """These rows, then those of other series."""
        indptr = np.r_[self.indptr, self.indptr[-1] + other.indptr[1:]]
        end = None if self.end is None else self.end.append(other.end)
        return LastRows(indptr, end)

    def before(
        self, rows: PanelRows, positions: np.ndarray, carry: bool = True
    ) -> Joint:
        """Lay the kept rows before the rows of the same series.

        Parameters
        ----------
        rows : PanelRows
        positions : ndarray of shape (n_series,)
            The position of each series of `rows` among those kept, -1 for a new one.
        carry : bool, default=True
            Whether any kept row is used.

        Returns
        -------
        Joint
            A series has kept rows only if all its rows are later than they are.
        """
        n_kept = np.zeros(rows.n_series, dtype=np.intp)
        if carry and self.end is not None:
            later = positions >= 0
            first = rows.times_at(rows.indptr[:-1][later])
            later[later] = is_later(first, self.end.take(positions[later]))
            n_kept[later] = self.lengths[positions[later]]
        indptr = np.r_[0, np.cumsum(n_kept + rows.lengths)]
        return Joint(
            indptr,
            n_kept,
            ragged_arange(indptr[:-1], n_kept),
            ragged_arange(self.indptr[positions], n_kept),
            ragged_arange(indptr[:-1] + n_kept, rows.lengths),
        )

"""The last known values of every series, kept to fill its later rows."""

from typing import NamedTuple

import numpy as np

from .._panels.fill import carry_seasons, fill_forward
from .._panels.last_rows import LastRows

__all__ = ["LastKnown", "fill_after", "keep_last_known"]


class LastKnown(NamedTuple):
    """The last known values of each series, one row for each phase of a season.

    Attributes
    ----------
    values : ndarray of shape (n_kept, n_columns)
    rows : LastRows
    """

    values: np.ndarray
    rows: LastRows

    def join(self, other):
        """These values, then those of other series."""
        values = np.concatenate([self.values, other.values])
        return LastKnown(values, self.rows.join(other.rows))


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
    last, tail = LastRows.of(rows, period)
    return LastKnown(carry_seasons(values, start, [period])[tail], last)


def fill_after(values, rows, last_known, positions, period, fill_value):
    """Fill missing values from earlier rows, also from those that were kept.

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
        The value of rows before the first known one.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
    """
    joint = last_known.rows.before(rows, positions)
    joined = np.empty((joint.indptr[-1], values.shape[1]))
    joined[joint.kept] = last_known.values[joint.source]
    joined[joint.own] = values
    return fill_forward(joined, joint.starts, [period], fill_value)[joint.own]

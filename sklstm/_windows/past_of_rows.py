"""The rows of a target up to some rows, side by side."""

import numpy as np

__all__ = ["past_of_rows"]


def past_of_rows(table, end, target, n_rows):
    """Gather the last rows of a target up to some rows.

    Parameters
    ----------
    table : PanelTable
    end : ndarray of int of shape (n,)
        The last row of each.
    target : ndarray of int of shape (n,)
        The position of a target for each.
    n_rows : int

    Returns
    -------
    ndarray of shape (n, n_rows)
        In float64; NaN where it is not known, and before the start of the segment.
    """
    rows = end[:, None] + np.arange(1 - n_rows, 1)
    inside = rows >= table.segment_starts(end)[:, None]
    past = table.target[np.where(inside, rows, 0), target[:, None]].astype(np.float64)
    past[~inside] = np.nan
    return past

"""Validation on the end of each series."""

import numpy as np

__all__ = ["split_tails"]


def split_tails(series, order, fraction, gap):
    """Split windows into the heads and the tails of their series.

    Parameters
    ----------
    series, order : ndarray of shape (n_windows,)
        The series of each window, and its place in time.
    fraction : float
        Share of each series' windows, the latest ones, that goes to the tails.
    gap : int
        Windows left out between head and tail, since their targets reach into it.

    Returns
    -------
    train, valid : ndarray of int
        Positions of windows.
    """
    by_time = np.lexsort((order, series))
    first = np.flatnonzero(np.r_[True, np.diff(series[by_time]) != 0])
    size = np.diff(np.r_[first, len(series)])
    n_valid = np.floor(size * fraction + 0.5).astype(np.intp)
    n_train = size - n_valid - gap
    n_valid[n_train < 1] = 0
    n_train = np.where(n_valid == 0, size, n_train)
    place = np.arange(len(series)) - np.repeat(first, size)
    train = by_time[place < np.repeat(n_train, size)]
    valid = by_time[place >= np.repeat(size - n_valid, size)]
    return np.sort(train), np.sort(valid)

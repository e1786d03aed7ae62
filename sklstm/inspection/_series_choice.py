"""Which series of a panel to draw, and their rows."""

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from .._panel import locate_series, show

__all__ = ["choose_series", "rows_of_series"]


def choose_series(rows, series, n_series, random_state):
    """Find the positions of the series to draw."""
    if series is not None:
        return _positions_of(series, rows.series)
    if n_series < 1:
        raise ValueError(f"n_series must be >= 1, got {n_series}.")
    n_series = min(n_series, rows.n_series)
    if random_state is None:
        return np.arange(n_series)
    draw = check_random_state(random_state).choice
    return np.sort(draw(rows.n_series, size=n_series, replace=False))


def _positions_of(labels, known):
    if len(labels) == 0:
        raise ValueError("series must name at least one series, got none.")
    if known.nlevels > 1:
        labels = pd.MultiIndex.from_tuples(labels, names=known.names).unique()
    else:
        labels = pd.Index(labels).unique()
    positions = locate_series(labels, known)
    if (positions < 0).any():
        raise ValueError(
            "series must be labels of the panel's series, got "
            f"{show(labels[positions < 0])}; the panel has {show(known)}."
        )
    return positions


def rows_of_series(rows, chosen):
    """Find the given rows of the chosen series, one series after the other."""
    kept = np.concatenate(
        [np.arange(rows.indptr[i], rows.indptr[i + 1]) for i in chosen]
    )
    return kept if rows.order is None else rows.order[kept]

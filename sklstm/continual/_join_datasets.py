"""Data sets that are given one by one, as one panel."""

import numpy as np
import pandas as pd

from .._panels.rows import (
    align_target,
    check_frame,
    index_message,
    is_panel,
    rows_without_columns,
    show,
)

__all__ = ["join_datasets"]


def join_datasets(datasets):
    """Put panels under one index, the data set as its first level.

    Parameters
    ----------
    datasets : list of (X, y), or dict of these
        A list names them 0, 1, 2 and so on. An X of None has the rows of y.

    Returns
    -------
    X : DataFrame of shape (n_rows, n_columns)
    y : Series or DataFrame of shape (n_rows,) or (n_rows, n_targets)
    """
    if not isinstance(datasets, dict):
        datasets = dict(enumerate(datasets))
    if not datasets:
        raise ValueError("datasets is empty; give at least one (X, y).")
    frames, targets = {}, {}
    first = None
    for name, pair in datasets.items():
        X, y = _check_pair(name, pair)
        first = X if first is None else first
        _check_alike(name, X, first)
        frames[name] = X
        table = align_target(X, y)
        one_axis = np.ndim(y) == 1
        targets[name] = (
            table.iloc[:, 0].rename(getattr(y, "name", None)) if one_axis else table
        )
    if len({target.ndim for target in targets.values()}) > 1:
        raise ValueError(
            "Some data sets have a y of one axis and others one of two. Give all the "
            "same shape."
        )
    levels = ["dataset", *first.index.names]
    return pd.concat(frames, names=levels), pd.concat(targets, names=levels)


def _check_pair(name, pair):
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(
            f"Data set {name!r} must be a pair (X, y), got {type(pair).__name__}."
        )
    X, y = pair
    X = rows_without_columns(y, f"y of data set {name!r}") if X is None else X
    if not is_panel(X):
        raise TypeError(index_message(X, f"X of data set {name!r}"))
    check_frame(X, f"X of data set {name!r}")
    if len(X) == 0:
        raise ValueError(f"Data set {name!r} has no rows. Leave it out.")
    return X, y


def _check_alike(name, X, first):
    if not X.columns.equals(first.columns):
        raise ValueError(
            f"Data set {name!r} has the columns {show(list(X.columns), 10)}, but the "
            f"first one has {show(list(first.columns), 10)}. All data sets must have "
            "the same columns in the same order."
        )
    if X.index.nlevels != first.index.nlevels:
        raise ValueError(
            f"Data set {name!r} is indexed by {X.index.nlevels} levels, but the first "
            f"one by {first.index.nlevels}. Give all the same levels."
        )

"""The folds of a `cv`, as positions of rows."""

import numpy as np
import pandas as pd
from sklearn.model_selection import check_cv

__all__ = ["read_folds"]


def read_folds(cv, X, y):
    """List the training and the test rows of every fold.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
        Rows are given by position, or by a boolean mask.
    X : DataFrame of shape (n_rows, n_columns)
    y : Series or DataFrame

    Returns
    -------
    list of (array-like of int, array-like of int)
        At least one fold.
    """
    folds = [
        (_positions(train, len(y)), _positions(test, len(y)))
        for train, test in check_cv(cv).split(X, y)
    ]
    if not folds:
        raise ValueError(
            f"cv must give at least one fold (train, test), got none from {cv!r}. Give "
            "it folds; a generator that was read before has none left, a list does."
        )
    return folds


def _positions(rows, n_rows):
    """The positions of the rows of a fold, or those where a boolean mask is true."""
    array = np.asarray(rows)
    if array.ndim != 1:
        raise ValueError(
            f"cv gave rows as {type(rows).__name__} {rows!r:.100}. Give an array of "
            "positions, or a boolean mask."
        )
    kind = pd.api.types.infer_dtype(array, skipna=False)
    if kind == "boolean" and not pd.isna(array).any():
        if len(array) != n_rows:
            raise ValueError(
                f"cv gave a boolean mask of {len(array)} values for {n_rows} rows. "
                "Give one value for each row, or the positions of the rows."
            )
        array = np.flatnonzero(array.astype(bool))
    if len(array) == 0:
        raise ValueError(
            "cv gave a fold without training rows or without test rows. Leave it out, "
            "or ask for fewer folds."
        )
    if kind not in ("boolean", "integer") or pd.isna(array).any():
        raise ValueError(
            f"cv gave rows as values of kind {kind!r}. Give positions (integers), or a "
            "boolean mask without missing values."
        )
    array = array.astype(np.intp)
    place = np.where(array < 0, array + n_rows, array)
    if place.min() < 0 or place.max() >= n_rows:
        raise ValueError(
            f"cv gave positions from {array.min()} to {array.max()}, but there are "
            f"{n_rows} rows. Give positions of rows of X."
        )
    if len(np.unique(place)) < len(place):
        raise ValueError(
            f"cv gave the positions of {len(place)} rows, but only "
            f"{len(np.unique(place))} of them differ. Give each row once; a mask must "
            "be of booleans, not of 0 and 1."
        )
    return place

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
    """Where a boolean mask is true; positions stay as they are, if they are some."""
    if pd.api.types.infer_dtype(np.asarray(rows), skipna=False) == "boolean":
        if len(rows) != n_rows:
            raise ValueError(
                f"cv gave a boolean mask of {len(rows)} values for {n_rows} rows. Give "
                "one value for each row, or the positions of the rows."
            )
        rows = np.flatnonzero(np.asarray(rows, dtype=bool))
    if len(rows) == 0:
        raise ValueError(
            "cv gave a fold without training rows or without test rows. Leave it out, "
            "or ask for fewer folds."
        )
    if len(np.unique(rows)) < len(rows):
        raise ValueError(
            f"cv gave the positions of {len(rows)} rows, but only "
            f"{len(np.unique(rows))} of them differ. Give each row once; a mask must "
            "be of booleans, not of 0 and 1."
        )
    return rows

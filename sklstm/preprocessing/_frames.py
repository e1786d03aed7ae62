"""Frames in and out of the transformers of whole series: checks, columns, rows."""

import numpy as np
import pandas as pd
from sklearn.utils.validation import FLOAT_DTYPES, validate_data

from .._panel import PanelRows, index_message, is_later, is_panel, read_rows, show


def read_input(estimator, X, y=None, *, reset, panel=None, finite="allow-nan"):
    """Check X, and read which rows belong to which series.

    Parameters
    ----------
    estimator : estimator
        Whose ``n_features_in_`` and ``feature_names_in_`` are set or held against X.
    X : DataFrame or array-like
        Frames are not converted, everything else becomes a float array.
    y : object
        The target given to `fit`, which may betray that X had an index once.
    reset : bool
        Whether this is a `fit`.
    panel : bool or None
        Whether the rows seen in `fit` had a panel index. None allows both.
    finite : {"allow-nan", False}
        What `ensure_all_finite` is for an array.

    Returns
    -------
    X : DataFrame or ndarray of shape (n_rows, n_columns)
    rows : PanelRows
        Rows without a panel index make one series, whose label is 0.
    """
    if not is_panel(X) and (panel or is_panel(y)):
        raise TypeError(index_message(X))
    if is_panel(X) and panel is False:
        raise TypeError(
            "X is indexed by (series, time), but the rows seen in fit had no such "
            "index and made one series. Fit on rows with the same index levels."
        )
    if isinstance(X, pd.DataFrame):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
    else:
        X = validate_data(
            estimator, X, reset=reset, dtype=FLOAT_DTYPES, ensure_all_finite=finite
        )
    return X, read_rows(X) if is_panel(X) else _one_series(X)


def read_panel_or_series(estimator, X, y=None, *, reset, panel=None):
    """Read X as `read_input` does, a pandas Series as the one column it is.

    The name of that Series may be another than in `fit`.
    """
    if isinstance(X, pd.Series):
        name = 0 if X.name is None else X.name
        if not reset and estimator.n_features_in_ == 1:
            name = getattr(estimator, "feature_names_in_", [0])[0]
        X = X.to_frame(name)
    return read_input(estimator, X, y, reset=reset, panel=panel)


def _one_series(X):
    if len(X) == 0:
        raise ValueError("X has no rows; at least one is needed.")
    indptr = np.array([0, len(X)])
    return PanelRows(pd.RangeIndex(len(X)), None, indptr, pd.RangeIndex(1))


def scaled_columns(X):
    """Positions of the numeric columns of X; times and complex numbers raise."""
    if isinstance(X, pd.DataFrame):
        for name, dtype in zip(X.columns, X.dtypes, strict=True):
            _check_dtype(name, dtype)
    return numeric_columns(X)


def numeric_columns(X):
    """Positions of the columns of numbers; categories, text and bools are none."""
    if not isinstance(X, pd.DataFrame):
        return np.arange(X.shape[1])
    return np.flatnonzero([is_number(dtype) for dtype in X.dtypes])


def is_number(dtype):
    """Whether a column of this dtype holds real numbers, and not bools."""
    kinds = pd.api.types
    other = kinds.is_bool_dtype(dtype) or kinds.is_complex_dtype(dtype)
    return kinds.is_numeric_dtype(dtype) and not other


def _check_dtype(name, dtype):
    if isinstance(dtype, pd.PeriodDtype) or dtype.kind in "mM":
        raise TypeError(
            f"Column {name!r} of X has dtype {dtype}: times cannot be scaled. Drop the "
            "column, move it to the index, or make numbers of it, such as "
            f"X[{name!r}].dt.dayofweek."
        )
    if dtype.kind == "c":
        raise TypeError(
            f"Column {name!r} of X has dtype {dtype}: complex numbers cannot be "
            "scaled. Replace it by its real and its imaginary part."
        )


def read_column(X, position):
    """One column as an array of floats, float32 where it was that."""
    if not isinstance(X, pd.DataFrame):
        return X[:, position]
    name, column = X.columns[position], X.iloc[:, position]
    if not pd.api.types.is_numeric_dtype(column.dtype):
        raise TypeError(
            f"Column {name!r} of X was numeric in fit and now has dtype "
            f"{column.dtype}. Convert it with X[{name!r}].astype(float)."
        )
    dtype = np.float32 if column.dtype == np.float32 else np.float64
    missing = {} if isinstance(column.dtype, np.dtype) else {"na_value": np.nan}
    values = column.to_numpy(dtype=dtype, **missing)
    if np.isinf(values).any():
        raise ValueError(
            f"Input X contains infinity in column {name!r}. Replace it by NaN, which "
            "is skipped, or by a number."
        )
    return values


def columns_to_frame(columns, series, X, positions):
    """One value for each series and column, under the names of the columns of X."""
    names = X.columns[positions] if isinstance(X, pd.DataFrame) else None
    values = np.stack(columns, axis=1) if columns else np.empty((len(series), 0))
    return pd.DataFrame(values, index=series, columns=names)


def replace_columns(X, positions, columns):
    """X with new values in some columns, under the same index and names."""
    if not isinstance(X, pd.DataFrame):
        # Every column of an array is scaled.
        return np.stack(columns, axis=1)
    parts = {i: X.iloc[:, i] for i in range(X.shape[1])}
    parts.update(zip(positions, columns, strict=True))
    out = pd.DataFrame(parts, index=X.index, copy=False)
    out.columns = X.columns
    return out


def append_columns(X, new):
    """X with more columns at its end, given as a dict of name to values."""
    if not new:
        return X
    if not isinstance(X, pd.DataFrame):
        return np.column_stack([X, *new.values()]).astype(X.dtype, copy=False)
    out = pd.concat([X, pd.DataFrame(new, index=X.index)], axis=1)
    return out.set_axis(pd.Index([*X.columns, *new], name=X.columns.name), axis=1)


def check_new_names(kept, new, remedy="Rename or drop that column of X."):
    """Raise if a new column would bear the name of another."""
    names = pd.Index([*kept, *new], dtype=object)
    clash = names[names.duplicated()].intersection(new)
    if len(clash):
        raise ValueError(
            f"The output would have several columns named {show(clash)}. {remedy}"
        )


def check_n_levels(index, n_levels):
    """Raise if the index has another number of levels than that seen in fit."""
    if index.nlevels != n_levels:
        raise ValueError(
            f"X is indexed by {index.nlevels} levels, but fit saw {n_levels}. Give the "
            "index the same levels as in fit."
        )


def starts_later(rows, positions, end):
    """Whether each series has a known position, and only rows after its `end`."""
    later = positions >= 0
    first = rows.times_at(rows.indptr[:-1][later])
    later[later] = is_later(first, end.take(positions[later]))
    return later

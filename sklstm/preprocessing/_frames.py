"""Frames in and out of the transformers of whole series: checks, columns, rows."""

import numpy as np
import pandas as pd
from sklearn.utils.validation import FLOAT_DTYPES, validate_data

from .._panels.columns import column_kind, column_kinds, read_numbers
from .._panels.rows import (
    PanelRows,
    check_known_series,
    index_message,
    is_panel,
    locate_series,
    read_rows,
    show,
)


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
    if not isinstance(X, pd.DataFrame):
        return np.arange(X.shape[1])
    return _numbers_among(column_kinds(X, "scaled"))


def numeric_columns(X):
    """Positions of the columns of numbers; categories, text and bools are none."""
    if not isinstance(X, pd.DataFrame):
        return np.arange(X.shape[1])
    return _numbers_among([column_kind(column, name) for name, column in X.items()])


def _numbers_among(kinds):
    return np.flatnonzero(np.array(kinds, dtype=object) == "number")


def read_column(X, position):
    """One column as an array of floats, float32 where it was that."""
    if not isinstance(X, pd.DataFrame):
        return X[:, position]
    return read_numbers(X.iloc[:, position], X.columns[position])


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
    names = join_names(X.columns, new)
    return out.set_axis(pd.Index(names, name=X.columns.name), axis=1)


def join_names(kept, new):
    """Names of columns, then of new ones: text if any is, as scikit-learn demands."""
    names = [*kept, *new]
    text = [isinstance(name, str) for name in names]
    return [str(name) for name in names] if any(text) else names


def check_new_names(kept, new, remedy="Rename or drop that column of X."):
    """Raise if a new column would bear the name of another."""
    names = pd.Index(join_names(kept, new), dtype=object)
    clash = names[names.duplicated()].intersection(names[len(kept) :])
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


def locate_known(rows, known, handle_unknown):
    """Find the position of each series among those known, -1 where it is new.

    With ``handle_unknown="error"`` a new one raises.
    """
    positions = locate_series(rows.series, known)
    if handle_unknown == "error":
        check_known_series(
            positions,
            rows.series,
            "Learn their statistics with add_series(X), set handle_unknown='global' to "
            "take those of all series together, or transform whole columns, such as "
            "with StandardScaler().set_output(transform='pandas').",
        )
    return positions

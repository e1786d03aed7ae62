"""Flat tables: the parameter `index` names the columns of the series and the time."""

from typing import Any

import numpy as np
import pandas as pd

from .inner_estimators import find_setting
from .parameters import _check_sample_weight
from .rows import align_target, is_panel, rows_without_columns, show

__all__ = [
    "align_weight",
    "as_panel",
    "check_answer_names",
    "check_index",
    "flat_answer",
    "library_of",
    "panel_of",
    "read_table",
    "take_rows",
    "with_index_of",
]


def read_table(table: Any, name: str = "table") -> pd.DataFrame:
    """Read a table of pandas, polars or Arrow as a DataFrame; a Series has one column.

    Parameters
    ----------
    table : DataFrame, Series, or table with a method `to_pandas`
    name : str
        Its name in an error.

    Returns
    -------
    DataFrame
    """
    if not isinstance(table, (pd.DataFrame, pd.Series)) and hasattr(table, "to_pandas"):
        table = table.to_pandas()
    if isinstance(table, pd.Series):
        table = table.to_frame("y" if table.name is None else table.name)
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"{name} must be a DataFrame, or have a method to_pandas as the tables of "
            f"polars and Arrow do, got {type(table).__name__}. A lazy table needs "
            "collect() first."
        )
    return table


def check_index(index: Any) -> list | None:
    """Read the names of the columns of the series and the time.

    Parameters
    ----------
    index : sequence of at least two column names, or None

    Returns
    -------
    list or None
    """
    if index is None:
        return None
    ordered = isinstance(index, (list, tuple, np.ndarray, pd.Index))
    names = list(index) if ordered else []
    plain = all(pd.api.types.is_hashable(name) for name in names)
    if len(names) < 2 or not plain or len(set(names)) < len(names):
        raise ValueError(
            "index must be a list of different column names, those of the series and, "
            f"last, of the time, such as index=('store', 'date'), got {index!r}."
        )
    return names


def as_panel(X: Any, y: Any = None, index: Any = None) -> tuple:
    """Give a flat table the index that its columns hold, and y with it.

    Parameters
    ----------
    X : DataFrame, table or None
        A panel stays as it is. None takes the rows from the index of y.
    y : Series, DataFrame, array-like or None
        In the rows of X.
    index : sequence of column names or None
        None takes X as it is.

    Returns
    -------
    X : DataFrame
    y : object
        Under the same index, if it has an index or names.
    """
    names = check_index(index)
    if X is None:
        if names and not is_panel(y):
            raise TypeError(
                f"X is None, but index={index!r} names columns of X. Pass a table with "
                f"these columns, fit(table[{names!r}], y), also if it has no others."
            )
        return rows_without_columns(y), y
    if names is None:
        return X, y
    if is_panel(X):
        if X.index.nlevels != len(names):
            raise ValueError(
                f"X is indexed by {X.index.nlevels} levels, but index={index!r} names "
                f"{len(names)}."
            )
        return X, y
    table = _read_columns(X, names, index)
    panel = table.set_index(names)
    return panel, _align(y, panel.index, X, "y")


def _read_columns(X, names, index):
    """Read a flat table, whose columns include those of the index once."""
    table = read_table(X, "X")
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise ValueError(
            f"X has no column {show(missing)}, which index={index!r} names; its "
            f"columns are {show(list(table.columns), 20)}. Give X these columns, or an "
            "index of series and time."
        )
    twice = [name for name in names if (table.columns == name).sum() > 1]
    if twice:
        raise ValueError(
            f"X has more than one column named {show(twice)}, which index={index!r} "
            "names. Rename or drop the others."
        )
    time = names[-1]
    if library_of(X) == "polars" and str(X.schema[time]) == "Date":
        # As time stamps they would not come back as dates.
        table = table.assign(**{time: table[time].astype("date32[day][pyarrow]")})
    return table


def _align(values, index, given, name):
    """Values in the rows of a flat table, under the index of its panel."""
    by_position = not isinstance(values, (pd.Series, pd.DataFrame))
    if by_position:
        if not hasattr(values, "to_pandas"):
            return values
        values = values.to_pandas()
    if is_panel(values) or len(values) != len(index):
        return values  # the check against the rows of X comes later
    by_position = by_position or not isinstance(given, pd.DataFrame)
    if not by_position and not values.index.equals(given.index):
        raise ValueError(
            f"{name} and X must have the same index in the same order. Reorder one of "
            f"them, e.g. {name} = {name}.loc[X.index], or pass {name}.to_numpy() to go "
            "by position."
        )
    return values.set_axis(index, axis=0)


def align_weight(weight: Any, given: Any, panel: pd.DataFrame) -> np.ndarray:
    """Check the weights of rows, which pandas objects must have in the order of X.

    Parameters
    ----------
    weight : Series, array-like of shape (n_rows,), or number
    given : DataFrame or table
        X as it was given.
    panel : DataFrame of shape (n_rows, n_columns)
        X as a panel.

    Returns
    -------
    ndarray of shape (n_rows,)
    """
    if not is_panel(given) and given is not None:
        weight = _align(weight, panel.index, given, "sample_weight")
    if isinstance(weight, (pd.Series, pd.DataFrame)):
        weight = align_target(panel, weight, "sample_weight").iloc[:, 0].to_numpy()
    return _check_sample_weight(weight, panel, ensure_non_negative=True)


def panel_of(estimator: Any, X: Any, y: Any = None) -> tuple:
    """Read X and y as the forecaster inside an estimator does: `as_panel` by its index.

    Parameters
    ----------
    estimator : estimator
    X, y : object
        As in `as_panel`.

    Returns
    -------
    X, y : as from `as_panel`
    """
    return as_panel(X, y, find_setting(estimator, "index"))


def take_rows(X: Any, positions: np.ndarray) -> Any:
    """Take rows of a table of pandas, polars or Arrow.

    Parameters
    ----------
    X : table
    positions : ndarray of int

    Returns
    -------
    table
    """
    positions = np.asarray(positions)
    if positions.dtype == bool:
        positions = np.flatnonzero(positions)
    if hasattr(X, "iloc"):
        return X.iloc[positions]
    return X.take(positions) if hasattr(X, "take") else X[positions]


def check_answer_names(index: Any, columns: Any, targets: list) -> None:
    """Raise if a flat answer would have two columns of one name.

    Parameters
    ----------
    index : sequence of column names or None
    columns : Index
        The other columns of X.
    targets : list
        The names of the targets.
    """
    others = [*columns, *targets]
    clash = [name for name in check_index(index) or () if name in others]
    if clash:
        raise ValueError(
            f"index={index!r} names {show(clash)}, but y or another column of X has "
            "that name too, so a table of forecasts would have it twice. Rename it."
        )


def with_index_of(answer: pd.DataFrame, X: Any) -> pd.DataFrame:
    """Give an answer the index of X, where that is a flat table."""
    if is_panel(X):
        return answer
    index = getattr(X, "index", pd.RangeIndex(len(answer)))
    return answer.set_axis(index, axis=0)


def library_of(table: Any) -> str:
    """The package of a table: "polars", "pyarrow", and "pandas" for all else."""
    name = type(table).__module__.split(".")[0]
    return name if name in ("polars", "pyarrow") else "pandas"


def flat_answer(answer: pd.Series | pd.DataFrame, index: Any, library: str) -> Any:
    """Write an answer, indexed by series and time, as a flat table.

    Parameters
    ----------
    answer : Series or DataFrame
    index : sequence of column names
        One for each level of its index.
    library : {"pandas", "polars", "pyarrow"}

    Returns
    -------
    DataFrame or table
    """
    if isinstance(answer, pd.Series):
        answer = answer.to_frame("y" if answer.name is None else answer.name)
    flat = answer.rename_axis(index=check_index(index)).reset_index()
    if library == "pandas":
        return flat
    flat.columns = [_text(name) for name in flat.columns]
    if library == "polars":
        import polars

        return polars.from_pandas(flat)
    import pyarrow

    return pyarrow.Table.from_pandas(flat, preserve_index=False)


def _text(name):
    """The name of a column as text, that of several levels joined."""
    parts = name if isinstance(name, tuple) else (name,)
    return "_".join(str(part) for part in parts if part != "")

"""Flat tables: series and time in columns, which an estimator is told the names of."""

from typing import Any

import numpy as np
import pandas as pd

from .inner_estimators import inner_estimators
from .rows import is_panel, rows_without_columns, show

__all__ = [
    "as_panel",
    "check_index",
    "find_setting",
    "flat_answer",
    "library_of",
    "read_table",
    "under_rows_of",
]


def read_table(table: Any, name: str = "table") -> pd.DataFrame:
    """Read a table of pandas, polars or Arrow as a DataFrame; a Series has one column.

    Parameters
    ----------
    table : DataFrame, Series, or table with a method `to_pandas`
    name : str
        What to call it in an error.

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
            f"polars and Arrow do, got {type(table).__name__}."
        )
    return table


def check_index(index: Any) -> list | None:
    """Read the names of the columns that tell series and time.

    Parameters
    ----------
    index : sequence of at least two column names, or None

    Returns
    -------
    list or None
    """
    if index is None:
        return None
    if isinstance(index, str) or not np.iterable(index) or len(list(index)) < 2:
        raise ValueError(
            "index must name the columns of the series and of the time, such as "
            f"index=('store', 'date'), got {index!r}."
        )
    names = list(index)
    if len(set(names)) < len(names):
        raise ValueError(f"index must name different columns, got {index!r}.")
    return names


def as_panel(X: Any, y: Any = None, index: Any = None) -> tuple:
    """Give a flat table the index that its columns tell, and y with it.

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
        Under the same index, if it is of pandas.
    """
    if X is None:
        return rows_without_columns(y), y
    names = check_index(index)
    if names is None or is_panel(X):
        return X, y
    table = read_table(X, "X")
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise ValueError(
            f"X has no column {show(missing)}, which index={index!r} names; its "
            f"columns are {show(list(table.columns), 20)}. Give X these columns, or an "
            "index of series and time."
        )
    panel = table.set_index(names)
    return panel, _under(panel.index, y, table.index)


def _under(index, y, given):
    """y under the index of a panel that was made of a flat table."""
    if not isinstance(y, (pd.Series, pd.DataFrame)):
        return y.to_numpy() if hasattr(y, "to_numpy") else y
    if is_panel(y) or len(y) != len(index):
        return y  # the check against the rows of X comes later
    if not y.index.equals(given):
        raise ValueError(
            "y and X must have the same index in the same order. Reorder one of them, "
            "e.g. y = y.loc[X.index]."
        )
    return y.set_axis(index, axis=0)


def find_setting(estimator: Any, name: str) -> Any:
    """Find an attribute of the outermost estimator that has it, None where none has."""
    found = (getattr(one, name, None) for one in inner_estimators(estimator))
    return next((value for value in found if value is not None), None)


def under_rows_of(answer: pd.DataFrame, X: Any) -> pd.DataFrame:
    """Give an answer the index of the rows of X, where that is a flat table."""
    if is_panel(X):
        return answer
    index = getattr(X, "index", pd.RangeIndex(len(answer)))
    return answer.set_axis(index, axis=0)


def library_of(table: Any) -> str:
    """The package that a table comes from, such as "polars"."""
    return type(table).__module__.split(".")[0]


def flat_answer(answer: pd.Series | pd.DataFrame, library: str | None) -> Any:
    """Write an answer, indexed by series and time, as a flat table.

    Parameters
    ----------
    answer : Series or DataFrame
    library : str or None
        "polars" and "pyarrow" give tables of these, all else a DataFrame of pandas.

    Returns
    -------
    DataFrame or table
        With a column for each level of the index.
    """
    if isinstance(answer, pd.Series):
        answer = answer.rename("y" if answer.name is None else answer.name)
    flat = answer.reset_index()
    if library not in ("polars", "pyarrow"):
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

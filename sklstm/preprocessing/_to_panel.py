"""to_panel: a table with the series and the time in columns, as a panel."""

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from .._panels.flat_tables import read_table
from .._panels.rows import read_rows, show

__all__ = ["to_panel"]

# The columns of Nixtla's packages and of many that read their tables.
_USUAL = ("unique_id", "ds")


def to_panel(
    table: Any,
    series: Hashable | Sequence[Hashable] | None = None,
    time: Hashable | None = None,
    *,
    wide: bool = False,
    target: Hashable = "y",
) -> pd.DataFrame:
    """Index a table by series and time, which are columns of it.

    Parameters
    ----------
    table : DataFrame or table
        A row for each series and time, or for each time if there is one series or a
        column for each. Tables that have a method ``to_pandas``, such as those of
        polars and Arrow, are converted.
    series : column name or list of column names, default=None
        The columns that together name the series. None is the column "unique_id" if
        the table has it and "ds" (the form of Nixtla's packages), and otherwise one
        series, whose label is 0.
    time : column name, default=None
        The column of the times. None is "ds" with "unique_id", and otherwise the index
        of a DataFrame.
    wide : bool, default=False
        Whether every column but that of the times is a series, named by the column.
    target : column name, default="y"
        The name of the one column of values, with ``wide=True``.

    Returns
    -------
    panel : DataFrame of shape (n_rows, n_columns)
        The other columns, indexed by (series, time) and sorted. With ``wide=True`` rows
        before the first and after the last value of a series are left out.

    Raises
    ------
    ValueError
        If a column is not there, a label is missing, or two rows have the same series
        and time.

    See Also
    --------
    describe_panel : What is in a panel, series by series.
    regularize : A row for every time step.

    Notes
    -----
    The way back is ``panel.reset_index()``. Forecasters read a table as it is, without
    this function, if they are told its columns: ``index=("store", "date")``.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import to_panel
    >>> table = pd.DataFrame(
    ...     {"day": [2, 1, 1], "shop": ["a", "a", "b"], "sales": [5.0, 4.0, 9.0]}
    ... )
    >>> to_panel(table, series="shop", time="day")
              sales
    shop day
    a    1      4.0
         2      5.0
    b    1      9.0
    >>> wide = pd.DataFrame({"a": [4.0, 5.0], "b": [9.0, None]}, index=[1, 2])
    >>> to_panel(wide, wide=True, target="sales")
                 sales
    series time
    a      1       4.0
           2       5.0
    b      1       9.0
    """
    table = read_table(table)
    if series is None and time is None and set(_USUAL) <= {*table.columns}:
        series, time = _USUAL
    if time is None:
        if table.index.nlevels > 1:
            raise ValueError(
                f"The table has an index of {table.index.nlevels} levels, "
                f"{list(table.index.names)}. If these are the series and the time, it "
                "is a panel already; else call table.reset_index() first."
            )
        if series is not None and isinstance(table.index, pd.RangeIndex):
            raise ValueError(
                f"time is not given, and the index of the table only numbers its rows. "
                f"Name the column of the times: one of {show(list(table.columns), 20)}."
            )
        time = "time" if table.index.name is None else table.index.name
        table = table.rename_axis(time).reset_index()
    labels = series if isinstance(series, list) else [series]
    given = [name for name in [*labels, time] if name is not None]
    missing = [name for name in given if name not in table.columns]
    if missing:
        raise ValueError(
            f"The table has no column {show(missing)}; its columns are "
            f"{show(list(table.columns), 20)}. Name the column of the series and that "
            'of the time, such as to_panel(table, series="store", time="date").'
        )
    if wide:
        table, labels = _lengthen(table, series, time, target), ["series"]
    elif series is None:
        table, labels = table.assign(series=0), ["series"]
    panel = table.set_index([*labels, time])
    rows = read_rows(panel, "table")
    panel = panel if rows.order is None else panel.iloc[rows.order]
    return _without_ends(panel) if wide else panel


def _lengthen(table, series, time, target):
    """Give each value of a wide table a row of its own."""
    if series is not None:
        raise ValueError(
            f"With wide=True every column is a series, but series={series!r} names "
            "one. Leave series at None, or set wide=False."
        )
    table = table.melt(time, var_name="series", value_name=target)
    if not pd.api.types.is_numeric_dtype(table[target].dtype):
        raise ValueError(
            f"With wide=True the columns hold the values of the series, but some are "
            f"of dtype {table[target].dtype}. Drop those that are no series."
        )
    return table


def _without_ends(panel):
    """Leave out the rows before the first and after the last value of each series."""
    known = panel.notna().any(axis=1)
    seen = known.groupby(level=0, sort=False)
    inside = seen.cummax() & known[::-1].groupby(level=0, sort=False).cummax()[::-1]
    return panel[inside]

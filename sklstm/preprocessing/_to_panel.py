"""to_panel: a table with the series and the time in columns, as a panel."""

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from .._panels.flat_tables import read_table
from .._panels.rows import check_frame, read_rows, show
from .._panels.times import holds_times

__all__ = ["to_panel"]


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
        the table has it (the form of Nixtla's packages), and otherwise one series,
        whose label is 0.
    time : column name, default=None
        The column of the times. None is "ds" if the table has it, and otherwise the
        index of a DataFrame.
    wide : bool, default=False
        Whether every column but that of the times is a series, named by the column: by
        one level "series", or by those of a column index of several levels.
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
        If a column is not there, a label is missing, two rows have the same series
        and time, or a column has the name of a level of the index.

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
    table = check_frame(read_table(table), "table")
    if table.index.nlevels > 1:
        raise ValueError(
            f"The table has an index of {table.index.nlevels} levels, "
            f"{list(table.index.names)}. If these are the series and the time, it "
            "is a panel already; else call table.reset_index() first."
        )
    has_times = time is not None or "ds" in [*table.columns]
    if has_times and table.index.name is not None and not wide:
        table = table.reset_index()
    # The columns of Nixtla's packages and of many that read their tables.
    if series is None and "unique_id" in [*table.columns]:
        series = "unique_id"
    if time is None and has_times:
        time = "ds"
    if isinstance(series, list) and not series:
        raise ValueError("series=[] names no column. Give None for one series.")
    labels = series if isinstance(series, list) else [series]
    given = [name for name in [*labels, time] if name is not None]
    missing = [name for name in given if name not in table.columns]
    if missing:
        raise ValueError(
            f"The table has no column {show(missing)}; its columns are "
            f"{show(list(table.columns), 20)}. Name the column of the series and that "
            'of the time, such as to_panel(table, series="store", time="date").'
        )
    if len(set(given)) < len(given):
        raise ValueError(
            f"The columns of the series and of the time must differ, got {show(given)}."
        )
    table = _index_by_time(table, series, time)
    if wide:
        table, labels = _lengthen(table, series, target)
    elif series is None:
        labels = [pd.Index([0] * len(table), name="series")]
    panel = table.set_index([*labels, table.index])
    _check_names(panel)
    rows = read_rows(panel, "table")
    panel = panel if rows.order is None else panel.iloc[rows.order]
    return _without_ends(panel) if wide else panel


def _index_by_time(table, series, time):
    if time is not None:
        return table.set_index(time)
    name = table.index.name
    if series is not None and name is None and isinstance(table.index, pd.RangeIndex):
        raise ValueError(
            f"time is not given, and the index of the table only numbers its rows. "
            f"Name the column of the times: one of {show(list(table.columns), 20)}."
        )
    return table.rename_axis("time") if name is None else table


def _lengthen(table, series, target):
    """Give each value of a wide table a row of its own, and name its series."""
    if series is not None:
        raise ValueError(
            "With wide=True every column is a series, but the column "
            f"{series!r} names them. Leave series at None and that column out, or set "
            "wide=False."
        )
    columns = [table.iloc[:, i] for i in range(table.shape[1])]
    wrong = [column.name for column in columns if not _holds_numbers(column)]
    _check_rows_are_times(table.drop(columns=wrong), wrong)
    if wrong or not columns:
        what = f"not {show(wrong)}" if wrong else "there is none"
        raise ValueError(
            "With wide=True every column but that of the times holds the numbers of a "
            f"series, but {what}. Drop such columns, convert them with .astype(float), "
            "or name that of the times with time=..."
        )
    labels = table.columns.repeat(len(table))
    labels = labels.rename("series") if labels.nlevels == 1 else labels
    return pd.concat(columns).to_frame(target), [labels]


def _check_rows_are_times(table, others):
    """Raise if the rows of a wide table are the series, and its columns the times."""
    columns, rows = table.columns, table.index
    if len(columns) == 0 or columns.nlevels > 1 or holds_times(rows):
        return
    text = pd.api.types.infer_dtype(rows) == "string" and not rows.str.isdigit().all()
    numbers = pd.api.types.is_integer_dtype(columns.dtype)
    years = numbers and columns.min() >= 1500 and columns.max() <= 2500
    if holds_times(columns) or (text and years):
        names = f".set_index({others!r})" if others else ""
        raise ValueError(
            "With wide=True each column is a series and each row a time, but the "
            f"columns are times, such as {show(columns[:1])}. Transpose the table: "
            f"table{names}.T"
        )


def _holds_numbers(column):
    types = pd.api.types
    return types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column)


def _check_names(panel):
    """Raise if a name of a level is also that of another level or of a column."""
    levels = [name for name in panel.index.names if name is not None]
    clash = {name for name in levels if [*levels, *panel.columns].count(name) > 1}
    if clash:
        raise ValueError(
            f"The panel would have an index level {show(list(clash))}, but another "
            "level or a column has that name. If that column holds the series or the "
            "times, say so with series=... or time=...; else rename it."
        )


def _without_ends(panel):
    """Leave out the rows before the first and after the last value of each series."""
    known = panel.notna().any(axis=1)
    levels = list(range(panel.index.nlevels - 1))
    seen, ahead = (part.groupby(level=levels) for part in (known, known[::-1]))
    return panel[seen.cummax() & ahead.cummax()[::-1]]

"""describe_panel: length, span and gaps of every series."""

from typing import Any

import numpy as np
import pandas as pd

from .._panels.missing_steps import count_steps
from .._panels.rows import read_rows
from .._panels.time_step import infer_time_step, is_inferred, read_time_step
from .._panels.times import times_like
from ._frames import check_new_names

__all__ = ["describe_panel"]


def describe_panel(
    panel: pd.DataFrame | pd.Series, freq: Any = "infer"
) -> pd.DataFrame:
    """Report the length, the time span and the missing values of every series.

    Parameters
    ----------
    panel : DataFrame or Series
        Rows indexed by series and time, in any order.
    freq : "infer", None, str, offset, Timedelta or number, default="infer"
        The step of the times, as in :func:`regularize`. "infer" takes the step that
        most rows keep; None reports no steps.

    Returns
    -------
    report : DataFrame of shape (n_series, n_findings)
        A row for each series, and the columns

        - "n_rows", "start" and "end": the number of rows, the first and last time;
        - "n_missing_steps": the time steps from the first row to the last for which
          there is no row;
        - "longest_gap": the most of them in a row;
        - "n_irregular": rows that are no whole number of steps after the first one;
        - "n_missing_<name>": the missing values of a column, for each that has any.

        Steps are counted in whole numbers, <NA> where the times have no step.

    Raises
    ------
    ValueError
        If two findings would have one name: of a column "steps", or of two columns of
        the same name, with missing values.

    See Also
    --------
    regularize : Add the missing rows.
    SeriesImputer : Fill the missing values.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import describe_panel
    >>> index = pd.MultiIndex.from_tuples(
    ...     [("kiosk", 1), ("kiosk", 2), ("kiosk", 5), ("mall", 7), ("mall", 8)],
    ...     names=["store", "day"],
    ... )
    >>> describe_panel(pd.DataFrame({"sales": [5, 6, None, 90, 95]}, index=index)).T
    store            kiosk  mall
    n_rows               3     2
    start                1     7
    end                  5     8
    n_missing_steps      2     0
    longest_gap          2     0
    n_irregular          0     0
    n_missing_sales      1     0
    """
    rows = read_rows(panel, "panel")
    report = {
        "n_rows": rows.lengths,
        "start": times_like(rows.times_at(rows.indptr[:-1]), rows.index.levels[-1]),
        "end": times_like(rows.times_at(rows.indptr[1:] - 1), rows.index.levels[-1]),
    }
    report = pd.DataFrame(report | _report_steps(rows, freq), index=rows.series)
    frame = panel.to_frame() if isinstance(panel, pd.Series) else panel
    gappy = np.flatnonzero(frame.isna().any(axis=0))
    names = [f"n_missing_{name}" for name in frame.columns[gappy]]
    check_new_names(report.columns, names, "Rename that column of the panel.")
    for name, i in zip(names, gappy, strict=True):
        report[name] = _sum(rows.sort(frame.iloc[:, i].isna().to_numpy()), rows)
    return report


def _report_steps(rows, freq):
    names = ["n_missing_steps", "longest_gap", "n_irregular"]
    step = None
    if is_inferred(freq):
        step = infer_time_step(rows.time, rows.indptr)
    elif freq is not None:
        step = read_time_step(freq, rows.time)
    if step is None:
        return {
            name: pd.array([pd.NA] * rows.n_series, dtype="Int64") for name in names
        }
    counts = _count_missing(rows, count_steps(rows, step))
    counts = [pd.array(count.astype(np.int64), dtype="Int64") for count in counts]
    return dict(zip(names, counts, strict=True))


def _count_missing(rows, steps):
    """The missing steps, the most of them in a row and the rows beside a step."""
    regular = np.isfinite(steps)
    n_regular = _sum(regular, rows)
    # The first row of a series is regular by definition, and none is left out.
    first = np.cumsum(n_regular) - n_regular
    between = np.diff(steps[regular], prepend=0) - 1
    between[first] = 0
    missing = np.add.reduceat(between, first)
    return missing, np.maximum.reduceat(between, first), rows.lengths - n_regular


def _sum(values, rows):
    return np.add.reduceat(values.astype(np.intp), rows.indptr[:-1])

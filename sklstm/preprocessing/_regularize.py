"""regularize: a row for every time step of every series."""

from typing import Any

import numpy as np
import pandas as pd

from .._panels.missing_steps import fill_steps
from .._panels.rows import read_rows
from .._panels.series_steps import check_one_step, find_steps
from .._panels.time_step import is_inferred, read_time_step
from ._frames import replace_columns

__all__ = ["regularize"]


def regularize(
    panel: pd.DataFrame | pd.Series, freq: Any = "infer"
) -> pd.DataFrame | pd.Series:
    """Add a row without values for every missing time step of each series.

    A window counts rows. If a row is missing, earlier rows move up, and a season is no
    longer where a model expects it. This function gives each series a row for every
    time step between its first and its last row.

    Parameters
    ----------
    panel : DataFrame or Series
        Rows indexed by series and time, in any order.
    freq : "infer", str, offset, Timedelta or number, default="infer"
        The step of the times: an alias or an offset of pandas, such as "15min", "B"
        or ``pd.offsets.CustomBusinessDay(holidays=...)``, and a number for times that
        are numbers. "infer" takes the step that most rows keep.

    Returns
    -------
    regular : DataFrame or Series
        The given rows and the missing ones, sorted by series, then time. Missing rows
        hold NaN; where there are any, whole numbers and bools become float64.

    Raises
    ------
    ValueError
        If no step is found or series keep different ones, if a row lies between two
        steps, or if more than ten rows would be added for each given one (and more
        than 10 000 in all).

    See Also
    --------
    describe_panel : What is missing, series by series.
    SeriesImputer : Fill the values of the rows added.

    Notes
    -----
    Days and longer steps follow the clock on the wall, shorter ones do not: a day of
    25 hours has 25 steps of an hour. Steps of weekdays (Monday to Friday), months,
    quarters and years are understood, and all offsets of pandas.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import regularize
    >>> index = pd.MultiIndex.from_tuples(
    ...     [("kiosk", 1), ("kiosk", 2), ("kiosk", 4), ("mall", 7)],
    ...     names=["store", "day"],
    ... )
    >>> regularize(pd.DataFrame({"sales": [5, 6, 8, 90]}, index=index))
               sales
    store day
    kiosk 1      5.0
          2      6.0
          3      NaN
          4      8.0
    mall  7     90.0
    """
    rows = read_rows(panel, "panel")
    index, positions = fill_steps(rows, _find_step(rows, freq))
    source = np.full(len(index), -1)
    source[positions] = np.arange(len(rows)) if rows.order is None else rows.order
    frame = panel.to_frame() if isinstance(panel, pd.Series) else panel
    if len(index) > len(rows):
        frame = _allow_missing(frame)
    # No row has the label -1, so that it finds none.
    out = frame.reset_index(drop=True).reindex(source).set_axis(index, axis=0)
    return out.iloc[:, 0].rename(panel.name) if isinstance(panel, pd.Series) else out


def _find_step(rows, freq):
    if not is_inferred(freq):
        return read_time_step(freq, rows.time)
    steps = find_steps(rows)
    if steps.main is None:
        reason = (
            "no series has two rows"
            if rows.lengths.max() == 1
            else f"times of dtype {rows.time.dtype} have no arithmetic"
        )
        raise ValueError(
            f"No time step can be found: {reason}. Give freq, or make the last index "
            "level dates, periods or numbers."
        )
    check_one_step(rows, steps)
    return steps.main


def _allow_missing(frame):
    """Make floats of the columns whose dtype has no missing value."""
    plain = [
        i
        for i, dtype in enumerate(frame.dtypes)
        if isinstance(dtype, np.dtype) and dtype.kind in "iub"
    ]
    columns = [frame.iloc[:, i].astype(np.float64) for i in plain]
    return replace_columns(frame, plain, columns)

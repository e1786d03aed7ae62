"""Missing values that a regressor does not accept, named by their rows."""

from contextlib import contextmanager

import numpy as np

from .._panels.rows import show

__all__ = ["missing_named"]


@contextmanager
def missing_named(some, windows, index):
    """Name the missing values, where a regressor only says that there are some.

    Parameters
    ----------
    some : PanelWindows
        The windows that the regressor reads.
    windows : PanelWindows of shape (n_rows, window_size, n_features)
        One for each row, over the same table.
    index : Index of shape (n_rows,)
        The labels of the rows.
    """
    try:
        yield
    except ValueError as error:
        found = _missing(some, windows, index) if "NaN" in str(error) else []
        if not found:
            raise
        named = ValueError(
            "The regressor does not accept missing values (NaN), and its windows "
            f"lack {' and '.join(found)}. Fill them, X with a SeriesImputer, or use "
            "a regressor that accepts them, such as LSTMRegressor."
        )
        for note in getattr(error, "__notes__", ()):
            named.add_note(note)
        raise named from error


def _missing(some, windows, index):
    """Say which values in the rows of some windows are missing: a list of text."""
    table, rows = windows.table, some.rows_read()[windows.ends]
    missing = {"y": np.isnan(table.target).any(axis=1)[windows.ends] & rows}
    for name, values in zip(table.names, table.values.T, strict=True):
        missing[repr(name)] = np.isnan(values)[windows.ends] & rows
    return [
        f"{name} at {show(index[where])}"
        for name, where in missing.items()
        if where.any()
    ]

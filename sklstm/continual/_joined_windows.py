"""Windows of several data sets in one container."""

from functools import reduce

import numpy as np

from .._windows.windows import PanelTable, PanelWindows, join_labels

__all__ = ["join_windows"]


def join_windows(parts):
    """Put windows of several panels one after another, over one table.

    Parameters
    ----------
    parts : dict of str to PanelWindows
        The windows of each data set.

    Returns
    -------
    PanelWindows
        The categories are those of all parts, in the order they come up, so that codes
        of the first part keep their meaning.
    """
    first = next(iter(parts.values()))
    for name, part in parts.items():
        _check_same_features(name, part, first)
    if len(parts) == 1:
        return first
    categories = reduce(join_labels, (p.table.categories for p in parts.values()))
    windows = [part.with_categories(categories) for part in parts.values()]
    tables = [part.table for part in windows]
    before = np.cumsum([0, *(len(table.values) for table in tables)])
    joined = PanelTable(
        np.concatenate([table.values for table in tables]),
        np.concatenate([table.codes for table in tables]),
        np.concatenate([table.target for table in tables]),
        np.concatenate(
            [[0], *(t.indptr[1:] + n for t, n in zip(tables, before, strict=False))]
        ),
        np.concatenate([t.segments + n for t, n in zip(tables, before, strict=False)]),
        first.table.names,
        categories,
        first.table.known,
        first.table.view,
    )
    ends = [part.ends + n for part, n in zip(windows, before, strict=False)]
    return PanelWindows(joined, np.concatenate(ends), first.window_size)


def _check_same_features(name, part, first):
    ours, others = (
        (list(p.table.names), list(p.table.categories), p.window_size)
        for p in (part, first)
    )
    if ours != others:
        raise ValueError(
            f"Data set {name!r} has windows of {ours[2]} rows with the numeric columns "
            f"{ours[0]} and the categorical columns {ours[1]}, but the first data set "
            f"has {others[2]} rows, {others[0]} and {others[1]}. All data sets must "
            "come out of the transformers with the same columns, of the same kinds."
        )

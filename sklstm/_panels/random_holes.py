"""Panels that a random split took rows out of: noticed, and refused.

A window needs the rows before its last one. Splitters that draw rows take them out of
the middle of every series; a model would train on the rest, and score, without a word.
"""

import numpy as np

from .time_step import infer_time_step, pairs_within

__all__ = ["CUT_BY_TIME", "check_not_drawn"]

CUT_BY_TIME = (
    "Training rows must come before the rows to test: use cv=PanelTimeSeriesSplit(...) "
    "or backtest, which cut every series in time (SeriesKFold holds out whole series), "
    "not train_test_split, KFold, ShuffleSplit, TimeSeriesSplit, learning_curve or a "
    "halving search by n_samples."
)

# A drawn order goes back in time at half of its rows, any other order rarely or always.
_DRAWN_ORDER = (0.2, 0.8)
_FEWEST_HOLES = 3


def check_not_drawn(rows, name="X"):
    """Raise if rows are in random order, with rows missing at random between them.

    Rows in the order of time are not judged, whatever gaps they have, nor are complete
    ones in any order.

    Parameters
    ----------
    rows : PanelRows
    name : str
        What to call them in an error.
    """
    if rows.order is None or not _in_drawn_order(rows):
        return
    steps = _steps_between(rows)
    holes = steps > 1
    if holes.sum() < _FEWEST_HOLES or not _are_drawn(steps, holes):
        return
    missing = 1 - len(steps) / steps.sum()
    raise ValueError(
        f"The rows of {name} are in random order, and {missing:.0%} of the time steps "
        f"between them are missing at random, as a random split leaves them. A window "
        f"needs all rows before its last one. {CUT_BY_TIME} If the data themselves "
        "lack these rows, sort them: X = X.sort_index(), y = y.sort_index(); or use a "
        "forecaster with gaps='fill'."
    )


def _in_drawn_order(rows):
    """Whether the rows of each series, as given, go back in time about every other."""
    series, place = rows.unsort(rows.codes), rows.positions()
    if np.count_nonzero(place[1:] < place[:-1]) < 2:
        # At most two sorted parts, one behind the other: not a random order.
        return False
    by_series = np.argsort(series, kind="stable")
    same = np.diff(series[by_series]) == 0
    back = (np.diff(place[by_series]) < 0)[same]
    low, high = _DRAWN_ORDER
    return len(back) > 0 and low < back.mean() < high


def _steps_between(rows):
    """How many times of the panel lie between each row and the next, counting that.

    A time at which no series has a row is not a hole. In a single series the smallest
    step between rows counts as one; all steps count as one unless they are multiples
    of it.
    """
    before = pairs_within(rows.indptr)
    if rows.n_series > 1:
        return np.diff(rows.sort(rows.time_ranks()))[before]
    step = infer_time_step(rows.time, rows.indptr)
    if step is None:
        return np.ones(len(before))
    steps = step.measure(rows.time[before], rows.time[before + 1])
    steps = np.asarray(steps, dtype=np.float64) / np.min(steps)
    whole = np.allclose(steps, np.round(steps), rtol=0, atol=1e-3)
    return np.round(steps) if whole else np.ones(len(before))


def _are_drawn(steps, holes):
    """Whether as many holes are one row wide as where rows are drawn one by one.

    If a share p of the rows is left, a row is followed by the next one with probability
    p, and so a hole is one row wide with probability p too. Nights, weekends and
    outages make holes of other widths.
    """
    one_wide, left = np.mean(steps[holes] == 2), 1 - holes.mean()
    return abs(one_wide - left) < 0.2 + 1 / np.sqrt(holes.sum())

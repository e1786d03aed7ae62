"""The data sets of a loop: joined, transformed, and split into head and tail."""

from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone

from .._panels.rows import (
    align_target,
    check_frame,
    index_message,
    is_panel,
    level_values,
    read_rows,
    rows_without_columns,
    show,
)
from .._windows.step_targets import StepTargets, split_tails
from .._windows.windows import PanelTable, PanelWindows, join_labels
from ..forecasting._windows_regression import training_origins

__all__ = [
    "LoopData",
    "join_datasets",
    "join_windows",
    "make_data",
    "prepare_more",
    "prepare_own",
    "prepare_shared",
    "take_rows",
    "with_padding",
]


def join_datasets(datasets):
    """Put panels under one index, the data set as its first level.

    Parameters
    ----------
    datasets : list of (X, y), or dict of these
        A list names them 0, 1, 2 and so on. An X of None has the rows of y.

    Returns
    -------
    X : DataFrame of shape (n_rows, n_columns)
    y : Series or DataFrame of shape (n_rows,) or (n_rows, n_targets)
    """
    if not isinstance(datasets, dict):
        datasets = dict(enumerate(datasets))
    if not datasets:
        raise ValueError("datasets is empty; give at least one (X, y).")
    frames, targets = {}, {}
    first = None
    for name, pair in datasets.items():
        X, y = _check_pair(name, pair)
        first = X if first is None else first
        _check_alike(name, X, first)
        frames[name] = X
        table = align_target(X, y)
        one_axis = np.ndim(y) == 1
        targets[name] = (
            table.iloc[:, 0].rename(getattr(y, "name", None)) if one_axis else table
        )
    if len({target.ndim for target in targets.values()}) > 1:
        raise ValueError(
            "Some data sets have a y of one axis and others one of two. Give all the "
            "same shape."
        )
    levels = ["dataset", *first.index.names]
    return pd.concat(frames, names=levels), pd.concat(targets, names=levels)


def _check_pair(name, pair):
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(
            f"Data set {name!r} must be a pair (X, y), got {type(pair).__name__}."
        )
    X, y = pair
    X = rows_without_columns(y, f"y of data set {name!r}") if X is None else X
    if not is_panel(X):
        raise TypeError(index_message(X, f"X of data set {name!r}"))
    check_frame(X, f"X of data set {name!r}")
    if len(X) == 0:
        raise ValueError(f"Data set {name!r} has no rows. Leave it out.")
    return X, y


def _check_alike(name, X, first):
    if not X.columns.equals(first.columns):
        raise ValueError(
            f"Data set {name!r} has the columns {show(list(X.columns), 10)}, but the "
            f"first one has {show(list(first.columns), 10)}. All data sets must have "
            "the same columns in the same order."
        )
    if X.index.nlevels != first.index.nlevels:
        raise ValueError(
            f"Data set {name!r} is indexed by {X.index.nlevels} levels, but the first "
            f"one by {first.index.nlevels}. Give all the same levels."
        )


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


# An index label that no data set has, for what was joined before.
_BEFORE = object()


class LoopData(NamedTuple):
    """The windows of all data sets.

    Attributes
    ----------
    names : list
        The data sets.
    windows : PanelWindows of shape (n_windows, window_size, n_features)
    targets : StepTargets of shape (n_windows, horizon * n_targets)
    dataset : ndarray of int of shape (n_windows,)
        The position in `names` of each window's data set.
    learned, valid : list of ndarray of int
        For each data set the positions of the windows to learn, and of those held out.
    """

    names: list
    windows: PanelWindows
    targets: StepTargets
    dataset: np.ndarray
    learned: list
    valid: list


class Prepared(NamedTuple):
    """Data sets whose transformers are fitted, for a regressor to be trained on.

    Attributes
    ----------
    windows : dict of PanelWindows
        By data set, or all in one.
    dataset : ndarray of int of shape (n_windows,)
        The position of each window's data set among the given ones.
    finish : callable
        Given the trained regressor it returns a dict, the forecaster of each data set.
    """

    windows: dict
    dataset: np.ndarray
    finish: Callable


def take_rows(y, rows):
    """Take rows of a pandas object or an array."""
    return y.iloc[rows] if hasattr(y, "iloc") else np.asarray(y)[rows]


def with_padding(forecaster, X, size=None):
    """Clone a forecaster, its windows as long in every data set, however short.

    Parameters
    ----------
    forecaster : PanelForecaster
    X : DataFrame
        The rows of all data sets.
    size : int, default=None
        The length of the windows, where it is known.
    """
    forecaster = clone(forecaster)
    window = forecaster.estimator.steps[-2][1]
    if not hasattr(window, "shorten"):
        return forecaster
    longest = int(read_rows(X).lengths.max())
    if size is None and window.shorten is not True:
        size = window.window_size
        if window.shorten is False and size > longest:
            raise ValueError(
                f"window_size={size} is longer than the longest series of all data "
                f"sets, which has {longest} rows. Choose a window_size of at most "
                f"{longest}, or set shorten=True."
            )
    window.set_params(window_size=size or min(window.window_size, longest))
    window.set_params(shorten="pad")
    return forecaster


def prepare_own(forecaster, X, y, parts):
    """Fit the transformers of each data set on its own rows.

    Parameters
    ----------
    forecaster : PanelForecaster
    X : DataFrame of shape (n_rows, n_columns)
    y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
    parts : dict
        The rows of each data set.

    Returns
    -------
    Prepared
    """
    fitted = {}
    for name, rows in parts.items():
        try:
            fitted[name] = forecaster.prepare(X.iloc[rows], take_rows(y, rows))
        except (TypeError, ValueError) as error:
            error.add_note(f"This came up in data set {name!r}.")
            raise
    windows = {name: ready.windows for name, ready in fitted.items()}
    dataset = np.repeat(np.arange(len(parts)), [len(w) for w in windows.values()])

    def finish(regressor):
        return {name: ready.finish(regressor) for name, ready in fitted.items()}

    return Prepared(windows, dataset, finish)


def prepare_shared(forecaster, X, y, parts):
    """Fit the transformers once, on the rows of all data sets.

    Parameters and returns are those of `prepare_own`.
    """
    ready = forecaster.prepare(X, y)

    def finish(regressor):
        return dict.fromkeys(parts, ready.finish(regressor))

    return Prepared({"": ready.windows}, _codes(ready.index, parts), finish)


def prepare_more(forecaster, X, y, parts):
    """Let transformers that are fitted learn of new series, and make their windows.

    Parameters
    ----------
    forecaster : fitted PanelForecaster
        Of the data sets so far, all of which share it.
    X : DataFrame of shape (n_rows, n_columns)
    y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
    parts : dict
        The rows of each new data set.

    Returns
    -------
    Prepared
    """
    ready = forecaster.prepare_more(X, y)

    def finish(regressor):
        return dict.fromkeys(parts, ready.finish(regressor))

    return Prepared({"": ready.windows}, _codes(ready.index, parts), finish)


def _codes(index, names):
    """The position in `names` of the data set of each row."""
    labels = pd.Index(list(names), tupleize_cols=False)
    return labels.get_indexer(level_values(index, 0))


def make_data(prepared, names, forecaster, fraction, before=None):
    """Join windows, and split those of each data set.

    Parameters
    ----------
    prepared : Prepared
    names : list
        Its data sets.
    forecaster : PanelForecaster
        Whose `horizon` and `stride` are read.
    fraction : float
        Share of each series' windows, the latest ones, that is held out.
    before : LoopData, default=None
        The data sets that these come behind.

    Returns
    -------
    LoopData
    """
    parts, dataset = prepared.windows, prepared.dataset
    if before is not None:
        parts = {_BEFORE: before.windows} | parts
        dataset = np.concatenate([before.dataset, dataset + len(before.names)])
        names = [*before.names, *names]
    windows = join_windows(parts)
    target, segments, horizon = (
        windows.table.target,
        windows.table.segments,
        forecaster.horizon,
    )
    targets = StepTargets(target, windows.ends, segments, horizon)
    origins = training_origins(windows, targets, forecaster.stride, complete=False)
    learned, valid = origins, origins[:0]
    if fraction:
        series, order = windows.series[origins], windows.ends[origins]
        head, tail = split_tails(series, order, fraction, horizon - 1)
        learned, valid = origins[head], origins[tail]
    learned, valid = (
        [positions[dataset[positions] == number] for number in range(len(names))]
        for positions in (learned, valid)
    )
    _check_learnable(names, learned)
    return LoopData(names, windows, targets, dataset, learned, valid)


def _check_learnable(names, learned):
    for name, positions in zip(names, learned, strict=True):
        if len(positions) == 0:
            raise ValueError(
                f"Data set {name!r} has no row of y that can be learned: every target "
                "is missing, or no series has two rows. Leave the data set out, or "
                "give it to update, which forecasts it without training."
            )

"""Which data set is trained when, and for how long."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .._panels.parameters import is_count
from .._panels.rows import level_values, show

__all__ = [
    "Stage",
    "group_of_windows",
    "plan_epochs",
    "plan_order",
    "split_datasets",
]


def split_datasets(X):
    """Find the rows of each data set of a panel.

    Parameters
    ----------
    X : DataFrame
        Whose first index level names the data set.

    Returns
    -------
    dict
        For each data set, in the order of its first row, the positions of its rows.
    """
    codes, names = pd.factorize(level_values(X.index, 0))
    codes = np.where(np.asarray(X.index.codes[0]) < 0, -1, codes)
    if (codes < 0).any():
        raise ValueError(
            f"{np.sum(codes < 0)} row(s) of X have no data set: their label in the "
            "first index level is missing. Drop these rows or give them a label."
        )
    order = np.argsort(codes, kind="stable")
    cuts = np.cumsum(np.bincount(codes, minlength=len(names)))[:-1]
    return dict(zip(names, np.split(order, cuts), strict=True))


def plan_order(sizes, order):
    """Put data sets in the order of their stages.

    Parameters
    ----------
    sizes : dict
        Rows of each data set, in the given order.
    order : {"given", "largest", "smallest"} or list
        A list names the first data sets; the others follow as given.

    Returns
    -------
    list
    """
    names = list(sizes)
    if order == "largest":
        return sorted(names, key=lambda name: -sizes[name])
    if order == "smallest":
        return sorted(names, key=lambda name: sizes[name])
    if isinstance(order, str):
        return names
    _check_names(order, names, "order")
    if len(set(order)) < len(order):
        raise ValueError(
            f"order names a data set more than once: {show(list(order), 10)}. Name "
            "each data set once."
        )
    return [*order, *(name for name in names if name not in order)]


def plan_epochs(names, epochs):
    """Choose the number of epochs of each data set, None for that of the regressor.

    Parameters
    ----------
    names : list
        Data sets.
    epochs : int, dict or None

    Returns
    -------
    dict
    """
    if not isinstance(epochs, dict):
        return dict.fromkeys(names, epochs)
    _check_names(epochs, names, "epochs")
    for name, n in epochs.items():
        if not is_count(n):
            raise ValueError(
                f"epochs must hold integers of at least 1, got {n!r} for {name!r}."
            )
    return {name: epochs.get(name) for name in names}


def group_of_windows(balance, dataset, windows):
    """The group of each window; groups have equal weight. None: no groups.

    Parameters
    ----------
    balance : {"rows", "series", "datasets"}
    dataset : ndarray of int of shape (n_windows,)
    windows : PanelWindows
    """
    if balance == "rows":
        return None
    return dataset if balance == "datasets" else windows.series


def _check_names(found, names, parameter):
    unknown = [name for name in found if name not in names]
    if unknown:
        raise ValueError(
            f"{parameter} names {show(unknown)}, but the data sets are "
            f"{show(names, 10)}."
        )


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage: the windows to learn, and how.

    Attributes
    ----------
    learned : ndarray of int
        Positions of the windows to learn.
    valid : ndarray of int
        Positions of windows whose loss is watched after each epoch; may be empty.
    remembered : ndarray of int
        Positions of windows of earlier stages, to be replayed; may be empty.
    groups : ndarray of int of shape (n_windows,) or None
        The group of each window. Those replayed, and those learned if `balanced`, are
        drawn so that all groups have the same part. None lets each window count 1.
    balanced : bool
        Whether the windows to learn are drawn by groups.
    replay : float
        Share of replayed windows in a batch.
    n_epochs : int or None
        None leaves it to the regressor.
    lr_factor : float
        Factor of the learning rate of the regressor.
    keep_optimizer : bool
        Whether the optimizer keeps its state from the previous stage.
    l2_sp, ewc : float
        Strength of the penalties on the distance from the weights at the start of the
        stage, and from the important weights of each earlier stage.
    n_done : int
        Number of epochs already done, in a resumed stage.
    after_epoch : callable or None
        Called with the number of epochs done after each of them.
    """

    learned: np.ndarray
    valid: np.ndarray
    remembered: np.ndarray
    groups: np.ndarray | None = None
    balanced: bool = False
    replay: float = 0.0
    n_epochs: int | None = None
    lr_factor: float = 1.0
    keep_optimizer: bool = False
    l2_sp: float = 0.0
    ewc: float = 0.0
    n_done: int = 0
    after_epoch: Callable | None = None

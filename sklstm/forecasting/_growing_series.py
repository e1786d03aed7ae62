"""Transformers that learn of series which join after fit, and follow their growth."""

from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from .._panels.rows import locate_series
from ._forecaster_checks import check_windows
from ._target_transform import (
    check_still_known,
    extend_transformer,
    fit_target,
    name_target,
    transform_target,
)

__all__ = [
    "GrowingTransform",
    "join_new_rows",
    "weigh_new_rows",
]


@dataclass(frozen=True, eq=False)
class GrowingTransform:
    """Fitted transformers, and which of the series they know are young.

    A young series joined after `fit`, or had no known y in it, and has fewer known
    values of y than the longest series of `fit`. Its statistics are those of all its
    rows so far. Then they settle, as those of the series in `fit` did. So statistics
    depend on the rows of a series alone, and not on how many of them came at a time.

    Attributes
    ----------
    target_transformer : transformer or None
    steps : Pipeline
        The transformers of X.
    enough : int
        The number of known values of y at which a series settles.
    young : Index
        The labels of the young series.
    settled : tuple of (transformer or None, Pipeline)
        The transformers before they learned of the young series.
    """

    target_transformer: object
    steps: Pipeline
    enough: int
    young: pd.Index
    settled: tuple

    @classmethod
    def of(cls, target_transformer, steps, history):
        """Take the transformers that were fitted on a history.

        A series without any known y is young: it has no statistics yet.
        """
        blank, settled = _count_known(history) == 0, target_transformer
        if blank.any() and not blank.all():
            known = history.select(np.flatnonzero(~blank))
            settled = fit_target(target_transformer, known.y)
        return cls(
            target_transformer,
            steps,
            enough=int(_count_known(history).max()),
            young=history.series[blank],
            settled=(settled, steps),
        )

    def after(self, history, new, series):
        """Learn of new rows; these transformers stay as they are.

        Parameters
        ----------
        history : History
            The remembered rows, the new ones included.
        new : History
            The new rows.
        series : Index
            The series that were known before.

        Returns
        -------
        GrowingTransform
        """
        joined = locate_series(history.series, series) < 0
        grows = joined | history.series.isin(self.young)
        target_transformer, steps = self.settled
        target_transformer = deepcopy(target_transformer)
        # Known series keep their statistics, but may turn negative for the first time.
        known = new.series.isin(series) & ~new.series.isin(history.series[grows])
        _learn((target_transformer, None), new, known)
        settled = (target_transformer, steps)
        if not grows.any():
            return replace(self, target_transformer=target_transformer, settled=settled)
        settled = deepcopy(settled)
        young = grows & (_count_known(history) < self.enough)
        _learn(settled, history, grows & ~young, self.enough)
        current = settled
        if young.any():
            current = deepcopy(settled)
            _learn(current, history, young)
        return replace(
            self,
            target_transformer=current[0],
            steps=current[1],
            young=history.series[young],
            settled=settled,
        )


def _learn(transformers, history, chosen, n_known=None):
    """Let transformers learn of chosen series, from all rows or their first ones."""
    if chosen.any():
        rows = history.select(np.flatnonzero(chosen))
        rows = rows if n_known is None else _first_known(rows, n_known)
        target_transformer, steps = transformers
        extend_transformer(target_transformer, name_target(rows.y))
        extend_transformer(steps, rows.X)


def _known(history):
    return np.isfinite(history.y.to_numpy()).all(axis=1)


def _count_known(history):
    """The number of rows of each series in which every target is known."""
    return np.add.reduceat(_known(history), history.rows.indptr[:-1], dtype=np.intp)


def _first_known(history, n):
    """Keep the rows of each series up to its `n`-th known value."""
    known = _known(history)
    before = np.cumsum(known) - known
    before -= before[history.rows.indptr[:-1]][history.rows.codes]
    return history.take(np.flatnonzero(before < n))


def join_new_rows(history, new, target_transformer, steps):
    """Make windows of the series of new rows, all their remembered rows included.

    Parameters
    ----------
    history : History
        Which holds the new rows already.
    new : History
    target_transformer, steps : transformers

    Returns
    -------
    windows : PanelWindows of shape (n_rows, window_size, n_features)
    past : ndarray of shape (n_rows, n_targets)
        The transformed target.
    learned : ndarray of bool of shape (n_rows,)
        Which rows are new.
    """
    joint = history.select(np.flatnonzero(history.series.isin(new.series)))
    past = transform_target(target_transformer, joint.y)
    check_still_known(past, joint.y)
    windows = check_windows(steps.transform(joint.X)).with_target(past)
    return windows, past, joint.X.index.isin(new.X.index)


def weigh_new_rows(weight, learned, series):
    """Weigh remembered rows by 1, and those filled in behind new ones like these."""
    weights, rows = np.ones(len(learned)), np.arange(len(learned))
    weights[learned] = weight
    first = np.diff(series, prepend=-1) > 0
    return weights[np.maximum.accumulate(np.where(learned | first, rows, 0))]

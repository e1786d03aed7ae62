"""score_epochs: the scores of every fold after each epoch, as training goes on."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import check_scoring

from .._panels.flat_tables import panel_of, take_rows
from .._panels.parameters import is_count
from .._panels.rows import (
    index_message,
    is_panel,
    target_of_rows,
)
from ._folds import read_folds

__all__ = ["score_epochs"]


def score_epochs(
    forecaster: Any,
    X: pd.DataFrame | None,
    y: Any,
    *,
    cv: Any,
    scoring: Any = None,
    n_epochs: int | None = None,
    every: int = 1,
) -> Iterator[np.ndarray]:
    """Train one forecaster for each fold side by side, and score them as they learn.

    Epochs are trained when their scores are asked for, so a search stops a candidate
    whenever it falls behind, and goes on with another from the weights that it has.

    Parameters
    ----------
    forecaster : LSTMForecaster or other forecaster with `partial_fit`
        The forecaster. It is cloned for each fold, and not changed. Its learning rate
        falls over `max_epochs`, so give it a number there, not "auto".
    X : DataFrame of shape (n_rows, n_columns) or None
        Covariates indexed by (series, time). None takes the rows from y.
    y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
        The target, or several.
    cv : int, splitter or iterable of (train, test)
        The folds, such as those of :class:`~sklstm.PanelTimeSeriesSplit`; rows by
        position, or as boolean masks.
    scoring : str or callable, default=None
        A scorer as in :class:`~sklearn.model_selection.GridSearchCV`, such as
        ``make_panel_scorer("mase")``. None uses the forecaster's `score`.
    n_epochs : int, default=None
        Number of epochs. None reads the forecaster's `max_epochs`.
    every : int, default=1
        Number of epochs from one score to the next. On small networks scoring takes a
        third of the time of an epoch.

    Returns
    -------
    generator of ndarray of shape (n_folds,)
        The score of each fold's test rows after `every` more epochs, and after the
        last one; greater is better.

    See Also
    --------
    backtest : The forecasts of every fold.

    Notes
    -----
    Each epoch is a call of `partial_fit`, on all training rows of a fold. It draws a
    seed of its own, so the last scores are close to, but not equal to, those of one
    `fit` with the same number of epochs.

    Examples
    --------
    >>> from sklstm import LSTMForecaster, PanelTimeSeriesSplit, score_epochs
    >>> from sklstm.datasets import load_fertility
    >>> y = load_fertility()["fertility_rate"].loc[["Chad", "Chile", "China"]]
    >>> forecaster = LSTMForecaster(
    ...     horizon=5, hidden_size=8, max_epochs=3, n_estimators=1, random_state=0
    ... )
    >>> cv = PanelTimeSeriesSplit(n_splits=2, horizon=5)
    >>> for epoch, scores in enumerate(score_epochs(forecaster, None, y, cv=cv), 1):
    ...     print(epoch, scores.shape)
    1 (2,)
    2 (2,)
    3 (2,)
    """
    if not hasattr(forecaster, "partial_fit"):
        raise TypeError(
            f"score_epochs trains epoch by epoch, with partial_fit, which "
            f"{type(forecaster).__name__} does not have. Pass a forecaster around an "
            "LSTMRegressor."
        )
    n_epochs = _max_epochs(forecaster) if n_epochs is None else n_epochs
    if not is_count(n_epochs):
        raise ValueError(f"n_epochs must be an integer of at least 1, got {n_epochs!r}")
    if not is_count(every):
        raise ValueError(f"every must be an integer of at least 1, got {every!r}")
    scorer = check_scoring(forecaster, scoring)
    panel, y = panel_of(forecaster, X, y)
    if not is_panel(panel):
        raise TypeError(index_message(panel))
    X, y = panel if X is None else X, target_of_rows(panel, y)
    folds = [(clone(forecaster), *fold) for fold in read_folds(cv, panel, y)]
    return _train_in_turn(folds, X, y, scorer, n_epochs, every)


def _train_in_turn(folds, X, y, scorer, n_epochs, every):
    for epoch in range(1, n_epochs + 1):
        for model, train, _ in folds:
            model.partial_fit(take_rows(X, train), y.iloc[train])
        if epoch % every and epoch < n_epochs:
            continue
        yield np.array(
            [
                scorer(model, take_rows(X, test), y.iloc[test])
                for model, _, test in folds
            ]
        )


def _max_epochs(forecaster):
    params = forecaster.get_params()
    names = [name for name in params if name.split("__")[-1] == "max_epochs"]
    values = [params[name] for name in names]
    if len(set(values)) != 1 or values[0] == "auto":
        found = dict(zip(names, values, strict=True))
        raise ValueError(
            f"The number of epochs is not known: max_epochs is {found}. Set it to an "
            "integer, or pass n_epochs."
        )
    return values[0]

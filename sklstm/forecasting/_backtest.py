"""backtest: the forecasts of every fold as one tidy frame."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from .._panels.flat_tables import panel_of, take_rows
from .._panels.rows import (
    check_known_series,
    index_message,
    is_panel,
    locate_series,
    read_rows,
    show,
    target_of_rows,
    with_times_of,
)
from ._folds import read_folds
from ._history import History
from ._rows_ahead import steps_ahead


def backtest(
    forecaster: Any,
    X: pd.DataFrame | None,
    y: Any,
    *,
    cv: Any,
    quantiles: Any = None,
    refit: bool = True,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Forecast every fold of a panel, each from its own past.

    Parameters
    ----------
    forecaster : PanelForecaster, or a Pipeline or search that ends with one
        The forecaster. It is cloned, and not changed.
    X : DataFrame of shape (n_rows, n_columns) or None
        Covariates indexed by (series, time), or a flat table if the forecaster has
        `index`. None takes the rows from y.
    y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
        The target, or several.
    cv : int, splitter or iterable of (train, test)
        The folds, such as those of :class:`~sklstm.PanelTimeSeriesSplit`; rows by
        position, or as boolean masks.
    quantiles : sequence of float, default=None
        Quantiles to forecast as well, ascending, with the forecaster's
        `predict_quantiles`.
    refit : bool, default=True
        Whether to fit again on every fold. False fits on the first fold and only
        updates the history for later folds. The training rows of later folds must
        contain those of the first one, and the forecaster must have `update`.
    n_jobs : int, default=None
        Number of folds fitted in parallel, if `refit` is True.

    Returns
    -------
    DataFrame
        One row for each row of each test fold, with the columns ``cutoff`` (the
        last time in training at which y of the row's series is known), the names of the
        index levels, ``step`` (how many steps after the cutoff), ``y_true``,
        ``y_pred``, and one column for each of `quantiles`, named by that number. With
        several targets there is a row for each, whose name is in a column ``target``
        after ``step``. An index level that has the name of one of these columns is
        refused.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import PanelForecaster, PanelTimeSeriesSplit, SlidingWindow
    >>> from sklstm import backtest
    >>> from sklstm.datasets import make_panel
    >>> panel = make_panel(n_series=3, n_rows=60, random_state=0)
    >>> forecaster = PanelForecaster(
    ...     make_pipeline(SlidingWindow(window_size=14, flat=True), Ridge()), horizon=7
    ... )
    >>> cv = PanelTimeSeriesSplit(n_splits=2, horizon=7)
    >>> result = backtest(forecaster, panel[[]], panel["target"], cv=cv)
    >>> result.columns.tolist()
    ['cutoff', 'series', 'time', 'step', 'y_true', 'y_pred']
    >>> len(result)
    42
    """
    panel, y = panel_of(forecaster, X, y)
    if not is_panel(panel):
        raise TypeError(index_message(panel))
    X, y = panel if X is None else X, target_of_rows(panel, y)
    _check_names(y, quantiles)
    folds = read_folds(cv, panel, y)
    if refit:
        parts = Parallel(n_jobs=n_jobs)(
            delayed(_forecast_fold)(clone(forecaster), X, y, train, test, quantiles)
            for train, test in folds
        )
    else:
        parts = _forecast_updated(clone(forecaster), X, y, folds, quantiles)
    return pd.concat(parts, ignore_index=True)


def _check_names(y, quantiles):
    """Raise if the table of the forecasts would have two columns of one name."""
    several = isinstance(y, pd.DataFrame)
    if several and not y.columns.is_unique:
        twice = y.columns[y.columns.duplicated()].unique()
        raise ValueError(
            f"y has more than one target named {show(list(twice))}. Give each a name "
            "of its own."
        )
    own = ["cutoff", "step", *(["target"] if several else []), "y_true", "y_pred"]
    own += [] if quantiles is None else np.ravel(quantiles).tolist()
    levels = _level_names(y.index)
    clash = [name in own + levels[:i] for i, name in enumerate(levels)]
    if any(clash):
        pairs = list(zip(levels, clash, strict=True))
        taken = [name for name, bad in pairs if bad]
        free = [f"own_{name}" if bad else name for name, bad in pairs]
        raise ValueError(
            f"The index level {show(taken)} has the name of another column of the "
            f"table that backtest returns: {show(own, 10)}, and the levels "
            f"{show(levels)}. Rename it in X and y, such as X.rename_axis({free!r}); "
            "in a flat table rename its column."
        )


def _forecast_fold(forecaster, X, y, train, test, quantiles):
    forecaster.fit(take_rows(X, train), y.iloc[train])
    out = _forecasts(forecaster, take_rows(X, test), quantiles)
    return _tidy(out, forecaster, y, train, test)


def _forecast_updated(forecaster, X, y, folds, quantiles):
    seen = folds[0][0]
    forecaster.fit(take_rows(X, seen), y.iloc[seen])
    parts = []
    for train, test in folds:
        if not np.isin(seen, train).all():
            raise ValueError(
                "refit=False needs folds that grow: a later fold lacks training rows "
                "of an earlier one. Use refit=True, or a splitter without "
                "max_train_size."
            )
        new = np.setdiff1d(train, seen)
        if len(new):
            forecaster.update(take_rows(X, new), y.iloc[new])
        seen = train
        out = _forecasts(forecaster, take_rows(X, test), quantiles)
        parts.append(_tidy(out, forecaster, y, train, test))
    return parts


def _forecasts(forecaster, X, quantiles):
    """The point forecasts of rows, and their quantiles, as a table for each target."""
    y_pred = np.reshape(forecaster.predict(X), (len(X), -1))
    tables = [pd.DataFrame({"y_pred": column}) for column in y_pred.T]
    if quantiles is None:
        return tables
    levels = forecaster.predict_quantiles(X, quantiles)
    names = levels.columns.get_level_values(-1)[: levels.shape[1] // len(tables)]
    values = levels.to_numpy().reshape(len(X), len(tables), -1)
    return [
        table.join(pd.DataFrame(values[:, i], columns=names))
        for i, table in enumerate(tables)
    ]


def _tidy(forecasts, forecaster, y, train, test):
    """Put the forecasts of a fold beside the truth, sorted by series and time."""
    past = pd.DataFrame(y.iloc[train])
    history = History.of(past, past, _setting(forecaster, "freq", "infer"))
    history, _ = history.until_known()
    if _setting(forecaster, "gaps", "keep") == "fill":
        history = history.by_time()
    rows = read_rows(with_times_of(pd.DataFrame(y.iloc[test]), history.rows.time))
    position = locate_series(rows.series, history.series)
    check_known_series(
        position,
        rows.series,
        "backtest forecasts series from their training rows; use cross_val_predict "
        "for series that are held out whole.",
    )
    code = position[rows.codes]
    cutoff = history.end.take(code)
    step = steps_ahead(history, rows.time, code)
    order = slice(None) if rows.order is None else rows.order
    truth = pd.DataFrame(y.iloc[test]).iloc[order]
    labels = truth.index.to_frame(index=False, name=_level_names(y.index))
    labels.insert(0, "cutoff", history.as_given(cutoff))
    labels["step"] = step
    parts = []
    for (name, y_true), table in zip(truth.items(), forecasts, strict=True):
        target = {} if len(forecasts) == 1 else {"target": name}
        part = labels.assign(**target, y_true=y_true.to_numpy())
        parts.append(part.join(table.iloc[order].reset_index(drop=True)))
    return pd.concat(parts).sort_index(kind="stable") if len(parts) > 1 else parts[0]


def _setting(forecaster, name, default):
    """A parameter of this panel forecaster, or of the one inside."""
    params = forecaster.get_params()
    owners = [key.removesuffix("horizon") for key in params if key.endswith("horizon")]
    found = [params[owner + name] for owner in owners if owner + name in params]
    return found[0] if found else default


def _level_names(index):
    *series, time = index.names
    several = len(series) > 1
    names = [
        name if name is not None else f"series_{i}" if several else "series"
        for i, name in enumerate(series)
    ]
    return [*names, "time" if time is None else time]

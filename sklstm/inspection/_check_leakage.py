"""check_leakage: whether anything in an estimator reads later rows."""

from copy import deepcopy
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state, check_scalar

from .._panels.flat_tables import panel_of
from .._panels.inner_estimators import find_setting, inner_estimators
from .._panels.rows import align_target, is_panel, read_rows, show
from .._windows.array_regressors import reads_all_steps
from .._windows.windows import PanelWindows
from ..preprocessing._sliding_window import SlidingWindow

__all__ = ["check_leakage"]

# A column of one value has no other to draw.
_MOST_DRAWS = 50

# More groups cost time: each one runs all steps three times.
_MOST_GROUPS = 8


def check_leakage(
    estimator: Any,
    X: pd.DataFrame | None,
    y: pd.Series | pd.DataFrame | np.ndarray,
    *,
    test_size: float = 0.25,
    random_state: Any = 0,
) -> None:
    """Raise if what an estimator gives for some rows depends on later ones.

    The estimator is fitted on the first rows of every series. Then the later rows are
    given twice: as they are, and with values drawn anew from theirs. What comes out for
    the first rows must be the same: of every transformer, and of the whole. A
    transformer of your own that fills backwards, centers a moving mean or subtracts the
    mean of the rows that it is given fails, and is named.

    Parameters
    ----------
    estimator : PanelForecaster, LSTMForecaster, other forecaster or Pipeline
        A forecaster, or a pipeline of transformers of panels and a regressor. It is
        cloned; its own parameters decide how long this takes, so give it few epochs.
    X : DataFrame of shape (n_rows, n_columns) or None
        Covariates indexed by (series, time). None takes the rows from the index of y.
    y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
        Targets of the rows of X.
    test_size : float, default=0.25
        Share of the rows of each series that are the later ones; at least two.
    random_state : int, RandomState instance or None, default=0
        Seed of what is drawn.

    Raises
    ------
    ValueError
        If anything depends on later rows. The message names the step, the first row
        that changed, and what it was before and after.

    See Also
    --------
    PanelTimeSeriesSplit : Folds by time, so that no later row is in training.

    Notes
    -----
    What is checked is what happens after `fit`. That `fit` learns from the rows that it
    is given, such as the scale of each series, is no leak in a cross-validation that
    fits anew in each fold. Columns that are known ahead are drawn anew, too: a forecast
    may read them in its own row and in earlier ones, not in later ones. A regressor of
    arrays, and a partner of this kind in an ensemble, gets them of all `horizon` steps
    at once: its forecasts must not depend on rows after these steps, which is checked
    where the later rows span two horizons. ``history="context"`` is checked as "all".
    Fills from later rows are detected if X has missing values: the steps before the
    windows are checked again at the time of one missing value of each column, or of
    each group of columns if more than eight have some.

    The later rows are the last of each series, whenever it ends. A step that reads
    other series at the same time, such as their mean, is therefore reported where
    series begin or end at different times: check it on times that all series have.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from sklstm import PanelForecaster, SlidingWindow, check_leakage
    >>> from sklstm.datasets import make_panel
    >>> panel = make_panel(n_series=3, n_rows=40, random_state=0)
    >>> X, y = panel[["price"]], panel["target"]
    >>> window, ridge = SlidingWindow(7, flat=True), Ridge()
    >>> check_leakage(PanelForecaster(make_pipeline(window, ridge)), X, y)
    >>> smooth = FunctionTransformer(lambda X: X.rolling(3, center=True).mean().bfill())
    >>> check_leakage(PanelForecaster(make_pipeline(smooth, window, ridge)), X, y)
    Traceback (most recent call last):
        ...
    ValueError: The step 'functiontransformer' (FunctionTransformer) reads later rows...
    """
    check_scalar(test_size, "test_size", Real, min_val=0, max_val=1)
    if hasattr(estimator, "fit_datasets"):
        # Its transformers may belong to one data set each: those of one for all.
        options = {"test_size": test_size, "random_state": random_state}
        check_leakage(estimator.forecaster, X, y, **options)
    flat = X is not None and not is_panel(X)
    X, y = panel_of(estimator, X, y)
    y = align_target(X, y) if np.ndim(y) == 2 else align_target(X, y).iloc[:, 0]
    rows = read_rows(X)
    if rows.order is not None:
        X, y = X.iloc[rows.order], y.iloc[rows.order]
    n_later = np.maximum(2, np.ceil(test_size * rows.lengths)).astype(np.intp)
    place = np.arange(len(X)) - rows.indptr[:-1][rows.codes]
    later = place >= (rows.lengths - n_later)[rows.codes]
    if later.all():
        raise ValueError(
            f"test_size={test_size} leaves no earlier row to fit on: the longest "
            f"series has {rows.lengths.max()} rows. Use a smaller share, or longer "
            "series."
        )
    random_state = check_random_state(random_state)
    drawn = [_draw_anew(part, later, random_state) for part in (X, y)]
    drawn[1] = drawn[1].where(y.notna() | _is_known(y[~later], rows, ~later))
    index, panels = X.index, (X, drawn[0])
    if flat:
        # As it was given, for steps that read the columns of series and time.
        X, drawn[0] = X.reset_index(), drawn[0].reset_index()
    model = _with_all_history(clone(estimator)).fit(X[~later], y[~later])
    model = getattr(model, "best_estimator_", model)
    pipeline, inside = _pipeline(model)
    # The steps inside a forecaster see panels.
    variants = panels if inside else (X, drawn[0])
    _check_steps(pipeline, variants, ~later, index)
    as_given = pd.DataFrame.reset_index if flat and not inside else pd.DataFrame
    for chosen in _after_holes(panels[0], rows, random_state):
        drawn_too = _draw_anew(panels[0], chosen, random_state)
        tables = [panels[0], drawn_too, panels[0][~chosen]]
        _check_fills(pipeline, [as_given(table) for table in tables], ~chosen, index)
    known, span = _known_columns(model, X)
    if hasattr(model, "update"):
        begins = place == (rows.lengths - n_later)[rows.codes]
        kept = _keep(known, drawn[0], X, later if span > 1 else begins)
        _check_fitted_values(model, (X, y), (kept, drawn[1]), later, begins)
        _check_forecasts(model, X[later], drawn[0][later], index[later], span)
    else:
        kept = _keep(known, drawn[0], X, later) if span > 1 else drawn[0]
        # Steps that are read at once come in whole spans.
        asked = place < (rows.lengths - n_later % span)[rows.codes]
        one, two = (model.predict(part[asked])[~later[asked]] for part in (X, kept))
        _compare("The predictions", one, two, index[~later])


def _with_all_history(model):
    """Let forecasters inside remember all rows, so that they give fitted values."""
    params = model.get_params()
    names = [n for n in params if n.endswith("history") and params[n] == "context"]
    return model.set_params(**dict.fromkeys(names, "all"))


def _known_columns(model, X):
    """The columns of X that are known ahead, and how many steps are read at once."""
    known = find_setting(model, "known_covariates_") or []
    *_, regressor = inner_estimators(model)
    at_once = known and reads_all_steps(regressor)
    span = find_setting(model, "horizon_") if at_once else 1
    return [name for name in known if name in X.columns], span


def _keep(known, drawn, given, chosen):
    """Put the known columns of the chosen rows back."""
    kept = drawn.copy()
    for name in known:
        kept[name] = drawn[name].where(~chosen, given[name])
    return kept


def _draw_anew(table, chosen, random_state):
    """Draw the chosen rows of each column from among them: they stay possible."""
    frame = table.to_frame() if isinstance(table, pd.Series) else table
    place = np.flatnonzero(chosen)
    columns = {}
    for i in range(frame.shape[1]):
        source, column = np.arange(len(frame)), frame.iloc[:, i]
        codes = pd.factorize(column)[0]
        left = place
        for _ in range(_MOST_DRAWS):
            # With replacement: a mean of all rows changes, too.
            source[left] = random_state.choice(place, len(left))
            left = place[codes[source[place]] == codes[place]]
            if len(left) == 0:
                break
        columns[i] = column.take(source).set_axis(frame.index)
    out = pd.DataFrame(columns, index=frame.index).set_axis(frame.columns, axis=1)
    return out.iloc[:, 0].rename(table.name) if isinstance(table, pd.Series) else out


def _pipeline(model):
    """The first fitted pipeline in a model, and whether it is inside a forecaster."""
    inside = False
    for one in inner_estimators(model):
        if isinstance(one, Pipeline):
            return one, inside
        inside |= hasattr(one, "history_")
    return None, inside


def _check_steps(pipeline, variants, early, index):
    """Follow rows through the transformers, and name the first that looks ahead."""
    steps = [] if pipeline is None else pipeline.steps[:-1]
    # Without later rows: a step may read how many there are.
    _follow(steps, [*variants, variants[0][early]], early, index)


def _follow(steps, variants, early, index):
    """Raise if steps return other early rows when later rows change or are missing."""
    index = index[early]
    for name, step in steps:
        if step is None or isinstance(step, str):
            continue
        what = f"The step {name!r} ({type(step).__name__})"
        variants = [step.transform(part) for part in variants]
        one, two = (_rows_of(part, early) for part in variants[:2])
        _compare(what, one, two, index)
        alone = _rows_of(variants[2], np.ones(len(index), dtype=bool))
        _compare(what, alone, one, index)


def _is_known(y, rows, early):
    """Whether a series has early values of a target: others would be its first ones."""
    known = np.zeros((len(early), *y.shape[1:]), dtype=bool)
    known[early] = y.notna()
    return np.logical_or.reduceat(known, rows.indptr[:-1], axis=0)[rows.codes]


def _after_holes(X, rows, random_state):
    """The rows after the time of a missing value, for each group of columns.

    A known value of its series follows it, and a row of its series goes before.
    """
    missing = X.isna().to_numpy(bool, copy=True)
    inside = np.diff(rows.codes, prepend=-1) == 0
    missing[1:-1] &= ~missing[2:] & (inside[1:-1] & inside[2:])[:, None]
    missing[[0, -1]] = False
    time = rows.sort(rows.time_ranks())
    columns = random_state.permutation(np.flatnonzero(missing.any(axis=0)))
    n_groups, found = min(_MOST_GROUPS, len(columns)), []
    for some in np.array_split(columns, n_groups) if n_groups else []:
        times = np.sort(time[missing[:, some].any(axis=1)])
        found.append(time > times[len(times) // 2])
    return found


def _check_fills(pipeline, variants, early, index):
    """Follow rows through the steps before the windows.

    SlidingWindow is left out: it continues from the rows of `fit`.
    """
    steps = [] if pipeline is None else pipeline.steps[:-1]
    windows = [isinstance(step, SlidingWindow) for _, step in steps]
    steps = steps[: windows.index(True)] if any(windows) else steps
    _follow(steps, variants, early, index)


def _rows_of(part, chosen):
    if isinstance(part, PanelWindows):
        # The rows that windows end with: all of theirs are rows of earlier windows.
        table, ends = part.table, part.ends[chosen]
        return np.hstack([table.values[ends], table.codes[ends]])
    return part[chosen] if isinstance(part, np.ndarray) else part.loc[chosen]


def _check_fitted_values(model, given, drawn, later, begins):
    """One-step forecasts may not move with rows that are later than theirs.

    Nor with the target of their own row, which the first of the later rows shows.
    """
    asked, found = ~later | begins, []
    for later_X, later_y in (given, drawn):
        updated = deepcopy(model).update(later_X[later], later_y[later])
        found.append(updated.predict(given[0][asked]))
    _compare("The fitted values", *found, given[1].index[asked])


def _check_forecasts(model, X, drawn, index, span):
    """The forecast of a step may not move with the rows of later steps.

    Steps that are read at once come in whole spans.
    """
    rows = read_rows(pd.DataFrame(index=index))
    step = np.arange(len(X)) - rows.indptr[:-1][rows.codes]
    n_first = max(1, int(rows.lengths.min()) // 2 // span) * span
    whole = step < (rows.lengths // span * span)[rows.codes]
    if not (whole & (step >= n_first)).any():
        return
    X, drawn, index, first = X[whole], drawn[whole], index[whole], step[whole] < n_first
    changed = pd.concat([X[first], drawn[~first]]).loc[X.index]
    one, two = (model.predict(part)[first] for part in (X, changed))
    _compare("The forecasts", one, two, index[first])


def _compare(what, one, two, index):
    """Raise if two tables differ, with the first row and value that does."""
    one, two = (np.asarray(part) for part in (one, two))
    one, two = (part.reshape(len(part), -1) for part in (one, two))
    if one.dtype.kind in "fc":
        same = np.isclose(one, two, rtol=1e-6, atol=0, equal_nan=True)
    else:
        missing = pd.isna(one), pd.isna(two)
        same, known = missing[0] & missing[1], ~(missing[0] | missing[1])
        same[known] = one[known] == two[known]
    if same.all():
        return
    rows, columns = np.nonzero(~same)
    before, after = one[rows[0], columns[0]], two[rows[0], columns[0]]
    verb = "reads" if what.startswith("The step") else "read"
    raise ValueError(
        f"{what} {verb} later rows: {len(np.unique(rows))} of {len(one)} rows changed "
        f"when only later rows did, first {show(index[rows[:1]])} from {before} to "
        f"{after}. Compute each "
        "row from itself and earlier rows of its series, or learn in fit what is "
        "used in transform."
    )

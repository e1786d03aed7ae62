"""PanelTransform: the fitted transformers of X and y before the regressor."""

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import wraps

import numpy as np
import pandas as pd
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from .._panels.all_or_nothing import shallow_copy
from .._panels.columns import check_float32
from .._panels.inner_estimators import apply_steps
from .._panels.plain_state import PlainState
from .._panels.rows import is_panel, locate_series, show
from ._forecaster_checks import check_windows

__all__ = ["PanelTransform"]


def _with_pandas_output(method):
    """Let transformers keep the index of panels, if their output is polars globally."""

    @wraps(method)
    def transform(*args, **kwargs):
        if get_config().get("transform_output") != "polars":
            return method(*args, **kwargs)
        with config_context(transform_output="pandas"):
            return method(*args, **kwargs)

    return transform


@dataclass(frozen=True, eq=False)
class PanelTransform(PlainState):
    """The fitted transformers of X and y, which learn of series that join later.

    A young series joined after `fit`, or had no known y in it, and has fewer known
    values of y than the longest series of `fit`. Its statistics are those of all its
    rows so far. Then they settle, as those of the series in `fit` did. So statistics
    depend on the rows of a series alone, and not on how many of them came at a time.

    A transformer with a method ``add_series(X)`` learns of series that it did not see
    in `fit`, and keeps what it learned of all others; one with ``add_labels(X)`` learns
    more labels. Pipelines, column transformers and unions are opened to reach it.

    Attributes
    ----------
    steps : Pipeline
        The transformers of X.
    target_transformer : transformer or None
    enough : int
        The number of known values of y at which a series settles.
    series : Index
        The labels of all series that were learned of.
    young : Index
        The labels of the young series.
    settled : tuple of (transformer or None, Pipeline)
        The transformers before they learned of the young series.
    blank : DataFrame of bool of shape (n_series, n_targets), or None
        The targets of each series without any known value yet; None with one target.
    """

    steps: Pipeline
    target_transformer: object
    enough: int
    series: pd.Index
    young: pd.Index
    settled: tuple
    # Files of earlier versions do not have it.
    blank: pd.DataFrame | None = None

    @classmethod
    @_with_pandas_output
    def fit(cls, steps, target_transformer, history, one_target):
        """Fit clones of transformers on a history.

        Parameters
        ----------
        steps : Pipeline
        target_transformer : transformer, Pipeline or None
        history : History
        one_target : bool
            Whether the steps see y as a Series.

        Returns
        -------
        transform : PanelTransform
        windows : PanelWindows
            Those of the rows of the history, with the target's past.
        past : ndarray of shape (n_rows, n_targets)
            The transformed target.
        """
        fitted = _fit_target(target_transformer, history.y)
        past = _known_past(fitted, history.y)
        for values in past.T:
            check_float32(values, "y", "Use target_transformer=SeriesScaler().")
        y = history.y.iloc[:, 0] if one_target else history.y
        steps = clone(steps)
        windows = check_windows(steps.fit_transform(history.X, y))
        # A series without any known y is young: it has no statistics yet.
        blank, settled = _count_known(history) == 0, fitted
        if blank.any() and not blank.all():
            known = history.select(np.flatnonzero(~blank))
            settled = _fit_target(fitted, known.y)
        transform = cls(
            steps,
            fitted,
            # Several targets may never be known in one row.
            enough=max(1, int(_count_known(history).max())),
            series=history.series,
            young=history.series[blank],
            settled=(settled, steps),
            blank=_find_blank(history),
        )
        return transform, windows.with_target(past), past

    @_with_pandas_output
    def windows(self, X, *, apart=False):
        """Make the windows of rows of X, without the target's past.

        With `apart`, no row of `fit` goes before them.
        """
        *before, (_, last) = self.steps.steps
        rows = apply_steps(before, X)
        if is_panel(rows) and len(rows) == len(X) and not rows.index.equals(X.index):
            raise ValueError(
                "The steps before the windows returned the rows of X in another order. "
                "In predict the rows ahead stand behind all others, and each step must "
                "keep the order: X.groupby(level=0).transform(...) does, "
                "X.groupby(level=0).rolling(...) sorts."
            )
        if apart:
            last = shallow_copy(last)
            last.carry_context = False
        windows = check_windows(last.transform(rows))
        if len(windows) != len(X):
            raise ValueError(
                f"The steps before the regressor returned {len(windows)} rows for "
                f"{len(X)} rows of X. Each step must keep the rows and their order."
            )
        return windows

    def past(self, y):
        """Transform y: an ndarray of shape (n_rows, n_targets)."""
        return _transform_target(self.target_transformer, y)

    def known_past(self, y):
        """Transform y, and raise if known values are lost."""
        return _known_past(self.target_transformer, y)

    def inverse(self, values, like):
        """Bring transformed values back to the units of y.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_targets[, n_numbers])
            One number for each row and target, or several, such as quantiles: an
            increasing transformer keeps their order.
        like : DataFrame of shape (n_rows, n_targets)
            Whose index and columns the values stand under.

        Returns
        -------
        ndarray of the shape of `values`
        """
        if values.ndim == 3:
            parts = np.moveaxis(values, 2, 0)
            return np.stack([self.inverse(part, like) for part in parts], axis=2)
        transformer = self.target_transformer
        if transformer is None:
            return values
        columns = _name_target(like).columns
        steps = [transformer]
        if isinstance(transformer, Pipeline):
            steps = [step for _, step in transformer.steps]
        for step in reversed(steps):
            if step is None or isinstance(step, str):
                continue
            # An inverse that returns an array would cost the next one its series.
            frame = pd.DataFrame(np.asarray(values), index=like.index, columns=columns)
            values = step.inverse_transform(frame)
        return np.asarray(values, dtype=np.float64)

    @_with_pandas_output
    def with_more_series(self, history):
        """Learn the statistics of series and all labels before any training, on copies.

        Parameters
        ----------
        history : History
            Rows of series that are new, and of known ones, whose statistics stay.

        Returns
        -------
        PanelTransform
        """
        joined = locate_series(history.series, self.series) < 0
        settled, current = deepcopy((self.settled, self._transformers))
        for transformers in (settled, current):
            _learn(transformers, history, joined)
            _learn_more("add_labels", transformers[1], history.X)
        return replace(
            self,
            target_transformer=current[0],
            steps=current[1],
            enough=max(self.enough, int(_count_known(history).max())),
            series=self.series.append(history.series[joined]),
            settled=settled,
            blank=_still_blank(history, self.blank),
        )

    def is_blank(self, series):
        """Whether a target has no known value yet, (n_series[, n_targets])."""
        if self.blank is None:
            return np.zeros(len(series), dtype=bool)
        return self.blank.to_numpy(bool)[locate_series(series, self.blank.index)]

    @property
    def reads_one_row(self):
        """Whether all steps before the windows transform each row by itself."""
        return all(_reads_one_row(step) for _, step in self.steps.steps[:-1])

    @property
    def _transformers(self):
        return self.target_transformer, self.steps

    @_with_pandas_output
    def with_new_rows(self, history, new):
        """Learn of new rows, on copies.

        Parameters
        ----------
        history : History
            The remembered rows, the new ones included.
        new : History
            The new rows.

        Returns
        -------
        PanelTransform
        """
        joined = locate_series(history.series, self.series) < 0
        grows = joined | history.series.isin(self.young)
        target_transformer, steps = self.settled
        target_transformer = deepcopy(target_transformer)
        # Known series keep their statistics, but may turn negative for the first time.
        known = new.series.isin(self.series) & ~new.series.isin(history.series[grows])
        _learn((target_transformer, None), new, known)
        settled, blank = (target_transformer, steps), _still_blank(new, self.blank)
        if not grows.any():
            return replace(
                self,
                target_transformer=target_transformer,
                settled=settled,
                blank=blank,
            )
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
            series=self.series.append(history.series[joined]),
            young=history.series[young],
            settled=settled,
            blank=blank,
        )


def _learn(transformers, history, chosen, n_known=None):
    """Let transformers learn of chosen series, from all rows or their first ones."""
    if chosen.any():
        rows = history.select(np.flatnonzero(chosen))
        rows = rows if n_known is None else _first_known(rows, n_known)
        target_transformer, steps = transformers
        _learn_more("add_series", target_transformer, _name_target(rows.y))
        _learn_more("add_series", steps, rows.X)


def _known(history):
    return np.isfinite(history.y.to_numpy()).all(axis=1)


def _count_known(history):
    """The number of rows of each series in which every target is known."""
    return np.add.reduceat(_known(history), history.rows.indptr[:-1], dtype=np.intp)


def _find_blank(history):
    """Find the targets of each series without any known value; None with one target."""
    known = np.isfinite(history.y.to_numpy())
    if known.shape[1] == 1:
        return None
    known = np.logical_or.reduceat(known, history.rows.indptr[:-1], axis=0)
    return pd.DataFrame(~known, index=history.series)


def _still_blank(new, before):
    """Find them after new rows; None if they were not found before."""
    if before is None:
        return None
    found = _find_blank(new)
    position = locate_series(new.series, before.index)
    old, values = position >= 0, before.to_numpy(bool, copy=True)
    values[position[old]] &= found.to_numpy()[old]
    return pd.concat([pd.DataFrame(values, index=before.index), found[~old]])


def _first_known(history, n):
    """Keep the rows of each series up to its `n`-th known value."""
    known = _known(history)
    before = np.cumsum(known) - known
    before -= before[history.rows.indptr[:-1]][history.rows.codes]
    return history.take(np.flatnonzero(before < n))


def _name_target(y):
    """Name the targets by text: other names do not come through a scikit-learn step."""
    if all(isinstance(name, str) for name in y.columns):
        return y
    return y.set_axis([f"y{i}" for i in range(y.shape[1])], axis=1)


def _fit_target(transformer, y):
    """Fit a clone of a transformer on y; None stays None.

    Its steps return pandas, where they can, so that the series reach a scaler at any
    place in a pipeline.
    """
    if transformer is None:
        return None
    fitted = clone(transformer)
    if hasattr(fitted, "set_output"):
        fitted.set_output(transform="pandas")
    return fitted.fit(_name_target(y))


def _transform_target(transformer, y):
    """Transform y: an ndarray of shape (n_rows, n_targets)."""
    if transformer is not None:
        out = transformer.transform(_name_target(y))
        if np.shape(out) != y.shape:
            raise ValueError(
                f"target_transformer turned y of shape {y.shape} into shape "
                f"{np.shape(out)}; it must keep rows and columns."
            )
        y = out
    # A copy that may be written to: forecasts are fed back into it.
    return np.array(y, dtype=np.float64)


def _known_past(transformer, y):
    """Transform y, and raise if values are lost, such as the log of a negative one.

    Values can also be too large for windows, which are float32.
    """
    past = _transform_target(transformer, y)
    lost = np.isfinite(y.to_numpy()) & ~np.isfinite(past)
    if lost.any():
        row = np.flatnonzero(lost.any(axis=1))[0]
        raise ValueError(
            f"target_transformer turned {lost.sum()} value(s) of y into NaN or "
            f"infinity, first {y.iloc[row].tolist()} at {y.index[row]}. Use one that "
            "is defined for all values of y."
        )
    large = np.abs(past) > np.finfo(np.float32).max
    if large.any():
        row, column = (places[0] for places in np.nonzero(large))
        name = y.columns[column]
        raise ValueError(
            f"{large.sum()} value(s) of y are too large for the float32 inputs of the "
            f"regressor, first {past[row, column]:.3g} (y = "
            f"{y.iloc[row, column]:.3g}) in column {name!r} at "
            f"{show(y.index[[row]])}. Correct them, divide y by a constant, or scale "
            "it with target_transformer=SeriesScaler()."
        )
    return past


def _reads_one_row(step):
    """Whether a transformer reads one row at a time, as those of scikit-learn do."""
    if step is None or isinstance(step, str) or hasattr(step, "reads_one_row"):
        return getattr(step, "reads_one_row", True)
    if isinstance(step, Pipeline):
        return all(_reads_one_row(inner) for _, inner in step.steps)
    if isinstance(step, ColumnTransformer):
        return all(_reads_one_row(inner) for _, inner, _ in step.transformers_)
    if isinstance(step, FeatureUnion):
        return all(_reads_one_row(inner) for _, inner in step.transformer_list)
    if isinstance(step, FunctionTransformer):
        return step.func is None or isinstance(step.func, np.ufunc)
    if not type(step).__module__.startswith("sklearn."):
        return False
    inner = step.get_params(deep=False).values()
    return all(_reads_one_row(one) for one in inner if hasattr(one, "transform"))


def _learn_more(method, transformer, X):
    """Let the transformers that have a method learn more from rows, such as new series.

    Parameters
    ----------
    method : {"add_series", "add_labels"}
    transformer : fitted transformer, or a composition of them
        Pipelines, column transformers and unions are gone through.
    X : DataFrame
        Rows of series that were not seen in `fit`.
    """
    if hasattr(transformer, method):
        getattr(transformer, method)(X)
    elif isinstance(transformer, Pipeline):
        for position, (_, step) in enumerate(transformer.steps):
            _learn_more(method, step, X)
            if position + 1 < len(transformer.steps) and hasattr(step, "transform"):
                X = step.transform(X)
    elif isinstance(transformer, ColumnTransformer):
        for _, step, columns in transformer.transformers_:
            _learn_more(method, step, X[columns])
    elif isinstance(transformer, FeatureUnion):
        for _, step in transformer.transformer_list:
            _learn_more(method, step, X)

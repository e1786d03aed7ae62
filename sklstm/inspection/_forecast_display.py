"""Plot of forecasts beside what happened before and after."""

from typing import Any

import numpy as np
import pandas as pd

from .._panels.flat_tables import panel_of, take_rows
from .._panels.inner_estimators import find_history, find_method, find_setting
from .._panels.quantiles import bounds_of
from .._panels.rows import (
    align_target,
    level_values,
    locate_series,
    read_rows,
)
from ._axes_style import GREY, RED, ink_on
from ._series_plot import (
    band_styles,
    baseline_styles,
    before,
    by_series,
    choose_series,
    draw_bands,
    draw_baselines,
    draw_series,
    label_display,
    line_style,
    make_axes,
    rows_of_series,
    title_of,
)

__all__ = ["ForecastDisplay"]

_PAST = {"color": GREY, "linewidth": 1.3, "label": "past"}
_TRUTH = {"linewidth": 1.5, "label": "truth"}
_FORECAST = {"color": RED, "linewidth": 1.5, "label": "forecast"}
_OWN_LABELS = [style["label"] for style in (_PAST, _TRUTH, _FORECAST)]


class ForecastDisplay:
    """Plot the past, the true values and the forecasts of a few series.

    Each series has its own plot; with several targets, each series and target.

    Create a display with :meth:`from_estimator` or :meth:`from_predictions`, which
    choose the series and draw it. All parameters are stored as attributes. A display
    created directly is drawn by :meth:`plot`, which sets the style.

    Parameters
    ----------
    y_true : Series, DataFrame or None
        The true values, indexed by (series, time), with a column for each target. None
        if they are not known yet.
    y_pred : Series or DataFrame
        The forecasts, indexed by (series, time). Every series in it is drawn.
    history : Series or DataFrame, default=None
        The target's past, indexed by (series, time). Only the rows before the
        first forecast of their series are drawn.
    intervals : dict of float to DataFrame, default=None
        For each coverage, such as 0.8, the lower and the upper bounds in the rows of
        `y_pred`: two columns for each target. They are drawn as bands.
    baselines : dict of str to Series or DataFrame, default=None
        For each name, such as "naive", other forecasts in the rows of `y_pred`. They
        are drawn as broken lines.

    Attributes
    ----------
    axes_ : ndarray of Axes of shape (n_series * n_targets,)
        The axes of each series of `y_pred`, in the order of their first rows, and of
        each target.
    figure_ : Figure
        The figure that holds them.

    See Also
    --------
    ForecastErrorDisplay : Errors by step ahead and by series.
    sklstm.backtest : The forecasts of every fold, as a table.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import ForecastDisplay
    >>> index = pd.MultiIndex.from_product(
    ...     [["a", "b"], range(2000, 2010)], names=["series", "year"]
    ... )
    >>> y = pd.Series(range(20), index=index, dtype=float)
    >>> past = index.get_level_values("year") < 2007
    >>> display = ForecastDisplay.from_predictions(
    ...     y[~past], y[~past] + 0.5, history=y[past]
    ... )
    >>> [ax.get_title(loc="left") for ax in display.axes_]
    ['a', 'b']
    """

    def __init__(
        self,
        *,
        y_true: pd.Series | pd.DataFrame | None,
        y_pred: pd.Series | pd.DataFrame,
        history: pd.Series | pd.DataFrame | None = None,
        intervals: dict | None = None,
        baselines: dict | None = None,
    ) -> None:
        self.y_true = y_true
        self.y_pred = y_pred
        self.history = history
        self.intervals = intervals
        self.baselines = baselines

    @classmethod
    def from_estimator(
        cls,
        forecaster: Any,
        X: pd.DataFrame | None,
        y: Any = None,
        *,
        series: list | None = None,
        n_series: int = 6,
        random_state: Any = None,
        ax: Any = None,
        n_history: int | None = None,
        coverage: Any = None,
        baselines: Any = None,
    ) -> "ForecastDisplay":
        """Plot the forecasts of a fitted forecaster for the rows of `X`.

        Only the drawn series are predicted. The past is the `history_` of the
        forecaster, which may be the last step of a pipeline or inside a search.

        Parameters
        ----------
        forecaster : estimator
            A fitted forecaster, or a pipeline or search that contains one.
        X : DataFrame of shape (n_rows, n_features) or None
            The rows to forecast, indexed by (series, time). None takes them from the
            index of y.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
            The true values. None if they are not known yet.
        series : list, default=None
            The labels of the series to draw. None chooses by `n_series` and
            `random_state`.
        n_series : int, default=6
            Largest number of series to draw, if `series` is None.
        random_state : int or RandomState instance, default=None
            Seed of a random choice of series. None draws the first series.
        ax : Axes or array-like of Axes, default=None
            Axes to draw on, one for each series and target. None creates a new figure.
        n_history : int, default=None
            Number of rows of the past to draw. None draws five for every forecast row,
            at least 30.
        coverage : float or array-like of float, default=None
            Coverage of the intervals to draw, such as ``(0.5, 0.9)``. The forecaster
            must have `predict_interval`. None draws no intervals.
        baselines : dict of str to estimator, default=None
            For each name, such as "naive", another fitted forecaster, whose forecasts
            are drawn beside those of the first.

        Returns
        -------
        display : ForecastDisplay
            The display, drawn.
        """
        panel, y = panel_of(forecaster, X, y)
        rows = read_rows(panel)
        chosen = choose_series(rows, series, n_series, random_state)
        kept = rows_of_series(rows, chosen)
        asked, history = panel.iloc[kept], find_history(forecaster)
        given = asked if X is None else take_rows(X, kept)
        if y is not None:
            y = _as_targets(y, panel, "y").iloc[kept]
        y_pred = _as_targets(forecaster.predict(given), asked, "y_pred")
        if isinstance(history, pd.DataFrame) and y_pred.ndim == 2:
            y_pred.columns = history.columns
        return cls.from_predictions(
            y,
            y_pred,
            history=history,
            intervals=_predict_intervals(forecaster, given, coverage),
            series=rows.series[chosen],
            ax=ax,
            n_history=n_history,
            baselines=_predict_baselines(baselines, given, asked),
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: pd.Series | pd.DataFrame | None,
        y_pred: Any,
        *,
        history: pd.Series | pd.DataFrame | None = None,
        intervals: Any = None,
        series: list | None = None,
        n_series: int = 6,
        random_state: Any = None,
        ax: Any = None,
        n_history: int | None = None,
        baselines: Any = None,
    ) -> "ForecastDisplay":
        """Plot given forecasts.

        Parameters
        ----------
        y_true : Series, DataFrame or None
            The true values, indexed by (series, time), with a column for each target.
            None if they are not known yet; the index is then that of `y_pred`.
        y_pred : array-like of shape (n_rows,) or (n_rows, n_targets)
            The forecasts, in the rows of `y_true`.
        history : Series or DataFrame, default=None
            The target's past, indexed by (series, time). Only the rows before the
            first forecast of their series are drawn.
        intervals : dict of float to DataFrame or array-like, default=None
            For each coverage, such as 0.8, the lower and the upper bounds in the
            rows of `y_pred`: shape (n_rows, 2 * n_targets), target by target.
        series : list, default=None
            The labels of the series to draw. None chooses by `n_series` and
            `random_state`.
        n_series : int, default=6
            Largest number of series to draw, if `series` is None.
        random_state : int or RandomState instance, default=None
            Seed of a random choice of series. None draws the first series.
        ax : Axes or array-like of Axes, default=None
            Axes to draw on, one for each series and target. None creates a new figure.
        n_history : int, default=None
            Number of rows of the past to draw. None draws five for every forecast row,
            at least 30.
        baselines : dict of str to array-like, default=None
            For each name, such as "naive", other forecasts in the rows and of the shape
            of `y_pred`.

        Returns
        -------
        display : ForecastDisplay
            The display, drawn.
        """
        rows_of, name = (y_pred, "y_pred") if y_true is None else (y_true, "y_true")
        rows = read_rows(rows_of, name)
        y_pred = _as_targets(y_pred, rows_of, "y_pred")
        chosen = choose_series(rows, series, n_series, random_state)
        kept = rows_of_series(rows, chosen)
        if y_true is not None:
            y_true = _as_targets(y_true, y_pred, "y_true", "y_pred").iloc[kept]
            _check_same_targets(y_pred, y_true, "y_true")
        if history is not None:
            history = _as_targets(history, history, "history")
            _check_same_targets(y_pred, history, "history")
            history = _take_series(history, rows.series[chosen])
        if intervals is not None:
            if not isinstance(intervals, dict):
                raise TypeError(
                    "intervals must be a dict of the bounds of each coverage, such as "
                    f"{{0.8: bounds}}, got {type(intervals).__name__}."
                )
            intervals = {
                coverage: _as_bounds(bounds, y_pred, coverage).iloc[kept]
                for coverage, bounds in intervals.items()
            }
        display = cls(
            y_true=y_true,
            y_pred=y_pred.iloc[kept],
            history=history,
            intervals=intervals,
            baselines=_as_baselines(baselines, y_pred, kept),
        )
        return display.plot(ax, n_history=n_history)

    def plot(
        self,
        ax: Any = None,
        *,
        n_history: int | None = None,
        n_cols: int = 3,
        history_kwargs: dict | None = None,
        true_kwargs: dict | None = None,
        pred_kwargs: dict | None = None,
        interval_kwargs: dict | None = None,
        baseline_kwargs: dict | None = None,
    ) -> "ForecastDisplay":
        """Draw the display.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            Axes to draw on, one for each series and target. None creates a new figure.
        n_history : int, default=None
            Number of rows of the past to draw. None draws five for every forecast row,
            at least 30.
        n_cols : int, default=3
            Number of plots in a row of a new figure.
        history_kwargs : dict, default=None
            Passed to matplotlib's `plot` for the past.
        true_kwargs : dict, default=None
            Passed to matplotlib's `plot` for the truth.
        pred_kwargs : dict, default=None
            Passed to matplotlib's `plot` for the forecasts.
        interval_kwargs : dict, default=None
            Passed to matplotlib's `fill_between` for the intervals.
        baseline_kwargs : dict, default=None
            Passed to matplotlib's `plot` for each of the baselines.

        Returns
        -------
        display : ForecastDisplay
            The display itself.
        """
        names = self._target_names()
        forecasts = by_series(_stack(self.y_pred, names))
        pasts, truths = (_by_series(y, names) for y in (self.history, self.y_true))
        bands, baselines = self._bands(names), self._baselines(names)
        self.axes_ = make_axes(ax, len(forecasts), n_cols)
        self.figure_ = self.axes_[0].figure
        styles = [
            line_style(_PAST, history_kwargs),
            line_style({"color": ink_on(self.axes_[0]), **_TRUTH}, true_kwargs),
            line_style(_FORECAST, pred_kwargs),
        ]
        shades = band_styles(self.axes_[0], bands, styles[-1]["color"], interval_kwargs)
        broken = baseline_styles(baselines, baseline_kwargs)
        for axis, (label, forecast) in zip(self.axes_, forecasts.items(), strict=True):
            past = before(pasts.get(label), forecast, n_history)
            draw_series(axis, past, truths.get(label), forecast, styles)
            draw_baselines(axis, [one[label] for one in baselines.values()], broken)
            draw_bands(axis, [band[label] for band in bands.values()], shades)
            axis.set_title(title_of(label), loc="left", fontsize="medium")
        time = self.y_pred.index.names[-1]
        words = (self._target_name(), "" if time is None else time)
        label_display(self.axes_, words if ax is None else None)
        return self

    def _bands(self, names):
        """Map each coverage to its bands by series, the widest first."""
        intervals = {} if self.intervals is None else self.intervals
        return {
            coverage: by_series(_stack(intervals[coverage], names))
            for coverage in sorted(intervals, reverse=True)
        }

    def _baselines(self, names):
        """Map the name of each baseline to its forecasts by series."""
        baselines = {} if self.baselines is None else self.baselines
        return {name: _by_series(y, names) for name, y in baselines.items()}

    def _target_names(self):
        """The names of several targets, None where there is one."""
        if self.y_pred.ndim == 1:
            return None
        known = [y for y in (self.y_true, self.history, self.y_pred) if y is not None]
        named = (y.columns for y in known if not isinstance(y.columns, pd.RangeIndex))
        return next(named, self.y_pred.columns)

    def _target_name(self):
        for y in (self.y_true, self.history, self.y_pred):
            if y is not None and y.ndim == 1 and y.name is not None:
                return y.name
        return ""


def _take_series(history, labels):
    rows = read_rows(history, "history")
    positions = locate_series(labels, rows.series)
    positions = positions[positions >= 0]
    return history.iloc[rows_of_series(rows, positions)] if len(positions) else None


def _as_targets(y, rows_of, name, of="X"):
    """The values of rows: a Series, or a DataFrame of several targets."""
    table = align_target(rows_of, y, name, of)
    if table.shape[1] > 1:
        return table
    return table.iloc[:, 0].rename(getattr(y, "name", None))


def _check_same_targets(y_pred, y, name):
    n_targets, n_given = (
        np.size(table, 1) if table.ndim > 1 else 1 for table in (y_pred, y)
    )
    if n_given != n_targets:
        raise ValueError(
            f"{name} must have as many columns as y_pred, {n_targets}, got {n_given}."
        )
    if n_targets == 1:
        return
    names, given = y_pred.columns, y.columns
    unnamed = any(isinstance(labels, pd.RangeIndex) for labels in (names, given))
    if not unnamed and not names.equals(given):
        raise ValueError(
            f"{name} has the columns {list(given)}, but y_pred has {list(names)}. Give "
            "both the same targets in the same order."
        )


def _stack(y, names):
    """Put several targets under one another, the name the last level of the series."""
    if names is None:
        return y
    values = y.to_numpy(dtype=float).reshape(len(y) * len(names), -1)
    levels = [level_values(y.index, i) for i in range(y.index.nlevels)]
    *series, time = [level.repeat(len(names)) for level in levels]
    index = pd.MultiIndex.from_arrays(
        [*series, np.tile(names, len(y)), time],
        names=[*y.index.names[:-1], None, y.index.names[-1]],
    )
    frame = pd.DataFrame(values, index=index)
    return frame if frame.shape[1] > 1 else frame.iloc[:, 0]


def _by_series(y, names):
    return {} if y is None else by_series(_stack(y, names))


def _predict_baselines(baselines, given, asked):
    """Forecast by each baseline, from a flat table if it reads such tables."""
    if baselines is None:
        return None
    _check_names(baselines)
    for name, baseline in baselines.items():
        if not hasattr(baseline, "predict") or isinstance(baseline, type):
            raise TypeError(
                f"baselines must map names to fitted forecasters, got {name!r}: "
                f"{type(baseline).__name__}. from_predictions takes forecasts."
            )
    return {
        name: baseline.predict(
            asked if find_setting(baseline, "index") is None else given
        )
        for name, baseline in baselines.items()
    }


def _check_names(baselines):
    if not isinstance(baselines, dict):
        raise TypeError(
            "baselines must be a dict of a name to each baseline, such as {'naive': "
            f"...}}, got {type(baselines).__name__}."
        )


def _as_baselines(baselines, y_pred, kept):
    """Check the forecasts of each baseline, and keep those that are drawn."""
    if baselines is None:
        return None
    _check_names(baselines)
    taken = [name for name in _OWN_LABELS if name in baselines]
    if taken:
        raise ValueError(
            f"baselines must have names other than {', '.join(_OWN_LABELS)}, got "
            f"{taken[0]!r}."
        )
    out = {}
    for name, forecasts in baselines.items():
        words = f"baselines[{name!r}]"
        table = _as_targets(forecasts, y_pred, words, "y_pred")
        _check_same_targets(y_pred, table, words)
        out[name] = table.iloc[kept]
    return out


def _predict_intervals(forecaster, X, coverage):
    if coverage is None:
        return None
    coverages = coverage if np.iterable(coverage) else [coverage]
    predict_interval = find_method(forecaster, "predict_interval")
    return {share: predict_interval(X, coverage=share) for share in coverages}


def _as_bounds(bounds, rows_of, coverage):
    # It raises where the coverage is no share.
    bounds_of(coverage)
    name = f"intervals[{coverage}]"
    table = align_target(rows_of, bounds, name, "y_pred")
    n_targets = 1 if rows_of.ndim == 1 else rows_of.shape[1]
    if table.shape[1] != 2 * n_targets:
        each = "" if n_targets == 1 else f" for each of {n_targets} targets"
        raise ValueError(
            f"{name} must have two columns, the lower and the upper bound{each}, got "
            f"{table.shape[1]}."
        )
    return table

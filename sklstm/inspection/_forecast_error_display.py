"""ForecastErrorDisplay: how errors of forecasts grow by step, and where they lie."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_scalar

from .._panels.flat_tables import as_panel, find_setting
from .._panels.inner_estimators import find_history, inner_estimators
from .._panels.rows import (
    index_message,
    is_later,
    is_panel,
    locate_series,
    plain_labels,
    read_rows,
    show,
    target_of_rows,
    with_times_of,
)
from ..forecasting._history import History
from ..forecasting._rows_ahead import steps_ahead
from ..metrics._row_errors import read_targets, to_columns
from ..metrics._scaled import series_scales
from ._axes_style import BLUE, RED, blend, dress, take_axes
from ._series_plot import title_of

__all__ = ["ForecastErrorDisplay"]

_MEAN = {"color": BLUE, "linewidth": 1.6, "label": "mean of series"}
_MEDIAN = {"color": RED, "linewidth": 1.3, "linestyle": (0, (4, 2)), "label": "median"}
_MOST_MARKERS = 30


class ForecastErrorDisplay:
    """Plot the mean absolute errors of forecasts by step ahead and by series.

    By step, a line shows the mean over series and a band the half of the series in the
    middle. By series, dots show those with the largest errors. Each series counts as
    much as any other. With several targets, each has its own plots.

    Create a display with :meth:`from_estimator`, :meth:`from_predictions` or
    :meth:`from_backtest`.

    Parameters
    ----------
    errors : DataFrame of shape (n_series, n_steps) or (n_series, n_targets * n_steps)
        The mean absolute error of each series at each step ahead, NaN where there is
        none. The columns are the steps, or (target, step).
    seasonal_period : int, default=None
        The seasonal period of the naive forecast in whose errors these are measured.
        None stands for errors in units of the target.

    Attributes
    ----------
    axes_ : ndarray of Axes of shape (n_targets * n_kinds,)
        The axes by step and by series of each target.
    figure_ : Figure
        The figure that holds them.

    See Also
    --------
    ForecastDisplay : The forecasts themselves.
    sklearn.metrics.PredictionErrorDisplay : Residuals against forecasts.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import ForecastErrorDisplay
    >>> index = pd.MultiIndex.from_product(
    ...     [["a", "b"], range(2000, 2010)], names=["series", "year"]
    ... )
    >>> y = pd.Series(range(20), index=index, dtype=float)
    >>> past = index.get_level_values("year") < 2007
    >>> display = ForecastErrorDisplay.from_predictions(
    ...     y[~past], y[~past] + [1, 2, 3, 0, 0, 3], history=y[past]
    ... )
    >>> display.errors.loc["a"].astype(int).to_dict()
    {1: 1, 2: 2, 3: 3}
    """

    def __init__(
        self, *, errors: pd.DataFrame, seasonal_period: int | None = None
    ) -> None:
        self.errors = errors
        self.seasonal_period = seasonal_period

    @classmethod
    def from_estimator(
        cls,
        forecaster: Any,
        X: pd.DataFrame | None,
        y: Any,
        *,
        seasonal_period: int | None = None,
        kind: str = "both",
        n_series: int = 20,
        ax: Any = None,
    ) -> "ForecastErrorDisplay":
        """Plot the errors of a fitted forecaster in the rows of `X`.

        The history is the `history_` of the forecaster, which may be the last step of a
        pipeline or inside a search.

        Parameters
        ----------
        forecaster : estimator
            A fitted forecaster, or a pipeline or search that contains one.
        X : DataFrame of shape (n_rows, n_features) or None
            The rows to forecast, indexed by (series, time), after the history. None
            takes them from the index of y.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            The true values.
        seasonal_period : int, default=None
            Divide the errors of each series by those of the seasonal naive forecast in
            its history, so that series of unequal size can be compared.
            None leaves the errors in units of the target.
        kind : {"both", "step", "series"}, default="both"
            What to draw.
        n_series : int, default=20
            Largest number of series to draw by series.
        ax : Axes or array-like of Axes, default=None
            Axes to draw on, one for each target and kind. None makes a new figure.

        Returns
        -------
        display : ForecastErrorDisplay
            The display, drawn.
        """
        X, y = as_panel(X, y, find_setting(forecaster, "index"))
        y_true = target_of_rows(X, y)
        history = find_history(forecaster)
        if not _has_names(y_true) and np.shape(history)[1:] == np.shape(y_true)[1:]:
            y_true = y_true.set_axis(history.columns, axis=1)
        return cls.from_predictions(
            y_true,
            forecaster.predict(X),
            history=history,
            freq=_freq_of(forecaster),
            seasonal_period=seasonal_period,
            kind=kind,
            n_series=n_series,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: pd.Series | pd.DataFrame,
        y_pred: Any,
        *,
        history: pd.Series | pd.DataFrame | None = None,
        freq: Any = "infer",
        seasonal_period: int | None = None,
        kind: str = "both",
        n_series: int = 20,
        ax: Any = None,
    ) -> "ForecastErrorDisplay":
        """Plot the errors of given forecasts.

        Parameters
        ----------
        y_true : Series or DataFrame
            The true values, indexed by (series, time), with a column for each target.
            Values that are NaN have no error.
        y_pred : array-like of shape (n_rows,) or (n_rows, n_targets)
            The forecasts, in the rows of `y_true`.
        history : Series or DataFrame, default=None
            The known values before the rows of `y_true`, from whose end steps are
            counted. None takes the first row of each series as step 1, the second as
            step 2, and so on.
        freq : str, offset, number or None, default="infer"
            Time step of the history, as in :class:`~sklstm.PanelForecaster`.
        seasonal_period : int, default=None
            Divide the errors of each series by those of the seasonal naive forecast in
            its history, as in
            :func:`~sklstm.metrics.mean_absolute_scaled_error`. None leaves the errors
            in units of the target.
        kind : {"both", "step", "series"}, default="both"
            What to draw.
        n_series : int, default=20
            Largest number of series to draw by series.
        ax : Axes or array-like of Axes, default=None
            Axes to draw on, one for each target and kind. None makes a new figure.

        Returns
        -------
        display : ForecastErrorDisplay
            The display, drawn.
        """
        rows = read_rows(y_true, "y_true")
        errors = _absolute_errors(y_true, y_pred)
        step = _steps_of(y_true, rows, history, freq)
        names = getattr(y_true, "columns", [None])
        tables = {
            name: _by_step(rows.sort(column), rows.codes, step, rows.series)
            for name, column in zip(names, errors.T, strict=True)
        }
        display = cls._of(tables, history, seasonal_period)
        return display.plot(ax, kind=kind, n_series=n_series)

    @classmethod
    def from_backtest(
        cls,
        folds: pd.DataFrame,
        *,
        history: pd.Series | pd.DataFrame | None = None,
        seasonal_period: int | None = None,
        kind: str = "both",
        n_series: int = 20,
        ax: Any = None,
    ) -> "ForecastErrorDisplay":
        """Plot the errors of the forecasts of a backtest, averaged over its folds.

        Parameters
        ----------
        folds : DataFrame
            The table that :func:`~sklstm.backtest` returns.
        history : Series or DataFrame, default=None
            The known values of each series, for `seasonal_period`. All folds of a
            series are measured in the same unit.
        seasonal_period : int, default=None
            Divide the errors of each series by those of the seasonal naive forecast in
            its history. None leaves the errors in units of the target.
        kind : {"both", "step", "series"}, default="both"
            What to draw.
        n_series : int, default=20
            Largest number of series to draw by series.
        ax : Axes or array-like of Axes, default=None
            Axes to draw on, one for each target and kind. None makes a new figure.

        Returns
        -------
        display : ForecastErrorDisplay
            The display, drawn.
        """
        display = cls._of(_errors_in_backtest(folds), history, seasonal_period)
        return display.plot(ax, kind=kind, n_series=n_series)

    @classmethod
    def _of(cls, tables, history, seasonal_period):
        """Make a display of a table of errors for each target."""
        if seasonal_period is not None:
            tables = _scaled(tables, history, seasonal_period)
        errors = pd.concat(tables, axis=1) if len(tables) > 1 else [*tables.values()][0]
        return cls(errors=errors, seasonal_period=seasonal_period)

    def plot(
        self, ax: Any = None, *, kind: str = "both", n_series: int = 20
    ) -> "ForecastErrorDisplay":
        """Draw the display.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            Axes to draw on, one for each target and kind. None makes a new figure.
        kind : {"both", "step", "series"}, default="both"
            What to draw.
        n_series : int, default=20
            Largest number of series to draw by series.

        Returns
        -------
        display : ForecastErrorDisplay
            The display itself.
        """
        if kind not in ("both", "step", "series"):
            raise ValueError(f"kind must be 'both', 'step' or 'series', got {kind!r}.")
        check_scalar(n_series, "n_series", Integral, min_val=1)
        kinds = ["step", "series"] if kind == "both" else [kind]
        drawn = [(*one, what) for one in self._tables() for what in kinds]
        self.axes_ = _make_axes(ax, len(drawn), kinds, min(n_series, len(self.errors)))
        self.figure_ = self.axes_[0].figure
        scaled = "" if self.seasonal_period is None else "scaled "
        for axis, (name, table, what) in zip(self.axes_, drawn, strict=True):
            words = f"mean absolute {scaled}error"
            if what == "step":
                title = _draw_steps(axis, table, words)
            else:
                title = _draw_series(axis, table, words, n_series)
            title = title if name is None else f"{title_of(name)}, {title.lower()}"
            axis.set_title(title, loc="left", fontsize="medium")
        return self

    def _tables(self):
        """The name of each target, None if it is the only one, and its errors."""
        if self.errors.columns.nlevels == 1:
            return [(None, self.errors)]
        names = self.errors.columns.droplevel(-1).unique()
        return [(name, self.errors.loc[:, name]) for name in names]


def _freq_of(forecaster):
    inside = inner_estimators(forecaster)
    return next((one.freq for one in inside if hasattr(one, "freq")), "infer")


def _steps_of(y_true, rows, history, freq):
    """Count how many steps after its history each sorted row stands."""
    if history is None:
        return np.arange(len(rows)) - rows.indptr[:-1][rows.codes] + 1
    if not is_panel(history):
        raise TypeError(index_message(history, "history"))
    past = pd.DataFrame(history)
    past, _ = History.of(past, past, freq).until_known()
    rows = read_rows(with_times_of(pd.DataFrame(y_true), past.rows.time), "y_true")
    position = locate_series(rows.series, past.series)
    _check_known(rows.series, position)
    code = position[rows.codes]
    early = ~is_later(rows.time, past.end.take(code))
    if early.any():
        raise ValueError(
            f"{early.sum()} row(s) of y_true are not after the end of their history: "
            f"{show(rows.index[rows.unsort(early)])}. Leave them out: they have no "
            "step ahead."
        )
    return steps_ahead(past, rows.time, code)


def _check_known(series, position):
    unknown = series[position < 0]
    if len(unknown):
        raise ValueError(
            f"history has no known value of {len(unknown)} series that were forecast: "
            f"{show(unknown)}. Give it the past of every series."
        )


def _has_names(y):
    """Whether the targets are named; one target needs no name."""
    return np.ndim(y) < 2 or not isinstance(y.columns, pd.RangeIndex)


def _absolute_errors(y_true, y_pred):
    """The errors of shape (n_rows, n_targets), NaN where the truth is."""
    actual, forecast, weight = read_targets(y_true, y_pred)
    return np.where(weight > 0, np.abs(actual - forecast), np.nan)


def _by_step(errors, codes, step, series):
    """Average the rows of each series and step: a table of series by steps."""
    long = pd.DataFrame({"series": codes, "step": step, "error": errors})
    table = long.groupby(["series", "step"])["error"].mean().unstack("step")
    return table.set_axis(series.take(table.index), axis=0)


def _errors_in_backtest(folds):
    """Map each target of a backtest's table to its errors by series and step."""
    names = list(getattr(folds, "columns", []))
    before = names[: names.index("y_true")] if "y_true" in names else []
    several = before[-2:] == ["step", "target"]
    levels = before[1 : -3 if several else -2]
    if before[:1] != ["cutoff"] or "step" not in before[-2:] or not levels:
        raise ValueError(
            "folds must be the table that backtest returns, whose columns begin with "
            f"'cutoff' and end with 'step', 'y_true', 'y_pred'; got {show(names)}."
        )
    parts = folds.groupby("target", sort=False) if several else [(None, folds)]
    return {name: _errors_in_part(part, levels) for name, part in parts}


def _errors_in_part(part, levels):
    labels = pd.MultiIndex.from_frame(part[levels])
    labels = plain_labels(labels.get_level_values(0) if len(levels) == 1 else labels)
    codes, series = labels.factorize(sort=True)
    errors = _absolute_errors(part["y_true"], part["y_pred"])[:, 0]
    return _by_step(errors, codes, part["step"].to_numpy(), series)


def _scaled(tables, history, seasonal_period):
    """Divide each series' errors by those of a seasonal naive forecast in its past."""
    check_scalar(seasonal_period, "seasonal_period", Integral, min_val=1)
    if history is None:
        raise ValueError(
            f"seasonal_period={seasonal_period} needs the history of the series, in "
            "which the naive forecast errs; got None."
        )
    rows, names = read_rows(history, "history"), list(tables)
    given = list(getattr(history, "columns", names[:1]))
    named = len(names) > 1 and _has_names(history)
    if len(given) != len(names) or (named and given != names):
        raise ValueError(
            f"history must have the targets of y_true, {show(names)}, got "
            f"{show(given)}."
        )
    values = rows.sort(to_columns(history, "history"))
    scales = series_scales(values, rows.indptr, seasonal_period, 1)
    if np.isnan(scales).all(axis=0).any():
        raise ValueError(
            "The errors have no scale: each series is constant in history, or has no "
            f"two values that are seasonal_period={seasonal_period} rows apart."
        )
    return {
        name: _divide(table, rows.series, scale)
        for (name, table), scale in zip(tables.items(), scales.T, strict=True)
    }


def _divide(table, series, scale):
    position = locate_series(table.index, series)
    _check_known(table.index, position)
    return table / scale[position][:, None]


def _make_axes(ax, n_axes, kinds, n_series):
    import matplotlib.pyplot as plt

    if ax is not None:
        return take_axes(ax, n_axes)
    height = max(3.0, 0.9 + 0.19 * n_series) if "series" in kinds else 3.0
    _, axes = plt.subplots(
        n_axes // len(kinds),
        len(kinds),
        figsize=(4.6 * len(kinds), height * n_axes / len(kinds)),
        layout="constrained",
        squeeze=False,
    )
    return axes.ravel()


def _draw_steps(ax, table, words):
    """Draw the mean, the median and the middle half of series; return a title."""
    from matplotlib.ticker import FixedLocator, MaxNLocator

    step, mean = table.columns.to_numpy(), table.mean().to_numpy()
    one = len(step) == 1
    marker = {"marker": "o", "markersize": 3.5} if len(step) <= _MOST_MARKERS else {}
    ax.plot(step, mean, **_MEAN, **marker)
    if len(table) > 1:
        low, middle, high = table.quantile([0.25, 0.5, 0.75]).to_numpy()
        ax.plot(step, middle, marker="o" if one else "", markersize=3.5, **_MEDIAN)
        # A band of one step has no area: its edge shows.
        shade, width = blend(ax, BLUE, 0.3), 5 if one else 0
        style = {"facecolor": shade, "edgecolor": shade, "linewidth": width}
        ax.fill_between(step, low, high, zorder=0.4, label="middle half", **style)
        tight = {"handlelength": 1.4, "handletextpad": 0.5, "columnspacing": 1.0}
        ax.legend(frameon=False, fontsize="small", loc="upper left", ncols=3, **tight)
    ax.set(xlabel="steps ahead", ylabel=words)
    # The legend has the place above all that is drawn.
    ax.set_ylim(0, 1.12 * ax.get_ylim()[1])
    ax.xaxis.set_major_locator(FixedLocator(step) if one else MaxNLocator(integer=True))
    ax.tick_params(labelsize="small")
    dress(ax)
    return "By step ahead"


def _draw_series(ax, table, words, n_series):
    """Draw the largest errors of series, and the median of all; return a title."""
    error = table.mean(axis=1).dropna()
    largest = error.sort_values(ascending=False, kind="stable")[:n_series]
    place = np.arange(len(largest))
    ax.hlines(place, 0, largest, color=blend(ax, BLUE, 0.55), linewidth=1.2)
    ax.plot(largest, place, "o", color=BLUE, markersize=4.5)
    ax.set_yticks(place, [title_of(label) for label in largest.index])
    ax.set_ylim(len(largest) - 0.5, -0.5)
    ax.set_xlim(left=0)
    if len(error) > 1:
        _mark_median(ax, error)
    ax.set(xlabel=words)
    ax.tick_params(labelsize="small")
    dress(ax, "x")
    few = len(largest) < len(error)
    return f"The {len(largest)} largest of {len(error)} series" if few else "By series"


def _mark_median(ax, error):
    """Draw a line at the median, and say so below all series, on its wider side."""
    median, (left, right) = error.median(), ax.get_xlim()
    bottom, top = ax.get_ylim()
    room = 0.8 + 0.03 * (bottom - top)
    ax.axvline(median, **_MEDIAN)
    ax.annotate(
        f"median of {len(error)} series",
        (median, bottom + 0.4 * room),
        xytext=(4 if median < (left + right) / 2 else -4, 0),
        textcoords="offset points",
        ha="left" if median < (left + right) / 2 else "right",
        va="center",
        size="small",
        color=RED,
    )
    ax.set_ylim(bottom + room, top)

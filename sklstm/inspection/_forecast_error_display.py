"""ForecastErrorDisplay: how errors of forecasts grow by step, and where they lie."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_scalar

from .._panels.flat_tables import panel_of
from .._panels.inner_estimators import find_history, inner_estimators
from .._panels.rows import check_targets_of_fit, target_of_rows
from ._axes_style import BLUE, RED, blend, dress, take_axes
from ._series_plot import title_of
from ._step_errors import (
    errors_by_step,
    errors_in_backtest,
    name_targets,
    scale_errors,
)

__all__ = ["ForecastErrorDisplay"]

_MEAN = {"color": BLUE, "linewidth": 1.6, "label": "mean of series"}
_MEDIAN = {"color": RED, "linewidth": 1.3, "linestyle": (0, (4, 2)), "label": "median"}
_MOST_MARKERS = 30


class ForecastErrorDisplay:
    """Plot the mean absolute errors of forecasts by step ahead and by series.

    By step, a line shows the mean over series, a broken one the median, and a band the
    half of the series in the middle. By series, dots show those with the largest
    errors. Each series counts as much as any other. With several targets, each has its
    own plots.

    Create a display with :meth:`from_estimator`, :meth:`from_predictions` or
    :meth:`from_backtest`.

    Parameters
    ----------
    errors : DataFrame of shape (n_series, n_steps) or (n_series, n_targets * n_steps)
        The mean absolute error of each series at each step ahead, NaN where there is
        none. The columns are the steps, or (target, step).
    seasonal_period : int, default=None
        The seasonal period of the naive forecast in whose errors these are measured.
        None if they are in units of the target.

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
            The plots to draw.
        n_series : int, default=20
            Largest number of series to draw by series.
        ax : Axes or array-like of Axes, default=None
            Axes to draw on, one for each target and kind. None makes a new figure.

        Returns
        -------
        display : ForecastErrorDisplay
            The display, drawn.
        """
        panel, y = panel_of(forecaster, X, y)
        X = panel if X is None else X
        history = find_history(forecaster)
        y_true = name_targets(target_of_rows(panel, y), history)
        check_targets_of_fit(y_true, history)
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
            The plots to draw.
        n_series : int, default=20
            Largest number of series to draw by series.
        ax : Axes or array-like of Axes, default=None
            Axes to draw on, one for each target and kind. None makes a new figure.

        Returns
        -------
        display : ForecastErrorDisplay
            The display, drawn.
        """
        tables = errors_by_step(y_true, y_pred, history, freq)
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
            The plots to draw.
        n_series : int, default=20
            Largest number of series to draw by series.
        ax : Axes or array-like of Axes, default=None
            Axes to draw on, one for each target and kind. None makes a new figure.

        Returns
        -------
        display : ForecastErrorDisplay
            The display, drawn.
        """
        display = cls._of(errors_in_backtest(folds), history, seasonal_period)
        return display.plot(ax, kind=kind, n_series=n_series)

    @classmethod
    def _of(cls, tables, history, seasonal_period):
        """Make a display of a table of errors for each target."""
        if seasonal_period is not None:
            tables = scale_errors(tables, history, seasonal_period)
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
            The plots to draw.
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

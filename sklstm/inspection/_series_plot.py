"""Lines and axes: how one series is drawn."""

import numpy as np
import pandas as pd

__all__ = ["before", "draw_series", "line_style", "make_axes"]

_MOST_MARKERS = 30


def before(past, forecast, n_history):
    """Cut the past to its last rows before the first forecast."""
    if past is None:
        return None
    time, values = past
    if n_history is None:
        n_history = max(30, 5 * len(forecast[0]))
    end = int((time < forecast[0][0]).sum())
    start = max(end - n_history, 0)
    return (time[start:end], values[start:end]) if end > start else None


def draw_series(ax, past, truth, forecast, styles):
    past_style, truth_style, forecast_style = styles
    if past is not None:
        ax.plot(_coordinates(past[0]), past[1], **past_style)
    if truth is not None:
        ax.plot(*_joined(past, truth), **truth_style)
    if len(forecast[0]) <= _MOST_MARKERS:
        forecast_style = {"marker": "o", "markersize": 3.5, **forecast_style}
    ax.plot(_coordinates(forecast[0]), forecast[1], **forecast_style)
    _dress(ax, forecast[0])


def _joined(past, truth):
    """Start the truth at the last past value, so that the line has no hole."""
    time, values = truth
    if past is None:
        return _coordinates(time), values
    time, values = past[0][-1:].append(time), np.r_[past[1][-1:], values]
    return _coordinates(time), values


def _coordinates(time):
    """Give times a type that matplotlib draws without help from pandas."""
    if isinstance(time, pd.PeriodIndex):
        time = time.to_timestamp()
    if isinstance(time, pd.DatetimeIndex):
        time = time.tz_localize(None)
    return time.to_numpy()


def _dress(ax, time):
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import MaxNLocator

    if isinstance(time, (pd.PeriodIndex, pd.DatetimeIndex)):
        locator = AutoDateLocator(minticks=3, maxticks=6)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    elif pd.api.types.is_integer_dtype(time):
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize="small")


def make_axes(ax, n_series, n_cols):
    import matplotlib.pyplot as plt

    if ax is not None:
        axes = np.ravel(np.asarray(ax, dtype=object))
        if len(axes) < n_series:
            raise ValueError(
                f"ax must hold one Axes for each of the {n_series} series, "
                f"got {len(axes)}."
            )
        return axes[:n_series]
    n_cols = min(n_cols, n_series)
    n_rows = -(-n_series // n_cols)
    figure, axes = plt.subplots(
        n_rows,
        n_cols,
        figsize=(3.6 * n_cols, 2.4 * n_rows + 0.4),
        layout="constrained",
        squeeze=False,
    )
    for spare in axes.flat[n_series:]:
        spare.remove()
    return axes.ravel()[:n_series]


def line_style(default, given):
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return {**default, **normalize_kwargs(given, Line2D)}

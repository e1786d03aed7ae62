"""Lines, bands and axes: how one series is drawn."""

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state, check_scalar

from .._panels.rows import locate_series, read_rows, show
from ._axes_style import blend, distinct_colors, dress

__all__ = [
    "band_styles",
    "baseline_styles",
    "before",
    "by_series",
    "choose_series",
    "draw_bands",
    "draw_baselines",
    "draw_series",
    "label_display",
    "line_style",
    "make_axes",
    "rows_of_series",
    "title_of",
]

_MOST_MARKERS = 30
_BELOW_GRID = 0.4


def by_series(y):
    """Map each series' label to its times and values, in the order of first rows."""
    rows = read_rows(y)
    time, values = rows.time, rows.sort(y.to_numpy(dtype=float))
    parts = {
        label: (time[start:end], values[start:end])
        for label, start, end in zip(
            rows.series, rows.indptr[:-1], rows.indptr[1:], strict=True
        )
    }
    return {label: parts[label] for label in y.index.droplevel(-1).unique()}


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


def draw_baselines(ax, baselines, styles):
    for (time, values), style in zip(baselines, styles, strict=True):
        # A line of one row has no length: its dot shows.
        style = {"marker": "o" if len(time) == 1 else "", "markersize": 3.5, **style}
        ax.plot(_coordinates(time), values, **style)


def draw_bands(ax, bands, styles):
    for (time, bounds), style in zip(bands, styles, strict=True):
        # A band of one row has no area: its edge shows.
        style = {"linewidth": 5 if len(time) == 1 else 0, **style}
        ax.fill_between(_coordinates(time), bounds[:, 0], bounds[:, 1], **style)


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


def label_display(axes, words):
    """Draw one legend and, in a figure of its own, the words beside the axes."""
    legend = {}
    for axis in axes:
        handles, labels = axis.get_legend_handles_labels()
        legend.update(zip(labels, handles, strict=True))
    if words is None:
        axes[0].legend(legend.values(), legend.keys(), frameon=False)
        return
    figure = axes[0].figure
    figure.legend(
        legend.values(),
        legend.keys(),
        frameon=False,
        loc="outside upper right",
        ncols=max(1, int(figure.get_figwidth() / _entry_width(legend))),
    )
    figure.supylabel(words[0], fontsize="medium")
    figure.supxlabel(words[1], fontsize="medium")


def _entry_width(labels):
    """Estimate the inches that an entry of the legend takes."""
    return 0.6 + 0.07 * max(map(len, labels))


def title_of(label):
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _dress(ax, time):
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import MaxNLocator

    if isinstance(time, (pd.PeriodIndex, pd.DatetimeIndex)):
        locator = AutoDateLocator(minticks=3, maxticks=6)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    elif pd.api.types.is_integer_dtype(time):
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    dress(ax)
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
    check_scalar(n_cols, "n_cols", Integral, min_val=1)
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


def baseline_styles(names, given):
    """Give each baseline a colour and dashes of its own."""
    dashes = [(0, (4, 2)), (0, (1, 1)), (0, (6, 2, 1, 2))]
    return [
        line_style(
            {
                "color": color,
                "linewidth": 1.5,
                "linestyle": dashes[i % len(dashes)],
                "label": name,
            },
            given,
        )
        for i, (name, color) in enumerate(
            zip(names, distinct_colors(len(names)), strict=True)
        )
    ]


def band_styles(ax, coverages, color, given):
    """Give each coverage a shade, the first and widest one the lightest."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.collections import PolyCollection

    given = normalize_kwargs(given, PolyCollection)
    color = given.pop("color", given.pop("facecolor", color))
    # Bands overlap, so transparent ones would not have the shades of the legend.
    shades = [blend(ax, color, x) for x in np.linspace(0.25, 0.55, len(coverages))]
    return [
        {
            "facecolor": shade,
            "edgecolor": shade,
            "zorder": _BELOW_GRID,
            "label": f"{100 * coverage:g} % interval",
            **given,
        }
        for coverage, shade in zip(coverages, shades, strict=True)
    ]


def choose_series(rows, series, n_series, random_state):
    """Find the positions of the series to draw."""
    if series is not None:
        return _positions_of(series, rows.series)
    if n_series < 1:
        raise ValueError(f"n_series must be >= 1, got {n_series}.")
    n_series = min(n_series, rows.n_series)
    if random_state is None:
        return np.arange(n_series)
    draw = check_random_state(random_state).choice
    return np.sort(draw(rows.n_series, size=n_series, replace=False))


def _positions_of(labels, known):
    if isinstance(labels, str) or not np.iterable(labels):
        raise TypeError(
            f"series must be a list of labels, got {labels!r}. Use [{labels!r}]."
        )
    if len(labels) == 0:
        raise ValueError("series must name at least one series, got none.")
    if known.nlevels > 1:
        labels = pd.MultiIndex.from_tuples(labels, names=known.names).unique()
    else:
        labels = pd.Index(labels).unique()
    positions = locate_series(labels, known)
    if (positions < 0).any():
        raise ValueError(
            "series must be labels of the panel's series, got "
            f"{show(labels[positions < 0])}; the panel has {show(known)}."
        )
    return positions


def rows_of_series(rows, chosen):
    """Find the given rows of the chosen series, one series after the other."""
    kept = np.concatenate(
        [np.arange(rows.indptr[i], rows.indptr[i + 1]) for i in chosen]
    )
    return kept if rows.order is None else rows.order[kept]

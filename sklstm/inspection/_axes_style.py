"""How axes look in every plot, on light and on dark paper."""

from itertools import cycle, islice

import numpy as np

__all__ = [
    "BLUE",
    "GREY",
    "RED",
    "blend",
    "distinct_colors",
    "dress",
    "ink_on",
    "is_dark",
    "take_axes",
]

BLUE, RED, GREY = "#4079b8", "#c8553d", "#8c8c8c"
# Of one lightness, so that each is seen on white and on black.
_COLORS = (BLUE, "#4c956c", "#9a6fb0", "#c78a1e", "#2a9d9d", "#c05a8c", "#8a6d4b", RED)


def distinct_colors(n_colors):
    """The first colours of a list that begins anew after its end."""
    return list(islice(cycle(_COLORS), n_colors))


def is_dark(ax):
    """Whether the paper of an Axes is dark."""
    return bool(np.mean(_paper_of(ax)) < 0.5)


def ink_on(ax):
    """The colour of what should be read first."""
    return "#e6e6e6" if is_dark(ax) else "#222222"


def blend(ax, color, share):
    """Mix a share of a colour into that of the paper, as if it shone through."""
    from matplotlib.colors import to_rgb

    paper = _paper_of(ax)
    return tuple(share * (np.array(to_rgb(color)) - paper) + paper)


def dress(ax, axis="y"):
    """Draw a faint grid behind everything, and no frame above and on the right."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis=axis, color=blend(ax, ink_on(ax), 0.15), linewidth=0.8)
    ax.set_axisbelow(True)


def take_axes(ax, n_axes):
    """The first of the given Axes, as an array."""
    axes = np.ravel(np.asarray(ax, dtype=object))
    if len(axes) < n_axes:
        raise ValueError(f"ax must hold {n_axes} Axes, got {len(axes)}.")
    return axes[:n_axes]


def _paper_of(ax):
    from matplotlib.colors import to_rgb

    return np.array(to_rgb(ax.get_facecolor()))

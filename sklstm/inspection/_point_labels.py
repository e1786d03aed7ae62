"""Words beside points, where they have room."""

import numpy as np

from ._axes_style import ink_on
from ._series_plot import title_of

__all__ = ["write_labels"]

# Inches of a small letter, and what is left free around a point.
_LETTER, _LINE, _GAP = 0.075, 0.15, 0.05
# How a word stands on each side of its point, and where that side is.
_SIDES = [
    ({"ha": "left", "va": "center"}, (1, 0)),
    ({"ha": "right", "va": "center"}, (-1, 0)),
    ({"ha": "center", "va": "bottom"}, (0, 1)),
    ({"ha": "center", "va": "top"}, (0, -1)),
]


def write_labels(ax, positions, n_labels):
    """Write labels of points, the outermost first.

    Parameters
    ----------
    ax : Axes
        Its limits must be final, and all else in its figure drawn.
    positions : DataFrame of shape (n_points, 2)
        The points, indexed by label.
    n_labels : int
        The largest number of labels. One is left out where it would cover a point or
        another label on every side.
    """
    # Only now the layout gives the axes their size.
    ax.figure.draw_without_rendering()
    inches = ax.figure.get_size_inches() * ax.get_position().size
    limits = np.array([ax.get_xlim(), ax.get_ylim()])
    at = (positions.to_numpy() - limits[:, 0]) / np.ptp(limits, axis=1) * inches
    outermost = np.argsort(-np.hypot(*(at - at.mean(axis=0)).T), kind="stable")
    taken = np.c_[at, at]
    n_written = 0
    # Labels far inside a crowd have no room, and are not tried.
    for i in outermost[: 10 * n_labels]:
        if n_written == n_labels:
            break
        word = title_of(positions.index[i])
        box, (style, step) = _free_side(at[i], word, taken, inches)
        if box is not None:
            ax.annotate(
                word,
                tuple(positions.iloc[i]),
                xytext=72 * _GAP * np.array(step),
                textcoords="offset points",
                size="small",
                color=ink_on(ax),
                **style,
            )
            taken = np.r_[taken, [box]]
            n_written += 1


def _free_side(point, word, taken, inches):
    """Find the first side of a point where a word covers nothing.

    Returns
    -------
    box : ndarray of shape (4,) or None
        The left, lower, right and upper end of the word; None if no side is free.
    side : tuple
        An entry of the list of sides.
    """
    size = np.array([_LETTER * len(word), _LINE])
    for side in _SIDES:
        middle = point + np.array(side[1]) * (_GAP + size / 2)
        low, high = middle - size / 2, middle + size / 2
        inside = (low >= 0).all() and (high <= inches).all()
        meets = (taken[:, :2] < high).all(axis=1) & (taken[:, 2:] > low).all(axis=1)
        if inside and not meets.any():
            return np.r_[low, high], side
    return None, _SIDES[0]

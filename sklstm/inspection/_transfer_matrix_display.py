"""TransferMatrixDisplay: plot the error of every data set after every stage."""

from typing import Any

import numpy as np
import pandas as pd

from .._panels.inner_estimators import inner_estimators
from ._axes_style import GREY, dress, is_dark, take_axes

__all__ = ["TransferMatrixDisplay"]

_JOINT = {"color": GREY, "linewidth": 1.2, "linestyle": (0, (4, 3))}


class TransferMatrixDisplay:
    """Plot the errors of data sets after each stage, as a heat map and as lines.

    In the heat map a row is a stage and a column a data set. Errors above the diagonal
    come before training on that data set, errors below it after training on later ones.
    A line that rises after its dot shows forgetting.

    Parameters
    ----------
    scores : DataFrame of shape (n_stages, n_datasets)
        Errors, as in `stage_scores_` of :class:`~sklstm.ContinualForecaster`.
    joint : Series of shape (n_datasets,), default=None
        The errors after training on all data sets together.

    Attributes
    ----------
    axes_ : ndarray of Axes of shape (n_drawn,)
        The axes of the heat map and of the lines.
    figure_ : Figure
        The figure that holds them.

    See Also
    --------
    sklstm.ContinualForecaster : Where the errors come from.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import TransferMatrixDisplay
    >>> scores = pd.DataFrame(
    ...     {"north": [0.2, 0.5], "south": [0.9, 0.3]}, index=["north", "south"]
    ... )
    >>> display = TransferMatrixDisplay.from_scores(scores)
    >>> len(display.axes_)
    2
    """

    def __init__(self, *, scores: pd.DataFrame, joint: pd.Series | None = None) -> None:
        self.scores = scores
        self.joint = joint

    @classmethod
    def from_estimator(
        cls,
        forecaster: Any,
        *,
        joint: pd.Series | None = None,
        kind: str = "both",
        ax: Any = None,
    ) -> "TransferMatrixDisplay":
        """Plot the stages of a fitted forecaster.

        Parameters
        ----------
        forecaster : ContinualForecaster, or a search that holds one
            A fitted forecaster.
        joint : Series of shape (n_datasets,), default=None
            The errors after joint training, to compare with: the last row of
            `stage_scores_` of a forecaster with ``strategy="joint"``.
        kind : {"both", "matrix", "lines"}, default="both"
            What to draw.
        ax : Axes or array-like of Axes, default=None
            Where to draw, two for both. None makes a new figure.

        Returns
        -------
        display : TransferMatrixDisplay
            The display, drawn.
        """
        inside = inner_estimators(forecaster)
        forecaster = next(
            (f for f in inside if hasattr(f, "stage_scores_")), forecaster
        )
        return cls.from_scores(forecaster.stage_scores_, joint, kind=kind, ax=ax)

    @classmethod
    def from_scores(
        cls,
        scores: pd.DataFrame,
        joint: pd.Series | None = None,
        *,
        kind: str = "both",
        ax: Any = None,
    ) -> "TransferMatrixDisplay":
        """Plot given errors.

        Parameters
        ----------
        scores : DataFrame of shape (n_stages, n_datasets)
            Errors, lower for better.
        joint : Series of shape (n_datasets,), default=None
            The errors after training on all data sets together.
        kind : {"both", "matrix", "lines"}, default="both"
            What to draw.
        ax : Axes or array-like of Axes, default=None
            Where to draw, two for both. None makes a new figure.

        Returns
        -------
        display : TransferMatrixDisplay
            The display, drawn.
        """
        return cls(scores=scores, joint=joint).plot(ax, kind=kind)

    def plot(
        self, ax: Any = None, *, kind: str = "both", cmap: Any = "YlOrBr"
    ) -> "TransferMatrixDisplay":
        """Draw the display.

        Parameters
        ----------
        ax : Axes or array-like of Axes, default=None
            Where to draw, two for both. None makes a new figure.
        kind : {"both", "matrix", "lines"}, default="both"
            What to draw.
        cmap : str or Colormap, default="YlOrBr"
            Colours of the heat map, for low errors first.

        Returns
        -------
        display : TransferMatrixDisplay
            The display itself.
        """
        if kind not in ("both", "matrix", "lines"):
            raise ValueError(f"kind must be 'both', 'matrix' or 'lines', got {kind!r}.")
        drawn = ["matrix", "lines"] if kind == "both" else [kind]
        self.axes_ = _make_axes(ax, len(drawn), self.scores.shape)
        self.figure_ = self.axes_[0].figure
        for axis, what in zip(self.axes_, drawn, strict=True):
            if what == "matrix":
                self._draw_matrix(axis, cmap)
            else:
                self._draw_lines(axis)
        return self

    def _draw_matrix(self, ax, cmap):
        values = self.scores.to_numpy(dtype=float)
        image = ax.imshow(values, cmap=cmap, aspect="auto")
        n_rows, n_columns = values.shape
        ax.set_xticks(range(n_columns), self._words(self.scores.columns))
        ax.set_yticks(range(n_rows), self._words(self.scores.index))
        long = max(map(len, self._words(self.scores.columns))) * n_columns > 40
        ax.tick_params(axis="x", labelrotation=90 if long else 0)
        ax.tick_params(labelsize="small", length=0)
        ax.set(xlabel="error of", ylabel="after the stage of")
        ax.spines[:].set_visible(False)
        for stage, column in self._own_cells():
            frame = (column - 0.5, stage - 0.5)
            ax.add_patch(_frame(frame))
        if n_columns <= 12:
            self._write_values(ax, values, image)
        ax.set_title(
            "Each data set's error after each stage", loc="left", size="medium"
        )

    def _write_values(self, ax, values, image):
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                dark = image.norm(value) > 0.6
                ax.text(
                    column,
                    row,
                    f"{value:.3g}",
                    ha="center",
                    va="center",
                    size="small",
                    color="white" if dark else "#222222",
                )

    def _draw_lines(self, ax):
        import matplotlib.pyplot as plt

        stage = np.arange(len(self.scores))
        part = (0.4, 1.0) if is_dark(ax) else (0.0, 0.8)
        colors = plt.get_cmap("viridis")(np.linspace(*part, self.scores.shape[1]))
        own = {column: row for row, column in self._own_cells()}
        ends = []
        for column, color in enumerate(colors):
            error = self.scores.iloc[:, column].to_numpy(dtype=float)
            ax.plot(stage, error, color=color, linewidth=1.4)
            if column in own:
                ax.plot(own[column], error[own[column]], "o", color=color, ms=5)
            ends.append((error[-1], str(self.scores.columns[column]), color))
        if self.joint is not None:
            mean = float(np.nanmean(self.joint))
            ax.axhline(mean, **_JOINT, label="joint training, mean")
            ax.legend(frameon=False, fontsize="small", loc="upper right")
        _label_ends(ax, ends, stage[-1])
        ax.set_xticks(stage, self._words(self.scores.index))
        long = max(map(len, self._words(self.scores.index))) * len(stage) > 40
        ax.tick_params(axis="x", labelrotation=90 if long else 0)
        ax.tick_params(labelsize="small")
        ax.set(xlabel="after the stage of", ylabel="error")
        ax.set_title("The same over the stages", loc="left", size="medium")
        dress(ax)

    def _own_cells(self):
        """The stage and the column of each data set that has a stage of its own."""
        stages, columns = list(self.scores.index), list(self.scores.columns)
        return [
            (stages.index(name), i) for i, name in enumerate(columns) if name in stages
        ]

    @staticmethod
    def _words(labels):
        return [str(label) for label in labels]


def _make_axes(ax, n_axes, shape):
    import matplotlib.pyplot as plt

    if ax is not None:
        return take_axes(ax, n_axes)
    n_rows, n_columns = shape
    size = (4.2 + 0.25 * min(n_columns, 20)) * n_axes, 3.4 + 0.12 * min(n_rows, 20)
    _, axes = plt.subplots(1, n_axes, figsize=size, layout="constrained", squeeze=False)
    return axes.ravel()


def _frame(corner):
    from matplotlib.patches import Rectangle

    return Rectangle(corner, 1, 1, fill=False, edgecolor="#222222", linewidth=1.2)


def _label_ends(ax, ends, stage):
    """Name each line at its end, moved apart where two would meet."""
    known = sorted((e for e in ends if np.isfinite(e[0])), key=lambda end: end[0])
    low, high = ax.get_ylim()
    gap, last = 0.055 * (high - low), -np.inf
    for error, name, color in known:
        last = max(error, last + gap)
        ax.annotate(
            name,
            (stage, last),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            size="small",
            color=color,
            annotation_clip=False,
        )

"""EmbeddingDisplay: what a network has learned of its labels, in two dimensions."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from .._panels.rows import show
from ._axes_style import BLUE, GREY, distinct_colors, dress, is_dark
from ._networks import inner_networks
from ._point_labels import write_labels

__all__ = ["EmbeddingDisplay"]

_MOST_COLORS = 8


class EmbeddingDisplay:
    """Plot the embedding of labels, such as the ids of series.

    Labels that are close together are nearly the same to the network. An embedding of
    more than two dimensions is projected on its first two principal components.

    Create a display with :meth:`from_estimator` or :meth:`from_embedding`.

    Parameters
    ----------
    embedding : DataFrame of shape (n_labels, n_dimensions)
        The vector of each label, as in `embeddings_` of :class:`~sklstm.LSTMRegressor`.
    hue : Series of shape (n_labels,), default=None
        A fact of each label, found by its index, which is shown as a colour. Numbers
        have a colour bar, other values a legend.

    Attributes
    ----------
    positions_ : DataFrame of shape (n_labels, 2)
        Where each label is drawn.
    ax_ : Axes
        The axes.
    figure_ : Figure
        The figure that holds them.

    See Also
    --------
    sklstm.SeriesEncoder : Gives a network the ids of series.

    Notes
    -----
    An embedding starts at random and moves only as far as training needs. Where the
    windows tell a network enough, it stays near its start.

    Examples
    --------
    >>> from sklstm import EmbeddingDisplay, LSTMForecaster
    >>> from sklstm.datasets import load_fertility
    >>> y = load_fertility()["fertility_rate"].loc[["Chad", "Chile", "China"]]
    >>> forecaster = LSTMForecaster(
    ...     5, hidden_size=8, embedding_dim=4, max_epochs=2, n_estimators=1
    ... )
    >>> display = EmbeddingDisplay.from_estimator(forecaster.fit(None, y))
    >>> display.embedding.shape
    (3, 4)
    >>> display.positions_.index.tolist()
    ['Chad', 'Chile', 'China']
    """

    def __init__(
        self, *, embedding: pd.DataFrame, hue: pd.Series | None = None
    ) -> None:
        self.embedding = embedding
        self.hue = hue

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        column: str | None = None,
        hue: pd.Series | None = None,
        n_labels: int = 12,
        ax: Any = None,
    ) -> "EmbeddingDisplay":
        """Plot an embedding of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted LSTMRegressor, or an ensemble, pipeline, forecaster or search that
            holds one. Of an ensemble, its first network is shown.
        column : str, default=None
            The categorical column whose labels are shown. None takes the only one.
        hue : Series of shape (n_labels,), default=None
            A fact of each label, found by its index, which is shown as a colour.
        n_labels : int, default=12
            Largest number of labels to write, the outermost first, as far as they have
            room. 0 writes none.
        ax : Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        display : EmbeddingDisplay
            The display, drawn.
        """
        check_is_fitted(estimator)
        embedding = _embedding_in(estimator, column)
        return cls.from_embedding(embedding, hue=hue, n_labels=n_labels, ax=ax)

    @classmethod
    def from_embedding(
        cls,
        embedding: pd.DataFrame,
        *,
        hue: pd.Series | None = None,
        n_labels: int = 12,
        ax: Any = None,
    ) -> "EmbeddingDisplay":
        """Plot a given embedding.

        Parameters
        ----------
        embedding : DataFrame of shape (n_labels, n_dimensions)
            The vector of each label.
        hue : Series of shape (n_labels,), default=None
            A fact of each label, found by its index, which is shown as a colour.
        n_labels : int, default=12
            Largest number of labels to write, the outermost first, as far as they have
            room. 0 writes none.
        ax : Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        display : EmbeddingDisplay
            The display, drawn.
        """
        return cls(embedding=embedding, hue=hue).plot(ax, n_labels=n_labels)

    def plot(self, ax: Any = None, *, n_labels: int = 12) -> "EmbeddingDisplay":
        """Draw the display.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw. None makes a new figure.
        n_labels : int, default=12
            Largest number of labels to write, the outermost first, as far as they have
            room. 0 writes none.

        Returns
        -------
        display : EmbeddingDisplay
            The display itself.
        """
        import matplotlib.pyplot as plt

        check_scalar(n_labels, "n_labels", Integral, min_val=0)
        self.positions_, words = _in_two_dimensions(self.embedding)
        hue = None if self.hue is None else _hue_of(self.positions_.index, self.hue)
        if ax is None:
            _, ax = plt.subplots(figsize=(5.6, 4.4), layout="constrained")
            ax.set_aspect("equal", adjustable="datalim")
        _draw_points(ax, self.positions_, hue)
        ax.set(xlabel=words[0], ylabel=words[1])
        ax.margins(0.08)
        ax.tick_params(labelsize="small")
        if not words[1]:
            ax.set_yticks([])
        dress(ax, "both")
        write_labels(ax, self.positions_, n_labels)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _embedding_in(estimator, column):
    """Find the embedding of a column in the first network of an estimator."""
    name = type(estimator).__name__
    network = next(inner_networks(estimator, "embeddings_"), None)
    if network is None:
        raise TypeError(
            f"{name} holds no network with embeddings_. Pass a fitted LSTMRegressor, "
            "or an estimator around one."
        )
    known = network.embeddings_
    if not known:
        raise ValueError(
            f"The network in {name} has no embedding. Set embedding_dim of an "
            "LSTMForecaster, such as embedding_dim=2; or, in a pipeline, put a "
            "SeriesEncoder before the windows and leave embedding_dim of LSTMRegressor "
            "other than 0."
        )
    if column is None and len(known) > 1 or column is not None and column not in known:
        raise ValueError(
            f"column must be one of the columns with an embedding, {show(list(known))};"
            f" got {column!r}."
        )
    return known[next(iter(known)) if column is None else column]


def _in_two_dimensions(embedding):
    """The positions of labels, and what the two axes are called."""
    if not isinstance(embedding, pd.DataFrame):
        raise TypeError(
            "embedding must be a DataFrame with a row for each label, got "
            f"{type(embedding).__name__}."
        )
    values = embedding.to_numpy(dtype=np.float64)
    if len(values) < 2 or values.shape[1] < 1 or not np.isfinite(values).all():
        raise ValueError(
            "embedding must have at least 2 labels, at least 1 dimension and finite "
            f"numbers, got shape {values.shape} with "
            f"{np.count_nonzero(~np.isfinite(values))} that are not finite."
        )
    words = [str(name) for name in embedding.columns]
    if len(words) > 2:
        pca = PCA(n_components=2)
        # Labels at one place have no variance to explain.
        apart = (values != values[0]).any()
        values = pca.fit_transform(values) if apart else np.zeros((len(values), 2))
        ratio = pca.explained_variance_ratio_ if apart else np.zeros(2)
        shares = zip((1, 2), 100 * ratio, strict=True)
        words = [f"component {i} ({share:.0f} % of variance)" for i, share in shares]
    elif len(words) == 1:
        # A line of labels: they have no second coordinate.
        values, words = np.c_[values, np.zeros(len(values))], [*words, ""]
    return pd.DataFrame(values, index=embedding.index, columns=words), words


def _hue_of(labels, hue):
    """The fact of each label, missing where it is not known."""
    if not isinstance(hue, pd.Series):
        raise TypeError(
            f"hue must be a Series indexed by label, got {type(hue).__name__}."
        )
    if not hue.index.is_unique:
        twice = hue.index[hue.index.duplicated()].unique()
        raise ValueError(
            f"hue must have one value for each label, but has several for {len(twice)}:"
            f" {show(twice)}. Take one of each, e.g. hue.groupby(level=0).first()."
        )
    # Labels of several levels are one tuple each in an embedding.
    found = hue.set_axis(hue.index.to_flat_index()).reindex(labels.to_flat_index())
    if found.isna().all():
        raise ValueError(
            f"hue has no value for any label of the embedding, such as "
            f"{show(labels[:1])}; it is indexed by {show(hue.index)}."
        )
    return found


def _draw_points(ax, positions, hue):
    if hue is None:
        _scatter(ax, positions, color=BLUE)
    elif pd.api.types.is_numeric_dtype(hue) and not pd.api.types.is_bool_dtype(hue):
        _draw_numbers(ax, positions, hue.astype(float).to_numpy(), hue.name)
    else:
        _draw_groups(ax, positions, hue)


def _draw_numbers(ax, positions, numbers, name):
    import matplotlib.pyplot as plt
    from matplotlib.colors import ListedColormap

    known = ~np.isnan(numbers)
    _scatter(ax, positions[~known], color=GREY)
    # The ends of the map that would be lost on the paper are left out.
    share = (0.15, 1.0) if is_dark(ax) else (0.0, 0.85)
    colors = ListedColormap(plt.get_cmap("plasma")(np.linspace(*share, 256)))
    points = _scatter(ax, positions[known], c=numbers[known], cmap=colors)
    bar = ax.figure.colorbar(points, ax=ax, label="" if name is None else str(name))
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize="small")


def _draw_groups(ax, positions, hue):
    """Give the commonest values a colour each, and the rest a grey."""
    counts = hue.value_counts()
    groups = sorted(counts[counts > 0].index[:_MOST_COLORS], key=str)
    for group, color in zip(groups, distinct_colors(len(groups)), strict=True):
        chosen = (hue == group).fillna(False).to_numpy(dtype=bool)
        _scatter(ax, positions[chosen], color=color, label=str(group))
    missing = hue.isna().to_numpy()
    rest = ~hue.isin(groups).to_numpy(dtype=bool) & ~missing
    if rest.any():
        _scatter(ax, positions[rest], color=GREY, label="other")
    if missing.any():
        style = {"facecolors": "none", "edgecolors": GREY, "label": "unknown"}
        _scatter(ax, positions[missing], **style)
    # Beside the axes, where it covers no point.
    ax.legend(
        title=hue.name,
        frameon=False,
        fontsize="small",
        title_fontsize="small",
        loc="upper left",
        bbox_to_anchor=(1, 1),
    )


def _scatter(ax, positions, **style):
    width = 1.0 if "edgecolors" in style else 0.0
    return ax.scatter(*positions.to_numpy().T, s=24, linewidths=width, **style)

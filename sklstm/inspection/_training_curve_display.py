"""TrainingCurveDisplay: the losses of networks over the epochs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from ._axes_style import BLUE, RED, dress
from ._networks import inner_networks

__all__ = ["TrainingCurveDisplay"]

_TRAIN = {"color": BLUE, "linewidth": 1.4}
_VALID = {"color": RED, "linewidth": 1.4}


class TrainingCurveDisplay:
    """Plot the training and the validation loss of networks after each epoch.

    With several networks, as in a :class:`~sklstm.SeedEnsemble`, each has its lines. A
    dot marks the lowest validation loss, whose weights early stopping restores.

    Parameters
    ----------
    histories : list of DataFrame
        For each network its epochs, with the columns "train_loss" and, where windows
        were held out, "valid_loss".

    Attributes
    ----------
    ax_ : Axes
        The axes.
    figure_ : Figure
        The figure that holds them.

    See Also
    --------
    sklstm.LSTMRegressor : Its `training_history_` has the losses.

    Notes
    -----
    Losses are in the units that a network learns in (`target_scale_` of the regressor),
    so those of different windows, scalers or losses cannot be compared.

    Examples
    --------
    >>> from sklstm import LSTMForecaster, TrainingCurveDisplay
    >>> from sklstm.datasets import load_fertility
    >>> y = load_fertility()["fertility_rate"].loc[["Chad", "Chile", "China"]]
    >>> forecaster = LSTMForecaster(
    ...     5, hidden_size=8, max_epochs=3, n_estimators=2, random_state=0
    ... )
    >>> display = TrainingCurveDisplay.from_estimator(forecaster.fit(None, y))
    >>> len(display.ax_.lines)
    2
    """

    def __init__(self, *, histories: Sequence[pd.DataFrame]) -> None:
        self.histories = histories

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None
    ) -> "TrainingCurveDisplay":
        """Plot the training of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted LSTMRegressor, or an ensemble, pipeline, forecaster or search that
            holds one.
        ax : Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        TrainingCurveDisplay
            The display, drawn.
        """
        check_is_fitted(estimator)
        networks = inner_networks(estimator, "training_history_")
        histories = [network.training_history_ for network in networks]
        if not histories:
            raise TypeError(
                f"{type(estimator).__name__} holds no network with a training_history_."
                " Pass a fitted LSTMRegressor, or an estimator around one."
            )
        return cls(histories=histories).plot(ax)

    def plot(self, ax: Any = None) -> "TrainingCurveDisplay":
        """Draw the display.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        TrainingCurveDisplay
            The display itself.
        """
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
        for history in self.histories:
            epoch = np.arange(1, len(history) + 1)
            ax.plot(epoch, history["train_loss"], **_TRAIN)
            # Epochs without held-out windows, as of partial_fit, have no such loss.
            if "valid_loss" in history and history["valid_loss"].notna().any():
                loss = history["valid_loss"].to_numpy(dtype=float)
                ax.plot(epoch, loss, **_VALID)
                best = int(np.nanargmin(loss))
                ax.plot(epoch[best], loss[best], "o", color=_VALID["color"], ms=5)
        validated = any("valid_loss" in history for history in self.histories)
        labels = [("training", _TRAIN), ("validation", _VALID)]
        for row, (label, style) in enumerate(labels[: 1 + validated]):
            ax.annotate(
                label,
                (1, 1),
                xytext=(0, -12 * row),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="right",
                va="top",
                color=style["color"],
                size="small",
            )
        ax.set(xlabel="epoch", ylabel="loss")
        ax.xaxis.get_major_locator().set_params(integer=True)
        dress(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

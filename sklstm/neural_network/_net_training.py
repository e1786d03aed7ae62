"""A net trained anew, validated and trained again, or trained on."""

from typing import NamedTuple

import numpy as np

from ._device import seeded
from ._training import (
    choose_epochs,
    make_iterators,
    make_net,
    restart_lr,
    split_windows,
    start_at_mean,
)
from ._window_batches import WindowTensors, mean_target

__all__ = ["TrainingData", "train_net", "train_on"]


class TrainingData(NamedTuple):
    """What a net learns from.

    Attributes
    ----------
    X : PanelWindows or ndarray
    y : ndarray of shape (n_windows, n_outputs), or StepTargets
    weight : ndarray of shape (n_windows,) or None
    windows : WindowTensors
        X on the device.
    seed : int
    """

    X: object
    y: object
    weight: np.ndarray | None
    windows: WindowTensors
    seed: int

    @property
    def device(self):
        return self.windows.inputs.device

    def iterators(self, estimator, split):
        """Make the batches of training and validation."""
        X, y, weight, windows, _ = self
        return make_iterators(estimator, X, y, weight, windows, *split)


def train_net(estimator, data, labels, n_outputs, n_epochs=None):
    """Train a net from the start, and once more on all windows if `refit`.

    Parameters
    ----------
    estimator : LSTMRegressor
    data : TrainingData
    labels : list of Index
        The labels of each categorical column that is embedded.
    n_outputs : int
    n_epochs : int, default=None
        Number of epochs; by `max_epochs` if None.

    Returns
    -------
    net : WindowNet
    validated : History or None
        That of the training which found the number of epochs of the net.
    """
    split = split_windows(estimator, data.X, data.y)
    iterators = data.iterators(estimator, split)
    max_epochs = choose_epochs(estimator.max_epochs, len(iterators[0]))

    def train(iterators, learned, n_epochs):
        with seeded(data.seed, data.device):
            net = make_net(
                estimator, data.windows, labels, n_outputs, iterators, max_epochs
            )
            if data.windows.naive is None:
                start_at_mean(net, mean_target(data.y, learned, data.weight))
            return net.partial_fit(iterators, epochs=n_epochs)

    net = train(iterators, split[0], n_epochs or max_epochs)
    if iterators[1] is None or not estimator.refit:
        return net, None
    everything = np.arange(len(data.X))
    iterators = data.iterators(estimator, (everything, everything[:0]))
    n_best = 1 + int(np.argmin(net.history[:, "valid_loss"]))
    return train(iterators, everything, n_best), net.history


def train_on(estimator, net, data, n_epochs=None):
    """Train a net on, from the weights that it has.

    Parameters
    ----------
    estimator : LSTMRegressor
    net : WindowNet
    data : TrainingData
    n_epochs : int, default=None
        Number of epochs; by `max_epochs` if None.

    Returns
    -------
    WindowNet
    """
    split = split_windows(estimator, data.X, data.y)
    iterators = data.iterators(estimator, split)
    if n_epochs is None:
        n_epochs = choose_epochs(estimator.max_epochs, len(iterators[0]))
    with seeded(data.seed, data.device):
        restart_lr(net, estimator.lr)
        return net.partial_fit(iterators, epochs=n_epochs)

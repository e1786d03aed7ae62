"""Train a new net, or continue the training of one."""

from typing import NamedTuple

import numpy as np

from ._device import seeded
from ._labels import center_unlearned, labels_learned
from ._target_scale import TargetScale
from ._training import choose_epochs, make_iterators, make_net, restart_lr
from ._window_batches import WindowTensors

__all__ = ["TrainingData", "train_net", "train_on"]


class TrainingData(NamedTuple):
    """What a net learns from.

    Attributes
    ----------
    X : PanelWindows or ndarray
    y : ndarray of shape (n_windows, n_outputs), or StepTargets
    weight : ndarray of shape (n_windows,) or None
    scale : TargetScale
        The units that y is learned in.
    windows : WindowTensors
        X on the device.
    split : tuple of ndarray
        Positions of the windows of training and of validation.
    seed : int
    """

    X: object
    y: object
    weight: np.ndarray | None
    scale: TargetScale
    windows: WindowTensors
    split: tuple
    seed: int

    def labels_learned(self):
        """For each categorical column, the codes that occur in the training windows."""
        ahead = self.windows.ahead
        n_ahead = 0 if ahead is None else ahead.n_ahead
        return labels_learned(self.X, self.split[0], n_ahead)

    @property
    def device(self):
        return self.windows.inputs.device

    def iterators(self, estimator):
        """Make the batches of training and validation."""
        X, y, weight, scale, windows, split, _ = self
        return make_iterators(estimator, X, y, weight, scale, windows, *split)


def train_net(estimator, data, labels, n_epochs=None):
    """Train a net from the start.

    Parameters
    ----------
    estimator : LSTMRegressor
    data : TrainingData
    labels : list of Index
        The labels of each categorical column that is embedded.
    n_epochs : int, default=None
        Number of epochs; by `max_epochs` if None, for which the schedule of the
        learning rate is made in any case.

    Returns
    -------
    WindowNet
    """
    iterators = data.iterators(estimator)
    max_epochs = choose_epochs(estimator, len(iterators[0]))
    learned = data.labels_learned()[: len(labels)]
    with seeded(data.seed, data.device):
        net = make_net(
            estimator, data.windows, data.scale, labels, learned, iterators, max_epochs
        )
        net.partial_fit(iterators, epochs=n_epochs or max_epochs)
    net.learned_ = learned
    center_unlearned(net, learned)
    return net


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
    iterators = data.iterators(estimator)
    if n_epochs is None:
        n_epochs = choose_epochs(estimator, len(iterators[0]))
    with seeded(data.seed, data.device):
        restart_lr(net, estimator.lr)
        net.partial_fit(iterators, epochs=n_epochs)
    more = data.labels_learned()
    net.learned_ = [a | b for a, b in zip(net.learned_, more, strict=False)]
    center_unlearned(net, net.learned_)
    return net

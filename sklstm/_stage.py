"""One stage of a loop over data sets: what is learned, and what guards the rest."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Stage"]


@dataclass(frozen=True, eq=False)
class Stage:
    """What a regressor is told to do with some of its windows.

    Attributes
    ----------
    learned : ndarray of int
        Positions of the windows to learn.
    valid : ndarray of int
        Positions of windows whose loss is watched after each epoch; may be empty.
    remembered : ndarray of int
        Positions of windows of earlier stages, to be replayed; may be empty.
    groups : ndarray of int of shape (n_windows,) or None
        The group of each window. Those replayed, and those learned if `balanced`, are
        drawn so that all groups have the same part. None lets each window count 1.
    balanced : bool
        Whether the windows to learn are drawn by groups.
    replay : float
        Share of replayed windows in a batch.
    n_epochs : int or None
        None leaves it to the regressor.
    lr_factor : float
        What the learning rate of the regressor is multiplied by.
    keep_optimizer : bool
        Whether the optimizer goes on from its state of the stage before.
    l2_sp, ewc : float
        Strength of the pull to the weights at the start of the stage, and to those
        that mattered to each earlier stage.
    n_done : int
        Epochs of this stage that lie behind, where it is resumed.
    after_epoch : callable or None
        Called with the number of epochs done after each of them.
    """

    learned: np.ndarray
    valid: np.ndarray
    remembered: np.ndarray
    groups: np.ndarray | None = None
    balanced: bool = False
    replay: float = 0.0
    n_epochs: int | None = None
    lr_factor: float = 1.0
    keep_optimizer: bool = False
    l2_sp: float = 0.0
    ewc: float = 0.0
    n_done: int = 0
    after_epoch: Callable | None = None

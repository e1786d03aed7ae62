"""The epochs of a training as tasks of a fit, for scikit-learn's callbacks."""

import numpy as np
from skorch.callbacks import Callback

from .._panels.fit_tasks import new_task

__all__ = ["EpochTasks"]


class EpochTasks(Callback):
    """Tell scikit-learn's callbacks of each epoch, and stop where one of them asks.

    Parameters
    ----------
    estimator : LSTMRegressor
    task : CallbackContext
        The fit.
    X, y : windows and their targets
        What is learned.
    """

    def __init__(self, estimator, task, X, y):
        self.estimator, self.task = estimator, task
        self.facts = {"estimator": estimator, "X": X, "y": lambda: np.asarray(y)}

    def on_epoch_begin(self, net, **kwargs):
        self.epoch_ = new_task(self.task, "epoch")
        self.epoch_.call_on_fit_task_begin(**self.facts)

    def on_epoch_end(self, net, **kwargs):
        self.asked_to_stop_ = self.epoch_.call_on_fit_task_end(
            **self.facts, reconstruction_attributes=lambda: {"net_": net}
        )
        if self.asked_to_stop_:
            raise KeyboardInterrupt  # skorch's sign to end a training

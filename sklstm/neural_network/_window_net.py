"""The skorch net around the module: batches from tensors, a loss that knows gaps."""

import math
from copy import deepcopy

import torch
from skorch import NeuralNet
from skorch.callbacks import EpochTimer, PrintLog
from skorch.callbacks.scoring import ScoringBase

from .._panels.quantiles import median_of
from ._processes import total_of

__all__ = ["WindowNet"]


# In units of the target's spread, where the mean as a forecast has a loss of about 1.
_LARGEST_LOSS = 1e20


def _check_loss(name, loss):
    if not loss <= _LARGEST_LOSS:
        raise ValueError(
            f"Training diverged: {name} is {loss:.3g}. Lower lr, set grad_clip, or "
            "scale X."
        )


class _StopTraining(Exception):
    """A callback asked for the end of training."""


class WindowNet(NeuralNet):
    """A skorch net that is fed with iterators of gathered batches.

    Three of skorch's steps differ. Iterators come as they are, with no DataLoader
    between. The loss leaves out unknown targets and applies sample weights. Batch
    losses stay on the device until the epoch is over, so that the device never
    waits for the host.

    Attributes
    ----------
    is_shared_ : bool
        Whether a batch is this process's share of one.
    n_windows_ : Tensor
        The windows of the joint batch, if it is.
    """

    is_shared_ = False

    @property
    def _default_callbacks(self):
        return [("epoch_timer", EpochTimer()), ("print_log", PrintLog())]

    def __deepcopy__(self, memo):
        """Copy the attributes: skorch would write the net to a file and read it."""
        copied = memo[id(self)] = object.__new__(type(self))
        vars(copied).update(deepcopy(vars(self), memo))
        return copied

    def get_split_datasets(self, X, y=None, **fit_params):
        """Take X for what it is: the iterators of training and validation."""
        return X

    def get_iterator(self, dataset, training=False):
        """Take the dataset for what it is: an iterator."""
        return dataset

    def _set_training(self, training=True):
        """Set the mode where it is another one: skorch asks before each batch."""
        if self.module_.training != training:
            super()._set_training(training)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Average the loss over the targets that are known."""
        y, weight = y_true
        known = ~torch.isnan(y)
        loss = self.criterion_(y_pred, torch.where(known, y, 0.0))
        if weight is not None:
            loss = loss * weight
        n_known = known.sum()
        if training and self.is_shared_:
            counts = n_known.new_tensor([n_known, len(y)])
            n_known, self.n_windows_ = total_of(counts)
        return (loss * known).sum() / n_known.clamp(min=1)

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Go through the batches once, and record the mean loss and their number."""
        if iterator is None:
            return
        total, n_targets, n_batches = 0.0, 0, 0
        watched = any(isinstance(c, ScoringBase) for _, c in self.callbacks_)
        shared = training and self.is_shared_
        for batch in iterator:
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            # The losses of the shares of a batch add up to its own.
            size = self.n_windows_ if shared else len(batch[1][0])
            if watched:
                batch, step = self._in_units(batch, step)
            # Added up where it is: no transfer, and no block of memory per batch.
            total = step["loss"].detach().double().mul_(size).add_(total)
            n_targets, n_batches = n_targets + size, n_batches + 1
            self.notify("on_batch_end", batch=batch, training=training, **step)
        if shared:
            total = total_of(total)
        self._record_loss(f"{prefix}_loss", float(total) / float(n_targets))
        self.history.record(f"{prefix}_batch_count", n_batches)

    def _in_units(self, batch, step):
        """What callbacks score: predictions and targets in units of y.

        Only windows whose targets are all known, since metrics take no NaN.
        """
        X, (y, _) = batch
        known = ~torch.isnan(y).any(dim=1)
        y, y_pred = (
            t.detach()[known].double().cpu().numpy() for t in (y, step["y_pred"])
        )
        y_pred = median_of(y_pred, self.quantiles_)
        y, y_pred = self.scale_.undo(y), self.scale_.undo(y_pred)
        return (X, y), step | {"y_pred": torch.as_tensor(y_pred)}

    def notify(self, method_name, **cb_kwargs):
        """Tell a stop that a callback asks for from Ctrl-C, which must escape."""
        try:
            super().notify(method_name, **cb_kwargs)
        except KeyboardInterrupt as stop:
            if method_name != "on_epoch_end" or not self._raised_by_callback(stop):
                raise
            raise _StopTraining from None

    def partial_fit(self, X, y=None, classes=None, **fit_params):
        """Train for `max_epochs` more epochs, or until a callback stops it."""
        if not self.initialized_:
            self.initialize()
        self.notify("on_train_begin", X=X, y=y)
        try:
            self.fit_loop(X, y, **fit_params)
        except _StopTraining:
            pass
        self._check_last_step(X[0])
        self.notify("on_train_end", X=X, y=y)
        return self

    def _check_last_step(self, batches):
        """Raise if the last step left weights that no loss was measured of."""
        loss = self.validation_step(next(iter(batches)))["loss"]
        _check_loss("the loss after the last step", float(loss))

    def _record_loss(self, name, loss):
        _check_loss(f"{name} in epoch {len(self.history)}", loss)
        best = min([row[name] for row in self.history[:-1] if name in row] + [math.inf])
        self.history.record(name, loss)
        self.history.record(f"{name}_best", loss < best)

    @staticmethod
    def _raised_by_callback(stop):
        """Whether a callback raised it in its own code, as EarlyStopping does."""
        frame = stop.__traceback__
        while frame.tb_next is not None:
            frame = frame.tb_next
        return frame.tb_frame.f_code.co_name == "on_epoch_end"

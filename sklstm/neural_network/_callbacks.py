"""The callbacks of the regressor's parameters."""

from sklearn.base import clone
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    GradientNormClipping,
    LRScheduler,
)
from tqdm.auto import tqdm

from .._panels.fit_tasks import current_name

__all__ = ["ProgressBar", "clone_callbacks", "lr_of_epoch", "make_callbacks"]

# A schedule starts anew with each fit; skorch would go on from the epochs so far.
_ANEW = -1


class _TailStopping(EarlyStopping):
    """Early stopping that lets epochs without a validation loss pass."""

    def on_epoch_end(self, net, **kwargs):
        if self.monitor in net.history[-1]:
            super().on_epoch_end(net, **kwargs)


class _Schedule(LRScheduler):
    """A schedule that copies and files leave behind: each training makes its own.

    It holds the weights and the optimizer, which a file would have twice, and on their
    device, so that no other machine could read it.
    """

    def __getstate__(self):
        return {k: v for k, v in vars(self).items() if k != "lr_scheduler_"}


class ProgressBar(Callback):
    """A bar of epochs with the last losses beside it."""

    def on_train_begin(self, net, **kwargs):
        self.bar_ = tqdm(total=net.max_epochs, unit="epoch", desc=current_name())

    def on_epoch_end(self, net, **kwargs):
        losses = {
            name: net.history[-1, name]
            for name in ("train_loss", "valid_loss")
            if name in net.history[-1]
        }
        self.bar_.set_postfix(losses)
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        self.bar_.close()

    def __getstate__(self):
        return {name: v for name, v in self.__dict__.items() if name != "bar_"}


def clone_callbacks(callbacks):
    """Clone callbacks, and keep those that cannot be cloned as they are.

    Such a one holds what there is only once, as a trial of a search.

    Parameters
    ----------
    callbacks : list of skorch callbacks or of (name, callback)

    Returns
    -------
    list
    """
    out = []
    for callback in callbacks:
        try:
            out.append(clone(callback, safe=False))
        except (AttributeError, RuntimeError, TypeError):
            out.append(callback)
    return out


def make_callbacks(estimator, n_batches, max_epochs, validated):
    """Turn parameters into named skorch callbacks.

    Parameters
    ----------
    estimator : LSTMRegressor
        Where the parameters are read.
    n_batches : int
        Batches in an epoch.
    max_epochs : int
        Epochs of the training.
    validated : bool
        Whether there is a validation loss to watch.

    Returns
    -------
    list of (str, Callback)
    """
    callbacks = []
    if estimator.grad_clip is not None:
        clip = GradientNormClipping(estimator.grad_clip)
        callbacks.append(("grad_clip", clip))
    if estimator.lr_schedule is not None:
        make = _SCHEDULES[estimator.lr_schedule]
        callbacks.append(("lr_schedule", make(estimator, n_batches, max_epochs)))
    if validated:
        # skorch's "rel" threshold takes a worse negative loss for a better one.
        stop = _TailStopping(
            monitor="valid_loss",
            patience=estimator.n_iter_no_change,
            threshold=0.0,
            threshold_mode="abs",
            load_best=True,
        )
        callbacks.append(("early_stopping", stop))
    if estimator.verbose == 1:
        callbacks.append(("progress_bar", ProgressBar()))
    return callbacks


def lr_of_epoch(estimator, n_done):
    """The learning rate of the next epoch of a training that is done in parts.

    After `max_epochs` its schedule starts anew. With "auto" there is no end to go to,
    and the rate is constant.

    Parameters
    ----------
    estimator : LSTMRegressor
    n_done : int
        Epochs that are done.

    Returns
    -------
    float
    """
    max_epochs, schedule = estimator.max_epochs, estimator.lr_schedule
    if max_epochs == "auto" or schedule not in ("cosine", "step"):
        return estimator.lr
    n_done %= max_epochs
    scheduler = _SCHEDULES[schedule](estimator, 1, max_epochs)
    return float(scheduler.simulate(n_done + 1, estimator.lr)[-1])


def _cosine(estimator, n_batches, max_epochs):
    return _Schedule("CosineAnnealingLR", T_max=max_epochs, last_epoch=_ANEW)


def _watched_loss(net):
    last = net.history[-1]
    return last.get("valid_loss", last["train_loss"])


def _plateau(estimator, n_batches, max_epochs):
    return _Schedule(
        "ReduceLROnPlateau",
        monitor=_watched_loss,
        factor=0.5,
        patience=max(1, estimator.n_iter_no_change // 2),
    )


def _cyclic(estimator, n_batches, max_epochs):
    return _Schedule(
        "CyclicLR",
        base_lr=estimator.lr / 10,
        max_lr=estimator.lr,
        step_size_up=2 * n_batches,
        cycle_momentum=False,
        step_every="batch",
        last_epoch=_ANEW,
    )


def _step(estimator, n_batches, max_epochs):
    return _Schedule(
        "StepLR",
        step_size=max(1, -(-max_epochs // 3)),
        gamma=0.3,
        last_epoch=_ANEW,
    )


_SCHEDULES = {
    "cosine": _cosine,
    "plateau": _plateau,
    "cyclic": _cyclic,
    "step": _step,
}

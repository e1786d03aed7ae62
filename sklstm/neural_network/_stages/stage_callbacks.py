"""What a stage adds to the training of a net, as skorch callbacks."""

import torch
from skorch.callbacks import Callback

__all__ = ["WeightPenalty", "StageEnd", "StageResume"]


class WeightPenalty(Callback):
    """WeightPenalty the weights by the gradient of ``(a * w**2) / 2 - b * w``.

    A sum of quadratic penalties, whatever their number, has this form. It comes before
    the clipping of the gradient, as a term of the loss would.

    Parameters
    ----------
    quadratics : dict of str to (Tensor, Tensor)
        For each parameter of the module `a` and `b`, in its shape.
    """

    def __init__(self, quadratics):
        self.quadratics = quadratics

    def on_grad_computed(self, net, **kwargs):
        for name, weight in net.module_.named_parameters():
            a, b = self.quadratics[name]
            if weight.grad is not None:
                weight.grad.add_(a * weight.detach() - b)


class StageResume(Callback):
    """Bring back the state in the middle of a stage, after all others have begun.

    Parameters
    ----------
    restore : callable
        Called with the net.
    """

    def __init__(self, restore):
        self.restore = restore

    def on_train_begin(self, net, **kwargs):
        self.restore(net)


class StageEnd(Callback):
    """Leave labels alone that the stage does not show, and tell of each epoch.

    An optimizer with momentum, or with weight decay, also moves the rows of an
    embedding that have no gradient.

    Parameters
    ----------
    number : int
        Of the stage, for the history.
    shown : list of ndarray of bool
        For each embedding the labels that the stage shows.
    after_epoch : callable
        Called after each epoch.
    """

    def __init__(self, number, shown, after_epoch):
        self.number = number
        self.shown = shown
        self.after_epoch = after_epoch

    def on_train_begin(self, net, **kwargs):
        self.kept_ = []
        for layer, shown in zip(net.module_.embeddings, self.shown, strict=True):
            rows = torch.as_tensor(~shown, device=layer.weight.device)
            rows[0] = False
            self.kept_.append((rows, layer.weight.data[rows].clone()))

    def on_epoch_begin(self, net, **kwargs):
        net.history.record("stage", self.number)
        net.history.record("lr", net.optimizer_.param_groups[0]["lr"])

    def on_epoch_end(self, net, **kwargs):
        self._put_back(net)
        self.after_epoch()

    def on_train_end(self, net, **kwargs):
        self._put_back(net)

    def _put_back(self, net):
        for layer, (rows, kept) in zip(net.module_.embeddings, self.kept_, strict=True):
            layer.weight.data[rows] = kept

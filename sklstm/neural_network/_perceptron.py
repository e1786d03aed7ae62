"""A perceptron with a linear path beside it, trained by torch and kept as arrays."""

from math import cos, pi
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

__all__ = ["Perceptron", "train_perceptron"]

# Samples whose outputs are computed at a time: always as many, so that the outputs of
# one do not depend on the others.
_BLOCK = 256

# In units of a window's changes, of which a net without weights has about 1 as loss.
_LARGEST_LOSS = 1e20

# The share of the steps in which the learning rate rises.
_WARM_UP = 0.1


class Perceptron(NamedTuple):
    """The weights of a trained net.

    Attributes
    ----------
    coefs : list of ndarray
        Of the first and the second hidden layer, of the output layer, and of the linear
        path, each of shape (n_in, n_out).
    intercepts : list of ndarray
        Of the same, each of shape (n_out,).
    """

    coefs: list
    intercepts: list

    def __call__(self, inputs):
        """Compute outputs.

        Parameters
        ----------
        inputs : ndarray of shape (n, n_inputs)

        Returns
        -------
        ndarray of shape (n, n_outputs)
        """
        padded = np.zeros((-(-len(inputs) // _BLOCK) * _BLOCK, inputs.shape[1]))
        padded[: len(inputs)] = inputs
        blocks = padded.astype(self.coefs[0].dtype).reshape(-1, _BLOCK, inputs.shape[1])
        outputs = [self._block(block) for block in blocks]
        return np.concatenate(outputs or [self._block(padded)])[: len(inputs)]

    def _block(self, inputs):
        first, second, output, linear = (
            lambda x, coef=coef, intercept=intercept: x @ coef + intercept
            for coef, intercept in zip(self.coefs, self.intercepts, strict=True)
        )
        hidden = np.maximum(first(np.arcsinh(inputs)), 0.0)
        hidden = hidden + np.maximum(second(hidden), 0.0)
        return output(hidden) + linear(inputs)


class _Net(nn.Module):
    """Two hidden layers, the second of which adds to the first; outputs start at 0."""

    def __init__(self, n_inputs, n_hidden, n_outputs):
        super().__init__()
        self.layers = nn.ModuleList(
            [
                nn.Linear(n_inputs, n_hidden),
                nn.Linear(n_hidden, n_hidden),
                nn.Linear(n_hidden, n_outputs),
                nn.Linear(n_inputs, n_outputs),
            ]
        )
        for layer in self.layers[2:]:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, inputs):
        first, second, output, linear = self.layers
        hidden = torch.relu(first(torch.arcsinh(inputs)))
        hidden = hidden + torch.relu(second(hidden))
        return output(hidden) + linear(inputs)

    def as_arrays(self):
        """The same net without torch."""
        weights = [layer.weight.detach().cpu().numpy() for layer in self.layers]
        biases = [layer.bias.detach().cpu().numpy().copy() for layer in self.layers]
        return Perceptron([weight.T.copy() for weight in weights], biases)


def train_perceptron(blocks, n_steps, shape, batch_size, lr, *, dtype, device):
    """Train a perceptron on the weighted absolute error.

    The learning rate rises over the first tenth of the steps, and falls to 0 along half
    a cosine.

    Parameters
    ----------
    blocks : iterable of tuple
        Inputs of shape (n, n_inputs), targets of shape (n, n_outputs), and the weight
        of each target, as arrays.
    n_steps : int
        The steps of the optimizer that the blocks make.
    shape : tuple of int
        Numbers of inputs, units of each hidden layer, and outputs.
    batch_size : int
    lr : float
        The largest learning rate.
    dtype : torch.dtype
    device : torch.device

    Returns
    -------
    Perceptron
    """
    net = _Net(*shape).to(device, dtype)
    optimizer = torch.optim.AdamW(net.parameters(), lr, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: (
            min(1.0, (step + 1) / (_WARM_UP * n_steps))
            * (1 + cos(pi * step / n_steps))
            / 2
        ),
    )
    for block in blocks:
        tensors = [torch.as_tensor(part).to(dtype).to(device) for part in block]
        for batch in zip(*(part.split(batch_size) for part in tensors), strict=True):
            loss = _loss(net, *batch)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        last = float(_loss(net, *batch))
    if not last <= _LARGEST_LOSS:
        raise ValueError(
            f"Training diverged: the loss after the last step is {last:.3g}. Lower lr."
        )
    return net.as_arrays()


def _loss(net, inputs, targets, weight):
    error = torch.abs(net(inputs) - targets)
    return (weight * error).sum() / weight.sum().clamp(min=1e-12)

"""A perceptron with a linear path beside it, trained by torch and kept as arrays."""

from math import cos, pi

import numpy as np
import torch
from torch import nn

from ._aligned_linear import AlignedLinear

__all__ = ["Perceptron", "train_perceptron"]

# Samples whose outputs are computed at a time: always as many, so that the outputs of
# one do not depend on the others.
_BLOCK = 256

# In units of a window's changes, of which a net without weights has about 1 as loss.
_LARGEST_LOSS = 1e20

# The share of the steps in which the learning rate rises.
_WARM_UP = 0.1


class Perceptron(nn.Module):
    """Two hidden layers, the second of which adds to the first; outputs start at 0.

    Parameters
    ----------
    n_inputs, n_hidden, n_outputs : int
    """

    def __init__(self, n_inputs, n_hidden, n_outputs):
        super().__init__()
        self.layers = nn.ModuleList(
            [
                AlignedLinear(n_inputs, n_hidden),
                AlignedLinear(n_hidden, n_hidden),
                AlignedLinear(n_hidden, n_outputs),
                AlignedLinear(n_inputs, n_outputs),
            ]
        )
        for layer in self.layers[2:]:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    @classmethod
    def from_arrays(cls, coefs, intercepts):
        """Make a net of the arrays of `to_arrays`, without drawing random numbers."""
        n_inputs, n_hidden = coefs[0].shape
        with torch.device("meta"):
            net = cls(n_inputs, n_hidden, coefs[2].shape[1])
        for layer, coef, intercept in zip(net.layers, coefs, intercepts, strict=True):
            layer.weight = nn.Parameter(torch.tensor(coef.T))
            layer.bias = nn.Parameter(torch.tensor(intercept))
        return net

    def to_arrays(self):
        """The weights and the constants of each layer.

        Returns
        -------
        coefs : list of ndarray
            Of the two hidden layers, of the output layer, and of the linear path, each
            of shape (n_in, n_out).
        intercepts : list of ndarray
            Of the same, each of shape (n_out,).
        """
        weights = [layer.weight.detach().cpu().numpy() for layer in self.layers]
        biases = [layer.bias.detach().cpu().numpy().copy() for layer in self.layers]
        return [weight.T.copy() for weight in weights], biases

    def forward(self, inputs):
        """Map (n, n_inputs) to (n, n_outputs)."""
        first, second, output, linear = self.layers
        hidden = torch.relu(first(torch.arcsinh(inputs)))
        hidden = hidden + torch.relu(second(hidden))
        return output(hidden) + linear(inputs)

    def compute(self, inputs):
        """Compute outputs on the CPU, a block of samples at a time.

        Parameters
        ----------
        inputs : ndarray of shape (n, n_inputs)

        Returns
        -------
        ndarray of shape (n, n_outputs)
        """
        n_blocks = max(1, -(-len(inputs) // _BLOCK))
        padded = np.zeros((n_blocks * _BLOCK, inputs.shape[1]))
        padded[: len(inputs)] = inputs
        blocks = torch.as_tensor(padded).to(self.layers[0].weight.dtype).split(_BLOCK)
        with torch.no_grad():
            outputs = torch.cat([self(block) for block in blocks])
        return outputs.numpy()[: len(inputs)].astype(np.float64)


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
    net = Perceptron(*shape).to(device, dtype)
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
    return net


def _loss(net, inputs, targets, weight):
    error = torch.abs(net(inputs) - targets)
    return (weight * error).sum() / weight.sum().clamp(min=1e-12)

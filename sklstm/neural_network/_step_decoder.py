"""The part of the head that sees what is known of each step ahead."""

import torch
from torch import nn

from ._aligned_linear import AlignedLinear

__all__ = ["StepDecoder"]


class StepDecoder(nn.Module):
    """Outputs of each step from the state and from what is known of that step.

    A hidden layer of the state, of the step's known inputs and of the step's number,
    with the same weights at all steps: no step sees what is known of another. A second
    layer took most of the time of long horizons, and what it gained was less than what
    another seed does.

    Parameters
    ----------
    n_state : int
        Size of the state, the embeddings included.
    n_known : int
        Number of known inputs of a step, the embeddings included.
    n_steps : int
        Number of steps.
    n_outputs : int
        Number of outputs of a step.
    hidden_size : int
        Units of the hidden layer.
    dropout : float, default=0.0
        Share of the hidden units that is zeroed in training.
    """

    def __init__(
        self, n_state, n_known, n_steps, n_outputs, hidden_size, *, dropout=0.0
    ):
        super().__init__()
        self.state = AlignedLinear(n_state, hidden_size)
        self.known = AlignedLinear(n_known, hidden_size)
        self.step = nn.Parameter(torch.zeros(n_steps, hidden_size))
        self.dropout = nn.Dropout(dropout)
        self.output = AlignedLinear(hidden_size, n_outputs)

    def forward(self, state, known):
        """Map states and known inputs to outputs.

        Parameters
        ----------
        state : Tensor of shape (n, n_state)
        known : Tensor of shape (n, n_steps, n_known)

        Returns
        -------
        Tensor of shape (n, n_steps, n_outputs)
        """
        hidden = self.state(state)[:, None] + self.known(known) + self.step
        return self.output(self.dropout(torch.tanh(hidden)))

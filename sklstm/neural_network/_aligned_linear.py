"""A linear layer whose rows do not depend on each other to the last bit."""

from torch import nn
from torch.nn import functional as F

__all__ = ["AlignedLinear"]


class AlignedLinear(nn.Linear):
    """A linear layer whose inputs are filled up with zeros to a multiple of 16.

    On the CPU a matrix product of another width may give a row other last bits at
    another place in the batch.

    Parameters
    ----------
    in_features, out_features : int
    """

    def __init__(self, in_features, out_features):
        super().__init__(in_features, out_features)
        self.n_filled = -in_features % 16

    def forward(self, inputs):
        """Map (n, in_features) to (n, out_features)."""
        if not self.n_filled:
            return super().forward(inputs)
        fill = (0, self.n_filled)
        return F.linear(F.pad(inputs, fill), F.pad(self.weight, fill), self.bias)

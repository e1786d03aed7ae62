"""Quantiles that do not cross, and the loss that they are learned by."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

__all__ = [
    "QuantileLoss",
    "center_of",
    "spread_quantiles",
    "start_spreads",
]


class QuantileLoss(nn.Module):
    """The pinball loss, averaged over quantiles.

    Parameters
    ----------
    quantiles : sequence of float
        Levels between 0 and 1, ascending.
    reduction : {"none"}, default="none"
        Losses come back one by one.

    References
    ----------
    Koenker, R. and Bassett, G. (1978). Regression quantiles. Econometrica 46(1), 33-50.
    """

    def __init__(self, quantiles, reduction="none"):
        super().__init__()
        # Not every device has double precision.
        levels = torch.as_tensor(quantiles, dtype=torch.float32)
        self.register_buffer("levels", levels)

    def forward(self, y_pred, y_true):
        """Compare quantiles (n, n_outputs, n_quantiles) with values (n, n_outputs)."""
        error = y_true[..., None] - y_pred
        level = self.levels.to(error.dtype)
        return torch.maximum(level * error, (level - 1) * error).mean(dim=-1)


def center_of(quantiles):
    """The position of the quantile that is nearest to the median."""
    return int(np.argmin(np.abs(np.asarray(quantiles) - 0.5)))


def start_spreads(quantiles):
    """Raw outputs that spread to the quantiles of a standard normal distribution.

    Parameters
    ----------
    quantiles : sequence of float

    Returns
    -------
    Tensor of shape (n_quantiles,)
    """
    z = torch.special.ndtri(torch.as_tensor(quantiles, dtype=torch.float64))
    gap, center = torch.diff(z), center_of(quantiles)
    raw = torch.log(torch.expm1(gap))  # the inverse of softplus
    return torch.cat([raw[:center], z[center : center + 1], raw[center:]])


def spread_quantiles(raw, center):
    """Make ascending quantiles: the central one, and positive steps away from it.

    Parameters
    ----------
    raw : Tensor of shape (n, n_quantiles, n_outputs)
    center : int

    Returns
    -------
    Tensor of shape (n, n_outputs, n_quantiles)
    """
    middle = raw[:, center : center + 1]
    below = F.softplus(raw[:, :center]).flip(1).cumsum(1).flip(1)
    above = F.softplus(raw[:, center + 1 :]).cumsum(1)
    return torch.cat([middle - below, middle, middle + above], dim=1).transpose(1, 2)

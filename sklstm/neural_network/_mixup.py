"""Mixup: weighted sums of two chunks, as more series to learn from."""

from math import pi

import torch

__all__ = ["mix_chunks"]

# The largest angle of the rotation between a chunk and the one mixed in.
_LARGEST_ANGLE = pi / 4


def mix_chunks(batch, target, n_steps, share, is_past):
    """Mix some chunks of a batch with others, drawn from torch's global generator.

    A chunk a becomes ``cos(w) * a + sin(w) * b`` for another chunk b of the batch and a
    random angle w between -45 and 45 degrees. Inputs, naive forecasts and targets are
    summed alike, so the sum is a series of its own: its spread is that of a and b, and
    a season that both have stays. Where b has no target, the sum has none.

    A form of mixup (Zhang et al. 2018, "mixup: Beyond empirical risk minimization",
    ICLR) that keeps the spread and the sign of the first chunk. Semenoglou et al.
    (2023, "Data augmentation for univariate time series forecasting with neural
    networks", Pattern Recognition 134, 109132) average series likewise.

    Parameters
    ----------
    batch : dict of Tensor
        With "values" of shape (n_chunks, n_steps, n_inputs), "rows" and "naive".
    target : Tensor of shape (n_rows, n_outputs)
    n_steps : int
    share : float
        Share of the chunks that are mixed.
    is_past : Tensor of bool of shape (n_inputs,)
        The inputs that are linear in the target's past; flags are not.

    Returns
    -------
    batch : dict of Tensor
    target : Tensor of shape (n_rows, n_outputs)
    """
    values, rows, naive = batch["values"], batch["rows"], batch["naive"]
    n_chunks, device, dtype = len(values), values.device, values.dtype
    if n_chunks == 1:
        return batch, target
    apart = torch.randint(1, n_chunks, (n_chunks,))
    partner = ((torch.arange(n_chunks) + apart) % n_chunks).to(device)
    angle = (2 * torch.rand(n_chunks) - 1) * _LARGEST_ANGLE
    mixed = torch.rand(n_chunks) < share
    angle = (angle * mixed).to(device, dtype)
    own, other = torch.cos(angle), torch.sin(angle)

    both = own[:, None, None] * values + other[:, None, None] * values[partner]
    chunk = rows // n_steps
    place = rows.new_full((n_chunks * n_steps,), -1)
    place[rows] = torch.arange(len(rows), device=device)
    found = place[partner[chunk] * n_steps + rows % n_steps]
    own, other = own[chunk], other[chunk]
    # Row 0 stands for those that the other chunk does not learn.
    position = found.clamp(min=0)
    naive = own[:, None, None] * naive + other[:, None, None] * naive[position]
    is_mixed = (other != 0)[:, None]
    sums = own[:, None] * target + other[:, None] * target[position]
    sums = torch.where((found >= 0)[:, None], sums, torch.nan)
    target = torch.where(is_mixed, sums, target)
    return (
        batch | {"values": torch.where(is_past, both, values), "naive": naive},
        target,
    )

"""Quadratic penalties that hold weights near where they were: L2-SP and EWC.

Each penalty is ``sum(a * (w - w0)**2) / 2``. Kept are `a` and ``a * w0``, whose sums
over penalties are all that their gradient ``a * w - a * w0`` needs, so that any number
of earlier stages takes the memory of one.
"""

import torch
from torch.nn import functional as F

__all__ = ["add_quadratics", "fisher_quadratic", "grow_quadratics", "l2_quadratic"]

# Windows that the Fisher information is estimated from, and those of one backward pass.
_N_WINDOWS = 2048
_BATCH = 32


def l2_quadratic(module, strength, used):
    """The penalty ``strength * sum((w - w0)**2)`` around the present weights.

    Labels of an embedding that were never learned are free.
    """
    out = {}
    for name, weight in module.named_parameters():
        a = torch.full_like(weight, 2 * strength)
        out[name] = a, a * weight.detach()
    for i, known in enumerate(used):
        free = torch.as_tensor(~known, device=weight.device)
        for part in out[f"embeddings.{i}.weight"]:
            part[free] = 0.0
    return out


def fisher_quadratic(net, windows, positions):
    """Estimate how much the loss of some windows rises with each weight.

    For outputs with a Gaussian error the diagonal of the Fisher information is, up to
    the variance of the error, the mean of the squared gradients of the outputs. That
    variance drops out where the penalty joins a mean squared error: what is returned is
    the second-order growth of that error around the present weights.

    A sum of outputs with random signs of mean 0 and variance 1 has a gradient whose
    square is, on average, the sum of their squared gradients, so that one backward pass
    does for many windows.

    Parameters
    ----------
    net : WindowNet
    windows : WindowTensors
    positions : ndarray of int
        Windows, of which some are drawn.

    Returns
    -------
    dict of str to (Tensor, Tensor)
    """
    module = net.module_
    module.eval()
    drawn = torch.as_tensor(positions)[torch.randperm(len(positions))[:_N_WINDOWS]]
    total = {name: torch.zeros_like(w) for name, w in module.named_parameters()}
    # cuDNN has no backward pass for a network that is not in training.
    with torch.backends.cudnn.flags(enabled=False):
        for batch in drawn.to(windows.ends.device).split(_BATCH):
            module.zero_grad()
            out = net.infer(windows.gather(batch))
            (out * torch.randn_like(out)).sum().backward()
            for name, weight in module.named_parameters():
                total[name] += weight.grad**2
    module.zero_grad()
    scale = 2.0 / (len(drawn) * out[0].numel())
    return {
        name: (scale * total[name], scale * total[name] * weight.detach())
        for name, weight in module.named_parameters()
    }


def add_quadratics(one, other, factor=1.0):
    """Add the second penalty, times a factor, to the first; None is no penalty."""
    scaled = {name: (factor * a, factor * b) for name, (a, b) in other.items()}
    if one is None:
        return scaled
    return {
        name: (one[name][0] + a, one[name][1] + b) for name, (a, b) in scaled.items()
    }


def grow_quadratics(quadratics, module):
    """Leave the rows that the embeddings have gained without a penalty."""
    if quadratics is None:
        return None
    grown = {}
    for name, weight in module.named_parameters():
        n_new = len(weight) - len(quadratics[name][0])
        fill = (0, 0, 0, n_new) if n_new else (0, 0)
        grown[name] = tuple(F.pad(part, fill) for part in quadratics[name])
    return grown

"""Where a fit runs, and the seed that it runs under."""

import os
from contextlib import contextmanager
from threading import RLock

import numpy as np
import torch

__all__ = ["float_type", "resolve_device", "seeded"]

# torch has one generator for all threads of a process.
_GENERATOR = RLock()


def _renew_lock():
    global _GENERATOR
    _GENERATOR = RLock()


# In a forked process no thread is left to let go of a lock that one held at the fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def resolve_device(device):
    """Turn the `device` parameter into a torch.device, "auto" into the best there is.

    Parameters
    ----------
    device : str
        "auto" takes CUDA if there is any, else the CPU.

    Returns
    -------
    torch.device
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device={device!r} is not available on this machine. Choose 'auto', "
            "'cpu', or a device that torch can see, such as 'cuda', 'cuda:1' or 'mps'."
        ) from error
    return found


def float_type(X, device):
    """Choose the float type of X, where the device has it: MPS has no doubles."""
    if X.dtype == np.float32 or device.type == "mps":
        return torch.float32
    return torch.float64


@contextmanager
def seeded(seed, device):
    """Seed torch's generators for a while, and leave them as they were.

    Threads that ask for it at the same time wait for each other.

    Parameters
    ----------
    seed : int
    device : torch.device
    """
    devices = [device] if device.type == "cuda" else []
    with _GENERATOR, torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield

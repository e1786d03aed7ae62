"""Where a net runs, on how many threads, and under which seed."""

import os
from contextlib import contextmanager
from threading import Lock, RLock

import numpy as np
import torch

__all__ = [
    "choose_threads",
    "float_type",
    "get_generators",
    "limit_threads",
    "resolve_device",
    "seeded",
    "set_generators",
]

# torch has one generator for all threads of a process.
_GENERATOR = RLock()

# The most units of a layer that one thread is quick enough for.
_ONE_THREAD = 128


class _Limits:
    """How many blocks limit torch's threads now, and the number before the first."""

    def __init__(self):
        self.lock, self.n_blocks, self.before = Lock(), 0, 0


_LIMITS = _Limits()


def _renew_locks():
    global _GENERATOR, _LIMITS
    _GENERATOR, _LIMITS = RLock(), _Limits()


# In a forked process no thread is left to let go of a lock that one held at the fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


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
        torch.zeros(1, device=found).item()
    except (RuntimeError, AssertionError, ImportError) as error:
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


def get_generators(device):
    """The states of the generators of the CPU and, where it is used, of the GPU."""
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    return states


def set_generators(states, device):
    """Bring back states of the generators; those of another kind of device stay."""
    torch.set_rng_state(states[0])
    if len(states) > 1:
        torch.cuda.set_rng_state(states[1], device)


def choose_threads(estimator, device):
    """The number of threads of torch for a net; None for as many as torch has.

    Parameters
    ----------
    estimator : LSTMRegressor
        Its `n_threads` says how many.
    device : torch.device
    """
    if estimator.n_threads != "auto":
        return estimator.n_threads
    small = device.type == "cpu" and estimator.hidden_size <= _ONE_THREAD
    return 1 if small else None


@contextmanager
def limit_threads(n_threads):
    """Let torch use so many threads for a while, and then as many as before.

    torch has one number for a process: where two blocks run at a time in threads of
    their own, the one that began last decides for both.

    Parameters
    ----------
    n_threads : int or None
        None changes nothing.
    """
    if n_threads is None:
        yield
        return
    limits = _LIMITS
    with limits.lock:
        if limits.n_blocks == 0:
            limits.before = torch.get_num_threads()
        limits.n_blocks += 1
        torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        with limits.lock:
            limits.n_blocks -= 1
            torch.set_num_threads(limits.before)

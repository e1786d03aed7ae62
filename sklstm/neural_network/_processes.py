"""Data-parallel training: the processes of a group share every batch."""

from contextlib import contextmanager

import torch
import torch.distributed as dist
from skorch.callbacks import Callback

__all__ = ["SharedBatches", "is_first", "share_training", "shared_seed", "total_of"]


def _size():
    """How many processes train together: 1 without a process group of torch."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_world_size()
    return 1


def is_first():
    """Whether this process writes what all have in common."""
    return _size() == 1 or dist.get_rank() == 0


def shared_seed(seed, device):
    """The seed of the first process, which all use."""
    if _size() == 1:
        return seed
    shared = torch.tensor(seed, device=device)
    dist.broadcast(shared, 0)
    return int(shared)


def total_of(values):
    """Add a tensor up over the processes, in place."""
    dist.all_reduce(values)
    return values


@contextmanager
def share_training(net, batches, n_windows):
    """Let a net train on this process's share of the batches, if there are others.

    Each process must have the same net parameters, data and seed. Gradients are added
    up, each divided by the number of targets in the joint batch: so all processes take
    the steps that one would take with all of it, up to rounding.

    Parameters
    ----------
    net : WindowNet
    batches : ChunkedIterator or BatchIterator
        Those of the training.
    n_windows : int

    Yields
    ------
    ChunkedIterator, BatchIterator or SharedBatches
        What to train on.
    """
    if _size() == 1:
        yield batches
        return
    device = net.module_.output.weight.device
    _check_same([n_windows, len(batches)], device)
    for tensor in net.module_.state_dict().values():
        dist.broadcast(tensor, 0)
    # The first of all: the norm that is clipped is that of the joint gradient.
    own = net.callbacks_
    net.callbacks_ = [("sum_gradients", _SumGradients()), *own]
    net.is_shared_ = True
    try:
        yield SharedBatches(batches, dist.get_rank(), _size())
    finally:
        net.is_shared_ = False
        net.callbacks_ = own


def _check_same(numbers, device):
    least, most = (torch.tensor(numbers, device=device) for _ in range(2))
    dist.all_reduce(least, dist.ReduceOp.MIN)
    dist.all_reduce(most, dist.ReduceOp.MAX)
    if not torch.equal(least, most):
        raise ValueError(
            "The processes of a group must be given the same rows, of which each "
            f"trains on its share, but they have {int(least[0])} to {int(most[0])} "
            "windows. Give every process the whole X and y."
        )


class _SumGradients(Callback):
    """Add the gradients up over the processes."""

    def on_grad_computed(self, net, named_parameters, **kwargs):
        grads = [p.grad for _, p in named_parameters if p.grad is not None]
        joint = total_of(torch.cat([grad.flatten() for grad in grads]))
        for grad, part in zip(
            grads, joint.split([grad.numel() for grad in grads]), strict=True
        ):
            grad.copy_(part.view_as(grad))


class SharedBatches:
    """One process's share of each batch of an iterator.

    Parameters
    ----------
    batches : ChunkedIterator or BatchIterator
    rank, size : int
        Which process of how many.
    """

    def __init__(self, batches, rank, size):
        self.batches, self.rank, self.size = batches, rank, size

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        units, n = self.batches.draw_units(), self.batches.batch_units
        order = self.batches.draw_order(units)
        # The shares draw numbers of their own; after them all go on from here.
        state = torch.get_rng_state()
        for first in range(0, len(order), n):
            whole = order[first : first + n]
            own = whole[self.rank :: self.size]
            if len(own):
                yield self.batches.gather(units[:, own])
            else:
                # No target is known: no loss, but a step with the others.
                batch, (y, weight) = self.batches.gather(units[:, whole[:1]])
                yield batch, (torch.full_like(y, torch.nan), weight)
        torch.set_rng_state(state)

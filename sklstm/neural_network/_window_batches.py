"""Batches of windows, gathered on the device from one table of rows."""

import numpy as np
import torch

from .._windows import PanelWindows, StepTargets

__all__ = [
    "BatchIterator",
    "TargetTensors",
    "WindowTensors",
    "mean_target",
    "split_inputs",
]


class WindowTensors:
    """Windows as a table of rows on the device and the first row of each window.

    Parameters
    ----------
    inputs : ndarray of shape (n_rows, n_features)
        Numeric inputs; NaN where missing.
    codes : ndarray of shape (n_rows, n_categorical)
        Category codes.
    first, lengths : ndarray of shape (n_windows,)
        The first observed row of each window, and how many rows follow on.
    n_steps : int
        Rows gathered for each window.
    flags : ndarray of int
        The inputs for which an extra 0/1 input says whether the value is there.
    dtype : torch.dtype
    device : torch.device
    """

    def __init__(self, inputs, codes, first, lengths, n_steps, *, flags, dtype, device):
        self.inputs = _with_flags(_tensor(inputs, dtype, device), flags)
        self.codes = _tensor(codes, torch.long, device) if codes.shape[1] else None
        self.first = _tensor(first, torch.long, device)
        self.ragged = bool((lengths < n_steps).any())
        self.lengths = _tensor(lengths, torch.long, device)
        self.n_steps = n_steps

    def __len__(self):
        return len(self.first)

    def gather(self, windows):
        """Gather the module's inputs for these windows (a LongTensor of positions)."""
        batch = self.gather_rows(self.first[windows, None], self.n_steps)
        if self.ragged:
            batch["lengths"] = self.lengths[windows]
        return batch

    def gather_rows(self, first, n_steps):
        """Gather the inputs of `n_steps` rows from each first one, shape (n, 1), on."""
        rows = first + torch.arange(n_steps, device=first.device)  # (n, n_steps)
        rows.clamp_(max=len(self.inputs) - 1)
        batch = {"values": _rows(self.inputs, rows)}
        if self.codes is not None:
            batch["codes"] = _rows(self.codes, rows)
        return batch


class TargetTensors:
    """Targets on the device, gathered from the rows where they stand.

    Parameters
    ----------
    y : ndarray of shape (n_windows, n_outputs), or StepTargets
        NaN is a value that is not known, and gives no loss.
    weight : ndarray of shape (n_windows,) or None
        Sample weights.
    dtype : torch.dtype
    device : torch.device
    """

    def __init__(self, y, weight, *, dtype, device):
        self.weight = None if weight is None else _tensor(weight, dtype, device)
        self.steps = None
        if isinstance(y, StepTargets):
            self.table = _tensor(y.target, dtype, device)
            self.origins = _tensor(y.origins, torch.long, device)
            self.limits = _tensor(y.limits, torch.long, device)
            self.steps = torch.arange(1, y.horizon + 1, device=device)
        else:
            self.table = _tensor(y, dtype, device)

    def gather(self, windows):
        """Gather the targets and weights of these windows."""
        weight = None if self.weight is None else self.weight[windows, None]
        if self.steps is None:
            return self.table[windows], weight
        rows = self.origins[windows, None] + self.steps  # (n_windows, horizon)
        beyond = rows >= self.limits[windows, None]
        y = _rows(self.table, rows.clamp(max=len(self.table) - 1))
        y = y.masked_fill(beyond[..., None], torch.nan)
        return y.flatten(1), weight  # (n_windows, horizon * n_targets)


class BatchIterator:
    """Go through some windows in batches, shuffled anew in each pass if asked.

    Parameters
    ----------
    windows : WindowTensors
    targets : TargetTensors
    positions : ndarray of int
        The windows to go through.
    batch_size : int
    shuffle : bool
    """

    def __init__(self, windows, targets, positions, batch_size, *, shuffle):
        self.windows = windows
        self.targets = targets
        self.positions = torch.as_tensor(positions, device=windows.first.device)
        self.batch_size = batch_size
        self.shuffle = shuffle

    def __len__(self):
        return -(-len(self.positions) // self.batch_size)

    def __iter__(self):
        positions = self.positions
        if self.shuffle:
            order = torch.randperm(len(positions), device=positions.device)
            positions = positions[order]
        for batch in positions.split(self.batch_size):
            yield self.windows.gather(batch), self.targets.gather(batch)


def split_inputs(X):
    """Read windows or arrays as rows: (inputs, codes, first, lengths).

    Parameters
    ----------
    X : PanelWindows, or ndarray of shape (n, n_steps) or (n, n_steps, n_features)

    Returns
    -------
    inputs : ndarray of shape (n_rows, n_features)
    codes : ndarray of shape (n_rows, n_categorical)
    first, lengths : ndarray of shape (n,)
    """
    if isinstance(X, PanelWindows):
        table, lengths = X.table, X.lengths
        inputs = table.values
        if table.target.shape[1]:
            inputs = np.hstack([table.values, table.target])
        return inputs, table.codes, X.ends - lengths + 1, lengths
    n, n_steps = X.shape[:2]
    inputs = X.reshape(n * n_steps, -1)
    codes = np.empty((len(inputs), 0), dtype=np.int32)
    return inputs, codes, np.arange(n) * n_steps, np.full(n, n_steps)


def mean_target(y, positions, weight):
    """Average each output over some windows, where it is known.

    Parameters
    ----------
    y : ndarray of shape (n_windows, n_outputs), or StepTargets
    positions : ndarray of int
    weight : ndarray of shape (n_windows,) or None

    Returns
    -------
    ndarray of shape (n_outputs,)
    """
    weight = np.ones(len(y)) if weight is None else weight
    y, weight = y[positions], weight[positions, None]
    if isinstance(y, StepTargets):
        steps = range(1, y.horizon + 1)
        return np.concatenate([_mean(y.step(k), weight) for k in steps])
    return _mean(y, weight)


def _mean(y, weight):
    known = np.isfinite(y) * weight
    total = np.where(np.isfinite(y), y, 0.0) * weight
    return total.sum(axis=0) / np.maximum(known.sum(axis=0), np.finfo(float).tiny)


def _tensor(values, dtype, device):
    # Arrays that come from pandas or a worker's memory map are read-only, and torch
    # warns of those it would share; a tensor of its own never writes back either.
    return torch.tensor(np.asarray(values), dtype=dtype, device=device)


def _with_flags(inputs, flags):
    missing = torch.isnan(inputs)
    observed = ~missing[:, torch.as_tensor(flags, device=inputs.device)]
    return torch.cat([inputs.masked_fill(missing, 0.0), observed.to(inputs)], dim=1)


def _rows(table, rows):
    """Take rows of a table: (n_rows, k) at (n, n_steps) -> (n, n_steps, k)."""
    return table.index_select(0, rows.reshape(-1)).reshape(*rows.shape, -1)

"""Labels that join later, and their rows in the embeddings."""

import numpy as np
import torch
from torch.nn import functional as F

from .._windows.windows import PanelWindows

__all__ = [
    "center_unlearned",
    "grow_embeddings",
    "labels_learned",
    "labels_of_series",
]


def grow_embeddings(net, n_labels):
    """Give each embedding rows for more labels, like that of the unknown one.

    The parameters stay the same objects, so that the optimizer keeps its state; its
    running means have zeros for the new rows.

    Parameters
    ----------
    net : WindowNet
    n_labels : list of int
        How many labels each embedding is to have, the unknown one not counted.
    """
    for layer, n in zip(net.module_.embeddings, n_labels, strict=True):
        old = layer.weight.shape
        n_new = n + 1 - old[0]
        if n_new == 0:
            continue
        weight = layer.weight
        weight.grad = None
        weight.data = torch.cat([weight.data, weight.data[:1].expand(n_new, -1)])
        layer.num_embeddings = n + 1
        state = net.optimizer_.state.get(weight, {})
        for name, value in state.items():
            if torch.is_tensor(value) and value.shape == old:
                state[name] = F.pad(value, (0, 0, 0, n_new))


def labels_of_series(X, positions):
    """Mark the codes that occur in the series of some windows.

    Parameters
    ----------
    X : PanelWindows
    positions : ndarray of int

    Returns
    -------
    list of ndarray of bool
        One for each categorical column, of shape (n_labels + 1,).
    """
    table = X.table
    seen = np.zeros(len(table.indptr) - 1, dtype=bool)
    seen[table.series(X.ends[positions])] = True
    return _labels_in(table, np.repeat(seen, np.diff(table.indptr)))


def labels_learned(X, positions, n_ahead):
    """Mark the codes that training on some windows meets.

    Parameters
    ----------
    X : PanelWindows or ndarray
    positions : ndarray of int
    n_ahead : int
        How many rows after each window are read as well.

    Returns
    -------
    list of ndarray of bool
        One for each categorical column, of shape (n_labels + 1,).
    """
    if not isinstance(X, PanelWindows):
        return []
    return _labels_in(X.table, X[positions].rows_reached(n_ahead))


def center_unlearned(net, learned):
    """Set the embeddings that were not learned to the mean of the learned ones.

    The unknown label is one of them, unless missing labels or `category_dropout`
    train it.

    Parameters
    ----------
    net : WindowNet
    learned : list of ndarray of bool
        For each embedding the codes that were learned.
    """
    for layer, known in zip(net.module_.embeddings, learned, strict=True):
        known = torch.as_tensor(known, device=layer.weight.device).clone()
        free = ~known
        free[0], known[0] = layer.padding_idx is not None, False
        if known.any():
            layer.weight.data[free] = layer.weight.data[known].mean(dim=0)


def _labels_in(table, rows):
    labels = table.categories.values()
    return [
        np.bincount(column, minlength=len(known) + 1) > 0
        for column, known in zip(table.codes[rows].T, labels, strict=True)
    ]

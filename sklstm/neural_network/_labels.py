"""Labels that join later, and their rows in the embeddings."""

import numpy as np
import torch
from torch.nn import functional as F

__all__ = ["grow_embeddings", "labels_of_series", "start_unused"]


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
    codes = table.codes[np.repeat(seen, np.diff(table.indptr))]
    labels = table.categories.values()
    return [
        np.bincount(column, minlength=len(known) + 1) > 0
        for column, known in zip(codes.T, labels, strict=True)
    ]


def start_unused(net, used):
    """Let labels that were never learned stand where the unknown one stands."""
    for layer, known in zip(net.module_.embeddings, used, strict=True):
        rows = torch.as_tensor(~known, device=layer.weight.device)
        layer.weight.data[rows] = layer.weight.data[0].clone()

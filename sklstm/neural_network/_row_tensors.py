"""Rows of a table as tensors on the device."""

import torch

__all__ = ["as_tensor", "take_rows"]


def as_tensor(values, device):
    """Bring an array to the device."""
    # Memory is shared with numpy where it may be: nothing here writes to it. Arrays
    # that come from a worker's memory map are read-only, of which torch would warn.
    if not values.flags.writeable:
        values = values.copy()
    return torch.as_tensor(values, device=device)


def take_rows(table, rows):
    """Take rows of a table: (n_rows, k) at (n, n_steps) -> (n, n_steps, k)."""
    return table.index_select(0, rows.reshape(-1)).reshape(*rows.shape, -1)

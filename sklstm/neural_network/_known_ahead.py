"""What is known of the rows ahead, gathered on the device."""

import numpy as np
import torch

from ._row_tensors import as_tensor, take_rows

__all__ = ["KnownAhead"]


class KnownAhead:
    """What is known of the rows after any row, gathered on the device.

    Parameters
    ----------
    windows : WindowTensors
        Whose inputs and codes are read.
    table : RowTable
    flags : ndarray of int
        The inputs that have a flag.
    n_ahead : int
        How many rows ahead.
    """

    def __init__(self, windows, table, flags, n_ahead):
        known = table.known_inputs
        flagged = table.n_inputs + np.flatnonzero(np.isin(flags, known))
        # Row 0 stands for all rows that are not there.
        self._inputs = _shift_down(windows.inputs[:, np.append(known, flagged)])
        self._codes = None
        if len(table.known_codes):
            self._codes = _shift_down(windows.codes[:, table.known_codes])
        device = windows.ends.device
        self._segments = windows.segments
        limits = np.append(table.segments[1:], len(windows.inputs))
        self._limits = as_tensor(limits, device)
        self._steps = torch.arange(1, n_ahead + 1, device=device)
        self.known_codes = table.known_codes

    @property
    def n_ahead(self):
        return len(self._steps)

    @property
    def n_inputs(self):
        """How many numbers are known of each row."""
        return self._inputs.shape[1]

    def gather(self, ends):
        """Gather the known inputs of the rows after `ends`; 0 where there is no row."""
        segment = torch.searchsorted(self._segments, ends, right=True) - 1
        rows = ends[:, None] + self._steps
        rows = torch.where(rows < self._limits[segment][:, None], rows + 1, 0)
        batch = {"known": take_rows(self._inputs, rows)}
        if self._codes is not None:
            batch["known_codes"] = take_rows(self._codes, rows).long()
        return batch


def _shift_down(table):
    """Put a row of zeros before a table."""
    return torch.cat([table.new_zeros((1, table.shape[1])), table])

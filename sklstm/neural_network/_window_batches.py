"""Batches of windows, gathered on the device from one table of rows."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch

from .._windows.step_targets import StepTargets
from .._windows.windows import PanelWindows

__all__ = [
    "BatchIterator",
    "KnownAhead",
    "RowTable",
    "TargetTensors",
    "WindowTensors",
    "as_tensor",
    "read_row_table",
    "split_batch",
    "take_rows",
]

_NONE = np.zeros(0, dtype=np.intp)


class RowTable(NamedTuple):
    """Windows or arrays as rows.

    Attributes
    ----------
    parts : list of ndarray of shape (n_rows, n_columns)
        Numeric inputs, side by side.
    codes : ndarray of shape (n_rows, n_categorical)
        Category codes.
    ends : ndarray of shape (n_windows,)
        The last row of each window.
    segments : ndarray of shape (n_segments,)
        First rows of the stretches that windows stay within.
    window_size : int
    n_series : int
    target : ndarray of shape (n_rows, n_targets)
        The target's own past, in the net's units; the naive forecasts are made of it.
    known_inputs, known_codes : ndarray of int
        Positions of the inputs and codes that are known ahead.
    """

    parts: list
    codes: np.ndarray
    ends: np.ndarray
    segments: np.ndarray
    window_size: int
    n_series: int
    target: np.ndarray
    known_inputs: np.ndarray = _NONE
    known_codes: np.ndarray = _NONE

    @property
    def n_inputs(self):
        return sum(part.shape[1] for part in self.parts)


def read_row_table(X, scale=None):
    """Read windows, or an array of shape (n, n_steps[, n_features]), as rows.

    Parameters
    ----------
    X : PanelWindows or ndarray
    scale : TargetScale, default=None
        Units that the target's past is brought to; None leaves its own.

    Returns
    -------
    RowTable
    """
    if isinstance(X, PanelWindows):
        table, size = X.table, X.window_size
        target, past = table.target, table.past
        if scale is not None:
            target = scale.apply(target)
            n_changed = table.view.n_changes * target.shape[1]
            changes = scale.apply_changes(past[:, :n_changed])
            level = target if table.view.level == "keep" else target[:, :0]
            past = np.concatenate([changes, level], axis=1) if n_changed else level
        return RowTable(
            [table.values, past],
            table.codes,
            X.ends,
            table.segments,
            size,
            len(table.indptr) - 1,
            target,
            table.known_values,
            table.known_codes,
        )
    n, n_steps = X.shape[:2]
    inputs = X.reshape(n * n_steps, -1)
    starts = np.arange(n) * n_steps
    codes = np.empty((len(inputs), 0), dtype=np.int32)
    ends, target = starts + n_steps - 1, inputs[:, :0]
    return RowTable([inputs], codes, ends, starts, n_steps, n, target)


class WindowTensors:
    """Windows on the device: one table of rows, and the last row of each window.

    Parameters
    ----------
    table : RowTable
    n_steps : int, default=None
        Rows gathered for each window; as many as the longest has if None.
    flags : ndarray of int
        The inputs for which an extra 0/1 input says whether the value is there.
    naive : NaiveForecasts, default=None
        What the skip of the net is made of.
    n_ahead : int, default=0
        Rows ahead of each window whose known inputs are gathered.
    dtype : torch.dtype
    device : torch.device

    Attributes
    ----------
    is_past : Tensor of bool of shape (n_inputs,)
        The inputs that are made of the target's past; flags are not.
    holds_past_alone : bool
        Whether there are no covariates and no categories.
    """

    def __init__(
        self, table, n_steps=None, *, flags, naive=None, n_ahead=0, dtype, device
    ):
        self.inputs = _input_table(table, flags, dtype, device)
        self.codes = None
        if table.codes.shape[1]:
            self.codes = as_tensor(table.codes, device)
        self.ends = as_tensor(table.ends, device)
        self.segments = as_tensor(table.segments, device)
        self.window_size, self.n_series = table.window_size, table.n_series
        n_others = table.parts[0].shape[1]
        past = torch.arange(self.inputs.shape[1], device=device)
        self.is_past = (past >= n_others) & (past < table.n_inputs)
        self.holds_past_alone = n_others == 0 and self.codes is None
        self.naive = naive
        self.ahead = None
        if len(table.known_inputs) + len(table.known_codes):
            self.ahead = KnownAhead(self, table, flags, n_ahead)
        self._n_steps = n_steps

    def __len__(self):
        return len(self.ends)

    @cached_property
    def n_steps(self):
        return self._n_steps or int(self._first_and_length(self.ends)[1].max())

    @cached_property
    def ragged(self):
        """Whether any window is shorter than the rows that are gathered."""
        return bool((self._first_and_length(self.ends)[1] < self.n_steps).any())

    def groups(self, apart):
        """Yield the positions of all windows, those of each length apart if asked.

        Windows of one length need not be packed, which a bidirectional net would
        have to do, with results that depend on the lengths of the others.
        """
        positions = torch.arange(len(self), device=self.ends.device)
        if not (apart and self.ragged):
            yield positions
            return
        n_steps, lengths = self.n_steps, self._first_and_length(self.ends)[1]
        for length in torch.unique(lengths).tolist():
            self.n_steps, self.ragged = length, False
            yield positions[lengths == length]
        self.n_steps, self.ragged = n_steps, True

    def gather(self, windows):
        """Gather the module's inputs for these windows (a LongTensor of positions)."""
        first, lengths = self._first_and_length(self.ends[windows])
        batch = self.gather_rows(first[:, None], self.n_steps)
        if self.ragged:
            batch["lengths"] = lengths
        return batch | self.gather_ahead(windows)

    def gather_ahead(self, windows):
        """Gather naive forecasts and known inputs of the steps after these windows."""
        batch, ends = {}, self.ends[windows].long()
        if self.naive is not None:
            batch["naive"] = self.naive.gather(ends)
        if self.ahead is not None:
            batch |= self.ahead.gather(ends)
        return batch

    def gather_rows(self, first, n_steps):
        """Gather the inputs of `n_steps` rows from each first one, shape (n, 1), on."""
        rows = first + torch.arange(n_steps, device=first.device)  # (n, n_steps)
        rows.clamp_(max=len(self.inputs) - 1)
        batch = {"values": take_rows(self.inputs, rows)}
        if self.codes is not None:
            batch["codes"] = take_rows(self.codes, rows).long()
        return batch

    def _first_and_length(self, ends):
        ends = ends.long()
        start = self.segments[torch.searchsorted(self.segments, ends, right=True) - 1]
        first = torch.maximum(start, ends - (self.window_size - 1))
        return first, ends - first + 1


def split_batch(batch, size):
    """Split a gathered batch into batches of `size` windows, views of it."""
    parts = [values.split(size) for values in batch.values()]
    return [dict(zip(batch, part, strict=True)) for part in zip(*parts, strict=True)]


class TargetTensors:
    """Targets on the device, gathered from the rows where they stand.

    Parameters
    ----------
    y : ndarray of shape (n_windows, n_outputs), or StepTargets
        NaN is a value that is not known, and gives no loss.
    weight : ndarray of shape (n_windows,) or None
        Sample weights.
    scale : TargetScale, default=None
        The net's units; None for those of y.
    dtype : torch.dtype
    device : torch.device

    Attributes
    ----------
    n_steps : int
        How many rows ahead the targets of a window are; 1 where y does not say.
    """

    def __init__(self, y, weight, scale=None, *, dtype, device):
        self.weight = None if weight is None else as_tensor(weight, device).to(dtype)
        self.steps, self.scale, self.dtype, self.n_steps = None, None, dtype, 1
        # Scaled in double precision, where the device has it: y may be far from 0.
        exact = torch.float32 if device.type == "mps" else torch.float64
        if scale is not None:
            self.scale = [
                torch.as_tensor(part).to(exact).to(device)
                for part in scale.repeat(y.shape[1])
            ]
        if isinstance(y, StepTargets):
            # A view of the next rows after each row: one index fetches all steps.
            beyond = torch.full((y.horizon, y.target.shape[1]), torch.nan, dtype=exact)
            table = torch.cat(
                [as_tensor(y.target, device).to(exact), beyond.to(device)]
            )
            self.table = table[1:].unfold(0, y.horizon, 1)  # (n_rows, n_targets, k)
            self.origins = as_tensor(y.origins, device)
            self.segments = as_tensor(y.segments, device)
            self.limits = as_tensor(np.append(y.segments[1:], len(y.target)), device)
            self.steps = torch.arange(1, y.horizon + 1, device=device)
            self.n_steps = y.horizon
        else:
            self.table = self._scaled(as_tensor(y, device).to(exact))

    def gather(self, windows):
        """Gather the targets and weights of these windows."""
        weight = None if self.weight is None else self.weight[windows, None]
        if self.steps is None:
            return self.table[windows], weight
        origins = self.origins[windows].long()
        segment = torch.searchsorted(self.segments, origins, right=True) - 1
        left = self.limits[segment] - origins  # rows to the end of the segment
        y = self.table.index_select(0, origins)  # (n_windows, n_targets, horizon)
        y.masked_fill_((self.steps >= left[:, None])[:, None], torch.nan)
        return self._scaled(y.transpose(1, 2).flatten(1)), weight

    def _scaled(self, values):
        if self.scale is not None:
            center, scale = self.scale
            values = (values - center) / scale
        return values.to(self.dtype)


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

    # A pass takes every window.
    origin_share = 1.0

    def __init__(self, windows, targets, positions, batch_size, *, shuffle):
        self.windows = windows
        self.targets = targets
        self.positions = torch.as_tensor(positions, device=windows.ends.device)
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

    @property
    def batch_units(self):
        """How many windows a batch has."""
        return self.batch_size

    @property
    def batch_windows(self):
        """How many windows a batch learns."""
        return self.batch_size

    def draw_units(self):
        """The windows of a pass, of shape (1, n_windows)."""
        return self.positions.cpu().numpy()[None]

    def draw_order(self, units):
        """Draw the order in which a pass goes through the windows."""
        return torch.randperm(units.shape[1]).numpy()

    def windows_of(self, units):
        """The windows themselves, of shape (n_windows,)."""
        return units[0]

    def gather(self, units):
        """Gather the inputs and targets of windows."""
        batch = torch.as_tensor(units[0], device=self.positions.device)
        return self.windows.gather(batch), self.targets.gather(batch)


def _input_table(table, flags, dtype, device):
    """Lay numeric inputs side by side: NaN becomes 0, flags say where it was."""
    n_rows, n_inputs = len(table.parts[0]), table.n_inputs
    out = torch.empty((n_rows, n_inputs + len(flags)), dtype=dtype, device=device)
    first = 0
    for part in table.parts:
        last = first + part.shape[1]
        out[:, first:last] = as_tensor(part, device)
        first = last
    for position, column in enumerate(out[:, :n_inputs].T):
        missing = torch.isnan(column)
        if position in flags:
            out[:, n_inputs + int(np.searchsorted(flags, position))] = ~missing
        column.masked_fill_(missing, 0.0)
    return out


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

"""Chunked training: runs of rows that share their recurrence between windows.

Two windows that end one row apart share all rows but one. Trained one by one, each
row goes through the recurrence once for every window that holds it. A chunked batch
runs each row once instead, through a chunk of consecutive rows, and takes the loss
at every row that ends a wanted window.
"""

import numpy as np
import torch

from .._panels.rows import ragged_arange
from ._mixup import mix_chunks

__all__ = ["ChunkedIterator", "choose_chunk_rows", "cut_chunks"]

# A chunked batch holds one chunk for this many windows of `batch_size`. Fewer, longer
# sequences than a windowed batch: about its time per step, and more steps per second
# than batches of the same number of rows.
_WINDOWS_PER_CHUNK = 8

# An epoch has at least this many batches, however few chunks there are.
_MIN_BATCHES = 8

# Windows whose targets overlap teach nearly the same: of those that end within a long
# horizon, so many are drawn. Short ones cost little, and short series need them all.
_ORIGINS_PER_HORIZON = 12
_LONG_HORIZON = 24

# Chunks are sorted by length among those of so many batches: less padding.
_SORTED_BATCHES = 8


def choose_chunk_rows(window_size, skips):
    """Choose how many rows of a chunk end a window that is learned.

    A chunk of n such rows takes ``window_size - 1 + n`` steps, so the cost of a row
    falls as ``1 + (window_size - 1) / n``. A state inside it has seen up to n rows more
    than the window that it is used on later, which costs accuracy where windows are
    short. So n is the window size up to 32 rows, at least 8, and grows to twice the
    window size at 64 rows. A net with a skip depends less on its state: n is twice the
    window size, at least 32.

    Parameters
    ----------
    window_size : int
    skips : bool
        Whether the net has a skip.

    Returns
    -------
    int
    """
    if skips:
        return max(2 * window_size, 32)
    return max(8, min(2 * window_size, max(window_size, 3 * window_size - 64)))


def cut_chunks(starts, ends, wanted, window_size, chunk_rows, phases):
    """Cut stretches of rows into chunks that reach every wanted row once.

    The first chunk of a stretch has no rows before it, and learns `phases` of its
    own; every other learns `chunk_rows`, or what is left.

    Parameters
    ----------
    starts, ends : ndarray of shape (n_segments,)
        First row of each stretch, and the row after its last.
    wanted : ndarray of bool of shape (n_rows,)
        The rows that end a window to be learned.
    window_size : int
        Rows that come at least before (and with) each learned row, unless its
        stretch begins later.
    chunk_rows : int
        Learned rows of a chunk.
    phases : ndarray of shape (n_segments,)
        Learned rows of the first chunk, at least 1.

    Returns
    -------
    start, begin, end : ndarray of shape (n_chunks,)
        A chunk runs through the rows ``start:end``, and learns ``begin:end``.
    """
    n_chunks = 1 + np.maximum(0, -(-(ends - starts - phases) // chunk_rows))
    series = np.repeat(np.arange(len(starts)), n_chunks)
    number = ragged_arange(np.zeros_like(n_chunks), n_chunks)
    cut = starts[series] + phases[series] + chunk_rows * (number - 1)
    begin = np.where(number == 0, starts[series], cut)
    end = np.minimum(cut + chunk_rows, ends[series])
    total = _count_before(wanted)
    kept = total[end] > total[begin]
    begin, end, series = begin[kept], end[kept], series[kept]
    start = np.maximum(begin - (window_size - 1), starts[series])
    return start, begin, end


def _count_before(wanted):
    """How many wanted rows come before each row, and before the end."""
    count = np.zeros(len(wanted) + 1, dtype=np.int32)
    np.cumsum(wanted, out=count[1:])
    return count


class ChunkedIterator:
    """Go through chunks of rows in batches, cut and shuffled anew in each pass.

    Parameters
    ----------
    windows : WindowTensors
        Whose tables the rows are gathered from.
    targets : TargetTensors
        Targets of the windows.
    positions : ndarray of int
        The windows to learn.
    ends : ndarray of shape (n_windows,)
        The last row of each window, each at most once among those to learn.
    table : PanelTable
        Whose segments the chunks stay within.
    window_size : int
    chunk_rows : int
        Learned rows of a chunk; no more than the longest stretch has.
    batch_size : int
        A batch holds one chunk for every 8 of these, and no more than an eighth of
        all chunks.
    shuffle : bool
        Whether to draw the cuts and the order in each pass.
    mixup : float, default=0.0
        Share of the chunks that are replaced by a sum with another one.
    origin_share : float or "auto", default=1.0
        Share of the windows that are learned in a pass, if it shuffles. "auto" draws
        about twelve of those that end within one horizon, if it has at least 24 steps.
    """

    def __init__(
        self,
        windows,
        targets,
        positions,
        ends,
        table,
        window_size,
        *,
        chunk_rows,
        batch_size,
        shuffle,
        mixup=0.0,
        origin_share=1.0,
    ):
        self.windows = windows
        self.mixup = mixup
        self.targets = targets
        self.positions = positions
        self.window_size = window_size
        self.shuffle = shuffle
        self._window_of_row = np.full(len(table.values), -1, dtype=ends.dtype)
        self._window_of_row[ends[positions]] = positions
        self._wanted = self._window_of_row >= 0
        learned = _count_before(self._wanted)
        limits = np.append(table.segments[1:], len(self._wanted))
        used = learned[limits] > learned[table.segments]
        self._starts, self._ends = table.segments[used], limits[used]
        lengths = self._ends - self._starts
        self.origin_share = origin_share
        if origin_share == "auto":
            density = learned[-1] / lengths.sum()
            self.origin_share = _choose_share(targets.n_steps, density)
        self.chunk_rows = min(chunk_rows, int(lengths.max()))
        n_chunks = self._cut(np.full(len(self._starts), self.chunk_rows)).shape[1]
        self.batch_chunks = max(
            1, min(batch_size // _WINDOWS_PER_CHUNK, n_chunks // _MIN_BATCHES)
        )
        self._n_batches = -(-n_chunks // self.batch_chunks)

    def __len__(self):
        """About how many batches a pass has; the cuts of each pass may differ."""
        return self._n_batches

    def __iter__(self):
        chunks = self.draw_units()
        order = self.draw_order(chunks)
        for first in range(0, len(order), self.batch_chunks):
            yield self.gather(chunks[:, order[first : first + self.batch_chunks]])

    @property
    def batch_units(self):
        """How many chunks a batch has."""
        return self.batch_chunks

    @property
    def batch_windows(self):
        """How many windows a batch learns, at most."""
        return self.batch_chunks * self.chunk_rows

    def draw_units(self):
        """Cut chunks anew: the start, begin and end of each, of shape (3, n_chunks)."""
        return self._cut(self._draw_phases())

    def draw_order(self, chunks):
        """Draw the order in which a pass goes through chunks."""
        if not self.shuffle:
            return np.arange(chunks.shape[1])
        return _shuffle(chunks[2] - chunks[0], self.batch_chunks)

    def windows_of(self, chunks):
        """One of the windows that each chunk learns, of shape (n_chunks,)."""
        before = _count_before(self._wanted)[chunks[1]]
        return self._window_of_row[np.flatnonzero(self._wanted)[before]]

    def _draw_phases(self):
        """Learned rows of each first chunk.

        It has no rows before it, so it may learn as many as another runs through.
        """
        longest = self.chunk_rows + self.window_size - 1
        if not self.shuffle:
            return np.full(len(self._starts), longest)
        drawn = torch.randint(self.chunk_rows, (len(self._starts),)).numpy()
        return longest - drawn

    def _cut(self, phases):
        chunks = cut_chunks(
            self._starts,
            self._ends,
            self._wanted,
            self.window_size,
            self.chunk_rows,
            phases,
        )
        return np.stack(chunks)

    def gather(self, chunks):
        """Gather the inputs of chunks, and the targets of the rows they learn."""
        start, begin, end = chunks
        n_steps = int((end - start).max())
        learned = ragged_arange(begin, end - begin)
        chunk = np.repeat(np.arange(len(start)), end - begin)
        wanted = self._wanted[learned]
        if self.shuffle and self.origin_share < 1:
            # The same steps in all chunks, as mixup needs it.
            drawn = (torch.rand(n_steps) < self.origin_share).numpy()
            drawn = wanted & drawn[learned - start[chunk]]
            wanted = drawn if drawn.any() else wanted
        learned, chunk = learned[wanted], chunk[wanted]
        device = self.windows.ends.device
        first = torch.as_tensor(start[:, None], device=device)
        batch = self.windows.gather_rows(first, n_steps)
        rows = chunk * n_steps + learned - start[chunk]
        batch["rows"] = torch.as_tensor(rows, device=device)
        window = torch.as_tensor(self._window_of_row[learned], device=device)
        batch |= self.windows.gather_ahead(window)
        y, weight = self.targets.gather(window)
        if self.mixup:
            is_past = self.windows.is_past
            batch, y = mix_chunks(batch, y, n_steps, self.mixup, is_past)
        return batch, (y, weight)


def _choose_share(horizon, density):
    """The share of windows to draw where `density` of the rows end one."""
    if horizon < _LONG_HORIZON:
        return 1.0
    return min(1.0, _ORIGINS_PER_HORIZON / (horizon * density))


def _shuffle(lengths, batch_chunks):
    """Draw an order in which the chunks of a batch are about as long as each other.

    Chunks are shuffled, sorted by length among those of a few batches, and then the
    batches are shuffled.
    """
    n = len(lengths)
    order = torch.randperm(n).numpy()
    group = np.arange(n) // (_SORTED_BATCHES * batch_chunks)
    order = order[np.lexsort((lengths[order], group))]
    whole = n - n % batch_chunks
    batches = order[:whole].reshape(-1, batch_chunks)
    batches = batches[torch.randperm(len(batches)).numpy()]
    return np.concatenate([batches.ravel(), order[whole:]])

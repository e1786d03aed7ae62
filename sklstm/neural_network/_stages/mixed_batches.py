"""Batches that mix windows to learn with windows replayed, or draw them by groups."""

import numpy as np
import torch

__all__ = ["MixedIterator"]


class MixedIterator:
    """Go through an iterator's units, drawn by groups if asked, with some replayed.

    A unit is a window, or in chunked training a chunk of rows.

    Parameters
    ----------
    learned : ChunkedIterator or BatchIterator
        The units to learn; a pass goes through each once.
    remembered : ChunkedIterator or BatchIterator, or None
        The units to replay, drawn with replacement.
    union : ChunkedIterator or BatchIterator
        Of both, which gathers the batches.
    groups : ndarray of int of shape (n_windows,) or None
        Units are drawn so that each group brings as many windows.
    balanced : bool
        Whether the units to learn are drawn by groups, and not gone through.
    replay : float
        Share of replayed units in a batch, on average.
    """

    def __init__(self, learned, remembered, union, *, groups, balanced, replay):
        self.learned = learned
        self.remembered = remembered
        self.union = union
        self.groups = groups
        self.balanced = balanced
        self.replay = replay

    def __len__(self):
        return len(self.learned)

    @property
    def batch_windows(self):
        """How many windows of those to learn a batch holds, at most."""
        return self.learned.batch_windows

    @property
    def origin_share(self):
        """The share of those windows that a pass takes."""
        return self.learned.origin_share

    def __iter__(self):
        units, size = self.learned.draw_units(), self.learned.batch_units
        if self.balanced:
            order = self._draw(self.learned, units, units.shape[1])
        else:
            order = self.learned.draw_order(units)
        cuts = np.arange(0, len(order), size)
        batches = [units[:, order[first : first + size]] for first in cuts]
        if self.remembered is not None:
            batches = self._add_replayed(batches)
        return map(self.union.gather, batches)

    def _add_replayed(self, batches):
        """Put replayed units into each batch, so many that their share is right."""
        sizes = np.array([batch.shape[1] for batch in batches])
        wanted = sizes * self.replay / (1 - self.replay)
        # A part of a unit is one unit in some of the batches.
        whole = np.floor(wanted + torch.rand(len(wanted)).double().numpy())
        counts = whole.astype(np.intp)
        units = self.remembered.draw_units()
        drawn = self._draw(self.remembered, units, counts.sum())
        parts = np.split(units[:, drawn], np.cumsum(counts)[:-1], axis=1)
        pairs = zip(batches, parts, strict=True)
        return [np.concatenate(pair, axis=1) for pair in pairs]

    def _draw(self, source, units, n):
        """Draw `n` units with replacement, all groups alike."""
        if n == 0:
            return np.arange(0)
        weight = np.ones(units.shape[1])
        if self.groups is not None:
            group = self.groups[source.windows_of(units)]
            weight = 1 / source_sizes(self.groups, source)[group]
        drawn = torch.multinomial(torch.as_tensor(weight), int(n), replacement=True)
        return drawn.numpy()


def source_sizes(groups, source):
    """How many windows of each group an iterator has."""
    return np.bincount(groups[np.asarray(source.positions)], minlength=groups.max() + 1)

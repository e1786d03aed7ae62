"""Seasonal states: each step ahead reads the state one season before it."""

import torch
from torch import nn
from torch.nn import functional as F

from ._aligned_linear import AlignedLinear
from ._seasonal_skip import repeat_season

__all__ = ["SeasonalStates"]


class SeasonalStates(nn.Module):
    """A message to each step ahead from the state one season before it.

    One linear layer maps every state to a message, and step k after row t gets that of
    row ``t - period + k``, for each season: the state there has just read the same part
    of the season. A step beyond one season gets the message of as many seasons before
    it as lead to a row that was read, and none where the window begins later. The
    messages start at zero.

    Close to what TinyCast does, which averages states by the phase of a season (2026,
    arXiv:2608.15767), and to the dilated layers of ES-RNN (Smyl 2020, "A hybrid method
    of exponential smoothing and recurrent neural networks for time series forecasting",
    International Journal of Forecasting 36(1), 75-85).

    Parameters
    ----------
    n_state : int
        Size of the state.
    periods : sequence of int
        Number of rows of each season; no longer than a window.
    n_steps : int
        Number of steps ahead.
    n_numbers : int
        How many numbers a step gets.
    """

    def __init__(self, n_state, periods, n_steps, n_numbers):
        super().__init__()
        self.periods = list(periods)
        self.n_steps = n_steps
        self.message = AlignedLinear(n_state, len(self.periods) * n_numbers)
        nn.init.zeros_(self.message.weight)
        nn.init.zeros_(self.message.bias)

    def forward(self, states, rows):
        """Collect the messages to the steps after some rows.

        Parameters
        ----------
        states : Tensor of shape (n_chunks, n_rows, n_state)
        rows : Tensor of shape (n,)
            Counted through all chunks.

        Returns
        -------
        Tensor of shape (n, n_numbers, n_steps)
        """
        n_chunks, n_rows, n_state = states.shape
        messages = self.message(states.reshape(-1, n_state)).view(n_chunks, n_rows, -1)
        chunk, row = rows // n_rows, rows % n_rows
        total = None
        of_season = messages.chunk(len(self.periods), dim=-1)
        for period, message in zip(self.periods, of_season, strict=True):
            length = min(period, self.n_steps)
            padded = F.pad(message, (0, 0, period, 0)).flatten(0, 1)
            # Row t - period + 1 of a chunk is row t + 1 of the padded one.
            first = chunk * (n_rows + period) + row + 1
            # An index of rows: the backward of an unfolded view takes far longer.
            ahead = first[:, None] + torch.arange(length, device=first.device)
            got = padded.index_select(0, ahead.flatten()).unflatten(0, ahead.shape)
            got = repeat_season(got.transpose(1, 2), self.n_steps)
            total = got if total is None else total + got
        return total

"""The network: embeddings, stacked LSTM layers, and a dense head on the last state."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

__all__ = ["LSTMModule", "embedding_size"]


def embedding_size(cardinality, embedding_dim):
    """Choose the size of an embedding: the given one, or by rule for "auto".

    The rule is ``1.6 * n_labels ** 0.56``, at most 50, as in fastai's tabular models
    (Howard and Gugger 2020, "fastai: A Layered API for Deep Learning",
    Information 11(2), 108).

    Parameters
    ----------
    cardinality : int
        Number of labels.
    embedding_dim : int or "auto"

    Returns
    -------
    int
    """
    if embedding_dim == "auto":
        return int(min(50, round(1.6 * max(cardinality, 1) ** 0.56)))
    return embedding_dim


class AlignedLinear(nn.Linear):
    """A linear layer whose inputs are filled up with zeros to a multiple of 16.

    On the CPU a matrix product of another width may give a row other last bits at
    another place in the batch.

    Parameters
    ----------
    in_features, out_features : int
    """

    def __init__(self, in_features, out_features):
        super().__init__(in_features, out_features)
        self.n_filled = -in_features % 16

    def forward(self, inputs):
        """Map (n, in_features) to (n, out_features)."""
        fill = (0, self.n_filled)
        return F.linear(F.pad(inputs, fill), F.pad(self.weight, fill), self.bias)


class LSTMModule(nn.Module):
    """An LSTM over windows, decoded from its last state.

    Every categorical column has an embedding, which is fed to each step of the LSTM
    and once more to the dense head. Windows stand on the left with padding on the
    right, so that a forward state never meets padding before it is read; where
    padding could reach the state of the backward direction, sequences are packed.
    The embedding of code 0, a label not seen in training, starts at zero, the middle of
    where the others start, and stays there unless `id_dropout` trains it.

    With naive forecasts given, the head also weighs them, for each output anew by a
    softmax over them, and its own outputs, which start at zero, are a correction.

    Parameters
    ----------
    n_features : int
        Number of numeric inputs at each step.
    n_outputs : int
        Number of outputs of each window.
    hidden_size : int, default=64
        Units of each layer and direction.
    num_layers : int, default=1
        Number of stacked layers.
    bidirectional : bool, default=False
        Whether each layer also reads the window backwards. The head then sees the
        last state of both directions.
    dropout : float, default=0.0
        Share of the outputs of each layer, and of the hidden head layer, that is
        zeroed in training.
    cardinalities : sequence of int, default=()
        For each categorical column the number of codes, the unknown 0 included.
    embedding_dims : sequence of int, default=()
        For each categorical column the size of its embedding; 0 leaves it out.
    id_dropout : float, default=0.0
        Share of the windows (or chunks) whose codes are all replaced by 0 in training.
    head_hidden_size : int, default=None
        Units of a tanh layer between the state and the outputs. None: no such layer.
    n_naive : int, default=0
        Number of naive forecasts of each output.

    Examples
    --------
    >>> import torch
    >>> from sklstm.neural_network import LSTMModule
    >>> module = LSTMModule(n_features=2, n_outputs=3, hidden_size=8)
    >>> module(torch.zeros(5, 10, 2)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        n_features,
        n_outputs,
        *,
        hidden_size=64,
        num_layers=1,
        bidirectional=False,
        dropout=0.0,
        cardinalities=(),
        embedding_dims=(),
        id_dropout=0.0,
        head_hidden_size=None,
        n_naive=0,
    ):
        super().__init__()
        self.id_dropout = id_dropout
        self.embeddings = nn.ModuleList(
            _make_embedding(n, dim, trains_unknown=id_dropout > 0)
            for n, dim in zip(cardinalities, embedding_dims, strict=True)
        )
        n_embedded = sum(embedding_dims)
        self.lstm = nn.LSTM(
            n_features + n_embedded,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout if num_layers > 1 else 0.0,
            bidirectional=bidirectional,
        )
        n_state = hidden_size * (2 if bidirectional else 1) + n_embedded
        self.dropout = nn.Dropout(dropout)
        self.hidden = (
            nn.Sequential(
                AlignedLinear(n_state, head_hidden_size),
                nn.Tanh(),
                nn.Dropout(dropout),
            )
            if head_hidden_size
            else nn.Identity()
        )
        n_hidden = head_hidden_size or n_state
        self.output = AlignedLinear(n_hidden, n_outputs)
        self.gate = None
        if n_naive:
            self.gate = AlignedLinear(n_hidden, n_naive * n_outputs)
            nn.init.zeros_(self.output.weight)
            nn.init.zeros_(self.output.bias)

    def forward(self, values, lengths=None, codes=None, rows=None, naive=None):
        """Map windows to outputs, or chunks of rows to the outputs at many of them.

        Parameters
        ----------
        values : Tensor of shape (n_windows, n_steps, n_features)
            The oldest row first, padding last.
        lengths : Tensor of shape (n_windows,), default=None
            Number of observed rows of each window; None when all are full.
        codes : Tensor of shape (n_windows, n_steps, n_categorical), default=None
            Category codes.
        rows : Tensor of shape (n_rows,), default=None
            The steps whose states are decoded, counted through all chunks; None for
            windows, which are decoded from the last state alone.
        naive : Tensor of shape (n_windows or n_rows, n_naive, n_outputs), default=None
            Naive forecasts.

        Returns
        -------
        Tensor of shape (n_windows, n_outputs) or (n_rows, n_outputs)
        """
        if self.training and self.id_dropout and codes is not None:
            codes = self.drop_codes(codes)
        embedded = self.embed(codes)
        steps = torch.cat([values, *embedded], dim=-1)
        if rows is not None:
            states = _at_rows(self.lstm(steps)[0], rows)
            at_rows = [_at_rows(e, rows) for e in embedded]
            states = torch.cat([self.dropout(states), *at_rows], dim=-1)
            return self.decode(states, naive)
        state = self.last_state(steps, lengths)
        last = [_at_last_row(e, lengths) for e in embedded]
        return self.decode(torch.cat([self.dropout(state), *last], dim=-1), naive)

    def drop_codes(self, codes):
        """Replace all codes of some windows by 0, the unknown label."""
        kept = torch.rand(len(codes), 1, 1, device=codes.device) >= self.id_dropout
        return codes * kept

    def embed(self, codes):
        """Look up the embedding of every categorical column, step by step."""
        return [layer(codes[..., i]) for i, layer in enumerate(self.embeddings)]

    def last_state(self, steps, lengths):
        """Run the LSTM and return its state after the last observed row.

        Parameters
        ----------
        steps : Tensor of shape (n_windows, n_steps, n_inputs)
        lengths : Tensor of shape (n_windows,) or None

        Returns
        -------
        Tensor of shape (n_windows, n_directions * hidden_size)
        """
        if lengths is not None and not self.lstm.bidirectional:
            return _at_last_row(self.lstm(steps)[0], lengths)
        if lengths is not None:
            steps = pack_padded_sequence(
                steps, lengths.cpu(), batch_first=True, enforce_sorted=False
            )
        states = self.lstm(steps)[1][0]  # (num_layers * n_directions, n, hidden_size)
        n_directions = 2 if self.lstm.bidirectional else 1
        return torch.cat(list(states[-n_directions:]), dim=-1)

    def decode(self, state, naive=None):
        """Map last states (with the embeddings behind them) to outputs."""
        hidden = self.hidden(state)
        out = self.output(hidden)
        if self.gate is None:
            return out
        weight = self.gate(hidden).view_as(naive).softmax(dim=1)
        return out + (weight * naive).sum(dim=1)


def _make_embedding(n_codes, dim, trains_unknown):
    layer = nn.Embedding(n_codes, dim, padding_idx=None if trains_unknown else 0)
    layer.weight.data[0] = 0.0
    return layer


def _at_rows(steps, rows):
    """Take steps of flattened chunks: (n_chunks, n_steps, k) -> (n_rows, k)."""
    return steps.flatten(0, 1).index_select(0, rows)


def _at_last_row(steps, lengths):
    """Take the last observed step of each window: (n, n_steps, k) -> (n, k)."""
    if lengths is None:
        return steps[:, -1]
    rows = (lengths - 1)[:, None, None].expand(-1, 1, steps.shape[-1])
    return steps.gather(1, rows)[:, 0]

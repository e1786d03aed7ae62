"""The network: embeddings, stacked LSTM layers, and a dense head on the last state."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from ._aligned_linear import AlignedLinear
from ._quantile_head import center_of, spread_quantiles, start_spreads
from ._seasonal_states import SeasonalStates

__all__ = [
    "LSTMModule",
    "StepDecoder",
    "embedding_size",
]


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


class LSTMModule(nn.Module):
    """An LSTM over windows, decoded from its last state.

    Every categorical column has an embedding, which is fed to each step of the LSTM
    and once more to the dense head. Windows stand on the left with padding on the
    right, so that a forward state never meets padding before it is read; where
    padding could reach the state of the backward direction, sequences are packed.
    The embedding of code 0, for labels that are missing or not seen in training, starts
    at zero and is trained only if code 0 occurs in training.

    With naive forecasts given, the head also weighs them, for each output anew by a
    softmax over them, and its own outputs, which start at zero, are a correction. The
    states one season before a step add to both.

    What is known of the steps ahead enters behind the LSTM: a hidden layer of the state
    and of a step's known inputs, shared by all steps, adds to that step's outputs and
    weights. No step sees what is known of another.

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
    trains_unknown : sequence of bool, default=None
        For each categorical column whether code 0 occurs in training, so that its
        embedding is trained. None: only if `category_dropout` shows it.
    category_dropout : float, default=0.0
        Share of the windows (or chunks) in which a categorical column shows only the
        code 0 in training, drawn for each column.
    head_hidden_size : int, default=None
        Units of a tanh layer between the state and the outputs. None: no such layer.
    n_naive : int, default=0
        Number of naive forecasts of each output.
    seasons : sequence of int, default=()
        Number of rows of each season whose earlier states add to the outputs of a step
        and to the weights of its naive forecasts; not if `bidirectional`.
    n_ahead : int, default=0
        Number of steps that the outputs are, steps first; needed for `seasons` and for
        what is known of steps.
    n_known : int, default=0
        Number of known numeric inputs of each step.
    known_codes : sequence of int, default=()
        The categorical columns, by position, that are known of each step.
    quantiles : sequence of float, default=None
        Quantiles of each output, ascending. None: each output is one number.

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
        n_features: int,
        n_outputs: int,
        *,
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        cardinalities: Sequence[int] = (),
        embedding_dims: Sequence[int] = (),
        trains_unknown: Sequence[bool] | None = None,
        category_dropout: float = 0.0,
        head_hidden_size: int | None = None,
        n_naive: int = 0,
        seasons: Sequence[int] = (),
        n_ahead: int = 0,
        n_known: int = 0,
        known_codes: Sequence[int] = (),
        quantiles: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.category_dropout = category_dropout
        self.known_codes = list(known_codes)
        self.quantiles = quantiles
        self.n_naive = n_naive
        self.n_per_output = 1 if quantiles is None else len(quantiles)
        if trains_unknown is None or category_dropout > 0:
            trains_unknown = [category_dropout > 0] * len(cardinalities)
        self.embeddings = nn.ModuleList(
            map(_make_embedding, cardinalities, embedding_dims, trains_unknown)
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
        self.output = AlignedLinear(n_hidden, self.n_per_output * n_outputs)
        self.gate = None
        if n_naive:
            self.gate = AlignedLinear(n_hidden, n_naive * n_outputs)
        per_step = (self.n_per_output + n_naive) * (n_outputs // max(n_ahead, 1))
        self.seasons: SeasonalStates | None = None
        if seasons and not bidirectional:
            self.seasons = SeasonalStates(hidden_size, seasons, n_ahead, per_step)
        n_known += sum(embedding_dims[i] for i in self.known_codes)
        self.steps: StepDecoder | None = None
        if n_known:
            self.steps = StepDecoder(
                n_state,
                n_known,
                n_ahead,
                per_step,
                head_hidden_size or hidden_size,
                dropout=dropout,
            )
        self.start_at_center()

    def start_at_center(self) -> None:
        """Let the untrained net put out about 0, or a standard normal's quantiles."""
        out = [self.output] + ([] if self.steps is None else [self.steps.output])
        with torch.no_grad():
            for layer in out if self.gate is not None else []:
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)
            bias = self.output.bias.view(self.n_per_output, -1)
            bias[:] = 0.0
            if self.quantiles is not None:
                bias[:] = start_spreads(self.quantiles)[:, None]

    def forward(
        self,
        values: torch.Tensor,
        lengths: torch.Tensor | None = None,
        codes: torch.Tensor | None = None,
        rows: torch.Tensor | None = None,
        naive: torch.Tensor | None = None,
        known: torch.Tensor | None = None,
        known_codes: torch.Tensor | None = None,
    ) -> torch.Tensor:
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
        known : Tensor of shape (n_windows or n_rows, n_ahead, n_known), default=None
            What is known of the steps ahead.
        known_codes : Tensor of shape (n_windows or n_rows, n_ahead, n_known_codes)
            Category codes that are known of the steps ahead.

        Returns
        -------
        Tensor of shape (n_windows or n_rows, n_outputs[, n_quantiles])
        """
        if self.training and self.category_dropout and codes is not None:
            kept = self.draw_kept(codes)
            codes = codes * kept
            if known_codes is not None:
                chunk = slice(None) if rows is None else rows // values.shape[1]
                known_codes = known_codes * kept[chunk][..., self.known_codes]
        if self.steps is not None:
            known = self.join_known(known, known_codes)
        embedded = self.embed(codes)
        steps = torch.cat([values, *embedded], dim=-1)
        of_seasons = None
        if rows is None and self.lstm.bidirectional:
            state = self.last_state(steps, lengths)
            embedded = [_at_last_row(e, lengths) for e in embedded]
        else:
            states = self.lstm(steps)[0]
            rows = _last_rows(steps, lengths) if rows is None else rows
            if self.seasons is not None:
                of_seasons = self.seasons(self.dropout(states), rows)
            state = _at_rows(states, rows)
            embedded = [_at_rows(e, rows) for e in embedded]
        state = torch.cat([self.dropout(state), *embedded], dim=-1)
        return self.decode(state, naive, known, of_seasons)

    def draw_kept(self, codes: Any) -> Any:
        """Draw which codes of each window stay; the others become 0, the unknown."""
        shape = (len(codes), 1, codes.shape[-1])
        return torch.rand(shape, device=codes.device) >= self.category_dropout

    def join_known(self, known: Any, known_codes: Any) -> Any:
        """Put the embeddings of known codes beside what else is known."""
        if not self.known_codes:
            return known
        embedded = [
            self.embeddings[column](known_codes[..., i])
            for i, column in enumerate(self.known_codes)
        ]
        return torch.cat([known, *embedded], dim=-1)

    def embed(self, codes: Any) -> Any:
        """Look up the embedding of every categorical column, step by step."""
        return [layer(codes[..., i]) for i, layer in enumerate(self.embeddings)]

    def last_state(self, steps: Any, lengths: Any) -> Any:
        """Run a bidirectional LSTM: the last state of each direction.

        Parameters
        ----------
        steps : Tensor of shape (n_windows, n_steps, n_inputs)
        lengths : Tensor of shape (n_windows,) or None

        Returns
        -------
        Tensor of shape (n_windows, 2 * hidden_size)
        """
        if lengths is not None:
            steps = pack_padded_sequence(
                steps, lengths.cpu(), batch_first=True, enforce_sorted=False
            )
        states = self.lstm(steps)[1][0]  # (num_layers * 2, n, hidden_size)
        return torch.cat(list(states[-2:]), dim=-1)

    def decode(
        self, state: Any, naive: Any = None, known: Any = None, of_seasons: Any = None
    ) -> Any:
        """Map last states (with the embeddings behind them) to outputs."""
        hidden = self.hidden(state)
        out = self.output(hidden).unflatten(-1, (self.n_per_output, -1))
        weight = None if self.gate is None else self.gate(hidden).view_as(naive)
        of_steps = [] if of_seasons is None else [of_seasons]
        if known is not None:
            by_step = self.steps(state, known)  # type: ignore[misc]
            of_steps.append(by_step.transpose(1, 2))
        for more in map(self.by_output, of_steps):
            out = out + more[:, : self.n_per_output]
            if weight is not None:
                weight = weight + more[:, self.n_per_output :]
        if weight is not None:
            mix = (weight.softmax(dim=1) * naive).sum(dim=1)
        if self.quantiles is None:
            return out[:, 0] if weight is None else out[:, 0] + mix
        out = spread_quantiles(out, center_of(self.quantiles))
        return out if weight is None else out + mix[..., None]

    def by_output(self, of_steps: Any) -> Any:
        """Reorder the numbers of each step by output, steps first.

        Of shape (n, k, n_ahead) -> (n, n_per_output + n_naive, n_outputs).
        """
        of_steps = of_steps.unflatten(1, (self.n_per_output + self.n_naive, -1))
        return of_steps.transpose(2, 3).flatten(2)


def _make_embedding(n_codes, dim, trains_unknown):
    layer = nn.Embedding(n_codes, dim, padding_idx=None if trains_unknown else 0)
    layer.weight.data[0] = 0.0
    return layer


def _at_rows(steps, rows):
    """Take steps of flattened chunks: (n_chunks, n_steps, k) -> (n_rows, k)."""
    return steps.flatten(0, 1).index_select(0, rows)


def _last_rows(steps, lengths):
    """The last observed step of each window, counted through all windows."""
    n, n_steps = steps.shape[:2]
    first = torch.arange(n, device=steps.device) * n_steps
    return first + ((n_steps if lengths is None else lengths) - 1)


def _at_last_row(steps, lengths):
    """Take the last observed step of each window: (n, n_steps, k) -> (n, k)."""
    if lengths is None:
        return steps[:, -1]
    rows = (lengths - 1)[:, None, None].expand(-1, 1, steps.shape[-1])
    return steps.gather(1, rows)[:, 0]


class StepDecoder(nn.Module):
    """Outputs of each step from the state and from what is known of that step.

    A hidden layer of the state, of the step's known inputs and of the step's number,
    with the same weights at all steps: no step sees what is known of another. A second
    layer took most of the time of long horizons, and what it gained was less than what
    another seed does.

    Parameters
    ----------
    n_state : int
        Size of the state, the embeddings included.
    n_known : int
        Number of known inputs of a step, the embeddings included.
    n_steps : int
        Number of steps.
    n_outputs : int
        Number of outputs of a step.
    hidden_size : int
        Units of the hidden layer.
    dropout : float, default=0.0
        Share of the hidden units that is zeroed in training.
    """

    def __init__(
        self, n_state, n_known, n_steps, n_outputs, hidden_size, *, dropout=0.0
    ):
        super().__init__()
        self.state = AlignedLinear(n_state, hidden_size)
        self.known = AlignedLinear(n_known, hidden_size)
        self.step = nn.Parameter(torch.zeros(n_steps, hidden_size))
        self.dropout = nn.Dropout(dropout)
        self.output = AlignedLinear(hidden_size, n_outputs)

    def forward(self, state, known):
        """Map states and known inputs to outputs.

        Parameters
        ----------
        state : Tensor of shape (n, n_state)
        known : Tensor of shape (n, n_steps, n_known)

        Returns
        -------
        Tensor of shape (n, n_steps, n_outputs)
        """
        hidden = self.state(state)[:, None] + self.known(known) + self.step
        return self.output(self.dropout(torch.tanh(hidden)))

"""Windows per second in training: sklstm beside bare loops and skorch's own path."""

from functools import partial
from time import perf_counter, process_time

import numpy as np
import pandas as pd
import torch
from hourly import load_m4_hourly, make_hourly, make_task
from skorch import NeuralNet
from skorch.callbacks import Callback, GradientNormClipping
from torch import nn

from sklstm import LSTMRegressor

HIDDEN_SIZE = 64
BATCH_SIZE = 64
LR = 3e-3
HORIZON = 48
CLOCKS = {"wall": perf_counter, "cpu": process_time}


class BareNet(nn.Module):
    """The net of LSTMRegressor without a category: an LSTM and a linear layer."""

    def __init__(self, n_outputs):
        super().__init__()
        self.lstm = nn.LSTM(1, HIDDEN_SIZE, batch_first=True)
        self.output = nn.Linear(HIDDEN_SIZE, n_outputs)

    def forward(self, values):
        return self.output(self.lstm(values)[1][0][-1])

    def decode_tails(self, values, first):
        """Decode the states of all chunks from the row `first` on."""
        return self.output(self.lstm(values)[0][:, first:]).flatten(0, 1)

    def decode_rows(self, values, rows):
        """Decode the states at some rows, counted through all chunks of a batch."""
        states = self.lstm(values)[0].flatten(0, 1)
        return self.output(states.index_select(0, rows))


class BareLoop:
    """Adam on the mean squared error with clipped gradients, and nothing else."""

    def __init__(self, clock):
        self.net = BareNet(HORIZON)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=LR)
        self.clock = clock

    def time_windows(self, X, y):
        """Time a shuffled pass over windows."""
        start = self.clock()
        for batch in torch.randperm(len(X)).split(BATCH_SIZE):
            self.step(self.net(X[batch]), y[batch])
        return self.clock() - start

    def time_same_chunks(self, batches):
        """Time a pass over batches of chunks of any length."""
        start = self.clock()
        for values, rows, y in batches:
            self.step(self.net.decode_rows(values, rows), y)
        return self.clock() - start

    def time_even_chunks(self, batches, window_size):
        """Time a pass over batches of chunks of one length."""
        start = self.clock()
        for values, y in batches:
            self.step(self.net.decode_tails(values, window_size - 1), y)
        return self.clock() - start

    def step(self, y_pred, y):
        self.optimizer.zero_grad()
        nn.functional.mse_loss(y_pred, y).backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()


class EpochClock(Callback):
    """Record the seconds of each epoch in the history, by a clock of choice."""

    def __init__(self, clock=perf_counter):
        self.clock = clock

    def on_epoch_begin(self, net, **kwargs):
        self.start_ = self.clock()

    def on_epoch_end(self, net, **kwargs):
        net.history.record("seconds", self.clock() - self.start_)


class Recorder(Callback):
    """Keep the chunks of a dense epoch, so that a bare loop can go through them."""

    def on_train_begin(self, net, **kwargs):
        self.batches_ = []

    def on_batch_begin(self, net, batch, training, **kwargs):
        inputs, (y, _) = batch
        values, rows = inputs["values"], inputs["rows"]
        self.batches_.append((values, rows, y))


def make_model(mode, callback=None):
    """Make an LSTMRegressor of the same net, rate and batch size as the others."""
    return LSTMRegressor(
        HIDDEN_SIZE,
        training_mode=mode,
        batch_size=BATCH_SIZE,
        lr=LR,
        max_epochs=1,
        device="cpu",
        random_state=0,
        callbacks=[("benchmark", callback or EpochClock())],
    )


def record_chunks(task):
    """Gather the batches of one dense epoch."""
    model = make_model("chunked", Recorder()).fit(task.windows, task.targets)
    return dict(model.net_.callbacks_)["benchmark"].batches_


def even_chunks(y, window_size, batch_chunks):
    """Cut each series into chunks of one length, and gather them in batches."""
    n_windows = y.groupby(level=0).size().min() - window_size - HORIZON + 1
    n = min(2 * window_size, n_windows)
    chunks, targets = [], []
    for _, series in y.groupby(level=0):
        x = torch.tensor(series.to_numpy())
        ahead = x[window_size:].unfold(0, HORIZON, 1)  # (n_windows, HORIZON)
        for first in range(0, len(ahead) - n + 1, n):
            chunks.append(x[first : first + window_size - 1 + n])
            targets.append(ahead[first : first + n])
    values, targets = torch.stack(chunks)[..., None], torch.stack(targets)
    return [
        (values[batch], targets[batch].flatten(0, 1))
        for batch in torch.randperm(len(values)).split(batch_chunks)
    ]


def time_epoch(model, X, y):
    """Train LSTMRegressor or a skorch net for an epoch, and read its clock."""
    model.partial_fit(X, y)
    return getattr(model, "net_", model).history[-1, "seconds"]


def make_skorch_net(clock):
    """Make skorch's net with its own data loader."""
    return NeuralNet(
        BareNet,
        module__n_outputs=HORIZON,
        criterion=nn.MSELoss,
        optimizer=torch.optim.Adam,
        lr=LR,
        batch_size=BATCH_SIZE,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[GradientNormClipping(1.0), EpochClock(clock)],
        verbose=0,
    )


def interleave(timers, repeats):
    """Call the timers in turn, once to warm up, then `repeats` times; take the best."""
    times = pd.DataFrame(
        [{name: timer() for name, timer in timers.items()} for _ in range(repeats + 1)]
    )
    return times[1:].min()


def measure_window(y, window_size, n_windows, repeats, clock):
    """Measure windows per second at one window size, all methods in turn."""
    task = make_task(y, window_size, HORIZON)
    rng = np.random.default_rng(0)
    some = np.sort(rng.choice(len(task.windows), n_windows, replace=False))
    windows, targets = task.windows[some], task.targets[some]
    X = np.asarray(windows)
    same = record_chunks(task)
    even = even_chunks(y, window_size, batch_chunks=len(same[0][0]))
    bare = partial(BareLoop, clock)
    dense, windowed = (
        make_model(m, EpochClock(clock)) for m in ("chunked", "windowed")
    )
    X_bare, y_bare = torch.tensor(X), torch.tensor(targets)
    timers = {
        "bare windows": partial(bare().time_windows, X_bare, y_bare),
        "sklstm windowed": partial(time_epoch, windowed, windows, targets),
        "skorch": partial(time_epoch, make_skorch_net(clock), X, targets),
        "bare same chunks": partial(bare().time_same_chunks, same),
        "bare even chunks": partial(bare().time_even_chunks, even, window_size),
        "sklstm chunked": partial(time_epoch, dense, task.windows, task.targets),
    }
    counts = dict.fromkeys(timers, n_windows) | {
        "bare same chunks": len(task.windows),
        "bare even chunks": sum(len(batch[1]) for batch in even),
        "sklstm chunked": len(task.windows),
    }
    return pd.Series(counts) / interleave(timers, repeats)


def measure(args):
    """Measure all window sizes.

    Returns
    -------
    dict of str to DataFrame
        Windows per second, and ratios, on each set of data.
    """
    panels = {"made": make_hourly(16 if args.quick else 100, 960)}
    if args.m4_hourly:
        panels["M4 Hourly"] = load_m4_hourly(args.m4_hourly, 8 if args.quick else 100)
    sizes = [24, 168] if args.quick else [24, 96, 168, 336]
    tables = {}
    for name, y in panels.items():
        speed = pd.DataFrame(
            {
                size: measure_window(
                    y,
                    size,
                    n_windows=BATCH_SIZE * (4 if args.quick else 16),
                    repeats=2 if args.quick else args.repeats,
                    clock=CLOCKS[args.clock],
                )
                for size in sizes
            }
        ).T.rename_axis("window")
        tables[f"windows per second, {name}"] = speed
        tables[f"ratios, {name}"] = compare(speed)
    return tables


def compare(speed):
    """Time per window of each pair that is to be compared, as ratios."""
    return pd.DataFrame(
        {
            "windowed/bare": speed["bare windows"] / speed["sklstm windowed"],
            "skorch/bare": speed["bare windows"] / speed["skorch"],
            "chunked/same chunks": speed["bare same chunks"] / speed["sklstm chunked"],
            "chunked/even chunks": speed["bare even chunks"] / speed["sklstm chunked"],
            "speed-up of chunks": speed["sklstm chunked"] / speed["sklstm windowed"],
        }
    )

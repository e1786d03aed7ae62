"""Windows per second in training: sklstm beside bare loops and skorch's own path."""

from functools import partial
from time import perf_counter

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


class BareNet(nn.Module):
    """The net of LSTMRegressor without a category: an LSTM and a linear layer."""

    def __init__(self, n_outputs):
        super().__init__()
        self.lstm = nn.LSTM(1, HIDDEN_SIZE, batch_first=True)
        self.output = nn.Linear(HIDDEN_SIZE, n_outputs)

    def forward(self, values):
        return self.output(self.lstm(values)[1][0][-1])

    def decode_rows(self, values, rows):
        """Decode the states at some rows, counted through all chunks of a batch."""
        return self.output(self.lstm(values)[0].flatten(0, 1)[rows])


class BareLoop:
    """Adam on the mean squared error with clipped gradients, and nothing else."""

    def __init__(self, n_outputs):
        self.net = BareNet(n_outputs)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=LR)

    def time_windows(self, X, y):
        """Time a shuffled pass over windows."""
        start = perf_counter()
        for batch in torch.randperm(len(X)).split(BATCH_SIZE):
            self.step(self.net(X[batch]), y[batch])
        return perf_counter() - start

    def time_chunks(self, batches):
        """Time a pass over batches of chunks that are ready to be used."""
        start = perf_counter()
        for values, rows, y in batches:
            self.step(self.net.decode_rows(values, rows), y)
        return perf_counter() - start

    def step(self, y_pred, y):
        self.optimizer.zero_grad()
        nn.functional.mse_loss(y_pred, y).backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()


class Recorder(Callback):
    """Keep the chunks of a dense epoch, so that a bare loop can go through them."""

    def on_train_begin(self, net, **kwargs):
        self.batches_ = []

    def on_batch_begin(self, net, batch, training, **kwargs):
        inputs, (y, _) = batch
        values, rows = inputs["values"], inputs["rows"]
        known = ~torch.isnan(y[:, 0])
        rows = rows + values.shape[1] * torch.arange(len(rows))[:, None]
        self.batches_.append((values, rows.flatten()[known], y[known]))


def make_model(mode, **params):
    """Make an LSTMRegressor of the same net, rate and batch size as the others."""
    return LSTMRegressor(
        HIDDEN_SIZE,
        training_mode=mode,
        batch_size=BATCH_SIZE,
        lr=LR,
        max_epochs=1,
        device="cpu",
        random_state=0,
        **params,
    )


def record_chunks(task):
    """Gather the batches of one dense epoch."""
    model = make_model("dense", callbacks=[("recorder", Recorder())])
    model.fit(task.windows, task.targets)
    return dict(model.net_.callbacks_)["recorder"].batches_


def even_chunks(y, window_size, horizon, like):
    """Cut each series into chunks of one length, as many to a batch as `like` has."""
    n = min(2 * window_size, y.groupby(level=0).size().min() - window_size - horizon)
    chunks, targets = [], []
    for _, series in y.groupby(level=0):
        x = torch.tensor(series.to_numpy())
        ahead = x[window_size:].unfold(0, horizon, 1)  # (n_windows, horizon)
        for first in range(0, len(ahead) - n + 1, n):
            chunks.append(x[first : first + window_size - 1 + n])
            targets.append(ahead[first : first + n])
    values, targets = torch.stack(chunks)[..., None], torch.stack(targets)
    for batch in torch.randperm(len(values)).split(len(like[0][0])):
        rows = torch.arange(window_size - 1, values.shape[1])
        rows = rows + values.shape[1] * torch.arange(len(batch))[:, None]
        yield values[batch], rows.flatten(), targets[batch].flatten(0, 1)


def time_epoch(model, X, y):
    """Time an epoch of LSTMRegressor or a skorch net, by skorch's own clock."""
    model.partial_fit(X, y)
    return getattr(model, "net_", model).history[-1, "dur"]


def make_skorch_net(n_outputs):
    return NeuralNet(
        BareNet,
        module__n_outputs=n_outputs,
        criterion=nn.MSELoss,
        optimizer=torch.optim.Adam,
        lr=LR,
        batch_size=BATCH_SIZE,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[GradientNormClipping(1.0)],
        verbose=0,
    )


def interleave(timers, repeats):
    """Call the timers in turn, once to warm up, then `repeats` times; take the best."""
    times = pd.DataFrame(
        [{name: timer() for name, timer in timers.items()} for _ in range(repeats + 1)]
    )
    return times[1:].min()


def measure_window(y, window_size, n_windows, repeats):
    """Measure windows per second at one window size, all methods in turn."""
    task = make_task(y, window_size, HORIZON)
    rng = np.random.default_rng(0)
    some = np.sort(rng.choice(len(task.windows), n_windows, replace=False))
    windows, targets = task.windows[some], task.targets[some]
    X = np.asarray(windows)
    tensors = torch.tensor(X), torch.tensor(targets)
    same = record_chunks(task)
    even = list(even_chunks(y, window_size, HORIZON, like=same))
    models = {name: make_model(name) for name in ("dense", "windowed")}
    timers = {
        "bare windows": partial(BareLoop(HORIZON).time_windows, *tensors),
        "sklstm windowed": partial(time_epoch, models["windowed"], windows, targets),
        "skorch": partial(time_epoch, make_skorch_net(HORIZON), X, targets),
        "bare same chunks": partial(BareLoop(HORIZON).time_chunks, same),
        "bare even chunks": partial(BareLoop(HORIZON).time_chunks, even),
        "sklstm dense": partial(time_epoch, models["dense"], *task[:2]),
    }
    counts = dict.fromkeys(timers, n_windows) | {
        "bare same chunks": len(task.windows),
        "bare even chunks": sum(len(batch[2]) for batch in even),
        "sklstm dense": len(task.windows),
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
            "dense/same chunks": speed["bare same chunks"] / speed["sklstm dense"],
            "dense/even chunks": speed["bare even chunks"] / speed["sklstm dense"],
            "speed-up of dense": speed["sklstm dense"] / speed["sklstm windowed"],
        }
    )

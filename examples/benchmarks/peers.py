"""Windows per second in training: sklstm beside other forecasting packages.

All have one LSTM layer of the same size, the same windows and horizon, and run on
the CPU. Time is counted from step to step of training, after a few steps to warm
up: construction does not count, loading batches does. A window counts each time it
enters the loss.
"""

import logging
import tempfile
import warnings
from functools import partial
from importlib import import_module

import numpy as np
import pandas as pd
from hourly import load_m4_hourly, make_hourly, make_task
from throughput import (
    BATCH_SIZE,
    CLOCKS,
    HIDDEN_SIZE,
    HORIZON,
    LR,
    EpochClock,
    make_model,
    time_epoch,
)

WARM_UP = 3


def make_stopwatch(lightning, clock):
    """Make a callback of Lightning, which goes by two names, that times steps."""

    class Stopwatch(import_module(lightning).Callback):
        def __init__(self):
            self.times = []

        def __deepcopy__(self, memo):
            return self  # neuralforecast trains a copy of the model it is given

        def on_train_batch_end(self, *args, **kwargs):
            self.times.append(clock())

        def steps_per_second(self):
            times = self.times[WARM_UP - 1 :]
            return (len(times) - 1) / (times[-1] - times[0])

    return Stopwatch()


def trainer_params(stopwatch, folder):
    return {
        "accelerator": "cpu",
        "callbacks": [stopwatch],
        "default_root_dir": folder,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "gradient_clip_val": 1.0,
        "logger": False,
    }


def run_neuralforecast(y, window_size, n_steps, folder, clock, windows_batch_size):
    """Train LSTM: 32 series a step, of whose windows some are drawn."""
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MSE
    from neuralforecast.models import LSTM

    stopwatch = make_stopwatch("pytorch_lightning", clock)
    model = LSTM(
        h=HORIZON,
        input_size=window_size,
        encoder_n_layers=1,
        encoder_hidden_size=HIDDEN_SIZE,
        decoder_layers=1,
        loss=MSE(),
        scaler_type="identity",
        learning_rate=LR,
        batch_size=32,
        windows_batch_size=windows_batch_size,
        max_steps=n_steps,
        enable_checkpointing=False,
        **trainer_params(stopwatch, folder),
    )
    frame = y.reset_index().set_axis(["unique_id", "ds", "y"], axis=1)
    frame["unique_id"] = frame["unique_id"].astype(str)
    NeuralForecast([model], freq=1 if frame["ds"].dtype.kind == "i" else "h").fit(frame)
    return stopwatch.steps_per_second() * windows_batch_size


def run_darts(y, window_size, n_steps, folder, clock, batch_size):
    """Train BlockRNNModel on float32 series, with as many samples as are needed."""
    from darts import TimeSeries
    from darts.models import BlockRNNModel

    series = [TimeSeries.from_values(part.to_numpy()) for _, part in y.groupby(level=0)]
    stopwatch = make_stopwatch("pytorch_lightning", clock)
    model = BlockRNNModel(
        input_chunk_length=window_size,
        output_chunk_length=HORIZON,
        model="LSTM",
        hidden_dim=HIDDEN_SIZE,
        n_rnn_layers=1,
        batch_size=batch_size,
        optimizer_kwargs={"lr": LR},
        n_epochs=1,
        pl_trainer_kwargs=trainer_params(stopwatch, folder)
        | {"enable_checkpointing": False},
    )
    model.fit(series, max_samples_per_ts=n_steps * batch_size // len(series))
    return stopwatch.steps_per_second() * batch_size


def run_gluonts(y, window_size, n_steps, folder, clock, batch_size):
    """Train DeepAR on the last value alone: no calendar, no longer lags."""
    from gluonts.dataset.pandas import PandasDataset
    from gluonts.torch import DeepAREstimator

    series = {}
    for name, part in y.groupby(level=0):
        index = pd.period_range("2020-01-01", periods=len(part), freq="h")
        series[str(name)] = pd.Series(part.to_numpy(), index=index)
    stopwatch = make_stopwatch("lightning.pytorch", clock)
    estimator = DeepAREstimator(
        freq="h",
        prediction_length=HORIZON,
        context_length=window_size,
        num_layers=1,
        hidden_size=HIDDEN_SIZE,
        lr=LR,
        dropout_rate=0.0,
        lags_seq=[1],
        time_features=[],
        scaling=False,
        batch_size=batch_size,
        num_batches_per_epoch=n_steps,
        trainer_kwargs=trainer_params(stopwatch, folder) | {"max_epochs": 1},
    )
    estimator.train(PandasDataset(series))
    return stopwatch.steps_per_second() * batch_size


def run_sklstm(y, window_size, n_steps, folder, clock, mode):
    """Train LSTMRegressor, windowed on as many windows as it takes, dense on all."""
    task = make_task(y, window_size, HORIZON)
    some = np.arange(len(task.windows))
    if mode == "windowed":
        some = np.random.default_rng(0).choice(some, n_steps * BATCH_SIZE)
    model = make_model(mode, EpochClock(clock))
    time_epoch(model, task.windows[some], task.targets[some])
    return len(some) / time_epoch(model, task.windows[some], task.targets[some])


RUNS = {
    "sklstm chunked": partial(run_sklstm, mode="chunked"),
    "sklstm windowed": partial(run_sklstm, mode="windowed"),
    "neuralforecast LSTM, windows_batch_size=64": partial(
        run_neuralforecast, windows_batch_size=64
    ),
    "neuralforecast LSTM, windows_batch_size=512": partial(
        run_neuralforecast, windows_batch_size=512
    ),
    "darts BlockRNNModel, batch_size=64": partial(run_darts, batch_size=64),
    "darts BlockRNNModel, batch_size=512": partial(run_darts, batch_size=512),
    "gluonts DeepAR, batch_size=64": partial(run_gluonts, batch_size=64),
    "gluonts DeepAR, batch_size=512": partial(run_gluonts, batch_size=512),
}


def installed():
    """The runs of packages that are there."""
    runs = {}
    for name, run in RUNS.items():
        try:
            import_module(name.split()[0])
        except ImportError:
            continue
        runs[name] = run
    return runs


def n_steps_of(name, quick):
    """Few steps where a step is large."""
    return WARM_UP + (4 if name.endswith("512") or quick else 20)


def measure(args):
    """Measure all packages that are installed, at some window sizes.

    Returns
    -------
    dict of str to DataFrame
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    panels = {"made": make_hourly(32, 960)}
    if args.m4_hourly:
        panels["M4 Hourly"] = load_m4_hourly(args.m4_hourly, 100)
    tables = {}
    for data, y in panels.items():
        columns = {}
        for size in (96,) if args.quick else (96, 168, 336):
            column = columns[f"window {size}"] = {}
            for name, run in installed().items():
                with tempfile.TemporaryDirectory() as folder:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        n_steps = n_steps_of(name, args.quick)
                        column[name] = run(y, size, n_steps, folder, CLOCKS[args.clock])
        speed = pd.DataFrame(columns)
        tables[f"windows per second beside peers, {data}"] = speed
        ratios = speed.loc["sklstm chunked"] / speed
        tables[f"sklstm chunked is faster by, {data}"] = ratios
    return tables

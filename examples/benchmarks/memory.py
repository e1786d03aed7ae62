"""Peak memory of windows and of a forecaster, each point in a fresh process.

Run as a script, this file is the process that is measured: it says "ready" before
its work, and waits to be told to begin.
"""

import subprocess
import sys
from time import sleep

import numpy as np
import pandas as pd
import psutil
import torch
from sklearn.pipeline import Pipeline

from sklstm import LSTMRegressor, PanelForecaster, SeriesScaler, SlidingWindow
from sklstm.datasets import make_panel

HORIZON = 48
N_FEATURES = 8
ROWS_PER_SERIES = 1000
MIB = 2**20


def transform(past, future, window_size):
    """Give each row its window."""
    X, _ = past
    return SlidingWindow(window_size).fit_transform(X)


def fit_predict(past, future, window_size):
    """Train for an epoch, and forecast the last rows of all series."""
    window, lstm = SlidingWindow(window_size), LSTMRegressor(max_epochs=1)
    forecaster = PanelForecaster(
        Pipeline([("window", window), ("lstm", lstm)]),
        horizon=HORIZON,
        target_transformer=SeriesScaler(),
    )
    return forecaster.fit(*past).predict(future)


WORK = {work.__name__: work for work in (transform, fit_predict)}


def work_when_told(name, n_rows, window_size, threads):
    """Import all, report, make the data, report, work: each when told to."""
    torch.set_num_threads(threads)
    wait()
    panel = make_panel(
        n_rows // ROWS_PER_SERIES,
        ROWS_PER_SERIES,
        n_covariates=N_FEATURES,
        freq="h",
        random_state=0,
    ).astype(np.float32)
    is_future = panel.groupby(level=0).cumcount(ascending=False) < HORIZON
    X, y = panel.drop(columns="target"), panel["target"]
    past, future = (X[~is_future], y[~is_future]), X[is_future]
    del panel, X, y, is_future
    wait()
    WORK[name](past, future, window_size)


def wait():
    """Say that this process is ready, and wait for a line."""
    print("ready", flush=True)
    sys.stdin.readline()


def measure_process(name, n_rows, window_size, threads):
    """Run some work in a fresh process and watch its resident memory, in MiB.

    Returns
    -------
    interpreter, data, peak : float
        Memory with all imports, with the data as well, and at the peak of the work.
    """
    numbers = [str(number) for number in (n_rows, window_size, threads)]
    process = subprocess.Popen(
        [sys.executable, __file__, name, *numbers],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    watched = psutil.Process(process.pid)
    before = []
    for _ in range(2):
        process.stdout.readline()
        before.append(watched.memory_info().rss / MIB)
        process.stdin.write("\n")
        process.stdin.flush()
    peak = before[-1]
    while process.poll() is None:
        peak = max(peak, watched.memory_info().rss / MIB)
        sleep(0.002)
    if process.returncode:
        raise RuntimeError(f"{name} failed with window {window_size}.")
    return *before, peak


def measure(args):
    """Measure transform and fit + predict at several window sizes.

    Returns
    -------
    dict of str to DataFrame
    """
    n_rows = 50_000 if args.quick else args.memory_rows
    table = n_rows * N_FEATURES * 4 / MIB
    rows = []
    for work in ("transform", "fit_predict"):
        for size in (24, 336) if args.quick else (24, 168, 336):
            memory = measure_process(work, n_rows, size, args.threads)
            interpreter, data, peak = memory
            rows.append(
                {
                    "work": work,
                    "window": size,
                    "interpreter": interpreter,
                    "data": data - interpreter,
                    "work adds": peak - data,
                    "table": table,
                    "all windows": table * size,
                    "adds/table": (peak - data) / table,
                    "all/table": (peak - interpreter) / table,
                }
            )
    title = f"peak memory in MiB, {n_rows:,} rows x {N_FEATURES} features"
    return {title: pd.DataFrame(rows).set_index(["work", "window"])}


if __name__ == "__main__":
    work_when_told(sys.argv[1], *map(int, sys.argv[2:]))

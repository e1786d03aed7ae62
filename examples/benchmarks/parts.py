"""Training on more rows than memory holds: a loop over parts beside one fit.

Writes a folder of Parquet files, trains on one after the other for a few passes, and
measures peak memory in a process of its own; then, at a size where both can run, the
error on the last rows beside that of one fit on everything for as many passes::

    python examples/benchmarks/parts.py                  # 20 million rows, 40 files
    python examples/benchmarks/parts.py --rows 200000 --passes 1
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import torch

from sklstm import LSTMForecaster
from sklstm.datasets import make_panel
from sklstm.metrics import mean_absolute_scaled_error

HORIZON = 24
ROWS_PER_SERIES = 1000
N_PARTS = 40
MIB = 2**20


def write_parts(folder, n_rows):
    """Write the series in Parquet files of as many rows, with flat columns."""
    n_series = n_rows // ROWS_PER_SERIES // N_PARTS
    for part in range(N_PARTS):
        panel = make_panel(
            n_series,
            ROWS_PER_SERIES,
            seasonal_periods=(24,),
            freq="h",
            random_state=part,
        )
        table = panel[["target"]].astype(np.float32).reset_index()
        table["series"] = f"{part:02d}-" + table["series"].astype(str)
        table.to_parquet(Path(folder, f"{part:02d}.parquet"), index=False)


def read_part(path):
    """Read a part: its rows to learn, and the last rows of each series."""
    y = pd.read_parquet(path).set_index(["series", "time"])["target"]
    is_later = y.groupby(level=0).cumcount(ascending=False) < HORIZON
    return y[~is_later], y[is_later]


def make_forecaster(max_epochs):
    return LSTMForecaster(
        HORIZON,
        seasonal_periods=24,
        hidden_size=16,
        max_epochs=max_epochs,
        n_estimators=1,
        history="context",
        random_state=0,
    )


def train_on_parts(folder, n_passes):
    """Learn the statistics of all parts, then train for a few passes over them."""
    paths = sorted(Path(folder).glob("*.parquet"))
    forecaster = make_forecaster(n_passes * len(paths))
    for path in paths:
        forecaster.learn_statistics(None, read_part(path)[0])
    for _ in range(n_passes):
        for path in paths:
            forecaster.partial_fit(None, read_part(path)[0])
    return forecaster


def report_memory(folder, n_passes):
    """Train in this process, and print what it held at the most, in MiB."""
    before, start = peak_memory(), perf_counter()
    forecaster = train_on_parts(folder, n_passes)
    trained = perf_counter()
    forecast = forecaster.forecast()
    print(
        f"{n_passes} pass(es) and one for the statistics in {trained - start:,.0f} s, "
        f"{len(forecast):,} forecasts in {perf_counter() - trained:,.0f} s\n"
        f"peak {peak_memory() - before:,.0f} MiB above the interpreter's {before:,.0f}"
    )


def peak_memory():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


def compare(folder, n_passes):
    """MASE of the last rows, after a loop over parts and after one fit."""
    parts = [read_part(path) for path in sorted(Path(folder).glob("*.parquet"))]
    past, later = (pd.concat(halves) for halves in zip(*parts, strict=True))
    whole = make_forecaster(n_passes).fit(None, past)
    errors = [
        mean_absolute_scaled_error(
            later,
            forecaster.predict(later.to_frame()[[]]),
            y_train=past,
            seasonal_period=24,
        )
        for forecaster in (train_on_parts(folder, n_passes), whole)
    ]
    print(
        f"{len(past):,} rows, {n_passes} passes: MASE {errors[0]:.4f} in parts, "
        f"{errors[1]:.4f} at once, ratio {errors[0] / errors[1]:.3f}"
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--folder", help="parts that are there; trains on them alone")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.folder:
        report_memory(args.folder, args.passes)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_parts(folder, args.rows)
        command = [sys.executable, __file__, "--passes", str(args.passes)]
        print(f"{args.rows:,} rows in {N_PARTS} files", flush=True)
        subprocess.run([*command, "--folder", folder], check=True)
    with tempfile.TemporaryDirectory() as folder:
        write_parts(folder, min(args.rows, 800_000))
        compare(folder, 2 * args.passes)


if __name__ == "__main__":
    main()

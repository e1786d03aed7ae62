"""How fast sklstm is, and how much memory it takes, beside what else there is.

Everything is measured side by side in one run, on data that is made (and on M4 Hourly
where its folder is given), and comes out as tables and as a plot::

    python examples/benchmarks/speed.py --plot speed.png
    python examples/benchmarks/speed.py --only a,c --m4-hourly FOLDER
    python examples/benchmarks/speed.py --quick

The sections:

    a  windows per second in training, beside bare PyTorch loops and skorch
    b  the same beside neuralforecast, darts and GluonTS, where they are installed
    c  peak memory against window size
    d  transforms beside pandas and scikit-lego, by number of series
    e  validation error against training time, dense and windowed
    f  how fit time grows with rows and with window size
    g  a grid search of 12 candidates, with one job and with two

Look at the ratios: they are worth more than the figures, which depend on the machine
and on what else it does. ``pip install -e ".[benchmarks]"`` brings the other packages.
"""

import argparse
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter

import fitting
import matplotlib
import memory
import pandas as pd
import peers
import throughput
import torch
import transforms

PACKAGES = (
    "sklstm",
    "torch",
    "skorch",
    "numpy",
    "pandas",
    "scikit-learn",
    "scikit-lego",
    "neuralforecast",
    "u8darts",
    "gluonts",
)


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="a,b,c,d,e,f,g", help="sections, as a,b")
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--plot", metavar="PNG", help="where to save the plot")
    parser.add_argument(
        "--m4-hourly", metavar="FOLDER", help="holds Hourly-train.csv or its .gz"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument(
        "--clock",
        choices=list(throughput.CLOCKS),
        default="wall",
        help="what all but g count; cpu is steadier where cores are shared",
    )
    parser.add_argument("--repeats", type=int, default=3, help="of which the best")
    parser.add_argument(
        "--seconds", type=float, default=40, help="training time of each curve of e"
    )
    parser.add_argument(
        "--memory-rows", type=int, default=500_000, help="rows of the table of c"
    )
    args = parser.parse_args()
    args.only = args.only.split(",")
    unknown = sorted(set(args.only) - set("abcdefg"))
    if unknown:
        parser.error(f"--only knows the sections a to g, got {unknown}.")
    return args


def describe_machine(args):
    """Say what the figures were measured on, and with."""
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"{args.threads} thread(s) of torch{load}, {args.clock} clock but in g\n"
        f"Python {platform.python_version()}, {', '.join(versions)}"
    )


def show(tables):
    """Print tables as text."""
    for title, table in tables.items():
        print(f"\n{title}\n{format_table(table)}", flush=True)


def format_table(table):
    return table.to_string(
        float_format=lambda x: f"{x:,.3g}" if x < 100 else f"{x:,.0f}"
    )


def run(args):
    """Run the sections that are asked for; return all tables, and the curves of e."""
    measures = {
        "a": throughput.measure,
        "b": peers.measure,
        "c": memory.measure,
        "d": transforms.measure,
        "e": fitting.measure_convergence,
        "f": fitting.measure_growth,
        "g": fitting.measure_search,
    }
    results, curves = {}, {}
    for section in args.only:
        start = perf_counter()
        tables = measures[section](args)
        if section == "e":
            tables, curves = tables
        show(tables)
        print(f"\n({section} took {perf_counter() - start:.0f} s)", flush=True)
        results[section] = tables
    return results, curves


def find(tables, start):
    """The first table whose title starts so."""
    return next(table for title, table in tables.items() if title.startswith(start))


def draw_throughput(ax, tables):
    find(tables, "windows per second").plot(ax=ax, marker="o", logy=True)
    ax.set(title="a. Training", ylabel="windows per second", xlabel="window size")


def draw_peers(ax, tables):
    table = find(tables, "windows per second beside peers").iloc[::-1]
    table.plot.barh(ax=ax, logx=True)
    ax.set(title="b. Training beside peers", xlabel="windows per second")
    ax.tick_params(axis="y", labelsize=7)


def draw_memory(ax, tables):
    table = find(tables, "peak memory").reset_index()
    adds = table.pivot(index="window", columns="work", values="work adds")
    adds["all windows, laid out"] = table.groupby("window")["all windows"].first()
    adds["the table"] = table.groupby("window")["table"].first()
    adds.plot(ax=ax, marker="o", logy=True)
    ax.set(title="c. Memory", ylabel="MiB above the data", xlabel="window size")


def draw_transforms(ax, tables):
    table = find(tables, "seconds of fit and transform").T
    table.plot(ax=ax, marker="o", logy=True, xticks=range(len(table)))
    ax.set(title="d. Transforms", ylabel="seconds")


def draw_convergence(ax, curves):
    for data, modes in curves.items():
        for mode, curve in modes.items():
            ax.plot(curve.index, curve, marker=".", label=f"{mode}, {data}")
    ax.set(title="e. Learning", ylabel="validation MSE", xlabel="seconds of training")
    ax.set(yscale="log")
    ax.legend()


def draw_growth(ax, tables):
    for what, style in (("rows", "o-"), ("window", "s--")):
        table = find(tables, f"seconds of a fit by {what}").iloc[:-1]
        for mode, seconds in table.items():
            seconds = seconds.dropna()
            sizes = seconds.index.astype(float)
            relative = sizes / sizes[0], seconds / seconds.iloc[0]
            ax.loglog(*relative, style, label=f"{mode}, by {what}")
    ax.set(
        title="f. Growth", ylabel="time / the shortest", xlabel="size / the smallest"
    )
    ax.legend()


def draw_search(ax, tables):
    find(tables, "seconds of a grid search").iloc[0, :2].plot.bar(ax=ax, rot=0)
    ax.set(title="g. Grid search, 12 candidates", ylabel="seconds")


def save_plot(path, results, curves):
    """Draw a panel for each section that was run."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    draw = {
        "a": draw_throughput,
        "b": draw_peers,
        "c": draw_memory,
        "d": draw_transforms,
        "e": lambda ax, tables: draw_convergence(ax, curves),
        "f": draw_growth,
        "g": draw_search,
    }
    n_rows = -(-len(results) // 2)
    figure, axes = plt.subplots(
        n_rows, 2, figsize=(13, 4.5 * n_rows), layout="constrained", squeeze=False
    )
    for ax, (section, tables) in zip(axes.flat, results.items(), strict=False):
        draw[section](ax, tables)
    for ax in axes.flat[len(results) :]:
        ax.set_axis_off()
    figure.savefig(path, dpi=110)
    print(f"\nThe plot is in {path}.")


def main():
    args = parse_args()
    torch.set_num_threads(args.threads)
    pd.set_option("display.width", 200)
    print(describe_machine(args))
    results, curves = run(args)
    if args.plot:
        save_plot(args.plot, results, curves)


if __name__ == "__main__":
    main()

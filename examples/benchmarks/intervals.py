"""How often intervals hold, how wide they are, and what calibration does to them.

Real series: fertility, which the package brings, and sets that are read from a folder
with Hourly-train.csv and Hourly-test.csv (of the M4 competition), ETTh1.csv and
australia_tourism.csv, each as it is or as its .gz::

    python examples/benchmarks/intervals.py FOLDER --out RESULTS
    python examples/benchmarks/intervals.py FOLDER --sets tourism --seeds 0 1 2

The last rows of each series are held back, and are forecast block by block: a block is
one horizon, and once it is forecast, its rows are made known by `update`, without any
training. The baselines are told the same rows.

Widths and the CRPS are in units of each series' mean absolute seasonal difference in
training. Seconds are those of the processor, on one thread. Each run adds its row to
RESULTS/intervals.csv, or renews it; the plot shows all rows of that file.
"""

import argparse
import warnings
from functools import partial
from pathlib import Path
from time import process_time
from typing import NamedTuple

import matplotlib
import numpy as np
import pandas as pd
import torch
from accuracy_data import SETS as ACCURACY_SETS
from naive_bootstrap import seasonal_naive_quantiles
from threadpoolctl import threadpool_limits

from sklstm import ConformalForecaster, LSTMForecaster
from sklstm.datasets import load_fertility
from sklstm.metrics import (
    continuous_ranked_probability_score,
    interval_coverage,
    mean_interval_width,
)

KEYS = ["set", "method", "seed"]
COVERAGES = [0.2, 0.4, 0.6, 0.8, 0.9, 0.95]
TAILS = [round((1 - coverage) / 2, 3) for coverage in COVERAGES]
QUANTILES = sorted({0.5, *TAILS, *(round(1 - tail, 3) for tail in TAILS)})


class Task(NamedTuple):
    """Series, and the forecasts of their last rows that are asked for."""

    title: str
    y: pd.Series
    horizon: int
    n_blocks: int
    seasonal_periods: tuple

    @property
    def naive_period(self):
        return min(self.seasonal_periods)

    def blocks(self):
        """The rows to train on, then those of each block."""
        left = self.y.groupby(level=0).cumcount(ascending=False).to_numpy()
        block = np.maximum(self.n_blocks - left // self.horizon, 0)
        return [self.y[block == number] for number in range(self.n_blocks + 1)]


def load_countries(folder):
    del folder
    y = load_fertility()["fertility_rate"]
    y = y[y.groupby(level=0).transform("count") == 52]
    return Task("fertility, 5 years", y, 5, 2, (1,))


def load_hourly(folder):
    y = ACCURACY_SETS["hourly"].load(folder).rows
    y = y[y.index.isin(y.index.unique(level=0)[:100], level=0)]
    return Task("M4 Hourly, 24 hours, 100 series", y, 24, 7, (24, 168))


def load_tourism(folder):
    y = ACCURACY_SETS["tourism"].load(folder).rows
    return Task("Australian tourism, 4 quarters", y, 4, 4, (4,))


def load_etth1(folder):
    y = ACCURACY_SETS["etth1"].load(folder).rows
    return Task("ETTh1, 24 hours, 7 series", y, 24, 60, (24,))


SETS = {
    "fertility": load_countries,
    "tourism": load_tourism,
    "hourly": load_hourly,
    "etth1": load_etth1,
}


def forecast_net(task, seed, loss, refit=None, recalibrate=False):
    """Forecast by the recommended forecaster with one net.

    By itself where `refit` is None. Else it is calibrated, and False forecasts by the
    net that has not seen the rows of the calibration. With `recalibrate` the errors of
    each block join those of the calibration.
    """
    forecaster = LSTMForecaster(
        task.horizon,
        task.seasonal_periods,
        loss=loss,
        n_estimators=1,
        random_state=seed,
    )
    if refit is not None:
        forecaster = ConformalForecaster(forecaster, refit=refit)
    past, *blocks = task.blocks()
    forecaster.fit(past.to_frame()[[]], past)
    forecasts = []
    for y in blocks:
        X = y.to_frame()[[]]
        if loss == "mae" and refit is None:
            points = np.tile(forecaster.predict(X)[:, None], len(QUANTILES))
            forecasts.append(pd.DataFrame(points, X.index, QUANTILES))
        else:
            forecasts.append(forecaster.predict_quantiles(X, QUANTILES))
        forecaster.update(X, y, **({"recalibrate": True} if recalibrate else {}))
    return pd.concat(forecasts)


def forecast_naive(task, seed, center):
    """Forecast by the seasonal naive method and its errors in all known rows."""
    past, *blocks = task.blocks()
    forecasts = []
    for y in blocks:
        forecasts.append(
            seasonal_naive_quantiles(
                past,
                y.index,
                task.naive_period,
                QUANTILES,
                center=center,
                random_state=seed,
            )
        )
        past = pd.concat([past, y])
    return pd.concat(forecasts)


METHODS = {
    "naive": partial(forecast_naive, center=False),
    "naive, centred": partial(forecast_naive, center=True),
    "points": partial(forecast_net, loss="mae"),
    "points, calibrated": partial(forecast_net, loss="mae", refit=False),
    "points, refitted": partial(forecast_net, loss="mae", refit=True),
    "points, recalibrated": partial(
        forecast_net, loss="mae", refit=True, recalibrate=True
    ),
    "quantiles": partial(forecast_net, loss="quantile"),
    "quantiles, calibrated": partial(forecast_net, loss="quantile", refit=False),
    "quantiles, refitted": partial(forecast_net, loss="quantile", refit=True),
    "quantiles, recalibrated": partial(
        forecast_net, loss="quantile", refit=True, recalibrate=True
    ),
}


def score(task, forecasts):
    """Compute coverages, width and CRPS, each series in its own units."""
    past, *blocks = task.blocks()
    truth = pd.concat(blocks)
    size = past.groupby(level=0).diff(task.naive_period).abs().groupby(level=0).mean()
    size = size[truth.index.get_level_values(0)].to_numpy()
    kept = size > 0
    truth = truth[kept] / size[kept]
    forecasts = forecasts.loc[truth.index].div(size[kept], axis=0)
    scores = {}
    for coverage, tail in zip(COVERAGES, TAILS, strict=True):
        interval = forecasts[[tail, round(1 - tail, 3)]]
        scores[f"in {coverage:.0%}"] = interval_coverage(truth, interval)
        scores[f"width {coverage:.0%}"] = mean_interval_width(interval)
    return scores | {"CRPS": continuous_ranked_probability_score(truth, forecasts)}


def measure(task, forecast, seed):
    start = process_time()
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        forecasts = forecast(task, seed)
    seconds = process_time() - start
    return score(task, forecasts) | {"seconds": seconds}


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="holds the data")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=[*SETS])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--out", default=".", help="folder of the table and the plot")
    return parser.parse_args()


def read_results(path):
    if path.exists():
        return pd.read_csv(path, index_col=KEYS)
    return pd.DataFrame(index=pd.MultiIndex.from_arrays([[], [], []], names=KEYS))


def run(args, path):
    """Run what is asked for, and save the table after each run."""
    results = read_results(path)
    for name in args.sets:
        task = SETS[name](args.folder)
        for method in args.methods:
            for seed in args.seeds:
                keys = {"set": name, "method": method, "seed": seed}
                row = keys | measure(task, METHODS[method], seed)
                row = pd.DataFrame([row]).set_index(KEYS)
                results = pd.concat([results.drop(row.index, errors="ignore"), row])
                results.to_csv(path)
        print(f"\n{task.title}\n{format_table(results.loc[name])}", flush=True)
    return results


def format_table(rows):
    """Lay out the means over the seeds; ratios are to the better of the baselines."""
    mean = rows.groupby("method").mean()
    mean = mean.loc[[name for name in METHODS if name in mean.index]]
    table = pd.DataFrame(index=mean.index)
    for coverage in (0.8, 0.95):
        for word in ("in", "width"):
            column = f"{word} {coverage:.0%}"
            table[column] = mean[column]
    table["CRPS"] = mean["CRPS"]
    table["CRPS / naive"] = mean["CRPS"] / mean["CRPS"].filter(like="naive").min()
    table["seconds"] = mean["seconds"].round(1)
    # A point has no interval.
    points = table.index == "points"
    table.iloc[points, :4] = np.nan
    return table.round(3).to_string(na_rep="")


def save_plot(path, results):
    """Draw the coverage of each method against the one that was asked for."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    names = [name for name in SETS if name in results.index]
    figure, axes = plt.subplots(
        1,
        len(names),
        figsize=(3.4 * len(names), 4.4),
        layout="constrained",
        sharey=True,
        squeeze=False,
    )
    columns = [f"in {coverage:.0%}" for coverage in COVERAGES]
    for ax, name in zip(axes.flat, names, strict=True):
        mean = results.loc[name, columns].groupby("method").mean()
        ax.plot([0, 1], [0, 0], color="black", linewidth=1)
        ax.axhspan(-0.03, 0.03, color="0.9")
        for i, method in enumerate(METHODS):
            if method in mean.index and method != "points":
                miss = mean.loc[method] - COVERAGES
                ax.plot(COVERAGES, miss, marker="o", color=f"C{i}", label=method)
        ax.set(title=name, xlabel="coverage asked for", xlim=(0.1, 1))
    axes[0, 0].set_ylabel("coverage less that asked for")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    figure.savefig(path, dpi=110)


def main():
    args = parse_args()
    torch.set_num_threads(1)
    pd.set_option("display.width", 200)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    results = run(args, out / "intervals.csv")
    save_plot(out / "intervals.png", results)
    print(f"\nThe table and the plot are in {out}.")


if __name__ == "__main__":
    main()

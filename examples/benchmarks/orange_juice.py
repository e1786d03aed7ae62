"""Orange juice: how much sklstm makes of prices and advertising that are known ahead.

Weekly sales of 11 brands in 83 stores are forecast two and three weeks ahead in 12
rounds, each of which knows two weeks more. Prices, deals and features of the weeks to
forecast are known. The error is the mean absolute percentage error (MAPE) of all
21,054 rows. FOLDER holds orangeJuice_yx.csv (or its .gz) and orangeJuice_storedemo.csv
from the R package bayesm::

    python examples/benchmarks/orange_juice.py FOLDER --out RESULTS
    python examples/benchmarks/orange_juice.py FOLDER --methods sklstm naive

Every method is fitted anew in each round, as those of Microsoft's repository
"forecasting" are, from which the rounds come. It publishes a MAPE of 109.7 for the
naive forecast, 165.1 seasonal naive, 71.0 ETS, 37.7 a recurrent encoder and decoder,
and 36.3 LightGBM. With ``--retrain-every 4`` methods are fitted in every fourth round,
and are only shown the new rows in between.

``--validation`` runs 13 rounds that end before the first one of these starts: the
ones to choose by. Each run adds its rows to RESULTS/orange_juice.csv, or renews them,
so that methods can be run by themselves, and in environments of their own. Seconds are
those that the processor spends on fit and forecast, on one thread.
"""

import argparse
import warnings
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np
import pandas as pd
from orange_juice_baselines import LastWeeks, LastYear
from orange_juice_data import (
    STEPS,
    TEST_ENDS,
    VALIDATION_ENDS,
    make_rounds,
    read_panel,
)
from threadpoolctl import threadpool_limits

KEYS = ["method", "seed", "round"]
ERRORS = ["MAPE", *(f"MAPE week {step}" for step in STEPS)]


def make_sklstm(seed, **params):
    import torch
    from orange_juice_models import Forecaster, sklstm_model

    torch.set_num_threads(1)
    return Forecaster(sklstm_model(**params, random_state=seed))


def make_trees(seed):
    from orange_juice_trees import Trees

    return Trees(seed)


class Method(NamedTuple):
    """A way to forecast: ``make(seed)`` returns what has `fit` and `forecast`."""

    label: str
    make: callable
    packages: tuple = ()
    is_seeded: bool = False

    @property
    def is_installed(self):
        return all(find_spec(package) for package in self.packages)


NET = ("sklstm", "torch", "skorch")
METHODS = {
    "sklstm": Method("sklstm, nets and trees", make_sklstm, NET, True),
    "sklstm-nets": Method(
        "sklstm, nets alone", partial(make_sklstm, with_trees=False), NET, True
    ),
    "sklstm-past": Method(
        "sklstm, covariates up to the origin",
        partial(make_sklstm, known=False),
        NET,
        True,
    ),
    "lightgbm": Method("LightGBM", make_trees, ("lightgbm",), True),
    "naive": Method("naive", lambda seed: LastWeeks(1)),
    "last-year": Method("seasonal naive", lambda seed: LastYear()),
    "mean-8": Method("mean of 8 weeks", lambda seed: LastWeeks(8)),
    "mean-26": Method("mean of 26 weeks", lambda seed: LastWeeks(26)),
}


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="holds the data")
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        help="all whose packages are installed, if not given",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--rounds", type=int, help="run the first few rounds only")
    parser.add_argument("--retrain-every", type=int, default=1, help="in rounds")
    parser.add_argument(
        "--validation", action="store_true", help="run rounds of the past"
    )
    parser.add_argument("--out", default=".", help="folder of the table")
    args = parser.parse_args()
    names = args.methods or METHODS
    missing = [name for name in names if not METHODS[name].is_installed]
    if args.methods and missing:
        parser.error(f"the packages of {missing} are not installed.")
    args.methods = [name for name in names if name not in missing]
    return args


def score(truth, forecasts, end):
    """Compute the errors of a round in percent, of all rows and by step."""
    errors = 100 * np.abs(forecasts.loc[truth.index] - truth) / truth
    step = truth.index.get_level_values("week") - end
    by_step = [errors[step == k].mean() for k in STEPS]
    return dict(zip(ERRORS, [errors.mean(), *by_step], strict=True))


def measure(method, seed, rounds, retrain_every):
    """Run a method through the rounds.

    Yields
    ------
    dict
        A row of the table.
    """
    for number, past, ahead, truth in rounds:
        start = process_time()
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore")
            if (number - 1) % retrain_every == 0:
                model = method.make(seed).fit(past)
            forecasts = pd.Series(model.forecast(past, ahead), ahead.index)
        seconds = process_time() - start
        end = past.index.get_level_values("week").max()
        errors = score(truth, forecasts, end)
        yield {
            "round": number,
            **errors,
            "rows": len(truth),
            "seconds": seconds,
            "retrain_every": retrain_every,
        }


def merge(results, row):
    """Put a row in the place of the one with its keys, or at the end."""
    row = pd.DataFrame([row]).set_index(KEYS)
    return pd.concat([results.drop(row.index, errors="ignore"), row])


def read_results(path):
    if path.exists():
        return pd.read_csv(path, index_col=KEYS)
    return pd.DataFrame(index=pd.MultiIndex.from_arrays([[], [], []], names=KEYS))


def run(args, path):
    """Run what is asked for, and save the table after each round."""
    results = read_results(path)
    ends = VALIDATION_ENDS if args.validation else TEST_ENDS
    rounds = list(make_rounds(read_panel(args.folder), ends))[: args.rounds]
    for name in args.methods:
        method = METHODS[name]
        for seed in args.seeds if method.is_seeded else [0]:
            for row in measure(method, seed, rounds, args.retrain_every):
                results = merge(results, {"method": name, "seed": seed} | row)
                results.to_csv(path)
    return results


def summarize(results):
    """Average over rows of all rounds, then over the seeds.

    Returns
    -------
    DataFrame
        A row for each method, the best one first.
    """
    weighted = results[ERRORS].mul(results["rows"], axis=0)
    runs = weighted.groupby(["method", "seed"]).sum()
    counts = results.groupby(["method", "seed"])[["rows", "seconds"]].sum()
    runs = runs.div(counts["rows"], axis=0).join(counts)
    table = runs.groupby("method").mean().sort_values("MAPE")
    table.insert(1, "deviation", runs["MAPE"].groupby("method").std())
    table["rows"] = table["rows"].astype(int)
    table["rounds"] = results.reset_index().groupby("method")["round"].nunique()
    table["seeds"] = runs.groupby("method").size()
    return table.rename(index={name: method.label for name, method in METHODS.items()})


def main():
    args = parse_args()
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    name = "orange_juice_validation" if args.validation else "orange_juice"
    results = run(args, out / f"{name}.csv")
    with pd.option_context("display.width", 200):
        print(summarize(results).round(2).to_string(na_rep="-"))


if __name__ == "__main__":
    main()

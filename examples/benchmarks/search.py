"""The same grid searched whole, by halving and by a study that prunes, side by side.

    python examples/benchmarks/search.py [--seeds 3]

The quickstart's data, 12 candidates of up to 27 epochs, two folds, one process. For
each way: processor seconds as a share of the whole grid's, the place of its winner in
the ranking of the whole grid, and how much worse the score of the winner is there.
"""

import argparse
import warnings
from time import process_time

import optuna
import pandas as pd
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, ParameterGrid

from sklstm import LSTMForecaster, PanelTimeSeriesSplit, score_epochs
from sklstm.datasets import load_fertility
from sklstm.metrics import make_panel_scorer

GRID = {"window_size": [7, 14, 28], "hidden_size": [32, 64], "embedding_dim": [0, 8]}
EPOCHS = 27
EVERY = 3
FOLDS = PanelTimeSeriesSplit(n_splits=2, horizon=5)
MASE = make_panel_scorer("mase")


def load():
    _, y = load_fertility(return_X_y=True)
    y = y[y.groupby("country").transform("count") == 52]
    y = y[y.index.get_level_values("year") <= 2006]
    return y.to_frame()[[]], y


def whole_grid(forecaster, X, y):
    search = GridSearchCV(forecaster, GRID, cv=FOLDS, scoring=MASE, refit=False)
    search.fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    return pd.Series(scores, [_spell(p) for p in search.cv_results_["params"]])


def halving_anew(forecaster, X, y, factor):
    """scikit-learn's: each round trains anew, on a schedule that ends with it."""
    search = HalvingGridSearchCV(
        forecaster,
        GRID,
        resource="max_epochs",
        min_resources=3,
        max_resources=EPOCHS,
        factor=factor,
        cv=FOLDS,
        scoring=MASE,
        refit=False,
        # It is True by default, and forecasts every row of the training folds.
        return_train_score=False,
    )
    search.fit(X, y)
    table = pd.DataFrame(search.cv_results_)
    last = table[table["iter"] == table["iter"].max()]
    params = last.loc[last["mean_test_score"].idxmax(), "params"]
    return _spell({name: params[name] for name in GRID})


def halving_on(forecaster, X, y):
    """From the weights of the last round, on one schedule."""
    candidates = list(ParameterGrid(GRID))
    curves = {i: _curve(forecaster, p, X, y) for i, p in enumerate(candidates)}
    # After 3, 9 and 27 epochs.
    for n_more in (1, 2, 6):
        score = {
            i: [next(curve) for _ in range(n_more)][-1].mean()
            for i, curve in curves.items()
        }
        ranked = sorted(score, key=score.get, reverse=True)
        curves = {i: curves[i] for i in ranked[: max(1, len(ranked) // 3)]}
    return _spell(candidates[ranked[0]])


def study(forecaster, X, y, pruner):
    def objective(trial):
        params = {name: trial.suggest_categorical(name, GRID[name]) for name in GRID}
        for step, scores in enumerate(_curve(forecaster, params, X, y), 1):
            trial.report(scores.mean(), step * EVERY)
            if trial.should_prune():
                raise optuna.TrialPruned
        return scores.mean()

    sampler = optuna.samplers.GridSampler(GRID, seed=0)
    found = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    found.optimize(objective, n_trials=12)
    return _spell(found.best_params)


def _curve(forecaster, params, X, y):
    model = clone(forecaster).set_params(**params)
    return score_epochs(model, X, y, cv=FOLDS, scoring=MASE, every=EVERY)


WAYS = {
    "halving by 3, trained anew": lambda *given: halving_anew(*given, 3),
    "halving by 4, trained anew": lambda *given: halving_anew(*given, 4),
    "halving, going on": halving_on,
    "median pruner": lambda *given: study(*given, optuna.pruners.MedianPruner(3, 9)),
    "successive halving pruner": lambda *given: study(
        *given, optuna.pruners.SuccessiveHalvingPruner(9, reduction_factor=3)
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    n_seeds = parser.parse_args().seeds
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=FutureWarning)
    X, y = load()
    rows = []
    for seed in range(n_seeds):
        forecaster = LSTMForecaster(
            5, max_epochs=EPOCHS, n_estimators=1, random_state=seed
        )
        start = process_time()
        scores = whole_grid(forecaster, X, y)
        seconds = process_time() - start
        ranks = scores.rank(ascending=False)
        print(f"seed {seed}: whole grid {seconds:.0f} s, best {scores.idxmax()}")
        for name, way in WAYS.items():
            start = process_time()
            winner = way(forecaster, X, y)
            rows.append(
                {
                    "way": name,
                    "time": (process_time() - start) / seconds,
                    "place": ranks[winner],
                    "regret": scores[winner] / scores.max() - 1,
                }
            )
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows).groupby("way", sort=False)
    print(table.agg({"time": "mean", "place": list, "regret": "mean"}).round(3))


def _spell(params):
    """Parameters in one order, as text."""
    return str(dict(sorted(params.items())))


if __name__ == "__main__":
    main()

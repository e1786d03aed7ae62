"""
A study of Optuna that ends bad trials early
============================================

`score_epochs` trains the forecasters of all folds side by side and returns their scores
after each epoch. An Optuna study sees these scores, and prunes a trial that falls
behind.
"""

import matplotlib.pyplot as plt
import optuna
import pandas as pd

from sklstm import LSTMForecaster, PanelTimeSeriesSplit, score_epochs
from sklstm.datasets import make_panel
from sklstm.metrics import make_panel_scorer

# %%
# Ten series of 120 days with a weekly season, and two folds of seven days.

panel = make_panel(n_series=10, n_rows=120, random_state=0)
X, y = panel[["price", "promotion"]], panel["target"]
folds = PanelTimeSeriesSplit(n_splits=2, horizon=7)

# %%
# The objective trains a trial epoch by epoch, and reports the mean MASE of the folds.


def objective(trial):
    forecaster = LSTMForecaster(
        horizon=7,
        known_covariates=["price", "promotion"],
        window_size=trial.suggest_int("window_size", 9, 28),
        hidden_size=trial.suggest_categorical("hidden_size", [4, 8, 16, 32, 64]),
        embedding_dim=trial.suggest_int("embedding_dim", 0, 4),
        max_epochs=10,
        n_estimators=1,
        random_state=0,
    )
    curve = score_epochs(forecaster, X, y, cv=folds, scoring=make_panel_scorer("mase"))
    for epoch, scores in enumerate(curve, start=1):
        trial.report(-scores.mean(), epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return -scores.mean()


# %%
# The median pruner lets three trials run to their end. From the third epoch on, it ends
# every later trial whose error is above the median of the complete ones at that epoch.

optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(
    sampler=optuna.samplers.TPESampler(n_startup_trials=8, seed=0),
    pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=3),
)
study.optimize(objective, n_trials=12)
print(pd.Series(study.best_params).to_string())

# %%
# The trials as a table, the best first.

trials = study.trials_dataframe(attrs=("value", "params", "state"))
trials.sort_values("value").round(3)

# %%
# Every line is a trial. Pruned ones end early.

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
styles = {
    "pruned": {"color": "C1", "lw": 1.0, "marker": "x", "markevery": [-1]},
    "complete": {"color": "grey", "lw": 1.0},
    "best": {"color": "C0", "lw": 2.5},
}
for trial in study.trials:
    is_best = trial.number == study.best_trial.number
    kind = "best" if is_best else trial.state.name.lower()
    errors = pd.Series(trial.intermediate_values)
    ax.plot(errors, label=kind, **styles[kind])
labels = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
ax.legend(labels.values(), labels.keys())
ax.set(xlabel="epoch", ylabel="mean MASE of the folds", xticks=range(0, 11, 2))
plt.show()

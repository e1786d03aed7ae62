"""
Remaining useful life of engines
================================

How many more cycles does an engine last? Every row has a target of its own, and there
is nothing to forecast, so an ordinary `Pipeline` of `SlidingWindow` and `LSTMRegressor`
is enough. Whole engines are held out to test it.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMRegressor, SeriesKFold, SlidingWindow

# %%
# Sixty engines run until they fail, after 120 to 250 cycles. Wear begins at a random
# time, and then grows faster and faster. Four noisy sensors respond to the wear, each
# with an offset that differs from engine to engine.

rng = np.random.default_rng(0)
engines = []
for _ in range(60):
    life = rng.integers(120, 250)
    cycle = np.arange(life)
    onset = rng.uniform(0.2, 0.6) * life
    wear = np.clip((cycle - onset) / (life - onset), 0, 1)
    sensors = np.outer(wear**1.7, [1.0, -0.8, 0.6, 0.4])
    sensors += rng.normal(0, 0.1, 4) + rng.normal(0, 0.15, (life, 4))
    engines.append(
        pd.DataFrame(sensors, columns=[f"sensor_{i}" for i in range(4)]).assign(
            remaining=life - 1 - cycle
        )
    )
panel = pd.concat(dict(enumerate(engines)), names=["engine", "cycle"])
X, y = panel.drop(columns="remaining"), panel["remaining"].clip(upper=100)
panel.tail(3).round(2)

# %%
# The sensors of a healthy engine cannot tell its end, so the target is at most 100
# cycles. Three models: the LSTM on windows of 30 cycles, trees on the same windows, and
# trees on single rows.


def scaled(*steps):
    return make_pipeline(StandardScaler().set_output(transform="pandas"), *steps)


trees = HistGradientBoostingRegressor(max_iter=100, random_state=0)
models = {
    "LSTM, 30 cycles": scaled(
        SlidingWindow(30), LSTMRegressor(32, max_epochs=20, random_state=0)
    ),
    "trees, 30 cycles": scaled(SlidingWindow(30, flat=True), trees),
    "trees, 1 cycle": scaled(SlidingWindow(1, flat=True), trees),
}

# %%
# `SeriesKFold` keeps every engine in one fold, so each is predicted by a model that has
# never seen it.

predicted = pd.DataFrame(
    {
        name: cross_val_predict(model, X, y, cv=SeriesKFold(3))
        for name, model in models.items()
    },
    index=y.index,
)
errors = {name: root_mean_squared_error(y, predicted[name]) for name in models}
pd.Series(errors, name="RMSE in cycles").round(1)

# %%
# Four engines over their lives. The LSTM has seen how the sensors developed, so its
# forecast is steadier than the one from a single row.

figure, axes = plt.subplots(2, 2, figsize=(8.5, 5.5), layout="constrained", sharey=True)
lines = {"trees, 1 cycle": {"color": "C1", "lw": 0.8}, "LSTM, 30 cycles": {"lw": 2}}
for ax, engine in zip(axes.flat, y.index.unique("engine"), strict=False):
    for name, style in lines.items():
        ax.plot(predicted.loc[engine, name], label=name, **style)
    ax.plot(y.loc[engine], color="black", ls="--", label="true")
    ax.set_title(f"engine {engine}", loc="left")
for ax in axes[1]:
    ax.set_xlabel("cycle")
for ax in axes[:, 0]:
    ax.set_ylabel("remaining cycles")
legend = axes[0, 0].get_legend_handles_labels()
figure.legend(*legend, loc="outside upper center", ncols=3)
plt.show()

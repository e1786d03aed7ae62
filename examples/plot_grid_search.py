"""
One grid over window, network and embedding
===========================================

The length of the window is a parameter of the data, and the size of the LSTM and of its
embedding are parameters of the network. `LSTMForecaster` has them side by side, so one
`GridSearchCV` searches them together, on folds by time.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV

from sklstm import LSTMForecaster, PanelTimeSeriesSplit
from sklstm.datasets import make_panel
from sklstm.metrics import make_panel_scorer

# %%
# Twelve series of 140 days with a weekly season, and a price and a promotion that are
# known ahead.

panel = make_panel(n_series=12, n_rows=140, random_state=0)
X, y = panel[["price", "promotion"]], panel["target"]
panel.head()

# %%
# The search trains 12 candidates on each of two folds. Each fold tests the seven days
# that follow its training rows. The error is the MASE, which has no unit and so
# compares series of any scale.

forecaster = LSTMForecaster(
    horizon=7,
    known_covariates=["price", "promotion"],
    n_estimators=1,
    max_epochs=12,
    random_state=0,
)
grid = {
    "window_size": [9, 14, 28],
    "hidden_size": [8, 32],
    "embedding_dim": [0, 4],
}
search = GridSearchCV(
    forecaster,
    grid,
    cv=PanelTimeSeriesSplit(n_splits=2, horizon=7),
    scoring=make_panel_scorer("mase"),
)
search.fit(X, y)
search.best_params_

# %%
# The table of all candidates, one row each.

results = pd.DataFrame(search.cv_results_)
results["MASE"] = -results["mean_test_score"]
columns = [f"param_{name}" for name in grid]
results[[*columns, "MASE", "std_test_score", "mean_fit_time"]].sort_values(
    "MASE"
).round(3)

# %%
# The same as heat maps, one for each size of the embedding: a darker cell is a smaller
# error.

figure, axes = plt.subplots(
    1, len(grid["embedding_dim"]), figsize=(8, 3.6), layout="constrained", sharey=True
)
limits = {"vmin": results["MASE"].min(), "vmax": results["MASE"].max()}
for ax, (size, part) in zip(axes, results.groupby("param_embedding_dim"), strict=True):
    errors = part.pivot_table("MASE", "param_window_size", "param_hidden_size")
    image = ax.imshow(errors, cmap="Blues_r", aspect="auto", **limits)
    ax.set_xticks(range(errors.shape[1]), errors.columns)
    ax.set_yticks(range(errors.shape[0]), errors.index)
    ax.set(title=f"embedding_dim={size}", xlabel="hidden_size")
    middle = sum(limits.values()) / 2
    for (row, column), error in np.ndenumerate(errors):
        color = "white" if error < middle else "black"
        ax.text(column, row, f"{error:.2f}", ha="center", va="center", color=color)
axes[0].set_ylabel("window_size")
figure.colorbar(image, ax=axes, label="MASE")
plt.show()

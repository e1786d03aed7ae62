"""
Several data sets in turn: what a loop forgets
==============================================

Three groups of series have seasons of different length. One LSTM learns one group after
another, once naively and once with the defaults of `ContinualForecaster`, which replay
earlier rows and lower the learning rate. After each stage both are scored on the last
rows of every group, which are held out of the training.
"""

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.pipeline import make_pipeline

from sklstm import (
    ContinualForecaster,
    LSTMRegressor,
    PanelForecaster,
    SeriesScaler,
    SlidingWindow,
    TransferMatrixDisplay,
)
from sklstm.datasets import make_panel

# %%
# The data sets: eight series each, with a season of 7, 12 or 5 rows. The panel gets the
# group as its first index level.

PERIODS = {"seven": 7, "twelve": 12, "five": 5}
panel = pd.concat(
    {
        name: make_panel(
            8,
            150,
            seasonal_periods=(period,),
            n_covariates=0,
            noise=0.05,
            trend=0.1,
            random_state=period,
        )
        for name, period in PERIODS.items()
    },
    names=["group"],
)
X, y = panel[[]], panel["target"]

# %%
# The loops: one model, trained naively, with the defaults, and on all groups together.

forecaster = PanelForecaster(
    make_pipeline(
        SlidingWindow(14),
        LSTMRegressor(32, lr=0.01, batch_size=32, max_epochs=20, random_state=0),
    ),
    horizon=7,
    target_transformer=SeriesScaler(),
)
settings = {"validation_fraction": 0.2, "on_forgetting": "ignore"}
loops = {
    "naive": ContinualForecaster(
        forecaster, replay=0.0, lr_decay=1.0, keep_optimizer=False, **settings
    ),
    "defaults": ContinualForecaster(forecaster, **settings),
    "joint": ContinualForecaster(forecaster, strategy="joint", **settings),
}
for loop in loops.values():
    loop.fit(X, y)
joint = loops.pop("joint").stage_scores_.iloc[-1]

# %%
# At the end the naive loop knows only the last group: each stage overwrites the season
# before it. With the defaults the loop ends close to joint training, the usual upper
# bound. Forward transfer compares the error of a group before its own stage with that
# of the untrained network: here it is negative, because the season of another group
# misleads.

table = pd.DataFrame(
    {
        name: {
            "mean error at the end": loop.stage_scores_.iloc[-1].mean(),
            "forgetting": loop.forgetting_.mean(),
            "backward transfer": loop.backward_transfer_.mean(),
            "forward transfer": loop.forward_transfer_.mean(),
        }
        for name, loop in loops.items()
    }
)
table["joint"] = [joint.mean(), *[float("nan")] * 3]
print(table.round(2).to_string(na_rep=""))

# %%
# Errors are mean absolute ones, in standard deviations of each series. A line that
# rises after its dot is forgetting.

figure, axes = plt.subplots(2, 2, figsize=(9.5, 7), layout="constrained")
for row, (name, loop) in zip(axes, loops.items(), strict=True):
    TransferMatrixDisplay.from_scores(loop.stage_scores_, joint, ax=row)
    row[0].set_title(f"{name}: error after each stage", loc="left", size="medium")
    row[1].set_title(f"{name}: the same over the stages", loc="left", size="medium")
    row[1].set_ylim(0, 1.25 * loops["naive"].stage_scores_.to_numpy().max())
plt.show()

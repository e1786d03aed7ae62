"""Three groups of countries in turn: what a loop forgets, and what keeps it.

Fertility is high in some countries, in the middle of its fall in others, and has
levelled off in a third group. One LSTM learns one group after another, once naively,
and once with the defaults of ContinualForecaster; after each stage it is scored on the
last years of every group, which it is not trained on.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.pipeline import Pipeline

import sklstm
from sklstm.datasets import load_fertility

ORDER = ["high", "low", "middle"]

# %%
# The data sets: countries without a gap, by their rate in 1985, halfway through. The
# panel gets the group as its first index level.

_, y = load_fertility(return_X_y=True)
y = y[y.groupby("country").transform("count") == 52]
rate = y.unstack("year")[1985]
group = pd.cut(rate, [0, 2.5, 5.5, 10], labels=["low", "middle", "high"]).astype(str)
group = group[y.index.get_level_values("country")].to_numpy()
y = pd.concat({name: y[group == name] for name in ORDER}, names=["group"])
X = y.to_frame()[[]]

# %%
# The loops: one model, trained naively and with the defaults. Rates are not scaled, so
# that the groups differ in level as well.

forecaster = sklstm.PanelForecaster(
    Pipeline(
        [
            ("window", sklstm.SlidingWindow(8)),
            (
                "lstm",
                sklstm.LSTMRegressor(
                    16, lr=0.01, batch_size=32, max_epochs=15, random_state=0
                ),
            ),
        ]
    ),
    horizon=3,
)
loops = {
    "naive": sklstm.ContinualForecaster(
        forecaster,
        replay=0.0,
        lr_decay=1.0,
        keep_optimizer=False,
        validation_fraction=0.2,
        on_forgetting="ignore",
    ),
    "defaults": sklstm.ContinualForecaster(
        forecaster,
        validation_fraction=0.2,
        on_forgetting="ignore",
    ),
    "joint": sklstm.ContinualForecaster(
        forecaster, strategy="joint", validation_fraction=0.2
    ),
}
for name, loop in loops.items():
    start = perf_counter()
    loop.fit(X, y)
    print(f"Trained the {name} model in {perf_counter() - start:.0f} s.")

# %%
# The table: mean absolute errors, in births per woman.

joint = loops.pop("joint").stage_scores_.iloc[-1]
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
table["all together"] = [joint.mean(), *[float("nan")] * 3]
print(table.round(3).to_string(na_rep=""))

# %%
# The stages, drawn: a line that rises after its dot is forgetting.

figure, axes = plt.subplots(2, 2, figsize=(9.5, 7), layout="constrained")
for row, (name, loop) in zip(axes, loops.items(), strict=True):
    sklstm.TransferMatrixDisplay.from_scores(loop.stage_scores_, joint, ax=row)
    row[0].set_title(f"{name}: error after each stage", loc="left", size="medium")
    row[1].set_title(f"{name}: the same over the stages", loc="left", size="medium")
    row[1].set_ylim(0, 1.1 * loops["naive"].stage_scores_.to_numpy().max())
figure.savefig("several_datasets.png", dpi=150)
print("The plot is in several_datasets.png.")

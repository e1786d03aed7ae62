"""
A forecaster in production
==========================

A service loads one file, adds the rows of the day with `update`, and forecasts. The
service trains nothing, and a shop that opens later joins with its first rows.
"""

import tempfile
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.dates import ConciseDateFormatter

from sklstm import LSTMForecaster
from sklstm.datasets import make_panel

# %%
# Sales of ten shops. The last shop opens after the training.

panel = make_panel(10, 160, n_covariates=0, level_spread=1.0, random_state=0)
y = panel["target"].rename_axis(["shop", "day"]).rename("sales")
shop, day = y.index.get_level_values("shop"), y.index.get_level_values("day")
y = y[(shop != "s9") | (day >= "2020-05-15")]
day = y.index.get_level_values("day")

# %%
# Train and save. ``history="context"`` keeps only the rows of each shop that its
# forecast needs.

forecaster = LSTMForecaster(
    horizon=7,
    seasonal_periods=7,
    hidden_size=32,
    n_estimators=1,
    max_epochs=15,
    history="context",
    random_state=0,
)
forecaster.fit(None, y[day <= "2020-05-10"])
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "forecaster.joblib"
joblib.dump(forecaster, path)
print(f"The file has {path.stat().st_size / 1024:.0f} kB.")

# %%
# The service, every day: load, update with the new rows, forecast, save. The new shop
# is in the table from its first day on.

forecasts = {}
for today in pd.date_range("2020-05-11", "2020-06-02"):
    served = joblib.load(path)
    served.update(None, y[day == today])
    forecasts[today] = served.forecast()
    joblib.dump(served, path)
folder.cleanup()
forecasts[today].loc[["s0", "s9"]].unstack("shop").round(1)

# %%
# An old shop and the new one. Each red line is the forecast of a Monday (dotted). The
# first forecast of the new shop rests on four days of sales.

figure, axes = plt.subplots(2, 1, figsize=(8, 5.5), layout="constrained", sharex=True)
for ax, name in zip(axes, ["s0", "s9"], strict=True):
    ax.plot(y.loc[name].loc["2020-05-01":], color="black", lw=1.2)
    for monday in list(forecasts)[::7]:
        if name in forecasts[monday].index:
            ax.plot(forecasts[monday].loc[name], color="C3", marker="o", ms=3)
            ax.axvline(monday, color="grey", lw=0.6, ls=":")
    ax.set_title(f"shop {name}", loc="left")
    ax.set_ylabel("sales")
axes[-1].legend(["sales", "forecast"], loc="upper left")
axes[-1].xaxis.set_major_formatter(
    ConciseDateFormatter(axes[-1].xaxis.get_major_locator())
)
plt.show()

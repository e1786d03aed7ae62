"""
Gaps and time zones
===================

Meters report hourly readings by the clock on the wall. One hour of the year comes
twice, and some readings never arrive. Two repairs make a
panel with one row for every hour: a time zone for the clock, and a row for each missing
hour.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from sklstm import LSTMForecaster, describe_panel, regularize, to_panel
from sklstm.datasets import make_panel
from sklstm.metrics import mean_absolute_scaled_error

# %%
# The readings of six meters in Berlin, four weeks of October and November 2025. A tenth
# of the rows is missing at random, and one meter was down for four days.

clean = make_panel(
    6, 28 * 24, seasonal_periods=(24,), n_covariates=0, freq="h", random_state=0
).reset_index()
clean.columns = ["meter", "time", "load"]
shift = pd.Timestamp("2025-10-17", tz="UTC") - pd.Timestamp("2020-01-01", tz="UTC")
clean["time"] = (clean["time"].dt.tz_localize("UTC") + shift).dt.tz_convert(
    "Europe/Berlin"
)
rng = np.random.default_rng(0)
is_future = clean["time"] >= clean["time"].max() - pd.Timedelta(hours=23)
is_down = (clean["meter"] == "s1") & clean["time"].between("2025-11-03", "2025-11-07")
is_lost = (rng.random(len(clean)) < 0.1) | is_down
readings = clean[is_future | ~is_lost]

# %%
# Without a time zone, the hour from 2 to 3 of 26 October appears twice, and `to_panel`
# names the rows.

by_the_wall = readings.assign(time=readings["time"].dt.tz_localize(None))
try:
    to_panel(by_the_wall, series="meter", time="time")
except ValueError as error:
    print(error)

# %%
# With the zone, every row is an instant. `describe_panel` counts the missing hours of
# each meter.

panel = to_panel(readings, series="meter", time="time")
describe_panel(panel)

# %%
# `regularize` adds a row for each missing hour. Its values are NaN.

y = panel["load"]
full = regularize(y, freq="h")
n_steps = describe_panel(full)["n_missing_steps"].sum()
print(f"{n_steps} hours without a row, {full.isna().sum()} rows without a value.")

# %%
# A forecaster does the same with ``gaps="fill"``: windows and seasons then count hours.
# With ``gaps="keep"`` they count rows, so the row 24 rows back is often another hour of
# the day. The horizon has two hours more than a day, because a meter may lack its last
# readings.

time = y.index.get_level_values("time")
first_future = time.max() - pd.Timedelta(hours=23)
past, future = y[time < first_future], y[time >= first_future]
forecasts, errors = {}, {}
for gaps in ("keep", "fill"):
    forecaster = LSTMForecaster(
        horizon=26,
        seasonal_periods=24,
        hidden_size=32,
        n_estimators=1,
        max_epochs=15,
        gaps=gaps,
        freq="h",
        random_state=0,
    ).fit(None, past)
    y_pred = forecaster.predict(future.to_frame()[[]])
    forecasts[gaps] = pd.Series(y_pred, future.index)
    errors[gaps] = mean_absolute_scaled_error(future, y_pred, y_train=past)
pd.Series(errors, name="MASE").round(2)

# %%
# The meter that was down, and its last day. Times are drawn by the clock of Berlin.

figure, axes = plt.subplots(2, 1, figsize=(8, 5.5), layout="constrained")
axes[0].plot(full.loc["s1"], lw=0.8, color="black")
axes[0].set_title("Meter s1, with its gaps", loc="left")
axes[1].plot(future.loc["s1"], color="black", label="readings")
for gaps, forecast in forecasts.items():
    axes[1].plot(forecast.loc["s1"], label=f'gaps="{gaps}"')
axes[1].set_title("The last day and two forecasts", loc="left")
axes[1].legend()
for ax in axes:
    locator = AutoDateLocator(tz=time.tz)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=time.tz))
    ax.set_ylabel("load in kW")
plt.show()

"""
Wide tables and several targets
===============================

Spreadsheets often have a column for each series. `to_panel` turns such a wide table
into a panel. Several quantities of the same site can also be the columns of y: one
network then forecasts them together.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklstm import ForecastDisplay, LSTMForecaster, to_panel

# %%
# A wide table: eight sites, 300 days, heat and power of each. Power follows heat with a
# delay of three days. Two sites open later.

rng = np.random.default_rng(0)
days = pd.date_range("2025-01-01", periods=300, name="day")
sites = [f"site {i}" for i in range(8)]
t, phase = np.arange(303)[:, None], rng.uniform(0, 7, 8)
heat = 20 + 5 * np.sin(2 * np.pi * t / 60) + 3 * np.sin(2 * np.pi * (t + phase) / 7)
heat += rng.normal(0, 0.2, (303, 8)).cumsum(axis=0)
power = 2 * heat[:-3] + rng.normal(0, 1.0, (300, 8))
heat, power = (
    pd.DataFrame(values, index=days, columns=sites) for values in (heat[3:], power)
)
heat.loc[:"2025-04-30", sites[-2:]] = np.nan
heat.tail(3).round(1)

# %%
# One series for each column. Rows before the first value of a series are left out, so
# the sites that open later have fewer rows.

panel = to_panel(heat, wide=True, target="heat")
panel.groupby("series").size()

# %%
# `unstack` makes the forecast as wide as the table.

forecaster = LSTMForecaster(
    horizon=7,
    seasonal_periods=7,
    hidden_size=32,
    n_estimators=1,
    max_epochs=15,
    random_state=0,
)
forecaster.fit(None, panel["heat"])
forecaster.forecast().unstack("series").round(1)

# %%
# Two targets: each site is one series, with heat and power as the columns of y. The
# network reads the past of both, and forecasts both.

y = panel.join(to_panel(power, wide=True, target="power"))
is_past = y.groupby("series").cumcount(ascending=False) >= 7
forecaster.fit(None, y[is_past])
forecaster.forecast().groupby("day").mean().round(1)

# %%
# Two sites and both targets, with the week that was held back.

_, axes = plt.subplots(2, 2, figsize=(8.5, 5), layout="constrained")
ForecastDisplay.from_estimator(
    forecaster,
    None,
    y[~is_past],
    series=["site 0", "site 7"],
    n_history=42,
    ax=axes.ravel(),
)
plt.show()

"""Weekly sales of orange juice: the panel, its known covariates, and the rounds.

Units sold of 11 brands in 83 stores of Dominick's Finer Foods (Montgomery 1997; the
data set orangeJuice of the R package bayesm), with prices and advertising, which are
planned ahead. Needs no sklstm, so that other packages can be run on it.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

LEVELS = ["store", "brand", "week"]
TARGET = "units"
BRAND_PRICES = [f"price{brand}" for brand in range(1, 12)]
PRICE_RATIOS = ["price_ratio", "price_to_lowest"]
# Columns whose values are known for the weeks to be forecast.
KNOWN = ["price", *PRICE_RATIOS, *BRAND_PRICES, "deal", "feat"]
# Columns that are known up to the origin of a forecast only.
PAST_ONLY = ["profit"]

# The rounds of the benchmark: the last week of the training rows of each. Those of
# the validation end before week 135, as does all that is chosen by them.
TEST_ENDS = range(135, 158, 2)
VALIDATION_ENDS = range(107, 132, 2)
# The week after the training rows is lead time: it is not forecast.
STEPS = (2, 3)


class Round(NamedTuple):
    """What is known in a round, and what is asked for.

    Attributes
    ----------
    number : int
        From 1 on.
    past : DataFrame
        All columns of the rows to train on.
    ahead : DataFrame
        The known columns of the three weeks after them.
    truth : Series
        The units sold in the second and third of these weeks.
    """

    number: int
    past: pd.DataFrame
    ahead: pd.DataFrame
    truth: pd.Series


def read_panel(folder):
    """Read sales, and prices as they compare within a store and week.

    Parameters
    ----------
    folder : str or Path
        Holds orangeJuice_yx.csv or its .gz.

    Returns
    -------
    DataFrame
        Indexed by (store, brand, week), sorted. `price` is that of the row's own
        brand, `price_ratio` this price over the mean of all brands in the store that
        week, and `price_to_lowest` over the lowest price of the other brands.
    """
    rows = pd.read_csv(find_file(folder, "orangeJuice_yx.csv"))
    panel = rows.set_index(LEVELS).sort_index()
    panel.insert(0, TARGET, np.exp(panel.pop("logmove")))
    prices = panel[BRAND_PRICES]
    brand = panel.index.get_level_values("brand").to_numpy()
    is_own = brand[:, None] == np.arange(1, len(BRAND_PRICES) + 1)
    panel["price"] = prices.where(is_own).max(axis=1)
    panel["price_ratio"] = panel["price"] / prices.mean(axis=1)
    panel["price_to_lowest"] = panel["price"] / prices.mask(is_own).min(axis=1)
    return panel[[TARGET, *KNOWN, *PAST_ONLY]]


def read_stores(folder):
    """Read what does not change in a store: its customers and its competitors.

    Returns
    -------
    DataFrame
        A row for each store.
    """
    stores = pd.read_csv(find_file(folder, "orangeJuice_storedemo.csv"))
    return stores.set_index("STORE").rename_axis("store").rename(columns=str.lower)


def add_stores(panel, stores):
    """Append the columns of the store to each row."""
    return panel.join(stores, on="store")


def find_file(folder, name):
    path = Path(folder, f"{name}.gz")
    return path if path.exists() else Path(folder, name)


def make_rounds(panel, ends=TEST_ENDS):
    """Cut the panel into rounds, each of which ends two weeks after the one before.

    Parameters
    ----------
    panel : DataFrame
        From `read_panel`.
    ends : iterable of int
        The last week of the training rows of each round.

    Yields
    ------
    Round
    """
    week = panel.index.get_level_values("week")
    for number, end in enumerate(ends, start=1):
        ahead = panel[(week > end) & (week <= end + max(STEPS))]
        asked = ahead.index.get_level_values("week") >= end + min(STEPS)
        yield Round(
            number,
            panel[week <= end],
            ahead.drop(columns=[TARGET, *PAST_ONLY]),
            ahead.loc[asked, TARGET],
        )

"""The fertility rates of countries, a real panel in the package."""

from importlib.resources import files
from typing import Any

import pandas as pd

__all__ = ["load_fertility"]


def load_fertility(*, return_X_y: bool = False) -> Any:
    """Load the fertility rate of 206 countries from 1960 to 2011.

    The total fertility rate is the number of children that a woman would bear if she
    lived to the end of her childbearing years at the rates of that year. The series are
    short and yearly, and share one long decline at different times and speeds, which a
    global model can learn.

    =============  ==========================================================
    Series         206 countries
    Rows           10,251, of which 175 in 10 countries are missing
    Years          1960 to 2011: all in 190 countries, 3 in the shortest series
    Values         0.836 to 9.223 births per woman
    =============  ==========================================================

    Each country has a row for every year from its first to its last value. In ten
    countries some of these values are NaN; ``dropna()`` removes them.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return `(X, y)` instead of one frame.

    Returns
    -------
    panel : DataFrame of shape (10251, 1)
        The column `fertility_rate`, float64, indexed by (country, year), sorted. Years
        are integers.
    (X, y) : tuple of DataFrame of shape (10251, 0) and Series of shape (10251,)
        A frame without columns and the rates, if `return_X_y` is True.

    See Also
    --------
    make_panel : Generate a panel of any size.

    References
    ----------
    The World Bank, World Development Indicators, SP.DYN.TFRT.IN, under CC BY 4.0,
    https://data.worldbank.org/indicator/SP.DYN.TFRT.IN, as snapshot in the statsmodels
    package, without its aggregates of countries.

    Examples
    --------
    >>> from sklstm.datasets import load_fertility
    >>> panel = load_fertility()
    >>> panel.loc["Japan"].head(3)
          fertility_rate
    year
    1960           2.001
    1961           2.050
    1962           2.010
    >>> X, y = load_fertility(return_X_y=True)
    >>> X.shape, y.shape
    ((10251, 0), (10251,))
    """
    source = files("sklstm.datasets").joinpath("_data", "fertility.csv.gz")
    with source.open("rb") as file:
        # Only an empty cell is missing: no name of a country is read as NaN.
        panel = pd.read_csv(
            file,
            compression="gzip",
            index_col=["country", "year"],
            keep_default_na=False,
            na_values=[""],
        )
    if return_X_y:
        return panel[[]], panel["fertility_rate"]
    return panel

"""panel_sample_weight: what each row counts, by its age and by its series."""

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from .._panels.rows import read_rows, show
from .._panels.time_step import infer_time_step

__all__ = ["panel_sample_weight"]


def panel_sample_weight(
    X: Any,
    *,
    half_life: float | None = None,
    series: str | pd.Series | dict | None = None,
) -> np.ndarray:
    """Weigh the rows of a panel by their age and by their series.

    Parameters
    ----------
    X : DataFrame or Series
        Rows indexed by series and time, in any order.
    half_life : float, default=None
        Number of time steps, counted back from the latest time of the panel, after
        which the weight halves. Where times have no step, the different times of the
        panel are counted.
        None does not weigh by age.
    series : "equal", Series or dict, default=None
        - None: each row counts the same;
        - "equal": each row counts 1 divided by the number of rows of its series, so
          that series count the same, however long they are;
        - a Series or a dict from series to factor: each row counts its series' factor.

    Returns
    -------
    sample_weight : ndarray of shape (n_rows,)
        The product of both, scaled to mean 1, in the order of the rows of X.

    Notes
    -----
    Age is counted from the end of the panel and not of each series: a series that
    ended early is old.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import panel_sample_weight
    >>> index = pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("a", 3), ("b", 3)])
    >>> X = pd.DataFrame({"price": [5.0, 6.0, 7.0, 9.0]}, index=index)
    >>> weight = panel_sample_weight(X, half_life=1)
    >>> (weight / weight.max()).round(2).tolist()
    [0.25, 0.5, 1.0, 1.0]
    >>> weight = panel_sample_weight(X, series="equal")
    >>> (weight / weight.max()).round(2).tolist()
    [0.33, 0.33, 0.33, 1.0]
    """
    rows = read_rows(X)
    weight = rows.unsort(_series_factors(series, rows)[rows.codes])
    if half_life is not None:
        weight = weight * 0.5 ** (_age(rows) / _check_half_life(half_life))
    if not weight.any():
        raise ValueError("All rows of X have weight 0; give one series a factor > 0.")
    return weight / weight.mean()


def _check_half_life(half_life):
    number = isinstance(half_life, Real) and not isinstance(half_life, bool)
    if not number or not half_life > 0:
        raise ValueError(f"half_life must be a number > 0 or None, got {half_life!r}.")
    return half_life


def _age(rows):
    """The steps from each given row to the latest time of the panel."""
    step = infer_time_step(rows.time, rows.indptr)
    if step is None:
        ranks = rows.time_ranks()
        return ranks.max() - ranks
    latest = rows.time[[rows.time.argmax()]].repeat(len(rows))
    return rows.unsort(np.asarray(step.measure(rows.time, latest), dtype=np.float64))


def _series_factors(series, rows):
    """What each series counts, of shape (n_series,)."""
    if series is None:
        return np.ones(rows.n_series)
    if isinstance(series, str) and series == "equal":
        return 1 / rows.lengths
    if not isinstance(series, (Mapping, pd.Series)):
        raise ValueError(
            "series must be 'equal', None, or a Series or dict from series to factor, "
            f"got {series!r}."
        )
    labels = pd.Index([label for label, _ in series.items()], tupleize_cols=False)
    factors = _check_factors([factor for _, factor in series.items()], labels)
    if not labels.is_unique:
        twice = labels[labels.duplicated()].unique()
        raise ValueError(f"series has more than one factor for {show(twice)}.")
    position = labels.get_indexer(rows.series.to_flat_index())
    missing = rows.series[position < 0]
    if len(missing):
        raise ValueError(
            f"series has no factor for {len(missing)} series of X: {show(missing)}."
        )
    return factors[position]


def _check_factors(factors, labels):
    try:
        factors = np.asarray(factors, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"Factors of series must be numbers, finite and >= 0: {error}."
        ) from error
    wrong = ~(np.isfinite(factors) & (factors >= 0))
    if wrong.any():
        raise ValueError(
            f"Factors of series must be finite and >= 0, got {factors[wrong][0]} for "
            f"{show(labels[wrong][:1])}."
        )
    return factors

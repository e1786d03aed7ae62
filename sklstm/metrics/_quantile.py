"""How far forecasts of quantiles are off."""

from typing import Any

import numpy as np

from .._panels.rows import show
from ._row_errors import average_errors
from ._stacks import read_quantiles

__all__ = ["continuous_ranked_probability_score", "mean_quantile_loss"]


def quantile_losses(y_true, stack, quantiles):
    """The loss of each forecast, of shape (n_rows, n_targets, n_quantiles)."""
    difference = y_true[..., None] - stack
    return np.maximum(quantiles * difference, (quantiles - 1) * difference)


def quantile_shares(quantiles):
    """The share of the range from 0 to 1 that each quantile represents.

    The shares reach half-way to the next quantiles, the outer ones to 0 and 1. Those
    below and those above 0.5 are then scaled, such that the quantiles' mean is 0.5 as
    that of the range is. Quantiles that are symmetric about 0.5 need no scaling.
    """
    shares = np.diff(np.r_[0, (quantiles[1:] + quantiles[:-1]) / 2, 1])
    below, above = quantiles < 0.5, quantiles > 0.5
    pull_down = np.sum((shares * (0.5 - quantiles))[below])
    pull_up = np.sum((shares * (quantiles - 0.5))[above])
    if pull_down == 0 and pull_up == 0:
        return shares
    if pull_down == 0 or pull_up == 0:
        raise ValueError(
            "quantiles must be below and above 0.5, or 0.5 alone, to stand for a whole "
            f"distribution, got {show(quantiles.tolist())}. Use mean_quantile_loss."
        )
    total = shares[below | above].sum()
    scale = total / (shares[below].sum() * pull_up + shares[above].sum() * pull_down)
    return shares * np.select([below, above], [scale * pull_up, scale * pull_down], 1)


def mean_quantile_loss(
    y_true: Any, y_quantiles: Any, *, quantiles: Any = None, sample_weight: Any = None
) -> float:
    """Compute the mean quantile loss, also called pinball loss.

    The loss of a forecast `f` of the quantile `q` is ``q * (y - f)`` where the true
    value is above it and ``(1 - q) * (f - y)`` where it is below. The result is the
    mean over rows and quantiles, in units of y. The best value is 0; the quantile 0.5
    costs half the absolute error.

    Rows whose true value is NaN are not scored.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,) or (n_rows, n_targets)
        True values.
    y_quantiles : DataFrame, or array-like of shape (n_rows, n_quantiles)
        Forecasts of the same rows, in the same order. The columns of a DataFrame are
        the quantiles, as of ``forecaster.predict_quantiles(X)``; with several targets,
        pairs (target, quantile). An array then has the shape (n_rows, n_targets,
        n_quantiles).
    quantiles : array-like of shape (n_quantiles,), default=None
        The quantiles, between 0 and 1, in increasing order. An array needs them.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row.

    Returns
    -------
    float
        The loss; with several targets, the mean of their losses.

    Raises
    ------
    ValueError
        If the forecasts of a row decrease from a quantile to the next, or have
        another index or shape than `y_true`.

    See Also
    --------
    continuous_ranked_probability_score : Weights quantiles by the range they represent.
    make_quantile_scorer : A scorer for searches.
    sklearn.metrics.mean_pinball_loss : The loss of one quantile.

    Notes
    -----
    The name differs from that of scikit-learn's `mean_pinball_loss`, since that takes
    one quantile, as ``alpha``, and no NaN: neither could stand in for the other.

    References
    ----------
    R. Koenker, G. Bassett, "Regression Quantiles", Econometrica 46, 1978.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm.metrics import mean_quantile_loss
    >>> y_quantiles = pd.DataFrame({0.25: [0.0, 1.0], 0.75: [2.0, 3.0]})
    >>> round(mean_quantile_loss([1.0, 5.0], y_quantiles), 2)
    0.75
    >>> bounds = [[0, 2], [1, 3]]
    >>> round(mean_quantile_loss([1.0, 5.0], bounds, quantiles=[0.25, 0.75]), 2)
    0.75
    """
    y_true, stack, quantiles, weight = read_quantiles(
        y_true, y_quantiles, quantiles, sample_weight
    )
    losses = quantile_losses(y_true, stack, quantiles).mean(axis=2)
    return average_errors(losses, np.ones_like(losses), weight)


def continuous_ranked_probability_score(
    y_true: Any, y_quantiles: Any, *, quantiles: Any = None, sample_weight: Any = None
) -> float:
    """Compute the continuous ranked probability score (CRPS) from quantiles.

    The score compares the whole forecast distribution with the true value: it is twice
    the quantile loss, integrated over the quantiles from 0 to 1. It is in units of y
    and generalises the absolute error, which it equals where all quantiles are the
    same point. The best value is 0.

    Rows whose true value is NaN are not scored.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,) or (n_rows, n_targets)
        True values.
    y_quantiles : DataFrame, or array-like of shape (n_rows, n_quantiles)
        Forecasts of the same rows, in the same order. The columns of a DataFrame are
        the quantiles, as of ``forecaster.predict_quantiles(X)``; with several targets,
        pairs (target, quantile). An array then has the shape (n_rows, n_targets,
        n_quantiles).
    quantiles : array-like of shape (n_quantiles,), default=None
        The quantiles, between 0 and 1, in increasing order: 0.5 alone, or some below
        and some above it. An array needs them.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row.

    Returns
    -------
    float
        The score; with several targets, the mean of their scores.

    Raises
    ------
    ValueError
        If the forecasts of a row decrease from a quantile to the next, or have
        another index or shape than `y_true`; if all quantiles are on one side of 0.5.

    See Also
    --------
    mean_quantile_loss : Counts all quantiles the same.
    make_quantile_scorer : A scorer for searches, by this score.

    Notes
    -----
    The integral is approximated by a weighted sum. A quantile's weight is the share of
    the range from 0 to 1 that is nearer to it than to the others, so that quantiles may
    be spaced unequally. The weights sum to 1. Where the quantiles are not symmetric
    about 0.5, weights below and above 0.5 are scaled such that the weighted mean of the
    quantiles is 0.5, which makes the score of a point its absolute error.

    Each quantile is scored at its own value alone, so honest forecasts of the given
    quantiles have the least expected score. For a normal distribution the sum is 0.1 %
    above the exact score with 99 equal steps, 1.4 % with 19, and 6 % below it with the
    quantiles 0.1, 0.5 and 0.9: compare scores from the same quantiles.

    References
    ----------
    T. Gneiting, A. E. Raftery, "Strictly Proper Scoring Rules, Prediction, and
    Estimation", Journal of the American Statistical Association 102, 2007.

    F. Laio, S. Tamea, "Verification tools for probabilistic forecasts of continuous
    hydrological variables", Hydrology and Earth System Sciences 11, 2007.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm.metrics import continuous_ranked_probability_score
    >>> y_quantiles = pd.DataFrame({0.1: [1.0], 0.5: [2.0], 0.9: [3.0]})
    >>> round(continuous_ranked_probability_score([2.5], y_quantiles), 2)
    0.32
    >>> y_quantiles[[0.1, 0.5, 0.9]] = 2.0
    >>> round(continuous_ranked_probability_score([2.5], y_quantiles), 2)
    0.5
    """
    y_true, stack, quantiles, weight = read_quantiles(
        y_true, y_quantiles, quantiles, sample_weight
    )
    losses = quantile_losses(y_true, stack, quantiles) @ quantile_shares(quantiles)
    return average_errors(2 * losses, np.ones_like(losses), weight)

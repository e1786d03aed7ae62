"""Quantile levels: checked, and interpolated between."""

from numbers import Real

import numpy as np

__all__ = ["bounds_of", "check_quantiles", "interpolate_quantiles"]


def bounds_of(coverage):
    """The quantiles that bound the central interval of a coverage."""
    if isinstance(coverage, bool) or not isinstance(coverage, Real):
        raise TypeError(f"coverage must be a number, got {coverage!r}.")
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must lie between 0 and 1, got {coverage!r}.")
    return (1 - coverage) / 2, (1 + coverage) / 2


def check_quantiles(quantiles, within=(0, 1), name="quantiles"):
    """Check levels: ascending numbers between 0 and 1.

    Parameters
    ----------
    quantiles : sequence of float
    within : sequence of float
        Those that are known: their ends are allowed, unless they are 0 and 1.
    name : str
        What to call them in an error.

    Returns
    -------
    tuple of float
    """
    levels = tuple(quantiles) if np.iterable(quantiles) else (quantiles,)
    low, high = within[0], within[-1]
    numbers = all(isinstance(q, Real) and not isinstance(q, bool) for q in levels)
    if not levels or not numbers or not all(0 < q < 1 for q in levels):
        raise ValueError(
            f"{name} must be numbers between 0 and 1, such as (0.1, 0.5, 0.9); got "
            f"{quantiles!r}."
        )
    if any(b <= a for a, b in zip(levels, levels[1:], strict=False)):
        raise ValueError(f"{name} must ascend, each once; got {quantiles!r}.")
    # The bounds of an interval, such as (1 - 0.95) / 2, have rounding errors.
    if levels[0] < low - 1e-9 or levels[-1] > high + 1e-9:
        raise ValueError(
            f"{name} must lie between {low} and {high}, the outermost that were "
            f"learned; got {quantiles!r}. Learn more of them: set the parameter "
            "quantiles of the regressor."
        )
    return tuple(map(float, levels))


def interpolate_quantiles(values, quantiles, wanted):
    """Interpolate linearly between known quantiles.

    Parameters
    ----------
    values : ndarray of shape (..., n_quantiles)
    quantiles : sequence of float
        Levels of `values`, ascending.
    wanted : sequence of float
        Those outside get the nearest.

    Returns
    -------
    ndarray of shape (..., n_wanted)
    """
    levels = np.asarray(quantiles, dtype=np.float64)
    wanted = np.clip(wanted, levels[0], levels[-1])
    above = np.searchsorted(levels, wanted)
    below = np.maximum(above - 1, 0)
    gap = levels[above] - levels[below]
    share = np.divide(
        wanted - levels[below], gap, out=np.zeros_like(gap), where=gap > 0
    )
    return values[..., below] * (1 - share) + values[..., above] * share

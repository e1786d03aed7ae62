"""Quantiles as numbers between 0 and 1: checked, and interpolated between."""

from numbers import Real

import numpy as np

__all__ = [
    "USUAL_QUANTILES",
    "bounds_of",
    "check_quantiles",
    "interpolate_quantiles",
    "median_of",
]

# The bounds of 80, 90 and 95 %, and the tenths between.
USUAL_QUANTILES = (
    *(0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
    *(0.6, 0.7, 0.8, 0.9, 0.95, 0.975),
)


def bounds_of(coverage):
    """The quantiles that bound the central interval of a coverage."""
    if isinstance(coverage, bool) or not isinstance(coverage, Real):
        raise TypeError(f"coverage must be a number, got {coverage!r}.")
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must lie between 0 and 1, got {coverage!r}.")
    # Rounded for messages: 1 - 0.99 is 0.010000000000000009.
    return round((1 - coverage) / 2, 12), round((1 + coverage) / 2, 12)


def check_quantiles(quantiles, within=(0, 1), name="quantiles"):
    """Check quantiles: ascending numbers between 0 and 1.

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
    known = tuple(quantiles) if np.iterable(quantiles) else (quantiles,)
    low, high = within[0], within[-1]
    numbers = all(isinstance(q, Real) and not isinstance(q, bool) for q in known)
    if not known or not numbers or not all(0 < q < 1 for q in known):
        raise ValueError(
            f"{name} must be numbers between 0 and 1, such as (0.1, 0.5, 0.9); got "
            f"{quantiles!r}."
        )
    if any(b <= a for a, b in zip(known, known[1:], strict=False)):
        raise ValueError(f"{name} must ascend, each once; got {quantiles!r}.")
    # The bounds of an interval, such as (1 - 0.95) / 2, have rounding errors.
    if known[0] < low - 1e-9 or known[-1] > high + 1e-9:
        raise ValueError(
            f"{name} must lie between {low} and {high}, the outermost that were "
            f"learned; got {quantiles!r}. Learn more of them: set the parameter "
            "quantiles of the regressor."
        )
    return tuple(map(float, known))


def interpolate_quantiles(values, quantiles, wanted):
    """Interpolate linearly between known quantiles.

    Parameters
    ----------
    values : ndarray of shape (..., n_quantiles)
    quantiles : sequence of float
        Those of `values`, ascending.
    wanted : sequence of float
        Those outside get the nearest.

    Returns
    -------
    ndarray of shape (..., n_wanted)
    """
    known = np.asarray(quantiles, dtype=np.float64)
    wanted = np.clip(wanted, known[0], known[-1])
    below = np.searchsorted(known, wanted, side="right") - 1
    above = np.minimum(below + 1, len(known) - 1)
    gap = known[above] - known[below]
    share = np.divide(wanted - known[below], gap, out=np.zeros_like(gap), where=gap > 0)
    low, high = values[..., below], values[..., above]
    # In this form, rounding errors never let them cross.
    between = low + (high - low) * share
    return np.clip(between, np.minimum(low, high), np.maximum(low, high))


def median_of(values, quantiles):
    """The median of quantiles, and points as they are.

    Parameters
    ----------
    values : ndarray of shape (n, n_outputs) or (n, n_outputs, n_quantiles)
    quantiles : sequence of float, or None
        Those of the last of three axes.

    Returns
    -------
    ndarray of shape (n, n_outputs)
    """
    if quantiles is None:
        return values
    return interpolate_quantiles(values, quantiles, [0.5])[..., 0]

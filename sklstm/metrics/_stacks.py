"""Several forecasts of each value: its quantiles, or the two bounds of an interval.

They are read as a stack of shape (n_rows, n_targets, n_forecasts), beside which true
values and weights of shape (n_rows, n_targets) stand, as in all metrics.
"""

import numpy as np
import pandas as pd

from .._panels.columns import as_floats
from .._panels.quantiles import check_quantiles
from .._panels.rows import show
from ._row_errors import (
    check_same_index,
    check_size,
    read_weight,
    to_columns,
    weigh_values,
)

__all__ = ["read_bounds", "read_interval", "read_quantiles"]

# Bounds that are equal may differ by as much once they went through float32.
_ROUNDING = 4 * np.finfo(np.float32).eps


def read_quantiles(y_true, y_quantiles, quantiles=None, sample_weight=None):
    """Read true values, forecasts of their quantiles, and what goes with them.

    Returns
    -------
    y_true : ndarray of shape (n_rows, n_targets)
    stack : ndarray of shape (n_rows, n_targets, n_quantiles)
    quantiles : ndarray of shape (n_quantiles,)
    weight : ndarray of shape (n_rows, n_targets)
        Where `y_true` was NaN, this, `y_true` and `stack` are 0.
    """
    check_same_index(y_true, y_quantiles, "y_quantiles")
    check_same_index(y_true, sample_weight, "sample_weight")
    stack, labels = _read_stack(y_quantiles, "y_quantiles", y_true)
    quantiles = _match_quantiles(labels, quantiles, stack.shape[-1])
    y_true, scored = _read_truth(y_true, stack, "y_quantiles")
    _check_known(scored & ~np.isfinite(stack).all(axis=2), "y_quantiles", "finite")
    stack = np.where(scored[..., None], stack, 0.0)
    stack = _in_order(stack, "y_quantiles", "Sort the forecasts of each row.")
    return y_true, stack, quantiles, weigh_values(scored, sample_weight)


def read_interval(y_true, y_interval, sample_weight=None):
    """Read true values, the bounds of their intervals, and the weight of each.

    Returns
    -------
    y_true, lower, upper, weight : ndarray of shape (n_rows, n_targets)
        Where weight is 0, so are the others.
    """
    check_same_index(y_true, y_interval, "y_interval")
    check_same_index(y_true, sample_weight, "sample_weight")
    stack = _read_pairs(y_interval, y_true)
    y_true, scored = _read_truth(y_true, stack, "y_interval")
    lower, upper = _check_bounds(stack, scored)
    weight = weigh_values(scored, sample_weight)
    # Bounds may be infinite, and 0 times infinity is no number.
    y_true, lower, upper = (np.where(weight, x, 0.0) for x in (y_true, lower, upper))
    return y_true, lower, upper, weight


def read_bounds(y_interval, sample_weight=None):
    """Read the bounds of intervals and their weights, without true values."""
    stack = _read_pairs(y_interval)
    lower, upper = _check_bounds(stack, np.ones(stack.shape[:2], dtype=bool))
    weight = read_weight(sample_weight, len(stack))
    if not weight.any():
        raise ValueError(
            "y_interval has no row to average: at least one row needs a positive "
            "weight."
        )
    weight = np.broadcast_to(weight[:, None], lower.shape)
    return np.where(weight, lower, 0.0), np.where(weight, upper, 0.0), weight


def _match_quantiles(labels, quantiles, n_forecasts):
    """Find out which quantile each forecast is of."""
    if labels is None and quantiles is None:
        raise ValueError(
            "quantiles must be given where y_quantiles is an array. Or give a "
            "DataFrame whose columns are the quantiles."
        )
    if labels is not None:
        name = "The columns of y_quantiles"
        labels = check_quantiles(tuple(labels.tolist()), name=name)
    known = labels if quantiles is None else check_quantiles(quantiles)
    if len(known) != n_forecasts:
        raise ValueError(
            f"y_quantiles must have one forecast for each of the {len(known)} "
            f"quantiles, got {n_forecasts}."
        )
    if labels is not None and not np.allclose(labels, known):
        raise ValueError(
            f"quantiles must be the columns of y_quantiles, {show(labels)}, "
            f"got {show(known)}. Leave it out, or choose among the columns."
        )
    return np.array(known)


def _read_pairs(y_interval, y_true=None):
    stack, labels = _read_stack(y_interval, "y_interval", y_true)
    if stack.shape[-1] != 2:
        got = "" if labels is None else f": {show(labels)}"
        raise ValueError(
            "y_interval must have two forecasts for each value, its lower and its "
            f"upper bound, got {stack.shape[-1]}{got}."
        )
    return stack


def _read_stack(values, name, y_true):
    """Read forecasts as a stack, and the columns that each target has."""
    stack, labels = np.asarray(as_floats(values, name), dtype=np.float64), None
    check_size(stack, name)
    if isinstance(values, pd.DataFrame):
        labels = values.columns
        if labels.nlevels > 1:
            labels, n_targets = _split_columns(labels, name, y_true)
            stack = stack.reshape(len(stack), n_targets, -1)
    if stack.ndim == 2:
        stack = stack[:, None]
    if stack.ndim != 3 or stack.shape[-1] == 0:
        raise ValueError(
            f"{name} must be of shape (n_rows, n_forecasts) or (n_rows, n_targets, "
            f"n_forecasts), got {stack.shape}."
        )
    return stack, labels


def _split_columns(columns, name, y_true):
    """Part columns into targets and what is forecast of each of them."""
    targets = columns.droplevel(-1).unique()
    labels = columns.get_level_values(-1)[: len(columns) // len(targets)]
    wanted = [(target, label) for target in targets for label in labels]
    given = zip(columns.droplevel(-1), columns.get_level_values(-1), strict=True)
    if list(given) != wanted:
        raise ValueError(
            f"{name} must have the same columns for each target, one target after "
            f"the other, got {show(columns)}."
        )
    if isinstance(y_true, pd.DataFrame) and y_true.columns.nlevels == targets.nlevels:
        same = set(targets) == set(y_true.columns)
        if same and not targets.equals(y_true.columns):
            raise ValueError(
                f"{name} must have the targets of y_true in the same order, "
                f"{show(y_true.columns)}, got {show(targets)}."
            )
    return labels, len(targets)


def _read_truth(y_true, stack, name):
    """Read true values, 0 where they are unknown, and where they are known."""
    y_true = to_columns(y_true, "y_true")
    if y_true.shape != stack.shape[:2]:
        raise ValueError(
            f"{name} must have forecasts for each value of y_true, got "
            f"{stack.shape[:2]} (rows, targets) against {y_true.shape}."
        )
    scored = ~np.isnan(y_true)
    return np.where(scored, y_true, 0.0), scored


def _check_bounds(stack, scored):
    """Give back lower and upper bounds that are in order where they are scored."""
    lower, upper = stack[..., 0], stack[..., 1]
    # Either comparison is false for NaN.
    known = (lower < np.inf) & (upper > -np.inf)
    _check_known(scored & ~known, "y_interval", "an interval")
    stack = np.where(scored[..., None], stack, 0.0)
    stack = _in_order(stack, "y_interval", "Give the lower bound first.")
    return stack[..., 0], stack[..., 1]


def _check_known(unknown, name, what):
    if unknown.any():
        raise ValueError(
            f"{name} is not {what} in {unknown.any(axis=1).sum()} of {len(unknown)} "
            "rows; every row that is scored needs its forecasts."
        )


def _in_order(stack, name, remedy):
    """Raise if forecasts cross by more than rounding, which is taken out."""
    before, after = stack[..., :-1], stack[..., 1:]
    size = np.where(np.isfinite(stack), np.abs(stack), 0.0).max(axis=2, keepdims=True)
    crossing = (before > after + _ROUNDING * size).any(axis=(1, 2))
    if crossing.any():
        raise ValueError(
            f"{name} must not decrease from one column to the next, but does in "
            f"{crossing.sum()} of {len(stack)} rows, first in row "
            f"{np.flatnonzero(crossing)[0]}. {remedy}"
        )
    return np.maximum.accumulate(stack, axis=2)

"""What all metrics share: reading targets and forecasts, and averaging their errors.

Every metric here is a ratio of two sums over rows, taken over all rows or within each
series. A row without a true value has weight 0, so that it enters no sum.
"""

import numpy as np
import pandas as pd

from .._panels.columns import LARGEST, as_floats
from .._panels.rows import is_panel, is_reordered

__all__ = [
    "average_errors",
    "check_same_columns",
    "check_same_index",
    "check_size",
    "read_targets",
    "read_weight",
    "sum_by_group",
    "to_columns",
    "weigh_values",
]


def read_targets(y_true, y_pred, sample_weight=None):
    """Read true values and forecasts as columns of numbers, and each row's weight.

    Returns
    -------
    y_true, y_pred, weight : ndarray of shape (n_rows, n_targets)
        Where `y_true` was NaN, all three are 0.
    """
    check_same_index(y_true, y_pred, "y_pred")
    check_same_index(y_true, sample_weight, "sample_weight")
    y_true, y_pred = to_columns(y_true, "y_true"), to_columns(y_pred, "y_pred")
    if y_true.shape != y_pred.shape:
        raise ValueError(
            "y_pred must have a forecast for each value of y_true, got "
            f"{y_pred.shape} (rows, targets) against {y_true.shape}."
        )
    scored = ~np.isnan(y_true)
    unknown = scored & ~np.isfinite(y_pred)
    if unknown.any():
        raise ValueError(
            f"y_pred is not finite in {unknown.any(axis=1).sum()} of {len(y_pred)} "
            "rows; every row whose true value is known needs a forecast."
        )
    weight = weigh_values(scored, sample_weight)
    return np.where(scored, y_true, 0.0), np.where(scored, y_pred, 0.0), weight


def check_same_index(y_true, other, name):
    """Raise if two panels have other rows, or the same ones in another order.

    Rows without a panel index go by position, unless both have the same labels.
    """
    _check_not_flat(y_true, other, name)
    ours, others = getattr(y_true, "index", None), getattr(other, "index", None)
    if isinstance(ours, pd.Index) and isinstance(others, pd.Index):
        panels = is_panel(y_true) and is_panel(other)
        if not ours.equals(others) and (panels or is_reordered(ours, others)):
            raise ValueError(
                f"y_true and {name} must have the same index in the same order. "
                f"Reorder one of them, e.g. {name} = {name}.loc[y_true.index]."
            )
    check_same_columns(y_true, other, name)


def check_same_columns(y_true, other, name):
    """Raise if two tables have the same columns in another order."""
    if is_reordered(_column_names(y_true), _column_names(other)):
        raise ValueError(
            f"y_true and {name} must have the same columns in the same order. Reorder "
            f"one of them, e.g. {name} = {name}.loc[:, y_true.columns]."
        )


def _column_names(table):
    """The names of the columns of a table of pandas, polars or Arrow; else None."""
    names = getattr(table, "column_names", getattr(table, "columns", None))
    return pd.Index(names) if isinstance(names, list) else names


def _check_not_flat(y_true, other, name):
    """Raise for a table of forecasts that has series and time in columns."""
    if not is_panel(y_true) or not isinstance(other, pd.DataFrame) or is_panel(other):
        return
    levels = list(y_true.index.names)
    if None not in levels and list(other.columns[: len(levels)]) == levels:
        raise ValueError(
            f"{name} is a flat table with the columns {list(other.columns)}, but "
            f"y_true is a panel. Set its index first: {name}.set_index({levels})."
        )


def weigh_values(scored, sample_weight):
    """Weigh each true value by its row, and by 0 where it is not `scored`."""
    weight = scored * read_weight(sample_weight, len(scored))[:, None]
    if not weight.any(axis=0).all():
        raise ValueError(
            "y_true has no row to score: each target needs a value, not NaN, in at "
            "least one row of positive weight."
        )
    return weight


def to_columns(values, name):
    """Read values as float64 of shape (n_rows, n_targets); NaN is missing."""
    values = np.asarray(as_floats(values, name), dtype=np.float64)
    if values.ndim not in (1, 2):
        raise ValueError(
            f"{name} must be one value, or one row of values, for each row of the "
            f"data, got shape {values.shape}."
        )
    if name != "y_pred" and np.isinf(values).any():
        raise ValueError(f"{name} has infinite values; they must be finite or NaN.")
    check_size(values, name)
    return values[:, None] if values.ndim == 1 else values


def check_size(values, name):
    """Raise if finite values are so large that squares and sums of them are not."""
    if ((np.abs(values) > LARGEST) & np.isfinite(values)).any():
        raise ValueError(
            f"{name} has values larger than {LARGEST:g}, whose squares are infinite. "
            "Use another unit."
        )


def average_errors(errors, sizes, weight, groups=None, *, root=False, undefined=""):
    """Divide the sum of errors by the sum of sizes in each group, then average.

    Parameters
    ----------
    errors, sizes, weight : ndarray of shape (n_rows, n_targets)
        What to add up above and below the line, and how much each row counts.
    groups : ndarray of shape (n_rows,), default=None
        The series of each row; None takes all rows together.
    root : bool, default=False
        Whether to take the square root of each ratio.
    undefined : str, default=""
        What to say if no group has a size.

    Returns
    -------
    float
        The mean over the groups that have a size, then over targets.
    """
    if groups is None:
        groups = np.zeros(len(weight), dtype=np.intp)
    above = sum_by_group(weight * errors, groups)
    below = sum_by_group(weight * sizes, groups)
    defined = below > 0
    if not defined.any(axis=0).all():
        raise ValueError(undefined)
    ratio = np.divide(above, below, out=np.zeros_like(above), where=defined)
    if root:
        ratio = np.sqrt(ratio)
    return float(np.mean(ratio.sum(axis=0) / defined.sum(axis=0)))


def sum_by_group(values, groups, n_groups=0):
    """Add up the rows of each group: an array of shape (n_groups, n_columns)."""
    columns = [np.bincount(groups, weights=v, minlength=n_groups) for v in values.T]
    # Without any row the counts are integers.
    return np.stack(columns, axis=1).astype(np.float64, copy=False)


def read_weight(sample_weight, n_rows):
    """Read one weight for each row, 1 where none is given."""
    if sample_weight is None:
        return np.ones(n_rows)
    weight = np.asarray(as_floats(sample_weight, "sample_weight"), dtype=np.float64)
    if weight.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must have one weight for each of the {n_rows} rows, got "
            f"shape {weight.shape}."
        )
    if not (np.isfinite(weight) & (weight >= 0)).all():
        raise ValueError("sample_weight must be finite and not negative.")
    return weight

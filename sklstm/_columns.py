"""The columns of a frame as the numbers and codes that windows hold."""

import numpy as np
import pandas as pd

__all__ = ["check_kinds", "encode", "is_categorical", "observed_labels", "read_numbers"]


def is_categorical(column):
    """Whether a column holds labels: category, string or object dtype."""
    dtype = column.dtype
    return isinstance(
        dtype, (pd.CategoricalDtype, pd.StringDtype)
    ) or pd.api.types.is_object_dtype(dtype)


def check_kinds(X):
    """Raise if a column of X is neither numeric nor categorical."""
    for name, column in X.items():
        if not is_categorical(column) and not (
            pd.api.types.is_numeric_dtype(column.dtype)
            and not pd.api.types.is_complex_dtype(column.dtype)
        ):
            raise TypeError(
                f"Column {name!r} has dtype {column.dtype}; windows hold numbers and "
                "categories. Convert it (dates to numbers or categories, say) or "
                "drop it."
            )


def observed_labels(column):
    """The labels that occur in a column, in the order of its categories."""
    labels = pd.Categorical(column)
    used = np.unique(labels.codes)
    return labels.categories[used[used >= 0]]


def encode(column, labels):
    """Codes of a column: 1, 2, ... for `labels` in their order, 0 for all else."""
    found = pd.Categorical(column)
    return np.append(labels.get_indexer(found.categories) + 1, 0)[found.codes]


def read_numbers(column, name):
    """Read a numeric column as float32, missing values as NaN."""
    try:
        with np.errstate(over="ignore"):
            values = column.to_numpy(dtype=np.float32, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"Column {name!r} was numeric in fit and now has dtype {column.dtype}, "
            f"with values that are no numbers: {error}. Convert it to those of fit."
        ) from error
    if np.isinf(values).any():
        raise ValueError(
            f"Column {name!r} holds infinity or a value too large for float32. "
            "Replace it by NaN, or scale the column first."
        )
    return values

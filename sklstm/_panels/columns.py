"""The columns of a frame: whether they contain numbers or labels, and how to read both.

A column of dtype object is judged by its values, so that prices that came as Decimal,
or as floats with None among them, are numbers. Every reader of columns asks here, and
every message about the kind of a column is written here.
"""

import re
from collections.abc import Hashable
from datetime import date, time, timedelta
from decimal import Decimal
from numbers import Complex, Real

import numpy as np
import pandas as pd

from .rows import show

__all__ = [
    "LARGEST",
    "as_floats",
    "check_float32",
    "check_same_kinds",
    "column_kind",
    "column_kinds",
    "encode",
    "observed_labels",
    "read_labels",
    "read_numbers",
]

# Squares of larger numbers, and sums of squares, would be infinite.
LARGEST = 1e150
# Rounding may change a value by this share of the standard deviation.
_SHARE_LOST = 0.01
_NUMERIC = {"number", "bool"}
# Digits, and what is written around and between them: "1,234.5", "12 %", "$3".
_WRITTEN_NUMBER = re.compile(
    r"[+-]?[$€£]?\s*[+-]?\.?\d[\d.,' _]*(?:[eE][+-]?\d+)?\s*[%$€£]?"
)


def column_kind(column, name, of="X"):
    """Find the kind of the values of a column.

    Parameters
    ----------
    column : Series
    name : hashable
        The name of the column, for errors. None for a Series outside of a frame.
    of : str, default="X"
        The frame it belongs to, for errors, or what the Series itself is called.

    Returns
    -------
    {"number", "bool", "label", "time", "other"}
        A column of dtype object without any value is one of numbers.

    Raises
    ------
    TypeError
        If the column mixes numbers and labels, or contains numbers stored as text.
    """
    kinds = _kinds_in(column)
    for kind in ("time", "other"):
        if kind in kinds:
            return kind
    if "label" not in kinds:
        return "bool" if kinds == {"bool"} else "number"
    if len(kinds) > 1:
        _raise_mixed(column, name, of)
    if not isinstance(column.dtype, pd.CategoricalDtype):
        _check_no_numbers_as_text(column, name, of)
    return "label"


def column_kinds(X, action, of="X"):
    """Find the kind of each column: "number", "bool" or "label".

    Parameters
    ----------
    X : DataFrame
    action : str
        What cannot be done to such a column, such as "scaled".
    of : str, default="X"
        What X is called in errors.

    Returns
    -------
    list of str

    Raises
    ------
    TypeError
        If a column contains times, or neither numbers nor labels.
    """
    kinds = [column_kind(column, name, of) for name, column in X.items()]
    for (name, column), kind in zip(X.items(), kinds, strict=True):
        if kind == "time":
            code = f"{of}[{name!r}]"
            if column.dtype == object:
                code = f"pd.to_datetime({code})"
            part = "total_seconds()" if column.dtype.kind == "m" else "day_of_week"
            raise TypeError(
                f"Column {name!r} of {of} has dtype {column.dtype}: times cannot be "
                f"{action}. Drop the column, move it to the index, or convert it to "
                f"numbers, such as {code}.dt.{part}."
            )
        if kind == "other":
            raise TypeError(
                f"Column {name!r} of {of} has dtype {column.dtype}, neither real "
                f"numbers nor labels, and cannot be {action}. Drop it, or convert it "
                "to numbers, such as the real and imaginary parts of complex values."
            )
    return kinds


def check_same_kinds(X, like):
    """Raise if X has labels in a column where `like` has numbers, or the reverse.

    Parameters
    ----------
    X, like : DataFrame
        With the same columns. A column without values agrees with any other.
    """
    for name, column in X.items():
        kinds, others = _kinds_in(column), _kinds_in(like[name])
        if not kinds or not others or (kinds <= _NUMERIC) == (others <= _NUMERIC):
            continue
        if isinstance(like[name].dtype, pd.CategoricalDtype):
            read_labels(column, name, observed_labels(like[name]))
        elif kinds <= _NUMERIC:
            read_labels(column, name, pd.Index(like[name].dropna().iloc[:1]))
        else:
            _to_floats(column, name, np.float64, "X")


def observed_labels(column):
    """The labels that occur in a column, in the order of its categories."""
    labels = pd.Categorical(column.array)
    used = np.unique(labels.codes)
    return labels.categories[used[used >= 0]]


def encode(column, labels):
    """Codes of a column: 1, 2, ... for `labels` in their order, 0 for all else."""
    found = pd.Categorical(column.array)
    return np.append(labels.get_indexer(found.categories) + 1, 0)[found.codes]


def read_labels(column, name, labels):
    """Encode a column of X; numbers raise if it contained text in fit."""
    text = len(labels) and not pd.api.types.is_numeric_dtype(labels.dtype)
    if text and column.notna().any() and _kinds_in(column) <= _NUMERIC:
        raise TypeError(
            f"Column {name!r} of X contained labels in fit, such as {labels[0]!r}, and "
            f"now contains numbers (dtype {column.dtype}). Give it the labels of fit."
        )
    return encode(column, labels)


def read_numbers(column, name, dtype=None, of="X"):
    """Read a column of numbers as floats, missing values as NaN.

    Parameters
    ----------
    column : Series
    name : hashable
        The name of the column, for errors.
    dtype : dtype, default=None
        None takes float32 where the column has it, and else float64.
    of : str, default="X"
        The frame it belongs to, for errors.

    Returns
    -------
    ndarray of shape (n_rows,)

    Raises
    ------
    TypeError
        If the column contains values that are not numbers.
    ValueError
        If it contains infinity, or a value too large for `dtype`.
    """
    if dtype is None:
        dtype = np.float32 if column.dtype == np.float32 else np.float64
    values = _to_floats(column, name, dtype, of)
    largest = max(np.fmax.reduce(values, initial=0), -np.fmin.reduce(values, initial=0))
    limit = min(float(np.finfo(dtype).max), LARGEST)
    if largest > limit:
        words, code = _call(name, of)
        row = np.flatnonzero(np.abs(values) > limit)[:1]
        use = "for float32" if dtype == np.float32 else "to be squared in float64"
        raise ValueError(
            f"{words} contains infinity or a value too large {use}, first "
            f"{show(column.iloc[row].tolist())} at {show(column.index[row])}. Replace "
            f"it by NaN, with {code}.replace([np.inf, -np.inf], np.nan), or divide the "
            "column by a constant."
        )
    return values


def check_float32(values, words, remedy):
    """Raise if values differ, but not in float32.

    Parameters
    ----------
    values : ndarray of float64 of shape (n_rows,)
    words : str
        What the values are called in the error.
    remedy : str
        What to do.
    """
    with np.errstate(over="ignore"):
        lost = np.abs(values - values.astype(np.float32))
    known = values[~np.isnan(values)]
    spread = np.ptp(known) and known.std() if len(known) else 0.0
    if np.fmax.reduce(lost, initial=0) > _SHARE_LOST * spread > 0:
        raise ValueError(
            f"{words} varies by {spread:.2g} around {known.mean():.2g}. Windows are "
            f"float32, which rounds this variation away. {remedy}"
        )


def as_floats(values, of):
    """Read a pandas object, or an array of objects or text, as float64.

    Infinity is allowed; numbers stored as text are not.

    Parameters
    ----------
    values : object
    of : str
        What it is called in errors.

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_columns)
        Missing values are NaN. Anything else is given back as it is.
    """
    if not isinstance(values, (pd.Series, pd.DataFrame)):
        array = np.asarray(values)
        if array.dtype.kind not in "OSU" or array.ndim not in (1, 2):
            return values
        values = pd.Series(array) if array.ndim == 1 else pd.DataFrame(array)
    if isinstance(values, pd.Series):
        return _to_floats(values, None, np.float64, of)
    out = np.empty(values.shape)
    for i, (name, column) in enumerate(values.items()):
        out[:, i] = _to_floats(column, name, np.float64, of)
    return out


def _to_floats(column, name, dtype, of):
    plain = isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf"
    if not plain and not _kinds_in(column) <= _NUMERIC:
        words, code = _call(name, of)
        known = column.dropna()
        other = [v for v in known if _kind_of_type(type(v)) not in _NUMERIC]
        # Those that are no numbers either once they are converted, before all others.
        worst = [value for value in other if not _is_written_number(value)]
        example = f", such as {(worst or other)[0]!r}" if other else ""
        worst = worst if len(worst) < len(known) else []
        raise TypeError(
            f"{words} must be numeric, but has dtype {column.dtype} and values that "
            f"are not numbers{example}. Convert it with {_conversion(code, worst)}, or "
            "leave it out."
        )
    try:
        with np.errstate(over="ignore"):
            return column.to_numpy(dtype, **({} if plain else {"na_value": np.nan}))
    except OverflowError:
        # Integers of Python have no bounds.
        return np.full(len(column), np.inf, dtype)


def _call(name, of):
    """What a column is called in an error, and in code."""
    if name is None:
        return of, of
    return f"Column {name!r} of {of}", f"{of}[{name!r}]"


def _kinds_in(column):
    """The kinds of the values of a column, by its dtype unless that is object."""
    dtype = column.dtype
    if isinstance(dtype, (pd.CategoricalDtype, pd.StringDtype)):
        return {"label"}
    if isinstance(dtype, pd.SparseDtype):
        dtype = dtype.subtype
    if pd.api.types.is_bool_dtype(dtype):
        return {"bool"}
    if pd.api.types.is_numeric_dtype(dtype):
        return {"other" if pd.api.types.is_complex_dtype(dtype) else "number"}
    if isinstance(dtype, pd.PeriodDtype) or dtype.kind in "mM":
        return {"time"}
    if pd.api.types.is_object_dtype(dtype) or isinstance(dtype, pd.ArrowDtype):
        return {_kind_of_type(kind) for kind in set(map(type, column.dropna()))}
    return {"other"}


def _kind_of_type(kind):
    if issubclass(kind, (bool, np.bool_)):
        return "bool"
    if issubclass(kind, (Real, Decimal)):
        return "number"
    if issubclass(kind, Complex):
        return "other"
    times = (date, time, timedelta, pd.Period, np.datetime64, np.timedelta64)
    if issubclass(kind, times):
        return "time"
    return "label" if issubclass(kind, Hashable) else "other"


def _raise_mixed(column, name, of):
    known, (words, code) = column.dropna(), _call(name, of)
    labels = known.map(type).map(_kind_of_type) == "label"
    raise TypeError(
        f"{words} mixes numbers such as {known[~labels].iloc[0]!r} and labels such as "
        f"{known[labels].iloc[0]!r}. Convert all values to numbers, with "
        f"pd.to_numeric({code}, errors='coerce') if the labels mean missing values, or "
        f"to labels, with {code}.astype(str).astype('category')."
    )


def _check_no_numbers_as_text(column, name, of):
    """Raise if most of the labels are numbers that were read as text."""
    labels = [label for label in column.dropna().unique() if isinstance(label, str)]
    numbers = [label for label in labels if _is_written_number(label)]
    if len(numbers) > len(labels) / 2:
        others = set(labels) - set(numbers)
        beside = f" beside {min(others)!r}" if others else ""
        words, code = _call(name, of)
        raise TypeError(
            f"{words} contains numbers as text, such as {numbers[0]!r}{beside}. "
            f"Convert them with {_conversion(code, others)}, or, if they are labels, "
            f"with {code}.astype('category')."
        )


def _is_written_number(value):
    return isinstance(value, str) and bool(_WRITTEN_NUMBER.fullmatch(value.strip()))


def _conversion(code, others):
    """The code that makes numbers of text, and when it is right beside other text."""
    if not others:
        return f"pd.to_numeric({code})"
    missing = "where the other values stand for missing ones"
    return f"pd.to_numeric({code}, errors='coerce') {missing}"

"""Fitted state as plain parts, for files that hold no pickle.

Tools such as skops write numbers, text, lists, dicts and arrays, and ask every other
object for its state. Objects of pandas have no state that they could write, so a class
that keeps some gives them as arrays and the names of their dtypes.
"""

import datetime
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset
from sklearn.base import BaseEstimator

__all__ = ["PlainState", "pack", "unpack"]

# Another number for states that this version cannot read.
_FORMAT = 1
_VERSION, _KIND = "sklstm_format", "sklstm_pandas"


class PlainState:
    """A state of plain parts for files, the attributes themselves for copies.

    `__getstate__`, which such tools read, packs every attribute. Pickle and `copy` read
    `__reduce__`, which has the attributes as they are.
    """

    def __reduce__(self) -> tuple:
        return _create, (type(self),), dict(vars(self))

    def __getstate__(self) -> dict:
        state = vars(self)
        if is_dataclass(self):
            # Without what is computed from the fields and kept.
            state = {field.name: getattr(self, field.name) for field in fields(self)}
        return {_VERSION: _FORMAT, "state": pack(state)}

    def __setstate__(self, state: dict) -> None:
        if _VERSION in state:
            if state[_VERSION] != _FORMAT:
                raise ValueError(
                    f"The file has format {state[_VERSION]} of sklstm, and this "
                    f"version reads format {_FORMAT}. Load it with the version of "
                    "sklstm that wrote it, or fit again."
                )
            state = unpack(state["state"])
        vars(self).update(state)


def _create(kind):
    return object.__new__(kind)


def pack(value: Any) -> Any:
    """Turn objects of pandas, also in lists and dicts, into plain parts.

    Parameters
    ----------
    value : object
        Objects that are neither of pandas nor containers stay as they are.

    Returns
    -------
    object
    """
    for kind, (types, parts, _) in _KINDS.items():
        if isinstance(value, types):
            return {_KIND: kind, **{k: pack(v) for k, v in parts(value).items()}}
    if isinstance(value, BaseEstimator) and not isinstance(value, PlainState):
        for part in value.get_params().values():
            if isinstance(part, FunctionType):
                _check_function(part)
    if isinstance(value, FunctionType):
        _check_function(value)
    if type(value) is dict:
        if _KIND not in value and all(isinstance(key, str) for key in value):
            return {key: pack(part) for key, part in value.items()}
        pairs = [[pack(key), pack(part)] for key, part in value.items()]
        return {_KIND: "pairs", "pairs": pairs}
    if type(value) in (list, tuple):
        return type(value)(pack(part) for part in value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(pack, value))
    if isinstance(value, np.ndarray) and value.dtype == object:
        return _pack_objects(value)
    return value


def _check_function(function):
    """Raise for a function that a file cannot name."""
    if "<" in function.__qualname__:
        raise TypeError(
            f"The function {function.__qualname__} cannot be written without pickle, "
            "because it has no name in a module. Define it with def at the top of a "
            "module, or use pickle or joblib."
        )


def _pack_objects(values):
    items = values.ravel().tolist()
    if items and all(type(item) is str and "\0" not in item for item in items):
        # One array of text, not an entry for each label.
        return {_KIND: "texts", "values": values.astype(str)}
    items = [pack(item) for item in items]
    return {_KIND: "objects", "items": items, "shape": list(values.shape)}


def unpack(value: Any) -> Any:
    """Turn plain parts back into what `pack` was given.

    Parameters
    ----------
    value : object

    Returns
    -------
    object
    """
    if type(value) is dict:
        parts = {key: unpack(part) for key, part in value.items()}
        kind = parts.pop(_KIND, None)
        return parts if kind is None else _MAKE[kind](**parts)
    if type(value) in (list, tuple):
        return type(value)(unpack(part) for part in value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(unpack, value))
    return value


def _parts_of_frame(frame):
    columns = [frame.iloc[:, i].array for i in range(frame.shape[1])]
    return {"data": columns, "index": frame.index, "columns": frame.columns}


def _make_frame(data, index, columns):
    parts = (pd.Series(part, index, dtype=part.dtype) for part in data)
    frame = pd.DataFrame(dict(enumerate(parts)), index=index, copy=False)
    return frame.set_axis(columns, axis=1)


def _parts_of_series(series):
    return {"data": series.array, "index": series.index, "name": series.name}


def _make_series(data, index, name):
    return pd.Series(data, index, dtype=data.dtype, name=name)


def _parts_of_levels(index):
    codes = [np.asarray(part) for part in index.codes]
    return {"levels": [*index.levels], "codes": codes, "names": [*index.names]}


def _make_levels(levels, codes, names):
    return pd.MultiIndex(levels, codes, names=names, verify_integrity=False)


def _parts_of_range(index):
    return {
        "start": index.start,
        "stop": index.stop,
        "step": index.step,
        "name": index.name,
    }


def _parts_of_index(index):
    freq = getattr(index, "freq", None)
    freq = freq if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex) else None
    return {"data": index.array, "name": index.name, "freq": freq}


def _make_index(data, name, freq):
    index = pd.Index(data, dtype=data.dtype, name=name, copy=False)
    if freq is not None:
        index.freq = freq
    return index


def _parts_of_array(array):
    """The values of a column, as an array of numpy, and their dtype."""
    dtype = array.dtype
    if isinstance(array, pd.arrays.NumpyExtensionArray) or isinstance(dtype, np.dtype):
        return {"values": array.to_numpy(), "dtype": None}
    if isinstance(dtype, pd.CategoricalDtype):
        values = {"codes": np.asarray(array.codes), "ordered": bool(dtype.ordered)}
        return {
            "values": values | {"categories": dtype.categories},
            "dtype": "category",
        }
    if isinstance(dtype, pd.DatetimeTZDtype):
        _check_zone(dtype)
        values = pd.DatetimeIndex(array).asi8.view(f"datetime64[{dtype.unit}]")
        return {"values": values, "dtype": str(dtype)}
    if isinstance(dtype, pd.PeriodDtype):
        return {"values": pd.PeriodIndex(array).asi8, "dtype": str(dtype)}
    missing = np.asarray(pd.isna(array))
    if hasattr(dtype, "numpy_dtype") and not isinstance(dtype, pd.ArrowDtype):
        # Masked numbers and bools.
        values = array.to_numpy(dtype.numpy_dtype, na_value=0)
    else:
        values = np.asarray(array.astype(object))
        text = pd.api.types.is_string_dtype(dtype)
        values[missing] = "" if text else None
    return {"values": values, "dtype": str(dtype), "missing": missing}


def _check_zone(dtype):
    try:
        known = pd.api.types.pandas_dtype(str(dtype)) == dtype
    except (TypeError, ValueError):
        known = False
    if not known:
        raise TypeError(
            f"The time zone {dtype.tz!r} cannot be written without pickle, because its "
            "name does not say which it is. Use tz_convert with a name such as "
            "'Europe/Berlin', or pickle or joblib."
        )


def _make_array(values, dtype, missing=None):
    if dtype is None:
        return pd.Series(values, dtype=values.dtype, copy=False).array
    if dtype == "category":
        return pd.Categorical.from_codes(**values)
    if dtype.startswith("datetime64"):
        zone = pd.api.types.pandas_dtype(dtype).tz
        return pd.DatetimeIndex(values).tz_localize("UTC").tz_convert(zone).array
    if dtype.startswith("period"):
        ordinals = np.asarray(values, dtype=np.int64)
        return pd.PeriodIndex.from_ordinals(ordinals, freq=dtype[7:-1]).array
    array = pd.array(values, dtype=dtype)
    if missing is not None and missing.any():
        array[missing] = pd.NA
    return array


def _parts_of_offset(offset):
    try:
        known = to_offset(offset.freqstr) == offset
    except ValueError:
        known = False
    if not known:
        raise TypeError(
            f"The time step {offset!r} cannot be written without pickle, because its "
            f"name, {offset.freqstr!r}, does not describe it completely. Use an alias "
            "such as freq='D', or pickle or joblib."
        )
    return {"name": offset.freqstr}


def _parts_of_scalar(scalar):
    """A single time, in an array of one."""
    return {"data": pd.Series([scalar]).array}


def _make_objects(items, shape):
    values = np.empty(len(items), dtype=object)
    values[:] = items
    return values.reshape(shape)


def _parts_of_missing(value):
    return {"name": "NaT" if value is pd.NaT else "NA"}


def _make_missing(name):
    return {"NaT": pd.NaT, "NA": pd.NA}[name]


def _parts_of_date(date):
    return {"iso": date.isoformat(), "has_time": isinstance(date, datetime.datetime)}


def _make_date(iso, has_time):
    kind = datetime.datetime if has_time else datetime.date
    return kind.fromisoformat(iso)


_KINDS: dict = {
    "frame": (pd.DataFrame, _parts_of_frame, _make_frame),
    "series": (pd.Series, _parts_of_series, _make_series),
    "levels": (pd.MultiIndex, _parts_of_levels, _make_levels),
    "range": (pd.RangeIndex, _parts_of_range, pd.RangeIndex),
    "index": (pd.Index, _parts_of_index, _make_index),
    "array": (pd.api.extensions.ExtensionArray, _parts_of_array, _make_array),
    "offset": (pd.offsets.BaseOffset, _parts_of_offset, lambda name: to_offset(name)),
    "scalar": (
        (pd.Timestamp, pd.Timedelta, pd.Period),
        _parts_of_scalar,
        lambda data: data[0],
    ),
    "missing": ((type(pd.NaT), type(pd.NA)), _parts_of_missing, _make_missing),
    "date": (datetime.date, _parts_of_date, _make_date),
}
_MAKE = {kind: make for kind, (_, _, make) in _KINDS.items()}
_MAKE |= {
    "pairs": lambda pairs: dict(pairs),
    "objects": _make_objects,
    "texts": lambda values: values.astype(object),
}

"""A digest of any value: the same for the same content, and in every process."""

import copyreg
import hashlib
import json
from functools import singledispatch
from types import CodeType, FunctionType, MethodType, ModuleType

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

__all__ = ["fingerprint", "fingerprint_rows"]

_PLAIN = (type(None), bool, int, float, complex, str, bytes)


def fingerprint(value, by_type=()):
    """Digest a value: tables and arrays by their content, functions by their code.

    Global variables that a function reads do not count, and of an object that cannot
    be pickled only the type does.

    Parameters
    ----------
    value : object
    by_type : collection of objects, default=()
        Objects inside `value` that count by their type alone.

    Returns
    -------
    str
    """
    try:
        text = json.dumps(_spell(value, frozenset(map(id, by_type))))
    except RecursionError:  # nested too deeply
        text = _name_of(type(value))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def fingerprint_rows(*frames):
    """Digest the rows of frames with one index, whatever their order.

    Parameters
    ----------
    *frames : DataFrame of shape (n_rows, n_columns)

    Returns
    -------
    str
    """
    hashes = [_hash_rows(frame, index=i == 0) for i, frame in enumerate(frames)]
    rows = np.stack(hashes, axis=1)
    rows = rows[np.lexsort(rows.T)]
    return hashlib.sha256(np.ascontiguousarray(rows)).hexdigest()


def _spell(value, above):
    """Spell a value in nested lists of text; those above it, by id, are not entered."""
    if isinstance(value, np.generic) and type(value.item()) in _PLAIN:
        value = value.item()
    name = _name_of(type(value))
    if type(value) in _PLAIN:
        return [name, repr(value)]
    if id(value) in above:
        return [name]
    above = above | {id(value)}
    return [name, *(_spell(part, above) for part in _parts(value))]


def _name_of(kind):
    return f"{kind.__module__}.{kind.__qualname__}"


@singledispatch
def _parts(value):
    """List the simpler values that make up a value."""
    try:
        reduce = copyreg.dispatch_table.get(type(value))
        reduced = reduce(value) if reduce else value.__reduce_ex__(4)
    except (TypeError, AttributeError, RuntimeError):
        return []
    if isinstance(reduced, str):
        return [reduced]
    make, args, state, items, pairs = (*reduced, None, None, None)[:5]
    return [make, args, state, list(items or ()), dict(pairs or ())]


@_parts.register(type)
def _(value):
    return [_name_of(value)]


@_parts.register(ModuleType)
def _(value):
    return [value.__name__]


@_parts.register(BaseEstimator)
def _(value):
    params = value.get_params(deep=False)
    return [{k: v for k, v in params.items() if k != "verbose"}]


@_parts.register(FunctionType)
def _(value):
    closed = []
    for cell in value.__closure__ or ():
        try:
            closed.append(cell.cell_contents)
        except ValueError:  # a variable that has no value yet
            closed.append(None)
    return [value.__code__, value.__defaults__, value.__kwdefaults__, closed]


@_parts.register(MethodType)
def _(value):
    return [value.__func__, value.__self__]


@_parts.register(CodeType)
def _(value):
    return [value.co_code, value.co_consts, value.co_names]


@_parts.register(list)
@_parts.register(tuple)
def _(value):
    return list(value)


@_parts.register(set)
@_parts.register(frozenset)
def _(value):
    return sorted(fingerprint(part) for part in value)


@_parts.register(dict)
def _(value):
    return sorted(
        ([fingerprint(key), part] for key, part in value.items()),
        key=lambda pair: pair[0],
    )


@_parts.register(np.ndarray)
def _(value):
    if value.dtype == object:
        return [value.shape, value.ravel().tolist()]
    content = hashlib.sha256(np.ascontiguousarray(value)).hexdigest()
    return [str(value.dtype), value.shape, content]


@_parts.register(pd.DataFrame)
@_parts.register(pd.Series)
@_parts.register(pd.Index)
def _(value):
    frame = value if isinstance(value, pd.DataFrame) else value.to_frame()
    return [list(frame.columns), list(frame.index.names), _hash_rows(frame)]


def _hash_rows(frame, index=True):
    try:
        return pd.util.hash_pandas_object(frame, index=index).to_numpy()
    except TypeError:  # cells that have no hash, such as lists
        return pd.util.hash_pandas_object(frame.astype(str), index=index).to_numpy()

"""What makes a loop over data sets the same loop, in this process or another."""

import copyreg
import hashlib
import json
import re
from functools import singledispatch
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from .._panels.rows import align_target

__all__ = [
    "LoopIdentity",
    "describe_loop",
    "fingerprint",
    "fingerprint_rows",
]

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


# They decide where and when is written, not what is trained.
_FREE = {"checkpoint_dir", "checkpoint_every", "resume"}


class LoopIdentity(NamedTuple):
    """The parameters and data that determine the weights of a loop.

    Attributes
    ----------
    origin : dict of str to [str, str]
        What `fit` was given: by name the words for it, and a digest.
    later : list of str
        A digest of what each `partial_fit` after it was given.
    """

    origin: dict
    later: list

    def followed_by(self, description):
        """The identity after one more `partial_fit`."""
        return LoopIdentity(self.origin, [*self.later, fingerprint(description)])

    def to_dict(self):
        return {"origin": self.origin, "later": self.later}

    def check(self, path, facts, remedy):
        """Raise if a checkpoint is not of this loop, then or earlier."""
        origin, later = facts.get("origin", {}), facts.get("later", [])
        changed = _changed(origin, self.origin)
        if changed:
            difference = _difference(changed, origin, self.origin)
        elif later != self.later[: len(later)]:
            difference = "after partial_fit on other data sets, or in another order"
        else:
            return
        raise ValueError(
            f"The checkpoint {str(path)!r} comes from another loop, {difference}. "
            f"{remedy}"
        )


def describe_loop(model, X, y):
    """Describe what decides the weights: every parameter, and the data.

    Parameters
    ----------
    model : ContinualForecaster
    X : DataFrame of shape (n_rows, n_columns)
    y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)

    Returns
    -------
    dict of str to [str, str]
        By name the words for it, and a digest.
    """
    parameters = model.get_params()
    # Their own parameters are in the list.
    nested = [v for v in parameters.values() if isinstance(v, BaseEstimator)]
    found = {
        name: [_words(value), fingerprint(value, nested)]
        for name, value in parameters.items()
        if name not in _FREE and not name.endswith("verbose")
    }
    names = {"levels": list(X.index.names), "columns": list(X.columns)}
    if isinstance(y, pd.DataFrame):
        names["targets"] = list(y.columns)
    found |= {
        name: [_words(value), fingerprint(value)] for name, value in names.items()
    }
    return found | {"data": ["", fingerprint_rows(X, _as_floats(align_target(X, y)))]}


def _as_floats(y):
    try:
        return y.astype(np.float64)
    except (TypeError, ValueError):
        return y  # the data set that it belongs to refuses it


def _words(value):
    if isinstance(value, BaseEstimator):
        return type(value).__name__
    if np.ndim(value) and hasattr(value, "shape"):
        return f"{type(value).__name__} of shape {value.shape}"
    # The address of an object says nothing about it.
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
    return text if len(text) <= 80 else f"{text[:77]}..."


def _changed(theirs, ours):
    """The names whose digests differ."""
    absent = ["absent", ""]
    return [
        name
        for name in theirs | ours
        if theirs.get(name, absent)[1] != ours.get(name, absent)[1]
    ]


def _difference(changed, theirs, ours):
    if changed == ["data"]:
        return "with the same parameters, but on other data"
    pairs = [_pair(name, theirs, ours) for name in changed if name != "data"]
    more = f" and {len(pairs) - 8} more" if len(pairs) > 8 else ""
    return "with " + ", ".join(pairs[:8]) + more


def _pair(name, theirs, ours):
    old, new = (of[name][0] if name in of else "absent" for of in (theirs, ours))
    return f"another {name}" if old == new else f"{name}={old} (now {new})"

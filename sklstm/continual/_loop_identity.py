"""What makes a loop over data sets the same loop, in this process or another."""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from .._panels.fingerprint import fingerprint, fingerprint_rows
from .._panels.rows import align_target

__all__ = ["LoopIdentity", "describe_loop"]

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

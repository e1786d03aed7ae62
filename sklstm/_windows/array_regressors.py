"""Regressors that read windows as arrays: how they are fitted, and asked."""

from contextlib import contextmanager

import numpy as np
from sklearn.base import clone
from sklearn.multioutput import MultiOutputRegressor
from sklearn.utils import get_tags

__all__ = [
    "advised",
    "as_list",
    "fit_or_fit_each",
    "partners_of",
    "predict_arrays",
    "reads_all_steps",
    "takes_windows",
    "target_of",
]

# Numbers in the largest array of windows that is handed to a regressor at a time.
_PREDICT_SIZE = 1 << 24

# What to do when a regressor's own words are about the array that it was given.
_ADVICE = {
    "dim 3": "It was given windows of 3 axes; SlidingWindow(flat=True) returns rows.",
    "1d array": "It was given one column of y for each step and target. If it supports "
    "a single output and its scikit-learn tags do not declare that, wrap it in "
    "sklearn.multioutput.MultiOutputRegressor.",
}


def fit_or_fit_each(regressor, n_outputs, train):
    """Train a regressor, or a copy for each output if it takes but one.

    Parameters
    ----------
    regressor : regressor
        A regressor whose tags declare a single output is tried with all outputs first,
        because some regressors support more than their tags declare.
    n_outputs : int
        One for each step and target.
    train : callable
        Trains the regressor that it is given.

    Returns
    -------
    regressor
        The same one, or a `MultiOutputRegressor` of copies.
    """
    try:
        train(regressor)
        return regressor
    except ValueError:
        refused = _refuses(regressor, "multi_output")
        if n_outputs == 1 or takes_windows(regressor) or not refused:
            raise
    each = MultiOutputRegressor(clone(regressor))
    train(each)
    return each


def _refuses(regressor, outputs):
    """Whether the tags of a regressor deny "single_output" or "multi_output"."""
    if not hasattr(regressor, "__sklearn_tags__"):
        return False
    return not getattr(get_tags(regressor).target_tags, outputs)


def target_of(regressor, y):
    """Bring targets into the form that a regressor of arrays takes.

    Parameters
    ----------
    regressor : regressor
    y : ndarray of shape (n_windows, n_outputs)

    Returns
    -------
    ndarray of shape (n_windows, n_outputs) or (n_windows,)
        A single output has one axis, unless the regressor always takes two.
    """
    if y.shape[1] > 1 or _refuses(regressor, "single_output"):
        return y
    return y[:, 0]


@contextmanager
def advised():
    """Say what to do where a regressor's own words are about the array it was given."""
    try:
        yield
    except ValueError as error:
        for sign, advice in _ADVICE.items():
            if sign in str(error):
                error.add_note(advice)
        raise


def predict_arrays(regressor, windows):
    """Predict from windows as arrays, a part of them at a time.

    Parameters
    ----------
    regressor : fitted regressor
    windows : PanelWindows

    Returns
    -------
    ndarray of shape (n_windows,) or (n_windows, n_outputs)
    """
    size = max(1, _PREDICT_SIZE // int(np.prod(windows.shape[1:])))
    parts = [windows[first : first + size] for first in range(0, len(windows), size)]
    try:
        return np.concatenate([regressor.predict(np.asarray(part)) for part in parts])
    except ValueError as error:
        ahead, ends = windows.n_ahead, windows.ends
        short = ends + ahead >= windows.table.segment_ends(ends)
        if ahead and short.any() and "NaN" in str(error):
            error.add_note(
                f"It reads {list(windows.table.known)} of all {ahead} steps after each "
                f"window, and for {short.sum()} window(s) X ends before: those steps "
                "are NaN. Give X rows for all of them, or use a regressor that takes "
                "NaN, or one that reads windows as they are, such as LSTMRegressor."
            )
        raise


def as_list(given):
    """Bring an argument into a list: the items of one, a single thing, or none."""
    if given is None:
        return []
    return list(given) if isinstance(given, list) else [given]


def partners_of(ensemble):
    """The fitted partners of an ensemble whose weights are not 0, and the weights."""
    partners = as_list(getattr(ensemble, "partner_", None))
    if not partners:
        return []
    pairs = zip(partners, as_list(ensemble.partner_weight_), strict=True)
    return [(partner, weight) for partner, weight in pairs if weight]


def takes_windows(regressor):
    """Whether a regressor reads windows as they are, and not as an array."""
    return getattr(regressor, "accepts_panel_windows", False)


def reads_all_steps(regressor):
    """Whether a forecast reads the known columns of all steps.

    True if the regressor reads arrays, or a member or partner of an ensemble does.
    """
    inside = [*getattr(regressor, "estimators_", [])[:1]]
    inside += [partner for partner, _ in partners_of(regressor)]
    return not takes_windows(regressor) or any(map(reads_all_steps, inside))

"""A transformer, or a pipeline of them, on the target of a panel."""

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from .._panels.rows import show

__all__ = [
    "check_still_known",
    "extend_transformer",
    "fit_target",
    "inverse_target",
    "name_target",
    "transform_target",
]


def name_target(y):
    """Name the targets by text: other names do not come through a scikit-learn step."""
    if all(isinstance(name, str) for name in y.columns):
        return y
    return y.set_axis([f"y{i}" for i in range(y.shape[1])], axis=1)


def fit_target(transformer, y):
    """Fit a clone of `transformer` on y; None stays None.

    Parameters
    ----------
    transformer : transformer, Pipeline or None
    y : DataFrame of shape (n_rows, n_targets)
        Targets under their panel index.

    Returns
    -------
    transformer or None
        The fitted clone. Its steps return pandas, where they can, so that the
        series reach a scaler at any place in a pipeline.
    """
    if transformer is None:
        return None
    fitted = clone(transformer)
    if hasattr(fitted, "set_output"):
        fitted.set_output(transform="pandas")
    return fitted.fit(name_target(y))


def transform_target(transformer, y):
    """Transform y: an ndarray of shape (n_rows, n_targets)."""
    if transformer is not None:
        out = transformer.transform(name_target(y))
        if np.shape(out) != y.shape:
            raise ValueError(
                f"target_transformer turned y of shape {y.shape} into shape "
                f"{np.shape(out)}; it must keep rows and columns."
            )
        y = out
    # A copy that may be written to: forecasts are fed back into it.
    return np.array(y, dtype=np.float64)


def check_still_known(past, y):
    """Raise if values of y are lost, such as the log of a negative one.

    Values can also be too large for windows, which are float32.
    """
    lost = np.isfinite(y.to_numpy()) & ~np.isfinite(past)
    if lost.any():
        row = np.flatnonzero(lost.any(axis=1))[0]
        raise ValueError(
            f"target_transformer turned {lost.sum()} value(s) of y into NaN or "
            f"infinity, first {y.iloc[row].tolist()} at {y.index[row]}. Use one that "
            "is defined for all values of y."
        )
    large = np.abs(past) > np.finfo(np.float32).max
    if large.any():
        row, column = (places[0] for places in np.nonzero(large))
        name = y.columns[column]
        raise ValueError(
            f"{large.sum()} value(s) of y are too large for the float32 inputs of the "
            f"regressor, first {past[row, column]:.3g} (y = "
            f"{y.iloc[row, column]:.3g}) in column {name!r} at "
            f"{show(y.index[[row]])}. Correct them, divide y by a constant, or scale "
            "it with target_transformer=SeriesScaler()."
        )


def inverse_target(transformer, values, like):
    """Bring transformed values back to the units of y.

    Parameters
    ----------
    transformer : fitted transformer or None
    values : ndarray of shape (n_rows, n_targets)
    like : DataFrame of shape (n_rows, n_targets)
        Whose index and columns the values stand under.

    Returns
    -------
    ndarray of shape (n_rows, n_targets)
    """
    if transformer is None:
        return values
    columns = name_target(like).columns
    steps = [s for _, s in transformer.steps] if _is_pipeline(transformer) else None
    for step in reversed(steps or [transformer]):
        if step is None or isinstance(step, str):
            continue
        # An inverse that returns an array would cost the next one its series.
        frame = pd.DataFrame(np.asarray(values), index=like.index, columns=columns)
        values = step.inverse_transform(frame)
    return np.asarray(values, dtype=np.float64)


def extend_transformer(transformer, X):
    """Let transformers that learn by series learn of new ones, with `add_series`.

    Parameters
    ----------
    transformer : fitted transformer, or a composition of them
        Pipelines, column transformers and unions are gone through.
    X : DataFrame
        Rows of series that were not seen in `fit`.
    """
    if hasattr(transformer, "add_series"):
        transformer.add_series(X)
    elif _is_pipeline(transformer):
        for position, (_, step) in enumerate(transformer.steps):
            extend_transformer(step, X)
            if position + 1 < len(transformer.steps) and hasattr(step, "transform"):
                X = step.transform(X)
    elif isinstance(transformer, ColumnTransformer):
        for _, step, columns in transformer.transformers_:
            extend_transformer(step, X[columns])
    elif isinstance(transformer, FeatureUnion):
        for _, step in transformer.transformer_list:
            extend_transformer(step, X)


def _is_pipeline(transformer):
    return isinstance(transformer, Pipeline)

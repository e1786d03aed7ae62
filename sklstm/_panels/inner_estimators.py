"""Estimators inside searches, pipelines and other meta-estimators."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from .rows import is_panel

__all__ = [
    "apply_steps",
    "find_history",
    "find_method",
    "find_setting",
    "inner_estimators",
]

# Attributes of a fitted meta-estimator that hold the estimator inside it.
_INSIDE = ("best_estimator_", "forecaster_", "regressor_", "estimator_")


def inner_estimators(estimator: Any) -> Iterator[Any]:
    """Go through an estimator, the estimator inside it, the one inside that, and so on.

    Parameters
    ----------
    estimator : estimator
        Searches, pipelines (their last step), frozen estimators and fitted
        meta-estimators are opened.

    Yields
    ------
    estimator
    """
    while estimator is not None:
        yield estimator
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif isinstance(estimator, FrozenEstimator):
            estimator = estimator.estimator
        else:
            inside = (getattr(estimator, name, None) for name in _INSIDE)
            estimator = next((one for one in inside if one is not None), None)


def find_method(estimator: Any, name: str) -> Callable:
    """Find a method of X, such as `predict_quantiles`, that searches do not pass on.

    Parameters
    ----------
    estimator : estimator
        A fitted forecaster, or a pipeline or search that holds one.
    name : str
        The method.

    Returns
    -------
    callable
        Calls the method on X, transformed by the steps before it in a pipeline.
    """
    before: list = []
    for one in inner_estimators(estimator):
        if hasattr(one, name):
            method = getattr(one, name)
            return lambda X, **options: method(apply_steps(before, X), **options)
        if isinstance(one, Pipeline):
            before += one.steps[:-1]
    raise TypeError(
        f"{type(estimator).__name__} has no {name}. Use a PanelForecaster whose "
        "regressor has a quantile loss, an LSTMForecaster with quantiles, or a "
        "ConformalForecaster around any forecaster."
    )


def find_setting(estimator: Any, name: str) -> Any:
    """Find an attribute or parameter of the forecaster inside an estimator.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.
    name : str

    Returns
    -------
    object
        The value in the innermost fitted estimator that has it, else the parameter of
        this name of any estimator inside; None if there is none.
    """
    chain = inner_estimators(estimator)
    found = [getattr(one, name) for one in chain if hasattr(one, name)]
    if found:
        return found[-1]
    params = estimator.get_params() if hasattr(estimator, "get_params") else {}
    given = (v for key, v in params.items() if key.split("__")[-1] == name)
    return next((value for value in given if value is not None), None)


def find_history(estimator: Any) -> pd.Series | pd.DataFrame | None:
    """Find the target that a fitted forecaster remembers, in units of y.

    Parameters
    ----------
    estimator : estimator
        A fitted forecaster, or a meta-estimator that holds one.

    Returns
    -------
    Series, DataFrame or None
        None if no estimator inside remembers a panel.
    """
    around: list = []
    for one in inner_estimators(estimator):
        history = getattr(one, "history_", None)
        if is_panel(history):
            for outer in reversed(around):
                history = _undo_transform(outer, history)
            return history
        if isinstance(one, TransformedTargetRegressor):
            around.append(one)
    return None


def apply_steps(steps: list, X: Any) -> Any:
    """Apply some fitted steps of a pipeline.

    A pipeline cut out of another checks that its last step is fitted, and a step that
    learns nothing fails that check.

    Parameters
    ----------
    steps : list of (name, transformer)
    X : DataFrame or array

    Returns
    -------
    DataFrame or array
    """
    for _, step in steps:
        if step is not None and step != "passthrough":
            X = step.transform(X)
    return X


def _undo_transform(regressor, history):
    """Bring a history from the transformed target back to units of y."""
    values = history.to_numpy().reshape(len(history), -1)
    values = regressor.transformer_.inverse_transform(values)
    return pd.DataFrame(np.reshape(values, (len(history), -1)), index=history.index)

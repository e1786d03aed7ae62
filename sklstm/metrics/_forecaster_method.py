"""Finding a forecaster's method inside the estimators that hold it."""

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

__all__ = ["find_method"]


def find_method(estimator, name):
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
        Calls the method on X, once the steps of a pipeline before it transformed X.
    """
    method = _search_method(estimator, name)
    if method is None:
        raise TypeError(
            f"{type(estimator).__name__} has no {name}. Use a PanelForecaster whose "
            "regressor has a quantile loss, or a ConformalForecaster around any one."
        )
    return method


def _search_method(estimator, name):
    if hasattr(estimator, name):
        return getattr(estimator, name)
    if hasattr(estimator, "best_estimator_"):
        return _search_method(estimator.best_estimator_, name)
    if isinstance(estimator, FrozenEstimator):
        return _search_method(estimator.estimator, name)
    if not isinstance(estimator, Pipeline):
        return None
    method = _search_method(estimator[-1], name)
    if method is None:
        return None
    return lambda X, **options: method(_transform(estimator, X), **options)


def _transform(pipeline, X):
    return pipeline[:-1].transform(X) if len(pipeline) > 1 else X

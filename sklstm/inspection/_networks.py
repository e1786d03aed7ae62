"""The networks inside a fitted estimator."""

from .._panels.inner_estimators import inner_estimators

__all__ = ["inner_networks"]


def inner_networks(estimator, attribute):
    """Go through what has an attribute inside an estimator, each member of an ensemble.

    Parameters
    ----------
    estimator : estimator
        A fitted regressor, ensemble, pipeline, forecaster or search.
    attribute : str
        An attribute of a fitted network, such as "training_history_".

    Yields
    ------
    estimator
    """
    for inside in inner_estimators(estimator):
        if hasattr(inside, attribute):
            yield inside
            return
        if hasattr(inside, "estimators_"):
            for member in inside.estimators_:
                yield from inner_networks(member, attribute)
            return

"""Learning that is taken over at once when it ends, or not at all."""

from copy import deepcopy
from functools import wraps

__all__ = ["all_or_nothing", "copy_to_train", "shallow_copy"]


def all_or_nothing(method):
    """Let a method learn on a shallow copy of its estimator, which then takes it over.

    An exception in the method, Ctrl-C included, leaves the estimator as it was. The
    method sets attributes as usual, but must not change the objects in them, such as a
    fitted regressor: it trains a copy and assigns the copy.

    Parameters
    ----------
    method : callable
        A method that returns the estimator, such as `fit`.

    Returns
    -------
    callable
    """

    @wraps(method)
    def learn(self, *args, **kwargs):
        learner = shallow_copy(self)
        method(learner, *args, **kwargs)
        # One assignment: an interrupt comes before it or after it.
        self.__dict__ = vars(learner)
        return self

    learn.learns_on_a_copy = True
    return learn


def copy_to_train(estimator):
    """Copy an estimator for its `partial_fit`, which may be stopped half-way.

    Parameters
    ----------
    estimator : object with `partial_fit`

    Returns
    -------
    object
        A shallow copy, if its `partial_fit` learns on a copy itself; a deep one of all
        others, because many train in place.
    """
    method = getattr(type(estimator), "partial_fit", None)
    if getattr(method, "learns_on_a_copy", False):
        return shallow_copy(estimator)
    return deepcopy(estimator)


def shallow_copy(estimator):
    """Copy an estimator whose attributes are the same objects.

    Parameters
    ----------
    estimator : object

    Returns
    -------
    object
        Setting its attributes leaves `estimator` alone.
    """
    copied = object.__new__(type(estimator))
    vars(copied).update(vars(estimator))
    return copied

"""Learning that is taken over at once when it ends, or not at all."""

from functools import wraps

__all__ = ["all_or_nothing", "shallow_copy"]


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

    return learn


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

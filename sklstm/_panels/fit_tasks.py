"""The tasks of a fit, which the callbacks of scikit-learn 1.9 and later watch."""

from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: there are no callbacks."""

    def with_callbacks(method):
        """Leave a method as it is: there are no callbacks."""
        return method


__all__ = [
    "FitTasksMixin",
    "current_name",
    "named",
    "new_task",
    "run_as",
    "with_callbacks",
]

_NAME: ContextVar = ContextVar("name of the training", default=None)


class FitTasksMixin(CallbackSupportMixin):
    """Let callbacks watch `fit`, which must be decorated by `with_callbacks`."""

    def _begin_tasks(self, n_tasks, X=None, y=None):
        """Begin the task of a fit, which has so many of its own; None if not known.

        Returns
        -------
        CallbackContext or None
            None without callbacks.
        """
        if not hasattr(self, "_init_callback_context"):
            return None
        task = self._init_callback_context(max_subtasks=n_tasks)
        task.call_on_fit_task_begin(estimator=self, X=X, y=y)
        return task

    def _end_tasks(self, task, X=None, y=None):
        """End the task of a fit."""
        if task is not None:
            task.call_on_fit_task_end(estimator=self, X=X, y=y)


def new_task(task, name):
    """Make the next task inside another one, None without callbacks."""
    return None if task is None else task.subcontext(task_name=name)


def run_as(task, estimator):
    """Let the fit of an inner estimator, in the block, be a task of the outer one."""
    return nullcontext() if task is None else task.propagate_callback_context(estimator)


@contextmanager
def named(name):
    """Name the trainings in a block, for their progress bars."""
    token = _NAME.set(name)
    try:
        yield
    finally:
        _NAME.reset(token)


def current_name():
    """The name of this training, None if it has none."""
    return _NAME.get()

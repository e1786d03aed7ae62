"""SeedEnsemble: one regressor, trained from several seeds, and averaged."""

from copy import deepcopy
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from .._panels.parameters import HasMethods, Interval, _fit_context


def _can_go_on(self):
    """Whether the regressor has partial_fit; an AttributeError says it has not."""
    self.estimator.partial_fit  # noqa: B018
    return True


def _has_quantiles(self):
    """Whether the regressor predicts quantiles; an AttributeError says it does not."""
    _member(self).predict_quantiles  # noqa: B018
    return True


def _member(ensemble):
    """A fitted regressor, if there is one, else the one that is cloned."""
    return getattr(ensemble, "estimators_", [ensemble.estimator])[0]


class SeedEnsemble(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Train a regressor several times, each from a seed of its own, and average.

    A network that is trained again from another seed errs a little differently, and
    the average of a few errs less than most of them. Unlike
    :class:`~sklearn.ensemble.BaggingRegressor` and
    :class:`~sklearn.ensemble.VotingRegressor` this hands X and y on as they are, so
    that windows stay windows and y may have many outputs.

    Parameters
    ----------
    estimator : regressor
        What is cloned and trained. It must have a parameter `random_state`, itself or
        in an estimator inside it.
    n_estimators : int, default=3
        How many times; `partial_fit` goes on with those of the last fit.
    n_jobs : int, default=None
        How many are trained at a time, each in a process of its own. The result does
        not depend on it.
    random_state : int, RandomState instance or None, default=None
        Decides the seeds.

    Attributes
    ----------
    estimators_ : list of regressors
        The trained regressors.
    n_features_in_ : int
        Number of features seen in `fit`; there if the regressors have it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns; there if the regressors have it.
    past_reach_ : int
        How many rows before its window a forecast looks back to; there if the
        regressors have it.
    quantiles_ : tuple of float or None
        The quantiles that were learned; there if the regressors have it.

    See Also
    --------
    LSTMRegressor : The regressor that this is made for.
    make_forecaster : The recommended forecaster, which uses it.

    References
    ----------
    Hansen, L. K. and Salamon, P. (1990). Neural network ensembles. IEEE Transactions
    on Pattern Analysis and Machine Intelligence 12(10), 993-1001.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMRegressor, SeedEnsemble
    >>> X = np.random.default_rng(0).normal(size=(100, 8)).astype("float32")
    >>> y = X[:, -1] - X[:, -2]
    >>> lstm = LSTMRegressor(hidden_size=8, max_epochs=5)
    >>> model = SeedEnsemble(lstm, n_estimators=2, random_state=0).fit(X, y)
    >>> one, two = (member.predict(X) for member in model.estimators_)
    >>> bool(np.allclose(model.predict(X), (one + two) / 2))
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
    }

    def __init__(self, estimator, n_estimators=3, *, n_jobs=None, random_state=None):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.n_jobs = n_jobs
        self.random_state = random_state

    @property
    def accepts_panel_windows(self):
        """Whether the regressor reads windows as they are."""
        return getattr(_member(self), "accepts_panel_windows", False)

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Train every regressor.

        Parameters
        ----------
        X : PanelWindows or array-like
            What the regressor takes.
        y : array-like
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, handed on if given.

        Returns
        -------
        SeedEnsemble
            The fitted estimator.
        """
        self.estimators_ = self._train("fit", self._new(), X, y, sample_weight)
        return self

    @available_if(_can_go_on)
    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X, y, sample_weight=None):
        """Train every regressor on.

        Parameters
        ----------
        X : PanelWindows or array-like
            What the regressor takes.
        y : array-like
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, handed on if given.

        Returns
        -------
        SeedEnsemble
            The estimator itself.
        """
        # Copies: many regressors train in place, and one of them may fail.
        members = deepcopy(getattr(self, "estimators_", None)) or self._new()
        self.estimators_ = self._train("partial_fit", members, X, y, sample_weight)
        return self

    def predict(self, X):
        """Average what the regressors predict.

        Parameters
        ----------
        X : PanelWindows or array-like
            What the regressor takes.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            One prediction for each sample.
        """
        check_is_fitted(self)
        return np.mean([member.predict(X) for member in self.estimators_], axis=0)

    @available_if(_has_quantiles)
    def predict_quantiles(self, X, quantiles=None):
        """Average the quantiles that the regressors predict.

        Parameters
        ----------
        X : PanelWindows or array-like
            What the regressor takes.
        quantiles : sequence of float, default=None
            Those wanted; all that the regressors learned if None.

        Returns
        -------
        ndarray of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
            Averages of quantiles ascend as they do.
        """
        check_is_fitted(self)
        members = self.estimators_
        return np.mean([m.predict_quantiles(X, quantiles) for m in members], axis=0)

    @property
    def quantiles_(self):
        return self._of_first("quantiles_")

    @property
    def n_features_in_(self):
        return self._of_first("n_features_in_")

    @property
    def feature_names_in_(self):
        return self._of_first("feature_names_in_")

    @property
    def past_reach_(self):
        return self._of_first("past_reach_")

    def _of_first(self, name):
        check_is_fitted(self)
        return getattr(self.estimators_[0], name)

    def _new(self):
        random_state = check_random_state(self.random_state)
        return [
            _with_seed(self.estimator, random_state) for _ in range(self.n_estimators)
        ]

    def _train(self, method, members, X, y, sample_weight):
        extra = {} if sample_weight is None else {"sample_weight": sample_weight}
        return Parallel(n_jobs=self.n_jobs)(
            delayed(_train_one)(member, method, X, y, extra) for member in members
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.target_tags = inner.target_tags
        tags.regressor_tags = inner.regressor_tags
        return tags


def _with_seed(estimator, random_state):
    """Clone an estimator, every `random_state` inside it drawn anew."""
    seeds = {
        name: random_state.randint(np.iinfo(np.int32).max)
        for name in sorted(estimator.get_params())
        if name == "random_state" or name.endswith("__random_state")
    }
    if not seeds:
        raise ValueError(
            f"{type(estimator).__name__} has no parameter random_state: trained again, "
            "it would be the same. Average regressors that differ with "
            "sklearn.ensemble.VotingRegressor."
        )
    return clone(estimator).set_params(**seeds)


def _train_one(estimator, method, X, y, extra):
    return getattr(estimator, method)(X, y, **extra)

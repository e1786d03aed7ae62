"""SeedEnsemble: average one regressor over several random seeds."""

from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from .._panels.all_or_nothing import all_or_nothing, copy_to_train
from .._panels.fit_tasks import FitTasksMixin, named, new_task, run_as, with_callbacks
from .._panels.parameters import HasMethods, Interval, StrOptions, _fit_context
from .._panels.quantiles import check_quantiles, median_of
from .._windows.array_regressors import as_list, partners_of, takes_windows
from ._partner import learn, predict_beside, samples_of
from ._partner_weight import LARGEST_WEIGHT, choose_weights, errors_in_training

# How much the errors of a part count when the next one is learned.
_EARLIER = 0.9


def _has_partial_fit(self):
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


class SeedEnsemble(FitTasksMixin, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Train a regressor from several random seeds and average the predictions.

    Networks trained from different seeds make different errors, and the average of a
    few networks has a smaller error than most of them. Unlike
    :class:`~sklearn.ensemble.BaggingRegressor` and
    :class:`~sklearn.ensemble.VotingRegressor` the ensemble passes X and y
    to the regressor unchanged: windows stay lazy, and y may have many outputs.

    A partner of another kind makes errors that are still less alike. A method without
    training, such as Theta, costs next to nothing.

    Parameters
    ----------
    estimator : regressor
        The regressor to clone and train. It, or an estimator inside it, must have a
        parameter `random_state`.
    n_estimators : int, default=3
        Number of regressors. `partial_fit` continues with the regressors and the
        partners of the last fit.
    partner : regressor or list of regressors, default=None
        A regressor of another kind, such as ``NaiveRegressor("theta")`` or
        ``StepRegressor()``, or a list of them, whose predictions join the average. It
        is fitted on the same X and y, and with the weights if its `fit` has them, as a
        copy for each output if it takes but one. A partner that does not read windows
        as they are gets each as a row of an array, as of ``SlidingWindow(flat=True)``,
        with the known columns of all steps behind it; it learns from those whose
        targets are all known. In `partial_fit` a partner without this method stays as
        the first part left it.
    partner_weight : float, "auto", tuple, or list of them, default="auto"
        Weight of the partner in the average, from 0 to 1, or of each; the other
        regressors share the rest. "auto" is 0.3, or an equal share of what is left if
        that is less; ``("auto", 0.4)`` is 0.4. It falls to 0 as the absolute error of
        the partner in training grows from 1.5 to 2 times that of the regressors.
        Windows are compared in the last quarter of each series; in `partial_fit`
        earlier parts count as well, each 0.9 of the next.
    n_jobs : int, default=None
        Number of regressors trained in parallel, each in its own process. The result
        does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed from which the seeds of the regressors and of the partners are drawn.

    Attributes
    ----------
    estimators_ : list of regressors
        The trained regressors.
    partner_ : regressor, list of regressors, or None
        The fitted partner, or a list if one was given.
    partner_weight_ : float or list of float
        Its weight in the average, or those of a list.
    n_features_in_ : int
        Number of features seen in `fit`, if the regressors have this attribute.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if the regressors have this attribute.
    past_reach_ : int
        Number of rows before its window that a forecast reads, if the regressors (and
        each partner that reads windows as they are) have this attribute.
    fills_ : list
        The seasons by which the regressors and partners fill missing values, a tuple
        for each that does.
    quantiles_ : tuple of float or None
        The learned quantiles, if the regressors have this attribute.

    See Also
    --------
    LSTMRegressor : The usual regressor of an ensemble.
    LSTMForecaster : The recommended forecaster, which uses it.

    References
    ----------
    Hansen, L. K. and Salamon, P. (1990). Neural network ensembles. IEEE Transactions
    on Pattern Analysis and Machine Intelligence 12(10), 993-1001.

    Bates, J. M. and Granger, C. W. J. (1969). The combination of forecasts. Operational
    Research Quarterly 20(4), 451-468.

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
        "partner": [None, HasMethods(["fit", "predict"]), list],
        "partner_weight": [
            Interval(Real, 0, 1, closed="both"),
            StrOptions({"auto"}),
            tuple,
            list,
        ],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
    }

    # Files of earlier versions do not have them.
    partner: Any = None
    partner_weight: float | str | tuple | list = "auto"
    partner_: Any = None
    partner_weight_: float | list = 0.0
    _errors: Any = 0.0

    def __init__(
        self,
        estimator: Any,
        n_estimators: int = 3,
        *,
        partner: Any = None,
        partner_weight: float | str | tuple | list = "auto",
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.partner = partner
        self.partner_weight = partner_weight
        self.n_jobs = n_jobs
        self.random_state = random_state

    @property
    def accepts_panel_windows(self) -> Any:
        """Whether the regressor reads windows as they are."""
        return getattr(_member(self), "accepts_panel_windows", False)

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SeedEnsemble":
        """Train every regressor.

        Parameters
        ----------
        X : PanelWindows or array-like
            Input of the regressor.
        y : array-like
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, passed to the regressors if given.

        Returns
        -------
        SeedEnsemble
            The fitted estimator.
        """
        task = self._begin_tasks(self.n_estimators, X, y)
        members, partners = self._new()
        partners = [_learn(each, "fit", X, y, sample_weight) for each in partners]
        members = self._train("fit", members, X, y, sample_weight, task)
        self._join(members, partners, self.partner, X, y, sample_weight)
        self._end_tasks(task, X, y)
        return self

    @available_if(_has_partial_fit)
    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SeedEnsemble":
        """Continue to train every regressor.

        Parameters
        ----------
        X : PanelWindows or array-like
            Input of the regressor.
        y : array-like
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, passed to the regressors if given.

        Returns
        -------
        SeedEnsemble
            The estimator itself.
        """
        # Copies, since one of them may fail.
        members = [copy_to_train(m) for m in getattr(self, "estimators_", [])]
        given = self.partner_ if members else self.partner
        if members:
            self._given_weights(given)  # raises before the training
            partners = [
                _learn_more(each, X, y, sample_weight)
                for each in as_list(self.partner_)
            ]
        else:
            members, partners = self._new()
            partners = [
                _learn(each, _way_to_begin(each), X, y, sample_weight)
                for each in partners
            ]
        members = self._train("partial_fit", members, X, y, sample_weight)
        self._join(members, partners, given, X, y, sample_weight, self._errors)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Average the predictions of the regressors.

        Parameters
        ----------
        X : PanelWindows or array-like
            Input of the regressor.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            One prediction for each sample.
        """
        check_is_fitted(self)
        mean = _mean_of(self.estimators_, X)
        return mean + self._moves(X, mean)

    @available_if(_has_quantiles)
    def predict_quantiles(self, X: Any, quantiles: Any = None) -> np.ndarray:
        """Average the predicted quantiles of the regressors.

        A partner moves all quantiles of a sample by as much as it moves the median, or
        the only one that is learned, which it has to predict as well.

        Parameters
        ----------
        X : PanelWindows or array-like
            Input of the regressor.
        quantiles : sequence of float, default=None
            Quantiles to predict; None predicts all learned quantiles.

        Returns
        -------
        ndarray of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
            Ascending along the last axis, as those of each regressor.
        """
        check_is_fitted(self)
        out = self._mean_quantiles(X, quantiles)
        if not partners_of(self):
            return out
        learned = out if quantiles is None else self._mean_quantiles(X, None)
        median = median_of(learned, self.quantiles_)
        return out + self._moves(X, median)[..., None]

    def _moves(self, X, mean):
        """How far the partners move the mean of the others."""
        moves = 0.0
        for partner, weight in partners_of(self):
            moves = moves + weight * (predict_beside(partner, X, mean.shape) - mean)
        return moves

    def _mean_quantiles(self, X, quantiles):
        members = self.estimators_
        return np.mean([m.predict_quantiles(X, quantiles) for m in members], axis=0)

    @property
    def quantiles_(self) -> tuple | None:
        return self._of_first("quantiles_")

    @property
    def n_features_in_(self) -> int:
        return self._of_first("n_features_in_")

    @property
    def feature_names_in_(self) -> np.ndarray:
        return self._of_first("feature_names_in_")

    @property
    def past_reach_(self) -> int:
        own = self._of_first("past_reach_")
        lazy = filter(takes_windows, as_list(self.partner_))
        return max([own, *(partner.past_reach_ for partner in lazy)])

    @property
    def fills_(self) -> list:
        check_is_fitted(self)
        return [
            periods
            for regressor in (self.estimators_[0], *as_list(self.partner_))
            for periods in getattr(regressor, "fills_", [])
        ]

    def _of_first(self, name):
        check_is_fitted(self)
        return getattr(self.estimators_[0], name)

    def _new(self):
        """The regressors and the partners, each with a seed of its own, not fitted."""
        if not _seed_names(self.estimator):
            raise ValueError(
                f"{type(self.estimator).__name__} has no parameter random_state, so "
                "every copy would be the same. Average different regressors with "
                "sklearn.ensemble.VotingRegressor."
            )
        random_state = check_random_state(self.random_state)
        members = [
            _with_seed(self.estimator, random_state) for _ in range(self.n_estimators)
        ]
        partners, weights = as_list(self.partner), self._given_weights(self.partner)
        wrong = [each for each in partners if not _is_regressor(each)]
        if wrong:
            raise ValueError(
                f"partner has {wrong[0]!r} in its list, which is no regressor. Give "
                "instances with fit and predict."
            )
        if any(weight != 0 for weight in weights):
            self._check_quantiles()
        joining = zip(partners, weights, strict=True)
        return members, [
            _with_seed(partner, random_state) if weight != 0 else None
            for partner, weight in joining
        ]

    def _given_weights(self, partner):
        """For each partner the weight that was given, or "auto" and the largest one."""
        partners, weights = as_list(partner), self.partner_weight
        if not isinstance(weights, list):
            weights = [weights] * len(partners)
        limits = [
            weight[1:] if _is_limited(weight) else (weight,) for weight in weights
        ]
        given = [limit for (limit,) in limits if limit != "auto"]
        if len(weights) != len(partners) or not all(map(_is_share, given)):
            raise ValueError(
                f"partner_weight={self.partner_weight!r} must be a number from 0 to 1, "
                '"auto" or ("auto", largest number), or a list of one for each of '
                f"{len(partners)} partner(s)."
            )
        if sum(given) > 1 + 1e-9:  # not for a rounded sum
            raise ValueError(
                f"The weights of the partners, {given}, are more than 1 together. "
                "Lower them, so that the rest is left to the other regressors."
            )
        # The other regressors get as large a share of the rest.
        share = (1 - sum(given)) / (1 + weights.count("auto"))
        usual = ("auto", min(LARGEST_WEIGHT, share))
        return [usual if weight == "auto" else weight for weight in weights]

    def _choose(self, weights, partners, errors):
        """Put numbers in place of "auto": by the errors, else as they are."""
        if np.ndim(errors) > 0:
            largest = [
                weight[1] if _is_limited(weight) else 0.0
                for partner, weight in zip(partners, weights, strict=True)
                if partner is not None
            ]
            chosen = iter(choose_weights(*errors, largest=largest))
        else:
            kept = zip(
                as_list(self.partner_), as_list(self.partner_weight_), strict=True
            )
            chosen = (weight for partner, weight in kept if partner is not None)
        found = [0.0 if partner is None else next(chosen) for partner in partners]
        pairs = zip(weights, found, strict=True)
        return [own if _is_limited(weight) else weight for weight, own in pairs]

    def _check_quantiles(self):
        """Raise if partners cannot move the quantiles of the regressor."""
        quantiles = getattr(self.estimator, "quantiles", None)
        learned = getattr(self.estimator, "loss", None) == "quantile"
        if not learned or quantiles is None:
            return
        quantiles = check_quantiles(quantiles)
        if len(quantiles) > 1 and not quantiles[0] <= 0.5 <= quantiles[-1]:
            raise ValueError(
                f"quantiles={quantiles} lie on one side of the median, with which a "
                "partner moves them. Learn 0.5 as well, or set partner_weight=0."
            )

    def _join(self, members, partners, given, X, y, sample_weight, errors=0.0):
        """Keep what was trained, in the form that was given, and the weights."""
        weights = self._given_weights(given)
        joined = [partner for partner in partners if partner is not None]
        if any(map(_is_limited, weights)) and joined:
            both = [partial(_mean_beside, members)]
            both += [partial(predict_beside, partner) for partner in joined]
            compared = X, y, sample_weight
            for partner in joined:
                compared = compared and samples_of(partner, *compared)
            if compared is not None:
                errors = _EARLIER * errors + errors_in_training(both, *compared)
            weights = self._choose(weights, partners, errors)
        weights = [
            0.0 if partner is None else weight
            for partner, weight in zip(partners, weights, strict=True)
        ]
        self.estimators_, self._errors = members, errors
        if isinstance(given, list):
            self.partner_, self.partner_weight_ = partners, weights
        else:
            self.partner_ = partners[0] if partners else None
            self.partner_weight_ = weights[0] if partners else 0.0

    def _train(self, method, members, X, y, sample_weight, task=None):
        extra = {} if sample_weight is None else {"sample_weight": sample_weight}
        return Parallel(n_jobs=self.n_jobs)(
            delayed(_train_one)(
                member,
                method,
                X,
                y,
                extra,
                new_task(task, "fit-net"),
                f"net {number} of {len(members)}",
            )
            for number, member in enumerate(members, 1)
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.target_tags = inner.target_tags
        tags.regressor_tags = inner.regressor_tags
        for partner in as_list(self.partner):
            other = get_tags(partner)
            tags.input_tags.allow_nan &= other.input_tags.allow_nan
            tags.input_tags.sparse &= other.input_tags.sparse
        return tags


def _seed_names(estimator):
    """The parameters, also of estimators inside, that are seeds."""
    names = sorted(estimator.get_params()) if hasattr(estimator, "get_params") else []
    return [n for n in names if n == "random_state" or n.endswith("__random_state")]


def _with_seed(estimator, random_state):
    """Clone an estimator, every `random_state` inside it drawn anew."""
    seeds = {
        name: random_state.randint(np.iinfo(np.int32).max)
        for name in _seed_names(estimator)
    }
    return clone(estimator).set_params(**seeds)


def _is_regressor(partner):
    is_kind = isinstance(partner, type)
    return not is_kind and hasattr(partner, "fit") and hasattr(partner, "predict")


def _is_share(weight):
    return (
        isinstance(weight, Real) and not isinstance(weight, bool) and 0 <= weight <= 1
    )


def _is_limited(weight):
    pair = isinstance(weight, tuple) and len(weight) == 2
    return pair and isinstance(weight[0], str) and weight[0] == "auto"


def _learn(partner, method, X, y, sample_weight):
    if partner is None:
        return None
    return learn(partner, method, samples_of(partner, X, y, sample_weight))


def _way_to_begin(partner):
    return "partial_fit" if hasattr(partner, "partial_fit") else "fit"


def _learn_more(partner, X, y, sample_weight):
    """A partner that learned one more part; itself if it cannot, or has no samples."""
    if not hasattr(partner, "partial_fit"):
        return partner
    samples = samples_of(partner, X, y, sample_weight)
    partner = copy_to_train(partner)
    return partner if samples is None else learn(partner, "partial_fit", samples)


def _mean_of(members, X):
    return np.mean([member.predict(X) for member in members], axis=0)


def _mean_beside(members, X, shape):
    return _mean_of(members, X).reshape(shape)


def _train_one(estimator, method, X, y, extra, task, name):
    with run_as(task, estimator), named(name):
        return getattr(estimator, method)(X, y, **extra)

"""ContinualForecaster: one model through several data sets in turn."""

from collections.abc import Callable
from copy import deepcopy
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from .._panels.all_or_nothing import all_or_nothing, shallow_copy
from .._panels.checkpoint_files import read_checkpoint
from .._panels.parameters import HasMethods, Interval, StrOptions, _fit_context
from .._panels.plain_state import PlainState
from .._panels.rows import (
    check_frame,
    check_kind_of_labels,
    index_message,
    is_panel,
    rows_without_columns,
    show,
)
from ..forecasting._forecaster_checks import check_pipeline
from ..forecasting._forecaster_mixins import ForecasterMixin
from ..forecasting._panel_forecaster import PanelForecaster
from ._checkpoints import CheckpointFolder
from ._loop_data import (
    join_datasets,
    make_data,
    prepare_more,
    prepare_own,
    prepare_shared,
    take_rows,
    with_padding,
)
from ._loop_identity import LoopIdentity, describe_loop
from ._stage_loop import Progress, StageLoop
from ._stage_plan import plan_epochs, plan_order, split_datasets
from ._stage_scores import backward_transfer, forgetting, forward_transfer


def _has_quantiles(self):
    """Whether the regressor predicts quantiles; an AttributeError says it does not."""
    forecasters = getattr(self, "forecasters_", {"": self.forecaster})
    next(iter(forecasters.values())).predict_quantiles  # noqa: B018
    return True


class ContinualForecaster(
    PlainState, ForecasterMixin, MetaEstimatorMixin, RegressorMixin, BaseEstimator
):
    """Train one model on several data sets in turn, without forgetting.

    A data set is a label of the first index level of a panel: a region, a machine, a
    batch. Each data set is scaled and windowed on its own, and one regressor is trained
    on them one after another, in stages. After every stage the error of every data set
    is measured on held-out rows, which shows forgetting. Replay of earlier rows, a
    falling learning rate and penalties on the weights reduce it.

    Parameters
    ----------
    forecaster : PanelForecaster, or LSTMForecaster with one network
        A forecaster whose regressor can train in stages, such as
        :class:`~sklstm.LSTMRegressor`. Weight decay, dropout, and the schedule of the
        learning rate within a stage are parameters of the regressor. Its
        `early_stopping` uses the held-out rows of the stage's data set.
    strategy : {"sequential", "joint"}, default="sequential"
        Whether data sets are trained one after another or all together. Joint training
        is the usual upper bound for sequential training: compare the last row of
        `stage_scores_` of both.
    preprocessing : {"own", "shared"}, default="own"
        Whether the transformers are fitted anew on each data set, or once on all of
        them together.
    order : {"given", "largest", "smallest"} or list, default="given"
        The order of the stages: by first row, or by number of rows. A list names the
        data sets to train first; the others follow as given.
    epochs : int or dict, default=None
        Number of epochs of each stage, or a dict by data set, such as
        ``{"north": 5}`` for a short warm-up on the first one. None, and data sets that
        are not in the dict, use `max_epochs` of the regressor. ``strategy="joint"`` has
        one stage for all and takes no dict.
    lr_decay : float, default=0.9
        Factor of the learning rate from stage to stage.
    keep_optimizer : bool, default=True
        Whether the optimizer keeps its running means from stage to stage.
    replay : float, default=0.5
        Share of each batch that is drawn from earlier data sets, in [0, 1), in addition
        to the stage's own rows.
    balance : {"rows", "series", "datasets"}, default="datasets"
        The unit of equal weight in replay and with ``strategy="joint"``: each row, each
        series or each data set.
    l2_sp : float, default=0.0
        Strength of a penalty on the squared distance from the weights at the start of
        the stage.
    ewc : float, default=0.0
        Strength of elastic weight consolidation: a penalty on the distance from the
        weights after each earlier stage, by how much they matter to its data set. With
        1 an earlier data set counts about as much as the new one.
    validation_fraction : float, default=0.1
        Share of each series' rows, the latest ones, that is held out and scored, from 0
        to below 1. 0 holds nothing out, and leaves all scores at NaN.
    scoring : {"mae", "rmse"} or callable, default="mae"
        The error of a data set, of known and predicted values over all steps, in the
        units that `target_transformer` gives them. A callable takes two arrays of one
        axis and returns a float of 0 or more that is lower for better, such as 1 - r2:
        `tolerance` is relative to it. Errors below 0 are refused.
    tolerance : float, default=0.5
        Largest relative increase of an earlier dataset's error, over its best since its
        own stage, before `on_forgetting` acts.
    on_forgetting : {"ignore", "warn", "stop", "rollback"}, default="warn"
        Reaction to forgetting: "warn" warns; "stop" warns and ends training after the
        stage; "rollback" warns, undoes the stage and continues with the next one.
    checkpoint_dir : str or Path, default=None
        Folder for checkpoints: ``latest.npz``, ``stage_000.npz`` after each stage, and
        ``best_000.npz`` with the weights that were best for each data set, in the order
        of the stages. Only one loop at a time can write to a folder. None writes none.
    checkpoint_every : int, default=None
        Epochs between two writes of ``latest.npz`` inside a stage; None writes it after
        stages alone. It needs a `checkpoint_dir`.
    resume : bool, default=False
        Whether `fit` continues from ``latest.npz``, if that file exists. Parameters and
        data must be the same; rows may come in another order.

    Attributes
    ----------
    forecasters_ : dict of PanelForecaster
        The fitted forecaster of each data set. All have the same regressor; with
        ``preprocessing="shared"`` they are one.
    datasets_ : list
        The data sets in the order of their stages.
    stages_ : DataFrame
        For each stage its data sets, number of epochs, factor of the learning rate,
        the largest rise of an earlier data set's error and whose it was, and the
        outcome: "kept", "stopped" or "undone".
    stage_scores_ : DataFrame of shape (n_stages, n_datasets)
        The error of each data set after each kept stage, also before its own stage.
        Data sets of `partial_fit` are scored from the last stage before it on.
    untrained_scores_ : Series of shape (n_datasets,)
        The error of each data set before any training.
    forgetting_ : Series of shape (n_datasets,)
        The error of each data set minus its lowest error after any earlier stage that
        it was scored in [1]_.
    backward_transfer_ : Series of shape (n_datasets,)
        The decrease of the error of each data set since its own stage [2]_.
    forward_transfer_ : Series of shape (n_datasets,)
        The decrease of the error of each data set from the untrained model to the stage
        before its own [2]_.
    history_ : Series or DataFrame
        The remembered y of all data sets.
    horizon_ : int
        The `horizon` of the forecaster.
    window_size_ : int
        The number of rows in a window.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X, where all are strings.

    See Also
    --------
    PanelForecaster : The forecaster that is trained in stages.
    TransferMatrixDisplay : Plot the errors over the stages.

    Notes
    -----
    The measures of transfer are those of the papers with errors in place of accuracies,
    one value for each data set; what the papers report is their mean
    (``forgetting_.mean()``), which leaves out the NaN of data sets without one.

    A series that was not trained on has the embedding of the unknown label, and gets
    its own with its stage, which starts from there. `category_dropout` of the regressor
    trains that embedding. Stages do not touch the embeddings of labels that they do not
    show.

    All that is random comes from `random_state` of the regressor. A checkpoint holds
    the weights, the state of the optimizer and of the generator; a loop that resumes
    ends with the weights it would have had, bit for bit on the CPU. Callbacks that have
    a state of their own are not part of it, and a stage with `early_stopping` is
    resumed from its start. The files are read by ``numpy.load`` without pickle.

    An error or Ctrl-C in `fit`, `partial_fit`, `update` or `restore` leaves the model
    unchanged.

    The last rows of each series are scored and not learned, but the transformers do see
    them.

    References
    ----------
    .. [1] Chaudhry, A., Dokania, P. K., Ajanthan, T. and Torr, P. H. S. (2018).
       Riemannian walk for incremental learning: understanding forgetting and
       intransigence. ECCV.
    .. [2] Lopez-Paz, D. and Ranzato, M. (2017). Gradient episodic memory for continual
       learning. NeurIPS.
    .. [3] Kirkpatrick, J. et al. (2017). Overcoming catastrophic forgetting in neural
       networks. PNAS 114(13), 3521-3526.
    .. [4] Li, X., Grandvalet, Y. and Davoine, F. (2018). Explicit inductive bias for
       transfer learning with convolutional networks. ICML.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import LSTMRegressor, PanelForecaster, ContinualForecaster
    >>> from sklstm import SeriesScaler, SlidingWindow
    >>> from sklstm.datasets import make_panel
    >>> panel = pd.concat(
    ...     {
    ...         "north": make_panel(4, 60, n_covariates=0, random_state=0),
    ...         "south": make_panel(4, 80, n_covariates=0, random_state=1),
    ...     },
    ...     names=["region"],
    ... )
    >>> forecaster = PanelForecaster(
    ...     make_pipeline(
    ...         SlidingWindow(10), LSTMRegressor(8, max_epochs=2, random_state=0)
    ...     ),
    ...     horizon=3,
    ...     target_transformer=SeriesScaler(),
    ... )
    >>> loop = ContinualForecaster(forecaster, replay=0.3)
    >>> loop.fit(panel[[]], panel["target"]).stage_scores_.shape
    (2, 2)
    >>> loop.forecast(steps=2).index.names
    FrozenList(['region', 'series', 'time'])
    """

    _parameter_constraints: dict = {
        "forecaster": [HasMethods(["fit", "predict", "forecast"])],
        "strategy": [StrOptions({"sequential", "joint"})],
        "preprocessing": [StrOptions({"own", "shared"})],
        "order": [StrOptions({"given", "largest", "smallest"}), list],
        "epochs": [None, Interval(Integral, 1, None, closed="left"), dict],
        "lr_decay": [Interval(Real, 0, None, closed="neither")],
        "keep_optimizer": ["boolean"],
        "replay": [Interval(Real, 0, 1, closed="left")],
        "balance": [StrOptions({"rows", "series", "datasets"})],
        "l2_sp": [Interval(Real, 0, None, closed="left")],
        "ewc": [Interval(Real, 0, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "scoring": [StrOptions({"mae", "rmse"}), callable],
        "tolerance": [Interval(Real, 0, None, closed="left")],
        "on_forgetting": [StrOptions({"ignore", "warn", "stop", "rollback"})],
        "checkpoint_dir": [None, str, PathLike],
        "checkpoint_every": [None, Interval(Integral, 1, None, closed="left")],
        "resume": ["boolean"],
    }

    def __init__(
        self,
        forecaster: Any,
        *,
        strategy: str = "sequential",
        preprocessing: str = "own",
        order: str | list = "given",
        epochs: int | dict | None = None,
        lr_decay: float = 0.9,
        keep_optimizer: bool = True,
        replay: float = 0.5,
        balance: str = "datasets",
        l2_sp: float = 0.0,
        ewc: float = 0.0,
        validation_fraction: float = 0.1,
        scoring: str | Callable = "mae",
        tolerance: float = 0.5,
        on_forgetting: str = "warn",
        checkpoint_dir: str | Path | None = None,
        checkpoint_every: int | None = None,
        resume: bool = False,
    ) -> None:
        self.forecaster = forecaster
        self.strategy = strategy
        self.preprocessing = preprocessing
        self.order = order
        self.epochs = epochs
        self.lr_decay = lr_decay
        self.keep_optimizer = keep_optimizer
        self.replay = replay
        self.balance = balance
        self.l2_sp = l2_sp
        self.ewc = ewc
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.tolerance = tolerance
        self.on_forgetting = on_forgetting
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_every = checkpoint_every
        self.resume = resume

    # Parameters of the nested estimators are checked by their own fit.
    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self, X: pd.DataFrame | None, y: pd.Series | pd.DataFrame | np.ndarray
    ) -> "ContinualForecaster":
        """Train on the data sets of a panel, one after another.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Covariates indexed by (dataset, series, time), in any row order; may have
            no columns. None takes the rows from the index of y. Where the index has two
            levels each series is a data set.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets of the rows of X. NaN is a value that is not known.

        Returns
        -------
        ContinualForecaster
            The fitted forecaster.
        """
        if y is None:
            raise ValueError(
                "ContinualForecaster requires y to be passed, but the target y is None."
            )
        forecaster = self._check_forecaster()
        X = rows_without_columns(y) if X is None else X
        parts = self._check_rows(X, y, reset=True)
        sizes = {name: len(rows) for name, rows in parts.items()}
        names = plan_order(sizes, self.order)
        self._identity = LoopIdentity(describe_loop(self, X, y), [])
        with self._folder().locked() as folder:
            found = folder.load_latest() if self.resume else None
            if found is not None:
                # Rows in another order are the same rows, to be trained in the old one.
                names = sorted(names, key=lambda n: found[1]["datasets"].index(repr(n)))
            self._fit_stages(
                forecaster, X, y, {n: parts[n] for n in names}, folder, found
            )
        return self

    def _fit_stages(self, forecaster, X, y, parts, folder, found):
        """Train on data sets in their order, from a checkpoint on if one was found."""
        names = list(parts)
        epochs = plan_epochs(names, self.epochs)
        plan = [([i], epochs[name]) for i, name in enumerate(names)]
        if self.strategy == "joint":
            plan = [self._joint_stage(names)]
        regressor = clone(forecaster.estimator.steps[-1][1])
        forecaster = with_padding(forecaster, X)
        prepare = prepare_own if self.preprocessing == "own" else prepare_shared
        prepared = prepare(forecaster, X, y, parts)
        data = make_data(prepared, names, forecaster, self.validation_fraction)

        loop = self._start_loop(regressor, data, plan, folder)
        n_done = 0 if found is None else loop.resume(*found)
        loop.run(plan[loop.progress.n_begun :], n_done)
        self.forecasters_ = prepared.finish(regressor)
        self._prototype, self._shared = forecaster, self.preprocessing == "shared"
        self._regressor = regressor
        self._adopt(loop)

    def fit_datasets(self, datasets: list | dict) -> "ContinualForecaster":
        """Train on data sets that are given one by one.

        Parameters
        ----------
        datasets : list of (X, y), or dict of these
            Panels indexed by (series, time), with the same columns. A list names them
            0, 1, 2 and so on. An X of None has the rows of its y.

        Returns
        -------
        ContinualForecaster
            The fitted forecaster, whose panels have the data set as their first level.
        """
        return self.fit(*join_datasets(datasets))

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(
        self, X: pd.DataFrame | None, y: pd.Series | pd.DataFrame | np.ndarray
    ) -> "ContinualForecaster":
        """Train on one more data set, or on several in turn.

        Checkpoints are written after each stage; `resume` is for `fit` alone.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            All rows of data sets that were not trained on yet, indexed as in `fit`.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets of the rows of X.

        Returns
        -------
        ContinualForecaster
            The forecaster itself.
        """
        if not hasattr(self, "forecasters_"):
            return self.fit(X, y)
        if y is None:
            raise ValueError("y is None, but each row of X needs a target.")
        X = rows_without_columns(y) if X is None else X
        parts = self._check_rows(X, y, reset=False)
        before, names = self._data, list(parts)
        known = [name for name in names if name in before.names]
        if known:
            raise ValueError(
                f"partial_fit takes new data sets, but fit saw {show(known)}. Give "
                "their later rows to update, or under the name of a new data set."
            )
        self._copy_forecasters()
        if self._shared:
            forecaster = next(iter(self.forecasters_.values()))
            prepared = prepare_more(forecaster, X, y, parts)
        else:
            forecaster = with_padding(self._prototype, X, self.window_size_)
            prepared = prepare_own(forecaster, X, y, parts)
        data = make_data(prepared, names, forecaster, self.validation_fraction, before)
        epochs = plan_epochs([*before.names, *names], self.epochs)
        plan = [([len(before.names) + i], epochs[n]) for i, n in enumerate(names)]

        # Copies are trained: an interrupt leaves the regressor of all as it was.
        regressor, carried, progress = deepcopy(
            (self._regressor, self._carried, self._progress)
        )
        trainer = regressor.stage_trainer(data.windows, data.targets, carried)
        progress.stopped = False
        self._identity = self._identity.followed_by(describe_loop(self, X, y))
        with self._folder().locked() as folder:
            loop = StageLoop(self, data, trainer, folder, progress)
            # Untrained as it was in `fit`, in the units of the first stage.
            begun = [(progress.stages[0]["datasets"], None)]
            fresh = self._start_loop(clone(self._regressor), data, begun)
            progress.untrained += fresh.progress.untrained[len(before.names) :]
            loop.run(plan)
        finished = prepared.finish(regressor)
        if self._shared:
            # All data sets share the forecaster that learned of the new ones.
            forecaster = next(iter(finished.values()))
            finished = dict.fromkeys([*self.forecasters_, *finished], forecaster)
        self.forecasters_ = self.forecasters_ | finished
        self._set_regressor(regressor)
        self._adopt(loop)
        return self

    @all_or_nothing
    def update(
        self, X: pd.DataFrame | None, y: pd.Series | pd.DataFrame | np.ndarray
    ) -> "ContinualForecaster":
        """Extend the history without training; series and data sets may be new.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Rows later than the remembered end of their series, or new series.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets of the rows of X.

        Returns
        -------
        ContinualForecaster
            The forecaster itself. A new data set is forecast with what was learned
            from the others, until `partial_fit` trains on it.
        """
        check_is_fitted(self)
        if y is None:
            raise ValueError("y is None, but each row of X needs a target.")
        X = rows_without_columns(y) if X is None else X
        parts = self._check_rows(X, y, reset=False)
        new = {name: rows for name, rows in parts.items() if not self._knows(name)}
        self._copy_forecasters()
        for forecaster, rows in self._by_forecaster(parts, skipped=new):
            forecaster.update(X.iloc[rows], take_rows(y, rows))
        if new and self._shared:
            rows = np.sort(np.concatenate(list(new.values())))
            forecaster = next(iter(self.forecasters_.values()))
            forecaster.update(X.iloc[rows], take_rows(y, rows))
            self.forecasters_ |= dict.fromkeys(new, forecaster)
        elif new:
            forecaster = with_padding(self._prototype, X, self.window_size_)
            prepared = prepare_own(forecaster, X, y, new)
            self.forecasters_ |= prepared.finish(self._regressor)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Forecast the rows of X.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Rows of data sets that were seen in `fit`, `partial_fit` or `update`; see
            :meth:`PanelForecaster.predict`.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets)
            One forecast for each row, in units of y.
        """
        parts, rows = [], []
        for forecaster, some in self._forecast_parts(X):
            parts.append(forecaster.predict(X.iloc[some]))
            rows.append(some)
        return np.concatenate(parts)[np.argsort(np.concatenate(rows))]

    @available_if(_has_quantiles)
    def predict_quantiles(self, X: pd.DataFrame, quantiles: Any = None) -> pd.DataFrame:
        """Forecast quantiles of the rows of X.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            See :meth:`PanelForecaster.predict_quantiles`.
        quantiles : sequence of float, default=None
            Quantiles to forecast, ascending. None uses all learned quantiles.

        Returns
        -------
        DataFrame of shape (n_rows, n_quantiles)
            In units of y, under the index of X.
        """
        return self._join_tables(
            X, lambda f, some: f.predict_quantiles(some, quantiles)
        )

    @available_if(_has_quantiles)
    def predict_interval(self, X: pd.DataFrame, coverage: float = 0.9) -> pd.DataFrame:
        """Forecast intervals for the rows of X.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            See :meth:`PanelForecaster.predict_interval`.
        coverage : float, default=0.9
            Coverage of the intervals, between 0 and 1.

        Returns
        -------
        DataFrame of shape (n_rows, 2)
            In units of y, under the index of X, with the columns "lower" and "upper".
        """
        return self._join_tables(X, lambda f, some: f.predict_interval(some, coverage))

    def next_rows(
        self, steps: int | None = None, X: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Give the rows that `forecast` predicts.

        Parameters
        ----------
        steps : int, default=None
            Number of steps after the end of each series; `horizon` if None.
        X : DataFrame, default=None
            Rows after the end of their series, instead of `steps`.

        Returns
        -------
        DataFrame of shape (n_rows, n_columns)
            See :meth:`PanelForecaster.next_rows`.
        """
        check_is_fitted(self)
        if X is None:
            return pd.concat([f.next_rows(steps) for f in self._forecasters()])
        for forecaster, some in self._forecast_parts(X):
            forecaster.next_rows(steps, X.iloc[some])
        return X

    def future_rows(self, steps: int | None = None) -> pd.DataFrame:
        """Make an empty frame for the known covariates of the next steps.

        Parameters
        ----------
        steps : int, default=None
            Number of steps; `horizon` if None.

        Returns
        -------
        DataFrame of shape (n_rows, n_known_columns)
            See :meth:`PanelForecaster.future_rows`.
        """
        check_is_fitted(self)
        return pd.concat([f.future_rows(steps) for f in self._forecasters()])

    @all_or_nothing
    def restore(self, path: str | Path) -> "ContinualForecaster":
        """Go back to the weights of a checkpoint.

        Parameters
        ----------
        path : str or Path
            A file of `checkpoint_dir` that this loop wrote: ``stage_000.npz`` has the
            weights after the first stage, ``best_000.npz`` those that were best for the
            first data set.

        Returns
        -------
        ContinualForecaster
            The forecaster itself. All else, such as `stage_scores_`, stays as it is.
        """
        check_is_fitted(self)
        arrays, facts = read_checkpoint(path)
        self._identity.check(
            path,
            facts,
            "Give restore a file that the fit or partial_fit of this loop wrote.",
        )
        data = self._data
        regressor, carried = deepcopy((self._regressor, self._carried))
        trainer = regressor.stage_trainer(data.windows, data.targets, carried)
        trainer.load_weights(arrays)
        self._copy_forecasters()
        self._set_regressor(regressor)
        return self

    @property
    def history_(self) -> pd.Series | pd.DataFrame:
        check_is_fitted(self)
        return pd.concat([f.history_ for f in self._forecasters()])

    @property
    def datasets_(self) -> list:
        check_is_fitted(self)
        return list(self._data.names)

    @property
    def stages_(self) -> pd.DataFrame:
        names = self.datasets_
        return pd.DataFrame(
            [
                stage
                | {
                    "datasets": [names[i] for i in stage["datasets"]],
                    "worst": None if stage["worst"] is None else names[stage["worst"]],
                }
                for stage in self._progress.stages
            ]
        )

    @property
    def stage_scores_(self) -> pd.DataFrame:
        names = self.datasets_
        kept = self._progress.kept
        stages = [names[d[0]] if len(d) == 1 else "joint" for d in kept]
        return pd.DataFrame(
            self._progress.errors(len(names)),
            index=pd.Index(stages, name="stage", tupleize_cols=False),
            columns=pd.Index(names, name="dataset", tupleize_cols=False),
        )

    @property
    def untrained_scores_(self) -> pd.Series:
        return self._per_dataset(self._progress.untrained)

    @property
    def forgetting_(self) -> pd.Series:
        return self._per_dataset(forgetting(*self._errors()))

    @property
    def backward_transfer_(self) -> pd.Series:
        return self._per_dataset(backward_transfer(*self._errors()))

    @property
    def forward_transfer_(self) -> pd.Series:
        errors, since = self._errors()
        untrained = np.array(self._progress.untrained)
        return self._per_dataset(forward_transfer(errors, since, untrained))

    def _check_forecaster(self):
        """Check the forecaster, and compose it of its parts if it is flat."""
        forecaster = self.forecaster
        if hasattr(forecaster, "to_pipeline"):
            forecaster = forecaster.to_pipeline()
        if not isinstance(forecaster, PanelForecaster):
            raise TypeError(
                "forecaster must be an LSTMForecaster or a PanelForecaster, got "
                f"{type(forecaster).__name__}."
            )
        check_pipeline(forecaster.estimator)
        regressor = forecaster.estimator.steps[-1][1]
        if not hasattr(regressor, "stage_trainer"):
            raise TypeError(
                "The regressor of the forecaster must be able to train in stages, as "
                f"LSTMRegressor is, got {type(regressor).__name__}. Put an "
                "LSTMRegressor there; LSTMForecaster(n_estimators=1), with no "
                "theta_weight, tree_weight and mlp_weight, has one."
            )
        return forecaster

    def _check_rows(self, X, y, reset):
        """Check X, and find the rows of each data set."""
        if not is_panel(X):
            raise TypeError(
                "ContinualForecaster takes panels, whose first index level is the data "
                "set, and no flat tables, whatever `index` its forecaster has. "
                + index_message(X)
            )
        check_frame(X)
        # To forecast, past-only columns may be left out.
        if y is not None:
            validate_data(self, X, skip_check_array=True, reset=reset)
        if len(X) == 0:
            raise ValueError("X has no rows; at least one is needed.")
        if y is not None and len(y) != len(X):
            raise ValueError(
                "y must have one value (or one row of values) for each of the "
                f"{len(X)} rows of X, got {len(y)}."
            )
        parts = split_datasets(X)
        if not reset:
            named, known = (
                pd.Index(list(names), name=X.index.names[0], tupleize_cols=False)
                for names in (parts, self.forecasters_)
            )
            check_kind_of_labels(named, known)
        return parts

    def _joint_stage(self, names):
        if isinstance(self.epochs, dict):
            raise ValueError(
                f"epochs={self.epochs!r} names data sets, but strategy='joint' trains "
                "all of them in one stage. Set epochs to an integer or None, or "
                "strategy='sequential'."
            )
        return list(range(len(names))), self.epochs

    def _folder(self):
        if self.checkpoint_dir is None and self.resume:
            raise ValueError(
                "resume=True needs a checkpoint_dir to resume from, got None."
            )
        if self.checkpoint_dir is None and self.checkpoint_every is not None:
            raise ValueError(
                f"checkpoint_every={self.checkpoint_every} needs a checkpoint_dir to "
                "write to, got None."
            )
        return CheckpointFolder(
            self._identity, self.checkpoint_dir, self.checkpoint_every
        )

    def _start_loop(self, regressor, data, plan, folder=None):
        first = np.concatenate([data.learned[i] for i in plan[0][0]])
        trainer = regressor.stage_trainer(data.windows, data.targets, first=first)
        folder = folder or CheckpointFolder(self._identity)
        loop = StageLoop(self, data, trainer, folder, Progress())
        loop.progress.untrained = loop.score()
        return loop

    def _copy_forecasters(self):
        """Let what follows change copies, which data sets share as they did."""
        copies = {id(f): shallow_copy(f) for f in self._forecasters()}
        self.forecasters_ = {n: copies[id(f)] for n, f in self.forecasters_.items()}

    def _set_regressor(self, regressor):
        """Give another trained regressor to all forecasters, which are copies."""
        self._regressor = regressor
        changed = {id(f): f.with_regressor(regressor) for f in self._forecasters()}
        self.forecasters_ = {n: changed[id(f)] for n, f in self.forecasters_.items()}

    def _adopt(self, loop):
        self._data, self._progress = loop.data, loop.progress
        self._carried = loop.trainer.carried
        self.window_size_ = loop.data.windows.window_size
        self.horizon_ = loop.data.targets.horizon

    def _errors(self):
        n = len(self.datasets_)
        return self._progress.errors(n), self._progress.since(n)

    def _per_dataset(self, values):
        labels = pd.Index(self.datasets_, name="dataset", tupleize_cols=False)
        return pd.Series(values, index=labels, dtype=np.float64)

    def _knows(self, name):
        return name in self.forecasters_

    def _forecasters(self):
        """Each forecaster once: data sets may share one."""
        return list({id(f): f for f in self.forecasters_.values()}.values())

    def _forecast_parts(self, X):
        """The rows of X that each forecaster is to forecast."""
        check_is_fitted(self)
        parts = self._check_rows(X, None, reset=False)
        unknown = [name for name in parts if not self._knows(name)]
        if unknown:
            raise ValueError(
                f"{len(unknown)} data set(s) not seen in fit: {show(unknown)}. Train "
                "on them with partial_fit(X, y), or give their history with "
                "update(X, y)."
            )
        return self._by_forecaster(parts)

    def _join_tables(self, X, forecast):
        tables, rows = [], []
        for forecaster, some in self._forecast_parts(X):
            tables.append(forecast(forecaster, X.iloc[some]))
            rows.append(some)
        return pd.concat(tables).iloc[np.argsort(np.concatenate(rows))]

    def _by_forecaster(self, parts, skipped=()):
        """The rows of each forecaster."""
        groups = {}
        for name, rows in parts.items():
            if name not in skipped:
                forecaster = self.forecasters_[name]
                groups.setdefault(id(forecaster), (forecaster, []))[1].append(rows)
        return [(f, np.sort(np.concatenate(rows))) for f, rows in groups.values()]

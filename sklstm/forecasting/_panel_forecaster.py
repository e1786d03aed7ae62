"""PanelForecaster: multi-step forecasts of many series from any windows regressor."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    check_is_fitted,
    validate_data,
)

from .._panels.all_or_nothing import all_or_nothing, copy_to_train, shallow_copy
from .._panels.columns import check_same_kinds
from .._panels.fit_tasks import FitTasksMixin, new_task, run_as, with_callbacks
from .._panels.flat_tables import (
    align_weight,
    as_panel,
    check_answer_names,
    library_of,
    with_index_of,
)
from .._panels.parameters import (
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
    is_count,
)
from .._panels.plain_state import PlainState
from .._panels.quantiles import bounds_of, check_quantiles
from .._panels.random_holes import check_not_drawn
from .._panels.rows import (
    align_target,
    check_frame,
    index_message,
    is_panel,
    locate_series,
    read_rows,
    show,
    tail_positions,
)
from .._windows.array_regressors import fit_or_fit_each, reads_all_steps, takes_windows
from .._windows.windows import PanelWindows
from ._forecaster_checks import (
    check_horizon,
    check_not_filled,
    check_pipeline,
    check_some_known,
    check_step_of_rows,
    check_target,
)
from ._forecaster_mixins import ForecasterMixin
from ._history import History, after_last_known
from ._known_covariates import (
    check_columns,
    derived_columns,
    hold_past_covariates,
    named_by,
)
from ._missing_values import missing_named
from ._panel_transform import PanelTransform
from ._rows_ahead import place_rows, series_blocks
from ._step_forecasts import (
    check_within,
    direct_steps,
    label_intervals,
    label_quantiles,
)
from ._windows_regression import (
    count_short,
    predict_step_quantiles,
    predict_steps,
    train_on_origins,
)

# Remembered rows that are transformed at a time in `predict`: bounds its memory.
_BLOCK_ROWS = 1 << 18

# A history is cut once it has more than this many times the rows that forecasts need: a
# cut copies all rows that are kept.
_LARGEST_SURPLUS = 1.125


@dataclass(frozen=True, eq=False)
class Preparation:
    """Rows that a regressor is to learn, with the transformers fitted.

    Attributes
    ----------
    regressor : regressor
        A clone to fit, or a copy of the fitted regressor to train further.
    windows : PanelWindows of shape (n_rows, window_size, n_features)
        One for each row, sorted by series and time, with the target's past.
    past : ndarray of shape (n_rows, n_targets)
        The transformed target.
    learned : ndarray of bool of shape (n_rows,)
        Whether a row is new. The others were learned before.
    starts : ndarray of bool of shape (n_rows,)
        Whether forecasts may start from a row. Not from rows that fill a gap.
    index : MultiIndex of shape (n_rows,)
        The rows.
    finish : callable
        Given the trained regressor, it returns the fitted forecaster.
    """

    regressor: object
    windows: PanelWindows
    past: np.ndarray
    learned: np.ndarray
    starts: np.ndarray
    index: pd.MultiIndex
    finish: Callable


@dataclass(frozen=True)
class TargetFormat(PlainState):
    """The form of y in `fit`, which forecasts return to.

    Attributes
    ----------
    name : object
        The name of y, if it is a Series.
    ndim : int
    columns : Index
    """

    name: object
    ndim: int
    columns: pd.Index

    @property
    def n_targets(self):
        return len(self.columns)

    @property
    def names(self):
        """The names that targets have in an answer."""
        name = "y" if self.name is None else self.name
        return list(self.columns) if self.ndim == 2 else [name]

    def table(self, index):
        """An empty frame with the targets as columns."""
        return pd.DataFrame(index=index, columns=self.columns)

    def check(self, y, table):
        """Raise if y has other columns than in `fit`."""
        if table.shape[1] != self.n_targets:
            raise ValueError(
                f"y has {table.shape[1]} column(s), but fit saw {self.n_targets}."
            )
        if isinstance(y, pd.DataFrame) and not table.columns.equals(self.columns):
            raise ValueError(
                f"y has the columns {list(table.columns)}, but fit saw "
                f"{list(self.columns)}. Give it the same columns in the same order."
            )


def _has_partial_fit(self):
    """Whether the regressor has partial_fit; an AttributeError says it has not."""
    _regressor(self).partial_fit  # noqa: B018
    return True


def _has_quantiles(self):
    """Whether the regressor predicts quantiles; an AttributeError says it does not."""
    _regressor(self).predict_quantiles  # noqa: B018
    return True


def _regressor(forecaster):
    fitted = hasattr(forecaster, "estimator_")
    pipeline = forecaster.estimator_ if fitted else forecaster.estimator
    return pipeline.steps[-1][1]


class PanelForecaster(
    PlainState,
    FitTasksMixin,
    ForecasterMixin,
    MetaEstimatorMixin,
    RegressorMixin,
    BaseEstimator,
):
    """Turn a pipeline of windows and a regressor into a forecaster of many series.

    `fit` scales y by series, lets the past of y join the windows that the pipeline
    makes of X, and trains the last step to predict the next `horizon` rows of y
    from each row. The end of every series is remembered: `predict` continues it.

    Parameters
    ----------
    estimator : Pipeline
        Transformers of X, ending with a :class:`~sklstm.SlidingWindow`,
        and a regressor. A :class:`~sklstm.LSTMRegressor` gets the windows as they are,
        any other regressor gets them as an array. A regressor that supports a single
        output, by its scikit-learn tags, such as
        :class:`~sklearn.ensemble.HistGradientBoostingRegressor`, is trained once for
        each step and target; its parameters keep their names.
    horizon : int, default=1
        Number of rows ahead that are forecast directly. Rows further ahead are
        reached by feeding forecasts back.
    target_transformer : transformer or Pipeline, default=None
        Transforms y before it becomes inputs and targets, and undoes it in
        `predict`. It is given y as a DataFrame under the index of the panel, so
        that a :class:`~sklstm.SeriesScaler` scales each series on its own.
    stride : int, default=1
        Forecasts are trained from every `stride`-th row of each series, counted
        from its end.
    history : {"all", "context"}, default="all"
        Which rows are remembered. "all" allows fitted values on the rows of `fit`
        (which ``return_train_score=True`` needs); "context" keeps the last
        ``window_size + horizon - 1`` rows of each series, the rows before them that
        differences and the regressor read or fill missing values from, and all rows of
        series whose statistics or time step have not settled yet; or all rows, if a
        step before the windows may look back, such as :class:`~sklstm.SeriesImputer` or
        a `FunctionTransformer`. Older rows are dropped once they exceed an eighth of
        the rows to keep.
    gaps : {"keep", "fill"}, default="keep"
        What to do where a series lacks rows at some time steps. "keep": windows,
        differences and seasons count the given rows. "fill": they count time; a missing
        step is a row with a missing y and the X of the row before, also among the rows
        to forecast. The regressor must accept missing inputs, and a row between two
        steps is an error.
    freq : "infer", None, str, offset, Timedelta or number, default="infer"
        The time step, by which rows are counted, dated and filled in: an alias or an
        offset of pandas, such as "15min", "B" or
        ``pd.offsets.CustomBusinessDay(holidays=...)``, or a number for numeric times.
        "infer" finds the step of each series. None counts the rows of X one by one,
        whatever their times.
    index : sequence of column names, default=None
        The columns of X that name the series and, last, the time, such as ``("store",
        "date")``. X may then be a flat table of pandas, polars or Arrow, and `forecast`
        and `future_rows` return such a table. None reads them from the index of X.

    Attributes
    ----------
    estimator_ : Pipeline
        The fitted pipeline. It wraps a regressor that supports a single output in a
        :class:`~sklearn.multioutput.MultiOutputRegressor`, whose `estimators_` belong
        to step 1 of every target, then to step 2 of every target, and so on.
    target_transformer_ : transformer or None
        The fitted transformer of y.
    history_ : Series or DataFrame
        The remembered y, sorted by series and time, up to the last known value of each
        series; NaN in rows that were filled in.
    horizon_ : int
        The `horizon` of the fit.
    library_ : str
        The package of the tables that `forecast` returns if `index` is given: that of
        X in `fit`, "pandas", "polars" or "pyarrow".
    window_size_ : int
        The number of rows in a window.
    known_covariates_ : list
        The columns of X that forecasts read in the rows ahead.
    settling_rows_ : int
        The number of known values of y after which the statistics of a series that
        joined after `fit` settle: as many as the longest series of `fit` had.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X, where all are strings.

    See Also
    --------
    PanelTimeSeriesSplit : Cross-validation by time over many series.
    backtest : Every fold's forecasts as one frame.

    Notes
    -----
    The window of a forecast ends with the origin, the last remembered row: it holds
    the columns of X and the values of y up to there. Of the rows after it only those
    columns are read that ``SlidingWindow(known_covariates=...)`` names, each by the
    forecast of its own step; regressors of arrays read those of all steps at once. All
    other columns are past-only: X may hold any number or NaN for them in the rows to
    forecast, or not have them, and steps beyond `horizon` see the value of the last
    known row.

    Steps are rows: step 1 is the row after the origin. If a series keeps a time step,
    the step of a row of X follows from its time, so that a gap between the end of
    training and the first row of a test fold counts. A series keeps a step if at least
    85 % of its rows do and the missing rows are outages. If a series leaves out the
    same hours of each day or week, closed hours do not count, as in training: the first
    row after them is one step from the last row before. In a series without a step the
    first row of X after the end is step 1, the next one step 2. If it is ambiguous
    whether rows are missing or hours are closed, rows beyond the gap raise a
    ValueError; give all rows from the end on, or pass `freq`.

    With ``history="context"`` the time step of a series settles once its rows show it:
    at least 20 of them, 90 % one step apart, over three weeks of days, or over each
    hour of a week. With shorter steps or more gaps it settles after 2,048 rows, however
    unclear it is. A series may change its step after that, such as a shop that begins
    to close on Sundays: it keeps the old one here, while ``history="all"`` may find the
    new one. `forecast` raises once more than 15 % of its rows do not keep the step.
    Call `fit` again then, or pass `freq`.

    Times may be dates of any kind (including Python dates, Arrow dates and ISO 8601
    text), periods, durations or numbers. Transformers of X and y see dates as
    timestamps.

    In a y with several columns each is a target, and all of them enter the windows.
    A missing value in y is allowed if the regressor accepts missing inputs; it is
    never a target. The history of a series ends at the last row in which any of its
    targets is known. Rows after it are rows ahead: they are not learned from, `predict`
    forecasts them, `forecast` reads their known covariates, and an `update` with later
    values makes them rows of the history. A series without any known value has no
    history: `forecast` leaves it out, and `predict` raises an error that names it.

    In each series the training rows must lie before the test rows: split with
    :class:`~sklstm.PanelTimeSeriesSplit`. `predict` raises for a row before the end of
    its series that is not remembered. `fit` raises for rows in random order with rows
    missing at random between them, as `train_test_split` leaves them (not with
    ``gaps="fill"``). Sorted rows never raise for their gaps, because the gaps of a
    random split look like lost rows.

    A row that is remembered gets a one-step forecast from the row before; the first
    row of a series has none, and gets the mean of the transformed training targets.

    Series that were not seen in `fit` are forecast after `update` has given them
    a history. Transformers with a method `add_series` then learn the statistics of the
    new series, and leave those of all others unchanged. The statistics of a new series
    follow its growth: they are computed from all its rows so far, until
    `settling_rows_` of these have a known y, and known values of all targets if there
    are several. Then they stay fixed, like those of the series in `fit`. Rows added one
    by one give the same statistics as rows added together. A series in `fit` that never
    had one of the targets is treated like a new one.

    `fit` always trains from the start, also with a regressor whose `warm_start` is
    True; `partial_fit` continues to train a copy of the regressor. An error or Ctrl-C
    in `fit`, `partial_fit` or `update` leaves the forecaster unchanged.

    Examples
    --------
    >>> from sklearn.pipeline import Pipeline
    >>> from sklstm import LSTMRegressor, PanelForecaster, SeriesScaler, SlidingWindow
    >>> from sklstm.datasets import load_fertility
    >>> y = load_fertility()["fertility_rate"].loc[["Chad", "Chile", "China"]]
    >>> forecaster = PanelForecaster(
    ...     Pipeline(
    ...         [
    ...             ("window", SlidingWindow(window_size=8)),
    ...             ("lstm", LSTMRegressor(hidden_size=8, random_state=0)),
    ...         ]
    ...     ),
    ...     horizon=3,
    ...     target_transformer=SeriesScaler(),
    ... )
    >>> forecaster.fit(y.to_frame()[[]], y).forecast(steps=2).index.tolist()[:2]
    [('Chad', 2012), ('Chad', 2013)]
    """

    _parameter_constraints: dict = {
        # Some, such as a StackingRegressor, have no predict before they are fitted.
        "estimator": [HasMethods(["fit"])],
        "horizon": [Interval(Integral, 1, None, closed="left")],
        "target_transformer": [
            None,
            HasMethods(["fit", "transform", "inverse_transform"]),
        ],
        "stride": [Interval(Integral, 1, None, closed="left")],
        "history": [StrOptions({"all", "context"})],
        "gaps": [StrOptions({"keep", "fill"})],
        # Its values depend on the kind of the times.
        "freq": "no_validation",
        "index": [None, "array-like"],
    }

    def __init__(
        self,
        estimator: Any,
        horizon: int = 1,
        *,
        target_transformer: Any = None,
        stride: int = 1,
        history: str = "all",
        gaps: str = "keep",
        freq: Any = "infer",
        index: Any = None,
    ) -> None:
        self.estimator = estimator
        self.horizon = horizon
        self.target_transformer = target_transformer
        self.stride = stride
        self.history = history
        self.gaps = gaps
        self.freq = freq
        self.index = index

    # Parameters of the nested estimators are checked by their own fit.
    @all_or_nothing
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: pd.DataFrame | None,
        y: pd.Series | pd.DataFrame | np.ndarray,
        sample_weight: Any = None,
    ) -> "PanelForecaster":
        """Train on a panel, and remember the end of each series.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Covariates indexed by (series, time), in any row order; may have no
            columns. None takes the rows from the index of y. With `index`, a flat table
            of pandas, polars or Arrow.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets of the rows of X. NaN is an unknown value. The history of a series
            ends at its last known value; rows after it are rows ahead.
        sample_weight : array of shape (n_rows,), default=None
            Weight of each row as an origin. A row that is filled in weighs as the row
            before.

        Returns
        -------
        PanelForecaster
            The fitted forecaster.
        """
        check_pipeline(self.estimator)
        task = self._begin_tasks(1, X, y)
        history, weight = self._read(X, y, sample_weight, reset=True)
        ready = self._prepare(history)
        with run_as(new_task(task, "fit-regressor"), ready.regressor):
            self._begin("fit", ready, history, weight)
        self._end_tasks(task, X, y)
        return self

    @available_if(_has_partial_fit)
    @all_or_nothing
    def partial_fit(
        self,
        X: pd.DataFrame | None,
        y: pd.Series | pd.DataFrame | np.ndarray,
        sample_weight: Any = None,
    ) -> "PanelForecaster":
        """Extend the history by these rows, and train on the forecasts of them.

        Before a `fit` it begins, with ``partial_fit`` of the regressor, one epoch of an
        :class:`~sklstm.LSTMRegressor`. So a loop over parts learns from more rows than
        fit into memory: the parts hold whole series, or later rows of them, and come
        again in each pass. Rows that come again are learned again, from the values that
        are given; the history stays as it is. Use ``history="context"``.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Rows of new series, later rows of known ones, or rows that were learned
            before. None takes the rows from the index of y.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets of the rows of X; NaN as in `fit`.
        sample_weight : array of shape (n_rows,), default=None
            Weight of each row as an origin; rows remembered from before count 1.

        Returns
        -------
        PanelForecaster
            The forecaster itself.

        See Also
        --------
        PanelForecaster.learn_statistics : A first pass over the parts.
        """
        if not hasattr(self, "estimator_"):
            check_pipeline(self.estimator)
            known = getattr(self, "_transform", None)
            history, weight = self._read(
                X, y, sample_weight, reset=known is None, apart=True
            )
            ready = self._prepare(history, known)
            return self._begin("partial_fit", ready, history, weight)
        new, weight = self._read(X, y, sample_weight, reset=False)
        ready = self._prepare_more(new)
        if weight is not None:
            weight = weight[new.X.index.isin(ready.index)]
            weight = _weigh_new_rows(weight, ready.learned, ready.windows.series)
        train = ready.regressor.partial_fit
        self._train(train, self.horizon_, ready, ready.past, weight)
        ready.finish(ready.regressor)
        return self

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=False)
    def learn_statistics(
        self, X: pd.DataFrame | None, y: pd.Series | pd.DataFrame | np.ndarray
    ) -> "PanelForecaster":
        """Learn the statistics of series and the labels in a part of the data.

        For a first pass over parts that are trained on by `partial_fit` afterwards: the
        network then has an embedding for every label of all parts, and the statistics
        of short series need no rows to be kept. Nothing is trained or remembered.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Rows of new series, from which their statistics are learned. Those of known
            series stay as they are. None takes the rows from the index of y.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets of the rows of X.

        Returns
        -------
        PanelForecaster
            The forecaster itself. A `fit` begins anew.
        """
        if hasattr(self, "estimator_"):
            raise ValueError(
                "learn_statistics comes before the first partial_fit, whose network "
                "has a fixed number of labels. Call it on a clone of this forecaster."
            )
        check_pipeline(self.estimator)
        known = getattr(self, "_transform", None)
        history, _ = self._read(X, y, None, reset=known is None, apart=True)
        if known is None:
            self._transform, *_ = self._fit_transform(history)
        else:
            self._transform = known.with_more_series(history)
        return self

    @all_or_nothing
    def update(
        self, X: pd.DataFrame | None, y: pd.Series | pd.DataFrame | np.ndarray
    ) -> "PanelForecaster":
        """Extend the history without training; series may be new.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Rows later than the remembered end of their series, or new series. None
            takes the rows from the index of y.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets of the rows of X; NaN as in `fit`. If the regressor does not accept
            missing values, the last window of a series must not contain any.

        Returns
        -------
        PanelForecaster
            The forecaster itself.
        """
        check_is_fitted(self)
        new, _ = self._read(X, y, None, reset=False)
        history, transform = self._extended(new)
        # Values that no forecast could read raise now, and not in each call after it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._check_new_rows(transform, history, new)
        self._adopt(transform, self.estimator_[-1], history)
        return self

    def prepare(
        self, X: pd.DataFrame | None, y: pd.Series | pd.DataFrame | np.ndarray
    ) -> Preparation:
        """Fit the transformers on a panel, and leave the regressor to be trained.

        For those who train the regressor themselves, such as
        :class:`~sklstm.ContinualForecaster`.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Covariates, as in `fit`.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets, as in `fit`.

        Returns
        -------
        Preparation
            The windows, the transformed target, a clone of the regressor, and
            `finish`, which returns a fitted forecaster once that is trained. This
            forecaster stays as it is.
        """
        check_pipeline(self.estimator)
        other = shallow_copy(self)
        history, _ = other._read(X, y, None, reset=True)
        return other._prepare(history)

    def prepare_more(
        self, X: pd.DataFrame | None, y: pd.Series | pd.DataFrame | np.ndarray
    ) -> Preparation:
        """Let a copy learn of later rows, and leave its regressor to be trained.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Rows later than the remembered end of their series, or new series.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Targets of the rows of X.

        Returns
        -------
        Preparation
            As of `prepare`; its regressor is a copy of the fitted one.
        """
        check_is_fitted(self)
        other = shallow_copy(self)
        new, _ = other._read(X, y, None, reset=False)
        return other._prepare_more(new)

    def with_regressor(self, regressor: Any) -> "PanelForecaster":
        """Return a copy of the fitted forecaster with another trained regressor.

        Parameters
        ----------
        regressor : fitted regressor
            Trained on windows of the same features.

        Returns
        -------
        PanelForecaster
        """
        check_is_fitted(self)
        other = shallow_copy(self)
        other._adopt(self._transform, regressor, self._history)
        return other

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Forecast the rows of X.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Rows after the remembered end of their series, which are forecast from
            that end, or remembered rows, which get one-step fitted values from the
            remembered columns, whatever X holds for them. Of rows to forecast only
            the columns that are known ahead are read; all others may be left out.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets)
            One forecast for each row, in units of y. If y has several targets, NaN for
            those without any known value in their series.
        """
        check_is_fitted(self)
        X = self._read_asked(X)
        out = np.empty((len(X), self._format.n_targets))
        for block, ahead, windows, past in self._blocks(X):
            values = self._predict_points(ahead, windows, past)
            self._leave_blank(values, ahead)
            like = self._format.table(X.index[block])
            out[block] = self._transform.inverse(values, like)
        return out if self._format.ndim == 2 else out[:, 0]

    @available_if(_has_quantiles)
    def predict_quantiles(self, X: pd.DataFrame, quantiles: Any = None) -> pd.DataFrame:
        """Forecast quantiles of the rows of X.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Rows to forecast, up to `horizon` steps after the end of their series, or
            remembered rows, as in `predict`.
        quantiles : sequence of float, default=None
            Quantiles to forecast, ascending. None uses all learned quantiles.

        Returns
        -------
        DataFrame of shape (n_rows, n_quantiles)
            In units of y, under the index of X, a column for each quantile; with a y
            of two axes, for each (target, quantile). NaN in the first row of a series.
        """
        check_is_fitted(self)
        regressor = self.estimator_[-1]
        quantiles = regressor.quantiles_ if quantiles is None else quantiles
        quantiles = check_quantiles(quantiles)

        def predict(windows):
            return predict_step_quantiles(regressor, windows, self.horizon_, quantiles)

        values, _, like = self.forecast_directly(X, predict)
        values = self._transform.inverse(values, like)
        like = with_index_of(like, X)
        return label_quantiles(values, like, quantiles, self._format.ndim == 1)

    def forecast_directly(self, X: pd.DataFrame, predict: Callable) -> tuple:
        """Forecast rows within the horizon by a function of windows.

        For those who forecast more than points, such as
        :class:`~sklstm.ConformalForecaster`.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Rows to forecast, up to `horizon` steps after the end of their series, or
            remembered rows.
        predict : callable
            Maps n windows to an ndarray of shape (n, horizon, n_targets, n_numbers).

        Returns
        -------
        values : ndarray of shape (n_rows, n_targets, n_numbers)
            In units of the transformed target. NaN in the first row of a series.
        step : ndarray of shape (n_rows,)
            How many steps after its origin each row is.
        like : DataFrame of shape (n_rows, n_targets)
            Whose index and columns are those of the values.
        """
        check_is_fitted(self)
        X = self._read_asked(X)
        values, step = None, np.empty(len(X), dtype=np.intp)
        for block, ahead, windows, past in self._blocks(X, self.horizon_):
            self._check_rows_are_kept(ahead.rows[ahead.rows < len(ahead.history.rows)])
            windows = windows.with_target(past)
            some, step[block] = direct_steps(ahead, windows, predict)
            self._leave_blank(some, ahead)
            if values is None:
                values = np.empty((len(X), *some.shape[1:]))
            values[block] = some
        return values, step, self._format.table(X.index)

    def in_units_of_y(self, values: np.ndarray, like: pd.DataFrame) -> np.ndarray:
        """Bring transformed values back to the units of y.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_targets[, n_numbers])
            In units of the transformed target.
        like : DataFrame of shape (n_rows, n_targets)
            Whose index and columns are those of the values.

        Returns
        -------
        ndarray of the shape of `values`
        """
        check_is_fitted(self)
        return self._transform.inverse(values, like)

    @available_if(_has_quantiles)
    def predict_interval(self, X: pd.DataFrame, coverage: float = 0.9) -> pd.DataFrame:
        """Forecast intervals for the rows of X.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Rows to forecast, as in `predict_quantiles`.
        coverage : float, default=0.9
            Coverage of the intervals, between 0 and 1. Values outside lie below and
            above with equal probability.

        Returns
        -------
        DataFrame of shape (n_rows, 2)
            In units of y, under the index of X, with the columns "lower" and "upper";
            with a y of two axes, for each (target, bound).
        """
        check_is_fitted(self)
        table = self.predict_quantiles(X, bounds_of(coverage))
        values = table.to_numpy().reshape(len(table), -1, 2)
        like = self._format.table(table.index)
        return label_intervals(values, like, self._format.ndim == 1)

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
            X, or the next rows, with their columns if `fit` or `update` was given
            these rows with a missing y.
        """
        check_is_fitted(self)
        if X is None:
            X = self._history.rows_ahead(self._next_index(steps))
            return X.set_axis(self._history.index_as_given(X.index), axis=0)
        if steps is not None:
            raise ValueError(
                f"Both steps={steps!r} and X are given. X holds the rows to forecast; "
                "leave steps at None."
            )
        X, _ = as_panel(X, index=self.index)
        self._history.check_after(self._read_asked(X))
        return X

    def future_rows(self, steps: int | None = None) -> pd.DataFrame:
        """Make an empty frame for the known covariates of the next steps.

        Fill in its columns and pass it to `forecast` as X.

        Parameters
        ----------
        steps : int, default=None
            Number of steps; `horizon` if None.

        Returns
        -------
        DataFrame of shape (n_rows, n_known_columns)
            The next `steps` rows of each series, with the columns of X whose future
            `forecast` reads. Values are missing, except those of rows ahead that
            `fit` or `update` was given.
        """
        check_is_fitted(self)
        rows = self._history.future(self._next_index(steps), self.known_covariates_)
        rows = rows.set_axis(self._history.index_as_given(rows.index), axis=0)
        return self._as_asked(rows)

    @property
    def known_covariates_(self) -> list:
        check_is_fitted(self)
        columns = self._history.X.columns
        return list(columns) if self._derived else named_by(columns, self._known)

    @property
    def history_(self) -> pd.Series | pd.DataFrame:
        check_is_fitted(self)
        y = self._history.y
        y = y.set_axis(self._history.index_as_given(y.index), axis=0)
        return y if self._format.ndim == 2 else y.iloc[:, 0].rename(self._format.name)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "estimator_")

    def _check_frame(self, X, reset):
        if not is_panel(X):
            raise TypeError(index_message(X))
        check_frame(X)
        validate_data(self, X, skip_check_array=True, reset=reset)

    def _read_asked(self, X):
        """Check rows to forecast, and give them the columns that may be left out."""
        if X is None:
            raise TypeError(
                "The rows to forecast are missing: X is None. Call forecast() for the "
                "next steps of every series, or pass the rows as an index, with "
                "X = pd.DataFrame(index=...)."
            )
        X, _ = as_panel(X, index=self.index)
        if not is_panel(X):
            raise TypeError(index_message(X))
        check_frame(X)
        columns = self._history.X.columns
        missing = columns.difference(X.columns, sort=False)
        if len(missing):
            check_columns(X, columns, self._known, self._derived)
            X = self._history.complete(X, missing)
        self._check_frame(X, reset=False)
        read = named_by(columns, self._known)
        check_same_kinds(X[read], self._history.X)
        return X

    def _read(self, X, y, sample_weight, reset, apart=None):
        """Check X, y and weights, and sort them by series and time.

        With `reset`, learn their form. Rows that stand `apart`, as they do then, end at
        the last known y of their series, and gaps are filled; else `_extended` does it,
        with the rows before them, and they are no fold of a random split.
        """
        if y is None:
            raise ValueError(
                "A forecaster requires y to be passed, but the target y is None."
            )
        if X is None and not reset and self.n_features_in_:
            raise ValueError(
                f"X is None, but fit saw {self.n_features_in_} column(s). Give the "
                "covariates of the rows of y too."
            )
        given = X
        X, y = as_panel(X, y, self.index)
        self._check_frame(X, reset)
        y = self._read_target(X, y, reset)
        if reset:
            self.library_ = library_of(given)
            check_answer_names(self.index, X.columns, self._format.names)
        apart = reset if apart is None else apart
        if apart and self.gaps == "keep":
            check_not_drawn(read_rows(X))
        history, weight = History.of(X, y, self.freq), None
        if sample_weight is not None:
            weight = read_rows(X).sort(align_weight(sample_weight, given, X))
        if apart:
            history, kept = history.until_known()
            weight = None if weight is None else weight[kept]
        if apart and self.gaps == "keep":
            check_step_of_rows(history)
        if apart and self.gaps == "fill":
            history, source = history.filled()
            weight = None if weight is None else weight[source]
        return history, weight

    def _read_target(self, X, y, reset):
        """Give y the rows of X, and learn its form or check it."""
        table = check_target(align_target(X, y))
        if reset:
            name = getattr(y, "name", None)
            self._format = TargetFormat(name, np.ndim(y), table.columns)
        else:
            self._format.check(y, table)
        return table.set_axis(self._format.columns, axis=1)

    def _begin(self, method, ready, history, weight):
        """Train a regressor from the start, by `fit` or by `partial_fit`."""
        check_horizon(self.horizon, history.rows)
        past = None if takes_windows(ready.regressor) else ready.past

        def train(regressor):
            learn = getattr(regressor, method)
            self._train(learn, self.horizon, ready, past, weight)

        n_outputs = self.horizon * history.y.shape[1]
        return ready.finish(fit_or_fit_each(ready.regressor, n_outputs, train))

    def _fit_transform(self, history):
        """Fit the transformers of X and y, and make the windows of all rows."""
        one_target = self._format.ndim == 1
        steps, of_target = self.estimator[:-1], self.target_transformer
        return PanelTransform.fit(steps, of_target, history, one_target)

    def _prepare(self, history, transform=None):
        """Make the windows of all rows, with transformers fitted on them or before."""
        history.steps  # noqa: B018 - times that cannot be counted raise before training
        pipeline = clone(self.estimator)
        if transform is None:
            transform, windows, past = self._fit_transform(history)
        else:
            transform = transform.with_more_series(history)
            past = transform.known_past(history.y)
            windows = transform.windows(history.X, apart=True).with_target(past)

        def finish(regressor):
            self.settling_rows_ = transform.enough
            self.horizon_, self.window_size_ = self.horizon, windows.window_size
            self._keeps_all = self.history == "all"
            self._fills_gaps = self.gaps == "fill"
            self._mean_past = _mean(past)
            table = windows.table
            self._known, self._reach = table.known, windows.reach
            self._derived = derived_columns(transform.steps, history.X, table.known)
            self._gappy = np.isnan(table.values[:, table.known_values]).any(axis=0)
            self.estimator_ = pipeline
            self._adopt(transform, regressor, history)
            return self

        every = np.ones(len(past), dtype=bool)
        return Preparation(
            pipeline[-1], windows, past, every, every, history.X.index, finish
        )

    def _prepare_more(self, new):
        """Make windows of the series of new rows, with their remembered rows."""
        history, transform, joint = self._joined(new)
        past = transform.known_past(joint.y)
        windows = transform.windows(joint.X, apart=True).with_target(past)
        learned = joint.X.index.isin(new.X.index)
        starts = np.ones(len(past), dtype=bool)
        if self._fills_gaps:
            starts = learned | np.isfinite(past).any(axis=1)

        def finish(regressor):
            self._adopt(transform, regressor, history)
            return self

        regressor = copy_to_train(self.estimator_[-1])
        return Preparation(
            regressor, windows, past, learned, starts, joint.X.index, finish
        )

    def _joined(self, new):
        """The history and the transformers with new rows, and the rows to train on.

        Those are the series of the new rows with all remembered rows; or, where rows
        come again, those that were remembered before them.
        """
        held = self._history.holds(new.rows)
        if not held.any():
            history, transform = self._extended(new)
            chosen = np.flatnonzero(history.series.isin(new.series))
            if len(chosen) == 0:
                new.until_known()  # raises
            return history, transform, history.select(chosen)
        check_same_kinds(new.X, self._history.X)
        new, kept = new.until_known()
        held = held[kept]
        lost = ~new.X.index[held].isin(self._history.X.index)
        if self._keeps_all and lost.any():
            raise ValueError(
                f"{lost.sum()} row(s) of X come before the remembered end of their "
                f"series, and are not remembered: {show(new.X.index[held][lost])}. "
                "partial_fit takes later rows, and rows that were learned before. "
                'Leave the others out, or use history="context", which does not look.'
            )
        history, transform = self._history, self._transform
        if not held.all():
            later = np.flatnonzero(~held)
            history, transform = self._extended(new.only(later))
        joint = history.again(new)
        joint = joint.filled()[0] if self._fills_gaps else joint
        return history, transform, joint

    def _extended(self, new):
        """The history with new rows, and the transformers that learned of them."""
        check_same_kinds(new.X, self._history.X)
        history = self._history.append(new.X, new.y)
        history = history.filled()[0] if self._fills_gaps else history
        return history, self._transform.with_new_rows(history, new)

    def _check_new_rows(self, transform, history, new):
        """Raise if the transformers or the regressor cannot read new rows."""
        joined = locate_series(new.series, history.series) >= 0
        if not joined.any():
            return
        rows = new.select(np.flatnonzero(joined))
        grown = np.flatnonzero(history.series.isin(rows.series))
        if not transform.reads_one_row:
            # Behind the rows before them, as in a forecast.
            rows = history.select(grown)
        values = transform.windows(rows.X, apart=True).table.values
        remembered = ~after_last_known(new.rows, new.y.to_numpy())
        if remembered.any():
            transform.known_past(new.y[remembered])
        if reads_all_steps(self.estimator_[-1]) and (
            np.isnan(values).any() or np.isnan(history.y.to_numpy()).any()
        ):
            self._check_ends(transform, history.select(grown))

    def _check_ends(self, transform, history):
        """Raise if the regressor cannot read the last window of each series."""
        if self._rows_read is not None:
            kept, _ = tail_positions(history.rows.indptr, self._rows_read)
            history = history.only(kept)
        past, index = transform.known_past(history.y), history.X.index
        windows = transform.windows(history.X, apart=True).with_target(past)
        some = windows[history.rows.indptr[1:] - 1]
        lacking = np.isnan(np.asarray(some)).reshape(len(some), -1).any(axis=1)
        if lacking.any():
            with missing_named(some[lacking], windows, index):
                predict_steps(self.estimator_[-1], some[lacking][:1], self.horizon_)

    def _adopt(self, transform, regressor, history):
        """Take over what was learned, and remember the rows that forecasts need."""
        pipeline = shallow_copy(self.estimator_)
        pipeline.steps = [
            *transform.steps.steps,
            (pipeline.steps[-1][0], regressor),
        ]
        self.estimator_, self._transform = pipeline, transform
        self.target_transformer_ = transform.target_transformer
        self._history = history if self._keeps_all else self._recent(history)

    def _recent(self, history):
        """Drop the rows that no later forecast reads, once there are enough of them."""
        size = self._rows_read
        if size is None or not _has_surplus(history, size):
            return history
        sizes = history.rows_read(size, getattr(self.estimator_[-1], "fills_", []))
        # Young series have statistics to be learned anew from all their rows.
        young = history.series.isin(self._transform.young)
        sizes = np.where(young, history.rows.lengths, sizes)
        settled = history
        if not self._keeps_all:
            settled, unclear = history.settle(sizes)
            sizes = np.where(unclear, history.rows.lengths, sizes)
        return settled.tail(sizes) if _has_surplus(history, sizes) else history

    @property
    def _rows_read(self):
        """How many rows the windows of a series' last `horizon` origins read.

        None if a step before the windows, or the regressor, may read any row.
        """
        regressor = self.estimator_[-1]
        reads_all = takes_windows(regressor) and not hasattr(regressor, "past_reach_")
        if reads_all or not self._transform.reads_one_row:
            return None
        reach = max(self._reach, getattr(regressor, "past_reach_", 0))
        return self.window_size_ + reach + self.horizon_ - 1

    def _train(self, train, horizon, ready, past, weight):
        with missing_named(ready.windows, ready.windows, ready.index):
            train_on_origins(
                train,
                ready.windows,
                past,
                ready.learned,
                horizon=horizon,
                stride=self.stride,
                weight=weight,
            )

    def _predict_steps(self, rows, windows, ahead):
        """Forecast the steps after some of the rows of `ahead`."""
        some = windows[rows]
        with missing_named(some, windows, ahead.X.index):
            return predict_steps(self.estimator_[-1], some, self.horizon_)

    def _blocks(self, X, most_steps=None):
        """Go through the series of X in blocks, each with its windows and past of y.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
        most_steps : int, default=None
            How far ahead rows may be; None sets no limit.

        Yields
        ------
        block : ndarray of int
            Positions of the rows of X.
        ahead : RowsAhead
        windows : PanelWindows
            One for each row of `ahead`, without the target.
        past : ndarray of shape (n_rows, n_targets)
            The transformed y of the remembered rows, NaN ahead.
        """
        asked, history = read_rows(X), self._history
        shorten = n_read = None
        if self._keeps_all and not history.holds(asked).any():
            shorten, n_read = self._recent, self._rows_read
        for block in series_blocks(history, asked, _BLOCK_ROWS, n_read):
            some = X if len(block) == len(X) else X.iloc[block]
            ahead = place_rows(history, some, shorten)
            check_some_known(ahead)
            if self._fills_gaps:
                check_not_filled(ahead)
            if most_steps is not None:
                check_within(ahead, most_steps)
            windows = hold_past_covariates(
                self._transform.windows(ahead.X),
                ahead,
                self.horizon_,
                self._gappy,
                fills=self._fills_gaps,
            )
            past = np.full((len(ahead.X), self._format.n_targets), np.nan)
            known = self._transform.past(ahead.history.y)
            past[: len(known)] = known
            yield block, ahead, windows, past

    def _leave_blank(self, values, ahead):
        """Write NaN for targets that were never known, (n_asked, n_targets[, k])."""
        blank = self._transform.is_blank(ahead.history.series)
        if blank.any():
            values[blank[ahead.series]] = np.nan

    def _predict_points(self, ahead, windows, past):
        """Forecast the rows asked for, in transformed units."""
        fitted = self._fitted_values(windows, past, ahead)
        self._extrapolate(windows, past, ahead)
        past[: len(fitted)] = fitted
        return past[ahead.rows]

    def _extrapolate(self, windows, past, ahead):
        """Write the forecasts of the steps ahead into `past`, block by block."""
        n_short = 0
        for done in range(0, int(ahead.n_steps.max(initial=0)), self.horizon_):
            active = np.flatnonzero(ahead.n_steps > done)
            known, origins = windows.with_target(past), ahead.positions(active, done)
            n_short += self._count_short(known[origins])
            out = self._predict_steps(origins, known, ahead)
            step = done + np.arange(1, self.horizon_ + 1)
            wanted = step <= ahead.n_steps[active, None]
            rows = ahead.positions(active[:, None], step)
            past[rows[wanted]] = out[wanted]
        self._warn_of_short(n_short, "series")

    def _count_short(self, windows):
        return count_short(self.estimator_[-1], windows, self.horizon_)

    def _warn_of_short(self, n_short, kind):
        if n_short:
            warnings.warn(
                f"{type(self.estimator_[-1]).__name__} reads {self.known_covariates_} "
                f"of all {self.horizon_} steps at once, and X ends before the last of "
                f"them for {n_short} {kind}. Missing values are NaN, and the forecasts "
                "would differ if they were known. Give X rows for all steps.",
                UserWarning,
                stacklevel=3,
            )

    def _fitted_values(self, windows, past, ahead):
        """One-step forecasts of the known rows that were asked for."""
        n_known = len(ahead.history.rows)
        fitted = past[:n_known].copy()
        asked = np.zeros(n_known, dtype=bool)
        asked[ahead.rows[ahead.rows < n_known]] = True
        asked = np.flatnonzero(asked)
        if len(asked) == 0:
            return fitted
        self._check_rows_are_kept(asked)
        first = np.isin(asked, ahead.history.rows.indptr[:-1])
        fitted[asked[first]] = self._mean_past
        later = asked[~first]
        if len(later):
            known = windows.with_target(past)
            n_short = self._count_short(known[later - 1])
            self._warn_of_short(n_short, "remembered rows")
            out = self._predict_steps(later - 1, known, ahead)
            fitted[later] = out[:, 0]
        return fitted

    def _check_rows_are_kept(self, asked):
        if len(asked) and not self._keeps_all:
            raise ValueError(
                "Fitted values need the rows before them, which "
                'history="context" does not keep. Use history="all", or ask for rows '
                "after the end of each series."
            )

    def _next_index(self, steps):
        steps = self.horizon_ if steps is None else steps
        if not is_count(steps):
            raise ValueError(f"steps must be an integer of at least 1, got {steps!r}.")
        return self._history.next_steps(steps)


def _has_surplus(history, sizes):
    """Whether a history has many more rows than the last ones of this number."""
    n_kept = np.minimum(sizes, history.rows.lengths).sum()
    return len(history) > _LARGEST_SURPLUS * n_kept


def _mean(past):
    """The mean of each transformed target, 0 where none is known."""
    known = np.isfinite(past)
    return np.where(known, past, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def _weigh_new_rows(weight, learned, series):
    """Weigh remembered rows by 1, and rows that fill a gap as the new row before."""
    weights, rows = np.ones(len(learned)), np.arange(len(learned))
    weights[learned] = weight
    first = np.diff(series, prepend=-1) > 0
    return weights[np.maximum.accumulate(np.where(learned | first, rows, 0))]

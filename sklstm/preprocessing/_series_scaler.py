"""SeriesScaler: centre and scale every series by its own statistics."""

from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._panels.parameters import Interval, StrOptions, _fit_context, read_counts
from .._panels.rows import is_later, is_panel, locate_series, show
from ._frames import read_column, scaled_columns
from ._series_statistics import METHODS, find_method, gather_table, join_tables
from ._series_transformer import SeriesTransformer


def _scale(x, center, scale, offset):
    return ((x - center) / scale + offset).astype(x.dtype, copy=False)


def _unscale(x, center, scale, offset):
    return ((x - offset) * scale + center).astype(x.dtype, copy=False)


def _target_range(method, feature_range):
    if len(feature_range) != 2 or not feature_range[0] < feature_range[1]:
        raise ValueError(
            f"feature_range must be (min, max) with min < max, got {feature_range!r}."
        )
    return feature_range if method == "minmax" else (0.0, 1.0)


def _last_times(rows):
    if not isinstance(rows.index, pd.MultiIndex):
        return None
    return rows.times_at(rows.indptr[1:] - 1)


def _join_labels(old, new, positions):
    """Labels of `old` renewed at `positions`, then those at position -1 added."""
    known = np.flatnonzero(positions >= 0)
    source = np.arange(len(old))
    source[positions[known]] = len(old) + known
    added = len(old) + np.flatnonzero(positions < 0)
    return old.append(new).take(np.concatenate([source, added]))


def _can_merge(scaler):
    """Whether parts of a series tell the statistics of the whole."""
    if scaler.method == "robust":
        reason = "method='robust' has no partial_fit: the quartiles of all rows do"
    elif scaler.method == "difference" and read_counts(
        scaler.differences, "differences"
    ) != (1,):
        reason = (
            f"differences={scaler.differences!r} has no partial_fit: differences of "
            "all rows do"
        )
    else:
        return True
    raise AttributeError(
        f"{reason} not follow from those of two parts. Call fit on all rows at once, "
        "add_series for new series, or use another method."
    )


def _check_later(rows, positions, last_time):
    """Raise if a known series has rows at or before its last time."""
    known = positions >= 0
    first = rows.times_at(rows.indptr[:-1][known])
    early = ~is_later(first, last_time.take(positions[known]))
    if early.any():
        series = rows.series[known][early]
        raise ValueError(
            "partial_fit with method='difference' needs rows later than those seen "
            f"before. {len(series)} series start too early: {show(series)}. Pass rows "
            "in the order of time, or call fit on all rows at once."
        )


class SeriesScaler(SeriesTransformer):
    """Centre and scale every series by its own statistics.

    It does to each column of each series what
    :class:`~sklearn.preprocessing.StandardScaler` and its siblings do to a column, so
    that series of very different size can share one model. Numeric columns become
    floats (float32 columns stay float32); categorical, boolean and text columns are
    not changed. The rows may be in any order.

    Parameters
    ----------
    method : {"standard", "minmax", "robust", "maxabs", "difference"}, \
default="standard"
        - "standard": mean 0 and standard deviation 1;
        - "minmax": from the lowest to the highest value onto `feature_range`;
        - "robust": median 0 and range between the quartiles 1;
        - "maxabs": largest absolute value 1, and zero stays zero;
        - "difference": mean 0, and the changes over `differences` rows have standard
          deviation 1. A drift of the level does not count, so series stay comparable
          by these changes. A straight line is divided by its slope.
    differences : int or sequence of int, default=1
        The number of rows of each difference, for ``method="difference"``. With several
        differences the largest standard deviation is used: ``(1, 12)`` scales monthly
        series by their monthly or their yearly changes, whichever are larger. A
        difference longer than a series is ignored.
    feature_range : tuple (min, max), default=(0, 1)
        The range of ``method="minmax"``.
    handle_unknown : {"error", "global"}, default="error"
        What to do with a series not seen in `fit`: raise a ValueError, or use the
        statistics of all rows pooled (`global_`).

    Attributes
    ----------
    center_ : DataFrame of shape (n_series, n_scaled_columns)
        The centre of each series, which is subtracted, indexed by series. An array has
        one row.
    scale_ : DataFrame of shape (n_series, n_scaled_columns)
        The scale of each series, by which it is divided.
    global_ : DataFrame of shape (2, n_scaled_columns)
        The "center" and the "scale" of series not seen in `fit`.
    offset_ : float
        The constant added after scaling: the lower end of `feature_range` for
        ``method="minmax"``, otherwise 0.
    scaled_columns_ : ndarray of shape (n_scaled_columns,)
        Positions of the columns that are scaled.
    statistics_ : ndarray of shape (n_statistics, n_series, n_scaled_columns)
        The statistics that `partial_fit` updates, such as counts, means and sums of
        squares.
    last_time_ : Index of shape (n_series,), or None
        The last time seen of each series, where `partial_fit` needs it.
    panel_ : bool
        Whether `fit` saw a panel, or else rows of one series.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where all are strings.

    See Also
    --------
    SeriesEncoder : Append the series id as a column.
    sklearn.preprocessing.StandardScaler : One centre and scale for all rows.

    Notes
    -----
    An array, or a frame whose index is no panel index, is read as one series. The
    result equals that of scikit-learn's StandardScaler, MinMaxScaler, RobustScaler
    and MaxAbsScaler. NaN is skipped in the statistics and kept in the values;
    infinity raises a ValueError, and a column of dates a TypeError. A column of dtype
    object is judged by its values, as in :class:`~sklstm.SlidingWindow`.

    A constant series gets scale 1 and comes back from `inverse_transform` bit by
    bit (with "maxabs" only a series of zeros is constant). So does a series whose
    spread is within rounding of its values. The units do not matter: a spread of 1e-20
    around 0 is scaled like any other, where scikit-learn's MinMaxScaler takes it for a
    constant. Without any value, the centre is 0 and the scale 1.

    A series that was not seen in `fit` has no statistics of its own. Pooled statistics
    would leave it in other units than the series of `fit`, so that a model would get
    inputs unlike any in training. If whole series are held out, as by
    :class:`~sklstm.SeriesKFold`, scale whole columns instead, with
    ``StandardScaler().set_output(transform="pandas")``. A forecaster learns the
    statistics of new series from the history that its `update` is given.

    Quartiles of parts do not tell the quartiles of the whole. For this reason
    `global_` is the median series with ``method="robust"``, that is the median of
    the centres and the median of the scales, and there is no `partial_fit`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklstm import SeriesScaler
    >>> index = pd.MultiIndex.from_product(
    ...     [["kiosk", "mall"], [1, 2, 3]], names=["store", "day"]
    ... )
    >>> X = pd.DataFrame({"sales": [1.0, 2, 3, 100, 200, 300]}, index=index)
    >>> scaler = SeriesScaler(method="minmax").fit(X)
    >>> scaled = scaler.transform(X)
    >>> scaled.unstack()
          sales
    day       1    2    3
    store
    kiosk  0.0  0.5  1.0
    mall   0.0  0.5  1.0
    >>> bool(np.allclose(scaler.inverse_transform(scaled), X))
    True
    >>> scaler.center_
           sales
    store
    kiosk    1.0
    mall   100.0
    """

    reads_one_row = True

    _parameter_constraints: dict = {
        "method": [StrOptions(set(METHODS))],
        "differences": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "feature_range": [tuple],
        "handle_unknown": [StrOptions({"error", "global"})],
    }

    def __init__(
        self,
        method: str = "standard",
        *,
        differences: Any = 1,
        feature_range: tuple = (0, 1),
        handle_unknown: str = "error",
    ) -> None:
        self.method = method
        self.differences = differences
        self.feature_range = feature_range
        self.handle_unknown = handle_unknown

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "SeriesScaler":
        """Learn the centre and the scale of every series.

        Parameters
        ----------
        X : DataFrame, Series or array-like of shape (n_rows, n_columns)
            Rows indexed by series and time, or rows of one series.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : SeriesScaler
            Fitted scaler.
        """
        return self._learn(X, y, reset=True)

    @available_if(_can_merge)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None) -> "SeriesScaler":
        """Learn from more rows, as if `fit` had seen them all.

        New series are added to those known. Rows of a known series are merged with
        the rows seen before, exactly; they must be other rows than those.

        Parameters
        ----------
        X : DataFrame, Series or array-like of shape (n_rows, n_columns)
            Rows with the columns and the index levels of the rows before.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : SeriesScaler
            Fitted scaler.

        Raises
        ------
        ValueError
            If the rows of a known series are not later than those seen, with
            ``method="difference"``.

        Notes
        -----
        Not there with ``method="robust"``: quartiles of parts cannot be merged.
        """
        return self._learn(X, y, reset=not hasattr(self, "statistics_"))

    def add_series(self, X: Any) -> "SeriesScaler":
        """Learn the statistics of new series, and keep those of known series.

        Parameters
        ----------
        X : DataFrame or Series of shape (n_rows, n_columns)
            Rows of a panel. Rows of known series are ignored.

        Returns
        -------
        self : SeriesScaler
            Fitted scaler.
        """
        check_is_fitted(self)
        new = self._rows_of_new_series(X, self.center_.index)
        return self if new is None else self._learn(new, None, reset=False)

    def transform(self, X: Any) -> pd.DataFrame | pd.Series | np.ndarray:
        """Centre and scale every series.

        Parameters
        ----------
        X : DataFrame, Series or array-like of shape (n_rows, n_columns)
            Rows with the columns and the index levels seen in `fit`.

        Returns
        -------
        X_scaled : DataFrame, Series or ndarray of shape (n_rows, n_columns)
            The same rows in the same order, in the container of X.
        """
        check_is_fitted(self)
        return self._rescale(_scale, X)

    def inverse_transform(self, X: Any) -> pd.DataFrame | pd.Series | np.ndarray:
        """Undo `transform`.

        Parameters
        ----------
        X : DataFrame, Series or array-like of shape (n_rows, n_columns)
            Scaled rows, with the columns and the index levels seen in `fit`.

        Returns
        -------
        X_original : DataFrame, Series or ndarray of shape (n_rows, n_columns)
            The same rows in the same order, in the container of X.
        """
        check_is_fitted(self)
        return self._rescale(_unscale, X)

    def _learn(self, X, y, reset):
        low, high = _target_range(self.method, self.feature_range)
        method = find_method(self.method, read_counts(self.differences, "differences"))
        X, rows = self._read(X, y, reset=reset)
        positions = scaled_columns(X) if reset else self.scaled_columns_
        columns = [rows.sort(read_column(X, i)) for i in positions]
        table, series = gather_table(method, columns, rows.indptr), rows.series
        last_time = _last_times(rows) if method.ordered else None
        if not reset:
            table, series, last_time = self._join(table, rows, last_time)

        eps = np.array([np.finfo(column.dtype).eps for column in columns])
        center, scale = method.center_scale(
            np.concatenate([table, method.pool(table)], axis=1), eps
        )
        scale = np.nan_to_num(scale / (high - low), nan=1.0)
        names = X.columns[positions] if isinstance(X, pd.DataFrame) else None
        names = names if reset else self.center_.columns
        self.center_ = pd.DataFrame(center[:-1], index=series, columns=names)
        self.scale_ = pd.DataFrame(scale[:-1], index=series, columns=names)
        self.global_ = pd.DataFrame(
            [center[-1], scale[-1]], index=["center", "scale"], columns=names
        )
        self.offset_ = float(low)
        self.scaled_columns_ = positions
        self.statistics_ = table
        self.last_time_ = last_time
        self.panel_ = is_panel(X)
        return self

    def _join(self, table, rows, last_time):
        """Join the statistics of new rows with those of the rows seen before."""
        positions = locate_series(rows.series, self.center_.index)
        if last_time is not None:
            _check_later(rows, positions, self.last_time_)
            last_time = _join_labels(self.last_time_, last_time, positions)
        method = find_method(self.method, read_counts(self.differences, "differences"))
        table = join_tables(method, self.statistics_, table, positions)
        series = _join_labels(self.center_.index, rows.series, positions)
        return table, series, last_time

    def _rescale(self, function, X):
        """Call a function on the values, centres and scales of each column."""
        center = np.vstack([self.center_, self.global_.loc[["center"]]])
        scale = np.vstack([self.scale_, self.global_.loc[["scale"]]])
        function = partial(function, offset=self.offset_)
        known = self.center_.index
        return self._apply(function, X, self.scaled_columns_, known, center, scale)

"""SeriesImputer: fill missing values from the past of the same series."""

from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils.validation import check_is_fitted

from .._panels.parameters import Interval, StrOptions, _fit_context
from .._panels.rows import is_panel
from ._frames import (
    append_columns,
    check_new_names,
    columns_to_frame,
    locate_known,
    numeric_columns,
    read_column,
    replace_columns,
)
from ._last_known import fill_after, keep_last_known
from ._series_transformer import SeriesTransformer


def _sorted_values(columns, rows):
    """The columns in the sorted order, of shape (n_rows, n_numeric_columns)."""
    values = np.empty((len(rows), len(columns)))
    for j, column in enumerate(columns):
        values[:, j] = rows.sort(column)
    return values


def _sum_known(values, rows):
    """The sum and the number of the known values: (2, n_series, n_numeric_columns)."""
    known = ~np.isnan(values)
    parts = np.stack([np.where(known, values, 0.0), known.astype(np.float64)])
    return np.add.reduceat(parts, rows.indptr[:-1], axis=1)


def _mean(sums):
    total, count = sums
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _name(columns, positions):
    return [f"{columns[i]}_missing" for i in positions]


class SeriesImputer(SeriesTransformer):
    """Fill missing values from the past of the same series.

    Numeric columns come out as floats (float32 where they were float32); categorical,
    boolean and text columns pass untouched. The rows may be in any order.

    Parameters
    ----------
    strategy : {"forward", "seasonal", "mean", "constant"}, default="forward"
        - "forward": the last value known before;
        - "seasonal": the last value known a whole number of seasons before; where
          there is none, the value of the row before;
        - "mean": the mean of the series in `fit`;
        - "constant": `fill_value`.
    seasonal_period : int, default=None
        Rows of a season, for ``strategy="seasonal"``.
    fill_value : float, default=0.0
        What stands where nothing is known, as at the start of a series.
    handle_unknown : {"error", "global"}, default="error"
        What ``strategy="mean"`` does with a series not seen in `fit`: raise a
        ValueError, or take the mean of all values. The other strategies fill a new
        series from its own rows.
    add_indicator : bool, default=False
        Whether to append, for each column with missing values in `fit`, a column
        ``f"{name}_missing"``: 1 where the value was missing, else 0.

    Attributes
    ----------
    mean_ : DataFrame of shape (n_series, n_numeric_columns)
        The mean of each series, NaN where no value is known.
    global_mean_ : ndarray of shape (n_numeric_columns,)
        The mean of all values, for series of which none is known.
    numeric_columns_ : ndarray of shape (n_numeric_columns,)
        Positions of the columns that are filled.
    indicator_columns_ : ndarray of shape (n_indicators,)
        Positions of the columns that get an indicator; empty without `add_indicator`.
    panel_ : bool
        Whether `fit` saw a panel, or else rows of one series.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where all are strings.

    See Also
    --------
    regularize : Add the rows that are missing altogether.
    sklearn.impute.SimpleImputer : One value for all rows of a column.

    Notes
    -----
    Nothing is filled from the future: later rows change no value before them, but for
    ``strategy="mean"``, where the mean of the rows seen in `fit` fills those as well.

    The last known values of each series (a season of them with "seasonal") are kept
    from `fit`. They go before the rows of that series in `transform` if these are all
    later than those seen in `fit`, and right before them: rows count, not time. Inside
    a :class:`~sklstm.PanelForecaster` with ``history="context"``, no other rows than
    these and the remembered ones are looked back to; take ``history="all"`` to fill by
    seasons after `update`.

    An array, or a frame whose index is no panel index, is read as one series, of which
    nothing is kept: without times, no row is known to be later.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import SeriesImputer
    >>> index = pd.MultiIndex.from_product(
    ...     [["kiosk", "mall"], [1, 2, 3]], names=["store", "day"]
    ... )
    >>> X = pd.DataFrame({"price": [5.0, None, 6, None, 8, None]}, index=index)
    >>> SeriesImputer(add_indicator=True).fit_transform(X)
               price  price_missing
    store day
    kiosk 1      5.0            0.0
          2      5.0            1.0
          3      6.0            0.0
    mall  1      0.0            1.0
          2      8.0            0.0
          3      8.0            1.0
    """

    _parameter_constraints: dict = {
        "strategy": [StrOptions({"forward", "seasonal", "mean", "constant"})],
        "seasonal_period": [Interval(Integral, 1, None, closed="left"), None],
        "fill_value": [Real],
        "handle_unknown": [StrOptions({"error", "global"})],
        "add_indicator": ["boolean"],
    }

    def __init__(
        self,
        strategy: str = "forward",
        *,
        seasonal_period: int | None = None,
        fill_value: float = 0.0,
        handle_unknown: str = "error",
        add_indicator: bool = False,
    ) -> None:
        self.strategy = strategy
        self.seasonal_period = seasonal_period
        self.fill_value = fill_value
        self.handle_unknown = handle_unknown
        self.add_indicator = add_indicator

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "SeriesImputer":
        """Learn the mean and keep the last known values of every series.

        Parameters
        ----------
        X : DataFrame, Series or array-like of shape (n_rows, n_columns)
            Rows indexed by series and time, or rows of one series.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : SeriesImputer
            Fitted imputer.
        """
        X, rows = self._read(X, y, reset=True)
        positions = numeric_columns(X)
        values = _sorted_values([read_column(X, i) for i in positions], rows)
        self.numeric_columns_ = positions
        self.indicator_columns_ = positions[
            np.isnan(values).any(axis=0) & self.add_indicator
        ]
        self.panel_ = is_panel(X)
        self._period = self._read_period()
        self._last_known = keep_last_known(values, rows, self._period)
        self._set_means(X, rows.series, _sum_known(values, rows))
        if isinstance(X, pd.DataFrame):
            check_new_names(X.columns, _name(X.columns, self.indicator_columns_))
        return self

    def add_series(self, X: pd.DataFrame) -> "SeriesImputer":
        """Learn of new series, and keep what was learned of known series.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Rows of a panel. Rows of known series are ignored.

        Returns
        -------
        self : SeriesImputer
            Fitted imputer.
        """
        check_is_fitted(self)
        new = self._rows_of_new_series(X, self.mean_.index)
        if new is None:
            return self
        X, rows = self._read(new, reset=False)
        values = _sorted_values(self._read_columns(X), rows)
        kept = keep_last_known(values, rows, self._period)
        self._last_known = self._last_known.join(kept)
        series = self.mean_.index.append(rows.series)
        sums = np.concatenate([self._sums, _sum_known(values, rows)], axis=1)
        self._set_means(X, series, sums)
        return self

    def transform(self, X: Any) -> pd.DataFrame | pd.Series | np.ndarray:
        """Fill the missing values.

        Parameters
        ----------
        X : DataFrame, Series or array-like of shape (n_rows, n_columns)
            Rows with the columns and the index levels seen in `fit`.

        Returns
        -------
        X_filled : DataFrame, Series or ndarray of shape (n_rows, n_columns_out)
            The same rows in the same order, in the container of X.
        """
        check_is_fitted(self)
        given, (X, rows) = X, self._read(X, reset=False)
        columns = self._read_columns(X)
        values = self._fill(_sorted_values(columns, rows), rows)
        filled = [
            rows.unsort(new).astype(old.dtype, copy=False)
            for new, old in zip(values.T, columns, strict=True)
        ]
        out = replace_columns(X, self.numeric_columns_, filled)
        out = append_columns(out, self._indicators(X))
        is_series = isinstance(given, pd.Series) and out.shape[1] == 1
        return out.iloc[:, 0].rename(given.name) if is_series else out

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; None takes those seen in `fit`.

        Returns
        -------
        feature_names_out : ndarray of str
            The names of the columns of X, then of the indicators.
        """
        names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        new = _name(names, self.indicator_columns_)
        return np.array([*names, *new], dtype=object)

    def _read_period(self):
        """The rows after which a value is carried on."""
        if self.strategy != "seasonal":
            return 1
        if self.seasonal_period is None:
            raise ValueError(
                "strategy='seasonal' needs the rows of a season. Set seasonal_period "
                "to an integer of at least 1, such as 7 for days of a week."
            )
        return self.seasonal_period

    def _read_columns(self, X):
        return [read_column(X, i) for i in self.numeric_columns_]

    def _set_means(self, X, series, sums):
        means = list(_mean(sums).T)
        self.mean_ = columns_to_frame(means, series, X, self.numeric_columns_)
        self.global_mean_ = _mean(sums.sum(axis=1))
        self._sums = sums

    def _fill(self, values, rows):
        """Fill the sorted values."""
        unknown = self.handle_unknown if self.strategy == "mean" else "global"
        positions = locate_known(rows, self.mean_.index, unknown)
        if self.strategy in ("forward", "seasonal"):
            return fill_after(
                values,
                rows,
                self._last_known,
                positions,
                self._period,
                self.fill_value,
            )
        if self.strategy == "mean":
            # Series that were not found have position -1, the last row: the global one.
            means = np.vstack([self.mean_, self.global_mean_])
            means = np.where(np.isnan(means), self.global_mean_, means)
            by_row = np.repeat(positions, rows.lengths)
            values = np.where(np.isnan(values), means[by_row], values)
        return np.where(np.isnan(values), self.fill_value, values)

    def _indicators(self, X):
        names = X.columns if isinstance(X, pd.DataFrame) else range(X.shape[1])
        missing = [np.isnan(read_column(X, i)) for i in self.indicator_columns_]
        new = _name(names, self.indicator_columns_)
        return {
            name: column.astype(np.float32)
            for name, column in zip(new, missing, strict=True)
        }

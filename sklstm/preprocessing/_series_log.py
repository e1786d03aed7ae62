"""SeriesLog: the logarithm of the series that are never negative."""

import warnings
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._panels.parameters import Interval, StrOptions, _fit_context
from .._panels.rows import locate_series, show
from ._frames import columns_to_frame, read_column, scaled_columns
from ._series_transformer import SeriesTransformer


def _log(x, offset):
    """The logarithm of x + offset, and below 0 its tangent; x where offset is NaN."""
    out, offset = x.copy(), offset.astype(x.dtype)
    logged = ~np.isnan(offset)
    value, shift = x[logged], offset[logged]
    positive = np.maximum(value, 0.0)
    out[logged] = np.log(positive + shift) + (value - positive) / shift
    return out


def _exp(x, offset, floor):
    """Undo `_log`, no lower than `floor`; x where offset is NaN."""
    out, offset, floor = x.copy(), offset.astype(x.dtype), floor.astype(x.dtype)
    logged = ~np.isnan(offset)
    value, shift = x[logged], offset[logged]
    with np.errstate(over="ignore"):
        positive = np.maximum(np.exp(value) - shift, 0.0)
    below = value - np.log(shift)
    original = np.where(below < 0, below * shift, positive)
    out[logged] = original
    return np.maximum(out, floor)


def _offsets(x, indptr, share):
    """What is added to each series before the log, and its lowest value.

    NaN where there is no log, or no value.
    """
    start = indptr[:-1]
    known = np.isfinite(x)
    count = np.add.reduceat(known, start, dtype=np.intp)
    total = np.add.reduceat(np.where(known, x, 0.0), start)
    lowest = np.fmin.reduceat(x, start)
    offset = share * total / np.maximum(count, 1)
    with np.errstate(invalid="ignore"):
        logged = (lowest >= 0) & (offset > np.finfo(x.dtype).tiny)
    return np.where(logged, offset, np.nan), lowest


class SeriesLog(SeriesTransformer):
    """Take the logarithm of each series that is never negative.

    Many series change in proportion to their level; their logarithms have comparable
    changes over time and between series. A share of the mean of each series is added
    first, so that zeros stay finite and small values do not dominate. Series with a
    negative value in `fit`, or with zeros alone, are not changed.

    Parameters
    ----------
    offset : float, default=0.1
        The constant added before the logarithm, as a share of the mean of each series.
        A larger offset makes the transformation closer to linear.
    clip : bool, default=False
        Whether `inverse_transform` clips the values of series without a negative value
        at 0. `add_series` ends the clipping of a series with a negative value.
    handle_unknown : {"error", "global"}, default="error"
        What to do with a series not seen in `fit`: raise a ValueError, or use the
        median of all offsets (`global_`).

    Attributes
    ----------
    offset_ : DataFrame of shape (n_series, n_numeric_columns)
        The constant added to each series, in units of X; NaN without a logarithm.
    negative_ : DataFrame of shape (n_series, n_numeric_columns)
        Whether a negative value was seen of each series, in `fit` or by `add_series`.
    global_ : Series of shape (n_numeric_columns,)
        The same for series not seen in `fit`: the median, NaN if any series in `fit`
        has no logarithm.
    numeric_columns_ : ndarray of shape (n_numeric_columns,)
        Positions of the columns that are transformed.
    panel_ : bool
        Whether `fit` saw a panel, or else rows of one series.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where all are strings.

    See Also
    --------
    SeriesScaler : Centre and scale each series, best after the logarithm.
    sklearn.preprocessing.PowerTransformer : Powers of whole columns.

    Notes
    -----
    If a series with a logarithm has negative values after `fit`, these are transformed
    along the tangent at 0, so that ``inverse_transform(transform(x))`` is x. Forecasts
    may then be negative, unless `clip` is set. Clip quantities that cannot be negative,
    such as sales. In a :class:`~sklstm.PanelForecaster`, `update` ends the clipping of
    a series that has negative values after all, with a UserWarning.

    References
    ----------
    Box, G. E. P. and Cox, D. R. (1964). An analysis of transformations. Journal of the
    Royal Statistical Society B 26(2), 211-243.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklstm import SeriesLog
    >>> index = pd.MultiIndex.from_product([["kiosk", "bank"], [1, 2, 3]])
    >>> X = pd.DataFrame({"flow": [0.0, 1, 2, -100, 200, 300]}, index=index)
    >>> log = SeriesLog().fit(X)
    >>> log.transform(X)["flow"].round(2).tolist()
    [-2.3, 0.1, 0.74, -100.0, 200.0, 300.0]
    >>> bool(np.allclose(log.inverse_transform(log.transform(X)), X))
    True
    """

    reads_one_row = True

    _parameter_constraints: dict = {
        "offset": [Interval(Real, 0, None, closed="neither")],
        "clip": ["boolean"],
        "handle_unknown": [StrOptions({"error", "global"})],
    }

    def __init__(
        self, offset: float = 0.1, *, clip: bool = False, handle_unknown: str = "error"
    ) -> None:
        self.offset = offset
        self.clip = clip
        self.handle_unknown = handle_unknown

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "SeriesLog":
        """Find the series that are never negative, and their means.

        Parameters
        ----------
        X : DataFrame, Series or array-like of shape (n_rows, n_columns)
            Rows indexed by series and time, or rows of one series.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : SeriesLog
            Fitted transformer.
        """
        frame, rows = self._read(X, y, reset=True)
        self.panel_ = isinstance(rows.index, pd.MultiIndex)
        self.numeric_columns_ = scaled_columns(frame)
        self.offset_, self.negative_ = self._measure(frame, rows)
        self.global_ = self.offset_.median(skipna=False)
        return self

    def add_series(self, X: Any) -> "SeriesLog":
        """Learn the offsets of new series, and keep those of known series.

        Parameters
        ----------
        X : DataFrame or Series of shape (n_rows, n_columns)
            Rows of a panel. Those of known series change nothing but `negative_`.

        Returns
        -------
        self : SeriesLog
            Fitted transformer.

        Warns
        -----
        UserWarning
            If known series have their first negative values, and so are no longer
            clipped.
        """
        check_is_fitted(self)
        frame, rows = self._read(X, reset=False)
        offset, negative = self._measure(frame, rows)
        positions = locate_series(rows.series, self.offset_.index)
        new, known = positions < 0, positions[positions >= 0]
        # Without any column pandas forgets that these are bools.
        negative = negative.to_numpy(bool)
        before = self.negative_.to_numpy(bool, copy=True)
        first = negative[~new] & ~before[known]
        self._warn_of_negative(first, known)
        before[known] |= first
        self.offset_ = pd.concat([self.offset_, offset[new]])
        self.negative_ = pd.DataFrame(
            np.concatenate([before, negative[new]]),
            index=self.offset_.index,
            columns=self.offset_.columns,
        )
        return self

    def transform(self, X: Any) -> pd.DataFrame | pd.Series | np.ndarray:
        """Take the logarithm.

        Parameters
        ----------
        X : DataFrame, Series or array-like of shape (n_rows, n_columns)
            Rows with the columns and the index levels seen in `fit`.

        Returns
        -------
        X_log : DataFrame, Series or ndarray of shape (n_rows, n_columns)
            The same rows in the same order, in the container of X.
        """
        check_is_fitted(self)
        offset = np.vstack([self.offset_, self.global_])
        return self._apply(_log, X, self.numeric_columns_, self.offset_.index, offset)

    def inverse_transform(self, X: Any) -> pd.DataFrame | pd.Series | np.ndarray:
        """Undo `transform`.

        Parameters
        ----------
        X : DataFrame, Series or array-like of shape (n_rows, n_columns)
            Logarithms, with the columns and the index levels seen in `fit`.

        Returns
        -------
        X_original : DataFrame, Series or ndarray of shape (n_rows, n_columns)
            The same rows in the same order, in the container of X.
        """
        check_is_fitted(self)
        offset = np.vstack([self.offset_, self.global_])
        limit = 0.0 if self.clip else -np.inf
        floor = np.where(self.negative_.to_numpy(bool), -np.inf, limit)
        floor = np.vstack([floor, np.where(self.negative_.any(), -np.inf, limit)])
        known = self.offset_.index
        return self._apply(_exp, X, self.numeric_columns_, known, offset, floor)

    def _measure(self, frame, rows):
        columns = [rows.sort(read_column(frame, i)) for i in self.numeric_columns_]
        measured = [_offsets(column, rows.indptr, self.offset) for column in columns]
        offset, lowest = (
            columns_to_frame(list(part), rows.series, frame, self.numeric_columns_)
            for part in (zip(*measured, strict=True) if measured else ([], []))
        )
        return offset, lowest < 0

    def _warn_of_negative(self, first, known):
        """Warn of the series whose values turn negative, if it ends their clipping."""
        if self.clip and first.any():
            series = self.offset_.index[known[first.any(axis=1)]]
            warnings.warn(
                f"{len(series)} series without a negative value in fit have one now: "
                f"{show(series)}. They are no longer clipped at 0, and a logarithm is "
                "continued below 0 by its tangent. Call fit again on all rows to train "
                "on these series without a logarithm.",
                UserWarning,
                stacklevel=3,
            )

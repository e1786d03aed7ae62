"""SeriesLog: the logarithm of the series that are never negative."""

from numbers import Real

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._panel import locate_series
from .._sklearn_compat import Interval, _fit_context
from ._frames import (
    columns_to_frame,
    read_column,
    read_panel_or_series,
    replace_columns,
    scaled_columns,
)


def _log(x, offset):
    """The logarithm of x + offset, and below 0 its tangent; x where offset is NaN."""
    out = x.copy()
    logged = ~np.isnan(offset)
    value, shift = x[logged], offset[logged]
    positive = np.maximum(value, 0.0)
    out[logged] = np.log(positive + shift) + (value - positive) / shift
    return out


def _exp(x, offset):
    """Undo `_log`, no lower than 0; x where offset is NaN."""
    out = x.copy()
    logged = ~np.isnan(offset)
    with np.errstate(over="ignore"):
        out[logged] = np.maximum(np.exp(x[logged]) - offset[logged], 0.0)
    return out


def _offsets(x, indptr, share):
    """What is added to each series before the log; NaN where there is no log."""
    start = indptr[:-1]
    known = np.isfinite(x)
    count = np.add.reduceat(known, start, dtype=np.intp)
    total = np.add.reduceat(np.where(known, x, 0.0), start)
    lowest = np.fmin.reduceat(x, start)
    offset = share * total / np.maximum(count, 1)
    with np.errstate(invalid="ignore"):
        logged = (lowest >= 0) & (offset > np.finfo(x.dtype).tiny)
    return np.where(logged, offset, np.nan)


class SeriesLog(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Take the logarithm of each series that is never negative.

    Many series change in proportion to their level; in logarithms their changes are
    comparable over time, and between series. A share of each series' mean is added
    before, so that zeros stay finite and small values do not rule. Series that have a
    negative value in `fit`, or nothing but zeros, pass unchanged.

    Parameters
    ----------
    offset : float, default=0.1
        What is added, as a share of the mean of each series. The larger it is, the
        nearer the logarithm is to a straight line.

    Attributes
    ----------
    offset_ : DataFrame of shape (n_series, n_numeric_columns)
        What is added to each series, in units of X; NaN where no logarithm is taken.
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
    `inverse_transform` never returns a value below 0 for a series with a logarithm. A
    negative value that such a series has later is transformed along the tangent at
    0, and so comes back as 0.

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

    _parameter_constraints: dict = {
        "offset": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, offset=0.1):
        self.offset = offset

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
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
        frame, rows = read_panel_or_series(self, X, y, reset=True)
        self.panel_ = isinstance(rows.index, pd.MultiIndex)
        self.numeric_columns_ = scaled_columns(frame)
        self.offset_ = self._measure(frame, rows)
        self.global_ = self.offset_.median(skipna=False)
        return self

    def add_series(self, X):
        """Learn of series not seen so far, and leave the others.

        Parameters
        ----------
        X : DataFrame or Series of shape (n_rows, n_columns)
            Rows of a panel; those of known series are passed over.

        Returns
        -------
        self : SeriesLog
            Fitted transformer.
        """
        check_is_fitted(self)
        frame, rows = read_panel_or_series(self, X, reset=False, panel=self.panel_)
        measured = self._measure(frame, rows)
        new = locate_series(measured.index, self.offset_.index) < 0
        self.offset_ = pd.concat([self.offset_, measured[new]])
        return self

    def transform(self, X):
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
        return self._apply(_log, X)

    def inverse_transform(self, X):
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
        return self._apply(_exp, X)

    def _measure(self, frame, rows):
        columns = [rows.sort(read_column(frame, i)) for i in self.numeric_columns_]
        offsets = [_offsets(column, rows.indptr, self.offset) for column in columns]
        return columns_to_frame(offsets, rows.series, frame, self.numeric_columns_)

    def _apply(self, function, X):
        """Call `function` on the values and the offsets of each column."""
        frame, rows = read_panel_or_series(self, X, reset=False, panel=self.panel_)
        located = locate_series(rows.series, self.offset_.index)
        codes = rows.unsort(np.repeat(located, rows.lengths))
        # Series that were not found have position -1, the last row: the global one.
        offsets = np.vstack([self.offset_, self.global_])
        columns = []
        for position, offset in zip(self.numeric_columns_, offsets.T, strict=True):
            x = read_column(frame, position)
            columns.append(function(x, offset.astype(x.dtype)[codes]))
        out = replace_columns(frame, self.numeric_columns_, columns)
        return out.iloc[:, 0].rename(X.name) if isinstance(X, pd.Series) else out

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

"""SlidingWindow: give every row of a panel the window that ends with it."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import FLOAT_DTYPES, check_is_fitted, validate_data

from .._panels.columns import (
    check_float32,
    column_kinds,
    observed_labels,
    read_labels,
    read_numbers,
)
from .._panels.last_rows import LastRows
from .._panels.parameters import (
    Interval,
    StrOptions,
    _fit_context,
    _get_column_indices,
    read_counts,
)
from .._panels.plain_state import PlainState
from .._panels.random_holes import CUT_BY_TIME, check_not_drawn
from .._panels.rows import (
    check_frame,
    index_message,
    is_later,
    is_panel,
    locate_series,
    ragged_arange,
    read_rows,
    show,
)
from .._panels.times import check_same_kind
from .._windows.target_past import PastView
from .._windows.windows import PanelTable, PanelWindows
from ._frames import check_new_names


@dataclass(frozen=True, eq=False)
class _Context(PlainState):
    """The last rows of each series seen in fit, kept for later rows."""

    values: np.ndarray
    codes: np.ndarray
    target: np.ndarray
    breaks: np.ndarray
    series: pd.Index
    time: pd.Index
    rows: LastRows


def _check_rows_of_target(rows, y):
    """Raise if the rows of X are not those of y, one by one."""
    if not is_panel(y) or y.index.equals(rows.index):
        return
    # Labels may be others, such as periods for dates.
    of_y = read_rows(y, "y")
    same = np.array_equal(of_y.indptr, rows.indptr)
    if not same or not np.array_equal(of_y.positions(), rows.positions()):
        raise ValueError(
            f"X has {len(rows)} rows here and y {len(of_y)}. Both must have the same "
            "(series, time) in the same order. A step that drops, adds or reorders "
            "rows must not be in a pipeline: apply it to X and y before. If y matches "
            "the rows of X by position, pass y.to_numpy()."
        )


def _check_nothing_between(context, rows, positions):
    """Raise if rows lie between the last ones of `fit`, and were not among them."""
    of_row = positions[rows.codes]
    kept = np.flatnonzero((of_row >= 0) & (context.rows.lengths[of_row] > 0))
    if len(kept) == 0:
        return
    of_row, time = of_row[kept], rows.time.take(kept)
    first = context.time.take(context.rows.indptr[:-1].take(of_row))
    check_same_kind(time, first)
    inside = ~is_later(first, time) & is_later(context.rows.end.take(of_row), time)
    of_row, time, kept = of_row[inside], time[inside], kept[inside]
    if len(kept) == 0 or _are_the_last(context, of_row, time):
        return
    seen = np.repeat(np.arange(len(context.series)), context.rows.lengths)
    seen = pd.MultiIndex.from_arrays([seen, context.time])
    new = ~pd.MultiIndex.from_arrays([of_row, time]).isin(seen)
    if new.any():
        labels = rows.index[rows.unsort(np.isin(np.arange(len(rows)), kept[new]))]
        raise ValueError(
            f"{new.sum()} row(s) of X lie between rows of fit, and were not given to "
            f"it: {show(labels)}. Their windows would lack the rows around them. "
            f"{CUT_BY_TIME} If y is not known in these rows, pass them to fit too: "
            "LSTMRegressor accepts NaN in y.to_frame()."
        )


def _are_the_last(context, of_row, time):
    """Whether the rows of each series are the last ones of the context before its end.

    They mostly are, and it takes a fraction of the time of looking each of them up.
    """
    first = np.flatnonzero(np.diff(of_row, prepend=-1))
    n_rows = np.diff(np.append(first, len(of_row)))
    before = context.rows.indptr[of_row[first] + 1] - 1 - n_rows
    if (before < context.rows.indptr[of_row[first]]).any():
        return False
    return context.time.take(ragged_arange(before, n_rows)).equals(time)


def _warn_of_new_labels(column, codes, name):
    """Warn of labels of a known column that fit did not see."""
    new = column[(codes == 0) & column.notna().to_numpy()].unique()
    if len(new):
        warnings.warn(
            f"The known column {name!r} of X has {len(new)} label(s) not seen in fit: "
            f"{show(list(new))}. Their effect was not learned. They are read as the "
            "unknown label, whose embedding in LSTMRegressor is the mean of the "
            "learned ones (or trained, with category_dropout). Fit on rows that have "
            "these labels.",
            UserWarning,
            stacklevel=4,
        )


def _gap_breaks(start, end, max_gap):
    """Whether the time from each `start` to each `end` is more than `max_gap`."""
    if isinstance(end, pd.PeriodIndex):
        return end.asi8 - start.asi8 > max_gap
    if isinstance(end, pd.DatetimeIndex):
        return np.asarray(end - start > pd.Timedelta(max_gap))
    return np.asarray(end - start > max_gap)


def _check_max_gap(max_gap, time):
    if isinstance(time, pd.DatetimeIndex):
        allowed = "a Timedelta or its text, such as '7D', since the times are dates"
        bad = isinstance(max_gap, Real) or not _is_positive_delta(max_gap)
    else:
        allowed = "a number of time steps, since the times are periods or numbers"
        bad = not isinstance(max_gap, Real) or not (
            isinstance(time, pd.PeriodIndex) or pd.api.types.is_numeric_dtype(time)
        )
    if bad:
        raise ValueError(f"max_gap must be {allowed}; got {max_gap!r}.")


def _is_positive_delta(max_gap):
    try:
        return pd.Timedelta(max_gap) > pd.Timedelta(0)
    except ValueError:
        return False


class SlidingWindow(PlainState, TransformerMixin, BaseEstimator):
    """Give every row of a panel the window of rows that ends with it.

    There is one window for each row, in the order of the rows, so y, sample_weight and
    scorers stay aligned in a stock
    :class:`~sklearn.pipeline.Pipeline`. A window never contains rows of another series.
    Near the start of a series it is padded on the left; the padding is known by its
    length. Windows are not copied: the result is a :class:`~sklstm.PanelWindows` over
    one table of rows.

    Parameters
    ----------
    window_size : int, default=24
        Number of rows of a window, the row itself included.
    shorten : bool or "pad", default=False
        Whether to shorten a window that is longer than the longest series in `fit`.
        False raises an error; "pad" keeps the length and pads every window.
    differences : int or sequence of int, default=None
        For each difference d, ``x[t] - x[t - d]`` of the target's past is an input. It
        may be longer than the window. Where row t - d is missing or lies before the
        start of the series, the input is missing: 0 in an array, and 0 with a flag in
        :class:`~sklstm.LSTMRegressor`. None makes no differences.
    level : {"keep", "relative", "drop"}, default="keep"
        How the target's past itself is an input: "keep" keeps its values; "relative"
        subtracts the mean of the last season, which is the longest of `differences`,
        or of the window if no difference is longer than 1; "drop" leaves it out.
    clip : float, default=None
        Largest absolute value of the differences and of the relative level. It is in
        units of the target's past, which a forecaster's `target_transformer` scales.
        None sets no limit.
    carry_context : bool or int, default=True
        Whether `transform` puts the last rows of each series seen in `fit` before
        the rows of the same series: ``window_size - 1`` rows, and as many more as the
        inputs reach back. An int sets the number of rows, for regressors that reach
        back further, such as an LSTMRegressor with `seasonal_periods`. Rows are
        carried only into a series whose rows all come later than those seen in `fit`.
    max_gap : int, float, Timedelta or str, default=None
        Largest step in time inside a window: a number for numeric times and periods, a
        Timedelta (or text such as ``"7D"``) for dates. A window starts anew after a
        larger step. None sets no limit.
    target : str, default=None
        The column of X that is the target's own past. The inputs made of it are the
        last features of the windows, and the seasonal skip of an LSTMRegressor reads
        it. Leave it at None inside a :class:`~sklstm.PanelForecaster`, which adds the
        past of y itself.
    known_covariates : str, list, slice or callable, default=None
        The columns of X that are known ahead, such as prices, promotions and calendar
        columns, by name, position or callable as in
        :class:`~sklearn.compose.ColumnTransformer`. The forecast of a step reads their
        values at that step. All other columns are past-only: a forecast reads them up
        to its origin. None: all columns are past-only. A label of a known
        column that `fit` did not see is read as unknown, with a UserWarning.
    flat : bool, default=False
        Whether each window is one row of ``window_size * n_features`` numbers, for
        regressors that take 2-D arrays, such as :class:`~sklearn.linear_model.Ridge`.

    Attributes
    ----------
    window_size_ : int
        The number of rows of a window, after `shorten`.
    categories_ : dict of str to Index, or None
        The labels seen in `fit`, with codes 1, 2, ..., of each column of labels (dtype
        category or string, or objects that are not numbers). Other labels and missing
        ones have code 0. None after a fit on an array.
    known_covariates_ : tuple
        The names of the columns that are known ahead.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where all are strings.

    See Also
    --------
    PanelWindows : The container that `transform` returns.
    SeriesEncoder : Append the series id as a categorical column before this step.

    Notes
    -----
    An array without an index is read as one sequence in each row: `transform`
    returns the last `window_size` columns of a 2-D array, and the last
    `window_size` steps of a 3-D array of shape (windows, steps, features).

    Values are float32. NaN stays NaN. Infinity raises a ValueError, and so does a
    column whose values are equal in float32, such as 1e9 and 1e9 + 1.

    A column of dtype object is judged by its values: Decimal, and floats with None
    among them, are numbers. Numbers stored as text raise a TypeError, and so do a
    column that mixes numbers and text, and a change from numbers to labels, or the
    reverse, after `fit`. A column of dtype category always contains labels.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklstm import SlidingWindow
    >>> index = pd.MultiIndex.from_product([["a", "b"], [1, 2, 3, 4]])
    >>> X = pd.DataFrame({"load": [1.0, 2, 3, 4, 5, 6, 7, 8]}, index=index)
    >>> train, test = X[X.index.get_level_values(1) < 4], X.xs(4, level=1, drop_level=0)
    >>> window = SlidingWindow(window_size=3).fit(train)
    >>> np.asarray(window.transform(test))[:, :, 0]
    array([[2., 3., 4.],
           [6., 7., 8.]], dtype=float32)
    """

    _parameter_constraints: dict = {
        "window_size": [Interval(Integral, 1, None, closed="left")],
        "shorten": ["boolean", StrOptions({"pad"})],
        "differences": [None, Interval(Integral, 1, None, closed="left"), "array-like"],
        "level": [StrOptions({"keep", "relative", "drop"})],
        "clip": [None, Interval(Real, 0, None, closed="neither")],
        "carry_context": ["boolean", Interval(Integral, 0, None, closed="left")],
        "max_gap": [None, Interval(Real, 0, None, closed="neither"), pd.Timedelta, str],
        "target": [None, str],
        "known_covariates": [None, str, "array-like", slice, callable],
        "flat": ["boolean"],
    }

    def __init__(
        self,
        window_size: int = 24,
        *,
        shorten: bool | str = False,
        differences: Any = None,
        level: str = "keep",
        clip: float | None = None,
        carry_context: bool | int = True,
        max_gap: Any = None,
        target: str | None = None,
        known_covariates: str | list | slice | Callable | None = None,
        flat: bool = False,
    ) -> None:
        self.window_size = window_size
        self.shorten = shorten
        self.differences = differences
        self.level = level
        self.clip = clip
        self.carry_context = carry_context
        self.max_gap = max_gap
        self.target = target
        self.known_covariates = known_covariates
        self.flat = flat

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "SlidingWindow":
        """Learn the categories, and keep the last rows of each series.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), or array
            A panel indexed by (series, time), in any row order.
        y : ignored
            Present for API consistency. A y with a panel index raises an error if X has
            none, or has its rows in another order.

        Returns
        -------
        SlidingWindow
            The fitted transformer.
        """
        if not is_panel(X):
            if is_panel(y):
                raise TypeError(index_message(X))
            self._check_array(X, reset=True)
            if self.differences is not None or self.level != "keep":
                raise ValueError(
                    "differences and level are about the target's past, which an array "
                    "without an index does not name. Pass a panel, or leave them at "
                    "their defaults."
                )
            self.categories_, self.window_size_ = None, self.window_size
            self.known_covariates_ = ()
            return self
        X = check_frame(X)
        validate_data(self, X, skip_check_array=True)
        rows = read_rows(X)
        check_not_drawn(rows)
        _check_rows_of_target(rows, y)
        kinds = self._read_kinds(X)
        self.known_covariates_ = self._choose_known(X)
        self.window_size_ = self._fitting_size(rows)
        for name, kind in kinds.items():
            if kind == "number":
                read_numbers(X[name], name, np.float32)
                check_float32(
                    read_numbers(X[name], name, np.float64),
                    f"Column {name!r} of X",
                    "Scale the column first, with a SeriesScaler, or subtract a "
                    f"constant, with X[{name!r}] - X[{name!r}].mean().",
                )
        labels = [name for name, kind in kinds.items() if kind == "label"]
        self.categories_ = {name: observed_labels(X[name]) for name in labels}
        self._context = self._keep_context(X, rows)
        return self

    def add_labels(self, X: pd.DataFrame) -> "SlidingWindow":
        """Learn the labels of more rows; those that are known keep their codes.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            A panel with the columns seen in `fit`.

        Returns
        -------
        SlidingWindow
            The transformer itself.
        """
        check_is_fitted(self)
        self.categories_ = {
            name: labels.append(observed_labels(X[name]).difference(labels))
            for name, labels in (self.categories_ or {}).items()
        }
        return self

    def transform(self, X: Any) -> Any:
        """Give each row its window.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns), or array
            As in `fit`: the same columns.

        Returns
        -------
        PanelWindows of shape (n_rows, window_size, n_features)
            Or, for an array, an array of its last `window_size` columns.
        """
        check_is_fitted(self)
        if self.categories_ is None:
            X = self._check_array(X, reset=False)
            X = X[:, -self.window_size_ :]
            return X.reshape(len(X), -1) if self.flat else X
        X = check_frame(X)
        validate_data(self, X, skip_check_array=True, reset=False)
        rows = read_rows(X)
        check_not_drawn(rows)
        positions = locate_series(rows.series, self._context.series)
        _check_nothing_between(self._context, rows, positions)
        table, ends = self._lay_out(X, rows, positions)
        return PanelWindows(table, ends, self.window_size_, flat=self.flat)

    def set_output(self, *, transform: str | None = None) -> "SlidingWindow":
        """Do nothing: windows are neither an array nor a frame.

        Present so that ``Pipeline.set_output`` can be called on a pipeline with
        this step.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Ignored.

        Returns
        -------
        SlidingWindow
            The transformer itself.
        """
        return self

    def _check_array(self, X, reset):
        if not reset and is_panel(X):
            raise TypeError(
                "SlidingWindow was fitted on an array, and X is a panel. Fit it on "
                "a panel, or transform an array."
            )
        return validate_data(self, X, dtype=FLOAT_DTYPES, allow_nd=True, reset=reset)

    def _read_kinds(self, X):
        """The kind of each column of X, by its name."""
        check_new_names([], X.columns, "Rename or drop one of those of X.")
        kinds = dict(zip(X.columns, column_kinds(X, "put into windows"), strict=True))
        if self.target is None:
            return kinds
        if self.target not in X.columns:
            raise ValueError(
                f"target={self.target!r} is not a column of X, which has "
                f"{list(X.columns)}."
            )
        if kinds[self.target] == "label":
            raise ValueError(
                f"target={self.target!r} has dtype {X[self.target].dtype}; the "
                "target's past must be numeric."
            )
        return kinds

    def _choose_known(self, X):
        if self.known_covariates is None:
            return ()
        key = self.known_covariates
        key = key(X) if callable(key) else key
        try:
            chosen = tuple(X.columns[_get_column_indices(X, key)])
        except ValueError as error:
            raise ValueError(
                f"known_covariates={key!r} must choose columns of X, which has "
                f"{list(X.columns)}: {error}"
            ) from error
        if self.target in chosen:
            raise ValueError(
                f"known_covariates holds the target {self.target!r}, which is not "
                "known ahead. Leave it out."
            )
        return chosen

    def _fitting_size(self, rows):
        """Check the window (and the gaps) against the series; give its size."""
        longest = int(rows.lengths.max())
        if self.window_size > longest and not self.shorten:
            raise ValueError(
                f"window_size={self.window_size} is longer than the longest series, "
                f"which has {longest} rows. Choose a window_size of at most {longest}, "
                "or set shorten=True."
            )
        if self.max_gap is not None:
            _check_max_gap(self.max_gap, rows.time)
        if self.shorten == "pad":
            return self.window_size
        return min(self.window_size, longest)

    def _view(self):
        """How the target's past enters the windows."""
        differences = read_counts(self.differences, "differences") or ()
        season = max(differences, default=1)
        n_mean = season if season > 1 else self.window_size_
        return PastView(differences, self.level, n_mean, self.clip)

    def _read(self, X, rows, size):
        """Write the columns as arrays of `size` rows, row i of X at ``rows[i]``."""
        numeric = [n for n in X.columns if n not in self.categories_]
        numeric = [n for n in numeric if n != self.target]
        values = np.empty((size, len(numeric)), dtype=np.float32)
        for j, name in enumerate(numeric):
            values[rows, j] = read_numbers(X[name], name, np.float32)
        codes = np.empty((size, len(self.categories_)), dtype=np.int32)
        for j, (name, labels) in enumerate(self.categories_.items()):
            of_rows = read_labels(X[name], name, labels)
            if name in self.known_covariates_:
                _warn_of_new_labels(X[name], of_rows, name)
            codes[rows, j] = of_rows
        target = np.empty((size, int(self.target is not None)), dtype=np.float32)
        if self.target is not None:
            target[rows, 0] = read_numbers(X[self.target], self.target, np.float32)
        return values, codes, target, tuple(numeric)

    def _breaks(self, rows):
        """Whether each sorted row starts a stretch that windows stay within."""
        breaks = np.zeros(len(rows), dtype=bool)
        if self.max_gap is not None:
            breaks[1:] = _gap_breaks(rows.time[:-1], rows.time[1:], self.max_gap)
        breaks[rows.indptr[:-1]] = True
        return breaks

    def _keep_context(self, X, rows):
        n_kept = self.window_size_ - 1 + self._view().reach
        if not isinstance(self.carry_context, (bool, np.bool_)):
            n_kept = self.carry_context
        last, tail = LastRows.of(rows, n_kept)
        given = tail if rows.order is None else rows.order[tail]
        parts = self._read(X.iloc[given], slice(None), len(tail))
        breaks, time = self._breaks(rows)[tail], rows.time.take(tail)
        return _Context(*parts[:3], breaks, rows.series, time, last)

    def _lay_out(self, X, rows, positions):
        """Build the table: for each series its kept rows, then its rows of X."""
        context, carry = self._context, bool(self.carry_context)
        indptr, lengths, kept, source, new = context.rows.before(rows, positions, carry)
        if len(kept) + len(new) < np.iinfo(np.int32).max:
            new = new.astype(np.int32)
        ends = rows.unsort(new)

        straight = len(kept) == 0 and rows.order is None
        *parts, names = self._read(X, slice(None) if straight else ends, indptr[-1])
        old = (context.values, context.codes, context.target)
        for part, rows_before in zip(parts, old, strict=True):
            part[kept] = rows_before[source]
        breaks = np.empty(indptr[-1], dtype=bool)
        breaks[kept], breaks[new] = context.breaks[source], self._breaks(rows)
        joint = np.flatnonzero(lengths)
        breaks[indptr[joint] + lengths[joint]] = self._far(rows, positions, joint)
        breaks[indptr[:-1]] = True
        segments = np.flatnonzero(breaks)
        table = PanelTable(
            *parts,
            indptr,
            segments,
            names,
            self.categories_,
            self.known_covariates_,
            self._view(),
        )
        return table, ends

    def _far(self, rows, positions, joint):
        """Whether the first rows of X lie beyond a gap from the rows kept before."""
        if self.max_gap is None or len(joint) == 0:
            return False
        end = self._context.rows.end.take(positions[joint])
        first = rows.times_at(rows.indptr[:-1][joint])
        return _gap_breaks(end, first, self.max_gap)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

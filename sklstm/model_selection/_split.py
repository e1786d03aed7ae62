"""Cross-validation of panels: by time within series, or by series."""

import warnings
from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator, GroupKFold
from sklearn.utils import check_scalar, indexable

from .._panels.flat_tables import as_panel
from .._panels.rows import PanelRows, is_panel, read_rows

__all__ = ["PanelTimeSeriesSplit", "SeriesKFold"]


class PanelTimeSeriesSplit(BaseCrossValidator):
    """Split a panel at successive times: train on the past, test on what follows.

    The last fold tests the last `horizon` times of the panel; each fold before it
    tests times that are `step` earlier. Training rows end right before the test rows,
    or `gap` times earlier, and start at the first time of the panel::

        fold 0   train train train . test
        fold 1   train train train train . test
        fold 2   train train train train train . test          (gap=1)

    The folds do not depend on the order of the rows.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds.
    horizon : int, default=1
        Number of times to test in each fold.
    gap : int, default=0
        Number of times between the training and the test rows that are not used.
    step : int, default=None
        Number of times between the test rows of successive folds. None uses `horizon`,
        so that test rows do not overlap.
    max_train_size : int, default=None
        Largest number of training times, counted back from the last one. None sets no
        limit.
    align : {"calendar", "end"}, default="calendar"
        ``"calendar"`` counts the times of the index: all series are cut at the same
        time, and no training row of any series is later than a test row. A fold tests
        the series that have rows at its test times. ``"end"`` counts the rows of each
        series from its own end: every series is tested, wherever it ends, and other
        series may have later training rows.
    index : sequence of column names, default=None
        The columns of X that name the series and, last, the time, such as ``("store",
        "date")``, for an X that is a flat table. None reads them from the index.

    See Also
    --------
    SeriesKFold : Hold out whole series.
    backtest : Forecast every fold, and keep the forecasts.
    sklearn.model_selection.TimeSeriesSplit : The same for a single series.

    Notes
    -----
    Test rows of a series that has no training row in the fold are left out, because a
    forecaster has no history to forecast them from. `SeriesKFold` tests new series.

    Only times at which some series has a row are counted. With ``align="end"`` rows
    are counted, so the test rows of a series with gaps may lie more than `horizon`
    time steps after its last training row. `regularize` adds a row for every missing
    time step.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm.model_selection import PanelTimeSeriesSplit
    >>> index = pd.MultiIndex.from_product([["a", "b"], range(2020, 2025)])
    >>> X = pd.DataFrame(index=index)
    >>> cv = PanelTimeSeriesSplit(n_splits=2, horizon=1)
    >>> for train, test in cv.split(X):
    ...     print(train, test)
    [0 1 2 5 6 7] [3 8]
    [0 1 2 3 5 6 7 8] [4 9]
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        horizon: int = 1,
        gap: int = 0,
        step: int | None = None,
        max_train_size: int | None = None,
        align: str = "calendar",
        index: Any = None,
    ) -> None:
        self.n_splits = n_splits
        self.horizon = horizon
        self.gap = gap
        self.step = step
        self.max_train_size = max_train_size
        self.align = align
        self.index = index

    def split(
        self, X: Any, y: pd.Series | pd.DataFrame | None = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate the positions of the training and test rows of each fold.

        Parameters
        ----------
        X : DataFrame or Series indexed by (series, time), table or array-like
            Rows to split. If they have no such index, `y` must have it, or `index` must
            name the columns of series and time.
        y : Series or DataFrame, default=None
            The target of the rows.
        groups : object, default=None
            Always ignored, exists for API compatibility.

        Yields
        ------
        train : ndarray of shape (n_train_rows,)
            Positions of the training rows, in the order of the rows.
        test : ndarray of shape (n_test_rows,)
            Positions of the test rows, in the order of the rows.
        """
        self._check_parameters()
        rows = _read_split_rows(self, X, y, groups)
        series, clock = rows.unsort(rows.codes), _CLOCK[self.align](rows)
        cutoffs = self._cutoffs(int(clock.max()) + 1)
        for fold, (start, train_end, end) in enumerate(cutoffs):
            train = (clock >= start) & (clock < train_end)
            has_history = np.bincount(series[train], minlength=rows.n_series) > 0
            first = train_end + self.gap
            test = (clock >= first) & (clock < end) & has_history[series]
            if not test.any():
                raise ValueError(
                    f"Fold {fold} has no test rows: no series has both training "
                    f"rows and one of the horizon={self.horizon} times after them. "
                    "Use fewer splits, a smaller gap, a larger max_train_size or "
                    'align="end".'
                )
            yield np.flatnonzero(train), np.flatnonzero(test)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X : object, default=None
            Always ignored, exists for API compatibility.
        y : object, default=None
            Always ignored, exists for API compatibility.
        groups : object, default=None
            Always ignored, exists for API compatibility.

        Returns
        -------
        int
            `n_splits`.
        """
        return self.n_splits

    def _check_parameters(self):
        for name, least in [("n_splits", 1), ("horizon", 1), ("gap", 0)]:
            check_scalar(getattr(self, name), name, Integral, min_val=least)
        for name in ("step", "max_train_size"):
            if getattr(self, name) is not None:
                check_scalar(getattr(self, name), name, Integral, min_val=1)
        if self.align not in _CLOCK:
            raise ValueError(f"align must be 'calendar' or 'end', got {self.align!r}.")

    def _cutoffs(self, n_times):
        """List where the training times of each fold start and end, and its test."""
        step = self.horizon if self.step is None else self.step
        needed = (self.n_splits - 1) * step + self.horizon + self.gap + 1
        if n_times < needed:
            what = {"calendar": "times", "end": "rows in the longest series"}
            raise ValueError(
                f"n_splits={self.n_splits}, horizon={self.horizon}, step={step} and "
                f"gap={self.gap} need at least {needed} {what[self.align]}, got "
                f"{n_times}. Make one of them smaller."
            )
        size = n_times if self.max_train_size is None else self.max_train_size
        ends = n_times - step * np.arange(self.n_splits - 1, -1, -1)
        train_ends = ends - self.horizon - self.gap
        return zip(train_ends - size, train_ends, ends, strict=True)


class SeriesKFold(BaseCrossValidator):
    """Split a panel into folds of whole series.

    Each series is tested in one fold and used for training in all other folds, so the
    scores measure the error on unseen series. Folds have about the same number of rows,
    or about the same number of series if shuffled.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2 and at most the number of series.
    shuffle : bool, default=False
        Whether to assign series to folds at random.
    random_state : int, RandomState instance or None, default=None
        Seed for `shuffle`. Pass an int to get the same folds on each call.
    index : sequence of column names, default=None
        The columns of X that name the series and, last, the time, such as ``("store",
        "date")``, for an X that is a flat table. None reads them from the index.

    See Also
    --------
    PanelTimeSeriesSplit : Hold out the end of each series.
    sklearn.model_selection.GroupKFold : The same for explicit groups.

    Notes
    -----
    A `PanelForecaster` has no history of a held-out series: call `update` with its
    first rows in each fold. In `cross_validate` and searches, use this splitter for
    pipelines that predict a row from its covariates.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm.model_selection import SeriesKFold
    >>> index = pd.MultiIndex.from_product([["a", "b", "c"], [2020, 2021]])
    >>> X = pd.DataFrame(index=index)
    >>> for train, test in SeriesKFold(n_splits=3).split(X):
    ...     print(train, test)
    [0 1 2 3] [4 5]
    [0 1 4 5] [2 3]
    [2 3 4 5] [0 1]
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        shuffle: bool = False,
        random_state: Any = None,
        index: Any = None,
    ) -> None:
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state
        self.index = index

    def split(
        self, X: Any, y: pd.Series | pd.DataFrame | None = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate the positions of the training and test rows of each fold.

        Parameters
        ----------
        X : DataFrame or Series indexed by (series, time), table or array-like
            Rows to split. If they have no such index, `y` must have it, or `index` must
            name the columns of series and time.
        y : Series or DataFrame, default=None
            The target of the rows.
        groups : object, default=None
            Always ignored, exists for API compatibility.

        Yields
        ------
        train : ndarray of shape (n_train_rows,)
            Positions of the training rows, in the order of the rows.
        test : ndarray of shape (n_test_rows,)
            Positions of the test rows, in the order of the rows.
        """
        # StackingRegressor sets a seed, which scikit-learn refuses without a shuffle.
        seed = self.random_state if self.shuffle else None
        folds = GroupKFold(self.n_splits, shuffle=self.shuffle, random_state=seed)
        rows = _read_split_rows(self, X, y, groups)
        if self.n_splits > rows.n_series:
            raise ValueError(
                f"n_splits must be at most the number of series, {rows.n_series}, got "
                f"{self.n_splits}."
            )
        series = rows.unsort(rows.codes)
        yield from folds.split(series, groups=series)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X : object, default=None
            Always ignored, exists for API compatibility.
        y : object, default=None
            Always ignored, exists for API compatibility.
        groups : object, default=None
            Always ignored, exists for API compatibility.

        Returns
        -------
        int
            `n_splits`.
        """
        return self.n_splits


def _read_split_rows(splitter, X, y, groups):
    if groups is not None:
        warnings.warn(
            f"The groups parameter is ignored by {type(splitter).__name__}, which "
            "reads series from the index.",
            UserWarning,
            stacklevel=3,
        )
    X, y = indexable(X, y)
    if is_panel(y) and not is_panel(X):
        return read_rows(y)
    X, _ = as_panel(X, y, splitter.index)
    return read_rows(X)


def _end_clock(rows):
    """Number each row within its series, such that the last rows have one number."""
    behind = rows.indptr[1:][rows.codes] - np.arange(len(rows))
    return rows.unsort(rows.lengths.max() - behind)


_CLOCK = {"calendar": PanelRows.time_ranks, "end": _end_clock}

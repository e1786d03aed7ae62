"""CalendarFeatures: the time of each row as columns of X."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._panels.parameters import StrOptions, _fit_context
from .._panels.plain_state import PlainState
from .._panels.rows import is_panel, time_level
from .._panels.times import check_same_kind
from ._calendar import (
    LABELS,
    check_dates,
    choose_features,
    cyclic_columns,
    holiday_column,
    label_column,
    read_holidays,
)
from ._frames import append_columns, check_new_names, read_input


def _check_features(features):
    names = list(features)
    if not set(names) <= LABELS.keys() or len(set(names)) < len(names):
        raise ValueError(
            f"features must be 'auto' or a list of different names out of "
            f"{list(LABELS)}, got {features!r}."
        )
    return names


class CalendarFeatures(PlainState, TransformerMixin, BaseEstimator):
    """Add calendar columns (hour, weekday, month, holidays).

    The times are the last level of the row index, dates or periods. The calendar of the
    future is known, so any forecast may use these columns.

    Parameters
    ----------
    features : "auto" or list of str, default="auto"
        Any of "minute", "hour", "day_of_week", "day_of_month", "day_of_year",
        "week_of_year", "month" and "quarter". "auto" chooses by the step that most
        rows keep in `fit`:

        - less than a day: hour, day_of_week, day_of_year;
        - days, weekdays: day_of_week, day_of_year;
        - weeks: day_of_year;
        - months: month;
        - quarters: quarter;
        - years: none.
    encoding : {"cyclic", "categorical"}, default="cyclic"
        - "cyclic": two float32 columns, ``f"{name}_sin"`` and ``f"{name}_cos"``, so
          that the last day of a week, month or year is near the first;
        - "categorical": a column of dtype category, which has all labels there are.
    holidays : list of dates or dict of str to list of dates, default=None
        Days that get a float32 column "holiday", or one of each name: 1 on these
        days, else 0. A period is 1 if any of its days is. Text must be ISO 8601, such
        as "2024-12-25".

    Attributes
    ----------
    features_ : list of str
        The features, as given or as chosen.
    holidays_ : dict of str to DatetimeIndex
        The days of each column of holidays.
    panel_ : bool
        Whether `fit` saw a panel, or else rows without times.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where all are strings.

    See Also
    --------
    StaticFeatures : Append facts that do not change with time.

    Notes
    -----
    Times in a zone count by the clock on the wall, that of the zone seen in `fit`, and
    periods by their start. Months and years have their true length in a cycle, weeks of
    the year are those of ISO 8601. In a cycle, minutes count as parts of the hour, and
    seconds as parts of the minute.

    An array, or a frame without a panel index, has no times and is returned unchanged.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import CalendarFeatures
    >>> index = pd.MultiIndex.from_product(
    ...     [["mall"], pd.to_datetime(["2024-12-24", "2024-12-25", "2024-12-26"])],
    ...     names=["store", "day"],
    ... )
    >>> X = pd.DataFrame({"price": [5.0, 6, 7]}, index=index)
    >>> calendar = CalendarFeatures(
    ...     ["day_of_week"], encoding="categorical", holidays=["2024-12-25"]
    ... )
    >>> calendar.fit_transform(X)
                      price day_of_week  holiday
    store day
    mall  2024-12-24    5.0           1      0.0
          2024-12-25    6.0           2      1.0
          2024-12-26    7.0           3      0.0
    >>> CalendarFeatures().fit(X).features_
    ['day_of_week', 'day_of_year']
    """

    reads_one_row = True

    _parameter_constraints: dict = {
        "features": [StrOptions({"auto"}), list, tuple],
        "encoding": [StrOptions({"cyclic", "categorical"})],
        "holidays": [dict, "array-like", None],
    }

    def __init__(
        self,
        features: str | list = "auto",
        *,
        encoding: str = "cyclic",
        holidays: list | dict | None = None,
    ) -> None:
        self.features = features
        self.encoding = encoding
        self.holidays = holidays

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "CalendarFeatures":
        """Choose the features.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Rows indexed by series and time, or rows without times.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : CalendarFeatures
            Fitted transformer.
        """
        X, rows = read_input(self, X, y, reset=True)
        self.panel_ = is_panel(X)
        self.holidays_ = read_holidays(self.holidays) if self.panel_ else {}
        self.features_ = self._find_features(rows) if self.panel_ else []
        # No time itself: only of which kind they are, and in which zone.
        self._time: Any = time_level(X.index)[:0] if self.panel_ else None
        if self.panel_:
            check_new_names(X.columns, self._new_names())
        return self

    def transform(self, X: Any) -> pd.DataFrame | np.ndarray:
        """Append the columns.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Rows with the columns seen in `fit`.

        Returns
        -------
        X_with_calendar : DataFrame or ndarray of shape (n_rows, n_columns_out)
            The same rows in the same order, in the container of X.
        """
        check_is_fitted(self)
        X, rows = read_input(self, X, reset=False, panel=self.panel_)
        if not self.panel_:
            return X
        # The different times are few, where series share them.
        time = check_dates(time_level(rows.index), rows.index.names[-1])
        check_same_kind(time, self._time)
        if getattr(time, "tz", None) is not None:
            time = time.tz_convert(self._time.tz)
        codes = np.asarray(rows.index.codes[-1])
        new = self._columns_of(time)
        return append_columns(X, {name: new[name][codes] for name in new})

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; None takes those seen in `fit`.

        Returns
        -------
        feature_names_out : ndarray of str
            The names of the columns of X, then of those appended.
        """
        names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        return np.array([*names, *self._new_names()], dtype=object)

    def _find_features(self, rows):
        check_dates(rows.time, rows.index.names[-1])
        if isinstance(self.features, str):
            return choose_features(rows)
        return _check_features(self.features)

    def _columns_of(self, time):
        """The new columns, with a value for each of these times."""
        new = {}
        for name in self.features_:
            if self.encoding == "cyclic":
                new |= cyclic_columns(name, time)
            else:
                new[name] = label_column(name, time)
        for name, days in self.holidays_.items():
            new[name] = holiday_column(days, time)
        return new

    def _new_names(self):
        suffixes = ["_sin", "_cos"] if self.encoding == "cyclic" else [""]
        features = [name + suffix for name in self.features_ for suffix in suffixes]
        return [*features, *self.holidays_]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

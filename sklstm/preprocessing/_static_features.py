"""StaticFeatures: facts of the series, joined to their rows."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._panels.columns import column_kind, column_kinds, read_numbers
from .._panels.parameters import StrOptions, _fit_context
from .._panels.plain_state import PlainState
from .._panels.rows import level_values, plain_labels, show
from ._frames import (
    append_columns,
    check_n_levels,
    check_new_names,
    join_names,
    read_input,
)


def _find_levels(table, index):
    """The positions of the index levels that the table's index names."""
    names = list(index.names[:-1]) if isinstance(index, pd.MultiIndex) else [None]
    wanted = list(table.index.names)
    if set(wanted) == {None}:
        if len(wanted) in (1, len(names)):
            return list(range(len(wanted)))
    elif names == [None] and len(wanted) == 1:
        # Nothing else can be meant where the one level of series has no name.
        return [0]
    elif len(set(wanted)) == len(wanted) and set(wanted) <= set(names):
        return [names.index(name) for name in wanted]
    raise ValueError(
        f"table is indexed by {wanted}, but the series of X by {names}. Name the "
        "levels of table after the matching levels of X, with "
        "table.rename_axis(index=[...])."
    )


def _check_table(table):
    labels = plain_labels(table.index)
    if not labels.is_unique:
        twice = labels[labels.duplicated()].unique()
        raise ValueError(
            f"table has more than one row for {len(twice)} label(s): {show(twice)}. "
            "Keep one row for each."
        )
    check_new_names([], table.columns, "Rename or drop one of those of table.")
    column_kinds(table, "facts", of="table")
    return table.set_axis(labels, axis=0)


def _check_all_found(found, series, remedy=""):
    missing = series[found < 0]
    if len(missing):
        raise ValueError(
            f"table has no row for {len(missing)} series of X: {show(missing)}. Add "
            f"one for each, with NaN where a fact is not known{remedy}."
        )


def _has_labels(column, name):
    return column_kind(column, name, of="table") == "label"


def _center_scale(values):
    """The mean and the standard deviation of the known values; 0 and 1 of none."""
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return 0.0, 1.0
    if known.min() == known.max():
        # The mean of equal values may differ from them by rounding.
        return known[0], 1.0
    return known.mean(), known.std()


def _labels(column):
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.array
    return pd.Categorical(column)


class StaticFeatures(PlainState, TransformerMixin, BaseEstimator):
    """Append static facts of each series as columns, from a table.

    Parameters
    ----------
    table : DataFrame
        One row of facts for each label, with columns of numbers (or bools) and of
        categories. Its index levels match the index levels of X by name, such as
        "store" for series named by ("store", "brand"). Without names, a single level
        matches the first level of X, and several levels match all levels before time.
    scale : bool, default=True
        Whether numbers are centred and scaled to standard deviation 1 over the series
        seen in `fit`, of which each counts once. Constant columns get scale 1.
    handle_unknown : {"error", "ignore"}, default="error"
        What to do in `transform` with a series that `table` has no row for: raise a
        ValueError, or append NaN and missing categories, which a net reads as unknown.

    Attributes
    ----------
    table_ : DataFrame
        The facts as they are appended: numbers in float32, scaled, and categories.
    levels_ : list of int
        The positions of the index levels that `table` belongs to.
    mean_ : dict of str to float
        The mean of each column of numbers, which is subtracted; empty without `scale`.
    scale_ : dict of str to float
        The standard deviation of each column of numbers, by which it is divided; empty
        without `scale`.
    n_levels_ : int
        Number of index levels seen in `fit`; 1 if there was no panel index.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where all are strings.

    See Also
    --------
    SeriesEncoder : Append the id of the series itself.
    CalendarFeatures : Append columns that are the same for all series.

    Notes
    -----
    Every series seen in `fit` needs a row of `table`, which may have rows for series
    that join later. Text becomes a column of dtype category, whose categories are those
    of the whole table.

    An array, or a frame whose index is no panel index, is one series with the label 0.
    An array holds numbers only, and so must the table then.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import StaticFeatures
    >>> index = pd.MultiIndex.from_product(
    ...     [["kiosk", "mall"], [1, 2]], names=["store", "day"]
    ... )
    >>> X = pd.DataFrame({"price": [1.0, 2, 3, 4]}, index=index)
    >>> table = pd.DataFrame(
    ...     {"area": [20, 60], "region": ["north", "east"]},
    ...     index=pd.Index(["kiosk", "mall"], name="store"),
    ... )
    >>> StaticFeatures(table).fit_transform(X)
               price  area region
    store day
    kiosk 1      1.0  -1.0  north
          2      2.0  -1.0  north
    mall  1      3.0   1.0   east
          2      4.0   1.0   east
    """

    reads_one_row = True

    _parameter_constraints: dict = {
        "table": [pd.DataFrame],
        "scale": ["boolean"],
        "handle_unknown": [StrOptions({"error", "ignore"})],
    }

    def __init__(
        self, table: pd.DataFrame, *, scale: bool = True, handle_unknown: str = "error"
    ) -> None:
        self.table = table
        self.scale = scale
        self.handle_unknown = handle_unknown

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "StaticFeatures":
        """Find the series of X in the table, and learn how to scale its numbers.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Rows indexed by series and time, or rows of one series.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : StaticFeatures
            Fitted transformer.
        """
        X, rows = read_input(self, X, y, reset=True)
        table = _check_table(self.table)
        self.levels_ = _find_levels(table, rows.index)
        self.n_levels_ = rows.index.nlevels
        self._check_columns(X, table)
        found = self._locate(rows, table.index)
        _check_all_found(found, rows.series)
        self.mean_, self.scale_, columns = {}, {}, {}
        for name, column in table.items():
            if _has_labels(column, name):
                columns[name] = _labels(column)
                continue
            values = read_numbers(column, name, np.float64, of="table")
            if self.scale:
                center, scale = _center_scale(values[found])
                self.mean_[name], self.scale_[name] = float(center), float(scale)
                values = (values - center) / scale
            values = pd.Series(values, table.index)
            columns[name] = read_numbers(values, name, np.float32, of="table")
        self.table_ = pd.DataFrame(columns, index=table.index, columns=table.columns)
        return self

    def transform(self, X: Any) -> pd.DataFrame | np.ndarray:
        """Append the facts of the series of each row.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Rows with the columns and the index levels seen in `fit`.

        Returns
        -------
        X_with_facts : DataFrame or ndarray of shape (n_rows, n_columns_out)
            The same rows in the same order, in the container of X.
        """
        check_is_fitted(self)
        X, rows = read_input(self, X, reset=False, panel=self.n_levels_ > 1)
        check_n_levels(rows.index, self.n_levels_)
        self._check_columns(X, self.table_)
        found = self._locate(rows, self.table_.index)
        if self.handle_unknown == "error":
            _check_all_found(found, rows.series, ", or set handle_unknown='ignore'")
        found = rows.unsort(found[rows.codes])
        # No row has the label -1, so that a series without facts finds none.
        facts = self.table_.reset_index(drop=True).reindex(found)
        return append_columns(X, {name: facts[name].array for name in facts})

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; None takes those seen in `fit`.

        Returns
        -------
        feature_names_out : ndarray of str
            The names of the columns of X, then of those of the table.
        """
        names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        return np.array(join_names(names, self.table_.columns), dtype=object)

    def _locate(self, rows, labels):
        """The position of each series among the labels, -1 where it is not there."""
        series = rows.series
        if isinstance(series, pd.MultiIndex):
            arrays = [level_values(series, i) for i in self.levels_]
            one = len(arrays) == 1
            series = arrays[0] if one else pd.MultiIndex.from_arrays(arrays)
        return labels.get_indexer(series)

    def _check_columns(self, X, table):
        if isinstance(X, pd.DataFrame):
            check_new_names(X.columns, table.columns)
            return
        text = [name for name, column in table.items() if _has_labels(column, name)]
        if text:
            raise ValueError(
                f"table has categories in {show(text)}, which an array cannot hold. "
                "Give X as a DataFrame, or only the numbers of table."
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

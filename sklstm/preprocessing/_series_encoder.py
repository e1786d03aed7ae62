"""SeriesEncoder: the id of each row's series as a column of X."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import (
    BaseEstimator,
    OneToOneFeatureMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils.validation import check_is_fitted

from .._panels.parameters import Interval, StrOptions, _fit_context
from .._panels.plain_state import PlainState
from .._panels.rows import series_name, show
from ._frames import (
    check_n_levels,
    check_new_names,
    join_names,
    read_input,
    replace_columns,
)

_RENAME = (
    "Rename or drop that column of X, or rename the index level with X.rename_axis."
)


def _resolve_levels(levels, index):
    """Map the name of each new column to its index level, None for the series id."""
    if not isinstance(index, pd.MultiIndex):
        return {"series": None} if levels is None or levels else {}
    if levels is None:
        return {series_name(index): None}
    found = {}
    for level in levels:
        if level == "series" and level not in index.names:
            found[series_name(index)] = None
        else:
            number = _level_number(level, index)
            name = index.names[number]
            found[f"level_{number}" if name is None else str(name)] = number
    return found


def _level_number(level, index):
    names, n_levels = list(index.names), index.nlevels
    if level in names:
        number = names.index(level)
    elif Interval(Integral, -n_levels, n_levels, closed="left").is_satisfied_by(level):
        number = level % n_levels
    else:
        raise ValueError(
            f"levels has {level!r}, but the index of X has the levels {names}. Give "
            "one of these names, a position, or 'series' for all levels before time."
        )
    if number == n_levels - 1:
        raise ValueError(
            f"levels has {level!r}, the last index level, which is time and not a "
            f"name of series. Choose from {names[:-1]}, or 'series' for all of them."
        )
    return number


def _resolve_columns(columns, X):
    """Positions of the named columns."""
    if not columns:
        return []
    if not isinstance(X, pd.DataFrame):
        raise ValueError(
            f"columns={columns!r} needs a DataFrame with these columns, "
            f"got {type(X).__name__}."
        )
    for name in columns:
        if list(X.columns).count(name) != 1:
            raise ValueError(
                f"columns has {name!r}, but X has {list(X.columns).count(name)} "
                f"columns of that name; its columns are {list(X.columns)}."
            )
    return [X.columns.get_loc(name) for name in columns]


def _level_labels(rows, level):
    """Labels, and the position among them of each row."""
    if level is None:
        return rows.series.to_flat_index(), rows.unsort(rows.codes)
    labels = rows.index.levels[level]
    if isinstance(labels, pd.CategoricalIndex):
        labels = labels.astype(labels.categories.dtype)
    return labels, np.asarray(rows.index.codes[level])


def _column_labels(column):
    """Labels, and the position among them of each row, -1 where it is missing."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.categories, column.cat.codes.to_numpy()
    codes, labels = pd.factorize(column, sort=True)
    return pd.Index(labels), codes


def _observed(labels, codes):
    counts = np.bincount(codes.astype(np.intp) + 1, minlength=len(labels) + 1)
    return labels[counts[1:] > 0]


def _sorted(labels):
    try:
        return labels.sort_values()
    except TypeError:
        return labels


def _find_codes(labels, codes, known, handle_unknown, name):
    """Positions in `known` of the rows' labels, -1 for missing and unknown ones."""
    found = np.append(known.get_indexer(labels), -1)[codes]
    if handle_unknown == "error":
        new = _observed(labels, np.where(found < 0, codes, -1))
        if len(new):
            raise ValueError(
                f"{name!r} has {len(new)} label(s) not seen in fit: {show(new)}. Fit "
                "on rows that have them, or set handle_unknown='ignore'."
            )
    return found


def _indicators(codes, n_labels):
    out = np.zeros((len(codes), n_labels), dtype=np.float32, order="F")
    known = np.flatnonzero(codes >= 0)
    out[known, codes[known]] = 1
    return out


class SeriesEncoder(PlainState, TransformerMixin, BaseEstimator):
    """Append the id of each row's series as a column.

    The id of a series is its label in the row index: all levels before time
    together. A model can learn the differences between series from this column, for
    example as an embedding in :class:`~sklstm.LSTMRegressor`. Columns with the type of
    a series can be encoded in the same step.

    Parameters
    ----------
    encoding : {"categorical", "onehot", "ordinal"}, default="categorical"
        - "categorical": a column of dtype category, whose categories are the labels
          seen in `fit`;
        - "onehot": one float32 column of zeros and ones for each label, named
          ``f"{name}_{label}"``;
        - "ordinal": a column of integers, 1, 2, ... in the order of the labels.
    levels : list of str or int, default=None
        The index levels to encode, by name or position, each as its own column of
        the level's name. "series" selects the series id, unless a level has that name.
        An empty list appends nothing. None encodes the series id.
    columns : list of str, default=None
        Columns of X to encode as well. Each keeps its name and place; with
        ``encoding="onehot"`` its indicators replace it, at the end.
    handle_unknown : {"ignore", "error"}, default="ignore"
        What to do in `transform` with a label not seen in `fit`: "ignore" makes it
        missing in a column of dtype category, code 0 in a column of integers, and a
        row of zeros in indicators; "error" raises a ValueError. Missing labels are
        always encoded as with "ignore".

    Attributes
    ----------
    categories_ : dict of str to Index
        The labels seen in `fit` for each encoded level and column. Labels that
        several levels make together are tuples.
    levels_ : dict of str to int or None
        The position of the index level of each appended name; None is the series id.
    columns_ : list of int
        Positions of the encoded columns of X.
    n_levels_ : int
        Number of index levels seen in `fit`; 1 if there was no panel index.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where all are strings.

    See Also
    --------
    SlidingWindow : The next step, which takes columns of dtype category as codes.
    sklearn.preprocessing.OneHotEncoder : Indicators of columns, without an index.

    Notes
    -----
    The column of the series id has the name of the index level; the names of
    several levels are joined by underscores, and without a name it is "series".
    Appended columns go last: first the levels, then the indicators of `columns`.

    Labels are sorted where they can be, and so the codes do not depend on the order
    of the rows. A column that is categorical already keeps the order of its
    categories, less those that do not occur.

    An array, or a frame whose index is no panel index, is read as one series with
    the label 0. To an array, a column of ones is appended whatever the encoding.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import SeriesEncoder
    >>> index = pd.MultiIndex.from_product(
    ...     [["kiosk", "mall"], [1, 2]], names=["store", "day"]
    ... )
    >>> X = pd.DataFrame({"price": [1.0, 2, 3, 4]}, index=index)
    >>> SeriesEncoder().fit_transform(X)
               price  store
    store day
    kiosk 1      1.0  kiosk
          2      2.0  kiosk
    mall  1      3.0   mall
          2      4.0   mall
    >>> SeriesEncoder("ordinal").fit(X.loc[["mall"]]).transform(X)["store"].tolist()
    [0, 0, 1, 1]
    """

    reads_one_row = True

    _parameter_constraints: dict = {
        "encoding": [StrOptions({"categorical", "onehot", "ordinal"})],
        "levels": [list, None],
        "columns": [list, None],
        "handle_unknown": [StrOptions({"ignore", "error"})],
    }

    def __init__(
        self,
        encoding: str = "categorical",
        *,
        levels: list | int | None = None,
        columns: list | None = None,
        handle_unknown: str = "ignore",
    ) -> None:
        self.encoding = encoding
        self.levels = levels
        self.columns = columns
        self.handle_unknown = handle_unknown

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> "SeriesEncoder":
        """Learn the labels.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Rows indexed by series and time, or rows of one series.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : SeriesEncoder
            Fitted encoder.
        """
        panel = True if self.levels else None
        X, rows = read_input(self, X, y, reset=True, panel=panel, finite=False)
        levels = _resolve_levels(self.levels, rows.index)
        columns = _resolve_columns(self.columns, X)
        categories = {
            name: _sorted(_observed(*_level_labels(rows, level)))
            for name, level in levels.items()
        }
        own = [X.columns[i] for i in columns]
        check_new_names(own, levels, _RENAME)
        for name, position in zip(own, columns, strict=True):
            categories[name] = _observed(*_column_labels(X.iloc[:, position]))
        self.levels_ = levels
        self.columns_ = columns
        self.categories_ = categories
        self.n_levels_ = rows.index.nlevels
        if isinstance(X, pd.DataFrame):
            check_new_names(self._kept(X.columns), self._new_names(), _RENAME)
        return self

    def add_labels(self, X: pd.DataFrame) -> "SeriesEncoder":
        """Learn the labels of more rows; those that are known keep their codes.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Rows with the columns and the index levels seen in `fit`.

        Returns
        -------
        self : SeriesEncoder
            The encoder itself.
        """
        check_is_fitted(self)
        more = clone(self).fit(X).categories_
        self.categories_ = {
            name: labels.append(more[name].difference(labels))
            for name, labels in self.categories_.items()
        }
        return self

    def transform(self, X: Any) -> pd.DataFrame | np.ndarray:
        """Append and encode the columns.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Rows with the columns and the index levels seen in `fit`.

        Returns
        -------
        X_encoded : DataFrame or ndarray of shape (n_rows, n_columns_out)
            The same rows in the same order, in the container of X.
        """
        check_is_fitted(self)
        X, rows = read_input(
            self, X, reset=False, panel=self.n_levels_ > 1, finite=False
        )
        check_n_levels(rows.index, self.n_levels_)
        _resolve_columns(self.columns, X)
        if not isinstance(X, pd.DataFrame):
            ones = np.ones((len(X), len(self.levels_)), dtype=X.dtype)
            return np.hstack([X, ones])
        codes = self._find_all(X, rows)
        out = (
            self._indicate(X, codes)
            if self.encoding == "onehot"
            else self._code(X, codes)
        )
        names = join_names(self._kept(X.columns), self._new_names())
        return out.set_axis(pd.Index(names, name=X.columns.name), axis=1)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; None takes those seen in `fit`.

        Returns
        -------
        feature_names_out : ndarray of str
            The names of the columns kept, then of those appended.
        """
        names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        return np.array([*self._kept(names), *self._new_names()], dtype=object)

    def _kept(self, names):
        """The names of the columns of X that stay in the output."""
        dropped = self.columns_ if self.encoding == "onehot" else []
        return [name for i, name in enumerate(names) if i not in dropped]

    def _new_names(self):
        if self.encoding != "onehot":
            return list(self.levels_)
        return [
            f"{name}_{label}"
            for name, labels in self.categories_.items()
            for label in labels
        ]

    def _find_all(self, X, rows):
        """The position among the known labels of each row, for each encoded name."""
        found = {
            name: _level_labels(rows, level) for name, level in self.levels_.items()
        }
        for i in self.columns_:
            found[X.columns[i]] = _column_labels(X.iloc[:, i])
        return {
            name: _find_codes(*found[name], known, self.handle_unknown, name)
            for name, known in self.categories_.items()
        }

    def _indicate(self, X, codes):
        kept = X.iloc[:, self._kept(range(X.shape[1]))]
        new = [
            pd.DataFrame(_indicators(codes[name], len(labels)), index=X.index)
            for name, labels in self.categories_.items()
        ]
        # `transform` names the columns.
        return pd.concat([kept, *new], axis=1, ignore_index=True)

    def _code(self, X, codes):
        columns = {
            name: pd.Categorical.from_codes(codes[name], categories=labels)
            if self.encoding == "categorical"
            else codes[name] + 1
            for name, labels in self.categories_.items()
        }
        own = [columns[X.columns[i]] for i in self.columns_]
        new = pd.DataFrame({name: columns[name] for name in self.levels_}, X.index)
        return pd.concat([replace_columns(X, self.columns_, own), new], axis=1)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

"""SeriesTransformer: the base of transformers that learn numbers of each series."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin

from .._panels.plain_state import PlainState
from .._panels.rows import locate_series
from ._frames import locate_known, read_column, read_panel_or_series, replace_columns


class SeriesTransformer(
    PlainState, OneToOneFeatureMixin, TransformerMixin, BaseEstimator
):
    """Transform numeric columns by numbers that each series has of its own."""

    def _read(self, X, y=None, *, reset):
        panel = None if reset else self.panel_
        return read_panel_or_series(self, X, y, reset=reset, panel=panel)

    def _rows_of_new_series(self, X, known):
        """The rows of series that are not known; None if there are none."""
        _, rows = self._read(X, reset=False)
        new = locate_series(rows.series, known) < 0
        return X[rows.unsort(np.repeat(new, rows.lengths))] if new.any() else None

    def _apply(self, function, X, positions, known, *tables):
        """Call a function on each column and on its numbers, one for each row.

        The last row of each table is for series that are not known, whose position is
        -1.
        """
        frame, rows = self._read(X, reset=False)
        located = locate_known(rows, known, self.handle_unknown)
        codes = rows.unsort(np.repeat(located, rows.lengths))
        columns = [
            function(read_column(frame, i), *(table[codes, j] for table in tables))
            for j, i in enumerate(positions)
        ]
        out = replace_columns(frame, positions, columns)
        return out.iloc[:, 0].rename(X.name) if isinstance(X, pd.Series) else out

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

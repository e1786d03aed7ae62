"""What all forecasters share: forecasts of the next steps, and scikit-learn's tags."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._panels.flat_tables import flat_answer, library_of, panel_of
from .._panels.inner_estimators import find_setting
from .._panels.rows import check_targets_of_fit, target_of_rows

__all__ = ["ForecasterMixin", "WrapperMixin"]


def _has_quantiles(self):
    """Whether the forecaster predicts quantiles; an AttributeError says it does not."""
    self.predict_quantiles  # noqa: B018
    return True


class ForecasterMixin:
    """Forecasts of the next steps of every series.

    A forecaster has `next_rows`, `predict` and `history_`, and may have
    `predict_quantiles` and `predict_interval`.
    """

    def forecast(
        self: Any, steps: int | None = None, X: pd.DataFrame | None = None
    ) -> pd.Series | pd.DataFrame:
        """Forecast the next steps of every series, or the rows of X.

        Without X, known covariates are read from the rows ahead that `fit` or `update`
        was given with a missing y. Columns made of the index alone, such as those of
        the calendar, need no rows ahead.

        Parameters
        ----------
        steps : int, default=None
            Number of steps; `horizon` if None. Leave it at None if X is given.
        X : DataFrame of shape (n_rows, n_columns), default=None
            Rows after the end of their series, with the known covariates; all other
            columns may be left out. `future_rows` returns a frame to fill in.

        Returns
        -------
        Series or DataFrame
            Forecasts in units of y, indexed by (series, time): `steps` rows for each
            series, or the rows of X. With the parameter `index` of the forecaster a
            flat table, of the kind of X, or of that in `fit`. Python dates and Arrow
            dates keep their type; dates given as text become timestamps.

        Raises
        ------
        ValueError
            If the next times of a series cannot be inferred, because it keeps no time
            step, has closed hours, or ends between two steps. Pass the step as `freq`.
            If a row of X is not after the end of its series.
        """
        rows = self.next_rows(steps, X)
        values, history = self.predict(rows), self.history_
        if history.ndim == 2:
            answer = pd.DataFrame(values, index=rows.index, columns=history.columns)
        else:
            answer = pd.Series(values, index=rows.index, name=history.name)
        return self._as_asked(answer, X)

    @available_if(_has_quantiles)
    def forecast_quantiles(
        self: Any,
        steps: int | None = None,
        X: pd.DataFrame | None = None,
        quantiles: Any = None,
    ) -> pd.DataFrame:
        """Forecast quantiles of the next steps of every series, or of the rows of X.

        Parameters
        ----------
        steps : int, default=None
            Number of steps, at most `horizon`, which None uses.
        X : DataFrame of shape (n_rows, n_columns), default=None
            Rows after the end of their series, as in `forecast`.
        quantiles : sequence of float, default=None
            Quantiles to forecast, ascending, as in `predict_quantiles`.

        Returns
        -------
        DataFrame of shape (n_rows, n_quantiles)
            In units of y, with a column for each quantile; with a y of two axes, for
            each (target, quantile).
        """
        answer = self.predict_quantiles(self.next_rows(steps, X), quantiles)
        return self._as_asked(answer, X)

    @available_if(_has_quantiles)
    def forecast_interval(
        self: Any,
        steps: int | None = None,
        X: pd.DataFrame | None = None,
        coverage: float = 0.9,
    ) -> pd.DataFrame:
        """Forecast intervals for the next steps of every series, or the rows of X.

        Parameters
        ----------
        steps : int, default=None
            Number of steps, at most `horizon`, which None uses.
        X : DataFrame of shape (n_rows, n_columns), default=None
            Rows after the end of their series, as in `forecast`.
        coverage : float, default=0.9
            Coverage of the intervals, between 0 and 1.

        Returns
        -------
        DataFrame of shape (n_rows, 2)
            In units of y, with the columns "lower" and "upper"; with a y of two axes,
            for each (target, bound).
        """
        answer = self.predict_interval(self.next_rows(steps, X), coverage)
        return self._as_asked(answer, X)

    def score(self: Any, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> float:
        """Compute the coefficient of determination of the forecasts, R².

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns) or None
            Rows to forecast, as in `predict`. None takes them from the index of y.
        y : Series, DataFrame or array of shape (n_rows,) or (n_rows, n_targets)
            Their true values, in the order of X, with the targets of `fit`.
        sample_weight : array of shape (n_rows,), default=None
            Weight of each row.

        Returns
        -------
        float
            1 at best, 0 for the mean of `y`, averaged over targets. See
            :func:`~sklearn.metrics.r2_score`.
        """
        check_is_fitted(self)
        if y is None:
            raise ValueError("y is None, but a score needs the true values of X.")
        panel, y = panel_of(self, X, y)
        y = target_of_rows(panel, y)
        check_targets_of_fit(y, self.history_)
        X = panel if X is None else X
        return RegressorMixin.score(self, X, y, sample_weight)

    def _as_asked(self, answer, X=None):
        """The answer itself, or a flat table where the forecaster reads such tables."""
        index = find_setting(self, "index")
        if index is None:
            return answer
        library = find_setting(self, "library_") if X is None else library_of(X)
        return flat_answer(answer, index, library or "pandas")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.target_tags.multi_output = True
        tags.input_tags.two_d_array = False
        tags.input_tags.allow_nan = True
        return tags


class WrapperMixin(ForecasterMixin):
    """A forecaster around a fitted one, whose attribute `_inside` names."""

    _inside: str

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Forecast the rows of X.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Rows after the remembered end of their series, or remembered rows, which
            get one-step fitted values.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets)
            One forecast for each row, in units of y.
        """
        return self._wrapped.predict(X)

    def next_rows(
        self, steps: int | None = None, X: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Give the rows that `forecast` predicts.

        Parameters
        ----------
        steps : int, default=None
            Number of steps after the end of each series; `horizon` if None.
        X : DataFrame, default=None
            Rows after the end of their series, instead of `steps`.

        Returns
        -------
        DataFrame of shape (n_rows, n_columns)
            See :meth:`PanelForecaster.next_rows`.
        """
        return self._wrapped.next_rows(steps, X)

    def future_rows(self, steps: int | None = None) -> pd.DataFrame:
        """Make an empty frame for the known covariates of the next steps.

        Parameters
        ----------
        steps : int, default=None
            Number of steps; `horizon` if None.

        Returns
        -------
        DataFrame of shape (n_rows, n_known_columns)
            The next `steps` rows of each series. Fill in the columns and pass the frame
            to `forecast` as X.
        """
        return self._wrapped.future_rows(steps)

    @property
    def history_(self) -> pd.Series | pd.DataFrame:
        return self._wrapped.history_

    @property
    def horizon_(self) -> int:
        return self._wrapped.horizon_

    @property
    def window_size_(self) -> int:
        return self._wrapped.window_size_

    @property
    def n_features_in_(self) -> int:
        return self._wrapped.n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        return self._wrapped.feature_names_in_

    @property
    def _wrapped(self) -> Any:
        check_is_fitted(self)
        return getattr(self, self._inside)

"""Forecasts of the next steps of every series, for all forecasters alike."""

from typing import Any

import pandas as pd
from sklearn.utils.metaestimators import available_if

__all__ = ["NextStepsMixin"]


def _has_quantiles(self):
    """Whether the forecaster predicts quantiles; an AttributeError says it does not."""
    self.predict_quantiles  # noqa: B018
    return True


class NextStepsMixin:
    """The forecasts of `next_rows`, under their index.

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
            series, or the rows of X. Python dates and Arrow dates keep their type;
            dates given as text become timestamps.

        Raises
        ------
        ValueError
            If the next times of a series cannot be inferred, because it keeps no time
            step, has closed hours, or ends between two steps. Pass the step as `freq`.
            If a row of X is not after the end of its series.
        """
        X = self.next_rows(steps, X)
        values, history = self.predict(X), self.history_
        if history.ndim == 2:
            return pd.DataFrame(values, index=X.index, columns=history.columns)
        return pd.Series(values, index=X.index, name=history.name)

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
        return self.predict_quantiles(self.next_rows(steps, X), quantiles)

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
        return self.predict_interval(self.next_rows(steps, X), coverage)

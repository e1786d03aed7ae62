"""Quantiles of the seasonal naive forecast, by bootstrap: the baseline to beat.

The forecast of a row is the last known value of its season, and its errors are those
that the same forecast made in the training rows of the series, as many seasons ahead.
It is the simplest forecast whose intervals widen with the steps.

Run ``python naive_bootstrap.py`` for its coverage on data in the package.
"""

import numpy as np
import pandas as pd

from sklstm.datasets import load_fertility, make_panel
from sklstm.metrics import (
    continuous_ranked_probability_score,
    interval_coverage,
    mean_interval_width,
)

# With fewer errors of so many seasons, those of fewer seasons are scaled instead.
_FEWEST_ERRORS = 10
# Draws that are held at a time, 32 MB of them.
_BLOCK = 4_000_000


def seasonal_naive_quantiles(
    y_train,
    index_future,
    seasonal_period,
    quantiles,
    *,
    center=False,
    n_samples=1000,
    random_state=0,
):
    """Forecast quantiles by the seasonal naive method and its errors in training.

    A row in the k-th season after the training rows of its series is forecast by the
    value k seasons before it. To this are added `n_samples` errors
    ``y[t] - y[t - k * seasonal_period]``, drawn with replacement from the same series;
    the forecasts are the quantiles of the sums.

    Parameters
    ----------
    y_train : Series of shape (n_train_rows,)
        The target indexed by (series, time), or by more levels before time. NaN is
        missing.
    index_future : MultiIndex of shape (n_rows,)
        The rows to forecast, in any order. Those of a series follow its training rows
        without a gap.
    seasonal_period : int
        Rows in a season; 1 repeats the last value.
    quantiles : array-like of shape (n_quantiles,)
        The quantiles, between 0 and 1.
    center : bool, default=False
        Whether errors are taken from their mean, so that the forecasts spread around
        the last season. Else the trend of the past goes on in them.
    n_samples : int, default=1000
        Errors drawn for each row.
    random_state : int, default=0
        The seed of the draws.

    Returns
    -------
    DataFrame of shape (n_rows, n_quantiles)
        Indexed by `index_future`, with a column for each quantile.

    Notes
    -----
    Where the value k seasons before is missing, the last known one of the season stands
    in, and k counts from there.

    A series with fewer than 10 errors of k seasons gives those of the most seasons of
    which it has 10, or of one season, times the root of the ratio of seasons, as the
    errors of a random walk grow. Without any error all quantiles are the forecast.

    A series that was never negative gets no quantile below 0.
    """
    y_train = y_train.sort_index()
    labels = y_train.index.droplevel(-1)
    series = labels.unique()
    values, code = y_train.to_numpy(dtype=float), series.get_indexer(labels)
    future, step = _count_steps(index_future, series)
    last, seasons = _last_in_season(values, code, future, step, seasonal_period)
    source = _choose_errors(values, code, seasonal_period, seasons.max())
    source = source[future, seasons - 1]
    rng = np.random.default_rng(random_state)
    forecasts = np.repeat(values[last][:, None], len(quantiles), axis=1)
    for k in np.unique(source):
        errors, owner = _season_errors(values, code, k * seasonal_period)
        count = np.bincount(owner, minlength=len(series))
        if center:
            total = np.bincount(owner, weights=errors, minlength=len(series))
            errors = errors - (total / np.maximum(count, 1))[owner]
        first = np.cumsum(count) - count
        rows = np.flatnonzero((source == k) & (count[future] > 0))
        for part in np.array_split(rows, -(-len(rows) * n_samples // _BLOCK) or 1):
            drawn = rng.random((len(part), n_samples)) * count[future[part], None]
            drawn = errors[first[future[part], None] + drawn.astype(np.intp)]
            growth = np.sqrt(seasons[part] / k)[:, None]
            forecasts[part] += growth * np.quantile(drawn, quantiles, axis=1).T
    low = pd.Series(values).groupby(code).min().to_numpy()[future]
    forecasts[low >= 0] = np.maximum(forecasts[low >= 0], 0)
    return pd.DataFrame(forecasts, index=index_future, columns=list(quantiles))


def _count_steps(index_future, series):
    """The series of each row, and how many rows after the training rows it is."""
    future = series.get_indexer(index_future.droplevel(-1))
    if (future < 0).any():
        unknown = index_future[future < 0].droplevel(-1).unique()
        raise ValueError(f"y_train has no rows of {len(unknown)} series.")
    rows = pd.Series(np.arange(len(future)), index=index_future).sort_index()
    step = np.empty(len(future), dtype=np.intp)
    step[rows] = rows.groupby(future[rows]).cumcount() + 1
    return future, step


def _last_in_season(values, code, future, step, period):
    """Where the last known value of each row's season is, and how many seasons ago."""
    length = np.bincount(code)
    start = np.cumsum(length) - length
    known = np.flatnonzero(~np.isnan(values))
    last = np.full((len(length), period), -1)
    # Of the rows of a season the last one is written last.
    last[code[known], (known - start[code[known]]) % period] = known
    row = start[future] + length[future] + step - 1
    last = last[future, (row - start[future]) % period]
    if (last < 0).any():
        raise ValueError(
            f"{len(np.unique(future[last < 0]))} series have no known value in some "
            f"part of the season of {period} rows; each needs one to repeat."
        )
    return last, (row - last) // period


def _season_errors(values, code, lag):
    """The known differences of rows `lag` apart, and the series of each, sorted."""
    errors = values[lag:] - values[:-lag]
    known = (code[lag:] == code[:-lag]) & ~np.isnan(errors)
    return errors[known], code[lag:][known]


def _choose_errors(values, code, period, n_seasons):
    """Of how many seasons the errors are that each series draws, for 1 to n ahead."""
    n_series = code[-1] + 1
    source = np.ones((n_series, n_seasons), dtype=np.intp)
    for k in range(1, n_seasons + 1):
        _, owner = _season_errors(values, code, k * period)
        enough = np.bincount(owner, minlength=n_series) >= _FEWEST_ERRORS
        source[enough, k - 1 :] = k
    return source


def report_coverage(name, y, horizon, seasonal_period, **options):
    """Print how the baseline does on the last rows of every series."""
    y = y[y.groupby(level=0).transform("size") > horizon]
    is_future = y.groupby(level=0).cumcount(ascending=False) < horizon
    y_train, y_true = y[~is_future], y[is_future]
    quantiles = np.round(np.arange(0.05, 0.96, 0.05), 2)
    forecasts = seasonal_naive_quantiles(
        y_train, y_true.index, seasonal_period, quantiles, **options
    )
    words = [f"{name:<28}"]
    for low, high in ((0.05, 0.95), (0.1, 0.9), (0.25, 0.75)):
        interval = forecasts[[low, high]]
        covered = interval_coverage(y_true, interval)
        width = mean_interval_width(interval)
        words.append(f"{high - low:.0%}: {covered:6.1%} (width {width:.3g})")
    crps = continuous_ranked_probability_score(y_true, forecasts)
    print("  ".join([*words, f"CRPS {crps:.3g}"]))


if __name__ == "__main__":
    y = load_fertility()["fertility_rate"]
    report_coverage("fertility, 10 years", y, 10, 1)
    report_coverage("the same, centred", y, 10, 1, center=True)
    y = make_panel(200, (150, 400), trend=0, random_state=0)["target"]
    report_coverage("make_panel, 20 days", y, 20, 7)
    y = make_panel(200, 250, trend=0, noise=0, n_covariates=0, freq=None)["target"]
    noise = np.random.default_rng(0).normal(size=len(y))
    report_coverage("white noise, 20 rows", 0 * y + noise, 20, 1)
    walks = pd.Series(noise, y.index).groupby(level=0).cumsum()
    report_coverage("random walks, 20 rows", walks, 20, 1)

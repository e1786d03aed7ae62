"""Searches and forecasts on a cluster of processes give what one process does."""

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_backend
from sklearn.model_selection import GridSearchCV

from sklstm import LSTMForecaster, PanelTimeSeriesSplit
from sklstm.datasets import make_panel

distributed = pytest.importorskip("distributed")
dataframe = pytest.importorskip("dask.dataframe")


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            2, threads_per_worker=1, dashboard_address=None
        ) as own,
        distributed.Client(own) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def y():
    return make_panel(4, 50, n_covariates=0, random_state=0)["target"]


def small(**params):
    return LSTMForecaster(
        3, hidden_size=4, max_epochs=2, n_estimators=1, random_state=0, **params
    )


def forecast_part(table, forecaster):
    """Forecast the series of a part from its newest rows, with flat columns."""
    newest = table.set_index(["series", "time"]).sort_index()["target"]
    fitted = forecaster.update(None, newest)
    rows = fitted.future_rows()
    rows = rows.loc[rows.index.isin(newest.index.unique(0), level=0)]
    return fitted.forecast(X=rows).reset_index()


def test_a_grid_on_a_cluster_has_the_scores_of_one_process(client, y):
    search = GridSearchCV(
        small(),
        {"window_size": [4, 8], "hidden_size": [2, 4]},
        cv=PanelTimeSeriesSplit(n_splits=2, horizon=3),
        scoring="neg_mean_absolute_error",
    )
    here = search.fit(y.to_frame()[[]], y).cv_results_["mean_test_score"]
    with parallel_backend("dask"):
        there = search.fit(y.to_frame()[[]], y).cv_results_["mean_test_score"]
    np.testing.assert_allclose(here, there, rtol=1e-6)


def test_partitions_of_a_dask_frame_are_forecast_where_they_are(client, y):
    is_new = y.groupby(level=0).cumcount(ascending=False) < 5
    forecaster = small(history="context").fit(None, y[~is_new])
    flat = y[is_new].reset_index()
    parts = dataframe.from_pandas(flat.set_index("series"), npartitions=2)
    meta = forecaster.forecast().reset_index().iloc[:0]
    got = parts.reset_index().map_partitions(forecast_part, forecaster, meta=meta)
    got = got.compute().set_index(["series", "time"])["target"].sort_index()
    expected = forecaster.update(None, y[is_new]).forecast()
    pd.testing.assert_series_equal(got, expected, check_index_type=False)

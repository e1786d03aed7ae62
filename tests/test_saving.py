"""Fitted estimators go into files of skops, without pickle, and come back the same."""

import copy
import datetime
import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import (
    CalendarFeatures,
    ConformalForecaster,
    ContinualForecaster,
    LSTMForecaster,
    LSTMRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeriesEncoder,
    SeriesImputer,
    SeriesLog,
    SeriesScaler,
    SlidingWindow,
    StaticFeatures,
)
from sklstm._panels.plain_state import pack, unpack
from sklstm.datasets import load_fertility, make_panel

skops_io = pytest.importorskip("skops.io")

STORED = Path(__file__).parent / "data" / "forecaster_1.skops"
# What the stored file forecast when it was written.
STORED_FORECAST = {"Chad": [6.485, 6.485], "Chile": [1.842, 1.842]}


def reload(estimator):
    """Write an estimator and read it, with no type trusted but those of sklstm."""
    data = skops_io.dumps(estimator)
    types = skops_io.get_untrusted_types(data=data)
    assert all(name.startswith("sklstm.") for name in types), types
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert all(name.endswith((".npy", ".json")) for name in names), names
    return skops_io.loads(data, trusted=types)


@pytest.fixture(scope="module")
def panel():
    panel = make_panel(n_series=5, n_rows=60, n_types=2, random_state=0)
    return panel.assign(type=panel["type"].astype("category"))


def lstm(**params):
    options = {"max_epochs": 2, "hidden_size": 4, "random_state": 0, "n_estimators": 1}
    return LSTMForecaster(7, **options | params)


FORECASTERS = {
    "default": lstm(n_estimators=2),
    "all parameters": lstm(
        seasonal_periods=7,
        embedding_dim=2,
        quantiles=(0.1, 0.5, 0.9),
        history="context",
        gaps="fill",
        freq=pd.offsets.Day(),
    ),
    "flat": lstm(index=("series", "time")),
    "ridge": PanelForecaster(
        make_pipeline(SeriesEncoder("onehot"), SlidingWindow(5, flat=True), Ridge()),
        horizon=7,
        target_transformer=make_pipeline(SeriesLog(), SeriesScaler()),
    ),
    "conformal": ConformalForecaster(lstm()),
}


@pytest.mark.parametrize("name", FORECASTERS)
def test_a_forecaster_comes_back_bit_for_bit(panel, name):
    forecaster = copy.deepcopy(FORECASTERS[name])
    X, y = panel[["type"]], panel["target"]
    forecaster.fit(X.reset_index() if name == "flat" else X, y.to_numpy())
    loaded = reload(forecaster)
    assert repr(loaded) == repr(forecaster)
    assert loaded.forecast().equals(forecaster.forecast())
    assert loaded.history_.equals(forecaster.history_)
    for method in ("forecast_quantiles", "forecast_interval"):
        if hasattr(forecaster, method):
            options = {"coverage": 0.8} if method == "forecast_interval" else {}
            one, two = (getattr(f, method)(**options) for f in (forecaster, loaded))
            pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_training_goes_on_as_if_never_written(panel):
    y = panel["target"]
    late = y.index.get_level_values("time") >= y.index[-5][1]
    forecaster = lstm(seasonal_periods=7).fit(None, y[~late])
    loaded = reload(forecaster)
    for one in (forecaster, loaded):
        one.partial_fit(None, y[late])
    np.testing.assert_array_equal(loaded.forecast(), forecaster.forecast())


def test_early_stopping_and_its_histories_come_back(panel):
    y = panel["target"]
    windows = SlidingWindow(5).fit_transform(panel[["price"]])
    for early_stopping in (True, "refit"):
        regressor = LSTMRegressor(
            4,
            max_epochs=3,
            early_stopping=early_stopping,
            lr_schedule="cyclic",
            random_state=0,
        ).fit(windows, y)
        loaded = reload(regressor)
        np.testing.assert_array_equal(
            loaded.predict(windows), regressor.predict(windows)
        )
        pd.testing.assert_frame_equal(
            loaded.training_history_, regressor.training_history_
        )
        if early_stopping == "refit":
            pd.testing.assert_frame_equal(
                loaded.validation_history_, regressor.validation_history_
            )
        np.testing.assert_array_equal(
            *[one.fit(windows, y).predict(windows) for one in (loaded, regressor)]
        )


def test_reading_a_net_draws_no_random_numbers(panel):
    import torch

    forecaster = lstm().fit(None, panel["target"])
    data = skops_io.dumps(forecaster)
    types = skops_io.get_untrusted_types(data=data)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    skops_io.loads(data, trusted=types)
    assert torch.equal(before, torch.get_rng_state())


def test_a_search_comes_back(panel):
    search = GridSearchCV(
        lstm(), {"window_size": [9]}, cv=PanelTimeSeriesSplit(1, horizon=7)
    ).fit(panel[[]], panel["target"])
    data = skops_io.dumps(search.best_estimator_)
    loaded = skops_io.loads(data, trusted=skops_io.get_untrusted_types(data=data))
    assert loaded.forecast().equals(search.best_estimator_.forecast())


TRANSFORMERS = {
    "scaler": SeriesScaler("robust"),
    "log": SeriesLog(),
    "imputer": SeriesImputer("mean"),
    "encoder": SeriesEncoder("onehot"),
    "window": SlidingWindow(4, flat=True),
    "calendar": CalendarFeatures(["day_of_week"]),
    "static": StaticFeatures(
        pd.DataFrame({"area": range(5)}, index=[f"s{i}" for i in range(5)])
    ),
}


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformers_come_back(panel, name):
    X = panel[["price", "target"]].abs()
    transformer = copy.deepcopy(TRANSFORMERS[name]).fit(X[:-10])
    one, two = (each.transform(X[-10:]) for each in (transformer, reload(transformer)))
    np.testing.assert_array_equal(np.asarray(one), np.asarray(two))


def test_a_loop_over_data_sets_comes_back(panel):
    y = panel["target"]
    late = y.index.get_level_values("series") == "s4"
    loop = ContinualForecaster(lstm().to_pipeline(), epochs=1, ewc=1.0)
    loop.fit(None, y[~late])
    loaded = reload(loop)
    for one in (loop, loaded):
        one.partial_fit(None, y[late])
    pd.testing.assert_frame_equal(loaded.stage_scores_, loop.stage_scores_)
    assert loaded.forecast().equals(loop.forecast())


TIMES = {
    "dates": pd.date_range("2024-01-31", periods=30, freq="ME"),
    "zones": pd.date_range("2024-03-30", periods=30, freq="h", tz="Europe/Berlin"),
    "periods": pd.period_range("2020Q1", periods=30, freq="Q"),
    "durations": pd.timedelta_range("0h", periods=30, freq="h"),
    "numbers": pd.RangeIndex(1990, 2020),
    "python": pd.Index(
        [datetime.date(2024, 1, 1 + i) for i in range(30)], dtype=object
    ),
    "sessions": pd.bdate_range("2024-01-01", periods=30),
}


@pytest.mark.parametrize("name", TIMES)
def test_times_of_every_kind_come_back(name):
    index = pd.MultiIndex.from_product([["a", "b"], [1, 2], TIMES[name]])
    y = pd.Series(np.random.default_rng(0).normal(size=len(index)), index)
    window = SlidingWindow(5, flat=True)
    forecaster = PanelForecaster(make_pipeline(window, Ridge()), horizon=3).fit(None, y)
    loaded = reload(forecaster)
    pd.testing.assert_series_equal(
        loaded.update(None, forecaster.forecast()).forecast(),
        forecaster.update(None, forecaster.forecast()).forecast(),
    )


PANDAS = {
    "floats": pd.Series([1.0, np.nan], name=("a", 1)),
    "text": pd.Series(["a", None, "c"]),
    "objects": pd.Series(["a", 1, 2.5, None, (1, "b")], dtype=object),
    "object text": pd.Series(["a", "b\0", "", "long text"], dtype=object),
    "category": pd.Series(["b", "a", None], dtype="category"),
    "ordered": pd.Series(pd.Categorical([3, 1], categories=[3, 2, 1], ordered=True)),
    "nullable": pd.Series([1, None, 3], dtype="Int64"),
    "boolean": pd.Series([True, None], dtype="boolean"),
    "arrow": pd.Series([1, None, 3], dtype="int64[pyarrow]"),
    "zones": pd.Series(pd.date_range("2024-10-27", periods=4, freq="h", tz="CET")),
    "periods": pd.Series(pd.period_range("2024-01", periods=3, freq="M")),
    "frame": pd.DataFrame(
        {"a": [1, 2], 5: ["x", "y"]}, index=pd.Index([7, 8], name="i")
    ),
    "no columns": pd.DataFrame(index=pd.RangeIndex(2, 8, 2)),
    "same names": pd.DataFrame([[1, 2.0]], columns=["a", "a"]),
    "levels": pd.MultiIndex.from_product([["b", "a"], [2, 1]], names=["x", None]),
    "dates": pd.date_range("2024", periods=3, freq="MS", name="t"),
    "offset": pd.offsets.QuarterEnd(2, startingMonth=2),
    "timestamp": pd.Timestamp("2024-05-01 12:00", tz="UTC"),
    "timedelta": pd.Timedelta("1h"),
    "period": pd.Period("2024Q2"),
    "not a time": pd.NaT,
    "missing": pd.Series([np.nan, None, pd.NA, pd.NaT], dtype=object),
    "floats that may be missing": pd.Series([1.5, None], dtype="Float64"),
    "text that may be missing": pd.Series(["a", None], dtype="string"),
    "arrow text": pd.Series(["a", None], dtype="string[pyarrow]"),
    "own key": {"sklstm_pandas": "frame"},
    "nested": {("a", 1): [pd.Index([1.5]), (None, "x")], "b": {}},
}


@pytest.mark.parametrize("name", PANDAS)
def test_objects_of_pandas_come_back_with_their_types(name):
    given = {"value": PANDAS[name]}
    data = skops_io.dumps(pack(given))
    got = unpack(skops_io.loads(data))["value"]
    assert type(got) is type(given["value"])
    check = {
        pd.Series: pd.testing.assert_series_equal,
        pd.DataFrame: pd.testing.assert_frame_equal,
        pd.MultiIndex: pd.testing.assert_index_equal,
        pd.DatetimeIndex: pd.testing.assert_index_equal,
    }.get(type(got))
    if check is None:
        assert repr(got) == repr(given["value"])
    else:
        check(got, given["value"])


def test_pickle_and_copy_share_what_was_shared(panel):
    forecaster = lstm().fit(None, panel["target"])
    for other in (pickle.loads(pickle.dumps(forecaster)), copy.deepcopy(forecaster)):
        assert other.forecast().equals(forecaster.forecast())
        pipeline = other.forecaster_.estimator_
        assert pipeline[0] is other.forecaster_._transform.steps[0]


def test_a_step_that_no_name_tells_is_refused():
    holidays = pd.offsets.CustomBusinessDay(holidays=["2024-01-02"])
    y = pd.Series(
        np.arange(40.0),
        pd.MultiIndex.from_product(
            [["a"], pd.date_range("2024-01-01", periods=40, freq=holidays)]
        ),
    )
    window = SlidingWindow(5, flat=True)
    forecaster = PanelForecaster(make_pipeline(window, Ridge()), freq=holidays)
    with pytest.raises(TypeError, match="without pickle.*or pickle or joblib"):
        skops_io.dumps(forecaster.fit(None, y))


def test_a_file_grows_with_its_rows_as_arrays_do():
    """Not by an entry for each number."""
    sizes = []
    for n_rows in (200, 1200):
        y = make_panel(5, n_rows, n_covariates=0, random_state=0)["target"]
        window = SlidingWindow(5, flat=True)
        model = PanelForecaster(make_pipeline(window, Ridge())).fit(None, y)
        sizes.append(len(skops_io.dumps(model)))
    assert (sizes[1] - sizes[0]) / (5 * 1000) < 150


def known(X):
    return ["price"]


def test_functions_need_a_name(panel):
    X, y = panel[["price"]], panel["target"]
    data = skops_io.dumps(lstm(known_covariates=known).fit(X, y))
    assert any(
        name.endswith("known") for name in skops_io.get_untrusted_types(data=data)
    )
    with pytest.raises(TypeError, match="has no name in a module.*or joblib"):
        skops_io.dumps(lstm(known_covariates=lambda X: ["price"]).fit(X, y))


def test_functions_in_steps_need_a_name_too(panel):
    steps = make_pipeline(
        FunctionTransformer(lambda X: X), SlidingWindow(3, flat=True), Ridge()
    )
    with pytest.raises(TypeError, match="has no name in a module"):
        skops_io.dumps(PanelForecaster(steps))


def test_what_no_name_describes_is_refused(panel):
    y = panel["target"]
    with pytest.raises(TypeError, match="does not describe it completely"):
        skops_io.dumps(lstm(freq=pd.DateOffset(days=1)))
    local = y.tz_localize("dateutil/Europe/Berlin", level="time")
    with pytest.raises(TypeError, match="time zone .* cannot be written"):
        skops_io.dumps(lstm().fit(None, local))


def test_another_format_is_refused():
    state = SeriesScaler().__getstate__() | {"sklstm_format": 99}
    with pytest.raises(ValueError, match="format 99 of sklstm.*reads format 1"):
        SeriesScaler().__setstate__(state)


def test_a_stored_file_is_read():
    """Written by `python tests/test_saving.py` of an earlier version."""
    types = skops_io.get_untrusted_types(file=STORED)
    assert all(name.startswith("sklstm.") for name in types)
    forecaster = skops_io.load(STORED, trusted=types)
    forecast = forecaster.forecast(steps=2)
    for country, values in STORED_FORECAST.items():
        np.testing.assert_allclose(forecast[country], values, atol=0.006)
    forecaster.partial_fit(None, forecast)


if __name__ == "__main__":
    y = load_fertility()["fertility_rate"].loc[["Chad", "Chile"]]
    forecaster = lstm(embedding_dim=2).fit(None, y)
    STORED.parent.mkdir(exist_ok=True)
    skops_io.dump(forecaster, STORED, compression=zipfile.ZIP_DEFLATED)
    print(STORED.stat().st_size, forecaster.forecast(steps=2))

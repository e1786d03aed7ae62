"""Whatever reads later rows is found and named; what does not passes."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import (
    CalendarFeatures,
    ConformalForecaster,
    ContinualForecaster,
    LSTMForecaster,
    LSTMRegressor,
    NaiveRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeedEnsemble,
    SeriesEncoder,
    SeriesImputer,
    SeriesLog,
    SeriesScaler,
    SlidingWindow,
    check_leakage,
)
from sklstm.datasets import make_panel


@pytest.fixture
def Xy():
    panel = make_panel(3, 40, n_types=2, random_state=0)
    return panel.drop(columns="target"), panel["target"]


def forecaster(*steps, **params):
    window = SlidingWindow(5, flat=True, shorten=True)
    return PanelForecaster(make_pipeline(*steps, window, Ridge()), 3, **params)


class OneByOne(TransformerMixin, BaseEstimator):
    """Applies a function to the frame of each series."""

    def __init__(self, function):
        self.function = function

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X.groupby(level=0, group_keys=False)[list(X.columns)].apply(
            self.function
        )


LEAKS = {
    "bfill": lambda X: X.where(X > 0.7).bfill().fillna(0.0),
    "centered": lambda X: X.rolling(5, center=True, min_periods=1).mean(),
    "mean of what is given": lambda X: X - X.mean(),
    "reversed": lambda X: X[::-1].cumsum()[::-1],
    "one ahead": lambda X: X.shift(-1).fillna(0.0),
}
FINE = {
    "ffill": lambda X: X.where(X > 0.7).ffill().fillna(0.0),
    "trailing": lambda X: X.rolling(5, min_periods=1).mean(),
    "sum so far": lambda X: X.cumsum(),
    "one back": lambda X: X.shift(1).fillna(0.0),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_step_that_reads_later_rows_is_named(Xy, name):
    X, y = Xy
    model = forecaster(SeriesScaler(), OneByOne(LEAKS[name]))
    with pytest.raises(ValueError, match=r"'onebyone' \(OneByOne\) reads later rows"):
        check_leakage(model, X[["price"]], y)


AROUND = {
    "search": lambda one: GridSearchCV(
        one, {"horizon": [3]}, cv=PanelTimeSeriesSplit(1, horizon=3)
    ),
    "target": lambda one: TransformedTargetRegressor(one, transformer=StandardScaler()),
    "loop": lambda one: ContinualForecaster(one, epochs=1),
}


@pytest.mark.parametrize("name", AROUND)
def test_meta_estimators_are_opened(Xy, name):
    X, y = Xy
    for leaks in (True, False):
        step = OneByOne(LEAKS["one ahead"] if leaks else FINE["one back"])
        steps = make_pipeline(
            SeriesScaler(), step, SlidingWindow(5), LSTMRegressor(3, max_epochs=1)
        )
        model = AROUND[name](PanelForecaster(steps, 3))
        if leaks:
            with pytest.raises(ValueError, match="'onebyone'.* reads later rows"):
                check_leakage(model, X[["price"]], y)
        else:
            check_leakage(model, X[["price"]], y)


@pytest.mark.parametrize("seed", range(5))
def test_rare_values_are_drawn_anew_until_they_differ(seed):
    index = pd.MultiIndex.from_product([["a", "b", "c"], range(40)])
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"event": (rng.random(120) < 0.1).astype(float)}, index)
    leak = OneByOne(LEAKS["one ahead"])
    with pytest.raises(ValueError, match="reads later rows"):
        check_leakage(forecaster(leak), X, rng.normal(size=120), random_state=seed)


def test_a_step_that_counts_the_rows_that_follow_is_found(Xy):
    X, y = Xy
    left = OneByOne(lambda X: X * 0 + np.arange(len(X), 0, -1)[:, None])
    with pytest.raises(ValueError, match="reads later rows"):
        check_leakage(forecaster(left), X[["price"]], y)


@pytest.mark.parametrize("name", FINE)
def test_a_step_that_reads_earlier_rows_passes(Xy, name):
    X, y = Xy
    model = forecaster(SeriesScaler(), OneByOne(FINE[name]))
    check_leakage(model, X[["price"]], y)


def test_a_target_transformer_that_reads_later_rows_is_found(Xy):
    X, y = Xy
    leak = FunctionTransformer(lambda y: y - y.mean(), lambda y: y, check_inverse=False)
    with pytest.raises(ValueError, match="The fitted values read later rows"):
        check_leakage(forecaster(target_transformer=leak), X[["price"]], y)


@pytest.mark.parametrize("name", ["centered", "one ahead"])
def test_a_plain_pipeline_is_checked_too(Xy, name):
    X, y = Xy
    window = SlidingWindow(5, flat=True)
    check_leakage(make_pipeline(SeriesScaler(), window, Ridge()), X[["price"]], y)
    leaking = make_pipeline(OneByOne(LEAKS[name]), window, Ridge())
    with pytest.raises(ValueError, match="'onebyone'"):
        check_leakage(leaking, X[["price"]], y)


def test_parts_of_the_library_pass(Xy):
    X, y = Xy
    X = X.copy()
    X.iloc[::7, 0] = np.nan
    tools = make_pipeline(
        SeriesImputer(),
        SeriesScaler(),
        SeriesEncoder(columns=["type"]),
        CalendarFeatures(["day_of_week"]),
        SlidingWindow(5, known_covariates=["price", "promotion"]),
        LSTMRegressor(hidden_size=2, max_epochs=1, random_state=0),
    )
    target = make_pipeline(SeriesLog(), SeriesScaler())
    check_leakage(PanelForecaster(tools, 3, target_transformer=target), X, y)
    flat = {"hidden_size": 2, "max_epochs": 1, "n_estimators": 1, "random_state": 0}
    for history in ("all", "context"):
        model = LSTMForecaster(3, seasonal_periods=7, history=history, **flat)
        check_leakage(model, None, y)
        check_leakage(
            ConformalForecaster(model), None, y.sample(frac=1, random_state=0)
        )


def test_known_columns_of_all_steps_are_no_leak_for_regressors_of_arrays(Xy):
    X, y = Xy
    X = X[["price", "promotion"]]
    lstm = LSTMRegressor(2, max_epochs=1, random_state=0)
    ensemble = SeedEnsemble(lstm, 1, partner=Ridge(), random_state=0)
    for regressor in (Ridge(), ensemble):
        flat = regressor is not ensemble
        window = SlidingWindow(5, known_covariates=["price"], flat=flat)
        check_leakage(PanelForecaster(make_pipeline(window, regressor), 3), X, y)
        leaking = make_pipeline(OneByOne(LEAKS["one ahead"]), window, regressor)
        with pytest.raises(ValueError, match="'onebyone'"):
            check_leakage(PanelForecaster(leaking, 3), X, y)
    check_leakage(forecaster(), None, y)


def test_a_scaler_of_the_training_rows_is_no_leak(Xy):
    X, y = Xy
    scaler = StandardScaler().set_output(transform="pandas")
    check_leakage(forecaster(scaler), X[["price"]], y)


def test_the_message_says_where_and_what(Xy):
    X, y = Xy
    with pytest.raises(ValueError) as caught:
        check_leakage(forecaster(OneByOne(LEAKS["one ahead"])), X[["price"]], y)
    # The last of the first 30 rows, in each of three series.
    assert "3 of 90 rows changed" in str(caught.value)
    assert "(s0, 2020-01-30)" in str(caught.value).replace("'", "")


def test_what_was_given_stays_as_it_was(Xy):
    X, y = Xy
    before = X.copy(), y.copy()
    check_leakage(forecaster(SeriesScaler()), X[["price"]], y)
    pd.testing.assert_frame_equal(X, before[0])
    pd.testing.assert_series_equal(y, before[1])


class Ahead(OneByOne):
    """Adds half of a later value to each, and takes nothing away."""

    def __init__(self, n_rows=1):
        self.n_rows = n_rows

    def transform(self, X):
        return X + 0.5 * X.groupby(level=0).shift(-self.n_rows).fillna(0.0)

    def inverse_transform(self, X):
        return X


@pytest.mark.parametrize("history", ["all", "context"])
@pytest.mark.parametrize("known", [None, ["price"]])
@pytest.mark.parametrize("n_rows", [1, 2])
@pytest.mark.parametrize(
    "regressor", [Ridge(), LSTMRegressor(2, max_epochs=1, random_state=0)]
)
def test_a_target_transformer_that_looks_ahead_is_found(
    Xy, regressor, n_rows, known, history
):
    X, y = Xy
    flat = isinstance(regressor, Ridge)
    window = SlidingWindow(5, known_covariates=known, flat=flat)
    model = PanelForecaster(make_pipeline(window, regressor), 3, history=history)
    check_leakage(model, X[["price"]], y)
    model.set_params(target_transformer=Ahead(n_rows))
    with pytest.raises(ValueError, match="fitted values read later rows"):
        check_leakage(model, X[["price"]], y)


@pytest.mark.parametrize("horizon", [1, 3])
def test_forecasts_that_move_with_later_steps_are_found(Xy, horizon):
    class Later(Ahead):
        def transform(self, X):
            return X

        def inverse_transform(self, X):
            return X + X.groupby(level=0).shift(-3).fillna(0.0)

    window = SlidingWindow(5, known_covariates=["price"], flat=True)
    model = PanelForecaster(make_pipeline(window, Ridge()), horizon)
    check_leakage(model, Xy[0][["price"]], Xy[1])
    model.set_params(target_transformer=Later())
    with pytest.raises(ValueError, match="The forecasts read later rows"):
        check_leakage(model, Xy[0][["price"]], Xy[1])


def test_a_search_over_regressors_of_arrays_is_judged_like_one_of_them(Xy):
    X, y = Xy
    window = SlidingWindow(5, known_covariates=["price"], flat=True)
    model = PanelForecaster(make_pipeline(window, Ridge()), 3)
    cv = PanelTimeSeriesSplit(2, horizon=3)
    options = {"cv": cv, "scoring": "neg_mean_absolute_error"}
    check_leakage(GridSearchCV(model, {"stride": [1]}, **options), X[["price"]], y)
    model.set_params(target_transformer=Ahead())
    with pytest.raises(ValueError, match="fitted values read later rows"):
        check_leakage(GridSearchCV(model, {"stride": [1]}, **options), X[["price"]], y)


@pytest.mark.parametrize(
    "regressor", [Ridge(), LSTMRegressor(2, max_epochs=1, random_state=0)]
)
def test_known_columns_are_found_in_all_sorts_of_panels(Xy, regressor):
    X, y = Xy
    X = X[["price"]]
    flat = isinstance(regressor, Ridge)
    window = SlidingWindow(5, known_covariates=["price"], flat=flat)
    model = PanelForecaster(make_pipeline(window, regressor), 4)
    # Days of which every third is missing have no step.
    some = X.groupby(level=0).cumcount().to_numpy() % 3 > 0
    check_leakage(model, X[some], y[some])
    check_leakage(make_pipeline(SeriesScaler(), model), X, y)
    check_leakage(TransformedTargetRegressor(model, check_inverse=False), X, y)
    names = ColumnTransformer([("a", SeriesScaler(), ["price"])])
    names.set_output(transform="pandas")
    if not flat:
        window.set_params(known_covariates=["a__price"])
        check_leakage(make_pipeline(names, model), X, y)


@pytest.mark.parametrize("column", ["price", "type"])
@pytest.mark.parametrize("series", ["s0", "s2"])
def test_one_missing_value_shows_a_fill_from_later_rows(Xy, column, series):
    X, y = Xy
    X = X.assign(promotion=0.0).astype({"type": object})
    X.loc[X.loc[[series]].index[9], column] = None

    def fill(way):
        def filled(X):
            return getattr(X.groupby(level=0), way)().infer_objects()

        return FunctionTransformer(filled)

    forward, backward = (
        forecaster(fill(way), FunctionTransformer(lambda X: X[["promotion"]]))
        for way in ("ffill", "bfill")
    )
    check_leakage(forward, X, y)
    with pytest.raises(ValueError, match="The step 'functiontransformer-1' "):
        check_leakage(backward, X, y)


@pytest.mark.parametrize("way", ["ffill", "bfill"])
def test_fills_of_a_flat_table_are_checked_too(Xy, way):
    X, y = Xy
    X = X[["price"]].copy()
    X.iloc[[7, 50]] = np.nan

    def fill(X):
        return X.assign(price=getattr(X.groupby("series")["price"], way)())

    step = FunctionTransformer(fill)
    inner = forecaster(FunctionTransformer(), index=("series", "time"))
    model, flat = make_pipeline(step, inner), X.reset_index()
    if way == "ffill":
        check_leakage(model, flat, y.to_numpy())
    else:
        with pytest.raises(ValueError, match="The step 'functiontransformer' "):
            check_leakage(model, flat, y.to_numpy())


def test_a_fill_of_one_of_many_columns_is_found(Xy):
    X = pd.concat([Xy[0][["price"]].add_suffix(str(i)) for i in range(30)], axis=1)
    X = X.mask(np.random.default_rng(0).random(X.shape) < 0.1)

    def fill(X):
        return X.groupby(level=0).ffill().assign(price7=X["price7"].bfill()).fillna(0)

    with pytest.raises(ValueError, match="The step 'functiontransformer'"):
        check_leakage(forecaster(FunctionTransformer(fill)), X, Xy[1])
    check_leakage(forecaster(FunctionTransformer(lambda X: X.fillna(0))), X, Xy[1])


def test_a_target_that_a_series_never_had_is_no_leak(Xy):
    y = pd.DataFrame({"one": Xy[1], "two": Xy[1] + 1})
    y.loc["s1", "two"] = np.nan
    model = make_pipeline(SlidingWindow(4), NaiveRegressor())
    check_leakage(PanelForecaster(model, 2), None, y)


def test_missing_values_are_no_leak_of_steps_that_read_other_series_or_two_rows(Xy):
    X = Xy[0][["price"]].copy()
    X.iloc[[0, 12, 55, 90]] = np.nan

    def fill(X):
        assert X.groupby(level=0).size().min() > 1
        return X.fillna(X.groupby(level=1).transform("mean")).fillna(0.0)

    check_leakage(forecaster(FunctionTransformer(fill)), X, Xy[1])


@pytest.mark.parametrize("dtype", [object, "string", "boolean"])
def test_missing_labels_of_any_dtype_are_read(Xy, dtype):
    X, y = Xy
    label = pd.Series(y > y.median(), X.index).astype(object)
    label = label.where(y.index.get_level_values(1).day % 5 > 0, None)
    label = label.map({True: "p", False: "q"}, na_action="ignore").astype(object)
    if dtype == "boolean":
        label = label == "p"
    table = pd.DataFrame({"label": label.astype(dtype)}, X.index)
    table.iloc[::7, 0] = None

    keep = FunctionTransformer(lambda X: X.iloc[:, :1])
    codes = {"p": 1.0, "q": 2.0, "True": 1.0, "False": 2.0}

    def steps(way):
        def numbers(X):
            filled = getattr(X["label"].groupby(level=0), way)()
            return X.assign(label=filled.astype(str).map(codes).fillna(0.0))

        return forecaster(keep, FunctionTransformer(numbers))

    check_leakage(steps("ffill"), table, y)
    with pytest.raises(ValueError, match="The step 'functiontransformer-2'"):
        check_leakage(steps("bfill"), table, y)

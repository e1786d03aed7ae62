"""Windows without a level, the seasonal skip, category dropout, refits."""

import pickle
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklstm import (
    LSTMRegressor,
    PanelForecaster,
    SeriesEncoder,
    SeriesLog,
    SeriesScaler,
    SlidingWindow,
)
from sklstm._windows.step_targets import StepTargets
from sklstm.neural_network._chunked_batches import ChunkedIterator
from sklstm.neural_network._seasonal_skip import NaiveForecasts, count_seasons
from sklstm.neural_network._window_batches import BatchIterator, TargetTensors

CPU = {"dtype": torch.float64, "device": torch.device("cpu")}
LEVEL_FREE = [
    {"differences": (1, 12), "level": "drop", "seasonal_periods": 7},
    {"differences": (1,), "level": "relative", "seasonal_periods": (3, 7)},
    {"differences": (2,), "level": "drop", "seasonal_periods": 1},
]


VIEW = ("differences", "level", "clip")


def view_of(params):
    """The parameters of the windows among those of a model."""
    return {name: params[name] for name in VIEW if name in params}


def small(**params):
    params = {name: params[name] for name in params if name not in VIEW}
    defaults = {"hidden_size": 6, "max_epochs": 2, "random_state": 0, "device": "cpu"}
    return LSTMRegressor(**defaults | params)


def forecaster(params, window_size=5, horizon=3, **others):
    window = SlidingWindow(window_size, **view_of(params))
    return PanelForecaster(make_pipeline(window, small(**params)), horizon, **others)


def with_labels(params, **others):
    steps = make_pipeline(SeriesEncoder(), SlidingWindow(5), small(**params))
    return PanelForecaster(steps, 3, **others)


def make_y(lengths=(50, 33, 4, 1), n_targets=1, missing=0.0, seed=0):
    """Whole numbers, so that a level can be added to them without rounding."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_tuples(
        [(f"s{i}", t) for i, n in enumerate(lengths) for t in range(n)],
        names=["shop", "day"],
    )
    y = rng.integers(-9, 9, size=(len(index), n_targets)).astype(float)
    y[rng.random(y.shape) < missing] = np.nan
    return pd.DataFrame(y, index, columns=list("uv")[:n_targets])


def windows_and_steps(y, params=None, no_label=()):
    """Windows of the target's past and a label, and the steps that follow them."""
    kind = np.where(np.arange(len(y)) % 3, "x", "z").astype(object)
    kind[list(no_label)] = None
    frame = pd.DataFrame({"kind": pd.Categorical(kind)}, index=y.index)
    windows = SlidingWindow(6, **view_of(params or {})).fit_transform(frame)
    windows = windows.with_target(y.to_numpy())
    segments = windows.table.segments
    return windows, StepTargets(windows.table.target, windows.ends, segments, 3)


def weights_of(model):
    return {k: v.numpy() for k, v in model.net_.module_.state_dict().items()}


def assert_same_weights(one, other):
    for name, value in weights_of(one).items():
        assert_array_equal(value, weights_of(other)[name], err_msg=name)


def split(y, n_last):
    late = y.groupby(level=0).cumcount(ascending=False).to_numpy() < n_last
    return y[~late], y[late]


@pytest.fixture
def Xy(panel):
    return panel[["price"]], panel["sales"]


class TestCompany:
    @pytest.mark.parametrize("hidden_size", [5, 6, 12, 16])
    @pytest.mark.parametrize(
        "params",
        [
            {},
            {"head_hidden_size": 7},
            {"training_mode": "windowed", "bidirectional": True, "num_layers": 2},
        ],
    )
    def test_a_prediction_does_not_depend_on_the_other_rows(self, hidden_size, params):
        params = {**LEVEL_FREE[1], **params, "max_epochs": 1}
        windows, y = windows_and_steps(make_y(n_targets=2, missing=0.1), params)
        model = small(hidden_size=hidden_size, **params).fit(windows, y)
        assert model.net_.module_.output.weight.dtype == torch.float32
        together = model.predict(windows)
        for rows in ([0], [5, 3, 3], [87], list(range(20, 88)), [60, 2, 41, 9, 7, 11]):
            assert_array_equal(model.predict(windows[rows]), together[rows])


class TestTraining:
    @pytest.mark.parametrize("params", LEVEL_FREE)
    def test_chunks_of_one_window_equal_windows_gradients_included(self, params):
        windows, y = windows_and_steps(make_y(n_targets=2, missing=0.1), params)
        model = small(**params).fit(windows, y)
        net = model.net_
        net.module_.double()
        inputs = replace(model._inputs, dtype=CPU["dtype"])
        rows = inputs.tensors(windows, y.shape[1], CPU["device"])
        targets, everything = TargetTensors(y, None, **CPU), np.arange(len(y))
        one = ChunkedIterator(
            rows,
            targets,
            everything,
            windows.ends,
            windows.table,
            windows.window_size,
            chunk_rows=1,
            batch_size=64,
            shuffle=False,
        )
        one.batch_chunks = len(y)
        many = BatchIterator(rows, targets, everything, len(y), shuffle=False)
        results = []
        for batches in (one, many):
            (batch,) = batches
            net.module_.zero_grad()
            step = net.train_step_single(batch)
            gradients = [p.grad.clone() for p in net.module_.parameters()]
            results.append([step["loss"].detach(), *gradients])
        assert net.module_.lstm.weight_ih_l0.grad.abs().max() > 0
        assert net.module_.output.weight.grad.abs().max() > 0
        for a, b in zip(*results, strict=True):
            assert_allclose(a, b, rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize("params", LEVEL_FREE)
    def test_one_seed_one_result(self, params):
        windows, y = windows_and_steps(make_y(missing=0.1), params)
        params = {**params, "category_dropout": 0.5, "dropout": 0.2}
        one, other = (small(**params).fit(windows, y) for _ in range(2))
        assert_same_weights(one, other)
        different = small(**params, random_state=1).fit(windows, y)
        assert not np.array_equal(one.predict(windows), different.predict(windows))

    def test_parameters_set_after_fit_leave_predictions_as_they_are(self):
        windows, y = windows_and_steps(make_y(), LEVEL_FREE[1])
        model = small(**LEVEL_FREE[1]).fit(windows, y)
        before = model.predict(windows)
        model.set_params(seasonal_periods=None, embedding_dim=0, hidden_size=3)
        assert_array_equal(model.predict(windows), before)

    def test_pickle_keeps_predictions(self):
        windows, y = windows_and_steps(make_y(), LEVEL_FREE[0])
        model = small(**LEVEL_FREE[0]).fit(windows, y)
        again = pickle.loads(pickle.dumps(model))
        assert_array_equal(again.predict(windows), model.predict(windows))

    @pytest.mark.parametrize("going_on", ["partial_fit", "fit"])
    def test_other_windows_than_those_of_the_fit_raise(self, going_on):
        windows, y = windows_and_steps(make_y(), LEVEL_FREE[0])
        model = small(**LEVEL_FREE[0], warm_start=True).fit(windows, y)
        other, _ = windows_and_steps(
            make_y(), {"differences": (1, 13), "level": "drop"}
        )
        with pytest.raises(ValueError, match="Use the SlidingWindow of the fit"):
            getattr(model, going_on)(other, y)


class TestSkip:
    @pytest.mark.parametrize("params", LEVEL_FREE)
    def test_without_a_correction_forecasts_stay_between_the_naive_ones(self, params):
        windows, y = windows_and_steps(make_y(n_targets=2, missing=0.1), params)
        model = small(**params, lr=1e-30).fit(windows, y)
        table = windows.table
        periods = np.atleast_1d(params["seasonal_periods"])
        place = {"dtype": torch.float32, "device": CPU["device"]}
        past = (table.target, table.segments, periods)
        naive = NaiveForecasts(*past, 3, count_seasons(periods), **place)
        naive = naive.gather(torch.as_tensor(windows.ends)).numpy()
        low, high = naive.min(axis=1) - 1e-4, naive.max(axis=1) + 1e-4
        out = model.predict(windows)
        assert ((low <= out) & (out <= high)).all()

    def test_the_last_value_alone_is_forecast_where_it_is_the_only_naive_one(self):
        windows, y = windows_and_steps(make_y())
        out = small(seasonal_periods=1, lr=1e-30).fit(windows, y).predict(windows)
        assert_allclose(out, np.tile(windows.table.target, 3), atol=1e-6)

    def test_a_season_on_a_line_is_learned_sooner_with_the_skip(self):
        t = np.arange(80)
        season = np.random.default_rng(0).normal(size=(4, 7))[:, t % 7] * 5
        index = pd.MultiIndex.from_product([range(4), t])
        y = pd.Series((season + 0.5 * t).ravel(), index)
        train, test = split(y, 7)
        errors = []
        for periods in (None, 7):
            params = {"seasonal_periods": periods, "max_epochs": 5, "lr": 0.02}
            model = forecaster(
                params, 14, horizon=7, target_transformer=SeriesScaler("difference")
            )
            model.fit(train.to_frame()[[]], train)
            error = model.predict(test.to_frame()[[]]) - test
            errors.append(np.abs(error).mean())
        assert errors[1] < errors[0] / 3

    @pytest.mark.parametrize("params", LEVEL_FREE)
    def test_a_level_added_to_a_series_is_added_to_its_forecasts(self, params):
        low, raised = make_y(), make_y() + 512.0
        windows, y = windows_and_steps(low, params)
        model = small(**params).fit(windows, y)
        higher, _ = windows_and_steps(raised, params)
        got = model.predict(higher) - model.predict(windows)
        assert_allclose(got, 512, atol=1e-3)

    @pytest.mark.parametrize("params", LEVEL_FREE)
    def test_a_level_added_before_the_fit_is_added_to_the_forecasts(self, params):
        y = make_y()["u"]
        level = pd.Series({"s0": 64.0, "s1": -192.0, "s2": 0.0, "s3": 576.0})
        X, raised = y.to_frame()[[]], y + level[y.index.get_level_values(0)].to_numpy()
        a, b = (forecaster(params).fit(X, one).forecast() for one in (y, raised))
        assert_allclose(b - a, np.repeat(level, 3), atol=1e-2)

    def test_a_kept_level_matters(self):
        windows, y = windows_and_steps(make_y(), {"differences": 1})
        model = small(seasonal_periods=7).fit(windows, y)
        higher, _ = windows_and_steps(make_y() + 512.0, {"differences": 1})
        got = model.predict(higher) - model.predict(windows)
        assert np.abs(got - 512).max() > 1e-2


class TestDifferences:
    def test_a_difference_reaches_further_back_than_the_window(self):
        y = make_y([40])
        view = {"differences": 20, "level": "drop"}
        windows, steps = windows_and_steps(y, view)
        model = small().fit(windows, steps)
        base = model.predict(windows[[39]])
        # The window 34...39 reads the rows 14...19 through this difference.
        for row, reached in ((13, False), (14, True), (19, True), (20, False)):
            changed = y.copy()
            changed.iloc[row] += 5
            moved = model.predict(windows_and_steps(changed, view)[0][[39]]) != base
            assert moved.all() == moved.any() == reached

    def test_rows_without_that_past_are_zero_and_say_so(self):
        y = make_y(missing=0.1)
        windows, steps = windows_and_steps(y, {"differences": 9, "level": "drop"})
        model = small().fit(windows, steps)
        rows = model._inputs.tensors(windows, 3, CPU["device"])
        change = y["u"] - y["u"].groupby(level=0).shift(9)
        assert change.isna().sum() > 9 + 9 + 4 + 1
        # In units of the changes from row to row.
        unit = np.sqrt((y["u"].groupby(level=0).diff() ** 2).mean())
        expected = change.fillna(0) / unit
        assert_allclose(rows.inputs[:, 0], expected, rtol=1e-5, atol=1e-6)
        assert_array_equal(rows.inputs[:, 1], change.notna())

    @pytest.mark.parametrize("params", LEVEL_FREE)
    def test_the_net_sees_the_inputs_and_a_flag_for_each_that_is_missing(self, params):
        y = make_y(n_targets=2, missing=0.1)
        windows, steps = windows_and_steps(y, {**params, "clip": 1.5})
        model = small(**params).fit(windows, steps)
        rows = model._inputs.tensors(windows, 6, CPU["device"])
        inputs = windows.table.past
        assert np.nanmax(np.abs(inputs)) == 1.5
        units = np.tile(model.target_scale_[:2], inputs.shape[1] // 2)
        expected = np.hstack([np.nan_to_num(inputs / units), ~np.isnan(inputs)])
        assert_allclose(rows.inputs, expected.astype(float), rtol=1e-6)

    def test_a_level_relative_to_a_season_of_one_row_still_has_an_input(self):
        windows, steps = windows_and_steps(make_y(), {"level": "relative"})
        model = small(seasonal_periods=1).fit(windows, steps)
        rows = model._inputs.tensors(windows, 3, CPU["device"])
        assert (rows.inputs != 0).any()

    def test_a_difference_longer_than_every_series_is_flagged_as_missing(self):
        view = {"differences": (1, 500), "level": "drop"}
        windows, steps = windows_and_steps(make_y(), view)
        model = small().fit(windows, steps)
        assert np.isfinite(model.predict(windows)).all()

    @pytest.mark.parametrize("level", ["keep", "relative", "drop"])
    def test_the_window_carries_the_rows_that_differences_reach(self, level):
        y = make_y([40, 25])["u"]
        early, late = split(y, 10)
        window = SlidingWindow(4, target="u", differences=(1, 11), level=level)
        model = small()
        model.fit(window.fit_transform(early.to_frame()), early.to_numpy())
        whole = model.predict(clone(window).fit_transform(y.to_frame()))
        expected = pd.Series(whole, y.index)[late.index]
        got = model.predict(window.transform(late.to_frame()))
        assert_array_equal(got, expected)


class TestMemory:
    PARAMS = [
        {"differences": (11,), "level": "drop"},
        {"level": "relative", "differences": 3, "seasonal_periods": 3},
        {"differences": (1, 4), "seasonal_periods": (2, 4)},
        {"level": "relative"},
    ]

    @pytest.mark.parametrize("transformed", [False, True])
    @pytest.mark.parametrize("params", PARAMS)
    def test_the_context_gives_the_forecasts_of_all_rows(self, Xy, params, transformed):
        y = Xy[1]
        X = y.to_frame()[[]]
        scaler = SeriesScaler("difference") if transformed else None
        models = [
            forecaster(params, history=history, target_transformer=scaler).fit(X, y)
            for history in ("all", "context")
        ]
        assert len(models[1].history_) < len(models[0].history_)
        assert_array_equal(*[model.forecast(steps=8) for model in models])

    @pytest.mark.parametrize("gaps", ["keep", "fill"])
    @pytest.mark.parametrize("periods", [7, (7, 3), (4, 6)])
    def test_missing_values_are_filled_as_from_all_rows(self, periods, gaps):
        rng = np.random.default_rng(0)
        y = make_y([120, 120, 110, 90])["u"]
        row = y.groupby(level=0).cumcount().to_numpy()
        series = y.index.codes[0]
        y[(series == 0) & (rng.random(len(y)) < 0.1)] = np.nan
        y[(series == 1) & (row >= 55) & (row < 85)] = np.nan
        y[(series == 2) & (row % 7 == 2) & (row > 30)] = np.nan
        params = {"seasonal_periods": periods}
        models = [
            forecaster(params, history=history, gaps=gaps).fit(None, y[row < 60])
            for history in ("all", "context")
        ]
        for first in range(60, 120, 3):
            for model in models:
                model.update(None, y[(row >= first) & (row < first + 3)])
            assert_array_equal(*[model.forecast() for model in models])
        full, short = (model.history_ for model in models)
        assert len(short) < len(full)

    @pytest.mark.parametrize("params", PARAMS)
    def test_it_still_does_after_an_update(self, Xy, params):
        y = Xy[1]
        early, late = split(y, 4)
        models = [
            forecaster(params, history=history).fit(early.to_frame()[[]], early)
            for history in ("all", "context")
        ]
        for model in models:
            model.update(late.to_frame()[[]], late)
        assert_array_equal(*[model.forecast(steps=8) for model in models])

    @pytest.mark.parametrize("params", PARAMS)
    def test_training_on_from_the_context_equals_training_on_from_all(self, Xy, params):
        y = Xy[1]
        early, late = split(y, 4)
        params = {**params, "training_mode": "windowed"}
        models = [
            forecaster(params, history=history).fit(early.to_frame()[[]], early)
            for history in ("all", "context")
        ]
        for model in models:
            model.partial_fit(late.to_frame()[[]], late)
        assert_same_weights(*[model.estimator_[-1] for model in models])

    @pytest.mark.parametrize("params", PARAMS)
    def test_no_row_that_a_forecast_looks_back_to_is_forgotten(self, params):
        y = make_y([60])["u"]
        model = forecaster(params).fit(y.to_frame()[[]], y)
        base = model.forecast().iloc[0]
        regressor = model.estimator_[-1]
        reach = 5 - 1 + regressor.past_reach_
        model._history.y.iloc[: 59 - reach] += 7
        assert model.forecast().iloc[0] == base

    def test_without_differences_no_earlier_row_is_read(self, Xy):
        model = forecaster({}).fit(*Xy)
        assert model.estimator_[-1].past_reach_ == 0


class TestHardSeries:
    CHAIN = make_pipeline(SeriesLog(), SeriesScaler("difference"))
    SERIES = {
        "zeros": np.zeros(30),
        "negative": -(np.arange(30.0) ** 2),
        "constant": np.full(30, 0.1),
        "huge": 1e12 * (2 + np.sin(np.arange(30))),
        "tiny": 1e-12 * (2 + np.sin(np.arange(30))),
        "seldom": (np.arange(30) % 7 == 0) * 1e3,
        "three": np.array([1.0, 5.0, 2.0]),
        "two": np.array([1.0, 5.0]),
        "one": np.array([4.0]),
    }

    @pytest.fixture
    def y(self):
        parts = {name: pd.Series(values) for name, values in self.SERIES.items()}
        return pd.concat(parts, names=["name", "t"]).rename("sales")

    @pytest.mark.parametrize("params", LEVEL_FREE)
    @pytest.mark.parametrize("chain", [None, SeriesScaler("difference"), CHAIN])
    def test_forecasts_are_finite_also_beyond_the_horizon(self, y, params, chain):
        model = forecaster(params, target_transformer=chain)
        model.fit(y.to_frame()[[]], y)
        assert np.isfinite(model.forecast(steps=11)).all()
        assert np.isfinite(model.predict(y.to_frame()[[]])).all()

    @pytest.mark.parametrize("name", [name for name in SERIES if name != "one"])
    def test_a_hard_series_alone_has_finite_forecasts(self, y, name):
        own = y.loc[[name]]
        model = forecaster(
            LEVEL_FREE[0], 1, horizon=1, target_transformer=self.CHAIN
        ).fit(own.to_frame()[[]], own)
        assert np.isfinite(model.forecast(steps=9)).all()

    def test_forecasts_of_a_scale_keep_it(self, y):
        y = y.loc[["huge", "tiny"]]
        model = forecaster(LEVEL_FREE[1], target_transformer=self.CHAIN)
        got = model.fit(y.to_frame()[[]], y).forecast(steps=11)
        assert got["huge"].between(1e11, 1e13).all()
        assert got["tiny"].between(1e-13, 1e-11).all()

    def test_constant_series_are_continued(self):
        index = pd.MultiIndex.from_product([["low", "high"], range(30)])
        y = pd.Series(np.repeat([0.1, 1e9], 30), index, name="load")
        model = forecaster(LEVEL_FREE[0], target_transformer=self.CHAIN)
        got = model.fit(y.to_frame()[[]], y).forecast(steps=8)
        assert_allclose(got["low"], 0.1, rtol=1e-4)
        assert_allclose(got["high"], 1e9, rtol=1e-4)

    def test_what_is_never_negative_is_never_forecast_below_zero(self, y):
        y = y.drop(["negative", "zeros"])
        chain = clone(self.CHAIN).set_params(serieslog__clip=True)
        model = forecaster({**LEVEL_FREE[0], "lr": 0.5}, target_transformer=chain)
        assert (model.fit(y.to_frame()[[]], y).forecast(steps=8) >= 0).all()

    def test_the_chain_undoes_itself(self, Xy):
        X, y = Xy
        model = forecaster(LEVEL_FREE[0], target_transformer=self.CHAIN).fit(X, y)
        chain, frame = model.target_transformer_, y.to_frame()
        for _, step in chain.steps:
            frame = step.transform(frame)
        assert not np.allclose(frame["sales"], y)
        for _, step in chain.steps[::-1]:
            frame = step.inverse_transform(frame)
        assert_allclose(frame["sales"], y, rtol=1e-9)

    def test_a_target_without_a_name_is_no_other(self, y):
        a, b = (
            forecaster(LEVEL_FREE[0], target_transformer=self.CHAIN)
            .fit(y.to_frame()[[]], one)
            .forecast()
            for one in (y, y.rename(None))
        )
        assert_array_equal(a, b)

    def test_missing_values_in_the_past_leave_forecasts_finite(self, Xy):
        y = Xy[1].copy()
        y.iloc[[0, 5, 6, 39, 92, 91, 90]] = np.nan
        for params in LEVEL_FREE:
            model = forecaster(params, target_transformer=self.CHAIN)
            model.fit(y.to_frame()[[]], y)
            assert np.isfinite(model.forecast(steps=8)).all()


class TestCategoryDropout:
    @pytest.fixture
    def trained(self):
        windows, y = windows_and_steps(make_y(), no_label=range(20, 30))

        def train(**params):
            return small(embedding_dim=3, **params).fit(windows, y)

        return windows, train

    @pytest.mark.parametrize("mode", ["chunked", "windowed"])
    def test_it_trains_the_unknown_label_which_else_is_the_mean(self, mode):
        windows, y = windows_and_steps(make_y())
        for share, learned in ((0.0, False), (0.5, True)):
            model = small(embedding_dim=3, category_dropout=share, training_mode=mode)
            unknown, *known = model.fit(windows, y).net_.module_.embeddings[0].weight
            mean = torch.stack(known).mean(dim=0)
            assert torch.allclose(unknown, mean, atol=1e-6) != learned

    @pytest.mark.parametrize("mode", ["chunked", "windowed"])
    def test_missing_labels_train_the_unknown_one(self, trained, mode):
        windows, train = trained
        assert (windows.table.codes == 0).any()
        unknown, *known = train(training_mode=mode).net_.module_.embeddings[0].weight
        assert (unknown != 0).any()
        assert not torch.allclose(unknown, torch.stack(known).mean(dim=0), atol=1e-3)

    @pytest.mark.parametrize("mode", ["chunked", "windowed"])
    def test_labels_that_are_never_shown_are_not_learned(self, trained, mode):
        _, train = trained
        start = train(lr=1e-30).embeddings_["kind"]
        for share, learned in ((0.0, True), (1 - 1e-9, False)):
            end = train(category_dropout=share, training_mode=mode).embeddings_["kind"]
            assert end.index.tolist() == ["x", "z"]
            assert (end != start).to_numpy().any() == learned

    def test_it_drops_each_column_of_a_window_on_its_own(self):
        windows, y = windows_and_steps(make_y())
        module = small(category_dropout=0.4).fit(windows, y).net_.module_
        codes = torch.ones(2000, 5, 2, dtype=torch.long)
        kept = codes * module.draw_kept(codes)
        assert (kept == kept[:, :1]).all()
        assert 0.35 < 1 - kept.double().mean() < 0.45
        both = (kept[:, 0] == 0).all(dim=1).double().mean()
        assert 0.13 < both < 0.19

    def test_it_has_no_effect_on_predictions(self, trained):
        windows, train = trained
        model = train(category_dropout=0.9)
        assert_array_equal(model.predict(windows), model.predict(windows))
        # The weights alone decide them.
        model.net_.module_.category_dropout = 0.0
        again = model.predict(windows)
        model.net_.module_.category_dropout = 0.9
        assert_array_equal(model.predict(windows), again)

    def test_the_global_generator_is_left_alone(self, trained):
        _, train = trained
        state = torch.random.get_rng_state()
        train(category_dropout=0.5)
        assert torch.equal(state, torch.random.get_rng_state())

    def test_without_labels_it_changes_nothing(self, Xy):
        a, b = (
            forecaster({"category_dropout": share}).fit(*Xy).forecast()
            for share in (0, 0.5)
        )
        assert_array_equal(a, b)

    def test_a_series_with_no_label_is_forecast_by_the_trained_one(self, Xy):
        X, y = Xy
        model = with_labels(
            {"category_dropout": 0.5}, target_transformer=SeriesScaler()
        ).fit(X.loc[["a", "b"]], y.loc[["a", "b"]])
        model.update(X.loc[["c"]], y.loc[["c"]])
        before = model.forecast().loc["c"]
        embedding = model.estimator_[-1].net_.module_.embeddings[0]
        embedding.weight.data[0] = 0.0
        assert (model.forecast().loc["c"] != before).all()


class TestRefit:
    PARAMS = {"validation_fraction": 0.2, "n_iter_no_change": 3}

    @pytest.fixture
    def noise(self):
        """Targets that are soon learned by heart, so that few epochs are best."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(60, 5)).astype(np.float32)
        return X, rng.normal(size=60)

    def refit(self, noise, **params):
        params = (
            {"max_epochs": 40, "lr": 0.03, "early_stopping": "refit"}
            | self.PARAMS
            | params
        )
        return small(**params).fit(*noise)

    def test_the_net_has_as_many_epochs_as_were_best(self, noise):
        model = self.refit(noise)
        losses = model.validation_history_["valid_loss"]
        best = int(losses.idxmin()) + 1
        assert 1 < best < len(losses) < 40
        assert model.n_epochs_ == len(model.training_history_) == best
        assert "valid_loss" not in model.training_history_

    def test_it_equals_a_fit_of_so_many_epochs_on_all_windows(self, noise):
        # A schedule would be that of `max_epochs` epochs, of which only some are run.
        model = self.refit(noise, lr_schedule=None)
        n_epochs = model.n_epochs_
        plain = small(max_epochs=n_epochs, lr=0.03, lr_schedule=None).fit(*noise)
        assert_same_weights(model, plain)

    def test_its_validation_is_that_of_a_fit_without_it(self, noise):
        columns = ["epoch", "train_loss", "valid_loss"]
        once = self.refit(noise, early_stopping=True).training_history_[columns]
        twice = self.refit(noise).validation_history_[columns]
        pd.testing.assert_frame_equal(once, twice, check_exact=True)

    def test_held_out_windows_are_learned_as_well(self, noise):
        X, y = noise
        other = y.copy()
        other[-12:] += 1e-3  # too little to move the best epoch
        for stopping, same in ((True, True), ("refit", False)):
            a, b = (
                self.refit((X, t), early_stopping=stopping, max_epochs=1, batch_size=9)
                for t in (y, other)
            )
            weights = [weights_of(model)["output.weight"] for model in (a, b)]
            assert np.array_equal(*weights) == same

    @pytest.mark.parametrize(
        "params", [{"early_stopping": True}, {"early_stopping": False, "max_epochs": 2}]
    )
    def test_there_is_no_validation_history_without_it(self, noise, params):
        model = self.refit(noise, **params)
        assert model.validation_history_ is None

    def test_one_seed_one_result(self, noise):
        assert_same_weights(self.refit(noise), self.refit(noise))

    def test_a_fit_without_it_forgets_the_last_validation(self, noise):
        model = self.refit(noise).set_params(early_stopping=True)
        assert model.fit(*noise).validation_history_ is None

    def test_differences_and_skip_are_refitted_too(self):
        windows, y = windows_and_steps(make_y(), LEVEL_FREE[0])
        known = np.flatnonzero(y.known())
        params = self.PARAMS | LEVEL_FREE[0]
        params |= {"early_stopping": "refit", "max_epochs": 4}
        model = small(**params).fit(windows[known], y[known])
        plain = small(**LEVEL_FREE[0], max_epochs=model.n_epochs_)
        assert_same_weights(model, plain.fit(windows[known], y[known]))


class TestErrors:
    MESSAGE = re.escape(
        "seasonal_periods of the regressor, and differences and level='relative' of "
        "SlidingWindow, are made of the target's own past, which X does not hold. Use "
        "the regressor in a PanelForecaster, or name the target's column in "
        "SlidingWindow(target=...)."
    )

    @pytest.mark.parametrize(
        "params",
        [
            {"differences": [1]},
            {"seasonal_periods": 7},
            {"seasonal_periods": [1]},
            {"level": "relative"},
        ],
    )
    def test_without_a_past_of_the_target_it_is_named(self, params):
        window = SlidingWindow(3, **view_of(params))
        X = np.zeros((20, 5), dtype=np.float32)
        if view_of(params):
            with pytest.raises(ValueError, match="which an array without an index"):
                window.fit(X)
        else:
            with pytest.raises(ValueError, match=self.MESSAGE):
                small(**params).fit(X, np.zeros(20))
        windows = clone(window).fit_transform(make_y([20]))
        with pytest.raises(ValueError, match=self.MESSAGE):
            small(**params).fit(windows, np.zeros(20))

    @pytest.mark.parametrize("n_outputs", [1, 3])
    def test_outputs_that_are_no_steps_of_the_targets_are_named(self, n_outputs):
        windows, _ = windows_and_steps(make_y(n_targets=2))
        message = re.escape(
            f"y has {n_outputs} output(s), but with seasonal_periods, or columns that "
            "are known ahead, they must be the next steps of the 2 target(s) in the "
            "windows: a multiple of that number."
        )
        with pytest.raises(ValueError, match=message):
            small(seasonal_periods=7).fit(windows, np.zeros((len(windows), n_outputs)))

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"differences": [0]}, "differences must be an integer of at least 1, or"),
            ({"differences": [1.5]}, "or a sequence of them, got [1.5]."),
            ({"differences": ["a"]}, "or a sequence of them, got ['a']."),
            ({"differences": [True]}, "or a sequence of them, got [True]."),
            ({"differences": []}, "or a sequence of them, got []."),
            (
                {"seasonal_periods": [7, 0]},
                "seasonal_periods must be an integer of at least 1, or a sequence of "
                "them, got [7, 0].",
            ),
            ({"seasonal_periods": [1.5]}, "or a sequence of them, got [1.5]."),
            ({"seasonal_periods": []}, "or a sequence of them, got []."),
            ({"differences": "a"}, "The 'differences' parameter"),
            ({"differences": 0}, "The 'differences' parameter"),
            ({"seasonal_periods": 0}, "The 'seasonal_periods' parameter"),
            ({"seasonal_periods": 1.5}, "The 'seasonal_periods' parameter"),
            ({"seasonal_periods": "a"}, "The 'seasonal_periods' parameter"),
            ({"level": "a"}, "The 'level' parameter"),
            ({"clip": 0}, "The 'clip' parameter"),
            ({"clip": "a"}, "The 'clip' parameter"),
            ({"category_dropout": 1}, "The 'category_dropout' parameter"),
            ({"category_dropout": -0.1}, "The 'category_dropout' parameter"),
            ({"early_stopping": "a"}, "The 'early_stopping' parameter"),
        ],
    )
    def test_bad_parameters_are_named(self, params, message):
        with pytest.raises(ValueError, match=re.escape(message)):
            small(**params).fit(*windows_and_steps(make_y(), params))

    def test_no_input_at_all_is_named(self):
        y = make_y([20])["u"]
        with pytest.raises(ValueError, match="The windows have no features"):
            forecaster({"level": "drop"}).fit(y.to_frame()[[]], y)

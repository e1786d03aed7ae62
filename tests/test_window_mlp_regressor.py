"""WindowMLPRegressor: free of level and scale, and the same net in numpy and torch."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklstm import (
    NaiveRegressor,
    PanelForecaster,
    SlidingWindow,
    StepRegressor,
    WindowMLPRegressor,
)
from sklstm.datasets import make_panel
from sklstm.neural_network._perceptron import Perceptron, train_perceptron


def mlp(**params):
    small = {"hidden_size": 8, "max_epochs": 3, "device": "cpu", "random_state": 0}
    return WindowMLPRegressor(**{"n_rows": 12} | small | params)


def forecaster(regressor, horizon=3, window=12):
    window = SlidingWindow(window) if isinstance(window, int) else window
    return PanelForecaster(make_pipeline(window, regressor), horizon)


@pytest.fixture(scope="module")
def y():
    y = make_panel(4, (20, 60), n_covariates=0, random_state=0)["target"]
    # Multiples of 1/16, which single precision holds with and without the level.
    return (y * 16).round() / 16


@pytest.fixture
def Xy():
    X = np.random.default_rng(0).normal(size=(60, 9)).cumsum(axis=1)
    return X, np.column_stack([X[:, -1] + 1, X[:, -2]])


def random_net(n_inputs=7, n_hidden=5):
    torch.manual_seed(0)
    net = Perceptron(n_inputs, n_hidden, 3)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter)
    return net


class TestPerceptron:
    def test_arrays_hold_the_net(self):
        net = random_net()
        inputs = np.random.default_rng(1).normal(size=(300, 7)).astype("float32")
        state = torch.get_rng_state()
        again = Perceptron.from_arrays(*net.to_arrays())
        assert torch.equal(torch.get_rng_state(), state)
        assert_array_equal(again.compute(inputs), net.compute(inputs))
        with torch.no_grad():
            expected = net(torch.as_tensor(inputs)).numpy()
        assert_allclose(net.compute(inputs), expected, rtol=1e-4, atol=1e-4)

    def test_its_outputs_are_those_of_a_loop(self):
        net = random_net().double()
        (first, second, output, linear), constants = net.to_arrays()
        for x, y in zip(np.eye(7), net.compute(np.eye(7)), strict=True):
            hidden = np.maximum(np.arcsinh(x) @ first + constants[0], 0)
            hidden = hidden + np.maximum(hidden @ second + constants[1], 0)
            expected = hidden @ output + constants[2] + x @ linear + constants[3]
            assert_allclose(y, expected)

    @pytest.mark.parametrize("n_inputs", [7, 130, 260])
    @pytest.mark.parametrize("n_hidden", [5, 128])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_outputs_do_not_depend_on_other_samples(self, n_inputs, n_hidden, dtype):
        net = random_net(n_inputs, n_hidden).to(dtype)
        inputs = np.random.default_rng(1).normal(size=(600, n_inputs))
        whole = net.compute(inputs)
        for some in ([3], [599, 0], range(250, 520), range(1, 600)):
            assert_array_equal(net.compute(inputs[list(some)]), whole[list(some)])
        assert net.compute(inputs[:0]).shape == (0, 3)

    def test_an_untrained_net_puts_out_0(self):
        assert not Perceptron(4, 3, 2).compute(np.ones((5, 4))).any()

    def test_targets_of_weight_0_teach_nothing(self):
        inputs = np.random.default_rng(0).normal(size=(20, 4))
        targets = inputs[:, :2].copy()
        weight = np.ones((20, 2))
        weight[:5] = 0

        def train(targets):
            torch.manual_seed(0)
            block = inputs, targets, weight
            place = {"dtype": torch.float64, "device": torch.device("cpu")}
            return train_perceptron([block] * 3, 3, (4, 3, 2), 20, 0.1, **place)

        spoilt = targets.copy()
        spoilt[:5] = 1e6
        nets = (train(each).to_arrays()[0] for each in (targets, spoilt))
        for one, other in zip(*nets, strict=True):
            assert_array_equal(one, other)


class TestForecasts:
    def test_forecasts_move_with_level_and_scale(self, y):
        one = forecaster(mlp()).fit(None, y).forecast()
        other = forecaster(mlp()).fit(None, 4 * y + 1024).forecast()
        assert_allclose(other, 4 * one + 1024, rtol=1e-5)

    def test_a_net_that_learned_nothing_repeats_the_last_value(self, y):
        last = forecaster(mlp(lr=1e-30)).fit(None, y).forecast()
        expected = y.groupby(level=0).last().repeat(3)
        assert_allclose(last, expected)

    def test_it_learns_a_rhythm(self):
        rhythm = np.tile([1.0, 5.0, 2.0, 8.0], 40)
        index = pd.MultiIndex.from_product([["a", "b"], range(160)])
        y = pd.Series(np.append(rhythm, rhythm + 3), index)
        model = forecaster(mlp(max_epochs=60, batch_size=32, lr=1e-2), horizon=4)
        forecast = model.fit(None, y).forecast().to_numpy().reshape(2, 4)
        expected = np.array([rhythm[:4], rhythm[:4] + 3])
        assert np.abs(forecast - expected).max() < 0.5

    def test_inputs_are_those_of_a_loop(self, y):
        y = y.copy()
        y.iloc[[3, 4, 30]] = np.nan
        y.iloc[:2] = np.nan
        panel = SlidingWindow(5, target="target").fit_transform(y.to_frame())
        model = mlp(n_rows=8).fit(panel, np.zeros((len(panel), 1)))
        assert model.past_reach_ == 3
        inputs, last, unit = model._inputs(panel, np.arange(len(panel)))
        for i, end in enumerate(panel.ends):
            past = y.iloc[max(panel.starts[i], end - 7) : end + 1].ffill()
            past = past.dropna().to_numpy()
            if len(past) == 0:
                assert np.isnan(last[i])
                continue
            changes = np.abs(np.diff(past)).mean() if len(past) > 1 else 0.0
            expected = changes + 0.05 * model._usual_change
            assert_allclose(unit[i], expected, rtol=1e-6)
            padded = np.append(np.full(8 - len(past), past[0]), past)
            assert_allclose(inputs[i] * unit[i], padded - past[-1], atol=1e-6)

    def test_it_reads_so_many_rows_whatever_the_window(self, y):
        whole = forecaster(mlp(n_rows=10), window=10).fit(None, y).forecast()
        some = forecaster(mlp(n_rows=10), window=4).fit(None, y).forecast()
        assert_array_equal(whole, some)

    def test_it_reads_no_more_rows_than_series_have(self, y):
        short = y.groupby(level=0).head(15)
        model = forecaster(mlp(n_rows=500), window=4).fit(None, short)
        assert model.estimator_[-1].past_reach_ + 4 <= 15
        assert np.isfinite(model.forecast()).all()

    def test_targets_that_are_alike_are_forecast_alike(self, y):
        both = pd.DataFrame({"a": y, "b": y})
        forecast = forecaster(mlp()).fit(None, both).forecast()
        assert_array_equal(forecast["a"], forecast["b"])

    def test_unknown_values_are_bridged(self, y):
        holes = y.mask(np.arange(len(y)) % 5 == 0)
        holes.iloc[:20] = np.nan
        model = forecaster(mlp()).fit(None, holes)
        assert np.isfinite(model.forecast()).all()

    def test_a_window_without_a_known_value_gets_the_mean(self, Xy):
        X, y = Xy
        model = mlp().fit(X, y)
        unknown = model.predict(np.full((1, 9), np.nan))
        assert_allclose(unknown, np.full((1, 2), y.mean()))

    def test_the_last_feature_of_an_array_is_the_past(self, Xy):
        X, y = Xy
        wide = np.stack([np.zeros_like(X), X], axis=2)
        assert_array_equal(mlp().fit(X, y).predict(X), mlp().fit(wide, y).predict(wide))

    def test_one_output_has_one_axis(self, Xy):
        X, y = Xy
        assert mlp().fit(X, y[:, 0]).predict(X).shape == (60,)


class TestTraining:
    def test_one_seed_one_result(self, Xy):
        X, y = Xy
        one, same, other = (
            mlp(random_state=seed).fit(X, y).predict(X) for seed in (0, 0, 1)
        )
        assert_array_equal(one, same)
        assert (one != other).any()

    def test_torch_draws_and_threads_are_left_alone(self, Xy):
        state, n_threads = torch.get_rng_state(), torch.get_num_threads()
        mlp().fit(*Xy)
        assert torch.equal(torch.get_rng_state(), state)
        assert torch.get_num_threads() == n_threads

    def test_windows_of_weight_0_teach_nothing(self, Xy):
        X, y = Xy
        spoilt = y.copy()
        spoilt[40:] = 1e3
        model = mlp().fit(X, spoilt, sample_weight=np.arange(60) < 40)
        expected = mlp().fit(X[:40], y[:40])
        assert_array_equal(model.predict(X), expected.predict(X))

    @pytest.mark.parametrize("factor", [1e-25, 1e25])
    def test_only_the_ratios_of_weights_matter(self, Xy, factor):
        X, y = Xy
        weight = np.arange(1.0, 61.0)
        one, other = (
            mlp(batch_size=16).fit(X, y, sample_weight=each).predict(X)
            for each in (weight, factor * weight)
        )
        assert_allclose(one, other)

    def test_targets_are_read_by_position(self, y):
        windows = SlidingWindow(6, target="target").fit_transform(y.to_frame())
        after = y.groupby(level=0).shift(-1).fillna(0.0)
        expected = mlp().fit(windows, after.to_numpy()[:, None]).predict(windows)
        backwards = np.arange(len(y))[::-1]
        for given in (
            after.to_frame(),
            after.to_frame().set_index(backwards),
            after.to_numpy()[:, None].tolist(),
        ):
            assert_array_equal(mlp().fit(windows, given).predict(windows), expected)
        for given in (after, after.tolist(), pd.Series(after.to_numpy(), backwards)):
            got = mlp().fit(windows, given).predict(windows)
            assert_array_equal(got, expected[:, 0])

    @pytest.mark.parametrize(
        "regressor", [mlp(), NaiveRegressor(), StepRegressor()], ids=repr
    )
    def test_outputs_are_the_steps_of_all_targets(self, y, regressor):
        windows = SlidingWindow(6).fit_transform(y.to_frame())
        windows = windows.with_target(np.column_stack([y, y]))
        with pytest.raises(ValueError, match=r"y has 3 output\(s\), but they must be"):
            regressor.fit(windows, np.zeros((len(y), 3)))

    @pytest.mark.parametrize(
        "regressor", [mlp(), NaiveRegressor(), StepRegressor()], ids=repr
    )
    def test_features_are_those_of_fit(self, y, regressor):
        X = np.random.default_rng(0).normal(size=(30, 6, 2))
        model = clone(regressor).fit(X, X[:, -1, -1])
        for other in (X[..., :1], X[..., 0], np.concatenate([X, X], axis=2)):
            with pytest.raises(ValueError, match=r"saw 2 feature\(s\) in an array"):
                model.predict(other)
        panel = y.to_frame().assign(price=1.0)
        rows = SlidingWindow(6, target="target")
        model = clone(regressor).fit(rows.fit_transform(panel), y.to_numpy()[:, None])
        fewer = rows.fit_transform(panel[["target"]])
        with pytest.raises(ValueError, match=r"1 target\(s\) and the columns \[\]"):
            model.predict(fewer)

    def test_windows_of_another_kind_are_refused(self, y):
        windows = SlidingWindow(6, target="target").fit_transform(y.to_frame())
        model = mlp(n_rows=9).fit(windows, np.zeros((len(windows), 1)))
        with pytest.raises(
            ValueError, match=r"1 feature\(s\) in an array at each step; fit"
        ):
            model.predict(np.asarray(windows))
        bare = SlidingWindow(6).fit_transform(y.to_frame())
        with pytest.raises(ValueError, match="do not hold the past of the target"):
            model.predict(bare)

    def test_a_pass_takes_no_more_windows_than_asked_for(self, Xy):
        X, y = Xy
        model = mlp(max_samples=7, batch_size=2).fit(X, y)
        blocks = model._blocks(
            X, y, np.ones(60), np.arange(60), np.random.RandomState(0)
        )
        assert [len(inputs) for inputs, _, _ in blocks] == [7, 7, 7]

    def test_many_blocks_are_as_one(self, Xy, monkeypatch):
        module = "sklstm.neural_network._window_mlp_regressor._CHUNK"
        whole = mlp(batch_size=4).fit(*Xy).coefs_
        monkeypatch.setattr(module, 1)
        for one, other in zip(whole, mlp(batch_size=4).fit(*Xy).coefs_, strict=True):
            assert_array_equal(one, other)

    def test_nothing_to_learn_is_said_and_changes_nothing(self, Xy):
        X, y = Xy
        model = mlp().fit(X, y)
        before = model.predict(X)
        with pytest.raises(ValueError, match="There is nothing to learn"):
            model.set_params(max_epochs=1).fit(X * np.nan, y)
        assert_array_equal(model.predict(X), before)

    def test_training_that_diverges_is_said(self, Xy):
        with pytest.raises(ValueError, match="diverged"):
            mlp(lr=1e30).fit(*Xy)

    def test_an_unknown_device_is_said(self, Xy):
        with pytest.raises(ValueError, match="device="):
            mlp(device="no such").fit(*Xy)

    @pytest.mark.gpu
    def test_cuda_learns_as_the_cpu_does(self, Xy):
        X, y = Xy
        one, other = (mlp(device=device).fit(X, y) for device in ("cpu", "cuda"))
        assert_allclose(one.predict(X), other.predict(X), rtol=1e-3, atol=1e-3)

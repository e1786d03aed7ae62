"""LSTMRegressor: training, prediction, and its place in scikit-learn."""

import pickle
import re
import signal
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from skorch.callbacks import Callback, EpochScoring
from skorch.exceptions import DeviceWarning

from sklstm import LSTMRegressor, SlidingWindow
from sklstm._windows.step_targets import StepTargets, split_tails


def small(**params):
    defaults = {"hidden_size": 6, "max_epochs": 2, "random_state": 0, "device": "cpu"}
    return LSTMRegressor(**defaults | params)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5, 2)).astype(np.float32)
    return X, X[:, -1, 0] - X[:, 0, 1]


@pytest.fixture
def panel_Xy():
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_tuples(
        [(s, t) for s, n in {"a": 30, "b": 20, "c": 4}.items() for t in range(n)],
        names=["shop", "t"],
    )
    X = pd.DataFrame({"u": rng.normal(size=len(index))}, index=index)
    X["shop"] = pd.Categorical(index.get_level_values(0))
    return X, X["u"] + np.where(X["shop"] == "a", 2.0, -2.0)


def weights_of(model):
    return {k: v.numpy() for k, v in model.net_.module_.state_dict().items()}


def assert_same_weights(one, other):
    for name, value in weights_of(one).items():
        assert_array_equal(value, weights_of(other)[name], err_msg=name)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"num_layers": 2, "bidirectional": True, "head_hidden_size": 8},
        {"loss": "huber", "optimizer": "rmsprop"},
        {"loss": "mae", "lr_schedule": "cosine"},
        {"lr_schedule": "cyclic"},
        {"lr_schedule": "step"},
        {"lr_schedule": "plateau"},
        {"optimizer": torch.optim.NAdam},
    ],
)
def test_it_learns(arrays, params):
    X, y = arrays
    model = small(hidden_size=24, max_epochs=60, lr=0.01, batch_size=16, **params)
    assert model.fit(X, y).score(X, y) > 0.8


def test_one_seed_one_result_and_the_callers_generator_is_left_alone(arrays):
    one = small(dropout=0.3).fit(*arrays)
    state = torch.random.get_rng_state()
    other = small(dropout=0.3).fit(*arrays)
    assert torch.equal(state, torch.random.get_rng_state())
    assert_same_weights(one, other)
    different = small(dropout=0.3, random_state=1).fit(*arrays)
    assert not np.array_equal(one.predict(arrays[0]), different.predict(arrays[0]))


def test_refit_equals_a_fresh_fit(arrays):
    model = small().fit(*arrays)
    assert_same_weights(model.fit(*arrays), small().fit(*arrays))


def test_windows_equal_their_array_where_nothing_is_padded(panel_Xy):
    X, y = panel_Xy
    windows = SlidingWindow(3).fit_transform(X[["u"]])
    full = windows.lengths == 3
    y = y.to_numpy()[full]
    lazy = small(training_mode="windowed").fit(windows[full], y)
    dense = small().fit(np.asarray(windows)[full], y)
    assert_same_weights(lazy, dense)
    assert_array_equal(
        lazy.predict(windows[full]), dense.predict(np.asarray(windows)[full])
    )


@pytest.mark.parametrize("params", [{}, {"bidirectional": True, "num_layers": 2}])
def test_a_prediction_does_not_depend_on_the_other_rows(panel_Xy, params):
    X, y = panel_Xy
    windows = SlidingWindow(7).fit_transform(X)
    model = small(**params).fit(windows, y)
    together = model.predict(windows)
    for rows in ([0], [5, 3, 3], list(range(20, 54))):
        assert_array_equal(model.predict(windows[rows]), together[rows])


def test_rows_outside_the_windows_do_not_reach_the_weights(panel_Xy):
    X, y = panel_Xy
    train = X.index.get_level_values("t") < 10
    changed = X.copy()
    changed.loc[~train, "u"] = 1e4
    fits = [
        small().fit(SlidingWindow(4).fit_transform(frame)[train], y[train])
        for frame in (X, changed)
    ]
    assert_same_weights(*fits)


def test_padding_does_not_reach_the_weights():
    short = np.arange(12.0, dtype=np.float32).reshape(4, 3, 1)
    index = pd.MultiIndex.from_product([range(4), range(3)])
    X = pd.DataFrame({"u": short.ravel()}, index=index)
    y = np.arange(4.0)
    last = np.arange(2, 12, 3)
    windows = SlidingWindow(3).fit_transform(X)[last]
    windows.window_size = 50
    lazy = small(training_mode="windowed").fit(windows, y)
    assert_same_weights(lazy, small().fit(short, y))


def test_embeddings_are_frames_by_label(panel_Xy):
    X, y = panel_Xy
    windows = SlidingWindow(4).fit_transform(X)
    model = small(embedding_dim=3).fit(windows, y)
    frame = model.embeddings_["shop"]
    assert frame.shape == (3, 3)
    assert frame.index.tolist() == ["a", "b", "c"]
    assert small(embedding_dim=0).fit(windows, y).embeddings_ == {}
    assert small().fit(windows, y).embeddings_["shop"].shape[1] > 0


def test_without_an_embedding_the_label_is_not_seen(panel_Xy):
    X, y = panel_Xy
    other = X.assign(shop=X["shop"].iloc[::-1].to_numpy())
    window = SlidingWindow(4).fit(X)
    for dim, same in ((0, True), (2, False)):
        model = small(embedding_dim=dim).fit(window.transform(X), y)
        a, b = (model.predict(window.transform(frame)) for frame in (X, other))
        assert np.array_equal(a, b) == same


def test_missing_outputs_give_no_loss(arrays):
    X, y = arrays
    many = np.column_stack([y, y, -y])
    many[5:25, 1] = np.nan
    holes = small().fit(X, many)
    assert np.isfinite(holes.predict(X)).all()
    # A loss of one output alone: the others may hold anything that is not known.
    one = small(batch_size=60).fit(X, np.column_stack([y, np.full(60, np.nan)]))
    grad = one.net_.module_.output.weight.grad
    assert torch.all(grad[1] == 0)
    assert torch.any(grad[0] != 0)


def test_missing_inputs_are_zero_with_a_flag(panel_Xy):
    X, y = panel_Xy
    X["v"] = X["u"]
    X.loc[X.index[::3], "u"] = np.nan
    windows = SlidingWindow(4).fit_transform(X[["u", "v"]])
    model = small().fit(windows, y)
    assert model.net_.module_.lstm.input_size == 3
    assert np.isfinite(model.predict(windows)).all()


def test_weights_equal_repetition_in_a_full_batch(arrays):
    X, y = arrays
    times = np.arange(60) % 3
    params = {"batch_size": 200, "max_epochs": 3, "grad_clip": None}
    X, y = X.astype(np.float64), y.astype(np.float64)
    weighted = small(**params).fit(X, y, sample_weight=times * 7.0)
    repeated = small(**params).fit(np.repeat(X, times, 0), np.repeat(y, times))
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-6)


def test_a_window_without_weight_is_not_learned(arrays):
    X, y = arrays
    weight = np.ones(60)
    weight[:10] = 0
    params = {"batch_size": 60}
    other = y.copy()
    other[:10] = 1e3
    one = small(**params).fit(X, y, sample_weight=weight)
    assert_same_weights(one, small(**params).fit(X, other, sample_weight=weight))


def test_step_targets_equal_their_array(panel_Xy):
    X, y = panel_Xy
    windows = SlidingWindow(4).fit_transform(X)
    y = StepTargets(y.to_numpy()[:, None], windows.ends, windows.table.segments, 3)
    origins = np.flatnonzero(y.known() > 0)
    a = small().fit(windows[origins], y[origins])
    b = small().fit(windows[origins], np.asarray(y[origins]))
    assert_same_weights(a, b)
    assert np.isnan(np.asarray(y)[-1]).all()
    assert_array_equal(np.isfinite(np.asarray(y)).sum(axis=1), y.known())


class TestEarlyStopping:
    def test_the_best_weights_come_back(self, arrays):
        X, y = arrays
        model = small(
            max_epochs=40, early_stopping=True, validation_fraction=0.3, lr=0.05
        ).fit(X, np.random.default_rng(0).normal(size=60))
        losses = model.training_history_["valid_loss"]
        assert losses.idxmin() < len(losses) - 1
        tail = slice(42, None)
        y = np.random.default_rng(0).normal(size=60)
        # Losses are in units of the spread of y.
        error = (model.predict(X[tail]) - y[tail]) / model.target_scale_
        assert_allclose(np.mean(error**2), losses.min(), rtol=1e-5)

    def test_it_stops_after_n_iter_no_change(self, arrays):
        X, _ = arrays
        y = np.random.default_rng(0).normal(size=60)
        model = small(
            max_epochs=200, early_stopping=True, n_iter_no_change=3, lr=0.05
        ).fit(X, y)
        best = model.training_history_["valid_loss"].idxmin()
        assert model.n_epochs_ == best + 1 + 3
        assert set(model.training_history_) >= {
            "epoch",
            "train_loss",
            "valid_loss",
            "dur",
        }

    def test_held_out_rows_never_reach_the_weights(self, panel_Xy):
        X, y = panel_Xy
        windows = SlidingWindow(4).fit_transform(X[["u"]])
        other = y.copy()
        late = [("a", t) for t in (27, 28, 29)] + [("b", 18), ("b", 19)]
        other[late] = 1e3
        params = {"early_stopping": True, "max_epochs": 1}
        a, b = (small(**params).fit(windows, target) for target in (y, other))
        losses = [model.training_history_["valid_loss"][0] for model in (a, b)]
        assert losses[0] != losses[1]
        assert_same_weights(a, b)

    @pytest.mark.parametrize("gap", [0, 2])
    def test_tails_are_the_end_of_each_series(self, gap):
        rng = np.random.default_rng(0)
        series = rng.permutation(np.repeat([0, 1, 2, 3], [20, 10, 3, 1]))
        order = rng.permutation(len(series))
        train, valid = split_tails(series, order, 0.2, gap)
        for s, n_valid in enumerate([4, 2, 1 if gap == 0 else 0, 0]):
            own = np.flatnonzero(series == s)
            own = own[np.argsort(order[own])]
            assert_array_equal(own[len(own) - n_valid :], own[np.isin(own, valid)])
            n_train = len(own) - n_valid - (gap if n_valid else 0)
            assert_array_equal(own[:n_train], own[np.isin(own, train)])

    def test_nothing_to_validate_on_is_an_error(self, arrays):
        X, y = arrays
        with pytest.raises(ValueError, match="leaves no window to validate on"):
            small(early_stopping=True, validation_fraction=0.005).fit(X, y)


class TestGoingOn:
    def test_warm_start_goes_on(self, arrays):
        model = small(warm_start=True).fit(*arrays)
        first = model.training_history_["train_loss"].iloc[-1]
        model.fit(*arrays)
        assert model.n_epochs_ == 4
        assert model.training_history_["train_loss"].iloc[-1] < first

    def test_partial_fit_is_one_epoch(self, arrays):
        model = small()
        for n_epochs in (1, 2):
            assert model.partial_fit(*arrays).n_epochs_ == n_epochs
        with pytest.raises(ValueError, match="features"):
            model.partial_fit(arrays[0][:, :3], arrays[1])

    @pytest.mark.parametrize("schedule", ["cosine", "plateau", "step", "cyclic"])
    def test_partial_fit_learns_after_a_schedule_has_ended(self, arrays, schedule):
        model = small(
            lr_schedule=schedule, early_stopping=True, validation_fraction=0.2
        ).fit(*arrays)
        before = model.predict(arrays[0])
        model.partial_fit(*arrays)
        assert np.abs(model.predict(arrays[0]) - before).max() > 1e-4


class TestSkorch:
    def test_net_parameters_are_reached_by_set_params(self, arrays):
        model = small().set_params(optimizer__eps=0.5, callbacks__grad_clip=None)
        assert clone(model).get_params()["optimizer__eps"] == 0.5
        net = model.fit(*arrays).net_
        assert net.optimizer_.param_groups[0]["eps"] == 0.5
        assert "grad_clip" not in dict(net.callbacks_)

    def test_set_params_leaves_the_clone_alone(self):
        model = small(net_params={"optimizer__eps": 0.1})
        other = clone(model).set_params(optimizer__eps=0.2)
        assert model.get_params()["optimizer__eps"] == 0.1
        assert other.get_params()["optimizer__eps"] == 0.2

    def test_a_misspelt_parameter_is_an_error(self):
        with pytest.raises(ValueError, match="Invalid parameter 'hiden_size'"):
            small().set_params(hiden_size=3)

    def test_callbacks_are_cloned(self, arrays):
        class Count(Callback):
            def __init__(self, seen=0):
                self.seen = seen

            def on_epoch_end(self, net, **kwargs):
                self.seen += 1

        mine = Count()
        model = small(callbacks=[("count", mine)]).fit(*arrays)
        assert mine.seen == 0
        assert dict(model.net_.callbacks_)["count"].seen == 2

    def test_ctrl_c_escapes(self, arrays):
        class Interrupt(Callback):
            def on_batch_end(self, net, **kwargs):
                signal.raise_signal(signal.SIGINT)

        model = small(callbacks=[Interrupt()])
        # A shell that starts the tests in its background lets them ignore Ctrl-C.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                model.fit(*arrays)
        finally:
            signal.signal(signal.SIGINT, before)
        assert not hasattr(model, "net_")

    def test_divergence_is_an_error(self, arrays):
        X, y = arrays
        with pytest.raises(ValueError, match="Training diverged: train_loss in epoch"):
            small(optimizer="sgd", lr=1e30, grad_clip=None, max_epochs=9).fit(X, y)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_divergence_in_the_very_last_step_is_an_error(self, arrays, dtype):
        X, y = arrays
        X = X.astype(dtype)
        params = {"lr": 1e30, "grad_clip": None, "max_epochs": 1, "batch_size": 60}
        with pytest.raises(ValueError, match="loss after the last step is"):
            small(**params).fit(X, y)

    @pytest.mark.parametrize("loss", ["mse", "quantile"])
    @pytest.mark.parametrize("n_outputs", [1, 3])
    def test_epoch_scoring_scores_in_units_of_y(self, arrays, loss, n_outputs):
        X, y = arrays
        y = 1e3 * np.stack([y + i for i in range(n_outputs)], axis=1) + 7.0
        y[3, -1] = np.nan if n_outputs > 1 else y[3, -1]
        scoring = [
            EpochScoring(
                "neg_mean_absolute_error",
                name=name,
                on_train=on_train,
                use_caching=on_train,
            )
            for name, on_train in (("valid_mae", False), ("train_mae", True))
        ]
        model = small(
            early_stopping=True, loss=loss, callbacks=scoring, lr=1e-12, max_epochs=2
        ).fit(X, y)
        error = np.abs(model.predict(X) - y).mean(axis=1)
        found = model.training_history_[["valid_mae", "train_mae"]].iloc[-1]
        # The last tenth of the windows is held out.
        assert_allclose(found["valid_mae"], -error[54:].mean(), rtol=1e-5)
        assert_allclose(found["train_mae"], -np.nanmean(error[:54]), rtol=1e-5)

    def test_epoch_scoring_of_training_needs_no_validation(self, arrays):
        scoring = ("mae", EpochScoring("r2", on_train=True))
        assert "r2" in small(callbacks=[scoring]).fit(*arrays).training_history_

    def test_epoch_scoring_without_held_out_windows_is_an_error(self, arrays):
        model = small(callbacks=[EpochScoring("r2", name="valid_r2")])
        with pytest.raises(
            ValueError, match="'valid_r2' scores held-out .* no windows are held"
        ):
            model.fit(*arrays)

    @pytest.mark.parametrize(
        ("name", "value", "remedy"),
        [
            ("lr", 0.1, "Set LSTMRegressor(lr=...) instead"),
            ("max_epochs", 3, "Set LSTMRegressor(max_epochs=...)"),
            ("optimizer__lr", 0.1, "Set LSTMRegressor(lr=...)"),
            ("module__hidden_size", 3, "Set LSTMRegressor(hidden_size=...)"),
            ("criterion", torch.nn.L1Loss, "Set LSTMRegressor(loss=...)"),
            ("module__n_outputs", 2, "chooses it itself; leave it out"),
            ("dataset", None, "chooses it itself; leave it out"),
            ("iterator_train__shuffle", False, "chooses it itself; leave it out"),
            ("iterator_valid__batch_size", 3, "chooses it itself; leave it out"),
            ("use_caching", False, "chooses it itself; leave it out"),
        ],
    )
    def test_net_params_that_contradict_a_parameter_are_refused(
        self, arrays, name, value, remedy
    ):
        with pytest.raises(ValueError, match=re.escape(remedy)) as caught:
            small(net_params={name: value}).fit(*arrays)
        assert name in str(caught.value)

    @pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
    def test_weights_are_updated_in_one_call_unless_another_is_asked(
        self, arrays, optimizer
    ):
        own = small(optimizer=optimizer).fit(*arrays)
        one_by_one = small(optimizer=optimizer).set_params(optimizer__foreach=False)
        one_by_one.fit(*arrays)
        assert own.net_.optimizer_.defaults["fused"] is True
        assert one_by_one.net_.optimizer_.defaults["fused"] is None
        assert_allclose(own.predict(arrays[0]), one_by_one.predict(arrays[0]), 1e-4)

    def test_weight_decay_reaches_the_optimizer(self, arrays):
        net = small().set_params(optimizer__weight_decay=0.1).fit(*arrays).net_
        assert net.optimizer_.param_groups[0]["weight_decay"] == 0.1

    def test_verbose(self, arrays, capsys):
        small(verbose=2).fit(*arrays)
        assert "train_loss" in capsys.readouterr().out
        small(verbose=1).fit(*arrays)
        assert "epoch" in capsys.readouterr().err
        small().fit(*arrays)
        assert capsys.readouterr() == ("", "")


class Bomb(Callback):
    """Stop training from outside, at the n-th batch after it is set."""

    left = None

    def on_batch_end(self, net, **kwargs):
        if Bomb.left is not None:
            Bomb.left -= 1
            if Bomb.left == 0:
                raise KeyboardInterrupt


class TestInterrupted:
    @pytest.fixture
    def model(self, arrays):
        Bomb.left = None
        yield small(callbacks=[Bomb()], warm_start=True).fit(*arrays)
        Bomb.left = None

    @pytest.mark.parametrize("method", ["fit", "partial_fit"])
    @pytest.mark.parametrize("warm_start", [False, True])
    def test_nothing_is_learned_by_halves(self, arrays, model, method, warm_start):
        X, y = arrays
        model.set_params(warm_start=warm_start, batch_size=8)
        before, state = model.predict(X), pickle.dumps(model)
        Bomb.left = 3
        with pytest.raises(KeyboardInterrupt):
            getattr(model, method)(X, 5 * y)
        assert Bomb.left == 0
        assert_array_equal(model.predict(X), before)
        # What comes next is what would have come without it.
        again = pickle.loads(state)
        for one in (model, again):
            one.partial_fit(X, y)
        assert_array_equal(model.predict(X), again.predict(X))

    @pytest.mark.parametrize("method", ["fit", "partial_fit"])
    @pytest.mark.parametrize(
        "bad", [{"X": np.zeros((60, 5, 3))}, {"y": np.full(60, np.nan)}, {"y": None}]
    )
    def test_bad_data_leaves_the_model(self, arrays, model, method, bad):
        X, y = arrays
        before, n_features = model.predict(X), model.n_channels_in_
        with pytest.raises(ValueError):
            getattr(model, method)(**{"X": X, "y": y} | bad)
        model.set_params(warm_start=False)
        with pytest.raises(ValueError):
            model.fit(
                **{"X": X[:, :2, :1], "y": y[:, None] * [1, np.nan]} | {"y": None}
            )
        assert model.n_channels_in_ == n_features
        assert_array_equal(model.predict(X), before)

    def test_divergence_leaves_the_model(self, arrays, model):
        X, y = arrays
        before = model.predict(X)
        model.set_params(lr=1e30, grad_clip=None)
        for method in ("partial_fit", "fit"):
            with pytest.raises(ValueError, match="Training diverged"):
                getattr(model, method)(X, y)
        assert_array_equal(model.predict(X), before)


def test_labels_that_training_never_met_stand_in_the_middle(panel_Xy):
    X, y = panel_Xy
    late = (X.index.get_level_values("t") >= 25) & (X["shop"] == "a")
    shop = X["shop"].cat.add_categories("new").mask(late, "new")
    windows = SlidingWindow(4).fit_transform(X.assign(shop=shop))
    # Only rows that come after all that is learned have the label "new".
    early = ~late.to_numpy()
    model = small(embedding_dim=3).fit(windows[early], y[early])
    middle = model.embeddings_["shop"].loc[["a", "b", "c"]].mean()
    assert_allclose(model.embeddings_["shop"].loc["new"], middle, atol=1e-6)
    unknown = model.net_.module_.embeddings[0].weight[0].detach()
    assert_allclose(unknown, middle, atol=1e-6)
    model.partial_fit(windows, y)
    table = model.embeddings_["shop"]
    assert np.abs(table.loc["new"] - middle).max() > 1e-4
    unknown = model.net_.module_.embeddings[0].weight[0].detach()
    assert_allclose(unknown, table.mean(), atol=1e-6)


def test_pickle_keeps_predictions_and_holds_no_data(arrays):
    X, y = arrays
    sizes = []
    for n in (1, 40):
        model = small().fit(np.repeat(X, n, 0), np.repeat(y, n))
        again = pickle.loads(pickle.dumps(model))
        assert_array_equal(again.predict(X), model.predict(X))
        sizes.append(len(pickle.dumps(model)))
    assert sizes[1] < sizes[0] + 1000


_DUMP = """
import pickle, sys
import numpy as np, torch
from sklstm import LSTMRegressor

X = np.random.default_rng(0).normal(size=(60, 5, 2))
model = LSTMRegressor(6, max_epochs=2, random_state=0, device="cpu").fit(X, X[:, -1, 0])
model.predict(X).tofile(sys.argv[1] + ".npy")
# As if its tensors were on a GPU, which files say of each.
torch.serialization.register_package(0, lambda s: "cuda:0", lambda s, location: None)
model.net_.device, model.device_ = "cuda", torch.device("cuda")
with open(sys.argv[1], "wb") as file:
    pickle.dump(model, file)
"""


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU to load it to")
def test_a_pickle_from_a_gpu_is_read_without_one(tmp_path):
    path = tmp_path / "model.pkl"
    subprocess.run([sys.executable, "-c", _DUMP, str(path)], check=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeviceWarning)
        model = pickle.loads(path.read_bytes())
    X = np.random.default_rng(0).normal(size=(60, 5, 2))
    assert_array_equal(model.predict(X), np.fromfile(f"{path}.npy"))
    assert model.device_ == torch.device("cpu")
    assert model.partial_fit(X, X[:, -1, 0]).n_epochs_ == 3


def test_double_precision_follows_X(arrays):
    X, y = arrays
    model = small().fit(X.astype(np.float64), y)
    assert model.net_.module_.output.weight.dtype == torch.float64
    assert model.predict(X).dtype == np.float64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.zeros((3, 2, 2, 2))}, "X must have 2 axes (n, n_steps) or 3"),
        ({"y": None}, "requires y to be passed, but the target y is None"),
        ({"y": np.r_[np.nan, np.zeros(59)]}, "in a pipeline give y.to_frame()"),
        ({"y": np.r_[1e160, np.zeros(59)]}, "y contains 1e+160, which is too large"),
        (
            {"y": np.full((60, 2), np.nan)},
            "Input y contains NaN alone, in shape (60, 2)",
        ),
        ({"y": np.zeros(3)}, "inconsistent numbers of samples"),
        ({"sample_weight": np.zeros(60)}, "at least one non-zero"),
        ({"sample_weight": -np.ones(60)}, "Negative values in data passed"),
    ],
)
def test_bad_data_is_named(arrays, change, message):
    X, y = arrays
    with pytest.raises(ValueError, match=re.escape(message)):
        small().fit(**{"X": X, "y": y} | change)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"device": "cuda:99"}, "device='cuda:99' is not available on this machine"),
        ({"device": "gpu"}, "device='gpu' is not available on this machine"),
        ({"loss": "rmse"}, "'loss' parameter"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"embedding_dim": -1}, "'embedding_dim' parameter"),
    ],
)
def test_bad_parameters_are_named(arrays, params, message):
    with pytest.raises(ValueError, match=message):
        small(**params).fit(*arrays)


def test_other_channels_are_named(arrays):
    X, y = arrays
    model = small().fit(X, y)
    with pytest.raises(ValueError, match="Each step of X has 1 numeric and 0 cat"):
        model.predict(X[:, :, :1])


def test_windows_without_features_are_an_error():
    X = pd.DataFrame(index=pd.MultiIndex.from_product([["a"], range(5)]))
    with pytest.raises(ValueError, match="The windows have no features"):
        small().fit(SlidingWindow(2).fit_transform(X), np.zeros(5))


def test_a_model_from_a_device_that_is_gone_runs_where_its_weights_are(arrays):
    X, y = arrays
    model = small(warm_start=True).fit(X, y)
    before = model.predict(X)
    # As on a machine without CUDA, where skorch reads the weights to the CPU.
    model.device_ = torch.device("cuda:7")
    assert_array_equal(model.predict(X), before)
    assert model.partial_fit(X, y).fit(X, y).n_epochs_ == 5


@pytest.mark.gpu
def test_cuda_learns_what_the_cpu_learns(arrays):
    X, y = arrays
    model = small(device="cuda", max_epochs=60, hidden_size=24, lr=0.01).fit(X, y)
    assert model.device_.type == "cuda"
    assert model.score(X, y) > 0.8
    assert_array_equal(model.predict(X)[:7], model.predict(X[:7]))
    again = pickle.loads(pickle.dumps(model))
    assert_allclose(again.predict(X), model.predict(X), rtol=1e-5)


def test_a_parameter_changed_after_fit_leaves_predictions_as_they_are(panel_Xy):
    X, y = panel_Xy
    windows = SlidingWindow(4).fit_transform(X)
    model = small(embedding_dim=2).fit(windows, y)
    before = model.predict(windows)
    model.set_params(embedding_dim=0, hidden_size=3)
    assert_array_equal(model.predict(windows), before)
    windows = SlidingWindow(4, target="u").fit_transform(X[["u"]])
    model = small(seasonal_periods=3).fit(windows, y)
    before, reach = model.predict(windows), model.past_reach_
    model.set_params(seasonal_periods=None, embedding_dim=0)
    assert_array_equal(model.predict(windows), before)
    assert model.past_reach_ == reach


def test_labels_are_matched_by_value_whatever_their_codes(panel_Xy):
    X, y = panel_Xy
    windows = SlidingWindow(4).fit_transform(X)
    model = small(embedding_dim=2).fit(windows, y)
    turned = X["shop"].cat.reorder_categories(list(X["shop"].cat.categories[::-1]))
    again = SlidingWindow(4).fit_transform(X.assign(shop=turned))
    assert not np.array_equal(again.table.codes, windows.table.codes)
    assert_array_equal(model.predict(again), model.predict(windows))


def test_other_categorical_columns_are_an_error(panel_Xy):
    X, y = panel_Xy
    model = small().fit(SlidingWindow(4).fit_transform(X), y)
    renamed = X.rename(columns={"shop": "store"})
    with pytest.raises(ValueError, match=r"columns \['store'\]; fit saw \['shop'\]"):
        model.predict(SlidingWindow(4).fit_transform(renamed))

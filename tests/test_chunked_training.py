"""Chunked training: the windows of windowed training, each learned once per epoch."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklstm import LSTMRegressor, SlidingWindow
from sklstm._windows.step_targets import StepTargets
from sklstm.neural_network._chunked_batches import ChunkedIterator, cut_chunks
from sklstm.neural_network._training import choose_epochs
from sklstm.neural_network._window_batches import (
    BatchIterator,
    TargetTensors,
    WindowTensors,
    read_row_table,
)

CPU = {"dtype": torch.float64, "device": torch.device("cpu")}


def small(**params):
    defaults = {"hidden_size": 6, "max_epochs": 2, "random_state": 0, "device": "cpu"}
    return LSTMRegressor(**defaults | params)


@pytest.fixture
def Xy():
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_tuples(
        [
            (s, t)
            for s, n in {"a": 50, "b": 33, "c": 4, "d": 1}.items()
            for t in range(n)
        ]
    )
    X = pd.DataFrame({"u": rng.normal(size=len(index))}, index=index)
    X["kind"] = pd.Categorical(rng.choice(["x", "y"], len(index)))
    return X, rng.normal(size=len(index))


def tensors(windows, y, weight=None):
    rows = WindowTensors(read_row_table(windows), flags=np.arange(0), **CPU)
    return rows, TargetTensors(y, weight, **CPU)


def dense(windows, y, positions=None, weight=None, **params):
    defaults = {"chunk_rows": 7, "batch_size": 64, "shuffle": True}
    positions = np.arange(len(windows)) if positions is None else positions
    rows, targets = tensors(windows, y, weight)
    return ChunkedIterator(
        rows,
        targets,
        positions,
        windows.ends,
        windows.table,
        windows.window_size,
        **defaults | params,
    )


@pytest.mark.parametrize("chunk_rows", [1, 4, 13, 100])
def test_chunks_reach_every_wanted_row_once_with_its_past(chunk_rows):
    rng = np.random.default_rng(chunk_rows)
    starts, ends = np.array([0, 30, 31, 60]), np.array([30, 31, 60, 64])
    wanted = rng.random(64) < 0.6
    for _ in range(5):
        phases = rng.integers(1, chunk_rows + 5, size=4)
        start, begin, end = cut_chunks(starts, ends, wanted, 5, chunk_rows, phases)
        seen = np.zeros(64, dtype=int)
        for a, b, c in zip(start, begin, end, strict=True):
            segment = np.searchsorted(starts, b, side="right") - 1
            assert starts[segment] <= a <= b < c <= ends[segment]
            assert a == max(starts[segment], b - 4)
            assert c - b <= (phases[segment] if a == b else chunk_rows)
            assert wanted[b:c].any()
            seen[b:c] += 1
        assert_array_equal(seen[wanted], 1)


def test_an_epoch_teaches_every_window_once_and_no_other(Xy):
    X, y = Xy
    windows = SlidingWindow(6).fit_transform(X.sample(frac=1, random_state=0))
    positions = np.random.default_rng(0).permutation(len(y))[:40]
    marks = np.arange(len(y), dtype=float)[:, None]
    batches = dense(windows, marks, positions)
    for _ in range(3):
        taught = torch.cat([target for _, (target, _) in batches])[:, 0]
        taught = taught[~torch.isnan(taught)].numpy()
        assert_array_equal(np.sort(taught), np.sort(positions))


def test_a_share_of_the_windows_is_drawn_anew_and_every_window_in_time(Xy):
    X, y = Xy
    windows = SlidingWindow(6).fit_transform(X)
    marks = np.arange(len(y), dtype=float)[:, None]
    batches = dense(windows, marks, origin_share=0.5, chunk_rows=13)
    torch.manual_seed(0)
    passes = []
    for _ in range(20):
        taught = torch.cat([target for _, (target, _) in batches])[:, 0]
        passes.append(taught.numpy().astype(int))
        assert len(np.unique(passes[-1])) == len(passes[-1])
    share = np.mean([len(taught) for taught in passes]) / len(y)
    assert 0.4 < share < 0.65
    assert_array_equal(np.unique(np.concatenate(passes)), np.arange(len(y)))


def test_inputs_and_targets_of_a_drawn_window_are_its_own(Xy):
    X, _ = Xy
    X = X[["u"]]
    windows = SlidingWindow(6).fit_transform(X)
    batches = dense(windows, X.to_numpy(), origin_share=0.3, chunk_rows=13)
    torch.manual_seed(0)
    for batch, (target, _) in batches:
        read = batch["values"].flatten(0, 1)[batch["rows"]]
        assert_allclose(read, target, rtol=1e-6)


@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize(("horizon", "expected"), [(23, 1.0), (48, 0.25)])
def test_auto_draws_twelve_windows_of_those_within_a_long_horizon(
    stride, horizon, expected
):
    index = pd.MultiIndex.from_product([["a", "b"], range(120)])
    X = pd.DataFrame({"u": np.zeros(240)}, index=index)
    windows = SlidingWindow(6).fit_transform(X)
    y = StepTargets(np.zeros((240, 1)), windows.ends, windows.table.segments, horizon)
    batches = dense(windows, y, np.arange(0, 240, stride), origin_share="auto")
    assert batches.origin_share == pytest.approx(min(1.0, expected * stride))


def test_validation_takes_every_window(Xy):
    X, y = Xy
    windows = SlidingWindow(6).fit_transform(X)
    batches = dense(windows, y[:, None], origin_share=0.1, shuffle=False)
    assert sum(len(target) for _, (target, _) in batches) == len(y)


def test_cuts_differ_between_epochs(Xy):
    X, y = Xy
    batches = dense(SlidingWindow(6).fit_transform(X), y[:, None])
    torch.manual_seed(0)
    firsts = [next(iter(batches))[0]["values"] for _ in range(2)]
    assert firsts[0].shape != firsts[1].shape or not torch.equal(*firsts)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_chunks_of_one_window_equal_windows_gradients_included(Xy, lazy, weighted):
    X, y = Xy
    windows = SlidingWindow(6).fit_transform(X)
    y = np.column_stack([y, -y])
    y[3:20, 1] = np.nan
    if lazy:
        y = StepTargets(y, windows.ends, windows.table.segments, 3)
    weight = np.linspace(0.5, 1.5, len(X)) if weighted else None
    model = small(num_layers=2).fit(windows, np.asarray(y))
    net = model.net_
    net.module_.double()
    one = dense(windows, y, weight=weight, chunk_rows=1, shuffle=False)
    one.batch_chunks = len(X)
    many = BatchIterator(
        *tensors(windows, y, weight), np.arange(len(X)), len(X), shuffle=False
    )
    results = []
    for batches in (one, many):
        (batch,) = batches
        net.module_.zero_grad()
        step = net.train_step_single(batch)
        gradients = [p.grad.clone() for p in net.module_.parameters()]
        results.append([step["loss"].detach(), *gradients])
    for a, b in zip(*results, strict=True):
        assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_a_chunk_of_a_whole_series_equals_windows_as_long_as_it(Xy):
    X, y = Xy
    windows = SlidingWindow(50).fit_transform(X)
    net = small().fit(windows, y).net_
    net.module_.double()
    (batch, (target, _)), *_ = dense(
        windows, y[:, None], np.arange(50), chunk_rows=50, shuffle=False
    )
    with torch.no_grad():
        got = net.infer(batch)
        rows, _ = tensors(windows, y[:, None])
        expected = net.infer(rows.gather(torch.arange(50)))
    net.module_.eval()
    assert_allclose(got, expected, atol=1e-12)
    assert_array_equal(target[:, 0], y[:50])


def test_the_target_of_a_row_that_is_not_learned_never_matters(Xy):
    X, y = Xy
    windows = SlidingWindow(6).fit_transform(X)
    train = np.arange(0, len(X), 3)
    other = y.copy()
    other[np.arange(len(X)) % 3 != 0] = 1e6
    weights = [
        small(training_mode="chunked")
        .fit(windows[train], target[train])
        .net_.module_.state_dict()
        for target in (y, other)
    ]
    for name in weights[0]:
        assert torch.equal(weights[0][name], weights[1][name])


def test_held_out_tails_never_matter(Xy):
    X, y = Xy
    windows = SlidingWindow(6).fit_transform(X)
    late = X.groupby(level=0).cumcount(ascending=False).to_numpy() < 3
    late &= X.index.get_level_values(0).isin(["a", "b"])
    fits = []
    for target in (y, np.where(late, 1e6, y)):
        steps = StepTargets(target[:, None], windows.ends, windows.table.segments, 2)
        known = np.flatnonzero(steps.known() == 2)
        fits.append(
            small(early_stopping=True, max_epochs=1).fit(windows[known], steps[known])
        )
    weights = [model.net_.module_.state_dict() for model in fits]
    for name in weights[0]:
        assert torch.equal(weights[0][name], weights[1][name])
    losses = [model.training_history_["valid_loss"][0] for model in fits]
    assert losses[0] != losses[1]


def test_it_learns_what_windowed_training_learns():
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([range(4), range(80)])
    X = pd.DataFrame({"u": rng.normal(size=320)}, index=index)
    y = X["u"].groupby(level=0).shift(2).fillna(0.0)
    windows = SlidingWindow(5).fit_transform(X)
    for mode in ("chunked", "windowed"):
        model = small(hidden_size=16, max_epochs=60, lr=0.02, training_mode=mode)
        assert model.fit(windows, y).score(windows, y) > 0.9


def test_auto_is_dense_where_it_can_be(Xy):
    X, y = Xy
    windows = SlidingWindow(9).fit_transform(X)

    def same(a, b, X=windows, y=y):
        one, two = (m.fit(X, y).net_.module_.state_dict() for m in (a, b))
        return all(torch.equal(one[k], two[k]) for k in one)

    assert same(small(), small(training_mode="chunked"))
    assert not same(small(), small(training_mode="windowed"))
    # Windows of so few rows have little to share, but for a net with a skip.
    short = SlidingWindow(8, target="u").fit_transform(X[["u"]])
    assert same(small(), small(training_mode="windowed"), X=short)
    skip = {"seasonal_periods": 4}
    assert same(small(**skip), small(training_mode="chunked", **skip), X=short)
    both = {"bidirectional": True}
    assert same(small(**both), small(training_mode="windowed", **both))
    twice = np.r_[0, np.arange(len(y))]
    assert same(small(), small(training_mode="windowed"), windows[twice], y[twice])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: (np.asarray(w), {}), "X is an array"),
        (lambda w: (w, {"bidirectional": True}), "a bidirectional net"),
        (lambda w: (w[np.zeros(88, dtype=int)], {}), "a window more than once"),
    ],
)
def test_dense_where_it_cannot_be_is_an_error(Xy, change, message):
    X, y = Xy
    windows, params = change(SlidingWindow(6).fit_transform(X))
    with pytest.raises(ValueError, match=message):
        small(training_mode="chunked", **params).fit(windows, y)


def test_small_data_still_has_several_batches(Xy):
    X, y = Xy
    batches = dense(SlidingWindow(6).fit_transform(X), y[:, None], batch_size=10_000)
    assert len(list(batches)) >= 8


class Batches:
    """A number of batches, the number of windows in each, and the share learned."""

    def __init__(self, n_batches, batch_windows, origin_share=1.0):
        self.n_batches, self.batch_windows = n_batches, batch_windows
        self.origin_share = origin_share

    def __len__(self):
        return self.n_batches


@pytest.mark.parametrize(
    ("n_batches", "batch_windows", "epochs"),
    [
        (2400, 64, 10),  # 20 * sqrt(600 / 2400)
        (100, 64, 20),
        (10, 576, 80),  # 800 / 10
        (10, 4 * 576, 40),  # half as many steps of four times the windows
        (1, 64, 100),
    ],
)
def test_automatic_epochs_with_a_skip(n_batches, batch_windows, epochs):
    batches = Batches(n_batches, batch_windows)
    assert (
        choose_epochs(small(max_epochs="auto", seasonal_periods=4), batches) == epochs
    )
    assert choose_epochs(small(max_epochs=7, seasonal_periods=4), batches) == 7


def test_more_epochs_where_each_takes_a_share_of_the_windows():
    net = small(max_epochs="auto", seasonal_periods=4)
    assert choose_epochs(net, Batches(100, 64, origin_share=0.2)) == 25

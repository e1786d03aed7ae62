"""Naive forecasts, and the skip that mixes them."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklstm._panels.fill import fill_forward
from sklstm._windows.target_past import segment_start_of_rows
from sklstm.neural_network import LSTMModule
from sklstm.neural_network._seasonal_skip import NaiveForecasts

LENGTHS = [13, 1, 30, 2, 7]
PERIODS = [(1,), (4,), (7, 3), (1, 12), (40, 2)]


def make_target(lengths=LENGTHS, missing=0.1):
    rng = np.random.default_rng(0)
    target = rng.normal(size=(sum(lengths), 2))
    target[rng.random(target.shape) < missing] = np.nan
    return target, np.r_[0, np.cumsum(lengths)[:-1]]


def naive(target, segments, periods, n_steps, dtype=torch.float64):
    place = {"dtype": dtype, "device": torch.device("cpu")}
    return NaiveForecasts(target, segments, periods, n_steps, n_seasons=4, **place)


def gather(target, segments, periods, n_steps, dtype=torch.float64):
    """The naive forecasts of every row."""
    rows = torch.arange(len(target))
    return naive(target, segments, periods, n_steps, dtype).gather(rows).numpy()


def naive_by_loop(own, start, t, periods, n_steps):
    """The naive forecasts of a row, from one filled target of its own segment.

    `start` is the first row at which the target is known.
    """
    last = own[t]
    out = [[last] * n_steps]
    for period in (p for p in periods if p > 1):
        earlier, mean, changed = [], [], []
        for step in range(1, n_steps + 1):
            back = t - period + (step - 1) % period + 1
            earlier.append(own[back] if back >= start else last)
            places = [back - k * period for k in range(4)]
            seasons = [own[place] for place in places if place >= start]
            mean.append(np.mean(seasons) if seasons else last)
            known = t - period >= start
            changed.append(last + own[back] - own[t - period] if known else last)
        out += [earlier, mean, changed]
    return np.array(out)


@pytest.mark.parametrize("periods", PERIODS)
@pytest.mark.parametrize("n_steps", [1, 3, 10])
def test_naive_forecasts_equal_a_loop(periods, n_steps):
    target, segments = make_target()
    start = segment_start_of_rows(segments, len(target))
    filled = fill_forward(target, start, [p for p in periods if p > 1])
    limits = np.append(segments[1:], len(target))
    expected = []
    for a, b in zip(segments, limits, strict=True):
        known = [np.flatnonzero(~np.isnan(column)) for column in target[a:b].T]
        for t in range(b - a):
            parts = [
                naive_by_loop(own, rows.min(initial=b - a), t, periods, n_steps)
                for own, rows in zip(filled[a:b].T, known, strict=True)
            ]
            # Steps first, then targets.
            expected.append(np.stack(parts, axis=-1).reshape(len(parts[0]), -1))
    assert_allclose(gather(target, segments, periods, n_steps), expected, rtol=1e-12)


@pytest.mark.parametrize("periods", PERIODS)
def test_a_series_alone_has_the_naive_forecasts_it_has_among_others(periods):
    target, segments = make_target()
    among = gather(target, segments, periods, 5, torch.float32)
    for a, b in zip(segments, np.append(segments[1:], len(target)), strict=True):
        alone = gather(target[a:b], np.array([0]), periods, 5, torch.float32)
        assert_array_equal(alone, among[a:b])


@pytest.mark.parametrize("value", [1e6, np.nan])
@pytest.mark.parametrize("periods", PERIODS)
def test_the_future_changes_no_naive_forecast_before_it(periods, value):
    target, segments = make_target()
    start = segment_start_of_rows(segments, len(target))
    late = np.arange(len(target)) - start >= 5
    changed = np.where(late[:, None], value, target)
    before, after = (gather(one, segments, periods, 5) for one in (target, changed))
    assert_array_equal(before[~late], after[~late])
    assert not np.array_equal(before[late], after[late])


def test_rows_are_gathered_in_the_order_they_are_asked_for():
    target, segments = make_target()
    rows = torch.tensor([50, 3, 3, 13, 0])
    got = naive(target, segments, (7, 3), 5).gather(rows)
    assert_array_equal(got, gather(target, segments, (7, 3), 5)[rows])


@pytest.mark.parametrize("periods", PERIODS)
def test_more_steps_begin_with_the_fewer(periods):
    target, segments = make_target()
    few, many = (gather(target, segments, periods, n) for n in (3, 10))
    assert_array_equal(many[:, :, : few.shape[2]], few)


@pytest.mark.parametrize("periods", [(1,), (1, 1), ()])
def test_a_season_of_one_row_is_the_last_value_alone(periods):
    target, segments = make_target(missing=0)
    out = naive(target, segments, periods, 3)
    assert out.n_naive == 1
    expected = np.tile(target, 3)[:, None]
    assert_array_equal(out.gather(torch.arange(len(target))), expected)


@pytest.mark.parametrize("periods", PERIODS)
def test_there_are_as_many_naive_forecasts_as_announced(periods):
    target, segments = make_target()
    shape = gather(target, segments, periods, 5).shape
    assert shape == (len(target), naive(target, segments, periods, 5).n_naive, 10)


@pytest.mark.parametrize("periods", PERIODS)
def test_a_level_added_to_a_series_is_added_to_its_naive_forecasts(periods):
    _, segments = make_target()
    target = np.random.default_rng(0).integers(-50, 50, size=(53, 2)).astype(float)
    low = gather(target, segments, periods, 10, torch.float32)
    high = gather(target + 4096, segments, periods, 10, torch.float32)
    assert_array_equal(high, low + 4096)


def test_a_season_on_a_line_is_forecast_exactly():
    t = np.arange(40)
    season = np.array([3.0, -1.0, 4.0, 0.0, 2.0])[t % 5]
    for slope, position in ((0.0, 1), (0.0, 2), (0.5, 3)):
        series = (season + slope * t)[:, None]
        got = gather(series[:30], np.array([0]), (5,), 5)[:, position]
        for row in range(5, 30):
            assert_array_equal(got[row], series[row + 1 : row + 6, 0])


@pytest.mark.parametrize("head_hidden_size", [None, 5])
def test_an_untrained_net_stays_between_its_naive_forecasts(head_hidden_size):
    module = LSTMModule(
        3, 4, hidden_size=6, n_naive=5, head_hidden_size=head_hidden_size
    )
    given = torch.randn(50, 5, 4)
    with torch.no_grad():
        out = module(10 * torch.randn(50, 7, 3), naive=given)
    assert (out > given.amin(dim=1)).all()
    assert (out < given.amax(dim=1)).all()


def test_each_output_has_weights_of_its_own():
    module = LSTMModule(3, 2, hidden_size=6, n_naive=3)
    given = torch.randn(50, 3, 1).expand(-1, -1, 2)
    with torch.no_grad():
        out = module(torch.randn(50, 7, 3), naive=given)
    assert (out[:, 0] != out[:, 1]).all()


def test_naive_forecasts_that_agree_are_what_an_untrained_net_forecasts():
    module = LSTMModule(3, 2, hidden_size=6, n_naive=3)
    same = torch.randn(50, 1, 2).expand(-1, 3, -1)
    with torch.no_grad():
        out = module(torch.randn(50, 7, 3), naive=same)
    assert_allclose(out, same[:, 0], rtol=1e-6)


def test_without_a_mean_the_other_naive_forecasts_stay():
    target, segments = make_target()
    place = {"dtype": torch.float64, "device": torch.device("cpu")}
    rows = torch.arange(len(target))
    without = NaiveForecasts(target, segments, (7, 3), 5, **place).gather(rows)
    whole = gather(target, segments, (7, 3), 5)
    assert_array_equal(without, whole[:, [0, 1, 3, 4, 6]])


@pytest.mark.parametrize("periods", PERIODS)
def test_missing_values_before_the_first_known_one_count_as_no_rows(periods):
    rng = np.random.default_rng(0)
    values = 1000 + rng.normal(size=(30, 1))
    late = np.r_[np.full((50, 1), np.nan), values]
    got = gather(late, np.array([0]), periods, 10)[50:]
    assert_array_equal(got, gather(values, np.array([0]), periods, 10))

"""SeasonalStates: each step hears from the state one season before it, and no other."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, PanelForecaster, SlidingWindow
from sklstm.neural_network import LSTMModule
from sklstm.neural_network._seasonal_states import SeasonalStates


def filled(module):
    """A module whose zeros are drawn, so that all parts have a say."""
    generator = torch.Generator().manual_seed(0)
    for weight in module.parameters():
        weight.data.normal_(generator=generator)
    return module.eval()


def message_by_loop(messages, chunk, row, period, step):
    """What step (from 1) after a row hears: whole seasons back, in what was read."""
    source = row + step
    while source > row:
        source -= period
    return messages[chunk, source] if source >= 0 else np.zeros(messages.shape[2])


@pytest.mark.parametrize("periods", [(3,), (4, 7), (12,)])
@pytest.mark.parametrize("n_steps", [1, 3, 10])
def test_it_equals_a_loop(periods, n_steps):
    states = torch.randn(4, 12, 6, generator=torch.Generator().manual_seed(1))
    part = filled(SeasonalStates(6, periods, n_steps, 2))
    rows = torch.tensor([0, 1, 11, 12, 30, 47, 30])
    with torch.no_grad():
        got = part(states, rows)
        of_seasons = np.split(
            part.message(states.flatten(0, 1)).numpy(), len(periods), 1
        )
    expected = np.zeros((len(rows), 2, n_steps))
    for period, messages in zip(periods, of_seasons, strict=True):
        messages = messages.reshape(4, 12, 2)
        for i, row in enumerate(rows.tolist()):
            for step in range(n_steps):
                heard = message_by_loop(messages, *divmod(row, 12), period, step + 1)
                expected[i, :, step] += heard
    assert_allclose(got, expected, atol=1e-5)


def test_it_starts_silent():
    part = SeasonalStates(6, (3,), 4, 2)
    assert not part(torch.randn(2, 9, 6), torch.arange(18)).any()


@pytest.fixture
def module():
    return filled(LSTMModule(2, 8, hidden_size=6, n_naive=3, n_ahead=4, seasons=(5,)))


def test_windows_equal_the_rows_of_a_chunk(module):
    chunk = torch.randn(1, 12, 2)
    rows = torch.arange(12)
    naive = torch.randn(12, 3, 8)
    windows = torch.zeros(12, 12, 2)
    for row in rows:
        windows[row, : row + 1] = chunk[0, : row + 1]
    with torch.no_grad():
        of_chunk = module(chunk, rows=rows, naive=naive)
        of_windows = module(windows, lengths=rows + 1, naive=naive)
    assert_allclose(of_windows, of_chunk, atol=1e-6)


def test_no_output_changes_with_a_later_row(module):
    chunk, naive = torch.randn(1, 12, 2), torch.randn(12, 3, 8)
    changed = chunk.clone()
    changed[:, 7:] += 10
    with torch.no_grad():
        before, after = (
            module(one, rows=torch.arange(12), naive=naive) for one in (chunk, changed)
        )
    assert_array_equal(before[:7], after[:7])
    assert not torch.isclose(before[7:], after[7:]).all(dim=1).any()


def test_dropout_reaches_the_messages_in_training_alone():
    module = LSTMModule(
        2, 4, hidden_size=6, n_naive=3, n_ahead=4, seasons=(5,), dropout=0.5
    )
    module.seasons.message.weight.data.fill_(1.0)
    module.gate.weight.data.zero_()  # only messages depend on the state
    chunk, naive = torch.randn(1, 12, 2), torch.randn(12, 3, 4)
    first, again = (module(chunk, rows=torch.arange(12), naive=naive) for _ in "ab")
    assert not torch.equal(first, again)
    module.eval()
    first, again = (module(chunk, rows=torch.arange(12), naive=naive) for _ in "ab")
    assert_array_equal(first.detach(), again.detach())


@pytest.mark.parametrize("quantiles", [None, (0.1, 0.5, 0.9)])
def test_targets_and_quantiles_have_messages_of_their_own(quantiles):
    module = LSTMModule(
        2, 6, hidden_size=6, n_naive=3, n_ahead=3, seasons=(2, 5), quantiles=quantiles
    )
    chunk, naive = torch.randn(2, 9, 2), torch.randn(18, 3, 6)
    before = module(chunk, rows=torch.arange(18), naive=naive).detach()
    # One target's correction at all steps: the last of two targets.
    n_of_output = 2 * (module.n_per_output + 3)
    bias = torch.zeros(2, n_of_output)
    bias[0, 2 * module.n_per_output - 1] = 1.0
    module.seasons.message.bias.data[:] = bias.flatten()
    after = module(chunk, rows=torch.arange(18), naive=naive).detach()
    moved = (after != before).reshape(18, 3, 2, -1).any(dim=3)
    assert moved[8, :, 1].all()
    assert not moved[..., 0].any()


def fitted(n_series, period, window_size, **params):
    index = pd.MultiIndex.from_product([range(n_series), range(20)])
    y = pd.Series(np.random.default_rng(0).normal(size=len(index)), index=index)
    lstm = LSTMRegressor(
        hidden_size=2, seasonal_periods=period, max_epochs=1, random_state=0, **params
    )
    pipeline = make_pipeline(SlidingWindow(window_size), lstm)
    return PanelForecaster(pipeline, horizon=2).fit(None, y)


@pytest.mark.parametrize(
    ("n_series", "period", "params", "reads"),
    [
        (50, 5, {}, [5]),
        (50, (1, 5, 6), {}, [5, 6]),
        (50, (5, 7), {}, [5]),  # a window of 6 rows holds no season of 7
        (50, (4, 5), {}, [5]),  # 4 rows are a year
        (49, 5, {}, None),
        (50, 1, {}, None),
        (50, None, {}, None),
        (50, 5, {"bidirectional": True}, None),
    ],
)
def test_it_is_there_where_windows_and_series_suffice(n_series, period, params, reads):
    model = fitted(n_series, period, 6, **params)
    part = model.estimator_[-1].net_.module_.seasons
    assert (None if part is None else part.periods) == reads


def test_a_forecast_does_not_depend_on_what_else_is_asked():
    model = fitted(50, 5, 6)
    X = model.future_rows()
    some = X.loc[[3, 17, 49]]
    of_all = pd.Series(model.predict(X), X.index)
    assert_array_equal(model.predict(some), of_all.loc[some.index])


def test_a_saved_model_forecasts_the_same():
    model = fitted(50, 5, 6)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(model.forecast(), again.forecast())
    assert again.estimator_[-1].net_.module_.seasons.periods == [5]


def test_series_are_counted_and_not_their_stretches():
    index = pd.MultiIndex.from_product([range(49), [*range(20), *range(30, 50)]])
    y = pd.Series(np.random.default_rng(0).normal(size=len(index)), index=index)
    lstm = LSTMRegressor(hidden_size=2, seasonal_periods=5, max_epochs=1)
    window = SlidingWindow(6, max_gap=1)
    model = PanelForecaster(make_pipeline(window, lstm), horizon=2).fit(None, y)
    assert model.estimator_[-1].net_.module_.seasons is None

"""Mixup: sums of two chunks, in inputs, naive forecasts and targets alike."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline

from sklstm import LSTMForecaster, LSTMRegressor, PanelForecaster, SlidingWindow
from sklstm.neural_network._mixup import mix_chunks


def make_batch(n_chunks=6, n_steps=5, n_outputs=3):
    """Chunks whose naive forecasts and targets are linear in their values."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(n_chunks, n_steps, 2, generator=generator).double()
    rows = torch.arange(n_chunks * n_steps)[2:]
    total = values.flatten(0, 1)[rows].sum(dim=1, keepdim=True)
    steps = torch.arange(1.0, n_outputs + 1).double()
    naive = total[:, None] * torch.stack([steps, -steps])
    return {"values": values, "rows": rows, "naive": naive}, total * steps


def mixed(batch, target, share=1.0, is_past=(True, True)):
    torch.manual_seed(0)
    n_steps = batch["values"].shape[1]
    return mix_chunks(batch, target, n_steps, share, torch.tensor(is_past))


def test_what_is_linear_in_a_chunk_stays_so():
    batch, target = make_batch()
    out, sums = mixed(batch, target)
    values = out["values"].flatten(0, 1)[batch["rows"]].sum(dim=1, keepdim=True)
    known = ~torch.isnan(sums).any(dim=1)
    assert known.sum() > len(known) // 2
    assert_allclose(sums[known], (values * torch.arange(1.0, 4))[known])
    assert_allclose(out["naive"][known, 0], sums[known])
    assert_allclose(out["naive"][known, 1], -sums[known])
    assert not torch.isclose(out["values"], batch["values"]).all(dim=(1, 2)).any()


def test_rows_that_the_other_chunk_does_not_learn_have_no_target():
    batch, target = make_batch()
    _, sums = mixed(batch, target)
    # The first two rows of the first chunk are not learned.
    lost = torch.isnan(sums)
    assert_array_equal(lost.all(dim=1), lost.any(dim=1))
    assert set((batch["rows"][lost.any(dim=1)] % 5).tolist()) == {0, 1}


def test_the_spread_stays_the_same():
    batch, target = make_batch(n_chunks=2000)
    out, _ = mixed(batch, target)
    assert_allclose(out["values"].std(), batch["values"].std(), rtol=0.02)


def test_inputs_that_are_not_of_the_past_stay():
    batch, target = make_batch()
    out, _ = mixed(batch, target, is_past=(True, False))
    assert_array_equal(out["values"][..., 1], batch["values"][..., 1])
    assert not torch.equal(out["values"][..., 0], batch["values"][..., 0])


def test_the_share_of_mixed_chunks_is_as_asked():
    batch, target = make_batch(n_chunks=2000)
    out, _ = mixed(batch, target, share=0.25)
    changed = (out["values"] != batch["values"]).any(dim=(1, 2)).double().mean()
    assert_allclose(changed, 0.25, atol=0.05)


def test_a_chunk_alone_stays():
    batch, target = make_batch(n_chunks=1)
    out, same = mixed(batch, target)
    assert_array_equal(out["values"], batch["values"])
    assert_array_equal(same, target)


def forecasts(mixup, n_series=20, X=None, period=4, **params):
    index = pd.MultiIndex.from_product([range(n_series), range(60)])
    y = pd.Series(np.random.default_rng(0).normal(size=len(index)), index=index)
    lstm = LSTMRegressor(
        hidden_size=4,
        seasonal_periods=period,
        mixup=mixup,
        max_epochs=2,
        random_state=0,
        **params,
    )
    if X is not None:
        X = pd.DataFrame({"u": y.to_numpy() ** 2}, index=index)
    pipeline = make_pipeline(SlidingWindow(6, differences=(1,), level="drop"), lstm)
    model = PanelForecaster(pipeline, horizon=2).fit(X, y)
    return model.forecast(X=None if X is None else model.future_rows().assign(u=0.0))


def test_it_changes_what_is_learned_and_one_seed_gives_one_result():
    without, first, again = (forecasts(mixup) for mixup in (0.0, 0.5, 0.5))
    assert_array_equal(first, again)
    assert not np.array_equal(first, without)


@pytest.mark.parametrize(
    "params",
    [{"X": "covariates"}, {"period": None}, {"training_mode": "windowed"}],
)
def test_where_it_does_not_apply_it_changes_nothing(params):
    assert_array_equal(forecasts(0.5, **params), forecasts(0.0, **params))


def test_auto_mixes_many_series_alone():
    assert_array_equal(forecasts("auto"), forecasts(0.0))
    assert_array_equal(forecasts("auto", n_series=50), forecasts(0.25, n_series=50))


def test_the_recipe_mixes_with_a_season():
    lstm = [
        LSTMForecaster(2, period, n_estimators=1).to_pipeline().estimator[-1]
        for period in (None, 12)
    ]
    assert [one.mixup for one in lstm] == [0.0, "auto"]

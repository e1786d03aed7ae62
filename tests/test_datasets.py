import re

import numpy as np
import pandas as pd
import pytest

from sklstm._panels.rows import read_rows
from sklstm.datasets import load_fertility, make_panel


def test_fertility_is_a_sorted_panel_of_countries_and_years():
    panel = load_fertility()
    assert panel.shape == (10_251, 1)
    assert panel.index.names == ["country", "year"]
    assert panel.index.get_level_values("year").dtype == np.int64
    assert panel["fertility_rate"].dtype == np.float64
    rows = read_rows(panel)
    assert rows.order is None
    assert rows.n_series == 206


def test_fertility_has_every_year_between_the_first_and_the_last_value():
    panel = load_fertility()
    year = panel.index.get_level_values("year").to_numpy()
    rows = read_rows(panel)
    within = np.diff(rows.codes) == 0
    assert (np.diff(year)[within] == 1).all()
    assert (year.min(), year.max()) == (1960, 2011)
    assert rows.lengths.min() == 3
    assert (rows.lengths == 52).sum() == 190


def test_fertility_keeps_gaps_as_missing_values_inside_a_series():
    rate = load_fertility()["fertility_rate"]
    rows = read_rows(rate)
    assert rate.isna().sum() == 175
    assert rate.iloc[rows.indptr[:-1]].notna().all()
    assert rate.iloc[rows.indptr[1:] - 1].notna().all()
    with_gap = rate[rate.isna()].index.unique("country")
    assert len(with_gap) == 10
    assert {"Luxembourg", "Singapore"} <= set(with_gap)


def test_fertility_has_plausible_values_and_no_aggregates():
    panel = load_fertility()
    assert panel["fertility_rate"].dropna().between(0.8, 9.3).all()
    assert "OECD members" not in panel.index.unique("country")


def test_fertility_as_x_and_y_has_no_column_in_x():
    X, y = load_fertility(return_X_y=True)
    assert X.shape == (10_251, 0)
    assert X.index.equals(y.index)
    pd.testing.assert_series_equal(y, load_fertility()["fertility_rate"])


def test_made_panel_is_decided_by_its_seed():
    options = {"n_rows": (5, 30), "stagger": 4, "missing": 0.2, "n_types": 2}
    once = make_panel(random_state=0, **options)
    pd.testing.assert_frame_equal(once, make_panel(random_state=0, **options))
    other = make_panel(random_state=1, **options)
    assert not once.index.equals(other.index)


def test_made_panel_leaves_the_global_generator_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the state under test
    make_panel(n_series=2, n_rows=5, random_state=0)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_made_panel_without_noise_is_the_documented_formula():
    panel = make_panel(
        n_series=4, n_rows=60, noise=0, freq=None, n_covariates=4, random_state=0
    )
    effects = panel.filter(like="promotion").sum(axis=1) * 0.5
    effects -= panel.filter(like="price").sum(axis=1)
    rest = np.log(panel["target"]) - effects
    t = np.arange(60.0)
    wave = 2 * np.pi * t / 7
    design = np.column_stack([np.ones(60), t, np.sin(wave), np.cos(wave)])
    for _, series in rest.groupby(level="series"):
        coefficients = np.linalg.lstsq(design, series.to_numpy())[0]
        np.testing.assert_allclose(design @ coefficients, series, atol=1e-9)
        assert 0.1 <= np.hypot(*coefficients[2:]) <= 0.3


def test_noise_is_the_standard_deviation_of_the_logarithm():
    options = {"seasonal_periods": (), "trend": 0, "level_spread": 0, "n_covariates": 0}
    panel = make_panel(n_series=5, n_rows=4000, noise=0.3, random_state=0, **options)
    assert np.log(panel["target"]).std() == pytest.approx(0.3, rel=0.05)


def test_levels_spread_over_the_orders_of_magnitude_asked_for():
    panel = make_panel(n_series=200, n_rows=20, level_spread=4, random_state=0)
    level = np.log10(panel["target"].groupby(level="series").median())
    assert 3.5 < level.max() - level.min() < 4.5


def test_covariates_are_prices_and_promotions_in_turn():
    panel = make_panel(n_series=10, n_rows=500, n_covariates=3, random_state=0)
    assert list(panel) == ["target", "price", "promotion", "price_2"]
    assert panel[["price", "price_2"]].stack().between(0.5, 1.5).all()
    assert set(panel["promotion"]) == {0.0, 1.0}
    assert panel["promotion"].mean() == pytest.approx(0.1, abs=0.02)


def test_series_of_a_type_share_their_season():
    panel = make_panel(
        n_series=12,
        n_rows=50,
        n_types=3,
        noise=0,
        trend=0,
        n_covariates=0,
        random_state=0,
    )
    assert isinstance(panel["type"].dtype, pd.CategoricalDtype)
    assert (panel["type"].groupby(level="series").nunique() == 1).all()
    log = np.log(panel["target"]).unstack("series")
    season = (log - log.iloc[0]).T.round(6)
    kind = panel["type"].groupby(level="series").first()
    assert season.drop_duplicates().shape[0] == kind.nunique() == 3


def test_lengths_starts_and_missing_rows_are_as_asked():
    panel = make_panel(n_series=50, n_rows=(30, 60), stagger=10, random_state=0)
    first = panel.index.get_level_values("time").min()
    time = panel.reset_index("time").groupby(level="series")["time"]
    delay = (time.min() - first).dt.days
    assert (delay.min(), delay.max()) == (0, 10)
    assert time.size().between(30, 60).all()
    assert time.size().nunique() > 5

    sparse = make_panel(n_series=50, n_rows=(30, 60), missing=0.3, random_state=0)
    time = sparse.reset_index("time").groupby(level="series")["time"]
    span = (time.max() - time.min()).dt.days + 1
    assert span.between(30, 60).all()
    assert 1 - time.size().sum() / span.sum() == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(
    ("freq", "last"), [(None, 9), ("D", "2020-01-10"), ("MS", "2020-10-01")]
)
def test_times_follow_the_frequency(freq, last):
    time = make_panel(n_series=2, n_rows=10, freq=freq).index.unique("time")
    assert len(time) == 10
    assert time[-1] == (last if freq is None else pd.Timestamp(last))


def test_made_panel_is_sorted_and_names_only_what_it_has():
    panel = make_panel(n_series=2, n_rows=8, stagger=50, missing=0.5, random_state=0)
    assert read_rows(panel).order is None
    for level, codes in zip(panel.index.levels, panel.index.codes, strict=True):
        assert len(np.unique(codes)) == len(level)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_series": 0}, "n_series == 0, must be >= 1."),
        ({"n_rows": 0}, "n_rows == 0, must be >= 1."),
        ({"n_rows": (9, 5)}, "the upper end of n_rows == 5, must be >= 9."),
        ({"noise": -1}, "noise == -1, must be >= 0."),
        ({"missing": 1}, "missing == 1, must be < 1."),
        ({"stagger": -2}, "stagger == -2, must be >= 0."),
        ({"seasonal_periods": (0,)}, "each seasonal period == 0, must be >= 1."),
    ],
)
def test_impossible_parameter_raises(parameters, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make_panel(**parameters)

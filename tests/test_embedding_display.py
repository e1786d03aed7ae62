"""EmbeddingDisplay: what is drawn is what the network learned."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklstm import (
    EmbeddingDisplay,
    LSTMForecaster,
    LSTMRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeedEnsemble,
    SeriesEncoder,
    SlidingWindow,
)
from sklstm.datasets import make_panel

SMALL = {"hidden_size": 2, "max_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def y():
    return make_panel(8, 30, n_covariates=0, random_state=0)["target"]


@pytest.fixture
def embedding():
    """Twenty labels in five dimensions."""
    values = np.random.default_rng(0).normal(size=(20, 5))
    labels = pd.Index([f"shop {i}" for i in range(20)], name="shop")
    return pd.DataFrame(values, labels).add_prefix("shop_")


def lstm(y, **options):
    steps = make_pipeline(
        SeriesEncoder(), SlidingWindow(4), LSTMRegressor(**{**SMALL, **options})
    )
    return PanelForecaster(steps, horizon=2).fit(None, y)


def points(ax):
    return np.vstack([one.get_offsets() for one in ax.collections])


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_two_dimensions_are_drawn_as_they_are(y):
    model = lstm(y, embedding_dim=2)
    learned = model.estimator_[-1].embeddings_["series"]
    display = EmbeddingDisplay.from_estimator(model)
    assert_allclose(points(display.ax_), learned)
    assert display.positions_.equals(learned.astype(float))
    assert display.ax_.get_xlabel() == "series_0"
    assert display.figure_ is display.ax_.figure


def test_more_dimensions_are_drawn_by_their_principal_components(embedding):
    display = EmbeddingDisplay.from_embedding(embedding)
    pca = PCA(2).fit(embedding.to_numpy())
    assert_allclose(points(display.ax_), pca.transform(embedding.to_numpy()))
    share = f"{100 * pca.explained_variance_ratio_[0]:.0f}"
    assert display.ax_.get_xlabel() == f"component 1 ({share} % of variance)"
    assert display.positions_.index.equals(embedding.index)


def test_one_dimension_is_a_line(embedding):
    display = EmbeddingDisplay.from_embedding(embedding[["shop_3"]])
    assert_allclose(points(display.ax_)[:, 0], embedding["shop_3"])
    assert_allclose(points(display.ax_)[:, 1], 0)
    assert len(display.ax_.get_yticks()) == 0


def test_network_is_found_in_forecasters_ensembles_and_searches(y):
    front = LSTMForecaster(2, embedding_dim=3, n_estimators=2, **SMALL)
    search = GridSearchCV(front, {}, cv=PanelTimeSeriesSplit(2, horizon=2))
    search.fit(y.to_frame()[[]], y)
    ensemble = search.best_estimator_.forecaster_.estimator_[-1]
    assert isinstance(ensemble, SeedEnsemble)
    for inside in (search, search.best_estimator_, ensemble):
        display = EmbeddingDisplay.from_estimator(inside)
        learned = ensemble.estimators_[0].embeddings_["series"]
        pd.testing.assert_frame_equal(display.embedding, learned)


def test_column_chooses_between_embeddings():
    panel = make_panel(6, 30, n_types=2, random_state=0)
    steps = make_pipeline(
        SeriesEncoder(), SlidingWindow(4), LSTMRegressor(embedding_dim=2, **SMALL)
    )
    model = PanelForecaster(steps, horizon=2).fit(panel[["type"]], panel["target"])
    display = EmbeddingDisplay.from_estimator(model, column="type")
    assert display.positions_.index.tolist() == ["type_0", "type_1"]
    for column in (None, "town"):
        message = f"column must be one of the columns with an embedding.*got {column!r}"
        with pytest.raises(ValueError, match=message):
            EmbeddingDisplay.from_estimator(model, column=column)


def test_labels_of_several_levels_find_their_hue(y):
    panel = pd.concat({"x": y, "y": y}, names=["shop"])
    hue = panel.groupby(level=[0, 1]).first().index.to_frame()["shop"]
    model = lstm(panel, embedding_dim=2)
    display = EmbeddingDisplay.from_estimator(model, hue=hue)
    assert legend(display.ax_) == ["x", "y"]
    assert_allclose(display.ax_.collections[0].get_offsets(), display.positions_[:8])


def test_groups_have_colours_and_a_legend(embedding):
    groups = pd.Series(np.arange(20) % 3, embedding.index, name="kind").map(str)
    display = EmbeddingDisplay.from_embedding(embedding, hue=groups[::-1])
    assert legend(display.ax_) == ["0", "1", "2"]
    assert display.ax_.get_legend().get_title().get_text() == "kind"
    for group, drawn in zip("012", display.ax_.collections, strict=True):
        assert_allclose(drawn.get_offsets(), display.positions_[groups == group])
    colors = {tuple(drawn.get_facecolor()[0]) for drawn in display.ax_.collections}
    assert len(colors) == 3


@pytest.mark.parametrize("dtype", [object, "category", "string"])
def test_rare_groups_are_others_and_missing_ones_unknown(embedding, dtype):
    values = [*"aabbccddeeffgghhij", None, None]
    hue = pd.Series(values, embedding.index, dtype=dtype)
    display = EmbeddingDisplay.from_embedding(embedding, hue=hue)
    assert legend(display.ax_) == [*"abcdefgh", "other", "unknown"]
    assert len(points(display.ax_)) == 20


@pytest.mark.parametrize(
    "bad", [lambda e: e.to_numpy(), lambda e: e.iloc[:, :0], lambda e: e.where(e > 0)]
)
def test_what_is_no_embedding_is_refused(embedding, bad):
    with pytest.raises((TypeError, ValueError), match="embedding must"):
        EmbeddingDisplay.from_embedding(bad(embedding))


def test_labels_at_one_place_are_drawn(embedding):
    display = EmbeddingDisplay.from_embedding(0 * embedding)
    assert "0 % of variance" in display.ax_.get_xlabel()


def test_truth_values_are_groups(embedding):
    hue = pd.Series(np.arange(20) < 5, embedding.index)
    display = EmbeddingDisplay.from_embedding(embedding, hue=hue)
    assert legend(display.ax_) == ["False", "True"]


def test_numbers_have_a_colour_bar(embedding):
    hue = pd.Series(np.arange(20.0), embedding.index, name="size")
    display = EmbeddingDisplay.from_embedding(embedding, hue=hue.where(hue > 1))
    unknown, known = display.ax_.collections
    assert len(unknown.get_offsets()) == 2
    assert_allclose(known.get_array(), np.arange(2, 20))
    _, bar = display.figure_.axes
    assert bar.get_ylabel() == "size"


def test_labels_cover_neither_points_nor_each_other(embedding):
    display = EmbeddingDisplay.from_embedding(embedding, n_labels=15)
    display.figure_.canvas.draw()
    boxes = [text.get_window_extent() for text in display.ax_.texts]
    assert 5 < len(boxes) <= 15
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        at = display.ax_.transData.transform(display.positions_)
        assert not any(box.contains(*point) for point in at)
        frame = display.ax_.get_window_extent()
        assert frame.x0 <= box.x0
        assert box.x1 <= frame.x1


def test_n_labels_limits_the_labels(embedding):
    written = EmbeddingDisplay.from_embedding(embedding, n_labels=3).ax_.texts
    assert len(written) == 3
    assert not EmbeddingDisplay.from_embedding(embedding, n_labels=0).ax_.texts
    with pytest.raises(ValueError, match="n_labels == -1, must be >= 0"):
        EmbeddingDisplay.from_embedding(embedding, n_labels=-1)


def test_plot_draws_on_the_given_axes_and_changes_no_data(embedding):
    given, hue = embedding.copy(), pd.Series("a", embedding.index)
    figure, (left, right) = plt.subplots(1, 2)
    display = EmbeddingDisplay.from_embedding(embedding, hue=hue, ax=left)
    assert display.ax_ is left
    assert display.figure_ is figure
    assert display.plot(right) is display
    assert display.ax_ is right
    pd.testing.assert_frame_equal(embedding, given)


@pytest.mark.parametrize(
    ("hue", "error", "message"),
    [
        (["a"] * 20, TypeError, "hue must be a Series indexed by label, got list."),
        (
            pd.Series("a", ["shop 1", "shop 1"]),
            ValueError,
            "hue must have one value for each label, but has several for 1: 'shop 1'.",
        ),
        (
            pd.Series("a", ["x", "y"]),
            ValueError,
            "hue has no value for any label of the embedding, such as 'shop 0'; it is "
            "indexed by 'x', 'y'.",
        ),
    ],
)
def test_hue_that_does_not_fit_raises(embedding, hue, error, message):
    with pytest.raises(error, match=re.escape(message)):
        EmbeddingDisplay.from_embedding(embedding, hue=hue)


def test_model_without_an_embedding_names_what_to_set(y):
    for model in (
        lstm(y, embedding_dim=0),
        LSTMForecaster(2, n_estimators=1, **SMALL).fit(None, y),
    ):
        with pytest.raises(ValueError, match="has no embedding. Set embedding_dim"):
            EmbeddingDisplay.from_estimator(model)


def test_what_is_no_network_is_refused(embedding):
    with pytest.raises(TypeError, match="Ridge holds no network with embeddings_"):
        EmbeddingDisplay.from_estimator(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]))
    with pytest.raises(ValueError, match=r"at least 2 labels.*got shape \(1, 5\)"):
        EmbeddingDisplay.from_embedding(embedding[:1])

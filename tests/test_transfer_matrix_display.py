"""TransferMatrixDisplay: what is drawn, and where."""

import numpy as np
import pandas as pd
import pytest

from sklstm import TransferMatrixDisplay

NAMES = ["north", "south", "west"]


@pytest.fixture
def scores():
    values = [[0.2, 0.8, 0.9], [0.5, 0.3, 0.7], [0.4, 0.6, 0.1]]
    return pd.DataFrame(values, index=NAMES, columns=NAMES)


def test_matrix_shows_every_error(scores):
    display = TransferMatrixDisplay.from_scores(scores)
    matrix, _ = display.axes_
    assert np.array_equal(matrix.images[0].get_array(), scores)
    assert [text.get_text() for text in matrix.texts] == [
        f"{value:.3g}" for value in scores.to_numpy().ravel()
    ]
    assert [label.get_text() for label in matrix.get_xticklabels()] == NAMES


def test_each_data_set_has_a_line_and_a_dot_at_its_own_stage(scores):
    display = TransferMatrixDisplay.from_scores(scores, kind="lines")
    (axis,) = display.axes_
    lines, dots = axis.lines[::2], axis.lines[1::2]
    for i in range(3):
        assert list(lines[i].get_ydata()) == list(scores.iloc[:, i])
        assert list(dots[i].get_xdata()) == [i]


def test_joint_training_is_a_line_across(scores):
    joint = pd.Series([0.1, 0.2, 0.3], index=NAMES)
    display = TransferMatrixDisplay.from_scores(scores, joint, kind="lines")
    assert display.axes_[0].lines[-1].get_ydata()[0] == pytest.approx(0.2)


def test_from_estimator_takes_the_scores_of_a_loop(scores):
    class Fitted:
        stage_scores_ = scores

    display = TransferMatrixDisplay.from_estimator(Fitted())
    assert display.scores is scores and display.joint is None


def test_stages_that_are_not_there_leave_holes(scores):
    partial = scores.iloc[:2].copy()
    partial.iloc[0, 2] = np.nan
    display = TransferMatrixDisplay.from_scores(partial)
    assert len(display.axes_[0].texts) == 5


def test_given_axes_are_used(scores):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2)
    assert TransferMatrixDisplay.from_scores(scores, ax=axes).figure_ is figure
    with pytest.raises(ValueError, match="ax must hold 2 Axes, got 1"):
        TransferMatrixDisplay.from_scores(scores, ax=axes[0])


def test_unknown_kind_raises(scores):
    with pytest.raises(ValueError, match="kind must be 'both', 'matrix' or 'lines'"):
        TransferMatrixDisplay.from_scores(scores, kind="map")

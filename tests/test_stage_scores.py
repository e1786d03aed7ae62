"""Measures of transfer and forgetting, against their definitions written out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklstm.continual._stage_scores import (
    backward_transfer,
    error_by_group,
    forgetting,
    forward_transfer,
    worst_increase,
)

ERRORS = np.array([[0.2, 0.8, 0.9], [0.5, 0.3, 0.7], [0.4, 0.6, 0.1]])
ORDER = np.arange(3)
NOTHING = np.nan


def as_accuracy(errors):
    return 1 - errors


def test_forgetting_is_that_of_chaudhry():
    a, last = as_accuracy(ERRORS), 2
    written_out = [max(a[k, j] for k in range(last)) - a[last, j] for j in range(last)]
    assert_allclose(forgetting(ERRORS, ORDER), [*written_out, NOTHING])


def test_stages_before_a_data_set_had_come_do_not_count():
    errors = ERRORS.copy()
    errors[0, 1:], errors[1, 2] = np.nan, np.nan
    since = np.array([0, 1, 1])
    assert_allclose(forgetting(errors, since), [0.4 - 0.2, 0.6 - 0.3, np.nan])
    errors[1, 0], errors[2, 0] = np.nan, 0.5
    assert worst_increase(errors, since)[0] == pytest.approx(0.5 / 0.2 - 1)


def test_backward_transfer_is_that_of_lopez_paz():
    a, last = as_accuracy(ERRORS), 2
    written_out = [a[last, j] - a[j, j] for j in range(last)]
    assert_allclose(backward_transfer(ERRORS, ORDER), [*written_out, NOTHING])


def test_forward_transfer_is_that_of_lopez_paz():
    a, untrained = as_accuracy(ERRORS), np.array([0.9, 0.95, 1.0])
    written_out = [a[j - 1, j] - as_accuracy(untrained)[j] for j in (1, 2)]
    found = forward_transfer(ERRORS, ORDER, untrained)
    assert_allclose(found, [NOTHING, *written_out])


def test_a_data_set_never_learned_has_no_measure():
    since = np.array([0, 1, -1])
    assert np.isnan(forgetting(ERRORS, since)[2])
    assert np.isnan(backward_transfer(ERRORS, since)[2])
    assert np.isnan(forward_transfer(ERRORS, since, np.ones(3))[2])


def test_one_stage_has_no_measures():
    for measure in (forgetting, backward_transfer):
        assert np.isnan(measure(ERRORS[:1], np.zeros(3, dtype=int))).all()


def test_worst_increase_is_over_the_best_since_its_own_stage():
    increase, position = worst_increase(ERRORS, ORDER)
    assert (position, increase) == (0, pytest.approx(0.4 / 0.2 - 1))
    assert worst_increase(ERRORS[:1], ORDER)[0] == -np.inf


def test_error_by_group_leaves_out_what_is_not_known():
    truth = np.array([[1.0, np.nan], [2.0, 3.0], [np.nan, np.nan]])
    guess = np.array([[2.0, 9.0], [2.0, 1.0], [0.0, 0.0]])

    def mae(one, other):
        return np.abs(one - other).mean()

    found = error_by_group(truth, guess, np.array([0, 1, 2]), 4, mae)
    assert_array_equal(found, [1.0, 1.0, np.nan, np.nan])


@pytest.mark.parametrize("returned", [None, "0.5", [0.5, 0.5], 1j])
def test_an_error_is_a_number(returned):
    values = np.ones(3)
    with pytest.raises(TypeError, match="scoring must return one number, an error of"):
        error_by_group(values, values, np.zeros(3, int), 1, lambda *_: returned)

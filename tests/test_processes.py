"""Several processes train one net as one process would."""

import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklstm import LSTMRegressor, SlidingWindow
from sklstm.datasets import make_panel

SETTINGS = {
    "chunked": {},
    "windowed": {"training_mode": "windowed", "batch_size": 13},
    "stopping": {"early_stopping": True, "seasonal_periods": 3, "optimizer": "adamw"},
    "plateau": {"lr_schedule": "plateau", "callbacks": None},
}
NO_GROUP = not torch.distributed.is_available() or sys.platform == "win32"
pytestmark = pytest.mark.skipif(NO_GROUP, reason="torch has no process groups here")

CHILD = """
import sys, pickle, torch, warnings
sys.path.insert(0, {folder!r})
warnings.simplefilter("ignore")
torch.set_num_threads(1)
import test_processes as own
torch.distributed.init_process_group("gloo")
pickle.dump(own.train_all(), open(sys.argv[1], "wb"))
torch.distributed.destroy_process_group()
"""


def lesson(n_series=4):
    """Windows of some series, weights among them, and what comes next."""
    panel = make_panel(n_series, 45, random_state=0)
    windows = SlidingWindow(6, target="target").fit_transform(panel)
    ahead = panel["target"].groupby(level=0).shift(-1)
    return windows, ahead.to_numpy()[:, None], np.linspace(1, 2, len(panel))


def regressor(**params):
    given = {"hidden_size": 5, "max_epochs": 6, "random_state": 0, "device": "cpu"}
    return LSTMRegressor(**given | params)


def facts(model):
    state = model.net_.module_.state_dict()
    weights = {name: value.numpy() for name, value in state.items()}
    return weights, model.training_history_["train_loss"].to_numpy(), model.n_epochs_


def train_all():
    """What each kind of training comes to; with an own seed and own rows as well."""
    X, y, weight = lesson()
    found = {
        name: facts(regressor(**params).fit(X, y, weight).partial_fit(X, y))
        for name, params in SETTINGS.items()
    }
    drawn = regressor(random_state=None, dropout=0.3, num_layers=2, origin_share=0.5)
    found["drawn"] = facts(drawn.fit(X, y))
    rank = int(os.environ.get("RANK", "0"))
    try:
        regressor().fit(*lesson(3 + rank))
    except ValueError as error:
        found["error"] = str(error)
    return found


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    """What two processes found, and what each said."""
    folder = tmp_path_factory.mktemp("group")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = CHILD.format(folder=str(Path(__file__).parent))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder / str(rank))],
            env=os.environ
            | {
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "RANK": str(rank),
                "WORLD_SIZE": "2",
            },
        )
        for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    return [pickle.loads((folder / str(rank)).read_bytes()) for rank in range(2)]


@pytest.fixture(scope="module")
def of_one():
    return train_all()


@pytest.mark.parametrize("name", SETTINGS)
def test_two_processes_end_with_the_weights_of_one(of_one, of_two, name):
    weights, losses, n_epochs = of_one[name]
    for rank in range(2):
        own, own_losses, own_epochs = of_two[rank][name]
        for key, value in weights.items():
            assert_allclose(own[key], value, atol=1e-4, err_msg=key)
        assert own_epochs == n_epochs
        # Windows of padding, where a share is empty, count as others do.
        assert_allclose(own_losses, losses, rtol=0.02)


@pytest.mark.parametrize("name", [*SETTINGS, "drawn"])
def test_all_processes_end_alike(of_two, name):
    one, two = (found[name] for found in of_two)
    for key, value in one[0].items():
        np.testing.assert_array_equal(value, two[0][key])
    np.testing.assert_array_equal(one[1], two[1])


def test_processes_with_other_rows_are_refused(of_one, of_two):
    assert "error" not in of_one
    for found in of_two:
        assert "must be given the same rows" in found["error"]

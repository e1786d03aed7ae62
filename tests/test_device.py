"""Where a net runs: on how many threads, and one fit at a time in a process."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from skorch.callbacks import Callback

from sklstm import LSTMRegressor
from sklstm.neural_network._window_net import WindowNet

FIT_IN_A_FORK = """
import os, signal, threading, warnings
import numpy as np
import torch
from skorch.callbacks import Callback
from sklstm import LSTMRegressor

torch.set_num_threads(1)
warnings.simplefilter("ignore")  # newer versions of Python warn of forks with threads
X = np.zeros((20, 4), dtype="float32")
training, forked = threading.Event(), threading.Event()


class Wait(Callback):
    def on_epoch_begin(self, net, **kwargs):
        training.set()
        forked.wait(60)


def fit(callbacks=None):
    LSTMRegressor(2, max_epochs=1, device="cpu", callbacks=callbacks).fit(X, X[:, 0])


thread = threading.Thread(target=fit, args=([Wait()],))
thread.start()
assert training.wait(60)
child = os.fork()
if child == 0:
    signal.alarm(30)  # ends a process that waits for ever
    fit()
    os._exit(0)
_, status = os.waitpid(child, 0)
forked.set()
thread.join()
fit()
assert os.waitstatus_to_exitcode(status) == 0, status
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_process_that_forks_in_the_middle_of_a_fit_can_fit_itself():
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", FIT_IN_A_FORK], env=environment, check=True)


class NoteThreads(Callback):
    """Note how many threads torch has in each epoch, and stop after `last` of them."""

    seen: list = []  # noqa: RUF012 - of the class: fit clones its callbacks

    def __init__(self, last=None):
        self.last = last

    def on_epoch_begin(self, net, **kwargs):
        self.seen.append(torch.get_num_threads())
        if len(self.seen) == self.last:
            raise KeyboardInterrupt


@pytest.fixture
def three_threads(monkeypatch):
    monkeypatch.setattr(NoteThreads, "seen", [])
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def windows():
    X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    return X, X[:, -1]


def regressor(hidden_size=2, *, callback=None, **params):
    callbacks = [callback or NoteThreads()]
    return LSTMRegressor(
        hidden_size,
        max_epochs=2,
        device="cpu",
        random_state=0,
        callbacks=callbacks,
        **params,
    )


@pytest.mark.parametrize(
    ("n_threads", "hidden_size", "expected"),
    [("auto", 2, 1), ("auto", 129, 3), (2, 2, 2), (None, 2, 3)],
)
@pytest.mark.usefixtures("three_threads")
def test_a_net_runs_on_its_number_of_threads_and_gives_torch_its_own_back(
    windows, monkeypatch, n_threads, hidden_size, expected
):
    model = regressor(hidden_size, n_threads=n_threads).fit(*windows)
    assert NoteThreads.seen == [expected] * 2
    assert torch.get_num_threads() == 3
    model.partial_fit(*windows)
    assert NoteThreads.seen == [expected] * 3

    in_predict = []

    def note(net, *args, **kwargs):
        in_predict.append(torch.get_num_threads())
        return evaluate(net, *args, **kwargs)

    evaluate = WindowNet.evaluation_step
    monkeypatch.setattr(WindowNet, "evaluation_step", note)
    model.predict(windows[0])
    assert set(in_predict) == {expected}
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_a_fit_that_is_interrupted_gives_torch_its_threads_back(windows):
    with pytest.raises(KeyboardInterrupt):
        regressor(callback=NoteThreads(last=1)).fit(*windows)
    assert NoteThreads.seen == [1]
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_the_number_of_threads_does_not_change_what_is_learned(windows):
    one, two = (regressor(n_threads=n).fit(*windows) for n in (1, 2))
    assert_allclose(one.predict(windows[0]), two.predict(windows[0]), rtol=1e-4)


@pytest.mark.usefixtures("three_threads")
def test_threads_of_python_that_fit_at_a_time_give_torch_its_own_back(windows):
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(regressor().fit, *windows) for _ in range(8)]:
            done.result()
    assert set(NoteThreads.seen) == {1}
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("device", ["meta", "hpu", "cuda:99", "no such device"])
def test_a_device_that_computes_nothing_is_refused(windows, device):
    X, y = windows
    with pytest.raises(ValueError, match="is not available on this machine"):
        LSTMRegressor(device=device).fit(X, y)

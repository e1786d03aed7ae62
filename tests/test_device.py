"""Where a fit runs: one at a time in the threads of a process, in each of its forks."""

import os
import subprocess
import sys

import pytest

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

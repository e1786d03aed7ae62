"""Wall seconds of one fit in one process and shared by two, each on a thread.

python examples/benchmarks/processes.py
"""

import os
import subprocess
import sys
from time import perf_counter

import torch
import torch.distributed as dist

from sklstm import LSTMRegressor, SlidingWindow
from sklstm.datasets import make_panel

PORT = "29511"


def fit(hidden_size):
    """Train for six epochs on 100 series of 1,000 rows, and give the seconds."""
    panel = make_panel(100, 1000, n_covariates=0, random_state=0)
    windows = SlidingWindow(96, target="target").fit_transform(panel)
    ahead = panel["target"].groupby(level=0).shift(-1).to_numpy()[:, None]
    model = LSTMRegressor(
        hidden_size, max_epochs=6, batch_size=512, random_state=0, n_threads=1
    )
    start = perf_counter()
    model.fit(windows, ahead)
    return perf_counter() - start


def work(hidden_size):
    torch.set_num_threads(1)
    if "RANK" in os.environ:
        dist.init_process_group("gloo")
    seconds = fit(hidden_size)
    if os.environ.get("RANK", "0") == "0":
        print(seconds)
    if dist.is_initialized():
        dist.destroy_process_group()


def launch(hidden_size, n_processes):
    """Run the processes, and read the seconds that the first one prints."""
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": PORT}
    processes = []
    for rank in range(n_processes):
        own = group | {"RANK": str(rank), "WORLD_SIZE": str(n_processes)}
        environment = os.environ | (own if n_processes > 1 else {})
        command = [sys.executable, __file__, str(hidden_size)]
        processes.append(
            subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, text=True
            )
        )
    return float([process.communicate()[0] for process in processes][0])


def main():
    print("units  one process  two processes  ratio")
    for hidden_size in (16, 64, 128):
        one, two = launch(hidden_size, 1), launch(hidden_size, 2)
        print(f"{hidden_size:5}  {one:11.1f}  {two:13.1f}  {one / two:5.2f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(int(sys.argv[1]))
    else:
        main()

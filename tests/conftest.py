"""Fixtures and rules that every test shares."""

import os
import random

# scikit-learn skips its check of array API inputs without it. scipy reads it once.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("Agg")


def pytest_collection_modifyitems(items):
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if torch.cuda.is_available():
        return
    for item in marked:
        item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(autouse=True, scope="session")
def one_torch_thread():
    """Threads cost more than they give on nets as small as those of the tests."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="module")
def no_idle_workers():
    """End joblib's processes with each file: it may wait for ever for idle ones."""
    yield
    from joblib.externals.loky import reusable_executor

    if reusable_executor._executor is not None:
        reusable_executor._executor.shutdown(wait=True, kill_workers=True)


@pytest.fixture(autouse=True)
def seed_everything():
    """Start every test from the same state of the global generators."""
    import torch

    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - scikit-learn's random_state=None reads it
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture
def panel():
    """Three series of 40, 31 and 22 days with a covariate and a target, sorted."""
    rng = np.random.default_rng(0)
    frames = []
    for number, (name, n_rows) in enumerate({"a": 40, "b": 31, "c": 22}.items()):
        day = np.arange(n_rows)
        season = np.sin(2 * np.pi * day / 7)
        frame = pd.DataFrame(
            {
                "price": rng.normal(size=n_rows),
                "sales": 10.0**number * (5 + season + 0.1 * rng.normal(size=n_rows)),
            },
            index=pd.MultiIndex.from_product(
                [[name], pd.date_range("2024-01-01", periods=n_rows)],
                names=["store", "date"],
            ),
        )
        frames.append(frame)
    return pd.concat(frames)

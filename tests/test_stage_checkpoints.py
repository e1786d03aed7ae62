"""Checkpoints of a loop: written whole, read without pickle, resumed bit for bit."""

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline

from sklstm import (
    ContinualForecaster,
    LSTMRegressor,
    PanelForecaster,
    SeriesEncoder,
    SeriesScaler,
    SlidingWindow,
    StaticFeatures,
)
from sklstm._panels import checkpoint_files
from sklstm._panels.checkpoint_files import read_checkpoint, write_checkpoint
from sklstm.continual._checkpoints import lock_folder
from sklstm.datasets import make_panel


class Killed(BaseException):
    """Stands for the end of the process."""


def data():
    panel = make_panel(3, 24, n_covariates=0, random_state=0)
    return panel[[]], panel["target"]


def loop(folder=None, lstm=None, **params):
    defaults = {
        "hidden_size": 4,
        "max_epochs": 3,
        "random_state": 0,
        "device": "cpu",
        "dropout": 0.1,
        "category_dropout": 0.2,
    }
    steps = make_pipeline(
        SeriesEncoder(), SlidingWindow(5), LSTMRegressor(**defaults | (lstm or {}))
    )
    forecaster = PanelForecaster(steps, 2, target_transformer=SeriesScaler())
    own = {"checkpoint_dir": folder, "checkpoint_every": 1, "on_forgetting": "ignore"}
    own |= params
    if folder is None:
        own["checkpoint_every"] = None
    return ContinualForecaster(forecaster, **own)


def weights(model):
    regressor = next(iter(model.forecasters_.values())).estimator_[-1]
    return {k: v.numpy() for k, v in regressor.net_.module_.state_dict().items()}


def assert_same_loop(one, other):
    assert weights(one).keys() == weights(other).keys()
    for name, value in weights(one).items():
        assert_array_equal(value, weights(other)[name], strict=True)
    assert_array_equal(one.stage_scores_, other.stage_scores_)
    assert_array_equal(one.stages_["n_epochs"], other.stages_["n_epochs"])


def fit_until(model, n_epochs, monkeypatch):
    """Fit, and die in the middle of an epoch."""
    die_in(lambda: model.fit(*data()), n_epochs, monkeypatch)


def die_in(call, n_epochs, monkeypatch):
    from sklstm.neural_network._window_net import WindowNet

    train, count = WindowNet.run_single_epoch, 0

    def run_single_epoch(net, iterator, training, **params):
        nonlocal count
        count += training
        train(net, iterator, training, **params)
        if count == n_epochs and training:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(WindowNet, "run_single_epoch", run_single_epoch)
        with pytest.raises(Killed):
            call()


@pytest.mark.parametrize("n_epochs", range(1, 10))
def test_a_loop_that_died_in_any_epoch_ends_as_if_it_had_not(
    tmp_path, monkeypatch, n_epochs
):
    params = {"ewc": 1.0, "l2_sp": 0.01, "lstm": {"lr_schedule": "cosine"}}
    whole = loop(**params).fit(*data())
    fit_until(loop(tmp_path, **params), n_epochs, monkeypatch)
    assert_same_loop(loop(tmp_path, resume=True, **params).fit(*data()), whole)


@pytest.mark.parametrize(
    "params",
    [
        {"lstm": {"lr_schedule": "cyclic", "optimizer": "sgd", "lr": 0.1}},
        {"lstm": {"lr_schedule": "plateau", "optimizer": "rmsprop"}},
        {"lstm": {"early_stopping": True, "n_iter_no_change": 1}},
        {"lstm": {"training_mode": "windowed"}, "checkpoint_every": 2},
        {"keep_optimizer": False, "checkpoint_every": None},
        {"strategy": "joint"},
        {"preprocessing": "shared", "validation_fraction": 0.0},
    ],
    ids=str,
)
def test_every_kind_of_training_resumes(tmp_path, monkeypatch, params):
    whole = loop(**params).fit(*data())
    n_epochs = 3 if "strategy" in params or "early_stopping" in str(params) else 5
    fit_until(loop(tmp_path, **params), n_epochs, monkeypatch)
    assert_same_loop(loop(tmp_path, resume=True, **params).fit(*data()), whole)


def test_rollback_resumes(tmp_path, monkeypatch):
    params = {"on_forgetting": "rollback", "tolerance": 0.0, "replay": 0.0}
    with pytest.warns(UserWarning, match="The stage is undone"):
        whole = loop(**params, lstm={"lr": 0.1}).fit(*data())
    assert "undone" in whole.stages_["outcome"].tolist()
    fit_until(loop(tmp_path, **params, lstm={"lr": 0.1}), 5, monkeypatch)
    with pytest.warns(UserWarning, match="The stage is undone"):
        again = loop(tmp_path, resume=True, **params, lstm={"lr": 0.1}).fit(*data())
    assert_same_loop(again, whole)


def test_a_killed_process_resumes(tmp_path):
    code = f"""
import sys, torch; sys.path.insert(0, {str(Path(__file__).parent)!r})
torch.set_num_threads(1)  # as in the process that it is compared with
from test_stage_checkpoints import data, loop
loop({str(tmp_path)!r}, lstm={{"max_epochs": 15}}).fit(*data())
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    while not (tmp_path / "stage_000.npz").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    params = {"lstm": {"max_epochs": 15}}
    resumed = loop(tmp_path, resume=True, **params).fit(*data())
    assert_same_loop(resumed, loop(**params).fit(*data()))


def test_a_finished_loop_resumes_without_training(tmp_path, monkeypatch):
    whole = loop(tmp_path).fit(*data())
    monkeypatch.setattr(
        "sklstm.neural_network._stages.continual_trainer.ContinualTrainer.train",
        pytest.fail,
    )
    assert_same_loop(loop(tmp_path, resume=True).fit(*data()), whole)


def test_checkpoints_change_nothing(tmp_path):
    assert_same_loop(loop(tmp_path).fit(*data()), loop().fit(*data()))


def test_resume_without_a_checkpoint_starts(tmp_path):
    model = loop(tmp_path / "new" / "folder", resume=True).fit(*data())
    assert_same_loop(model, loop().fit(*data()))


def test_no_file_is_written_unless_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loop().fit(*data())
    assert not list(tmp_path.iterdir())


def test_the_best_weights_of_each_data_set_are_kept(tmp_path):
    model = loop(tmp_path).fit(*data())
    names = sorted(path.name for path in tmp_path.iterdir())
    kept = [f"{kind}_{i:03d}.npz" for kind in ("best", "stage") for i in range(3)]
    assert names == sorted([*kept, "latest.npz"])
    for i in range(3):
        best = int(model.stage_scores_.iloc[:, i].argmin())
        one, two = (
            read_checkpoint(tmp_path / f"{kind}.npz")[0]["net/lstm.weight_hh_l0"]
            for kind in (f"best_{i:03d}", f"stage_{best:03d}")
        )
        assert_array_equal(one, two)


@pytest.mark.parametrize(("lr_decay", "best"), [(1.0, 2), (1000.0, 1)])
def test_the_best_weights_of_later_data_sets_are_kept(tmp_path, lr_decay, best):
    """Those from before its own stage, where that did harm."""
    X, y = data()
    model = loop(tmp_path).fit(X.loc[["s0", "s1"]], y.loc[["s0", "s1"]])
    model.set_params(lr_decay=lr_decay).partial_fit(X.loc[["s2"]], y.loc[["s2"]])
    assert np.nanargmin(model.stage_scores_["s2"]) == best
    kept = read_checkpoint(tmp_path / f"stage_{best:03d}.npz")[0]
    model.restore(tmp_path / "best_002.npz")
    name = "lstm.weight_hh_l0"
    assert_array_equal(weights(model)[name], kept[f"net/{name}"])


def test_restore_brings_back_the_weights_of_a_stage(tmp_path):
    model = loop(tmp_path).fit(*data())
    saved = read_checkpoint(tmp_path / "stage_000.npz")[0]
    model.restore(tmp_path / "stage_000.npz")
    assert_array_equal(weights(model)["output.weight"], saved["net/output.weight"])


def test_weights_from_before_a_new_data_set_fit_its_model(tmp_path):
    X, y = data()
    model = loop(tmp_path).fit(X.loc[["s0", "s1"]], y.loc[["s0", "s1"]])
    before = weights(model)["embeddings.0.weight"].copy()
    model.partial_fit(X.loc[["s2"]], y.loc[["s2"]])
    model.restore(tmp_path / "stage_001.npz")
    assert (tmp_path / "stage_002.npz").exists()
    assert len(read_checkpoint(tmp_path / "latest.npz")[1]["progress"]["stages"]) == 2
    after = weights(model)["embeddings.0.weight"]
    assert_array_equal(after[:3], before)
    assert_array_equal(after[3], before[0])


def test_weights_are_read_without_pickle(tmp_path):
    model = loop(tmp_path).fit(*data())
    with np.load(tmp_path / "latest.npz", allow_pickle=False) as file:
        for name, value in weights(model).items():
            assert_array_equal(file[f"net/{name}"], value)
        facts = json.loads(file["facts"].tobytes())
    assert facts["progress"]["scores"] == model.stage_scores_.to_numpy().tolist()


@pytest.mark.parametrize("place", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("damage", ["cut", "flip"])
@pytest.mark.parametrize("name", ["latest", "stage_000", "best_001"])
def test_a_damaged_checkpoint_is_refused(tmp_path, place, damage, name):
    path = tmp_path / f"{name}.npz"
    loop(tmp_path, lstm={"max_epochs": 1}).fit(*data())
    content = bytearray(path.read_bytes())
    position = int(place * len(content))
    if damage == "cut":
        content = content[:position]
    else:
        for i in range(position, min(position + 64, len(content))):
            content[i] ^= 0xFF
    path.unlink()  # the same file may be there under another name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}\.npz' is damaged"):
        loop(tmp_path, resume=True, lstm={"max_epochs": 1}).fit(*data())


def test_changed_weights_are_refused(tmp_path):
    path = tmp_path / "latest.npz"
    loop(tmp_path, lstm={"max_epochs": 1}).fit(*data())
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["net/output.bias"] = arrays["net/output.bias"] + 1
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r"latest\.npz' is damaged"):
        loop(tmp_path, resume=True, lstm={"max_epochs": 1}).fit(*data())


def test_a_checkpoint_of_other_parameters_is_refused(tmp_path):
    loop(tmp_path, lstm={"max_epochs": 1}).fit(*data())
    message = re.escape("with replay=0.5 (now 0.1). Fit with the same parameters")
    with pytest.raises(ValueError, match=message):
        loop(tmp_path, resume=True, replay=0.1, lstm={"max_epochs": 1}).fit(*data())


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    X, y = data()
    loop(tmp_path, lstm={"max_epochs": 1}).fit(X, y)
    with pytest.raises(ValueError, match="with the same parameters, but on other data"):
        loop(tmp_path, resume=True, lstm={"max_epochs": 1}).fit(X, y * 2)


def test_a_failed_write_leaves_the_file_before(tmp_path, monkeypatch):
    path = tmp_path / "latest.npz"
    write_checkpoint(path, {"a": np.arange(3)}, {"n": 1})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            write_checkpoint(path, {"a": np.arange(4)}, {"n": 2})
    arrays, facts = read_checkpoint(path)
    assert facts == {"n": 1}
    assert_array_equal(arrays["a"], np.arange(3))
    assert [p.name for p in tmp_path.iterdir()] == ["latest.npz"]


# Which loop a checkpoint is of.


SHORT = {"lstm": {"max_epochs": 1}}


def covariates():
    X, y = data()
    rows = np.arange(len(X))
    return X.assign(price=np.sin(rows), promotion=rows % 3.0), y


def test_the_same_rows_in_another_order_resume(tmp_path, monkeypatch):
    X, y = covariates()
    whole = loop(**SHORT).fit(X, y)
    first = loop(tmp_path, **SHORT).fit(X, y)
    monkeypatch.setattr(
        "sklstm.neural_network._stages.continual_trainer.ContinualTrainer.train",
        pytest.fail,
    )
    order = np.random.default_rng(0).permutation(len(X))
    other = loop(tmp_path, resume=True, **SHORT).fit(X.iloc[order], y.iloc[order])
    assert other.datasets_ == first.datasets_
    assert_same_loop(other, whole)
    plain = loop(tmp_path, resume=True, **SHORT)
    assert_same_loop(plain.fit(X.iloc[order], y.to_numpy()[order]), whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda X: X.rename(columns={"price": "cost"}),
            "columns=['price', 'promotion'] (now ['cost', 'promotion'])",
        ),
        (
            lambda X: X.set_axis(["promotion", "price"], axis=1),
            "columns=['price', 'promotion'] (now ['promotion', 'price'])",
        ),
        (
            lambda X: X[["promotion", "price"]],
            "columns=['price', 'promotion'] (now ['promotion', 'price'])",
        ),
        (
            lambda X: X.rename_axis(["shop", "time"]),
            "levels=['series', 'time'] (now ['shop', 'time'])",
        ),
        (lambda X: X * 1.001, "with the same parameters, but on other data"),
    ],
    ids=["renamed", "swapped names", "swapped columns", "levels", "values"],
)
def test_other_columns_are_refused(tmp_path, change, message):
    X, y = covariates()
    loop(tmp_path, **SHORT).fit(X, y)
    X = change(X)
    with pytest.raises(ValueError, match=re.escape(message)):
        loop(tmp_path, resume=True, **SHORT).fit(X, y.set_axis(X.index))


def scaled_error(scale):
    return lambda truth, guess: float(scale * np.abs(truth - guess).mean())


def test_another_callable_is_refused(tmp_path):
    loop(tmp_path, scoring=scaled_error(1.0), **SHORT).fit(*data())
    loop(tmp_path, scoring=scaled_error(1.0), resume=True, **SHORT).fit(*data())
    with pytest.raises(ValueError, match="another loop, with another scoring"):
        loop(tmp_path, scoring=scaled_error(2.0), resume=True, **SHORT).fit(*data())


def test_another_table_in_a_transformer_is_refused(tmp_path):
    table = pd.DataFrame({"size": np.arange(3.0)}, index=["s0", "s1", "s2"])

    def with_table(table, **params):
        model = loop(tmp_path, **SHORT, **params)
        step = ("facts", StaticFeatures(table))
        model.forecaster.estimator.steps.insert(0, step)
        return model

    with_table(table).fit(*data())
    with_table(table.copy(), resume=True).fit(*data())
    message = "another loop, with another forecaster__estimator__facts__table. Fit"
    with pytest.raises(ValueError, match=re.escape(message)):
        with_table(table * 2, resume=True).fit(*data())


def test_what_is_printed_may_change(tmp_path, capsys):
    loop(tmp_path, lstm={"max_epochs": 1}).fit(*data())
    loop(tmp_path, resume=True, lstm={"max_epochs": 1, "verbose": 2}).fit(*data())


@pytest.mark.parametrize(
    ("params", "difference"),
    [
        ({"lstm": {"max_epochs": 1, "hidden_size": 5}}, "hidden_size=5 (now 4)"),
        ({**SHORT, "replay": 0.1}, "replay=0.1 (now 0.5)"),
    ],
    ids=["architecture", "parameters"],
)
def test_restore_refuses_the_file_of_another_loop(tmp_path, params, difference):
    loop(tmp_path / "other", **params).fit(*data())
    model = loop(tmp_path / "own", **SHORT).fit(*data())
    before = weights(model)
    with pytest.raises(ValueError, match=re.escape(difference)):
        model.restore(tmp_path / "other" / "best_000.npz")
    for name, value in weights(model).items():
        assert_array_equal(value, before[name], strict=True)


def test_restore_refuses_the_stage_of_another_partial_fit(tmp_path):
    X, y = data()
    model = loop(tmp_path, **SHORT).fit(X.loc[["s0"]], y.loc[["s0"]])
    other = loop(tmp_path, resume=True, **SHORT).fit(X.loc[["s0"]], y.loc[["s0"]])
    model.partial_fit(X.loc[["s1"]], y.loc[["s1"]])
    model.restore(tmp_path / "stage_001.npz")
    other.partial_fit(X.loc[["s2"]], y.loc[["s2"]])
    with pytest.raises(ValueError, match="after partial_fit on other data sets"):
        model.restore(tmp_path / "stage_001.npz")
    model.restore(tmp_path / "stage_000.npz")


def test_a_partial_fit_that_dies_leaves_the_loop_to_resume(tmp_path, monkeypatch):
    X, y = data()
    model = loop(tmp_path).fit(X.loc[["s0"]], y.loc[["s0"]])
    latest = (tmp_path / "latest.npz").read_bytes()
    new = X.loc[["s1"]], y.loc[["s1"]]
    die_in(lambda: model.partial_fit(*new), 2, monkeypatch)
    assert (tmp_path / "latest.npz").read_bytes() == latest


def test_restore_names_a_file_that_is_no_checkpoint(tmp_path):
    np.savez(tmp_path / "mine.npz", a=np.arange(3))
    model = loop(**SHORT).fit(*data())
    with pytest.raises(ValueError, match=r"mine\.npz' is not a checkpoint of a loop"):
        model.restore(tmp_path / "mine.npz")


# The files.


@pytest.mark.parametrize("error", [PermissionError, TimeoutError])
def test_an_error_of_the_file_system_is_not_called_damage(tmp_path, monkeypatch, error):
    loop(tmp_path, **SHORT).fit(*data())

    def refuse(path, *args, **kwargs):
        raise error(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_files, "open", refuse, raising=False)
        with pytest.raises(error, match=r"latest\.npz"):
            loop(tmp_path, resume=True, **SHORT).fit(*data())
    (tmp_path / "latest.npz").unlink()
    (tmp_path / "latest.npz").mkdir()
    with pytest.raises(OSError, match=r"latest\.npz"):
        loop(tmp_path, resume=True, **SHORT).fit(*data())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077])
def test_files_obey_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        loop(tmp_path, **SHORT).fit(*data())
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {0o666 & ~mask}


def test_writes_grow_with_the_number_of_data_sets_and_not_its_square(
    tmp_path, monkeypatch
):
    from sklstm.continual import _checkpoints

    written = []

    def write(path, arrays, facts):
        write_checkpoint(path, arrays, facts)
        written.append(path.stat().st_size)

    monkeypatch.setattr(_checkpoints, "write_checkpoint", write)
    totals = []
    for n in (5, 10, 20):
        written.clear()
        panel = make_panel(n, 20, n_covariates=0, random_state=0)
        model = loop(tmp_path / str(n), checkpoint_every=None, **SHORT)
        # Embeddings of more labels are larger themselves.
        model.set_params(forecaster__estimator__lstmregressor__embedding_dim=0)
        model.fit(panel[[]], panel["target"])
        totals.append(sum(written))
        assert len(written) == 2 * n
        assert len(list((tmp_path / str(n)).glob("best_*.npz"))) == n
    assert totals[1] / totals[0] < 2.3
    assert totals[2] / totals[1] < 2.3


def test_without_hard_links_the_best_weights_are_copied(tmp_path, monkeypatch):
    def link(*paths):
        raise OSError("no links here")

    loop(tmp_path / "links", **SHORT).fit(*data())
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", link)
        loop(tmp_path / "copies", **SHORT).fit(*data())
    for i in range(3):
        one, two = (
            read_checkpoint(tmp_path / kind / f"best_{i:03d}.npz")[0]
            for kind in ("links", "copies")
        )
        assert_array_equal(one["net/output.weight"], two["net/output.weight"])


def test_a_later_loop_leaves_the_files_of_an_earlier_one_whole(tmp_path):
    """A file that has two names is replaced under one, not written into."""
    loop(tmp_path, **SHORT).fit(*data())
    first = read_checkpoint(tmp_path / "stage_000.npz")[0]
    os.link(tmp_path / "stage_000.npz", tmp_path / "kept.npz")
    loop(tmp_path, lstm={"max_epochs": 1, "random_state": 1}).fit(*data())
    kept = read_checkpoint(tmp_path / "kept.npz")[0]
    now = read_checkpoint(tmp_path / "stage_000.npz")[0]
    assert_array_equal(kept["net/output.weight"], first["net/output.weight"])
    assert (now["net/output.weight"] != first["net/output.weight"]).any()


# One loop at a time.

needs_locks = pytest.mark.skipif(os.name == "nt", reason="Windows has no fcntl")


@needs_locks
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_second_loop_in_a_folder_is_refused(tmp_path, method):
    X, y = data()
    model = loop(tmp_path, **SHORT)
    if method == "partial_fit":
        model.fit(X.loc[["s0"]], y.loc[["s0"]])
        X, y = X.loc[["s1"]], y.loc[["s1"]]
    with lock_folder(tmp_path):
        message = f"Another loop is writing to checkpoint_dir={str(tmp_path)!r}: "
        message += f"process {os.getpid()} on "
        with pytest.raises(ValueError, match=re.escape(message)):
            getattr(model, method)(X, y)
    getattr(model, method)(X, y)
    assert not (tmp_path / "loop.lock").exists()


def _hold(folder, held):
    with lock_folder(folder):
        held.set()
        signal.pause()


@needs_locks
def test_the_lock_of_a_killed_process_holds_nobody_up(tmp_path):
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=_hold, args=(tmp_path, held))
    process.start()
    assert held.wait(60)
    with pytest.raises(ValueError, match=f"process {process.pid} on "):
        loop(tmp_path, **SHORT).fit(*data())
    process.kill()
    process.join()
    assert (tmp_path / "loop.lock").exists()
    loop(tmp_path, **SHORT).fit(*data())
    assert not (tmp_path / "loop.lock").exists()


def test_a_loop_that_fails_lets_go_of_its_folder(tmp_path, monkeypatch):
    fit_until(loop(tmp_path), 2, monkeypatch)
    loop(tmp_path, **SHORT).fit(*data())

"""Chunked training by default beside training window by window, in equal time.

Each set is learned by `LSTMRegressor` as it comes, whose defaults choose chunks,
batches and epochs, and then with ``training_mode="windowed"`` for as many epochs as fit
into the same processor time, under the same schedule. Errors are those of rows or
series that were held out::

    python examples/benchmarks/training_modes.py [FOLDER] [--seeds 2]

Four sets need no data. FOLDER adds M4 Weekly and Hourly, Australian tourism and orange
juice; its files are named in accuracy_data.py and orange_juice_data.py.
"""

import argparse
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np
import pandas as pd
from accuracy_data import find_file, read_wide
from sklearn.metrics import mean_absolute_error, root_mean_squared_error
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sklstm import LSTMRegressor, SeriesEncoder, SeriesScaler, SlidingWindow
from sklstm.datasets import load_fertility, make_panel


class Task(NamedTuple):
    """Windows to learn and windows to judge by, and the error to judge with."""

    X: object
    y: np.ndarray
    X_test: object
    y_test: np.ndarray
    error: object = mean_absolute_error
    params: dict = {}


def make_engines(n, rng, n_sensors=14):
    """Make run-to-failure records: sensors drift ever faster until an engine fails."""
    maker = np.random.default_rng(7)
    gain = maker.choice([-1, 1], n_sensors) * maker.uniform(0.7, 1.3, n_sensors)
    bend = maker.uniform(0.6, 1.6, n_sensors)
    noise = maker.uniform(0.25, 0.6, n_sensors)
    parts = {}
    for engine in range(n):
        n_cycles = int(rng.gamma(12, 7.5) + 115)
        left = np.arange(n_cycles)[::-1]
        wear = rng.uniform(0, 0.06) + np.exp(-left / rng.uniform(29, 47))
        sensors = gain * wear[:, None] ** bend + rng.normal(0, 0.05, n_sensors)
        sensors += noise * rng.normal(size=sensors.shape)
        parts[engine] = pd.DataFrame(sensors).assign(life=np.minimum(left, 125.0))
    return pd.concat(parts, names=["engine", "cycle"])


def engines(window_size=30):
    """Remaining life of engines that were never seen, at five late cycles of each."""
    rng = np.random.default_rng(0)
    learned, other = make_engines(100, rng), make_engines(100, rng)
    n_seen = other.groupby("engine")["life"].transform("size")
    n_seen -= pd.Series(rng.integers(5, 130, 100))[
        other.index.get_level_values(0)
    ].values
    other = other[other.groupby("engine").cumcount() < n_seen.clip(lower=20)]
    scaler = StandardScaler().set_output(transform="pandas")
    scaler.fit(learned.drop(columns="life"))
    X, X_test = (
        SlidingWindow(window_size).fit_transform(
            scaler.transform(part.drop(columns="life"))
        )
        for part in (learned, other)
    )
    last = other.groupby("engine").cumcount(ascending=False).to_numpy() < 5
    truth = other["life"].to_numpy()[last]
    y = learned["life"].to_numpy()
    params = {"num_layers": 2}
    return Task(X, y, X_test[last], truth, root_mean_squared_error, params)


def sensor(window_size=24):
    """A slow state that three inputs drive, read on machines that were never seen."""
    rng, parts = np.random.default_rng(0), {}
    for machine in range(10):
        walk = np.cumsum(rng.normal(size=(900, 3)), axis=0)
        inputs = np.sin(0.1 * walk) + 0.3 * rng.normal(size=walk.shape)
        drive = 0.3 * np.tanh(inputs[:, 0] * np.roll(inputs[:, 1], 1) + 0.2)
        state = pd.Series(drive + 0.1 * inputs[:, 2]).ewm(alpha=0.1).mean() * 10
        noise = rng.normal(0, 20, len(state))
        columns = dict(zip("abc", inputs.T, strict=True))
        parts[machine] = pd.DataFrame(columns).assign(y=400 * state + 2000 + noise)
    panel = pd.concat(parts, names=["machine", "time"])
    windows = SlidingWindow(window_size).fit_transform(panel[list("abc")])
    old, y = panel.index.get_level_values(0) < 7, panel["y"].to_numpy()
    return Task(windows[old], y[old], windows[~old], y[~old], root_mean_squared_error)


def forecast(y, window_size, horizon, n_test, X=None, method="standard"):
    """The next `horizon` rows, from each of the last `n_test` rows of every series."""
    y = y.sort_index().rename("y").astype(float)
    left = y.groupby(level=0).cumcount(ascending=False).to_numpy()
    scaler = SeriesScaler(method).fit(y[left >= n_test].to_frame())
    y = scaler.transform(y.to_frame())
    known = [] if X is None else list(X.columns)
    if known:
        X = SeriesScaler().fit(X[left >= n_test]).transform(X)
    frame = y if X is None else pd.concat([y, X], axis=1)
    frame = SeriesEncoder().fit_transform(frame)
    window = SlidingWindow(window_size, target="y", known_covariates=known or None)
    windows = window.fit_transform(frame)
    ahead = [y["y"].groupby(level=0).shift(-k) for k in range(1, horizon + 1)]
    ahead = np.column_stack(ahead)
    learned = left >= n_test + horizon
    test = np.flatnonzero((left <= n_test) & np.isfinite(ahead).all(axis=1))
    test = test[:: max(1, len(test) // 3000)]
    return Task(windows[learned], ahead[learned], windows[test], ahead[test])


def fertility():
    y = load_fertility()["fertility_rate"].dropna()
    y = y[y.groupby(level=0).transform("size") > 40]
    return forecast(y, 10, 5, 8, method="difference")


def generated():
    panel = make_panel(n_series=20, n_rows=300, random_state=0)
    X = panel[["price", "promotion"]].astype(float)
    return forecast(panel["target"], 14, 7, 42, X)


def competition(folder, name, n_series, n_rows, *sizes):
    y = read_wide(folder, f"{name}-train.csv")
    ids = y.index.unique(level=0)
    ids = np.random.default_rng(0).choice(ids, n_series, replace=False)
    y = y[y.index.isin(ids, level=0)].groupby(level=0).tail(n_rows)
    long = y.groupby(level=0).transform("size") > sum(sizes)
    return forecast(y[long], *sizes)


def tourism(folder):
    table = pd.read_csv(find_file(folder, "australia_tourism.csv"))
    series = table["Region"] + table["State"] + table["Purpose"]
    index = [series.rename("series"), table["date_time"].rename("time")]
    return forecast(table.set_index(index)["Trips"], 8, 4, 8)


def orange_juice(folder):
    table = pd.read_csv(find_file(folder, "orangeJuice_yx.csv"))
    prices = table[[f"price{i}" for i in range(1, 12)]].to_numpy()
    table["price"] = prices[np.arange(len(table)), table["brand"].astype(int) - 1]
    series = table["store"].astype(str) + "_" + table["brand"].astype(str)
    ids = np.random.default_rng(0).choice(series.unique(), 120, replace=False)
    table = table.set_index([series.rename("series"), "week"]).sort_index()
    table = table[table.index.isin(ids, level=0)]
    X = table[["price", "deal", "feat"]].astype(float)
    return forecast(table["logmove"], 8, 2, 12, X)


def train(task, seed, **params):
    """Train a net, and measure its processor time and its error."""
    model = LSTMRegressor(random_state=seed, device="cpu", **task.params | params)
    begin = process_time()
    model.fit(task.X, task.y)
    spent = process_time() - begin
    return model, spent, task.error(task.y_test, model.predict(task.X_test))


def compare(name, task, n_seeds):
    """Print one row of the table."""
    train(task, 0, max_epochs=1)  # imports and allocations
    once = train(task, 0, max_epochs=1, training_mode="windowed")[1]
    default, windowed = [], []
    for seed in range(n_seeds):
        default.append(train(task, seed))
        n_epochs = max(1, round(default[-1][1] / once))
        params = {"training_mode": "windowed", "max_epochs": n_epochs}
        windowed.append(train(task, seed, **params))
    cells = []
    for runs in (default, windowed):
        errors = [error for *_, error in runs]
        seconds = np.mean([spent for _, spent, _ in runs])
        n_epochs = np.mean([model.n_epochs_ for model, *_ in runs])
        cells += [f"{np.mean(errors):.4g}", f"{seconds:.1f}", f"{n_epochs:.0f}"]
    ratio = np.mean([e for *_, e in default]) / np.mean([e for *_, e in windowed])
    row = [name, len(task.X), task.X.window_size, *cells, f"{ratio:.3f}"]
    print("|", *(f"{cell} |" for cell in row), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    tasks = {
        "engines": engines,
        "sensor": sensor,
        "fertility": fertility,
        "generated": generated,
    }
    if folder := options.folder:
        tasks |= {
            "Weekly": lambda: competition(folder, "Weekly", 80, 400, 26, 13, 26),
            "Hourly": lambda: competition(folder, "Hourly", 40, 500, 48, 24, 48),
            "tourism": lambda: tourism(folder),
            "orange juice": lambda: orange_juice(folder),
        }
    names = "set, windows, rows, default, s, epochs, windowed, s, epochs, ratio"
    print("|", names.replace(", ", " | "), "|")
    print("|" + "---|" * 10)
    with threadpool_limits(1):
        for name, make in tasks.items():
            if not options.only or name in options.only:
                compare(name, make(), options.seeds)


if __name__ == "__main__":
    main()

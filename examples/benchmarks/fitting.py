"""Whole fits: time to an error, growth with the data, and a grid search."""

from time import perf_counter

import numpy as np
import pandas as pd
from hourly import load_m4_hourly, make_hourly, make_task
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits
from throughput import CLOCKS, EpochClock, make_model, time_epoch

from sklstm import LSTMRegressor, PanelForecaster, PanelTimeSeriesSplit, SlidingWindow

# Windows between two looks at the validation error of windowed training.
LOOK_EVERY = 1024


def split_ends(task, horizon, every):
    """Hold out windows near each series' end; train on those that end before.

    The last `horizon` windows of a series have targets that reach into its last
    rows; every few of them are held out. Training windows keep clear of all
    targets that are held out.
    """
    valid = (task.steps_left < 2 * horizon) & (task.steps_left % every == 0)
    train = task.steps_left >= 3 * horizon - 1
    return np.flatnonzero(train), np.flatnonzero(valid)


def trace_error(mode, task, train, valid, seconds, clock):
    """Train for some seconds, and look at the error in between, off the clock."""
    model, rng = make_model(mode, EpochClock(clock)), np.random.default_rng(0)
    spent, curve, left = 0.0, [], []
    while spent < seconds:
        some = train
        if mode == "windowed":
            left = left if len(left) else rng.permutation(train)
            some, left = np.sort(left[:LOOK_EVERY]), left[LOOK_EVERY:]
        spent += time_epoch(model, task.windows[some], task.targets[some])
        error = model.predict(task.windows[valid]) - task.targets[valid]
        curve.append((spent, (error**2).mean()))
    return pd.Series(*reversed(list(zip(*curve, strict=True))), name=mode)


def compare_at_times(curves, seconds):
    """The lowest error that each mode has reached by a few times."""
    times = [seconds * share for share in (0.1, 0.25, 0.5, 1.0)]
    return pd.DataFrame(
        {
            mode: [curve[curve.index <= time].min() for time in times]
            for mode, curve in curves.items()
        },
        index=pd.Index(times, name="seconds"),
    )


def time_to_reach(curve, error):
    """The first time at which an error is reached; NaN if never."""
    reached = curve.index[curve <= error]
    return reached[0] if len(reached) else np.nan


def measure_convergence(args):
    """Trace the validation error against training time, dense and windowed.

    Returns
    -------
    tables : dict of str to DataFrame
    curves : dict of str to (dict of str to Series)
    """
    horizon, window_size = 48, 168
    panels = {"made": make_hourly(20 if args.quick else 100, 960)}
    if args.m4_hourly:
        panels["M4 Hourly"] = load_m4_hourly(args.m4_hourly, 20 if args.quick else None)
    seconds = 4 if args.quick else args.seconds
    tables, all_curves = {}, {}
    for name, y in panels.items():
        task = make_task(y, window_size, horizon)
        train, valid = split_ends(task, horizon, every=24 if args.quick else 12)
        curves = {
            mode: trace_error(mode, task, train, valid, seconds, CLOCKS[args.clock])
            for mode in ("windowed", "chunked")
        }
        table = compare_at_times(curves, seconds)
        goal = curves["windowed"].min()
        times = {mode: time_to_reach(curve, goal) for mode, curve in curves.items()}
        goals = pd.DataFrame(times, index=[f"seconds to {goal:.3f}"])
        tables[f"validation error by training time, {name}"] = table
        tables[f"time to the best error of windowed, {name}"] = goals
        all_curves[name] = curves
    return tables, all_curves


def time_fit(y, window_size, mode, clock):
    """Time a fit of one epoch, with all that comes before training."""
    model = Pipeline(
        [("window", SlidingWindow(window_size)), ("lstm", make_model(mode))]
    )
    forecaster = PanelForecaster(model, horizon=24)
    start = clock()
    forecaster.fit(y.to_frame()[[]], y)
    return clock() - start


def slope(times):
    """The slope of log time against log size."""
    return np.polyfit(np.log(times.index.to_numpy(float)), np.log(times), 1)[0]


def measure_growth(args):
    """Measure how fit time grows with rows and with window size.

    Returns
    -------
    dict of str to DataFrame
    """
    series = (8, 16, 32) if args.quick else (16, 32, 64, 128)
    sizes = (24, 48, 96) if args.quick else (24, 48, 96, 192, 384)
    n_rows, clock = 500, CLOCKS[args.clock]
    by_rows, by_window = {}, {}
    time_fit(make_hourly(series[0], n_rows), 24, "windowed", clock)  # to warm up
    for mode, scale in (("windowed", 1), ("chunked", 8)):
        panels = {n: make_hourly(n * scale, n_rows) for n in series}
        times = {
            n * scale * n_rows: time_fit(y, 24, mode, clock) for n, y in panels.items()
        }
        by_rows[mode] = pd.Series(times)
        y = panels[series[0]]
        by_window[mode] = pd.Series(
            {size: time_fit(y, size, mode, clock) for size in sizes}
        )
    return {
        f"seconds of a fit by {what}": pd.concat(columns, axis=1)
        .rename_axis(what)
        .pipe(lambda table: table.set_axis(table.index.astype(str)))
        .pipe(append_slopes, columns)
        for what, columns in (("rows", by_rows), ("window", by_window))
    }


def append_slopes(table, columns):
    table.loc["log-log slope"] = {mode: slope(times) for mode, times in columns.items()}
    return table


def measure_search(args):
    """Time a search of 12 candidates and two folds, with one job and with two.

    Returns
    -------
    dict of str to DataFrame
    """
    y = make_hourly(8 if args.quick else 40, 500)
    lstm = LSTMRegressor(max_epochs=2 if args.quick else 5, random_state=0)
    search = GridSearchCV(
        PanelForecaster(
            Pipeline([("window", SlidingWindow()), ("lstm", lstm)]), horizon=24
        ),
        {
            "estimator__window__window_size": [24, 48, 96],
            "estimator__lstm__hidden_size": [16, 32],
            "estimator__lstm__lr": [3e-3, 1e-2],
        },
        cv=PanelTimeSeriesSplit(n_splits=2, horizon=24),
        scoring="neg_mean_absolute_error",
        refit=False,
    )
    seconds = {}
    for n_jobs in (1, 2):
        search.set_params(n_jobs=n_jobs)
        start = perf_counter()
        with threadpool_limits(args.threads):
            search.fit(y.to_frame()[[]], y)
        seconds[f"n_jobs={n_jobs}"] = perf_counter() - start
    seconds["ratio"] = seconds["n_jobs=1"] / seconds["n_jobs=2"]
    return {"seconds of a grid search, 12 candidates": pd.DataFrame([seconds])}

"""What a fit of LSTMRegressor learns of its windows and of its targets."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from .._panels.columns import LARGEST
from .._panels.parameters import read_counts
from .._panels.plain_state import PlainState
from .._panels.quantiles import USUAL_QUANTILES, check_quantiles
from .._windows.checked_windows import as_targets
from .._windows.step_targets import StepTargets
from .._windows.target_past import PastView
from .._windows.windows import PanelWindows, join_labels
from ._device import float_type
from ._seasonal_skip import NaiveForecasts, count_seasons, skip_reach
from ._target_scale import TargetScale, scale_of_past, scale_of_targets
from ._window_batches import WindowTensors, read_row_table

__all__ = ["InputSpec", "TargetFormat", "read_targets"]


@dataclass(frozen=True, eq=False)
class InputSpec(PlainState):
    """How windows enter the net.

    Attributes
    ----------
    view : PastView
        How the target's past enters the windows.
    periods : tuple of int or None
        Rows of each season of the skip; None for no skip.
    n_inputs : tuple of int
        Number of numeric and of categorical features at each step.
    n_targets : int
        Number of targets whose past the windows hold, at least 1.
    categories : dict of str to Index
        The labels of each categorical column.
    embedded : bool
        Whether categorical columns enter the net.
    known : tuple
        The columns that are known ahead.
    flags : ndarray of int
        The numeric features with missing values in `fit`.
    scale : TargetScale or None
        The units of the target's past; None before they are measured.
    dtype : torch.dtype or None
    """

    view: PastView
    periods: tuple | None
    n_inputs: tuple
    n_targets: int
    categories: dict
    embedded: bool
    known: tuple
    flags: np.ndarray
    scale: TargetScale | None = None
    dtype: torch.dtype | None = None

    def __getstate__(self):
        name = self.dtype and str(self.dtype).removeprefix("torch.")
        return super(InputSpec, replace(self, dtype=name)).__getstate__()

    def __setstate__(self, state):
        super().__setstate__(state)
        if isinstance(self.dtype, str):
            vars(self)["dtype"] = getattr(torch, self.dtype)

    @classmethod
    def read(cls, X, seasonal_periods, embedded, device):
        """Read what the windows of `fit` hold."""
        periods = read_counts(seasonal_periods, "seasonal_periods")
        table = X.table if isinstance(X, PanelWindows) else None
        n_past = 0 if table is None else table.target.shape[1]
        view = PastView() if table is None else table.view
        if n_past == 0 and (periods or view.differences or view.level == "relative"):
            raise ValueError(
                "seasonal_periods of the regressor, and differences and "
                "level='relative' of SlidingWindow, are made of the target's own past, "
                "which X does not hold. Use the regressor in a PanelForecaster, or "
                "name the target's column in SlidingWindow(target=...)."
            )
        rows = read_row_table(X)
        n_inputs = rows.n_inputs, rows.codes.shape[1]
        if sum(n_inputs) == 0:
            raise ValueError(
                "The windows have no features: X has no columns, and the target's "
                "past does not join them. Give X a column, use PanelForecaster, or "
                "(with level='drop') set differences in SlidingWindow."
            )
        missing = [np.isnan(part).any(axis=0) for part in rows.parts]
        return cls(
            view,
            periods,
            n_inputs,
            max(n_past, 1),
            {} if table is None else table.categories,
            embedded,
            () if table is None else table.known,
            np.flatnonzero(np.concatenate(missing)),
            dtype=float_type(X, device),
        )

    def check(self, X):
        """Check windows against those of `fit`; give their categories these codes."""
        table = X.table if isinstance(X, PanelWindows) else None
        categories = {} if table is None else table.categories
        if list(categories) != list(self.categories):
            raise ValueError(
                f"The windows have the categorical columns {list(categories)}; fit saw "
                f"{list(self.categories)}. Give X the same categorical columns in the "
                "same order."
            )
        if table is not None:
            X = X.with_categories(self.categories)
        rows = read_row_table(X)
        n_inputs = rows.n_inputs, rows.codes.shape[1]
        if n_inputs != self.n_inputs:
            names = [] if table is None else list(table.names)
            raise ValueError(
                f"Each step of X has {n_inputs[0]} numeric and {n_inputs[1]} "
                f"categorical features {names}; fit saw {self.n_inputs[0]} and "
                f"{self.n_inputs[1]}."
            )
        if table is not None and table.known != self.known:
            raise ValueError(
                f"The windows know the columns {list(table.known)} ahead; fit saw "
                f"{list(self.known)}."
            )
        if table is not None and table.view != self.view:
            raise ValueError(
                f"The windows hold the target's past as {table.view}; fit saw "
                f"{self.view}. Use the SlidingWindow of the fit."
            )
        return X

    @property
    def labels(self):
        """The labels of each categorical column that is embedded."""
        return list(self.categories.values()) if self.embedded else []

    @property
    def reach(self):
        """The number of rows before its window that a forecast reads."""
        n_seasons = count_seasons(self.periods)
        return max(self.view.reach, skip_reach(self.periods, n_seasons))

    def with_categories(self, categories):
        """Learn of more labels, behind those that are known."""
        return replace(self, categories=join_labels(self.categories, categories))

    def measured(self, X, y, weight, learned):
        """Measure the units to learn in, on the windows that training sees.

        Parameters
        ----------
        X : PanelWindows or ndarray
        y : ndarray of shape (n_windows, n_outputs), or StepTargets
        weight : ndarray of shape (n_windows,) or None
        learned : ndarray of int
            Positions of windows. No later row of their series is read.

        Returns
        -------
        InputSpec
            With the units of the target's past.
        TargetScale
            The units of each output: those of the skip, or the spread of y.
        """
        spec, skips = self, self.periods is not None
        if isinstance(X, PanelWindows) and X.table.target.shape[1]:
            rows = X[learned].rows_reached()[:, None]
            past = np.where(rows, X.table.target, np.nan)
            by_steps = skips or self.view.level != "keep"
            scale = scale_of_past(past, X.table.segments, by_steps)
            spec = replace(self, scale=scale)
        if skips:
            return spec, spec.scale.repeat(y.shape[1])
        return spec, scale_of_targets(y, learned, weight)

    def tensors(self, X, n_outputs, device, n_steps=None):
        """Bring windows to a device, ready to be gathered."""
        table = read_row_table(X, self.scale)
        if not self.embedded:
            table = table._replace(codes=table.codes[:, :0], known_codes=np.arange(0))
        place = {"dtype": self.dtype, "device": device}
        naive, n_ahead = None, n_outputs // self.n_targets
        if self.periods is not None:
            naive = NaiveForecasts(
                table.target,
                table.segments,
                self.periods,
                n_ahead,
                count_seasons(self.periods),
                **place,
            )
        return WindowTensors(
            table, n_steps, flags=self.flags, naive=naive, n_ahead=n_ahead, **place
        )


@dataclass(frozen=True)
class TargetFormat:
    """The shape of the targets, and the quantiles that are learned of them.

    Attributes
    ----------
    ndim : int
        Number of axes of y.
    n_outputs : int
    quantiles : tuple of float or None
        None where the loss is of points.
    """

    ndim: int
    n_outputs: int
    quantiles: tuple | None

    @classmethod
    def read(cls, y, loss, quantiles):
        """Read the targets of `fit`, and the quantiles to learn."""
        if loss != "quantile":
            quantiles = None
        elif quantiles is None:
            quantiles = USUAL_QUANTILES
        else:
            quantiles = check_quantiles(quantiles)
        return cls(y.ndim, 1 if y.ndim == 1 else y.shape[1], quantiles)

    def check(self, y):
        """Raise if y has another number of outputs."""
        if (1 if y.ndim == 1 else y.shape[1]) != self.n_outputs:
            raise ValueError(
                f"y has shape {y.shape}, but fit saw {self.n_outputs} output(s)."
            )

    def check_steps(self, inputs):
        """Raise if the outputs cannot be the next steps of the targets."""
        if self.n_outputs % inputs.n_targets:
            raise ValueError(
                f"y has {self.n_outputs} output(s), but with seasonal_periods, or "
                "columns that are known ahead, they must be the next steps of the "
                f"{inputs.n_targets} target(s) in the windows: a multiple of that "
                "number."
            )


def read_targets(y):
    """Check targets, and give them as float64, or as the StepTargets that they are."""
    if isinstance(y, StepTargets):
        return y
    y = as_targets(y)
    if y.ndim == 1 and np.isnan(y).any():
        raise ValueError(
            "Input y contains NaN, which only a y of shape (n, n_outputs) may hold, "
            "for outputs that are not known. Drop these windows; in a pipeline give "
            "y.to_frame(), which keeps their rows as past of others."
        )
    if np.isnan(y).all():
        raise ValueError(
            f"Input y contains NaN alone, in shape {y.shape}: no value can be learned. "
            "Give at least one known value."
        )
    largest = np.fmax.reduce(np.abs(y), axis=None, initial=0)
    if largest > LARGEST:
        raise ValueError(
            f"y contains {largest:.3g}, which is too large to be squared in float64. "
            "Divide y by a constant."
        )
    return y

"""A trained net as an ONNX model, its outputs in units of y."""

from copy import deepcopy

import torch
from torch import nn

__all__ = ["write_onnx"]


class _InUnits(nn.Module):
    """A net whose outputs are in units of y."""

    def __init__(self, module, scale):
        super().__init__()
        self.module = module
        n_outputs = module.output.out_features // module.n_per_output
        shape = (n_outputs,) if module.quantiles is None else (n_outputs, 1)
        for name, part in scale.repeat(n_outputs)._asdict().items():
            part = torch.as_tensor(part, dtype=torch.float64).reshape(shape)
            self.register_buffer(name, part)

    def forward(
        self,
        values,
        lengths=None,
        codes=None,
        naive=None,
        known=None,
        known_codes=None,
    ):
        out = self.module(
            values,
            lengths,
            codes,
            naive=naive,
            known=known,
            known_codes=known_codes,
        )
        return out.double() * self.scale + self.center


def write_onnx(inputs, module, scale, path):
    """Trace a net with some inputs, and write it.

    Parameters
    ----------
    inputs : dict of str to ndarray
        Of at least two windows.
    module : LSTMModule
    scale : TargetScale
    path : str or Path
    """
    n_windows = len(inputs["values"])
    if n_windows < 2:
        raise ValueError(
            f"to_onnx traces the net with at least two windows, got {n_windows}: with "
            "one the number of windows would be fixed at 1. Pass more rows of X."
        )
    # Runtimes have the LSTM in single precision alone.
    net = _InUnits(deepcopy(module).cpu().float(), scale).eval()
    tensors = {name: torch.as_tensor(array) for name, array in inputs.items()}
    free = {name: {0: torch.export.Dim.AUTO} for name in tensors}
    torch.onnx.export(
        net,
        (),
        str(path),
        kwargs=tensors,
        dynamo=True,
        dynamic_shapes=free,
        input_names=list(tensors),
        output_names=["y"],
        external_data=False,
        verbose=False,
    )

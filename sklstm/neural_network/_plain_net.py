"""A trained net as plain parts, for files that hold no pickle, and back."""

import json

import torch

from ._device import seeded
from ._net_state import collect_state, restore_net
from ._training import build_net

__all__ = ["pack_net", "unpack_net"]


def pack_net(net):
    """Turn a net into numbers, text and arrays.

    Parameters
    ----------
    net : WindowNet

    Returns
    -------
    dict
    """
    arrays, facts = collect_state(net)
    return {
        "structure": net.structure_,
        "dtype": str(net.module_.output.weight.dtype).removeprefix("torch."),
        "n_batches": net.history[-1]["train_batch_count"],
        "validated": any(name == "early_stopping" for name, _ in net.callbacks_),
        "arrays": arrays,
        "facts": json.dumps(facts),
        "scale": net.scale_,
        "quantiles": net.quantiles_,
        "learned": net.learned_,
    }


def unpack_net(estimator, parts):
    """Build the net anew, with the weights and the optimizer that it had.

    Parameters
    ----------
    estimator : LSTMRegressor
        With the parameters that it had.
    parts : dict
        As from `pack_net`.

    Returns
    -------
    WindowNet
        On the CPU, where its device is not available.
    """
    structure, dtype = parts["structure"], getattr(torch, parts["dtype"])
    if structure["device"].startswith("cuda") and not torch.cuda.is_available():
        structure = structure | {"device": "cpu"}
    with seeded(0, torch.device(structure["device"])):
        net = build_net(
            estimator, structure, dtype, parts["n_batches"], parts["validated"]
        )
    restore_net(net, parts["arrays"], json.loads(parts["facts"]))
    net.scale_, net.quantiles_ = parts["scale"], parts["quantiles"]
    net.learned_ = parts["learned"]
    return net

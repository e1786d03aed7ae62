"""The state of a net and its optimizer as plain arrays and JSON, and back."""

import numpy as np
import torch
from skorch.history import History

__all__ = ["collect_state", "restore_net", "restore_training", "restore_weights"]

_WEIGHTS, _OPTIMIZER = "net/", "optimizer/"


def collect_state(net):
    """Collect all that training goes on from.

    Parameters
    ----------
    net : WindowNet

    Returns
    -------
    arrays : dict of str to ndarray
        Weights under ``net/``, the tensors of the optimizer under ``optimizer/``.
    facts : dict
        What is not an array, fit for JSON.
    """
    arrays = {
        _WEIGHTS + name: _array(tensor)
        for name, tensor in net.module_.state_dict().items()
    }
    optimizer = net.optimizer_.state_dict()
    plain = {}
    for number, state in optimizer["state"].items():
        for name, value in state.items():
            if torch.is_tensor(value):
                arrays[f"{_OPTIMIZER}{number}/{name}"] = _array(value)
            else:
                plain[f"{number}/{name}"] = value
    facts = {
        "optimizer_values": plain,
        "param_groups": [
            {k: v for k, v in group.items() if k != "params"}
            for group in optimizer["param_groups"]
        ],
        "schedules": {
            name: callback.lr_scheduler_.state_dict()
            for name, callback in net.callbacks_
            if getattr(callback, "lr_scheduler_", None) is not None
        },
        "history": net.history.to_list(),
    }
    return arrays, facts


def restore_net(net, arrays, facts):
    """Bring back weights, the state of the optimizer, and the history."""
    weights = _under(_WEIGHTS, arrays)
    net.module_.load_state_dict({k: torch.as_tensor(v) for k, v in weights.items()})
    net.history_ = History([dict(row) for row in facts["history"]])
    state = {}
    values = _under(_OPTIMIZER, arrays) | facts["optimizer_values"]
    for key, value in values.items():
        number, name = key.split("/")
        tensor = torch.as_tensor(value) if isinstance(value, np.ndarray) else value
        state.setdefault(int(number), {})[name] = tensor
    groups = net.optimizer_.state_dict()["param_groups"]
    net.optimizer_.load_state_dict({"state": state, "param_groups": groups})
    _restore_groups(net, facts)


def restore_weights(net, arrays):
    """Bring back the weights alone, also those from before labels joined.

    Such a label gets the row of the unknown one, as it had when it joined.
    """
    weights = {k: torch.tensor(v) for k, v in _under(_WEIGHTS, arrays).items()}
    for i, layer in enumerate(net.module_.embeddings):
        name = f"embeddings.{i}.weight"
        n_new = len(layer.weight) - len(weights[name])
        rows = weights[name][:1].expand(max(n_new, 0), -1)
        weights[name] = torch.cat([weights[name], rows])
    net.module_.load_state_dict(weights)
    net.optimizer_.state.clear()


def restore_training(net, facts):
    """Bring back, once training has begun, where its schedules stood."""
    for name, callback in net.callbacks_:
        if name in facts["schedules"]:
            callback.lr_scheduler_.load_state_dict(facts["schedules"][name])
    _restore_groups(net, facts)


def _restore_groups(net, facts):
    for group, saved in zip(
        net.optimizer_.param_groups, facts["param_groups"], strict=True
    ):
        for name, value in saved.items():
            # JSON knows no tuples, such as the betas of Adam.
            group[name] = tuple(value) if isinstance(value, list) else value


def _under(prefix, arrays):
    return {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}


def _array(tensor):
    # A copy: training goes on in the tensor's memory.
    return tensor.detach().cpu().numpy().copy()

"""What the stages of a training leave to later ones, besides the net."""

from dataclasses import dataclass, field

import torch

__all__ = ["StageNotes"]


@dataclass
class StageNotes:
    """What stages leave to later ones, besides the net.

    Attributes
    ----------
    n_stages : int
        Stages that are done.
    generators : list of Tensor
        States of the generators of the CPU and, where it is used, of the GPU.
    used : list of ndarray of bool
        For each embedding the labels that were learned.
    fisher : dict of str to (Tensor, Tensor), or None
        The sum of the penalties of elastic weight consolidation.
    anchor : dict of str to (Tensor, Tensor), or None
        The penalty of L2-SP in the stage that runs.
    """

    n_stages: int = 0
    generators: list = field(default_factory=list)
    used: list = field(default_factory=list)
    fisher: dict | None = None
    anchor: dict | None = None

    def to_arrays(self):
        """Write all but `n_stages` as a dict of ndarray."""
        arrays = {
            f"generator/{i}": state.numpy().copy()
            for i, state in enumerate(self.generators)
        }
        arrays |= {f"used/{i}": used for i, used in enumerate(self.used)}
        for kind in ("fisher", "anchor"):
            for name, parts in (getattr(self, kind) or {}).items():
                for part, tensor in zip("ab", parts, strict=True):
                    arrays[f"{kind}/{part}/{name}"] = tensor.cpu().numpy().copy()
        return arrays

    def read_arrays(self, arrays, device):
        """Take over what was written, the penalties on a device."""
        n_generators, n_used = len(self.generators), len(self.used)
        self.generators = [
            torch.tensor(arrays[f"generator/{i}"]) for i in range(n_generators)
        ]
        self.used = [arrays[f"used/{i}"] for i in range(n_used)]
        self.fisher = _read_quadratics("fisher", arrays, device)
        self.anchor = _read_quadratics("anchor", arrays, device)


def _read_quadratics(kind, arrays, device):
    prefix = f"{kind}/a/"
    names = [key[len(prefix) :] for key in arrays if key.startswith(prefix)]
    found = {
        name: tuple(
            torch.tensor(arrays[f"{kind}/{part}/{name}"], device=device)
            for part in "ab"
        )
        for name in names
    }
    return found or None

"""Example panels: real data and a generator."""

from ._fertility import load_fertility
from ._synthetic import make_panel

__all__ = ["load_fertility", "make_panel"]

"""Panels to learn and to test with."""

from ._fertility import load_fertility
from ._synthetic import make_panel

__all__ = ["load_fertility", "make_panel"]

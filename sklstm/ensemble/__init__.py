"""Regressors that are averaged."""

from ._seed_ensemble import SeedEnsemble

__all__ = ["SeedEnsemble"]

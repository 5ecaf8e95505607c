"""Homes of their own for programs under test, which share what is large and does not change."""

from __future__ import annotations

from pathlib import Path

from vita_tui import paths

__all__ = ["lend_weights"]


def lend_weights(home: Path) -> None:
    """Link the weights of the present home, and the form of them that computes fastest, into `home`, which need not exist."""
    models, cache = paths.models_dir().resolve(), paths.cache_dir().resolve()
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / "data").mkdir(parents=True, exist_ok=True)
    (home / "data" / "models").symlink_to(models, target_is_directory=True)
    (home / "cache").symlink_to(cache, target_is_directory=True)

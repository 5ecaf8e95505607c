"""Weights: the catalogue of models, what of it is on this machine, and fetching the rest.

`catalogue` is the data, `store` the folders on disk, `fetch` the way from the one to the other.
"""

from __future__ import annotations

from vita_tui.models.installed import missing, resolve

__all__ = ["missing", "resolve"]

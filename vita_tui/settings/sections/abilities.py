"""What is done without a language model."""

from __future__ import annotations

from vita_tui.settings.section import Live, SettingsSection

__all__ = ["AbilitySettings"]


class AbilitySettings(SettingsSection):
    """What is done without a model: the time, timers, arithmetic, units, lists and notes."""

    enabled: Live[bool] = True
    """Answer such requests at once and without the language model; off: the model gets them all."""

"""Metrics, circuit breakers and memory pressure."""

from __future__ import annotations

from pydantic import Field, SecretStr

from vita_tui.settings.section import SettingsSection, Several

__all__ = ["HealthSettings"]


class HealthSettings(SettingsSection):
    """Long-running operation: metrics, circuit breakers, memory."""

    max_metrics: int = Field(default=1000, ge=10)
    """Metrics kept at once."""
    retention_hours: float = Field(default=24.0, gt=0)
    """How long a metric is kept."""
    sweep_seconds: float = Field(default=3600.0, gt=0)
    """How often old metrics are looked for."""
    slow_seconds: float = Field(default=3.0, gt=0)
    """A turn or stage slower than this raises an alert."""
    error_rate: float = Field(default=0.1, gt=0, le=1)
    """Share of failed calls that raises an alert, after ten calls."""
    alert_slow_seconds: float = Field(default=6.0, gt=0)
    """Seconds that 19 of 20 answers may take, above which an alert is raised."""
    alert_restarts: int = Field(default=3, ge=1)
    """Times that the built-in model was started again within an hour, from which an alert is raised."""
    alert_memory_mb: int = Field(default=0, ge=0)
    """VITA's own memory, in MB, above which an alert is raised; 0 for none."""
    alert_confidence: float = Field(default=0.1, gt=0, le=1)
    """By how much recognition may be less sure of a word than in the week before; more raises an alert."""
    alert_webhook: SecretStr = SecretStr("")
    """Address to which alerts are posted as JSON, and again when they have cleared; empty for none."""
    alert_command: str = ""
    """Command that is run for each alert, with the same JSON as its input; empty for none."""
    breaker_failures: int = Field(default=2, ge=1)
    """Failures in a row after which an engine is disabled."""
    breaker_seconds: float = Field(default=30.0, gt=0)
    """How long it is disabled before it is tried again; twice as long after each failure, up to 16 times."""
    breaker_slow_seconds: float = Field(default=10.0, gt=0)
    """Work of an engine that takes longer until it answers counts as a failure."""
    save_seconds: float = Field(default=15.0, gt=0)
    """How often the figures are written down, for vita metrics and for the next start."""
    pressure: bool = True
    """Free memory in steps when it runs low; undone afterwards."""
    pressure_seconds: float = Field(default=5.0, gt=0)
    """How often memory is looked at."""
    pressure_available_mb: Several[int] = (800, 600, 450, 300, 200)
    """Available memory, in MB, below which the first, second, … step is taken."""
    pressure_rss_mb: int = Field(default=2000, ge=0)
    """VITA's own memory with its children, in MB, above which steps are taken one after the other; 0 for no limit."""
    pressure_stall: float = Field(default=20.0, ge=0, le=100)
    """Percentage of time that programs waited for memory (Linux PSI), above which steps are taken; 0 to leave it out."""
    pressure_dwell_seconds: float = Field(default=30.0, ge=0)
    """Shortest time between two steps down that do not get worse, and of calm before a step is undone."""

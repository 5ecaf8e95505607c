"""The store that the settings ask for."""

from __future__ import annotations

from vita_tui.clock import Clock
from vita_tui.events import EventBus
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.store import Store
from vita_tui.settings import SessionSettings

__all__ = ["make_manager", "make_store"]


def make_store(settings: SessionSettings, clock: Clock | None = None, *, reading: bool = False) -> Store:
    """The store of `settings.store`, not open yet; `reading` for whoever will only look."""
    if settings.store == "redis":
        from vita_tui.sessions.redis import RedisStore

        return RedisStore(settings.redis_url.get_secret_value(), idle_seconds=settings.idle_hours * 3600)
    if settings.store == "memory":
        from vita_tui.sessions.memory import MemoryStore

        return MemoryStore(max_sessions=settings.max_live, clock=clock)
    from vita_tui.sessions.sqlite import SqliteStore

    return SqliteStore(clock=clock, reading=reading)


def make_manager(
    settings: SessionSettings, clock: Clock | None = None, bus: EventBus | None = None
) -> SessionManager:
    """A manager on that store, not open yet."""
    return SessionManager(make_store(settings, clock), settings, clock, bus)

"""The store that the settings ask for, opened for one command, and the conversation that an id means there."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from vita_tui.cli.output import plain, run_async, say

if TYPE_CHECKING:
    from vita_tui.events import Notice
    from vita_tui.sessions.session import Session
    from vita_tui.sessions.store import Store
    from vita_tui.settings import SessionSettings

__all__ = ["ID_DIGITS", "load_session", "one_line", "resolve_id", "session_settings", "with_store"]

T = TypeVar("T")

ID_DIGITS = 8
"""Digits of an id that are shown."""


def session_settings() -> SessionSettings:
    from vita_tui import settings

    return settings.load().sessions


def with_store(work: Callable[[Store], Awaitable[T]], *, reading: bool = False) -> T:
    """Run `work` on the store that the settings ask for.

    Args:
        reading: `work` only looks, which a disk that cannot be written does not prevent.

    Raises:
        StoreError: it cannot be opened, or it is the one that keeps nothing.
    """
    from vita_tui.sessions.store import DamagedError

    async def run() -> T:
        async with _opened(reading) as store:
            try:
                return await work(store)
            except DamagedError:  # seen on the way: opening it again saves what can be read
                _tell(await store.open())
                return await work(store)
            finally:
                _tell(store.counters.news())

    return run_async(run())


def _tell(notices: Iterable[Notice]) -> None:
    for notice in notices:
        say(f"{notice.title}: {notice.message} {notice.remedy}".rstrip())


@contextlib.asynccontextmanager
async def _opened(reading: bool) -> AsyncIterator[Store]:
    from vita_tui.errors import StoreError
    from vita_tui.sessions.stores import make_store

    settings = session_settings()
    if settings.store == "memory":
        raise StoreError(
            "Conversations are not kept: the memory store forgets them when the program ends.",
            remedy="Set sessions.store to sqlite, or VITA_SESSIONS__STORE=sqlite.",
        )
    store = make_store(settings, reading=reading)
    try:
        _tell(await store.open())
        yield store
    finally:
        await store.cleanup()


async def resolve_id(store: Store, session_id: str) -> str:
    """The whole id that is meant.

    Raises:
        StoreError: none or several are.
    """
    from vita_tui.errors import StoreError

    if session_id == "latest":
        newest = await store.recent(1, 0)
        if not newest:
            raise StoreError("There are no conversations yet.", remedy="Begin one: vita")
        return newest[0].id
    found = await store.find(session_id, 6) if session_id else []
    if session_id in found or len(found) == 1:
        return session_id if session_id in found else found[0]
    if not found:
        raise StoreError(
            f"There is no conversation {one_line(session_id)}.", remedy="See: vita sessions list"
        )
    some = ", ".join(one_line(id_)[: max(ID_DIGITS, len(session_id) + 4)] for id_ in found[:5])
    raise StoreError(
        f"Several conversations begin with {one_line(session_id)}: {some}.", remedy="Give more digits."
    )


async def load_session(store: Store, session_id: str) -> Session:
    from vita_tui.errors import StoreError

    session = await store.read(await resolve_id(store, session_id))
    if session is None:
        raise StoreError(f"Conversation {one_line(session_id)} was deleted a moment ago.")
    return session


def one_line(text: str) -> str:
    """`text` on one line, without control characters."""
    return " ".join(plain(text).split())

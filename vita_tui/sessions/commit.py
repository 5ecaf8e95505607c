"""Bringing a change into a store, whoever else writes the same session at the same time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

from vita_tui.errors import StoreError
from vita_tui.sessions.session import Session, SessionChange, apply
from vita_tui.sessions.store import ConflictError, MissingError, Store

__all__ = ["commit", "offer"]

ATTEMPTS = 400
"""Writes that may meet a newer version before the change is put off."""


async def commit(
    store: Store,
    session_id: str,
    change: SessionChange,
    *,
    image: Session | None,
    begun: Session | None = None,
    now: float,
    on_conflict: Callable[[], None],
) -> Session:
    """Write a change; on a conflict read, join and write again. Returns the session as it then is in the store.

    Args:
        image: the record as it was seen last; read from the store when None.
        begun: what to begin with when the store has none.
        now: seconds since 1970, for a record that begins again.

    Raises:
        MissingError: the store has no such session, and there is neither an image nor a beginning of it.
        StoreError: the store failed, or others wrote every time.
    """
    for attempt in range(ATTEMPTS):
        image = image or await store.read(session_id)
        try:
            if image is None:
                if begun is None:
                    raise MissingError(f"There is no conversation {session_id}.", deleted=False)
                fresh = apply(begun, change)
                return replace(fresh, version=await store.create(fresh))
            try:
                version = await store.write(session_id, change, expected=image.version)
            except MissingError as error:
                fresh = _begin_again(image, change, now, deleted=error.deleted)
                return replace(fresh, version=await store.create(fresh))
            return apply(image, change, version=version)
        except ConflictError:
            on_conflict()
            stored = await store.read(session_id)
            if image is not None and stored is not None:
                change = _with_lost_turns(stored, image, change)
            image = stored
            # Chance spreads those who met, and the more often they meet the wider.
            await asyncio.sleep(random.uniform(0, min(0.25, 0.001 * 2**attempt)))  # noqa: S311 - no secret
    raise StoreError(f"Conversation {session_id} is written by too many others at once.")


def _begin_again(image: Session, change: SessionChange, now: float, *, deleted: bool) -> Session:
    """The record is gone. What was deleted stays deleted; what the store has lost is brought back from memory."""
    if deleted:
        return apply(Session(image.id, "", now, now, settings=image.settings), change)
    return apply(image, change, version=image.version + 1)


def _with_lost_turns(stored: Session, image: Session, change: SessionChange) -> SessionChange:
    """`change` with those turns that were in the record once and are not now.

    Turns are never taken out one by one: where the record is of the same conversation (it began at the same moment) and lacks
    some, the store has lost them.
    """
    if stored.created != image.created:
        return change
    there = {turn.id for turn in stored.turns}
    lost = tuple(turn for turn in image.turns if turn.id not in there)
    return SessionChange(lost).joined(change) if lost else change


async def offer(store: Store, session: Session) -> None:
    """Bring back a session that was in the store and that the store has lost; does nothing when it is there or was deleted."""
    if session.version == 0 or await store.version(session.id) is not None:
        return
    try:
        await store.write(session.id, SessionChange(), expected=session.version)
    except ConflictError:
        return
    except MissingError as error:
        if error.deleted:
            return
        try:
            await store.create(session)
        except ConflictError:
            return  # someone else was quicker

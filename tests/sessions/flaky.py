"""A store in front of another that goes away when told to."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TypeVar

from vita_tui.errors import StoreError
from vita_tui.events import Notice
from vita_tui.sessions.memory import MemoryStore
from vita_tui.sessions.session import Hit, Session, SessionChange, SessionSummary

T = TypeVar("T")


class FlakyStore(MemoryStore):
    """A memory store that can be `down`, or answer nothing although it did what was asked (`mute` that many times)."""

    name = "flaky"

    def __init__(self, *, max_sessions: int = 100_000) -> None:
        super().__init__(max_sessions=max_sessions)
        self.down = False
        self.mute = 0

    async def _through(self, work: Awaitable[T]) -> T:
        if self.down:
            work.close()  # type: ignore[attr-defined] # always a coroutine here
            raise self._failure()
        result = await work
        if self.mute:
            self.mute -= 1
            raise self._failure()
        return result

    def _failure(self) -> StoreError:
        self.counters.failed()
        return StoreError("The flaky store does not answer.")

    async def open(self) -> Sequence[Notice]:
        return await self._through(super().open())

    async def create(self, session: Session) -> int:
        return await self._through(super().create(session))

    async def read(self, session_id: str) -> Session | None:
        return await self._through(super().read(session_id))

    async def version(self, session_id: str) -> int | None:
        return await self._through(super().version(session_id))

    async def write(self, session_id: str, change: SessionChange, *, expected: int) -> int:
        return await self._through(super().write(session_id, change, expected=expected))

    async def delete(self, session_id: str) -> bool:
        return await self._through(super().delete(session_id))

    async def recent(self, limit: int, offset: int, *, archived: bool = False) -> list[SessionSummary]:
        return await self._through(super().recent(limit, offset, archived=archived))

    async def search(self, words: str, limit: int) -> list[Hit]:
        return await self._through(super().search(words, limit))

    async def sweep(self, idle: float) -> int:
        return await self._through(super().sweep(idle))

    def forget(self) -> None:
        """Lose everything, as a server without a disk does when it is started anew."""
        self._records.clear()
        self._deleted.clear()

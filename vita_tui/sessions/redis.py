"""The store that several terminals share: a Redis server.

A session is one hash, `vita:session:ID`: its fields, and each turn as `turn:TURNID` holding its place and its JSON. It stays until
somebody deletes it. `vita:sessions` orders the ids by last use. Whatever reads and then writes is a script, which Redis runs as one
step. A deleted session leaves `vita:deleted:ID` for the idle limit, so that a terminal that still shows it knows the difference
between deleted and forgotten.

A store belongs to the event loop that opened it. Timeouts are short and nothing is tried twice: the manager keeps what could
not be sent and sends it later.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vita_tui.clock import Clock, SystemClock
from vita_tui.errors import StoreError
from vita_tui.events import Notice
from vita_tui.health.registry import registry
from vita_tui.sessions.memory import search_sessions
from vita_tui.sessions.redis_scripts import DELETE, PUT, SWEEP
from vita_tui.sessions.search import Query
from vita_tui.sessions.session import (
    ARCHIVED,
    Hit,
    Session,
    SessionChange,
    SessionSummary,
    Turn,
    as_count,
    as_mapping,
    as_seconds,
    as_summary,
    decode_turn,
    encode_turn,
    title_from,
)
from vita_tui.sessions.store import PROBE_PREFIX, ConflictError, Counted, Counters, MissingError, closed_error
from vita_tui.text.urls import host_port, secrets_in, without_secrets

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["RedisStore"]

_INDEX = "vita:sessions"
_ACTIVITY = "vita:activity"
_TOTALS = "vita:totals"
_TOTAL_FIELDS = ("created", "updated", "deleted")
_PAGE = 100

_SUMMARY = ("title", "created", "last_active", "turns", "tokens", "version")


class RedisStore:
    """Keeps sessions in a Redis server.

    Args:
        url: `redis://`, `rediss://` or `unix://`; a password in it is never shown.
        idle_seconds: how long it is remembered that a session was deleted.
        timeout: seconds for connecting and for each answer.
    """

    name = "redis"

    def __init__(
        self,
        url: str,
        *,
        idle_seconds: float = 86_400.0,
        timeout: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        self.counters = Counters()
        self._url = url
        self._ttl = max(1, round(idle_seconds * 1000))
        self._timeout = timeout
        self._clock = clock or SystemClock()
        self._client: Redis | None = None
        self._entry: Any = None
        self._errors: tuple[type[Exception], ...] = ()

    @property
    def place(self) -> str:
        """Where the server is, without user and password."""
        shown = without_secrets(self._url).partition("?")[0].replace("…@", "")
        return shown.removeprefix("unix://") if shown.startswith("unix:") else host_port(shown)

    # ---- life

    async def open(self) -> Sequence[Notice]:
        """Connect and ask for a sign of life.

        Raises:
            StoreError: the `redis` extra is missing, the URL is wrong, or the server is away.
        """
        if importlib.util.find_spec("redis") is None:
            self.counters.failed()
            raise StoreError(
                "Sharing conversations over Redis needs an extra package.",
                remedy="Try: pip install 'vita-tui[redis]'",
            )
        if self._client is None:
            await self._connect()
        await self._ask(self._redis().ping())
        return ()

    async def _connect(self) -> None:
        def make() -> tuple[Redis, type[Exception]]:
            from redis.asyncio import BlockingConnectionPool, Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import RedisError

            pool = BlockingConnectionPool.from_url(
                self._url,
                socket_connect_timeout=min(0.5, self._timeout),
                socket_timeout=self._timeout,
                retry=Retry(NoBackoff(), 0),
                decode_responses=True,
                encoding_errors="replace",
                max_connections=8,
                timeout=self._timeout,
            )
            pool.connection_class(
                **pool.connection_kwargs
            )  # an option of the URL that there is none of is told now
            return Redis.from_pool(pool), RedisError

        try:
            # Importing the client takes longer than the loop may wait.
            self._client, error = await asyncio.to_thread(make)
        except (ValueError, TypeError):  # what they say may quote the password
            self.counters.failed()
            raise StoreError(
                "The address of the Redis server cannot be understood.",
                remedy="Set sessions.redis_url to redis://HOST:PORT/0",
            ) from None
        self._errors = (error, OSError, TimeoutError)
        self._entry = registry.register(self._client, kind="client", name=self.place, owner="sessions.redis")

    async def cleanup(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(*self._errors):  # it may be gone already
                await client.aclose()
            self._entry.leave()

    async def _ask(self, answer: Any) -> Any:
        """What redis-py, whose types promise both a value and a wait for it, answers to one command."""
        try:
            return await answer
        except self._errors as error:
            if self._client is not None and _is_read_only(error):
                # It has become a replica: its address may lead to the new primary by now.
                await self._client.connection_pool.disconnect()
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> StoreError:
        self.counters.failed()
        reason = str(error).rstrip(".") or type(error).__name__
        for secret in (self._url, *secrets_in(self._url)):
            reason = reason.replace(secret, "…")
        return StoreError(
            f"The Redis server at {self.place} does not answer: {reason}.", remedy="Start it, then try again."
        )

    def _redis(self) -> Redis:
        if self._client is None:
            self.counters.failed()
            raise closed_error(self.name)
        return self._client

    # ---- work

    async def create(self, session: Session) -> int:
        version = max(1, session.version)
        change = SessionChange(session.turns, session.title, session.last_active)
        await self._put(session.id, change, created=session, version=version)
        self.counters.created(session.id)
        return version

    async def write(self, session_id: str, change: SessionChange, *, expected: int) -> int:
        version = await self._put(session_id, change, expected=expected)
        self.counters.updated(session_id)
        return version

    async def _put(
        self,
        session_id: str,
        change: SessionChange,
        *,
        expected: int = 0,
        created: Session | None = None,
        version: int = 0,
    ) -> int:
        arguments: list[str] = [
            session_id,
            "create" if created else "write",
            str(expected),
            str(version),
            str(self._ttl),
            change.title or "",
            title_from(change.turns),
            repr(created.created) if created else "0",
            repr(change.last_active),
            _settings_of(change, created),
        ]
        for turn in change.turns:
            arguments += [turn.id, encode_turn(turn), str(turn.tokens)]
        keys = [f"vita:session:{session_id}", _INDEX, _ACTIVITY, f"vita:deleted:{session_id}", _TOTALS]
        answer = await self._run(PUT, keys, arguments)
        verdict, detail = answer
        if verdict == "conflict":
            raise ConflictError(f"Conversation {session_id} is at version {detail}, not {expected}.")
        if verdict == "missing":
            raise MissingError(f"There is no conversation {session_id}.", deleted=detail == "1")
        return int(detail)

    async def _run(self, script: str, keys: list[str], arguments: list[str]) -> Any:
        # `register_script` sends a digest, and the script itself when a server started anew has not seen it.
        return await self._ask(self._redis().register_script(script)(keys=keys, args=arguments))

    async def read(self, session_id: str) -> Session | None:
        fields = await self._ask(self._redis().hgetall(f"vita:session:{session_id}"))
        return self._session(session_id, fields) if fields else None

    async def version(self, session_id: str) -> int | None:
        found = await self._ask(self._redis().hget(f"vita:session:{session_id}", "version"))
        return None if found is None else as_count(found)

    async def delete(self, session_id: str) -> bool:
        keys = [f"vita:session:{session_id}", _INDEX, f"vita:deleted:{session_id}", _TOTALS]
        was_there = bool(await self._run(DELETE, keys, [session_id, str(self._ttl)]))
        if was_there:
            self.counters.deleted(session_id)
        return was_there

    async def recent(self, limit: int, offset: int, *, archived: bool = False) -> list[SessionSummary]:
        found: list[SessionSummary] = []
        for ids in await self._pages():
            for id_, (*row, settings) in await self._each(ids, "hmget", *_SUMMARY, "settings"):
                away = as_mapping(settings).get(ARCHIVED) is True
                if row[5] is not None and away is archived and (shown := as_summary(id_, *row)).turns:
                    found.append(shown)
            if len(found) >= offset + limit:
                break
        return found[offset : offset + limit]

    async def _pages(self) -> list[list[str]]:
        """The ids of all sessions, the last used first."""
        found: list[str] = await self._ask(self._redis().zrevrange(_INDEX, 0, -1))
        ids = [id_ for id_ in found if not id_.startswith(PROBE_PREFIX)]
        return [ids[start : start + _PAGE] for start in range(0, len(ids), _PAGE)]

    async def _each(self, ids: Sequence[str], command: str, *arguments: str) -> Sequence[tuple[str, Any]]:
        """What `command` answers of each session, but for those whose name something else uses; in one trip.

        Raises:
            StoreError: the server refused.
        """
        found = []
        async with self._redis().pipeline(transaction=False) as pipe:
            for id_ in ids:
                getattr(pipe, command)(f"vita:session:{id_}", *arguments)
            rows = await self._ask(pipe.execute(raise_on_error=False))
        for id_, row in zip(ids, rows, strict=True):
            if not isinstance(row, Exception):
                found.append((id_, row))
            elif str(row).startswith("WRONGTYPE"):
                self.counters.skipped(f"session {id_}")
            else:
                raise self._refusal(row)
        return found

    async def find(self, prefix: str, limit: int) -> list[str]:
        found: list[str] = []
        for ids in await self._pages():
            matching = [id_ for id_ in ids if id_.startswith(prefix)]
            found += [id_ for id_ in matching if await self.version(id_) is not None]
            if len(found) >= limit:
                break
        return found[:limit]

    async def search(self, words: str, limit: int) -> list[Hit]:
        """Reads the conversations, the last used first, until enough is found: Redis has no index of words."""
        query = Query.of(words)
        hits: list[Hit] = []
        if query is None:
            return hits
        for ids in await self._pages():
            rows = await self._each(ids, "hgetall")
            hits += await asyncio.to_thread(self._search, rows, query, limit - len(hits))
            if len(hits) >= limit:
                break
        return hits[:limit]

    def _search(self, rows: Sequence[tuple[str, Any]], query: Query, limit: int) -> list[Hit]:
        sessions = [self._session(id_, row) for id_, row in rows if row]
        return search_sessions(sessions, query, limit)

    def _session(self, session_id: str, fields: dict[str, str]) -> Session:
        """A session from the fields of its hash; a turn that something else has written and that is none is left out."""
        turns: list[Turn] = []
        for name in sorted((key for key in fields if key.startswith("turn:")), key=fields.__getitem__):
            try:
                turns.append(decode_turn(fields[name].split(" ", 2)[2]))
            except (ValueError, IndexError, RecursionError):
                self.counters.skipped(f"{session_id} {name}")
        return Session(
            id=session_id,
            title=fields.get("title", ""),
            created=as_seconds(fields.get("created")),
            last_active=as_seconds(fields.get("last_active")),
            turns=tuple(turns),
            settings=as_mapping(fields.get("settings")),
            version=as_count(fields.get("version")),
        )

    async def count(self) -> int:
        pages = [[f"vita:session:{id_}" for id_ in ids] for ids in await self._pages()]
        return sum([await self._ask(self._redis().exists(*names)) for names in pages])

    async def size(self) -> int | None:
        return None

    async def totals(self) -> Counted:
        fields = await self._ask(self._redis().hmget(_TOTALS, *_TOTAL_FIELDS))
        created, updated, deleted = map(as_count, fields)
        return replace(
            self.counters.now(), total_created=created, total_updated=updated, total_deleted=deleted
        )

    async def sweep(self, idle: float) -> int:
        """Remove sessions without a word; all others are kept, those too that an earlier VITA let expire."""
        removed = 0
        before = repr(self._clock.time() - idle)
        ids = await self._ask(self._redis().zrange(_INDEX, 0, -1))
        for start in range(0, len(ids), _PAGE):
            page = ids[start : start + _PAGE]
            keys = [_INDEX, *(f"vita:session:{id_}" for id_ in page)]
            removed += int(await self._run(SWEEP, keys, [before, *page]))
        return removed


def _settings_of(change: SessionChange, created: Session | None) -> str:
    """As JSON; empty where they stay as they are."""
    settings = created.settings if created is not None else change.settings
    return "" if settings is None else json.dumps(dict(settings))


def _is_read_only(error: Exception) -> bool:
    """Whether a server refuses to write since it is a replica: by its code, which servers before 7 give within a script's error."""
    from redis.exceptions import ReadOnlyError

    return isinstance(error, ReadOnlyError) or "-READONLY " in str(error)

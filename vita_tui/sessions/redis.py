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
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

from vita_tui.clock import Clock, SystemClock
from vita_tui.errors import StoreError
from vita_tui.events import Notice
from vita_tui.health.registry import registry
from vita_tui.sessions.memory import search_sessions
from vita_tui.sessions.search import Query
from vita_tui.sessions.session import (
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

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["RedisStore"]

T = TypeVar("T")

_INDEX = "vita:sessions"
_ACTIVITY = "vita:activity"
_TOTALS = "vita:totals"
_TOTAL_FIELDS = ("created", "updated", "deleted")
_PAGE = 100

# KEYS: session, index, activity, deleted, totals. ARGV: id, mode, expected, version, ttl in ms, title, automatic title, created, last
# active, settings, then for each turn its id, JSON and tokens. Returns {"ok", version}, {"conflict", version} or
# {"missing", deleted?}.
_PUT = """
local version = redis.call('HGET', KEYS[1], 'version')
local next
if ARGV[2] == 'create' then
  if version then return {'conflict', version} end
  redis.call('HSET', KEYS[1], 'created', ARGV[8], 'last_active', ARGV[9], 'settings', ARGV[10],
    'title', ARGV[6], 'turns', 0, 'tokens', 0)
  redis.call('DEL', KEYS[4])
  next = ARGV[4]
else
  if not version then return {'missing', tostring(redis.call('EXISTS', KEYS[4]))} end
  if version ~= ARGV[3] then return {'conflict', version} end
  next = string.format('%d', tonumber(version) + 1)
  if tonumber(ARGV[9]) > tonumber(redis.call('HGET', KEYS[1], 'last_active')) then
    redis.call('HSET', KEYS[1], 'last_active', ARGV[9])
  end
  if ARGV[6] ~= '' then
    redis.call('HSET', KEYS[1], 'title', ARGV[6])
  elseif ARGV[7] ~= '' and redis.call('HGET', KEYS[1], 'title') == '' then
    redis.call('HSET', KEYS[1], 'title', ARGV[7])
  end
end
for i = 11, #ARGV, 3 do
  local field = 'turn:' .. ARGV[i]
  local old = redis.call('HGET', KEYS[1], field)
  local place
  if old then
    place = string.sub(old, 1, 8)
    local a, b = string.find(old, ' ', 10, true)
    redis.call('HINCRBY', KEYS[1], 'tokens', tonumber(ARGV[i + 2]) - tonumber(string.sub(old, 10, a - 1)))
  else
    place = string.format('%08d', redis.call('HINCRBY', KEYS[1], 'turns', 1))
    redis.call('HINCRBY', KEYS[1], 'tokens', ARGV[i + 2])
  end
  redis.call('HSET', KEYS[1], field, place .. ' ' .. ARGV[i + 2] .. ' ' .. ARGV[i + 1])
end
redis.call('HSET', KEYS[1], 'version', next)
redis.call('PERSIST', KEYS[1])
if string.sub(ARGV[1], 1, 6) == 'probe-' then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
redis.call('ZADD', KEYS[2], redis.call('INCR', KEYS[3]), ARGV[1])
if string.sub(ARGV[1], 1, 6) ~= 'probe-' then
  redis.call('HINCRBY', KEYS[5], (ARGV[2] == 'create') and 'created' or 'updated', 1)
end
return {'ok', next}
"""

_DELETE = """
redis.call('ZREM', KEYS[2], ARGV[1])
local was_there = redis.call('DEL', KEYS[1])
if string.sub(ARGV[1], 1, 6) ~= 'probe-' then
  redis.call('SET', KEYS[3], '1', 'PX', ARGV[2])
  redis.call('HINCRBY', KEYS[4], 'deleted', was_there)
end
return was_there
"""

# KEYS: index, then the sessions with the ids in ARGV behind the moment before which a session without turns is let go.
_SWEEP = """
local removed = 0
for i = 2, #ARGV do
  local fields = redis.pcall('HMGET', KEYS[i], 'turns', 'last_active')
  if not fields[1] then
    redis.call('ZREM', KEYS[1], ARGV[i])
  elseif fields[1] == '0' and (tonumber(fields[2] or '') or 0) < tonumber(ARGV[1]) then
    redis.call('ZREM', KEYS[1], ARGV[i])
    removed = removed + redis.call('DEL', KEYS[i])
  elseif string.sub(ARGV[i], 1, 6) ~= 'probe-' then
    redis.call('PERSIST', KEYS[i])
  end
end
return removed
"""

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
        try:
            parts = urlsplit(self._url)
            if parts.scheme == "unix":
                return parts.path
            return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
        except ValueError:  # whose words would quote a password
            return "an address that is none"

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
        client = self._client
        assert client is not None
        await self._ask(cast("Awaitable[Any]", client.ping()))
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

    async def _ask(self, answer: Awaitable[T]) -> T:
        try:
            return await answer
        except self._errors as error:
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> StoreError:
        self.counters.failed()
        reason = self._without_secrets(str(error)).rstrip(".") or type(error).__name__
        return StoreError(
            f"The Redis server at {self.place} does not answer: {reason}.", remedy="Start it, then try again."
        )

    def _without_secrets(self, text: str) -> str:
        """`text` without the URL and what in it may be a secret."""
        text = text.replace(self._url, self.place)
        address, _, query = self._url.partition("?")
        login = address.partition("//")[2].rpartition("@")[0]
        secrets = [*login.split(":", 1), *(pair.partition("=")[2] for pair in query.split("&"))]
        for secret in sorted(filter(None, {*secrets, *map(unquote, secrets)}), key=len, reverse=True):
            text = text.replace(secret, "…") if len(secret) > 3 else text
        return text

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
            "create" if created is not None else "write",
            str(expected),
            str(version),
            str(self._ttl),
            _utf8(change.title or ""),
            _utf8(title_from(change.turns)),
            repr(created.created) if created is not None else "0",
            repr(change.last_active),
            json.dumps(dict(created.settings)) if created is not None else "",
        ]
        for turn in change.turns:
            arguments += [turn.id, _utf8(encode_turn(turn)), str(turn.tokens)]
        keys = [f"vita:session:{session_id}", _INDEX, _ACTIVITY, f"vita:deleted:{session_id}", _TOTALS]
        answer = await self._run(_PUT, keys, arguments)
        verdict, detail = answer
        if verdict == "conflict":
            raise ConflictError(f"Conversation {session_id} is at version {detail}, not {expected}.")
        if verdict == "missing":
            raise MissingError(f"There is no conversation {session_id}.", deleted=detail == "1")
        return int(detail)

    async def _run(self, script: str, keys: list[str], arguments: list[str]) -> Any:
        # `register_script` sends a digest, and the script itself when a server started anew has not seen it.
        return await self._ask(
            cast("Awaitable[Any]", self._redis().register_script(script)(keys=keys, args=arguments))
        )

    async def read(self, session_id: str) -> Session | None:
        client = self._redis()
        fields = await self._ask(
            cast("Awaitable[dict[str, str]]", client.hgetall(f"vita:session:{session_id}"))
        )
        return self._session(session_id, fields) if fields else None

    async def version(self, session_id: str) -> int | None:
        client = self._redis()
        found = await self._ask(
            cast("Awaitable[str | None]", client.hget(f"vita:session:{session_id}", "version"))
        )
        return None if found is None else as_count(found)

    async def delete(self, session_id: str) -> bool:
        keys = [f"vita:session:{session_id}", _INDEX, f"vita:deleted:{session_id}", _TOTALS]
        was_there = bool(await self._run(_DELETE, keys, [session_id, str(self._ttl)]))
        if was_there:
            self.counters.deleted(session_id)
        return was_there

    async def recent(self, limit: int, offset: int) -> list[SessionSummary]:
        found: list[SessionSummary] = []
        for ids in await self._pages():
            found += await self._summaries(ids)
            if len(found) >= offset + limit:
                break
        return found[offset : offset + limit]

    async def _ids(self) -> list[str]:
        ids = await self._ask(cast("Awaitable[list[str]]", self._redis().zrevrange(_INDEX, 0, -1)))
        return [id_ for id_ in ids if not id_.startswith(PROBE_PREFIX)]

    async def _pages(self) -> list[list[str]]:
        ids = await self._ids()
        return [ids[start : start + _PAGE] for start in range(0, len(ids), _PAGE)]

    async def _summaries(self, ids: Sequence[str]) -> list[SessionSummary]:
        """Of those that are there and have turns."""
        async with self._redis().pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.hmget(f"vita:session:{id_}", *_SUMMARY)
            rows = await self._ask(cast("Awaitable[list[Any]]", pipe.execute(raise_on_error=False)))
        found = [as_summary(id_, *row) for id_, row in self._readable(ids, rows) if row[5] is not None]
        return [summary for summary in found if summary.turns]

    def _readable(self, ids: Sequence[str], rows: Sequence[Any]) -> Iterator[tuple[str, Any]]:
        """Each id with its answer, but for those whose name something else uses.

        Raises:
            StoreError: the server refused.
        """
        for id_, row in zip(ids, rows, strict=True):
            if not isinstance(row, Exception):
                yield id_, row
            elif str(row).startswith("WRONGTYPE"):
                self.counters.skipped(f"session {id_}")
            else:
                raise self._refusal(row)

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
            async with self._redis().pipeline(transaction=False) as pipe:
                for id_ in ids:
                    pipe.hgetall(f"vita:session:{id_}")
                rows = await self._ask(cast("Awaitable[list[Any]]", pipe.execute(raise_on_error=False)))
            hits += await asyncio.to_thread(self._search, ids, rows, query, limit - len(hits))
            if len(hits) >= limit:
                break
        return hits[:limit]

    def _search(self, ids: Sequence[str], rows: Sequence[Any], query: Query, limit: int) -> list[Hit]:
        sessions = [self._session(id_, row) for id_, row in self._readable(ids, rows) if row]
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
        total = 0
        for ids in await self._pages():
            total += await self._existing(ids)
        return total

    async def _existing(self, ids: Sequence[str]) -> int:
        names = [f"vita:session:{id_}" for id_ in ids]
        return int(await self._ask(self._redis().exists(*names))) if names else 0

    async def size(self) -> int | None:
        return None

    async def totals(self) -> Counted:
        client = self._redis()
        fields = await self._ask(cast("Awaitable[list[str | None]]", client.hmget(_TOTALS, *_TOTAL_FIELDS)))
        created, updated, deleted = map(as_count, fields)
        return replace(
            self.counters.now(), total_created=created, total_updated=updated, total_deleted=deleted
        )

    async def sweep(self, idle: float) -> int:
        """Remove sessions without a word; all others are kept, those too that an earlier VITA let expire."""
        removed = 0
        before = repr(self._clock.time() - idle)
        ids = await self._ask(cast("Awaitable[list[str]]", self._redis().zrange(_INDEX, 0, -1)))
        for start in range(0, len(ids), _PAGE):
            page = ids[start : start + _PAGE]
            keys = [_INDEX, *(f"vita:session:{id_}" for id_ in page)]
            removed += int(await self._run(_SWEEP, keys, [before, *page]))
        return removed


def _utf8(text: str) -> str:
    """`text` without lone surrogates, which UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")

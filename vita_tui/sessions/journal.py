"""What could not be stored yet: kept in memory, bounded, and on disk in case the program ends before the store is back.

There is one entry for each session; turns are joined by their id. So the journal grows with what was said and not with how
often it was written, and sending an entry twice does no harm.

The file is `unsent/STORE-PID-START.jsonl` in the data folder, one JSON object a line, and is removed when all has been sent. A
program that finds the file of one that no longer runs takes it over.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from vita_tui import paths
from vita_tui.errors import StoreError
from vita_tui.sessions.session import Session, SessionChange, decode_turn

__all__ = ["Journal", "Pending"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pending:
    """What one session's record lacks."""

    session_id: str
    begun: Session | None = None
    """The session as it began, when the store has never seen it; without turns."""
    change: SessionChange = field(default_factory=SessionChange)
    deleted: bool = False

    @property
    def size(self) -> int:
        return 1 + len(self.change.turns)

    def without(self, sent: Pending) -> Pending | None:
        """What is left when `sent`, an earlier state of this entry, has been stored; None when nothing is."""
        if self is sent:
            return None
        if sent.deleted and not self.deleted:
            return self  # begun again after the deletion
        stored = {turn.id: turn for turn in sent.change.turns}
        turns = tuple(turn for turn in self.change.turns if stored.get(turn.id) is not turn)
        title = None if self.change.title == sent.change.title else self.change.title
        settings = None if self.change.settings == sent.change.settings else self.change.settings
        if not turns and title is None and settings is None and not self.deleted:
            return None
        left = replace(self.change, turns=turns, title=title, settings=settings)
        return replace(self, begun=None, change=left)


class Journal:
    """Entries in the order of their first change; every method may be called from any thread.

    Args:
        store: name of the store that they are for.
        limit: most sessions and turns together; more is refused, so that a long outage does not eat the memory.
        folder: where the file goes; `unsent` in the data folder when None.
    """

    def __init__(self, store: str, *, limit: int = 10_000, folder: Path | None = None) -> None:
        self.limit = limit
        self._store = store
        self._folder = folder or paths.data_dir() / "unsent"
        self._file = self._folder / f"{store}-{_stamp(os.getpid())}.jsonl"
        self._lock = threading.RLock()
        self._file_lock = threading.Lock()
        self._entries: OrderedDict[str, Pending] = OrderedDict()
        self._size = 0
        self._unwritten: list[dict[str, Any]] = []
        self._on_disk = False

    def __len__(self) -> int:
        """How many sessions have something unsent."""
        return len(self._entries)

    @property
    def size(self) -> int:
        """Sessions and turns together."""
        return self._size

    def get(self, session_id: str) -> Pending | None:
        return self._entries.get(session_id)

    def pending(self) -> list[Pending]:
        with self._lock:
            return list(self._entries.values())

    def begin(self, session: Session) -> None:
        """A session that the store has not seen.

        Raises:
            StoreError: the journal is full.
        """
        entry = Pending(
            session.id,
            replace(session, turns=()),
            SessionChange(session.turns, last_active=session.last_active),
        )
        self._put(entry)
        self._note({"id": session.id, "begun": _session_data(session)})

    def add(self, session_id: str, change: SessionChange) -> None:
        """A change that the store lacks.

        Raises:
            StoreError: the journal is full.
        """
        with self._lock:
            old = self._entries.get(session_id)
            if old is None or old.deleted:
                entry = Pending(session_id, change=change)
            else:
                entry = replace(old, change=old.change.joined(change))
            self._put(entry)
            self._note({"id": session_id, "change": asdict(change)})

    def delete(self, session_id: str) -> None:
        with self._lock:
            self._put(Pending(session_id, deleted=True))
            self._note({"id": session_id, "deleted": True})

    def _put(self, entry: Pending) -> None:
        with self._lock:
            old = self._entries.get(entry.session_id)
            size = self._size + entry.size - (old.size if old is not None else 0)
            if size > self.limit and size > self._size:
                raise StoreError(
                    f"The {self._store} store has been away for so long that no more can be kept for it"
                    f" ({self._size} turns).",
                    remedy="Bring it back; what is kept is stored then.",
                )
            self._entries[entry.session_id] = entry
            self._size = size

    def settle(self, sent: Pending) -> None:
        """`sent`, as `pending` gave it, is in the store; what came since stays."""
        with self._lock:
            entry = self._entries.get(sent.session_id)
            if entry is None:
                return
            left = entry.without(sent)
            self._size += (left.size if left is not None else 0) - entry.size
            if left is None:
                del self._entries[sent.session_id]
            else:
                self._entries[sent.session_id] = left

    # ---- the file

    def _note(self, line: dict[str, Any]) -> None:
        with self._lock:
            self._unwritten.append(line)

    def save(self) -> None:
        """Write what is new to the file, or remove the file when nothing is unsent. Blocks for the disk.

        A disk that cannot be written costs only what the file is for: outliving the program.
        """
        with self._file_lock:
            with self._lock:
                lines, self._unwritten = self._unwritten, []
                empty = not self._entries
            try:
                if empty:
                    if self._on_disk:
                        self._file.unlink(missing_ok=True)
                        self._on_disk = False
                        with suppress(OSError):
                            self._folder.rmdir()
                elif lines:
                    paths.ensure_private_dir(self._folder)
                    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
                    with os.fdopen(os.open(self._file, flags, 0o600), "w", encoding="utf-8") as file:
                        self._on_disk = True
                        file.writelines(json.dumps(line) + "\n" for line in lines)
            except OSError as error:
                log.warning("unsent turns are in memory only: %s", error)

    def adopt(self) -> int:
        """Take over what programs that no longer run have left unsent; returns how many sessions. Blocks for the disk."""
        taken = 0
        for file in sorted(self._folder.glob(f"{self._store}-*.jsonl")):
            stamp = file.stem.removeprefix(f"{self._store}-")
            if file == self._file or _stamp(_pid(stamp)) == stamp:
                continue
            mine = file.with_name(f"{self._file.name}.taken")
            try:
                file.rename(mine)  # of several programs one succeeds
                lines = mine.read_text(encoding="utf-8").splitlines()
            except OSError as error:
                log.info("unsent turns in %s were not taken over: %s", file, error)
                continue
            before = len(self)
            for line in lines:
                self._replay(line)
            taken += len(self) - before
            self.save()
            with suppress(OSError):
                mine.unlink()
        return taken

    def _replay(self, line: str) -> None:
        try:
            data = json.loads(line)
            if "begun" in data:
                self.begin(_session_of(data["id"], data["begun"]))
            elif "change" in data:
                self.add(data["id"], _change_of(data["change"]))
            elif data.get("deleted"):
                self.delete(data["id"])
        except (ValueError, KeyError, TypeError) as error:
            log.warning(
                "a line of unsent turns cannot be read: %s", error
            )  # cut off by the end of the program
        except StoreError as error:
            log.warning("%s", error)


def _session_data(session: Session) -> dict[str, Any]:
    return {
        "title": session.title,
        "created": session.created,
        "last_active": session.last_active,
        "settings": dict(session.settings),
    }


def _session_of(session_id: str, data: dict[str, Any]) -> Session:
    return Session(session_id, data["title"], data["created"], data["last_active"], settings=data["settings"])


def _change_of(data: dict[str, Any]) -> SessionChange:
    turns = tuple(decode_turn(json.dumps(turn)) for turn in data["turns"])
    return SessionChange(turns, data["title"], data["last_active"], data.get("settings"))


def _pid(stamp: str) -> int:
    number = stamp.partition("-")[0]
    return int(number) if number.isdigit() else 0


def _stamp(pid: int) -> str:
    """`PID-START` of a running process: a number that was used again has another start. Empty when it does not run."""
    import psutil

    try:
        return f"{pid}-{round(psutil.Process(pid).create_time())}" if pid > 0 else ""
    except psutil.Error:
        return ""

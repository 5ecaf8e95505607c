"""The pages of a SQLite file, read without SQLite: rows are found wherever a page of them is whole.

Only what is needed to save rows: leaf pages of tables, and of tables without row ids, with their overflow pages and with the
write-ahead log laid over the file. The layout is that of https://www.sqlite.org/fileformat2.html; section numbers refer to it.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Pages", "TableRow", "Value", "image"]

Value = int | float | str | bytes | None

MAGIC = b"SQLite format 3\0"
TABLE_LEAF, INDEX_LEAF = 13, 10
USUAL_SIZE = 4096
"""Bytes of a page, where the file does not tell any more."""
MAX_ROW_BYTES = 1 << 26
"""Bytes of a row; a longer one is no row."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of some table."""

    number: int
    """Its row id; 0 in a table without."""
    values: tuple[Value, ...]
    cut: bool
    """Its end was on a page that is gone: zeros take its place."""


class Pages:
    """The pages of `file`, as of the last transaction in its write-ahead log.

    Raises:
        OSError: it cannot be read.
    """

    def __init__(self, file: Path) -> None:
        self._data = _mapped(file)
        log = _mapped(file.with_name(f"{file.name}-wal"))
        header_is_whole = self._data[:16] == MAGIC
        size = _size(int.from_bytes(self._data[16:18], "big")) if header_is_whole else 0
        self.size = size or _size(int.from_bytes(log[8:12], "big")) or USUAL_SIZE
        self._log, last = _log_pages(log, self.size)
        self.count = max(-(-len(self._data) // self.size), last)
        first = self[1]
        self._usable = self.size - (first[20] if first[:16] == MAGIC and first[20] < 64 else 0)
        self._free = self._free_pages(first) if first[:16] == MAGIC else set()

    def __getitem__(self, number: int) -> bytes:
        """Page `number`, from 1; short or empty where the file ends."""
        found = self._log.get(number)
        return found if found is not None else self._data[(number - 1) * self.size : number * self.size]

    def _free_pages(self, first: bytes) -> set[int]:
        """Pages on the free list (1.5): what they hold was deleted."""
        free: set[int] = set()
        (trunk,) = struct.unpack_from(">I", first, 32)
        while 0 < trunk <= self.count and trunk not in free:
            free.add(trunk)
            page = self[trunk]
            if len(page) < 8:
                break
            trunk, leaves = struct.unpack_from(">II", page)
            leaves = min(leaves, (len(page) - 8) // 4)
            free.update(struct.unpack_from(f">{leaves}I", page, 8))
        return free

    def rows(self, kind: int = TABLE_LEAF) -> Iterator[TableRow]:
        """Every row that can be read, in the order of pages; `kind` is `TABLE_LEAF` or `INDEX_LEAF`."""
        for number in range(1, self.count + 1):
            page = self[number]
            start = 100 if number == 1 else 0
            if number in self._free or len(page) < start + 8 or page[start] != kind:
                continue
            cells = min(int.from_bytes(page[start + 3 : start + 5], "big"), (len(page) - start - 8) // 2)
            for place in struct.unpack_from(f">{cells}H", page, start + 8):
                try:
                    row = self._row(page, place, kind)
                except (IndexError, struct.error, ValueError):
                    continue
                yield row

    def _row(self, page: bytes, place: int, kind: int) -> TableRow:
        """The row of the cell at `place` (1.6).

        Raises:
            IndexError, struct.error, ValueError: there is none.
        """
        length, place = _varint(page, place)
        number = 0
        if kind == TABLE_LEAF:
            number, place = _varint(page, place)
        if not 0 < length < MAX_ROW_BYTES:
            raise ValueError("no row is so long")
        usable = self._usable
        most = usable - 35 if kind == TABLE_LEAF else (usable - 12) * 64 // 255 - 23
        if length <= most:
            payload, cut = page[place : place + length], False
        else:
            least = (usable - 12) * 32 // 255 - 23
            local = least + (length - least) % (usable - 4)
            local = local if local <= most else least
            (next_page,) = struct.unpack_from(">I", page, place + local)
            payload, cut = self._overflow(page[place : place + local], length, next_page)
        if len(payload) < length:
            raise ValueError("the cell goes beyond its page")
        return TableRow(number, _values(payload), cut)

    def _overflow(self, payload: bytes, length: int, number: int) -> tuple[bytes, bool]:
        parts, have, seen = [payload], len(payload), set[int]()
        while have < length:
            page = self[number] if 1 < number <= self.count and number not in seen else b""
            if len(page) < self.size:
                return b"".join(parts).ljust(length, b"\0"), True
            seen.add(number)
            parts.append(page[4 : min(self._usable, 4 + length - have)])
            have += len(parts[-1])
            number = int.from_bytes(page[:4], "big")
        return b"".join(parts), False


def image(file: Path) -> bytes:
    """The whole database as one file without a log, for `sqlite3.Connection.deserialize`.

    Raises:
        OSError: it cannot be read.
    """
    pages = Pages(file)
    whole = bytearray(b"".join(pages[number] for number in range(1, pages.count + 1)))
    whole[18:20] = b"\1\1"  # no write-ahead log, which memory cannot have (1.3)
    return bytes(whole)


def _mapped(file: Path) -> bytes | mmap.mmap:
    try:
        with file.open("rb") as stream:
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        if file.name.endswith("-wal"):
            return b""
        raise
    except ValueError:  # it is empty
        return b""


def _size(stated: int) -> int:
    """The size of a page as the file states it; 0 when that is none."""
    size = 65536 if stated == 1 else stated
    return size if 512 <= size <= 65536 and size & (size - 1) == 0 else 0


def _log_pages(log: bytes | mmap.mmap, size: int) -> tuple[dict[int, bytes], int]:
    """The newest page of each number in the write-ahead log (4.1), and how many pages the file has by it."""
    pages: dict[int, bytes] = {}
    waiting: dict[int, bytes] = {}
    count = 0
    if len(log) < 32 or int.from_bytes(log[8:12], "big") % 65536 != size % 65536:
        return pages, count
    salt = log[16:24]
    for place in range(32, len(log) - size - 23, size + 24):
        number, committed = struct.unpack_from(">II", log, place)
        if log[place + 8 : place + 16] != salt:
            break  # of an earlier round of the log
        waiting[number] = log[place + 24 : place + 24 + size]
        if committed:
            pages.update(waiting)
            waiting.clear()
            count = committed
    return pages, count


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of one to nine bytes, and the place behind it."""
    value = 0
    for _ in range(8):
        byte = data[place]
        place += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place
    return value << 8 | data[place], place + 1


def _values(payload: bytes) -> tuple[Value, ...]:
    """The columns of a record (2.1).

    Raises:
        IndexError, struct.error, ValueError: it is none.
    """
    end, place = _varint(payload, 0)
    if not 1 <= end <= len(payload) or end > 200:
        raise ValueError("no record")
    types = []
    while place < end:
        kind, place = _varint(payload, place)
        types.append(kind)
    values: list[Value] = []
    for kind in types:
        if kind >= 12:
            length = (kind - 12) // 2
            content = payload[place : place + length]
            if len(content) < length:
                raise ValueError("a column goes beyond its record")
            values.append(content.decode("utf-8", "replace") if kind % 2 else content)
        elif kind == 7:
            length = 8
            values.append(struct.unpack_from(">d", payload, place)[0])
        elif kind in (8, 9):
            length = 0
            values.append(kind - 8)
        elif 1 <= kind <= 6:
            length = (1, 2, 3, 4, 6, 8)[kind - 1]
            values.append(int.from_bytes(payload[place : place + length], "big", signed=True))
        elif kind == 0:
            length = 0
            values.append(None)
        else:
            raise ValueError("no such type")
        place += length
    return tuple(values)

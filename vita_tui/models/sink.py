"""A file that is put together piece by piece and takes its place only when every byte is right."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from vita_tui.errors import ModelError
from vita_tui.models.catalogue import File
from vita_tui.models.installed import hasher

__all__ = ["Sink", "WrongBytesError"]

_CHUNK = 1 << 20


class WrongBytesError(ModelError):
    """What arrived is not the published file; nothing of it was kept."""


class Sink:
    """Collects the bytes of `file` in `part`. Used by one thread, in a `with` block; leaving it keeps `part` for a resumption."""

    def __init__(self, part: Path, file: File, *, resume: bool = False) -> None:
        """Open `part`.

        Args:
            resume: go on behind what `part` holds already; otherwise start anew.

        Raises:
            OSError: it cannot be created or read.
        """
        self.file = file
        self.part = part
        part.parent.mkdir(parents=True, exist_ok=True)
        self._stream = part.open("a+b")
        self.received = 0
        """Bytes so far, from before a resumption too."""
        held = part.stat().st_size
        if resume and held <= file.size:
            self._take_up(held)
        else:
            self.restart()

    def _take_up(self, held: int) -> None:
        self._hash = hasher(self.file)
        self._stream.seek(0)
        while chunk := self._stream.read(min(_CHUNK, held - self.received)):
            self._hash.update(chunk)
            self.received += len(chunk)

    def restart(self) -> None:
        """Forget what has been received.

        Raises:
            OSError: the disk refuses.
        """
        self._stream.seek(0)
        if self.received or self.part.stat().st_size:
            self._stream.truncate()
        self._hash = hasher(self.file)
        self.received = 0

    @property
    def full(self) -> bool:
        return self.received == self.file.size

    def write(self, data: bytes) -> None:
        """Append `data`.

        Raises:
            WrongBytesError: that is more than the file has.
            OSError: the disk is full or fails.
        """
        if self.received + len(data) > self.file.size:
            self.discard()
            raise WrongBytesError(f"{self.file.name} is longer than the published file; nothing was kept.")
        self._stream.write(data)
        self._hash.update(data)
        self.received += len(data)

    def finish(self, target: Path) -> None:
        """Check size and digest, and put the file in its place.

        Raises:
            WrongBytesError: it is not the published file; it has been deleted.
            OSError: the disk is full or fails.
        """
        if not self.full:
            size = self.received
            self.discard()
            raise WrongBytesError(
                f"{self.file.name} has {size:,} bytes instead of {self.file.size:,}; nothing was kept."
            )
        if self._hash.hexdigest() != self.file.digest:
            self.discard()
            raise WrongBytesError(
                f"{self.file.name} is not the published file: its digest is wrong; nothing was kept."
            )
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        target.parent.mkdir(parents=True, exist_ok=True)
        self.part.replace(target)

    def discard(self) -> None:
        """Delete what has been received."""
        self._close()
        self.part.unlink(missing_ok=True)

    def _close(self) -> None:
        try:
            self._stream.close()
        except OSError:
            # The disk refused the last of the buffer: the part is short, and will be resumed or started anew.
            self._stream.raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

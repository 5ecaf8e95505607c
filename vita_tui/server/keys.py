"""Keys of clients: read from a file, compared in constant time, never written anywhere."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vita_tui.errors import SettingsError
from vita_tui.text.clean import clean_name

__all__ = ["ADMIN", "SHORTEST_KEY", "Keys", "read_keys"]

ADMIN = "admin"
"""The name whose key opens `/admin`."""
SHORTEST_KEY = 16
"""Characters."""


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Names of clients by the digest of their key; no key is kept as it is."""

    digests: Mapping[str, bytes]

    @classmethod
    def of(cls, keys: Mapping[str, str]) -> Keys:
        """
        Args:
            keys: by the name of the client.
        """
        return cls({name: _digest(key) for name, key in keys.items()})

    def __bool__(self) -> bool:
        return bool(self.digests)

    def client(self, key: str) -> str | None:
        """Whose key that is; None when it is nobody's. Every key is compared, whichever is the right one."""
        given = _digest(key)
        found = None
        for name, known in self.digests.items():
            if hmac.compare_digest(given, known):
                found = name
        return found


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def read_keys(file: Path) -> Keys:
    """The keys in a file: a line for each client, its name and its key. "#" begins a comment.

    Raises:
        SettingsError: it cannot be read, others may read it, or a line is not such a pair.
    """
    name = clean_name(file)
    try:
        mode = file.stat().st_mode
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise SettingsError(f"The keys in {name} cannot be read: {error}.") from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(f"Others may read the keys in {name}.", remedy=f"Run: chmod 600 {name}")
    keys: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2 or words[0] in keys:
            raise SettingsError(
                f"Line {number} of {name} is not a new name and a key.", remedy="Write: NAME KEY"
            )
        if len(words[1]) < SHORTEST_KEY:
            raise SettingsError(
                f"The key of {words[0]} in {name} is shorter than {SHORTEST_KEY} characters.",
                remedy="Make one with: openssl rand -hex 24",
            )
        keys[words[0]] = words[1]
    if not keys:
        raise SettingsError(f"There is no key in {name}.", remedy="Write: NAME KEY")
    return Keys.of(keys)

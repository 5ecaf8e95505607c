"""What servers offered when they were last asked, kept so that a server need not run before it is needed."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from vita_tui import atomic_files, paths
from vita_tui.settings import McpServer
from vita_tui.text.clean import clean

__all__ = ["Offer", "forget", "keep", "offer_of", "recall"]

log = logging.getLogger(__name__)

LONGEST_DESCRIPTION = 1500
"""Characters; what is longer is cut."""
LONGEST_SCHEMA = 30_000
"""Characters of a tool's schema as JSON; a tool with a longer one is left out."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One tool of a server."""

    name: str
    """As the server calls it."""
    description: str
    schema: Mapping[str, Any]
    read_only: bool
    """The server says that it only looks."""


def offer_of(tool: Any) -> Offer | None:
    """Of a tool as the SDK gives it; None for one that cannot be offered."""
    schema = tool.input_schema if isinstance(tool.input_schema, dict) else {}
    try:
        if len(json.dumps(schema)) > LONGEST_SCHEMA or not tool.name or len(tool.name) > 200:
            return None
    except (ValueError, RecursionError):
        return None
    notes = tool.annotations
    description = clean(tool.description or tool.title or "")[:LONGEST_DESCRIPTION]
    return Offer(tool.name, description, schema, bool(notes is not None and notes.read_only_hint))


def recall(name: str, server: McpServer) -> list[Offer] | None:
    """What the server offered last; None when that is not known, or it was set up in another way."""
    try:
        kept = json.loads(_file(name).read_text(encoding="utf-8"))
        if kept["server"] != _digest(server):
            return None
        return [Offer(**one) for one in kept["tools"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(name: str, server: McpServer, offers: Sequence[Offer]) -> None:
    """Remember what it offers; a disk that cannot be written costs only that."""
    kept = {"server": _digest(server), "tools": [asdict(offer) for offer in offers]}
    try:
        paths.ensure_private_dir(_file(name).parent)
        atomic_files.write_whole(_file(name), json.dumps(kept, ensure_ascii=False), durable=False)
    except OSError as error:
        log.info("what %s offers cannot be kept: %s", name, error)


def forget(name: str) -> None:
    """It was removed."""
    try:
        _file(name).unlink(missing_ok=True)
    except OSError as error:
        log.info("%s", error)


def _file(name: str) -> Path:
    return paths.cache_dir() / "mcp" / f"{name}.json"


def _digest(server: McpServer) -> str:
    return blake2b(server.model_dump_json().encode(), digest_size=12).hexdigest()

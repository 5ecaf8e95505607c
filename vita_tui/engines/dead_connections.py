"""Connections whose other end is gone without a word, as when a cable is pulled: the system ends them in seconds, not in minutes.

Only the other machine's acknowledgements are waited for, so a server that computes for long is not taken for one that is gone.
"""

from __future__ import annotations

import socket
from typing import Any

__all__ = ["DEAD_SECONDS", "SOCKET_OPTIONS", "notice_when_dead"]

DEAD_SECONDS = 5
"""After which something sent that nobody has acknowledged ends the connection."""

SOCKET_OPTIONS: list[tuple[int, int, int]] = [
    (level, number, value)
    for level, name, value in (
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 3),  # Linux, Windows
        (socket.IPPROTO_TCP, "TCP_KEEPALIVE", 3),  # the same on macOS
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", DEAD_SECONDS * 1000),  # Linux
        (socket.IPPROTO_TCP, "TCP_RXT_CONNDROPTIME", DEAD_SECONDS),  # macOS
    )
    if (number := getattr(socket, name, None)) is not None
]
"""Level, option and value, where the system has it."""


def notice_when_dead(transport: Any) -> None:
    """Set `SOCKET_OPTIONS` of an open connection: a socket, or an asyncio transport or writer of one over TCP."""
    found = transport.get_extra_info("socket") if hasattr(transport, "get_extra_info") else transport
    for option in SOCKET_OPTIONS:
        found.setsockopt(*option)

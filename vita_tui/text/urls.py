"""Addresses as they may be shown: a user, a password, a query or a fragment may be secret and are not."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import parse_qsl, unquote

__all__ = ["host_port", "is_loopback", "secrets_in", "without_secrets"]

_PARTS = re.compile(r"(?s)\A(?P<scheme>[A-Za-z][\w+.-]*://)?(?:(?P<user>.*)@)?(?P<rest>[^@]*)\Z")
_END = re.compile(r"[/?#]")


def host_port(url: str) -> str:
    """Host and port of `url`, such as "127.0.0.1:8080"; "the server" where there are none."""
    return _END.split(_split(url)[2], maxsplit=1)[0].strip() or "the server"


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, is this machine itself."""
    host = host.rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        # As the system reads it, "127.1" is an address too.
        address = ipaddress.ip_address(socket.inet_ntoa(socket.inet_aton(host)) if ":" not in host else host)
    except (OSError, ValueError):
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def without_secrets(url: str) -> str:
    """`url` with "…" for its user, password, query and fragment."""
    scheme, user, rest = _split(url)
    return scheme + ("…@" if user else "") + re.sub(r"(?s)([?#]).+", r"\1…", rest)


def secrets_in(url: str) -> tuple[str, ...]:
    """What of `url` must not be repeated in a message."""
    _, user, rest = _split(url)
    found = [part for text in (user, user.partition(":")[2]) for part in (text, unquote(text))]
    _, _, behind = rest.partition("?")
    query, _, fragment = (behind or rest).partition("#")
    found += [fragment, *((value for _, value in parse_qsl(query)) if behind else ())]
    return tuple(sorted({part for part in found if len(part) > 2}, key=len, reverse=True))


def _split(url: str) -> tuple[str, str, str]:
    """Scheme, user information and the rest. An unencoded "@" or "/" in a password must not bring a part of it to light."""
    found = _PARTS.match(url.strip())
    return (found["scheme"] or "", found["user"] or "", found["rest"]) if found else ("", "", "")

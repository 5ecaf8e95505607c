"""What leaves this machine, and where it goes: said on the screen and by `vita doctor`, never silently."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vita_tui.text.urls import is_loopback

if TYPE_CHECKING:
    from vita_tui.settings.declared import Settings

__all__ = ["destinations", "leaving", "unencrypted"]

ENCRYPTED = ("https", "wss", "rediss")


def destinations(settings: Settings) -> dict[str, tuple[str, ...]]:
    """For each host but this one what goes there: "voice", "text", "conversations"; in the order of the settings."""
    found: dict[str, list[str]] = {}
    for what, url in _addresses(settings):
        host = urlsplit(url).hostname or ""
        if host and not is_loopback(host) and what not in found.setdefault(host, []):
            found[host].append(what)
    return {host: tuple(what) for host, what in found.items()}


def leaving(settings: Settings) -> tuple[str, ...]:
    """The same in words, such as "voice and text go to box.lan", and shorter; empty where nothing leaves this machine."""
    parts = []
    found = destinations(settings)
    for host, what in found.items():
        verb = "goes" if what in (("voice",), ("text",)) else "go"
        listed = what[0] if len(what) == 1 else f"{', '.join(what[:-1])} and {what[-1]}"
        parts.append(f"{listed} {verb} to {host}")
    return (", ".join(parts), f"→ {', '.join(found)}") if found else ()


def unencrypted(settings: Settings) -> tuple[str, ...]:
    """Hosts to which something goes that others on the way can read."""
    hosts = [
        urlsplit(url).hostname or ""
        for _, url in _addresses(settings)
        if urlsplit(url).scheme not in ENCRYPTED
    ]
    return tuple(dict.fromkeys(host for host in hosts if host and not is_loopback(host)))


def _addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    """What is sent, and to which address."""
    for what, section, names in (
        ("voice", settings.stt, settings.stt.engines),
        ("text", settings.llm, settings.llm.order),
        ("text", settings.tts, settings.tts.engines),
    ):
        for name in names:
            if name in section.endpoints:
                yield what, section.endpoints[name].url
            elif name == "remote" and (url := getattr(section, "base_url", "")):
                yield what, url
    if settings.sessions.store == "redis":
        for url in settings.sessions.redis_url.get_secret_value().split(","):
            yield "conversations", url

"""Another VITA, or any server with OpenAI's routes, for all three jobs: `vita --server URL`. Turn-taking stays here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from vita_tui.errors import SettingsError
from vita_tui.text.urls import without_secrets

__all__ = ["variables"]

PORT = 8770
"""Of `vita serve`."""
OWN = ("local", "remote", "piper", "pyttsx3")


def variables(address: str, key_file: str = "") -> Mapping[str, str]:
    """Environment variables that have the server at `address` asked first in each job, and this machine where it cannot.

    Recognition goes over Realtime, so that it begins while one speaks, and by whole requests where a server has no Realtime.

    Args:
        address: such as "box.lan", "box.lan:8770" or "https://box.lan/v1".
        key_file: with the key of the server; the key itself stays out of the environment, which child processes inherit.

    Raises:
        SettingsError: it is no address.
    """
    address = address.strip()
    plain = "://" not in address
    try:
        parts = urlsplit(f"http://{address}" if plain else address)
        port = parts.port or (PORT if plain and not parts.path.strip("/") else None)
    except ValueError:
        parts, port = urlsplit(""), None
    host = parts.hostname or ""
    if not host or parts.scheme not in ("http", "https") or re.search(r"\s", address):
        raise SettingsError(
            f"{without_secrets(address) or 'Nothing'} is not the address of a server.",
            remedy=f"Write it as http://box.lan:{PORT}, or https:// where it has a certificate.",
        )
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    shown = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/")
    rest = f"{user}{shown}{f':{port}' if port else ''}{path if path.endswith('/v1') else f'{path}/v1'}"
    name = re.sub(r"[^a-z0-9_-]+", "-", host.lower()).strip("-_")[:32] or "server"
    name = f"server-{name}" if name in OWN else name
    web, socket = f"{parts.scheme}://{rest}", f"{'wss' if parts.scheme == 'https' else 'ws'}://{rest}"
    found = {
        "VITA_STT__ENGINES": f"{name},{name}-files,local",
        "VITA_LLM__ENGINES": f"{name},local",
        "VITA_TTS__ENGINES": f"{name},piper,pyttsx3",
    }
    for section, endpoint, url, weight in (
        ("STT", name, socket, "1"),
        ("STT", f"{name}-files", web, "0"),
        ("LLM", name, web, "1"),
        ("TTS", name, web, "1"),
    ):
        key = f"VITA_{section}__ENDPOINTS__{endpoint.upper()}"
        found |= {f"{key}__URL": url, f"{key}__WEIGHT": weight}
        if key_file:
            found[f"{key}__KEY_FILE"] = key_file
    return found

"""Servers in the settings file: written to it, taken out of it, and read from the files of other programs. Comments and order stay."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vita_tui import paths
from vita_tui.errors import SettingsError
from vita_tui.settings.named_tables import put_table, remove_table

__all__ = ["add", "of_other_program", "remove"]

_PLACES = ("mcpServers", "servers", "mcp_servers", "context_servers")
"""Where programs keep their servers."""


def add(name: str, server: Mapping[str, Any]) -> Path:
    """Write a server into the settings file, in the place of one of that name; returns the file.

    Raises:
        SettingsError: it would not be valid, or the file cannot be written. The file is then as it was.
    """
    return put_table("mcp", "servers", name, {key: value for key, value in server.items() if value})


def remove(name: str) -> Path:
    """Take a server out of the settings file.

    Raises:
        SettingsError: it is not there, or the file cannot be written.
    """
    file = remove_table("mcp", "servers", name)
    if file is None:
        raise SettingsError(
            f"There is no MCP server {name} in {paths.config_file()}.", remedy="vita mcp list"
        )
    return file


def of_other_program(file: Path) -> dict[str, dict[str, Any]]:
    """Servers of a JSON file as other programs keep them, by name, in VITA's own form.

    Raises:
        SettingsError: it cannot be read, or holds none.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        # Some of these files hold comments.
        content = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    except (ValueError, RecursionError):
        raise SettingsError(f"{file} is not JSON.") from None
    if isinstance(content, dict) and isinstance(content.get("mcp"), dict):
        content = {**content["mcp"], **content}
    found: dict[str, Any] = next(
        (
            content[place]
            for place in _PLACES
            if isinstance(content, dict) and isinstance(content.get(place), dict)
        ),
        {},
    )
    servers = {_plain(name): _server(one) for name, one in found.items() if isinstance(one, dict)}
    servers = {name: one for name, one in servers.items() if one.get("command") or one.get("url")}
    if not servers:
        raise SettingsError(
            f"{file} holds no MCP servers.", remedy='They stand under "mcpServers" or "servers".'
        )
    return servers


def _server(one: Mapping[str, Any]) -> dict[str, Any]:
    command, args = one.get("command"), one.get("args") or []
    if isinstance(command, dict):  # Zed
        args, one, command = command.get("args") or [], {**one, **command}, command.get("path")
    if isinstance(command, list):
        command, args = (command[0] if command else ""), [*command[1:], *args]
    url = one.get("url") or one.get("serverUrl") or one.get("httpUrl") or ""
    server: dict[str, Any] = {"url": str(url)} if url and not command else {"command": str(command or "")}
    if command and isinstance(args, list):
        server["args"] = [str(arg) for arg in args]
    for key, names in (("env", ("env",)), ("headers", ("headers", "http_headers"))):
        value = next((one[name] for name in names if isinstance(one.get(name), dict)), None)
        if value:
            server[key] = {str(name): str(word) for name, word in value.items()}
    if isinstance(one.get("cwd"), str):
        server["cwd"] = one["cwd"]
    if one.get("disabled") is True or one.get("enabled") is False:
        server["disabled"] = True
    return server


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:40] or "server"

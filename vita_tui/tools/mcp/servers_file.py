"""Servers in the settings file: written to it, taken out of it, and read from the files of other programs. Comments and order stay."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vita_tui import atomic_files, paths, settings
from vita_tui.errors import SettingsError

__all__ = ["add", "of_other_program", "remove"]

_PLACES = ("mcpServers", "servers", "mcp_servers", "context_servers")
"""Where programs keep their servers."""


def add(name: str, server: Mapping[str, Any]) -> Path:
    """Write a server into the settings file, in the place of one of that name; returns the file.

    Raises:
        SettingsError: it would not be valid, or the file cannot be written. The file is then as it was.
    """
    import tomli_w

    values = {key: value for key, value in server.items() if value}
    block = tomli_w.dumps({"mcp": {"servers": {name: values}}})
    # tomli_w writes the empty tables above it as well.
    block = block[block.index("[mcp.servers.") :]
    text = _without(_text(), name).rstrip()
    return _write(f"{text}\n\n{block}" if text else block)


def remove(name: str) -> Path:
    """Take a server out of the settings file.

    Raises:
        SettingsError: it is not there, or the file cannot be written.
    """
    text = _text()
    left = _without(text, name)
    if left == text:
        raise SettingsError(
            f"There is no MCP server {name} in {paths.config_file()}.", remedy="vita mcp list"
        )
    return _write(left)


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


def _text() -> str:
    file = paths.config_file()
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}.") from None


def _without(text: str, name: str) -> str:
    """`text` without the tables of a server; written anew where they cannot be cut out."""
    try:
        wanted = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"{paths.config_file()} is not valid TOML: {error}.", remedy="Fix that line first."
        ) from None
    if name not in wanted.get("mcp", {}).get("servers", {}):
        return text
    del wanted["mcp"]["servers"][name]
    kept, inside = [], False
    for line in text.splitlines():
        if re.match(r"\s*\[", line):
            inside = (
                re.match(rf"\s*\[\s*mcp\s*\.\s*servers\s*\.\s*\"?{re.escape(name)}\"?\s*[.\]]", line)
                is not None
            )
        if not inside:
            kept.append(line)
    left = "\n".join(kept).rstrip() + "\n" if any(line.strip() for line in kept) else ""
    try:
        same = _servers(tomllib.loads(left)) == _servers(wanted)
    except tomllib.TOMLDecodeError:
        same = False
    if same:
        return left
    import tomli_w

    return tomli_w.dumps(wanted)


def _servers(content: dict[str, Any]) -> dict[str, Any]:
    """`content` with its servers, whether or not there is an empty table for them."""
    servers = content.get("mcp", {}).get("servers", {})
    rest = {key: value for key, value in content.items() if key != "mcp"}
    return {**rest, "servers": servers}


def _write(text: str) -> Path:
    file = paths.config_file().resolve()
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with atomic_files.replacing(file, keep_mode=True) as new:
            new.write_text(text, encoding="utf-8")
            try:
                settings.load(new)
            except SettingsError as error:
                raise SettingsError(error.message.replace(str(new), str(file)), remedy=error.remedy) from None
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror or error}.") from None
    return file

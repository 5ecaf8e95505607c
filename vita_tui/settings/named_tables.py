"""Named tables in the settings file, such as [mcp.servers.NAME]: written to it and taken out of it. Comments and order stay."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vita_tui import paths
from vita_tui.settings.file_text import parse, read_text, write_text

__all__ = ["put_table", "remove_table"]


def put_table(section: str, group: str, name: str, values: Mapping[str, Any]) -> Path:
    """Write [section.group.name] into the settings file, in the place of one of that name; returns the file.

    Raises:
        SettingsError: it would not be valid, or the file cannot be written. The file is then as it was.
    """
    import tomli_w

    block = tomli_w.dumps({section: {group: {name: dict(values)}}})
    # tomli_w writes the empty tables above it as well.
    block = block[block.index(f"[{section}.{group}.") :]
    text = _without(read_text(paths.config_file()), section, group, name).rstrip()
    return _write(f"{text}\n\n{block}" if text else block)


def remove_table(section: str, group: str, name: str) -> Path | None:
    """Take [section.group.name] out of the settings file; None when it is not there.

    Raises:
        SettingsError: the file cannot be written.
    """
    text = read_text(paths.config_file())
    left = _without(text, section, group, name)
    return None if left == text else _write(left)


def _without(text: str, section: str, group: str, name: str) -> str:
    """`text` without the tables of that name; written anew where they cannot be cut out."""
    wanted = parse(text, paths.config_file())
    if name not in wanted.get(section, {}).get(group, {}):
        return text
    del wanted[section][group][name]
    begin = re.compile(rf'\s*\[\s*{section}\s*\.\s*{group}\s*\.\s*"?{re.escape(name)}"?\s*[.\]]')
    kept, inside = [], False
    for line in text.splitlines():
        if re.match(r"\s*\[", line):
            inside = begin.match(line) is not None
        if not inside:
            kept.append(line)
    left = "\n".join(kept).rstrip() + "\n" if any(line.strip() for line in kept) else ""
    try:
        same = _tables(tomllib.loads(left), section, group) == _tables(wanted, section, group)
    except tomllib.TOMLDecodeError:
        same = False
    if same:
        return left
    import tomli_w

    return tomli_w.dumps(wanted)


def _tables(content: dict[str, Any], section: str, group: str) -> dict[str, Any]:
    """`content` with the tables of the group, whether or not there is an empty table for them."""
    inside = dict(content.get(section, {}))
    rest = {key: value for key, value in content.items() if key != section}
    return {**rest, "tables": inside.pop(group, {}), "beside": inside}


def _write(text: str) -> Path:
    file = paths.config_file().resolve()
    write_text(text, file)
    return file

"""The settings file: all settings as its text, and one setting changed in it, where the user's comments and their order stay.

The line of the setting is replaced, or added to its section. What comes out is read again and compared with what was meant before
it takes the file's place; where a line cannot be replaced (a value over several lines), the file is written anew.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from vita_tui import paths
from vita_tui.settings.declared import Settings
from vita_tui.settings.endpoints import Endpoint
from vita_tui.settings.file_text import parse, read_text, write_text
from vita_tui.text.urls import without_secrets

__all__ = ["SettingSource", "as_toml", "change", "forget", "read", "source_of"]

SettingSource = Literal["flag", "environment", "file", "default"]


def as_toml(
    settings: Settings, *, commented: bool = False, source: Callable[[str], str] = lambda _: ""
) -> str:
    """All settings with their explanations, as a settings file; secrets are never written out.

    Args:
        commented: put every value behind a "#", so that the file changes nothing until it is edited.
        source: where the value of "section.name" comes from, to be said beside it; empty for the default.
    """
    import tomli_w

    lines = []
    for section in Settings.model_fields:
        values = getattr(settings, section)
        lines += [f"# {(type(values).__doc__ or '').strip()}", f"[{section}]", ""]
        tables: list[str] = []
        for name, field in type(values).model_fields.items():
            value = getattr(values, name)
            if name == "endpoints":
                # They come after what is in the section itself.
                tables += [
                    f"# {field.description}",
                    "",
                    *_endpoint_lines(section, value, commented=commented),
                ]
                continue
            if isinstance(value, dict):
                # Tables of their own; what is in them (keys, arguments) is not for other eyes.
                lines += [f"# {field.description}", *(f"# [{section}.{name}.{one}]" for one in value), ""]
                continue
            secret = isinstance(value, SecretStr)
            text = tomli_w.dumps({name: "" if secret else list(value) if isinstance(value, tuple) else value})
            masked = name.endswith("_url") and isinstance(value, str) and value != without_secrets(value)
            if masked:
                secret, text = True, tomli_w.dumps({name: without_secrets(value)})
            text = " ".join(text.split()).replace(",]", "]").replace("[ ", "[").replace(", ]", "]")
            if masked:
                text += "  # set, and not shown in full"
            elif secret and value.get_secret_value():
                text += "  # set, and not shown"
            if origin := source(f"{section}.{name}"):
                text += f"  # {origin}"
            lines += [f"# {field.description}", f"{'# ' if commented or secret else ''}{text}", ""]
        lines += tables
    return "\n".join(lines)


def _endpoint_lines(section: str, endpoints: Mapping[str, Endpoint], *, commented: bool) -> list[str]:
    """A table for each, without its key and what is secret in its address."""
    import tomli_w

    lines = []
    for name, endpoint in endpoints.items():
        told = endpoint.model_dump(exclude={"key"}, exclude_defaults=True)
        told["url"] = without_secrets(endpoint.url)
        text = tomli_w.dumps({section: {"endpoints": {name: told}}}).strip().splitlines()
        if endpoint.key.get_secret_value():
            text.append('# key = ""  # set, and not shown')
        lines += [*(f"# {line}" if commented else line for line in text), ""]
    return lines


def source_of(key: str, overrides: Mapping[str, Any], content: Mapping[str, Any]) -> SettingSource:
    """Where the value of `key` ("section.name") comes from.

    Args:
        overrides: from the command line.
        content: of the settings file.
    """
    section, name = key.split(".", 1)
    if name in overrides.get(section, {}):
        return "flag"
    variables = {f"VITA_{section}__{name}".upper(), f"VITA_{section}".upper()}
    if any(variable.upper() in variables for variable in os.environ):
        return "environment"
    return "file" if name in content.get(section, {}) else "default"


def read(file: Path | None = None) -> dict[str, Any]:
    """What the settings file holds; nothing when there is none.

    Raises:
        SettingsError: it cannot be read, or is not TOML.
    """
    file = file or paths.config_file()
    return parse(read_text(file), file)


def change(key: str, value: Any, file: Path | None = None) -> Path:
    """Write `value` for `key` ("section.name") into the settings file; returns the file.

    Raises:
        SettingsError: the settings would not be valid with it, or the file cannot be written. The file is then as it was.
    """
    import tomli_w

    file = (file or paths.config_file()).resolve()
    before = read_text(file)
    wanted = parse(before, file)
    section, name = key.split(".", 1)
    wanted.setdefault(section, {})[name] = value
    _write(_with_line(before, section, name, tomli_w.dumps({name: value}).strip()), wanted, file)
    return file


def forget(key: str, file: Path | None = None) -> Path:
    """Take `key` ("section.name") out of the settings file, so that its default counts again; returns the file.

    Raises:
        SettingsError: the settings would not be valid without it, or the file cannot be written. The file is then as it was.
    """
    file = (file or paths.config_file()).resolve()
    before = read_text(file)
    wanted = parse(before, file)
    section, name = key.split(".", 1)
    if name in wanted.get(section, {}):
        del wanted[section][name]
        _write(_with_line(before, section, name, None), wanted, file)
    return file


def _write(text: str, wanted: dict[str, Any], file: Path) -> None:
    """`text` where it says what is `wanted`; otherwise that alone, without comments."""
    import tomli_w

    if _parsed_or_none(text) != wanted:
        text = tomli_w.dumps(wanted)
    write_text(text, file, wanted)


def _parsed_or_none(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _with_line(text: str, section: str, name: str, line: str | None) -> str:
    """`text` with `line` in the place of the setting's own, or at the end of its section, or in its own section; None takes it out."""
    lines = text.splitlines()
    start = next((at for at, old in enumerate(lines) if re.match(rf"\s*\[\s*{section}\s*\]", old)), None)
    if start is None:
        gap = [""] if lines else []
        return text if line is None else "\n".join([*lines, *gap, f"[{section}]", line]) + "\n"
    end = next((at for at in range(start + 1, len(lines)) if re.match(r"\s*\[", lines[at])), len(lines))
    for at in range(start + 1, end):
        if re.match(rf"\s*{name}\s*=", lines[at]):
            lines[at : at + 1] = [] if line is None else [line]
            return "\n".join(lines) + "\n"
    if line is None:
        return text
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1
    lines.insert(end, line)
    return "\n".join(lines) + "\n"

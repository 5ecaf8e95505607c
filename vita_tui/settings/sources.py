"""Reading the settings: flags, environment, file; and whatever is wrong with them in one sentence.

`load` is the only way in: it turns what is wrong into one `SettingsError` that names the place and the nearest key that exists.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic_settings
from pydantic import SecretStr, ValidationError

from vita_tui import paths
from vita_tui.errors import SettingsError
from vita_tui.settings.declared import Settings, SettingsFileSource, fields

__all__ = ["assign", "load", "value_of"]


def load(file: Path | None = None, *, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings.

    Args:
        file: the TOML file; the platform's place for it when None. A missing file is no error.
        overrides: flags from the command line, as nested dictionaries.

    Raises:
        SettingsError: something is wrong; says where, and which key was probably meant.
    """
    path = file or paths.config_file()
    token = SettingsFileSource.content.set(_read(path))
    try:
        _check_variables()
        return Settings(**dict(overrides or {}))
    except ValidationError as error:
        raise _explain(error, path) from None
    except pydantic_settings.SettingsError:
        # A section as a whole, which has to be JSON.
        raise SettingsError(
            f"One of the environment variables {', '.join(_whole_sections())} is not JSON.",
            remedy="Give each setting by itself, such as VITA_TTS__RATE=1.2.",
        ) from None
    finally:
        SettingsFileSource.content.reset(token)


def _check_variables() -> None:
    """An environment variable for a section that does not exist would do nothing, and nobody would know why."""
    for variable in os.environ:
        found = re.fullmatch(r"VITA_([A-Z0-9]+)__(\w+)", variable.upper())
        if found and found[1].lower() not in Settings.model_fields:
            name = f"{found[1]}.{found[2]}".lower()
            raise SettingsError(
                f"The environment variable {variable}: there is no setting {name}.", remedy=_nearest(name)
            )


def _whole_sections() -> list[str]:
    whole = {f"VITA_{name.upper()}" for name in Settings.model_fields}
    return [name for name in os.environ if name.upper() in whole]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"{path} is not valid TOML: {error}.", remedy="Fix that line, or move the file away."
        ) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text.", remedy="Save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}.") from None


def _explain(error: ValidationError, path: Path) -> SettingsError:
    problem = error.errors(include_url=False, include_input=False)[0]
    keys = [str(part) for part in problem["loc"]]
    dotted = ".".join(keys)
    place = _origin(keys, path)
    if problem["type"] == "extra_forbidden":
        return SettingsError(f"{place}: there is no setting {dotted}.", remedy=_nearest(dotted))
    if problem["type"] == "model_type":
        return SettingsError(f"{place}: {dotted} is a section.", remedy=f"Write it as [{dotted}].")
    what = _WRONG.get(problem["type"]) or str(problem["msg"]).removeprefix("Value error, ")
    about = dict(fields()).get(".".join(keys[:2]))
    remedy = "" if about is None else f"{about.description} Default: {_shown(about.default)}."
    return SettingsError(f"{place}: {dotted} is wrong: {what[:1].lower()}{what[1:]}.", remedy=remedy)


_WRONG = {
    "bool_parsing": "it should be true or false",
    "bool_type": "it should be true or false",
    "float_parsing": "it should be a number",
    "float_type": "it should be a number",
    "int_from_float": "it should be a whole number",
    "int_parsing": "it should be a whole number",
    "int_type": "it should be a whole number",
    "string_too_short": "it must not be empty",
    "string_type": "it should be text in quotes",
    "tuple_type": "it should be a list",
}


def _shown(default: Any) -> str:
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    return json.dumps(default, ensure_ascii=False)


def _nearest(name: str) -> str:
    sections = list(Settings.model_fields)
    known = [known for known, _ in fields()] if "." in name else sections
    # In a section that there is, the nearest setting always helps; a section that is far from all of them was meant for no other.
    near = difflib.get_close_matches(
        name, known, n=1, cutoff=0.0 if name.partition(".")[0] in sections else 0.6
    )
    return f"Did you mean {near[0]}?" if near else "See: vita config show"


def _origin(keys: list[str], path: Path) -> str:
    """The settings file or the environment variable in which the value at `keys` was given."""
    for depth in range(len(keys), 0, -1):
        variable = "VITA_" + "__".join(keys[:depth]).upper()
        if any(name.upper() == variable for name in os.environ):
            return f"The environment variable {variable}"
    content: Any = (whole := SettingsFileSource.content.get({}))
    for key in keys[:2]:  # the rest is inside a list
        if not isinstance(content, Mapping) or key not in content:
            return "A command-line flag" if content is not whole else str(path)
        content = content[key]
    return str(path)


def value_of(settings: Settings, key: str) -> Any:
    """What `key` ("section.name") is in `settings`."""
    section, name = key.split(".", 1)
    return getattr(getattr(settings, section), name)


def assign(settings: Settings, key: str, value: Any) -> None:
    """Set `key` ("section.name") in `settings`.

    Raises:
        SettingsError: it cannot have this value; it keeps the one it had.
    """
    section, name = key.split(".")
    try:
        setattr(getattr(settings, section), name, value)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        what = _WRONG.get(problem["type"]) or str(problem["msg"]).removeprefix("Value error, ")
        raise SettingsError(f"{key} is wrong: {what[:1].lower()}{what[1:]}.") from None

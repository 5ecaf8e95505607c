"""Where VITA's files live, by the platform's own conventions.

`VITA_HOME` puts everything under one folder instead: tests and portable installs use it.
"""

from __future__ import annotations

import os
from pathlib import Path

from vita_tui.errors import SettingsError
from vita_tui.text.clean import clean_name

__all__ = [
    "cache_dir",
    "config_file",
    "data_dir",
    "ensure_private_dir",
    "expand",
    "log_file",
    "models_dir",
    "runtime_dir",
    "state_dir",
    "there",
]


def _dir(kind: str) -> Path:
    if home := os.environ.get("VITA_HOME"):
        return expand(home, "VITA_HOME") / kind
    from platformdirs import PlatformDirs

    return Path(getattr(PlatformDirs("vita", appauthor=False), f"user_{kind}_dir"))


def expand(path: str, what: str) -> Path:
    """`path` with the home folder for a "~" at its beginning.

    Args:
        what: where it was given, for the message.

    Raises:
        SettingsError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise SettingsError(
            f"{what} is {clean_name(path)}: there is no user whose home that could be.",
            remedy="Write the whole path.",
        ) from None


def there(path: Path) -> bool:
    """Whether there is something at `path`; False for names that nothing can have, such as those that are too long."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def config_file() -> Path:
    """The settings file, whether it exists or not."""
    if path := os.environ.get("VITA_CONFIG"):
        return expand(path, "VITA_CONFIG")
    return _dir("config") / "vita.toml"


def data_dir() -> Path:
    """What must be kept: sessions and weights."""
    return _dir("data")


def models_dir() -> Path:
    """One folder for each model, named as in the catalogue."""
    return data_dir() / "models"


def state_dir() -> Path:
    """What may be lost without harm: logs, metrics, prompt history."""
    return _dir("state")


def cache_dir() -> Path:
    """What can be made again: models in the form in which they compute fastest."""
    return _dir("cache")


def runtime_dir() -> Path:
    """What is gone after a restart of the machine: process records, temporary audio."""
    return state_dir() / "run"


def log_file() -> Path:
    """The program's log; children have theirs beside it."""
    return state_dir() / "log" / "vita.log"


def ensure_private_dir(path: Path) -> Path:
    """Create `path` and its parents so that only the user can look inside (0700).

    Raises:
        OSError: it cannot be created or its mode cannot be set.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path

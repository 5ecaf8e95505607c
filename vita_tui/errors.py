"""Every error that VITA raises on purpose, and what each of them means for the user.

::

    VitaError
    ├── SettingsError        the settings file, an environment variable or a flag
    ├── ModelError           weights missing, damaged, or not loadable
    ├── AudioFileError       a file is not audio, or cannot be read or written
    ├── DeviceError          no microphone or speaker, or it went away
    ├── StoreError           sessions cannot be read or written
    ├── ToolError            a tool of the language model cannot do what was asked, or its server is away
    └── EngineError          an engine failed, timed out, or is disabled after failures
        ├── EngineTimeoutError
        ├── EngineUnavailableError   its package, server or weights are not there
        └── NoEngineError            every engine of a job failed or is disabled

A message is one sentence that says what happened; `remedy` is what to do next, often a command. Only the command line turns
an error into an exit code, only the TUI turns one into a toast.
"""

from __future__ import annotations

__all__ = [
    "NO_SOUND",
    "AudioFileError",
    "DeviceError",
    "EngineError",
    "EngineTimeoutError",
    "EngineUnavailableError",
    "ModelError",
    "NoEngineError",
    "SettingsError",
    "StoreError",
    "ToolError",
    "VitaError",
]


NO_SOUND = "There is no sound on this machine"
"""How a `DeviceError` begins that holds for microphone and speaker alike: it is told once."""


class VitaError(Exception):
    """Base of all errors that are shown to the user."""

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        """What to do next: a short sentence or a command; empty when there is nothing to do."""

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class SettingsError(VitaError):
    """The settings file, an environment variable or a flag is wrong."""

    exit_code = 2


class ModelError(VitaError):
    """Weights are missing, damaged, or cannot be loaded."""

    exit_code = 3


class AudioFileError(VitaError):
    """A file is not audio, or cannot be read or written."""


class DeviceError(VitaError):
    """There is no microphone or speaker, or it went away."""

    exit_code = 3


class StoreError(VitaError):
    """Sessions cannot be read or written."""


class ToolError(VitaError):
    """A tool of the language model cannot do what was asked, or the server that offers it is away."""


class EngineError(VitaError):
    """An engine failed, timed out, or is disabled after failures."""

    exit_code = 3


class EngineTimeoutError(EngineError):
    """An engine took longer than its limit."""


class EngineUnavailableError(EngineError):
    """What an engine needs is not there: its package, its server or its weights."""


class NoEngineError(EngineError):
    """Every engine that could do the job failed or is disabled; the message gives each one's reason."""

"""All settings. Precedence: command-line flag, then `VITA_*` environment variable (`VITA_LLM__BASE_URL`), then the TOML file, then the
default."""

from vita_tui.settings.declared import (
    EMBEDDED_REPLY,
    EMBEDDED_WINDOW,
    AbilitySettings,
    AudioSettings,
    DuplexMode,
    HealthSettings,
    LlmSettings,
    McpServer,
    McpSettings,
    SessionSettings,
    Settings,
    SttSettings,
    TalkSettings,
    ToolSettings,
    TtsSettings,
    UiSettings,
    WakeWordName,
    at_once,
    fields,
)
from vita_tui.settings.sources import (
    assign,
    load,
)

__all__ = [
    "EMBEDDED_REPLY",
    "EMBEDDED_WINDOW",
    "AbilitySettings",
    "AudioSettings",
    "DuplexMode",
    "HealthSettings",
    "LlmSettings",
    "McpServer",
    "McpSettings",
    "SessionSettings",
    "Settings",
    "SttSettings",
    "TalkSettings",
    "ToolSettings",
    "TtsSettings",
    "UiSettings",
    "WakeWordName",
    "assign",
    "at_once",
    "fields",
    "load",
]

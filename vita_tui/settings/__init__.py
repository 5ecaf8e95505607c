"""All settings. Precedence: command-line flag, then `VITA_*` environment variable (`VITA_LLM__BASE_URL`), then the TOML file, then the
default. Each is declared in the file of its section."""

from vita_tui.settings import declared, sources
from vita_tui.settings.declared import *
from vita_tui.settings.sections import (
    abilities,
    audio,
    health,
    llm,
    mcp,
    profiles,
    serve,
    sessions,
    stt,
    talk,
    tools,
    tts,
    ui,
)
from vita_tui.settings.sections.abilities import *
from vita_tui.settings.sections.audio import *
from vita_tui.settings.sections.health import *
from vita_tui.settings.sections.llm import *
from vita_tui.settings.sections.mcp import *
from vita_tui.settings.sections.profiles import *
from vita_tui.settings.sections.serve import *
from vita_tui.settings.sections.sessions import *
from vita_tui.settings.sections.stt import *
from vita_tui.settings.sections.talk import *
from vita_tui.settings.sections.tools import *
from vita_tui.settings.sections.tts import *
from vita_tui.settings.sections.ui import *
from vita_tui.settings.sources import *

__all__ = [
    *declared.__all__,
    *sources.__all__,
    *stt.__all__,
    *llm.__all__,
    *tts.__all__,
    *audio.__all__,
    *talk.__all__,
    *sessions.__all__,
    *health.__all__,
    *abilities.__all__,
    *tools.__all__,
    *mcp.__all__,
    *serve.__all__,
    *profiles.__all__,
    *ui.__all__,
]

"""All settings together, as they are read from flags, environment and file."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, get_args

from pydantic import BaseModel, PrivateAttr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from vita_tui.settings.section import AtOnce
from vita_tui.settings.sections.abilities import AbilitySettings
from vita_tui.settings.sections.audio import AudioSettings
from vita_tui.settings.sections.health import HealthSettings
from vita_tui.settings.sections.llm import LlmSettings
from vita_tui.settings.sections.mcp import McpSettings
from vita_tui.settings.sections.profiles import ProfileSettings
from vita_tui.settings.sections.serve import ServeSettings
from vita_tui.settings.sections.sessions import SessionSettings
from vita_tui.settings.sections.stt import SttSettings
from vita_tui.settings.sections.talk import TalkSettings
from vita_tui.settings.sections.tools import ToolSettings
from vita_tui.settings.sections.tts import TtsSettings
from vita_tui.settings.sections.ui import UiSettings
from vita_tui.text.spoken_languages import language_of_voice
from vita_tui.text.vocabulary import base

__all__ = ["Settings", "SettingsFileSource", "at_once", "fields"]


class Settings(BaseSettings):
    """All settings; one attribute for each section of the file."""

    model_config = SettingsConfigDict(
        env_prefix="VITA_",
        env_nested_delimiter="__",
        extra="forbid",
        use_attribute_docstrings=True,
        nested_model_default_partial_update=True,
    )

    stt: SttSettings = SttSettings()
    llm: LlmSettings = LlmSettings()
    tts: TtsSettings = TtsSettings()
    audio: AudioSettings = AudioSettings()
    talk: TalkSettings = TalkSettings()
    sessions: SessionSettings = SessionSettings()
    health: HealthSettings = HealthSettings()
    abilities: AbilitySettings = AbilitySettings()
    tools: ToolSettings = ToolSettings()
    mcp: McpSettings = McpSettings()
    serve: ServeSettings = ServeSettings()
    profiles: ProfileSettings = ProfileSettings()
    ui: UiSettings = UiSettings()
    _heard: str = PrivateAttr(default="en")

    @property
    def voices(self) -> tuple[str, ...]:
        """`tts.engines` in the order in which they are tried: the system's voice before Piper's where Piper's speaks another language."""
        names = list(dict.fromkeys(self.tts.engines))
        reads = language_of_voice(self.tts.voice)
        if reads and reads != base(self.spoken_language) and {"piper", "pyttsx3"} <= set(names):
            names.remove("piper")
            names.insert(names.index("pyttsx3") + 1, "piper")
        return tuple(names)

    @property
    def spoken_language(self) -> str:
        """The language in which replies are read out: the one that is set, or with "auto" the one that was heard last."""
        return self._heard if self.stt.language == "auto" else self.stt.language

    def follow(self, language: str) -> None:
        """With "auto" the user speaks `language` now."""
        self._heard = language

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # The file is the lowest of the three; its content is handed over by `load`, so that errors can name it.
        return init_settings, env_settings, SettingsFileSource(settings_cls)


class SettingsFileSource(PydanticBaseSettingsSource):
    """What `load` read from the settings file, in the thread in which it reads."""

    content: ContextVar[Mapping[str, Any]] = ContextVar("content of the settings file")

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return self.content.get({}).get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(self.content.get({}))


def fields() -> list[tuple[str, Any]]:
    """Each setting as (`section.name`, pydantic field), in the order of declaration."""
    found = []
    for section, field in Settings.model_fields.items():
        model = field.annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            model = get_args(model)[0]
        found += [(f"{section}.{name}", inner) for name, inner in model.model_fields.items()]
    return found


def at_once(key: str) -> bool:
    """Whether the setting `key` ("section.name") applies while the program runs; the others count from the next start."""
    return any(
        name == key and any(isinstance(mark, AtOnce) for mark in field.metadata) for name, field in fields()
    )

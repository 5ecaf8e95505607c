"""Every setting, documented where it is declared."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from vita_tui.text.vocabulary import base

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
    "SettingsFileSource",
    "SttSettings",
    "TalkSettings",
    "ToolSettings",
    "TtsSettings",
    "UiSettings",
    "WakeWordName",
    "at_once",
    "fields",
]


DuplexMode = Literal["full_duplex", "half_duplex", "push_to_talk"]


WakeWordName = Literal["", "hey_jarvis", "okay_nabu", "alexa", "hey_mycroft", "hey_rhasspy"]


EMBEDDED_REPLY, EMBEDDED_WINDOW = 220, 2048
"""Tokens of a reply by the embedded model, and of all that it is given, where the settings say nothing."""

T = TypeVar("T")


def _listed(value: Any) -> Any:
    """A list that is given as text, as in `VITA_TTS__ENGINES=piper,pyttsx3`; JSON is understood as well."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return tuple(json.loads(value))
        except ValueError:
            raise ValueError("it is neither JSON nor words with commas between them") from None
    return tuple(word.strip() for word in value.split(",") if word.strip())


Several = Annotated[tuple[T, ...], NoDecode, BeforeValidator(_listed)]


class _AtOnce:
    """Marks a setting that may change while the program runs: the assistant, or the screen, applies it."""


Live = Annotated[T, _AtOnce()]


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, validate_default=True, validate_assignment=True
    )


class SttSettings(_Section):
    """Speech recognition: Whisper, in this process."""

    model: str = Field(default="base", min_length=1)
    """Catalogue name (base, tiny.en), a folder with a CTranslate2 model, or hf:owner/repo."""
    language: Live[str] = Field(default="en", min_length=1)
    """Language code that is spoken, or "auto" to detect it at some cost in time."""
    words: Live[Several[str]] = ()
    """Names and other words of yours, which are preferred where they may have been said; vita words add NAME."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it runs; "auto" takes CUDA where there is one."""
    compute_type: str = "auto"
    """CTranslate2 compute type; "auto" is int8 on a CPU and float16 on CUDA."""
    threads: int = Field(default=2, ge=1, le=64)
    """CPU threads of a decode."""
    partials: bool = True
    """Show what is understood while you still speak."""
    partial_interval: float = Field(default=0.2, ge=0.05, le=2.0)
    """Least seconds between two partial transcripts."""
    short_windows: bool = True
    """Encode as much sound as there is; off: always 30 seconds, as Whisper was trained."""
    drafts: bool = True
    """On a CPU, run Whisper on ONNX Runtime, which reads what a partial transcript understood in one go; off: CTranslate2."""
    fallback: Several[str] = ("tiny.en",)
    """Models to try, in order, when the first does not load."""
    timeout: float = Field(default=20.0, gt=0)
    """Seconds after which a decode has failed."""


class LlmSettings(_Section):
    """Language model: any OpenAI-compatible server; the built-in model by default."""

    base_url: str = ""
    """Server to ask, such as http://127.0.0.1:11434/v1 for Ollama; empty for the embedded model."""
    model: str = Field(default="smollm2-135m-instruct", min_length=1)
    """Model name on that server; for the embedded one a catalogue name, a .gguf path, or hf:owner/repo/file."""
    api_key: SecretStr = SecretStr("")
    """Key for the server; better given as VITA_LLM__API_KEY than in the file."""
    system_prompt: str = (
        "You are VITA, a friendly voice assistant. Your words are spoken aloud. "
        "Answer in one to three short, plain sentences, without lists, markup or emoji."
    )
    """What the model is told before the conversation."""
    examples: bool = True
    """Show the embedded model, which is small, a few questions with their answers before the conversation."""
    fallback: bool = True
    """Have the built-in model answer when the server of base_url cannot; off: the question fails."""
    context_window: int = Field(default=0, ge=0)
    """Tokens of history, question and reply together; 0 is what the server tells, 8192 if it does not, and 2048 for the embedded model."""
    max_tokens: int = Field(default=0, ge=0)
    """Longest reply, in tokens, reasoning included; 0 is 220 for the embedded model and 2048 for a server."""
    temperature: float = Field(default=0.1, ge=0.0, le=2.0)
    """Sampling temperature: 0 is deterministic, higher is more varied."""
    timeout: float = Field(default=30.0, gt=0)
    """Seconds without a sign of life after which the server has failed."""
    threads: int = Field(default=0, ge=0, le=64)
    """CPU threads of the embedded model; 0: half of the cores. Threads that share a core with another busy program wait for each other."""
    read_ahead: bool = True
    """Prefill the embedded model: it reads the history, and a question while it is still spoken."""

    @property
    def longest_reply(self) -> int:
        """`max_tokens`, or what stands for it. A model on a server may reason before it says a word."""
        return self.max_tokens or (2048 if self.base_url else EMBEDDED_REPLY)

    def reply_room(self, context_window: int) -> int:
        """Tokens of a window that are kept for the reply."""
        return min(self.longest_reply, context_window // (2 if self.max_tokens or not self.base_url else 4))


class TtsSettings(_Section):
    """The voice."""

    engines: Live[Several[Literal["remote", "piper", "pyttsx3"]]] = ("remote", "piper", "pyttsx3")
    """Voices to try, in order; remote is passed over without tts.base_url; an empty list means text only."""
    base_url: str = ""
    """Server whose voice speaks, such as http://127.0.0.1:8880/v1: OpenAI's speech route; empty for none."""
    model: str = "tts-1"
    """Name of the speech model on that server."""
    remote_voice: str = "alloy"
    """Name of the voice on that server."""
    api_key: SecretStr = SecretStr("")
    """Key for the server; better given as VITA_TTS__API_KEY than in the file."""
    voice: str = "en_US-joe-medium"
    """Piper voice: catalogue name, path of an .onnx file, or hf:owner/repo/file.onnx."""
    system_voice: str = ""
    """Voice of the system: its id, name or language code, such as de; empty for the default in the language of speech."""
    early: bool = True
    """Begin to speak after a reply's first few words; off: after its first sentence."""
    ahead: bool = True
    """Begin to speak a clause while its end is still being synthesised, where the voice is quick enough; off: when it is whole."""
    rate: Live[float] = Field(default=1.0, ge=0.5, le=3.0)
    """Speed of speech; 1 is the voice's own."""
    volume: Live[float] = Field(default=1.0, ge=0.0, le=1.0)
    """Loudness; 0 is silent, 1 is the voice's own."""
    timeout: float = Field(default=10.0, gt=0)
    """Seconds after which synthesis of a clause has failed."""


class AudioSettings(_Section):
    """Microphone and speaker."""

    input: Live[str] = ""
    """Name of the microphone, or a part of it; empty for the system's default."""
    output: Live[str] = ""
    """Name of the speaker, or a part of it; empty for the system's default."""
    pre_roll: float = Field(default=0.5, ge=0.0, le=3.0)
    """Seconds before the key that belong to what you say: the first word is never lost."""
    earcons: Live[bool] = True
    """Short sounds when the microphone opens and closes."""
    speak: Live[bool] = True
    """Speak the replies aloud; off shows them only."""
    duplex: Literal["auto", "full_duplex", "half_duplex", "push_to_talk"] = "auto"
    """full_duplex: talk into the reply; half_duplex: the microphone is off while it sounds; push_to_talk: only the key opens it."""
    echo_delay: float = Field(default=0.0, ge=-0.5, le=2.0)
    """Seconds until what is played is heard by the microphone; measured by vita calibrate."""
    echo_level: float = Field(default=-20.0, ge=-90.0, le=30.0)
    """What the microphone hears of the speaker, in dB over what is played; measured by vita calibrate."""
    noise_floor: float = Field(default=-60.0, ge=-90.0, le=0.0)
    """Loudness of the room when nobody speaks, in dBFS; measured by vita calibrate."""


class TalkSettings(_Section):
    """Turn-taking: when VITA listens, and when your turn is over."""

    hands_free: Live[bool] = False
    """Listen without a key from the start; ctrl+t switches it."""
    key: Live[str] = "ctrl+space"
    """What you talk with, as Textual names keys; more than one with commas."""
    key_mode: Live[Literal["auto", "hold", "tap"]] = "auto"
    """hold records while the key is held, where the terminal reports key releases; tap starts, tap or a pause ends."""
    wake_word: Live[WakeWordName] = ""
    """A word that opens the microphone as the key does; needs the extra wake. Empty for none."""
    end_silence: Live[float] = Field(default=0.8, ge=0.2, le=10.0)
    """Seconds of silence that end what you say."""
    adaptive: Live[bool] = True
    """Wait less after what sounds finished, longer after half a sentence."""
    smart_turn: Live[bool] = True
    """Detect the end of a turn by the sound of the voice too, with the model smart-turn where it is installed; otherwise by the words alone."""
    ask_model: Live[bool] = True
    """Detect the end of a turn by the words that the built-in language model expects next, too."""
    think_ahead: Live[bool] = True
    """Draft the answer, unheard, in every short pause that may be the end."""
    patience: Live[float] = Field(default=6.0, ge=1.0, le=60.0)
    """Seconds to wait for the first word before the microphone closes again."""
    threshold: Live[float] = Field(default=0.5, gt=0.0, lt=1.0)
    """Probability from which sound counts as speech."""
    max_seconds: Live[float] = Field(default=120.0, ge=5.0, le=600.0)
    """Longest single utterance."""


class SessionSettings(_Section):
    """Conversations and where they are kept."""

    store: Literal["sqlite", "memory", "redis"] = "sqlite"
    """sqlite keeps them on this machine, redis keeps them on a server that terminals share, memory forgets them at the end."""
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    """Server for the redis store."""
    max_live: int = Field(default=1000, ge=1)
    """Conversations in memory at once; the longest idle leaves first, its record stays."""
    idle_hours: float = Field(default=24.0, gt=0)
    """After this long without a word a conversation is closed and leaves memory; in the store it stays."""
    sweep_seconds: float = Field(default=3600.0, gt=0)
    """How often idle conversations are looked for."""
    resume_last: bool = False
    """Open with the last conversation instead of a new one."""


class HealthSettings(_Section):
    """Long-running operation: metrics, circuit breakers, memory."""

    max_metrics: int = Field(default=1000, ge=10)
    """Metrics kept at once."""
    retention_hours: float = Field(default=24.0, gt=0)
    """How long a metric is kept."""
    sweep_seconds: float = Field(default=3600.0, gt=0)
    """How often old metrics are looked for."""
    slow_seconds: float = Field(default=3.0, gt=0)
    """A turn or stage slower than this raises an alert."""
    error_rate: float = Field(default=0.1, gt=0, le=1)
    """Share of failed calls that raises an alert, after ten calls."""
    breaker_failures: int = Field(default=2, ge=1)
    """Failures in a row after which an engine is disabled."""
    breaker_seconds: float = Field(default=30.0, gt=0)
    """How long it is disabled before it is tried again; twice as long after each failure, up to 16 times."""
    breaker_slow_seconds: float = Field(default=10.0, gt=0)
    """Work of an engine that takes longer until it answers counts as a failure."""
    save_seconds: float = Field(default=15.0, gt=0)
    """How often the figures are written down, for vita metrics and for the next start."""
    pressure: bool = True
    """Free memory in steps when it runs low; undone afterwards."""
    pressure_seconds: float = Field(default=5.0, gt=0)
    """How often memory is looked at."""
    pressure_available_mb: Several[int] = (800, 600, 450, 300, 200)
    """Available memory, in MB, below which the first, second, … step is taken."""
    pressure_rss_mb: int = Field(default=2000, ge=0)
    """VITA's own memory with its children, in MB, above which steps are taken one after the other; 0 for no limit."""
    pressure_stall: float = Field(default=20.0, ge=0, le=100)
    """Percentage of time that programs waited for memory (Linux PSI), above which steps are taken; 0 to leave it out."""
    pressure_dwell_seconds: float = Field(default=30.0, ge=0)
    """Shortest time between two steps down that do not get worse, and of calm before a step is undone."""


class AbilitySettings(_Section):
    """What is done without a model: the time, timers, arithmetic, units, lists and notes."""

    enabled: Live[bool] = True
    """Answer such requests at once and without the language model; off: the model gets them all."""


class ToolSettings(_Section):
    """What the language model may do besides answering, where it knows how to call tools."""

    enabled: Live[bool] = True
    """Offer tools to language models that can call them; off: none."""
    read_only: Live[Literal["ask", "allow"]] = "ask"
    """Whether tools that only look (files below the folder, pages, servers that say so) ask before each call."""
    folder: str = ""
    """Folder below which files may be listed, read and searched; empty for the one that VITA was started in."""
    network: Live[bool] = False
    """Offer reading web pages, as text."""
    write: Live[bool] = False
    """Offer writing files below the folder; each call is asked for."""
    shell: Live[bool] = False
    """Offer running commands in the folder; each call is asked for."""
    rounds: Live[int] = Field(default=8, ge=1, le=50)
    """How often in one answer the model may call tools and go on with what they returned."""
    timeout: Live[float] = Field(default=60.0, gt=0, le=3600)
    """Seconds after which a call has timed out."""
    longest_result: Live[int] = Field(default=8000, ge=200, le=1_000_000)
    """Characters of a result that the model is given; of a longer one the beginning and the end."""
    waiting_sound: Live[bool] = True
    """A soft sound while a tool makes you wait."""


class McpServer(_Section):
    """A program, or an address, that offers tools by the Model Context Protocol."""

    command: str = ""
    """The program; empty for a server that has an address."""
    args: tuple[str, ...] = ()
    """Its arguments."""
    env: dict[str, str] = {}
    """Its environment variables, besides the usual few."""
    cwd: str = ""
    """The folder it runs in; empty for the one that VITA was started in."""
    url: str = ""
    """Address of a server that speaks streamable HTTP."""
    headers: dict[str, str] = {}
    """Sent to it with each request."""
    disabled: bool = False
    """Keep the entry, and leave the server alone."""

    @model_validator(mode="after")
    def _one_way(self) -> McpServer:
        if bool(self.command) == bool(self.url):
            raise ValueError("it needs a command or a url, and not both")
        return self


class McpSettings(_Section):
    """Servers with tools of their own: vita mcp add writes them."""

    servers: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")], McpServer] = {}
    """By name, each a table [mcp.servers.NAME] with command, args and env, or url and headers."""


class UiSettings(_Section):
    """The screen."""

    theme: Live[str] = "textual-dark"
    """Name of a Textual theme; the palette (ctrl+p) shows them."""
    panel: bool = True
    """Show the live panel where the terminal is wide enough."""


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
    ui: UiSettings = UiSettings()

    @property
    def voices(self) -> tuple[str, ...]:
        """`tts.engines` in the order in which they are tried: the system's voice before Piper's where Piper's speaks another language."""
        names = list(dict.fromkeys(self.tts.engines))
        spoken = re.match(r"([a-z]{2,3})[_-]", Path(self.tts.voice).name)
        if spoken and spoken[1] != base(self.spoken_language) and {"piper", "pyttsx3"} <= set(names):
            names.remove("piper")
            names.insert(names.index("pyttsx3") + 1, "piper")
        return tuple(names)

    @property
    def spoken_language(self) -> str:
        """The language in which replies are read out."""
        return "en" if self.stt.language == "auto" else self.stt.language

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
        name == key and any(isinstance(mark, _AtOnce) for mark in field.metadata) for name, field in fields()
    )

"""What `vita doctor` finds out: one check after the other, each with what was found and the fix."""

from __future__ import annotations

import asyncio
import os
import platform
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vita_tui import clipboard, paths
from vita_tui import settings as all_settings
from vita_tui.errors import VitaError
from vita_tui.events import EventBus
from vita_tui.settings import Settings

__all__ = ["Check", "run_all", "usable"]

Status = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    status: Status
    found: str
    remedy: str = ""
    detail: str = ""
    """How it was found out, for those who ask."""
    engine: str = ""
    """Of the engine that was tried, after whose job the check is named."""

    @property
    def about(self) -> str:
        """What was checked, as `vita doctor --json` names it, whatever the words for people are: "language_model", for one."""
        words = self.name.removesuffix(self.engine).partition(", process ")[0]
        words = "Weights" if words.startswith("Weights ") else words
        return words.strip(" :").lower().replace(" ", "_")


def usable(checks: Iterable[Check]) -> bool:
    """Whether typed questions are answered: the settings are right and one language model works, the first or a fallback."""
    found = list(checks)
    settled = all(check.status != "failed" for check in found if check.name in ("Python", "Settings"))
    return settled and any(check.status == "ok" for check in found if check.about == "language_model")


def run_all() -> Iterator[Check]:
    """All checks, each yielded as soon as it is made. Loading the engines takes some seconds."""
    yield _python()
    try:
        settings = all_settings.load()
    except VitaError as error:
        yield Check("Settings", "failed", error.message, error.remedy or "vita config show")
        settings = Settings.model_construct()
    else:
        file = paths.config_file()
        yield Check(
            "Settings",
            "ok",
            str(file) if file.exists() else "defaults; there is no settings file",
            detail=str(file),
        )
    yield from _directories()
    yield _terminal()
    yield from _weights()
    yield from _sound(settings)
    yield _leaving(settings)
    yield _language(settings)
    yield from _recognition(settings)
    yield from _model(settings)
    yield from _voices(settings)
    yield from _plugins()


def _python() -> Check:
    version = platform.python_version()
    detail = f"{sys.executable} on {platform.platform()}"
    return Check("Python", "ok", version, detail=detail)


def _directories() -> Iterator[Check]:
    for name, path in (("Data folder", paths.data_dir()), ("State folder", paths.state_dir())):
        try:
            paths.ensure_private_dir(path)
            probe = path / f".probe-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            yield Check(
                name, "failed", f"{path} cannot be written: {error.strerror}", f"chmod -R u+rwX {path}"
            )
            continue
        open_files = [file for file in _files(path) if _open_to_others(file)]
        if open_files:
            yield Check(name, "warning", f"{open_files[0]} can be read by others", f"chmod -R go-rwx {path}")
        else:
            yield Check(name, "ok", str(path))


def _files(path: Path) -> Iterator[Path]:
    """What may hold conversations: not the weights, which are public."""
    for child in path.iterdir():
        if child.name != "models":
            yield from child.rglob("*") if child.is_dir() else (child,)


def _open_to_others(file: Path) -> bool:
    try:
        return os.name == "posix" and file.is_file() and bool(stat.S_IMODE(file.stat().st_mode) & 0o077)
    except OSError:
        return False


def _plugins() -> Iterator[Check]:
    """Abilities of other packages; nothing where there are none."""
    from vita_tui.abilities.plugins import plugins

    found = plugins()
    if names := ", ".join(ability.name for ability in found.abilities):
        yield Check("Plug-ins", "ok", names)
    for name, problem in found.problems.items():
        yield Check("Plug-ins", "warning", f"{name} is left out: {problem}", "See the log, or uninstall it")


def _terminal() -> Check:
    term = os.environ.get("TERM", "")
    if not sys.stdout.isatty():
        return Check("Terminal", "warning", "output is not a terminal", "Run vita in a terminal")
    if term in ("", "dumb"):
        return Check("Terminal", "warning", f"TERM is {term or 'not set'}", "export TERM=xterm-256color")
    size = os.get_terminal_size()
    encoding = (sys.stdout.encoding or "").lower()
    if "utf" not in encoding:
        return Check("Terminal", "warning", f"{term}, encoding {encoding}", "export LC_ALL=C.UTF-8")
    copied = clipboard.way() or "the terminal, if it knows OSC 52"
    return Check("Terminal", "ok", f"{term}, {size.columns}×{size.lines}; copies go to {copied}")


def _weights() -> Iterator[Check]:
    from vita_tui.models import catalogue, fetch, installed

    for model in catalogue.models():
        if model.default and installed.standing(model) == "missing":
            yield Check(f"Weights {model.name}", "failed", "not there", f"vita models pull {model.name}")
        elif model.default or fetch.present(model):
            try:
                fetch.verify(model)
            except VitaError as error:
                yield Check(
                    f"Weights {model.name}",
                    "failed",
                    error.message,
                    error.remedy or f"vita models pull {model.name}",
                )
            else:
                yield Check(f"Weights {model.name}", "ok", f"{model.size / 1e6:.0f} MB, digests verified")


def _sound(settings: Settings) -> Iterator[Check]:
    from vita_tui.audio.capture import DeviceMicrophone
    from vita_tui.audio.device_speaker import DeviceSpeaker
    from vita_tui.audio.portaudio import portaudio_version
    from vita_tui.audio.voice import dbfs

    try:
        version = portaudio_version()
    except VitaError as error:
        yield Check("PortAudio", "failed", error.message, error.remedy)
        return
    yield Check("PortAudio", "ok", version)
    microphone = DeviceMicrophone(settings.audio.input)
    try:
        microphone.open()
        frame = microphone.read(timeout=2.0)
        level = f"{dbfs(frame.samples):.0f} dBFS now" if frame is not None else "no sound arrived within 2 s"
        yield Check(
            "Microphone",
            "ok" if frame is not None else "warning",
            f"{microphone.name}, {level}",
            "vita devices",
        )
    except VitaError as error:
        yield Check("Microphone", "failed", error.message, error.remedy or "vita devices")
    finally:
        microphone.close()
    speaker = DeviceSpeaker(settings.audio.output)
    try:
        speaker.open()
        yield Check("Speaker", "ok", f"{speaker.name}, {speaker.sample_rate} Hz")
    except VitaError as error:
        yield Check("Speaker", "failed", error.message, error.remedy or "vita devices")
    finally:
        speaker.close()


def _leaving(settings: Settings) -> Check:
    """What leaves this machine."""
    from vita_tui.settings.destinations import leaving, unencrypted

    said = leaving(settings)
    if not said:
        return Check("Privacy", "ok", "nothing leaves this machine")
    if readable := ", ".join(unencrypted(settings)):
        return Check(
            "Privacy",
            "warning",
            f"{said[0]}; to {readable} without encryption",
            "Use https:// or wss:// outside of networks that you trust",
        )
    return Check("Privacy", "ok", f"{said[0]}, encrypted")


def _language(settings: Settings) -> Check:
    """What there is for the language that is spoken."""
    from vita_tui.models.lookup import missing
    from vita_tui.text.spoken import grammar
    from vita_tui.text.spoken_languages import language_of_voice, name_of, spoken_languages
    from vita_tui.text.vocabulary import base

    code = base(settings.stt.language)
    if code == "auto":
        among = ", ".join(name_of(one) for one in settings.stt.languages) or "all that Whisper knows"
        return Check(
            "Language", "ok", f"found out from what is said, among {among}; the system's voice follows"
        )
    if (known := spoken_languages().get(code)) is None:
        return Check(
            "Language", "warning", f"“{code}” is no language that Whisper knows", "VITA_STT__LANGUAGE=en"
        )
    by_piper = language_of_voice(settings.tts.voice) == code
    reads = Path(settings.tts.voice).stem if by_piper else "the system's voice"
    numbers = "" if grammar(code) else "; numbers, dates and units are read as the voice reads them"
    found = f"{known.name}, read by {reads}{numbers}"
    if not by_piper and known.voice and missing("tts", known.voice):
        found += f"; better by Piper: vita models pull {known.voice}"
    return Check("Language", "ok", found)


def _recognition(settings: Settings) -> Iterator[Check]:
    import numpy as np

    from vita_tui.conversation.build import recognizers

    def work(engine: Any) -> str:
        engine.load()
        result = engine.transcribe(np.zeros(16_000, np.float32))
        if result.text:
            raise VitaError(f"silence was understood as “{result.text}”.", remedy="vita models verify")
        return "silence gives no text"

    yield from _engines("Speech recognition", recognizers(settings, EventBus()).engines, work)


def _voices(settings: Settings) -> Iterator[Check]:
    from threading import Event

    from vita_tui.conversation.build import synthesizers

    def work(engine: Any) -> str:
        engine.load()
        samples = sum(len(piece) for piece in engine.speak("All is well.", cancelled=Event()))
        if not samples:
            raise VitaError("it produced no sound.")
        return f"{samples / engine.sample_rate:.1f} s of speech"

    chain = synthesizers(settings, EventBus())
    yield from _engines("Voice", chain.engines, work)


def _model(settings: Settings) -> Iterator[Check]:
    from vita_tui.conversation.build import responders

    async def ask(engine: Any) -> str:
        try:
            await engine.load()
            words = ""
            async for delta in engine.stream([{"role": "user", "content": "Say hello."}], max_tokens=8):
                # A model that reasons first works as well.
                words += delta if isinstance(delta, str) else getattr(delta, "text", "")
            if not words.strip():
                raise VitaError("it answered nothing.")
            return f"said “{words.strip()[:40]}”"
        finally:
            await engine.cleanup()

    def work(engine: Any) -> str:
        return asyncio.run(ask(engine))

    yield from _engines("Language model", responders(settings, EventBus()).engines, work)


def _engines(kind: str, engines: Iterable[Any], work: Callable[[Any], str]) -> Iterator[Check]:
    """Try each engine of a job; a fallback that fails is a warning only, and so is one that works in another way than was asked for."""
    seen = 0
    for place, engine in enumerate(engines):
        seen += 1
        start = time.monotonic()
        name = f"{kind}: {engine.name}"
        try:
            found = work(engine)
        except VitaError as error:
            status: Status = "warning" if place else "failed"
            yield Check(name, status, error.message, error.remedy or "vita doctor -v", engine=engine.name)
        else:
            detail = f"loaded and run in {time.monotonic() - start:.1f} s"
            if engine.notes:
                yield Check(name, "warning", engine.notes, "vita models verify", detail, engine.name)
            else:
                yield Check(name, "ok", found, detail=detail, engine=engine.name)
        finally:
            if not hasattr(engine, "stream"):
                engine.cleanup()
    if not seen:
        nothing: Status = "failed" if kind == "Language model" else "warning"
        yield Check(kind, nothing, "no engine is set up", "vita config show")

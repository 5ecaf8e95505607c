"""The process in which pyttsx3 renders text: it may hang or die without taking anything with it.

Run as `python -m vita_tui.engines.tts.pyttsx3_child`. Each request is a line of JSON on standard input, each answer a line of JSON
on standard output, perhaps with samples after it:

    {"id": 0, "voice", "rate", "volume", "language", "file"}   →   {"id": 0, "rate"} or {"id": 0, "missing", "remedy"}
    {"id": 1, "text"}   →   {"id": 1, "rate", "bytes"} and so many bytes of 16-bit little-endian mono, or {"id": 1, "error"}

pyttsx3 and its drivers write to standard output, so that is moved out of their way, to the log. A second thread watches standard
input and the parent: when either is gone, even by `kill -9` and even in the middle of rendering, the process ends at once.
(PR_SET_PDEATHSIG would end it with the thread that started it, which may be short-lived.)
"""

from __future__ import annotations

import array
import json
import os
import queue
import sys
import threading
import traceback
import wave
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__: list[str] = []

WORDS_PER_MINUTE = 175
"""What `rate` 1 means: espeak's own."""
WATCH_SECONDS = 2.0
SETTLE_SECONDS = 2.0
SETTLE_STEPS = 2000
SHOWN_VOICES = 8
"""Names of voices in an error."""


class _MissingError(Exception):
    """There is no such voice."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


def _watch_input(requests: queue.SimpleQueue[dict[str, Any]], file: list[Path]) -> None:
    """Hand over the lines of standard input; end the process when it ends."""
    rest = b""
    with suppress(OSError, ValueError):
        while data := os.read(0, 65536):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                requests.put(json.loads(line))
    _leave(file)


def _watch_parent(parent: int, file: list[Path]) -> None:
    """Standard input may have been inherited by another process, so that it does not end with the parent."""
    pause = threading.Event()
    while os.name != "posix" or os.getppid() == parent:
        pause.wait(WATCH_SECONDS)
    _leave(file)


def _leave(file: list[Path]) -> None:
    for path in file:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    os._exit(0)


def _open(request: dict[str, Any]) -> Any:
    """The engine, with its voice, rate and volume."""
    try:
        import pyttsx3

        engine: Any = pyttsx3.init()  # type: ignore[no-untyped-call]  # it has no types
    except (Exception, SystemExit) as error:  # each platform's driver fails in its own way
        raise _MissingError(_line(error)) from error
    # pyttsx3 only queues until its loop has run once, and that first loop does not wait for the sound to be written.
    _settle()
    engine.runAndWait()
    voice = _choose(engine.getProperty("voices"), request["voice"], request["language"])
    if voice:
        _set(engine, "voice", voice)
    _set(engine, "rate", round(WORDS_PER_MINUTE * request["rate"]))
    _set(engine, "volume", request["volume"])
    return engine


def _set(engine: Any, name: str, value: Any) -> None:
    _settle()
    engine.setProperty(name, value)


def _choose(voices: Sequence[Any], wanted: str, language: str) -> str:
    """Id of the voice to speak with; empty for the system's own choice.

    Args:
        wanted: id, name or language code of a voice; empty for one that speaks `language`.
        language: code of what is to be read. A voice of another language is not used for it, but for English, which is the default.
    """
    code = _code(language)
    foreign = code.partition("-")[0] not in ("", "en", "auto")
    if not wanted:
        return _speaking(voices, code, required=True) if foreign else ""
    named = [one for one in voices if wanted.lower() in (str(one.id).lower(), str(one.name).lower())]
    found = str(named[0].id) if named else _speaking(voices, _code(wanted), required=False)
    if not found:
        names = ", ".join(str(voice.id) for voice in voices[:SHOWN_VOICES])
        raise _MissingError(
            f"it does not know {wanted!r}", f"Set tts.system_voice to another, such as {names}."
        )
    if foreign:
        spoken = [name for one in voices if str(one.id) == found for name in _languages(one)]
        if spoken and code.partition("-")[0] not in {name.partition("-")[0] for name in spoken}:
            return _speaking(voices, code, required=False) or found
    return found


def _speaking(voices: Sequence[Any], code: str, *, required: bool) -> str:
    """Id of a voice for a language code: of just that one, or else of the same language elsewhere; empty when there is none."""
    base = code.partition("-")[0]
    for fits in (
        code.__eq__,
        base.__eq__,
        f"{base}-{base}".__eq__,
        lambda name: name.partition("-")[0] == base,
    ):
        for voice in voices:
            if any(fits(name) for name in _languages(voice)):
                return str(voice.id)
    if required:
        raise _MissingError(f"none speaks {code!r}", "Set tts.system_voice to a voice of the system.")
    return ""


def _languages(voice: Any) -> list[str]:
    """Codes of the languages that a voice says it speaks; drivers write them in their own ways."""
    names = (
        name.decode(errors="ignore") if isinstance(name, bytes) else str(name)
        for name in voice.languages or []
    )
    return [_code(name.strip("\x05\x02")) for name in names]


def _code(name: str) -> str:
    return name.replace("_", "-").lower()


def _render(engine: Any, text: str, file: Path) -> tuple[int, bytes]:
    """Rate in hertz, and samples."""
    file.unlink(missing_ok=True)
    _settle()
    engine.save_to_file(text, str(file))
    engine.runAndWait()
    try:
        with file.open("rb") as opened:
            is_wave = opened.read(4) == b"RIFF"
        return _read_wave(file) if is_wave else _decode(file)
    finally:
        file.unlink(missing_ok=True)


def _settle() -> None:
    """Wait until espeak has come to rest: otherwise pyttsx3 cancels what comes next together with what espeak still does.

    espeak is at work for a moment after a text is done, and after its voice or rate was set.
    """
    espeak = sys.modules.get("pyttsx3.drivers._espeak")
    pause = threading.Event()
    for _ in range(SETTLE_STEPS):
        if espeak is None or not espeak.IsPlaying():
            return
        pause.wait(SETTLE_SECONDS / SETTLE_STEPS)


def _read_wave(file: Path) -> tuple[int, bytes]:
    with wave.open(str(file)) as sound:
        data = sound.readframes(sound.getnframes())
        channels, width, rate = sound.getnchannels(), sound.getsampwidth(), sound.getframerate()
    if width != 2:
        return _decode(file)
    if channels > 1:
        samples = array.array("h", data)
        data = samples[::channels].tobytes()
    return rate, data


def _decode(file: Path) -> tuple[int, bytes]:
    """AIFF, as on macOS, and whatever else PyAV reads."""
    import av

    with av.open(str(file)) as container:
        rate = int(container.streams.audio[0].rate)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
        blocks = [
            part.to_ndarray().tobytes()
            for frame in (*container.decode(audio=0), None)
            for part in resampler.resample(frame)
        ]
    return rate, b"".join(blocks)


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__


def main() -> None:
    """Render until standard input ends."""
    parent = os.getppid()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    file: list[Path] = []
    threading.Thread(target=_watch_input, args=(requests, file), daemon=True).start()
    threading.Thread(target=_watch_parent, args=(parent, file), daemon=True).start()

    def answer(header: dict[str, Any], samples: bytes = b"") -> None:
        out.write(json.dumps(header).encode() + b"\n" + samples)
        out.flush()

    request = requests.get()
    file.append(Path(request["file"]))
    try:
        engine = _open(request)
    except _MissingError as error:
        traceback.print_exc()
        answer({"id": 0, "missing": str(error), "remedy": error.remedy})
        return
    answer({"id": 0, "rate": 0})
    while True:
        request = requests.get()
        try:
            rate, samples = _render(engine, request["text"], file[0])
        except Exception as error:  # noqa: BLE001  # the top of the process; the parent says what it means
            traceback.print_exc()
            answer({"id": request["id"], "error": _line(error)})
        else:
            answer({"id": request["id"], "rate": rate, "bytes": len(samples)}, samples)


if __name__ == "__main__":
    main()

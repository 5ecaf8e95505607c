"""A real server on a free port of loopback, with scripted engines, in the test's own loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.engines.stt.fake import FakeRecognizer
from vita_tui.engines.tts.fake import FakeSynthesizer
from vita_tui.events import EventBus
from vita_tui.server.application import Application
from vita_tui.server.connections import Connections
from vita_tui.server.keys import Keys
from vita_tui.server.limits import Limits
from vita_tui.server.serving import Address, Serving
from vita_tui.server.shared_engines import SharedEngines
from vita_tui.server.wyoming.wyoming_listener import Networks, WyomingListener
from vita_tui.settings import Settings

__all__ = ["Scripted", "serving", "tone", "wav"]

SOON = Limits(sweep_seconds=0.05, close_seconds=1.0, drain_seconds=60.0)


@dataclass
class Scripted:
    """What a test has."""

    url: str
    app: Application
    recognizer: Any
    model: Any
    voice: Any
    server: Serving

    @property
    def wyoming(self) -> int:
        """The port."""
        assert self.server.wyoming is not None
        return self.server.wyoming.port

    @property
    def ws(self) -> str:
        return self.url.replace("http", "ws", 1)


@asynccontextmanager
async def serving(
    *,
    heard: Iterable[Any] = ("what time is it",),
    said: Iterable[Any] = ("It is noon.",),
    keys: Keys | None = None,
    limits: Limits = SOON,
    recognizer: Any = None,
    model: Any = None,
    voice: Any = None,
    enforced: bool = True,
    origins: Iterable[str] = (),
    settings: Settings | None = None,
    networks: Networks | None = None,
    certificate: Path | None = None,
    certificate_key: Path | None = None,
    **more: Any,
) -> AsyncIterator[Scripted]:
    settings = settings or Settings()
    bus = EventBus()
    limits = replace(limits, **more)
    recognizer = recognizer or FakeRecognizer(heard)
    model = model or FakeResponder(said)
    voice = voice or FakeSynthesizer()
    engines = SharedEngines(
        settings,
        limits,
        recognition=Chain("stt", [recognizer], settings.health, bus=bus),
        model=Chain("llm", [model], settings.health, bus=bus, slow_counts=False),
        voice=Chain("tts", [voice], settings.health, bus=bus),
        bus=bus,
    )
    app = Application(
        engines, limits, keys=keys, origins=origins, connections=Connections(limits, enforced=enforced)
    )
    wyoming = WyomingListener(engines, app.connections, port=0, networks=networks)
    server = Serving(app, Address("127.0.0.1", 0, certificate, certificate_key), keys, wyoming)
    async with server.running():
        scheme = "https" if certificate else "http"
        yield Scripted(f"{scheme}://127.0.0.1:{server.port}", app, recognizer, model, voice, server)


def tone(seconds: float, rate: int = 16_000) -> np.ndarray[Any, np.dtype[np.float32]]:
    time = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)


def wav(seconds: float = 1.0) -> bytes:
    from vita_tui.audio.encoding import _wav

    return _wav(tone(seconds), 16_000)

"""Tries a disabled voice again, unheard, in its own thread: one that hangs in it keeps no clause waiting."""

from __future__ import annotations

import logging
import threading

from vita_tui.engines.chain import Chain
from vita_tui.engines.tts.base import Synthesizer
from vita_tui.engines.tts.sound import checked
from vita_tui.errors import EngineError
from vita_tui.health.threads import RegisteredThread

__all__ = ["VoiceProbe"]

log = logging.getLogger(__name__)

CLAUSE = "All is well."
"""What the voice is asked to say."""
WAY_SECONDS = 0.1
"""What a probe gets to end for a clause that is to be spoken."""


class _Cancelled(BaseException):
    """The probe was cancelled because user work arrived; the result must not count for or against the engine."""


class VoiceProbe:
    """At most one probe at a time."""

    def __init__(self, chain: Chain[Synthesizer]) -> None:
        self._chain = chain
        self._thread: RegisteredThread | None = None
        self._cancelled = threading.Event()
        self._closed = False

    def start(self) -> None:
        """Try the voices whose wait is over; returns at once. Does nothing while that is being done."""
        if self._closed or (self._thread is not None and self._thread.is_alive()):
            return
        self._cancelled.clear()
        self._thread = RegisteredThread(
            self._run, name="voice probe", owner="conversation.voice_probe", close=self._cancelled.set
        )
        self._thread.start()

    def cancel(self) -> None:
        """A clause is to be spoken: the voice that is being tried may be the only one. Waits for a moment."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            self._cancelled.set()
            thread.join(WAY_SECONDS)

    def cleanup(self) -> None:
        """Cancel, without waiting; none is started any more."""
        self._closed = True
        self._cancelled.set()

    def _run(self) -> None:
        try:
            for attempt in self._chain.probes():
                with attempt as engine:
                    self._check()
                    engine.cleanup()
                    engine.load()
                    pieces = engine.speak(CLAUSE, cancelled=self._cancelled)
                    frames = sum(len(checked(engine.name, piece, engine.sample_rate)) for piece in pieces)
                    self._check()
                    if not frames:
                        raise EngineError(f"{engine.name} gave no sound.")
        except _Cancelled:
            log.info("a voice probe was cancelled")
        except Exception:
            log.exception("the voice probe ended")

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise _Cancelled

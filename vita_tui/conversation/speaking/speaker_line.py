"""The speaker of the replies: opened, and opened again in a thread of its own when it went away; and what is said of that."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from vita_tui.audio.base import PlaybackMark, Speaker, Substitutable
from vita_tui.audio.retry_pace import waits
from vita_tui.clock import Clock
from vita_tui.errors import DeviceError
from vita_tui.events import EventBus, Notice
from vita_tui.health.threads import RegisteredThread

__all__ = ["SpeakerLine"]

log = logging.getLogger(__name__)

REOPEN_SECONDS = 0.5
"""Between two attempts to open a speaker that went away."""
GIVE_UP_SECONDS = 5.0
"""After this long without a speaker the rest of a reply counts as not heard; the next reply tries again."""


class SpeakerLine:
    """From any thread."""

    def __init__(
        self,
        speaker: Speaker | None,
        bus: EventBus,
        clock: Clock,
        lock: threading.Lock,
        *,
        on_mark: Callable[[PlaybackMark], None],
        on_lost: Callable[[], None],
        on_back: Callable[[], None],
        on_given_up: Callable[[], None],
    ) -> None:
        """
        Args:
            lock: between whoever has something to play and whether there is a speaker.
            on_mark: takes what the speaker reports, in its notifying thread.
            on_lost: called, with the lock held, when it has gone away.
            on_back: called, with the lock held, when there is one again.
            on_given_up: called when it has been away for too long.
        """
        self._speaker = speaker
        self._bus = bus
        self._clock = clock
        self._on_mark = on_mark
        self._on_lost = on_lost
        self._on_back = on_back
        self._on_given_up = on_given_up
        self._lock = lock
        self.is_open = False
        """Read and changed with the lock held."""
        self._given_up = False
        """The speaker has been away for too long."""
        self._reopening: threading.Thread | None = None
        self._stopping = threading.Event()
        self._wanted = threading.Event()
        """Somebody wants to be heard: whoever waits tries again now."""
        self._unsubscribe: Callable[[], None] = lambda: None
        if isinstance(speaker, Substitutable):
            speaker.on_change(self._tell)

    def open(self) -> None:
        """Open the speaker for the first time, and say so when there is none. Blocks for as long."""
        if self._speaker is not None:
            self._open(self._speaker, first=True)

    def ready(self) -> bool:
        """Whether what is synthesised can be heard, now or soon. Opens a speaker that is not open; blocks for as long."""
        with self._lock:
            away = self._reopening is not None
            if away and self._given_up:
                self._wanted.set()
            if self.is_open or away:
                return self.is_open or not self._given_up
        return self._speaker is not None and self._open(self._speaker)

    def lost(self, reason: str) -> None:
        """The speaker reports that it has gone away: hold what was not heard, and open it again."""
        speaker = self._speaker
        assert speaker is not None
        with self._lock:
            self.is_open = self._given_up = False
            self._on_lost()
            if self._stopping.is_set():
                return
            self._reopening = RegisteredThread(
                self._reopen,
                speaker,
                reason,
                name="speaker",
                owner="conversation.speaker_line",
                close=self.end,
            )
            self._reopening.start()

    def end(self) -> None:
        """Do not open it again."""
        self._stopping.set()
        self._wanted.set()

    def cleanup(self) -> None:
        """Close it; may be called twice."""
        self.end()
        if (reopening := self._reopening) is not None:
            reopening.join(timeout=0.5)
        self._unsubscribe()
        if self._speaker is not None:
            self._speaker.close()

    # ---- the speaker thread, while there is none

    def _reopen(self, speaker: Speaker, reason: str) -> None:
        try:
            lost = self._clock.monotonic()
            log.info("lost the speaker: %s", reason)
            self._bus.publish(
                Notice("Speaker lost", reason, "Plug it in, or choose another: f2", "warning", key="speaker")
            )
            speaker.close()
            for wait in waits(REOPEN_SECONDS):
                if self._open(speaker, again=True):
                    break
                if self._clock.monotonic() - lost > GIVE_UP_SECONDS:
                    with self._lock:
                        self._given_up = True
                    self._on_given_up()  # those that were begun meanwhile, too
                self._wanted.wait(wait)
                self._wanted.clear()
                if self._stopping.is_set():
                    return
            self._tell()
            with self._lock:
                self._reopened()
                self._on_back()
        except Exception:
            log.exception("the speaker could not be opened again")
            self._on_given_up()
        finally:
            with self._lock:
                self._reopened()

    def _reopened(self) -> None:
        """With the lock held: this thread's work is done, unless the speaker has gone away again since."""
        if self._reopening is threading.current_thread():
            self._reopening = None

    # ----

    def _open(self, speaker: Speaker, *, first: bool = False, again: bool = False) -> bool:
        """
        Args:
            first: say so when there is none.
            again: it went away, and the caller says that it is back.
        """
        try:
            speaker.open()
        except DeviceError as error:
            if first:
                self._bus.publish(Notice("No speaker", error.message, error.remedy, "warning", key="speaker"))
            return False
        self._unsubscribe()
        self._unsubscribe = speaker.subscribe(self._on_mark)
        with self._lock:
            self.is_open = True
        if not again and isinstance(speaker, Substitutable) and speaker.missing:
            self._tell()
        return True

    def _tell(self) -> None:
        """Say which speaker is used from now on."""
        speaker = self._speaker
        assert speaker is not None
        log.info("speaking through %s", speaker.name)
        if isinstance(speaker, Substitutable) and speaker.missing:
            message = f"{speaker.missing} Until it is back VITA speaks through {speaker.name}."
            remedy = "Plug it in, or choose another: f2"
            self._bus.publish(Notice("Another speaker", message, remedy, "warning", key="speaker"))
        else:
            self._bus.publish(Notice("Speaker back", speaker.name, key="speaker"))

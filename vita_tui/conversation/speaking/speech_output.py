"""The synthesis thread: clauses become sound, in order, on the speaker.

`SpeechOutput` owns the thread, the speaker and the chain of voices. One reply is one `Speech`.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress

import numpy as np

from vita_tui.audio.base import PlaybackMark, Samples, Span, Speaker, StandsIn, Switchable
from vita_tui.clock import Clock, SystemClock
from vita_tui.conversation.hearing.echo_text import OwnWords
from vita_tui.conversation.speaking.clauses import Clause
from vita_tui.conversation.speaking.speech import Speech
from vita_tui.engines.chain import Chain
from vita_tui.engines.tts.base import Pcm, Synthesizer
from vita_tui.engines.tts.sound import at_rate, checked, resampled
from vita_tui.errors import DeviceError, EngineError, NoEngineError
from vita_tui.events import ClauseFinished, ClauseStarted, EventBus, Heard, Notice
from vita_tui.health.registry import Entry, registry

__all__ = ["SpeechOutput"]

log = logging.getLogger(__name__)

REOPEN_SECONDS = 0.5
"""Between two attempts to open a speaker that went away."""
GIVE_UP_SECONDS = 5.0
"""After this long without a speaker the rest of a reply counts as not heard; the next reply tries again."""
PROBE_CLAUSE = "All is well."
"""What a resting voice is asked to say, unheard, before it is used again."""
QUICK = 0.5
"""Seconds that a voice may take for a second of sound if what it says is to be played while it still computes."""
PACED_SECONDS = 0.5
"""Of sound that tells how quick a voice is."""
SHORTEST_SECONDS = 0.2
"""Of sound that is handed over at once, unless a clause ends."""
WAY_SECONDS = 0.1
"""What a probe gets to make way for a clause that is to be spoken."""


class _MadeWay(BaseException):
    """A probe was broken off for something that a user waits for: it says nothing about the voice."""


class SpeechOutput:
    """Speaks replies, with the first voice of `chain` that works, on `speaker`.

    The thread `synthesis` loads the voice, opens the speaker and synthesises; it stops between two clauses. The thread `voice
    probe` lives while a resting voice is tried: one that hangs in it keeps no clause waiting.
    """

    def __init__(
        self,
        chain: Chain[Synthesizer],
        speaker: Speaker | None,
        bus: EventBus,
        *,
        ahead: bool = True,
        clock: Clock | None = None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        """Args:
        ahead: a clause may be heard while its end is still being synthesised.
        """
        self._chain = chain
        self._ahead = ahead
        self._speaker = speaker
        if isinstance(speaker, StandsIn):
            speaker.on_change(self._speaker_ready)
        self._bus = bus
        self._clock = clock or SystemClock()
        self._on_ready = on_ready
        self.own_words = OwnWords()
        """What sounds, and when."""
        self._jobs: queue.SimpleQueue[tuple[Speech, Clause] | Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._spans: dict[int, Speech] = {}
        """Which speech a span belongs to, by the span's start."""
        self._speeches: set[Speech] = set()
        self._pace: dict[str, float] = {}
        """Seconds that each voice took for a second of its last clause's sound, once that had begun; only the thread touches it."""
        self._open = False
        self._away = ""
        """Why the speaker is gone, until that has been seen to."""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._entry: Entry | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._errands: set[Future[None]] = set()
        """What waits to be done between two clauses."""
        self._probing: threading.Thread | None = None
        self._make_way = threading.Event()
        """The probe is to end: somebody waits for the voice."""

    @property
    def usable(self) -> bool:
        """Whether there is a voice and a speaker to try."""
        return self._speaker is not None and bool(self._chain.engines)

    def start(self) -> None:
        """Start the thread; `on_ready` is called in it when the voice is loaded and the speaker open, or neither can be."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, name="synthesis", daemon=True)
        self._entry = registry.register(
            self._thread,
            kind="thread",
            name="synthesis",
            owner="conversation.speech_output",
            close=self.cleanup,
        )
        self._thread.start()

    def begin(self, turn: int) -> Speech:
        """A new reply that wants to be spoken."""
        speech = Speech(self, turn)
        with self._lock:
            self._speeches.add(speech)
        return speech

    def reload(self) -> Future[None]:
        """What the voice was missing is there now, or another is to speak: load it, between two clauses.

        The future is done when it is loaded, or is known not to load.
        """
        return self._between_clauses(self._load)

    def unload(self, engine: Synthesizer) -> Future[None]:
        """Free `engine` between two clauses; its next clause loads it again."""

        def free() -> None:
            engine.cleanup()
            self._chain.unloaded(engine)

        return self._between_clauses(free)

    def probe(self) -> None:
        """Try the voices whose rest is over; returns at once. Does nothing while that is being done."""
        if self._stopping.is_set() or (self._probing is not None and self._probing.is_alive()):
            return
        self._make_way.clear()
        self._probing = threading.Thread(target=self._probe, name="voice probe", daemon=True)
        self._probing.start()

    def earcon(self, samples: Samples, rate: int) -> None:
        """Play a short sound now if the speaker is open and silent; otherwise do nothing."""
        speaker = self._speaker
        if speaker is not None and self._open and not self._spans:
            with suppress(DeviceError):
                speaker.enqueue(resampled(samples, rate, speaker.sample_rate))

    def use(self, name: str) -> None:
        """Play on the device of that name. Blocks while streams are opened."""
        if isinstance(self._speaker, Switchable):
            self._speaker.use(name)

    def duck(self, gain: float) -> None:
        """Move the loudness of all speech to `gain`, 0 to 1."""
        if self._speaker is not None:
            self._speaker.fade(gain, 0.03)

    def cleanup(self) -> None:
        """Silence, stop the thread, free voices and speaker; may be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        with self._lock:
            speeches = list(self._speeches)
            errands = list(self._errands)
        for speech in speeches:
            speech.cancel()
        for waiting in errands:
            waiting.cancel()
        self._make_way.set()
        self._jobs.put(None)
        if self._thread is not None:
            self._thread.join(timeout=0.5)
            if self._thread.is_alive():
                log.warning("the synthesis thread is still busy; it is left behind and ends with the process")
        self._unsubscribe()
        if self._speaker is not None:
            self._speaker.close()
        for engine in self._chain.engines:
            engine.cleanup()
        if self._entry is not None:
            self._entry.leave()

    # ---- called by Speech

    def submit(self, speech: Speech, clause: Clause) -> None:
        self._jobs.put((speech, clause))

    def publish(self, event: ClauseStarted | ClauseFinished | Heard) -> None:
        self._bus.publish(event)

    @property
    def rate(self) -> int:
        """Hertz, of what is enqueued."""
        return self._speaker.sample_rate if self._speaker is not None else 0

    def played(self) -> int:
        return self._speaker.played() if self._speaker is not None and self._open else 0

    def enqueue(self, speech: Speech, samples: Samples) -> Span | None:
        """None when there is no speaker at present."""
        if self._speaker is None or not self._open:
            return None
        with self._lock:
            try:
                span = self._speaker.enqueue(samples)
            except DeviceError:
                return None
            self._spans[span.start] = speech
            return span

    def silence(self, speech: Speech) -> int:
        """Drop what `speech` has queued, which is all that is queued; the frames of the timeline that were heard."""
        with self._lock:
            mine = speech in self._spans.values()
        if self._speaker is None or not self._open:
            return 0
        if mine:
            self.own_words.stop(self._clock.monotonic())
        return self._speaker.flush() if mine else self._speaker.played()

    def forget(self, speech: Speech) -> None:
        with self._lock:
            self._speeches.discard(speech)
            self._spans = {start: owner for start, owner in self._spans.items() if owner is not speech}

    # ---- the thread

    def _run(self) -> None:
        try:
            self._open_speaker(first=True)
            self._load()
            self._on_ready()
            while (job := self._jobs.get()) is not None:
                if callable(job):
                    job()
                elif not job[0].cancelled.is_set():
                    self._synthesise(*job)
        except Exception:
            log.exception("the synthesis thread ended")
            self._bus.publish(
                Notice(
                    "Speech stopped",
                    "Because of a defect; replies are text only.",
                    "See the log: ctrl+l",
                    "error",
                )
            )
            for speech in tuple(self._speeches):
                speech.give_up()

    def _between_clauses(self, work: Callable[[], None]) -> Future[None]:
        done: Future[None] = Future()
        with self._lock:
            if self._stopping.is_set():
                done.cancel()
                return done
            self._errands.add(done)
        done.add_done_callback(self._errands.discard)

        def errand() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                work()
            except BaseException as error:  # noqa: BLE001  # handed to whoever waits
                done.set_exception(error)
            else:
                done.set_result(None)

        self._jobs.put(errand)
        return done

    def _load(self) -> None:
        with suppress(NoEngineError):  # the chain has told the panel; the first reply says it in words
            for attempt in self._chain.attempts():
                with attempt as engine:
                    engine.load()
                    return

    def _open_speaker(self, *, first: bool = False, again: bool = False) -> bool:
        """Args:
        first: say so when there is none.
        again: it went away, and the caller says that it is back.
        """
        speaker = self._speaker
        if speaker is None:
            return False
        try:
            speaker.open()
        except DeviceError as error:
            if first:
                self._bus.publish(Notice("No speaker", error.message, error.remedy, "warning", key="speaker"))
            return False
        self._unsubscribe()
        self._unsubscribe = speaker.subscribe(self._on_mark)
        self._open = True
        if not again and isinstance(speaker, StandsIn) and speaker.missing:
            self._speaker_ready()
        return True

    def _speaker_ready(self) -> None:
        """Say which speaker is used from now on; in any thread."""
        speaker = self._speaker
        assert speaker is not None
        log.info("speaking through %s", speaker.name)
        if isinstance(speaker, StandsIn) and speaker.missing:
            message = f"{speaker.missing} Until it is back VITA speaks through {speaker.name}."
            remedy = "Plug it in, or choose another: f2"
            self._bus.publish(Notice("Another speaker", message, remedy, "warning", key="speaker"))
        else:
            self._bus.publish(Notice("Speaker back", speaker.name, key="speaker"))

    def _on_mark(self, mark: PlaybackMark) -> None:
        """In the speaker's notifying thread."""
        speaker = self._speaker
        if mark.kind == "lost":
            assert speaker is not None
            # At once: clauses that wait to be synthesised may open it again before anything else is done.
            played = speaker.played()
            with self._lock:
                self._open = False
                begun = list(self._speeches)
                self._spans.clear()
                self._away = mark.reason
            for each in begun:
                each.lost(played)
            self._jobs.put(self._reopen)
            return
        if mark.span is None or speaker is None:
            return
        with self._lock:
            speech = self._spans.get(mark.span.start)
            if mark.kind in ("finished", "dropped"):
                self._spans.pop(mark.span.start, None)
        if speech is not None:
            speech.mark(mark)

    def _reopen(self) -> None:
        """The speaker went away: what was not heard is held; go on with it when there is one again."""
        speaker = self._speaker
        reason, self._away = self._away, ""
        if not reason or speaker is None:
            return
        lost = self._clock.monotonic()
        log.info("lost the speaker: %s", reason)
        self._bus.publish(
            Notice("Speaker lost", reason, "Plug it in, or choose another: f2", "warning", key="speaker")
        )
        speaker.close()
        while not self._open_speaker(again=True):
            if self._clock.monotonic() - lost > GIVE_UP_SECONDS:
                for speech in self._begun():  # those that were begun meanwhile, too
                    speech.give_up()
            if self._stopping.wait(REOPEN_SECONDS):
                return
        self._speaker_ready()
        for speech in self._begun():
            speech.resume()

    def _begun(self) -> list[Speech]:
        with self._lock:
            return list(self._speeches)

    def _probe(self) -> None:
        """In a thread of its own: give every voice whose rest is over a fresh start and have it say something."""
        entry = registry.register(
            threading.current_thread(),
            kind="thread",
            name="voice probe",
            owner="conversation.speech_output",
            close=self._make_way.set,
        )
        try:
            for attempt in self._chain.probes():
                with attempt as engine:
                    self._unless_awaited()
                    engine.cleanup()
                    engine.load()
                    pieces = engine.speak(PROBE_CLAUSE, cancelled=self._make_way)
                    frames = sum(len(checked(engine.name, piece, engine.sample_rate)) for piece in pieces)
                    self._unless_awaited()
                    if not frames:
                        raise EngineError(f"{engine.name} gave no sound.")
        except _MadeWay:
            log.info("a probe made way")
        except Exception:
            log.exception("the voice probe ended")
        finally:
            entry.leave()

    def _unless_awaited(self) -> None:
        if self._make_way.is_set():
            raise _MadeWay

    def _end_probe(self) -> None:
        """A clause is to be spoken: the voice that is being tried may be the only one."""
        if (probing := self._probing) is not None and probing.is_alive():
            self._make_way.set()
            probing.join(WAY_SECONDS)

    def _synthesise(self, speech: Speech, clause: Clause) -> None:
        speaker = self._speaker
        self._reopen()
        if speaker is None or not self._chain.engines or not (self._open or self._open_speaker()):
            speech.skip()
            return
        self._end_probe()
        try:
            for attempt in self._chain.attempts():
                with attempt as engine:
                    engine.load()
                    self._say(engine, speech, clause, speaker.sample_rate)
                    speech.end(clause)
                    return
        except NoEngineError as error:
            speech.error = error
            self._bus.publish(
                Notice("No voice", error.message, error.remedy or "vita doctor", "warning", key="voice")
            )
            speech.skip()

    def _say(self, engine: Synthesizer, speech: Speech, clause: Clause, rate: int) -> None:
        """Hand over the sound of `clause` as it comes, if `engine` is quick enough that it will not break off in between."""
        pace = self._pace.get(engine.name, float(getattr(engine, "pace", QUICK)))
        ahead = self._ahead and pace < QUICK
        held: list[Samples] = []
        begun = False

        def deliver() -> None:
            nonlocal begun
            if (
                not begun
            ):  # not before: what another voice has said of it stands until this one has something to say
                speech.begin(clause, float(getattr(engine, "rate", 1.0)))
                begun = True
            if held:
                speech.deliver(clause, np.concatenate(held), engine.name, rate, self._clock.monotonic())
                held.clear()

        pieces = self._paced(engine, engine.speak(clause.spoken, cancelled=speech.cancelled))
        for samples in at_rate(engine, pieces, rate):
            held.append(samples)
            if ahead and sum(map(len, held)) >= SHORTEST_SECONDS * rate:
                deliver()
        deliver()

    def _paced(self, engine: Synthesizer, pieces: Iterable[Pcm]) -> Iterator[Pcm]:
        """`pieces`, of which it is noted how quickly they came after the first."""
        begun = last = 0.0
        frames = 0
        for piece in pieces:
            last = self._clock.monotonic()
            frames += np.size(piece) if begun else 0
            begun = begun or last
            yield piece
        if frames >= PACED_SECONDS * engine.sample_rate > 0:
            self._pace[engine.name] = (last - begun) * engine.sample_rate / frames

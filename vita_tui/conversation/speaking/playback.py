"""Playback: what has been synthesised goes to the speaker, and what of it was heard is known here alone.

The synthesis thread delivers sound, the loop releases and cancels, the speaker's thread reports what the device has sounded; one lock
is between them, and nobody is called back: who wants to know reads a track's account or listens to the bus.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from vita_tui.audio.base import PlaybackMark, Samples, Span, Speaker, Switchable
from vita_tui.clock import Clock
from vita_tui.conversation.hearing.echo_text import OwnWords
from vita_tui.conversation.speaking.clauses import Clause
from vita_tui.conversation.speaking.speaker_line import SpeakerLine
from vita_tui.conversation.speaking.track import Piece, Sounding, Told, Track
from vita_tui.engines.tts.sound import resampled
from vita_tui.errors import DeviceError
from vita_tui.events import EventBus, Heard

__all__ = ["Playback"]

log = logging.getLogger(__name__)

DUCK_SECONDS = 0.03


class Playback:
    """Plays replies on `speaker`. Every method may be called from any thread."""

    def __init__(self, speaker: Speaker | None, bus: EventBus, clock: Clock) -> None:
        self._speaker = speaker
        self._bus = bus
        self._clock = clock
        self.own_words = OwnWords()
        """What sounds, and when."""
        self._lock = threading.Lock()
        self._spans: dict[int, Track] = {}
        """Which track a span belongs to, by the span's start."""
        self._tracks: set[Track] = set()
        """Those that are not over."""
        self._line = SpeakerLine(
            speaker,
            bus,
            clock,
            self._lock,
            on_mark=self._on_mark,
            on_lost=self._on_lost,
            on_back=self._on_back,
            on_given_up=self.give_up,
        )
        self.open = self._line.open
        self.ready = self._line.ready

    # ---- the speaker

    @property
    def there(self) -> bool:
        """Whether there is a speaker to try."""
        return self._speaker is not None

    @property
    def rate(self) -> int:
        """Hertz, of what is delivered; known when `ready`."""
        return self._speaker.sample_rate if self._speaker is not None else 0

    def use(self, name: str) -> None:
        """Play on the device of that name. Blocks while streams are opened."""
        if isinstance(self._speaker, Switchable):
            self._speaker.use(name)

    def duck(self, gain: float) -> None:
        """Move the loudness of all speech to `gain`, 0 to 1."""
        if self._speaker is not None:
            self._speaker.fade(gain, DUCK_SECONDS)

    def earcon(self, samples: Samples, rate: int) -> None:
        """Play a short sound of `rate` Hz now if the speaker is open and silent; otherwise do nothing."""
        speaker = self._speaker
        with self._lock:
            if speaker is not None and self._line.is_open and not self._spans:
                with suppress(DeviceError):
                    speaker.enqueue(resampled(samples, rate, speaker.sample_rate))

    def ring(self, samples: Samples, rate: int) -> None:
        """Play a short sound of `rate` Hz now, over what is being said, which is turned down meanwhile."""
        speaker = self._speaker
        with self._lock:
            if speaker is not None and self._line.is_open:
                speaker.sound_over(resampled(samples, rate, speaker.sample_rate))

    def silence(self) -> None:
        """End every reply."""
        self._line.end()
        with self._lock:
            tracks = list(self._tracks)
        for track in tracks:
            self.cancel(track)

    def cleanup(self) -> None:
        """Silence all, and close the speaker; may be called twice."""
        self.silence()
        self._line.cleanup()

    # ---- replies, from the loop

    def begin(self, turn: int) -> Track:
        """A new reply that wants to be heard."""
        track = Track(turn)
        with self._lock:
            self._tracks.add(track)
        return track

    def expect(self, track: Track, clause: Clause) -> None:
        """`clause` will be delivered after all before it."""
        with self._lock:
            track.expect(clause)

    def complete(self, track: Track) -> None:
        """No more clauses will come."""
        with self._lock:
            track.complete = True
            self._check(track)

    def release(self, track: Track) -> None:
        """What is synthesised may be played from now on."""
        with self._lock:
            track.released = True
            self._play(track)
            self._check(track)

    def cancel(self, track: Track) -> None:
        """Fall silent now and play no more of it. Its account then tells what was heard."""
        if not track.finished.done():
            track.cancelled.set()
        with self._lock:
            if track.finished.done():
                return
            track.note_heard(self._silence(track))
            self._finish(track)

    def pause(self, track: Track) -> bool:
        """Fall silent, and keep what was not heard; whether there was something to pause."""
        with self._lock:
            if track.finished.done() or track.paused:
                return False
            track.paused = True
            self._take_back(track)
            return True

    def resume(self, track: Track) -> bool:
        """Go on with the word at which it was paused; whether it was."""
        with self._lock:
            if track.finished.done() or not track.paused:
                return False
            self._go_on(track)
            return True

    def forward(self, track: Track) -> bool:
        """Go on with the next sentence, also after a pause; whether there was a sentence to leave out."""
        return self._move(track, track.forward)

    def back(self, track: Track) -> bool:
        """Say the present sentence again, or the one before when this one has just begun; whether there is one."""
        return self._move(track, track.back)

    def _move(self, track: Track, move: Callable[[], bool]) -> bool:
        with self._lock:
            if track.finished.done():
                return False
            self._take_back(track)
            moved = move()
            self._go_on(track)
            heard, unheard = track.ledger.split()
        self._tell(track, [Heard(track.turn, heard, unheard, final=False)])
        return moved

    def heard(self, track: Track) -> tuple[str, str]:
        """The reply's text so far, split into what was heard and what was not."""
        with self._lock:
            # After a flush the speaker's timeline goes on behind what was dropped.
            if not track.finished.done() and self._speaker is not None and self._line.is_open:
                track.note_heard(self._speaker.played())
            return track.ledger.split()

    # ---- sound, from the synthesis thread

    def first_sound(self, track: Track, clause: Clause, speed: float) -> None:
        """A voice has the first sound of `clause`, at `speed`; what another one gave of it does not count any more."""
        with self._lock:
            if not track.closed:
                track.begin(clause, speed)

    def deliver(self, track: Track, clause: Clause, samples: Samples, engine: str, rate: int) -> None:
        """The next sound of `clause`, at `rate` Hz."""
        with self._lock:
            if track.closed:
                return
            track.deliver(Piece(clause, samples, engine, rate), self._clock.monotonic())
            if track.released:
                self._play(track)

    def end(self, track: Track, clause: Clause) -> None:
        """All sound of `clause` was delivered."""
        with self._lock:
            told = track.end(clause) if not track.closed else []
        self._tell(track, told)

    def skip(self, track: Track) -> None:
        """A clause could not be spoken."""
        with self._lock:
            track.skip()
            self._check(track)

    def give_up(self) -> None:
        """There is no way to be heard: every reply ends now with what was heard."""
        with self._lock:
            for track in tuple(self._tracks):
                self._finish(track)

    # ---- with the lock held

    def _play(self, track: Track) -> None:
        speaker = self._speaker
        if speaker is None or not self._line.is_open or track.paused:
            return
        for piece in track.held(speaker.sample_rate):
            piece.span = self._enqueue(speaker, piece.rest)
            if piece.span is not None:
                self._spans[piece.span.start] = track

    def _enqueue(self, speaker: Speaker, samples: Samples) -> Span | None:
        try:
            return speaker.enqueue(samples)
        except DeviceError:
            return None

    def _silence(self, track: Track) -> int:
        """Drop what `track` has queued; the frames of the timeline that were heard. What others have queued is queued again."""
        if self._speaker is None or not self._line.is_open:
            return 0
        if track not in self._spans.values():
            return self._speaker.played()
        self.own_words.stop(self._clock.monotonic())
        heard = self._speaker.flush()
        for other in self._tracks - {track}:
            other.hold(heard)
            if other.released:
                self._play(other)
        return heard

    def _take_back(self, track: Track) -> None:
        """Have the speaker fall silent, and hold what was not heard of `track`."""
        track.hold(self._silence(track))

    def _go_on(self, track: Track) -> None:
        track.paused = False
        if track.released:
            self._play(track)
        self._check(track)

    def _check(self, track: Track) -> None:
        if track.over:
            self._finish(track)

    def _finish(self, track: Track) -> None:
        if track.finished.done():
            return
        track.close()
        self._tracks.discard(track)
        self._spans = {start: owner for start, owner in self._spans.items() if owner is not track}
        track.finished.set_result(None)

    # ---- without it

    def _tell(self, track: Track, told: Iterable[Told]) -> None:
        for one in told:
            if isinstance(one, Sounding):
                self.own_words.say_clause(one.words, one.started, one.seconds)
            else:
                self._bus.publish(one)
        with self._lock:
            self._check(track)

    def _on_mark(self, mark: PlaybackMark) -> None:
        """In the speaker's notifying thread."""
        if mark.kind == "lost":
            self._line.lost(mark.reason)
        elif mark.span is not None:
            with self._lock:
                track = self._spans.get(mark.span.start)
                if mark.kind in ("finished", "dropped"):
                    self._spans.pop(mark.span.start, None)
                told = track.mark(mark) if track is not None else []
            if track is not None:
                self._tell(track, told)

    def _on_lost(self) -> None:
        """With the lock held: the speaker has gone away, what was not heard is held."""
        speaker = self._speaker
        assert speaker is not None
        self._spans.clear()
        for track in self._tracks:
            track.lose(speaker.played())

    def _on_back(self) -> None:
        """With the lock held: there is a speaker again, go on with what was not heard."""
        for track in tuple(self._tracks):
            if track.released:
                self._play(track)
            self._check(track)

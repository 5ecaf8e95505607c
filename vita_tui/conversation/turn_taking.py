"""Whose turn it is: carries out the table of `turn`, with what is heard on one side and the replies on the other.

Everything here runs on the assistant's loop.
"""

from __future__ import annotations

from collections.abc import Callable

from vita_tui.audio import earcons
from vita_tui.clock import Clock
from vita_tui.conversation.dictation import Dictation
from vita_tui.conversation.drafting import Drafting
from vita_tui.conversation.hearing.backchannel import asks_to_stop
from vita_tui.conversation.hearing.hearing import Hearing
from vita_tui.conversation.hearing.signals import (
    DraftTranscript,
    EndExpected,
    MicrophoneLost,
    Signal,
    SpeechBegan,
    Understood,
    UtteranceEnded,
    VoiceHint,
    VoiceOnset,
    WakeWordHeard,
    WordsSoFar,
)
from vita_tui.conversation.hearing.situation import only_asks_to_wait
from vita_tui.conversation.interrupting import Interrupting
from vita_tui.conversation.replies import Replies
from vita_tui.conversation.speaking.speaking import Speaking
from vita_tui.conversation.spoken_consent import SpokenConsent
from vita_tui.conversation.thinking.endings import Reason
from vita_tui.conversation.thinking.exchange import Exchange
from vita_tui.conversation.thinking.language_model import LanguageModel
from vita_tui.conversation.turn_table import Act, Happening, acts
from vita_tui.events import (
    ClauseStarted,
    Event,
    EventBus,
    FinalTranscript,
    NothingHeard,
    Notice,
    State,
    StateChanged,
)
from vita_tui.health.tasks import Tasks
from vita_tui.settings import Settings

__all__ = ["TurnTaking"]


class TurnTaking:
    """The state of a conversation, and whose turn it is."""

    def __init__(
        self,
        settings: Settings,
        replies: Replies,
        speech: Speaking,
        model: LanguageModel,
        tasks: Tasks,
        bus: EventBus,
        clock: Clock,
        *,
        hears_itself: bool,
    ) -> None:
        """
        Args:
            hears_itself: the microphone hears the speaker.
        """
        self.state = State.INITIALIZING
        self.hearing: Hearing | None = None
        """None without a microphone."""
        self.follow_language: Callable[[str, str, float], None] = lambda text, language, confidence: None
        """Takes each transcript, its language and how certain it is, before it is answered."""
        self._settings = settings
        self._replies = replies
        self._speech = speech
        self._model = model
        self._tasks = tasks
        self._bus = bus
        self._interruption = Interrupting(
            speech,
            bus,
            clock,
            hears_itself=hears_itself,
            hearing=lambda: self.hearing,
            on_interrupted=lambda: self._happens(Happening.INTERRUPTED),
        )
        self._consent = SpokenConsent(settings, replies, speech)
        self._drafting = Drafting(
            settings.talk,
            model,
            replies,
            tasks,
            listening=lambda: self.state is State.LISTENING,
            expect_end=self._expect_end,
        )
        self._onset = 0
        """The utterance that voice began last, without a key."""
        self._carried = ""
        """What was said before a pause that was too short to be answered in: it belongs to what is said now."""
        self._kept = False
        """The talk key is held down."""
        self._closed = False
        self._dictation: Dictation | None = None
        """Who the words are for that are said now, if not for the model."""
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Follow what is heard of replies, until `close`."""
        self._unsubscribe = self._bus.subscribe(self._on_event)

    def tell_no_microphone(self) -> None:
        """Say that there is none."""
        self._bus.publish(
            Notice("No microphone", "Type instead.", "vita devices", "warning", key="microphone")
        )

    # ---- what the user does

    def talk(self, *, kept: bool = False) -> None:
        """The talk key: start an utterance, or end the one that is being spoken.

        Args:
            kept: the key is held down: no pause ends what is said before it is let go.
        """
        if self.hearing is None:
            self.tell_no_microphone()
            return
        self._kept = kept
        asked = self._consent.asked is not None and self.state in (State.THINKING, State.SPEAKING)
        self._happens(Happening.TALK_KEY_ASKED if asked else Happening.TALK_KEY)

    def stop(self) -> None:
        """Escape: silence, end the reply, forget what is being recorded."""
        self._happens(Happening.STOP_KEY)
        self._carried = ""

    async def ask(self, question: str) -> None:
        """A typed question; returns when its turn is over."""
        self._abandon("interrupted")
        await self._answer(self._replies.ask(question, spoken=False))

    def dictate(self, dictation: Dictation, *, by_voice: bool) -> None:
        """From now on what is said is for `dictation`: at once, or when voice begins."""
        if by_voice:
            self._abandon("interrupted")
            self._set_state(State.IDLE)
        else:
            self._kept = False
            self._happens(Happening.TALK_KEY)
        self._dictation = dictation

    def end_dictation(self, dictation: Dictation) -> None:
        """What is said is for the model again; what is being said is forgotten."""
        if self._dictation is dictation:
            self._dictation = None
            if self.state in (State.LISTENING, State.THINKING):
                self._abandon("stopped")
                self._set_state(State.IDLE)

    @property
    def dictating(self) -> bool:
        """Whether somebody takes down what is said."""
        return self._dictation is not None

    def close(self) -> None:
        """End what is going on; nothing begins after it."""
        self._closed = self._replies.closed = True
        self._unsubscribe()
        self._abandon("stopped")

    # ---- what happens by itself

    def loaded(self) -> None:
        """The engines are loaded, or have said why not."""
        self._happens(Happening.LOADED)

    def _on_event(self, event: Event) -> None:
        """From any thread."""
        if isinstance(event, ClauseStarted):
            self._tasks.post(self._sounds, event.turn)

    def _sounds(self, turn: int) -> None:
        """The reply of `turn` can be heard."""
        current = self._replies.current
        if current is not None and current.turn == turn:
            self._happens(Happening.FIRST_SOUND)

    def take(self, signal: Signal) -> None:
        """What the microphone, its listener or speech recognition has to say."""
        if self._dictation is not None and self._dictation.take(signal):
            if isinstance(signal, Understood):
                self._happens(Happening.DICTATED)
            elif isinstance(signal, MicrophoneLost):
                self._happens(Happening.MICROPHONE_LOST)
            return
        match signal:
            case VoiceOnset():
                self._onset = signal.number
                if self._closed:
                    self._act(Act.FORGET_UTTERANCE, signal)
                elif self._consent.asked is not None and self.state in (State.THINKING, State.SPEAKING):
                    self._happens(Happening.VOICE_ONSET_ASKED, signal)
                else:
                    self._happens(Happening.VOICE_ONSET, signal)
            case VoiceHint() if not self._closed:
                self._happens(Happening.VOICE_HINT)
            case WakeWordHeard() if not self._closed:
                self._kept = False
                self._happens(Happening.WAKE_WORD)
            case WordsSoFar() | DraftTranscript() if self._interruption.take(signal):
                pass
            case WordsSoFar() | DraftTranscript() if self._consent.asked is not None:
                pass  # an answer to what is asked, perhaps: it is no question before it is whole
            case WordsSoFar() if not self._replies.drafting:
                self._happens(Happening.WORDS, signal)
            case DraftTranscript() if not self._carried:
                self._happens(Happening.DRAFT, signal)
            case EndExpected():
                self._drafting.expect(signal)
            case SpeechBegan():
                self._happens(Happening.WENT_ON)
            case UtteranceEnded() if self._interruption.number != signal.number:
                self._happens(Happening.UTTERANCE_ENDED, signal)
            case Understood():
                self._take_understood(signal)
            case MicrophoneLost():
                self._happens(Happening.MICROPHONE_LOST)
            case _:
                pass

    def _take_understood(self, understood: Understood) -> None:
        """A final transcript: of who interrupts, of ourselves, or a question."""
        number = understood.number
        if (
            self._consent.asked is not None
            and self._interruption.number != number
            and self._consent.decides(understood)
        ):
            self._happens(Happening.TOOL_DECIDED)
            return
        if self._interruption.number == number:
            if not self._interruption.understood(understood):
                return  # it was nobody
            self._set_state(State.THINKING)
        elif number == self._onset and self._interruption.is_own(understood):
            # It outlasted our turn, but was the end of it.
            self._happens(Happening.OWN_WORDS)
            return
        elif self.state is State.LISTENING and self._interruption.last == number:
            return
        if self.state is State.LISTENING or self._replies.current is None:
            self._happens(self._meaning(understood), understood)

    def _meaning(self, understood: Understood) -> Happening:
        if asks_to_stop(understood.text) and self._interruption.last == understood.number:
            return Happening.STOP_WORDS
        if only_asks_to_wait(understood.text, self._settings.spoken_language) and not self._carried:
            return Happening.NO_WORDS
        return Happening.QUESTION if understood.text or self._carried else Happening.NO_WORDS

    # ---- the table, carried out

    def _happens(self, happening: Happening, cause: Signal | None = None) -> None:
        for step in acts(self.state, happening):
            if isinstance(step, State):
                self._set_state(step)
            else:
                self._act(step, cause)

    def _act(self, act: Act, cause: Signal | None) -> None:
        match act, cause:
            case Act.INTERRUPT, _:
                self._abandon("interrupted")
                self._carried = ""
            case Act.SILENCE, _:
                self._abandon("stopped")
            case Act.RECORD, _ if self.hearing is not None:
                self.hearing.begin(kept=self._kept)
                self._model.expect()
            case Act.END_RECORDING, _ if self.hearing is not None:
                self.hearing.end()
            case Act.FORGET_UTTERANCE, _ if self.hearing is not None:
                self.hearing.cancel()
            case Act.LISTEN, _:
                self._interruption.share()
                self._model.expect()
            case Act.MAKE_ROOM, _:
                self._interruption.hint()
            case Act.CONTEST, VoiceOnset():
                self._interruption.onset(cause.number)
            case Act.YIELD, _:
                self._replies.stop("interrupted")
            case Act.PREFILL, WordsSoFar():
                self._model.prefill_question(cause.text.split()[:-1], self._carried)
            case Act.THINK_AHEAD, DraftTranscript():
                self.follow_language(cause.text, cause.language, cause.confidence)
                self._drafting.take(cause)
            case Act.DROP_DRAFT, _:
                self._drafting.drop()
            case Act.CARRY, Understood():
                self._carried = f"{self._carried} {cause.text}".strip()
            case Act.ANSWER, Understood():
                self._tasks.spawn(self._answer(self._question(cause)), "turn")
            case Act.TELL_NO_WORDS, Understood():
                self._bus.publish(NothingHeard(cause.problem or "Nothing was asked."))
            case Act.TELL_STOPPED, _:
                self._bus.publish(NothingHeard("Stopped."))
            case Act.TELL_DROPPED, _:
                self._bus.publish(NothingHeard("Recording dropped."))
            case Act.SOUND_START, _ if self._settings.audio.earcons:
                self._speech.earcon(earcons.START, earcons.SAMPLE_RATE)
            case Act.SOUND_END, UtteranceEnded() if (
                self._settings.audio.earcons and cause.utterance.reason != "nothing"
            ):
                self._speech.earcon(earcons.END, earcons.SAMPLE_RATE)
            case _:
                pass

    def _question(self, understood: Understood) -> Exchange:
        text = f"{self._carried} {understood.text}".strip()
        self._carried = ""
        utterance = understood.utterance
        self._bus.publish(
            FinalTranscript(
                text,
                understood.confidence,
                utterance.audio_seconds,
                understood.engine,
                understood.instead_of,
                understood.because,
            )
        )
        self.follow_language(understood.text, understood.language, understood.confidence)
        exchange = self._replies.ask(text, spoken=True)
        exchange.recognizer = understood.engine
        exchange.watch.zero = utterance.ended
        exchange.watch.endpoint_wait = utterance.endpoint_wait
        exchange.watch.guard = understood.guard
        exchange.watch.mark("stt", understood.at)
        return exchange

    def _expect_end(self, draft: DraftTranscript, probability: float) -> None:
        if self.hearing is not None:
            self.hearing.expect_end(draft.number, draft.text, probability)

    async def _answer(self, exchange: Exchange) -> None:
        self._drafting.forget()
        self._tell_asked("")
        self._happens(Happening.QUESTION_SENT)
        await self._replies.answer(exchange, self._reply_over)

    def _tell_asked(self, said: str) -> None:
        if self.hearing is not None:
            self.hearing.asked(said)

    def _reply_over(self) -> None:
        last = self._replies.last
        self._tell_asked(last.heard()[0] if last is not None and last.reason == "complete" else "")
        if self._interruption.outlasted():
            self._happens(Happening.REPLY_OUTLASTED)
        else:
            self._happens(Happening.REPLY_OVER)

    # ----

    def _abandon(self, reason: Reason) -> None:
        """End whatever is going on: recording, recognition, draft, reply. Sound ends at once, book-keeping in its time."""
        if self._dictation is not None:
            self._dictation.cancel()
            self._dictation = None
        self._interruption.end()
        if self.hearing is not None:
            self.hearing.cancel()
        self._drafting.drop()
        self._replies.stop(reason)

    def _set_state(self, state: State) -> None:
        if state is not self.state:
            previous, self.state = self.state, state
            self._bus.publish(StateChanged(state, previous))

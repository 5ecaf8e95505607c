"""The turn as a table: in which state, what happens, what is done.

`TURN` is read by `TurnTaking`, which does the acts in order; a `State` among them is the state that follows. What is not in the
table changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from vita_tui.events import State

__all__ = ["TURN", "Act", "Happening", "acts"]


class Happening(StrEnum):
    """What happens to a turn."""

    LOADED = "the engines are loaded"
    TALK_KEY = "the talk key"
    TALK_KEY_ASKED = "the talk key, while a tool waits for the user's word"
    WAKE_WORD = "the wake word"
    STOP_KEY = "escape"
    VOICE_HINT = "perhaps somebody begins to speak"
    VOICE_ONSET_ASKED = "somebody begins to speak, while a tool waits for the user's word"
    VOICE_ONSET = "somebody begins to speak, without a key"
    WORDS = "a partial transcript"
    DRAFT = "a transcript of what may be all"
    WENT_ON = "the user goes on after a pause"
    UTTERANCE_ENDED = "the user has finished; the words follow"
    INTERRUPTED = "words that were meant to interrupt"
    QUESTION = "a final transcript with words"
    NO_WORDS = "a final transcript without words"
    TOOL_DECIDED = "what was said decides about a tool, or nothing was said"
    STOP_WORDS = "nothing but 'stop'"
    OWN_WORDS = "what was heard were our own words"
    DICTATED = "a final transcript for whoever asked for it"
    QUESTION_SENT = "an exchange is current"
    FIRST_SOUND = "the reply sounds"
    REPLY_OVER = "the exchange is over"
    REPLY_OUTLASTED = "the exchange is over while somebody speaks"
    MICROPHONE_LOST = "there is no microphone any more"


class Act(StrEnum):
    """What is done about it."""

    INTERRUPT = "end whatever is going on, for something else"
    SILENCE = "end whatever is going on"
    RECORD = "begin to record"
    END_RECORDING = "end the recording"
    FORGET_UTTERANCE = "leave the utterance unheard"
    LISTEN = "show what is heard, and let the model get ready"
    MAKE_ROOM = "turn the reply down a little"
    CONTEST = "turn the reply down, and find out whether it is to stop"
    YIELD = "end the reply"
    PREFILL = "let the model read the first words"
    THINK_AHEAD = "begin a draft"
    DROP_DRAFT = "throw the draft away"
    CARRY = "keep the words for the question that goes on"
    ANSWER = "answer"
    TELL_NO_WORDS = "say why there is no question"
    TELL_STOPPED = "say that it stopped"
    TELL_DROPPED = "say that the recording was dropped"
    SOUND_START = "play the sound of an open microphone"
    SOUND_END = "play the sound of a closed one"


_TALK = (Act.INTERRUPT, State.LISTENING, Act.SOUND_START, Act.RECORD)
_OURS = (State.THINKING, State.SPEAKING)
_EVERY = tuple(State)


def _in(
    states: tuple[State, ...], happening: Happening, *steps: Act | State
) -> dict[tuple[State, Happening], tuple[Act | State, ...]]:
    return {(state, happening): steps for state in states}


TURN: Mapping[tuple[State, Happening], tuple[Act | State, ...]] = {
    **_in((State.INITIALIZING,), Happening.LOADED, State.IDLE),
    # keys
    **_in((State.INITIALIZING, State.IDLE, *_OURS), Happening.TALK_KEY, *_TALK),
    **_in((State.LISTENING,), Happening.TALK_KEY, Act.END_RECORDING),
    **_in((State.IDLE, *_OURS), Happening.WAKE_WORD, *_TALK),
    **_in((State.INITIALIZING,), Happening.STOP_KEY, Act.SILENCE),
    **_in((State.IDLE, *_OURS), Happening.STOP_KEY, Act.SILENCE, State.IDLE),
    **_in((State.LISTENING,), Happening.STOP_KEY, Act.TELL_DROPPED, Act.SILENCE, State.IDLE),
    **_in(_OURS, Happening.TALK_KEY_ASKED, State.LISTENING, Act.SOUND_START, Act.RECORD),
    # voice without a key
    **_in(_OURS, Happening.VOICE_ONSET_ASKED, State.LISTENING, Act.LISTEN),
    **_in((State.SPEAKING,), Happening.VOICE_HINT, Act.MAKE_ROOM),
    **_in((State.INITIALIZING,), Happening.VOICE_ONSET, Act.FORGET_UTTERANCE),
    **_in((State.IDLE,), Happening.VOICE_ONSET, State.LISTENING, Act.LISTEN),
    **_in(_OURS, Happening.VOICE_ONSET, Act.CONTEST),
    **_in(_OURS, Happening.INTERRUPTED, Act.YIELD, State.LISTENING, Act.LISTEN),
    # while the user speaks
    **_in((State.LISTENING,), Happening.WORDS, Act.PREFILL),
    **_in((State.LISTENING,), Happening.DRAFT, Act.THINK_AHEAD),
    **_in(_EVERY, Happening.WENT_ON, Act.DROP_DRAFT),
    **_in((State.LISTENING,), Happening.UTTERANCE_ENDED, State.THINKING, Act.SOUND_END),
    # what it was
    **_in((State.THINKING,), Happening.QUESTION, Act.ANSWER),
    **_in((State.LISTENING,), Happening.QUESTION, Act.CARRY),
    **_in((State.THINKING,), Happening.NO_WORDS, Act.DROP_DRAFT, Act.TELL_NO_WORDS, State.IDLE),
    **_in((State.LISTENING, State.THINKING), Happening.TOOL_DECIDED, State.THINKING),
    **_in((State.THINKING,), Happening.STOP_WORDS, Act.DROP_DRAFT, Act.TELL_STOPPED, State.IDLE),
    **_in(_EVERY, Happening.OWN_WORDS, Act.DROP_DRAFT, State.IDLE),
    **_in((State.THINKING,), Happening.DICTATED, State.IDLE),
    # the reply
    **_in(_EVERY, Happening.QUESTION_SENT, State.THINKING),
    **_in((State.THINKING,), Happening.FIRST_SOUND, State.SPEAKING),
    **_in(_EVERY, Happening.REPLY_OVER, State.IDLE),
    **_in(_EVERY, Happening.REPLY_OUTLASTED, State.LISTENING, Act.LISTEN),
    **_in((State.LISTENING,), Happening.MICROPHONE_LOST, Act.DROP_DRAFT, State.IDLE),
}


def acts(state: State, happening: Happening) -> tuple[Act | State, ...]:
    """What is done when `happening` comes in `state`."""
    return TURN.get((state, happening), ())

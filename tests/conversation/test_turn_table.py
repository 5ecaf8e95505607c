"""The table of the turn: every state, everything that happens."""

from __future__ import annotations

import pytest

from vita_tui.conversation.turn_table import TURN, Act, Happening, acts
from vita_tui.events import State

N, D, L, T, S = State.INITIALIZING, State.IDLE, State.LISTENING, State.THINKING, State.SPEAKING


def after(state: State, happening: Happening) -> State:
    """The state that follows."""
    return next((step for step in reversed(acts(state, happening)) if isinstance(step, State)), state)


@pytest.mark.parametrize(
    ("happening", "states"),
    [
        # in                       N  D  L  T  S
        (Happening.LOADED, (D, D, L, T, S)),
        (Happening.TALK_KEY, (L, L, L, L, L)),
        (Happening.TALK_KEY_ASKED, (N, D, L, L, L)),
        (Happening.WAKE_WORD, (N, L, L, L, L)),
        (Happening.STOP_KEY, (N, D, D, D, D)),
        (Happening.VOICE_HINT, (N, D, L, T, S)),
        (Happening.VOICE_ONSET_ASKED, (N, D, L, L, L)),
        (Happening.VOICE_ONSET, (N, L, L, T, S)),
        (Happening.WORDS, (N, D, L, T, S)),
        (Happening.DRAFT, (N, D, L, T, S)),
        (Happening.WENT_ON, (N, D, L, T, S)),
        (Happening.UTTERANCE_ENDED, (N, D, T, T, S)),
        (Happening.INTERRUPTED, (N, D, L, L, L)),
        (Happening.QUESTION, (N, D, L, T, S)),
        (Happening.NO_WORDS, (N, D, L, D, S)),
        (Happening.TOOL_DECIDED, (N, D, T, T, S)),
        (Happening.STOP_WORDS, (N, D, L, D, S)),
        (Happening.OWN_WORDS, (D, D, D, D, D)),
        (Happening.DICTATED, (N, D, L, D, S)),
        (Happening.QUESTION_SENT, (T, T, T, T, T)),
        (Happening.FIRST_SOUND, (N, D, L, S, S)),
        (Happening.REPLY_OVER, (D, D, D, D, D)),
        (Happening.REPLY_OUTLASTED, (L, L, L, L, L)),
        (Happening.MICROPHONE_LOST, (N, D, D, T, S)),
    ],
)
def test_the_state_that_follows(happening: Happening, states: tuple[State, ...]) -> None:
    assert tuple(after(state, happening) for state in (N, D, L, T, S)) == states


DONE: dict[Happening, dict[str, tuple[Act, ...]]] = {
    # what happens → in which states, by their letters above: what is done, in order; in the others nothing
    Happening.LOADED: {},
    Happening.TALK_KEY: {
        "NDTS": (Act.INTERRUPT, Act.SOUND_START, Act.RECORD),
        "L": (Act.END_RECORDING,),
    },
    Happening.TALK_KEY_ASKED: {"TS": (Act.SOUND_START, Act.RECORD)},
    Happening.WAKE_WORD: {"DTS": (Act.INTERRUPT, Act.SOUND_START, Act.RECORD)},
    Happening.STOP_KEY: {"NDTS": (Act.SILENCE,), "L": (Act.TELL_DROPPED, Act.SILENCE)},
    Happening.VOICE_HINT: {"S": (Act.MAKE_ROOM,)},
    Happening.VOICE_ONSET_ASKED: {"TS": (Act.LISTEN,)},
    Happening.VOICE_ONSET: {"N": (Act.FORGET_UTTERANCE,), "D": (Act.LISTEN,), "TS": (Act.CONTEST,)},
    Happening.WORDS: {"L": (Act.PREFILL,)},
    Happening.DRAFT: {"L": (Act.THINK_AHEAD,)},
    Happening.WENT_ON: {"NDLTS": (Act.DROP_DRAFT,)},
    Happening.UTTERANCE_ENDED: {"L": (Act.SOUND_END,)},
    Happening.INTERRUPTED: {"TS": (Act.YIELD, Act.LISTEN)},
    Happening.QUESTION: {"T": (Act.ANSWER,), "L": (Act.CARRY,)},
    Happening.NO_WORDS: {"T": (Act.DROP_DRAFT, Act.TELL_NO_WORDS)},
    Happening.TOOL_DECIDED: {},
    Happening.STOP_WORDS: {"T": (Act.DROP_DRAFT, Act.TELL_STOPPED)},
    Happening.OWN_WORDS: {"NDLTS": (Act.DROP_DRAFT,)},
    Happening.DICTATED: {},
    Happening.QUESTION_SENT: {},
    Happening.FIRST_SOUND: {},
    Happening.REPLY_OVER: {},
    Happening.REPLY_OUTLASTED: {"NDLTS": (Act.LISTEN,)},
    Happening.MICROPHONE_LOST: {"L": (Act.DROP_DRAFT,)},
}


@pytest.mark.parametrize("happening", Happening)
def test_what_is_done(happening: Happening) -> None:
    for letter, state in zip("NDLTS", (N, D, L, T, S), strict=True):
        expected = next((done for states, done in DONE[happening].items() if letter in states), ())
        done = tuple(step for step in acts(state, happening) if isinstance(step, Act))
        assert done == expected, state


@pytest.mark.parametrize(
    ("state", "happening", "act", "follows"),
    [
        (D, Happening.TALK_KEY, Act.RECORD, L),  # what is recorded belongs to a turn that has begun
        (S, Happening.INTERRUPTED, Act.LISTEN, L),
        (L, Happening.UTTERANCE_ENDED, Act.SOUND_END, T),
    ],
)
def test_the_state_comes_before_what_is_done_in_it(
    state: State, happening: Happening, act: Act, follows: State
) -> None:
    steps = acts(state, happening)
    assert steps.index(follows) < steps.index(act)


def test_a_reply_ends_before_somebody_else_has_the_turn() -> None:
    for state in (T, S):
        assert acts(state, Happening.INTERRUPTED)[0] is Act.YIELD


def test_every_happening_is_in_the_table_and_every_act_is_done() -> None:
    assert {happening for _, happening in TURN} == set(Happening)
    assert {step for steps in TURN.values() for step in steps if isinstance(step, Act)} == set(Act)


def test_no_act_begins_something_before_what_goes_on_is_ended() -> None:
    for (state, happening), steps in TURN.items():
        if (
            Act.RECORD in steps and happening is not Happening.TALK_KEY_ASKED
        ):  # the call waits for what is said
            assert steps[0] is Act.INTERRUPT, (state, happening)


@pytest.mark.parametrize("state", [T, S])
def test_a_voice_alone_never_ends_a_reply(state: State) -> None:
    for happening in (Happening.VOICE_HINT, Happening.VOICE_ONSET, Happening.WORDS):
        steps = acts(state, happening)
        assert not {Act.YIELD, Act.INTERRUPT, Act.SILENCE} & set(steps)

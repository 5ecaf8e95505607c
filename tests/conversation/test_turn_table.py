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
        (Happening.WAKE_WORD, (N, L, L, L, L)),
        (Happening.STOP_KEY, (N, D, D, D, D)),
        (Happening.VOICE_HINT, (N, D, L, T, S)),
        (Happening.VOICE_ONSET, (N, L, L, T, S)),
        (Happening.WORDS, (N, D, L, T, S)),
        (Happening.DRAFT, (N, D, L, T, S)),
        (Happening.WENT_ON, (N, D, L, T, S)),
        (Happening.UTTERANCE_ENDED, (N, D, T, T, S)),
        (Happening.INTERRUPTED, (N, D, L, L, L)),
        (Happening.QUESTION, (N, D, L, T, S)),
        (Happening.NO_WORDS, (N, D, L, D, S)),
        (Happening.STOP_WORDS, (N, D, L, D, S)),
        (Happening.OWN_WORDS, (D, D, D, D, D)),
        (Happening.QUESTION_SENT, (T, T, T, T, T)),
        (Happening.FIRST_SOUND, (N, D, L, S, S)),
        (Happening.REPLY_OVER, (D, D, D, D, D)),
        (Happening.REPLY_OUTLASTED, (L, L, L, L, L)),
        (Happening.MICROPHONE_LOST, (N, D, D, T, S)),
    ],
)
def test_the_state_that_follows(happening: Happening, states: tuple[State, ...]) -> None:
    assert tuple(after(state, happening) for state in (N, D, L, T, S)) == states


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

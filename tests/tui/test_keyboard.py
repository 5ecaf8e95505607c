"""The talk key as a key that is held: byte by byte, and on the screen."""

from __future__ import annotations

import contextlib
import os
import pty
import sys
from collections.abc import Container, Sequence

import pytest
from textual import events
from textual.keys import Keys

from tests.tui.driving import running, text_of, until
from tests.tui.scripted import ScriptedCore
from vita_tui.events import State
from vita_tui.tui.held_key import TAP_SECONDS
from vita_tui.tui.keyboard import ASK, SILENT_SECONDS, Edge, TalkKey, parse_flags, parse_stroke
from vita_tui.tui.terminal import parser_class
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.status import StatusLine

PRESS, REPEAT, RELEASE = "\x1b[32;5u", "\x1b[32;5:2u", "\x1b[32;5:3u"
"""Of control+space."""
CONTROL_DOWN, CONTROL_UP = "\x1b[57442;5u", "\x1b[57442;1:3u"
PLAIN_REPEAT, PLAIN_RELEASE = "\x1b[32;1:2;32u", "\x1b[32;1:3u"
"""Of the space, when control is up."""


class Ear:
    """A `Watch` that keeps what it is told."""

    def __init__(self, *, holds: bool = True) -> None:
        self.edges: list[Edge] = []
        self.flags: list[int] = []
        self._holds = holds

    def on_quit_key(self) -> None:
        raise AssertionError

    def quit_keys(self) -> tuple[str, ...]:
        return ("ctrl+q",)

    def on_terminal_lost(self) -> None:
        raise AssertionError("nothing is lost here")

    def on_key_flags(self, flags: int) -> None:
        self.flags.append(flags)

    def on_talk_edge(self, edge: Edge) -> None:
        self.edges.append(edge)

    def holds(self) -> bool:
        return self._holds

    def talk_keys(self) -> Container[str]:
        return {"ctrl+space", "ctrl+@"}


def keys(ear: Ear, *pieces: str) -> list[str]:
    """The keys that Textual gets to see when these pieces are read one after the other."""
    kind = parser_class(ear)
    assert kind is not None, "this Textual has another parser than is known here"
    parser = kind(False)
    messages = [message for piece in pieces for message in parser.feed(piece)]
    return [m.key for m in messages if isinstance(m, events.Key) and m.key != Keys.Ignore]


def test_holding_is_a_press_and_a_release_and_nothing_that_is_typed() -> None:
    ear = Ear()
    assert keys(ear, CONTROL_DOWN, PRESS, REPEAT, REPEAT, RELEASE, CONTROL_UP) == ["left_control"]
    assert ear.edges == ["press", "release"]


def test_control_may_come_up_first() -> None:
    ear = Ear()
    assert keys(ear, PRESS, REPEAT, CONTROL_UP, PLAIN_REPEAT, PLAIN_REPEAT, PLAIN_RELEASE) == []
    assert ear.edges == ["press", "release"], "and the space that is still down types nothing"
    assert keys(ear, PRESS, CONTROL_UP, PLAIN_RELEASE, "\x1b[32;1;32u") == ["space"]


def test_other_keys_are_typed_while_it_is_held_and_their_releases_are_not() -> None:
    ear = Ear()
    typed = keys(
        ear, PRESS, "\x1b[97;1;97u", "\x1b[97;1:2;97u", "\x1b[97;1:3u", REPEAT, RELEASE, "\x1b[13;1:3u"
    )
    assert typed == ["a", "a"]
    assert ear.edges == ["press", "release"]


@pytest.mark.parametrize(
    ("sequence", "key"),
    [
        ("\x1b[97;1:1;97u", "a"),
        ("\x1b[97;1:2;97u", "a"),
        ("\x1b[13;1:1u", "enter"),
        ("\x1b[27;1:1u", "escape"),
        ("\x1b[1;1:1A", "up"),
        ("\x1b[1;5:2C", "ctrl+right"),
        ("\x1b[3;1:1~", "delete"),
        ("\x1b[P", "f1"),
        ("\x1b[116;5:1u", "ctrl+t"),
    ],
)
def test_keys_with_events_are_the_keys_they_are(sequence: str, key: str) -> None:
    assert keys(Ear(), sequence) == [key]


@pytest.mark.parametrize("sequence", ["\x1b[97;1:3u", "\x1b[1;1:3A", "\x1b[3;1:3~", "\x1b[57441;2:3u"])
def test_releases_are_no_keys(sequence: str) -> None:
    assert keys(Ear(), sequence) == []


def test_sequences_may_be_cut_anywhere() -> None:
    whole = PRESS + REPEAT + RELEASE + "\x1b[97;1:1;97u" + "\x1b[97;1:3u"
    for cut in range(1, len(whole)):
        ear = Ear()
        assert keys(ear, whole[:cut], whole[cut:]) == ["a"], cut
        assert ear.edges == ["press", "release"], cut


def test_a_release_that_was_lost_is_noticed_at_the_next_press() -> None:
    ear = Ear()
    keys(ear, PRESS, REPEAT, PRESS, RELEASE)
    assert ear.edges == ["press", "release", "press", "release"]


def test_a_lost_focus_releases_it_and_the_late_release_is_harmless() -> None:
    ear = Ear()
    assert keys(ear, PRESS, REPEAT, "\x1b[O", RELEASE) == []
    assert ear.edges == ["press", "release"]


def test_without_holding_it_is_a_key_like_others_but_releases_are_still_none() -> None:
    ear = Ear(holds=False)
    assert keys(ear, PRESS, REPEAT, RELEASE) == ["ctrl+space", "ctrl+space"]
    assert ear.edges == []


def test_the_old_form_of_the_key_is_a_key() -> None:
    ear = Ear()
    assert keys(ear, "\x00", "a") == ["ctrl+@", "a"]
    assert ear.edges == []


def test_the_answer_about_the_protocol_is_no_key() -> None:
    ear = Ear()
    assert keys(ear, "\x1b[?27u", "a") == ["a"]
    assert ear.flags == [27]
    assert parse_flags("\x1b[?0u") == 0
    assert parse_flags("\x1b[27u") is None


@pytest.mark.parametrize(
    "text", ["", "a", "\x1b", "\x1b[", "\x1b[A1", "\x1b[1;2", "\x1b[<0;1;1M", "\x1b[?1u", "\x1b[1;2:9u"]
)
def test_what_is_no_stroke(text: str) -> None:
    assert parse_stroke(text) is None


def strokes(key: TalkKey, *sequences: str) -> list[bool]:
    found = [parse_stroke(sequence) for sequence in sequences]
    return [key.take(one, one.plain == PRESS) for one in found if one is not None]


def test_a_key_that_repeated_and_is_silent_was_released() -> None:
    now, edges = [0.0], list[Edge]()
    key = TalkKey(edges.append, clock=lambda: now[0])
    strokes(key, PRESS, REPEAT, REPEAT, REPEAT)
    now[0] = SILENT_SECONDS
    key.tick()
    assert edges == ["press"]
    now[0] += 0.1
    key.tick()
    assert edges == ["press", "release"]


@pytest.mark.parametrize(
    "held",
    [[PRESS], [PRESS, REPEAT], [PRESS, REPEAT, REPEAT, REPEAT, "\x1b[97;1;97u"]],
    ids=["no", "few", "other key"],
)
def test_silence_says_nothing_when_there_need_be_no_repeats(held: Sequence[str]) -> None:
    now, edges = [0.0], list[Edge]()
    key = TalkKey(edges.append, clock=lambda: now[0])
    strokes(key, *held)
    now[0] = 60.0
    key.tick()
    assert edges == ["press"]


# ---- on the screen


async def test_holding_records_while_held() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        status = app.main.query_one(StatusLine)
        assert "ctrl+space talks" in text_of(status)
        app.talk_key.found(True)
        await until(pilot, lambda: "hold ctrl+space to talk" in text_of(status))
        app.talk_key.edge("press", at=10.0)
        assert core.state is State.LISTENING
        assert core.kept == [True], "no pause ends it"
        app.talk_key.edge("release", at=10.0 + TAP_SECONDS)
        assert core.state.value == "idle"
        assert core.talks == 2
        assert app.main.query_one(Prompt).text == ""


async def test_a_tap_leaves_it_open_and_another_ends_it() -> None:
    core = ScriptedCore()
    async with running(core) as (app, _):
        app.talk_key.found(True)
        app.talk_key.edge("press", at=10.0)
        app.talk_key.edge("release", at=10.1)
        assert core.state is State.LISTENING
        assert core.kept == [True, False], "a pause may end it"
        app.talk_key.edge("press", at=11.0)
        assert core.state.value == "idle"
        app.talk_key.edge("release", at=12.0)
        assert core.talks == 2


async def test_what_the_settings_want_decides() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        app.talk_key.found(True)
        app.talk_key.configure("f7", "tap")
        assert not app.talk_key.holds
        assert "f7 talks" in text_of(app.main.query_one(StatusLine))
        await pilot.press("f7")
        await until(pilot, lambda: core.talks == 1)
        app.talk_key.configure("f7", "auto")
        assert app.talk_key.holds
        app.talk_key.found(False)
        assert not app.talk_key.holds


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(
    ("answer", "able"),
    [
        (b"\x1b[?2u\x1b[?62c", "True"),
        (b"\x1b[?0u\x1b[?62c", "False"),
        (b"\x1b[?62c", "False"),
        (b"", "False"),
    ],
    ids=["it does", "not that flag", "not the protocol", "no answer"],
)
def test_a_terminal_is_asked(answer: bytes, able: str) -> None:
    code = "from vita_tui.tui.keyboard import reports_releases; print('able:', reports_releases())"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", code])
    output = b""
    answered = False
    with contextlib.suppress(OSError):  # the end of a pseudo-terminal is an error
        while data := os.read(terminal, 4096):
            output += data
            if ASK.encode() in output and not answered:
                answered = True
                os.write(terminal, answer)
    os.waitpid(pid, 0)
    os.close(terminal)
    assert f"able: {able}".encode() in output

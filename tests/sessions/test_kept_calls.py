"""Calls of tools are kept with the reply for which they were made, shown again and exported."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vita_tui.events import ToolFinished
from vita_tui.sessions.export import to_markdown, to_text
from vita_tui.sessions.kept_calls import CALLS, KeptCall
from vita_tui.sessions.session import Turn, decode_turn, encode_turn, new_session

DONE = KeptCall("get_current_time", "time", 0.31, "done", "12:00 in Tokyo")
FAILED = KeptCall("list_files", "VITA", 2.0, "failed", "There is no folder <b>x</b>.")
DENIED = KeptCall("run_command", "VITA", 0.0, "denied", "")


def answered(*calls: object) -> Turn:
    return Turn("assistant", "It is noon.", started=2.0, finished=3.0, timings={CALLS: list(calls)})


def test_a_store_gives_them_back() -> None:
    turn = answered(DONE.data(), FAILED.data(), DENIED.data())
    assert decode_turn(encode_turn(turn)).calls == (DONE, FAILED, DENIED)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        3,
        {},
        {"outcome": "done"},
        {**DONE.data(), "outcome": "approved"},
        {**DONE.data(), "seconds": "long"},
        {**DONE.data(), "tool": None},
        [],
    ],
)
def test_what_is_no_call_is_left_out(odd: object) -> None:
    assert answered(odd, DONE.data()).calls == (DONE,)


def test_a_turn_without_any_has_none() -> None:
    assert Turn("assistant", "Hello.").calls == ()
    assert replace(answered(), timings={CALLS: "none"}).calls == ()


def test_it_is_told_again_as_it_was_told() -> None:
    event = ToolFinished(3, "3.1", "get_current_time", "time", 0.31, "done", "12:00 in Tokyo")
    assert KeptCall.of(event) == DONE
    assert replace(DONE.event(0), turn=3, call="3.1") == event


def test_documents_name_them_before_the_answer() -> None:
    session = replace(
        new_session({}, 1.0),
        turns=(
            Turn("user", "What time is it?", started=1.0),
            answered(DONE.data(), FAILED.data(), DENIED.data()),
        ),
    )
    markdown, text = to_markdown(session), to_text(session)
    assert "- time · get_current_time (done, 0.3 s): 12:00 in Tokyo\n" in markdown
    assert "<b>" not in markdown.replace("\\<", ""), "what a tool returned is no HTML"
    assert "- run_command (denied)\n" in markdown
    assert markdown.index("get_current_time") < markdown.index("It is noon.")
    assert "  (time · get_current_time (done, 0.3 s): 12:00 in Tokyo)\n" in text
    assert text.index("get_current_time") < text.index("It is noon.")

"""Events reach the screen in order, joined while they wait, and the prompt's memory is bounded and private."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

from textual.message import Message

from vita_tui.events import Event, LevelChanged, PartialTranscript, ReplyDelta, State, StateChanged
from vita_tui.tui import prompt_history
from vita_tui.tui.formatting import clean, one_line
from vita_tui.tui.messages import Bridge
from vita_tui.tui.prompt_history import PromptHistory


def test_waiting_events_are_joined_and_posted_once() -> None:
    posted: list[Message] = []

    def post(message: Message) -> bool:
        posted.append(message)
        return True

    bridge = Bridge(post)
    events: list[Event] = [
        LevelChanged(-40, 0.1),
        PartialTranscript("", "a", 1, 0),
        LevelChanged(-30, 0.2),
        PartialTranscript("a", "b", 1, 0),
        StateChanged(State.THINKING, State.LISTENING),
        LevelChanged(-20, 0.2),
        ReplyDelta(1, "one "),
        ReplyDelta(1, "two"),
        ReplyDelta(2, "three"),
    ]
    for event in events:
        bridge(event)
    assert len(posted) == 1
    assert bridge.take() == [
        LevelChanged(-30, 0.2),
        PartialTranscript("a", "b", 1, 0),
        StateChanged(State.THINKING, State.LISTENING),
        LevelChanged(-20, 0.2),
        ReplyDelta(1, "one two"),
        ReplyDelta(2, "three"),
    ]
    assert bridge.take() == []
    bridge(events[0])
    assert len(posted) == 2


def test_no_event_is_lost_between_threads() -> None:
    taken: list[Event] = []
    bridge = Bridge(lambda _: True)

    def publish(turn: int) -> None:
        for _ in range(2_000):
            bridge(ReplyDelta(turn, "."))

    threads = [threading.Thread(target=publish, args=(turn,)) for turn in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken += bridge.take()
    taken += bridge.take()
    for turn in range(4):
        assert (
            sum(len(event.text) for event in taken if isinstance(event, ReplyDelta) and event.turn == turn)
            == 2_000
        )


def test_prompts_are_remembered_over_restarts_bounded_and_private(tmp_path: Path) -> None:
    file = tmp_path / "state" / "prompts.jsonl"
    history = PromptHistory(file)
    for number in range(3 * prompt_history.LIMIT):
        history.add(f"question\n{number}")
    history.add(f"question\n{number}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = PromptHistory(file)
    assert again.older("draft") == f"question\n{number}"
    assert len(file.read_text().splitlines()) == prompt_history.LIMIT
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = 1
    while again.older("") is not None:
        found += 1
    assert found == prompt_history.LIMIT


def test_a_damaged_memory_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_bytes(b'"one"\n\xff\xfe not json\n42\n"two"\n')
    history = PromptHistory(file)
    assert (history.older(""), history.older(""), history.older("")) == ("two", "one", None)


def test_a_memory_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    history = PromptHistory(tmp_path / "file" / "prompts.jsonl")
    history.add("kept in memory")
    assert history.older("") == "kept in memory"


def test_clean_leaves_only_text() -> None:
    assert clean("a\x1b[31mb\x1b]8;;http://x\x07c\x00\x9b\u202ed\te\n") == "abcd\te\n"
    assert one_line("a\n b\tc " + "x" * 100, 8) == "a b c x…"

"""Who touches the fields of the microphone that knows its echo: the thread that reads it, and nobody else."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

import pytest

from tests.conversation.support import assistant, silence
from vita_tui.audio.echo import EchoMicrophone, EchoStatus
from vita_tui.audio.files import FileSpeaker
from vita_tui.audio.reference import Reference
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.events import HandsFree, LevelChanged, Notice, ReplyFinished, State, StateChanged

FOR_ALL = {"status", "name", "missing", "on_change", "use", "open", "read", "close"}
"""What may be asked for from any thread; what these do themselves counts by the thread that calls."""


class Watched(EchoMicrophone):
    """Notes which threads touch which of its fields once it is read."""

    touched: dict[str, set[str]] | None = None

    def __getattribute__(self, name: str) -> Any:
        _note(self, name)
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        _note(self, name)
        super().__setattr__(name, value)


def _note(microphone: Watched, name: str) -> None:
    touched = object.__getattribute__(microphone, "touched")
    if touched is not None and not name.startswith("__") and name != "touched":
        touched[threading.current_thread().name].add(name)


async def test_the_echo_belongs_to_the_thread_that_reads() -> None:
    speaker, reference = FileSpeaker(), Reference()
    speaker.tap(reference.tap)
    microphone = Watched(silence(), reference, mode="half_duplex", reason="There is no canceller.")
    microphone.touched = defaultdict(set)
    touched = microphone.touched
    reply = FakeResponder(["Gulls are birds."])
    async with assistant(reply, microphone=microphone, speaker=speaker) as (vita, events):
        await vita.ask("What are gulls?")
        await events.until(ReplyFinished)
        vita.set_hands_free(True)
        await events.until(HandsFree, lambda event: event.on)
        told = await events.until(Notice, lambda notice: notice.key == "duplex")
        assert told.message == "There is no canceller."
        vita.talk()
        await events.until(StateChanged, lambda event: event.state is State.LISTENING)
        await events.until(LevelChanged)
        vita.stop()
        vita.set_hands_free(False)
    reader = touched.pop("listener")
    assert {"wanted", "muted", "delay", "guard"} <= reader
    passed_on = {"_status", "_microphone"}  # swapped whole, and changed by nobody
    assert {name for names in touched.values() for name in names} <= FOR_ALL | passed_on


@pytest.mark.parametrize("mode", ["full_duplex", "half_duplex", "push_to_talk"])
def test_the_status_is_one_that_cannot_change_under_its_reader(mode: Any) -> None:
    microphone = EchoMicrophone(silence(), Reference(), mode=mode, reason="Why.")
    assert microphone.status == EchoStatus(mode, "Why.")
    with pytest.raises(AttributeError):
        microphone.status.mode = "full_duplex"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        microphone.status = EchoStatus("full_duplex")  # type: ignore[misc]

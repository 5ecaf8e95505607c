"""Turns that nobody ends by hand: recorded speech, the real detector of voice, scripted engines."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from tests.server.realtime_client import RealtimeClient, in_order, packed, realtime_client
from tests.server.stage import serving
from vita_tui.audio.files import read_audio
from vita_tui.engines.tts.sound import resampled

pytestmark = pytest.mark.speech


def spoken(speech: Path, silence: float = 3.0) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """A command, and then silence, at 24 kHz."""
    file = min((speech / "commands").glob("*.flac"))
    sound = resampled(np.asarray(read_audio(file), np.float32), 16_000, 24_000)
    return np.concatenate([sound, np.zeros(round(silence * 24_000), np.float32)])


async def say(client: RealtimeClient, sound: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
    for start in range(0, len(sound), 4800):
        await client.send(type="input_audio_buffer.append", audio=packed(sound[start : start + 4800]))


ASKS = {"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}


async def test_speech_becomes_a_turn_and_the_turn_is_answered(speech: Path) -> None:
    async with serving() as stage, realtime_client(stage.ws) as client:
        await client.send(type="session.update", session=ASKS)
        await say(client, spoken(speech))
        await client.until("response.done")
        assert in_order(
            [
                "input_audio_buffer.speech_started",
                "input_audio_buffer.speech_stopped",
                "input_audio_buffer.committed",
                "conversation.item.added",
                "conversation.item.input_audio_transcription.completed",
                "response.created",
                "response.output_audio.delta",
                "response.done",
            ],
            client.types,
        )
        started = next(event for event in client.events if event["type"].endswith("speech_started"))
        stopped = next(event for event in client.events if event["type"].endswith("speech_stopped"))
        assert started["item_id"] == stopped["item_id"]
        assert 0 <= started["audio_start_ms"] < stopped["audio_end_ms"]
        assert stage.model.requests[-1][-1] == {"role": "user", "content": "what time is it"}


async def test_speech_into_a_reply_interrupts_it(speech: Path) -> None:
    gate = asyncio.Event()
    from vita_tui.engines.llm.fake import FakeResponder

    async with (
        serving(model=FakeResponder(["One two three.", "Noon."], gate=gate)) as stage,
        realtime_client(stage.ws) as client,
    ):
        await client.send(type="session.update", session=ASKS)
        await say(client, spoken(speech))
        await client.until("response.created")
        await say(client, spoken(speech))
        done = await client.until("response.done")
        assert done["response"]["status"] == "cancelled"
        assert done["response"]["status_details"]["reason"] == "turn_detected"
        gate.set()
        done = await client.until("response.done")
        assert done["response"]["status"] == "completed"
        assert "error" not in client.types


async def test_a_client_may_keep_its_replies_from_being_interrupted_and_answer_itself(speech: Path) -> None:
    detection = {"type": "server_vad", "create_response": False, "interrupt_response": False}
    async with serving() as stage, realtime_client(stage.ws) as client:
        asked = {
            "type": "realtime",
            "audio": {"input": {"turn_detection": detection, "transcription": {"model": "w"}}},
        }
        await client.send(type="session.update", session=asked)
        await say(client, spoken(speech))
        await client.until("conversation.item.input_audio_transcription.completed")
        await client.send(type="session.update", session={"type": "realtime"})
        await client.until("session.updated")
        assert "response.created" not in client.types
        assert stage.model.requests == []


async def test_silence_is_no_turn() -> None:
    async with serving() as stage, realtime_client(stage.ws) as client:
        await say(client, np.zeros(24_000 * 5, np.float32))
        await client.send(type="session.update", session={"type": "realtime"})
        await client.until("session.updated")
        assert not [
            kind for kind in client.types if kind.startswith(("input_audio", "conversation", "error"))
        ]
        assert stage.recognizer.calls == []

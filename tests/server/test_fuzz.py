"""Events at random: each is answered or told to be wrong, and the server goes on. `scripts/test --proofs` sends 100,000."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.event import Event, async_read_event, async_write_event

from tests.server.realtime_client import SOUND, realtime_client
from tests.server.stage import serving
from vita_tui.server.chat_messages import messages_of_request, tools_of_request
from vita_tui.server.limits import Limits, RequestError
from vita_tui.server.problems import parsed
from vita_tui.server.realtime.session_options import SessionOptions, session_options
from vita_tui.server.wyoming.event_stream import LONGEST_LINE, next_event

LIMITS = Limits()
FIELDS = (
    "type session audio input output format rate turn_detection threshold silence_duration_ms transcription language tools tool_choice "
    "instructions output_modalities modalities voice speed max_output_tokens item id role content text output call_id name arguments "
    "item_id audio_end_ms content_index response conversation metadata previous_item_id event_id response_id "
    "data data_length payload_length width channels names"
).split()
KINDS = (
    "session.update transcription_session.update input_audio_buffer.append input_audio_buffer.commit input_audio_buffer.clear "
    "conversation.item.create conversation.item.retrieve conversation.item.truncate conversation.item.delete response.create "
    "response.cancel output_audio_buffer.clear message function_call function_call_output input_text input_audio realtime transcription "
    "server_vad semantic_vad audio/pcm user assistant system root none auto"
).split()
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([*KINDS, SOUND[:64]])
)
JSON = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=20,
)


@given(JSON)
def test_what_a_client_asks_of_its_session_is_understood_or_refused(given_json: Any) -> None:
    try:
        options = session_options(SessionOptions(), given_json)
    except RequestError:
        pass  # that is an answer
    else:
        assert session_options(SessionOptions(), options.shown("sess", "model")).source == options.source


@given(JSON)
def test_messages_and_tools_are_understood_or_refused(given_json: Any) -> None:
    for read in (messages_of_request, tools_of_request):
        with suppress(RequestError):
            read(given_json)


@given(st.binary(max_size=200) | st.text(max_size=200) | JSON.map(json.dumps))
def test_what_is_no_object_of_json_is_refused(data: str | bytes) -> None:
    with suppress(RequestError):
        assert isinstance(parsed(data, LIMITS), dict)


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode() + b"\n"))
def test_bytes_are_an_event_of_wyoming_or_refused(data: bytes) -> None:
    async def read() -> None:
        reader = asyncio.StreamReader(limit=LONGEST_LINE)
        reader.feed_data(data)
        reader.feed_eof()
        while True:
            try:
                event, _ = await next_event(reader, LIMITS)
            except RequestError:
                return
            if event is None:
                return
            assert isinstance(event.type, str)

    asyncio.run(read())


async def realtime_frames(count: int, seed: int) -> None:
    """Sends `count` events at random in some sessions, each of which must still answer afterwards."""
    dice = random.Random(seed)
    async with serving(said=["It is noon."]) as stage:
        for _ in range(max(1, count // 500)):
            async with realtime_client(stage.ws) as client:
                reading = asyncio.create_task(client.until("conversation.item.deleted"))
                for _ in range(min(count, 500)):
                    await client.socket.send(_frame(dice))
                item = {
                    "id": "last",
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "Hi"}],
                }
                await client.send(type="conversation.item.create", item=item)
                while not any(event.get("item", {}).get("id") == "last" for event in client.events):
                    await asyncio.sleep(0.01)
                    assert not reading.done() or reading.exception() is None
                    reading = (
                        asyncio.create_task(client.until("conversation.item.deleted"))
                        if reading.done()
                        else reading
                    )
                await client.send(type="conversation.item.delete", item_id="last")
                while not any(event.get("item_id") == "last" for event in client.events):
                    await asyncio.sleep(0.01)
                    reading = (
                        asyncio.create_task(client.until("conversation.item.deleted"))
                        if reading.done()
                        else reading
                    )
                reading.cancel()
            assert not [event for event in client.events if "Internal" in json.dumps(event.get("error", ""))]
        while len(stage.app.connections):
            await asyncio.sleep(0.01)


def _frame(dice: random.Random) -> str | bytes:
    if dice.random() < 0.05:
        return dice.randbytes(dice.randrange(50)) if dice.random() < 0.5 else "{" * dice.randrange(50)
    frame = _object(dice, 0)
    frame["type"] = dice.choice(KINDS) if dice.random() < 0.97 else _value(dice, 0)
    return json.dumps(frame)


def _object(dice: random.Random, depth: int) -> dict[str, Any]:
    return {dice.choice(FIELDS): _value(dice, depth + 1) for _ in range(dice.randrange(6))}


def _value(dice: random.Random, depth: int) -> Any:
    chosen = dice.randrange(9)
    if depth < 4 and chosen < 3:
        return _object(dice, depth) if chosen else [_value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return dice.choice(
        [
            None,
            True,
            dice.randrange(-5, 50_000),
            dice.random(),
            "",
            "x" * dice.randrange(100),
            dice.choice(KINDS),
            SOUND[: 4 * dice.randrange(400)],
        ]
    )


async def wyoming_events(count: int, seed: int) -> None:
    """The same of Wyoming's."""
    dice = random.Random(seed)
    kinds = "describe ping transcribe audio-start audio-chunk audio-stop synthesize synthesize-start synthesize-chunk synthesize-stop detect x".split()
    async with serving() as stage:
        for _ in range(max(1, count // 500)):
            reader, writer = await asyncio.open_connection("127.0.0.1", stage.wyoming)

            async def read(source: asyncio.StreamReader = reader) -> None:
                while (event := await async_read_event(source)) is not None:
                    if event.type == "pong" and event.data.get("text") == "the last":
                        return
                pytest.fail("the server hung up")

            reading = asyncio.create_task(read())
            for _ in range(min(count, 500)):
                data = _object(dice, 0)
                kind = dice.choice(kinds)
                if kind == "detect" and dice.random() < 0.98:
                    continue  # which loads a model
                if dice.random() < 0.5:
                    data |= {"rate": 16_000, "width": 2, "channels": 1}
                await async_write_event(Event(kind, data, dice.randbytes(dice.randrange(200))), writer)
            await async_write_event(Event("ping", {"text": "the last"}), writer)
            await asyncio.wait_for(reading, 120)
            writer.close()
        while len(stage.app.connections):
            await asyncio.sleep(0.01)


async def test_events_at_random_are_answers() -> None:
    await realtime_frames(150, 1)


async def test_events_of_wyoming_at_random_are_answers() -> None:
    await wyoming_events(150, 1)


@pytest.mark.proof
@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_a_hundred_thousand_events_at_random_are_answers() -> None:
    await realtime_frames(50_000, 2)
    await wyoming_events(50_000, 3)

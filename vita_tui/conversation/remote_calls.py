"""What other programs of the user may have a running assistant do, over its control socket: `vita ctl`, `vita listen`, `vita mcp`.

Each is a coroutine on the assistant's loop that takes what JSON can hold and returns what JSON can hold. What makes a sound or opens
the microphone for another program waits for its turn: one at a time, in the order in which they asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vita_tui.errors import VitaError
from vita_tui.events import Event, LevelChanged, ReplyDelta, ReplyFinished, UserSaid
from vita_tui.health.control_calls import RemoteCall, Tell

if TYPE_CHECKING:
    from vita_tui.conversation.assistant import Assistant
    from vita_tui.conversation.dictation import Dictated, Dictation

__all__ = ["calls", "dictate"]

MAX_TEXT = 50_000
"""Characters of what is to be said or asked."""


def calls(assistant: Assistant) -> Mapping[str, RemoteCall]:
    """All of them, by their word."""
    floor = asyncio.Lock()

    async def status(_given: Any, _tell: Tell) -> dict[str, Any]:
        return {
            "state": assistant.state.value,
            "paused": assistant.aloud.paused,
            "speaks": speaks(),
            "hands_free": assistant.hands_free,
            "conversation": assistant.session.title if assistant.session is not None else "",
            "ready": assistant.ready.is_set(),
            "engines": {job: chain.active_name for job, chain in assistant.chains.items()},
        }

    async def talk(_given: Any, _tell: Tell) -> None:
        assistant.talk()

    async def stop(_given: Any, _tell: Tell) -> None:
        assistant.stop()

    async def mute(given: Any, _tell: Tell) -> dict[str, bool]:
        assistant.muted = given if isinstance(given, bool) else speaks()
        if not assistant.muted and not assistant.speaking_aloud:
            assistant.speaking_aloud = True
        return {"speaks": speaks()}

    def speaks() -> bool:
        return assistant.speaking_aloud and not assistant.muted

    def steered(act: Callable[[], bool], problem: str) -> RemoteCall:
        async def steer(_given: Any, _tell: Tell) -> None:
            if not act():
                raise VitaError(problem)

        return steer

    async def say(given: Any, _tell: Tell) -> dict[str, bool]:
        text, language = _text(given), str(given.get("language") or "")
        async with floor:
            return {"heard": await assistant.say(text, language)}

    async def ask(given: Any, tell: Tell) -> dict[str, Any]:
        return await _ask(assistant, _text(given), tell)

    async def listen(given: Any, tell: Tell) -> Any:
        async with floor:
            return await dictate(assistant, given or {}, tell)

    async def converse(given: Any, tell: Tell) -> Any:
        text, language = _text(given), str(given.get("language") or "")
        async with floor:
            await assistant.say(text, language)
            return await dictate(assistant, given, tell)

    nothing = "Nothing is being said."
    return {
        "status": status,
        "talk": talk,
        "stop": stop,
        "mute": mute,
        "pause": steered(assistant.aloud.pause, nothing),
        "resume": steered(assistant.aloud.unpause, "Nothing is paused."),
        "skip": steered(assistant.aloud.forward, nothing),
        "back": steered(assistant.aloud.back, nothing),
        "say": say,
        "ask": ask,
        "listen": listen,
        "converse": converse,
    }


def _text(given: Any) -> str:
    text = given.get("text") if isinstance(given, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise VitaError("There is no text.")
    if len(text) > MAX_TEXT:
        raise VitaError(f"The text is longer than {MAX_TEXT:,} characters.")
    return text


async def _ask(assistant: Assistant, text: str, tell: Tell) -> dict[str, Any]:
    turns: list[int] = []
    replies: list[ReplyFinished] = []

    def listen(event: Event) -> None:
        if isinstance(event, UserSaid) and not turns and event.text == text.strip():
            turns.append(event.turn)
        elif isinstance(event, ReplyDelta) and event.turn in turns:
            loop.call_soon_threadsafe(tell, {"delta": event.text})
        elif isinstance(event, ReplyFinished) and event.turn in turns:
            replies.append(event)

    loop = asyncio.get_running_loop()
    unsubscribe = assistant.bus.subscribe(listen)
    try:
        await assistant.ask(text)
    finally:
        unsubscribe()
    if not replies:
        raise VitaError("The question was not answered.")
    reply = replies[-1]
    if reply.reason == "failed":
        raise VitaError(reply.error or "The question was not answered.")
    return {"reply": reply.text, "finish": reply.reason}


async def dictate(assistant: Assistant, wanted: Mapping[str, Any], tell: Tell) -> dict[str, Any] | None:
    """Take down one utterance, or all of them until this is cancelled.

    Args:
        wanted: "by_voice": it begins when somebody speaks; "follow": one utterance after the other, each told as {"utterance": …};
            "partials": tell {"stable": …, "tail": …} and {"level": dBFS} meanwhile; "timeout": seconds in which somebody must
            have begun to speak.

    Returns:
        The utterance: text, confidence, seconds, and a problem when there were no words.

    Raises:
        VitaError: there is no microphone, or it is needed for something else.
    """
    follow, by_voice = bool(wanted.get("follow")), bool(wanted.get("by_voice") or wanted.get("follow"))
    timeout = wanted.get("timeout")
    seconds = float(timeout) if isinstance(timeout, int | float) and timeout > 0 else None
    partials = bool(wanted.get("partials"))

    def level(event: Event) -> None:
        if isinstance(event, LevelChanged):
            loop.call_soon_threadsafe(tell, {"level": round(event.dbfs, 1)})

    loop = asyncio.get_running_loop()
    unsubscribe = assistant.bus.subscribe(level) if partials else lambda: None
    try:
        async with assistant.dictation(
            lambda stable, tail: tell({"stable": stable, "tail": tail}) if partials else None,
            by_voice=by_voice,
        ) as dictation:
            while True:
                spoken = await _next(dictation, seconds)
                if spoken is None:
                    return {"text": "", "confidence": 0.0, "seconds": 0.0, "problem": "Nobody spoke."}
                if by_voice and not spoken.text:
                    continue  # a noise
                if not follow:
                    return asdict(spoken)
                tell({"utterance": asdict(spoken)})
    finally:
        unsubscribe()


async def _next(dictation: Dictation, seconds: float | None) -> Dictated | None:
    """The next utterance; None when nobody has begun to speak within `seconds`."""
    spoken = asyncio.ensure_future(dictation.next())
    begun = asyncio.ensure_future(dictation.begun.wait())
    try:
        done, _ = await asyncio.wait({spoken, begun}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return await spoken if done else None
    finally:
        spoken.cancel()
        begun.cancel()

"""The calls of a reply: asked for, run, and told as data to the model, which then goes on.

Nothing here raises because of a tool: whatever becomes of a call is a result that the model is told.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from vita_tui.clock import Clock
from vita_tui.conversation.thinking.consent import Consent, shown
from vita_tui.engines.llm.base import CallsTools, Message, Responder, ToolCall, ToolOffer, as_offers
from vita_tui.engines.llm.tokens import estimate
from vita_tui.errors import ToolError, VitaError
from vita_tui.events import EventBus, ToolFinished, ToolOutcome, ToolProgress, ToolStarted
from vita_tui.settings import ToolSettings
from vita_tui.text.clean import clean, clean_line
from vita_tui.tools.base import Tool, ToolResult, arguments_of, bounded
from vita_tui.tools.toolbox import Toolbox

__all__ = ["MOST_CALLS", "ToolCalls", "called", "folded"]

log = logging.getLogger(__name__)

MOST_CALLS = 16
"""Of one round; a model that wants more at once is told so."""
WAIT_SECONDS = 1.5
"""After which the user is told that it takes a moment."""
AGAIN_SECONDS = 2.5
"""Between two waiting sounds."""
DENIED = "The user did not allow this call. Do not try it again: go on without it, or ask the user."
NOBODY = "This call has to be allowed by the user, and nobody can be asked here. Go on without it."


class ToolCalls:
    """Runs calls for all replies of a conversation. On the assistant's loop."""

    def __init__(
        self, settings: ToolSettings, toolbox: Toolbox, consent: Consent, bus: EventBus, clock: Clock
    ) -> None:
        self.consent = consent
        self._settings = settings
        self._toolbox = toolbox
        self._bus = bus
        self._clock = clock
        self._numbers = 0

    @property
    def rounds(self) -> int:
        """How often in one reply the model may call tools."""
        return self._settings.rounds

    async def offer(self, responder: Responder) -> dict[str, Tool]:
        """Have `responder` offer the tools that there are now, if it can offer any; these are they."""
        if not isinstance(responder, CallsTools):
            return {}
        room = await responder.tool_room()
        offered: dict[str, Tool] = {}
        offers: list[ToolOffer] = []
        for tool in (await self._toolbox.tools()).values():
            offer = ToolOffer(tool.name, tool.description, tool.schema)
            room -= estimate(json.dumps(as_offers([offer])))
            if room < 0:
                log.info("%s has no room for all tools: %d are offered", responder.name, len(offers))
                break
            offered[tool.name] = tool
            offers.append(offer)
        responder.tools = tuple(offers)
        return offered

    async def run(
        self,
        turn: int,
        calls: Sequence[ToolCall],
        tools: Mapping[str, Tool],
        *,
        longest: int,
        on_ask: Callable[[Tool], None],
        on_wait: Callable[[int], None],
        on_over: Callable[[ToolFinished], None] = lambda _: None,
    ) -> list[Message]:
        """Make `calls`, together; the messages that tell the model what became of them, in their order.

        Args:
            tools: those that were offered, by name.
            longest: characters of a result.
            on_ask: called when the user is asked whether a tool may be called.
            on_wait: called while the user waits for a tool: with 0 at first, then 1, 2, …
            on_over: is told of each call that is over.
        """
        waiting = _Waiting(on_wait)
        call_one = partial(self._call, turn, tools=tools, waiting=waiting, on_ask=on_ask, on_over=on_over)
        try:
            results = await asyncio.gather(
                *(
                    call_one(call)
                    if place < MOST_CALLS
                    else _told(f"Only {MOST_CALLS} calls are made at once.")
                    for place, call in enumerate(calls)
                )
            )
        finally:
            waiting.stop()
        longest = min(longest, self._settings.longest_result)
        return [
            {"role": "tool", "tool_call_id": call.id, "content": bounded(text, longest)}
            for call, text in zip(calls, results, strict=True)
        ]

    async def _call(
        self,
        turn: int,
        call: ToolCall,
        *,
        tools: Mapping[str, Tool],
        waiting: _Waiting,
        on_ask: Callable[[Tool], None],
        on_over: Callable[[ToolFinished], None],
    ) -> str:
        self._numbers += 1
        number = f"{turn}.{self._numbers}"
        tool = tools.get(call.name)
        arguments: dict[str, Any] = {}
        began = self._clock.monotonic()
        outcome: ToolOutcome = "failed"
        said = ""
        source = tool.source if tool is not None else ""
        try:
            if tool is None:
                names = ", ".join(list(tools)[:40])
                raise ToolError(
                    f"There is no tool {clean_line(call.name)[:80]}.", remedy=f"There are: {names}."
                )
            arguments = arguments_of(call.arguments)
            if not await self.consent.allowed(turn, number, tool, arguments, on_ask):
                outcome = "denied"
                return DENIED if self.consent.asks else NOBODY
            began = self._clock.monotonic()
            self._bus.publish(ToolStarted(turn, number, tool.name, source, shown(arguments)))
            result = await self._run(turn, number, tool, arguments, waiting)
            outcome, said = ("failed" if result.failed else "done"), result.text
            return f"It failed: {result.text}" if result.failed else result.text
        except ToolError as error:
            said = str(error)
            return f"It failed: {said}"
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            seconds = self._clock.monotonic() - began
            summary = clean_line(clean(said[:2000]))[:200]
            name = clean_line(call.name)[:80]
            over = ToolFinished(turn, number, name, source, seconds, outcome, summary)
            on_over(over)
            self._bus.publish(over)

    async def _run(
        self, turn: int, number: str, tool: Tool, arguments: Mapping[str, Any], waiting: _Waiting
    ) -> ToolResult:
        def progress(words: str) -> None:
            self._bus.publish(ToolProgress(turn, number, clean_line(words)))

        with waiting:
            try:
                async with asyncio.timeout(self._settings.timeout):
                    result = await tool.run(arguments, progress)
                if not isinstance(result, ToolResult) or not isinstance(result.text, str):
                    raise ToolError(f"{tool.name} returned what is no result.")
                return result
            except TimeoutError:
                raise ToolError(f"{tool.name} took longer than {self._settings.timeout:g} s.") from None
            except VitaError as error:
                raise ToolError(error.message, remedy=error.remedy) from None
            except Exception as error:
                # A bug in a tool, or in a library below it, costs that call.
                log.exception("%s failed", tool.name)
                raise ToolError(f"{type(error).__name__} in {tool.name}.") from None


class _Waiting:
    """Tells, while any tool runs, that it takes a moment. Entered by each call while it runs."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._running = 0
        self._told = 0
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        self._running += 1
        if self._timer is None:
            self._later(WAIT_SECONDS)

    def __exit__(self, *error: object) -> None:
        self._running -= 1
        if not self._running:
            self.stop()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _later(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._due)

    def _due(self) -> None:
        self._tell(self._told)
        self._told += 1
        self._later(AGAIN_SECONDS)


def called(said: str, calls: Sequence[ToolCall]) -> Message:
    """The message in which the model called tools, as it is shown them again."""
    return {
        "role": "assistant",
        "content": said,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _as_json(call.arguments)},
            }
            for call in calls
        ],
    }


def _as_json(arguments: str) -> str:
    """What the model wrote if it is an object; templates fail on anything else."""
    try:
        return json.dumps(arguments_of(arguments), ensure_ascii=False)
    except ToolError:
        return "{}"


def folded(messages: Sequence[Message]) -> list[Message]:
    """`messages` for a model that knows no tools: what they returned is said in one message of the user."""
    plain: list[Message] = [one for one in messages if one["role"] != "tool" and not one.get("tool_calls")]
    results = [one["content"] for one in messages if one["role"] == "tool"]
    if results and plain and plain[-1]["role"] == "user":
        found = "\n".join(results)
        question: Message = {
            "role": "user",
            "content": f"{plain[-1]['content']}\n\nWhat was found out:\n{found}",
        }
        return [*plain[:-1], question]
    return plain


async def _told(text: str) -> str:
    return text

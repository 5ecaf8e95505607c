"""The items of a conversation: what was said and heard, as the client and as the language model read them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from vita_tui.conversation.speaking.clauses import Clause
from vita_tui.conversation.speaking.ledger import Ledger
from vita_tui.engines.llm.base import MESSAGE_OVERHEAD, Message
from vita_tui.engines.llm.tokens import estimate
from vita_tui.server.limits import RequestError

__all__ = ["Item", "Items", "new_id"]

ItemType = Literal["message", "function_call", "function_call_output"]
ItemStatus = Literal["in_progress", "completed", "incomplete"]


def new_id(kind: str) -> str:
    """Such as "item_…"."""
    return f"{kind}_{uuid.uuid4().hex[:24]}"


@dataclass(eq=False, slots=True)
class Item:
    id: str
    kind: ItemType = "message"
    role: Literal["system", "user", "assistant"] = "user"
    text: str = ""
    """What was said or written; of sound, what was understood. Of a call the arguments, of its result the output."""
    sound: bool = False
    """It was spoken, and not written."""
    status: ItemStatus = "completed"
    name: str = ""
    """Of a function."""
    call_id: str = ""
    ledger: Ledger | None = None
    """Of a reply that is spoken: what of it was heard."""
    spoken: list[tuple[Clause, float]] = field(default_factory=list)
    """The clauses of a reply whose sound was sent, and the seconds of each."""
    heard: str | None = None
    """What of the reply the user has heard; None: all."""
    understood: bool = True
    """Its transcript is there."""

    def shown(self) -> dict[str, Any]:
        """As the client reads it."""
        common = {"id": self.id, "object": "realtime.item", "type": self.kind, "status": self.status}
        if self.kind == "function_call":
            return {**common, "name": self.name, "call_id": self.call_id, "arguments": self.text}
        if self.kind == "function_call_output":
            return {**common, "call_id": self.call_id, "output": self.text}
        return {**common, "role": self.role, "content": [self.part()] if self.sound or self.text else []}

    def part(self) -> dict[str, Any]:
        """Its content."""
        said = self.text if self.heard is None else self.heard
        if self.role == "assistant":
            return (
                {"type": "output_audio", "transcript": said}
                if self.sound
                else {"type": "output_text", "text": said}
            )
        if self.sound:
            return {"type": "input_audio", "transcript": said if self.understood else None}
        return {"type": "input_text", "text": said}

    def message(self) -> Message | None:
        """As the language model reads it; None where there is nothing to read."""
        if self.kind == "function_call":
            call = {
                "id": self.call_id,
                "type": "function",
                "function": {"name": self.name, "arguments": self.text},
            }
            return Message(role="assistant", content="", tool_calls=[call])
        if self.kind == "function_call_output":
            return Message(role="tool", content=self.text, tool_call_id=self.call_id)
        said = self.text
        if self.heard is not None and self.heard.strip() != said.strip():
            said = f"{self.heard.rstrip().rstrip('.…')}…" if self.heard.strip() else ""
        return Message(role=self.role, content=said) if said.strip() else None


class Items:
    """In their order, and no more than `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._items: dict[str, Item] = {}

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    @property
    def last_id(self) -> str | None:
        return next(reversed(self._items), None)

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Put `item` behind the one named `after`, or at the end; returns the id of the one before it.

        Raises:
            RequestError: there is no such item, or there is this one already.
        """
        if item.id in self._items:
            raise RequestError("There is an item of that id.", code="item_id_exists", param="item.id")
        if after is None:
            before = self.last_id
            self._items[item.id] = item
        else:
            order = list(self._items.values())
            place = 0 if after == "root" else order.index(self.get(after)) + 1
            before = None if after == "root" else after
            order.insert(place, item)
            self._items = {one.id: one for one in order}
        while len(self._items) > self._most:
            del self._items[next(iter(self._items))]
        return before

    def get(self, identity: Any) -> Item:
        """
        Raises:
            RequestError: there is none.
        """
        found = self._items.get(identity) if isinstance(identity, str) else None
        if found is None:
            raise RequestError("There is no such item.", code="item_not_found", param="item_id")
        return found

    def remove(self, identity: Any) -> None:
        """
        Raises:
            RequestError: there is none.
        """
        del self._items[self.get(identity).id]

    def truncate(self, identity: Any, ms: Any) -> Item:
        """The user has heard `ms` milliseconds of the reply, and no more.

        Raises:
            RequestError: there is no such reply.
        """
        item = self.get(identity)
        if item.role != "assistant" or item.kind != "message" or item.ledger is None:
            raise RequestError("Only a spoken reply can be truncated.", code="invalid_item", param="item_id")
        if isinstance(ms, bool) or not isinstance(ms, int) or ms < 0:
            raise RequestError("That is a number of milliseconds.", param="audio_end_ms")
        left = ms / 1000
        for clause, seconds in item.spoken:
            item.ledger.heard(clause, max(0.0, min(left, seconds)))
            left -= seconds
        item.heard = item.ledger.split()[0]
        return item

    def messages(self, instructions: str, room: int) -> list[Message]:
        """What the language model reads: as many of the newest as fit into `room` tokens."""
        system = [Message(role="system", content=instructions)] if instructions.strip() else []
        room -= sum(estimate(message["content"]) + MESSAGE_OVERHEAD for message in system)
        kept: list[Message] = []
        for item in reversed(self._items.values()):
            message = item.message()
            if message is None:
                continue
            size = estimate(message["content"] + str(message.get("tool_calls", ""))) + MESSAGE_OVERHEAD
            if kept and size > room:
                break
            room -= size
            kept.append(message)
        kept.reverse()
        # The result of a tool without its call, or an answer without its question, only confuses.
        while len(kept) > 1 and kept[0]["role"] in ("tool", "assistant"):
            kept.pop(0)
        return system + kept

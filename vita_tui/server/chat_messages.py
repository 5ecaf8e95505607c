"""A conversation and its tools as OpenAI's clients write them, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from vita_tui.engines.llm.base import Message, ToolOffer
from vita_tui.server.limits import RequestError

__all__ = ["messages_of_request", "text_of", "tools_of_request"]

MOST_TOOLS = 128


def messages_of_request(given: Any) -> list[Message]:
    """
    Raises:
        RequestError: they are no conversation, or hold what is not text.
    """
    if not isinstance(given, list) or not given:
        raise RequestError("The messages are a list that is not empty.", param="messages")
    return [_message(one, f"messages[{place}]") for place, one in enumerate(given)]


def _message(given: Any, where: str) -> Message:
    if not isinstance(given, dict):
        raise RequestError("A message is an object.", param=where)
    role = given.get("role")
    if role == "developer":
        role = "system"
    if role not in ("system", "user", "assistant", "tool"):
        raise RequestError("The role is system, user, assistant or tool.", param=f"{where}.role")
    message = Message(role=role, content=text_of(given.get("content"), f"{where}.content"))
    calls = given.get("tool_calls")
    if calls:
        if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
            raise RequestError("Calls of tools are a list of objects.", param=f"{where}.tool_calls")
        message["tool_calls"] = cast("list[dict[str, Any]]", calls)
    if role == "tool":
        call_id = given.get("tool_call_id")
        if not isinstance(call_id, str):
            raise RequestError("The result of a tool names its call.", param=f"{where}.tool_call_id")
        message["tool_call_id"] = call_id
    return message


def text_of(content: Any, where: str) -> str:
    """The text of a message's content: a string, or parts.

    Raises:
        RequestError: it is neither, or holds an image or sound.
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise RequestError("The content is text, or a list of parts.", param=where)
    texts = []
    for part in content:
        text = part.get("text") if isinstance(part, dict) else None
        if not isinstance(text, str):
            raise RequestError("Only parts with text are understood.", param=where)
        texts.append(text)
    return "\n".join(texts)


def tools_of_request(given: Any) -> Sequence[ToolOffer]:
    """Functions that the model may call, in the form of chat completions or of realtime sessions.

    Raises:
        RequestError: they are not such a list.
    """
    if not given:
        return ()
    if not isinstance(given, list) or len(given) > MOST_TOOLS:
        raise RequestError(f"Tools are a list of {MOST_TOOLS} at most.", param="tools")
    offers = []
    for place, one in enumerate(given):
        function = one.get("function", one) if isinstance(one, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise RequestError("A tool is a function with a name.", param=f"tools[{place}]")
        schema = function.get("parameters") or {"type": "object", "properties": {}}
        description = function.get("description") or ""
        if not isinstance(schema, dict) or not isinstance(description, str):
            raise RequestError("A tool has a description and a schema.", param=f"tools[{place}]")
        offers.append(ToolOffer(function["name"], description, schema))
    return offers

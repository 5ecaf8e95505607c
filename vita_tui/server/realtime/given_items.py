"""What a client gives: items of a conversation, and sound, checked."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from vita_tui.server.limits import RequestError
from vita_tui.server.realtime.items import Item, new_id

__all__ = ["given_item", "given_sound"]

LONGEST_TEXT = 262_144
"""Characters of an item."""


def given_sound(audio: Any, *, param: str, code: str = "") -> bytes:
    """Sound that is written in base64.

    Args:
        param, code: of the error: the part that is wrong, and what OpenAI calls it when it is text but no base64.

    Raises:
        RequestError: it is not.
    """
    if not isinstance(audio, str):
        raise RequestError("Sound is text in base64.", param=param)
    try:
        return base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError):
        raise RequestError("Sound is text in base64.", param=param, code=code) from None


def given_item(given: Mapping[str, Any]) -> tuple[Item, bytes | None]:
    """An item that a client has made, and its sound, where it has any.

    Raises:
        RequestError: it is none.
    """
    identity = given.get("id") or new_id("item")
    if not isinstance(identity, str) or len(identity) > 64:
        raise RequestError("The id is a text of 64 characters at most.", param="item.id")
    match given.get("type"):
        case "message":
            return _message(identity, given)
        case "function_call_output":
            return Item(
                identity, "function_call_output", call_id=_text(given, "call_id"), text=_text(given, "output")
            ), None
        case "function_call":
            call = Item(
                identity,
                "function_call",
                "assistant",
                name=_text(given, "name"),
                text=_text(given, "arguments"),
            )
            call.call_id = str(given.get("call_id") or new_id("call"))[:64]
            return call, None
        case _:
            raise RequestError(
                "An item is a message, function_call or function_call_output.", param="item.type"
            )


def _message(identity: str, given: Mapping[str, Any]) -> tuple[Item, bytes | None]:
    role, content = given.get("role"), given.get("content")
    if role not in ("system", "user", "assistant") or not isinstance(content, list):
        raise RequestError("A message has a role and a list of content.", param="item")
    texts: list[str] = []
    sound: bytes | None = None
    for part in content:
        if not isinstance(part, Mapping):
            raise RequestError("Content is a list of objects.", param="item.content")
        text = part.get("text", part.get("transcript"))
        if isinstance(text, str):
            texts.append(text)
        elif part.get("type") == "input_audio" and isinstance(part.get("audio"), str):
            sound = (sound or b"") + given_sound(part["audio"], param="item.content")
        else:
            raise RequestError("Content is text or sound.", param="item.content")
    said = "\n".join(texts)
    if len(said) > LONGEST_TEXT:
        raise RequestError(f"The text is longer than {LONGEST_TEXT:,} characters.", param="item.content")
    return Item(identity, role=role, text=said, sound=sound is not None, understood=sound is None), sound


def _text(given: Mapping[str, Any], name: str) -> str:
    found = given.get(name)
    if not isinstance(found, str) or len(found) > LONGEST_TEXT:
        raise RequestError("That is a text.", param=f"item.{name}")
    return found

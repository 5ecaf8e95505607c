"""Why a reply ended before its end, or came without a word, in a sentence."""

from __future__ import annotations

from typing import Literal

from vita_tui.engines.llm.base import Cut
from vita_tui.errors import VitaError

__all__ = ["Reason", "why_cut", "why_nothing"]

Reason = Literal["complete", "stopped", "interrupted", "length", "filtered", "failed"]


def why_cut(reason: Reason, *, endless: bool, limit: int) -> str:
    """Why a reply is not whole; empty when it is.

    Args:
        endless: it was ended because the model did not end it.
        limit: tokens that it might have; 0 for as many as the server gives.
    """
    match reason:
        case "length" if endless:
            return "cut: it did not end"
        case "length" if limit:
            return f"cut at {limit} tokens (llm.max_tokens)"
        case "length":
            return "cut at the length that the server allows"
        case "filtered":
            return "cut by the server’s content filter"
        case _:
            return ""


def why_nothing(cut: Cut | None, engine: str, *, limit: int, reasoned: bool, called: bool) -> VitaError:
    """Why `engine` said nothing.

    Args:
        cut: how its reply ended.
        limit: tokens that it might have; 0 for as many as the server gives.
        reasoned: it has reasoned.
        called: it has called tools, which returned.
    """
    match cut:
        case Cut("length") if reasoned:
            tokens = f"its {limit} tokens were" if limit else "its window was"
            return VitaError(
                f"{engine} was still reasoning when {tokens} used up.",
                remedy="Raise llm.max_tokens, or choose a model that reasons less: llm.model.",
            )
        case Cut("length"):
            within = f"{limit} tokens" if limit else "its window"
            return VitaError(f"{engine} said nothing within {within}.", remedy="Raise llm.max_tokens.")
        case Cut("filter"):
            return VitaError(
                f"A content filter withheld the answer of {engine}.",
                remedy="Ask in other words, or choose another model: llm.model.",
            )
        case Cut("refusal", said):
            return VitaError(
                f"{engine} refused to answer{f': {said}' if said else ''}.",
                remedy="Ask in other words, or choose another model: llm.model.",
            )
        case Cut("tools") if called:
            return VitaError(
                f"{engine} called tools again and again, and gave no answer.",
                remedy="Ask in other words, or raise tools.rounds.",
            )
        case Cut("tools"):
            return VitaError(
                f"{engine} wanted to call a tool instead of answering, and has none here.",
                remedy="Choose another model: llm.model, or turn off the tools on the server.",
            )
        case _ if reasoned:
            return VitaError(
                f"{engine} reasoned, and then gave no answer.",
                remedy="Ask again, raise llm.max_tokens, or choose another model: llm.model.",
            )
        case _:
            return VitaError("The model said nothing.", remedy="Ask again, or in other words.")

"""What an OpenAI-compatible server says no with, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vita_tui.errors import EngineError

if TYPE_CHECKING:
    import openai

__all__ = ["refusal"]


def refusal(
    error: openai.APIStatusError, where: str, *, section: str, missing: str, check: str
) -> EngineError:
    """What `error` means for the user; never quotes the key.

    Args:
        where: the server's host and port.
        section: of the settings: "llm" or "tts".
        missing: what there is none of when the server finds something not, such as "model “x”".
        check: which settings may be wrong then.
    """
    import openai

    match error:
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return EngineError(
                f"{where} refused the API key.", remedy=f"Set VITA_{section.upper()}__API_KEY."
            )
        case openai.NotFoundError():
            return EngineError(f"{where} has no {missing}.", remedy=f"Check {check} (…/v1).")
        case openai.RateLimitError():
            return EngineError(f"{where} has had enough requests for now.", remedy="Wait a little.")
        case _:
            return EngineError(
                f"{where} answered with HTTP status {error.status_code}.", remedy="See its log."
            )

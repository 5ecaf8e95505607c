"""What a request without a model wants of the conversation: carried out."""

from __future__ import annotations

import logging

from vita_tui.abilities.base import Request
from vita_tui.conversation.built_in import BuiltIn
from vita_tui.conversation.hands_free import HandsFreeSwitch
from vita_tui.conversation.live_settings import LiveSettings
from vita_tui.conversation.present_conversation import PresentConversation
from vita_tui.conversation.ringing import Ringer
from vita_tui.conversation.speaking.aloud import Aloud

__all__ = ["BuiltInRequests"]

log = logging.getLogger(__name__)


class BuiltInRequests:
    """On the assistant's loop."""

    def __init__(
        self,
        live: LiveSettings,
        hands_free: HandsFreeSwitch,
        present: PresentConversation,
        built_in: BuiltIn,
        ringer: Ringer | None,
        aloud: Aloud,
    ) -> None:
        self._live = live
        self._hands_free = hands_free
        self._present = present
        self._built_in = built_in
        self._ringer = ringer
        self._aloud = aloud

    async def do(self, request: Request) -> None:
        """Carry out `request`; one that is not known is logged."""
        match request.name:
            case "volume" | "rate":
                await self._live.change({f"tts.{request.name}": request.value})
            case "language" | "next_language":
                await self._live.change({"stt.language": request.value})
                self._built_in.warm()
            case "voices":
                await self._live.change({"tts.engines": request.value})
            case "hands_free":
                self._hands_free.set(request.value)
            case "mute":
                self._aloud.mute(request.value)
                if not request.value:
                    self._live.speak(True)
            case "stop":
                if self._ringer is not None:
                    self._ringer.stop()
            case "new_conversation":
                await self._present.new()
            case _:
                log.warning("no such request: %s", request.name)

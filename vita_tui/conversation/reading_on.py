"""Reading aloud what is on the screen: the last reply from where the voice stopped, or anything else."""

from __future__ import annotations

from dataclasses import replace

from vita_tui.conversation.history import History
from vita_tui.conversation.replies import Replies
from vita_tui.conversation.speaking.aloud import Aloud
from vita_tui.conversation.thinking.language_model import LanguageModel
from vita_tui.conversation.turn_taking import TurnTaking
from vita_tui.events import EventBus, Heard
from vita_tui.sessions.session import Turn
from vita_tui.settings import Settings

__all__ = ["ReadingOn"]


class ReadingOn:
    """On the assistant's loop."""

    def __init__(
        self,
        settings: Settings,
        history: History,
        replies: Replies,
        model: LanguageModel,
        turn: TurnTaking,
        aloud: Aloud,
        bus: EventBus,
    ) -> None:
        self._settings = settings
        self._history = history
        self._replies = replies
        self._model = model
        self._turn = turn
        self._aloud = aloud
        self._bus = bus

    async def read(self, text: str = "") -> bool:
        """Read `text`, or the last reply from where the voice stopped, or from its beginning when all was heard.

        Returns when it is over. What was being said is silenced before. How far a reply was heard is kept.

        Returns:
            Whether there was anything to read.

        Raises:
            VitaError: there is no voice or no speaker, or nothing in it can be said.
        """
        self._aloud.hush()
        self._turn.stop()
        await self._replies.settled()
        if text:
            await self._aloud.speak(text, self._settings.spoken_language)
            return True
        session = self._history.session
        reply = (
            next((turn for turn in reversed(session.turns) if turn.role == "assistant"), None)
            if session
            else None
        )
        if reply is None or not reply.text.strip():
            return False
        await self._read_on(reply)
        return True

    async def _read_on(self, reply: Turn) -> None:
        before = reply.heard or ""
        if not reply.text.startswith(before) or not reply.text[len(before) :].strip():
            before = ""
        last = self._replies.last
        number = last.turn if last is not None and last.text == reply.text else 0
        heard, unheard = await self._aloud.speak(
            reply.text[len(before) :], self._settings.spoken_language, turn=number
        )
        heard = before + heard
        if number:
            self._bus.publish(Heard(number, heard, unheard, final=True))
        now = heard if unheard.strip() else None
        if reply.heard is not None and reply.heard != now:
            await self._history.keep(replace(reply, heard=now, interrupted=now is not None))
            self._model.read_history()

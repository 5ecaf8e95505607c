"""Which conversation is the present one: a new one, an earlier one, by which title."""

from __future__ import annotations

from vita_tui.conversation.history import History
from vita_tui.conversation.replies import Replies
from vita_tui.conversation.speaking.aloud import Aloud
from vita_tui.conversation.thinking.consent import Consent
from vita_tui.conversation.turn_taking import TurnTaking
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.session import Session

__all__ = ["PresentConversation"]


class PresentConversation:
    """On the assistant's loop."""

    def __init__(
        self,
        sessions: SessionManager,
        history: History,
        replies: Replies,
        turn: TurnTaking,
        aloud: Aloud,
        consent: Consent | None,
    ) -> None:
        self._sessions = sessions
        self._history = history
        self._replies = replies
        self._turn = turn
        self._aloud = aloud
        self._consent = consent

    async def new(self) -> None:
        """Leave the conversation, which is kept, and start an empty one."""
        await self._turn_to(None)

    async def resume(self, session_id: str) -> None:
        """Go on with an earlier conversation; "latest" for the last one.

        Raises:
            VitaError: there is no such conversation, or the store cannot be read.
        """
        if session_id == "latest":
            last = await self._sessions.latest()
            if last is None:
                return
            session_id = last.id
        await self._turn_to(await self._sessions.get(session_id))

    async def _turn_to(self, session: Session | None) -> None:
        self._aloud.hush()
        self._turn.stop()
        await self._replies.settled()
        self._history.turn_to(session)
        if self._consent is not None:
            self._consent.new_conversation()

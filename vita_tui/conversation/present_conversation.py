"""Which conversation is the present one, a new one or an earlier one; and what is its own: a profile, a system prompt."""

from __future__ import annotations

from vita_tui.conversation.history import History
from vita_tui.conversation.live_settings import LiveSettings
from vita_tui.conversation.profiles import Profiles
from vita_tui.conversation.replies import Replies
from vita_tui.conversation.speaking.aloud import Aloud
from vita_tui.conversation.thinking.consent import Consent
from vita_tui.conversation.thinking.language_model import LanguageModel
from vita_tui.conversation.turn_taking import TurnTaking
from vita_tui.errors import SettingsError, StoreError
from vita_tui.events import EventBus, Notice
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
        model: LanguageModel,
        turn: TurnTaking,
        aloud: Aloud,
        consent: Consent | None,
        profiles: Profiles,
        live: LiveSettings,
        bus: EventBus,
    ) -> None:
        self._sessions = sessions
        self._history = history
        self._replies = replies
        self._model = model
        self._turn = turn
        self._aloud = aloud
        self._consent = consent
        self._profiles = profiles
        self._live = live
        self._bus = bus
        if profiles.name:
            history.own["profile"] = profiles.name

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

    async def branch(self, before: str) -> None:
        """Go on from before the turn `before` in a conversation of its own; the present one is kept as it is.

        Raises:
            StoreError: there is no such turn, or it cannot be kept.
        """
        session = self._history.session
        if session is None:
            raise StoreError("There is no conversation yet.", remedy="Ask something first.")
        self._aloud.hush()
        self._turn.stop()
        await self._replies.settled()
        await self._turn_to(await self._sessions.branch(session.id, before))

    async def _turn_to(self, session: Session | None) -> None:
        self._aloud.hush()
        self._turn.stop()
        await self._replies.settled()
        self._history.turn_to(session)
        if self._consent is not None:
            self._consent.new_conversation()
        await self._follow()
        self._model.read_history()

    # ---- what is its own

    async def use_profile(self, name: str) -> None:
        """Use a profile from now on; the conversation remembers it. An empty name is none.

        Raises:
            SettingsError: there is no such profile, or a setting cannot be what it says.
        """
        await self._profiles.use(name, self._live.follow_profile)
        await self._history.set_own(profile=name)
        self._model.read_history()

    async def set_system_prompt(self, prompt: str) -> None:
        """Give it a system prompt of its own, from the next question on; an empty one is that of the settings."""
        await self._history.set_own(system_prompt=prompt.strip())
        self._model.read_history()

    async def _follow(self) -> None:
        """Use the profile that it remembers."""
        name = self._history.own.get("profile", "")
        if name != self._profiles.name:
            try:
                await self._profiles.use(name, self._live.follow_profile)
            except SettingsError as error:
                self._bus.publish(Notice("Profile", error.message, error.remedy, "warning", key="profile"))

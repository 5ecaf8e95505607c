"""Whether a tool may be called, as the user says it: yes, no, or something else."""

from __future__ import annotations

from vita_tui.conversation.hearing.signals import Understood
from vita_tui.conversation.replies import Replies
from vita_tui.conversation.speaking.speaking import Speaking
from vita_tui.conversation.thinking.consent import Consent
from vita_tui.settings import Settings

__all__ = ["SpokenConsent"]


class SpokenConsent:
    """On the assistant's loop."""

    def __init__(self, settings: Settings, replies: Replies, speech: Speaking) -> None:
        self._settings = settings
        self._replies = replies
        self._speech = speech

    @property
    def asked(self) -> Consent | None:
        """Who waits for the user's word about a tool; None when nobody does."""
        tools = self._replies.tools
        return tools.consent if tools is not None and tools.consent.asked is not None else None

    def decides(self, understood: Understood) -> bool:
        """Whether what was understood says yes or no to a tool, or nothing; anything else is a question that takes its place.

        What the loudspeaker has said, which the microphone may hear, is no word of the user's.
        """
        asked = self.asked
        if asked is None:
            return False
        if not understood.text:
            return True
        until = understood.utterance.last_speech
        since = until - understood.utterance.audio_seconds
        own = self._speech.own_words
        if own.between(since, until) and own.is_own(understood.text, since, until):
            return True
        if asked.hear(understood.text, self._settings.spoken_language) is not None:
            return True
        self._replies.stop("interrupted")
        return False

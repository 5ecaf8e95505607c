"""What is being said, replies and all else, as keys and commands steer it: paused, gone on with, skipped, said again, ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vita_tui.conversation.speaking.speaking import Speaking
from vita_tui.conversation.speaking.speech import Speech
from vita_tui.errors import DeviceError, VitaError
from vita_tui.events import EventBus, Muted, Paused

__all__ = ["Aloud"]


class Aloud:
    """On the assistant's loop."""

    def __init__(self, speaking: Speaking, reply: Callable[[], Speech | None], bus: EventBus) -> None:
        """
        Args:
            reply: what is said of the reply that runs; None when none does, or it is only shown.
        """
        self._speaking = speaking
        self._reply = reply
        self._bus = bus
        self._said: list[Speech] = []
        """What was to be said that is no reply, and is not over; the newest last."""

    @property
    def paused(self) -> bool:
        """Whether what is being said waits to be gone on with."""
        return any(speech.paused for speech in self._all())

    def pause(self) -> bool:
        """Fall silent in the middle of what is being said, to go on with it later; False when nothing is being said."""
        return self._steer(Speech.pause, paused=True)

    def unpause(self) -> bool:
        """Go on with the word at which it was paused; False when it was not."""
        return self._steer(Speech.resume, paused=False)

    def forward(self) -> bool:
        """Leave out the rest of the sentence that is being said; False when none is."""
        return self._steer(Speech.forward, paused=False)

    def back(self) -> bool:
        """Say the present sentence again, or the one before when this one has just begun; False when nothing is being said."""
        return self._steer(Speech.back, paused=False)

    def hush(self) -> None:
        """End what is being said that is no reply."""
        for speech in self._said:
            speech.cancel()

    @property
    def muted(self) -> bool:
        """Whether nothing is spoken for now, replies included; what is written is as it would be if it were spoken."""
        return self._speaking.muted

    def mute(self, on: bool) -> None:
        """Speak nothing from now on, or speak again from the next reply on."""
        if on != self._speaking.muted:
            self._speaking.muted = on
            for speech in self._all() if on else ():
                speech.cancel()
            self._bus.publish(Muted(on))

    async def say(self, text: str, language: str) -> bool:
        """Say `text` behind what is being said; returns when it is over, with whether all of it was heard. Cancelling ends it.

        Raises:
            VitaError: there is no voice or no speaker, or nothing to say.
        """
        return not (await self.speak(text, language))[1].strip()

    async def speak(self, text: str, language: str, *, turn: int = 0) -> tuple[str, str]:
        """As `say`, with what of `text` was heard and what was not.

        Args:
            turn: the reply that `text` is of, for who follows the voice in it; 0 for none.

        Raises:
            VitaError: as `say`.
        """
        if not self._speaking.usable:
            raise DeviceError("There is no voice or no speaker.", remedy="vita doctor")
        speech = self._speaking.say(text, language, turn=turn)
        self._said.append(speech)
        try:
            await asyncio.shield(asyncio.wrap_future(speech.finished))
        finally:
            speech.cancel()
            self._said.remove(speech)
        if speech.error is not None:
            raise speech.error
        if not speech.engines and not speech.cancelled.is_set():
            if not any(speech.heard()):
                raise VitaError("There is nothing to say in that text.")
            raise DeviceError("It was not heard: no speaker could be opened.", remedy="vita doctor")
        return speech.heard()

    def _all(self) -> list[Speech]:
        """What is being said, or will be, in order of what keys and commands are for."""
        both = (self._reply(), *self._said)
        return [speech for speech in both if speech is not None and not speech.finished.done()]

    def _steer(self, act: Callable[[Speech], bool], *, paused: bool) -> bool:
        if done := any(act(speech) for speech in self._all()):
            self._bus.publish(Paused(paused))
        return done

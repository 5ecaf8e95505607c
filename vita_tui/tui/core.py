"""What the screen needs of the assistant, and no more: the real one and the scripted one of the tests have this shape."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from vita_tui.events import EventBus, Job, Part, State

__all__ = ["Build", "Core", "Lacking", "Past", "Shelf", "Weights"]


class Past(Protocol):
    """A kept conversation, as far as the screen shows it."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def turns(self) -> Sequence[Any]:
        """`sessions.session.Turn`."""
        ...


class Shelf(Protocol):
    """Where conversations are kept: `sessions.manager.SessionManager`. Every method may raise `StoreError`."""

    async def list(self, limit: int = 50, offset: int = 0) -> Sequence[Any]:
        """`sessions.session.Summary`, the last used first."""
        ...

    async def search(self, words: str, limit: int = 50) -> Sequence[Any]:
        """`sessions.session.Hit`, the newest first."""
        ...

    def stats(self) -> Any:
        """`sessions.manager.SessionStats`."""
        ...


class Core(Protocol):
    """The assistant. All methods are called on the loop that the screen runs on."""

    bus: EventBus

    @property
    def state(self) -> State: ...

    speaking_aloud: bool
    """Whether replies are spoken; the screen sets it."""

    @property
    def settings(self) -> Any:
        """`settings.Settings`."""
        ...

    @property
    def session(self) -> Past | None: ...
    @property
    def sessions(self) -> Any:
        """A `Shelf`."""
        ...

    @property
    def chains(self) -> Mapping[Job, Any]:
        """`engines.chain.Chain` of each job."""
        ...

    async def start(self, *, resume: str | None = None) -> None: ...
    async def ask(self, text: str) -> None: ...
    async def fits(self, text: str) -> object | None:
        """What of a question the model would not see, in words by `str`; None when all of it fits."""
        ...

    def talk(self, *, kept: bool = False) -> None:
        """Start an utterance, or end the one that is being spoken; no pause ends one that is `kept`, before `let_go`."""
        ...

    def let_go(self) -> None: ...
    @property
    def hands_free(self) -> bool:
        """Whether the microphone listens without a key."""
        ...

    def set_hands_free(self, on: bool) -> None: ...
    def hold_open(self) -> None:
        """Do not take the present pause for the end of what is said."""
        ...

    def stop(self) -> None: ...
    async def change(self, key: str, value: Any) -> None:
        """Have a setting, such as "tts.rate", apply from now on."""
        ...

    async def new_session(self) -> None: ...
    async def resume(self, session_id: str) -> None: ...
    def wake(self, part: Part) -> None:
        """Weights that were missing are here: load the engines of `part` again."""
        ...

    async def aclose(self) -> None: ...


Build = Callable[[Mapping[str, Any]], Core]
"""Makes a core from the command line's overrides. Slow: it is called in a thread, after the first paint."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """A model that is not on this machine."""

    name: str
    job: Part
    size: int
    """Bytes; 0 when only its source knows."""


class Weights(Protocol):
    """What is missing of the models, and how to get it. Both methods block: they are called in threads."""

    def missing(self, settings: Any) -> list[Lacking]:
        """In the order in which they are fetched: the language model first, so that typing works early."""
        ...

    def pull(
        self, names: Sequence[str], on_progress: Callable[[Any], None], cancelled: threading.Event
    ) -> None:
        """Fetch them; `on_progress` gets `models.progress.Progress`.

        Raises:
            ModelError: why it did not work, and what to do.
            models.progress.Cancelled: `cancelled` was set.
        """
        ...

"""What the screen needs of the assistant, and no more: the real one and the scripted one of the tests have this shape."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from vita_tui.events import EngineStatus, EventBus, Job, Part, State

if TYPE_CHECKING:
    from vita_tui.models.progress import Progress
    from vita_tui.sessions.session import Hit, Session, SessionSummary
    from vita_tui.sessions.session_stats import SessionStats
    from vita_tui.settings import Settings

__all__ = ["Build", "Core", "Engines", "Lacking", "Shelf", "Steered", "Weights"]


class Shelf(Protocol):
    """Where conversations are kept: `sessions.manager.SessionManager`. Every method may raise `StoreError`."""

    async def list(
        self, limit: int = 50, offset: int = 0, *, archived: bool = False
    ) -> Sequence[SessionSummary]:
        """The last used first."""
        ...

    async def get(self, session_id: str) -> Session: ...
    async def rename(self, session_id: str, title: str) -> Session: ...
    async def archive(self, session_id: str, away: bool = True) -> Session: ...
    async def delete(self, session_id: str) -> bool: ...
    async def restore(self, session: Session) -> Session:
        """Bring back what was deleted."""
        ...

    async def search(self, words: str, limit: int = 50) -> Sequence[Hit]:
        """The newest first."""
        ...

    def stats(self) -> SessionStats: ...


class Engines(Protocol):
    """The engines of one job, in order: `engines.chain.Chain`."""

    def statuses(self) -> Sequence[EngineStatus]: ...
    def reset(self) -> None:
        """Try again at once what is disabled for a while."""
        ...


class Steered(Protocol):
    """What is being said. Each of the methods returns False when nothing is, or nothing waits."""

    @property
    def paused(self) -> bool:
        """Whether the voice waits at a word."""
        ...

    def pause(self) -> bool: ...
    def unpause(self) -> bool:
        """Go on with the word at which it was paused."""
        ...

    def forward(self) -> bool:
        """Go on with the next sentence."""
        ...

    def back(self) -> bool:
        """Say the sentence again, or the one before."""
        ...


class Core(Protocol):
    """The assistant. All methods are called on the loop that the screen runs on."""

    @property
    def bus(self) -> EventBus: ...

    @property
    def state(self) -> State: ...

    speaking_aloud: bool
    """Whether replies are spoken; the screen sets it."""

    muted: bool
    """Whether nothing is spoken for now, although replies are otherwise; the screen sets it."""

    @property
    def settings(self) -> Settings: ...

    @property
    def session(self) -> Session | None: ...
    @property
    def sessions(self) -> Shelf: ...

    @property
    def chains(self) -> Mapping[Job, Engines]: ...

    async def start(self, *, resume: str | None = None) -> None: ...
    async def ask(self, text: str) -> None: ...
    def allow_tool(self, call: str, decision: Literal["yes", "no", "always", "looking"]) -> bool:
        """The user's answer to `ToolAsked`; False when that is not what is asked now."""
        ...

    async def needs_no_model(self, text: str) -> bool:
        """Whether `text` is answered without the language model."""
        ...

    async def fits(self, text: str) -> object | None:
        """What of a question the model would not see, in words by `str`; None when all of it fits."""
        ...

    def talk(self, *, kept: bool = False) -> None:
        """Start an utterance, or end the one that is being spoken; no pause ends one that is `kept`, before `let_go`."""
        ...

    async def dictate(self, on_words: Callable[[str, str], None]) -> str:
        """The words of an utterance that begins now and is asked of nobody; `talk` ends it, `stop` drops it: then there are none."""
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

    @property
    def aloud(self) -> Steered: ...

    async def change(self, key: str, value: object) -> None:
        """Have a setting, such as "tts.rate", apply from now on."""
        ...

    async def change_all(self, values: Mapping[str, object]) -> None:
        """Have settings that belong together apply from now on: all of them, or none when one cannot have its value."""
        ...

    async def use_profile(self, name: str) -> None:
        """Use a profile from now on; an empty name is none."""
        ...

    @property
    def system_prompt(self) -> str:
        """What the model is told before the conversation."""
        ...

    async def set_system_prompt(self, prompt: str) -> None:
        """Give the conversation its own; an empty one is that of the settings."""
        ...

    async def sample(self, values: Mapping[str, object], language: str) -> None:
        """Say a sentence in the voice that is used with `values`, which are not changed."""
        ...

    async def say(self, text: str) -> bool:
        """Say `text` aloud; whether all of it was heard."""
        ...

    async def new_session(self) -> None: ...
    async def resume(self, session_id: str) -> None: ...
    async def branch(self, before: str) -> None:
        """Go on from before the turn with the id `before` in a conversation of its own; the present one is kept."""
        ...

    async def read(self, text: str = "") -> bool:
        """Read `text` aloud, or the last reply from where the voice stopped, or all of it; False when there is nothing to read."""
        ...

    async def rename(self, title: str) -> None:
        """Give the present conversation another title."""
        ...

    def wake(self, part: Part) -> None:
        """Weights that were missing are here: load the engines of `part` again."""
        ...

    async def aclose(self) -> None: ...


Build = Callable[[Mapping[str, object]], Core]
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

    def missing(self, settings: Settings) -> list[Lacking]:
        """In the order in which they are fetched: the language model first, so that typing works early."""
        ...

    def pull(
        self, names: Sequence[str], on_progress: Callable[[Progress], None], cancelled: threading.Event
    ) -> None:
        """Fetch them.

        Raises:
            ModelError: why it did not work, and what to do.
            models.progress.Cancelled: `cancelled` was set.
        """
        ...

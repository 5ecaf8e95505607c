"""Hold to talk: what presses and releases of the talk key mean, and what the status line says of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vita_tui.events import State
from vita_tui.tui.keyboard import Edge

if TYPE_CHECKING:
    from vita_tui.tui.requests import Requests

__all__ = ["TAP_SECONDS", "HeldKey"]

DEFAULT_KEY = "ctrl+space"
TAP_SECONDS = 0.3
"""A key that is down for less was tapped: the microphone stays open until a tap or a pause."""


class HeldKey:
    """Lives on the app's loop; `holds` and `keys` may be read from any thread."""

    def __init__(self, app: Requests) -> None:
        self._app = app
        self._capable = False
        """The terminal reports key releases."""
        self._mode = "auto"
        self._key = DEFAULT_KEY
        self.holds = False
        self.keys: frozenset[str] = frozenset({"ctrl+space", "ctrl+@"})
        """Names of the talk key."""
        self._pressed: float | None = None
        """When the key went down that opened the microphone and is still down."""

    def configure(self, key: str, mode: str) -> None:
        """Talk with `key` from now on, in the way `mode`: auto, hold or tap."""
        self._key, self._mode = key, mode
        names = [name.strip() for name in key.split(",") if name.strip()]
        if "ctrl+space" in names:
            names.append("ctrl+@")  # what terminals without the protocol send
        self.keys = frozenset(names)
        talk = {} if key == DEFAULT_KEY else {"talk": ",".join(names)}
        self._app.set_keymap({**self._app.own_keys, **talk})
        self._decide()

    def found(self, capable: bool) -> None:
        """The terminal has said whether it reports key releases."""
        self._capable = capable
        self._decide()

    def edge(self, edge: Edge, *, at: float | None = None) -> None:
        """The key went down or came up.

        Args:
            at: monotonic seconds; now when None.
        """
        at = time.monotonic() if at is None else at
        core = self._app.core
        listening = core is not None and core.state is State.LISTENING
        if edge == "press":
            opened = self._app.talk(kept=not listening)
            self._pressed = at if opened and not listening else None
        elif self._pressed is not None and core is not None:
            held, self._pressed = at - self._pressed, None
            if not listening:
                return
            if held < TAP_SECONDS:
                core.let_go()
            else:
                self._app.talk()

    def _decide(self) -> None:
        from vita_tui.tui.widgets.status import StatusLine

        self.holds = self._capable and self._mode != "tap"
        for status in self._app.main.query(StatusLine):
            key = self._key.split(",")[0]
            status.hint = f"hold {key} to talk" if self.holds else f"{key} talks"
        if self._mode == "hold" and not self._capable and self._app.core is not None:
            self._app.notify(
                "This terminal does not report key releases: press once to start, once more to end.",
                title="The talk key cannot be held",
                markup=False,
            )

"""Keys that the settings file gives to actions, in the place of those that they have."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from textual.binding import Binding
from textual.dom import DOMNode

from vita_tui.events import Notice
from vita_tui.tui.base_app import BaseApp

__all__ = ["OwnKeys", "names_of_keys"]

LISTED = 8
"""Names that a notice gives as examples."""


def names_of_keys(*kinds: type[Any]) -> Mapping[str, str]:
    """The names by which the settings know the keys of these widgets and screens, each with the keys that it has."""
    return {binding.id: binding.key for binding in _bindings(kinds) if binding.id is not None}


def _bindings(kinds: tuple[type[Any], ...]) -> Iterator[Binding]:
    for kind in kinds:
        for parent in reversed(inspect.getmro(kind)):
            yield from (one for one in vars(parent).get("BINDINGS", ()) if isinstance(one, Binding))


class OwnKeys(BaseApp):
    """The part of `VitaApp` that has keys changed, and says which of them are in each other's way."""

    _told_clashes: frozenset[str] = frozenset()
    """Keys of which it was told that they mean two things."""

    def use_keys(self, keys: Mapping[str, str]) -> None:
        """Have actions answer to other keys: name of the action, and one key or several with commas."""
        if not keys:
            return
        from vita_tui.tui.widgets.prompt import Prompt

        known = names_of_keys(type(self), type(self.main), Prompt)
        wrong = [name for name in keys if name not in known]
        if wrong:
            self._tell(
                f"ui.keys: there is no {', '.join(wrong)}.", f"There are {', '.join(list(known)[:LISTED])}, …"
            )
        wanted = {name: key for name, key in keys.items() if name in known}
        places: dict[str, list[str]] = {}
        for name, default in known.items():
            for key in wanted.get(name, default).split(","):
                places.setdefault(key.strip(), []).append(name)
        clashes = {key: names for key, names in places.items() if len(names) > 1 and set(names) & set(wanted)}
        for key, names in clashes.items():
            self._tell(
                f"{key} is the key of {' and of '.join(names)}.", "Give one of them another: [ui.keys]"
            )
        self.own_keys = wanted
        self.set_keymap(wanted)

    def handle_bindings_clash(self, clashed_bindings: set[Binding], node: DOMNode) -> None:
        keys = {binding.key for binding in clashed_bindings} - self._told_clashes
        if keys and self.core is not None and self.core.settings.ui.keys:
            self._told_clashes |= keys
            names = ", ".join(sorted(binding.id or binding.action for binding in clashed_bindings))
            self._tell(
                f"{', '.join(sorted(keys))} is the key of {names}.", "Give one of them another: [ui.keys]"
            )

    def _tell(self, words: str, remedy: str) -> None:
        self.main.show_notice(Notice("Keys", words, remedy, "warning", key=f"keys:{words}"))

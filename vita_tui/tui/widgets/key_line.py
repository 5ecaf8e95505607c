"""The keys at the bottom of the screen, as many as fit: one line, which is drawn and not laid out."""

from __future__ import annotations

from textual import events
from textual.binding import ActiveBinding
from textual.content import Content
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

__all__ = ["KeyLine"]

ROOMY = 80
"""Columns from which the key of the palette has its word."""


class KeyLine(Widget):
    """What `Screen.active_bindings` shows; a click on a key does what the key does, and the mouse over it tells what that is."""

    ALLOW_SELECT = False

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _screen: Screen[object]) -> None:
        self.refresh()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        tooltip = event.style.meta.get("tooltip")
        if tooltip != self.tooltip:
            self.tooltip = tooltip

    def render(self) -> Content:
        width = self.size.width
        keys = [active for active in self.screen.active_bindings.values() if active.enabled]
        keys.sort(key=lambda active: active.binding.action == "quit")  # to leave is the last thing one learns
        palette = Content("").join(
            self._key(one, words=width >= ROOMY)
            for one in keys
            if one.binding.action.endswith("command_palette")
        )
        palette += " "
        line, shown = Content(""), set()
        for one in keys:
            if not one.binding.show or one.binding.action in shown:
                continue
            shown.add(one.binding.action)
            part = self._key(one)
            if line.cell_length + part.cell_length + palette.cell_length > width:
                break
            line += part
        return Content.assemble(line, " " * (width - line.cell_length - palette.cell_length), palette)

    def _key(self, active: ActiveBinding, *, words: bool = True) -> Content:
        binding = active.binding
        part = Content.assemble(
            (f" {self.app.get_key_display(binding)}", "bold"), f" {binding.description}" if words else ""
        )
        does = {
            "@click": f"press({binding.key!r})",
            "tooltip": active.tooltip or binding.tooltip or binding.description,
        }
        return part.stylize(Style.from_meta(does))

    def action_press(self, key: str) -> None:
        self.app.simulate_key(key)

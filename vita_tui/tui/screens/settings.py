"""The settings: the common ones to change, all of them to read, each with where its value comes from."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any, Literal

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Select, Static, Switch, TabbedContent, TabPane

from vita_tui import paths
from vita_tui.errors import SettingsError, VitaError
from vita_tui.tui.look import MUTED
from vita_tui.tui.screens.base import Sheet
from vita_tui.tui.settings_file import change, read, source_of
from vita_tui.tui.text import clean
from vita_tui.tui.widgets.typing import Line

__all__ = ["SettingsScreen"]

COMMON = (
    "audio.speak",
    "tts.rate",
    "tts.volume",
    "ui.theme",
    "stt.language",
    "audio.input",
    "audio.output",
    "audio.earcons",
    "talk.hands_free",
    "llm.base_url",
    "llm.model",
)
AT_ONCE = {
    "audio.speak",
    "audio.input",
    "audio.output",
    "audio.earcons",
    "tts.rate",
    "tts.volume",
    "stt.language",
    "talk.hands_free",
    "ui.theme",
}
"""What needs no restart, of `COMMON`."""
SOURCES = {
    "flag": "from the command line",
    "environment": "from the environment",
    "file": "from your file",
    "default": "default",
}


class SettingsScreen(Sheet):
    HEADING = "Settings"

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[str, Any] = {}
        """Values that the widgets have been given, so that showing one is not taken for a change."""

    def content(self) -> ComposeResult:
        with TabbedContent():
            with TabPane("Common"), VerticalScroll():
                for key in COMMON:
                    yield self._row(key)
            with TabPane("All"), VerticalScroll():
                yield Static(self._all(), id="settings-all")
        yield Static(self._hint(), id="settings-note")

    def ways(self) -> str:
        return "changes are saved at once · esc closes"

    def on_mount(self) -> None:
        self.run_worker(self._list_devices())

    # ---- what is shown

    @property
    def _settings(self) -> Any:
        assert self.app.core is not None
        return self.app.core.settings

    def _value(self, key: str) -> Any:
        """As it may be shown: a password in an address is not."""
        from vita_tui.text.urls import without_secrets

        section, name = key.split(".")
        value = getattr(getattr(self._settings, section), name)
        return without_secrets(value) if name.endswith("_url") and isinstance(value, str) else value

    def _about(self, key: str) -> str:
        from vita_tui import settings

        return next((field.description or "" for name, field in settings.fields() if name == key), "")

    def _row(self, key: str) -> Widget:
        value = self._shown[key] = self.app.theme if key == "ui.theme" else self._value(key)
        later = "" if key in AT_ONCE else " Takes effect at the next start."
        about = Static(
            Content.assemble((key, "bold"), "\n", (self._about(key) + later, MUTED)), classes="about"
        )
        return Horizontal(about, self._editor(key, value), classes="setting")

    def _editor(self, key: str, value: Any) -> Widget:
        place = key.replace(".", "-")
        if isinstance(value, bool):
            return Switch(value, id=place, classes="value")
        if key == "ui.theme":
            themes = sorted(self.app.available_themes)
            return Select(
                [(name, name) for name in themes],
                value=self.app.theme,
                allow_blank=False,
                compact=True,
                id=place,
                classes="value",
            )
        if key in ("audio.input", "audio.output"):
            options = [("the system's default", "")] + ([(value, value)] if value else [])
            return Select(options, value=value, allow_blank=False, compact=True, id=place, classes="value")
        kind: Literal["number", "text"] = "number" if isinstance(value, float) else "text"
        return Line(str(value), type=kind, id=place, classes="value", valid_empty=True, compact=True)

    def _all(self) -> Content:
        return Content("\n\n").join(self._every())

    def _every(self) -> Iterator[Content]:
        from pydantic import SecretStr

        from vita_tui import settings

        content: dict[str, Any] = {}
        with contextlib.suppress(SettingsError):
            content = read()
        for key, field in settings.fields():
            value = self._value(key)
            if isinstance(value, SecretStr):
                value = "set" if value.get_secret_value() else "not set"
            elif isinstance(value, tuple):
                value = ", ".join(map(str, value))
            source = source_of(key, self.app.overrides, content)
            style = MUTED if source == "default" else "$text-accent"
            yield Content.assemble(
                (key, "bold"),
                " = ",
                clean(str(value)) or '""',
                (f"   {SOURCES[source]}", style),
                "\n",
                (field.description or "", MUTED),
            )

    def _hint(self) -> str:
        return f"Saved in {paths.config_file()}"

    async def _list_devices(self) -> None:
        from vita_tui.audio.devices import devices

        try:
            listed = await asyncio.to_thread(devices)
        except VitaError as error:
            self._say(str(error), failed=True)
            return
        for kind in ("input", "output"):
            select = self.query_one(f"#audio-{kind}", Select)
            current = self._value(f"audio.{kind}")
            names = {device.name for device in listed if device.kind == kind} | (
                {current} if current else set()
            )
            with select.prevent(Select.Changed):
                select.set_options([("the system's default", ""), *((name, name) for name in sorted(names))])
                select.value = current

    # ---- what is changed

    @on(Switch.Changed)
    def _switched(self, event: Switch.Changed) -> None:
        self._change(event.switch.id, event.value)

    @on(Select.Changed)
    def _selected(self, event: Select.Changed) -> None:
        self._change(event.select.id, event.value)

    @on(Input.Submitted)
    @on(Input.Blurred)
    def _entered(self, event: Input.Submitted | Input.Blurred) -> None:
        value: Any = event.value.strip()
        if event.input.type == "number":
            try:
                value = float(value)
            except ValueError:
                self._say(f"{value!r} is not a number.", failed=True)
                return
        self._change(event.input.id, value)

    def _change(self, place: str | None, value: Any) -> None:
        key = (place or "").replace("-", ".", 1)
        if key not in self._shown or self._shown[key] == value:
            return
        try:
            file = change(key, value)
        except SettingsError as error:
            self._say(f"✗ {error}", failed=True)
            return
        self._shown[key] = value
        self._apply(key, value)
        self._say(
            f"✓ {key} saved in {file}" + ("" if key in AT_ONCE else "; it takes effect at the next start")
        )
        self.query_one("#settings-all", Static).update(self._all())

    def _apply(self, key: str, value: Any) -> None:
        if key == "ui.theme":
            self.app.theme = value
        elif key in AT_ONCE:
            self.app.change(key, value)

    def _say(self, words: str, *, failed: bool = False) -> None:
        note = self.query_one("#settings-note", Static)
        note.set_class(failed, "failed")
        note.update(Content(clean(words)))

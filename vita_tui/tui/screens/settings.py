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
from vita_tui.settings.file import change, read, source_of
from vita_tui.tui.formatting import clean
from vita_tui.tui.look import MUTED
from vita_tui.tui.screens.base import Sheet
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

    def _now(self, key: str) -> Any:
        """What counts in this run."""
        core = self.app.core
        assert core is not None
        if key == "ui.theme":
            return self.app.theme
        if key == "audio.speak":  # f9 and ctrl+t change what counts, and not the settings
            return core.speaking_aloud
        if key == "talk.hands_free":
            return core.hands_free
        return _value(core.settings, key)

    def _saved(self, key: str) -> Any:
        """What the next start will take."""
        with contextlib.suppress(SettingsError):
            from vita_tui import settings

            return _value(settings.load(overrides=self.app.overrides), key)
        return self._now(key)

    def _current(self, key: str) -> Any:
        """What an editor shows."""
        from vita_tui import settings

        return self._now(key) if settings.at_once(key) else self._saved(key)

    def _about(self, key: str) -> Content:
        from vita_tui import settings

        words = next((field.description or "" for name, field in settings.fields() if name == key), "")
        parts: list[Content | str | tuple[str, str]] = [(key, "bold"), "\n", (words, MUTED)]
        if not settings.at_once(key):
            now, saved = self._now(key), self._saved(key)
            when = "Takes effect at the next start."
            if now != saved:
                when = f"Takes effect at the next start; now it is {clean(str(now)) or 'empty'}."
            parts.append((f" {when}", MUTED if now == saved else "$text-warning"))
        source = source_of(key, self.app.overrides, {})
        if source in ("flag", "environment"):
            parts.append((f" It comes {SOURCES[source]}, which goes before your file.", "$text-warning"))
        return Content.assemble(*parts)

    def _row(self, key: str) -> Widget:
        value = self._shown[key] = self._current(key)
        about = Static(self._about(key), classes="about", id=f"about-{key.replace('.', '-')}")
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
            value = self._current(key)
            if isinstance(value, SecretStr):
                value = self._now(key)
                value = "set" if value.get_secret_value() else "not set"
            elif isinstance(value, tuple | dict):
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
        return f"Settings are kept in {paths.config_file()}"

    async def _list_devices(self) -> None:
        from vita_tui.audio.devices import devices

        try:
            listed = await asyncio.to_thread(devices)
        except VitaError as error:
            self._say(str(error), failed=True)
            return
        for kind in ("input", "output"):
            if not self.query(f"#audio-{kind}"):  # the screen was closed meanwhile
                return
            select = self.query_one(f"#audio-{kind}", Select)
            current = self._now(f"audio.{kind}")
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
    def _entered(self, event: Input.Submitted) -> None:
        value: Any = event.value.strip()
        if event.input.type == "number":
            try:
                value = float(value)
            except ValueError:
                self._say(f"{value!r} is not a number.", failed=True)
                return
        self._change(event.input.id, value)

    @on(Input.Blurred)
    def _left(self, event: Input.Blurred) -> None:
        """What was half typed is not meant yet."""
        key = (event.input.id or "").replace("-", ".", 1)
        if key in self._shown and event.value.strip() != str(self._shown[key]):
            self._say(f"{key} is not saved: enter saves it.", failed=True)

    def _change(self, place: str | None, value: Any) -> None:
        from vita_tui import settings

        key = (place or "").replace("-", ".", 1)
        if key not in self._shown or (self._shown[key] == value and self._current(key) == value):
            return
        try:
            file = change(key, value)
        except SettingsError as error:
            self._say(f"✗ {error}", failed=True)
            return
        self._shown[key] = value
        at_once = settings.at_once(key)
        if key == "ui.theme":
            self.app.theme = value
        elif at_once:
            self.app.change(key, value)
        self._say(f"✓ {key} saved in {file}; it takes effect {'now' if at_once else 'at the next start'}")
        self.query_one(f"#about-{key.replace('.', '-')}", Static).update(self._about(key))
        self.query_one("#settings-all", Static).update(self._all())

    def _say(self, words: str, *, failed: bool = False) -> None:
        for note in self.query("#settings-note").results(Static):
            note.set_class(failed, "failed")
            note.update(Content(clean(words)))


def _value(settings: Any, key: str) -> Any:
    section, name = key.split(".")
    return getattr(getattr(settings, section), name)

"""One setting, typed: a line, or several for a long text; what is wrong with it is said before it is closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static, TextArea

from vita_tui.errors import SettingsError
from vita_tui.tui.formatting import clean
from vita_tui.tui.setting_rows import SettingRow
from vita_tui.tui.widgets.typing import Line

if TYPE_CHECKING:
    from vita_tui.tui.app import VitaApp

__all__ = ["SettingEditor"]


class SettingEditor(ModalScreen[None]):
    """Saves by the function that it is given, and closes when that was possible."""

    app: VitaApp

    CSS_PATH = "sheets.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="setting.close", tooltip="Change nothing"),
        Binding("ctrl+s", "save", "Save", id="setting.save", tooltip="Save what is typed"),
    ]

    def __init__(self, row: SettingRow, value: Any, save: Callable[[Any], Awaitable[None]]) -> None:
        super().__init__()
        self._row = row
        self._hides = row.hides(value)
        self._before = row.typed(value)
        self._save = save

    def compose(self) -> ComposeResult:
        row = self._row
        with Vertical(classes="menu setting-editor") as frame:
            frame.border_title = Content(row.name)
            frame.border_subtitle = f"{'ctrl+s' if row.long else 'enter'} saves · esc leaves it"
            yield Static(clean(row.about), markup=False)
            if row.long:
                yield TextArea(self._before, compact=True)
            else:
                hint = "not shown; type it anew to change it" if self._hides else row.range or row.empty
                yield Line(self._before, placeholder=hint, password=self._hides, compact=True)
            yield Static(f"From {row.range}." if row.range else "", id="setting-problem", markup=False)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_save()

    def action_save(self) -> None:
        self.run_worker(self._try(), exclusive=True)

    async def _try(self) -> None:
        typed = self.query_one(TextArea).text if self._row.long else self.query_one(Input).value
        if typed != self._before:
            try:
                await self._save(self._row.parse(typed))
            except SettingsError as error:
                problem = self.query_one("#setting-problem", Static)
                problem.add_class("failed")
                problem.update(clean(f"✗ {error.message}"))
                return
        self.action_close()

    def action_close(self) -> None:
        if self.app.screen is self:
            self.dismiss()

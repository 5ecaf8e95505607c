"""Every setting in words: what it is called, in which group it stands, how its value reads, and how one is typed."""

from __future__ import annotations

import operator
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr

from vita_tui import settings
from vita_tui.errors import SettingsError
from vita_tui.text.spoken_languages import name_of
from vita_tui.text.urls import without_secrets

__all__ = ["SettingRow", "setting_rows"]

ValueKind = Literal["switch", "choice", "number", "whole", "list", "text", "secret", "table"]
SAID = {"full_duplex": "talk into the reply", "half_duplex": "the microphone is off meanwhile"}
"""Choices whose name does not say enough."""
WITHIN = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}
LONG_SECONDS = 120
"""From which seconds are said in minutes or hours as well."""


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting."""

    key: str
    """ "section.name"."""
    group: str
    name: str
    about: str
    """What it is for."""
    kind: ValueKind
    default: Any
    unit: str = ""
    empty: str = ""
    """What an empty text, an empty list or 0 means."""
    scale: float = 1
    """A value is shown and typed multiplied by this."""
    long: bool = False
    """A text of several lines."""
    choices: tuple[str, ...] = ()
    whole_items: bool = False
    """The items of a list are whole numbers."""
    bounds: Mapping[str, float] = field(default_factory=dict)
    """Of the value: "ge", "gt", "le", "lt"."""

    # ---- as it reads

    @property
    def range(self) -> str:
        """Which numbers it may be, such as "0.5 to 3 ×"; empty where any may."""
        least, more, most, less = map(self._bound, WITHIN)
        if least and most:
            words = f"{least} to {most}"
        else:
            parts = [f"{least} or more" if least else "", f"more than {more}" if more else ""]
            parts += [f"{most} at most" if most else "", f"less than {less}" if less else ""]
            words = " and ".join(part for part in parts if part)
        return f"{words} {self.unit}".strip() if words else ""

    def _bound(self, kind: str) -> str:
        found = self.bounds.get(kind)
        return "" if found is None else _number(found * self.scale)

    def in_words(self, value: Any) -> str:
        """How `value` reads; what is secret of it is not in it."""
        if isinstance(value, SecretStr):
            return "set, and not shown" if value.get_secret_value() else "not set"
        match self.kind:
            case "switch":
                return "on" if value else "off"
            case "table":
                return ", ".join(map(str, value)) or "none"
            case "number" | "whole" if value == 0 and self.empty:
                return f"0 ({self.empty})"
            case "number" | "whole" | "list" if value not in ("", (), []):
                items = value if isinstance(value, list | tuple) else [value * self.scale]
                figures = ", ".join(item if isinstance(item, str) else _number(item) for item in items)
                return f"{figures} {self.unit}".strip() + _longer(items[0], self.unit)
            case "choice" if value:
                return SAID.get(value, str(value).replace("_", " "))
            case _ if not value:
                return self.empty or "empty"
        if self.key == "stt.language":
            return "detected" if value == "auto" else f"{name_of(value)} ({value})"
        return " ".join(without_secrets(value).split()) if "://" in value else " ".join(value.split())

    def hides(self, value: Any) -> bool:
        """Whether something of `value` is not for other eyes."""
        return self.kind == "secret" or (
            isinstance(value, str) and "://" in value and without_secrets(value) != value
        )

    def typed(self, value: Any) -> str:
        """`value` as it is typed; nothing of what is secret."""
        if self.hides(value):
            return ""
        match self.kind:
            case "number" | "whole":
                return _number(value * self.scale)
            case "list":
                return ", ".join(map(str, value))
            case _:
                return str(value)

    # ---- as it is typed

    def parse(self, text: str) -> Any:
        """The value that `text` stands for, fit for the settings file.

        Raises:
            SettingsError: it stands for none.
        """
        text = text if self.long else text.strip()
        match self.kind:
            case "number" | "whole":
                return self._parse_number(text)
            case "list":
                items = [
                    item.strip() for item in text.removesuffix(self.unit or " ").split(",") if item.strip()
                ]
                if not self.whole_items:
                    return items
                wrong = [item for item in items if not re.fullmatch(r"\d+", item, re.ASCII)]
                if wrong:
                    raise SettingsError(f"{self.name}: {wrong[0]!r} is not a whole number.")
                return [int(item) for item in items]
            case _:
                return text

    def _parse_number(self, text: str) -> float | int:
        plain = text.casefold().removesuffix(self.unit.casefold()).strip()
        whole = self.kind == "whole"
        if whole and re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", plain, re.ASCII):
            plain = plain.replace(",", "")
        pattern = r"[+-]?\d+" if whole else r"[+-]?(\d+([.,]\d*)?|[.,]\d+)"
        number = float(plain.replace(",", ".")) if re.fullmatch(pattern, plain, re.ASCII) else None
        value = None if number is None else number / self.scale
        if value is None or not all(WITHIN[kind](value, bound) for kind, bound in self.bounds.items()):
            wanted = "a whole number" if whole else "a number"
            said = repr(text) if number is None else _number(number)
            limits = f", {self.range}" if self.range else ""
            raise SettingsError(f"{self.name} takes {wanted}{limits}, not {said}.")
        return int(value) if whole else round(value, 10)

    def matches(self, words: str) -> bool:
        """Whether all of `words` stand in what it is called or what it is for."""
        text = f"{self.key} {self.name} {self.group} {self.about} {self.unit}".casefold()
        return all(word in text for word in words.casefold().split())


@lru_cache(maxsize=1)
def setting_rows() -> tuple[SettingRow, ...]:
    """All settings, group by group."""
    fields = dict(settings.fields())
    text = (files("vita_tui.tui") / "setting_rows.toml").read_text(encoding="utf-8")
    return tuple(
        _row(group["name"], row, fields[row["key"]])
        for group in tomllib.loads(text)["group"]
        for row in group["rows"]
    )


def _row(group: str, told: Mapping[str, Any], declared: Any) -> SettingRow:
    annotation = declared.annotation
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    return SettingRow(
        group=group,
        about=" ".join((declared.description or "").split()),
        kind=_kind(annotation),
        default=declared.get_default(call_default_factory=True),
        choices=choices,
        whole_items=get_args(annotation)[:1] == (int,),
        bounds={
            kind: getattr(mark, kind) for mark in declared.metadata for kind in WITHIN if hasattr(mark, kind)
        },
        **told,
    )


def _kind(annotation: Any) -> ValueKind:
    if get_origin(annotation) is Literal:
        return "choice"
    plain: dict[Any, ValueKind] = {
        bool: "switch",
        int: "whole",
        float: "number",
        str: "text",
        SecretStr: "secret",
    }
    return plain.get(annotation) or ("list" if get_origin(annotation) is tuple else "table")


def _number(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))


def _longer(value: Any, unit: str) -> str:
    """Seconds that are many, in minutes or hours."""
    if unit != "s" or not isinstance(value, int | float) or value < LONG_SECONDS:
        return ""
    return (
        f" ({_number(round(value / 3600, 2))} h)"
        if value >= 3600
        else f" ({_number(round(value / 60, 1))} min)"
    )

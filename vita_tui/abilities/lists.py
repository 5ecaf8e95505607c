"""Lists and notes: Markdown files that the user owns, one a list, and one for the notes.

An item is a line "- [ ] milk"; what else stands in a file is left as it is.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from pathlib import Path

from vita_tui import paths
from vita_tui.abilities.base import Answer, Context, Deed, Failure, Match
from vita_tui.abilities.numbers import fold
from vita_tui.abilities.phrases import data
from vita_tui.atomic_files import write_whole

__all__ = ["Lists"]

READ_OUT = 12
"""Items of a list, or notes, that are read out."""
_DICTATED = re.compile(r"[^:,;.–-]{1,30}[:,;.–-] ?\w")
"""A word or two that announce a note, and a pause."""
_ITEM = re.compile(r"^\s*[-*] (?:\[( |x|X)\] )?(.*\S)\s*$")


class Lists:
    """Keeps lists and notes in `folder`."""

    intents: Sequence[str] = (
        "AddToList", "RemoveFromList", "ReadList", "ClearList", "GetLists", "AddNote", "ReadNotes",
    )  # fmt: skip

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._folder or paths.data_dir() / "notes"

    def answer(self, match: Match, context: Context) -> Answer | Deed | None:
        name = self._name(match)
        item = str(match.slots.get("item") or "").strip(" .,")
        match match.intent:
            case "AddToList":
                items = _several(item, match.language)
                return (lambda: self._add(name, items, match.language)) if items else None
            case "RemoveFromList":
                return (lambda: self._remove(name, item)) if item else None
            case "ClearList":
                return lambda: self._clear(name)
            case "ReadList":
                items = self._open(name)
                values = {"items": items[:READ_OUT], "count": len(items), "list": name}
                if not items:
                    return Answer("list_empty", values)
                return Answer("list" if len(items) <= READ_OUT else "list_long", values)
            case "GetLists":
                names = sorted(
                    file.stem for file in self.folder.glob("*.md") if not file.stem.startswith(".")
                )
                return Answer("lists" if names else "no_lists", {"names": names})
            case "AddNote":
                if "dictated" in match.slots and not _DICTATED.match(match.text):
                    return None
                note = str(match.slots.get("what") or match.slots.get("dictated")).strip(" :,")
                return (lambda: self._note(note, match.language, context)) if note else None
            case _:
                notes = self._open(data(match.language)["numbers"]["notes"])[-READ_OUT:]
                return Answer("notes" if notes else "no_notes", {"notes": ". ".join(reversed(notes))})

    def _name(self, match: Match) -> str:
        words = data(match.language)["numbers"]
        name = str(match.slots.get("list_name") or words["shopping"]).lower()
        return re.sub(r"[^\w -]", "", name).strip()[:60] or str(words["shopping"])

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.md"

    def _lines(self, name: str) -> list[str]:
        try:
            return self._file(name).read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise Failure("not_read", list=name, why=error.strerror or str(error)) from None

    def _write(self, name: str, lines: Sequence[str]) -> None:
        try:
            paths.ensure_private_dir(self.folder)
            write_whole(self._file(name), "\n".join(lines) + "\n", keep_mode=True)
        except OSError as error:
            raise Failure("not_written", list=name, why=error.strerror or str(error)) from None

    def _open(self, name: str) -> list[str]:
        """What is on a list and not ticked."""
        found = (_ITEM.match(line) for line in self._lines(name))
        return [item[2] for item in found if item and (item[1] or " ") == " "]

    def _add(self, name: str, items: Sequence[str], language: str) -> Answer:
        with self._lock:
            lines = self._lines(name) or [f"# {name[:1].upper()}{name[1:]}", ""]
            there = {fold(one) for one in self._open(name)}
            new = [item for item in items if fold(item) not in there]
            if not new:
                return Answer("already_on_list", {"item": ", ".join(items), "list": name})
            self._write(name, [*lines, *(f"- [ ] {item}" for item in new)])
        return Answer("added", {"item": ", ".join(new), "list": name})

    def _remove(self, name: str, item: str) -> Answer:
        with self._lock:
            lines = self._lines(name)
            kept = [
                line for line in lines if not ((found := _ITEM.match(line)) and fold(found[2]) == fold(item))
            ]
            if len(kept) == len(lines):
                raise Failure("not_on_list", item=item, list=name)
            self._write(name, kept)
        return Answer("removed", {"item": item, "list": name})

    def _clear(self, name: str) -> Answer:
        with self._lock:
            lines = self._lines(name)
            count = len(self._open(name))
            if count:
                self._write(name, [line for line in lines if not _ITEM.match(line)])
        return Answer("cleared" if count else "list_empty", {"list": name, "count": count})

    def _note(self, note: str, language: str, context: Context) -> Answer:
        name = str(data(language)["numbers"]["notes"])
        with self._lock:
            lines = self._lines(name) or [f"# {name[:1].upper()}{name[1:]}", ""]
            self._write(name, [*lines, f"- {context.now():%Y-%m-%d %H:%M}: {note}"])
        return Answer("noted", {"note": note})


def _several(item: str, language: str) -> list[str]:
    """The things of "bread, butter and eggs"; "macaroni and cheese" is one, for there is no comma."""
    if "," not in item:
        return [item] if item else []
    joint = re.escape(str(data(language)["words"]["and"]))
    parts = re.split(rf"\s*,\s*(?:{joint}\s+)?|\s+{joint}\s+", item)
    return [part.strip(" .") for part in parts if part.strip(" .")]

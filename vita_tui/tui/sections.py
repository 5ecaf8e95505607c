"""Cuts Markdown, while it is written, into sections that can be rendered alone: so a reply of any length is Markdown to its end."""

from __future__ import annotations

import re

__all__ = ["SECTION", "SectionCutter"]

SECTION = 3_000
"""Characters from which a section ends where a paragraph begins. At twice as many it ends at any blank line, at three times between two
lines, of code and of tables too, and at four times between two words.
"""
STEP = 500
"""Characters of one line that are looked at together."""

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`\n]*)\n?$")
_DELIMITER = re.compile(r" {0,3}\|?[ :|-]*-[ :|-]*\|[ :|-]*$|\s{0,3}\|[ :-]*-[ :-]*\|?$")
_CONTINUES = frozenset(" \t-*+>|0123456789\n")
"""With what a line begins that may belong to the block before it."""


class SectionCutter:
    """Takes the source as it comes. What is returned, put together, is the source, but for what a section repeats to be whole: the
    beginning of a code block, or the head of a table.
    """

    def __init__(self) -> None:
        self._line = ""
        """The line that is being written."""
        self._before = ""
        """The whole line before it."""
        self._size = 0
        self._fence = ""
        """The line that opened the code block, or empty."""
        self._table = ""
        """Head and delimiter of the table, or empty."""

    def feed(self, piece: str) -> list[tuple[str, str]]:
        """What `piece` adds: the first pair to the present section, every other one begins a section.

        Returns:
            Pairs of what is repeated from before, and what is new.
        """
        parts = [("", "")]
        for line in _LINE.findall(piece):
            for start in range(0, len(line), STEP):
                self._take(line[start : start + STEP], parts)
        return parts

    def _take(self, text: str, parts: list[tuple[str, str]]) -> None:
        if not self._line and self._ends_before(text[0]):
            self._begin(parts, self._fence or self._table)
        elif self._line and self._size > 4 * SECTION and not self._fence and not self._table:
            head, blank, text = text.partition(" ")
            if blank or self._size > 5 * SECTION:
                self._append(parts, head + blank)
                self._begin(parts, "")
                self._line = " "
            else:
                text = head
        if text:
            self._append(parts, text)

    def _begin(self, parts: list[tuple[str, str]], repeated: str) -> None:
        parts.append((repeated, ""))
        self._size = 0

    def _append(self, parts: list[tuple[str, str]], text: str) -> None:
        repeated, before = parts[-1]
        parts[-1] = (repeated, before + text)
        self._size += len(text)
        self._line += text
        if self._line.endswith("\n"):
            self._end_line()

    def _ends_before(self, first: str) -> bool:
        """Whether the section ends before a line that begins with `first`."""
        inside = bool(self._fence or self._table)
        blank = not self._before.strip()
        if self._size <= SECTION or first == "\n":
            return False
        if not inside and blank and first not in _CONTINUES:
            return True
        if not inside and blank and first not in " \t" and self._size > 2 * SECTION:
            return True
        return self._size > 3 * SECTION

    def _end_line(self) -> None:
        line, self._line = self._line, ""
        if opened := _FENCE.match(self._fence):
            mark, closing = opened[1], line.strip()
            if closing.startswith(mark) and not closing.strip(mark[0]):
                self._fence = ""
        elif _FENCE.match(line):
            self._fence, self._table = line, ""
        elif self._table:
            if not line.strip():
                self._table = ""
        elif "|" in self._before and _DELIMITER.match(line.rstrip("\n")):
            self._table = self._before + line
        self._before = line

"""Long pasted texts, which stand in the prompt as a few words in brackets and are sent whole."""

from __future__ import annotations

import re

from vita_tui.text.attachments import Attachment, attach, detach
from vita_tui.tui.formatting import count

__all__ = ["LEAST_CHARACTERS", "LEAST_LINES", "PastedTexts"]

LEAST_LINES, LEAST_CHARACTERS = 8, 1000
"""From which on a text is folded."""


class PastedTexts:
    """What the marks in a prompt stand for."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        """By mark."""

    def fold(self, text: str) -> str:
        """What stands for `text` in the prompt: itself when it is short."""
        lines = len(text.splitlines())
        if lines < LEAST_LINES and len(text) < LEAST_CHARACTERS:
            return text
        what = count(lines, "line") if lines >= LEAST_LINES else count(len(text), "character")
        number, mark = 1, f"[pasted {what}]"
        while self._texts.get(mark, text) != text:
            number += 1
            mark = f"[pasted {what}, {number}]"
        self._texts[mark] = text
        return mark

    def in_text(self, prompt: str) -> list[Attachment]:
        """The texts that `prompt` has marks of, in their order there."""
        found = sorted((prompt.find(mark), mark) for mark in self._texts if mark in prompt)
        return [Attachment(mark[1:-1], self._texts[mark]) for _, mark in found]

    def mark_before(self, text: str) -> str:
        """The mark that `text` ends with; empty when there is none."""
        return next((mark for mark in self._texts if text.endswith(mark)), "")

    def unfold(self, prompt: str, place: int) -> tuple[int, int, str] | None:
        """The mark at the character `place`, or else the last one: where it begins and ends, and what it stands for."""
        marks = [(prompt.find(mark), mark) for mark in self._texts if mark in prompt]
        if not marks:
            return None
        at = next((one for one in marks if one[0] <= place <= one[0] + len(one[1])), max(marks))
        return at[0], at[0] + len(at[1]), self._texts[at[1]]

    def unfolded(self, prompt: str) -> str:
        """`prompt` with the texts in the place of their marks."""
        marks = "|".join(map(re.escape, sorted(self._texts, key=len, reverse=True)))
        return re.sub(marks, lambda mark: self._texts[mark[0]], prompt) if marks else prompt

    def take_apart(self, whole: str) -> str:
        """The prompt that was sent as `whole`, with its marks known again; files that it names are read anew."""
        attachments, question = detach(whole)
        unknown = []
        for one in attachments:
            if f"[{one.name}]" in question:
                self._texts[f"[{one.name}]"] = one.text
            elif f"@{one.name.rpartition(',')[0]}" not in question.replace('"', ""):
                unknown.append(one)
        return attach(question, unknown)

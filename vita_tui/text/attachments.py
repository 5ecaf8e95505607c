"""Texts that are sent along with a question: each in a block of its own before it, with its name in brackets above."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Attachment", "attach", "detach"]

_BLOCK = re.compile(r"\[([^\]\n]{1,300})\]\n(`{3,})\n(.*?)\n?\2(?:\n\n|\n?\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    """On one line and without a closing bracket, such as "notes.md, 180 lines"."""
    text: str


def attach(question: str, attachments: Iterable[Attachment]) -> str:
    """The whole that is asked: the question stands last, where it is kept when not all fits."""
    blocks = []
    for one in attachments:
        ticks = max((len(run) for run in re.findall(r"`+", one.text)), default=0)
        fence = "`" * max(3, ticks + 1)
        name = " ".join(one.name.replace("]", ")").split())[:300]
        blocks.append(f"[{name}]\n{fence}\n{one.text.rstrip()}\n{fence}")
    return "\n\n".join([*blocks, question]).strip() if blocks else question


def detach(text: str) -> tuple[list[Attachment], str]:
    """What was sent along, and the question."""
    found, place = [], 0
    while block := _BLOCK.match(text, place):
        found.append(Attachment(block[1], block[3]))
        place = block.end()
    return found, text[place:]

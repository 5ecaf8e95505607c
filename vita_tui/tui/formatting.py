"""Numbers and other people's words, made fit for a narrow screen."""

from __future__ import annotations

from vita_tui.text.clean import clean, clean_line

__all__ = ["ago", "clean", "count", "duration", "milliseconds", "one_line", "size"]


def one_line(text: str, width: int) -> str:
    """The start of `text` on one line of at most `width` characters."""
    line = " ".join(clean_line(text[: width * 8]).split())
    return line if len(line) <= width else line[: max(0, width - 1)].rstrip() + "…"


def size(amount: float) -> str:
    """Bytes, such as "312 MB": decimal units, as downloads are advertised."""
    for unit in ("B", "kB", "MB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def milliseconds(amount: float | None) -> str:
    """Such as "83 ms" or "1.24 s"; a dash when there is none."""
    if amount is None:
        return "–"
    return f"{amount:.0f} ms" if amount < 999.5 else f"{amount / 1000:.2f} s"


def duration(seconds: float) -> str:
    """Such as "42 s", "7 min" or "3 h 20 min"."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


def ago(seconds: float) -> str:
    """How long something is past."""
    return "just now" if seconds < 45 else f"{duration(seconds)} ago"


def count(number: int, one: str, many: str = "") -> str:
    """Such as "1 turn" or "12,400 turns"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"

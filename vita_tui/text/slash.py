"""Commands that are typed among questions: a slash, a name, and words."""

from __future__ import annotations

__all__ = ["parse"]


def parse(text: str) -> tuple[str, str] | None:
    """The name and the words of a command; None when `text` is none: it has no slash, two of them, or is a path."""
    if not text.startswith("/") or "\n" in text.strip():
        return None
    name, _, words = text[1:].partition(" ")
    return None if "/" in name else (name.lower(), words.strip())

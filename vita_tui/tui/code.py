"""Code blocks in a reply."""

from __future__ import annotations

__all__ = ["last_code"]


def last_code(markdown: str) -> str:
    """What is in the last code block of `markdown`; empty when there is none."""
    from markdown_it import MarkdownIt

    blocks = [
        token.content
        for token in MarkdownIt("commonmark").parse(markdown)
        if token.type in {"fence", "code_block"}
    ]
    return blocks[-1] if blocks else ""

"""What others wrote, made fit to be shown: no escape sequences, no control characters, nothing that hides or turns text around.

What reaches a terminal was written by models, servers, devices, file systems and other programs. The one set of tables here is what
the screen, the commands and the stream of a reply go by.
"""

from __future__ import annotations

import os
import re

__all__ = ["CONTROLS", "ESCAPES", "UNFINISHED_ESCAPE", "clean", "clean_line", "clean_name", "whole"]

ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]{0,4096}(?:\x07|\x1b\\|\x9c)"  # OSC, DCS, SOS, PM, APC
    r"|\x1b(?:[ -/]+[0-~]|[0-OQ-WYZ\\`-~])"  # two- and three-character escapes; not the start of one of those above
)
"""Whole escape sequences, in their forms of seven and of eight bits."""
UNFINISHED_ESCAPE = re.compile(
    r"(?:\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\x9c\n]*\x1b?|[ -/]*)?|\x9b[0-?]*[ -/]*|[\x90\x98\x9d-\x9f][^\x07\x1b\x9c\n]*\x1b?)\Z"
)
"""What may become an escape sequence when more text comes; always matches, perhaps nothing."""
CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
"""Control characters but for newline and tab; bidirectional marks; what cannot be seen. Joiners stay: emoji and many scripts need them."""
_BREAKS = re.compile("\r\n|[\x0b\x0c\x85\u2028\u2029]")
_SEPARATORS = re.compile("[\n\t\x0b\x0c\r\x85\u2028\u2029]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_ESCAPED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def clean(text: str) -> str:
    """`text` without escape sequences and control characters other than newline and tab, as characters that can be encoded."""
    return CONTROLS.sub("", ESCAPES.sub("", _BREAKS.sub("\n", whole(text))))


def clean_line(text: str) -> str:
    """`clean` on one line: line ends and tabs become blanks, so that nothing can pass for a line from VITA."""
    return clean(_SEPARATORS.sub(" ", ESCAPES.sub("", text.strip("\r\n"))))


def clean_name(name: str | os.PathLike[str]) -> str:
    r"""The name of a file, on one line: bytes that are no text as `\xe9`, control characters as `\n` or `\x1b`."""
    readable = os.fsencode(name).decode("utf-8", "backslashreplace")
    return CONTROLS.sub(_escaped, _SEPARATORS.sub(lambda run: "".join(map(_escape, run[0])), readable))


def whole(text: str) -> str:
    """`text` with the halves of a character (as UTF-16 has them) put together, and those that stay alone made visible as "\ufffd"."""
    if not _SURROGATES.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _escaped(found: re.Match[str]) -> str:
    return _escape(found[0])


def _escape(char: str) -> str:
    code = ord(char)
    return _ESCAPED.get(char) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")

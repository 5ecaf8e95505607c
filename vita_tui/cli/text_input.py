"""Text that a command is given: as an argument, or on standard input where that is `-`, in whatever encoding."""

from __future__ import annotations

import codecs
import os

import typer

from vita_tui.cli import streams
from vita_tui.cli.output import say
from vita_tui.text.clean import clean

__all__ = ["decode", "text_argument"]

MAX_INPUT_BYTES = 16_000_000
"""Of standard input; a model reads a thousandth of it."""
NO_TEXT = 0.3
"""Share of characters that are none from which on something is no text; in a short text one is enough to be told of."""
LONG_ENOUGH = 64
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as that of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def text_argument(argument: str, *, empty: str) -> str:
    """The text of `argument`, or of standard input where that is "-", without control characters; what was odd about it is told.

    Args:
        empty: what to say when there is no text, such as "there is no question".

    Raises:
        typer.BadParameter: there is no text, or it is none.
    """
    if argument == "-":
        name = "standard input"
        data = streams.binary_input().read(MAX_INPUT_BYTES + 1) if not streams.input_closed() else b""
        if len(data) > MAX_INPUT_BYTES:
            raise typer.BadParameter(
                f"standard input is longer than {MAX_INPUT_BYTES // 1_000_000} MB", param_hint="TEXT"
            )
    else:
        name, data = "TEXT", os.fsencode(argument)
    text, note = decode(data)
    if text is None:
        raise typer.BadParameter(f"{name} is not text", param_hint="TEXT")
    if note:
        say(f"{name[0].upper()}{name[1:]} {note}")
    text = clean(text).strip()
    if not text.strip("\ufffd \n\t"):
        raise typer.BadParameter(
            "standard input is closed" if argument == "-" and streams.input_closed() else empty,
            param_hint="TEXT",
        )
    return text


def decode(data: bytes) -> tuple[str | None, str]:
    """The text of `data`, None when it is none, and what is to be said about it ("is not UTF-8: …"), empty when nothing is."""
    mark, encoding = next(((mark, name) for mark, name in _BOMS if data.startswith(mark)), (b"", ""))
    encoding = encoding or _without_mark(data)
    text = data[len(mark) :].decode(encoding, "replace")
    nuls = text.count("\0")
    text = text.replace("\0", "")
    bad = text.count("\ufffd") - data.count("\ufffd".encode()) * (encoding == "utf-8")
    controls = sum(char < " " and char not in "\t\n\r\f\v\x1b\b" for char in text)
    if len(text) >= LONG_ENOUGH and bad + controls > NO_TEXT * len(text):
        return None, ""
    notes = []
    if encoding != "utf-8":
        notes.append(f"was read as {encoding[:6].upper()}.")
    if bad:
        many = f"{bad} characters are" if bad > 1 else "one character is"
        notes.append(
            f"is not {encoding[:6].upper().rstrip('-')}: {many} shown as \ufffd. Convert it first, for example: iconv -f LATIN1 -t UTF-8"
        )
    if nuls:
        notes.append("holds NUL characters, which were left out.")
    return text, " It ".join(notes)


def _without_mark(data: bytes) -> str:
    """UTF-16 where every other byte is zero, as in text of Western languages; else UTF-8."""
    beginning = data[:4096]
    half = len(beginning) // 2
    if half >= 2 and not len(data) % 2:
        even, odd = beginning[0::2].count(0), beginning[1::2].count(0)
        if odd > 0.6 * half and even < 0.1 * half:
            return "utf-16-le"
        if even > 0.6 * half and odd < 0.1 * half:
            return "utf-16-be"
    return "utf-8"

"""Internet addresses, file paths and pieces of code as they are read aloud: names with their separators as words.

What comes back may still hold digits and abbreviations: it is read once more as plain text.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

__all__ = ["code", "email", "path", "url"]

LONGEST_PATH = 40
"""Characters of an address after its host that are still worth hearing."""
LONGEST_CODE = 80
CODE_WORDS = {
    "_": " ",
    ".": " dot ",
    "/": " slash ",
    "\\": " backslash ",
    "-": " dash ",
    "=": " equals ",
    "+": " plus ",
    "*": " star ",
    "@": " at ",
    "#": " hash ",
    "$": " dollar ",
    "%": " percent ",
    "&": " and ",
    "|": " pipe ",
    "~": " tilde ",
    ">": " greater than ",
    "<": " less than ",
    ":": " colon ",
}
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def url(text: str) -> str:
    """https://www.example.com/docs?x=1 → example dot com slash docs."""
    rest = re.sub(r"^(?:[a-zA-Z][\w+.-]*://|mailto:)?(?:www\.)?(?:[^/@\s]*@(?=[^/]))?", "", text)
    host, _, tail = rest.partition("/")
    host, _, port = host.partition(":")
    host = re.split(r"[?#]", host)[0]
    said = _dots(host)
    if port.isdigit():
        said += f" port {port}"
    tail = unquote(re.split(r"[?#]", tail)[0]).strip("/")
    if tail and len(tail) <= LONGEST_PATH and re.fullmatch(r"[\w./~-]+", tail):
        said += " slash " + path(tail).strip()
    return said


def email(text: str) -> str:
    """ann.lee@example.com → ann dot lee at example dot com."""
    name, _, host = text.rpartition("@")
    return f"{_dots(name)} at {_dots(host)}"


def path(text: str) -> str:
    """~/notes/to_do.md → tilde slash notes slash to do dot md."""
    said = text.replace("\\", " backslash ").replace("/", " slash ").replace("~", " tilde ")
    said = re.sub(r"(?<=[A-Za-z]):", " colon ", said)
    return " ".join(_dots(said).split())


def code(text: str) -> str:
    """What stands in backquotes: list_of_files → list of files, git commit --amend → git commit dash dash amend."""
    text = text.strip()
    if len(text) > LONGEST_CODE:
        return "some code"
    text = CAMEL.sub(" ", re.sub(r"\(\s*\)", "", text))
    # A hyphen inside a word is not said; one before an option is.
    text = re.sub(r"(?<=\w)-(?=\w)", " ", text)
    text = re.sub(r"(?<=\d)\.(?=\d)", "\0", text)
    text = "".join(CODE_WORDS.get(letter, letter) for letter in text).replace("\0", ".")
    return " ".join(re.sub(r"[^\w\s.,']", " ", text).split())


def _dots(text: str) -> str:
    text = re.sub(r"(?<=\w)[_-](?=\w)", " ", text)
    text = re.sub(r"[.](?=\w)", " dot ", text)
    return " ".join(re.sub(r"[^\w\s']", " ", text).replace("_", " ").split())

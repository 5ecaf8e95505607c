"""Internet addresses, file paths and pieces of code as they are read aloud: names with their separators as words.

`words` is `Vocabulary.code`. What comes back may still hold digits and abbreviations: it is read once more as plain text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

__all__ = ["code", "email", "path", "url"]

LONGEST_PATH = 40
"""Characters of an address after its host that are still worth hearing."""
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
Words = Mapping[str, str]


def url(text: str, words: Words) -> str:
    """https://www.example.com/docs?x=1 → example dot com slash docs."""
    rest = re.sub(r"^(?:[a-zA-Z][\w+.-]*://|mailto:)?(?:www\.)?(?:[^/@\s]*@(?=[^/]))?", "", text)
    host, _, tail = rest.partition("/")
    host, _, port = host.partition(":")
    host = re.split(r"[?#]", host)[0]
    said = _dots(host, words)
    if port.isdigit():
        said += f" port {port}"
    tail = unquote(re.split(r"[?#]", tail)[0]).strip("/")
    if tail and len(tail) <= LONGEST_PATH and re.fullmatch(r"[\w./~-]+", tail):
        said += words["/"] + path(tail, words).strip()
    return said


def email(text: str, words: Words) -> str:
    """ann.lee@example.com → ann dot lee at example dot com."""
    name, _, host = text.rpartition("@")
    return f"{_dots(name, words)}{words['@']}{_dots(host, words)}"


def path(text: str, words: Words) -> str:
    """~/notes/to_do.md → tilde slash notes slash to do dot md."""
    for sign in "\\/~":
        text = text.replace(sign, words[sign])
    said = re.sub(r"(?<=[A-Za-z]):", words[":"], text)
    return " ".join(_dots(said, words).split())


def code(text: str, words: Words) -> str:
    """What stands in backquotes: list_of_files → list of files, git commit --amend → git commit dash dash amend."""
    text = CAMEL.sub(" ", re.sub(r"\(\s*\)", "", text.strip()))
    # A hyphen inside a word is not said; one before an option is.
    text = re.sub(r"(?<=\w)-(?=\w)", " ", text)
    text = re.sub(r"(?<=\d)\.(?=\d)", "\0", text)
    text = "".join(words.get(letter, letter) for letter in text).replace("\0", ".")
    return " ".join(re.sub(r"[^\w\s.,']", " ", text).split())


def _dots(text: str, words: Words) -> str:
    text = re.sub(r"(?<=\w)[_-](?=\w)", " ", text)
    text = re.sub(r"[.](?=\w)", words["."], text)
    return " ".join(re.sub(r"[^\w\s']", " ", text).replace("_", " ").split())

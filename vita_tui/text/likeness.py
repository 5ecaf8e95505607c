"""How words sound, roughly and for any language that is written in Latin letters."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["sound"]

_RULES = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"['’]", ""),
        (r"[^a-z]+", " "),
        (r"\bkn", "n"), (r"\bwr", "r"), (r"\bwh", "w"), (r"\bx", "s"),
        (r"mb\b", "m"), (r"igh", "i"), (r"ght", "t"), (r"gh", ""), (r"ph", "f"), (r"tion", "shn"),
        (r"dge?", "j"), (r"tch", "C"), (r"sch|sh", "S"), (r"ch", "C"), (r"th", "d"), (r"ck|q", "k"), (r"x", "ks"),
        (r"c(?=[eiy])", "s"), (r"c", "k"), (r"z", "s"), (r"v", "f"),
        (r"ng\b", "n"), (r"(?<=[aeiou])h", ""),
        (r"([aeiou])([bdfgjklmnprstCS])e\b", r"\1\2"), (r"(?<=[b-df-hj-np-tv-zCS])e\b", ""),
        (r"a[iy]|e[iy]|ay", "a"), (r"ee|ea|ie|y", "i"), (r"oo|ou|ow|oa|au|aw|u", "o"),
        (r"(.)\1+", r"\1"), (r" ", ""),
    )
)  # fmt: skip


@lru_cache(8192)
def sound(words: str) -> str:
    """The sounds of `words`, one letter each: what is often heard as the other ("day", "they") is the same or nearly."""
    plain = unicodedata.normalize("NFKD", words.casefold().replace("ß", "ss"))
    text = "".join(letter for letter in plain if not unicodedata.combining(letter)).replace("%", " percent ")
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text

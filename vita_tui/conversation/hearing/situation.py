"""What the user is in the middle of, by their words and by what they were asked: it tells how long a pause may last.

Somebody who says a number digit by digit pauses between its groups; who says "let me think" will think; who was asked "Shall I?" and says
"yes" has finished.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from vita_tui.conversation.hearing.turn_words import TurnWords, turn_words, words_of

__all__ = ["Situation", "only_asks_to_wait", "situation"]

Situation = Literal["holding", "thinking", "number", "decided", "asked", "none"]
"""The user wants the microphone kept open; wants time; says a number in groups; has answered a question for yes or no; is to answer another
question; nothing of that."""

LEAST_DIGITS = 3
"""Said one after the other, that make a number without its being announced: "two two" may be a misheard one."""
_PARTS = re.compile(r"[\s,.\-–/]+")
_SENTENCES = re.compile(r"[^.!?。！？]*[.!?。！？]+|[^.!?。！？]+$")


@lru_cache(maxsize=256)
def situation(text: str, asked: str = "", language: str = "en") -> Situation:
    """What somebody is in the middle of who has said `text` so far.

    Args:
        asked: what the assistant said just before, as far as it was heard.
    """
    known = turn_words(language)
    words = words_of(text)
    if not words:
        return "asked" if _question(asked) else "none"
    if _ends_with(words, known.holding):
        return "holding"
    if _ends_with(words, known.thinking):
        return "thinking"
    if _digits(text, known):
        return "number"
    question = _question(asked)
    if not question:
        return "none"
    opener = words_of(question)[0].partition("-")[0]
    if opener in known.yes_no and words[0] in known.answers and len(words) <= 2:
        return "decided"
    return "asked"


def only_asks_to_wait(text: str, language: str = "en") -> bool:
    """Whether `text` asks for nothing but time: "Hold on." is no question."""
    known = turn_words(language)
    plain = " ".join(words_of(text))
    for phrase in sorted((*known.holding, *known.thinking), key=len, reverse=True):
        plain = re.sub(rf"\b{re.escape(phrase)}\b", " ", plain)
    rest = plain.split()
    asks = len(rest) < len(words_of(text))
    return asks and all(word in known.answers or word in known.hanging for word in rest)


def _ends_with(words: list[str], phrases: tuple[str, ...]) -> bool:
    plain = " ".join(words)
    return any(plain == phrase or plain.endswith(f" {phrase}") for phrase in phrases)


def _question(said: str) -> str:
    """The last sentence of `said`, where it is a question with words."""
    sentences = [found.strip() for found in _SENTENCES.findall(said) if words_of(found)]
    return sentences[-1] if sentences and sentences[-1].endswith(("?", "？")) else ""


def _digits(text: str, known: TurnWords) -> bool:
    """Whether `text` ends in digits that are said one by one or in groups."""
    parts = [part for part in _PARTS.split(text.lower().rstrip(".,!?- ")) if part]
    count = 0
    for part in reversed(parts):
        if not (part.isdecimal() or part in known.digits):
            break
        count += 1
    if not count:
        return False
    run = parts[-count:]
    before = " ".join(words_of(" ".join(parts[:-count])))
    if any(before == opener or before.endswith(f" {opener}") for opener in known.numbers):
        return True
    if any(len(part) > 1 and part.startswith("0") for part in run):
        return True  # a number that counts something does not begin with 0
    if count == len(parts) and sum(len(part) if part.isdecimal() else 1 for part in run) >= LEAST_DIGITS:
        return True  # nothing but digits
    return count >= LEAST_DIGITS and all(len(part) <= LEAST_DIGITS or part in known.digits for part in run)

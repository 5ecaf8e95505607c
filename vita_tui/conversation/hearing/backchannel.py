"""What an utterance during a reply means: go on, stop, or let me say something.

Judged by the words alone; who said them is judged in `own_words`. Sounds without words, and words that only show that one
listens, do not stop a reply.
"""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["Meaning", "asks_to_go_on", "asks_to_stop", "meaning"]

Meaning = Literal["nothing", "listening", "stop", "speech", "unsure"]

_LISTENING = frozenset(
    "mhm mmhm mm mmm hm hmm hmmm uh huh um uhm ah aha oh ooh wow yeah yes yep yup ya okay ok right sure cool nice great good fine "
    "exactly true indeed really interesting alright well so and the a you i see got it of course all thank thanks".split()
)
_CONTENT = frozenset("and the a you i so well all of it".split())
"""Of `_LISTENING`, words that show nothing by themselves: they are in "I see", and in much else."""
_STOP = frozenset("stop wait quiet enough cancel silence shush".split())
_STOP_PHRASES = (
    "hold on",
    "hang on",
    "shut up",
    "be quiet",
    "never mind",
    "that's enough",
    "no no",
    "one moment",
    "no stop",
)
_POLITE = frozenset(
    "please now vita it that's ok okay thank thanks you just a there talking speaking".split()
)
_GO_ON = frozenset(
    (
        "go on",
        "go ahead",
        "continue",
        "carry on",
        "keep going",
        "resume",
        "go on please",
        "please go on",
        "please continue",
        "continue please",
        "carry on please",
        "and then",
        "what were you saying",
        "you were saying",
    )
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
LONG_LISTENING = 4
"""Words; more than that is said to be answered, whatever they are."""


def meaning(text: str, *, final: bool) -> Meaning:
    """What `text`, said into a reply, wants.

    Args:
        text: a transcript of what was said so far, or of all of it.
        final: it is all of it. Before that, one word is not enough to go by, unless it is "stop".
    """
    words = _words(text)
    if not words:
        return "nothing"
    if all(len(word) == 1 for word in words) and len(words) > 1:
        return "listening"  # a hum, spelled
    plain = " ".join(words)
    if words[0] in _STOP or plain.startswith(_STOP_PHRASES):
        return "stop"
    if len(words) <= LONG_LISTENING and all(word in _LISTENING for word in words):
        return "listening" if any(word not in _CONTENT for word in words) or plain == "i see" else "nothing"
    said = [word for word in words if word not in _LISTENING]
    if len(words) >= 2 and said:
        return "speech"
    if not final:
        return "unsure"
    return "speech" if len(words) > LONG_LISTENING or (said and len(said[0]) >= 4) else "nothing"


def asks_to_stop(text: str) -> bool:
    """Whether `text` asks for silence and nothing else: "Stop, please." but not "Stop the timer"."""
    words = _words(text)
    if meaning(text, final=True) != "stop":
        return False
    plain = " ".join(words)
    for phrase in _STOP_PHRASES:
        plain = plain.replace(phrase, " ")
    return all(word in _STOP | _POLITE | {"no"} for word in plain.split())


def asks_to_go_on(text: str) -> bool:
    """Whether `text` asks for the rest of what was interrupted, and nothing else."""
    words = [word for word in _words(text) if word not in ("vita", "okay", "ok", "yes", "now")]
    return " ".join(words) in _GO_ON


def _words(text: str) -> list[str]:
    return [word.lower().replace("’", "'") for word in _WORD.findall(text.replace("-", " "))]

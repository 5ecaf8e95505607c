"""What of a model's words is its answer: reasoning is told apart, in whatever marks and however it is cut, special tokens are dropped,
and a tag that the answer merely speaks of stays text.

An opening mark counts where a reply begins, where an answer begins after reasoning, or on its own line. A closing one alone counts
unless it stands inside a sentence or in code: then all before it was reasoning, although it looked like an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from vita_tui.engines.llm.base import Reasoning, Retracted, StreamPiece
from vita_tui.engines.llm.clean_stream import Cleaner
from vita_tui.engines.llm.marks import FORMS, ROLES, SPECIAL, STARTS, Form, begins_special

__all__ = ["ReplyReader"]

_CANDIDATE = re.compile(r"[<\[◁]")
_CLOSED = re.compile(r"</([\w:]+)\s*>")
_LONGEST_TAG = 80
_KEPT = 400
"""Characters of reasoning that are kept, to see what it ends with."""
_SENTENCE = re.compile(r" [a-z][^\n]*")
"""What follows a tag that the answer begins with and speaks of."""
_SPOKEN_OF = "\"'`“‘«(„"
"""Before a tag that is spoken of."""
_HEADERS = ("<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|call|>", "<|return|>")
"""Of the channels in which OpenAI's open models write."""
_BARE_OPEN, _BARE_CLOSE = "analysis", "assistantfinal"
"""What is left of these channels where a server drops their marks."""
_UNWRAPS = {f"</{name}>": f"<{name}>" for name in ("answer", "response", "final_answer", "final")}
_TAGS = {tag: form for form in FORMS for tag in form.opens}
_ENDS = {tag: form for form in FORMS for tag in form.closes}
_KNOWN = (*_TAGS, *_ENDS, *_HEADERS)

Token = tuple[Literal["text", "open", "close", "header", "special"], str, Form | None]


class ReplyReader:
    """Reads one reply, piece by piece; what may turn out to be a mark is held back."""

    def __init__(self, *, continuing: bool = False, reasoning_first: bool = False) -> None:
        """
        Args:
            continuing: it goes on where another reply stopped, with its blank.
            reasoning_first: the model begins in the middle of its reasoning; if it does not end, it was the answer.
        """
        self._cleaner = Cleaner()
        self._aside = Cleaner()
        """Of reasoning in its own field."""
        self._held = ""
        """May be a part of a mark."""
        self._fresh = not continuing
        """No word of the answer has come since the reply, or the answer after reasoning, began."""
        self._said = False
        self._inside: Form | Literal["channel", "bare", "first"] | None = "first" if reasoning_first else None
        self._thoughts: list[str] | None = [] if reasoning_first else None
        """Reasoning that may turn out to be the answer, with its marks; None where it cannot."""
        self._opened = ""
        self._thought = ""
        """The last words of reasoning that is passed on."""
        self._header: str | None = None
        """What stands between two marks of a channel."""
        self._channels = False
        self._pending = ""
        """Special tokens that end the reply if nothing follows them, and the blanks behind them."""
        self._over = False
        self._role = False
        """A role may follow."""
        self._wrapped = ""
        """What the answer began with."""
        self._struck = False
        self._line = ""
        self._before = ""
        """The last sign that is no blank."""
        self._in_code = False
        self._spoken_of = 0
        """Opening tags in the text that were not closed."""
        self.half = False
        """It began in the middle of its reasoning."""

    @property
    def undecided(self) -> bool:
        """It was to begin with reasoning, and no mark has come."""
        return self._inside == "first"

    def settle(self) -> None:
        """The server keeps reasoning apart: what comes is the answer."""
        if self._inside == "first" and not self._thoughts:
            self._inside, self._thoughts = None, None

    def clean(self, reasoning: str) -> str:
        """The next piece of what the server keeps apart."""
        return self._aside.feed(reasoning)

    def feed(self, delta: str) -> list[StreamPiece]:
        """What is certain by now."""
        return self._merged(self._read(self._cleaner.feed(delta)))

    def finish(self, *, whole: bool = True) -> list[StreamPiece]:
        """What was held back. A mark that did not come whole is text; special tokens at the end are not.

        Args:
            whole: the reply was not cut.
        """
        pieces = list(self._read(self._cleaner.finish()))
        held, self._held = self._held, ""
        if held and self._header is None:
            pieces += self._take(("text", held, None))
        if self._thoughts is not None and self._inside is not None:
            # It did not end: it was no reasoning.
            thoughts, self._thoughts, self._inside = self._opened + "".join(self._thoughts), None, None
            pieces += self._answer(thoughts)
        elif whole and isinstance(self._inside, Form) and _SENTENCE.fullmatch(self._thought):
            # "<think> is a tag": the answer begins with what it speaks of.
            thought, self._inside = self._opened + self._thought, None
            pieces += self._answer(thought)
        self._pending = ""
        return self._merged(pieces)

    # ----

    def _read(self, text: str) -> Iterator[StreamPiece]:
        text = self._held + text
        self._held = ""
        while text and not self._over:
            token, text = self._next(text)
            if token is None:
                self._held = text
                return
            yield from self._take(token)

    def _next(self, text: str) -> tuple[Token | None, str]:
        """The next token of `text`, and what follows it; None when it depends on what comes."""
        if self._fresh and not self._said and self._inside is None and self._header is None:
            bare = text.lstrip()
            if bare[: len(_BARE_OPEN)] == _BARE_OPEN[: len(bare)] and len(bare) <= len(_BARE_OPEN):
                return None, text
            if bare.startswith(_BARE_OPEN) and bare[len(_BARE_OPEN)].isupper():
                return ("open", _BARE_OPEN, None), bare[len(_BARE_OPEN) :]
        if self._role:
            role = re.match(rf"(?i) *(?:{'|'.join(ROLES)})(?=[\s<])", text)
            if role is not None:
                self._role = False
                return ("special", role.group(), None), text[role.end() :]
            if any(word.startswith(text.strip(" ").lower()) for word in ROLES):
                return None, text
            self._role = False
        found = _CANDIDATE.search(text)
        if self._inside == "bare":
            place = text.find(_BARE_CLOSE)
            if place >= 0:
                if place:
                    return ("text", text[:place], None), text[place:]
                return ("close", _BARE_CLOSE, None), text[len(_BARE_CLOSE) :]
            size = next((n for n in range(len(_BARE_CLOSE) - 1, 0, -1) if text.endswith(_BARE_CLOSE[:n])), 0)
            keep = len(text) - size
            return (("text", text[:keep], None), text[keep:]) if keep else (None, text)
        if found is None:
            return ("text", text, None), ""
        if found.start():
            return ("text", text[: found.start()], None), text[found.start() :]
        low = text[:_LONGEST_TAG].lower()
        for kind, tags in (("header", dict.fromkeys(_HEADERS)), ("close", _ENDS), ("open", _TAGS)):
            tag = max((tag for tag in tags if low.startswith(tag)), key=len, default="")
            if tag:
                if any(other.startswith(low) and len(other) > len(low) for other in tags) and low == tag:
                    return None, text  # a longer one may come
                return (kind, text[: len(tag)], tags[tag]), text[len(tag) :]  # type: ignore[return-value]  # one of its kinds
        if (ended := _CLOSED.match(low)) is not None and f"</{ended[1]}>" in _ENDS:
            return ("close", text[: ended.end()], FORMS[0]), text[ended.end() :]
        if (full := _with_attributes(low)) is not None:
            return ("open", text[: len(full)], FORMS[0]), text[len(full) :]
        special = SPECIAL.match(text) or STARTS.match(text)
        if special is not None:
            return ("special", special.group(), None), text[special.end() :]
        if _may_begin_mark(low) or begins_special(low):
            return None, text
        return ("text", text[0], None), text[1:]

    def _take(self, token: Token) -> Iterator[StreamPiece]:
        kind, text, form = token
        if kind == "header" or self._header is not None:
            yield from self._channel(kind, text)
        elif self._inside is not None:
            if self._closes(kind, form) or (
                self._inside == "first" and kind == "open" and not "".join(self._thoughts or ()).strip()
            ):
                yield from self._close(opening=kind == "open", text=text, form=form)
            elif self._thoughts is not None:
                self._thoughts.append(text)
            else:
                self._thought = (self._thought + text)[-_KEPT:]
                yield Reasoning(text)
        elif kind == "open" and self._opens(text, form):
            yield from self._open(text, form)
        elif kind == "close" and self._ends(form):
            yield from self._retract()
        elif kind == "special":
            yield from self._special(text)
        else:
            if kind in ("open", "close"):
                self._spoken_of = max(0, self._spoken_of + (1 if kind == "open" else -1))
            yield from self._answer(text)

    def _special(self, text: str) -> Iterator[StreamPiece]:
        """A special token: it may begin the reply, end it, or be spoken of in it."""
        low = text.strip().lower()
        if self._fresh and (STARTS.fullmatch(text) or low in ROLES):
            self._role = low not in ROLES and not low.startswith(("<s>", "<answer", "<response", "<final"))
            self._wrapped = low
        elif STARTS.fullmatch(text) and self._pending:
            self._over = True  # the model speaks for the user: that is the end
        elif (low == "</s>" and self._struck) or (low in _UNWRAPS and self._wrapped != _UNWRAPS[low]):
            yield from self._answer(text)
        elif STARTS.fullmatch(text):
            self._struck = self._struck or low == "<s>"
            yield from self._answer(text)
        else:
            self._pending += text

    # ---- reasoning

    def _opens(self, text: str, form: Form | None) -> bool:
        """Whether an opening tag is a mark here."""
        if self._fresh:
            return True
        alone = not self._line.strip() and not self._in_code and not self._pending
        return alone and self._before != ":" and form is not None

    def _open(self, text: str, form: Form | None) -> Iterator[StreamPiece]:
        # In the middle of an answer it must end to count; so must a word that may be the first of an answer.
        self._thoughts = None if self._fresh and form is not None else []
        self._opened = text
        self._thought = ""
        self._inside = form or "bare"
        yield from ()

    def _closes(self, kind: str, form: Form | None) -> bool:
        if kind != "close":
            return False
        line = self._thought.rpartition("\n")[2]
        if line.endswith("`") and line.count("`") % 2 and not line.endswith("``"):
            return False  # the reasoning speaks of it
        return self._inside in ("first", "bare") or form is self._inside

    def _close(self, *, opening: bool, text: str, form: Form | None) -> Iterator[StreamPiece]:
        thoughts, self._thoughts = self._thoughts, None
        first = self._inside == "first"
        self._inside = None
        if opening:  # it has opened its reasoning itself
            yield from self._open(text, form)
            return
        if thoughts is not None and not first and not "".join(thoughts).strip():
            yield from self._answer(f"{self._opened}{''.join(thoughts)}{text}")
            return
        if thoughts:
            yield Reasoning("".join(thoughts))
        self.half = self.half or first
        self._fresh = True

    def _ends(self, form: Form | None) -> bool:
        """Whether a closing tag that nothing opened is a mark here."""
        if form is None or self._spoken_of or self._in_code or self._line.count("`") % 2:
            return False
        line = self._line.rstrip(" ")
        if self._fresh or not line:
            return True
        if self._line != line:  # a blank before it: a tag that is spoken of, unless a sentence has ended
            return line[-1] in ".!?…" or not form.plain
        return line[-1] not in _SPOKEN_OF

    def _retract(self) -> Iterator[StreamPiece]:
        self.half = True
        self._pending = ""
        if self._said:
            self._said = False
            yield Retracted()
        self._fresh = True
        self._line = self._before = ""

    def _channel(self, kind: str, text: str) -> Iterator[StreamPiece]:
        """Channels: `<|channel|>analysis<|message|>` begins reasoning, `…final…` the answer."""
        mark = text.lower() if kind == "header" else ""
        if mark in ("<|end|>", "<|call|>", "<|return|>") and not self._channels:
            # Other models end with the same tokens.
            yield from self._take(("special", text, None))
        elif mark in ("<|start|>", "<|channel|>"):
            self._pending = ""
            self._header = ""
        elif mark == "<|message|>":
            name = (self._header or "").strip().lower()
            self._header = None
            hidden = name.startswith(("analysis", "commentary"))
            if not hidden and not self._channels and self._said:
                yield from self._retract()
            self._channels = True
            self._inside = "channel" if hidden else None
            self._thoughts = None
            self._fresh = self._fresh or not hidden
        elif mark:
            self._header = None
            self._inside = None
        elif self._header is not None:
            self._header = (self._header + text)[:_LONGEST_TAG]

    # ---- the answer

    def _answer(self, text: str) -> Iterator[StreamPiece]:
        if self._pending:
            if not text.strip():
                self._pending += text
                return
            if self._pending.startswith("<|") and self._line[-1:] in tuple(".!?…") and self._line:
                self._over = True  # it ends the sentence, and the reply: what follows is another's turn
                return
            text, self._pending = self._pending + text, ""
        if self._fresh:
            text = text.lstrip()
            if not text:
                return
            self._fresh = False
        self._said = True
        whole = self._line + text
        lines = whole.split("\n")
        for line in lines[:-1]:
            if line.lstrip().startswith(("```", "~~~")):
                self._in_code = not self._in_code
        self._line = lines[-1]
        self._before = (whole.rstrip() or self._before)[-1:]
        yield text

    @staticmethod
    def _merged(pieces: Iterator[StreamPiece] | list[StreamPiece]) -> list[StreamPiece]:
        """Neighbours of one kind as one."""
        merged: list[StreamPiece] = []
        for piece in pieces:
            last = merged[-1] if merged else None
            if isinstance(piece, str) and isinstance(last, str):
                merged[-1] = last + piece
            elif isinstance(piece, Reasoning) and isinstance(last, Reasoning):
                merged[-1] = Reasoning(last.text + piece.text)
            else:
                merged.append(piece)
        return merged


def _with_attributes(low: str) -> str | None:
    """The opening tag with attributes that `low` begins with."""
    found = re.match(r"<([\w:]+)\s[^<>\n]*>", low)
    return found.group() if found is not None and f"<{found[1]}>" in _TAGS else None


def _may_begin_mark(low: str) -> bool:
    if any(tag.startswith(low) for tag in _KNOWN):
        return True
    closing = re.fullmatch(r"</([\w:]+)\s+", low)
    if closing is not None and f"</{closing[1]}>" in _ENDS:
        return len(low) < _LONGEST_TAG
    found = re.fullmatch(r"<([\w:]+)\s[^<>\n]*", low)
    return found is not None and len(low) < _LONGEST_TAG and f"<{found[1]}>" in _TAGS

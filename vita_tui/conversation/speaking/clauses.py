"""A reply cut into clauses while it streams in: the first one short, so that speech begins early, later ones longer.

A cut is decided when the white space after a word arrives (or, in scripts without spaces, a mark), from the text up to there
alone: so the clauses do not depend on how the reply was divided into deltas. Nothing is cut inside numbers, abbreviations,
addresses, quoted code, links or code fences; list items, headings, rows and paragraphs end a clause.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vita_tui.text.spoken import SpokenWord, grammar, say

__all__ = ["POLICIES", "WHOLE_SENTENCES", "Clause", "ClauseCutter", "Policy", "ends_sentence"]


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of the reply that is spoken in one go."""

    index: int
    text: str
    """As displayed: exactly `reply[start:end]`, white space and markup included."""
    spoken: str
    """What is said for it; never empty."""
    start: int
    end: int
    words: tuple[SpokenWord, ...]
    """The words of `spoken`; their `end` counts from the start of `text`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Where a clause may end before its sentence does."""

    characters: int
    """From which on a comma, dash or colon ends it."""
    before_conjunction: int
    """Words from which on it ends before "and", "because" and the like."""
    before_phrase: int
    """Words from which on it ends before a verb or a preposition, with which a new phrase begins."""
    longest: int
    """Words after which it ends at the next word that does not belong to what follows."""


NEVER = 10**6
POLICIES = (Policy(6, 3, 3, 6), Policy(30, 8, NEVER, 16), Policy(60, 14, NEVER, 24))
"""For the first clause, the second, and all others."""
WHOLE_SENTENCES = (Policy(NEVER, NEVER, NEVER, NEVER),)
"""For speech that may take its time to begin."""
EXTRA_WORDS = 4
"""Words that a clause may be over its longest when it would end in words such as "of the"."""
STRAY = 300
"""Characters after which an opening backquote or bracket is taken for a stray one."""

CLOSERS = r"[\"'”’»)\]}*_`]*"
SENTENCE_END = re.compile(rf"([.!?]+|…){CLOSERS}$")
SOFT_BREAK = re.compile(rf"(?:[,;:]{CLOSERS}|\.\.+|…|(?<=\s)[—–-]|[—–])$")
IDEOGRAPHIC_END = "。！？"
IDEOGRAPHIC_BREAK = "，、；："
IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
LINE_MARK = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)]|#{1,6}|>)[ \t]$")
BLOCK_LINE = re.compile(r"[ \t]*(?:[-*+•][ \t]|\d{1,3}[.)][ \t]|#{1,6}[ \t]|>|\||[-*_=]{3,}[ \t]*$)")
FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[^`\n]*$")
MIDDLE = re.compile(r"(?:\d|[%€$£°]|(?<!\w)\w)\s[-–—−]$")
"""A dash between numbers, or letters that stand for some."""
FORMULA = 1000
"""Characters after which the beginning of a formula is taken for a stray sign."""
INSIDE = re.compile(
    r"[A-Za-z]{2}<[A-Za-z][\w.\[\]?<>]{0,60}(?:,\s?[\w.\[\]?<]{0,60}){0,4}$"  # Map<String, …
    r"|(?<!\w)<[A-Za-z][\w -]{0,40}$"  # <your name>
)
SIGN = re.compile(r"[x×]|[^\w\s.,;:!?\"'“”‘’»«()*_`—–…-]+")
"""A word that is but a sign, and says something with what follows."""
RANK = re.compile(r"(?:\d{1,3}\.?[-–/])?\d{1,3}\.")
"""A number with a dot: "3.", "3.–5."."""


def ends_sentence(clause: Clause) -> bool:
    """Whether a sentence, a list item or a paragraph ends with `clause`."""
    text = clause.text.rstrip()
    if "\n" in clause.text[len(text) :]:
        return True
    return bool(SENTENCE_END.search(text)) or text.endswith(tuple(IDEOGRAPHIC_END))


class _Words:
    """What `ClauseCutter` knows of a language."""

    def __init__(self, language: str) -> None:
        self.grammar = grammar(language)
        v = self.grammar.v if self.grammar else None
        self.dotted = v.dotted if v else frozenset()
        self.conjunctions = frozenset(v.conjunctions if v else ())
        self.phrases = frozenset(v.phrases if v else ())
        self.clinging = frozenset(v.clinging if v else ()) | frozenset(v.titles if v else ())
        self.pronouns = frozenset(v.pronouns if v else ())
        self.before_capital = frozenset(v.before_capital if v else ())
        months = "|".join(re.escape(form) for forms in (v.months if v else ()) for form in forms)
        self.day = re.compile(rf"(?:{months})\s\d{{1,2}}(?:st|nd|rd|th)?,$" if months else "(?!)")


class ClauseCutter:
    """Cuts one reply. Not shared between threads."""

    def __init__(self, language: str = "en", policies: Sequence[Policy] = POLICIES) -> None:
        """
        Args:
            policies: for the first clause, the second and so on; the last one is for all others.
        """
        self._language = language
        self._words = _Words(language)
        self._policies = policies
        self._text = ""
        """The reply from `_base` on; what was cut off is dropped."""
        self._base = 0
        self._unit = 0
        """Where, in `_text`, what has to be said begins; before it lies what has no words, such as a ruler."""
        self._line = 0
        """Where the present line begins."""
        self._fence = ""
        """Backquotes or tildes of the code fence that the present unit is."""
        self._seen = 0
        self._count = 0

    @property
    def rest(self) -> str:
        """What is in no clause yet. After `finish`: the end of the reply, of which nothing can be said."""
        return self._text

    def feed(self, delta: str) -> list[Clause]:
        """The clauses that are complete now that `delta` has come."""
        self._text += delta
        clauses: list[Clause] = []
        while self._seen < len(self._text):
            place = self._seen
            self._seen += 1
            letter = self._text[place]
            if not (
                letter.isspace() or IDEOGRAPH.match(letter) or letter in IDEOGRAPHIC_END + IDEOGRAPHIC_BREAK
            ):
                continue
            cut = self._decide(place, letter)
            if letter == "\n" and self._seen > place:  # else it is looked at again
                self._line = place + 1
            if cut is not None and (clause := self._cut(cut)) is not None:
                clauses.append(clause)
        return clauses

    def take_back(self, characters: int) -> list[Clause]:
        """The last `characters` that came are no part of the reply; what was cut of them is out already."""
        kept = self._text[: max(0, len(self._text) - characters)]
        self._text = self._fence = ""
        self._unit = self._line = self._seen = 0
        return self.feed(kept)

    def finish(self) -> list[Clause]:
        """The clauses that are complete because the reply is."""
        clauses: list[Clause] = []
        line = self._text[self._line :]
        if not self._fence and self._line > self._unit and FENCE.match(line):
            self._keep(clauses, self._cut(self._line))
        self._keep(clauses, self._cut(len(self._text)))
        return clauses

    @staticmethod
    def _keep(clauses: list[Clause], clause: Clause | None) -> None:
        if clause is not None:
            clauses.append(clause)

    # ----

    def _cut(self, place: int) -> Clause | None:
        """End the clause before `place`; None when nothing in it can be said, and it becomes part of the next."""
        unit = self._text[self._unit : place]
        words = say(unit, self._language)
        self._fence = ""
        if not words:
            self._unit = place
            return None
        text = self._text[:place]
        lead = self._unit
        clause = Clause(
            index=self._count,
            text=text,
            spoken=" ".join(word.text for word in words),
            start=self._base,
            end=self._base + place,
            words=tuple(SpokenWord(word.text, word.end + lead) for word in words),
        )
        self._count += 1
        self._base += place
        self._text = self._text[place:]
        self._seen -= place
        self._line = max(0, self._line - place)
        self._unit = 0
        return clause

    def _decide(self, place: int, letter: str) -> int | None:
        """Where to cut, now that the letter at `place` is known."""
        line = self._text[self._line : place]
        if self._fence:
            closes = letter == "\n" and self._line > self._unit and line.strip().startswith(self._fence)
            return place + 1 if closes and not line.strip(" \t`~") else None
        if line.lstrip(" \t").startswith(("```", "~~~")):
            if letter != "\n" or not (fence := FENCE.match(line)):
                return None
            before = self._line if self._line > self._unit else None
            return self._open_fence(before, fence[1])
        if self._in_formula(self._text[self._unit : place]):
            return None
        if self._line > self._unit and (LINE_MARK.match(f"{line} ") or line.lstrip().startswith("|")):
            return self._line
        unit = self._text[self._unit : place]
        if letter == "\n":
            if not line.strip() or BLOCK_LINE.match(line):
                return place + 1
        elif self._line <= self._unit and LINE_MARK.match(f"{line} "):
            return None  # the mark of a list item
        if not unit.strip() or self._open(unit):
            return None
        if not letter.isspace():
            return self._decide_ideographic(place, unit + letter)
        return self._decide_word(place, unit)

    def _open_fence(self, before: int | None, ticks: str) -> int | None:
        """A code fence begins at the present line; end what stands before it."""
        if before is None:
            self._fence = ticks
            return None
        # The line is looked at again when it is the first of its clause.
        self._seen = before
        return before

    def _open(self, unit: str) -> bool:
        """Whether quoted code or a link has begun and not ended."""
        recent = unit[-STRAY:]
        recent = recent[recent.rfind("\n") + 1 :]
        if recent.count("`") % 2 or INSIDE.search(recent):
            return True
        bracket = recent.rfind("[")
        if bracket < 0:
            return False
        link = recent[bracket:]
        return "]" not in link or ("](" in link and ")" not in link[link.index("](") :])

    def _in_formula(self, unit: str) -> bool:
        """Whether a formula in TeX has begun and not ended."""
        recent = unit[-FORMULA:]
        for begin, end in (("\\[", "\\]"), ("\\(", "\\)")):
            if recent.rfind(begin) > recent.rfind(end):
                return True
        if recent.count("$$") % 2:
            return True
        recent = recent[recent.rfind("\n") + 1 :][-STRAY:].replace("$$", "")
        if recent.count("$") % 2 == 0:
            return False
        inside = recent[recent.rfind("$") + 1 :]
        return (
            re.match(r"[a-zA-Z(|-](?![a-zA-Z])", inside) is not None
            or re.search(r"[\\^_={}]", inside) is not None
        )

    def _decide_word(self, place: int, unit: str) -> int | None:
        """The word before the white space at `place` is complete."""
        policy = self._policies[min(self._count, len(self._policies) - 1)]
        words = unit.split()
        last = words[-1]
        if unit[-1].isspace():  # one more space after it
            return None
        if len(words) > 1 and self._ended_before(unit, words[-2], last):
            return place - len(last)
        if SENTENCE_END.search(last) and self._ends_sentence(unit, last):
            return place + 1
        known = self._words
        soft = SOFT_BREAK.search(unit) and len(unit.strip()) >= policy.characters
        if soft and not known.day.search(unit):
            return None if MIDDLE.search(unit) else place + 1
        before = words[-2].lower() if len(words) > 1 else ""
        counts = (
            before[-1:].isdigit()
            or RANK.fullmatch(before) is not None
            or (len(words) > 1 and re.fullmatch(r"[VX]|[IVXLC]{2,}", words[-2]) is not None)
            or SIGN.fullmatch(before) is not None
        )
        enough = len(words) - 1 >= policy.before_conjunction and not counts
        if enough and last.lower() in known.conjunctions and before not in known.clinging:
            return place - len(last)
        enough = len(words) - 1 >= policy.before_phrase and not counts
        if enough and last.lower() in known.phrases and before not in known.clinging | known.pronouns:
            return place - len(last)
        if len(words) >= policy.longest:
            lower = last.lower()
            if last[-1].isdigit() or RANK.fullmatch(last) or SIGN.fullmatch(last) or lower in known.dotted:
                return place + 1 if len(words) >= policy.longest + 3 * EXTRA_WORDS else None
            return (
                place + 1
                if lower not in known.clinging or len(words) >= policy.longest + EXTRA_WORDS
                else None
            )
        return None

    def _ended_before(self, unit: str, previous: str, last: str) -> bool:
        """Whether a sentence ended before the last word, as that word tells: with an abbreviation, or a number that is no rank."""
        if previous == "No.":
            return not last[0].isdigit()
        if RANK.fullmatch(previous) and self._ranks:
            assert self._words.grammar is not None
            return not self._words.grammar.goes_on(unit)
        return previous.lower() in self._words.before_capital and last[0].isupper()

    @property
    def _ranks(self) -> bool:
        """Whether a number with a dot may be a rank: "am 6. Mai"."""
        return self._words.grammar is not None and self._words.grammar.dotted_ranks

    def _ends_sentence(self, unit: str, last: str) -> bool:
        marks = SENTENCE_END.search(last)
        assert marks is not None
        if marks[1] == "…" or marks[1].startswith(".."):
            return False
        if marks[1] != ".":
            return True
        word = last.lstrip("\"'“‘(*_[").rstrip("\"'”’)]}*_`")
        if word == "No." or (word.lower() in self._words.dotted and word != "no."):
            return False
        if self._ranks and RANK.fullmatch(word):
            return False  # the next word tells
        if re.fullmatch(r"[A-Z]\.", word) and word != "I.":
            return False
        if re.fullmatch(r"(?:[A-Za-z]\.){2,}", word):
            return False
        from sentencex import segment  # type: ignore[attr-defined]  # a compiled module without types

        bare = re.sub(rf"{CLOSERS}$", "", unit)
        sentences: list[str] = segment(self._language, f"{bare} Next.")
        return len(sentences) > 1 and sentences[-1].strip() == "Next."

    def _decide_ideographic(self, place: int, unit: str) -> int | None:
        """In scripts without spaces a letter counts as half a word."""
        policy = self._policies[min(self._count, len(self._policies) - 1)]
        letters = len(IDEOGRAPH.findall(unit))
        if unit[-1] in IDEOGRAPHIC_END:
            return place + 1
        if unit[-1] in IDEOGRAPHIC_BREAK:
            return place + 1 if 3 * letters >= policy.characters else None
        return place + 1 if letters >= 2 * policy.longest else None

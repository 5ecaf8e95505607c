"""The abilities together: a sentence in, what was understood and what is said out."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from vita_tui.abilities.alarms import Alarms
from vita_tui.abilities.base import Ability, Answer, Context, Deed, Failure, Match, Request
from vita_tui.abilities.conversion import registry
from vita_tui.abilities.matcher import Matcher
from vita_tui.abilities.numbers import digits
from vita_tui.abilities.phrases import data, languages
from vita_tui.abilities.rendering import Renderer
from vita_tui.abilities.sentence_tree import SentenceTree
from vita_tui.abilities.sound_alike import SoundAlikes
from vita_tui.events import Alarm

__all__ = [
    "COMPUTED",
    "ENGINE",
    "Abilities",
    "Answered",
    "MisheardRequest",
    "PlannedRequest",
    "forget_languages",
    "said_of",
    "standard",
]

ENGINE = "built in"
"""The name under which answers without a model are shown, kept and counted."""
WAY_BACK = "en", "SwitchLanguage"
"""What is understood while a language is spoken that has no sentences."""
ONLY_AS_HEARD = frozenset(
    (
        "RemoveFromList",
        "ClearList",
        "CancelTimer",
        "CancelAllTimers",
        "CancelAlarm",
        "CancelReminders",
        "NewConversation",
        "AddNote",
    )
)
"""What takes something away, or keeps any words, is never done on a guess of what was said."""
COMPUTED = frozenset(("Calculate", "Convert", "PercentageOf"))
"""What comes out the same each time."""
ASKED_BACK = frozenset(("timer_how_long",))
"""Answers to what lacks something."""
MOST_MEANT = 6
"""Requests that one transcript may have meant; each costs the recognizer a look at the sound."""
_LOADING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that was carried out, or cannot be."""

    text: str
    """What is said and shown."""
    intent: str
    about: str
    """What was understood, in a few words."""
    language: str
    requests: tuple[Request, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """A sentence that is a request: nothing was done about it yet."""

    match: Match
    plan: Answer | Deed

    @property
    def whole(self) -> bool:
        """Whether hardly anything can follow: it asks nothing back, and ends neither in a number nor in what could be any words."""
        language = self.match.language
        said = digits(re.sub(r"\W+$", "", self.match.text), language)
        free = {digits(value, language) for value in self.match.slots.values() if isinstance(value, str)}
        if said[-1:].isdigit() or said.endswith(tuple(free - {""})):
            return False
        return not (isinstance(self.plan, Answer) and self.plan.key in ASKED_BACK)

    def carry_out(self) -> Answered:
        """Do it. May write a file."""
        try:
            answer = self.plan if isinstance(self.plan, Answer) else self.plan()
        except Failure as failure:
            answer = failure.answer
        language = answer.language or self.match.language
        renderer = _renderer(language)
        about_key = answer.about or self.match.intent
        about = renderer.render(about_key, answer.values) if renderer.has(about_key) else ""
        return Answered(
            renderer.render(answer.key, answer.values),
            self.match.intent,
            about or renderer.topic(self.match.intent),
            language,
            answer.requests,
        )


@dataclass(frozen=True, slots=True)
class MisheardRequest:
    """A request that sounds like what was heard."""

    text: str
    meaning: str
    """The same for sentences that ask for the same."""
    usable: bool
    """Whether it may be carried out where it is only likely."""


class Abilities:
    """What can be done without a model. From any thread."""

    def __init__(self, abilities: Iterable[Ability], alarms: Alarms | None = None) -> None:
        """
        Args:
            alarms: what is to ring.
        """
        self.alarms = alarms
        self._by_intent = {intent: ability for ability in abilities for intent in ability.intents}
        self._lock = threading.Lock()

    @property
    def intents(self) -> frozenset[str]:
        """All that can be carried out."""
        return frozenset(self._by_intent)

    def warm(self, language: str) -> None:
        """Load `language`, which takes a second or two, so that the first sentence is understood at once."""
        if language in languages():
            with self._lock:
                _sound_alikes(language)
            digits("1", language)
            registry()

    async def understand(
        self, text: str, context: Context, languages_tried: Sequence[str]
    ) -> PlannedRequest | None:
        """What `text` asks for; None when it is a question for the model. Nothing is done about it yet."""
        return await asyncio.to_thread(self.understand_now, text, context, languages_tried)

    def understand_now(
        self, text: str, context: Context, languages_tried: Sequence[str]
    ) -> PlannedRequest | None:
        """The same, in the caller's thread."""
        known = [language for language in languages_tried if language in languages()]
        with self._lock:
            # From a language without sentences there must be a way back.
            for language in known or [WAY_BACK[0]]:
                for match in _matcher(language).matches(text):
                    if not known and match.intent != WAY_BACK[1]:
                        continue
                    try:
                        plan = self._plan(match, context)
                    except Failure as failure:
                        plan = failure.answer
                    if plan is not None:
                        return PlannedRequest(match, plan)
        return None

    def sounding_like(self, text: str, context: Context, language: str) -> list[MisheardRequest]:
        """Requests that speech recognition may have misheard as `text`, the likeliest first; none where `text` is a request itself.

        Args:
            language: two letters.
        """
        if language not in languages():
            return []
        with self._lock:
            if self._first(text, context, language) is not None:
                return []
            meant: list[MisheardRequest] = []
            for near in _sound_alikes(language).near(text):
                match = self._first(near, context, language)
                if match is not None:
                    meant.append(self._misheard(near, match, context))
                if len(meant) == MOST_MEANT:
                    break
            return meant

    def meant(self, text: str, context: Context, language: str) -> MisheardRequest | None:
        """What `text` itself asks for; None when it is no request."""
        if language not in languages():
            return None
        with self._lock:
            match = self._first(text, context, language)
            return None if match is None else self._misheard(text, match, context)

    def _first(self, text: str, context: Context, language: str) -> Match | None:
        """What `text` asks for and can be done."""
        for match in _matcher(language).matches(text):
            with contextlib.suppress(Failure):
                if self._plan(match, context) is not None:
                    return match
        return None

    def _misheard(self, text: str, match: Match, context: Context) -> MisheardRequest:
        if match.intent in COMPUTED:
            # "19 squared" and "19 square" are one sum: what comes out is what is meant.
            plan = self._plan(match, context)
            meant = repr(plan.values) if isinstance(plan, Answer) else text
        else:
            articles = data(match.language)["numbers"]["articles"]
            slots = {
                name: " ".join(
                    word for word in digits(str(value), match.language).split() if word not in articles
                )
                for name, value in sorted(match.slots.items())
            }
            meant = str(slots)
        return MisheardRequest(text, f"{match.intent} {meant}".casefold(), match.intent not in ONLY_AS_HEARD)

    def _plan(self, match: Match, context: Context) -> Answer | Deed | None:
        ability = self._by_intent.get(match.intent)
        return None if ability is None else ability.answer(match, context)


def said_of(alarm: Alarm, *, missed: bool = False) -> str:
    """What is said when `alarm` rings, or was missed, in its language."""
    renderer = _renderer(alarm.language if alarm.language in languages() else "en")
    key = f"{alarm.kind}_missed" if missed else f"{alarm.kind}_rings"
    if not missed and alarm.kind != "reminder" and alarm.name:
        key += "_named"
    values = {"name": alarm.name, "length": alarm.length, "due": datetime.fromtimestamp(alarm.due)}
    return renderer.render(key, values)


@functools.cache
def _renderer(language: str) -> Renderer:
    return Renderer(language)


def _matcher(language: str) -> Matcher:
    with _LOADING:
        return _loaded(language)


@functools.cache
def _loaded(language: str) -> Matcher:
    matcher = Matcher(language)
    matcher.matches("?!")  # sentences are read when they are first tried
    matcher.matches("what is two plus two")
    return matcher


@functools.cache
def _tree(language: str) -> SentenceTree:
    return SentenceTree(language, _matcher(language).own_sentences())


@functools.cache
def _sound_alikes(language: str) -> SoundAlikes:
    return SoundAlikes(_tree(language))


def forget_languages() -> None:
    """Read sentences anew when they are next needed."""
    for made in (_tree, _sound_alikes):
        made.cache_clear()
    _renderer.cache_clear()
    _loaded.cache_clear()


def standard() -> Abilities:
    """All that VITA has, and what is installed beside it."""
    from vita_tui.abilities.arithmetic import Arithmetic
    from vita_tui.abilities.chance import Chance
    from vita_tui.abilities.conversion import Conversion
    from vita_tui.abilities.lists import Lists
    from vita_tui.abilities.machine import Machine
    from vita_tui.abilities.plugins import plugins
    from vita_tui.abilities.talk import Talk
    from vita_tui.abilities.timers import Timers
    from vita_tui.abilities.times import Times

    alarms = Alarms()
    own: list[Ability] = [
        Times(), Arithmetic(), Conversion(), Chance(), Lists(), Machine(), Talk(), Timers(alarms),
    ]  # fmt: skip
    return Abilities([*own, *plugins().abilities], alarms)

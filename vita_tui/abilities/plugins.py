"""Abilities of other packages: whatever is installed beside VITA with an entry point in the group `vita.abilities`.

An entry point names a class, or a function that makes such an object: an `Ability` (`abilities.base`) that brings its sentences and
answers along. See `examples/vita-uptime` and CONTRIBUTING.md. A plug-in costs only itself: one that cannot be loaded, whose sentences
cannot be read, that raises, or that takes too long is left out or answered for, and is named in the log and by `vita doctor`.
"""

from __future__ import annotations

import functools
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any, Protocol, TypeVar, runtime_checkable

from vita_tui.abilities.base import Answer, Context, Deed, Failure, Match
from vita_tui.abilities.phrases import own_data

__all__ = ["GROUP", "Guarded", "PluggedIn", "Plugins", "plugins", "reload"]

log = logging.getLogger(__name__)

GROUP = "vita.abilities"
ANSWER_SECONDS = 2.0
"""For deciding what to say; a plug-in that takes longer is disabled."""
DEED_SECONDS = 30.0
"""For doing what was asked."""
OWN_PARTS = ("intents", "answers", "topics")
"""Parts of a language's sentences whose keys are put behind the plug-in's name; lists and rules are shared, and VITA's own win."""

_RULE, _LIST = re.compile(r"<(\w+)>"), re.compile(r"\{(\w+)(?::\w+)?\}")

T = TypeVar("T")


@runtime_checkable
class PluggedIn(Protocol):
    """What an entry point makes: an `Ability` with sentences."""

    intents: Sequence[str]
    sentences: Mapping[str, Mapping[str, Any]]
    """By language (two letters) what `abilities/sentences/*.yaml` have: intents, answers, topics, lists, expansion_rules."""

    def answer(self, match: Match, context: Context) -> Answer | Deed | None:
        """As `Ability.answer`; keys are those of its own `answers`."""
        ...


@dataclass(frozen=True, slots=True)
class Plugins:
    """What is installed."""

    abilities: tuple[Guarded, ...]
    problems: Mapping[str, str]
    """By name, why a plug-in is left out."""

    def sentences(self, language: str) -> dict[str, Any]:
        """What all of them understand and say in `language`, in the form of `sentences/*.yaml`."""
        merged: dict[str, Any] = {}
        for ability in self.abilities:
            for part, entries in ability.sentences(language).items():
                merged.setdefault(part, {}).update(entries)
        return merged


class Guarded:
    """One plug-in, whose failures are its own."""

    def __init__(self, name: str, ability: PluggedIn) -> None:
        """
        Raises:
            TypeError, ValueError: it is none, or its sentences cannot be read.
        """
        if not isinstance(ability, PluggedIn):
            raise TypeError("it has no intents, sentences and answer")
        self.name = name
        self._ability = ability
        self._disabled = False
        self.intents: Sequence[str] = [f"{name}.{intent}" for intent in ability.intents]
        for language in ability.sentences:
            _try(language, self.sentences(language))

    def sentences(self, language: str) -> dict[str, Any]:
        """Its part of `language`, with its name before each of its own keys."""
        own: dict[str, Any] = {}
        for part, entries in self._ability.sentences.get(language, {}).items():
            if part in OWN_PARTS:
                own[part] = {f"{self.name}.{key}": value for key, value in entries.items()}
            elif part in ("lists", "expansion_rules"):
                own[part] = dict(entries)
        return own

    def answer(self, match: Match, context: Context) -> Answer | Deed | None:
        """What it answers, with its name before each key; None where it fails, so that the model is asked."""
        if self._disabled:
            return None
        own = replace(match, intent=match.intent.removeprefix(f"{self.name}."))
        try:
            plan = _within(ANSWER_SECONDS, lambda: self._ability.answer(own, context))
        except Failure as failure:
            raise self._named(failure) from failure
        except Exception as error:
            log.exception("the ability %s failed on %r", self.name, match.text)
            self._disabled = isinstance(error, TimeoutError)
            return None
        if isinstance(plan, Answer):
            return self._prefixed(plan)
        return functools.partial(self._carry_out, plan) if callable(plan) else None

    def _carry_out(self, deed: Deed) -> Answer:
        try:
            return self._prefixed(_within(DEED_SECONDS, deed))
        except Failure as failure:
            raise self._named(failure) from failure
        except Exception as error:
            log.exception("the ability %s failed", self.name)
            raise Failure("plugin_failed", name=self.name) from error

    def _prefixed(self, answer: Answer) -> Answer:
        about = f"{self.name}.{answer.about}" if answer.about else ""
        return replace(answer, key=f"{self.name}.{answer.key}", about=about)

    def _named(self, failure: Failure) -> Failure:
        return Failure(f"{self.name}.{failure.answer.key}", **failure.answer.values)


def _try(language: str, sentences: Mapping[str, Any]) -> None:
    """Read all sentences, which otherwise happens when the first one is to be understood.

    Raises:
        ValueError: they cannot be read.
    """
    from hassil.intents import Intents
    from hassil.recognize import recognize_all

    whole = {"language": language, "lists": {}, "expansion_rules": {}, **sentences}
    shared = own_data(language)
    templates = repr((sentences.get("intents"), sentences.get("expansion_rules")))
    for part, pattern in (("expansion_rules", _RULE), ("lists", _LIST)):
        known = {*whole[part], *shared.get(part, {})}
        if missing := sorted(set(pattern.findall(templates)) - known):
            raise ValueError(f"its sentences for {language} name what is not there: {', '.join(missing)}")
    try:
        intents = Intents.from_dict(
            {key: value for key, value in whole.items() if key not in ("answers", "topics")}
        )
        list(recognize_all("?!", intents, language=language))
        for answer in sentences.get("answers", {}).values():
            if not isinstance(answer, str):
                raise TypeError(f"the answer {answer!r} is no text")
    except Exception as error:  # hassil raises what it likes
        raise ValueError(f"its sentences for {language} cannot be read: {error}") from error


def _within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns or raises, in a thread of its own.

    Raises:
        TimeoutError: it takes longer; its thread is left behind.
    """
    done: list[tuple[T | None, BaseException | None]] = []

    def run() -> None:
        try:
            done.append((work(), None))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            done.append((None, error))

    thread = threading.Thread(target=run, name="plug-in", daemon=True)
    thread.start()
    thread.join(seconds)
    if not done:
        raise TimeoutError(f"it took longer than {seconds:g} s")
    result, error = done[0]
    if isinstance(error, Exception):
        raise error
    if error is not None:  # SystemExit, for one: not ours to follow
        raise RuntimeError(f"it raised {type(error).__name__}") from error
    return result  # type: ignore[return-value]  # it has returned


@functools.cache
def plugins() -> Plugins:
    """All that are installed, loaded once."""
    abilities: dict[str, Guarded] = {}
    problems: dict[str, str] = {}
    for entry in metadata.entry_points(group=GROUP):
        try:
            if entry.name in abilities:
                raise ValueError("another plug-in has the same name")
            abilities[entry.name] = Guarded(entry.name, entry.load()())
        except Exception as error:  # whatever it is, it is the plug-in's
            log.exception("the ability %s is left out", entry.name)
            problems[entry.name] = str(error) or type(error).__name__
    return Plugins(tuple(abilities.values()), problems)


def reload() -> None:
    """Look again what is installed, when it is next asked for."""
    from vita_tui.abilities import phrases, service

    plugins.cache_clear()
    phrases.data.cache_clear()
    service.forget_languages()

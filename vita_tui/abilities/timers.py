"""Sets timers, alarms and reminders, and knows how long they have to go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from vita_tui.abilities.alarms import Alarms
from vita_tui.abilities.base import Answer, Context, Deed, Failure, Match
from vita_tui.abilities.moments import Moment, moment_of, seconds_of
from vita_tui.abilities.numbers import fold
from vita_tui.abilities.phrases import data
from vita_tui.errors import StoreError
from vita_tui.events import Alarm

__all__ = ["Timers"]

MAX_ALARMS = 50
"""Alarms at once."""


class Timers:
    """On what `alarms` keeps."""

    intents: Sequence[str] = (
        "StartTimer", "CancelTimer", "CancelAllTimers", "AddToTimer", "TakeFromTimer", "PauseTimer", "ResumeTimer",
        "TimerStatus", "SetAlarm", "CancelAlarm", "AlarmStatus", "SetReminder", "CancelReminders", "ReminderStatus",
    )  # fmt: skip

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms

    def answer(self, match: Match, context: Context) -> Answer | Deed | None:
        now = context.clock.time()
        match match.intent:
            case "StartTimer":
                if not match.slots:
                    return Answer("timer_how_long")
                name, seconds = _named_span(match)
                name = _without_article(name.strip(" -,."), match.language)
                if seconds is None or fold(name) in _words(match.language, "no_names"):
                    return None
                timer = Alarm(0, "timer", name, now + seconds, seconds, None, "", "", match.language)
                return _kept(lambda: self._start(timer))
            case "SetAlarm" | "SetReminder":
                return self._set(match, now)
            case "TimerStatus":
                if (
                    match.slots.get("name")
                    and not _about_timers(match)
                    and not self._find("timer", match, now)
                ):
                    return None  # how long something else takes
                return _kept(lambda: self._status(match, now))
            case "AlarmStatus" | "ReminderStatus":
                kind = "alarm" if match.intent == "AlarmStatus" else "reminder"
                return _kept(lambda: self._listed(kind))
            case "CancelAllTimers" | "CancelReminders":
                kind = "timer" if match.intent == "CancelAllTimers" else "reminder"
                return _kept(lambda: self._cancel_all(kind))
            case "CancelTimer" | "CancelAlarm":
                kind = "timer" if match.intent == "CancelTimer" else "alarm"
                if (
                    match.slots.get("when")
                    and moment_of(match.slots["when"], match.language, _wall(now)) is None
                ):
                    return None
                return _kept(lambda: self._cancel(kind, match, now))
            case _:
                return self._change(match, now)

    # ----

    def _start(self, alarm: Alarm) -> Answer:
        if len(self._alarms.all()) >= MAX_ALARMS:
            raise Failure("too_many_alarms", most=MAX_ALARMS)
        self._alarms.add(alarm)
        key = "timer_set_named" if alarm.name else "timer_set"
        return Answer(key, {"name": alarm.name, "length": alarm.length}, about="about_timer")

    def _set(self, match: Match, now: float) -> Deed | None:
        kind: Literal["alarm", "reminder"] = "alarm" if match.intent == "SetAlarm" else "reminder"
        if kind == "alarm":
            what, moment = "", moment_of(str(match.slots["when"]), match.language, _wall(now))
        else:
            what, moment = _what_and_when(str(match.slots["both"]), match.language, _wall(now))
        if moment is None or (kind == "reminder" and not what):
            return None
        name = _turned(what, match.language)
        alarm = Alarm(0, kind, name, moment.due, 0.0, None, moment.at, moment.days, match.language)

        def do() -> Answer:
            if len(self._alarms.all()) >= MAX_ALARMS:
                raise Failure("too_many_alarms", most=MAX_ALARMS)
            self._alarms.add(alarm)
            due = datetime.fromtimestamp(moment.due)
            return Answer(
                _set_key(kind, moment, due, _wall(now)),
                {"what": name, "due": due, "left": moment.due - now, "days": moment.days},
            )

        return _kept(do)

    def _find(self, kind: str, match: Match, now: float) -> list[Alarm]:
        """Those that are meant: by name, by length, by time, or all of the kind."""
        alarms = [alarm for alarm in self._alarms.all() if alarm.kind == kind]
        seconds = _span(match, "start_")
        name = fold(
            str(match.slots.get("name") or (match.slots.get("span") if seconds is None else "") or "")
        )
        if name:
            return [alarm for alarm in alarms if fold(alarm.name) == name]
        if seconds is not None and match.intent not in ("AddToTimer", "TakeFromTimer"):
            return [alarm for alarm in alarms if alarm.length == seconds]
        if (when := match.slots.get("when")) and (moment := moment_of(when, match.language, _wall(now))):
            return [alarm for alarm in alarms if abs(alarm.due - moment.due) < 60]
        return alarms

    def _one(self, kind: str, match: Match, now: float) -> Alarm:
        found = self._find(kind, match, now)
        if not found:
            raise Failure(f"no_such_{kind}" if self._find_any(kind) else f"no_{kind}")
        if len(found) > 1:
            raise Failure(f"which_{kind}", count=len(found))
        return found[0]

    def _find_any(self, kind: str) -> bool:
        return any(alarm.kind == kind for alarm in self._alarms.all())

    def _cancel(self, kind: str, match: Match, now: float) -> Answer:
        alarm = self._one(kind, match, now)
        self._alarms.remove([alarm])
        return Answer(f"{kind}_cancelled", {"name": alarm.name})

    def _cancel_all(self, kind: str) -> Answer:
        alarms = [alarm for alarm in self._alarms.all() if alarm.kind == kind]
        if not alarms:
            raise Failure(f"no_{kind}")
        self._alarms.remove(alarms)
        return Answer(f"{kind}s_cancelled", {"count": len(alarms)})

    def _status(self, match: Match, now: float) -> Answer:
        found = self._find("timer", match, now)
        if not found:
            raise Failure("no_such_timer" if self._find_any("timer") else "no_timer")
        if len(found) == 1:
            timer = found[0]
            if timer.left is not None:
                return Answer("timer_is_paused", {"left": timer.left})
            return Answer("timer_left", {"left": max(0.0, timer.due - now)})
        lefts = [timer.due - now if timer.left is None else timer.left for timer in found]
        return Answer("timers_left", {"count": len(found), "lefts": lefts})

    def _listed(self, kind: str) -> Answer:
        alarms = [alarm for alarm in self._alarms.all() if alarm.kind == kind]
        if not alarms:
            raise Failure(f"no_{kind}")
        dues = [datetime.fromtimestamp(alarm.due) for alarm in alarms]
        return Answer(
            f"{kind}s_listed",
            {
                "dues": dues,
                "what": [alarm.name for alarm in alarms],
                "both": list(zip(dues, [alarm.name for alarm in alarms], strict=True)),
            },
        )

    def _change(self, match: Match, now: float) -> Deed | None:
        seconds = _span(match)
        if match.intent in ("AddToTimer", "TakeFromTimer"):
            if seconds is None:
                return None
            step = seconds if match.intent == "AddToTimer" else -seconds
        else:
            step = 0.0

        def do() -> Answer:
            timer = self._one("timer", match, now)
            left = timer.due - now if timer.left is None else timer.left
            running = timer.left is None
            match match.intent:
                case "PauseTimer":
                    if not running:
                        raise Failure("timer_is_paused", left=left)
                    self._alarms.change(replace(timer, left=left))
                    return Answer("timer_paused", {"left": left})
                case "ResumeTimer":
                    if running:
                        raise Failure("timer_left", left=left)
                    self._alarms.change(replace(timer, due=now + left, left=None))
                    return Answer("timer_resumed", {"left": left})
                case _:
                    changed = left + step
                    if changed <= 0:
                        raise Failure("timer_too_short", left=left)
                    self._alarms.change(
                        replace(
                            timer,
                            due=now + changed,
                            left=None if running else changed,
                            length=timer.length + step,
                        )
                    )
                    return Answer("timer_changed", {"left": changed})

        return _kept(do)


def _kept(deed: Deed) -> Deed:
    """`deed`, which says it where the file cannot be used."""

    def do() -> Answer:
        try:
            return deed()
        except StoreError as error:
            raise Failure("alarms_not_kept", why=error.message) from None

    return do


def _wall(now: float) -> datetime:
    """What the clock on the wall shows."""
    return datetime.fromtimestamp(now)


def _span(match: Match, prefix: str = "") -> float | None:
    """The span of a sentence: in words, or as numbers of hours, minutes and seconds."""
    slots = match.slots
    if (said := slots.get("span")) is not None:
        return seconds_of(str(said), match.language)
    sizes = (("hours", 3600), ("minutes", 60), ("seconds", 1))
    parts: list[float] = [
        float(slots[f"{prefix}{name}"]) * size for name, size in sizes if f"{prefix}{name}" in slots
    ]
    return sum(parts) if parts and sum(parts) > 0 else None


def _named_span(match: Match) -> tuple[str, float | None]:
    """A timer's name, which may be empty, and its seconds, in either order: "5 minute egg"."""
    name = str(match.slots.get("name") or "").strip()
    if (both := match.slots.get("both")) is None:
        return name, _span(match)
    words = str(both).split()
    for cut in range(len(words), 0, -1):
        if (seconds := seconds_of(" ".join(words[:cut]), match.language)) is not None:
            return " ".join(words[cut:]) or name, seconds
    return name, None


def _what_and_when(text: str, language: str, wall: datetime) -> tuple[str, Moment | None]:
    """What is to be remembered, and when: the longest end, or else beginning, that is a moment."""
    words = text.strip(" .,!").split()
    links = _words(language, "links")
    cuts = [(words[:cut], words[cut:]) for cut in range(1, len(words))]
    cuts += [(words[cut:], words[:cut]) for cut in range(len(words) - 1, 0, -1)]
    for what, when in cuts:
        moment = moment_of(" ".join(when), language, wall)
        if moment is None:
            continue
        if fold(what[0].strip(",")) in links:
            what = what[1:]
        for link in links:
            if link.endswith("'") and what and what[0].lower().replace("’", "'").startswith(link):
                what = [what[0][len(link) :], *what[1:]]
        small = _words(language, "small")
        if what and fold(what[-1]) not in links and not all(fold(word) in small for word in what):
            return " ".join(what).strip(" ,"), moment
    return "", None


def _without_article(name: str, language: str) -> str:
    """ "pizza" of "the pizza"."""
    first, _, rest = name.partition(" ")
    return (
        rest
        if rest and fold(first) in (fold(word) for word in data(language)["numbers"]["articles"])
        else name
    )


def _about_timers(match: Match) -> bool:
    """Whether the sentence speaks of timers by that word."""
    return any(word in fold(match.text) for word in _words(match.language, "timer_words"))


def _words(language: str, name: str) -> Sequence[str]:
    return [fold(str(word)) for word in data(language)["moments"].get(name, ())]


def _turned(what: str, language: str) -> str:
    """Words said to us turned round: "call my mother" is "call your mother"."""
    turns: dict[str, str] = data(language)["moments"].get("turned", {})
    return " ".join(turns.get(word.lower(), word) for word in what.split())


def _set_key(kind: str, moment: Moment, due: datetime, wall: datetime) -> str:
    if moment.days:
        return f"{kind}_set_again"
    days = (due.date() - wall.date()).days
    return f"{kind}_set" if days == 0 else f"{kind}_set_tomorrow" if days == 1 else f"{kind}_set_later"

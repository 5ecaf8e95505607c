"""The time, the date, and how far a day is."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import date
from importlib import resources
from zoneinfo import ZoneInfo, available_timezones

from vita_tui.abilities.base import Answer, Context, Match
from vita_tui.abilities.dates import day_of
from vita_tui.abilities.numbers import fold
from vita_tui.abilities.phrases import data

__all__ = ["Times", "zone_of"]


class Times:
    """Tells the time."""

    intents: Sequence[str] = (
        "GetTime",
        "GetTimeIn",
        "GetDate",
        "GetDayOf",
        "DaysUntil",
        "GetWeek",
        "GetYear",
    )

    def answer(self, match: Match, context: Context) -> Answer | None:
        now = context.now()
        match match.intent:
            case "GetTime":
                return Answer("time", {"now": now})
            case "GetDate":
                return Answer("date", {"today": now.date()})
            case "GetYear":
                return Answer("year", {"year": now.year})
            case "GetWeek":
                return Answer("week", {"week": now.isocalendar().week})
            case "GetTimeIn":
                return self._elsewhere(match, context)
            case "GetDayOf":
                past = bool(match.slots.get("past"))
                day = day_of(match.slots["when"], match.language, now.date(), past=past)
                return None if day is None else Answer(_tense(day, now.date()), {"day": day})
            case _:
                when, back = match.slots.get("when"), match.slots.get("past_when")
                day = day_of(str(when or back), match.language, now.date(), past=back is not None)
                if day is None:
                    return None
                days = (day - now.date()).days
                key = "today" if days == 0 else "days_until" if days > 0 else "days_since"
                return Answer(key, {"days": abs(days), "day": day})

    def _elsewhere(self, match: Match, context: Context) -> Answer | None:
        place = str(match.slots["place"])
        zone = zone_of(place, match.language) or zone_of(place.split(",")[0], match.language)
        if zone is None:
            return None
        now = context.now()
        there = now.astimezone(ZoneInfo(zone))
        key = ("time_in", "time_in_tomorrow", "time_in_yesterday")[(there.date() - now.date()).days]
        return Answer(key, {"now": there, "place": place.title() if place.islower() else place})


def _tense(day: date, today: date) -> str:
    return "day_of" if day >= today else "day_was"


@functools.cache
def _zones() -> dict[str, str]:
    """Zones by the folded names of places: those of the zone database, and our own table of cities and countries."""
    found = {}
    for zone in sorted(available_timezones()):
        area, _, city = zone.rpartition("/")
        if area.split("/")[0] in (
            "Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
        ):  # fmt: skip
            found[fold(city.replace("_", " "))] = zone
    import yaml

    file = resources.files("vita_tui.abilities") / "zones.yaml"
    for zone, names in yaml.safe_load(file.read_text(encoding="utf-8")).items():
        found.update({fold(name): zone for name in names})
    return found


def zone_of(place: str, language: str) -> str | None:
    """The time zone of a city or a country, such as "Asia/Tokyo"; None for a place that is not known, or has several."""
    plain = fold(place)
    for word in data(language).get("places", {}).get("beginnings", ()):
        plain = plain.removeprefix(f"{fold(word)} ")
    own = {fold(name): zone for name, zone in data(language).get("places", {}).get("zones", {}).items()}
    return own.get(plain) or _zones().get(plain)

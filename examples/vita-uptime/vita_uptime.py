"""How long this computer has been running: an example of an ability for VITA."""

from __future__ import annotations

import time
from datetime import datetime

import psutil

from vita_tui.abilities.base import Answer, Context, Deed, Match

__all__ = ["Uptime"]


class Uptime:
    """Understands two sentences, in two languages."""

    intents = ("GetUptime", "GetStart")
    sentences = {  # noqa: RUF012 - it is data
        "en": {
            "intents": {
                "GetUptime": {
                    "data": [
                        {"sentences": ["how long has (this|the|my) (computer|machine) been (running|on|up)"]}
                    ]
                },
                "GetStart": {"data": [{"sentences": ["when was (this|the|my) (computer|machine) started"]}]},
            },
            "answers": {
                "running": "This computer has been running for {length:duration}.",
                "started": "It was started on {moment:date}.",
            },
            "topics": {"GetUptime": "uptime", "GetStart": "uptime"},
        },
        "de": {
            "intents": {
                "GetUptime": {
                    "data": [{"sentences": ["wie lange läuft (dieser|der|mein) (Computer|Rechner) [schon]"]}]
                },
                "GetStart": {
                    "data": [{"sentences": ["wann wurde (dieser|der|mein) (Computer|Rechner) gestartet"]}]
                },
            },
            "answers": {
                "running": "Dieser Computer läuft seit {length:duration}.",
                "started": "Er wurde am {moment:date} gestartet.",
            },
            "topics": {"GetUptime": "Laufzeit", "GetStart": "Laufzeit"},
        },
    }

    def answer(self, match: Match, context: Context) -> Answer | Deed | None:
        """The answer's key, and what fills it. What changes something is returned as a function that does it, and then answers."""
        started = psutil.boot_time()
        if match.intent == "GetStart":
            return Answer("started", {"moment": datetime.fromtimestamp(started).astimezone()})
        return Answer("running", {"length": time.time() - started})

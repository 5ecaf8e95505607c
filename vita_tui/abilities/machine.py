"""What this machine has left, and how the program itself is doing."""

from __future__ import annotations

from collections.abc import Sequence

from vita_tui import paths
from vita_tui.abilities.base import Answer, Context, Match

__all__ = ["Machine"]

GIGA = 10**9


class Machine:
    """Looks at the machine."""

    intents: Sequence[str] = ("GetBattery", "GetDisk", "GetMemory", "GetHealth")

    def answer(self, match: Match, context: Context) -> Answer | None:
        import psutil

        match match.intent:
            case "GetBattery":
                battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
                if battery is None:
                    return Answer("no_battery")
                plugged = "battery_plugged" if battery.power_plugged else "battery"
                return Answer(plugged, {"percent": round(battery.percent)})
            case "GetDisk":
                folder = next(
                    place for place in (paths.data_dir(), *paths.data_dir().parents) if place.exists()
                )
                usage = psutil.disk_usage(str(folder))
                return Answer("disk", {"free": round(usage.free / GIGA), "total": round(usage.total / GIGA)})
            case "GetMemory":
                memory = psutil.virtual_memory()
                return Answer(
                    "memory",
                    {"free": round(memory.available / 2**30), "total": round(memory.total / 2**30)},
                )
            case _:
                if context.troubles:
                    return Answer("troubled", {"troubles": "; ".join(context.troubles)})
                return Answer("well")

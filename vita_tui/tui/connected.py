"""Who is connected to the `vita serve` programs of this user, as the diagnostics screen shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from textual.content import Content

from vita_tui.errors import VitaError
from vita_tui.tui.formatting import clean, duration, size
from vita_tui.tui.look import MUTED

__all__ = ["connected_clients", "connection_row"]

ANSWER_SECONDS = 2.0
"""In which a server must have told; one that is stopped is left out."""


async def connected_clients() -> Sequence[Sequence[dict[str, Any]]]:
    """The connections of each server that runs and answers, as `Connection.shown` tells them; oldest first."""
    from vita_tui.health.control import Program, programs
    from vita_tui.health.control_calls import call

    async def asked(program: Program) -> list[dict[str, Any]] | None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return list(await call(program, "connections"))
        except (VitaError, TimeoutError):
            return None

    servers = [program for program in await asyncio.to_thread(programs) if program.serves]
    return [found for found in await asyncio.gather(*map(asked, servers)) if found is not None]


def connection_row(told: dict[str, Any]) -> tuple[Content, ...]:
    """Cells of one connection: its name, who, what, state, for how long, bytes."""
    sizes = f"{size(told['bytes_in'])} in, {size(told['bytes_out'])} out"
    return (
        Content(clean(str(told["id"]))),
        Content(clean(str(told["client"]))),
        Content.styled(clean(str(told["about"])), MUTED),
        Content(clean(str(told["state"]))),
        Content(duration(float(told["age_seconds"]))),
        Content.styled(sizes, MUTED),
    )

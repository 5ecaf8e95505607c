"""The program as a whole: the screen, the memory, the server, and two results beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vita_tui.cli.bench.tables import TURN, Beside, Json, ms, table, three
from vita_tui.cli.output import print_json, quiet_libraries, run_async, say

__all__ = ["compare", "memory", "serve", "ui"]


_SCREEN = {
    "key_busy_ms": "key, all engines busy",
    "key_idle_ms": "key, idle",
    "name_ms": "VITA's name is there",
    "first_paint_ms": "the screen is painted",
    "bare_paint_ms": "  an empty Textual one",
    "ready_ms": "every engine is ready",
    "quit_ms": "quit, in mid-reply",
}


def ui(
    rounds: Annotated[
        int, typer.Option("--rounds", "-n", min=1, help="How often VITA is opened and left.")
    ] = 5,
    keys: Annotated[
        int, typer.Option("--keys", min=1, help="Keys while it idles, and again while it works.")
    ] = 200,
    busy: Beside = 0,
    json: Json = False,
) -> None:
    """How quickly the screen paints, is ready, answers keys and closes.

    VITA is opened on a pseudo-terminal. Starting counts to the first paint and until every engine is ready; quitting, from the key in
    the middle of a reply until the program is gone. A key counts from the byte that is sent until its letter is painted: once
    while VITA idles, and once while a reply is streamed and spoken (into a silent speaker), the microphone is open, and
    recognition decodes. Your settings and models are used; your conversations are not touched. Linux and macOS.
    """
    from vita_tui.bench.beside import beside
    from vita_tui.bench.ui import measure

    with beside(busy):
        result = measure(rounds, keys, progress=say)
    result["beside"] = busy
    if json:
        print_json(result)
        return
    rows = []
    for name, words in _SCREEN.items():
        target = result["targets"].get(name)
        aim = f"{target['figure']} ≤ {ms(target['at_most'])}" if target else ""
        rows.append(
            (words, *three(result[name]), aim, {True: "✓", False: "✗"}[target["met"]] if target else "")
        )
    table("The screen", ("", "p50", "p95", "max", "target", ""), rows)


def memory(
    rounds: Annotated[int, typer.Option("--rounds", "-n", min=1, help="Turns; questions come again.")] = 16,
    idle: Annotated[
        float, typer.Option("--idle", min=1.0, metavar="SECONDS", help="How long to listen to silence.")
    ] = 10.0,
    json: Json = False,
) -> None:
    """Memory of a voice session with its child process, and the processor while it listens and nobody speaks."""
    from vita_tui import settings as all_settings
    from vita_tui.bench import recordings
    from vita_tui.bench.footprint import measure

    settings = all_settings.load(overrides=TURN)
    with quiet_libraries():
        result = run_async(
            measure(settings, recordings.synthesised(), rounds, idle_seconds=idle, progress=say)
        )
    if json:
        print_json(result)
        return
    rows = [
        ("before anything is loaded", f"{result['empty_mb']:,.0f} MB", ""),
        ("all engines ready", f"{result['ready_mb']:,.0f} MB", ""),
        ("most", f"{result['peak_mb']:,.0f} MB", "650 MB"),
        (f"after {result['rounds']} turns", f"{result['after_mb']:,.0f} MB", ""),
        ("listening to silence", f"{result['idle_core']:.1%} of a core", "8 %"),
    ]
    table("A voice session, with its child process", ("", "seen", "aim"), rows)
    if result["growth"] is not None:
        say(f"The second half of the turns took {result['growth']:+.1%} over the first.")


def serve(
    clients: Annotated[
        int, typer.Option("--clients", "-n", min=1, max=256, help="Most at once: 1, 2, 4, … until then.")
    ] = 64,
    seconds: Annotated[
        float,
        typer.Option("--seconds", min=1.0, metavar="SECONDS", help="How long each number of them talks."),
    ] = 20.0,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Spoken questions; otherwise espeak-ng asks.")
    ] = None,
    json: Json = False,
) -> None:
    """How many people one vita serve carries: more and more clients that talk in real time, until it breaks.

    Needs the extra serve. Each asks, hears the answer to its end, and asks again a second later; people who use an assistant
    speak less than that. The knee is where the first sound of an answer takes twice as long, in the median, as for one client.
    """
    from vita_tui.bench import recordings
    from vita_tui.bench.server_load import CLIENTS, measure

    questions = recordings.folder(folder) if folder is not None else recordings.synthesised()
    levels = sorted({*(one for one in (*CLIENTS, 128, 256) if one < clients), clients})
    result = run_async(measure(questions, levels, seconds=seconds, progress=say))
    if json:
        print_json(result)
        return

    def both(figures: dict[str, float] | None) -> str:
        return f"{figures['p50'] / 1000:.1f} / {figures['p95'] / 1000:.1f} s" if figures else "none"

    rows = [
        (
            row["clients"],
            f"{row['answered']} of {row['asked']}",
            row["refused"],
            row["late"] + row["lost"] + row["failed"],
            both(row["transcript_ms"]),
            both(row["audio_ms"]),
            f"{row['processor']:.0%}",
            f"{row['memory_mb']:,} MB",
        )
        for row in result["levels"]
    ]
    heads = ("", "answered", "refused", "lost", "transcript", "first audio", "CPU", "memory")
    table(f"Clients that talk at once, p50 / p95, on {result['cores']} cores", heads, rows)
    knee, broke = result["knee"], result["broke"]
    say(f"The knee is at {knee} clients." if knee else "There is no knee up to here.")
    say(f"It broke at {broke}." if broke else "It did not break.")


def compare(
    before: Annotated[Path, typer.Argument(metavar="A.json")],
    after: Annotated[Path, typer.Argument(metavar="B.json")],
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Tell a change from noise between two results of vita bench … --json."""
    from vita_tui.bench import compare as comparing

    found = comparing.compare(comparing.load(before), comparing.load(after))
    if json:
        print_json(found)
        return
    rows = [
        (
            one["figure"],
            one["before"],
            one["after"],
            "" if one["change"] is None else f"{one['change']:+.1%}",
            "" if one["interval"] is None else "{:+.0%} … {:+.0%}".format(*one["interval"]),
            one["verdict"],
        )
        for one in found
    ]
    table("Medians, and the 95 % interval of their change", ("", "A", "B", "change", "interval", ""), rows)

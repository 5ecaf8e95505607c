"""`vita bench`: measure VITA on this machine, with its own parts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vita_tui.bench import ablations
from vita_tui.cli.output import print_json, quiet_libraries, run_async, say
from vita_tui.errors import VitaError

if TYPE_CHECKING:
    from vita_tui.settings import Settings

__all__ = ["app"]

app = typer.Typer(
    help="Measure recognition, whole turns, memory and the screen on this machine; tell a change from noise.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[
    bool, typer.Option("--json", help="As JSON, with every single figure, for vita bench compare.")
]

Pause = Annotated[bool, typer.Option("--pause", help="A pause ends each question, instead of the key.")]

TURN: dict[str, dict[str, Any]] = {
    "sessions": {"store": "memory"},
    "audio": {"earcons": False, "speak": True},
}
"""Settings of a measured turn."""


@app.command("stt")
def stt(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Recordings with a refs.tsv: a heading file<TAB>transcript, then a line for each."
        ),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="Whisper model instead of stt.model.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Use only so many recordings.")] = 1000,
    runtimes: Annotated[
        bool, typer.Option("--runtimes", help="Compare ONNX Runtime with CTranslate2 instead.")
    ] = False,
    json: Json = False,
) -> None:
    """Word errors and time of recognition as a turn uses it, against faster-whisper's own transcribe.

    Every recording is heard in real time, so this takes a little longer than the recordings together.
    """
    from vita_tui import settings as all_settings
    from vita_tui.bench import recordings
    from vita_tui.bench.stt import default_folder, measure

    folder = folder or default_folder()
    if folder is None:
        raise typer.BadParameter(
            "which recordings? A folder with a refs.tsv: a heading file<TAB>transcript, then a line for each recording",
            param_hint="FOLDER",
        )
    settings = all_settings.load(
        overrides={
            "stt": {"fallback": [], **({"model": model} if model else {})},
            # The end of a recording is the key; its pauses are not.
            "talk": {"adaptive": False, "end_silence": 10.0},
        }
    )
    if runtimes:
        _runtimes(settings, folder, limit, json=json)
        return
    found = recordings.with_references(folder)[:limit]
    with quiet_libraries():
        result = run_async(measure(settings, found, say))
    if json:
        print_json(result)
        return
    rows = [
        (_STT[name], f"{one['wer']:.1%}", _ms(one["ms_p50"]), _ms(one["ms_p95"]), f"{one['rtf']:.3f}")
        for name in _STT
        if (one := result.get(name))
    ]
    _table(f"Whisper {result['model']}, {len(found)} recordings", ("", "WER", "p50", "p95", "RTF"), rows)
    if result["ratio"] is not None:
        say(f"Ours is {result['ratio']} times as fast as transcribe.")
    words = result["words"]
    low, high = words["interval"]
    say(
        f"Of {words['spoken']} words it has {abs(words['more_wrong'])} "
        f"{'fewer' if words['more_wrong'] < 0 else 'more'} wrong than transcribe, "
        f"which {'may be' if low <= 0 <= high else 'is more than'} chance ({low:+} to {high:+} with 95 %)."
    )
    tripped = [one["file"] for one in result["utterances"] if one["guard"]]
    say(f"The guard had decoded again: {', '.join(tripped) or 'nothing'}.")
    if result["partials"]["count"]:
        partials = result["partials"]
        lag, interval = partials["lag_ms"], partials["interval_ms"] or {"p50": 0.0}
        say(
            f"Partials: every {interval['p50']:.0f} ms of speech, {partials['per_second']} a second of recording; "
            f"{lag['p50']:.0f} ms behind (p95 {lag['p95']:.0f})."
        )


def _runtimes(settings: Settings, folder: Path, limit: int, *, json: bool) -> None:
    from vita_tui.bench import runtimes

    found = runtimes.gathered(folder)[:limit]
    with quiet_libraries():
        samples = runtimes.measure(settings, found, lambda sample: say(f"{sample.file} {sample.runtime}"))
    result = runtimes.report(settings, found, samples)
    result["start_up"] = runtimes.start_up(settings)
    if json:
        print_json(result)
        return
    rows = [
        (
            name,
            _ms(one["final_ms"]["p50"]),
            _ms(one["final_ms"]["p95"]),
            _ms(one["partial_ms"]["p50"]),
            _ms(one["partial_ms"]["p95"]),
            f"{one['wrong']} of {one['words']}",
            f"{one['found']} of {one['to_find']}",
            f"{result['start_up'][name]['megabytes']['p50']:.0f} MB",
            f"{result['start_up'][name]['seconds']['p50']:.1f} s",
        )
        for name in runtimes.RUNTIMES
        if (one := result[name])
    ]
    head = ("", "final p50", "p95", "partial p50", "p95", "wrong", "found", "memory", "start")
    _table(f"Whisper {result['model']}, {len(found)} recordings", head, rows)


@app.command("spoken")
def spoken(
    file: Annotated[
        Path | None,
        typer.Argument(help="Pairs: a heading, then lines of language<TAB>written<TAB>spoken."),
    ] = None,
    others: Annotated[bool, typer.Option("--others", help="Also nemo-text-processing and wetext.")] = False,
    python: Annotated[
        str, typer.Option("--python", metavar="FILE", help="The interpreter that has the others.")
    ] = sys.executable,
    faults: Annotated[bool, typer.Option("--faults", help="Also what was said otherwise.")] = False,
    json: Json = False,
) -> None:
    """What is said for numbers, money, dates, code and formulas, judged by a list of pairs, beside libraries that do the same."""
    from dataclasses import asdict

    from vita_tui.bench import spoken as bench

    file = file or bench.default_file()
    if file is None:
        raise typer.BadParameter(
            "which pairs? A file of language, written and spoken text", param_hint="FILE"
        )
    found = bench.pairs(file)
    results = [
        result
        for library in (bench.LIBRARIES if others else bench.LIBRARIES[:1])
        for result in bench.measure(found, library, sys.executable if library == "vita" else python)
    ]
    if json:
        print_json([asdict(result) for result in results])
        return
    rows = [
        (
            one.language,
            one.library,
            f"{one.wrong} of {one.pairs}",
            f"{one.letters:.1%}",
            f"{one.ms:.2f} ms",
            _ms(one.prepare_ms),
            f"{one.memory_mb:.0f} MB",
        )
        for one in sorted(results, key=lambda result: result.language)
    ]
    _table(
        f"{len(found)} pairs",
        ("", "", "said otherwise", "letters", "a text", "until the first", "memory"),
        rows,
    )
    if faults:
        for one in results:
            for written, said, right in one.faults:
                say(f"{one.library} {one.language}: {written}\n  said: {said}\n  nearest: {right}")


@app.command("endpoint")
def endpoint(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Recordings, each one turn of somebody; otherwise espeak-ng's questions."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Use only so many recordings.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Of where and how long the holds are.")] = 1,
    json: Json = False,
) -> None:
    """How often a pause is wrongly taken for the end, against how long the end is waited for.

    Each recording is cut at three random word boundaries, where a silence is put in as long as people's really are.
    """
    from vita_tui import settings as all_settings
    from vita_tui.bench import recordings
    from vita_tui.bench.endpoint import WAYS, report
    from vita_tui.bench.holds import silences
    from vita_tui.conversation.build import place, recognizers
    from vita_tui.engines.turn.smart_turn import SmartTurn
    from vita_tui.events import EventBus

    settings = all_settings.load(overrides={"stt": {"fallback": []}})
    found = (recordings.folder(folder) if folder is not None else recordings.synthesised())[:limit]
    with quiet_libraries():
        recognizer = recognizers(settings, EventBus()).engines[0]
        recognizer.load()
        scorer = SmartTurn(place("turn", "smart-turn"))
        scorer.load()
        made = []
        for number, silence in enumerate(silences(found, recognizer, scorer, seed=seed), 1):
            if silence.kind == "end":
                say(f"{number} silences: {silence.recording}")
            made.append(silence)
        recognizer.cleanup()
    result = report(made, settings.talk.end_silence)
    if json:
        print_json(result)
        return

    def share(value: float | None) -> str:
        return "–" if value is None else f"{value:.0%}"

    def wait(value: float | None) -> str:
        return "–" if value is None else f"{value:.0f} ms"

    rows = [
        (
            _ENDPOINT[name],
            share(result[name]["cutoffs_at_300"]),
            share(result[name]["cutoffs_at_600"]),
            wait(result[name]["ms_at_5_percent"]),
            wait(result[name]["ms_at_10_percent"]),
            f"{share(result[name]['as_set']['cutoffs'])} at {wait(result[name]['as_set']['ms_p50'])}",
        )
        for name in WAYS
    ]
    _table(
        f"{result['recordings']} recordings, {result['holds']} holds",
        ("", "cut off at 300 ms", "at 600 ms", "wait at 5 %", "at 10 %", "as set: cut off, p50"),
        rows,
    )


_ENDPOINT = {
    "vad": "a fixed silence",
    "rules": "the words",
    "smart_turn": "the sound",
    "fused": "the sound and the words",
}


@app.command("turn")
def turn(
    rounds: Annotated[int, typer.Option("--rounds", "-n", min=1, help="Turns; questions come again.")] = 8,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Spoken questions; otherwise espeak-ng asks.")
    ] = None,
    cascade: Annotated[
        bool, typer.Option("--cascade/--no-cascade", help="Also the same engines one after the other.")
    ] = True,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            help=f"Leave a technique out: {', '.join(ablations.TECHNIQUES)}.",
        ),
    ] = None,
    pause: Pause = False,
    json: Json = False,
) -> None:
    """Time from the end of a question to the first sound of its answer, against the same engines one after the other.

    Every question is heard in real time, through the microphone's own code.
    """
    from vita_tui import settings as all_settings
    from vita_tui.bench import recordings
    from vita_tui.bench.turn import measure

    settings = all_settings.load(overrides={**TURN, **ablations.without(without or ())})
    questions = recordings.folder(folder) if folder is not None else recordings.synthesised()
    with quiet_libraries():
        result = run_async(measure(settings, questions, rounds, cascade=cascade, pause=pause, progress=say))
    if json:
        print_json(result)
        return
    rows = [("voice to voice", *_three(result["voice_to_voice_ms"]))]
    rows += [
        (f"  until {name}", *_three(one))
        for name, one in result["stages_ms"].items()
        if name != "voice_to_voice"
    ]
    if result["cascade_ms"]:
        rows.append(("one after the other", *_three(result["cascade_ms"])))
        rows += [(f"  {name}", *_three(one)) for name, one in result["cascade_stages_ms"].items()]
    _table(f"{result['rounds']} turns", ("", "p50", "p95", "max"), rows)
    if result["ratio"] is not None:
        say(f"A turn is {result['ratio']} times as fast as its engines one after the other.")
    say(f"Most memory, with children: {result['memory_mb']} MB.")


@app.command("ui")
def ui(
    rounds: Annotated[
        int, typer.Option("--rounds", "-n", min=1, help="How often VITA is opened and left.")
    ] = 5,
    keys: Annotated[
        int, typer.Option("--keys", min=1, help="Keys while it idles, and again while it works.")
    ] = 200,
    json: Json = False,
) -> None:
    """How quickly the screen paints, is ready, answers keys and closes.

    VITA is opened on a pseudo-terminal. Starting counts to the first paint and until every engine is ready; quitting, from the key in
    the middle of a reply until the program is gone. A key counts from the byte that is sent until its letter is painted: once
    while VITA idles, and once while a reply is streamed and spoken (to a speaker that nobody hears), the microphone is open, and
    recognition decodes. Your settings and models are used; your conversations are not touched. Linux and macOS.
    """
    from vita_tui.bench.ui import measure

    result = measure(rounds, keys, progress=say)
    if json:
        print_json(result)
        return
    rows = []
    for name, words in _SCREEN.items():
        target = result["targets"].get(name)
        aim = f"{target['figure']} ≤ {_ms(target['at_most'])}" if target else ""
        rows.append(
            (words, *_three(result[name]), aim, {True: "✓", False: "✗"}[target["met"]] if target else "")
        )
    _table("The screen", ("", "p50", "p95", "max", "target", ""), rows)


@app.command("memory")
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
    from vita_tui.bench.memory import measure

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
    _table("A voice session, with its child process", ("", "seen", "aim"), rows)
    if result["growth"] is not None:
        say(f"The second half of the turns took {result['growth']:+.1%} over the first.")


@app.command("answers")
def answers(
    rounds: Annotated[
        int, typer.Option("--rounds", "-n", min=1, help="How often each question is asked.")
    ] = 1,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Ask only so many questions.")] = 1000,
    json: Json = False,
) -> None:
    """How many of sixty simple questions the language model answers rightly, and what the examples that it is shown are worth.

    A right answer has one of the words that belong to its question. The server of llm.base_url is asked where one is set.
    """
    from vita_tui import settings as all_settings
    from vita_tui.bench.answers import measure

    with quiet_libraries():
        result = run_async(measure(all_settings.load(), rounds, limit, say))
    if json:
        print_json(result)
        return
    rows = [
        (
            words,
            f"{one['right']} of {one['asked']}",
            one["cut"],
            f"{one['words']['p50']:.0f}",
            _ms(one["first_ms"]["p50"]),
            _ms(one["ms"]["p50"]),
        )
        for name, words in (("shown", "as in a turn"), ("unshown", "without the examples"))
        if (one := result.get(name))
    ]
    _table(result["model"], ("", "right", "cut off", "words", "first word", "whole answer"), rows)


@app.command("growth")
def growth(
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw it, as .svg or .png; needs the extra plot."),
    ] = None,
    json: Json = False,
) -> None:
    """How the cost grows with history, speech, reply and conversations, each doubled four times; two minutes."""
    from vita_tui import settings as all_settings
    from vita_tui.bench import growth as growing

    settings = all_settings.load(overrides=TURN)
    with quiet_libraries():
        result = run_async(growing.measure(settings, say))
    if plot is not None:
        try:
            growing.plot(result, plot)
        except ImportError:
            raise VitaError(
                "matplotlib, which draws the plot, is not installed.", remedy="pip install 'vita-tui[plot]'"
            ) from None
    if json:
        print_json(result)
        return
    for name in growing.SIZES:
        lines = [key for key in result[name][0] if key != "size"]
        rows = [(row["size"], *(f"{row[line]:,.1f} ms" for line in lines)) for row in result[name]]
        _table(name.capitalize(), ("", *lines), rows)


@app.command("compare")
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
    _table("Medians, and the 95 % interval of their change", ("", "A", "B", "change", "interval", ""), rows)


@app.command("ablations")
def ablations_(
    rounds: Annotated[int, typer.Option("--rounds", "-n", min=1, help="Turns for each technique.")] = 8,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Spoken questions; otherwise espeak-ng asks.")
    ] = None,
    pause: Pause = False,
    json: Json = False,
) -> None:
    """What each technique is worth: voice to voice with all of them, and with each of them left out, in one run."""
    from vita_tui import settings as all_settings
    from vita_tui.bench import recordings
    from vita_tui.bench.turn import measure

    questions = recordings.folder(folder) if folder is not None else recordings.synthesised()
    results: dict[str, dict[str, Any]] = {}
    for name in ("", *ablations.TECHNIQUES):
        say(f"without {name}" if name else "with all techniques")
        settings = all_settings.load(overrides={**TURN, **ablations.without([name] if name else ())})
        with quiet_libraries():
            measured = measure(settings, questions, rounds, cascade=False, pause=pause)
            results[name or "all"] = run_async(measured)
    if json:
        print_json(results)
        return
    best = results["all"]["voice_to_voice_ms"]["p50"]
    rows = [
        (
            "all" if name == "all" else f"without {name}",
            *_three(one["voice_to_voice_ms"]),
            "" if name == "all" else f"{one['voice_to_voice_ms']['p50'] / best:.2f}",
        )
        for name, one in results.items()
    ]
    _table(f"Voice to voice, {rounds} turns each", ("", "p50", "p95", "max", "of all"), rows)


def _three(figures: dict[str, float]) -> tuple[str, str, str]:
    return _ms(figures["p50"]), _ms(figures["p95"]), _ms(figures["max"])


_SCREEN = {
    "key_busy_ms": "key, all engines busy",
    "key_idle_ms": "key, idle",
    "name_ms": "VITA's name is there",
    "first_paint_ms": "the screen is painted",
    "bare_paint_ms": "  an empty Textual one",
    "ready_ms": "every engine is ready",
    "quit_ms": "quit, in mid-reply",
}
_STT = {
    "ours": "ours, as in a turn",
    "decode": "ours, all at once",
    "transcribe": "transcribe",
    "greedy": "transcribe, greedy",
}


def _ms(value: float) -> str:
    return f"{value:,.0f} ms"


def _table(title: str, heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """A table on stdout."""
    from rich.table import Table

    from vita_tui.cli.output import table as print_table

    table = Table(title=title, title_justify="left")
    for index, head in enumerate(heads):
        table.add_column(head, justify="right" if index else "left", no_wrap=not index)
    for row in rows:
        table.add_row(*map(str, row))
    print_table(table)

"""What is heard and what is said: recognition, the end of a turn, and written things as words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vita_tui.cli.bench.tables import Json, ms, table
from vita_tui.cli.output import echo, print_json, quiet_libraries, run_async, say

if TYPE_CHECKING:
    from vita_tui.bench.recordings import SpokenSample
    from vita_tui.settings import Settings

__all__ = ["endpoint", "spoken", "stt"]


_STT = {
    "in_use": "hands-free",
    "key": "between two keys",
    "file": "as a file",
    "transcribe": "transcribe",
}


_ENDPOINT = {
    "vad": "a fixed silence",
    "rules": "the words",
    "smart_turn": "the sound",
    "text": "the words and the model",
    "without_model": "the sound and the words",
    "fused": "all of them",
}


def stt(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Recordings with a refs.tsv (a heading file<TAB>transcript, then a line for each) or a words.tsv (file<TAB>words that must "
            "be found), or digits that are named as those of the Free Spoken Digit Dataset."
        ),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="Whisper model instead of stt.model.")
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Use only this many recordings, spread over all.")
    ] = 1000,
    runtimes: Annotated[
        bool, typer.Option("--runtimes", help="Compare ONNX Runtime with CTranslate2 instead.")
    ] = False,
    condition: Annotated[
        str,
        typer.Option(
            "--as", metavar="NAME", help="telephone, noise10, noise5 (dB below speech), quick or slow."
        ),
    ] = "",
    words: Annotated[
        Path | None,
        typer.Option(
            "--words", metavar="FILE", help="Words of one's own, one a line: what they are worth, instead."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Word errors and time of recognition in the ways in which it is used, against faster-whisper's own transcribe.

    Every recording is heard in a room with noise of -70 or -50 dBFS, 0.3 to 0.7 s after its beginning: hands-free, where a pause ends it;
    between two presses of the key; as a file; and by transcribe. The first two run in virtual time, so nothing waits for the sound to be
    played: all four together take about twice as long as the recordings. Without a transcript, what transcribe understood is the
    reference, and the words of a words.tsv must be found.

    With --words, espeak-ng says sentences with each of them, in three voices, and the recordings of FOLDER are heard as speech without
    them: in both, with and without these words as stt.words.
    """
    from vita_tui import settings as all_settings
    from vita_tui.bench import recordings
    from vita_tui.bench.conditions import CONDITIONS, under
    from vita_tui.bench.stt import default_folder, measure

    if condition not in {"", *CONDITIONS}:
        raise typer.BadParameter(f"it is one of {', '.join(CONDITIONS)}", param_hint="--as")
    folder = folder or default_folder()
    if folder is None and words is None:
        raise typer.BadParameter(
            "which recordings? A folder with a refs.tsv: a heading file<TAB>transcript, then a line for each recording",
            param_hint="FOLDER",
        )
    settings = all_settings.load(overrides={"stt": {"fallback": [], **({"model": model} if model else {})}})
    if words is not None:
        _names(settings, words, recordings.folder(folder) if folder else [], limit, json=json)
        return
    assert folder is not None
    if runtimes:
        _runtimes(settings, folder, limit, json=json)
        return
    found = recordings.spread_over(recordings.reference_recordings(folder), limit)
    if condition:
        found = [under(one, condition) for one in found]
    with quiet_libraries():
        result = run_async(measure(settings, found, say))
    if json:
        print_json(result)
        return
    heads = ["", "WER", "p50", "p95"]
    parts = [part for part in ("short", "long") if part in result["file"]]
    heads += [f"{part}: WER" for part in parts]
    if "words_found" in result["file"]:
        heads.append("words found")
    rows = []
    for name, title in _STT.items():
        one = result[name]
        row = [title, f"{one['wer']:.1%}", ms(one["ms_p50"]), ms(one["ms_p95"])]
        row += [f"{one[part]['wer']:.1%}" for part in parts]
        if "words_found" in one:
            row.append(f"{one['words_found']:.1%}")
        rows.append(tuple(row))
    table(f"Whisper {result['model']}, {len(found)} recordings", tuple(heads), rows)
    compared = result["words"]
    for name in ("in_use", "key", "file"):
        more, (low, high) = compared[name]["more_wrong"], compared[name]["interval"]
        say(
            f"{_STT[name]}: of {compared['spoken']} words {abs(more)} {'fewer' if more < 0 else 'more'} wrong than transcribe, "
            f"which {'may be' if low <= 0 <= high else 'is more than'} chance ({low:+} to {high:+} with 95 %)."
        )
    used = result["in_use"]
    say(
        f"Hands-free, {used['cut_off']} recordings were taken for more than one turn, {used['not_heard']} not heard."
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


def _names(settings: Settings, file: Path, others: list[SpokenSample], limit: int, *, json: bool) -> None:
    from vita_tui.bench.names import measure
    from vita_tui.bench.recordings import spread_over

    try:
        words = [word for line in file.read_text(encoding="utf-8").splitlines() if (word := line.strip())]
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}", param_hint="--words") from None
    with quiet_libraries():
        result = measure(settings, words, spread_over(others, limit), say)
    if json:
        print_json(result)
        return
    echo(
        f"Wrong of {result['spoken']} names: {result['wrong_without']:.0%} without stt.words, {result['wrong_with']:.0%} with."
    )
    echo(
        f"Put in where nobody said one, in {result['other_seconds']:.0f} s of other speech: {result['inserted']}."
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
            ms(one["final_ms"]["p50"]),
            ms(one["final_ms"]["p95"]),
            ms(one["partial_ms"]["p50"]),
            ms(one["partial_ms"]["p95"]),
            f"{one['wrong']} of {one['words']}",
            f"{one['found']} of {one['to_find']}",
            f"{result['start_up'][name]['megabytes']['p50']:.0f} MB",
            f"{result['start_up'][name]['seconds']['p50']:.1f} s",
        )
        for name in runtimes.RUNTIMES
        if (one := result[name])
    ]
    head = ("", "final p50", "p95", "partial p50", "p95", "wrong", "found", "memory", "start")
    table(f"Whisper {result['model']}, {len(found)} recordings", head, rows)


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
            ms(one.prepare_ms),
            f"{one.memory_mb:.0f} MB",
        )
        for one in sorted(results, key=lambda result: result.language)
    ]
    table(
        f"{len(found)} pairs",
        ("", "", "said otherwise", "letters", "a text", "until the first", "memory"),
        rows,
    )
    if faults:
        for one in results:
            for written, said, right in one.faults:
                say(f"{one.library} {one.language}: {written}\n  said: {said}\n  nearest: {right}")


def endpoint(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Recordings, each one turn of somebody; otherwise turns that three voices speak."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Use only this many recordings.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Of where and how long the holds are.")] = 1,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", metavar="FOLDER", help="Also write the turns there, as eot-bench reads them."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """How often a pause is wrongly taken for the end, against how long the end is waited for.

    Holds are the silences that a recording has inside, and three that are put in at random word boundaries, as long as people's really are.
    """
    import asyncio

    from vita_tui import settings as all_settings
    from vita_tui.bench import endpoint_data, recordings
    from vita_tui.bench.endpoint import WAYS, report
    from vita_tui.bench.holds import silences
    from vita_tui.conversation.build import recognizers, responders
    from vita_tui.engines.llm.base import EndPredicting, Message
    from vita_tui.engines.turn.smart_turn import SmartTurn
    from vita_tui.events import EventBus
    from vita_tui.models.lookup import place

    settings = all_settings.load(overrides={"stt": {"fallback": []}})
    if folder is not None:
        found = endpoint_data.numbers_of(recordings.folder(folder), seed=seed)[:limit]
    else:
        found = endpoint_data.standard(say)[:limit]
    made = []
    with quiet_libraries(), asyncio.Runner() as runner:
        recognizer = recognizers(settings, EventBus()).engines[0]
        recognizer.load()
        scorer = SmartTurn(place("turn", "smart-turn"))
        scorer.load()
        responder = responders(settings, EventBus()).engines[0]
        runner.run(responder.load())
        before: list[Message] = [{"role": "system", "content": settings.llm.system_prompt.strip()}]

        def likely(text: str) -> float | None:
            if not isinstance(responder, EndPredicting):
                return None
            return runner.run(responder.end_probability([*before, {"role": "user", "content": text}]))

        try:
            for number, silence in enumerate(silences(found, recognizer, scorer, likely, seed=seed), 1):
                if silence.kind == "end":
                    say(f"{number} silences: {silence.recording}")
                made.append(silence)
        finally:
            recognizer.cleanup()
            runner.run(responder.cleanup())
    if export is not None:
        endpoint_data.export(found, made, export)
    result = report(made, settings.talk.end_silence)
    if json:
        print_json(result)
        return

    def share(value: float | None) -> str:
        return "–" if value is None else f"{value:.0%}"

    def wait(value: float | None) -> str:
        return "–" if value is None else f"{value:.0f} ms"

    for words, part in (
        ("", result),
        (" of their own", result["natural"]),
        (" that were made", result["made"]),
    ):
        if not part["holds"]:
            continue
        rows = [
            (
                _ENDPOINT[name],
                share(part[name]["cutoffs_at_300"]),
                share(part[name]["cutoffs_at_600"]),
                wait(part[name]["ms_at_5_percent"]),
                wait(part[name]["ms_at_10_percent"]),
                f"{share(part[name]['as_set']['cutoffs'])} at {wait(part[name]['as_set']['ms_p50'])}",
            )
            for name in WAYS
        ]
        table(
            f"{part['recordings']} recordings, {part['holds']} holds{words}",
            ("", "cut off at 300 ms", "at 600 ms", "wait at 5 %", "at 10 %", "as set: cut off, p50"),
            rows,
        )
    auc = ", ".join(
        f"{_ENDPOINT[name]} {value:.3f}" for name, value in result["auc"].items() if value is not None
    )
    say(f"Area under the ROC curve, of holds and ends: {auc}.")

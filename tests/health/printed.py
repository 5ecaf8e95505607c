"""What `python -m tests.health.proofs` prints: each proof beside its ablation, at its full size unless a variable says otherwise."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from unittest import mock

from tests.health import cascade, killed, linearizable, proofs
from tests.sessions import proofs as sessions
from tests.sessions.careless import lost_without_versions
from tests.sessions.contention import measure_contention
from vita_tui.audio.base import Samples
from vita_tui.audio.files import read_audio
from vita_tui.health.process_memory import MB

__all__ = ["PROOFS", "run"]

OPERATIONS = int(os.environ.get("VITA_TEST_OPERATIONS", "100000"))
KILLS = int(os.environ.get("VITA_PROOF_KILLS", "200"))
HISTORIES = int(os.environ.get("VITA_PROOF_HISTORIES", "20000"))


def _out(line: str = "") -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _question(folder: Path) -> Samples:
    file = folder / "question.wav"
    subprocess.run(["espeak-ng", "-w", str(file), "How many days are in a week?"], check=True)
    return read_audio(file)


def leak() -> None:
    _out("leak: 200,000 metrics in a simulated day")
    for limits in (True, False):
        found = proofs.leak(limits=limits)
        _out(
            f"  {'limits' if limits else 'no limits'}: at most {found.most:,} live, {found.half / 1e6:.2f} MB after half, "
            f"{found.whole / 1e6:.2f} MB at the end, second half {found.growth:+.1%}"
        )


def day() -> None:
    _out("day: 20,000 sessions of 4 KB in a simulated day")
    for most in (1000, 20_000):
        # In memory where that can be: forty thousand trips to a disk take long, and are not what is measured.
        shm = Path("/dev/shm")
        with tempfile.TemporaryDirectory(prefix="vita-day-", dir=shm if shm.is_dir() else None) as folder:
            one = asyncio.run(sessions.leak(Path(folder), 20_000, most))
        _out(
            f"  {'limit' if most == 1000 else 'no limit'}: at most {one.most:,} live, {one.stored:,} stored, "
            f"{one.half / 1e6:.1f} MB after half, {one.whole / 1e6:.1f} MB at the end, second half {one.growth:+.2%}"
        )


def races(*kinds: str) -> None:
    _out(f"races: {OPERATIONS:,} operations, {sessions.ROUND:,} at a time on 16 sessions")
    for kind in kinds or ("memory", "sqlite", "redis"):
        with sessions.store_place(kind) as place:
            one = asyncio.run(sessions.races(kind, OPERATIONS, place))
        writers = f"{one.processes} × 16" if one.processes > 1 else "16"
        _out(
            f"  {kind}, {writers} threads: {one.updates:,} updates, {one.lost} lost, {one.doubled} doubled, {one.stale} stale, "
            f"{one.conflicts:,} conflicts merged, {one.errors} errors, counters {'exact' if one.exact else 'WRONG'}, "
            f"{one.seconds:.0f} s"
        )
        with sessions.store_place(kind) as place:
            written, lost = lost_without_versions(kind, place)
        _out(f"  {kind}, without versions: {lost:,} of {written:,} turns lost")


def contention() -> None:
    _out("contention: figures, 16 threads, 80,000 operations")
    for one_lock in (False, True):
        seen = proofs.contention(one_lock=one_lock)
        _out(
            f"  {'one lock' if one_lock else 'a lock each'}: {seen.waited_us:.2f} µs waited per operation, "
            f"{seen.contended:,} of {seen.operations:,} had to wait, {seen.rate:,.0f} operations/s"
        )
    both = measure_contention()
    _out(
        f"contention: sessions on SQLite, {both.threads} threads, {both.operations:,} operations, one of ten appends"
    )
    for name, waits in (("design", both.design), ("one lock", both.global_lock)):
        _out(
            f"  {name}: looking p50 {waits.looks_p50:.3f} ms, p95 {waits.looks_p95:.3f} ms; "
            f"appending p50 {waits.appends_p50:.1f} ms, p95 {waits.appends_p95:.1f} ms; {waits.per_second:,.0f} operations/s"
        )


def pressure() -> None:
    _out("pressure: 200 MB let go in blocks of 64 KB with a pin between each two")
    for trimmed in (True, False):
        let_go, returned = proofs.freed(trimmed=trimmed)
        _out(
            f"  {'trim' if trimmed else 'no trim'}: {returned / MB:.0f} of {let_go / MB:.0f} MB returned to the system"
        )


def closing() -> None:
    _out("closing: 20 resources close, 3 younger ones hang, deadline 1 s")
    for isolated in (True, False):
        good, seconds = proofs.closing(isolated=isolated)
        _out(f"  {'registry' if isolated else 'one by one'}: {good} of 20 closed in {seconds:.2f} s")


def linear() -> None:
    _out(f"linearizable: {HISTORIES:,} histories of 4 threads with 8 calls each")
    wrong = linearizable.refuted(HISTORIES, locked=True)
    _out(f"  with the lock: {wrong} refuted")
    few = HISTORIES // 20
    wrong = linearizable.refuted(few, locked=False)
    _out(f"  without it: {wrong} of {few:,} refuted")


def kills() -> None:
    _out(f"killed: {KILLS} times kill -9 at a random moment of a turn, on one store")
    for early, times in ((True, KILLS), (False, KILLS // 10)):
        with tempfile.TemporaryDirectory(prefix="vita-killed-") as folder:
            question = _question(Path(folder))
            deaths = killed.die_often(Path(folder) / "home", times, question, early=early)
        doing = ", ".join(f"{number} {state}" for state, number in deaths.states.most_common())
        _out(
            f"  {'replies committed when final' if early else 'when spoken'}: {deaths.kills} kills ({doing}), {deaths.final} texts "
            f"final, {len(deaths.lost)} lost, {len(deaths.in_flight)} on their way to the disk and not there, "
            f"{deaths.doubled} doubled, {deaths.damaged} damaged files"
        )


def falls() -> None:
    chosen = [case for case in cascade.cases() if case.fallback and len(case.faults) == 1]
    with (
        tempfile.TemporaryDirectory(prefix="vita-cascade-") as folder,
        mock.patch.dict(os.environ, {"VITA_HOME": f"{folder}/vita"}),
    ):
        logging.disable(logging.CRITICAL)  # faults are meant
        question = _question(Path(folder))
        outcomes = cascade.table(question, isolated=True)
        without = cascade.table(question, isolated=False, chosen=chosen)
    alone = {_faults(one.case): one for one in outcomes if not one.case.fallback}
    fallback = {_faults(one.case): one for one in outcomes if one.case.fallback}
    _out("| what goes wrong | with a second engine | s | alone | s | next turn |")
    _out("|---|---|---|---|---|---|")
    for name, one in fallback.items():
        other = alone[name]
        following = " / ".join(dict.fromkeys((_word(one.next_answer), _word(other.next_answer))))
        _out(
            f"| {name} | {_word(one.answer)} | {one.after:.1f} | {_word(other.answer)} | {other.after:.1f} | {following} |"
        )
    good = sum(one.good for one in outcomes)
    _out()
    _out(
        f"{good} of {len(outcomes)} cases end well; the latest {max(one.after for one in outcomes):.1f} s after the fault or the timeout."
    )
    _out(
        f"Without the chain and the watch over decodes: {sum(one.good for one in without)} of {len(without)} single faults, with a "
        "second engine there."
    )


def _faults(case: cascade.Case) -> str:
    return case.name.rpartition(", ")[0]


def _word(answer: str) -> str:
    return answer if answer in ("spoken", "written", "") else "a sentence"


PROOFS: Mapping[str, Callable[[], None]] = {
    "leak": leak,
    "day": day,
    "races": races,
    "contention": contention,
    "pressure": pressure,
    "closing": closing,
    "linearizable": linear,
    "killed": kills,
    "cascade": falls,
}
"""By the name on the command line; `races` takes the kind of store after a colon."""


def run(names: Sequence[str]) -> None:
    """Print the proofs with these names, all of them without a name."""
    for name in names or PROOFS:
        first, _, rest = name.partition(":")
        if first not in PROOFS:
            raise SystemExit(f"There is no proof {first}; there are {', '.join(PROOFS)}.")
        if rest and first == "races":
            races(rest)
        else:
            PROOFS[first]()

"""A soak: the real program in a real terminal, with real engines and virtual devices, turn after turn without a pause.

    python -m tests.health.soak --minutes 10        (1440 for a day; --leaky for the ablation)

Questions are spoken into the microphone and typed, ended by the key and by a pause; replies are heard to their end, stopped and
interrupted; conversations are begun anew, screens are opened and closed. After each turn, while it is idle, the program and its
children are measured from outside: memory, threads, open files, child processes. `judge` compares the last third of the turns with the
first. At its end the program must leave nothing, and every question must be in the store.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from tests.health.shutdown import Program, complaints, files_left, processes_left
from tests.lending import lend_weights
from tests.virtual_audio import VirtualAudio, virtual_audio

__all__ = ["Sample", "Soak", "Verdict", "judge", "soak"]

QUESTIONS = (
    "How many days are in a week?",
    "What is the capital of France?",
    "Which animal says meow?",
    "Tell me something about the sea.",
)
WARM_UP = 12
"""Turns that are not judged: each kind of turn twice. Until then memory is taken for the first time."""
SLACK = 3
"""Threads, files or children more than before, that are no leak: pools grow to their size when they are needed."""
GROWTH = 0.05
"""Share by which memory may grow between the thirds of a short run."""
SETTINGS = {
    "AUDIO__EARCONS": "false",
    "LLM__MAX_TOKENS": "10",
    "HEALTH__SAVE_SECONDS": "2",
    "TALK__END_SILENCE": "2.0",  # so that the key ends what is said, where the key is to end it
}


@dataclass(frozen=True, slots=True)
class Sample:
    """The program and its children after a turn."""

    turn: int
    seconds: float
    """Since the start of the soak."""
    rss: int
    """Bytes, children included."""
    own: int
    """Bytes of the program itself."""
    threads: int
    files: int
    """Open file descriptors."""
    children: int


@dataclass
class Soak:
    """What was done and measured."""

    samples: list[Sample] = field(default_factory=list)
    asked: int = 0
    """Questions that the program took up."""
    misheard: int = 0
    """Questions that were spoken and not understood as speech."""
    stored: int = 0
    """Questions in the store at the end."""
    code: int | None = None
    left: list[str] = field(default_factory=list)
    """Processes and files that were left, and what the log says of parts that did not close."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The last third of the turns against the first."""

    turns: int
    rss: tuple[float, float]
    """Median bytes of either third."""
    threads: tuple[int, int]
    """Most of either third; so the others."""
    files: tuple[int, int]
    children: tuple[int, int]

    @property
    def growth(self) -> float:
        return self.rss[1] / self.rss[0] - 1.0

    def leaks(self, growth: float = GROWTH) -> list[str]:
        """What grew, in words."""
        found = [f"memory {self.growth:+.1%}"] if self.growth > growth else []
        for name in ("threads", "files", "children"):
            before, after = getattr(self, name)
            if after > before + SLACK:
                found.append(f"{name} {before} → {after}")
        return found


def judge(samples: Sequence[Sample]) -> Verdict:
    """Compare the thirds of `samples`, the warm-up left out.

    Raises:
        ValueError: fewer than three turns remain.
    """
    judged = samples[WARM_UP:]
    third = len(judged) // 3
    if third < 1:
        raise ValueError(f"{len(samples)} turns are too few to judge")
    first, last = judged[:third], judged[-third:]

    def most(name: str) -> tuple[int, int]:
        return max(getattr(one, name) for one in first), max(getattr(one, name) for one in last)

    medians = (statistics.median(one.rss for one in first), statistics.median(one.rss for one in last))
    return Verdict(len(samples), medians, most("threads"), most("files"), most("children"))


# ---- the program under test


class _User:
    """Someone at the terminal who never pauses."""

    def __init__(self, program: Program, audio: VirtualAudio, voices: Sequence[Path]) -> None:
        self._program = program
        self._audio = audio
        self._voices = voices
        self.turn = 0
        self.asked = self.misheard = 0

    def one_turn(self) -> None:
        kinds: tuple[Callable[[], None], ...] = (
            self._say_and_press,
            self._type,
            self._type_and_stop,
            self._say_and_pause,
            self._interrupt_by_key,
            self._type_into_the_reply,
        )
        self._program.forget()
        kinds[self.turn % len(kinds)]()
        self.turn += 1
        if self.turn % 12 == 0:
            self._press(b"\x0e")  # a new conversation
        if self.turn % 9 == 0:
            for key in (b"\x1bOS", b"\x1b[15~", b"\x1bOP"):  # history, diagnostics, help
                self._press(key)
                self._program.pump(0.3)
                self._press(b"\x1b")
                # A key that comes before the busy program has read this one would make another key of both.
                self._program.pump(1.0)

    # ---- kinds of turns

    def _say_and_press(self) -> None:
        self._say(press=True)
        self._to_the_end()

    def _say_and_pause(self) -> None:
        self._say(press=False)
        self._to_the_end()

    def _type(self) -> None:
        self._ask()
        self._to_the_end()

    def _type_and_stop(self) -> None:
        self._ask()
        self._until("speaking", "idle")
        self._press(b"\x1b")
        self._to_the_end()

    def _interrupt_by_key(self) -> None:
        self._ask()
        self._until("speaking", "idle")
        self._say(press=True)
        self._to_the_end()

    def _type_into_the_reply(self) -> None:
        self._ask()
        self._until("speaking", "idle")
        self._ask()
        self._to_the_end()

    # ---- what they are made of

    def _press(self, keys: bytes) -> None:
        self._program.press(keys)

    def _until(self, *words: str) -> None:
        """Until the status line has said one of `words` since the last thing that was done."""
        self._program.wait(*words)

    def _to_the_end(self) -> None:
        self._until("idle")
        self._program.forget()

    def _ask(self) -> None:
        self._program.forget()
        self._press(QUESTIONS[self.turn % len(QUESTIONS)].encode() + b"\r")
        self._until("thinking", "speaking")
        self.asked += 1

    def _say(self, *, press: bool) -> None:
        self._program.forget()
        self._press(b"\x00")
        self._until("listening")
        voice = self._audio.speak_file(self._voices[self.turn % len(self._voices)])
        try:
            while voice.poll() is None:
                self._program.pump(0.05)
        finally:
            voice.kill()
            voice.wait()
        if press and not self._program.painted("thinking", "speaking"):
            self._press(b"\x00")
        painted = self._program.wait("thinking", "speaking", "idle")
        if self._program.painted("thinking", "speaking", until=painted):
            self.asked += 1
        else:
            self.misheard += 1


def measure(pid: int, turn: int, started: float) -> Sample:
    """The program with process id `pid`, now."""
    program = psutil.Process(pid)
    children = program.children(recursive=True)
    own = program.memory_info().rss
    rss, threads, files, number = own, program.num_threads(), program.num_fds(), 0
    for child in children:
        with suppress(psutil.Error):
            rss += child.memory_info().rss
            threads += child.num_threads()
            files += child.num_fds()
            number += 1
    return Sample(turn, round(time.monotonic() - started, 1), rss, own, threads, files, number)


@contextmanager
def _home() -> Iterator[Path]:
    """A VITA home of its own, with the weights of this user."""
    with tempfile.TemporaryDirectory(prefix="vita-soak-") as folder:
        home = Path(folder) / "vita"
        lend_weights(home)
        yield home


def soak(minutes: float, *, leaky: bool = False, progress: Callable[[Sample], None] = lambda _: None) -> Soak:
    """Turn after turn for `minutes`.

    Args:
        leaky: the ablation: the program keeps a thread, a file and 2 MB of every turn.
    """
    done = Soak()
    with _home() as home, virtual_audio() as audio, tempfile.TemporaryDirectory() as folder:
        voices = []
        for number, question in enumerate(QUESTIONS):
            voices.append(Path(folder) / f"{number}.wav")
            subprocess.run(["espeak-ng", "-s", "140", "-w", str(voices[-1]), question], check=True)
        module = "tests.health.leaky" if leaky else "vita_tui"
        program = Program(home, audio.env, SETTINGS, module=module)
        try:
            program.wait("idle")
            user = _User(program, audio, voices)
            started = time.monotonic()
            while time.monotonic() - started < minutes * 60 or user.turn < WARM_UP + 3:
                user.one_turn()
                program.pump(0.1)
                done.samples.append(measure(program.pid, user.turn, started))
                progress(done.samples[-1])
            done.asked, done.misheard = user.asked, user.misheard
            program.leave("ctrl+q")
            done.code = program.end()
            done.left = [*processes_left(home), *files_left(home, program.temporary), *complaints(home)]
            done.stored = _stored(home)
        finally:
            program.close()
    return done


def _stored(home: Path) -> int:
    """Questions that `vita sessions` finds."""
    env = {**os.environ, "VITA_HOME": str(home)}

    def answer(*words: str) -> str:
        command = [sys.executable, "-m", "vita_tui", "sessions", *words, "--json"]
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout

    sessions = json.loads(answer("list", "--limit", "100000"))
    turns = [turn for one in sessions for turn in json.loads(answer("show", one["id"]))["turns"]]
    return sum(turn["role"] == "user" for turn in turns)


def main() -> None:
    parser = argparse.ArgumentParser(description="Turn after turn with the real program.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--leaky", action="store_true", help="the ablation: something is kept of every turn")
    parser.add_argument("--json", type=Path, help="write all samples to this file")
    given = parser.parse_args()

    def show(sample: Sample) -> None:
        if sample.turn % 10 == 0:
            line = (
                f"turn {sample.turn:5}  {sample.seconds:7.0f} s  {sample.rss / 1e6:7.1f} MB "
                f"({sample.own / 1e6:.1f} MB itself)  {sample.threads} threads  {sample.files} files  "
                f"{sample.children} children\n"
            )
            sys.stderr.write(line)

    done = soak(given.minutes, leaky=given.leaky, progress=show)
    if given.json:
        given.json.write_text(json.dumps(asdict(done), indent=1))
    verdict = judge(done.samples)
    leaks = verdict.leaks()
    sys.stdout.write(
        f"{verdict.turns} turns, {done.asked} questions taken up, {done.misheard} not understood, {done.stored} stored\n"
        f"first and last third: {verdict.rss[0] / 1e6:.1f} → {verdict.rss[1] / 1e6:.1f} MB ({verdict.growth:+.1%}), "
        f"threads {verdict.threads[0]} → {verdict.threads[1]}, files {verdict.files[0]} → {verdict.files[1]}, "
        f"children {verdict.children[0]} → {verdict.children[1]}\n"
        f"leaks: {', '.join(leaks) or 'none'}; left behind: {', '.join(done.left) or 'nothing'}; exit code {done.code}\n"
    )
    raise SystemExit(1 if leaks or done.left or done.code else 0)


if __name__ == "__main__":
    main()

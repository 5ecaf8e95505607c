"""Scenarios as a user has them: the whole program in a terminal, keys that are pressed, sound that is played into the microphone.

Performs the same files as `tests.e2e.scenarios`, on PulseAudio's virtual devices. What came of it is read from the screen and from
the stored conversation, so what only events tell (interjections) is not judged here, but what follows from it is: what was heard.
The model is a server that follows the script.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.e2e.conftest import answering
from tests.e2e.scenarios import Outcome, Scenario, _said, _sound
from tests.e2e.terminal import Terminal
from tests.lending import lend_weights
from tests.room import room_between
from tests.virtual_audio import VirtualAudio, virtual_audio

__all__ = ["perform", "seen_from_outside"]

PATIENCE = 60.0
QUIET = 2.5
"""Seconds in `idle` after which it is over."""
WORD_SECONDS = 0.35
"""Of Piper's speech, for cues that wait for words."""
KEYS = {"talk": "C-Space", "stop": "Escape", "hold": "x"}


def seen_from_outside(scenario: Scenario) -> Scenario:
    """The same, with what is to be expected where no event is seen."""
    expect = {
        key: value for key, value in scenario.expect.items() if key not in ("interjections", "never", "real")
    }
    return replace(scenario, expect={**expect, **scenario.expect.get("real", {})})


def perform(scenario: Scenario) -> Outcome:
    """Perform it, in real time."""
    home = Path(tempfile.mkdtemp(prefix="vita-theatre-"))
    lend_weights(home)
    with ExitStack() as stage:
        stage.callback(shutil.rmtree, home, ignore_errors=True)
        audio = stage.enter_context(virtual_audio())
        if scenario.room.echo_db > -90:
            stage.enter_context(room_between(audio, scenario.room))
        url = stage.enter_context(answering(*scenario.reply, after=scenario.think_seconds))
        vita = Terminal(audio.env, home, _variables(scenario, url))
        stage.callback(vita.close)
        return _Performance(scenario, audio, vita).perform()


def _variables(scenario: Scenario, url: str) -> dict[str, str]:
    variables = {
        "LLM__BASE_URL": url,
        "LLM__MODEL": "script",
        "STT__MODEL": "tiny.en",
        "AUDIO__EARCONS": "false",
        "TALK__HANDS_FREE": str(scenario.hands_free).lower(),
    }
    for section, values in scenario.settings.items():
        for name, value in values.items():
            told = str(value).lower() if isinstance(value, bool) else str(value)
            variables[f"{section}__{name}".upper()] = told
    return variables


class _Performance:
    def __init__(self, scenario: Scenario, audio: VirtualAudio, vita: Terminal) -> None:
        self._scenario = scenario
        self._audio = audio
        self._vita = vita
        self._began = time.monotonic()
        self._seen: dict[str, None] = {}
        """Every line that was ever on the screen, in order."""
        self._state = ""
        self._finished = 0
        """Turns that are over and that no cue has waited for."""
        self._out = Outcome()
        self._speaking: list[subprocess.Popen[bytes]] = []

    def perform(self) -> Outcome:
        scenario, vita = self._scenario, self._vita
        sounds = {cue["say"]: _said(cue) for cue in scenario.cues if "say" in cue}
        vita.wait_ready()
        self._wait(0.6)
        for cue in scenario.cues:
            self._until(cue.get("on", "start"))
            self._wait(cue.get("after", 0.0))
            self._act(cue, sounds)
        self._until_quiet()
        self._out.state = self._state
        self._read_conversation()
        if (code := vita.quit()) != 0:
            self._out.state = f"ended with {code}"
        self._out.remarks = self._out.notices = list(self._seen)
        return self._out

    def _act(self, cue: dict[str, Any], sounds: dict[str, Any]) -> None:
        if "say" in cue or "sound" in cue:
            sound = sounds[cue["say"]] if "say" in cue else _sound(cue)
            self._note(f"says {cue.get('say') or cue['sound']}")
            playing = self._audio.speak(sound)
            self._speaking.append(playing)
            if cue.get("wait", False):
                playing.wait(timeout=PATIENCE)
        elif cue.get("key") == "type":
            self._vita.type(cue["text"])
            self._vita.press("Enter")
        elif "key" in cue:
            self._note(f"presses {KEYS[cue['key']]}")
            self._vita.press(KEYS[cue["key"]])
        # PulseAudio moves streams to whatever device there is: the whole headset is pulled out.
        if "unplug" in cue:
            self._note("unplugs")
            self._audio.stop()
        if "plug" in cue:
            self._note("plugs")
            self._audio.start()

    # ---- what is seen

    def _look(self) -> str:
        screen = self._vita.screen()
        for line in screen.splitlines():
            text = re.sub(r"\s+", " ", line.strip(" │▌▎┃▊█▉")).strip()
            if text:
                self._seen.setdefault(text)
        state = self._vita.state()
        if state != self._state:
            self._finished += state == "idle" and self._state in ("thinking", "speaking")
            self._state = state
            self._note(state)
        return screen

    def _note(self, what: str) -> None:
        self._out.log.append(f"{time.monotonic() - self._began:6.2f} {what}")

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._look()
            time.sleep(min(0.04, left))

    def _until(self, wanted: str) -> None:
        if wanted == "start":
            return
        if wanted.startswith("words "):
            self._until("speaking")
            self._wait(WORD_SECONDS * int(wanted[6:]))
            return
        if wanted == "finished":
            self._watch(wanted, lambda _: self._finished > 0)
            self._finished -= 1
        elif wanted == "pausing":
            self._watch(wanted, lambda screen: "sends in" in screen)
        else:
            self._watch(wanted, lambda _: self._state == wanted)

    def _watch(self, wanted: str, seen: Callable[[str], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not seen(screen := self._look()):
            assert time.monotonic() < deadline, f"waited for {wanted}; the screen is\n{screen}"
            time.sleep(0.04)

    def _until_quiet(self) -> None:
        end = time.monotonic() + self._scenario.seconds
        calm = time.monotonic()
        while time.monotonic() < end:
            self._look()
            talking = any(process.poll() is None for process in self._speaking)
            if self._state != "idle" or talking:
                calm = time.monotonic()
            elif time.monotonic() - calm > QUIET:
                return
            time.sleep(0.05)
        # A long reply to the last question is not waited for.
        self._vita.press("Escape")
        self._watch("idle", lambda _: self._state == "idle")

    def _read_conversation(self) -> None:
        try:
            turns = self._vita.turns()
        except subprocess.CalledProcessError:
            return  # there is none
        for turn in turns:
            text = str(turn["text"])
            if turn["role"] == "user":
                self._out.questions.append(text)
            else:
                heard = text if turn["heard"] is None else str(turn["heard"])
                self._out.replies.append(text)
                self._out.heard.append((heard, text[len(heard) :]))
        self._out.log += [str(turn)[:300] for turn in turns]
        log = Path(self._vita.env["VITA_HOME"]) / "state" / "log" / "vita.log"
        self._out.log += log.read_text(errors="replace").splitlines()[-12:] if log.exists() else []

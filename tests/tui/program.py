"""The program with a scripted assistant, to be run in a terminal: `python -m tests.tui.program [BEHAVIOUR] [guarded]`."""

from __future__ import annotations

import ctypes
import os
import sys
import threading

from tests.tui.scripted import ScriptedCore
from vita_tui import paths
from vita_tui.errors import SettingsError
from vita_tui.events import State
from vita_tui.tui.core import Core


class Telling(ScriptedCore):
    """Writes what is done with it into a file beside the settings, a word a line."""

    def become(self, state: State) -> None:
        self._tell(state.value)
        super().become(state)

    def let_go(self) -> None:
        self._tell("let go")
        super().let_go()

    async def aclose(self) -> None:
        names = sorted(thread.name for thread in threading.enumerate())
        self._tell(" ".join(name for name in names if name.startswith("textual-")))
        await super().aclose()

    def _tell(self, word: str) -> None:
        paths.ensure_private_dir(paths.data_dir())
        with (paths.data_dir() / "told").open("a") as file:
            print(word, file=file, flush=True)


def build(_: object) -> Core:
    behaviour = sys.argv[1] if len(sys.argv) > 1 else ""
    if behaviour == "unbuilt":
        raise SettingsError("There is no setting stt.modle.", remedy="Did you mean stt.model?")
    if behaviour == "noisy":
        os.write(1, b"NOISE-ON-STDOUT\n")
        ctypes.CDLL(None).perror(b"NOISE-ON-STDERR")
        os.system("echo NOISE-OF-A-CHILD >&2")
    if behaviour == "telling":
        return Telling(reply="Gulls.")
    return ScriptedCore(reply="Gulls.")


def main() -> int:
    if "guarded" in sys.argv:
        from vita_tui.tui import guard

        guard.stand_guard()
    from vita_tui.errors import VitaError
    from vita_tui.tui.start import run

    try:
        return run(build=build)
    except VitaError as error:
        sys.stderr.write(f"vita: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())

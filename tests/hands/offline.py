"""The real program without a network: to be run by `unshare --net`, as `python -m tests.hands.offline HOME`; prints what was seen as JSON."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

from tests.health.shutdown import Program
from tests.virtual_audio import virtual_audio
from vita_tui.audio.files import read_audio

WITNESS = Path(__file__).parent / "witness"
BITES = {
    "socket.connect": "import socket; socket.socket().connect(('192.0.2.1', 80))",
    "socket.getaddrinfo": "import socket; socket.getaddrinfo('example.org', 80)",
    "socket.gethostbyname": "import socket; socket.gethostbyname('example.org')",
    "socket.sendto": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
}
"""What the witness must notice, each by its event."""


def loopback_up() -> None:
    """A new network namespace has its loopback interface down."""
    flags, up = 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, flags, struct.pack("16sh22x", b"lo", up))


def attempts(file: Path) -> list[list[str]]:
    """Of connections and look-ups, as the witness wrote them down."""
    lines = [line.split("\t") for line in file.read_text().splitlines()]
    return [line[1:] for line in lines if line[0] == "attempt"]


def main(home: Path) -> None:
    loopback_up()
    interfaces = [name for _, name in socket.if_nameindex()]
    seen = home.parent / "witness.txt"
    path = os.pathsep.join([str(WITNESS), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OFFLINE_WITNESS": str(seen), "VITA_HOME": str(home)}
    bites = {}
    for event, code in BITES.items():
        seen.write_text("")
        tried = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, check=False
        )
        bites[event] = [tried.returncode != 0, attempts(seen)[0][0] if attempts(seen) else ""]
    seen.write_text("")
    question = home.parent / "question.wav"
    subprocess.run(
        ["espeak-ng", "-s", "130", "-w", str(question), "How many days are in a week?"], check=True
    )
    with virtual_audio() as audio:
        environment |= audio.variables
        codes = {}
        for name, words in {
            "doctor": ["doctor", "--json"],
            "turn": ["turn", str(question), "--json"],
            "ask": ["ask", "How many days are in a week?"],
        }.items():
            done = subprocess.run(
                [sys.executable, "-m", "vita_tui", *words],
                env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            codes[name] = done.returncode
            if done.returncode:
                print(done.stdout, done.stderr, file=sys.stderr)
        program = Program(home, environment, {"AUDIO__EARCONS": "false", "TALK__HANDS_FREE": "true"})
        try:
            program.wait("idle")
            mark = program.mark()
            speaking = audio.speak(read_audio(question))
            program.wait("thinking", start=mark)
            program.wait("speaking", start=mark)
            speaking.wait()
            program.leave("ctrl+q")
            codes["vita"] = program.end()
        finally:
            program.close()
    watched = [line.split("\t")[2] for line in seen.read_text().splitlines() if line.startswith("watched")]
    print(
        json.dumps(
            {
                "interfaces": interfaces,
                "bites": bites,
                "codes": codes,
                "attempts": attempts(seen),
                "watched": watched,
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Print what the tests covered, room by room, from `.coverage`: the rooms below their aim are named with their largest gaps."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

AIM = {"conversation": 90, "engines": 90, "sessions": 90, "audio": 90}
"""Percent of the lines of a room."""
GAPS = 5


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        subprocess.run(
            [sys.executable, "-m", "coverage", "json", "-q", "-o", str(report)], check=True, stdout=sys.stderr
        )
        files = json.loads(report.read_text())["files"]
    rooms: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for name, file in files.items():
        _, room, *_ = Path(name).with_suffix("").parts
        summary = file["summary"]
        rooms[room].append((summary["missing_lines"], summary["num_statements"], name))
    print("coverage: lines that tests in the same process ran")
    for room, found in sorted(rooms.items()):
        missing, lines = sum(one[0] for one in found), sum(one[1] for one in found)
        percent = 100 * (lines - missing) / lines if lines else 100.0
        below = percent < AIM.get(room, 0)
        print(f"  {room:<14}{percent:6.1f} % of {lines:,}{f', aim {AIM[room]} %' if below else ''}")
        if below:
            for gap, _, name in sorted(found, reverse=True)[:GAPS]:
                print(f"      {gap:4} lines of {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

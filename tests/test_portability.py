"""Nothing that only Linux or only POSIX has is needed to import VITA."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

PROGRAM = """
import importlib, pkgutil, sys

absent = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in absent:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
import vita_tui

names = [module.name for module in pkgutil.walk_packages(vita_tui.__path__, "vita_tui.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""


def test_every_module_can_be_imported_where_posix_is_not() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100

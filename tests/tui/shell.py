"""A shell that controls one job, to be run in a terminal: `python -m tests.tui.shell MODULE [ARGUMENT...]`.

When the job stops it takes the terminal, as every shell does, and says "stopped"; a line brings the job back.
"""

from __future__ import annotations

import os
import signal
import sys
import termios


def main() -> int:
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    own, shell = termios.tcgetattr(0), os.getpgrp()
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpgrp())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(sys.executable, [sys.executable, "-m", *sys.argv[1:]])
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        os.tcsetpgrp(0, shell)
        termios.tcsetattr(0, termios.TCSADRAIN, own)
        print("stopped", flush=True)
        sys.stdin.readline()
        os.tcsetpgrp(0, job)
        os.killpg(job, signal.SIGCONT)


if __name__ == "__main__":
    sys.exit(main())

"""Makes every Python process, children included, fail on any connection but loopback's and any look-up of a name, and write it down.

The file that `OFFLINE_WITNESS` names gets a line for each process that is watched, and one for each attempt.
"""

import os
import sys

_HERE = {"localhost", "127.0.0.1", "::1", "", "0.0.0.0", "::"}


def _tell(*words: object) -> None:
    with open(os.environ["OFFLINE_WITNESS"], "a") as file:  # noqa: PTH123 - nothing else is imported
        file.write("\t".join(str(word) for word in words) + "\n")


def _name(host: object) -> str:
    return host.decode(errors="replace") if isinstance(host, bytes) else str(host or "")


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        # A path is a Unix socket's; numbers are the kernel's own.
        if not isinstance(address, tuple) or not isinstance(address[0], (str, bytes)):
            return
        host = _name(address[0])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = _name(arguments[0])
    else:
        return
    if host not in _HERE and not host.startswith("127."):
        _tell("attempt", event, host)
        raise OSError(f"offline: {event} {host}")


if "OFFLINE_WITNESS" in os.environ:
    _tell("watched", os.getpid(), " ".join(getattr(sys, "orig_argv", [])))
    sys.addaudithook(_watch)

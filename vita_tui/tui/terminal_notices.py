"""What a terminal is told besides the screen: the title of its window, and that something is ready for whoever looks elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the window has its title before settings are read
    from vita_tui.settings import NoticeWay

__all__ = ["KEEP_TITLE", "OLD_TITLE", "notice", "title", "way"]

KEEP_TITLE, OLD_TITLE = "\x1b[22;2t", "\x1b[23;2t"
"""Have the terminal remember the title of its window, and go back to it."""
BELL = "\a"
END = "\x1b\\"


def title(words: str) -> str:
    """What gives the window the title `words`, which holds no control characters."""
    return f"\x1b]2;{words}{END}"


def way(wanted: NoticeWay, environment: Mapping[str, str]) -> NoticeWay:
    """How a notice is given: as wanted, or as the terminal is known to understand it."""
    if wanted != "auto":
        return wanted
    program, term = environment.get("TERM_PROGRAM", ""), environment.get("TERM", "")
    if "TMUX" in environment or term.startswith(("screen", "tmux")):
        return "bell"  # tmux keeps the others to itself, and marks the window of a bell
    if "KITTY_WINDOW_ID" in environment or term == "xterm-kitty":
        return "osc99"
    if program in ("iTerm.app", "WezTerm", "ghostty") or "WT_SESSION" in environment:
        return "osc9"
    if term.startswith(("foot", "rxvt")):
        return "osc777"
    return "bell"


def notice(words: str, wanted: NoticeWay, environment: Mapping[str, str]) -> str:
    """What has the terminal say `words`, which holds no control characters and no semicolon; empty where nothing is wanted."""
    match way(wanted, environment):
        case "osc9":
            return f"\x1b]9;VITA: {words}{END}"
        case "osc777":
            return f"\x1b]777;notify;VITA;{words}{END}"
        case "osc99":
            return f"\x1b]99;i=vita:d=0;VITA{END}\x1b]99;i=vita:d=1:p=body;{words}{END}"
        case "bell":
            return BELL
        case _:
            return ""

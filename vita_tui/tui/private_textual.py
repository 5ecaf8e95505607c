"""The private parts of Textual that the screen uses, each with a check of its shape and with what is done where it is missing.

A minor release of Textual may rename or move any of them. Then the part is None and the screen opens all the same:

=================  ====================================================  ===================================================
part               is for                                                without it
=================  ====================================================  ===================================================
`terminal_driver`  the terminal apart from what libraries print, and     Textual's own driver; what libraries print may
                   noticed when it goes away                             disturb the screen
`key_parser`       the talk key held down; pastes without marks          the talk key is tapped
`paragraph`        a word of a reply without a new layout                Textual's own paragraph
`toasts`           a toast that takes the place of an earlier one        each failure has a toast of its own
=================  ====================================================  ===================================================

What is only overridden (`App._handle_exception`) is not here: under another name it is never called, and Textual's own is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

__all__ = ["PARTS", "key_parser", "paragraph", "terminal_driver", "toasts"]

log = logging.getLogger(__name__)

ShapeCheck = Callable[[], "type[Any] | None"]
PARTS: dict[str, ShapeCheck] = {}
"""By name, what gives each part: the class, or None where this Textual has it in another shape or not at all."""


def _part(find: Callable[[], type[Any]]) -> ShapeCheck:
    """`find`, with every way in which a part can be missing turned into None, told once in the log."""

    @cache
    def found() -> type[Any] | None:
        try:
            return find()
        except (ImportError, AttributeError, KeyError, TypeError) as error:
            log.warning("this Textual has no %s as expected: %s", find.__name__, error)
            return None

    PARTS[find.__name__] = found
    return found


def _has(owner: type[Any], *names: str) -> None:
    """
    Raises:
        AttributeError: `owner` lacks one of `names`, as a member or among what its `__init__` methods set.
    """
    for name in names:
        if not hasattr(owner, name) and not any(_sets(base, name) for base in owner.__mro__):
            raise AttributeError(f"{owner.__name__}.{name}")


def _sets(owner: type[Any], name: str) -> bool:
    code = getattr(vars(owner).get("__init__"), "__code__", None)
    return code is not None and name in code.co_names


def _takes(owner: type[Any], name: str, *names: str) -> None:
    """
    Raises:
        AttributeError: `owner` has no method `name`.
        TypeError: its arguments have other names than `names`.
    """
    function = getattr(owner, name)
    code = function.__code__
    if code.co_varnames[: code.co_argcount] != names:
        raise TypeError(f"{function.__qualname__}{code.co_varnames[: code.co_argcount]}")


@_part
def terminal_driver() -> type[Any]:
    """Textual's driver for Linux and macOS."""
    from textual.drivers.linux_driver import LinuxDriver

    _has(LinuxDriver, "_file", "_debug", "fileno", "exit_event", "attrs_before", "_get_terminal_size")
    _has(LinuxDriver, "start_application_mode", "process_message", "run_input_thread", "write", "flush")
    _has(LinuxDriver, "_sigcont_application", "_auto_restart", "_key_thread", "_app", "_loop")
    _takes(LinuxDriver, "run_input_thread", "self")
    return LinuxDriver


@_part
def key_parser() -> type[Any]:
    """Textual's parser of what a terminal sends."""
    from textual._xterm_parser import XTermParser

    _has(XTermParser, "feed", "tick", "_awaiting")
    _takes(XTermParser, "_sequence_to_key_events", "self", "sequence", "alt")
    return XTermParser


@_part
def paragraph() -> type[Any]:
    """A paragraph of Textual's Markdown."""
    from textual.widgets import Markdown

    found: type[Any] = Markdown.BLOCKS["paragraph_open"]
    _has(found, "_content")
    _takes(found, "set_content", "self", "content")
    return found


@_part
def toasts() -> type[Any]:
    """An app whose toasts can be taken away."""
    from textual.app import App

    _has(App, "_notifications")
    _takes(App, "_unnotify", "self", "notification", "refresh")
    return App

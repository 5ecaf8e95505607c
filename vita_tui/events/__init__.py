"""What happens in a conversation, as data; and the bus that tells whoever listens.

The conversation publishes; the TUI, the metrics monitor, the log and recorders subscribe. Events are frozen, carry no engine
or widget, and may be published from any thread. One file for each kind; all are imported from here.
"""

from vita_tui.events import (
    alarms,
    base,
    bus,
    changes,
    engines,
    hearing,
    notices,
    replies,
    speaking,
    tools,
    turns,
)
from vita_tui.events.alarms import *
from vita_tui.events.base import *
from vita_tui.events.bus import *
from vita_tui.events.changes import *
from vita_tui.events.engines import *
from vita_tui.events.hearing import *
from vita_tui.events.notices import *
from vita_tui.events.replies import *
from vita_tui.events.speaking import *
from vita_tui.events.tools import *
from vita_tui.events.turns import *

__all__ = [
    *alarms.__all__,
    *base.__all__,
    *bus.__all__,
    *changes.__all__,
    *engines.__all__,
    *hearing.__all__,
    *notices.__all__,
    *replies.__all__,
    *speaking.__all__,
    *tools.__all__,
    *turns.__all__,
]

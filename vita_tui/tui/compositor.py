"""What Textual paints for a small change: the widgets that lie in it, and not every widget of the screen.

Textual 8 renders for each change all widgets whose *clipping* region meets it, and nearly all are clipped by the screen itself. A word
of a reply or a key in the prompt then costs as much as the whole screen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.geometry import Region
from textual.strip import Strip

from vita_tui.tui import private_textual

if TYPE_CHECKING:
    from textual._compositor import Compositor
else:
    Compositor = private_textual.compositor() or object

__all__ = ["LeanCompositor", "lean_compositor"]


class LeanCompositor(Compositor):
    """Draws what the base class draws."""

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        if not crop:
            yield from super()._get_renders(crop)
            return
        for widget, (region, clip) in self.visible_widgets.items():
            shown = region.intersection(clip)
            if shown and crop.overlaps(shown):
                part = Region(shown.x - region.x, shown.y - region.y, shown.width, shown.height)
                yield region, clip, widget.render_lines(part)


def lean_compositor() -> LeanCompositor | None:
    """One for a screen; None where Textual's own has another shape than is known here."""
    return LeanCompositor() if issubclass(LeanCompositor, private_textual.compositor() or ()) else None

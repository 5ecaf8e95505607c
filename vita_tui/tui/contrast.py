"""Colours that can be read: those of a theme, moved towards black or white until they stand out from all that they may lie on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.color import Color, ColorParseError

__all__ = ["LEAST_MARKS", "LEAST_WORDS", "contrast", "readable"]

LEAST_WORDS = 4.5
"""Least contrast of what is read, by WCAG."""
LEAST_PLAIN = 7.0
"""Of what is not muted, so that it differs from what is."""
LEAST_MARKS = 3.0
"""Least contrast of symbols, bars and the frame of what has the focus."""
WORDS = (
    "text",
    "foreground",
    "text-muted",
    "text-disabled",
    "text-primary",
    "text-secondary",
    "text-warning",
    "text-error",
    "text-success",
    "text-accent",
    "link-color",
    "markdown-h1-color",
    "markdown-h2-color",
    "markdown-h3-color",
    "markdown-h4-color",
    "markdown-h5-color",
    "markdown-h6-color",
    "footer-key-foreground",
    "footer-description-foreground",
    "border",
)
"""Variables of a theme whose colour is read on one of its backgrounds."""
MARKED = 0.25
"""How much of the theme's colour is in the row that a list's mark is on."""


UNKNOWN = Color(0, 0, 0)


def contrast(one: Color, other: Color) -> float:
    """WCAG's ratio, 1 to 21."""
    dark, bright = sorted((_luminance(one), _luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    parts = [value / 255 for value in color.rgb]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def readable(variables: Mapping[str, str], *, colourless: bool = False) -> dict[str, str]:
    """The variables of a theme with colours that can be read; as they are where the terminal alone knows the colours.

    Args:
        colourless: no colour is shown at all, so that a mark has to be seen without one.
    """
    found = dict(variables)
    if colourless:
        return found | {
            "block-cursor-text-style": "bold underline",
            "block-cursor-blurred-text-style": "underline",
        }
    plain = [_color(variables.get(name, "")) for name in ("background", "surface", "foreground", "primary")]
    background, surface, foreground, primary = (color or UNKNOWN for color in plain)
    if None in plain:
        return found
    marked = surface.blend(primary, MARKED)
    grounds = [background, surface, marked, background.blend(primary, MARKED)]
    grounds += [ground.blend(foreground, 0.08) for ground in (background, surface)]
    for name in WORDS:
        color = _color(variables.get(name, "")) or foreground
        if name in ("text-muted", "text-disabled"):
            color = background.blend(foreground, 0.6)
        least = LEAST_PLAIN if name in ("text", "foreground") else LEAST_WORDS
        found[name] = _moved(color, grounds, least).hex
    found |= {
        "block-cursor-background": marked.hex,
        "block-cursor-foreground": found["foreground"],
        "input-cursor-background": found["foreground"],
        "input-cursor-foreground": background.hex,
        "input-selection-background": found["text-primary"],
        "input-selection-foreground": background.hex,
        "screen-selection-background": marked.hex,
        "screen-selection-foreground": found["foreground"],
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": surface.blend(primary, MARKED / 2).hex,
        "block-cursor-blurred-foreground": found["foreground"],
    }
    return found


def _color(text: str) -> Color | None:
    """An opaque colour; None where `text` is none, or leaves it to the terminal."""
    try:
        color = Color.parse(text)
    except ColorParseError:
        return None
    return color if color.a == 1 and color.ansi is None else None


def _moved(color: Color, grounds: Iterable[Color], least: float) -> Color:
    """`color`, or the nearest one towards black or white that has the contrast `least` with all of `grounds`."""
    grounds = list(grounds)
    bright = sum(map(_luminance, grounds)) / len(grounds) > 0.18
    goal = Color.parse("black" if bright else "white")
    for step in range(21):
        moved = color.blend(goal, step / 20)
        if all(contrast(moved, ground) >= least for ground in grounds):
            return moved
    return goal

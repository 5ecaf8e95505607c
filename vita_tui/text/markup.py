"""Markup of every language: what stands for looks and is not said, and what is said for the rest.

The first pattern that fits wins. All repetitions are bounded or cannot match in two ways, so that no text takes long.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping

from vita_tui.text import addresses, tex
from vita_tui.text.language import Language, PatternPart

__all__ = ["AGAIN", "MARKUP", "PUNCTUATION", "say"]

RegexMatch = re.Match[str]

HTML = (
    "abbr|address|article|aside|audio|a|blockquote|body|button|b|caption|center|cite|code|col|dd|del|details|dfn|div|dl|dt|em|figcaption|figure|font|footer"
    "|form|h[1-6]|head|header|hr|html|iframe|img|input|ins|i|kbd|label|legend|link|li|main|mark|meta|nav|ol|option|picture|pre|p|q|samp"
    "|script|section|select|small|source|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|textarea|tfoot|thead|th|title|tr|tt"
    "|ul|u|var|video|s|br|wbr"
)
ATTRIBUTE = r"\s{1,5}[\w:-]{1,30}=(?:\"[^\"<>\n]{0,300}\"|'[^'<>\n]{0,300}'|[^\s\"'<>]{1,100})"
TYPE = r"[A-Za-z_](?:\w|::|\.){0,40}(?:\[\]|\?)?"
TYPES = rf"{TYPE}(?:<{TYPE}(?:,\s?{TYPE}){{0,4}}>)?"
DATED = (
    "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Jahrhundert|Jh|Platz"
)
"""What a line begins with "3." for, in German, that is no list."""
LONGEST_CODE = 80
"""Characters of quoted code that are still worth hearing."""

MARKUP: tuple[PatternPart, ...] = (
    ("terminal", r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]{0,500}(?:\x07|\x1b\\)?|[@-Z\\^_])?"),
    (
        "control",
        r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ud800-\udfff\ue000-\uf8ff™℠®]+",
    ),
    (
        "fence",
        r"^[ \t]*(?P<fence_ticks>`{3,}|~{3,})[^\n`]*(?:\n(?![ \t]*(?P=fence_ticks))[^\n]*)*(?:\n[ \t]*(?P=fence_ticks)[^\n]*|\Z)",
    ),
    ("rule", r"^[ \t]*(?:[-*_=][ \t]*){3,}$|^[ \t]*(?:\|[ \t]*)?(?::?-+:?[ \t]*\|[ \t]*)+(?::?-+:?[ \t]*)?$"),
    ("comment", r"<!--(?:[^-]|-(?!->)){0,500}-->"),
    ("line", r"^[ \t]{0,3}#{1,6}(?=\s)[ \t]*|^[ \t]*[-*+•‣◦▪](?=[ \t])[ \t]*(?:\[[ xX]\](?=\s)[ \t]*)?"),
    ("citation", r"^[ \t]{0,3}(?:>(?!=|[ \t]?[\d$€£])[ \t]?)+"),
    (
        "item",
        rf"^[ \t]*(?P<item_number>\d{{1,3}})[.)](?=[ \t]+\S)(?![ \t]+(?:(?:{DATED})\b|(?:bis|und|oder)[ \t]+\d{{1,3}}[.]))[ \t]*",
    ),
    ("picture", r"!\[(?P<alt>[^\]\n]{0,300})\]\([^)\n]{0,2000}\)"),
    (
        "link",
        r"\[(?P<label>[^\]\[\n]{1,500})\](?:\([^()\n]{0,2000}(?:\([^()\n]{0,200}\)[^()\n]{0,200})?\)|\[[^\]\n]{0,200}\])",
    ),
    (
        "footnote",
        r"\[\^[^\]\n]{1,50}\]:?|(?<=[\w.,;:!?])(?<!(?<!\w)[A-Za-z])\[\d{1,3}\](?!\s?[-+*/]?=|\[|\.[a-z]|\s[-+*/<>]\s)",
    ),
    ("code", r"(?P<tick>`{1,3})(?!`)(?P<inline>[^\n]{1,1000}?)(?<!`)(?P=tick)(?!`)"),
    (
        "formula",
        (
            r"\$\$(?P<display>[^$]{1,1000})\$\$|\\\[(?P<brackets>(?:[^\\]|\\[^\]]){1,1000})\\\]|\\\((?P<parens>(?:[^\\\n]|\\[^)\n]){1,500})\\\)"
            # A sum of money is no formula: it has no such signs, or a blank before the second dollar.
            r"|(?<![\w$\\])\$(?=[^$\n]{0,300}[\\^_={}<>]|[A-Za-z]{1,2}\$|[\d\s+*/().,!'|-]{0,30}[A-Za-z]?[\d\s+*/().,!'|-]{0,30}\$)"
            r"(?P<inline_formula>[^\s$](?:[^$\n]{0,300}[^\s$\\])?)\$(?![\w$])"
        ),
    ),
    ("generic", rf"(?<=[A-Za-z]{{2}})<(?!br)(?P<types>{TYPES}(?:,\s?{TYPES}){{0,4}})>(?!\w{{0,40}}</)"),
    # A tag that is spoken of, or the name of a key or a thing to put in.
    ("mention", rf"(?<=\S )<(?!br)(?P<mentioned>{HTML})>(?=[\s.,;:!?)]|\Z)"),
    (
        "tag",
        rf"(?:(?<!\w)|(?=<[^<>\n]{{1,400}}>[^<>\n]{{0,400}}</)|(?=</)|(?=<[bh]r))</?(?i:{HTML})(?:{ATTRIBUTE}){{0,10}}\s?/?>",
    ),
    ("placeholder", r"(?<!\w)</?(?P<placed>[A-Za-z][\w-]{0,30}(?:[ /:+.|][\w-]{1,30}){0,5}(?:\.{3})?)/?>"),
    ("entity", r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,10});"),
    (
        "smiley",
        r"(?<!\S)[:;=8][-'^]?[)(DPpOo/|\]\[*](?!\S)|(?<=\b[iI] )<3(?!\w)|(?<=[!.?,] )<3(?=\s{0,10}\Z)|(?<=\b[wW]e )<3(?!\w)",
    ),
    ("backslash", r"\\(?=[!-/:-@\[-`{-~])"),
)

PUNCTUATION: tuple[PatternPart, ...] = (
    ("emphasis", r"[*`]{1,20}|~~|(?<![^\W_])_{1,20}|_{1,20}(?![^\W_])"),
    ("underscore", r"_"),
    ("newline", r"\n\s*"),
    ("cell", r"\|"),
    ("ellipsis", r"\.{2,}|…"),
    ("plural", r"(?<=\w)\(e?s\)"),
    ("dash", r"[—–―]|--+|(?<=\s)[-−](?=\s)"),
    ("apostrophe", r"(?<=\w)[’ʼ＇](?=\w)"),
    ("quote", r"[\"“”„«»‹›]|(?<!\w)['‘’‚]|['’](?!\w)"),
    ("bracket", r"(?<!\w)[(\[{]+|[)\]}]+"),
    # Where no piece begins at the first letter of a word, none does within it. Greek letters may be signs.
    ("word", r"[^\W\d_⁰¹²³⁴⁵⁶⁷⁸⁹ⁿα-ωΑ-Ω]+"),
)

SAID: Mapping[str, str] = {
    "underscore": " ", "cell": ", ", "dash": ", ", "apostrophe": "'", "plural": "s", "line": " ", "citation": " ", "tag": " ", "comment": " ",
    "smiley": " ", "bracket": ", ",
}  # fmt: skip
"""What is the same wherever it stands. What is named nowhere is not said."""
AGAIN = frozenset(
    {"picture", "link", "code", "entity", "formula", "generic", "mention", "placeholder", "item"}
)
"""What comes of these is read in its turn."""


def _fence(match: RegexMatch, language: Language | None) -> str:
    return f" {language.words['fence']} " if language else " "


def _code(match: RegexMatch, language: Language | None) -> str:
    inline = match["inline"]
    if language is None:
        return inline
    if len(inline.strip()) > LONGEST_CODE:
        return f" {language.words['code']} "
    return addresses.code(inline, language.v.code)


def _formula(match: RegexMatch, language: Language | None) -> str:
    source = match["display"] or match["brackets"] or match["parens"] or match["inline_formula"]
    line = tex.plain(source, language.v.tex if language else {})
    if len(line) > tex.MAX_FORMULA and language:
        return f" {language.words['formula']} "
    return f" {line} "


def _generic(match: RegexMatch, language: Language | None) -> str:
    of = f" {language.words['of']} " if language else " "
    return of + match["types"].replace("<", of).replace(">", " ") + " "


WRITTEN: Mapping[str, Callable[[RegexMatch, Language | None], str]] = {
    "fence": _fence,
    "picture": lambda match, language: f" {match['alt']} ",
    "link": lambda match, language: match["label"],
    "code": _code,
    "entity": lambda match, language: html.unescape(match[0]),
    "item": lambda match, language: f" {match['item_number']}, ",
    "formula": _formula,
    "generic": _generic,
    "mention": lambda match, language: f" {match['mentioned']} ",
    "placeholder": lambda match, language: f" {match['placed']} ",
}


def say(kind: str, match: RegexMatch, language: Language | None) -> str | None:
    """What is said for a piece of markup or punctuation; None when it is neither."""
    if kind in WRITTEN:
        return WRITTEN[kind](match, language)
    return SAID.get(kind)

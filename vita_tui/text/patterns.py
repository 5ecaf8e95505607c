"""The patterns by which the reader in `spoken` finds what is not said as it is written.

Each entry is the name of a piece, by which `spoken` knows what to say for it, and its pattern. The first that fits wins. All
repetitions are bounded or cannot match in two ways, so that no text takes long.
"""

from __future__ import annotations

from vita_tui.text.lexicon import (
    ABBREVIATIONS,
    CURRENCY_CODES,
    EXTENSIONS,
    FRACTIONS,
    MAGNITUDES,
    MONTHS,
    SYMBOLS,
    TOP_LEVEL,
    UNITS,
)

__all__ = ["ENGLISH", "MARKUP", "PUNCTUATION"]


def _either(words: object) -> str:
    import re

    return "|".join(sorted((re.escape(word) for word in words), key=len, reverse=True))  # type: ignore[attr-defined]


NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,8}(?!\d)(?:\.\d{1,30})?|\d{1,60}(?:\.\d{1,30})?|\.\d{1,30})"
SIGNED = rf"(?:(?<![\w)\]])[-−+])?(?<![\w]){NUMBER}"
SIGNS = "$€£¥₹₩₽"
MONTH = "|".join(f"{name}|{name[:3]}\\.?" for name in MONTHS)
HALF = r"(?:[aApP]\.[mM]\.|[aApP][mM](?![a-zA-Z]))"

MARKUP: tuple[tuple[str, str], ...] = (
    ("terminal", r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]{0,500}(?:\x07|\x1b\\)?|[@-Z\\^_])?"),
    (
        "control",
        r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ud800-\udfff\ue000-\uf8ff]+",
    ),
    (
        "fence",
        r"^[ \t]*(?P<fence_ticks>`{3,}|~{3,})[^\n`]*(?:\n(?![ \t]*(?P=fence_ticks))[^\n]*)*(?:\n[ \t]*(?P=fence_ticks)[^\n]*|\Z)",
    ),
    ("rule", r"^[ \t]*(?:[-*_=][ \t]*){3,}$|^[ \t]*(?:\|[ \t]*)?(?::?-+:?[ \t]*\|[ \t]*)+(?::?-+:?[ \t]*)?$"),
    ("comment", r"<!--(?:[^-]|-(?!->)){0,500}-->"),
    ("line", r"^[ \t]{0,3}#{1,6}(?=\s)[ \t]*|^[ \t]*[-*+•‣◦▪](?=[ \t])[ \t]*(?:\[[ xX]\](?=\s)[ \t]*)?"),
    ("citation", r"^[ \t]{0,3}(?:>[ \t]?)+"),
    ("item", r"^[ \t]*(?P<item_number>\d{1,3})[.)](?=[ \t]+\S)[ \t]*"),
    ("picture", r"!\[(?P<alt>[^\]\n]{0,300})\]\([^)\n]{0,2000}\)"),
    (
        "link",
        r"\[(?P<label>[^\]\[\n]{1,500})\](?:\([^()\n]{0,2000}(?:\([^()\n]{0,200}\)[^()\n]{0,200})?\)|\[[^\]\n]{0,200}\])",
    ),
    ("footnote", r"\[\^[^\]\n]{1,50}\]:?|(?<=[\w.,;:!?])\[\d{1,3}\]"),
    ("tag", r"</?[a-zA-Z][a-zA-Z0-9-]{0,20}(?:\s[^<>\n]{0,300})?/?>"),
    ("code", r"(?P<tick>`{1,3})(?!`)(?P<inline>[^\n]{1,1000}?)(?<!`)(?P=tick)(?!`)"),
    ("entity", r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,10});"),
    ("smiley", r"(?<!\S)[:;=8][-'^]?[)(DPpOo/|\]\[*](?!\S)|<3(?!\w)"),
    ("backslash", r"\\(?=[!-/:-@\[-`{-~])"),
)

ENGLISH: tuple[tuple[str, str], ...] = (
    ("abbreviation", rf"(?<![\w.])(?i:(?P<short>{_either(ABBREVIATIONS)}))(?!\w)"),
    (
        "url",
        r"<?(?:(?<![a-zA-Z])[a-zA-Z][a-zA-Z0-9+.-]{1,12}://|(?<!\w)www\.)[^\s<>`\"]{0,1999}[^\s<>`\".,;:!?)\]}'*_]>?",
    ),
    ("email", r"(?<![\w.+-])(?:mailto:)?[\w][\w.+-]{0,63}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"),
    (
        "domain",
        rf"(?<![\w.@/-])(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{{0,62}})\.){{1,5}}(?:{TOP_LEVEL})(?![\w-])(?:/[\w/.~-]{{0,200}}\w)?",
    ),
    (
        "path",
        r"(?<![\w/.~<])(?:~|\.{1,2})?/(?:[\w.@+-]{1,100}/){0,20}[\w.@+-]{0,99}[\w@+-]/?(?![\w/])|(?<!\w)[A-Za-z]:\\[\w.\\ -]{0,200}\w",
    ),
    (
        "file",
        rf"(?<![\w.@/-])(?:[\w-]{{1,60}}/){{0,10}}[\w-]{{1,60}}(?:\.[\w-]{{1,30}}){{0,3}}\.(?:{EXTENSIONS})(?![\w-])",
    ),
    (
        "stamp",
        (
            r"(?<![\w-])(?P<iso_year>\d{4})-(?P<iso_month>\d\d)-(?P<iso_day>\d\d)"
            r"(?:[T ](?P<iso_hour>[01]\d|2[0-3]):(?P<iso_minute>[0-5]\d)(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\w-])"
        ),
    ),
    ("slashed", r"(?<![\w/])(?P<slash_one>\d{1,2})/(?P<slash_two>\d{1,2})/(?P<slash_year>\d{4})(?![\w/])"),
    (
        "month_first",
        rf"(?<!\w)(?P<mf_month>{MONTH})\s(?P<mf_day>[0-3]?\d)(?:st|nd|rd|th)?(?!\w|[.,:/]\d|\s?%)(?:,?\s(?P<mf_year>1[1-9]\d\d|20\d\d)(?!\w|[.,]\d))?",
    ),
    (
        "day_first",
        rf"(?<![\w.,:/])(?P<df_day>[0-3]?\d)(?:st|nd|rd|th)?\s(?:of\s)?(?P<df_month>{MONTH})(?!\w)(?:,?\s(?P<df_year>1[1-9]\d\d|20\d\d)(?!\w|[.,]\d))?",
    ),
    (
        "clock",
        (
            rf"(?<![\w:.,])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![\d:])(?:\s?(?P<half>{HALF}))?(?!\w)"
            rf"|(?<![\w:.,])(?P<bare_hour>1[0-2]|0?[1-9])\s?(?P<bare_half>{HALF})(?!\w)"
        ),
    ),
    ("ratio", r"(?<![\w:.,])(?P<ratio_one>\d{1,9}):(?P<ratio_two>\d{1,9})(?![\d:]|\w)"),
    (
        "phone",
        r"(?<![\w+])(?:\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4}|(?!\d00-)\d{3}-\d{4})(?![\w-]|\.\d)",
    ),
    (
        "version",
        r"(?<![\w.,])[vV]?(?P<parts>\d{1,6}(?:\.\d{1,6}){2,5})(?!\w|\.\d)|(?<!\w)[vV](?P<short_parts>\d{1,4}(?:\.\d{1,4})?)(?!\w|\.\d)",
    ),
    (
        "money",
        (
            rf"(?P<money_sign>[-−])?(?P<currency>(?<!\w)(?:US|A|C)?[{SIGNS}])\s?(?P<amount>{NUMBER})(?:\s?(?P<magnitude>{_either(MAGNITUDES)})(?!\w))?"
            rf"|(?<![\w.,])(?P<amount_first>{NUMBER})(?:\s(?P<magnitude_first>thousand|million|billion|trillion))?\s?(?P<currency_last>[{SIGNS}¢]|(?:{_either(CURRENCY_CODES)})(?!\w))"
        ),
    ),
    (
        "range",
        rf"(?<![\w.,/-])(?P<low>{NUMBER})(?:(?P<tight>[-–—])|\s–\s)(?P<high>{NUMBER})(?![\w-]*-\d|,\d)(?:\s?(?P<range_unit>{_either(UNITS)})(?![\w/]))?",
    ),
    ("vulgar", rf"(?P<vulgar_whole>(?<![\w.,])\d{{1,9}}\s?)?(?P<vulgar_sign>[{''.join(FRACTIONS)}])"),
    (
        "fraction",
        r"(?<![\w./])(?:(?P<mixed>\d{1,6})\s)?(?P<top>\d{1,3})\s?[/⁄]\s?(?P<bottom>[1-9]\d{0,2})(?![\w/]|[.,]\d)",
    ),
    ("ordinal", r"(?<![\w.,])(?P<rank>\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:st|nd|rd|th)(?!\w)"),
    ("decade", r"(?:(?<!\w)['’])?(?<![\w.,])(?P<decade_years>(?:1[1-9]|20)\d0|[1-9]0)['’]?s(?!\w)"),
    ("power", r"\^\{?(?P<exponent>[-−]?\w{1,10})\}?"),
    (
        "measure",
        rf"(?P<measured>{SIGNED})(?:\s|(?P<joined>-(?=[a-zA-Z]{{2}})))?(?P<unit>{_either(UNITS)})(?![\w/²³])",
    ),
    ("large", rf"(?P<large_value>{SIGNED})(?P<scale>k|M|bn)(?!\w)"),
    ("number", rf"(?P<value>{SIGNED})(?!\w)"),
    ("mixture", r"(?<!\w)(?=[^\W\d_]{0,80}\d)[^\W_]{1,200}"),
    ("roman", r"(?<=[a-z] )(?<!\bi )(?P<numeral>II|III|IV|VI{1,3}|IX|XI{1,3}|XIV|XVI{0,3}|XIX|XX)(?!\w)"),
    ("initials", r"(?<![\w.])(?P<letters>(?:[A-Za-z]\.){2,10})(?!\w)"),
    ("sharp", r"(?<=\b[CF])#(?!\w)"),
    ("hash", r"#(?=\d)"),
    ("hashtag", r"(?<!\w)#(?=[^\W\d_])"),
    ("about", r"~\s?(?=[\d$€£])"),
    ("minus", r"(?<=\d)\s{1,3}[-−–]\s{1,3}(?=[\d(])|(?<=\d)−(?=\d)"),
    ("times", r"(?<=[\d)])\s?[*·⋅]\s?(?=[\d(])|(?<=\d)\s?x\s?(?=\d)"),
    ("over", r"(?<=[\d)])\s?/\s?(?=[\d(])|(?<=\d)\s÷\s"),
    ("arrow", r"(?:<?[-=]{1,2}>)"),
    ("comparison", r"[<>!=]=|(?<!\S)[<>](?!\S)|(?<=\d)[<>](?=\d)"),
    ("both", r"&&"),
    ("and_or", r"(?<=\band)/(?=or\b)"),
    ("slash", r"(?<=[^\W\d_])/(?=[^\W\d_])"),
    ("symbol", f"[{''.join(sorted(set(SYMBOLS) - set('<>=')))}]|(?<![=!<>])=(?![=>])"),
)

PUNCTUATION: tuple[tuple[str, str], ...] = (
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
)

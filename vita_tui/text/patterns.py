"""The patterns by which the reader in `spoken` finds what is not said as it is written, in the languages that have a vocabulary.

Each entry is the name of a piece, by which `readings` knows what to say for it, and its pattern. The first that fits wins. All
repetitions are bounded or cannot match in two ways, so that no text takes long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from vita_tui.text.language import VULGAR, Language, PatternPart

__all__ = ["END", "number", "pieces"]

TOP_LEVEL = (
    "com|org|net|edu|gov|io|dev|ai|app|info|me|co|uk|de|fr|eu|us|ca|au|jp|ch|nl|it|es|at|tv|xyz|tech|blog"
)
"""Ends of names that are taken for internet addresses without a scheme."""
EXTENSIONS = (
    "py|txt|md|json|toml|ya?ml|csv|tsv|html?|css|js|ts|tsx|jsx|rs|go|c|h|cpp|java|rb|sh|sql|xml|pdf|docx?|xlsx?|pptx?|png|jpe?g"
    "|gif|svg|mp3|mp4|wav|flac|ogg|zip|tar|gz|exe|log|ini|cfg|conf|lock|onnx|gguf|bin"
)
"""Of file names that are read as such."""
RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ"
LETTER = rf"[^\W{RAISED}]"
END = rf"(?!{LETTER})"
"""No letter or digit follows; an exponent may."""
SCALES = ("k", "K", "M", "B", "bn", "T", "Md", "Mds")
"""Of `magnitudes`, those that may stand right behind a number."""


def either(words: Iterable[str]) -> str:
    """Any of the words, the longest first; a blank in them may be missing."""
    return "|".join(re.escape(word).replace("\\ ", r"\s?") for word in sorted(words, key=len, reverse=True))


def number(language: Language) -> str:
    """Pattern of a number without a sign."""
    if language.v.decimal == ".":
        return r"(?:[1-9]\d{0,2}(?: \d{3}){0,7} 000(?!\d)|\d{1,3}(?:(?:,\d{3}){1,8}|(?:[\u00a0\u202f]\d{3}){1,8}|(?:_\d{3}){1,8})(?!\d)(?:\.\d{1,30})?|\d{1,60}(?:\.\d{1,30})?|\.\d{1,30})"
    groups = "".join(sorted(language.v.thousands + "_"))
    return (
        rf"(?:\d{{1,3}}(?:,\d{{3}}){{1,8}}\.\d{{1,2}}(?![\d.,])|(?!0\d?\d?\.)\d{{1,3}}(?:[{re.escape(groups)}]\d{{3}}){{1,8}}(?!\d|\.\d)(?:,\d{{1,30}}(?!\d?,\d))?"
        r"|\d{1,60}(?:,\d{1,30}(?!\d?,\d)|\.\d{1,30}(?!\.?\d))?)"
    )


def pieces(language: Language) -> tuple[PatternPart, ...]:
    """All patterns of a language."""
    v = language.v
    plain = number(language)
    # Neither begins nor ends inside of another number.
    inside = r"(?<!\d\.)" if v.decimal == "." else r"(?<!\d\.)(?<!\d,)"
    ends = rf"(?!{LETTER}|{'[.]' if v.decimal == '.' else '[.,]'}\d)"
    signed = rf"(?:(?:(?<![\w)\]])[-−+]|(?<!\S)–))?(?<!\w){inside}{plain}"
    signs = "".join(sign for sign in v.currencies if len(sign) == 1 and sign != "¢")
    one = rf"(?:{either(v.units)})(?:[²³]|\^[23])?"
    unit = rf"{one}(?:/{one})?"
    currency = rf"(?:US|AU|CA|A|C)?[{signs}]|(?:{either(v.codes)}){END}"
    magnitude = either(v.magnitudes)
    days = either(form for forms in v.weekdays for form in forms)
    # In "3.755.251" the dots part thousands.
    whole = "" if v.decimal == "." else r"(?!\d{1,3}(?:\.\d{3}){1,8}(?![\d.]))"
    dotted = either(form for forms in v.weekdays for form in forms if form.endswith("."))
    months = either(form for forms in v.months for form in forms)
    return (
        (
            "weekday",
            rf"(?<!\w)(?:(?P<weekday_before>{dotted})(?=,?\s(?:\d|{dotted}|au|al|bis|to|et|und|y|and)\b)|(?:(?<=\bau )|(?<=\bal )|(?<=\bto )|(?<=\bbis ))(?P<weekday_after>{dotted})(?!\w))",
        ),
        ("abbreviation", rf"(?<![\w.])(?i:(?P<short>{either(v.abbreviations)}))(?!\w)"),
        (
            "url",
            r"<?(?:(?<![a-zA-Z])[a-zA-Z][a-zA-Z0-9+.-]{1,12}://|(?<!\w)www\.)[^\s<>`\"]{0,1999}[^\s<>`\".,;:!?)\]}'*_]>?",
        ),
        ("email", r"(?<![\w.+-])<?(?:mailto:)?[\w][\w.+-]{0,63}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}>?"),
        (
            "domain",
            rf"(?<![\w.@/-])(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{{0,62}})\.){{1,5}}(?:{TOP_LEVEL})(?![\w-])(?:/[\w/.~-]{{0,200}}\w)?",
        ),
        (
            "path",
            r"(?<![\w/.~<)$€£%°-])(?:~|\.{1,2})?/(?:[\w.@+-]{1,100}/){0,20}[\w.@+-]{0,99}[\w@+-]/?(?![\w/])|(?<!\w)[A-Za-z]:\\[\w.\\ -]{0,200}\w",
        ),
        (
            "file",
            rf"(?<![\w.@/-])(?:[\w-]{{1,60}}/){{0,10}}[\w-]{{1,60}}(?:\.[\w-]{{1,30}}){{0,3}}\.(?:{EXTENSIONS})(?![\w-])",
        ),
        (
            "stamp",
            (
                r"(?<![\w-])(?P<iso_year>[12]\d{3})(?P<iso_mark>[-/])(?P<iso_month>0[1-9]|1[0-2])(?P=iso_mark)(?P<iso_day>[0-3]\d)"
                r"(?:[T ](?P<iso_hour>[01]\d|2[0-3]):(?P<iso_minute>[0-5]\d)(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\w/-])"
            ),
        ),
        *language.dates(plain),
        ("duration", r"(?<![\w.,:])(?P<hours>\d{1,3})\s?h\s?(?P<minutes>[0-5]?\d)\s?m(?:in)?(?!\w)"),
        ("weekdays", rf"(?<!\w)(?P<day_from>{days})\s?[-–]\s?(?P<day_to>{days})(?!\w)"),
        ("months", rf"(?<!\w)(?P<month_from>{months})\s?[-–]\s?(?P<month_to>{months})(?!\w)"),
        ("alphabet", r"(?<!\w)(?P<letter_from>[A-Z])–(?P<letter_to>[A-Z])(?!\w)"),
        ("ratio", r"(?<![\w:.,])(?P<ratio_one>\d{1,9}):(?P<ratio_two>\d{1,9})(?![\d:]|\w)"),
        # Four groups and more are a number of a book, a card or a device.
        ("phone", rf"(?<![\w+])(?:{language.phones}|\d{{1,7}}(?:-\d{{1,7}}){{3,5}})(?![\w-]|\.\d)"),
        (
            "version",
            rf"(?<![\w.,])[vV]?(?P<parts>{whole}\d{{1,6}}(?:\.\d{{1,6}}){{2,5}}){END}(?!\.\d)|(?<!\w)(?:v(?=\d)|V(?=\d{{1,4}}\.))(?P<short_parts>\d{{1,4}}(?:\.\d{{1,4}})?){END}(?!\.\d)",
        ),
        (
            "angle",
            r"(?<![\w.,])(?P<degrees>\d{1,3})°\s?(?P<arc_minutes>[0-5]?\d)\s?['’′](?:\s?(?P<arc_seconds>[0-5]?\d(?:[.,]\d{1,6})?)\s?(?:[\"”″]|['’′]{2}))?",
        ),
        ("inch_mark", rf"(?P<inched>{signed})[\"”](?!\w)"),
        (
            "range",
            (
                rf"(?<![\w.,/-])(?!\d{{4}}s)(?:(?P<low_currency>{currency})\s?)?(?P<low>(?:(?<![\w)\]])[-−+])?{plain})(?:\s?(?P<low_unit>{unit}|{currency}))?"
                rf"(?:[-–—]|\s[–—]\s)(?:(?P<high_currency>{currency})\s?)?(?P<high>[-−]?{plain})(?!\d|[.,]\d)"
                rf"(?:\s?(?P<range_scale>{magnitude})(?![\w²³/]))?(?:\s?(?P<range_unit>x|{currency}|{unit}))?{END}(?![\w-]{{0,40}}-\d|[.,/]\d|/[a-z])"
            ),
        ),
        (
            "money",
            (
                rf"(?P<money_sign>[-−+])?(?<!\w)(?P<currency>{currency})\s?(?P<amount>{plain})(?:,[-–—]{{1,2}})?(?:\s?(?P<magnitude>{magnitude})(?!\w))?"
                rf"|(?P<amount_first>{signed})(?:,[-–—]{{1,2}})?(?:\s?(?P<magnitude_first>{magnitude}))?\s?(?P<currency_last>[{signs}¢]{END}|(?:{either(v.codes)}){END})"
            ),
        ),
        (
            "dimension",
            rf"(?<![\w.,])(?!{plain}\s?[x×]\s?10(?:\^|[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]))(?P<sides>{plain}(?:[x×]{plain}){{1,2}}|{plain}\s[x×]\s{plain}(?:\s[x×]\s{plain})?(?=\s?(?:{one}){END}))(?:\s?(?P<dimension_unit>{one}))?{END}",
        ),
        (
            "scientific",
            (
                rf"(?P<mantissa>{signed})(?:[eE](?P<exponent_e>[-+−]?\d{{1,4}})|\s?[×x*·⋅]\s?10(?:\^\{{?(?P<exponent_caret>[-−+]?\d{{1,4}})\}}?"
                rf"|(?P<exponent_raised>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,4}}))){END}(?:\s?(?P<scientific_unit>{unit}){END})?"
            ),
        ),
        (
            "vulgar",
            rf"(?P<vulgar_whole>(?<![\w.,])\d{{1,9}}\s?)?(?P<vulgar_sign>[{''.join(VULGAR)}])(?:\s?(?P<vulgar_unit>{unit}){END})?",
        ),
        (
            "fraction",
            (
                r"(?<![\w./])(?:(?P<mixed>\d{1,6})\s)?(?P<top>\d{1,3})\s?[/⁄]\s?(?P<bottom>[1-9]\d{0,2})(?![\w/]|[.,]\d)"
                rf"(?:\s?(?P<fraction_unit>{unit}){END})?"
            ),
        ),
        *language.ranks(),
        ("multiple", rf"(?<![-+=*^(<>] )(?P<multiplied>{signed})[x×](?!\w|\s?[\d+=*/^<>)-])"),
        (
            "measure",
            rf"(?P<measured>{signed})(?:\s|(?P<joined>-(?=[a-zA-Z]{{2}}|[a-zA-Z]-)))?(?P<unit>{unit}){END}(?![²³])",
        ),
        ("alone", rf"(?<=\b{v.words['per']} )(?P<alone_unit>{unit}){END}(?!\^|[²³]|['’.]\w)"),
        (
            "large",
            rf"(?P<large_value>{signed})\s?(?P<scale>{either(set(SCALES) & set(v.magnitudes))})(?<!(?<!\d)[248]K)(?:(?<!B)|(?=\s[a-z])){END}(?!\s[A-Z]|\()",
        ),
        ("number", rf"(?P<value>{signed}){ends}"),
        # Names and codes with digits: Qwen2.5, Llama-3.2-1B, 802.11ax, 24.04.1LTS.
        (
            "name",
            (
                rf"(?<!\w)(?=[\w.-]{{0,60}}\d)(?![^\W\d_]{{1,20}}-\d{{2,4}}s\b)[^\W\d_]{LETTER}{{0,60}}(?:(?:-|(?<=\d)\.|(?<=\b[A-Z])\.(?=\d)){LETTER}{{1,40}}){{0,6}}{END}"
                rf"|(?<![\w.,])\d{{1,20}}(?:[.,]\d{{1,20}}){{0,4}}[^\W\d_]{LETTER}{{0,60}}(?:-{LETTER}{{1,40}}){{0,5}}{END}"
            ),
        ),
        (
            "function",
            r"(?<![\w.])(?P<called>[fghpFGHPOT]|sin|cos|tan|log|ln|exp|det|max|min)\((?=[^()\n]{1,40}\))",
        ),
        ("initials", r"(?<![\w.])(?P<letters>(?:[A-Za-z]\.){2,10})(?!\w)"),
        (
            "charge",
            (
                rf"(?<=[A-Za-z\d₀-₉)])(?P<charge_count>[¹²³⁴⁵⁶⁷]?)(?P<charge_sign>[⁺⁻])(?![{RAISED}])"
                r"|(?<=[A-Za-z\d)])\^\{?(?P<flat_charge>\d?)(?P<flat_sign>[-+−])\}?(?![\w(])"
            ),
        ),
        (
            "power",
            rf"\^\{{(?P<grouped>[^{{}}\n]{{1,40}})\}}|\^\(?(?P<exponent>[-−+]?\w{{1,10}})\)?|(?P<raised>[⁺⁻]?[{RAISED}]{{1,10}})",
        ),
        (
            "raised_to",
            r"(?:(?<=\d)|(?<=\b[a-zA-Z])|(?<=\)))(?:\*\*|\s\*\*\s)(?P<raised_by>[-−]?\d{1,6}|[a-zA-Z])(?![\w*])",
        ),
        ("becomes", r"(?<=[\w)\]])\s?[-*/]=(?=\s?[\w(])"),
        ("sharp", r"(?<=\b[CF])#(?!\w)"),
        ("hash", r"#(?=\d)"),
        ("hashtag", r"(?<!\w)#(?=[^\W\d_])"),
        ("about", rf"~\s?(?=[\d{signs}])"),
        (
            "minus",
            rf"(?<=[\d){RAISED}])\s{{1,3}}[-−–]\s{{1,3}}(?=[\d(√π]|[a-zA-Z](?![a-zA-Z]))|(?<=[\w)])−(?=[\w(])|(?:(?<=\b[a-zA-Z])|(?<=\d[a-zA-Z]))\s[-−]\s(?=\w\b|\d|\()|(?<![^\s(=])[-−](?=[a-zA-Z](?:\b|[{RAISED}^]))",
        ),
        ("times", r"(?<=[\d)])\s?[*·⋅]\s?(?=[\d(\w])|(?<=[\w)])\s\*\s(?=[\w(])|(?<=\d)\s?x\s?(?=\d)"),
        (
            "by",
            r"(?:(?<=\d \w)|(?<=\d \w\w)|(?<=\d\w)|(?<=\d\w\w)|(?<=\d[\"″”])) [x×] (?=\d)|(?<=\d[\"″”])[x×](?=\d)",
        ),
        ("divided", r"(?<=\d)\s:\s(?=\d)|(?<=\d)\s(?:÷|//)\s(?=\d)"),
        ("per_many", rf"(?<=[^\W_])/(?=\d{{1,5}}\s?(?:{one}){END})"),
        ("over", r"(?<=[\d)])\s?/\s?(?=[\d(]|[a-z]\b)|(?<=\b[a-z])/(?=\d)"),
        (
            "until",
            r"(?<=[\w%°€$£.])–(?=[€$£]?\d)|(?<=:\d\d)-(?=\d)|(?<=[%°€$£])-(?=\d)|(?<=[aApP][mM])-(?=\d)|(?<=\d(?:st|nd|rd|th))-(?=\d)|(?<=\ds)-(?=\d{4}s)|(?<=\dh\d\d)-(?=\d)|(?<=\dh)-(?=\d)",
        ),
        ("menu", r"(?<=[a-z]{2}) [>›] (?=[A-Z][a-z])"),
        ("arrow", r"<?[-=]{1,2}>|<--?(?=\s)"),
        (
            "comparison",
            r"(?P<operator><=|>=|===?|!==?|[≤≥≠≈]|(?<![<>=-])(?:<(?![<>=-])|<(?=-\d)|>(?![>=])))\s?(?=[-−+~]?[\w$€£(\".√∞'])",
        ),
        ("shift", r"(?<![<>])(?:<<|>>)(?![<>=])(?=\s?(?:\d|\w\b))"),
        ("sections", r"§§\s?"),
        ("both", r"&&"),
        ("either", r"(?<=[\w)\]]) \|\| (?=[\w(!])"),
        ("negated", r"(?:(?<=[(\[=&|])|(?<=[=&|] )|(?<=\bif ))!(?=[A-Za-z_(])"),
        # "A-" as a mark, but not "A- und B-Jugend".
        ("lower", r"(?<=\b[A-F])[-−](?=[\s.,;:!?)]|\Z)(?!\s(?:and|or|to|und|oder|bis|et|ou|y|o)\s)"),
        ("and_or", r"(?i:(?<=\band)|(?<=\bund)|(?<=\bet)|(?<=\by))/(?=(?:or|oder|ou|o)\b)"),
        ("slash", rf"(?:(?<=[^\W_])|(?<=[{signs}%]))/(?:(?P<per_unit>{one}){END}|(?=[^\W\d_]))"),
        ("greek", f"[{''.join(v.greek)}]"),
        (
            "symbol",
            f"[{''.join(re.escape(sign) for sign in sorted(v.symbols) if sign not in '=<>')}]|(?<![=!<>])=(?![=>])",
        ),
    )

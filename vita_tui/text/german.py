"""German: ordinals with a dot and their endings, Uhr, years in hundreds."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vita_tui.text.language import Language, PatternPart, in_words, roman

__all__ = ["German"]

DATIVE = re.compile(
    r"(?:\b(?:am|im|vom|zum|zur|beim|ab|dem|den|des|einem|einen|eines|einer|seit|bis|"
    r"(?:mein|dein|sein|ihr|unser|euer|eur|jed|dies|kein|all|welch)e[mnrs])|\b(?:in|an|aus|bei|mit|nach|von|zu|seit|auf|vor|unter|neben) der)\s(?:\d{1,2}\.\s?(?:und|oder|bis|[-–])\s?)?$",
    re.IGNORECASE,
)
WEAK = re.compile(
    r"\b(?:der|die|das|eine|diese[rs]?|jede[rs]?|meine|deine|seine|ihre|unsere|keine|welche[rs]?)\s(?:\d{1,2}\.\s?(?:und|oder|bis|[-–])\s?)?$",
    re.IGNORECASE,
)
RANKED = "Platz|Stock|Stockwerk|Etage|Klasse|Jahrhundert|Jahrhunderts|Jh|Jhd|Kapitel|Tag|Woche|Monat|Jahr|Quartal|Weltkrieg|Weltkriegs|Weltkrieges|Mal|Schritt|Teil|Runde|Auflage|Geburtstag|Punkt|Rang|Person|Versuch|Liga|Semester|Generation|Advent|Bezirk|Akt|Satz|Obergeschoss|Platzes|Stelle|Position|Symphonie|Sinfonie|Artikel|Band"
DETERMINED = "am|im|vom|zum|zur|beim|der|die|das|dem|den|des|ab|bis|seit|jede[nmrs]?|jede|diese[nmrs]?|ein(?:e[nmrs]?)?|(?:mein|dein|sein|ihr|unser)(?:e[nmrs]?)?"

NEUTER_RANKED = "Kind|Mal|Jahr|Jahrhundert|Kapitel|Buch|Haus|Semester|Tor|Spiel|Quartal|Stockwerk|Auto|Bier|Glas|Album|Lied|Bild|Treffen|Rennen|Date"
NEUTER = "^(?:Jahr|Jahrhundert|Jahrzehnt|Kilo|Kilogramm|Gramm|Pfund|Dutzend|Glas|Prozent|Stück|Brot|Ei|Kind|Mal|Buch|Haus|Bier|Paket|Blatt|Huhn)$|(?:chen|lein)$"
MASCULINE = "(?:er|ling|fel|pf|löffel)$|^(?:Tag|Monat|Bund|Punkt|Zoll|Becher|Grad|Hektar)$"


class German(Language):
    code = "de"
    dotted_ranks = True
    scale_gender = "f"
    singular_scales: Mapping[str, str] = {
        "Millionen": "Million",
        "Milliarden": "Milliarde",
        "Billionen": "Billion",
    }
    noun = r"\s([A-ZÄÖÜ][\w-]*)"
    phones = r"\+\d{1,3}(?:[ ./-]?\(?\d{1,9}\)?){1,6}|0\d{2,5}(?:[ /-]\d{2,9}){1,5}|\(0\d{2,5}\) ?\d{3,9}"

    def dates(self, number: str) -> tuple[PatternPart, ...]:
        month = self.v.month_pattern
        year = r"(?:\s(?P<{}>[12]\d{{3}})(?!\w|[.,]\d))?"
        return (
            (
                "dotted",
                (
                    r"(?<![\w.,:/])(?:(?P<dot_from>[0-3]?\d)\.(?:\s?(?P<dot_from_month>[01]?\d)\.)?\s?[-–]\s?)?"
                    r"(?P<dot_day>[0-3]?\d)\.\s?(?P<dot_month>0?[1-9]|1[0-2])\.(?:\s?(?P<dot_year>(?:1\d|20)\d\d|\d\d(?![\w:]|[.,]\d|\s?(?:Uhr|%|€))))?(?!\d|\.\d)"
                ),
            ),
            (
                "day_month",
                rf"(?<![\w.,:/])(?:(?P<dm_from>[0-3]?\d)\.\s?[-–/]\s?)?(?P<dm_day>[0-3]?\d)\.\s?(?P<dm_month>{month})(?!\w)"
                + year.format("dm_year"),
            ),
            (
                "clock",
                (
                    r"(?<![\w:.,])(?:(?P<hour>[01]?\d|2[0-4])(?::(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![\d:])|\.(?P<dot_minute>[0-5]\d)(?=\s?(?:Uhr|h)\b))(?:\s?(?:Uhr|h)(?!\w))?"
                    r"|(?:(?P<from_hour>[01]?\d|2[0-4])\s?[-–]\s?)?(?P<bare_hour>[01]?\d|2[0-4])\s?Uhr(?!\w))(?!\w)"
                ),
            ),
        )

    def ranks(self) -> tuple[PatternPart, ...]:
        starters = "|".join(self.v.starters)
        months = self.v.month_pattern
        return (
            (
                "ordinal",
                rf"(?<![\w.,:/])(?:(?P<rank_from>\d{{1,3}})\.\s?(?P<rank_and>[-–]|und|oder|bis)\s?)?(?P<rank>\d{{1,3}})\.(?=\s(?:{RANKED}|{months})\b|\s[a-zäöüß])",
            ),
            (
                "last_rank",
                r"(?<!\w)(?P<last_before>[Aa]m|[Dd]er|[Dd]en|[Dd]em|[Vv]om|[Zz]um)\s(?P<last_rank_value>\d{1,3})\.(?=\s{0,10}\Z)",
            ),
            ("street", r"(?<!\w)(?P<street_name>[A-ZÄÖÜ][\w-]{1,30})str\.(?!\w)"),
            # After "am", "der" and the like what begins no sentence is what is counted.
            (
                "determined",
                rf"(?<!\w)(?i:(?P<determiner>{DETERMINED}))\s(?P<det_rank>\d{{1,3}})\.(?=\s(?!(?:{starters})\b)[A-ZÄÖÜ]|[,;)]|\s(?:und|oder|bis)\b)",
            ),
            (
                "decade",
                r"(?<![\w.,])(?P<decade_years>(?:1[1-9]|20)\d0|[1-9]\d{0,2})(?P<decade_end>ern?)(?!\w)",
            ),
            (
                "roman_rank",
                r"(?<!\w)(?P<rank_roman>[IVX]{1,6})\.(?=\s(?:Jahrhunderts?|Jh|Weltkrieg(?:e?s)?|Akt|Kapitel|Teil)\b)",
            ),
            ("ruler", r"(?<=[a-zäöü] )(?P<reign>[IVX]{1,6})\.(?=\s|\Z|,)"),
            ("roman", r"(?<=[a-zäöü] )(?P<numeral>I{2,3}|IV|VI{0,3}|IX|XI{0,3}|XI?V|XVI{1,3}|XI?X)(?!\w)"),
            (
                "compound",
                r"(?<![\w.,])(?P<compound_count>\d{1,4})-?(?P<tail>(?:jährig|malig|stündig|minütig|tägig|monatig|wöchig|prozentig|köpfig|stellig|fach|mal|teilig|seitig)\w{0,2})(?!\w)",
            ),
        )

    def goes_on(self, text: str) -> bool:
        starters = "|".join(self.v.starters)
        months = self.v.month_pattern
        return (
            re.search(
                rf"(?i:(?<!\w)(?:{DETERMINED})\s)\d{{1,3}}\.\s(?!(?:{starters})\b)\S+$|(?<![\w.,:/])\d{{1,3}}\.\s(?:{RANKED}|{months}|[a-zäöüß(–-]|\d{{1,2}}\.)\S*$",
                text[-100:],
            )
            is not None
        )

    def read(self, kind: str, match: re.Match[str]) -> str:
        before = match.string[max(0, match.start() - 30) : match.start()]
        if kind == "dotted":
            return self._dotted(match, before)
        if kind == "day_month":
            first = (
                f"{self._rank(int(match['dm_from']), before)} {self.words['to']} " if match["dm_from"] else ""
            )
            return first + self.date(
                int(match["dm_day"]), self.v.month_numbers[match["dm_month"]], match["dm_year"] or "", before
            )
        if kind == "clock":
            if match["bare_hour"] is not None:
                start = f"{self.cardinal(int(match['from_hour']), 'm')} bis " if match["from_hour"] else ""
                return start + self.clock(match["bare_hour"], "")
            return self.clock(match["hour"], match["minute"] or match["dot_minute"], match["second"] or "")
        if kind == "ordinal":
            after = match.string[match.end() : match.end() + 30]
            last = self._rank(int(match["rank"]), before, after)
            if not match["rank_from"]:
                return last
            between = "bis" if match["rank_and"] in "-–" else match["rank_and"]
            return f"{self._rank(int(match['rank_from']), before)} {between} {last}"
        if kind == "determined":
            return f"{match['determiner']} {self._rank(int(match['det_rank']), before + match['determiner'] + ' ', match.string[match.end() : match.end() + 30])}"
        if kind == "last_rank":
            return f"{match['last_before']} {self._rank(int(match['last_rank_value']), match['last_before'] + ' ')}."
        if kind == "street":
            return f"{match['street_name']}straße"
        if kind == "decade":
            years = match["decade_years"]
            return (
                in_words(int(years), "de", "year") if len(years) == 4 else self.cardinal(int(years))
            ) + match["decade_end"]
        if kind == "roman_rank":
            return self._rank(
                roman(match["rank_roman"]), before, match.string[match.end() : match.end() + 30]
            )
        if kind == "ruler":
            name = re.search(r"(\w+) $", before)
            if name is None or not name[1][0].isupper() or name[1].lower() in DETERMINED.split("|"):
                return self._rank(roman(match["reign"]), before)  # "im II. Weltkrieg"
            return f"der {in_words(roman(match['reign']), 'de', 'ordinal').capitalize()}"
        if kind == "compound":
            return self.cardinal(int(match["compound_count"])).replace("eins", "ein") + match["tail"]
        name = re.search(r"(\w+) $", before)
        return self.cardinal(roman(match["numeral"])) if name and name[1][0].isupper() else match["numeral"]

    # ----

    def cardinal(self, value: int, gender: str = "") -> str:
        if value == 1 and gender:
            return "eine" if gender == "f" else "ein"
        said = in_words(value, "de")
        # "einhundert" and "eintausend" are for cheques.
        return said.removeprefix("ein") if 100 <= value < 200 or 1000 <= value < 2000 else said

    def year(self, text: str) -> str:
        return in_words(int(text), "de", "year") if 1100 <= int(text) <= 1999 else self.cardinal(int(text))

    def looks_like_year(self, text: str) -> bool:
        return len(text) == 4 and text.isdigit() and 1100 <= int(text) <= 1999

    def ordinal(self, value: int, before: str = "", after: str = "") -> str:
        return self._rank(value, before)

    def _rank(self, value: int, before: str, after: str = "") -> str:
        stem = in_words(value, "de", "ordinal")
        if DATIVE.search(before):
            return f"{stem}n"
        if re.search(rf"^\.?\s(?:{NEUTER_RANKED})\b", after) and not WEAK.search(before):
            return f"{stem}s"
        return stem if WEAK.search(before) else f"{stem}r"

    def with_cents(self, large: str, hundredths: int, cents: str) -> str:
        return f"{large} {self.cardinal(hundredths)}"

    def fraction(self, top: int, bottom: int, noun: str = "") -> str:
        if bottom == 2 and top == 1:
            if not noun[:1].isupper():
                return "ein halb"
            if re.search(NEUTER, noun):
                return "ein halbes"
            if re.search(self.v.feminine, noun) and not re.search(self.v.masculine, noun):
                return "eine halbe"
            return "ein halber" if re.search(MASCULINE, noun) else "ein halb"
        return super().fraction(top, bottom)

    def mixed(self, whole: str, top: int, bottom: int) -> str:
        if (top, bottom) == (1, 2):
            return f"{self.cardinal(int(whole)).replace('eins', 'ein')}einhalb"
        return f"{self.whole(whole, 'm')} {self.fraction(top, bottom)}"

    def clock(self, hour: str, minute: str, second: str = "") -> str:
        """14, 30 → vierzehn Uhr dreißig."""
        said = f"{self.cardinal(int(hour), 'm')} Uhr"
        if minute and (int(minute) or second):
            said += f" {self.cardinal(int(minute))}"
        if second:
            said += f" und {self.cardinal(int(second), 'f')} Sekunde{'' if int(second) == 1 else 'n'}"
        return said

    def date(self, day: int, month: int, in_year: str = "", before: str = "") -> str:
        """6, 5, 2024, "am " → sechsten Mai zweitausendvierundzwanzig."""
        if not 1 <= day <= 31:
            raise ValueError(day)
        said = f"{self._rank(day, before)} {self.v.months[month - 1][0]}"
        return f"{said} {self.year(in_year)}" if in_year else said

    def _dotted(self, match: re.Match[str], before: str) -> str:
        month, year = int(match["dot_month"]), match["dot_year"] or ""
        if len(year) == 2:
            year = f"{'19' if int(year) > 50 else '20'}{year}"
        start = ""
        if match["dot_from"]:
            start = self._rank(int(match["dot_from"]), before)
            if match["dot_from_month"]:
                start += f" {self.v.months[int(match['dot_from_month']) - 1][0]}"
            start += " bis "
        return start + self.date(int(match["dot_day"]), month, year, before)

"""English: years in pairs, months before days, o'clock and a.m., ordinals with two letters."""

from __future__ import annotations

import re

from vita_tui.text.language import Language, PatternPart, in_words, roman, stop

__all__ = ["English"]

ROMAN = r"I{2,3}|I?V|VI{1,3}|I?X|XI{1,3}|XI?V|XVI{1,3}|XI?X|XXI{0,3}"
HALF = r"(?:[aApP]\.\s?[mM]\.|[aApP][mM](?![a-zA-Z]))"
YEAR = r"(?:1[1-9]\d\d|20\d\d)(?!\w|[.,]\d)"


class English(Language):
    code = "en"
    phones = r"\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4}|(?!\d00-)\d{3}-\d{4}|1-\d{3}-\d{3}-\d{4}"

    def dates(self, number: str) -> tuple[PatternPart, ...]:
        month = self.v.month_pattern
        day = r"[0-3]?\d(?:st|nd|rd|th)?"
        return (
            (
                "slashed",
                r"(?<![\w/])(?P<slash_one>\d{1,2})/(?P<slash_two>\d{1,2})/(?P<slash_year>\d{4}|\d\d)(?![\w/])",
            ),
            (
                "month_first",
                (
                    rf"(?<!\w)(?P<mf_month>{month})\s(?P<mf_day>{day})(?:\s?[-–]\s?(?P<mf_last>{day}))?"
                    rf"(?!\w|[.,:/]\d|\s?%)(?:,?\s(?P<mf_year>{YEAR}))?"
                ),
            ),
            (
                "day_first",
                (
                    rf"(?<![\w.,:/])(?P<df_day>{day})(?:\s?[-–]\s?(?P<df_last>{day}))?\s(?:of\s)?(?P<df_month>{month})(?!\w)"
                    rf"(?:,?\s(?P<df_year>{YEAR}))?"
                ),
            ),
            (
                "clock",
                (
                    rf"(?<![\w:.,])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![\d:])(?:\s?(?P<half>{HALF}))?(?!\w)"
                    rf"|(?<![\w:.,])(?P<dotted_hour>1[0-2]|0?[1-9])\.(?P<dotted_minute>[0-5]\d)\s?(?P<dotted_half>{HALF})(?!\w)"
                    rf"|(?<![\w:.,])(?:(?P<from_hour>1[0-2]|0?[1-9])[-–])?(?P<bare_hour>1[0-2]|0?[1-9])\s?(?P<bare_half>{HALF})(?!\w)"
                ),
            ),
        )

    def ranks(self) -> tuple[PatternPart, ...]:
        rulers = "|".join(self.v.regnal)
        return (
            ("ordinal", r"(?<![\w.,])(?P<rank>\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:st|nd|rd|th)(?!\w)"),
            ("height", r"(?<![\w.,])(?P<feet>\d)['’′]\s?(?P<inches>1[01]|\d)(?:[\"”″]|['’′]{2})"),
            ("decade", r"(?:(?<!\w)['’])?(?<![\w.,])(?P<decade_years>(?:1[1-9]|20)\d0|[1-9]0)['’]?s(?!\w)"),
            ("ruler", rf"(?<!\w)(?P<ruler_name>{rulers})\s(?P<reign>I|{ROMAN})(?!\w)"),
            (
                "roman",
                rf"(?:(?<=[a-z] )(?<!\bi )|(?<=[a-z]\. ))(?P<numeral>{ROMAN}|(?<=Bowl )[IVXL]{{1,9}})(?!\w)",
            ),
        )

    def read(self, kind: str, match: re.Match[str]) -> str:
        if kind == "slashed":
            return self._slashed(match)
        if kind == "month_first":
            return self._calendar(match["mf_day"], match["mf_last"], match["mf_month"], match["mf_year"])
        if kind == "day_first":
            return self._calendar(match["df_day"], match["df_last"], match["df_month"], match["df_year"])
        if kind == "clock":
            ends = stop(match.string[match.end() : match.end() + 20]) if match[0].endswith(".") else ""
            if match["hour"] is not None:
                said = self.clock(match["hour"], match["minute"], match["second"] or "", match["half"] or "")
                return said + ends
            if match["dotted_hour"] is not None:
                return (
                    self.clock(match["dotted_hour"], match["dotted_minute"], "", match["dotted_half"]) + ends
                )
            start = f"{self.cardinal(int(match['from_hour']))} to " if match["from_hour"] else ""
            return start + self.clock(match["bare_hour"], "", "", match["bare_half"]) + ends
        if kind == "ordinal":
            return self.ordinal(int(match["rank"].replace(",", "")))
        if kind == "height":
            return f"{self.cardinal(int(match['feet']))} foot {self.cardinal(int(match['inches']))}"
        if kind == "decade":
            return self.decade(match["decade_years"])
        if kind == "ruler":
            return f"{match['ruler_name']} the {self.ordinal(roman(match['reign'])).capitalize()}"
        before = re.search(r"(\w+)\.? $", match.string[max(0, match.start() - 40) : match.start()])
        if before is None or not before[1][0].isupper():
            return match["numeral"]
        return self.cardinal(roman(match["numeral"]))

    # ----

    def ordinal(self, value: int, before: str = "", after: str = "") -> str:
        return in_words(value, "en", "ordinal")

    def year(self, text: str) -> str:
        """1969 → nineteen sixty-nine; 2005 → two thousand five."""
        value = int(text)
        if 2000 <= value < 2010:
            return self.cardinal(value).replace(" and ", " ")
        high, low = divmod(value, 100)
        if low == 0:
            return self.cardinal(value) if high % 10 == 0 else f"{self.cardinal(high)} hundred"
        return f"{self.cardinal(high)} {'oh ' if low < 10 else ''}{self.cardinal(low)}"

    def looks_like_year(self, text: str) -> bool:
        return len(text) == 4 and text.isdigit() and 1100 <= int(text) <= 2099

    def decade(self, text: str) -> str:
        """1990 → nineteen nineties; 90 → nineties."""
        tens = self.cardinal(int(text[-2:])) if text[-2:] != "00" else "hundred"
        plural = tens[:-1] + "ies" if tens.endswith("y") else f"{tens}s"
        if len(text) == 2:
            return plural
        return "two thousands" if text == "2000" else f"{self.cardinal(int(text[:2]))} {plural}"

    def denominator(self, top: int, bottom: int) -> str:
        if (2 < bottom <= 20 and bottom != 4) or bottom in (100, 1000):
            return self.ordinal(bottom) + ("s" if top != 1 else "")
        return super().denominator(top, bottom)

    def mixed(self, whole: str, top: int, bottom: int) -> str:
        return super().mixed(whole, top, bottom).replace(" and one ", " and a ")

    def clock(self, hour: str, minute: str, second: str = "", half: str = "") -> str:
        """10, 30, "", "am" → ten thirty AM; 14, 05 → fourteen oh five. Seconds may be empty, and so may `half` and `minute`."""
        half = re.sub(r"[.\s]", "", half).upper()
        hours = self.cardinal(int(hour))
        minutes = int(minute or 0)
        if minutes:
            said = f"{hours} {'oh ' if minutes < 10 else ''}{self.cardinal(minutes)}"
        elif half:
            said = hours
        elif not 1 <= int(hour) <= 12:
            said = f"{hours} hundred" if int(hour) else "midnight"
        else:
            said = f"{hours} o'clock"
        if second:
            said += f" and {self.cardinal(int(second))} second{'' if int(second) == 1 else 's'}"
        return f"{said} {half}".rstrip()

    def date(self, day: int, month: int, in_year: str = "") -> str:
        """6, 5, 2024 → May sixth, twenty twenty-four."""
        said = f"{self.v.months[month - 1][0]} {self.ordinal(day)}"
        return f"{said}, {self.year(in_year)}" if in_year else said

    def _slashed(self, match: re.Match[str]) -> str:
        """Month first, as in the United States, unless it cannot be a month."""
        month, day = int(match["slash_one"]), int(match["slash_two"])
        if month > 12:
            month, day = day, month
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return ", ".join(self.whole(part) for part in match[0].split("/"))
        year = match["slash_year"]
        return self.date(day, month, year if len(year) == 4 else f"20{year}")

    def _calendar(self, day: str, last: str | None, month: str, in_year: str | None) -> str:
        first, final = (int(re.sub(r"\D", "", one)) if one else 0 for one in (day, last))
        if not 1 <= first <= 31 or final > 31:
            raise ValueError(day)
        said = self.date(first, self.v.month_numbers[month])
        if final:
            said += f" to {self.ordinal(final)}"
        return f"{said}, {self.year(in_year)}" if in_year else said
